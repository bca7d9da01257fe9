"""A row of the queue: the queue's own record of a transfer."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from longshore.cancellation import Cancellation
from longshore.engine.address import EngineAddress
from longshore.errors import LongshoreError
from longshore.oci.layer import LayerState
from longshore.transfers.builds import names_of
from longshore.transfers.progress.output_log import OutputLog
from longshore.transfers.progress.progress import Progress, ProgressSnapshot
from longshore.transfers.transfer import (
    EnginePlace,
    FolderPlace,
    Moved,
    Phase,
    Plan,
    RegistryPlace,
    State,
    TransferNote,
    TransferRequest,
    TransferSnapshot,
    Waiting,
)


def now() -> datetime:
    """The current time, timezone-aware."""
    return datetime.now(UTC)


@dataclass(eq=False, slots=True)
class Entry:
    """One row. Guarded by the queue's lock, except *progress* and *cancellation*, which have their own locks.

    *not_before*, *waiting_since*, *stop_at*: seconds of the monotonic clock. *ends*: names that an attempt reserves
    while it runs, so that two transfers never write the same name at once.
    """

    request: TransferRequest
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    state: State = State.QUEUED
    created: datetime = field(default_factory=now)
    started: datetime | None = None
    finished: datetime | None = None
    attempt: int = 1
    retries: int = 0
    engine_returns: int = 0
    idle: float = 0.0  # seconds without movement over all attempts up to now
    waiting_for: Waiting | None = None
    most_tries: int = 0  # including the one that it waits for; 0: not counted
    not_before: float | None = None
    waiting_since: float | None = None
    stop_at: float | None = None
    #: The number of times the user queued it, and the last of those that the journal has written to disk, or reported
    #: as not writable. Only then may it start, so that a kill never leaves work that no journal knows about.
    asked: int = 1
    settled: int = 0
    interrupting: bool = False
    progress: Progress | None = None
    #: The output of the latest attempt; in memory only.
    log: OutputLog = field(default_factory=OutputLog)
    view: ProgressSnapshot = field(default_factory=ProgressSnapshot)
    cancellation: Cancellation = field(default_factory=Cancellation)
    thread: threading.Thread | None = None
    pausable: bool | None = None  # None: not determined yet
    pausing: bool = False  # the attempt was asked to stop and to be resumed later
    paused: bool = False  # ... and the user has not resumed it since
    urgent: bool = False  # the user started it himself: no limit and no held queue keeps it waiting
    carried: frozenset[str] = frozenset()  # ids of the layers that earlier attempts moved
    plan: Plan | None = None
    moved: Moved | None = None
    notes: tuple[TransferNote, ...] = ()
    digest: str = ""
    error: LongshoreError | None = None

    @classmethod
    def restored(cls, snapshot: TransferSnapshot) -> Entry:
        """The row for *snapshot* from the journal."""
        return cls(
            request=snapshot.request,
            id=snapshot.id,
            state=snapshot.state,
            settled=1,
            created=snapshot.created,
            started=snapshot.started,
            finished=snapshot.finished,
            attempt=snapshot.attempt,
            view=ProgressSnapshot(
                permille=snapshot.permille, moved_bytes=snapshot.moved_bytes, total_bytes=snapshot.total_bytes
            ),
            plan=snapshot.plan,
            moved=snapshot.moved,
            notes=snapshot.notes,
            digest=snapshot.digest,
            error=snapshot.error,
        )

    @property
    def active(self) -> bool:
        """Whether an attempt is running."""
        return self.state in (State.PLANNING, State.RUNNING, State.CANCELLING)

    @property
    def hosts(self) -> set[str]:
        """The hosts of the registries that it uses."""
        places = (self.request.source.place, self.request.destination.place)
        return {place.host for place in places if isinstance(place, RegistryPlace)}

    @property
    def engine(self) -> EngineAddress | None:
        """The engine that it needs; if there are two, the destination's."""
        for place in (self.request.destination.place, self.request.source.place):
            if isinstance(place, EnginePlace):
                return place.address
        return None

    @property
    def engine_away(self) -> EngineAddress | None:
        """The engine that it waits for, None if it waits for none."""
        waits = self.state is State.QUEUED and self.waiting_for is Waiting.ENGINE
        return self.engine if waits else None

    @property
    def ends(self) -> set[Hashable]:
        """The names that it writes. A push also gives the local image the destination's name."""
        destination = self.request.destination
        name: Hashable = (
            destination.reference or self.request.source.reference or self.request.source.image_id
        )
        engine = self.engine
        if isinstance(self.request.source.place, FolderPlace):
            names: list[Hashable] = [*names_of(self.request)] or [self.id]
            return {(destination.place, name) for name in names}
        return {(destination.place, name)} | ({(EnginePlace(engine), name)} if engine is not None else set())

    def again(self) -> None:
        """Reset the row because the user queued it again."""
        self.state = State.QUEUED
        self.asked += 1
        self.started = self.finished = None
        self.attempt = 1
        self.retries = self.engine_returns = 0
        self.idle = 0.0
        self.urgent = False
        self.wait_for(None)
        self.progress = None
        self.carried = frozenset()
        self.view = ProgressSnapshot()
        self.plan = self.moved = self.error = None
        self.notes = ()
        self.digest = ""

    def wait_for(self, why: Waiting | None, until: float | None = None, since: float | None = None) -> bool:
        """Set the reason for waiting. Returns True if it changed."""
        changed = (why, until) != (self.waiting_for, self.not_before)
        self.waiting_for, self.not_before, self.waiting_since = why, until, since
        return changed

    def end(self, state: State) -> None:
        """Move to *state*, one of the finished states."""
        self.state = state
        self.finished = now()
        self.stop_at = None
        self.pausing = self.paused = False
        self.wait_for(None)
        self.freeze()

    def pause(self) -> None:
        """Return to the waiting rows after an attempt was asked to stop."""
        self.state = State.QUEUED
        self.stop_at = None
        self.urgent = self.urgent and not self.paused
        self.wait_for(Waiting.PAUSED if self.paused else None)
        self.pausing = self.paused = False
        self.freeze()

    def freeze(self) -> None:
        """Keep the values of the attempt's progress and release the progress."""
        if self.progress is not None:
            self.moved = self.progress.moved()
            # An abandoned attempt has not ended its progress, but this row no longer moves.
            self.view = replace(self.progress.snapshot(), speed=None, seconds_left=None, phase=None)
            self.idle = self.progress.idle(self.idle)
            self.progress = None
            if self.pausable:
                moved = (layer.layer_id for layer in self.view.layers if layer.state is LayerState.DONE)
                self.carried = self.carried.union(moved)

    def snapshot(self, monotonic: float) -> TransferSnapshot:
        """The row at this moment."""
        view = self.view if self.progress is None else self.progress.snapshot()
        waiting = None if self.not_before is None else max(self.not_before - monotonic, 0.0)
        return TransferSnapshot(
            id=self.id,
            request=self.request,
            state=self.state,
            permille=view.permille,
            moved_bytes=view.moved_bytes,
            total_bytes=view.total_bytes,
            speed=view.speed,
            seconds_left=view.seconds_left,
            created=self.created,
            started=self.started,
            finished=self.finished,
            attempt=self.attempt,
            waiting_seconds=waiting if self.state is State.QUEUED else None,
            waiting_for=self.waiting_for if self.state is State.QUEUED else None,
            next_try=(self.retries + 1, self.most_tries) if waiting is not None and self.most_tries else None,
            phase=Phase.PAUSING if self.pausing else view.phase,
            pausable=bool(self.pausable),
            plan=self.plan,
            moved=self.moved,
            digest=self.digest,
            error=self.error,
            layers=view.layers,
            output=self.log.last,
            notes=self.notes,
        )
