"""Parses WWW-Authenticate and Link headers (RFC 9110 section 11.6.1, RFC 8288), and numbers in headers. Pure; any
thread.

Uses no regular expressions: the sender of a header could choose how long they run.
"""

from __future__ import annotations

import string
from dataclasses import dataclass, field

_TOKEN = frozenset("!#$%&'*+.^_`|~-" + string.digits + string.ascii_letters)
_SPACE = frozenset(" \t")
_LONGEST = 16_384
#: Most digits of a number in a header: it stays below 2^63.
_MOST_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Challenge:
    """One offered way to sign in. *scheme* and parameter names are lower case."""

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def realm(self) -> str:
        """The address of the token service in a bearer challenge; empty if it has none."""
        return self.parameters.get("realm", "")


class _Reader:
    """Reads a text once from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text[:_LONGEST]
        self.at = 0

    @property
    def ended(self) -> bool:
        return self.at >= len(self.text)

    def over(self, chars: frozenset[str]) -> str:
        """Consume and return the next characters that are in *chars*."""
        begin = self.at
        while self.at < len(self.text) and self.text[self.at] in chars:
            self.at += 1
        return self.text[begin : self.at]

    def until(self, *ends: str) -> str:
        """Consume and return everything before one of *ends*, or all the rest."""
        begin = self.at
        while self.at < len(self.text) and self.text[self.at] not in ends:
            self.at += 1
        return self.text[begin : self.at]

    def next_is(self, char: str) -> bool:
        """Consume *char* and return True if it comes next."""
        if self.text[self.at : self.at + 1] != char:
            return False
        self.at += 1
        return True

    def quoted(self) -> str | None:
        """The rest of a quoted string after its first quote; None if it is not closed."""
        out: list[str] = []
        while not self.ended:
            char = self.text[self.at]
            self.at += 1
            if char == '"':
                return "".join(out)
            if char == "\\" and not self.ended:
                char = self.text[self.at]
                self.at += 1
            out.append(char)
        return None


def parse_challenges(headers: list[str]) -> list[Challenge]:
    """All challenges of all WWW-Authenticate headers, in order. Unreadable parts are skipped.

    Values may be quoted and contain commas and escaped quotes, so nothing is split at commas.
    """
    found: list[Challenge] = []
    for header in headers:
        reader = _Reader(header)
        while True:
            reader.over(_SPACE | {","})
            name = reader.over(_TOKEN)
            if not name:
                break
            behind = reader.at
            reader.over(_SPACE)
            if not reader.next_is("="):
                if behind == reader.at and not reader.ended and reader.text[behind] != ",":
                    break  # neither a scheme nor a parameter
                found.append(Challenge(name.lower()))
                continue
            reader.over(_SPACE)
            value = reader.quoted() if reader.next_is('"') else reader.over(_TOKEN)
            if value is None:
                break
            if found:
                found[-1].parameters.setdefault(name.lower(), value)
    return found


def next_link(header: str) -> str | None:
    """The target of ``rel="next"`` in a Link header, unchanged (often relative); None if there is none."""
    reader = _Reader(header)
    while not reader.ended:
        reader.over(_SPACE | {","})
        if not reader.next_is("<"):
            return None
        target = reader.until(">")
        if not reader.next_is(">"):
            return None
        relations = _relations(reader)
        if relations is None:
            return None
        if "next" in relations.lower().split():
            return target
    return None


def _relations(reader: _Reader) -> str | None:
    """The ``rel`` of a link's parameters; None if they cannot be read."""
    relations: str | None = None
    while True:
        reader.over(_SPACE)
        if reader.ended or reader.next_is(","):
            return relations or ""
        if not reader.next_is(";"):
            return None
        reader.over(_SPACE)
        name = reader.until("=", ";", ",").strip()
        if not reader.next_is("="):
            continue
        reader.over(_SPACE)
        value = reader.quoted() if reader.next_is('"') else reader.until(";", ",").strip()
        if value is None:
            return None
        # RFC 8288 section 3.3: only the first rel counts.
        if name.lower() == "rel" and relations is None:
            relations = value


def number(text: str) -> int | None:
    """The number in *text* if it consists of digits (Content-Length and the like), else None. Any thread.

    ``isdigit`` also accepts digits of other scripts, some of which ``int`` refuses (²), and ``int`` refuses numbers
    with thousands of digits.
    """
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None
