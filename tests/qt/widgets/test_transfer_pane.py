"""Transfers: what the buttons mean, and what the header says."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from longshore.oci.errors import AccessDenied
from longshore.transfers.changes import Changes
from longshore.transfers.transfer import State
from longshore.widgets.pane import ActionButton
from qt.models.made import layer, transfer
from qt.widgets.conftest import Bench


def _click(qtbot: QtBot, button: ActionButton) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_hidden_when_empty(bench: Bench) -> None:
    pane = bench.window.transfer_pane
    assert not pane.isVisible()
    bench.move(transfer("a"))
    assert pane.isVisible()
    assert pane.height() >= 150
    bench.transfers.apply(Changes(removed=["a"]))
    assert not pane.isVisible()


def test_the_header_sums_up(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.transfer_pane
    bench.move(
        transfer("a", state=State.RUNNING, permille=100, speed=20e6),
        transfer("b", state=State.RUNNING, permille=100, speed=1.4e6),
        transfer("c"),
        transfer("d", state=State.FAILED),
    )
    qtbot.waitUntil(lambda: pane.summary.whole() == "2 running, 1 queued, 21.4 MB/s, 1 failed")
    pane.set_held(True)
    assert pane.summary.whole().endswith("queue held")
    assert pane.hold_button.accessibleName() == "Resume queue"
    with qtbot.waitSignal(pane.hold_toggled) as resume:
        _click(qtbot, pane.hold_button)
    assert resume.args == [False]


def test_cancel_means_the_only_one_or_what_is_selected(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.transfer_pane
    bench.move(
        transfer("a", state=State.RUNNING, layers=(layer("f0a7"),)), transfer("z", state=State.SUCCEEDED)
    )
    with qtbot.waitSignal(pane.cancel_requested) as only:
        _click(qtbot, pane.cancel_button)
    assert only.args == [["a"]]
    bench.move(transfer("b"))
    with qtbot.assertNotEmitted(pane.cancel_requested):
        _click(qtbot, pane.cancel_button)
    assert "Select" in pane.explanation
    parent = bench.transfers.index_of("a")
    pane.view.setExpanded(parent, True)
    pane.view.select_row(bench.transfers.index(0, 0, parent))
    with qtbot.waitSignal(pane.cancel_requested) as by_layer:
        _click(qtbot, pane.cancel_button)
    assert by_layer.args == [["a"]], "a layer stands for its transfer"
    pane.show_transfer("z")
    _click(qtbot, pane.cancel_button)
    assert "ended" in pane.explanation


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED, State.INTERRUPTED])
def test_retry_takes_what_ended_badly(bench: Bench, qtbot: QtBot, state: State) -> None:
    pane = bench.window.transfer_pane
    bench.move(transfer("a", state=State.SUCCEEDED), transfer("b", state=state))
    with qtbot.waitSignal(pane.retry_requested) as only:
        _click(qtbot, pane.retry_button)
    assert only.args == [["b"]]
    pane.show_transfer("a")
    with qtbot.assertNotEmitted(pane.retry_requested):
        _click(qtbot, pane.retry_button)
    assert pane.explanation


def test_nothing_to_do_is_said(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.transfer_pane
    bench.move(transfer("a"))
    for button in (pane.retry_button, pane.clear_button):
        assert button.isEnabled()
        _click(qtbot, button)
        assert pane.explanation.startswith("Nothing has")
        pane.hush()
    pane.show_transfer("a")
    pane.remove()
    assert "cancel it first" in pane.explanation


def test_delete_takes_what_has_ended_out_of_the_list(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.transfer_pane
    bench.move(transfer("a", state=State.SUCCEEDED), transfer("b"))
    pane.view.setFocus()
    pane.view.selectAll()
    with qtbot.waitSignal(pane.remove_requested) as removed:
        qtbot.keyClick(pane.view, Qt.Key.Key_Delete)
    assert removed.args == [["a"]]


def test_only_queued_ones_move(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.transfer_pane
    bench.move(transfer("a", state=State.RUNNING), transfer("b"), transfer("c"))
    pane.show_transfer("c")
    with qtbot.waitSignal(pane.move_requested) as moved:
        pane.move_rows(-1)
    assert moved.args == [["c"], -1]
    pane.show_transfer("a")
    with qtbot.assertNotEmitted(pane.move_requested):
        pane.move_rows(1)


def test_enter_unfolds_a_row(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.transfer_pane
    error = AccessDenied("Not allowed.", registry="ghcr.io", advice="Sign in.", detail="denied")
    bench.move(transfer("a", state=State.FAILED, permille=410, error=error))
    pane.show_transfer("a")
    qtbot.keyClick(pane.view, Qt.Key.Key_Return)
    index = bench.transfers.index_of("a")
    assert pane.view.isExpanded(index)
    assert pane.view.viewport().grab().toImage().isNull() is False
    qtbot.keyClick(pane.view, Qt.Key.Key_Return)
    assert not pane.view.isExpanded(index)
