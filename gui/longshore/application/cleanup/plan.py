"""What a clean-up of one engine or the library would remove, and what that frees."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from longshore.application.cleanup.rules import Reason, Rules, listed_by
from longshore.application.usage import measured
from longshore.naturalsort import natural_key
from longshore.oci.disk_usage import DiskUsage, FreedBytes
from longshore.transfers.transfer import EnginePlace

if TYPE_CHECKING:
    from longshore.application.requests import LocalPlace
    from longshore.application.stores import Store
    from longshore.cancellation import Cancellation
    from longshore.errors import LongshoreError
    from longshore.oci.local_image import LocalImage


@dataclass(frozen=True, slots=True)
class Candidate:
    """An image that could be removed, or some of its names.

    *names*: its rows that would go, at least one. *staying*: number of its other names; without any, the image goes.
    *reason*: why the first of the names is listed.
    """

    names: tuple[LocalImage, ...]
    staying: int
    reason: Reason

    @property
    def image_id(self) -> str:
        """The image's id, in full."""
        return self.names[0].image_id

    @property
    def created(self) -> datetime | None:
        """The image's date."""
        return self.names[0].created


@dataclass(frozen=True)
class PlacePlan:
    """The candidates of one place. Immutable; any thread.

    *usage*: None if the place does not report sizes; *problem* then says why. *containers*, *pinned*: numbers of images
    and of names that are never removed. *undated*: of images that are kept only because their date is not known.
    """

    place: LocalPlace
    candidates: tuple[Candidate, ...]
    usage: DiskUsage | None = None
    problem: LongshoreError | None = None
    containers: int = 0
    pinned: int = 0
    undated: int = 0

    def freed(self, ticked: Iterable[Candidate]) -> FreedBytes | None:
        """What is freed by removing *ticked*, and nothing else; None if sizes are not known."""
        if self.usage is None:
            return None
        return self.usage.freed({one.image_id for one in ticked if not one.staying})


def make(
    place: LocalPlace,
    rules: Rules,
    images: Iterable[LocalImage],
    usage: DiskUsage | None,
    *,
    pinned: Collection[str] = (),
    problem: LongshoreError | None = None,
    now: datetime | None = None,
) -> PlacePlan:
    """Return the plan for *place* with *images*. Pure."""
    rows = sorted(images, key=_order)
    engine = isinstance(place, EnginePlace)
    going: dict[str, list[tuple[LocalImage, Reason]]] = {}
    listed = listed_by(rules, rows, pinned=pinned, containers=engine, now=now)
    for image, reason in listed.rows:
        going.setdefault(image.image_id, []).append((image, reason))
    names: dict[str, int] = {}
    for image in rows:
        names[image.image_id] = names.get(image.image_id, 0) + 1
    return PlacePlan(
        place,
        tuple(
            Candidate(tuple(image for image, _ in several), names[image_id] - len(several), several[0][1])
            for image_id, several in going.items()
        ),
        usage,
        problem,
        containers=len({image.image_id for image in rows if image.in_use}),
        pinned=sum(image.reference is not None and str(image.reference) in pinned for image in rows),
        undated=listed.undated,
    )


def _order(image: LocalImage) -> tuple[Any, ...]:
    """Those with a name first, by repository and natural tag."""
    reference = image.reference
    repository = "" if reference is None else reference.familiar_name
    tag = "" if reference is None else reference.tag or ""
    return (reference is None, repository.casefold(), natural_key(tag), image.image_id)


def look(
    place: LocalPlace,
    store: Store,
    rules: Rules,
    pinned: Collection[str],
    cancellation: Cancellation,
) -> PlacePlan:
    """Look at *store* and return the plan. Blocks, in a large engine for minutes. Raises LongshoreError, Cancelled."""
    rules.check()
    cancellation.raise_if_cancelled()
    usage, problem = measured(store, cancellation)
    return make(place, rules, store.images(), usage, pinned=pinned, problem=problem)


@dataclass(frozen=True)
class Contents:
    """What a place has, for plans by changing rules. *usage*: None if it is not known yet, or because of *problem*."""

    place: LocalPlace
    images: tuple[LocalImage, ...] = ()
    usage: DiskUsage | None = None
    problem: LongshoreError | None = None

    def plan(self, rules: Rules, pinned: Collection[str]) -> PlacePlan:
        """The plan by *rules*. Raises InvalidInput for rules that can't be used."""
        rules.check()
        return make(self.place, rules, self.images, self.usage, pinned=pinned, problem=self.problem)


@dataclass(frozen=True, slots=True)
class Part:
    """What is removed from one place."""

    plan: PlacePlan
    ticked: tuple[Candidate, ...]
