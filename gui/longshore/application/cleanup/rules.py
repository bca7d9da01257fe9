"""Which images of one place a clean-up removes, and why. Pure: no I/O, any thread."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from longshore.application.cleanup.dates import plausible
from longshore.application.mirrors import patterns
from longshore.errors import InvalidInput
from longshore.naturalsort import natural_key
from longshore.oci.local_image import LocalImage

#: The largest numbers that rules take.
MOST_DAYS = 36_500
MOST_NEWEST = 10_000


@dataclass(frozen=True, slots=True)
class Rules:
    """An image is listed if one of the given rules applies to it; with *every*, if all of them do.

    *dangling*: it has neither tag nor digest. *unused*: no container uses it. *older_than*: no container uses it, and
    it was created more than this many days ago. *beyond_newest*: there are at least this many newer images in its
    repository; with *every*, only those that *names* match count. *names*: patterns for its name with or without the
    tag; one must match, and none with ``!``.

    An image whose date is not known is never old, nor beyond the newest.
    """

    dangling: bool = False
    unused: bool = False
    older_than: int | None = None
    beyond_newest: int | None = None
    names: tuple[str, ...] = ()
    every: bool = False

    @property
    def empty(self) -> bool:
        """Whether no rule can apply to any image."""
        return self == Rules(every=self.every)

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
    """Why an image is listed. *others*: further rules that apply to it, where all must. *rank*: its place among the
    images of its repository, 1 for the newest. *pattern*: that its name matches."""

    why: Why
    rank: int = 0
    pattern: str = ""
    others: tuple[Why, ...] = ()


@dataclass(frozen=True, slots=True)
class Listed:
    """The rows that rules list, with the reasons. *undated*: number of images that are kept only because their date is
    not known."""

    rows: list[tuple[LocalImage, Reason]]
    undated: int = 0


def listed_by(
    rules: Rules,
    images: Iterable[LocalImage],
    *,
    pinned: Collection[str] = (),
    containers: bool = True,
    now: datetime | None = None,
) -> Listed:
    """Return the rows of *images* that *rules* list, in their order, with the reason.

    Neither *pinned* references nor images that any container uses are ever listed: an engine would refuse the latter,
    or keep their layers. Nor are images all of whose names we can't read: they would go with these names. *containers*
    False: the place has none, so that "unused" says nothing.
    """
    rows = list(images)
    judge = _Judge(rules, rows, containers, now or datetime.now(UTC))
    found = []
    undated: set[str] = set()
    for image in rows:
        if protected(image, pinned):
            continue
        reason = judge.reason(image)
        if reason is not None:
            found.append((image, reason))
        elif judge.lacks_date(image):
            undated.add(image.image_id)
    return Listed(found, len(undated - {image.image_id for image, _ in found}))


def protected(image: LocalImage, pinned: Collection[str]) -> bool:
    """Whether no rule may list *image*."""
    if image.reference is None:
        return image.in_use > 0 or not image.dangling
    return image.in_use > 0 or str(image.reference) in pinned


class _Judge:
    """Compares images with rules."""

    def __init__(self, rules: Rules, rows: Sequence[LocalImage], containers: bool, now: datetime) -> None:
        self._rules = rules
        self._containers = containers
        self._before = None if rules.older_than is None else now - timedelta(days=rules.older_than)
        self._repositories: Mapping[str, Mapping[str, LocalImage]] = {}
        self._ranks: Mapping[tuple[str, str], int] = {}
        if rules.beyond_newest is not None:
            only = rules.every and rules.names
            ranked = [one for one in rows if _matching(rules.names, one)] if only else rows
            self._repositories = _repositories(ranked)
            self._ranks = _ranks(self._repositories)

    def reason(self, image: LocalImage, *, undated: bool = False) -> Reason | None:
        """Why the rules list *image*; None if they don't. *undated*: as if each rule about its date applied to it."""
        found = self._verdicts(image, undated)
        apply = [why for why, applies in found.items() if applies]
        if not apply or (self._rules.every and len(apply) < len(found)):
            return None
        others = tuple(apply[1:]) if self._rules.every else ()
        told = apply if self._rules.every else apply[:1]
        return Reason(
            apply[0],
            rank=self._rank(image) if Why.BEYOND_NEWEST in told else 0,
            pattern=_matching(self._rules.names, image) if Why.NAMED in told else "",
            others=others,
        )

    def lacks_date(self, image: LocalImage) -> bool:
        """Whether *image*, which is not listed, is kept because its date is not known."""
        return plausible(image.created) is None and self.reason(image, undated=True) is not None

    def _verdicts(self, image: LocalImage, undated: bool) -> dict[Why, bool]:
        """Whether each of the given rules applies, the one that says most first."""
        rules = self._rules
        found: dict[Why, bool] = {}
        if rules.dangling:
            found[Why.DANGLING] = image.dangling
        if rules.names:
            found[Why.NAMED] = bool(_matching(rules.names, image))
        if rules.beyond_newest is not None:
            crowded = undated and len(self._beside(image)) > rules.beyond_newest
            found[Why.BEYOND_NEWEST] = crowded or self._rank(image) > rules.beyond_newest
        if self._before is not None:
            created = plausible(image.created)
            found[Why.OLD] = undated if created is None else created < self._before
        if rules.unused:
            found[Why.UNUSED] = self._containers
        return found

    def _beside(self, image: LocalImage) -> Mapping[str, LocalImage]:
        """The images of its repository, itself among them; none if it has no tag."""
        if image.reference is None or not image.reference.tag:
            return {}
        return self._repositories.get(image.reference.name, {})

    def _rank(self, image: LocalImage) -> int:
        return 0 if image.reference is None else self._ranks.get((image.reference.name, image.image_id), 0)


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


def _repositories(images: Iterable[LocalImage]) -> dict[str, dict[str, LocalImage]]:
    """The images of each repository by their ids, each with its highest tag there."""
    found: dict[str, dict[str, LocalImage]] = {}
    for image in images:
        if image.reference is not None and image.reference.tag:
            known = found.setdefault(image.reference.name, {})
            other = known.get(image.image_id)
            if other is None or _tag_order(image) > _tag_order(other):
                known[image.image_id] = image
    return found


def _ranks(repositories: Mapping[str, Mapping[str, LocalImage]]) -> dict[tuple[str, str], int]:
    """The place of each image in each of its repositories, by repository and id; without those whose date is not known.

    Of the same date, the image with the higher tag is the newer one.
    """
    found = {}
    for name, known in repositories.items():
        dated = [(date, image) for image in known.values() if (date := plausible(image.created)) is not None]
        dated.sort(key=lambda one: (one[0], _tag_order(one[1]), one[1].image_id), reverse=True)
        found.update({(name, image.image_id): rank for rank, (_, image) in enumerate(dated, 1)})
    return found


def _tag_order(image: LocalImage) -> tuple[object, ...]:
    return natural_key("" if image.reference is None else image.reference.tag or "")
