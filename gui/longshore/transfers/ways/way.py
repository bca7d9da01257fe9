"""What the queue and a way of moving an image know of each other: one attempt, and what a way can do."""

from __future__ import annotations

import enum
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Protocol

from longshore.cancellation import Cancellation
from longshore.transfers.clients import Clients
from longshore.transfers.progress.progress import Progress
from longshore.transfers.transfer import (
    NoteKind,
    Plan,
    TransferNote,
    TransferRequest,
)


class Later(enum.Enum):
    """In place of a plan."""

    PLAN = "later"  # made while the transfer runs already, and told to ``Job.planned``


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt at a transfer, as its way sees it. Belongs to one worker thread.

    *note* may be called at any moment; what it is given shows in the row at once. *planned*: hears the plan, or None if
    there is none, where ``plan`` gave :class:`Later`; any thread. *left*: what ``plan`` leaves for
    ``run``. *closing*: is closed when the attempt is over, however it ends.
    """

    request: TransferRequest
    clients: Clients
    cancellation: Cancellation
    progress: Progress
    note: Callable[[TransferNote], None] = field(default=lambda note: None)
    planned: Callable[[Plan | None], None] = field(default=lambda plan: None)
    left: dict[str, object] = field(default_factory=dict, compare=False)
    closing: ExitStack = field(default_factory=ExitStack, compare=False)

    def tell(self, kind: NoteKind, text: str = "") -> None:
        """Add a note to the row."""
        self.note(TransferNote(kind, text))


class Way(Protocol):
    """A way to move an image between two kinds of places. Shared by all transfers: keeps no state of one."""

    #: Whether the destination unpacks what it gets; then that is part of the bar.
    extracts: bool
    #: Whether it can stop half way and later go on from there: the bytes are ours. Such an attempt ends with
    #: Cancelled soon after ``cancellation.stopping`` has become true, where it can be gone on with.
    pausable: bool

    def plan(self, job: Job) -> Plan | Later | None:
        """What would move, told to ``job.progress`` as well; None when it cannot be known.

        Never fails the transfer: raises only Cancelled.
        """

    def run(self, job: Job) -> str:
        """Move the image and verify that it arrived; the digest that stands at the destination, "" if unknowable.

        Raises Cancelled or a LongshoreError.
        """
