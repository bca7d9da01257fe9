"""The command line's parser: which arguments mean the window, and what a command imports."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

import pytest

from commandschema import checked
from longshore.cli.parser import COMMANDS, asks_for_window, command_parser, whole_parser


@pytest.mark.parametrize(
    ("line", "window"),
    [
        ("", True),
        ("--registry 127.0.0.1:5000", True),
        ("--engine pull", True),  # the engine, a context called pull
        ("--version", False),
        ("--debug --registry a.example --registry b.example", True),
        ("pull alpine", False),
        ("--engine tcp://a:1 pull alpine", False),
        ("--registry=a.example images", False),
        ("--help", False),
        ("-h", False),
        ("pul", False),
    ],
)
def test_what_asks_for_the_window(line: str, window: bool) -> None:
    assert asks_for_window(line.split()) is window


def test_an_unknown_command_ends_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command_parser(["pusj", "x"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        "longshore: There is no command 'pusj'. Did you mean push?\nSee longshore --help.\n"
    )


@pytest.mark.parametrize(
    ("line", "sentence", "advice"),
    [
        ("pull -x", "unrecognized arguments: -x", "See longshore pull --help."),
        ("tags", "the following arguments are required: REPOSITORY", "See longshore tags --help."),
        ("queue resume -x", "unrecognized arguments: -x", "See longshore queue --help."),
        ("pusj", "There is no command 'pusj'. Did you mean push?", "See longshore --help."),
        ("queue remove", "the following arguments are required: ID", "See longshore queue remove --help."),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_wrong_arguments_name_the_help_and_are_an_object(
    line: str, sentence: str, advice: str, as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = [*line.split(), *(["--json"] if as_json else [])]
    with pytest.raises(SystemExit) as ended:
        command_parser(argv).parse_args(argv)
    assert ended.value.code == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("longshore") and printed.err.endswith(f": {sentence}\n{advice}\n")
    if not as_json:
        assert printed.out == ""
        return
    checked(printed.out.rstrip("\n"))
    found = json.loads(printed.out)
    assert (found["kind"], found["code"], found["message"], found["advice"]) == (
        "error",
        "input.invalid",
        sentence,
        advice,
    )


def test_options_before_and_after_the_command() -> None:
    argv = ["--engine", "one", "pull", "alpine", "--engine", "two", "--json"]
    found = command_parser(argv).parse_args(argv)
    assert (found.engine, found.engines, found.json, found.references) == ("one", ["two"], True, ["alpine"])


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    (found,) = (one for one in parser._actions if isinstance(one, argparse._SubParsersAction))
    return dict(found.choices)


def _leaves(name: str, parser: argparse.ArgumentParser) -> list[tuple[str, argparse.ArgumentParser]]:
    below = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    if not below:
        return [(name, parser)]
    return [leaf for part, one in below[0].choices.items() for leaf in _leaves(f"{name} {part}", one)]


def test_every_command_explains_itself_with_an_example() -> None:
    found = _commands(whole_parser())
    assert list(found) == list(COMMANDS)
    for name, parser in (leaf for one in found.items() for leaf in _leaves(*one)):
        assert f"longshore {name}" in (parser.epilog or ""), f"{name} has no example"
        assert callable(parser.get_default("run")), name
        for action in parser._actions:
            assert action.help, f"{name}: {action.dest} has no help"


def test_a_command_imports_neither_the_others_nor_qt_nor_what_draws() -> None:
    program = (
        "import sys\n"
        "from longshore.cli.parser import command_parser\n"
        "argv = ['pull', 'alpine']\n"
        "command_parser(argv).parse_args(argv)\n"
        "print(*sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(done.stdout.split())
    assert "longshore.cli.moving" in loaded
    for name in ("PySide6", "rich", "ruamel", "docker", "longshore.cli.copying", "longshore.models"):
        assert name not in loaded
