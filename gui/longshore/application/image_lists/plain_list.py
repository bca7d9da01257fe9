"""Plain lists: one reference a line, ``#`` begins a comment, blank lines do not count."""

from __future__ import annotations

import re

from longshore.application.image_lists.model import Entry, Text

_COMMENT = re.compile(r"\s#")


def plain_entries(text: Text) -> list[Entry]:
    """The references of a list."""
    found = []
    at = 0
    for line in text.text.split("\n"):
        content = line.lstrip("\ufeff") if not at else line
        comment = _COMMENT.search(content)
        content = content[: comment.start()] if comment is not None else content
        value = content.strip()
        if value and not value.startswith("#"):
            start = at + line.index(value)
            found.append(text.entry(start, start + len(value), f"line {text.line(start)}", value))
        at += len(line) + 1
    return found
