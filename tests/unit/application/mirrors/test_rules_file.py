"""Files of rules: what is read, and what hostile ones cannot do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from longshore.application.mirrors.repositories import Namespace, RepositoryPattern
from longshore.application.mirrors.rules import Extras, MirrorRule
from longshore.application.mirrors.rules_file import parse_rules, read_rules
from longshore.application.mirrors.yaml_file import DEEPEST, LARGEST, MOST_VALUES, parse_yaml
from longshore.errors import InvalidInput
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference

WHOLE = """\
# Mirrors of the team
version: 1
x-here: &here
  destination: two.example/copies
mirrors:
  - name: apps
    source: one.example/team/app
    destination: two.example/team/app
    tags: ["1.*", 1.10, "!*-rc*"]
    newest: 5
    minimum_age_days: 7
    platforms: [linux/amd64, linux/arm64]
    referrers: true
    extras: delete
  - {name: plain, source: alpine, destination: two.example/alpine, tags: v* latest}
  - <<: *here
    name: many
    source: one.example/team/**
"""
ONE = "- name: x\n  source: a.io/x\n  destination: b.io/x\n"


def rules(text: str) -> list[MirrorRule]:
    return parse_rules(parse_yaml(text.encode()))


def in_file(more: str) -> str:
    return "mirrors:\n" + ONE + more


def test_all_keys(tmp_path: Path) -> None:
    (tmp_path / "mirrors.yaml").write_text("\ufeff" + WHOLE, "utf-8")
    assert read_rules(tmp_path / "mirrors.yaml") == [
        MirrorRule(
            "apps",
            Reference("one.example", "team/app"),
            Reference("two.example", "team/app"),
            ("1.*", "1.10", "!*-rc*"),
            (Platform("linux", "amd64"), Platform("linux", "arm64")),
            True,
            5,
            7,
            Extras.DELETE,
        ),
        MirrorRule(
            "plain", Reference("docker.io", "alpine"), Reference("two.example", "alpine"), ("v*", "latest")
        ),
        MirrorRule("many", RepositoryPattern("one.example", "team/**"), Namespace("two.example", "copies")),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (in_file("  newst: 5\n"), r"Line 5 has the unknown key newst"),
        ("mirrors: []\nmirors: []\n", r"Line 2 has the unknown key mirors"),
        (in_file("  newest: many\n"), r"The key newest at line 5 must be a number from 0 to 100000\."),
        (in_file("  newest: -1\n"), r"The key newest at line 5 must be a number from 0 to 100000\."),
        (in_file("  referrers: 'true'\n"), r"The key referrers at line 5 must be true or false"),
        (in_file("  extras: purge\n"), r"The key extras at line 5 must be keep or delete"),
        (in_file("  tags: {a: b}\n"), r"The key tags at line 5 must be a list of patterns"),
        (in_file("  tags: ['!x']\n"), r"The rule at line 2 is not valid: A rule needs a tag pattern"),
        (in_file("  platforms: [linux/amd46]\n"), r"The rule at line 2 is not valid: .*linux/amd46"),
        *(
            (f"mirrors:\n- {{name: x, source: '{one}', destination: '{other}'}}\n", "without a tag or digest")
            for one, other in (
                ("a.io/v/app:1.0", "b.io/x"),
                ("a.io/v/app@sha256:" + "1" * 64, "b.io/x"),
                ("a.io/v/app", "b.io/p14:foo"),
                ("library:x", "b.io/x"),
                ("a.io/v/app", "library:x"),
                ("a.io:5000/v/*:1.0", "b.io/x"),
            )
        ),
        ("mirrors:\n- {name: x, source: 'a.io/v/*', destination: 'b.io/p14:foo'}\n", "line 2 is not valid"),
        (in_file("  name: y\n"), r"Line 5 repeats the key name"),
        (in_file(ONE), r"Line 5 has a second rule with the name x"),
        ("mirrors:\n- name: x\n  source: a.io/x\n", r"The rule at line 2 has no destination"),
        ("mirrors:\n- name:\n  source: a.io/x\n", r"The key name at line 2 must be a text"),
        ("mirrors: 3\n", r"The key mirrors at line 1 must be a list of rules"),
        ("mirrors:\n- 3\n", r"The key mirrors at line 2 must be a list of rules"),
        ("version: 2\nmirrors: []\n", r"Line 1 names a version"),
        ("version: 1\n", r"The file has no key mirrors"),
        ("", r"The file has no keys"),
        ("- a\n", r"The file has no keys"),
        ("a: b: c\n", r"The file is not YAML at line 1"),
        ("a: 'b\n", r"The file is not YAML at line"),
        ("mirrors: []\n---\nmirrors: []\n", r"more than one YAML document"),
        ("? [a, b]\n: c\n", r"not YAML at line 1"),
        ("mirrors: *nothing\n", r"not YAML at line 1"),
        ("<<: 3\n", r"not YAML at line 1"),
        ("mirrors: []\x00\n", r"The file is not YAML"),
        ("mirrors: &a [*a]\n", r"not YAML at line 1"),
        ("a: &a\n  <<: *a\n", r"not YAML at line 2"),
        ("mirrors: !!python/object:os.system []\nx: 1\n", r"Line 2 has the unknown key x"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        rules(text)


def test_hostile_files_end_at_a_limit() -> None:
    for hostile, said in (
        ("mirrors: " + "[" * 5000 + "]" * 5000, f"deeper than {DEEPEST} levels"),
        ("mirrors:\n" + "- a\n" * (MOST_VALUES + 1), f"more than {MOST_VALUES} values"),
    ):
        with pytest.raises(InvalidInput, match=said):
            rules(hostile)
    # A billion laughs: each alias is the value that it names, however often it is repeated.
    laughs = "x-a: &a [ha]\n" + "".join(
        f"x-{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
    )
    assert rules(laughs + "mirrors: []\n") == []


def test_only_plain_files_of_utf_8_are_read(tmp_path: Path) -> None:
    large, binary, pipe = tmp_path / "large", tmp_path / "binary", tmp_path / "pipe"
    large.write_bytes(b"#" * (LARGEST + 1))
    binary.write_bytes(b"mirrors: \xff\xfe\n")
    os.mkfifo(pipe)
    for path, said in (
        (large, "larger than 512 kB"),
        (binary, "not UTF-8"),
        (pipe, "a pipe or a device"),
        (tmp_path, "This is a folder"),
        (tmp_path / "none", "no such file"),
        (Path("nul\0"), "can't be read"),
    ):
        with pytest.raises(InvalidInput, match=said) as error:
            read_rules(path)
        assert error.value.subject.startswith(str(path).rstrip("\0")[:100])


def test_errors_name_the_file_and_what_is_wrong_in_it(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text("mirrors:\n- {name: x, source: 'a.io/v/app:1.0', destination: b.io/x}\n")
    with pytest.raises(InvalidInput) as error:
        read_rules(path)
    assert error.value.subject == f"{path}: a.io/v/app:1.0"
