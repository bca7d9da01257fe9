"""What a tag is to point to, and the answer whether that is possible."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from longshore.transfers.tag_changes import TagOperation

if TYPE_CHECKING:
    from longshore.application.tag_history.record import TagRecord
    from longshore.errors import LongshoreError
    from longshore.oci.manifest import Index, Manifest
    from longshore.oci.reference import Reference
    from longshore.transfers.transfer import Place, TransferRequest


@dataclass(frozen=True, slots=True)
class Goal:
    """The tag *reference* in *place* is to point to *digest* (an image ID in an engine); "": the tag is to go.

    *expected*: what it may point to now without losing somebody else's change; None: anything. *record*: the change
    that this undoes, None for none. *operation*: what it is recorded as. *origins*: references by digest from which
    registries may have the content.
    """

    place: Place
    reference: Reference
    digest: str | None
    expected: tuple[str, ...] | None = None
    record: TagRecord | None = None
    operation: TagOperation = TagOperation.UNDO
    origins: tuple[str, ...] = ()
    group: str = ""

    @property
    def undoes(self) -> str:
        """The id of the change that this undoes, "" for none."""
        return "" if self.record is None else self.record.id

    def loses(self, now: str) -> bool:
        """Whether a change that somebody else may have made is lost, because the tag points to *now*."""
        return self.expected is not None and now not in self.expected


class How(enum.Enum):
    """How a tag is put back."""

    #: The place has the content: only the tag is written.
    TAG = "tag"
    #: The tag is removed, because there was none.
    REMOVE = "remove"
    #: The content is brought from another place by a transfer.
    TRANSFER = "transfer"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether and how *goal* can be reached. Immutable; crosses threads freely.

    *how*: None if it cannot; *reason* then says why. *now*: what the tag points to, "" for no such tag, None if it is
    not known. *moved*: the tag points to something else than *goal* expects, so that a later change would be lost: ask
    first. *manifests*: what a registry gets, children before their index. *request*: the transfer that brings the
    content. *deletes_image*: removing the tag deletes the image, too.
    """

    goal: Goal
    how: How | None
    now: str | None = None
    reason: LongshoreError | None = None
    moved: bool = False
    manifests: tuple[Manifest | Index, ...] = ()
    request: TransferRequest | None = None
    deletes_image: bool = False

    @property
    def possible(self) -> bool:
        """Whether the goal can be reached."""
        return self.how is not None

    @property
    def reached(self) -> bool:
        """Whether the tag already points to what it is to point to."""
        return self.now is not None and self.now == self.goal.digest


def goals_of(records: Iterable[TagRecord]) -> list[Goal]:
    """The goals that undo *records* (newest first): one for each tag, back to what it was before the first of them."""
    newest: dict[tuple[object, Reference], TagRecord] = {}
    oldest: dict[tuple[object, Reference], TagRecord] = {}
    for record in records:
        tag = (record.place, record.reference)
        newest.setdefault(tag, record)
        oldest[tag] = record
    return [
        Goal(
            record.place,
            record.reference,
            oldest[tag].before,
            _expected(record),
            record,
            origins=oldest[tag].origins,
        )
        for tag, record in newest.items()
    ]


def _expected(record: TagRecord) -> tuple[str, ...]:
    """What the tag points to if nobody changed it after *record*.

    Nobody knows whether an open change was made. Where it is not known either what it was to make of the tag, whatever
    else the tag points to may be somebody else's.
    """
    known = (record.after, record.before) if record.open else (record.after,)
    return tuple(one for one in known if one is not None)
