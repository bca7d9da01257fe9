"""Which tags of a registry's repository a clean-up removes, and why. Pure: no I/O, any thread."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from longshore.application.cleanup.tags import RepositoryTag
from longshore.application.mirrors import patterns
from longshore.application.mirrors.rules import BACKUP
from longshore.errors import InvalidInput
from longshore.naturalsort import natural_key
from longshore.oci.attached_tags import image_of

#: The largest numbers that rules take.
MOST_DAYS = 36_500
MOST_NEWEST = 100_000


class Order(enum.Enum):
    """Which of two tags is newer. The values are those of the command line."""

    #: By the date of the image.
    DATE = "date"
    #: By the version in the tag: 1.10 after 1.9, a release after its candidates.
    VERSION = "version"


@dataclass(frozen=True, slots=True)
class RetentionRules:
    """A tag is removed if all of the given rules apply to it: this differs from the rules for local images, because
    retention keeps what any of its rules keeps.

    *keep_newest*: keep the tags of this many images, the newest in *order* of those that *names* and *never* leave.
    *older_than*: days since the image was created. *names*: patterns for tags; one with ``!`` excludes. *never*:
    patterns for tags that are kept. Signatures and the like are never removed by themselves, and backup tags of mirrors
    not at all.
    """

    keep_newest: int | None = None
    older_than: int | None = None
    names: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    order: Order = Order.DATE

    @property
    def empty(self) -> bool:
        """Whether no rule says what to remove."""
        return self.keep_newest is None and self.older_than is None and not self.names

    def check(self) -> None:
        """Raise InvalidInput for rules that can't be used."""
        if self.empty:
            raise InvalidInput(
                "No rule says which tags to remove.", advice="Keep the newest, or give an age or a name."
            )
        for number, most, what in (
            (self.older_than, MOST_DAYS, "days"),
            (self.keep_newest, MOST_NEWEST, "images"),
        ):
            if number is not None and not 0 <= number <= most:
                raise InvalidInput(
                    f"The number of {what} must be between 0 and {most:,}.", subject=str(number)
                )
        for pattern in (*self.names, *self.never):
            patterns.check(pattern.removeprefix("!"))
        if self.names and all(pattern.startswith("!") for pattern in self.names):
            raise InvalidInput(
                "These patterns only exclude tags.",
                subject=" ".join(self.names),
                advice="Add a pattern for what to remove.",
            )


@dataclass(frozen=True, slots=True)
class TagReason:
    """Why a tag is removed.

    *rank*: the place of its image among those that the rules rank, 1 for the newest; 0 if they don't. *days*: the age
    of the image, None if no rule asks for it. *pattern*: that the tag matches. *companion_of*: the digest of the
    removed image that it belongs to. *leftover*: its removal was interrupted.
    """

    rank: int = 0
    days: int | None = None
    pattern: str = ""
    companion_of: str = ""
    leftover: bool = False


@dataclass(frozen=True, slots=True)
class Matched:
    """The tags that rules apply to, with the reasons, and *undated*: the number of tags that are kept only because the
    date of their image is not known."""

    tags: dict[str, TagReason]
    undated: int = 0


def matching(rules: RetentionRules, tags: Sequence[RepositoryTag], now: datetime | None = None) -> Matched:
    """The tags of a repository that *rules* remove."""
    now = now or datetime.now(UTC)
    found: list[tuple[RepositoryTag, str]] = []
    for one in tags:
        pattern = _pattern(rules.names, one.tag)
        if pattern is not None and not protected(rules, one.tag):
            found.append((one, pattern))
    ranks = _ranks(rules, [one for one, _ in found])
    reasons: dict[str, TagReason] = {}
    undated = 0
    for one, pattern in found:
        rank, days = ranks.get(one.digest, 0), None
        if rules.keep_newest is not None and 0 < rank <= rules.keep_newest:
            continue
        needs_date = rules.older_than is not None or (
            rules.keep_newest is not None and rules.order is Order.DATE
        )
        if needs_date and one.created is None:
            undated += 1
            continue
        if rules.keep_newest is not None and (rank == 0 or not _ranked(rules, one)):
            continue
        if rules.older_than is not None and one.created is not None:
            days = (now - one.created).days
            if now - one.created <= timedelta(days=rules.older_than):
                continue
        reasons[one.tag] = TagReason(rank, days, pattern)
    return Matched(reasons, undated)


def _pattern(names: Sequence[str], tag: str) -> str | None:
    """The pattern that *tag* matches, "" if there is none to match, None if it must not be removed."""
    if any(one.startswith("!") and patterns.matches(one[1:], tag) for one in names):
        return None
    wanted = [one for one in names if not one.startswith("!")]
    if not wanted:
        return ""
    return next((one for one in wanted if patterns.matches(one, tag)), None)


def protected(rules: RetentionRules, tag: str) -> bool:
    """Whether *rules* never remove *tag* by itself."""
    return (
        bool(image_of(tag))
        or tag.startswith(BACKUP)
        or any(patterns.matches(pattern, tag) for pattern in rules.never)
    )


def _ranked(rules: RetentionRules, one: RepositoryTag) -> bool:
    """Whether *one* is what the order compares: by version, tags without a number are no versions, and stay."""
    return rules.order is Order.DATE or any(map(str.isdecimal, one.tag))


def _ranks(rules: RetentionRules, tags: Sequence[RepositoryTag]) -> dict[str, int]:
    """The place of each image by digest, 1 for the newest; without those that cannot be ranked.

    Several tags of one image are one. By version, images are as new as the highest version that points to them.
    """
    if rules.keep_newest is None:
        return {}
    if rules.order is Order.DATE:
        dated = [one for one in tags if one.created is not None]
        ordered = sorted(
            dated, key=lambda one: (one.created or datetime.min, natural_key(one.tag)), reverse=True
        )
    else:
        versions = [one for one in tags if _ranked(rules, one)]
        ordered = sorted(versions, key=lambda one: natural_key(one.tag), reverse=True)
    digests = dict.fromkeys(one.digest for one in ordered)
    return {digest: rank for rank, digest in enumerate(digests, 1)}
