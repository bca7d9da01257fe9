"""What docs/command-line.md says about commands, kinds of objects and the installation without Qt is true."""

from __future__ import annotations

import argparse
import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from commandschema import schema, without_more
from longshore.application.mirrors import rules_file
from longshore.application.mirrors.extras import MOST_DELETES, backup_tag
from longshore.application.mirrors.planning import MOST_REPOSITORIES
from longshore.application.mirrors.repositories import parse_namespace, parse_source
from longshore.application.mirrors.rules import MirrorRule
from longshore.application.mirrors.rules_file import parse_rules
from longshore.application.mirrors.yaml_file import LARGEST, parse_yaml
from longshore.cli.parser import COMMANDS, command_parser, whole_parser
from longshore.naturalsort import natural_key

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")


def test_every_command_is_listed() -> None:
    table = TEXT.partition("## Commands")[2].partition("\n## ")[0]
    listed = [
        name.split()[0]
        for row in re.findall(r"(?m)^\| (`.+?) \| ", table)
        for name in re.findall(r"`([^`]+)`", row)
    ]
    assert sorted(listed) == sorted(COMMANDS)


def test_the_installation_without_qt_has_all_other_dependencies() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (line,) = (one for one in TEXT.splitlines() if one.startswith("longshore/bin/pip install 'backports"))
    wanted = [one for one in project["dependencies"] if not one.lower().startswith(("pyside6", "qasync"))]
    assert [one.replace('"', "'") for one in shlex.split(line)[2:]] == wanted


EXAMPLES = re.findall(r"(?m)^\| `(\w+)` \| .+ \| `(\{.+\})` \|$", TEXT)


def test_every_kind_has_an_example() -> None:
    assert sorted(kind for kind, _ in EXAMPLES) == sorted(set(schema()["$defs"]) - {"end", "error_fields"})


@pytest.mark.parametrize(("kind", "example"), EXAMPLES, ids=[kind for kind, _ in EXAMPLES])
def test_the_examples_of_kinds_have_fields_of_the_schema(kind: str, example: str) -> None:
    record = json.loads(example)
    assert (record["schema"], record["kind"]) == (1, kind)
    described = without_more(schema()["$defs"][kind])
    assert set(record) <= set(described["properties"])
    for name, field in described["properties"].items():
        if name in record and "enum" in field:
            assert record[name] in field["enum"], name


def _section(title: str) -> str:
    found = TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    assert found, title
    return found


COMMAND_LINES = [
    line
    for block in re.findall(r"(?ms)^```\n(.+?)^```", TEXT)
    for line in block.splitlines()
    if line[:10] == "longshore "
]


@pytest.mark.parametrize("line", COMMAND_LINES)
def test_the_commands_of_the_text_are_valid(line: str) -> None:
    argv = shlex.split(re.split(r" \| | > | < ", line)[0])[1:]
    assert command_parser(argv).parse_args(argv).command == argv[0]


def test_the_rules_of_the_text_are_valid_and_have_every_key() -> None:
    section = _section("Mirrors")
    (text,) = re.findall(r"(?ms)^```yaml\n(.+?)^```", section)
    assert [rule.name for rule in parse_rules(parse_yaml(text.encode()))] == ["apps", "everything"]
    table = section.partition("| key |")[2].partition("\n\n")[0]
    assert re.findall(r"(?m)^\| `(\w+)` \|", table) == list(rules_file._KEYS)


def test_many_repositories_are_copied_where_the_text_says() -> None:
    table = _section("Mirrors").partition("### Many repositories")[2]
    rows = re.findall(r"(?m)^\| `([^`]+)` \| `([^`]+)` \| `([^`]+)` \|$", table)
    assert len(rows) == 3
    for source, destination, copied in rows:
        rule = MirrorRule("x", parse_source(source), parse_namespace(destination))
        assert rule.at("team/app").ends[1].name == copied


def test_versions_are_ordered_as_the_text_says() -> None:
    section = _section("Mirrors")
    for older, newer, words in (
        ("1.9", "1.10", "1.10 is newer than 1.9"),
        ("1.10-rc1", "1.10", "1.10-rc1 is older than 1.10"),
        ("1.10", "1.10.0-beta", "1.10.0-beta is newer than 1.10"),
    ):
        assert words in section and natural_key(older) < natural_key(newer)


def test_every_option_of_lists_and_mirrors_is_in_the_text() -> None:
    """A script needs no other text than this one."""
    sections = _section("Lists") + _section("Updates") + _section("Mirrors")
    names: set[str] = set()
    for name in ("lock", "outdated", "update", "mirror"):
        names |= set(_options(command_parser([name])))
    general = {"--help", "--version", "--json", "--quiet", "--debug", "--registry", "--engine"}
    assert {name for name in names - general if re.search(rf"{name}(?![\w-])", sections) is None} == set()


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        yield from (one for one in action.option_strings if one.startswith("--"))
        if isinstance(action, argparse._SubParsersAction):
            for one in action.choices.values():
                yield from _options(one)


def test_the_numbers_of_mirrors_are_in_the_text() -> None:
    section = _section("Mirrors")
    for words in (
        f"{rules_file.MOST_RULES:,} rules",
        f"{LARGEST // 1024} kB",
        f"{MOST_REPOSITORIES:,} repositories",
        f"(default: {MOST_DELETES})",
        backup_tag("0.9", "sha256:0123456789abcdef"),
    ):
        assert words in section


def _epilogs(name: str, parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    yield name, parser.epilog or ""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for part, one in action.choices.items():
                yield from _epilogs(f"{name} {part}", one)


EPILOGS = [one for one in _epilogs("longshore", whole_parser()) if one[0] != "longshore"]


@pytest.mark.parametrize(("name", "epilog"), EPILOGS, ids=[name for name, _ in EPILOGS])
def test_the_examples_of_commands_are_valid(name: str, epilog: str) -> None:
    """Each example in the help is understood by the parser."""
    own = 0
    for line in epilog.splitlines():
        # Without what the shell does with the output.
        line = re.split(r" \| | > |   ", line.strip())[0]
        if line.startswith("longshore "):
            own += f"{line} ".startswith(f"{name} ")
            argv = shlex.split(line)[1:]
            assert command_parser(argv).parse_args(argv).command == argv[0], line
    assert own or name in epilog
