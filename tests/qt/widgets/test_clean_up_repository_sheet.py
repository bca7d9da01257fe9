"""Clean up… for a registry's repository: rules, ticks, what they mean, and how a run ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from longshore.application.cleanup.retention_rules import Order, RetentionRules
from longshore.application.cleanup.retention_run import RetentionResult
from longshore.application.cleanup.tags import RepositoryContents, RepositoryTag
from longshore.errors import AccessDenied, RegistryFailure
from longshore.naturalsort import natural_key
from longshore.oci.reference import Reference
from longshore.registry.model import Parts
from longshore.registry.tag_deletion import Way
from longshore.widgets.dialogs.clean_up_repository import MOST_ROWS, CleanUpRepositorySheet
from longshore.widgets.theme import Theme

from .conftest import Bench

# Of the offscreen platform: a sheet has a least size, and there is no window manager to tell.
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

HOST = "registry.acme.io"
REPOSITORY = Reference(HOST, "acme/api")


def contents(images: int = 12, way: Way = Way.SUBSTITUTE) -> RepositoryContents:
    """Images of 1 MB each, a day apart; the newest is also latest, the last but one also lts."""
    now = datetime.now(UTC)
    tags, parts = [], {}
    for number in range(images):
        digest = f"sha256:{number:064x}"
        parts[digest] = Parts(((f"sha256:{1000 + number:064x}", 1_000_000),))
        names = [f"v{number}", *(["latest"] if number == 0 else ["lts"] if number == images - 2 else [])]
        tags += [RepositoryTag(name, digest, now - timedelta(days=number), 1_000_000) for name in names]
    tags.sort(key=lambda one: natural_key(one.tag))
    return RepositoryContents(REPOSITORY, tuple(tags), parts, way)


def opened(
    qtbot: QtBot, found: RepositoryContents | None = None, pins: frozenset[str] = frozenset()
) -> CleanUpRepositorySheet:
    sheet = CleanUpRepositorySheet(None, REPOSITORY, pins)
    qtbot.addWidget(sheet)
    sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    sheet.open()
    qtbot.waitExposed(sheet)
    if found is not None:
        sheet.show_contents(found)
    return sheet


def column(sheet: CleanUpRepositorySheet, number: int) -> list[str]:
    model = sheet.model
    return [model.index(row, number + 1).data() for row in range(model.rowCount())]


def test_pinned_tags_are_not_listed_but_named(light: Theme, qtbot: QtBot) -> None:
    sheet = opened(qtbot, contents(), frozenset({f"{HOST}/acme/api:v10", f"{HOST}/acme/web:v11"}))
    assert column(sheet, 0) == ["lts", "v11"] and column(sheet, 2)[0] == "Stays as v10"
    assert "Pinned, never removed: v10." in sheet.notes.text()


def test_the_plan_is_shown_and_only_ticked_tags_are_asked_for(light: Theme, qtbot: QtBot) -> None:
    sheet = opened(qtbot)
    title = "Clean up registry.acme.io/acme/api"
    assert sheet.windowTitle() == sheet.heading.text() == title and sheet.bar.isHidden()
    sheet.show_reading(3, 12)
    assert "3 of 12" in sheet.words.text() and not sheet.confirm.isEnabled()
    sheet.show_contents(contents())
    assert column(sheet, 0) == ["lts", "v10", "v11"]
    assert column(sheet, 1) == [f"{rank} newest" for rank in ("11th", "11th", "12th")]
    assert column(sheet, 2) == ["Removed, also v10", "Removed, also lts", "Removed"]
    assert column(sheet, 3) == ["", "1 MB", "1 MB"]
    assert sheet.total.text().startswith("3 tags, frees up to 2 MB compressed at the registry's next")
    sheet.model.tick([0], False)
    assert column(sheet, 2) == ["Kept", "Stays as lts", "Removed"]
    assert sheet.total.text().startswith("2 tags, frees up to 1 MB")
    with qtbot.waitSignal(sheet.run_requested) as wished:
        qtbot.mouseClick(sheet.confirm, Qt.MouseButton.LeftButton)
    plan, ticked = wished.args
    assert (ticked, plan.contents.repository) == (["v10", "v11"], REPOSITORY)
    assert plan.rules == RetentionRules(keep_newest=10)
    sheet.show_result(RetentionResult(["v10", "v11"]))


def test_rules_change_the_plan_and_ticks_stay(light: Theme, qtbot: QtBot) -> None:
    sheet = opened(qtbot, contents())
    sheet.model.tick([1], False)  # v10
    sheet.newest_count.setValue(9)
    qtbot.waitUntil(lambda: column(sheet, 0) == ["lts", "v9", "v10", "v11"])
    assert sheet.model.ticked == ["lts", "v9", "v11"]
    sheet.old.setChecked(True)
    sheet.days.setValue(11)
    qtbot.waitUntil(lambda: column(sheet, 0) == ["v11"])
    assert column(sheet, 1) == ["12th newest, 1 week old"]
    qtbot.keyClicks(sheet.names, "v* !v11")
    assert sheet.named.isChecked()
    qtbot.waitUntil(lambda: sheet.words.text() == "Nothing to remove.")
    assert not sheet.confirm.isEnabled() and not sheet.view.isVisible()
    sheet.named.setChecked(False)
    sheet.old.setChecked(False)
    qtbot.keyClicks(sheet.never, "lts, v9")
    sheet.order.setCurrentIndex(sheet.order.findData(Order.VERSION))
    # By version, v0 to v2 are the oldest, and what has no number is no version.
    qtbot.waitUntil(lambda: column(sheet, 0) == ["v0", "v1"])
    assert sheet.rules() == RetentionRules(9, None, (), ("lts", "v9"), Order.VERSION)
    sheet.newest.setChecked(False)
    qtbot.waitUntil(lambda: "No rule says which tags to remove." in sheet.problem.text())
    assert not sheet.confirm.isEnabled()
    sheet.newest.setChecked(True)
    qtbot.waitUntil(lambda: sheet.confirm.isEnabled() and not sheet.problem.isVisible())


def test_enter_never_removes_and_the_keyboard_is_enough(light: Theme, qtbot: QtBot) -> None:
    sheet = opened(qtbot, contents())
    assert sheet.focusWidget() is sheet.dismiss
    assert sheet.dismiss.isDefault() and not sheet.confirm.isDefault()
    sheet.view.setFocus()
    sheet.view.selectRow(1)
    qtbot.keyClick(sheet.view, Qt.Key.Key_Space)
    assert sheet.model.ticked == ["lts", "v11"]
    qtbot.keyClick(sheet.view, Qt.Key.Key_Space)
    assert sheet.model.ticked == ["lts", "v10", "v11"]
    qtbot.mouseClick(sheet.view.every, Qt.MouseButton.LeftButton)
    assert sheet.model.ticked == [] and not sheet.confirm.isEnabled()
    assert sheet.total.text() == "No tag is removed."
    qtbot.keyClick(sheet.view, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(sheet.view, Qt.Key.Key_Space)
    assert len(sheet.model.ticked) == 3
    with qtbot.assertNotEmitted(sheet.run_requested):
        qtbot.keyClick(sheet.dismiss, Qt.Key.Key_Return)
    assert not sheet.isVisible()


def test_the_result_is_compared_with_the_plan(light: Theme, qtbot: QtBot) -> None:
    sheet = opened(qtbot, contents())
    qtbot.mouseClick(sheet.confirm, Qt.MouseButton.LeftButton)
    sheet.show_removing(1, 3)
    assert sheet.total.text() == "Removed 1 of 3 tags" and not sheet.view.isEnabled()
    assert sheet.bar.grab().toImage().pixelColor(2, 3) == light.accent and sheet.dismiss.text() == "Stop"
    with qtbot.waitSignal(sheet.stop_requested):
        qtbot.mouseClick(sheet.dismiss, Qt.MouseButton.LeftButton)
    assert sheet.isVisible() and not sheet.dismiss.isEnabled()  # what was done is still to be shown
    error = RegistryFailure("The registry reports an internal error.", registry=HOST)
    sheet.show_result(RetentionResult(["v11"], left=["lts", "v10"], error=error, freed=1_000_000))
    assert sheet.total.text().startswith("1 of 3 tags removed.")
    assert "Not reached: lts, v10." in sheet.total.text() and "internal error" in sheet.problem.text()
    assert not sheet.confirm.isVisible() and sheet.dismiss.text() == "Close"
    bar = sheet.bar.grab().toImage()
    assert (bar.pixelColor(2, 3), bar.pixelColor(bar.width() - 3, 3)) == (light.strong_line, light.fill)
    qtbot.mouseClick(sheet.dismiss, Qt.MouseButton.LeftButton)
    assert not sheet.isVisible()


@pytest.mark.parametrize("fails", [False, True])
def test_how_a_run_ends(light: Theme, qtbot: QtBot, fails: bool) -> None:
    sheet = opened(qtbot, contents())
    qtbot.mouseClick(sheet.confirm, Qt.MouseButton.LeftButton)
    if fails:
        sheet.show_result(AccessDenied("It does not allow deletion.", registry=HOST))
        assert "does not allow deletion" in sheet.problem.text()
    else:
        sheet.show_result(RetentionResult(["lts", "v10", "v11"], freed=2_000_000))
        assert sheet.total.text() == (
            "3 tags removed, as planned. The registry's next garbage collection frees up to 2 MB compressed."
        )
        assert not sheet.problem.isVisible()


def test_a_repository_that_cannot_be_read(light: Theme, qtbot: QtBot) -> None:
    sheet = opened(qtbot)
    sheet.show_contents(RegistryFailure("It broke.", registry=HOST))
    assert "It broke." in sheet.problem.text() and not sheet.confirm.isEnabled()
    sheet.newest_count.setValue(3)  # nothing to make a plan of
    assert not sheet.confirm.isEnabled()


def test_where_only_images_are_deleted_siblings_keep_a_tag(light: Theme, qtbot: QtBot) -> None:
    sheet = opened(qtbot, contents(way=Way.IMAGE))
    sheet.never.setText("lts")
    qtbot.waitUntil(lambda: column(sheet, 0) == ["v10", "v11"])
    assert column(sheet, 2) == ["Kept, also lts", "Removed"]
    assert "deletes only whole images, and other tags need these: v10." in sheet.notes.text()
    assert sheet.total.text().startswith("1 tag, frees")


def test_what_is_not_listed_is_not_removed(light: Theme, qtbot: QtBot) -> None:
    sheet = opened(qtbot, contents(MOST_ROWS + 20))
    assert f"The first 1,000 of {MOST_ROWS + 11:,} tags are listed" in sheet.notes.text()
    assert len(sheet.model.ticked) == sheet.model.rowCount() == MOST_ROWS


def test_the_pane_asks_for_the_selected_repository(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.registry_pane
    bench.list(HOST, "acme/api", "acme/web")
    assert pane.clean_up_verb.reason == "Select a repository first."
    assert pane.clean_up_verb in pane.verbs.entries()
    pane.select_repository(HOST, "acme/api")
    assert pane.clean_up_verb.isEnabled()
    with qtbot.waitSignal(pane.clean_up_requested) as wished:
        pane.clean_up_verb.trigger()
    assert wished.args == [REPOSITORY]
    pane.view.select_rows([pane.model.index_of(HOST, name) for name in ("acme/api", "acme/web")])
    assert pane.clean_up_verb.reason == "Select only one repository."
