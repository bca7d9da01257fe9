"""The sheets of Undo and of the tag history: what they say, what they allow, and what Enter does."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from longshore.application.tag_history.record import TagRecord
from longshore.application.tag_history.states import TagState
from longshore.application.undo import sentences
from longshore.application.undo.goal import Goal, How, Verdict
from longshore.errors import EngineUnavailable, TagImmutable, UnavailableCause
from longshore.oci.reference import Reference
from longshore.transfers.tag_changes import TagOperation
from longshore.transfers.transfer import RegistryPlace
from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.dialogs.tag_history import TagHistorySheet
from longshore.widgets.dialogs.undo import UndoSheet
from longshore.widgets.theme import Theme
from longshore.words import tag_history as words
from qt.models.made import ENGINE

from .conftest import Bench

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

A, B, C = ("sha256:" + letter * 64 for letter in "abc")
DEV = Reference.parse("registry.acme.io/team/web:dev")
PLACE = RegistryPlace("registry.acme.io")
GOAL = Goal(PLACE, DEV, A)


def record(number: int, before: str | None, after: str | None, **more: object) -> TagRecord:
    """A recorded change."""
    values: dict[str, object] = {
        "id": f"{number:032x}",
        "at": datetime(2026, 11, 27, 12, number, tzinfo=UTC),
        "place": PLACE,
        "reference": DEV,
        "operation": TagOperation.PUSH,
        "before": before,
        "after": after,
        "by": "ann",
    }
    return TagRecord(**(values | more))  # type: ignore[arg-type]


def shown(sheet: Sheet, qtbot: QtBot) -> None:
    qtbot.addWidget(sheet)
    sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    sheet.open()
    qtbot.waitExposed(sheet)
    sheet.activateWindow()
    qtbot.waitUntil(lambda: sheet.focusWidget() is not None)


def cells(sheet: UndoSheet | TagHistorySheet, row: int) -> list[str]:
    """The texts of a row."""
    table = sheet.table
    found = [table.item(row, column) for column in range(table.columnCount())]
    return [item.text() for item in found if item is not None]


def test_an_undo_is_shown_before_it_is_done(light: Theme, qtbot: QtBot) -> None:
    sheet = UndoSheet(None, "Undo: push web:dev")
    shown(sheet, qtbot)
    assert (sheet.confirm.text(), sheet.confirm.isEnabled()) == ("Undo", False)
    sheet.show_verdicts([Verdict(GOAL, How.TAG, B)])
    assert cells(sheet, 0) == ["team/web:dev", "registry.acme.io", B[:19], A[:19]]
    assert sheet.words.text() == "registry.acme.io/team/web:dev will point to its earlier image again."
    assert sheet.confirm.isEnabled() and sheet.confirm.isDefault()
    with qtbot.waitSignal(sheet.undo_requested) as asked:
        qtbot.keyClick(sheet, Qt.Key.Key_Return)
    assert asked.args == [[Verdict(GOAL, How.TAG, B)]]
    assert not sheet.confirm.isEnabled()
    sheet.answer(None)
    assert not sheet.isVisible()


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict(GOAL, How.TAG, C, moved=True),
        Verdict(Goal(ENGINE, DEV, ""), How.REMOVE, A, deletes_image=True),
    ],
    ids=["moved", "removed"],
)
def test_enter_loses_nothing(light: Theme, qtbot: QtBot, verdict: Verdict) -> None:
    sheet = UndoSheet(None, "Undo")
    shown(sheet, qtbot)
    sheet.show_verdicts([verdict])
    assert sheet.confirm.property("danger") and sheet.dismiss.isDefault()
    qtbot.keyClick(sheet, Qt.Key.Key_Return)
    assert sheet.result() == 0 and not sheet.isVisible()


def test_what_cannot_be_undone_has_a_reason(light: Theme, qtbot: QtBot) -> None:
    sheet = UndoSheet(None, "Undo")
    shown(sheet, qtbot)
    reason = sentences.GONE("web:dev", registry="registry.acme.io", digest="aaaaaaaaaaaa")
    sheet.show_verdicts([Verdict(GOAL, None, B, reason)])
    assert not sheet.confirm.isEnabled()
    assert "no longer has the image aaaaaaaaaaaa" in sheet.problem.text()
    assert "garbage collection" in sheet.confirm.toolTip()
    assert sheet.dismiss.text() == "Close"
    qtbot.keyClick(sheet, Qt.Key.Key_Return)
    assert not sheet.isVisible()


def test_several_tags_of_which_one_cannot(light: Theme, qtbot: QtBot) -> None:
    sheet = UndoSheet(None, "Undo")
    shown(sheet, qtbot)
    away = EngineUnavailable("Docker isn't running.", cause=UnavailableCause.NOT_RUNNING)
    other = Goal(ENGINE, DEV, B)
    sheet.show_verdicts(
        [Verdict(GOAL, How.TAG, B), Verdict(other, None, None, away), Verdict(GOAL, How.REMOVE, B)]
    )
    assert sheet.words.text() == "2 tags will be put back to what they pointed to."
    assert sheet.caution.text() == "Docker isn't running."
    assert cells(sheet, 1)[2] == "unknown"
    sheet.finish()
    sheet.answer(TagImmutable("The tag dev is immutable.", registry="registry.acme.io"))
    assert sheet.isVisible() and sheet.problem.text().startswith("The tag dev is immutable.")
    assert not sheet.confirm.isEnabled()
    sheet.reject()
    sheet.show_verdicts([])  # too late


def test_an_undo_that_cannot_be_checked(light: Theme, qtbot: QtBot) -> None:
    sheet = UndoSheet(None, "Put back web:dev", "Put back")
    shown(sheet, qtbot)
    sheet.show_verdicts(EngineUnavailable("Docker isn't running.", cause=UnavailableCause.NOT_RUNNING))
    assert (sheet.confirm.text(), sheet.confirm.isEnabled()) == ("Put back", False)
    assert sheet.problem.text() == "Docker isn't running."


def test_the_history_of_a_tag(light: Theme, qtbot: QtBot) -> None:
    sheet = TagHistorySheet(None, DEV)
    shown(sheet, qtbot)
    assert not sheet.confirm.isEnabled()
    newest = record(2, B, "", operation=TagOperation.REMOVE)
    sheet.show_records([newest, record(1, A, B, by="", operation=TagOperation.SEEN)])
    assert sheet.table.isColumnHidden(1)
    assert [cells(sheet, row)[2:] for row in range(3)] == [
        ["no tag", "Remove", "ann"],
        [B[:19], "Changed by others", "someone else"],
        [A[:19], "", ""],
    ]
    assert cells(sheet, 2)[0] == "Before"
    reasons = []
    for row in range(3):
        sheet.table.setCurrentCell(row, 0)
        reasons.append(sheet.why_not())
        assert sheet.confirm.isEnabled() is not bool(sheet.why_not())
    assert reasons == ["There was no tag then.", "", ""]
    assert sheet.confirm.toolTip() == ""
    with qtbot.waitSignal(sheet.put_back_requested) as asked:
        qtbot.keyClick(sheet, Qt.Key.Key_Return)
    (state,) = asked.args or ()
    assert isinstance(state, TagState)
    assert (state.digest, state.since) == (A, None)


def test_the_history_of_a_repository_and_of_nothing(light: Theme, qtbot: QtBot) -> None:
    sheet = TagHistorySheet(None, DEV.with_tag(None))
    shown(sheet, qtbot)
    sheet.show_records([record(2, None, B, reference=DEV.with_tag("1.0")), record(1, "", A)])
    assert not sheet.table.isColumnHidden(1)
    assert [cells(sheet, row)[1:3] for row in range(4)] == [
        ["1.0", B[:19]],
        ["dev", A[:19]],
        ["1.0", "unknown"],
        ["dev", "no tag"],
    ]
    sheet.table.setCurrentCell(0, 0)
    assert sheet.why_not().startswith("This is what the tag points to")
    assert "as far as Longshore knows" in sheet.confirm.toolTip()
    sheet.show_records([])
    assert sheet.words.text().startswith("No changes are known yet.")
    assert sheet.why_not() == "Select a row first."


def test_the_words_of_actions() -> None:
    removed = [
        record(number, A, "", reference=DEV.with_tag(str(number)), operation=TagOperation.REMOVE)
        for number in range(3)
    ]
    assert words.action_text(removed) == "remove 3 tags"
    assert words.action_text(removed[:1]) == "remove registry.acme.io/team/web:0"
    local = record(1, "", A, place=ENGINE, transfer="t")
    assert words.action_text([record(2, A, B, transfer="t"), local]) == "push registry.acme.io/team/web:dev"
    assert words.change_text(record(1, "", None, undone_by="x")) == "from no tag to unknown; undone"


def test_the_menu_names_what_is_undone(bench: Bench, qtbot: QtBot) -> None:
    window, actions = bench.window, bench.actions
    verb = window.undo_verb
    verb.set_blocked("There is nothing to undo.")
    assert not actions.undo.isEnabled() and "nothing to undo" in actions.undo.toolTip()
    verb.setText("Undo: remove web:dev")
    verb.set_blocked("")
    assert (actions.undo.text(), actions.undo.shortcut().toString()) == ("Undo: remove web:dev", "Ctrl+Z")
    with qtbot.waitSignal(window.undo_requested):
        actions.undo.trigger()


def test_the_tag_history_of_what_is_selected(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.image_pane
    bench.ready("app:1", None)
    assert pane.tag_history_verb.reason == "Select an image first."
    pane.view.select_row(bench.images.index(0, 0))
    names = {image.name.shown for image in pane.selected()}
    if "app:1" not in names:
        pane.view.select_row(bench.images.index(1, 0))
    with qtbot.waitSignal(pane.tag_history_requested) as asked:
        bench.actions.tag_history.trigger()
    (name,) = asked.args or ()
    assert name.shown == "app:1"
