"""Text from outside, made safe to show: one way for everybody."""

from __future__ import annotations

import unicodedata

_ELLIPSIS = "…"
# Cf holds the bidirectional overrides (Trojan Source, CVE-2021-42574) and the zero-width characters.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def plain(text: object, limit: int = 300, *, keep_lines: bool = False) -> str:
    """*text* without control, format and surrogate characters, at most *limit* characters, any thread.

    Line breaks and tabs become single spaces unless *keep_lines*. Cut text ends with an ellipsis. The result may
    still hold ``<`` and ``&``: labels that show it must be set to plain text.
    """
    raw = str(text)
    # Bounded before the work: a hostile server may send megabytes.
    cut = len(raw) > limit * 2
    raw = raw[: limit * 2]
    out = []
    for char in raw:
        if keep_lines and char == "\n":
            out.append(char)
        elif char in "\n\r\t\v\f":
            out.append(" ")
        elif unicodedata.category(char) not in _UNSAFE:
            out.append(char)
    joined = "".join(out)
    joined = (
        "\n".join(line.rstrip() for line in joined.split("\n")) if keep_lines else " ".join(joined.split())
    )
    joined = joined.strip()
    if len(joined) > limit or cut:
        return joined[: max(limit - 1, 0)].rstrip() + _ELLIPSIS
    return joined
