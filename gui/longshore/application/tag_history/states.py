"""What tags pointed to, one after another, from the recorded changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from longshore.application.tag_history.record import TagRecord
from longshore.oci.reference import Reference


@dataclass(frozen=True, slots=True)
class TagState:
    """What the tag *reference* pointed to: *digest*, "" for no such tag, None for unknown.

    *since*: None if that was before the first known change. *record*: the change that made it so, or, for the first
    state, the one that ended it. *latest*: no later change is known.
    """

    reference: Reference
    digest: str | None
    since: datetime | None
    record: TagRecord
    latest: bool = False


def states_of(records: Iterable[TagRecord]) -> list[TagState]:
    """The states of each tag, newest first, from *records*, newest first, of one place. What was before comes last."""
    found: list[TagState] = []
    first: dict[Reference, TagRecord] = {}
    for record in records:
        latest = record.reference not in first
        found.append(TagState(record.reference, record.after, record.at, record, latest))
        first[record.reference] = record
    found += [TagState(tag, record.before, None, record) for tag, record in first.items()]
    return found
