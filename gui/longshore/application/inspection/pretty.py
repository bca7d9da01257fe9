"""A JSON document as lines for people: every name, text and number exactly as it is, only the space between them new.

A JSON library would round numbers and merge keys that come twice, and hold all other threads while it reads megabytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from longshore.application.inspection.secrets import masked, masked_line, masked_word

if TYPE_CHECKING:
    from longshore.cancellation import Cancellation

#: Most lines that are shown, most characters of one that are kept, and the deepest indentation.
MOST_LINES = 200_000
LONGEST = 20_000
_DEEPEST = 64
#: Tokens between two looks at the cancellation.
_LOOK = 2_000
#: Possessive, so that no text can make it go back.
_TOKEN = re.compile(r'\s*+(?:("(?:[^"\\]++|\\.)*+")|([{}\[\],:])|([-+.0-9eE]++|true|false|null))', re.DOTALL)
#: Characters of a digest, and more.
_DIGEST = 80
_NAMED = re.compile(r'"([A-Za-z_][A-Za-z0-9_.-]{0,99}+)=(.*)"', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Pretty:
    """The lines of a document. *masked*: by their number, lines as they are shown while values that look secret are
    masked. *cut*: there are more lines than are kept. *is_json*: it was laid out; otherwise the lines are its own."""

    lines: tuple[str, ...] = field(repr=False)
    masked: dict[int, str] = field(default_factory=dict, repr=False)
    cut: bool = False
    is_json: bool = True


def pretty(raw: bytes, cancellation: Cancellation) -> Pretty:
    """Lay out *raw*. Blocks: about a second per 4 MiB, in which other threads run. Raises Cancelled."""
    text = raw.decode("utf-8", "replace")
    if not text.lstrip().startswith(("{", "[")):
        return _as_it_is(text)
    writer = _Writer()
    where = 0
    for number, found in enumerate(_tokens(text)):
        if number % _LOOK == 0:
            cancellation.raise_if_cancelled()
        where = found.end()
        writer.add(found)
        if len(writer.lines) >= MOST_LINES:
            return Pretty(tuple(writer.lines), writer.masked, cut=True)
    if text[where:].strip():
        return _as_it_is(text)
    writer.end()
    return Pretty(tuple(writer.lines), writer.masked)


def _as_it_is(text: str) -> Pretty:
    """The lines of a text that is no JSON, or is damaged."""
    lines = text.split("\n", MOST_LINES)
    own = [line[:LONGEST] for line in lines[:MOST_LINES]]
    masks = {number: safe for number, line in enumerate(own) if (safe := masked_line(line)) != line}
    return Pretty(tuple(own), masks, cut=len(lines) > MOST_LINES, is_json=False)


def _tokens(text: str) -> Iterator[re.Match[str]]:
    where = 0
    while (found := _TOKEN.match(text, where)) is not None:
        yield found
        where = found.end()


class _Writer:
    """Puts tokens into lines, two spaces deeper in each object and list."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.masked: dict[int, str] = {}
        self._line = ""
        self._safe = ""  # the same line, masked
        self._depth = 0
        self._key = ""
        self._word = ""  # the string before this one in the same list
        self._before = ""  # the token before this one, if it is punctuation

    def add(self, found: re.Match[str]) -> None:
        """Add the next token."""
        string, mark, other = found.groups()
        if mark is None:
            self._put(string or other, self._mask(string) if string else "")
            # In an object, the string behind a comma is a name.
            self._word = string[1:-1] if string and self._before in ("[", ",") else ""
            self._before = ""
            if string and not self._key:
                self._key = string
            return
        if mark != ",":
            self._word = ""
        if mark in "{[":
            self._put(mark)
            self._depth += 1
            self._key = ""
        elif mark in "}]":
            self._depth = max(0, self._depth - 1)
            if self._before in ("{", "["):
                self._put(mark)  # an empty one stays on its line
            else:
                self._break()
                self._put(mark)
        elif mark == ",":
            self._put(mark)
            self._key = ""
        else:
            self._put(": ")
        self._before = mark

    def end(self) -> None:
        """Finish the last line."""
        self._break()

    def _put(self, words: str, safe: str = "") -> None:
        if self._before in ("{", "[", ",") and words not in ("}", "]", ","):
            self._break()
        if not self._line:
            self._line = self._safe = "  " * min(self._depth, _DEEPEST)
        room = max(0, LONGEST - len(self._line))
        self._line += words[:room]
        self._safe += (safe or words)[:room]

    def _break(self) -> None:
        if not self._line:
            return
        if self._safe != self._line:
            self.masked[len(self.lines)] = self._safe
        self.lines.append(self._line)
        self._line = self._safe = ""

    def _mask(self, string: str) -> str:
        """*string*, with its quotes, without what looks like a secret in it."""
        inner = string[1 : min(len(string) - 1, LONGEST)]
        if inner.startswith("sha256:") and len(inner) < _DIGEST:
            return string
        if self._key:
            safe = masked(self._key[1:-1], inner)
        elif (pair := _NAMED.fullmatch(string)) is not None:
            safe = f"{pair[1]}={masked(pair[1], inner[len(pair[1]) + 1 :])}"
        else:
            safe = masked_word(inner, self._word if self._before == "," else "")
        return string if safe == inner else f'"{safe}"'
