"""A signal closes the window between two events of the loop, never in the middle of running Python code."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QCoreApplication
from pytestqt.qtbot import QtBot

from longshore.app import _signals

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def handlers_of_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in NUMBERS}
    for number in NUMBERS:
        signal.signal(number, signal.SIG_DFL)  # a shell ignores some of them for background jobs
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_waits_for_the_loop(qtbot: QtBot, number: signal.Signals) -> None:
    quits: list[signal.Signals] = []
    with _signals(lambda: quits.append(number)):
        os.kill(os.getpid(), number)
        # A handler that closed the window directly would have done so here, where the program may hold locks.
        assert not quits
        QCoreApplication.processEvents()
        qtbot.waitUntil(lambda: quits == [number])


def test_other_signals_close_nothing(qtbot: QtBot) -> None:
    quits: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    try:
        with _signals(lambda: quits.append(1)):
            os.kill(os.getpid(), signal.SIGUSR1)
            os.kill(os.getpid(), signal.SIGTERM)
            qtbot.waitUntil(lambda: bool(quits))
            assert quits == [1]
            os.kill(os.getpid(), signal.SIGUSR1)
            for _ in range(10):
                QCoreApplication.processEvents()
            assert quits == [1]
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_what_was_ignored_stays_ignored(qtbot: QtBot) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with _signals(lambda: None):
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
