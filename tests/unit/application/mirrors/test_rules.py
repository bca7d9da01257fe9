"""Rules for copying a repository: what they match, what they ask for, and how they are saved. No registry is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from longshore.application.mirrors.plan import MirrorPlan, MirrorTag, TagState
from longshore.application.mirrors.repositories import Namespace, RepositoryPattern
from longshore.application.mirrors.rules import Extras, MirrorRule, MirrorRules
from longshore.errors import InvalidInput
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.settings import Settings
from longshore.transfers.transfer import Operation, RegistryPlace

SOURCE, TARGET = Reference.parse("one.example/team/app"), Reference.parse("two.example/copy/app")


def rule(*tags: str, referrers: bool = False, platforms: tuple[Platform, ...] = ()) -> MirrorRule:
    return MirrorRule("apps", SOURCE, TARGET, tags or ("*",), platforms, referrers)


@pytest.mark.parametrize(
    ("patterns", "matched"),
    [
        (("*",), ["1.0", "1.1", "V2", "latest"]),
        (("1.*",), ["1.0", "1.1"]),
        (("*", "!1.*"), ["V2", "latest"]),
        (("!latest", "l*", "V[0-9]"), ["V2"]),
        (("v*",), []),
        (("sha256-*",), ["sha256-ab.sig"]),
        (("1.*", "V[0-9]*", "!*.1", "latest"), ["1.0", "V2", "latest"]),
        (("*", "sha256-*", "!*.0"), ["1.1", "V2", "latest", "sha256-ab.sig"]),
    ],
)
def test_which_tags_a_rule_is_about(patterns: tuple[str, ...], matched: list[str]) -> None:
    tags = ["1.0", "1.1", "V2", "latest", "sha256-ab.sig"]
    assert [tag for tag in tags if rule(*patterns).matches(tag)] == matched


@pytest.mark.parametrize("tags", [("!1.*",), ("",), ("", "!x")])
def test_a_rule_needs_a_pattern_that_takes_something(tags: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput, match="needs a tag pattern"):
        MirrorRule("apps", SOURCE, TARGET, tags)


def test_what_a_rule_asks_for() -> None:
    request = rule().request("1.0")
    assert (request.operation, request.options) == (Operation.COPY, ())
    assert request.source.place == RegistryPlace("one.example")
    assert request.destination.place == RegistryPlace("two.example")
    assert str(request.source.reference) == "one.example/team/app:1.0"
    assert str(request.destination.reference) == "two.example/copy/app:1.0"
    platforms = (Platform("linux", "amd64"), Platform("linux", "arm", "v7"))
    assert rule(referrers=True, platforms=platforms).request("1.0").options == (
        ("platforms", "linux/amd64,linux/arm/v7"),
        ("referrers", "1"),
    )


def test_a_plan_copies_what_is_missing_differs_or_is_unsigned() -> None:
    tags = tuple(
        MirrorTag(state.value, state, bytes_to_move=10**number) for number, state in enumerate(TagState)
    )
    plan = MirrorPlan(rule(), tags)

    def asked(chosen: list[str] | None = None) -> list[str | None]:
        return [
            request.source.reference.tag
            for request in plan.requests(chosen)
            if request.source.reference is not None
        ]

    assert asked() == ["missing", "differs", "unsigned"]
    # Tags that are the same or cannot be read are not copied, even if they are chosen.
    assert asked(["same", "differs", "unreadable", "no such"]) == ["differs"]
    assert asked([]) == []
    assert plan.bytes_to_move == 111111
    assert [plan.count(state) for state in TagState] == [1, 1, 1, 1, 1, 1]


def test_a_rule_is_the_same_when_it_is_read_again() -> None:
    plain = {
        "name": "apps",
        "source": "one.example/team/app",
        "destination": "two.example/copy/app",
        "tags": ["*"],
    }
    assert rule().to_json() == plain
    assert MirrorRule.from_json(plain) == rule()
    full = rule("1.*", referrers=True, platforms=(Platform("linux", "arm64"),))
    assert full.to_json() == plain | {"tags": ["1.*"], "platforms": ["linux/arm64"], "referrers": True}
    assert MirrorRule.from_json(full.to_json()) == full
    # Older rules may have tags and digests, which are not part of a repository's name.
    assert MirrorRule.from_json(plain | {"source": "one.example/team/app:1"}) == rule()


def test_rules_are_saved(tmp_path: Path) -> None:
    rule = MirrorRule(
        "nightly",
        Reference("127.0.0.1:5000", "a/b"),
        Reference("docker.io", "c/d"),
        ("1.*", "!*-rc*"),
        (Platform.parse("linux/arm/v7"),),
        True,
    )
    plain = MirrorRule("plain", Reference("a.io", "x"), Reference("b.io", "x"))
    rules = MirrorRules(Settings(tmp_path))
    rules.save(rule)
    rules.save(plain)
    assert MirrorRules(Settings(tmp_path)).all() == [rule, plain]
    changed = MirrorRule("nightly", rule.source, rule.destination)
    rules.save(changed)
    assert MirrorRules(Settings(tmp_path)).all() == [changed, plain]
    rules.remove("nightly")
    assert MirrorRules(Settings(tmp_path)).all() == [plain]
    settings = Settings(tmp_path)
    settings.set("mirrors", [{"name": "odd"}, 7, plain.to_json()])
    assert MirrorRules(settings).all() == [plain]


@pytest.mark.parametrize(
    ("name", "target", "tags"), [("", "b.io", ("*",)), ("x", "a.io", ("*",)), ("x", "b.io", ("!x",))]
)
def test_rules_that_cannot_be(name: str, target: str, tags: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput):
        MirrorRule(name, Reference("a.io", "x/y"), Reference(target, "x/y"), tags)


def test_what_earlier_versions_did_not_know_is_saved_too(tmp_path: Path) -> None:
    wide = MirrorRule(
        "wide",
        RepositoryPattern("one.example", "team/**"),
        Namespace("two.example", "copies"),
        newest=5,
        minimum_age_days=7,
        extras=Extras.DELETE,
    )
    assert wide.to_json() == {
        "name": "wide",
        "source": "one.example/team/**",
        "destination": "two.example/copies",
        "tags": ["*"],
        "newest": 5,
        "minimum_age_days": 7,
        "extras": "delete",
    }
    rules = MirrorRules(Settings(tmp_path))
    rules.save(wide)
    rules.save(rule("*"))
    assert MirrorRules(Settings(tmp_path)).all() == [wide, rule("*")]
    rules.remove("wide")
    assert MirrorRules(Settings(tmp_path)).all() == [rule("*")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"newest": -1},
        {"newest": True},
        {"newest": 10**9},
        {"minimum_age_days": 1.5},
        {"minimum_age_days": 10**6},
        {"tags": ("x" * 1001,)},
        {"tags": ("1.*", "!" + "x" * 1001)},
    ],
)
def test_numbers_and_patterns_are_limited(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        MirrorRule("apps", SOURCE, TARGET, **wrong)


def test_no_rule_is_about_the_backups_of_deleted_tags() -> None:
    assert not rule("*").matches("longshore-backup-0123456789ab-1.0")
    assert not rule("longshore-*").matches("longshore-backup-0123456789ab-1.0")
    assert rule("longshore-*").matches("longshore-1.0")
