"""Versions in tags: which tag of a repository is a newer version of another, for people who run that one.

Our own rules, because a version in a tag is more than a number: ``3.12-slim`` is followed by ``3.13-slim``, and neither
by ``3.13`` (another image) nor by ``3.13.1-slim`` (a tag that moves less often). Everything takes linear time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

#: Newer versions that are kept of a repository: more than the newest, because that one may be too young.
MOST_KEPT = 8
#: Digits of a version's first number: with more it is a date or the number of a build.
_LONGEST_FIRST = 4
_NUMBERS = re.compile(r"([vV]?)([0-9]{1,12}(?:\.[0-9]{1,12}){0,7})(?![0-9])")
#: The words of pre-releases, in their order.
_BEFORE_RELEASE = {
    "dev": 0,
    "snapshot": 0,
    "nightly": 0,
    "canary": 0,
    "alpha": 1,
    "a": 1,
    "beta": 2,
    "b": 2,
    "milestone": 3,
    "m": 3,
    "ea": 4,
    "pre": 4,
    "preview": 4,
    "rc": 5,
    "cr": 5,
}
_PRE_RELEASE = re.compile(r"([A-Za-z]{1,9})[.]?([0-9]{0,12}(?:\.[0-9]{1,12}){0,3})")
_MONTHS = range(1, 13)
_YEARS = range(1990, 2100)


@dataclass(frozen=True, slots=True)
class Version:
    """A tag as a version. *prefix*: ``v`` or "". *suffix*: what follows, such as ``-slim``. *before*: the key of a
    pre-release, empty for a release."""

    prefix: str
    numbers: tuple[int, ...]
    suffix: str
    before: tuple[int, ...] = ()
    #: The second number has two digits, the first of them 0.
    padded: bool = False

    @property
    def shape(self) -> tuple[str, str, int]:
        """What two versions of one track share: prefix, suffix and precision."""
        return (self.prefix, self.suffix, len(self.numbers))

    @property
    def order(self) -> tuple[tuple[int, ...], bool, tuple[int, ...]]:
        """What decides which version is newer: a pre-release precedes its release."""
        return (self.numbers, not self.before, self.before)


def parse(tag: str) -> Version | None:
    """*tag* as a version, None for words, dates (``20260115``, ``2026-01-15``) and hashes."""
    found = _NUMBERS.match(tag)
    if found is None:
        return None
    parts = found[2].split(".")
    if len(parts[0]) > _LONGEST_FIRST:
        return None
    rest = tag[found.end() :]
    before, suffix = _split(rest, alone=len(parts) == 1)
    if suffix and suffix[0] not in "-_":
        return None  # 1.1.1w, 8u292, and hashes that begin with digits
    if len(parts) == 1 and int(parts[0]) in _YEARS and suffix[1:3].isdecimal():
        return None
    padded = len(parts) > 1 and len(parts[1]) == 2 and parts[1][0] == "0"
    return Version(found[1].lower(), tuple(map(int, parts)), suffix, before, padded)


def _split(rest: str, *, alone: bool) -> tuple[tuple[int, ...], str]:
    """The key of the pre-release that *rest* begins with, () for none, and what follows it."""
    attached = not rest.startswith("-")
    found = _PRE_RELEASE.match(rest, 0 if attached else 1)
    if found is None:
        return (), rest
    word, digits, end = found[1].lower(), found[2], rest[found.end() :]
    rank = _BEFORE_RELEASE.get(word)
    if rank is None or (end and end[0] not in "-_"):
        return (), rest
    if len(word) == 1 and (not digits or (attached and alone)):
        return (), rest  # 12a4567 is the beginning of a hash, and -b names a variant
    return (rank, *(int(part) for part in digits.split(".") if part)), end


def newer(current: str, tags: Iterable[str], *, major: bool = False) -> list[str]:
    """The *tags* that are newer versions of *current*, the newest first, at most :data:`MOST_KEPT`.

    They have the same prefix, suffix and precision. Releases come before pre-releases, which count only if *current*
    is one. *major*: also those whose first number differs; in calendar versions that is a year, and always may.
    """
    here = parse(current)
    if here is None:
        return []
    found = [
        (version, tag)
        for tag in tags
        if (version := parse(tag)) is not None and _follows(here, version, major=major)
    ]
    # The shorter spelling first, where two tags are the same version (1.02, 1.2).
    found.sort(key=lambda one: (not one[0].before, one[0].order, -len(one[1]), one[1]), reverse=True)
    return [tag for _, tag in found[:MOST_KEPT]]


def same_track(one: str, other: str, *, major: bool = False) -> bool:
    """Whether *one* and *other* are versions of which the later replaces the earlier."""
    first, second = parse(one), parse(other)
    return first is not None and second is not None and _alike(first, second, major=major)


def is_major(current: str, other: str) -> bool:
    """Whether *other* is a version with another first number than *current*, which is not a year."""
    return same_track(current, other, major=True) and not same_track(current, other)


def _follows(here: Version, there: Version, *, major: bool) -> bool:
    return (
        there.order > here.order
        and not (there.before and not here.before)
        and _alike(here, there, major=major)
    )


def _alike(here: Version, there: Version, *, major: bool) -> bool:
    if here.shape != there.shape:
        return False
    years = [version.numbers[0] in _YEARS for version in (here, there)]
    if years[0] != years[1]:
        return False
    if major or here.numbers[0] == there.numbers[0]:
        return True
    return len(here.numbers) > 1 and (all(years) or _by_month(here, there))


def _by_month(here: Version, there: Version) -> bool:
    """Whether both are versions like 22.04 and 24.10: a year and a month."""
    both = (here, there)
    return any(one.padded for one in both) and all(one.numbers[1] in _MONTHS for one in both)
