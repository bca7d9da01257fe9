"""The progress of a transfer, computed from the events of its stream: one honest bar, and a row per layer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from longshore.oci.layer import LayerState
from longshore.transfers.progress.meter import LayerMeter, PlannedLayer
from longshore.transfers.progress.speed import SpeedMeter
from longshore.transfers.progress.steps import Steps
from longshore.transfers.transfer import LayerSnapshot, Moved, Phase

if TYPE_CHECKING:
    from longshore.oci.layer import LayerProgress

#: The share of a pulled layer's bar for its download; the rest is for its extraction. The engine downloads three layers
#: at a time and extracts one, at about two to three times the speed of a fast network.
DOWNLOAD_SHARE = 0.7
SHORT = 12


@dataclass(frozen=True, slots=True)
class ProgressSnapshot:
    """The progress at one moment; see TransferSnapshot for the meanings."""

    permille: int | None = None
    moved_bytes: int = 0
    total_bytes: int | None = None
    speed: float | None = None
    seconds_left: float | None = None
    phase: Phase | None = None
    layers: tuple[LayerSnapshot, ...] = ()


class Progress:
    """The progress of one attempt. Fed by its worker thread, read by any thread.

    *extracts*: whether the destination unpacks layers (a pull into an engine). *floor*: permille that an earlier
    attempt reached; the bar does not fall below it. *carried*: ids of layers that earlier attempts moved: found at the
    destination now, they count as moved and not as skipped. *changed* is called from the feeding thread, without a lock
    held, at the first change after each snapshot.
    """

    def __init__(
        self,
        *,
        extracts: bool,
        floor: int | None = None,
        carried: frozenset[str] = frozenset(),
        changed: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lock = threading.Lock()
        self._share = DOWNLOAD_SHARE if extracts else 1.0
        self._changed = changed
        self._clock = clock
        self._carried = carried
        self._earlier = 0  # bytes of the carried layers
        self._layers: dict[str, LayerMeter] = {}  # by every id an engine may use for it
        self._rows: list[LayerMeter] = []
        self._whole: int | None = None
        self._awaiting = False  # a plan is being made: the layers seen so far are not all layers
        self._permille = floor
        self._phase: Phase | None = None
        self._derived_phase: Phase | None = None
        self._moved = 0
        self._total: int | None = None
        self._work = 0.0
        self._work_total = 0.0
        self._speed = SpeedMeter()
        self._ended = False
        self._active = self._clock()  # the time of the start or of the last movement
        self._moving = False  # whether anything moved
        self._told = False  # `changed` was called since the last snapshot
        self._dirty = True  # the sums below are out of date
        self._row_snapshots: tuple[LayerSnapshot, ...] = ()
        self._steps: Steps | None = None

    # -- for the worker

    def steps(self) -> Steps:
        """The rows of an attempt that runs steps in place of moving layers. Call once."""
        steps = Steps(self._stepped, self._clock)
        with self._lock:
            self._steps = steps
        return steps

    def await_plan(self) -> None:
        """Announce that a plan follows while events already arrive.

        No share of the whole is shown until :meth:`expect` or :meth:`no_plan`.
        """
        with self._lock:
            self._awaiting = True

    def no_plan(self) -> None:
        """Report that the announced plan will not come."""
        with self._lock:
            self._awaiting, self._dirty = False, True
        self._tell()

    def expect(self, layers: Iterable[PlannedLayer], *, whole: int | None = None) -> set[str]:
        """Set the layers that will come, preferably before the first event.

        *whole*: total bytes, if only that is known. Layers with the same digest are one, as in the engine's own rows.
        Returns the digests of layers that the plan expects at the destination although they are moving.
        """
        moved: set[str] = set()
        with self._lock:
            self._whole, self._awaiting = whole, False
            for planned in layers:
                keys = [_short(name) for name in (planned.digest, planned.diff_id) if name]
                met = next((self._layers[key] for key in keys if key in self._layers), None)
                if not keys or (met is not None and met.planned is not None):
                    continue
                if met is None:
                    met = LayerMeter(keys[0], self._share, planned)
                    self._rows.append(met)
                else:
                    met.plan(planned)
                    if planned.here and not met.here:
                        moved.add(planned.digest)
                for key in keys:
                    self._layers.setdefault(key, met)
            self._dirty = True
        self._tell()
        return moved

    def feed(self, event: LayerProgress) -> None:
        """Apply one event of the stream. Takes a few microseconds."""
        key = event.layer_id
        with self._lock:
            meter = self._layers.get(key)
            if meter is None:
                meter = self._layers[key] = LayerMeter(key, self._share, None)
                self._rows.append(meter)
            state = event.state
            if state is LayerState.SKIPPED and key in self._carried:
                state = LayerState.DONE
                if meter.state is not state:
                    self._earlier += meter.weight or 0
            if not meter.update(state, event.current, event.total, event.retrying_in):
                return
            self._active, self._moving = self._clock(), True
            self._dirty = True
            if self._told:
                return
            self._told = True
        self._changed()

    def drop(self, digest: str) -> None:
        """Take away the row of *digest*, which is no layer: Podman reports an image's configuration as one."""
        with self._lock:
            meter = self._layers.get(_short(digest))
            if meter is None or meter.planned is not None:
                return
            self._layers = {key: each for key, each in self._layers.items() if each is not meter}
            self._rows.remove(meter)
            self._dirty = True
        self._tell()

    def enter(self, phase: Phase | None) -> None:
        """Set the phase; None derives it from the layers' states."""
        with self._lock:
            self._phase = phase
        self._tell()

    def settle(self, sizes: Mapping[str, int]) -> None:
        """Set the layers' true sizes on the network, in bytes by digest or diffID, learned at the end.

        An engine that compresses while it pushes counts unpacked bytes in its events.
        """
        with self._lock:
            for name, size in sizes.items():
                meter = self._layers.get(_short(name))
                if meter is not None:
                    meter.settle(size)
            self._dirty = True
        self._tell()

    def end(self, *, success: bool) -> None:
        """End the attempt: no more speed, and a full bar only on success."""
        if self._steps is not None:
            self._steps.end_all(LayerState.DONE if success else LayerState.STOPPED)
        with self._lock:
            if success:
                # Podman reports no layers for a push: then nothing is claimed about them.
                unplanned = self._unplanned() or self._untold()
                for meter in self._rows:
                    meter.complete(unplanned=unplanned)
            self._refresh()
            self._ended = True
            if success:
                self._permille = 1000
                if self._total is not None:
                    self._moved = self._total
        self._tell()

    def touch(self) -> None:
        """Have the next snapshot taken without an event: a stalled transfer's speed must fall to zero too."""
        self._tell()

    # -- for any thread

    def snapshot(self) -> ProgressSnapshot:
        """The progress now. Unchanged layers are the same objects as before."""
        with self._lock:
            self._told = False
            if self._dirty or self._steps is not None:
                self._refresh()
            speed = left = None
            sending = self._steps is None or self._phase is Phase.SENDING  # steps have no speed
            if not self._ended and sending:
                now = self._clock()
                self._speed.sample(now, self._moved - self._earlier, self._work - self._earlier)
                speed = self._speed.speed()
                left = (
                    self._speed.seconds_left(now, self._work_total - self._work) if self._work_total else None
                )
            return ProgressSnapshot(
                permille=self._permille,
                moved_bytes=self._moved,
                total_bytes=self._total,
                speed=speed,
                seconds_left=left,
                phase=None if self._ended else self._phase or self._derived_phase,
                layers=self._row_snapshots,
            )

    def weighted(self) -> tuple[int, int]:
        """Permille and the total bytes that it refers to, 0 where unknown."""
        with self._lock:
            if self._dirty:
                self._refresh()
            return self._permille or 0, self._total or 0

    def idle(self, before: float) -> float:
        """Seconds without movement up to now, including *before* such seconds from earlier attempts."""
        with self._lock:
            passed = self._clock() - self._active
            return passed if self._moving else before + passed

    def moved(self) -> Moved | None:
        """The bytes and layers moved so far, counted from events; None if an engine reported nothing about its push."""
        with self._lock:
            if self._steps is not None:
                return self._steps.moved()
            if self._rows and self._untold():
                return None
            rows = [meter for meter in self._rows if not meter.silent]
            return Moved(
                bytes=sum(meter.moved_bytes() for meter in rows),
                layers_moved=sum(meter.state is LayerState.DONE for meter in rows),
                layers_skipped=sum(meter.state is LayerState.SKIPPED for meter in rows),
                layers_mounted=sum(meter.state is LayerState.MOUNTED for meter in rows),
            )

    # -- helpers

    def _stepped(self) -> None:
        with self._lock:
            self._active, self._moving = self._clock(), True
        self._tell()

    def _tell(self) -> None:
        with self._lock:
            if self._told:
                return
            self._told = True
        self._changed()

    def _untold(self) -> bool:
        """Whether the engine reported nothing about its upload.

        (An engine that reports nothing in a pull has everything.)
        """
        return self._share == 1 and not any(meter.touched for meter in self._rows)

    def _unplanned(self) -> bool:
        """Whether the engine moves another image than planned (by its own choice of platform), which voids the plan."""
        strangers = False
        for meter in self._rows:
            if meter.planned is None:
                strangers = True
            elif meter.touched:
                return False
        return strangers

    def _refresh(self) -> None:
        """Update the sums and the rows. The lock is held."""
        self._dirty = False
        if self._steps is not None:
            self._row_snapshots = self._steps.snapshots()
            self._moved, self._total = self._steps.sizes()
            if not self._ended:
                self._permille = max(self._permille or 0, self._steps.permille())
            return
        rows = self._rows
        if self._unplanned():
            rows = [meter for meter in rows if meter.planned is None]
        total = moved = unknown = settled = 0
        work = 0.0
        blind = downloading = extracting = begun = False
        queued = not rows
        for meter in rows:
            weight = meter.weight
            if weight is not None:
                settled += weight
            if not meter.counted:
                blind = blind or weight is None
                continue
            state = meter.state
            queued = True
            begun = begun or state is not LayerState.WAITING
            downloading = downloading or state is LayerState.TRANSFERRING
            extracting = extracting or state is LayerState.EXTRACTING
            if weight is None:
                unknown += 1
                moved += meter.current
                continue
            total += weight
            moved += int(weight * meter.transferred)
            work += weight * (self._share * meter.transferred + (1 - self._share) * meter.extracted)
        if unknown and self._whole is not None and not blind and self._whole > settled:
            # Only the sum of the layers not yet begun is known, which is enough for the bar.
            total += self._whole - settled
            work += sum(meter.current for meter in rows if meter.counted and meter.weight is None)
            unknown = 0
        known = not unknown and total > 0 and not self._awaiting
        self._total = total if rows and not unknown and not self._awaiting else None
        # The bytes must not fall within an attempt either, even if a late layer or a corrected size changes the sum.
        self._moved = max(self._moved, moved)
        if self._total is not None:
            self._moved = min(self._moved, self._total)
        self._work_total = total if known else 0.0
        self._work = max(work, self._work) if known else work
        if known and not self._ended:
            self._permille = max(self._permille or 0, min(int(1000 * work / total), 999))
        # A pull that has not begun waits in the engine's own queue: it downloads three layers at a time over all pulls.
        self._derived_phase = (
            Phase.MOVING
            if downloading
            else Phase.EXTRACTING
            if extracting
            else Phase.WAITING
            if self._share < 1 and queued and not begun
            else None
        )
        self._row_snapshots = tuple([meter.snapshot() for meter in rows])


def _short(name: str) -> str:
    """The id that an engine shows for a digest: its first 12 hex characters."""
    return name.rpartition(":")[2][:SHORT]
