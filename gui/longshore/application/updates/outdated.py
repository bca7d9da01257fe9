"""What is newer than images here, without weighing it: for ``outdated``, which may run every hour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from longshore.application.updates import newer
from longshore.application.updates.model import Held, Kind
from longshore.application.updates.weighing import date_of, with_hub
from longshore.errors import LongshoreError
from longshore.side_by_side import ask_all

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.application.states import Compared
    from longshore.application.updates.planning import Wanted
    from longshore.cancellation import Cancellation
    from longshore.oci.reference import Reference


@dataclass(frozen=True, slots=True)
class Newer:
    """What is newer than the image of *compared*.

    *held*: why its moved tag does not count. *version*: the tag of its newest version, "" for none; *version_held*: why
    that does not count. *error*: why newer versions are not known.
    """

    compared: Compared
    held: Held | None = None
    version: str = ""
    version_held: Held | None = None
    error: LongshoreError | None = None

    @property
    def outdated(self) -> bool:
        """Whether something is newer and counts."""
        moved = self.compared.state.outdated and self.held is None
        return moved or (bool(self.version) and self.version_held is None)


def look(
    clients: Clients,
    compared: Sequence[Compared],
    wanted: Wanted,
    cancellation: Cancellation,
    here: Mapping[str, Iterable[str]] | None = None,
) -> list[Newer]:
    """What is newer than each of *compared*, in their order. Blocks; raises Cancelled.

    *here*: the tags of each repository that are local images: an update from 16.4 to 16.5 has been made where both are.
    One request a repository, and for a minimum age one or more for each update.
    """
    compared = with_hub(clients, compared, cancellation)
    versioned = [one for one in compared if wanted.versions and newer.has_versions(one)]
    listed = newer.version_tags(clients, [one.here.reference for one in versioned], cancellation)

    def one_of(one: Compared, part: Cancellation) -> Newer:
        reference = one.here.reference
        held = None
        if one.state.outdated:
            held = _held(clients, wanted, reference, Kind.MOVED, reference, one.digest, part)
        found = listed.get(reference.name, [])
        if isinstance(found, LongshoreError) and newer.has_versions(one):
            return Newer(one, held, error=found)
        if isinstance(found, LongshoreError) or not wanted.versions or not newer.has_versions(one):
            return Newer(one, held)
        tags = () if here is None else tuple(here.get(reference.name, ()))
        after = newer.candidates(reference.tag or "", found, tags, major=wanted.major)
        version, version_held = "", None
        for tag in after[: newer.LOOKED_AT]:
            why = _held(clients, wanted, reference, Kind.VERSION, reference.with_tag(tag), tag, part)
            if not version or why is None:
                version, version_held = tag, why
            if why not in (Held.TOO_NEW, Held.NO_DATE):
                break
        return Newer(one, held, version, version_held)

    return ask_all(one_of, compared, cancellation)


def _held(
    clients: Clients,
    wanted: Wanted,
    reference: Reference,
    kind: Kind,
    target: Reference,
    seen: str,
    cancellation: Cancellation,
) -> Held | None:
    if wanted.snoozed(reference, kind, seen):
        return Held.SNOOZED
    if wanted.minimum_age <= 0:
        return None
    try:
        return wanted.age_of(date_of(clients, target, cancellation))
    except LongshoreError:
        return Held.NO_DATE
