"""Parses WWW-Authenticate and Link headers (RFC 9110 section 11.6.1, RFC 8288), and numbers in headers. Pure; any
thread.

Without regular expressions: whoever sends a header would choose how long they run.
"""

from __future__ import annotations

import string
from dataclasses import dataclass, field

_TOKEN = frozenset("!#$%&'*+.^_`|~-" + string.digits + string.ascii_letters)
_SPACE = frozenset(" \t")
_LONGEST = 16_384
#: Digits of the largest number that a header may hold: below 2^63.
_MOST_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to sign in. *scheme* and parameter names are lower case."""

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def realm(self) -> str:
        """Where tokens are had, of a bearer challenge; empty if it does not say."""
        return self.parameters.get("realm", "")


class _Reader:
    """Walks over a text, each character once."""

    def __init__(self, text: str) -> None:
        self.text = text[:_LONGEST]
        self.at = 0

    @property
    def ended(self) -> bool:
        return self.at >= len(self.text)

    def over(self, chars: frozenset[str]) -> str:
        """What of *chars* comes next."""
        begin = self.at
        while self.at < len(self.text) and self.text[self.at] in chars:
            self.at += 1
        return self.text[begin : self.at]

    def until(self, *ends: str) -> str:
        """What comes before one of *ends*, or all the rest."""
        begin = self.at
        while self.at < len(self.text) and self.text[self.at] not in ends:
            self.at += 1
        return self.text[begin : self.at]

    def next_is(self, char: str) -> bool:
        """Whether *char* comes next; steps over it."""
        if self.text[self.at : self.at + 1] != char:
            return False
        self.at += 1
        return True

    def quoted(self) -> str | None:
        """The rest of a quoted string, behind its first quote; None where it does not end."""
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
    """All challenges of all WWW-Authenticate headers, in order. What cannot be read is passed over.

    Values may be quoted and hold commas and escaped quotes, so nothing is split at commas.
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
    """The target of ``rel="next"`` in a Link header, as it stands there (often relative); None without one."""
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
    """The ``rel`` of a link's parameters; None where they cannot be read."""
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
        # RFC 8288 section 3.3: the first counts.
        if name.lower() == "rel" and relations is None:
            relations = value


def number(text: str) -> int | None:
    """A number of digits (Content-Length and the like), None for anything else. Any thread.

    Python takes other scripts' digits for digits, ``int`` not all of them (²), and none where there are thousands.
    """
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None
