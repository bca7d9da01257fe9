"""The interface between the queue and the ways to move an image: one attempt, and the protocol of a way."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Protocol

from longshore.cancellation import Cancellation
from longshore.engine.address import EngineAddress
from longshore.transfers.clients import Clients
from longshore.transfers.progress.output_log import OutputLog
from longshore.transfers.progress.progress import Progress
from longshore.transfers.tag_changes import NO_RECORDER, TagRecorder
from longshore.transfers.transfer import (
    NoteKind,
    Plan,
    TransferNote,
    TransferRequest,
)


class Later(enum.Enum):
    """Returned instead of a plan."""

    PLAN = "later"  # made while the transfer runs, and passed to ``Job.planned``


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt at a transfer, as its way sees it. Belongs to one worker thread.

    *note* may be called at any time; the note appears in the row at once. *planned*: called with the plan, or None if
    there is none, after ``plan`` returned :class:`Later`; any thread. *left*: what ``plan`` leaves for ``run``.
    *closing*: closed when the attempt is over, however it ends. *recorder*: records the tags that the attempt changes.
    *id*: of the transfer. *log*: for the output of what the attempt runs. *keeps*: called with whether the attempt
    keeps what it moved when it ends early; until then, it does as the way's ``pausable`` says. *beside*: returns the
    queue's other rows, by id, that have not ended and pull the same image into other engines, with these engines.
    """

    request: TransferRequest
    clients: Clients
    cancellation: Cancellation
    progress: Progress
    note: Callable[[TransferNote], None] = field(default=lambda note: None)
    planned: Callable[[Plan | None], None] = field(default=lambda plan: None)
    left: dict[str, object] = field(default_factory=dict, compare=False)
    closing: ExitStack = field(default_factory=ExitStack, compare=False)
    recorder: TagRecorder = NO_RECORDER
    id: str = ""
    keeps: Callable[[bool], None] = field(default=lambda kept: None)
    beside: Callable[[], Mapping[str, EngineAddress]] = field(default=dict)
    log: OutputLog = field(default_factory=OutputLog, compare=False)

    def tell(self, kind: NoteKind, text: str = "") -> None:
        """Add a note to the row."""
        self.note(TransferNote(kind, text))


class Way(Protocol):
    """A way to move an image between two kinds of places. Shared by all transfers: keeps no state of one."""

    #: Whether the destination unpacks the image; then unpacking is part of the bar.
    extracts: bool
    #: Whether it can stop half way and resume there later: Longshore moves the bytes. Such an attempt ends with
    #: Cancelled soon after ``cancellation.stopping`` is set, at a point from which it can be resumed.
    pausable: bool

    def plan(self, job: Job) -> Plan | Later | None:
        """Return what would move, and report it to ``job.progress``; None if it cannot be known.

        Never fails the transfer: raises only Cancelled.
        """

    def run(self, job: Job) -> str:
        """Move the image, verify that it arrived, and return its digest at the destination ("" if it has none).

        Raises Cancelled or a LongshoreError.
        """
