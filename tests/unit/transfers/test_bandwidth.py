"""The limit that all copies share."""

from __future__ import annotations

import threading
import time

import pytest

from longshore.cancellation import Cancellation, Cancelled
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
