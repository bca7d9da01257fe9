"""A row of the queue: what the queue itself knows of a transfer."""

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
from longshore.transfers.progress.progress import Progress, ProgressSnapshot
from longshore.transfers.transfer import (
    EnginePlace,
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
    """The time of day, aware."""
    return datetime.now(UTC)


@dataclass(eq=False, slots=True)
class Entry:
    """One row. Guarded by the queue's lock, apart from *progress* and *cancellation*, which guard themselves.

    *not_before*, *waiting_since*, *stop_at*: seconds of the monotonic clock. *ends*: what an attempt holds for itself
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
    idle: float = 0.0  # seconds of its attempts up to now in which nothing moved
    waiting_for: Waiting | None = None
    most_tries: int = 0  # with the one that it waits for; 0: not counted
    not_before: float | None = None
    waiting_since: float | None = None
    stop_at: float | None = None
    #: How often it was queued by the user, and for which of these times the journal has it on disk, or said that it
    #: cannot write: only then may it start, so that no kill can leave work behind that nobody knows of.
    asked: int = 1
    settled: int = 0
    interrupting: bool = False
    progress: Progress | None = None
    view: ProgressSnapshot = field(default_factory=ProgressSnapshot)
    cancellation: Cancellation = field(default_factory=Cancellation)
    thread: threading.Thread | None = None
    pausable: bool | None = None  # None: nobody has looked yet
    pausing: bool = False  # the attempt was asked to stop, to be gone on with later
    paused: bool = False  # ... and the user has not asked to go on since
    carried: frozenset[str] = frozenset()  # ids of the layers that earlier attempts moved
    plan: Plan | None = None
    moved: Moved | None = None
    notes: tuple[TransferNote, ...] = ()
    digest: str = ""
    error: LongshoreError | None = None

    @classmethod
    def restored(cls, snapshot: TransferSnapshot) -> Entry:
        """A row of the journal."""
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
        """Whether an attempt runs."""
        return self.state in (State.PLANNING, State.RUNNING, State.CANCELLING)

    @property
    def hosts(self) -> set[str]:
        """The registries it talks to."""
        places = (self.request.source.place, self.request.destination.place)
        return {place.host for place in places if isinstance(place, RegistryPlace)}

    @property
    def engine(self) -> EngineAddress | None:
        """The engine it needs; of two, the destination's."""
        for place in (self.request.destination.place, self.request.source.place):
            if isinstance(place, EnginePlace):
                return place.address
        return None

    @property
    def ends(self) -> set[Hashable]:
        """The names it writes: a push gives the local image the destination's name as well."""
        destination = self.request.destination
        name: Hashable = (
            destination.reference or self.request.source.reference or self.request.source.image_id
        )
        engine = self.engine
        return {(destination.place, name)} | ({(EnginePlace(engine), name)} if engine is not None else set())

    def again(self) -> None:
        """As new, at the user's wish."""
        self.state = State.QUEUED
        self.asked += 1
        self.started = self.finished = None
        self.attempt = 1
        self.retries = self.engine_returns = 0
        self.idle = 0.0
        self.wait_for(None)
        self.progress = None
        self.carried = frozenset()
        self.view = ProgressSnapshot()
        self.plan = self.moved = self.error = None
        self.notes = ()
        self.digest = ""

    def wait_for(self, why: Waiting | None, until: float | None = None, since: float | None = None) -> bool:
        """Say what it waits for; True if that is new."""
        changed = (why, until) != (self.waiting_for, self.not_before)
        self.waiting_for, self.not_before, self.waiting_since = why, until, since
        return changed

    def end(self, state: State) -> None:
        """Into one of the finished states."""
        self.state = state
        self.finished = now()
        self.stop_at = None
        self.pausing = self.paused = False
        self.wait_for(None)
        self.freeze()

    def pause(self) -> None:
        """Out of an attempt that was asked to stop, back among those that wait."""
        self.state = State.QUEUED
        self.stop_at = None
        self.wait_for(Waiting.PAUSED if self.paused else None)
        self.pausing = self.paused = False
        self.freeze()

    def freeze(self) -> None:
        """Keep what the attempt's progress shows, and let the progress go."""
        if self.progress is not None:
            self.moved = self.progress.moved()
            # An attempt that was abandoned has not ended its progress: nothing moves for this row all the same.
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
            notes=self.notes,
        )
