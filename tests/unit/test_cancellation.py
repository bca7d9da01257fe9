"""Waiting for a lock ends when the work is cancelled."""

from __future__ import annotations

import threading

import pytest

from longshore.cancellation import Cancellation, Cancelled, holding


def test_who_waits_for_a_lock_is_woken_by_a_cancel() -> None:
    lock, cancellation = threading.Lock(), Cancellation()
    with holding(lock, None):
        assert lock.locked()
        canceller = threading.Thread(target=cancellation.cancel)
        canceller.start()
        with pytest.raises(Cancelled), holding(lock, cancellation):
            pytest.fail("it is held")
        canceller.join()
    assert not lock.locked()


def test_a_lock_is_free_after_an_error_and_waited_for_until_it_is() -> None:
    lock, inside = threading.Lock(), threading.Event()
    with pytest.raises(ZeroDivisionError), holding(lock, Cancellation()):
        raise ZeroDivisionError
    got: list[bool] = []

    def wait() -> None:
        inside.set()
        with holding(lock, Cancellation()):
            got.append(lock.locked())

    waiter = threading.Thread(target=wait)
    with holding(lock, None):
        waiter.start()
        assert inside.wait(20) and not got
    waiter.join(20)
    assert got == [True] and not lock.locked()
