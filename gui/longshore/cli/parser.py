"""The parser of the command line: one file a group of commands, found by a table and imported when it is asked for."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from typing import Protocol

#: Each command, the module that has it, and what it does in a line.
COMMANDS: dict[str, tuple[str, str]] = {
    "pull": ("moving", "Pull images into the engine or the library."),
    "push": ("moving", "Push an image under one or several references."),
    "copy": ("moving", "Copy an image between any two places, unchanged."),
    "images": ("listing", "List the images of the engine or the library."),
    "tags": ("listing", "List the tags of a repository."),
}


class Group(Protocol):
    """What a module of commands has."""

    def add(self, command: str, parser: argparse.ArgumentParser) -> None:
        """Add the arguments of *command*, and ``run``: a function of the session, the arguments and the output that
        returns the exit code."""


def is_command(argv: Sequence[str]) -> bool:
    """Whether *argv* asks for a command, and not for the window."""
    return _command(argv) is not None


def _command(argv: Sequence[str]) -> str | None:
    """The first argument that is neither an option nor the value of one."""
    skip = False
    for argument in argv:
        if skip:
            skip = False
        elif argument in ("--engine", "--registry"):
            skip = True
        elif not argument.startswith("-"):
            return argument if argument in COMMANDS else None
    return None


def common(parser: argparse.ArgumentParser) -> None:
    """Add the options that the window and every command have."""
    parser.add_argument(
        "--registry",
        metavar="HOST[:PORT]",
        action="append",
        default=[],
        help="know this registry too, for this run (repeatable)",
    )
    parser.add_argument(
        "--engine",
        metavar="URL",
        help="the engine to use, e.g. unix:///var/run/docker.sock or tcp://host:2376",
    )


def command_parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """The parser for *argv*, which names a command: only that command's arguments are imported."""
    asked = _command(argv)
    parser = argparse.ArgumentParser(prog="longshore")
    common(parser)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (module, does) in COMMANDS.items():
        one = commands.add_parser(name, help=does, description=does)
        if name == asked:
            shared = one.add_argument_group("output")
            shared.add_argument("--json", action="store_true", help="print one JSON object a line")
            shared.add_argument("--quiet", "-q", action="store_true", help="print only what was asked for")
            group: Group = importlib.import_module(f"longshore.cli.{module}")
            group.add(name, one)
    return parser
