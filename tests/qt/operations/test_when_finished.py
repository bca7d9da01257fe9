"""When finished: never before everything has finished, never in the middle of something, not after a failure."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QObject, Signal

from longshore.models.transfer_choice import After
from longshore.operations import when_finished
from longshore.operations.when_finished import WhenFinished
from longshore.transfers.transfer import State
from qt.models.made import transfer


class _Transfers(QObject):
    ended = Signal(object)
    tally_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.unfinished = 1

    def end(self, state: State = State.SUCCEEDED) -> None:
        self.unfinished -= 1
        self.ended.emit(transfer("a", state=state))
        self.tally_changed.emit()

    def more(self) -> None:
        self.unfinished += 1
        self.tally_changed.emit()


class _Told:
    """What was emitted, in order."""

    def __init__(self, when: WhenFinished) -> None:
        self.words: list[Any] = []
        when.due.connect(lambda: self.words.append("due"))
        when.withdrawn.connect(lambda: self.words.append("withdrawn"))
        when.stayed.connect(self.words.append)


def test_nothing_happens_unless_it_is_chosen(qapp: object) -> None:
    transfers = _Transfers()
    told = _Told(WhenFinished(transfers, lambda: False))  # type: ignore[arg-type]
    transfers.end()
    assert told.words == []


@pytest.mark.parametrize("after", [After.QUIT, After.SUSPEND])
def test_it_is_due_once_and_withdrawn_by_new_work(after: After, qapp: object) -> None:
    transfers = _Transfers()
    when = WhenFinished(transfers, lambda: False)  # type: ignore[arg-type]
    told = _Told(when)
    transfers.more()
    when.choose(after)
    transfers.end()
    assert told.words == []
    transfers.end()
    transfers.tally_changed.emit()
    assert told.words == ["due"]
    transfers.more()
    assert told.words == ["due", "withdrawn"]
    assert when.chosen is after
    transfers.end()
    when.choose(After.NOTHING)
    assert told.words == ["due", "withdrawn", "due", "withdrawn"]


def test_a_failure_keeps_longshore_open_and_does_not_keep_the_machine_awake(qapp: object) -> None:
    transfers = _Transfers()
    when = WhenFinished(transfers, lambda: False)  # type: ignore[arg-type]
    told = _Told(when)
    transfers.more()
    when.choose(After.QUIT)
    transfers.end(State.FAILED)
    transfers.end()
    assert told.words == [1]
    assert when.chosen is After.NOTHING
    transfers.more()
    when.choose(After.SUSPEND)
    transfers.end(State.FAILED)
    assert (told.words, when.failed) == ([1, "due"], 1)


def test_failures_before_the_choice_and_cancelled_transfers_do_not_count(qapp: object) -> None:
    transfers = _Transfers()
    when = WhenFinished(transfers, lambda: False)  # type: ignore[arg-type]
    told = _Told(when)
    transfers.more()
    transfers.end(State.FAILED)
    when.choose(After.QUIT)
    transfers.end(State.CANCELLED)
    assert told.words == ["due"]


def test_it_waits_until_nothing_else_goes_on(qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(when_finished, "LOOK", 5)
    transfers, busy = _Transfers(), [True]
    when = WhenFinished(transfers, lambda: bool(busy))  # type: ignore[arg-type]
    told = _Told(when)
    when.choose(After.SUSPEND)
    transfers.end()
    assert told.words == []
    busy.clear()
    qtbot.waitUntil(lambda: told.words == ["due"])
    when.stop()
