"""The parser of the command line: one file a group of commands, found by a table and imported when it is asked for."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from typing import NoReturn, Protocol

from longshore.arguments import add_common

#: Each command, the module that has it, and what it does in a line.
COMMANDS: dict[str, tuple[str, str]] = {
    "pull": ("moving", "Pull images into engines or the library."),
    "push": ("moving", "Push an image under one or several references."),
    "copy": ("copying", "Copy images between any two places, unchanged."),
    "save": ("archives", "Save an image to an archive."),
    "load": ("archives", "Load archives into an engine, the library or a registry."),
    "images": ("listing", "List the images of an engine or the library."),
    "tags": ("listing", "List the tags of a repository."),
}
#: The options before a command that have a value.
_VALUED = ("--engine", "--registry")
_EPILOG = """\
Without a command, the window opens. Each command explains itself: longshore pull --help

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 some failed, 4 refused by a registry (sign in), 130 interrupted.
DOCKER_HOST, DOCKER_CONTEXT, DOCKER_CONFIG and the XDG folders are used.
"""


class Group(Protocol):
    """What a module of commands has."""

    def add(self, command: str, parser: argparse.ArgumentParser) -> None:
        """Add the arguments of *command*, and ``run``: a function of the session, the arguments and the output that
        returns the exit code."""


class Parser(argparse.ArgumentParser):
    """Prints one sentence about wrong arguments, with the nearest command for an unknown one."""

    def error(self, message: str) -> NoReturn:
        """See ArgumentParser."""
        self.exit(2, f"{self.prog}: {message}\nSee {self.prog} --help.\n")


def asks_for_window(argv: Sequence[str]) -> bool:
    """Whether *argv* asks for the window: it has no command, and no question about them or the version."""
    return _command(argv) is None and not {"-h", "--help", "--version"} & set(argv)


def _command(argv: Sequence[str]) -> str | None:
    """The first argument that is neither an option nor the value of one."""
    skip = False
    for argument in argv:
        if skip:
            skip = False
        elif argument in _VALUED:
            skip = True
        elif not argument.startswith("-"):
            return argument
    return None


def command_parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """The parser for *argv*: only the asked command's arguments are imported. Exits for an unknown command."""
    asked = _command(argv)
    parser = _parser()
    if asked is not None and asked not in COMMANDS:
        import difflib

        near = difflib.get_close_matches(asked, COMMANDS, 1)
        guess = f" Did you mean {near[0]}?" if near else ""
        parser.error(f"There is no command {asked!r}.{guess}")
    _add_commands(parser, [] if asked is None else [asked])
    return parser


def whole_parser() -> argparse.ArgumentParser:
    """The parser with the arguments of all commands, for the man page and completions."""
    parser = _parser()
    _add_commands(parser, list(COMMANDS))
    return parser


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="longshore",
        description="Move container images between engines, registries, archives and a library on disk.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_common(parser)
    return parser


def _add_commands(parser: argparse.ArgumentParser, loaded: Sequence[str]) -> None:
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name, (module, does) in COMMANDS.items():
        one = commands.add_parser(
            name, help=does, description=does, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        if name in loaded:
            _add_output(one)
            group: Group = importlib.import_module(f"longshore.cli.{module}")
            group.add(name, one)


def _add_output(parser: argparse.ArgumentParser) -> None:
    shared = parser.add_argument_group("output")
    shared.add_argument("--json", action="store_true", help="print one JSON object a line (schema 1)")
    shared.add_argument(
        "--quiet", "-q", action="store_true", help="print only what was asked for, and errors"
    )
    # Also after the command, where people expect them.
    shared.add_argument(
        "--engine", metavar="URL", dest="engines", action="append", default=[], help=argparse.SUPPRESS
    )
    shared.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
