"""Standard output and standard error of a command, which may be closed or full."""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
from typing import TYPE_CHECKING

#: The name of our handler of characters that an encoding does not have.
_SPELLING = "longshore-spelling"
#: What our own sentences have beyond ASCII.
_ASCII = {
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
    "…": "...",
    "–": "-",
    "—": "-",
    "×": "x",
    "→": "->",
    "·": "-",
}

if TYPE_CHECKING:
    from longshore.errors import LongshoreError


def prepare() -> None:
    """Open the standard streams that the caller closed, on nothing. Called once, before anything else is opened.

    A file or a connection that is opened later would get their descriptors, and what is printed would go there.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest that is free, which is this one
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            from pathlib import Path  # seldom needed

            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115


def spell_out() -> None:
    """Print characters that the terminal's encoding does not have in ASCII or as escapes, instead of failing."""
    codecs.register_error(_SPELLING, _spelled)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError, OSError):
            stream.reconfigure(errors=_SPELLING)  # type: ignore[union-attr]


def encodes(text: str) -> bool:
    """Whether standard output has all characters of *text*."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def write(text: str) -> None:
    """Write *text* to standard output at once.

    Raises BrokenPipeError where the reader has left, and LongshoreError where it can't be written otherwise.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        raise _failed(error) from error


def write_bytes(raw: bytes) -> None:
    """Write *raw* to standard output, unchanged. Raises as :func:`write`."""
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(raw)
        sys.stdout.buffer.flush()
    except OSError as error:
        raise _failed(error) from error


def report(text: str) -> None:
    """Write *text* to standard error at once. Where that is not possible, nobody can be informed."""
    with contextlib.suppress(OSError):
        sys.stderr.write(text)
        sys.stderr.flush()


def discard() -> None:
    """Discard what standard output still contains and what follows: Python would complain about it at the end."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _spelled(error: UnicodeError) -> tuple[str | bytes, int]:
    escaped, end = codecs.backslashreplace_errors(error)
    if not isinstance(error, UnicodeEncodeError):
        return escaped, end
    # The handler gets all characters in a row that are missing.
    found = error.object[error.start : error.end]
    parts = [_ASCII.get(one) or one.encode("ascii", "backslashreplace").decode() for one in found]
    return "".join(parts), error.end


def _failed(error: OSError) -> LongshoreError | BrokenPipeError:
    if isinstance(error, BrokenPipeError):
        return error
    discard()
    from longshore.errors import LongshoreError

    return LongshoreError(
        "The output can't be written: {reason}.",
        advice="Check the file or the disk that it goes to.",
        arguments={"reason": error.strerror or type(error).__name__},
    )
