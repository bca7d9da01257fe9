"""The notices that offer an undo: only where it is possible, until the change is undone; and what confirms it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtCore import QObject, Signal
from pytestqt.qtbot import QtBot

from longshore.application.tag_history.record import TagRecord
from longshore.application.undo import sentences
from longshore.application.undo.goal import Goal, How, Verdict
from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError
from longshore.oci.reference import Reference
from longshore.transfers.tag_changes import TagOperation
from longshore.transfers.transfer import RegistryPlace
from longshore.widgets.dialogs.undo import UndoSheet
from longshore.wiring.undo import Undo

from .conftest import Bench

# Of the offscreen platform: a sheet has a least size, and there is no window manager to tell.
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

A, B = ("sha256:" + letter * 64 for letter in "ab")
DEV = Reference.parse("registry.acme.io/team/web:dev")
PLACE = RegistryPlace("registry.acme.io")
GOAL = Goal(PLACE, DEV, A)
POSSIBLE = Verdict(GOAL, How.TAG, "")
GONE = Verdict(GOAL, None, "", sentences.GONE("web:dev", registry="registry.acme.io", digest="aaaaaaaaaaaa"))
MOVED = sentences.MOVED(DEV.familiar, tag="dev")


def record(minute: int, operation: TagOperation = TagOperation.REMOVE) -> TagRecord:
    at = datetime(2026, 11, 27, 12, minute, tzinfo=UTC)
    return TagRecord(
        id=f"{minute:032x}",
        at=at,
        place=PLACE,
        reference=DEV,
        operation=operation,
        before=A,
        after="",
        by="ann",
    )


class _Undoing(QObject):
    """What the window asks of the operations; it answers at once."""

    next_changed = Signal()
    undone = Signal(object)
    unsaved_changed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.next: list[TagRecord] = [record(5)]
        self.verdicts: list[Verdict] | LongshoreError = [POSSIBLE]
        self.error: LongshoreError | None = None
        self.checks = 0

    def last(self, done: Callable[[list[TagRecord]], None]) -> None:
        done(self.next)

    def check(self, records: Sequence[TagRecord], done: Callable[[Any], None]) -> Cancellation:
        self.checks += 1
        done(self.verdicts)
        return Cancellation()

    def carry_out(self, verdicts: list[Verdict], done: Callable[[LongshoreError | None], None]) -> None:
        if self.error is None:
            self.undone.emit(verdicts)
        done(self.error)


class _Transfers(QObject):
    succeeded = Signal(object)


@dataclass
class Wired:
    bench: Bench
    undoing: _Undoing
    undo: Undo
    refreshed: list[bool] = field(default_factory=list)

    @property
    def said(self) -> str:
        return self.bench.window.registry_pane.explanation

    @property
    def button(self) -> str:
        notice = self.bench.window.registry_pane._notice
        return "" if notice is None or notice.button.isHidden() else notice.button.text()

    def offer(self) -> None:
        self.undo.offer(self.bench.window.registry_pane, "Removed team/web:dev.")

    def sheet(self) -> UndoSheet:
        return [one for one in self.bench.window.findChildren(UndoSheet) if one.open_still][-1]


@pytest.fixture
def wired(bench: Bench) -> Wired:
    undoing, refreshed = _Undoing(), []
    listing = SimpleNamespace(tag_place=(DEV.domain, DEV.path), refresh_tags=lambda: refreshed.append(True))
    operations: Any = SimpleNamespace(
        undo=undoing, transfers=_Transfers(), registries=SimpleNamespace(listing=listing)
    )
    return Wired(bench, undoing, Undo(bench.window, operations), refreshed)


def test_only_what_is_possible_is_offered(wired: Wired) -> None:
    wired.offer()
    assert (wired.said, wired.button) == ("Removed team/web:dev.", "Undo")
    wired.undoing.verdicts = [GONE]
    wired.offer()
    assert wired.said.startswith(
        "Removed team/web:dev. Undo is not possible: The registry no longer has the image"
    )
    assert wired.button == ""


def test_another_change_is_not_offered(wired: Wired) -> None:
    wired.undoing.next = [record(5, TagOperation.PUSH)]
    wired.offer()
    assert (wired.said, wired.button) == ("Removed team/web:dev.", ""), "the removal left no record"


def test_the_offer_goes_when_the_change_was_undone_elsewhere(wired: Wired) -> None:
    wired.offer()
    wired.undoing.next = [record(7), record(5)]
    wired.undoing.next_changed.emit()
    assert wired.button == "Undo", "a later change is another one"
    wired.undoing.next = [record(4)]
    wired.undoing.next_changed.emit()
    assert wired.said == ""


def test_an_undo_is_confirmed(wired: Wired, qtbot: QtBot) -> None:
    wired.offer()
    wired.undo.undo([record(5)])
    wired.sheet().confirm.click()
    assert wired.said == f"Put back: registry.acme.io/team/web:dev ({A[:19]})" and wired.button == ""


def test_a_change_of_somebody_else_can_be_checked_again(wired: Wired, qtbot: QtBot) -> None:
    wired.offer()
    wired.undo.undo([record(5)])
    wired.undoing.error = MOVED
    sheet = wired.sheet()
    sheet.confirm.click()
    assert wired.said == "" and wired.refreshed == [True], "the offer is over, and the list shows why"
    assert (sheet.confirm.text(), sheet.confirm.isEnabled()) == ("Check again", True)
    assert sheet.problem.text().startswith(
        "registry.acme.io/team/web:dev: The tag dev was changed meanwhile."
    )
    checks = wired.undoing.checks
    sheet.confirm.click()
    assert wired.undoing.checks == checks + 1
    assert (sheet.confirm.text(), sheet.confirm.isEnabled()) == (
        "Undo",
        True,
    ) and not sheet.problem.isVisible()
    sheet.reject()
