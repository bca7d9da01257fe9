"""The limit that all copies share."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.transfers import bandwidth as module
from longshore.transfers.bandwidth import Bandwidth


def take(bandwidth: Bandwidth, total: int, piece: int = 1000) -> float:
    """Seconds that it takes to let *total* bytes through."""
    begun = time.monotonic()
    for _ in range(total // piece):
        bandwidth.take(piece, Cancellation())
    return time.monotonic() - begun


def test_no_limit_waits_for_nothing_and_has_no_pieces() -> None:
    assert take(Bandwidth(), 100_000_000, 1_000_000) < 1
    assert Bandwidth().piece is None


def test_the_limit_is_kept_by_several_together() -> None:
    bandwidth = Bandwidth(200_000)
    begun = time.monotonic()
    threads = [threading.Thread(target=take, args=(bandwidth, 25_000)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # 100 KB at 200 KB/s, less the burst that is allowed at the beginning.
    assert time.monotonic() - begun >= 0.5 - 0.11


def test_a_new_limit_holds_at_once_for_what_waits() -> None:
    bandwidth = Bandwidth(10)
    done = threading.Event()

    def wait() -> None:
        take(bandwidth, 10_000)
        done.set()

    thread = threading.Thread(target=wait)
    thread.start()
    assert not done.wait(0.1)
    bandwidth.limit = None
    assert done.wait(5)
    thread.join()


def test_waiting_ends_with_its_cancellation() -> None:
    cancellation = Cancellation()
    timer = threading.Timer(0.1, cancellation.cancel)
    timer.start()
    with pytest.raises(Cancelled):
        Bandwidth(1).take(1_000_000, cancellation)
    timer.join()


def test_a_limit_is_more_than_nothing() -> None:
    with pytest.raises(ValueError, match="must be positive"):
        Bandwidth(0)
    assert Bandwidth(100).piece == 4096
    assert Bandwidth(10_000_000).piece == 1_000_000


def test_what_waits_rests_for_a_tenth_of_a_second_at_most() -> None:
    """Then it checks whether the limit has changed."""
    rests: list[float] = []

    class Resting(Cancellation):
        def wait(self, seconds: float) -> bool:
            rests.append(seconds)
            self.cancel()
            return True

    with pytest.raises(Cancelled):
        Bandwidth(1).take(1_000_000, Resting())
    assert rests == [0.1]


class Clock(Cancellation):
    """Time that passes only while somebody waits."""

    now = 1000.0

    def __init__(self) -> None:
        super().__init__()
        self.rests: list[float] = []

    def wait(self, seconds: float) -> bool:
        self.rests.append(round(seconds, 6))
        self.now += seconds
        return False


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: made.now))
    return made


def test_bytes_wait_for_exactly_their_share_of_a_second(clock: Clock) -> None:
    bandwidth = Bandwidth(1000)
    bandwidth.take(250, clock)
    assert clock.rests == [0.1, 0.1, 0.05]
    bandwidth.take(50, clock)
    assert clock.rests[3:] == [0.05]


@pytest.mark.parametrize(("pause", "rest"), [(0.0, 0.2), (0.04, 0.16), (0.1, 0.1), (60.0, 0.1)])
def test_after_a_pause_a_tenth_of_a_second_passes_at_once(clock: Clock, pause: float, rest: float) -> None:
    bandwidth = Bandwidth(1000)
    clock.now += pause
    bandwidth.take(200, clock)
    assert sum(clock.rests) == pytest.approx(rest)


def test_a_new_limit_begins_anew(clock: Clock) -> None:
    bandwidth = Bandwidth(10)
    with pytest.raises(Cancelled):
        bandwidth.take(1000, _Impatient())
    bandwidth.limit = 1000
    bandwidth.take(100, clock)
    assert clock.rests == [0.1], "what the old limit had promised is forgotten"
    bandwidth.limit = None
    bandwidth.take(1 << 40, clock)
    assert clock.rests == [0.1]


class _Impatient(Cancellation):
    def wait(self, seconds: float) -> bool:
        self.cancel()
        return True


@pytest.mark.parametrize(("rate", "piece"), [(1, 4096), (40_959, 4096), (40_970, 4097), (1_000_000, 100_000)])
def test_a_piece_is_a_tenth_of_a_second_and_not_too_small(rate: float, piece: int) -> None:
    assert Bandwidth(rate).piece == piece
