"""Makes text from outside safe to show: the one way for all code."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterator, Mapping

from longshore import secrecy

_ELLIPSIS = "…"
# Cf contains the bidirectional overrides (Trojan Source, CVE-2021-42574) and the zero-width characters.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
#: Control sequences of terminals (ECMA-48: CSI, strings such as window titles, and the two-character ones).
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,16}[@-~]|\x1b[\]PX^_][^\x07\x1b]{0,4000}(?:\x07|\x1b\\)?|\x1b[ -/]{0,4}[0-~]"
)
#: Characters of a line of output that are kept, and those that may wait for the end of their line.
_LONGEST_LINE = 2_000
_MOST_PENDING = 16_000


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


def output_line(raw: str, limit: int = _LONGEST_LINE) -> str:
    """One line of a program's output, safe to show: without colours and control characters, with its indentation.

    Secrets in use are replaced, however short. *limit*: most characters; cut text ends with an ellipsis. Any thread.
    """
    if len(raw) <= limit and raw.isascii() and raw.isprintable():  # as most are
        return secrecy.without_secrets(raw).rstrip()
    cut = len(raw) > limit * 4
    bare = _SEQUENCE.sub("", raw[: limit * 4] if cut else raw).expandtabs()
    bare = secrecy.without_secrets(bare)
    if not bare.isprintable():
        bare = "".join(char for char in bare if unicodedata.category(char) not in _UNSAFE)
    bare = bare.rstrip()
    if len(bare) > limit or cut:
        return bare[: max(limit - 1, 0)].rstrip() + _ELLIPSIS
    return bare


class OutputLines:
    """Joins the pieces of a program's output to lines that are safe to show; see :func:`output_line`. One thread.

    Of a line that a program draws over itself (with carriage returns), the last state is kept.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending = ""

    def feed(self, piece: bytes | str) -> Iterator[str]:
        """The lines that *piece* completes."""
        text = self._decoder.decode(piece) if isinstance(piece, bytes) else piece
        lines = text.split("\n")
        lines[0] = self._pending + lines[0]
        self._pending = lines.pop()
        for line in lines:
            yield output_line(_drawn(line))
        if len(self._pending) > _MOST_PENDING:
            kept = _drawn(self._pending)
            # The rest of a line without an end is left out.
            self._pending = kept[: _MOST_PENDING // 2]

    def finish(self) -> Iterator[str]:
        """The last line, if it has no end."""
        pending, self._pending = output_line(_drawn(self._pending)), ""
        if pending:  # otherwise there was nothing, or only the end of a colour
            yield pending


def _drawn(line: str) -> str:
    """What a terminal shows of a line in which carriage returns lead back to its beginning."""
    line = line.rstrip("\r")
    return line[line.rfind("\r") + 1 :]
