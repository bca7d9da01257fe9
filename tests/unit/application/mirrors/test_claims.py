"""Tags that other rules copy to the same destination."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from longshore.application.mirrors.claims import Claims
from longshore.application.mirrors.repositories import parse_namespace, parse_source
from longshore.application.mirrors.rules import MirrorRule
from longshore.cancellation import Cancellation
from longshore.errors import AccessDenied, LongshoreError, NotInRegistry
from longshore.oci.reference import Reference

FLIP = Reference("b.io", "team/flip")


def rule(name: str, source: str, destination: str = "b.io/team/flip", *tags: str) -> MirrorRule:
    found = parse_source(source)
    many = not isinstance(found, Reference)
    place = parse_namespace(destination) if many else Reference.parse(destination)
    return MirrorRule(name, found, place, tags or ("*",))


class Registries:
    """Lists of tags by repository, or errors. A repository that is not named is not there."""

    def __init__(self, **tags: Any) -> None:
        self.lists = {name.replace("_", "/"): found for name, found in tags.items()}
        self.asked: Counter[str] = Counter()

    def registry(self, domain: str) -> Any:
        def tags(path: str, page: str | None, *, cancellation: Cancellation) -> Any:
            self.asked[path] += 1
            found = self.lists.get(path, NotInRegistry("There is none.", registry=domain, subject=path))
            if isinstance(found, LongshoreError):
                raise found
            return SimpleNamespace(items=found, next=None)

        return SimpleNamespace(tags=tags)


def claimed(claims: Claims, mine: MirrorRule, registries: Registries) -> set[str]:
    return claims.tags(claims.others(mine), registries, Cancellation())  # type: ignore[arg-type]


def test_tags_of_other_rules_with_this_destination() -> None:
    mine = rule("p1", "a.io/md/r1")
    registries = Registries(md_r1=["1"], d_app=["1", "2", "x-rc"], team_flip=["9"], other=["7"])
    claims = Claims(
        [
            mine,
            rule("p2", "a.io/d/app", "b.io/team/flip", "*", "!*-rc"),
            rule("same source", "a.io/md/r1", "b.io/team/flip", "1"),
            rule("many", "a.io/team/*", "b.io/team"),
            rule("elsewhere", "a.io/other", "b.io/team/other"),
            rule("no match", "a.io/team/x*", "b.io/team"),
            rule("to itself", "b.io/**", "b.io/team"),
        ]
    )
    found = {one.name: one.ends for one in claims.others(mine)}
    assert found == {
        "p2": (Reference("a.io", "d/app"), FLIP),
        "many": (Reference("a.io", "team/flip"), FLIP),
        "to itself": (Reference("b.io", "flip"), FLIP),
    }
    assert claimed(claims, mine, registries) == {"1", "2", "9"}
    # Each list is read once, also for another rule.
    claimed(claims, rule("p3", "a.io/third"), registries)
    assert registries.asked == {"d/app": 1, "team/flip": 1, "flip": 1, "md/r1": 1}


@pytest.mark.parametrize(
    "error",
    [AccessDenied("No.", registry="a.io", subject="d/app"), NotInRegistry("None.", registry="a.io")],
)
def test_a_list_that_cannot_be_read(error: LongshoreError) -> None:
    mine = rule("p1", "a.io/md/r1")
    claims = Claims([mine, rule("p2", "a.io/d/app")])
    for _ in range(2):
        with pytest.raises(type(error)):
            claimed(claims, mine, Registries(d_app=error))


def test_a_repository_that_a_pattern_does_not_find_claims_nothing() -> None:
    mine = rule("p1", "a.io/md/r1")
    claims = Claims([mine, rule("many", "a.io/team/*", "b.io/team")])
    assert claimed(claims, mine, Registries()) == set()
