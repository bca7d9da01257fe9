"""Carries out a clean-up of one place, and measures what it has freed."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from longshore.application import removal
from longshore.application.cleanup.plan import Candidate, PlacePlan
from longshore.application.usage import measured
from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import (
    EngineLost,
    EngineUnavailable,
    ImageInUse,
    ImageUnknown,
    LongshoreError,
    NotInLibrary,
    VerificationFailed,
)
from longshore.oci.disk_usage import DiskUsage, FreedBytes

if TYPE_CHECKING:
    from longshore.application.stores import Store
    from longshore.oci.local_image import LocalImage

#: Seconds for which a list of images is good enough to see that an image has changed.
FRESH = 1.0


@dataclass(frozen=True, slots=True)
class NameResult:
    """What happened to one name. *error*: why it was not removed; None if it was. *gone*: somebody else had removed
    it."""

    image: LocalImage
    error: LongshoreError | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a clean-up of one place.

    *names*: what was tried, in order. *expected*: what the plan said, None if it did not know. *freed*: measured bytes,
    None if the place does not report sizes. *stopped*: it was cancelled between two images. *images*: how many were to
    be removed, entirely or some of their names; *left*: how many of them were not reached.
    """

    names: tuple[NameResult, ...]
    expected: FreedBytes | None = None
    freed: int | None = None
    stopped: bool = False
    images: int = 0
    left: int = 0

    @property
    def removed(self) -> int:
        """Number of names that this clean-up removed."""
        return sum(one.error is None and not one.gone for one in self.names)

    @property
    def gone(self) -> int:
        """Number of names that somebody else had removed. Then *freed* is not exact: both removed at the same time."""
        return sum(one.gone for one in self.names)

    @property
    def failures(self) -> list[NameResult]:
        """The names that are still there, with the reason."""
        return [one for one in self.names if one.error is not None]


@dataclass(slots=True)
class _Listed:
    """The images of the place, listed again when the list is old."""

    store: Store
    clock: Callable[[], float]
    images: list[LocalImage] = field(default_factory=list)
    at: float = float("-inf")

    def now(self) -> list[LocalImage]:
        if self.clock() - self.at > FRESH:
            self.images = self.store.images()
            self.at = self.clock()
        return self.images


def carry_out(
    plan: PlacePlan,
    ticked: Sequence[Candidate],
    store: Store,
    pinned: Callable[[], frozenset[str]],
    cancellation: Cancellation,
    told: Callable[[int, LocalImage], None] = lambda done, image: None,
    clock: Callable[[], float] = time.monotonic,
) -> Outcome:
    """Remove *ticked* from the place of *plan*; blocks. *told*: the number of images that are done, and the next one.

    Each name is compared with the place and with *pinned* before it goes: what has changed since the plan is not
    removed. A failure does not stop the others, unless the engine is gone. Cancelling stops between two images: what
    was removed is in the result.
    """
    try:
        before, _ = measured(store, cancellation)
    except Cancelled:
        return not_reached(plan, ticked)
    listed = _Listed(store, clock)
    names: list[NameResult] = []
    done: set[str] = set()
    stopped = False
    reached = 0
    lost: LongshoreError | None = None
    for number, candidate in enumerate(ticked):
        if cancellation.stopping:
            stopped = True
            break
        told(number, candidate.names[0])
        reached += 1
        for image in candidate.names:
            one = NameResult(image, lost) if lost else _remove(store, candidate, image, listed, pinned)
            if isinstance(one.error, EngineLost | EngineUnavailable):
                lost = one.error
            names.append(one)
        last = names[-1]
        if not candidate.staying and last.error is None and not last.gone:
            done.add(candidate.image_id)
    others = any(one.gone for one in names)
    freed = None if lost is not None else _freed(before, store, done, others=others)
    return Outcome(
        tuple(names), plan.freed(ticked), freed, stopped, images=len(ticked), left=len(ticked) - reached
    )


def not_reached(plan: PlacePlan, ticked: Sequence[Candidate]) -> Outcome:
    """Return the outcome of a clean-up that was stopped before its first image."""
    return Outcome((), plan.freed(ticked), None, stopped=True, images=len(ticked), left=len(ticked))


def _remove(
    store: Store,
    candidate: Candidate,
    image: LocalImage,
    listed: _Listed,
    pinned: Callable[[], frozenset[str]],
) -> NameResult:
    """Remove one name."""
    try:
        now = listed.now()
        if image.reference is not None and str(image.reference) in pinned():
            raise VerificationFailed(
                "The image was pinned meanwhile.", subject=image.name.shown, advice="It was not removed."
            )
        if any(one.image_id == image.image_id and one.in_use for one in now):
            raise ImageInUse(
                "A container uses the image now.",
                subject=image.name.shown,
                advice="It was not removed. Check again when the container is gone.",
            )
        last = not candidate.staying and image is candidate.names[-1]
        removal.carry_out(store, removal.LocalRemoval(image, candidate.staying, last), now, force=False)
    except (ImageUnknown, NotInLibrary):
        return NameResult(image, gone=True)
    except LongshoreError as error:
        return NameResult(image, error)
    return NameResult(image)


def _freed(before: DiskUsage | None, store: Store, done: Collection[str], *, others: bool) -> int | None:
    """The bytes that the removal of the images *done* freed. *others*: somebody else removed images, too."""
    # Not cancellable: the result is worth the second.
    after = None if before is None else measured(store, Cancellation())[0]
    if before is None or after is None:
        return None
    if before.counted is None or after.counted is None or others:
        return before.gone(after, done)
    if not (before.estimated or before.doubtful):
        # An engine may not count what a container holds.
        return before.gone(after, done)
    return max(before.counted - after.counted - before.freed(done).cached, 0)
