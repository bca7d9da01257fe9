"""Speed and time left, smoothed so that they do not jump."""

from __future__ import annotations

from collections import deque

#: Seconds of samples that the speed covers.
WINDOW = 3.0
#: Minimum seconds between two samples; more samples would only repeat the engine's own interval of 100 ms.
SPACING = 0.1
#: Seconds of data needed before a time left is meaningful.
ENOUGH = 2.0
#: Half-life of the slow average, in seconds.
HALF_LIFE = 5.0
#: The two averages may differ by this factor; beyond it the time left is withheld as unstable.
UNSTABLE = 3.0
#: The share of a new estimate that the displayed time left adopts per second.
FOLLOW = 0.35


class SpeedMeter:
    """Bytes per second over a sliding window, and seconds left from a smoothed rate of work.

    *work* is the bar's measure (download and extraction, in bytes), *moved* counts bytes on the network; neither falls.
    Not thread-safe: belongs to its Progress, which locks.
    """

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int, float]] = deque()
        self._begun: float | None = None
        self._slow = 0.0
        self._shown: float | None = None
        self._shown_at = 0.0

    def sample(self, now: float, moved: int, work: float) -> None:
        """Add the values at *now* (seconds, monotonic). Cheap; samples too close together are ignored."""
        samples = self._samples
        if not samples:
            samples.append((now, moved, work))
            return
        then, _, before = samples[-1]
        passed = now - then
        if passed < SPACING:
            return
        if self._begun is None and (moved > samples[-1][1] or work > before):
            self._begun = then
        rate = (work - before) / passed
        if self._begun is not None:
            # The first samples count fully, so that the average does not have to climb from zero.
            share = max(1.0 - 0.5 ** (passed / HALF_LIFE), passed / max(now - self._begun, passed))
            self._slow += share * (rate - self._slow)
        samples.append((now, moved, work))
        while len(samples) > 2 and now - samples[1][0] >= WINDOW:
            samples.popleft()

    def speed(self) -> float | None:
        """Bytes per second over the last seconds; None before anything moved."""
        if self._begun is None or len(self._samples) < 2:
            return None
        first, last = self._samples[0], self._samples[-1]
        return max((last[1] - first[1]) / (last[0] - first[0]), 0.0)

    def seconds_left(self, now: float, work_left: float) -> float | None:
        """Seconds until *work_left* is done; None with too little data, during a stall, or at an unstable rate."""
        target = self._estimate(now, work_left)
        if target is None:
            self._shown = None
            return None
        if self._shown is None:
            self._shown = target
        else:
            passed = now - self._shown_at
            expected = max(self._shown - passed, 0.0)
            self._shown = expected + (target - expected) * min(FOLLOW * passed, 1.0)
        self._shown_at = now
        return self._shown

    def _estimate(self, now: float, work_left: float) -> float | None:
        if self._begun is None or now - self._begun < ENOUGH or len(self._samples) < 3:
            return None
        first, last = self._samples[0], self._samples[-1]
        fast = (last[2] - first[2]) / (last[0] - first[0])
        if fast <= 0 or self._slow <= 0 or not 1 / UNSTABLE <= fast / self._slow <= UNSTABLE:
            return None
        return work_left / self._slow
