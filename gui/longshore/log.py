"""Logging: one file in the XDG state folder, bounded, without secrets. A leaf: no Qt."""

from __future__ import annotations

import logging
import logging.handlers
import re
import sys
from pathlib import Path

from longshore.shared_files import NotAFile, private_folder

# What may stand in a log line by accident: authorisation headers, credentials in URLs, tokens in JSON or queries.
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
    """*text* with what looks like a secret replaced by ``***``. Any thread."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


class _Redacting(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def start(folder: Path, *, debug: bool = False) -> None:
    """Log to ``longshore.log`` in *folder* (1 MB, three kept), warnings to stderr as well. Called once, at start.

    A folder that cannot be written is said on stderr and costs only the file.
    """
    root = logging.getLogger("longshore")
    root.setLevel(logging.DEBUG if debug else logging.INFO)
    root.propagate = False
    form = _Redacting("%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s")
    screen = logging.StreamHandler(sys.stderr)
    screen.setLevel(logging.DEBUG if debug else logging.WARNING)
    screen.setFormatter(form)
    root.addHandler(screen)
    path = folder / "longshore.log"
    try:
        private_folder(folder)
        if path.exists() and not path.is_file():
            raise NotAFile(path)  # to open a pipe would wait for its reader
        file = logging.handlers.RotatingFileHandler(
            path, maxBytes=1_000_000, backupCount=3, encoding="utf-8", delay=True
        )
    except OSError as error:
        root.warning("no log file: %s", error)
        return
    file.setFormatter(form)
    root.addHandler(file)


def stop() -> None:
    """Close the handlers that :func:`start` opened."""
    root = logging.getLogger("longshore")
    for handler in list(root.handlers):
        root.removeHandler(handler)
        handler.close()
