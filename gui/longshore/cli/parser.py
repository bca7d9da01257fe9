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
    "index": ("indexes", "Make one index of images of several platforms."),
    "build": ("build", "Build an image from a folder with a Dockerfile."),
    "save": ("archives", "Save an image to an archive."),
    "load": ("archives", "Load archives into an engine, the library or a registry."),
    "mirror": ("mirrors", "Mirror repositories by rules: plan, run, schedule."),
    "run": ("runs", "Run a container from a local image."),
    "images": ("images", "List the images of an engine or the library."),
    "repositories": ("repositories", "List the repositories of a registry."),
    "tags": ("tags", "List the tags of a repository."),
    "search": ("repositories", "Search a registry for repositories."),
    "inspect": ("inspect", "Show an image of any place: digest, platforms, configuration, layers."),
    "verify": ("verify", "Verify the signatures of images."),
    "keys": (
        "keys",
        "List, add and remove the keys that signatures are verified with, and rules about them.",
    ),
    "tag": ("tagging", "Give an image more names, in an engine, the library or a registry."),
    "remove": ("removal", "Remove images from an engine, the library or a registry."),
    "prune": ("prune", "Remove images by rules, and show what that frees."),
    "login": ("sign_in", "Sign in to a registry."),
    "logout": ("sign_in", "Sign out of a registry."),
    "whoami": ("sign_in", "Show who is signed in where."),
    "history": ("history", "List past transfers."),
    "queue": ("queue", "List, resume or remove interrupted transfers."),
    "undo": ("undo", "Put tags back to what they pointed to before a change."),
    "doctor": ("doctor", "Check engines, registries, credentials, disk space and settings."),
    "lock": ("lists", "Pin the images that a file names to their digests."),
    "outdated": ("outdated", "Show which images a registry has newer."),
    "update": ("updates", "Pull what tags point to now, and newer versions."),
    "completion": ("completion", "Print the completions of commands for bash, zsh or fish."),
}
#: Commands whose wrong arguments may be passwords.
_PRIVATE = {"login"}
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
    """Prints one sentence about wrong arguments, with the nearest command for an unknown one.

    *private*: the sentence does not repeat the arguments. *asked*: the command. *as_json*: also print an object.
    """

    private = False
    asked = ""
    as_json = False

    def error(self, message: str) -> NoReturn:
        """See ArgumentParser."""
        if self.private:
            message = "These arguments are not valid. They are not repeated here: one may be a password."
        # Arguments that the command's parser left over are reported by the first one.
        alone = self.asked and " " not in self.prog
        prog = f"{self.prog} {self.asked}" if alone else self.prog
        self.refuse(message, f"See {prog} --help.")

    def refuse(self, message: str, advice: str = "") -> NoReturn:
        """Print the sentence *message* and the line *advice*, and exit with the code for wrong arguments."""
        if self.as_json:
            from longshore.cli.output import Output, error_values
            from longshore.errors import InvalidInput

            values = error_values(InvalidInput(message, advice=advice))
            Output(as_json=True, quiet=False).record("error", values)
        self.exit(2, f"{self.prog}: {message}\n" + (f"{advice}\n" if advice else ""))


class Refused(argparse.Action):
    """An option that is known only to be refused, with *words*. It is not in the help."""

    def __init__(
        self, option_strings: Sequence[str], dest: str, *, words: str, nargs: str | int | None = None
    ) -> None:
        super().__init__(option_strings, dest, nargs=nargs, help=argparse.SUPPRESS)
        self._words = words

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> NoReturn:
        """See Action."""
        assert isinstance(parser, Parser)
        parser.refuse(self._words)


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


def command_parser(argv: Sequence[str]) -> Parser:
    """The parser for *argv*: only the asked command's arguments are imported. Exits for an unknown command."""
    asked = _command(argv)
    as_json_too = "--json" in argv

    class Asked(Parser):
        """A class of its own, because argparse also makes the parsers of commands and of their actions of it."""

        as_json = as_json_too

    parser = _parser(Asked)
    parser.private = asked in _PRIVATE
    parser.asked = asked if asked in COMMANDS else ""
    if asked is not None and asked not in COMMANDS:
        import difflib

        near = difflib.get_close_matches(asked, COMMANDS, 1)
        guess = f" Did you mean {near[0]}?" if near else ""
        parser.error(f"There is no command {asked!r}.{guess}")
    _add_commands(parser, [] if asked is None else [asked])
    return parser


def whole_parser() -> Parser:
    """The parser with the arguments of all commands, for the man page and completions."""
    parser = _parser()
    _add_commands(parser, list(COMMANDS))
    return parser


def _parser(kind: type[Parser] = Parser) -> Parser:
    parser = kind(
        prog="longshore",
        description="Move container images between engines, registries, archives and a library on disk.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_common(parser)
    return parser


def _add_commands(parser: Parser, loaded: Sequence[str]) -> None:
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name, (module, does) in COMMANDS.items():
        one = commands.add_parser(
            name, help=does, description=does, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        one.private = name in _PRIVATE
        if name in loaded:
            add_output(one)
            group: Group = importlib.import_module(f"longshore.cli.{module}")
            group.add(name, one)


def add_output(parser: argparse.ArgumentParser, *, again: bool = False) -> None:
    """Add the options that every command has. *again*: to an action of a command, which has them already."""

    def default(value: object) -> object:
        # What stands before the action must not be lost.
        return argparse.SUPPRESS if again else value

    shared = parser.add_argument_group("common options")
    shared.add_argument(
        "--json", action="store_true", default=default(False), help="print one JSON object a line (schema 1)"
    )
    shared.add_argument(
        "--quiet",
        "-q",
        action="store_true",
        default=default(False),
        help="print only what was asked for, and errors",
    )
    # Also after the command, where people expect them.
    shared.add_argument(
        "--engine",
        metavar="URL",
        dest="engines",
        action="append",
        default=default([]),
        help="the engine to use: an address or a Docker context (pull, prune and update take several)",
    )
    shared.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
