"""The configuration of regsync: what is written, what is read, and what does not carry over."""

from __future__ import annotations

import pytest

from longshore.application.mirrors.regsync_export import Exported, to_regsync
from longshore.application.mirrors.regsync_import import Imported, from_regsync
from longshore.application.mirrors.repositories import parse_namespace, parse_source
from longshore.application.mirrors.rules import Extras, MirrorRule
from longshore.application.mirrors.yaml_file import parse_yaml
from longshore.errors import InvalidInput
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.registry.config import RegistryConfig

SOURCE, TARGET = Reference("one.example", "team/app"), Reference("two.example", "copy/app")


def exported(*rules: MirrorRule, schedules: dict[str, str] | None = None) -> tuple[str, list[str]]:
    text, notes, _ = whole(*rules, schedules=schedules)
    return text, notes


def whole(*rules: MirrorRule, schedules: dict[str, str] | None = None) -> Exported:
    return to_regsync(rules, RegistryConfig, schedules or {})


def imported(text: str) -> Imported:
    return from_regsync(parse_yaml(text.encode()))


def notes(found: Imported) -> list[str]:
    return [f"{note.line}: {note.text}" for note in found.notes]


def test_what_is_written() -> None:
    rule = MirrorRule(
        "nightly: \n# [x]",
        SOURCE,
        Reference("127.0.0.1:5000", "copy/app"),
        ("v#.*", "1.?", "!*-rc*"),
        (Platform("linux", "amd64"),),
        True,
    )
    text, said = exported(rule, schedules={rule.name: "0 3 * * *"})
    assert (
        text
        == """\
version: 1
creds:
  - registry: "127.0.0.1:5000"
    tls: "disabled"
sync:
  # nightly: # [x]
  - source: "one.example/team/app"
    target: "127.0.0.1:5000/copy/app"
    type: "repository"
    tags:
      allow:
        - "v[0-9]+\\\\..*"
        - "1\\\\.."
      deny:
        - ".*-rc.*"
    platforms:
      - "linux/amd64"
    referrers: true
    digestTags: true
    schedule: "0 3 * * *"
"""
    )
    assert len(said) == 1 and "regsync keeps the index whole" in said[0]
    # The YAML is what was meant.
    back = imported(text)
    assert back.rules[0].tags == ("v#.*", "1.?", "!*-rc*")
    assert (back.rules[0].source, back.rules[0].referrers) == (SOURCE, True)


@pytest.mark.parametrize(
    ("tags", "lines"),
    [
        (("*",), ["tags:", "  deny:", '    - "sha256-.*"']),
        (("1.0",), ["tags:", "  allow:", '    - "1\\\\.0"']),
        (("sha256-*",), ["tags:", "  allow:", '    - "sha256-.*"']),
        (
            ("1*", "sha256-*", "!x"),
            """tagSets:
  - allow:
      - "1.*"
    deny:
      - "x"
  - allow:
      - "sha256-.*"
    deny:
      - "x\"""".splitlines(),
        ),
    ],
)
def test_tags_are_written_as_regsync_means_them(tags: tuple[str, ...], lines: list[str]) -> None:
    text, _ = exported(MirrorRule("x", SOURCE, TARGET, tags))
    assert [line[4:] for line in text.splitlines()[6:]] == lines


def test_what_regsync_cannot_do_is_named() -> None:
    text, said = exported(MirrorRule("x", SOURCE, TARGET, newest=3, minimum_age_days=7, extras=Extras.DELETE))
    assert [line.partition(": ")[2].split(" ")[0] for line in said] == [
        "newest:",
        "minimum_age_days:",
        "extras:",
        "It",
    ]
    assert text.count("source:") == 1


@pytest.mark.parametrize(
    ("source", "destination", "target", "allow"),
    [
        ("one.example/**", "two.example/copies", "two.example/copies", None),
        ("one.example/team/*", "two.example/copies/team", "two.example/copies", "team/[^/]*"),
        ("one.example/team/**", "two.example/team", "two.example", "team/.*"),
        ("one.example/team/*", "two.example/copies", None, None),
        ("docker.io/team/*", "two.example/team", None, None),
    ],
)
def test_patterns_of_repositories_are_written(
    source: str, destination: str, target: str | None, allow: str | None
) -> None:
    rule = MirrorRule("x", parse_source(source), parse_namespace(destination))
    text, said = exported(rule)
    assert whole(rule, MirrorRule("y", SOURCE, TARGET)).left_out == (target is None)
    if target is None:
        assert text == "version: 1\nsync: []\n"
        assert "left out" in said[0]
        return
    assert f'source: "one.example"\n    target: "{target}"\n    type: "registry"\n' in text
    assert (f'repos:\n      allow:\n        - "{allow}"' in text) is (allow is not None)
    if allow != "team/[^/]*":  # one level of a path is nothing that regsync's users write
        assert imported(text).rules[0].source == rule.source
        assert imported(text).rules[0].destination == rule.destination


REGSYNC = r"""
version: 1
x-hub: &hub
  target: registry.example:5000/{{ .Sync.Source }}
creds:
  - registry: registry.example:5000
    tls: disabled
  - registry: docker.io
    user: "{{env \"HUB_USER\"}}"
    pass: hunter2hunter2
defaults:
  ratelimit:
    min: 100
  parallel: 2
  interval: 60m
  backup: "bkup-{{.Ref.Tag}}"
sync:
  - source: busybox:latest
    target: registry.example:5000/library/busybox:latest
    type: image
  - <<: *hub
    source: docker.io/library/alpine
    type: repository
    platform: linux/amd64
    digestTags: true
    tags:
      allow: ["latest", "3", "3\\.\\d+", "[a-z]+"]
      deny: ["3\\.0"]
  - source: one.example
    target: registry.example:5000/mirror
    type: registry
    repos: {allow: ["team/.*"]}
    schedule: "15 3 * * *"
"""


def test_what_is_read() -> None:
    found = imported(REGSYNC)
    copies = Reference("registry.example:5000", "docker.io/library/alpine")
    assert found.rules == [
        MirrorRule(
            "busybox:latest",
            Reference("docker.io", "library/busybox"),
            Reference("registry.example:5000", "library/busybox"),
            ("latest",),
        ),
        MirrorRule(
            "alpine",
            Reference("docker.io", "library/alpine"),
            copies,
            ("latest", "3", "3.#", "!3.0"),
            (Platform("linux", "amd64"),),
            True,
        ),
        MirrorRule(
            "one.example/team/**",
            parse_source("one.example/team/**"),
            parse_namespace("registry.example:5000/mirror/team"),
        ),
    ]
    said = notes(found)
    for line, key in (
        (7, "creds.tls"),
        (9, "creds.user"),
        (10, "creds.pass"),
        (12, "defaults.ratelimit"),
        (14, "defaults.parallel"),
        (15, "interval: 60m"),
        (16, "defaults.backup"),
        (24, "platform"),
        (27, "tags.allow [a-z]+"),
        (33, "schedule: 15 3 * * *"),
    ):
        assert any(note.startswith(f"{line}: {key}") for note in said), (line, key)
    assert len(said) == 11  # the interval for two rules
    assert "hunter2" not in "\n".join(said)


@pytest.mark.parametrize(
    ("entry", "line", "said"),
    [
        ("type: image, source: 'a:1', target: 'r.io/a:2'", 2, "rules keep the names of tags"),
        (f"type: image, source: 'a@sha256:{'a' * 64}', target: r.io/a", 2, "rules copy tags, not digests"),
        ("type: repository, source: a, target: 'ocidir:///x'", 2, "not folders"),
        ("type: tree, source: a, target: r.io/a", 2, "none of registry, repository and image"),
        ("type: repository, source: 'a:1', target: r.io/a", 2, "without a tag or digest"),
        ("type: repository, source: a", 2, "it has no target"),
        ("type: repository, target: r.io/a", 2, "it has no source"),
        ("type: repository, source: '{{ env \"X\" }}', target: r.io/a", 2, "can't be resolved"),
        (
            "type: repository, source: a, target: 'r.io/{{ index (split .Sync.Source \"/\") 1 }}'",
            2,
            "{{ index",
        ),
        ("type: repository, source: a, target: 'r.io/{{'", 2, "can't be resolved"),
        ("type: repository, source: a, target: r.io/a, tags: {deny: ['[a-z]+']}", 2, "tags.deny [a-z]+"),
        ("type: repository, source: a, target: r.io/a, tags: {allow: ['[a-z]+']}", 2, "no expression"),
        ("type: repository, source: a, target: r.io/a, tags: {semverRange: ['>1']}", 2, "tags.semverRange"),
        ("type: registry, source: a.io, target: r.io, repos: {deny: ['x']}", 2, "repos.deny"),
        ("type: registry, source: a.io, target: r.io, repos: {allow: ['x', 'y']}", 2, "several patterns"),
        ("type: registry, source: a.io, target: r.io, repos: {allow: ['x+']}", 2, "repos.allow x+"),
        ("type: registry, source: docker.io, target: r.io", 2, "Docker Hub does not list"),
        ("type: repository, source: a, target: a", 2, "same repository"),
        ("type: repository, source: 'a b', target: r.io/a", 2, "space"),
        (
            "type: repository, source: a, target: r.io/a, referrers: maybe",
            2,
            "referrers must be true or false",
        ),
    ],
)
def test_an_entry_that_would_copy_more_or_else_is_left_out(entry: str, line: int, said: str) -> None:
    found = imported(f"sync:\n  - {{{entry}}}\n  - {{type: repository, source: b, target: r.io/b}}\n")
    assert [rule.name for rule in found.rules] == ["b"]
    assert any(note.line == line and said in note.text and "left out" in note.text for note in found.notes)


def test_sets_of_tags_are_rules_of_their_own() -> None:
    found = imported(
        "sync:\n- type: repository\n  source: a\n  target: r.io/a\n"
        "  tagSets: [{allow: [x]}, {deny: [y]}]\n  tags: {allow: ['1|2']}\n"
    )
    assert [(rule.name, rule.tags) for rule in found.rules] == [
        ("a", ("x",)),
        ("a 2", ("*", "!y")),
        ("a 3", ("1*", "*2")),
    ]
    assert found.notes == []


def test_unknown_keys_are_named_with_their_lines() -> None:
    found = imported(
        "sync:\n- type: repository\n  source: a\n  target: r.io/a\n  hooks: {}\n  color: red\n"
        "defaults: {referrers: true, tags: {}}\nextra: 1\n"
    )
    assert [note.split(" ")[0] + note.split(" ")[1] for note in notes(found)] == [
        "7:defaults.tags:",
        "8:extra:",
        "5:hooks:",
        "6:color:",
    ]
    assert found.rules[0].referrers


@pytest.mark.parametrize("text", ["a: 1", "sync: 1", "version: 2\nsync: []", "sync:\n" + "- 1\n" * 1001])
def test_what_is_no_configuration_of_regsync(text: str) -> None:
    with pytest.raises(InvalidInput):
        imported(text)
