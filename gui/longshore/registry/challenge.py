"""Parses WWW-Authenticate and Link headers (RFC 9110 section 11.6.1, RFC 8288). Pure; any thread."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PART = re.compile(
    rf"\s*(?:,\s*)*(?:(?P<key>{_TOKEN})\s*=\s*(?:\"(?P<quoted>(?:[^\"\\]|\\.)*)\"|(?P<plain>{_TOKEN}))"
    rf"|(?P<scheme>{_TOKEN})(?=\s|,|$))"
)
_LINK = re.compile(r"\s*<([^>]*)>((?:\s*;\s*[^,;=]+(?:=(?:\"[^\"]*\"|[^,;]*))?)*)\s*(?:,|$)")
_REL_NEXT = re.compile(r";\s*rel\s*=\s*(?:\"[^\"]*\bnext\b[^\"]*\"|next\b)", re.IGNORECASE)
_LONGEST = 16_384


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to sign in. *scheme* and parameter names are lower case."""

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def realm(self) -> str:
        """Where tokens are had, of a bearer challenge; empty if it does not say."""
        return self.parameters.get("realm", "")


def parse_challenges(headers: list[str]) -> list[Challenge]:
    """All challenges of all WWW-Authenticate headers, in order. What cannot be read is passed over.

    Values may be quoted and hold commas and escaped quotes, so nothing is split at commas.
    """
    found: list[Challenge] = []
    for header in headers:
        position = 0
        text = header[:_LONGEST]
        while position < len(text):
            match = _PART.match(text, position)
            if match is None or match.end() == position:
                break
            position = match.end()
            if match["scheme"]:
                found.append(Challenge(match["scheme"].lower()))
            elif found:
                value = (
                    match["plain"] if match["plain"] is not None else re.sub(r"\\(.)", r"\1", match["quoted"])
                )
                found[-1].parameters.setdefault(match["key"].lower(), value)
    return found


def next_link(header: str) -> str | None:
    """The target of ``rel="next"`` in a Link header, as it stands there (often relative); None without one."""
    position = 0
    text = header[:_LONGEST]
    while position < len(text):
        match = _LINK.match(text, position)
        if match is None:
            return None
        if _REL_NEXT.search(match[2]):
            return match[1]
        position = match.end()
    return None
