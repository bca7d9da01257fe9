"""Which images the rules of a clean-up list, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from longshore.application.cleanup.rules import MOST_DAYS, Reason, Rules, Why, listed_by
from longshore.errors import InvalidInput
from longshore.oci.local_image import LocalImage
from longshore.oci.reference import Reference

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def row(name: str, number: int, days: float | None = 1, in_use: int = 0) -> LocalImage:
    return LocalImage(
        Reference.parse_input(name) if name else None,
        f"sha256:{number:064x}",
        None if days is None else NOW - timedelta(days=days),
        1000,
        in_use,
        dangling=not name,
    )


def listed(rules: Rules, *rows: LocalImage, **more: object) -> dict[str, Reason]:
    found = listed_by(rules, rows, now=NOW, **more)  # type: ignore[arg-type]
    return {image.name.shown: reason for image, reason in found.rows}


def undated(rules: Rules, *rows: LocalImage) -> int:
    return listed_by(rules, rows, now=NOW).undated


IMAGES = [
    row("acme/web:1", 1, 50),
    row("acme/web:2", 2, 40),
    row("acme/web:latest", 2, 40),
    row("acme/web:3", 3, 10),
    row("acme/web:dev-x", 4, 9),
    row("redis:7", 5, 100, in_use=1),
    row("", 6, 3),
    row("", 7, 300, in_use=2),
    row("ghcr.io/team/app:dev-1", 8, None),
]


def test_nothing_without_a_rule() -> None:
    assert listed(Rules(), *IMAGES) == {}
    assert Rules().empty and not Rules(beyond_newest=0).empty


def test_dangling_and_never_what_a_container_uses() -> None:
    assert listed(Rules(dangling=True), *IMAGES) == {"000000000000": Reason(Why.DANGLING)}


def test_unused_by_any_container() -> None:
    found = listed(Rules(unused=True), *IMAGES)
    assert len(found) == 7 and set(found.values()) == {Reason(Why.UNUSED)}
    assert "redis:7" not in found
    # The library has no containers: there, this says nothing.
    assert listed(Rules(unused=True), *IMAGES, containers=False) == {}


def test_older_than() -> None:
    found = listed(Rules(older_than=30), *IMAGES)
    assert found == dict.fromkeys(["acme/web:1", "acme/web:2", "acme/web:latest"], Reason(Why.OLD))
    # Exactly as old is not older; without a date the age is not known.
    assert listed(Rules(older_than=30), row("a:1", 1, 30), row("a:2", 2, None)) == {}
    assert len(listed(Rules(older_than=0), *IMAGES)) == 6
    naive = LocalImage(Reference.parse_input("b:1"), "sha256:b", datetime(2020, 1, 1), 1)
    assert listed(Rules(older_than=30), naive) == {"b:1": Reason(Why.OLD)}


def test_beyond_the_newest_counts_images_and_not_tags() -> None:
    found = listed(Rules(beyond_newest=2), *IMAGES)
    assert found == {
        "acme/web:1": Reason(Why.BEYOND_NEWEST, rank=4),
        "acme/web:2": Reason(Why.BEYOND_NEWEST, rank=3),
        "acme/web:latest": Reason(Why.BEYOND_NEWEST, rank=3),
    }
    assert len(listed(Rules(beyond_newest=0), *IMAGES)) == 5
    # Of the same date, the later tag counts as newer.
    same = [row("a:1.9", 1), row("a:1.10", 2)]
    assert listed(Rules(beyond_newest=1), *same) == {"a:1.9": Reason(Why.BEYOND_NEWEST, rank=2)}
    # What is kept for another reason counts, too.
    used = [row("a:1", 1, 3), row("a:2", 2, 2, in_use=1), row("a:3", 3, 1)]
    assert listed(Rules(beyond_newest=2), *used) == {"a:1": Reason(Why.BEYOND_NEWEST, rank=3)}


def test_images_without_a_plausible_date_are_kept_and_counted() -> None:
    """jib and bazel say 1970, Nix and buildpacks 1980; some say year 1."""
    strange = [
        replace(row(f"a:{number}", number), created=created)
        for number, created in enumerate(
            [None, datetime(1, 1, 1), datetime(1970, 1, 1, tzinfo=UTC), datetime(1980, 1, 1, 0, 0, 1)]
        )
    ]
    known = [row("a:8", 8, 400), row("a:9", 9, 300), row("b:1", 20, None)]
    assert listed(Rules(older_than=1), *strange, *known[:1]) == {"a:8": Reason(Why.OLD)}
    assert undated(Rules(older_than=1), *strange, *known) == 5
    assert listed(Rules(beyond_newest=1), *strange, *known) == {"a:8": Reason(Why.BEYOND_NEWEST, rank=2)}
    # b has one image: that stays, whatever its date is.
    assert undated(Rules(beyond_newest=1), *strange, *known) == 4
    assert undated(Rules(beyond_newest=6), *strange, *known) == 0
    assert undated(Rules(dangling=True, unused=True), *strange) == 0
    # One that is listed for another reason is not kept; all of its names count once.
    assert undated(Rules(older_than=1, names=("a:0",)), *strange[:2], row("b:2", 1, None)) == 1
    every = Rules(older_than=1, names=("a:0",), every=True)
    assert undated(every, *strange, *known) == 1


def test_every_rule_must_apply() -> None:
    images = [row(f"a:{number}", number, 100 + number) for number in range(5)]
    old = Rules(older_than=30, beyond_newest=3, every=True)
    both = (Why.OLD,)
    assert listed(old, *images) == {
        "a:3": Reason(Why.BEYOND_NEWEST, rank=4, others=both),
        "a:4": Reason(Why.BEYOND_NEWEST, rank=5, others=both),
    }
    assert listed(replace(old, older_than=104), *images) == {}
    # The newest of those that are named are kept, and several patterns are alternatives.
    named = Rules(names=("a:1", "a:2", "a:4"), beyond_newest=1, every=True)
    assert {name: reason.rank for name, reason in listed(named, *images).items()} == {"a:2": 2, "a:4": 3}
    assert listed(Rules(dangling=True, older_than=1, every=True), *IMAGES) == {
        "000000000000": Reason(Why.DANGLING, others=both)
    }
    assert listed(Rules(dangling=True, names=("*",), every=True), *IMAGES) == {}
    assert set(listed(Rules(unused=True, names=("*:dev-*",), every=True), *IMAGES)) == {
        "acme/web:dev-x",
        "ghcr.io/team/app:dev-1",
    }
    assert listed(Rules(every=True), *IMAGES) == {} and Rules(every=True).empty


def test_an_image_with_names_that_are_no_references_is_never_listed() -> None:
    everything = Rules(dangling=True, unused=True, older_than=0, beyond_newest=0, names=("*",))
    strange = replace(row("", 1), dangling=False)
    assert listed(everything, strange) == {} and listed(everything, row("", 1)) != {}


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (("acme/*:dev-*",), {"acme/web:dev-x": "acme/*:dev-*"}),
        (("acme/web",), dict.fromkeys(["acme/web:1", "acme/web:2", "acme/web:3"], "acme/web")),
        (("ghcr.io/*", "*:dev-*"), {"acme/web:dev-x": "*:dev-*", "ghcr.io/team/app:dev-1": "ghcr.io/*"}),
        (("*:dev-*", "!ghcr.io/*"), {"acme/web:dev-x": "*:dev-*"}),
        (("docker.io/acme/web:#",), dict.fromkeys(["acme/web:1", "acme/web:2"], "docker.io/acme/web:#")),
        (("redis:*", "*none*"), {}),
    ],
)
def test_names(patterns: tuple[str, ...], expected: dict[str, str]) -> None:
    found = listed(Rules(names=patterns), *IMAGES)
    for name, pattern in expected.items():
        assert found.pop(name) == Reason(Why.NAMED, pattern=pattern)
    assert set(found) <= ({"acme/web:latest", "acme/web:dev-x", "acme/web:3"} if expected else set())


def test_a_long_hostile_pattern_takes_no_time() -> None:
    name = "a" * 200
    assert listed(Rules(names=("*a" * 400 + "b",)), row(f"{name}:1", 1)) == {}


def test_pinned_names_are_never_listed() -> None:
    everything = Rules(dangling=True, unused=True, older_than=0, beyond_newest=0, names=("*",))
    pinned = {"docker.io/acme/web:2"}
    found = listed(everything, *IMAGES, pinned=pinned)
    assert "acme/web:2" not in found
    # The other tag of the same image is another name.
    assert "acme/web:latest" in found


def test_the_first_rule_that_applies_is_the_reason() -> None:
    rules = Rules(dangling=True, unused=True, older_than=30, beyond_newest=2, names=("*:1",))
    found = listed(rules, *IMAGES)
    assert {name: reason.why for name, reason in found.items()} == {
        "acme/web:1": Why.NAMED,
        "acme/web:2": Why.BEYOND_NEWEST,
        "acme/web:latest": Why.BEYOND_NEWEST,
        "acme/web:3": Why.UNUSED,
        "acme/web:dev-x": Why.UNUSED,
        "000000000000": Why.DANGLING,
        "ghcr.io/team/app:dev-1": Why.UNUSED,
    }


@pytest.mark.parametrize(
    "rules",
    [
        Rules(older_than=-1),
        Rules(older_than=MOST_DAYS + 1),
        Rules(beyond_newest=-1),
        Rules(names=("a" * 2000,)),
        Rules(names=("!a", "!b")),
    ],
)
def test_what_cannot_be_a_rule(rules: Rules) -> None:
    with pytest.raises(InvalidInput):
        rules.check()


def test_good_rules_pass() -> None:
    Rules(True, True, 0, 0, ("a", "!b")).check()
    Rules().check()
