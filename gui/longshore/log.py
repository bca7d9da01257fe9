"""Logging: one file in the XDG state folder, bounded, without secrets. A leaf: no Qt."""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import logging.handlers
import os
import re
import stat
import sys
from pathlib import Path

from longshore.shared_files import NotAFile, private_folder

# Secrets that may get into a log line by accident: authorisation headers, credentials in URLs, tokens in JSON, queries.
_SECRETS = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{8,}"), r"\1 ***"),
    (re.compile(r"(?i)://[^/\s:@]+:[^/\s@]+@"), "://***@"),
    (
        re.compile(
            r"(?i)(\"?(?:password|passwd|secret|token|access_token|refresh_token|identitytoken|auth)\"?\s*[:=]\s*)"
            r"(\"[^\"]*\"|[^\s,&}]+)"
        ),
        r"\1***",
    ),
)


def redact(text: str) -> str:
    """*text* with everything that looks like a secret replaced by ``***``. Any thread."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


class _Redacting(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class _File(logging.handlers.RotatingFileHandler):
    """A log file that reports its errors in one sentence on stderr, and never raises or waits."""

    _told = False

    def _open(self) -> io.TextIOWrapper:
        # Opening a pipe for writing would wait for a reader.
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0)
        descriptor = os.open(self.baseFilename, flags, 0o600)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(f"{self.baseFilename} is not a regular file")
        return os.fdopen(descriptor, "a", encoding=self.encoding)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Report an error. Called while an exception is handled, for which the base class would print a traceback."""
        self._tell(sys.exc_info()[1])

    def close(self) -> None:
        """Close the file after a last try to write what is buffered."""
        try:
            super().close()
        except OSError as error:
            self._tell(error)

    def _tell(self, error: BaseException | None) -> None:
        if not self._told and sys.stderr is not None:
            self._told = True
            reason = getattr(error, "strerror", None) or error
            with contextlib.suppress(OSError, ValueError):
                print(f"longshore: the log can't be written: {reason}", file=sys.stderr)


class _Screen(logging.StreamHandler):  # type: ignore[type-arg]
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Ignore errors of the terminal, such as a closed one or a full disk behind it."""


def start(folder: Path, *, debug: bool = False, quiet: bool = False) -> OSError | None:
    """Log to ``longshore.log`` in *folder* (1 MB, three kept), and warnings also to stderr. Called once, at start.

    *debug*: everything, also to stderr. *quiet*: nothing else to stderr, where a command reports in its own words.

    If the folder or the file cannot be written, only the file is missing. Returns the reason, which is also reported
    on stderr unless *quiet*.
    """
    root = logging.getLogger("longshore")
    root.setLevel(logging.DEBUG if debug else logging.INFO)
    root.propagate = False
    form = _Redacting("%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s")
    if sys.stderr is not None and (debug or not quiet):
        screen = _Screen(sys.stderr)
        screen.setLevel(logging.DEBUG if debug else logging.WARNING)
        screen.setFormatter(form)
        root.addHandler(screen)
    path = folder / "longshore.log"
    try:
        private_folder(folder)
        if path.exists() and not path.is_file():
            raise NotAFile(path)
        needed = path if path.exists() else folder
        if not os.access(needed, os.W_OK) and needed.exists():
            raise PermissionError(errno.EACCES, "It can't be written", str(needed))
        file = _File(path, maxBytes=1_000_000, backupCount=3, encoding="utf-8", delay=True)
    except OSError as error:
        if quiet:
            root.addHandler(logging.NullHandler())  # or Python prints warnings
        else:
            root.warning("no log file: %s", error)
        return error
    file.setFormatter(form)
    root.addHandler(file)
    return None


def stop() -> None:
    """Close the handlers that :func:`start` opened."""
    root = logging.getLogger("longshore")
    for handler in list(root.handlers):
        root.removeHandler(handler)
        handler.close()
