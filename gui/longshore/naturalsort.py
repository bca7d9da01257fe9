"""The order that people expect of tags: 2.9 before 2.10, 1.0-rc1 before 1.0."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"([0-9]+)|([a-z]+)", re.IGNORECASE | re.ASCII)
_LEADING_V = re.compile(r"v(?=[0-9])", re.IGNORECASE)

# Words that sort before the release that they precede, in this order.
_BEFORE_RELEASE = {
    "dev": 0,
    "snapshot": 0,
    "nightly": 0,
    "canary": 0,
    "alpha": 1,
    "beta": 2,
    "milestone": 3,
    "preview": 4,
    "pre": 4,
    "rc": 5,
    "cr": 5,
}
_SHORT = {"a": 1, "b": 2}  # 3.14.0a1, 3.14.0b2

#: First digits of a number that are compared; the rest is ignored.
_MOST_DIGITS = 256
_PRE_RELEASE, _END, _WORD, _NUMBER = range(4)

NaturalKey = tuple[tuple[tuple[int, int, str], ...], str]


def natural_key(tag: str) -> NaturalKey:
    """A sort key for tags (and paths), ascending; equal only for equal tags. Any thread.

    Numbers compare as numbers, a ``v`` before a number is ignored, words ignore case. A tag that continues with a
    pre-release word sorts before the plain one (``1.0-rc1``, ``1.0``), with any other word after it (``16``,
    ``16-alpine``, ``16.1``). Names without numbers sort before versions.
    """
    bare = _LEADING_V.sub("", tag, count=1) if _LEADING_V.match(tag) else tag
    found = list(_TOKEN.finditer(bare))
    parts: list[tuple[int, int, str]] = []
    for index, match in enumerate(found):
        digits, word = match.group(1), match.group(2)
        if digits is not None:
            # int() refuses thousands of digits, and takes quadratic time for hundreds of thousands.
            parts.append((_NUMBER, int(digits[:_MOST_DIGITS]), ""))
            continue
        word = word.lower()
        rank = _BEFORE_RELEASE.get(word)
        if rank is None and word in _SHORT and _between_digits(found, index):
            rank = _SHORT[word]
        if rank is not None and index > 0:
            parts.append((_PRE_RELEASE, rank, word))
        else:
            parts.append((_WORD, 0, word))
    parts.append((_END, 0, ""))
    return tuple(parts), tag


def _between_digits(found: list[re.Match[str]], index: int) -> bool:
    """True if the word touches a number on both sides, as in ``0a1``."""
    if index == 0 or index + 1 >= len(found):
        return False
    here, before, after = found[index], found[index - 1], found[index + 1]
    return (
        before.group(1) is not None
        and after.group(1) is not None
        and before.end() == here.start()
        and here.end() == after.start()
    )
