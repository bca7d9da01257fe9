"""Reads a password from standard input or from the terminal: bounded, and never shown."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator

from longshore.errors import InvalidInput
from longshore.secrecy import keep_out

#: Most bytes of a password or token; tokens of cloud registries have some thousand.
LONGEST = 64 * 1024
#: Most characters of a user name.
LONGEST_NAME = 500


def piped() -> str:
    """The one line on standard input. Raises InvalidInput if it is missing, too long or not one line of text."""
    if sys.stdin is None:
        raise InvalidInput("Standard input is closed.", advice="Pipe the password in.")
    source = sys.stdin.buffer
    # A terminal has no end; the line's is enough there.
    raw = source.readline(LONGEST + 1) if sys.stdin.isatty() else source.read(LONGEST + 1)
    if len(raw) > LONGEST:
        raise InvalidInput("The password on standard input exceeds the size limit.", advice="Check the pipe.")
    return _checked(raw.removesuffix(b"\n").removesuffix(b"\r"))


def _checked(raw: bytes) -> str:
    try:
        secret = raw.decode()
    except UnicodeDecodeError:
        # "from None": the error has the bytes.
        raise InvalidInput("The password is not UTF-8 text.", advice="Check the pipe.") from None
    if not secret:
        raise InvalidInput(
            "The password is empty.", advice="Enter or pipe in your password or an access token."
        )
    if any(character in secret for character in "\0\n\r"):
        raise InvalidInput("The password has more than one line.", advice="Pipe in one line.")
    keep_out(secret)
    return secret


def asked(what: str, default: str = "") -> str:
    """What the user enters on the terminal; *default* for an empty line. Raises InvalidInput, KeyboardInterrupt."""
    _require_terminal()
    shown = f"{what} ({default}): " if default else f"{what}: "
    # Not with input(), which prints to standard output, where only results belong.
    print(shown, end="", file=sys.stderr, flush=True)
    with _interruptible():
        line = sys.stdin.readline(LONGEST_NAME + 2)
    return line.strip() or default


def asked_secretly(what: str) -> str:
    """What the user enters on the terminal without showing it. Raises InvalidInput, KeyboardInterrupt."""
    import getpass

    _require_terminal()
    try:
        with _interruptible():
            entered = getpass.getpass(f"{what}: ", sys.stderr)
    except EOFError:
        entered = ""
    raw = entered.encode("utf-8", "surrogateescape")
    if len(raw) > LONGEST:
        raise InvalidInput("The password exceeds the size limit.", advice="Enter your password or a token.")
    return _checked(raw)


def _require_terminal() -> None:
    if sys.stdin is None or not sys.stdin.isatty():
        raise InvalidInput(
            "There is no terminal to ask for the password.",
            advice="Pipe the password in, and use --username NAME --password-stdin.",
        )


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Turn signals into KeyboardInterrupt, so that the terminal shows again what is typed."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    except KeyboardInterrupt:
        print(file=sys.stderr)
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
