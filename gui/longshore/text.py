"""Makes text from outside safe to show: the one way for all code."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from longshore import secrecy

_ELLIPSIS = "…"
# Cf contains the bidirectional overrides (Trojan Source, CVE-2021-42574) and the zero-width characters.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def plain(text: object, limit: int = 300, *, keep_lines: bool = False, least: int = secrecy.SURELY) -> str:
    """*text* without control, format and surrogate characters and without secrets in use. Any thread.

    *limit*: most characters; cut text ends with an ellipsis. Line breaks and tabs become single spaces unless
    *keep_lines*. *least*: see :func:`secrecy.without_secrets`. The result may still contain ``<`` and ``&``: labels
    that show it must be set to plain text.
    """
    raw = str(text)
    # Limited before the work: a hostile server may send megabytes.
    cut = len(raw) > limit * 2
    # Secrets are replaced before the cut, which could leave half of one.
    spare = secrecy.longest() if cut else 0
    raw = secrecy.without_secrets(raw[: limit * 2 + spare], least)
    if cut:
        raw = raw[: max(min(limit * 2, len(raw) - spare), 0)]
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


def filled(sentence: str, arguments: Mapping[str, str]) -> str:
    """*sentence* with each ``{name}`` replaced by that argument, in one pass: braces in an argument stay as they are,
    and a name without an argument too. Any thread."""
    return re.sub(r"\{([a-z_]{1,30})\}", lambda found: arguments.get(found[1], found[0]), sentence)
