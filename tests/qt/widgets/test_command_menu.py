"""*Copy as command*: in the menus of all lists and in the sheets of pushes, copies and mirrors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from longshore.application.mirrors.plan import MirrorPlan, MirrorTag, RulePlan, TagState
from longshore.models.history import HistoryModel
from longshore.oci.image_name import ImageName
from longshore.oci.reference import Reference
from longshore.transfers.transfer import Operation, State, TransferRequest
from longshore.widgets.command_menu import Lines, add_commands, fill_commands
from longshore.widgets.dialogs.copy import CopySheet
from longshore.widgets.dialogs.mirror import MirrorSheet
from longshore.widgets.dialogs.push import PushSheet
from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.history import HistoryWindow
from longshore.widgets.theme import Theme
from qt.models.made import ENGINE, request, transfer
from qt.widgets.conftest import Bench, find_nothing

HOST = "127.0.0.1:5000"
#: The offscreen platform says this whenever a menu opens.
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")
REGISTRIES = [("docker.io", ""), ("one.example", "")]
BOTH = {"longshore": ["longshore pull a", "longshore pull b"], "docker": ["docker pull a", "docker pull b"]}


@contextmanager
def menu_of(owner: QWidget, opened: Callable[[], None]) -> Iterator[QMenu]:
    """The menu that appears when *opened* is called."""
    before = set(owner.findChildren(QMenu))
    opened()
    (menu,) = [
        found for found in owner.findChildren(QMenu) if found not in before and found.parent() is owner
    ]
    yield menu
    menu.close()


def entry_of(menu: QMenu) -> QAction:
    (entry,) = [action for action in menu.actions() if action.text() == "Copy as command"]
    return entry


def below(entry: QAction) -> dict[str, QAction]:
    menu = entry.menu()
    assert isinstance(menu, QMenu)
    return {action.text(): action for action in menu.actions()}


@pytest.fixture
def menu(light: Theme, qtbot: QtBot) -> QMenu:
    made = QMenu()
    qtbot.addWidget(made)
    return made


def test_several_programs_are_a_menu(menu: QMenu) -> None:
    copied: list[str] = []
    add_commands(menu, BOTH, copied.append)
    programs = below(entry_of(menu))
    assert list(programs) == ["Longshore", "Docker"]
    assert "docker pull a\ndocker pull b" in programs["Docker"].toolTip()
    programs["Docker"].trigger()
    programs["Longshore"].trigger()
    assert copied == ["docker pull a\ndocker pull b", "longshore pull a\nlongshore pull b"]


def test_one_program_is_one_entry_and_none_is_said(menu: QMenu) -> None:
    copied: list[str] = []
    add_commands(menu, {"skopeo": ["skopeo copy a b"]}, copied.append)
    entry = entry_of(menu)
    assert entry.menu() is None
    entry.trigger()
    assert copied == ["skopeo copy a b"]
    menu.clear()
    add_commands(menu, {}, copied.append)
    assert not entry_of(menu).isEnabled()
    assert entry_of(menu).toolTip() == "No command for this selection"
    fill_commands(menu, {}, copied.append)
    assert [(action.text(), action.isEnabled()) for action in menu.actions()] == [
        ("No command for this selection", False)
    ]


def test_a_tooltip_shows_foreign_text_literally_and_not_all_of_many_lines(menu: QMenu) -> None:
    add_commands(menu, {"longshore": ["longshore save -o '<b>.tar' a"] * 40}, print)
    tip = entry_of(menu).toolTip()
    assert "&lt;b&gt;.tar" in tip and tip.count("longshore save") == 12 and "…" in tip


def lines(words: str) -> dict[str, list[str]]:
    return {"longshore": [words]} if words else {}


def test_local_images(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.image_pane
    bench.ready("acme/web:1", "acme/web:2", "acme/web:3")
    pane.lines_of = lambda images: lines(" ".join(image.name.shown for image in images))
    pane.view.selectAll()
    with (
        menu_of(pane, lambda: pane.view.customContextMenuRequested.emit(QPoint(5, 5))) as menu,
        qtbot.waitSignal(pane.copy_reference_requested) as copied,
    ):
        entry_of(menu).trigger()
    assert copied.args == ["acme/web:1 acme/web:2 acme/web:3"]


def test_it_needs_no_engine(bench: Bench) -> None:
    pane = bench.window.image_pane
    bench.ready("acme/web:1")
    pane.lines_of = lambda images: lines("a")
    pane.set_engine_down("Docker isn't running.")
    with menu_of(pane, lambda: pane.view.customContextMenuRequested.emit(QPoint(5, 5))) as menu:
        assert entry_of(menu).isEnabled()


def test_tags_and_repositories(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.registry_pane
    bench.list(HOST, "acme/api")
    bench.show_tags(HOST, "acme/api", "1", "2")
    pane.lines_of = lambda references: lines(" ".join(str(one) for one in references))
    pane.tags.view.selectAll()
    tags = pane.tags.view.customContextMenuRequested
    with (
        menu_of(pane, lambda: tags.emit(QPoint(5, 5))) as menu,
        qtbot.waitSignal(pane.copy_reference_requested) as copied,
    ):
        entry_of(menu).trigger()
    assert sorted(copied.args[0].split()) == [f"{HOST}/acme/api:1", f"{HOST}/acme/api:2"]
    where = pane.view.visualRect(bench.registries.index_of(HOST, "acme/api")).center()
    with (
        menu_of(pane, lambda: pane.view.customContextMenuRequested.emit(where)) as menu,
        qtbot.waitSignal(pane.copy_reference_requested) as copied,
    ):
        entry_of(menu).trigger()
    assert copied.args == [f"{HOST}/acme/api"]


def shown(wanted: Sequence[TransferRequest]) -> Lines:
    return lines(" ".join(f"{one.operation.value} {one.source.name.shown}" for one in wanted))


def test_transfers(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.transfer_pane
    pane.lines_of = shown
    bench.move(
        transfer("a", request=request("acme/web:1")),
        transfer("b", request=request("acme/web:2", Operation.PUSH)),
    )
    pane.show_transfers(["b"])
    with (
        menu_of(pane, lambda: pane.view.customContextMenuRequested.emit(QPoint(5, 5))) as menu,
        qtbot.waitSignal(pane.copy_reference_requested) as copied,
    ):
        entry_of(menu).trigger()
    assert copied.args == ["push acme/web:2"]


def test_history(light: Theme, qtbot: QtBot) -> None:
    window = HistoryWindow(None, HistoryModel())
    qtbot.addWidget(window)
    window.lines_of = shown
    window.model.show_rows(
        [transfer("a", request=request("acme/web:1"), state=State.SUCCEEDED, permille=1000)], 1
    )
    window.view.selectAll()
    with (
        menu_of(window, lambda: window.view.customContextMenuRequested.emit(QPoint(5, 5))) as menu,
        qtbot.waitSignal(window.copy_requested) as copied,
    ):
        entry_of(menu).trigger()
    assert copied.args == ["pull acme/web:1"]


def test_the_menu_bar_acts_on_the_active_pane(bench: Bench, qtbot: QtBot) -> None:
    window, actions = bench.window, bench.actions
    window.image_pane.lines_of = lambda images: BOTH
    window.registry_pane.lines_of = lambda references: lines(f"{len(references)} tags")
    window.transfer_pane.lines_of = shown

    def offered() -> list[str]:
        window.menus.image.aboutToShow.emit()
        return [action.text() for action in actions.copy_command.actions()]

    bench.ready("acme/web:1")
    window.image_pane.view.setFocus()
    assert offered() == ["Longshore", "Docker"]
    with qtbot.waitSignal(window.image_pane.copy_reference_requested) as copied:
        actions.copy_command.actions()[1].trigger()
    assert copied.args == ["docker pull a\ndocker pull b"]
    bench.list(HOST, "acme/api")
    window.registry_pane.view.setFocus()
    assert offered() == ["Longshore"]
    bench.move(transfer("a"))
    window.transfer_pane.view.setFocus()
    assert offered() == ["No command for this selection"], "no row is selected"


def button_of(sheet: Sheet) -> QPushButton:
    (button,) = [one for one in sheet.findChildren(QPushButton) if one.text() == "Copy as command"]
    return button


def test_a_push_and_a_copy_offer_what_they_would_do_now(light: Theme, qtbot: QtBot) -> None:
    push = PushSheet(None, [ImageName(Reference.parse("team/app:1"))], ENGINE, REGISTRIES, "one.example")
    copy = CopySheet(None, [Reference.parse("team/app:1")], REGISTRIES, "one.example")
    for sheet in (push, copy):
        qtbot.addWidget(sheet)
        copied: list[str] = []
        asked: list[Sequence[TransferRequest]] = []

        def made(
            sheet: PushSheet | CopySheet = sheet, asked: list[Sequence[TransferRequest]] = asked
        ) -> Lines:
            asked.append(sheet.planned())
            return shown(sheet.planned())

        sheet.offer_commands(made, copied.append)
        tag = sheet.targets.table.item(0, 3)
        assert tag is not None
        tag.setText("2")
        menu = button_of(sheet).menu()
        menu.aboutToShow.emit()
        assert [str(one.destination.reference) for one in asked[-1]] == ["one.example/team/app:2"]
        find_nothing(sheet)
        with qtbot.waitSignal(sheet.transfers_requested) as wish:
            sheet.confirm.click()
        assert wish.args[0] == list(asked[-1]), "the line is for what the verb requests"
        menu.actions()[0].trigger()
        assert copied and copied[0].endswith("team/app:1")
        tag.setText("not a tag")
        menu.aboutToShow.emit()
        assert asked[-1] == [] and not menu.actions()[0].isEnabled()


def test_the_plan_of_a_mirror(light: Theme, qtbot: QtBot) -> None:
    sheet = MirrorSheet(None, Reference.parse("one.example/team/app"), REGISTRIES, "docker.io", "me/app")
    qtbot.addWidget(sheet)
    assert sheet.planned() == [], "nothing is known yet"
    tags = (MirrorTag("1", TagState.SAME), MirrorTag("2", TagState.MISSING))
    sheet.show_plan(RulePlan(sheet.rule(), (MirrorPlan(sheet.rule(), tags),)))
    assert [str(one.destination.reference) for one in sheet.planned()] == ["docker.io/me/app:2"]
