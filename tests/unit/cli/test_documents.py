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
from longshore.cli.parser import COMMANDS, command_parser, whole_parser

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
