"""Which tags of a repository rules remove, in which way, and what that frees."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from longshore.application.cleanup.retention import RetentionPlan, freed, make
from longshore.application.cleanup.retention_rules import Order, RetentionRules
from longshore.application.cleanup.tags import RepositoryContents, RepositoryTag
from longshore.errors import InvalidInput
from longshore.naturalsort import natural_key
from longshore.oci.attached_tags import image_of
from longshore.oci.reference import Reference
from longshore.registry.model import Parts
from longshore.registry.tag_deletion import Way

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def digest(name: str) -> str:
    return f"sha256:{name.encode().hex():0>64}"


class Repository:
    """Images by name; each has a layer of its own, and those that it shares."""

    def __init__(self, way: Way = Way.SUBSTITUTE) -> None:
        self.way = way
        self.parts: dict[str, Parts] = {}
        self.tags: list[RepositoryTag] = []

    def image(
        self, name: str, *tags: str, days: float | None = 0, layers: dict[str, int] | None = None
    ) -> str:
        blobs = {digest(f"layer {name}"): 100, **{digest(one): n for one, n in (layers or {}).items()}}
        return self._add(name, Parts(tuple(blobs.items())), tags, days)

    def index(self, name: str, children: list[str], *tags: str, days: float | None = 0) -> str:
        return self._add(name, Parts(children=tuple(children)), tags, days)

    def _add(self, name: str, parts: Parts, tags: tuple[str, ...], days: float | None) -> str:
        found = digest(name)
        self.parts[found] = parts
        created = None if days is None else NOW - timedelta(days=days)
        self.tags += [RepositoryTag(tag, found, created, 100) for tag in tags]
        return found

    @property
    def contents(self) -> RepositoryContents:
        tags = tuple(sorted(self.tags, key=lambda one: natural_key(one.tag)))
        return RepositoryContents(Reference("r.example", "team/app"), tags, self.parts, self.way)

    def plan(self, **rules: object) -> RetentionPlan:
        return make(self.contents, RetentionRules(**rules), NOW)  # type: ignore[arg-type]


def removed(plan: RetentionPlan) -> set[str]:
    return set(plan.outcome(plan.all).tags)


# -- rules


def test_the_newest_images_are_kept_whatever_their_number_of_tags() -> None:
    repository = Repository()
    repository.image("three", "3.0", "3", "latest", days=1)
    repository.image("two", "2.0", "2", days=2)
    repository.image("one", "1.0", days=3)
    repository.image("zero", "0.9", days=4)
    plan = repository.plan(keep_newest=2)
    assert plan.all == ("0.9", "1.0")
    assert [row.reason.rank for row in plan.rows] == [4, 3]
    assert repository.plan(keep_newest=3).all == ("0.9",)
    assert repository.plan(keep_newest=4).all == ()
    assert len(repository.plan(keep_newest=0).all) == 7


def test_newest_by_version_counts_versions_only() -> None:
    repository = Repository()
    # A fix of an old version is made last.
    repository.image("fix", "1.9.1", days=0)
    repository.image("ten", "1.10.0", days=5)
    repository.image("candidate", "1.10.0-rc1", days=6)
    repository.image("main", "main", days=100)
    assert repository.plan(keep_newest=1, order=Order.VERSION).all == ("1.9.1", "1.10.0-rc1")
    assert repository.plan(keep_newest=1).all == ("main", "1.10.0-rc1", "1.10.0")
    # An image is as new as the highest version that points to it.
    repository.tags.append(RepositoryTag("2.0", digest("fix"), NOW, 100))
    assert repository.plan(keep_newest=1, order=Order.VERSION).all == ("1.10.0-rc1", "1.10.0")
    # A tag that is no version stays, also on an image that is an old version.
    repository.tags.append(RepositoryTag("production", digest("ten"), NOW, 100))
    assert repository.plan(keep_newest=1, order=Order.VERSION).all == ("1.10.0-rc1", "1.10.0")


def test_all_given_rules_have_to_apply() -> None:
    repository = Repository()
    for number in range(1, 6):
        repository.image(f"dev{number}", f"dev-{number}", days=number * 10)
        repository.image(f"v{number}", f"{number}.0", days=number * 10)
    assert repository.plan(names=("dev-*",)).all == tuple(f"dev-{n}" for n in range(1, 6))
    assert repository.plan(names=("dev-*",), older_than=30).all == ("dev-4", "dev-5")
    # The newest are those of the tags that the names leave.
    assert repository.plan(names=("dev-*",), keep_newest=4).all == ("dev-5",)
    assert repository.plan(names=("dev-*",), keep_newest=3, older_than=40).all == ("dev-5",)
    assert repository.plan(keep_newest=3, older_than=45).all == ("dev-5", "5.0")
    assert repository.plan(names=("dev-#", "!dev-3", "!*-4")).all == ("dev-1", "dev-2", "dev-5")
    found = {row.tag.tag: row.reason for row in repository.plan(names=("x", "dev-*"), older_than=40).rows}
    assert (found["dev-5"].pattern, found["dev-5"].days, found["dev-5"].rank) == ("dev-*", 50, 0)


def test_an_age_of_exactly_so_many_days_is_not_older() -> None:
    repository = Repository()
    repository.image("at", "at", days=30)
    repository.image("over", "over", days=30 + 1 / 86400)
    assert repository.plan(older_than=30).all == ("over",)


def test_protected_tags_are_kept_and_do_not_count() -> None:
    repository = Repository()
    repository.image("new", "stable", "release-9", days=0)
    for number in range(1, 4):
        repository.image(f"v{number}", f"{number}.0", days=number)
    repository.image("backup", "longshore-backup-abababababab-1.0", days=50)
    plan = repository.plan(keep_newest=1, never=("stable", "release-*"))
    assert plan.all == ("2.0", "3.0")
    assert repository.plan(names=("*",), never=("?.0", "stable")).all == ("release-9",)


def test_images_without_a_known_date_are_kept_and_counted() -> None:
    repository = Repository()
    repository.image("reproducible", "a", "b", days=None)
    repository.image("dated", "c", days=90)
    plan = repository.plan(older_than=30)
    assert (plan.all, plan.undated) == (("c",), 2)
    plan = repository.plan(keep_newest=0)
    assert (plan.all, plan.undated) == (("c",), 2)
    plan = repository.plan(names=("a",))
    assert (plan.all, plan.undated) == (("a",), 0)


def test_pinned_tags_are_kept_and_counted() -> None:
    repository = Repository()
    one = repository.image("one", "1.0", "1")
    repository.image("two", "2.0", "2")
    three = repository.image("three", "3.0")
    signature = f"sha256-{three[7:]}.sig"
    repository.image("sig", signature)
    rules = RetentionRules(names=("*",))
    pins = {
        "r.example/team/app:1.0",
        f"r.example/team/app@{digest('two')}",
        f"r.example/team/app:{signature}",
        "r.example/team/web:3.0",
    }
    plan = make(repository.contents, rules, NOW, pins=pins)
    assert set(plan.pinned) == {"1.0", "2.0", "2", signature}
    outcome = plan.outcome(plan.all)
    assert set(outcome.tags) == {"1", "3.0"} and outcome.companions == ()
    assert {step.digest: step.whole for step in outcome.deletions} == {one: False, three: True}
    # They do not count as the newest.
    assert set(make(repository.contents, RetentionRules(keep_newest=2), NOW, pins=pins).all) == set()


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({}, "No rule says"),
        ({"never": ("latest",)}, "No rule says"),
        ({"keep_newest": -1}, "must be between"),
        ({"older_than": 40_000}, "must be between"),
        ({"names": ("!latest",)}, "only exclude"),
        ({"names": ("x" * 2000,)}, "at most"),
    ],
)
def test_rules_that_cannot_be_used(rules: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Repository().plan(**rules)


# -- effects


def test_a_tag_whose_image_is_kept_goes_alone() -> None:
    repository = Repository()
    one = repository.image("one", "1.0", "1", "latest")
    two = repository.image("two", "2.0")
    plan = repository.plan(names=("?.0",))
    assert [row.siblings for row in plan.rows] == [("latest", "1"), ()]
    found = {step.digest: step for step in plan.outcome(plan.all).deletions}
    assert (found[one].tags, found[one].whole, found[one].staying) == (("1.0",), False, ("latest", "1"))
    assert (found[two].tags, found[two].whole, found[two].staying) == (("2.0",), True, ())


def test_where_only_images_can_be_deleted_a_shared_tag_is_kept() -> None:
    repository = Repository(Way.IMAGE)
    repository.image("one", "1.0", "latest")
    repository.image("two", "2.0")
    plan = repository.plan(names=("?.0",))
    outcome = plan.outcome(plan.all)
    assert (outcome.tags, outcome.blocked) == (("2.0",), {"1.0": ("latest",)})
    # With its sibling, it can go.
    plan = repository.plan(names=("?.0", "latest"))
    assert (set(plan.outcome(plan.all).tags), plan.outcome(plan.all).blocked) == (
        {"1.0", "latest", "2.0"},
        {},
    )
    # One tick less, and both stay.
    outcome = plan.outcome(["latest", "2.0"])
    assert (outcome.tags, outcome.blocked) == (("2.0",), {"latest": ("1.0",)})


def test_an_image_of_a_kept_index_is_kept() -> None:
    repository = Repository()
    amd, arm = repository.image("amd", "1-amd64"), repository.image("arm", "1-arm64")
    index = repository.index("index", [amd, arm], "1")
    plan = repository.plan(names=("1*",))
    outcome = plan.outcome(["1-amd64"])
    assert [(step.digest, step.whole) for step in outcome.deletions] == [(amd, False)]
    assert not outcome.going
    outcome = plan.outcome(["1-amd64", "1"])
    assert {step.digest: step.whole for step in outcome.deletions} == {index: True, amd: True}
    assert outcome.deletions[0].digest == index  # before its children
    assert (sum(outcome.going.values()), outcome.indexes) == (100, True)  # 1-arm64 stays
    assert sum(plan.outcome(plan.all).going.values()) == 200


def test_what_cannot_go_keeps_what_it_needs() -> None:
    repository = Repository(Way.IMAGE)
    amd = repository.image("amd", "1-amd64")
    repository.index("index", [amd], "1", "stable")
    plan = repository.plan(names=("1*",))
    outcome = plan.outcome(plan.all)
    assert outcome.tags == ()
    assert outcome.blocked == {"1": ("stable",), "1-amd64": ("stable",)}


def test_signatures_go_with_their_image_only() -> None:
    repository = Repository()
    one, two = repository.image("one", "1.0", "latest"), repository.image("two", "2.0")
    child = repository.image("child")
    index = repository.index("index", [child], "3.0")
    beside = {
        name: f"sha256-{found[7:]}" for name, found in {"1": one, "2": two, "3": index, "c": child}.items()
    }
    repository.image("sig1", f"{beside['1']}.sig")
    repository.image("sig2", f"{beside['2']}.sig")
    repository.index("ref2", [repository.image("sbom")], beside["2"])
    repository.image("att3", f"{beside['3']}.att")
    repository.image("sigc", f"{beside['c']}.sig")
    plan = repository.plan(keep_newest=0)
    assert set(plan.all) == {"1.0", "latest", "2.0", "3.0"}
    assert plan.outcome(["1.0"]).companions == ()
    assert plan.outcome(["1.0", "latest"]).companions == (f"{beside['1']}.sig",)
    assert set(plan.outcome(["2.0"]).companions) == {beside["2"], f"{beside['2']}.sig"}
    outcome = plan.outcome(["2.0"])
    assert outcome.deletions[0].tags == ("2.0",)  # the image before what belongs to it
    assert sum(outcome.going.values()) == 300
    assert set(plan.outcome(["3.0"]).companions) == {f"{beside['3']}.att", f"{beside['c']}.sig"}
    # A name says nothing about them.
    assert repository.plan(names=("*",)).all == plan.all
    with_image = repository.plan(names=("2.0",))
    assert removed(with_image) == {"2.0", beside["2"], f"{beside['2']}.sig"}


def test_shared_layers_count_once_and_only_if_nothing_kept_needs_them() -> None:
    repository = Repository()
    for number in range(5):
        repository.image(
            f"v{number}", f"{number}.0", days=number, layers={"base": 1000, f"pair {number // 2}": 50}
        )
    plan = repository.plan(keep_newest=1)
    # 1.0 shares its pair with 0.0, which stays; 2.0 and 3.0 share one; 4.0 has one of its own.
    assert sum(plan.outcome(plan.all).going.values()) == 4 * 100 + 2 * 50
    assert sum(plan.outcome(["2.0"]).going.values()) == 100
    everything = repository.plan(keep_newest=0)
    assert sum(everything.outcome(everything.all).going.values()) == 5 * 100 + 3 * 50 + 1000
    # A tag that goes alone frees nothing.
    repository.tags.append(RepositoryTag("again", digest("v4"), NOW, 100))
    assert sum(repository.plan(names=("4.0",)).outcome(["4.0"]).going.values()) == 0


def test_the_bytes_of_an_image_alone() -> None:
    repository = Repository()
    one = repository.image("one", "1.0", "1", layers={"base": 1000})
    two = repository.image("two", "2.0", layers={"base": 1000, "own": 7})
    child = repository.image("child", "child")
    index = repository.index("index", [child], "multi")
    assert repository.plan(names=("*",)).unique() == {one: 100, two: 107, child: 0, index: 0}


def test_repositories_share_blobs() -> None:
    one, two = Repository(), Repository()
    one.image("a", "1", "keep", layers={"base": 1000})
    one.image("b", "2", layers={"base": 1000, "both": 70})
    two.image("c", "2", layers={"both": 70})
    outcomes = [each.plan(names=("2",)).outcome(["2"]) for each in (one, two)]
    assert [sum(each.going.values()) for each in outcomes] == [170, 170]
    assert freed(outcomes) == 100 + 100 + 70
    two.image("d", "3", layers={"both": 70})
    outcomes = [each.plan(names=("2",)).outcome(["2"]) for each in (one, two)]
    assert freed(outcomes) == 200


def test_only_tags_of_the_plan_can_be_ticked() -> None:
    repository = Repository()
    repository.image("one", "1.0")
    repository.image("two", "2.0")
    assert repository.plan(names=("1.0",)).outcome(["1.0", "2.0", "none"]).tags == ("1.0",)


def test_an_index_that_names_itself_ends() -> None:
    repository = Repository()
    repository.parts[digest("loop")] = Parts(children=(digest("loop"), digest("other")))
    repository.parts[digest("other")] = Parts(children=(digest("loop"),))
    repository.tags = [RepositoryTag("loop", digest("loop"), NOW, None)]
    assert removed(repository.plan(names=("loop",))) == {"loop"}


@pytest.mark.parametrize(
    ("tag", "subject"),
    [
        (f"sha256-{'a' * 64}", f"sha256:{'a' * 64}"),
        (f"sha256-{'a' * 64}.sig", f"sha256:{'a' * 64}"),
        (f"sha256-{'a' * 64}.sbom", f"sha256:{'a' * 64}"),
        (f"sha256-{'a' * 64}.tar", ""),
        (f"sha256-{'a' * 63}", ""),
        ("sha256-looks-like-a-digest", ""),
        ("latest", ""),
    ],
)
def test_what_a_tag_belongs_to(tag: str, subject: str) -> None:
    assert image_of(tag) == subject


def test_hundreds_of_tags_are_weighed_quickly_enough_for_every_tick() -> None:
    """The work grows with the number of tags, not with its square: counted in manifests that are looked at."""
    looked = 0

    class Counting(RepositoryContents):
        def below(self, one: str) -> set[str]:
            nonlocal looked
            looked += 1
            return super().below(one)

    repository = Repository()
    for number in range(300):
        repository.image(f"v{number}", f"{number}", f"also-{number}", days=number)
    contents = repository.contents
    counting = Counting(contents.repository, contents.tags, contents.parts, contents.way)
    plan = make(counting, RetentionRules(keep_newest=10), NOW)
    assert len(plan.all) == 580
    plan.outcome(plan.all)
    assert looked < 300 * 6
