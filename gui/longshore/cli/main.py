"""Runs one command: ``longshore pull alpine``. Needs no display and no Qt."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence

from longshore.cli import exit_codes
from longshore.cli.output import Output
from longshore.cli.parser import command_parser
from longshore.errors import InvalidInput, LongshoreError


def main(argv: Sequence[str]) -> int:
    """Run the command in *argv* and return its exit code, see :mod:`.exit_codes`."""
    arguments = command_parser(argv).parse_args(argv)
    output = Output(as_json=arguments.json, quiet=arguments.quiet)
    from longshore.application.session import Session
    from longshore.registry.config import parse_registry

    try:
        session = Session(
            dict(os.environ),
            engine_url=arguments.engine,
            registries=[parse_registry(text) for text in arguments.registry],
        )
    except LongshoreError as error:
        output.error(error)
        return exit_codes.USAGE
    try:
        code: int = arguments.run(session, arguments, output)
    except LongshoreError as error:
        output.error(error)
        code = exit_codes.USAGE if isinstance(error, InvalidInput) else exit_codes.of_error(error)
    except BrokenPipeError:
        # The reader (head, less) has seen enough. Python would complain about the rest at the end.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = exit_codes.FAILED
    finally:
        session.close()
    return code
