"""Runs one command: ``longshore pull alpine``. Needs no display and no Qt."""

from __future__ import annotations

import argparse
import os
import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING

from longshore.cli.parser import command_parser

if TYPE_CHECKING:
    from pathlib import Path

    # Late, because --help and --version end in the parser.
    from longshore.application.session import Session
    from longshore.cli.output import Output
    from longshore.errors import LongshoreError

#: Commands that can use several engines at once.
_SEVERAL_ENGINES = {"pull", "prune", "update"}
#: Commands that use none, whatever their arguments.
_NO_ENGINE = {
    *("mirror", "repositories", "tags", "search", "login", "logout", "whoami"),
    *("history", "queue", "lock", "keys", "completion"),
}


def main(argv: Sequence[str]) -> int:
    """Run the command in *argv* and return its exit code, see :mod:`.exit_codes`."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Nobody wants a traceback. Commands that have something to end cleanly set their own handler.
        signal.signal(signal.SIGINT, _end_at_once)
    from longshore.cli import streams

    streams.prepare()
    streams.spell_out()
    arguments = command_parser(argv).parse_args(argv)
    from longshore.cli import exit_codes
    from longshore.cli.output import Output

    if arguments.command is None:
        # Only --help asks for the parser without a command, and that has ended the program.
        return exit_codes.USAGE
    output = Output(as_json=arguments.json, quiet=arguments.quiet, sign_in=arguments.command != "login")
    try:
        return _run(arguments, output)
    except BrokenPipeError:
        # The reader (head, less) has seen enough.
        streams.discard()
        return exit_codes.FAILED


def _run(arguments: argparse.Namespace, output: Output) -> int:
    from longshore import log
    from longshore.cli import exit_codes
    from longshore.errors import LongshoreError
    from longshore.settings import Folders

    folders = Folders.of(os.environ)
    problem = log.start(folders.state, debug=arguments.debug, quiet=True)
    if problem is not None and not arguments.quiet:
        output.warning(_no_log(problem, folders.state))
    session: Session | None = None
    try:
        session = _session(arguments)
        if (
            session.settings.problem and arguments.command != "doctor"
        ):  # which reports it with everything else
            output.warning(session.settings.problem)
        code: int = arguments.run(session, arguments, output)
    except LongshoreError as error:
        output.error(error)
        code = exit_codes.of_error(error)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        output.error(_unexpected(error, str(folders.state)))
        code = exit_codes.FAILED
    except Exception as error:
        output.error(_unexpected(error, str(folders.state)))
        code = exit_codes.FAILED
    finally:
        if session is not None:
            session.close()
            if session.tag_history.unsaved:
                from longshore.words.tag_history import unsaved_text

                output.warning(unsaved_text(session.tag_history.problem))
        log.stop()
    return code


def _no_log(error: OSError, folder: Path) -> str:
    """A sentence that says that there is no log, and no history where that is in the same *folder*."""
    from longshore.language import tr
    from longshore.shared_files import NotAFile
    from longshore.text import plain

    if isinstance(error, NotAFile):
        return plain(tr("There is no log of this command: {reason}").replace("{reason}", str(error)))
    words = tr("There is no log of this command, and the history can't be changed: {folder}: {reason}.")
    return plain(words.replace("{folder}", str(folder)).replace("{reason}", error.strerror or str(error)))


def _session(arguments: argparse.Namespace) -> Session:
    """The session for the options that all commands have. Raises InvalidInput, EngineError."""
    from longshore.application.session import Session
    from longshore.errors import InvalidInput

    registries = []
    if arguments.registry:
        from longshore.registry.config import parse_registry

        registries = [parse_registry(text) for text in arguments.registry]
    engines = [*([arguments.engine] if arguments.engine else []), *arguments.engines]
    if len(engines) > 1 and arguments.command not in _SEVERAL_ENGINES:
        raise InvalidInput("This command uses one engine.", advice="Give --engine once.")
    session = Session(dict(os.environ), engine_urls=engines, registries=registries)
    if arguments.command in _NO_ENGINE:
        session.check_engines()
    return session


def _unexpected(error: Exception, folder: str) -> LongshoreError:
    import logging

    from longshore.errors import LongshoreError

    logging.getLogger(__name__).error("unexpected", exc_info=error)
    if isinstance(error, OSError):
        return LongshoreError(
            error.strerror or "The system reported an error.", subject=str(error.filename or "")
        )
    return LongshoreError(
        f"Something unexpected went wrong ({type(error).__name__}).",
        advice=f"The log in {folder} has the details.",
    )


def _end_at_once(number: int, frame: object) -> None:
    os._exit(130)  # exit_codes.INTERRUPTED, without an import in a signal's handler
