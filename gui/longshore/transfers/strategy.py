"""How a transfer is done: the seam between the queue and the ways of moving an image."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Protocol

from longshore.cancellation import Cancellation
from longshore.transfers.progress import Progress
from longshore.transfers.services import Services
from longshore.transfers.transfer import (
    ArchivePlace,
    EnginePlace,
    LibraryPlace,
    NoteKind,
    Plan,
    RegistryPlace,
    TransferNote,
    TransferRequest,
)


class Later(enum.Enum):
    """In place of a plan."""

    PLAN = "later"  # made while the transfer runs already, and told to ``Job.planned``


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt at a transfer, as its strategy sees it. Belongs to one worker thread.

    *note* may be called at any moment; what it is given shows in the row at once. *planned*: hears the plan, or None if
    there is none, where ``plan`` gave :class:`Later`; any thread. *left*: what ``plan`` leaves for
    ``run``. *closing*: is closed when the attempt is over, however it ends.
    """

    request: TransferRequest
    services: Services
    cancellation: Cancellation
    progress: Progress
    note: Callable[[TransferNote], None] = field(default=lambda note: None)
    planned: Callable[[Plan | None], None] = field(default=lambda plan: None)
    left: dict[str, object] = field(default_factory=dict, compare=False)
    closing: ExitStack = field(default_factory=ExitStack, compare=False)

    def tell(self, kind: NoteKind, text: str = "") -> None:
        """Add a note to the row."""
        self.note(TransferNote(kind, text))


class Strategy(Protocol):
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


Places = tuple[type[EnginePlace | RegistryPlace | LibraryPlace | ArchivePlace], ...]
Strategies = Mapping[Places, Strategy]


def default_strategies() -> Strategies:
    """The ways there are, by the kinds of source and destination."""
    from longshore.transfers.copying import CopyStrategy
    from longshore.transfers.engine_to_library import EngineToLibrary
    from longshore.transfers.library_pull import LibraryPull
    from longshore.transfers.library_to_engine import LibraryToEngine
    from longshore.transfers.load import LoadStrategy
    from longshore.transfers.pull import PullStrategy
    from longshore.transfers.push import PushStrategy
    from longshore.transfers.relay import RelayStrategy
    from longshore.transfers.save import SaveStrategy

    copy = CopyStrategy()
    into_archive = CopyStrategy(pausable=False)
    return {
        (RegistryPlace, EnginePlace): PullStrategy(),
        (EnginePlace, RegistryPlace): PushStrategy(),
        (RegistryPlace, RegistryPlace): copy,
        (RegistryPlace, LibraryPlace): LibraryPull(),
        (LibraryPlace, RegistryPlace): copy,
        (LibraryPlace, LibraryPlace): copy,
        (LibraryPlace, EnginePlace): LibraryToEngine(),
        (EnginePlace, LibraryPlace): EngineToLibrary(),
        (EnginePlace, EnginePlace): RelayStrategy(),
        (EnginePlace, ArchivePlace): SaveStrategy(),
        (ArchivePlace, EnginePlace): LoadStrategy(),
        (RegistryPlace, ArchivePlace): into_archive,
        (LibraryPlace, ArchivePlace): into_archive,
        (ArchivePlace, ArchivePlace): into_archive,
        (ArchivePlace, RegistryPlace): copy,
        (ArchivePlace, LibraryPlace): copy,
    }


def kind_of(request: TransferRequest) -> Places:
    """The key of *request* in a table of strategies."""
    return (type(request.source.place), type(request.destination.place))
