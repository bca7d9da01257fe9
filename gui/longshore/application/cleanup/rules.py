"""Which images of one place a clean-up removes, and why. Pure: no I/O, any thread."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from longshore.application.mirrors import patterns
from longshore.errors import InvalidInput
from longshore.naturalsort import natural_key
from longshore.oci.local_image import LocalImage

#: The largest numbers that rules take.
MOST_DAYS = 36_500
MOST_NEWEST = 10_000


@dataclass(frozen=True, slots=True)
class Rules:
    """An image is listed if one of the rules applies to it.

    *dangling*: it has neither tag nor digest. *unused*: no container uses it. *older_than*: no container uses it, and
    it was created more than this many days ago. *beyond_newest*: there are at least this many newer images in its
    repository. *names*: patterns for its name with or without the tag; one with ``!`` excludes.
    """

    dangling: bool = False
    unused: bool = False
    older_than: int | None = None
    beyond_newest: int | None = None
    names: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether no rule can apply to any image."""
        return self == Rules()

    def check(self) -> None:
        """Raise InvalidInput for numbers and patterns that can't be used."""
        for number, least, most, what in (
            (self.older_than, 0, MOST_DAYS, "days"),
            (self.beyond_newest, 0, MOST_NEWEST, "images"),
        ):
            if number is not None and not least <= number <= most:
                raise InvalidInput(
                    f"The number of {what} must be between {least} and {most:,}.", subject=str(number)
                )
        for pattern in self.names:
            patterns.check(pattern.removeprefix("!"))
        if self.names and all(pattern.startswith("!") for pattern in self.names):
            raise InvalidInput(
                "These patterns only exclude images.",
                subject=" ".join(self.names),
                advice="Add a pattern for what to remove.",
            )


class Why(enum.Enum):
    """The rule that lists an image. The values are part of the JSON: never rename."""

    DANGLING = "dangling"
    NAMED = "name"
    BEYOND_NEWEST = "beyond_newest"
    OLD = "old"
    UNUSED = "unused"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an image is listed. *rank*: its place among the images of its repository, 1 for the newest. *pattern*: that
    its name matches."""

    why: Why
    rank: int = 0
    pattern: str = ""


def listed_by(
    rules: Rules,
    images: Iterable[LocalImage],
    *,
    pinned: Collection[str] = (),
    containers: bool = True,
    now: datetime | None = None,
) -> list[tuple[LocalImage, Reason]]:
    """Return the rows of *images* that *rules* list, in their order, with the reason.

    Neither *pinned* references nor images that any container uses are ever listed: an engine would refuse the latter,
    or keep their layers. *containers* False: the place has none, so that "unused" says nothing.
    """
    rows = list(images)
    ranks = _ranks(rows) if rules.beyond_newest is not None else {}
    before = None
    if rules.older_than is not None:
        before = (now or datetime.now(UTC)) - timedelta(days=rules.older_than)
    found = []
    for image in rows:
        if protected(image, pinned):
            continue
        reason = _reason(rules, image, ranks, before, containers)
        if reason is not None:
            found.append((image, reason))
    return found


def protected(image: LocalImage, pinned: Collection[str]) -> bool:
    """Whether no rule may list *image*."""
    return image.in_use > 0 or (image.reference is not None and str(image.reference) in pinned)


def _reason(
    rules: Rules,
    image: LocalImage,
    ranks: Mapping[tuple[str, str], int],
    before: datetime | None,
    containers: bool,
) -> Reason | None:
    if rules.dangling and image.dangling:
        return Reason(Why.DANGLING)
    pattern = _matching(rules.names, image)
    if pattern:
        return Reason(Why.NAMED, pattern=pattern)
    if rules.beyond_newest is not None and image.reference is not None:
        rank = ranks.get((image.reference.name, image.image_id), 0)
        if rank > rules.beyond_newest:
            return Reason(Why.BEYOND_NEWEST, rank=rank)
    if before is not None and image.created is not None and _aware(image.created) < before:
        return Reason(Why.OLD)
    if rules.unused and containers:
        return Reason(Why.UNUSED)
    return None


def _matching(wanted: Sequence[str], image: LocalImage) -> str:
    """The pattern that *image* matches; "" if it matches none, or one that excludes."""
    reference = image.reference
    if not wanted or reference is None:
        return ""
    names = (reference.familiar_name, reference.familiar, reference.name, str(reference))

    def matches(pattern: str) -> bool:
        return any(patterns.matches(pattern, name) for name in names)

    found = next((one for one in wanted if not one.startswith("!") and matches(one)), "")
    if found and any(one.startswith("!") and matches(one[1:]) for one in wanted):
        return ""
    return found


def _ranks(images: Iterable[LocalImage]) -> dict[tuple[str, str], int]:
    """The place of each image in each of its repositories, by repository and id. Several tags of an image are one."""
    repositories: dict[str, dict[str, LocalImage]] = {}
    for image in images:
        if image.reference is not None and image.reference.tag:
            known = repositories.setdefault(image.reference.name, {})
            other = known.get(image.image_id)
            if other is None or _order(image) > _order(other):
                known[image.image_id] = image
    return {
        (name, image.image_id): rank
        for name, known in repositories.items()
        for rank, image in enumerate(sorted(known.values(), key=_order, reverse=True), 1)
    }


def _order(image: LocalImage) -> tuple[object, ...]:
    """Older images first; those without a date are the oldest, then in the order of their tags."""
    created = 0.0 if image.created is None else _aware(image.created).timestamp()
    tag = "" if image.reference is None else image.reference.tag or ""
    return (created, natural_key(tag), image.image_id)


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
