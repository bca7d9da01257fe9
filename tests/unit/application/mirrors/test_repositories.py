"""Patterns for many repositories, and where their copies go."""

from __future__ import annotations

import pytest

from longshore.application.mirrors.repositories import (
    Namespace,
    RepositoryPattern,
    parse_namespace,
    parse_source,
)
from longshore.application.mirrors.rules import MirrorRule
from longshore.errors import InvalidInput
from longshore.oci.reference import Reference


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("alpine", Reference("docker.io", "library/alpine")),
        ("one.example/team/app:1.0", Reference("one.example", "team/app")),
        ("one.example/team/*", RepositoryPattern("one.example", "team/*")),
        ("one.example:5000/**", RepositoryPattern("one.example:5000", "**")),
        ("localhost/*", RepositoryPattern("localhost", "*")),
        ("docker.io/team/*", RepositoryPattern("docker.io", "team/*")),
        ("index.docker.io/team/*", RepositoryPattern("docker.io", "team/*")),
        ("team/*", RepositoryPattern("docker.io", "team/*")),
    ],
)
def test_sources(text: str, found: object) -> None:
    assert parse_source(f" {text} ") == found


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "*/app",
        "one.exa*/app",
        "docker.io/*",
        "docker.io/**",
        "one.example//*",
        "one.example/a *",
        "a.io/\x1b[31m*",
    ],
)
def test_what_is_no_source(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_source(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("two.example", Namespace("two.example", "")),
        ("two.example:5000/", Namespace("two.example:5000", "")),
        ("two.example/copies", Namespace("two.example", "copies")),
        ("two.example/copies/hub", Namespace("two.example", "copies/hub")),
        ("team", Namespace("docker.io", "team")),
        ("docker.io/team", Namespace("docker.io", "team")),
    ],
)
def test_destinations(text: str, found: Namespace) -> None:
    assert parse_namespace(text) == found


@pytest.mark.parametrize(
    ("source", "destination", "path", "copy"),
    [
        ("one.example/team/*", "two.example/copies", "team/app", "two.example/copies/app"),
        ("one.example/team/**", "two.example", "team/sub/app", "two.example/sub/app"),
        ("one.example/**", "two.example", "team/sub/app", "two.example/team/sub/app"),
        ("one.example/team/app-*", "two.example/x", "team/app-1", "two.example/x/app-1"),
        ("one.example/*/app", "two.example/x", "team/app", "two.example/x/team/app"),
        ("one.example/team/*", "one.example/copies", "team/app", "one.example/copies/app"),
    ],
)
def test_each_repository_keeps_its_path_below_the_fixed_part(
    source: str, destination: str, path: str, copy: str
) -> None:
    rule = MirrorRule("x", parse_source(source), parse_namespace(destination), newest=3)
    assert isinstance(rule.source, RepositoryPattern)
    assert rule.source.matches(path)
    one = rule.at(path)
    assert [str(end) for end in one.ends] == [f"{rule.source.domain}/{path}", copy]
    assert one.newest == 3
    assert one.at("anything") == one
    with pytest.raises(InvalidInput, match="many repositories"):
        _ = rule.ends


def test_both_ends_are_for_one_repository_or_for_many() -> None:
    one, many = Reference("one.example", "a"), RepositoryPattern("one.example", "a/*")
    for source, destination in (
        (one, Namespace("two.example", "")),
        (many, Reference("two.example", "a")),
        (many, Namespace("one.example", "a")),  # onto themselves
    ):
        with pytest.raises(InvalidInput):
            MirrorRule("x", source, destination)
