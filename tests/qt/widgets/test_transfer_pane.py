"""Transfers: the effects of the buttons, and the text of the header."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QModelIndex, QPoint, QPointF, Qt
from PySide6.QtWidgets import QMenu, QPushButton
from pytestqt.qtbot import QtBot

from longshore.errors import (
    AccessDenied,
    EngineFailure,
    InvalidManifest,
    LongshoreError,
    RegistryFailure,
    RegistryUnreachable,
    Remedy,
    SignInRequired,
    TlsFailed,
)
from longshore.models.columns import Tone, TransferColumn
from longshore.models.transfer_choice import After
from longshore.transfers.queue.mailbox import Changes
from longshore.transfers.transfer import NoteKind, Operation, State, TransferNote, TransferSnapshot, Waiting
from longshore.widgets.theme import Theme
from longshore.widgets.transfer_menus import pull_lines, transfer_menu
from longshore.widgets.verbs import Entry
from qt.models.made import layer, request, transfer
from qt.widgets.conftest import Bench

HELM = "application/vnd.cncf.helm.config.v1+json"


def _click(qtbot: QtBot, button: QPushButton) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_hidden_when_empty(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.transfer_pane
    assert not pane.isVisible()
    bench.move(transfer("a"))
    assert pane.isVisible()
    qtbot.waitUntil(lambda: pane.height() >= 150)
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
    assert pane.summary.whole().endswith("queue paused")
    assert bench.button(pane.hold_verb).accessibleName() == "Resume queue"
    transfers = bench.actions.hold.associatedObjects()[0]
    assert isinstance(transfers, QMenu)
    transfers.aboutToShow.emit()
    assert (bench.actions.hold.text(), bench.actions.pause.text()) == ("Resume queue", "Pause")
    with qtbot.waitSignal(pane.hold_toggled) as resume:
        _click(qtbot, bench.button(pane.hold_verb))
    assert resume.args == [False]


def test_a_history_that_is_not_saved_is_said_for_as_long_as_it_lasts(bench: Bench) -> None:
    pane = bench.window.transfer_pane
    bench.move(transfer("a", state=State.SUCCEEDED))
    pane.set_unsaved("The transfer history is not being saved: The disk is full.")
    assert pane.explanation == "The transfer history is not being saved: The disk is full."
    assert pane.summary.whole() == "1 succeeded, history not saved"
    pane.hush()
    pane.explain("Something else.")
    pane.set_unsaved("")
    assert pane.explanation == "Something else."
    assert pane.summary.whole() == "1 succeeded"
    pane.set_unsaved("The disk is full.")
    pane.set_unsaved("")
    assert pane.explanation == ""


def test_cancel_means_the_only_one_or_what_is_selected(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.transfer_pane
    bench.move(
        transfer("a", state=State.RUNNING, layers=(layer("f0a7"),)), transfer("z", state=State.SUCCEEDED)
    )
    with qtbot.waitSignal(pane.cancel_requested) as only:
        _click(qtbot, bench.button(pane.cancel_verb))
    assert only.args == [["a"]]
    bench.move(transfer("b"))
    with qtbot.assertNotEmitted(pane.cancel_requested):
        _click(qtbot, bench.button(pane.cancel_verb))
    assert "Select" in pane.explanation
    parent = bench.transfers.index_of("a")
    pane.view.setExpanded(parent, True)
    pane.view.select_row(bench.transfers.index(0, 0, parent))
    with qtbot.waitSignal(pane.cancel_requested) as by_layer:
        _click(qtbot, bench.button(pane.cancel_verb))
    assert by_layer.args == [["a"]], "a selected layer means its transfer"
    pane.show_transfers(["z"])
    assert not bench.button(pane.cancel_verb).isEnabled()
    assert "This transfer has finished." in bench.button(pane.cancel_verb).toolTip()
    assert not bench.actions.cancel.isEnabled()
    with qtbot.assertNotEmitted(pane.cancel_requested):
        pane.cancel()
    assert pane.explanation == "This transfer has finished."
    pane.view.clearSelection()
    assert bench.button(pane.cancel_verb).isEnabled() and bench.actions.cancel.isEnabled()


def test_cancel_goes_off_when_the_selected_transfer_ends(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.transfer_pane
    bench.move(transfer("a", state=State.RUNNING, permille=5), transfer("b"))
    pane.show_transfers(["a"])
    assert bench.button(pane.cancel_verb).isEnabled()
    bench.move(transfer("a", state=State.CANCELLING, permille=5))
    qtbot.waitUntil(lambda: "being cancelled" in bench.button(pane.cancel_verb).toolTip())
    bench.move(transfer("a", state=State.CANCELLED, permille=5))
    qtbot.waitUntil(lambda: "has finished" in bench.button(pane.cancel_verb).toolTip())
    assert not bench.button(pane.cancel_verb).isEnabled() and bench.button(pane.retry_verb).isEnabled()
    pane.view.clearSelection()
    assert bench.button(pane.cancel_verb).isEnabled(), "another transfer is waiting"
    bench.transfers.apply(Changes(removed=["b"]))
    assert "Nothing is queued or running." in bench.button(pane.cancel_verb).toolTip()


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED, State.INTERRUPTED])
def test_retry_takes_what_ended_badly(bench: Bench, qtbot: QtBot, state: State) -> None:
    pane = bench.window.transfer_pane
    bench.move(transfer("a", state=State.SUCCEEDED), transfer("b", state=state))
    with qtbot.waitSignal(pane.retry_requested) as only:
        _click(qtbot, bench.button(pane.retry_verb))
    assert only.args == [["b"]]
    pane.show_transfers(["a"])
    assert not bench.button(pane.retry_verb).isEnabled()
    assert "Only transfers that failed" in bench.button(pane.retry_verb).toolTip()
    assert not bench.actions.retry.isEnabled()
    with qtbot.assertNotEmitted(pane.retry_requested):
        pane.retry()
    assert pane.explanation.startswith("Only transfers that failed")


def test_nothing_to_do_is_said(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.transfer_pane
    bench.move(transfer("a"))
    assert not bench.button(pane.retry_verb).isEnabled()
    assert "There is nothing to retry." in bench.button(pane.retry_verb).toolTip()
    assert not bench.button(pane.clear_verb).isEnabled() and not bench.actions.clear.isEnabled()
    assert "Nothing has finished yet." in bench.button(pane.clear_verb).toolTip()
    pane.show_transfers(["a"])
    pane.remove()
    assert "Cancel them first" in pane.explanation


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
    pane.show_transfers(["c"])
    with qtbot.waitSignal(pane.move_requested) as moved:
        pane.move_rows(-1)
    assert moved.args == [["c"], -1]
    pane.show_transfers(["a"])
    with qtbot.assertNotEmitted(pane.move_requested):
        pane.move_rows(1)


def test_menu_entries_that_cannot_act_say_why(bench: Bench) -> None:
    pane, actions = bench.window.transfer_pane, bench.actions
    entries = (
        actions.cancel_all,
        actions.retry_failed,
        actions.detour,
        actions.move_up,
        actions.move_down,
    )
    assert [entry.text() for entry in entries] == [
        *("Cancel all", "Retry failed", "Download via the library", "Move up", "Move down")
    ]
    for entry in entries:
        assert not entry.isEnabled() and isinstance(entry, Entry) and entry.reason in entry.toolTip()
    bench.move(transfer("a", state=State.FAILED), transfer("b"))
    assert actions.cancel_all.isEnabled() and actions.retry_failed.isEnabled()
    assert not actions.move_up.isEnabled()
    pane.show_transfers(["b"])
    assert actions.move_up.isEnabled() and actions.move_down.isEnabled()


def test_both_entries_of_details_show_the_key_that_one_of_them_answers_to(bench: Bench, qtbot: QtBot) -> None:
    actions, window = bench.actions, bench.window
    assert actions.details.shortcut() == actions.show_details.shortcut()
    bench.ready("web:dev")
    window.image_pane.view.selectRow(0)
    window.image_pane.view.setFocus()
    before = window.details_place.visible
    qtbot.keyClick(window.image_pane.view, Qt.Key.Key_F4)
    assert window.details_place.visible is not before


def test_only_queued_ones_are_started_now(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.transfer_pane
    assert pane.start_verb.reason == "Select a transfer first."
    bench.move(transfer("a", state=State.RUNNING), transfer("b"), transfer("c"))
    pane.show_transfers(["a"])
    assert pane.start_verb.reason == "Only queued transfers can be started."
    pane.start_now()
    assert pane.explanation == pane.start_verb.reason
    pane.view.selectAll()
    with qtbot.waitSignal(pane.start_now_requested) as started:
        bench.actions.start_now.trigger()
    assert started.args == [["b", "c"]]


def test_enter_unfolds_a_row(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.transfer_pane
    error = AccessDenied("Not allowed.", registry="ghcr.io", advice="Sign in.", detail="denied")
    bench.move(transfer("a", state=State.FAILED, permille=410, error=error))
    pane.show_transfers(["a"])
    qtbot.keyClick(pane.view, Qt.Key.Key_Return)
    index = bench.transfers.index_of("a")
    assert pane.view.isExpanded(index)
    assert pane.view.viewport().grab().toImage().isNull() is False
    qtbot.keyClick(pane.view, Qt.Key.Key_Return)
    assert not pane.view.isExpanded(index)


def _drop(bench: Bench, ids: list[str], row: int, *, lower: bool = False) -> None:
    """Drop transfers on the upper (or lower) half of a row, as Qt does."""
    view = bench.window.transfer_pane.view
    rect = view.visualRect(bench.transfers.index(row, 1))
    where = QPointF(rect.x() + 40, rect.y() + rect.height() * (0.8 if lower else 0.2))
    data = bench.transfers.mimeData([bench.transfers.index_of(name) for name in ids])
    assert bench.transfers.dropMimeData(
        data, Qt.DropAction.MoveAction, view.gap_at(where.toPoint()), 0, QModelIndex()
    )


def test_rows_that_wait_are_dropped_before_and_behind_others(bench: Bench, qtbot: QtBot) -> None:
    bench.move(
        transfer("a", state=State.RUNNING, layers=(layer("f0a7"),)),
        transfer("b"),
        transfer("c"),
        transfer("d"),
    )
    view, model = bench.window.transfer_pane.view, bench.transfers
    for ids, row, lower, expected in (
        (["d"], 1, False, (["d"], "b")),
        (["d", "c"], 1, True, (["d", "c"], "c")),
        (["b"], 3, True, (["b"], None)),
        (["a", "b"], 0, False, (["b"], "a")),  # a running transfer does not move
    ):
        with qtbot.waitSignal(model.rows_dropped) as told:
            _drop(bench, ids, row, lower=lower)
        assert tuple(told.args) == expected
    view.expandAll()
    below = view.visualRect(model.index(0, 0, model.index(0, 0))).center()
    assert view.gap_at(below) == 1, "a drop among a row's layers goes below the row"
    assert view.gap_at(QPoint(20, 5000)) == 4
    assert not model.canDropMimeData(
        model.mimeData([model.index_of("a")]), Qt.DropAction.MoveAction, 1, 0, QModelIndex()
    )
    assert not model.index_of("a").flags() & Qt.ItemFlag.ItemIsDragEnabled
    assert model.index_of("b").flags() & Qt.ItemFlag.ItemIsDragEnabled


def test_a_row_that_wants_a_sign_in_offers_it(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.transfer_pane
    error = SignInRequired("Sign in first.", registry="r.io", advice="Sign in.")
    bench.move(transfer("a"), transfer("b", state=State.FAILED, error=error))
    button = "Sign in… for 127.0.0.1:5000/acme/web:main"
    qtbot.waitUntil(lambda: any(b.accessibleName() == button for b in pane.view.findChildren(QPushButton)))
    (found,) = [b for b in pane.view.findChildren(QPushButton) if b.accessibleName() == button]
    cell = pane.view.visualRect(bench.transfers.index(1, 5))
    assert found.text() == "Sign in…" and cell.contains(
        pane.view.viewport().mapFromGlobal(found.mapToGlobal(found.rect().center()))
    )
    with qtbot.waitSignal(pane.remedy_requested) as told:
        _click(qtbot, found)
    assert told.args == [Remedy.SIGN_IN, "r.io"]
    bench.move(transfer("b"))
    qtbot.waitUntil(lambda: pane.view.indexWidget(bench.transfers.index(1, 5)) is None)


def test_pause_is_there_only_for_what_can_be_paused(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.transfer_pane
    bench.move(transfer("a", state=State.RUNNING))
    assert not bench.button(pane.pause_verb).isVisible()
    pane.toggle_pause()
    assert "can't be paused" in pane.explanation
    bench.move(transfer("b", state=State.RUNNING, pausable=True), transfer("c", pausable=True))
    qtbot.waitUntil(bench.button(pane.pause_verb).isVisible)
    with qtbot.waitSignal(pane.pause_requested) as paused:
        _click(qtbot, bench.button(pane.pause_verb))
    assert paused.args == [["b", "c"]]
    bench.move(
        transfer("b", pausable=True, waiting_for=Waiting.PAUSED),
        transfer("c", pausable=True, waiting_for=Waiting.PAUSED),
    )
    pane.view.select_rows([bench.transfers.index_of("b"), bench.transfers.index_of("c")])
    assert bench.button(pane.pause_verb).accessibleName() == "Resume"
    with qtbot.waitSignal(pane.unpause_requested) as resumed:
        _click(qtbot, bench.button(pane.pause_verb))
    assert resumed.args == [["b", "c"]]


def test_a_pull_that_is_not_running_can_be_made_native(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.transfer_pane
    native = replace(request(), options=(("native", "1"),))
    bench.move(
        transfer("failed", state=State.FAILED),
        transfer("paused", pausable=True, waiting_for=Waiting.PAUSED),
        transfer("running", state=State.RUNNING, pausable=True),
        transfer("native", state=State.CANCELLED, request=native),
        transfer("push", request=request(operation=Operation.PUSH)),
        transfer("done", state=State.SUCCEEDED),
    )
    pane.view.select_rows(
        [bench.transfers.index_of(name) for name in ("failed", "paused", "running", "native")]
    )
    with qtbot.waitSignal(pane.native_requested) as asked:
        bench.actions.native.trigger()
    assert asked.args == [["failed", "paused"]]
    for name, reason in (
        ("running", "Cancel it first"),
        ("native", "already fetches"),
        ("push", "Only pulls into an engine"),
        ("done", "has finished"),
    ):
        pane.show_transfers([name])
        assert reason in pane.native_verb.reason, name
        menu = transfer_menu(pane)
        offered = [entry.verb for entry in menu.actions() if isinstance(entry, Entry)]
        assert (pane.native_verb in offered) == (name in ("running", "native")), name
        menu.close()
    pane.show_transfers(["failed"])
    assert not pane.native_verb.reason and "can't be paused" in pane.native_verb.told


def test_why_a_pull_cannot_be_paused(bench: Bench) -> None:
    pane = bench.window.transfer_pane
    bench.move(transfer("a", state=State.RUNNING))
    pane.toggle_pause()
    assert pane.explanation.startswith("Pulls whose layers the engine fetches itself can't be paused")
    bench.move(transfer("b", state=State.RUNNING, request=request(operation=Operation.PUSH)))
    pane.toggle_pause()
    assert pane.explanation.startswith("Transfers by an engine can't be paused")


def test_cancel_says_what_is_lost(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.transfer_pane
    bench.move(
        transfer("a", state=State.RUNNING),
        transfer("b", state=State.RUNNING, pausable=True, request=request(operation=Operation.PUSH)),
        transfer("c"),
    )
    pane.show_transfers(["a"])
    assert "classic image store" in bench.button(pane.cancel_verb).toolTip()
    pane.show_transfers(["b"])
    assert "Complete layers are kept" in bench.button(pane.cancel_verb).accessibleDescription()
    pane.show_transfers(["c"])
    assert "nothing is lost" in bench.button(pane.cancel_verb).accessibleDescription()
    with qtbot.waitSignal(pane.cancel_all_requested):
        pane.cancel_all()


def test_asked_again_is_selected(bench: Bench) -> None:
    pane = bench.window.transfer_pane
    bench.move(transfer("a"), transfer("b"), transfer("c"))
    pane.show_transfers(["c", "a"])
    assert [s.id for s in pane.selected()] == ["a", "c"]


def test_a_pull_that_an_engine_cannot_finish_may_go_by_the_library(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.transfer_pane
    bench.move(transfer("push", state=State.FAILED, request=request(operation=Operation.PUSH)))
    with qtbot.assertNotEmitted(pane.detour_requested):
        pane.detour()
    assert "could not finish" in pane.explanation
    bench.move(transfer("pull", state=State.FAILED, request=request()))
    pane.show_transfers(["pull"])
    with qtbot.waitSignal(pane.detour_requested) as wish:
        bench.actions.detour.trigger()
    assert wish.args[0].id == "pull"


@pytest.mark.parametrize(("message", "wide"), [("Denied.", False), ("The engine could not " * 6, True)])
def test_why_it_failed_goes_on_over_the_empty_columns(bench: Bench, message: str, wide: bool) -> None:
    view = bench.window.transfer_pane.view
    bench.window.resize(1300, 800)
    bench.move(transfer("a", state=State.FAILED, error=RegistryFailure(message, registry="r.example")))
    index = bench.transfers.index_of("a")
    cell = view.visualRect(index.siblingAtColumn(TransferColumn.SPEED))
    assert cell.width() > 40
    image = view.viewport().grab(cell).toImage()
    colours = {image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height())}
    assert (len(colours) > 1) is wide


@pytest.mark.parametrize("wide", [True, False], ids=["retrying", "short"])
def test_what_it_waits_for_goes_on_over_the_empty_columns(bench: Bench, light: Theme, wide: bool) -> None:
    view = bench.window.transfer_pane.view
    bench.window.resize(1280, 800)
    error = RegistryFailure("r.example responds with errors.", registry="r.example")
    waits = transfer("a", waiting_for=Waiting.BACKOFF, waiting_seconds=8, next_try=(2, 5), error=error)
    bench.move(waits if wide else transfer("a", waiting_for=Waiting.SLOT))
    index = bench.transfers.index_of("a")
    cell = view.visualRect(index.siblingAtColumn(TransferColumn.SPEED))
    assert cell.width() > 40
    image = view.viewport().grab(cell).toImage()
    colours = {image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height())}
    assert (len(colours) > 1) is wide
    assert light.ink(Tone.BAD).plain.name() not in colours, "it has not failed"


# -- failures


def _covered(bench: Bench, name: str) -> bool:
    """Return whether the row of a transfer is out of sight, or covered by a notice or banner."""
    pane = bench.window.transfer_pane
    row = pane.view.visualRect(bench.transfers.index_of(name))
    viewport = pane.view.viewport()
    whole = viewport.rect().contains(row.center()) and row.top() >= 0 and row.bottom() <= viewport.height()
    return not whole or pane.childAt(viewport.mapTo(pane, row.center())) is not viewport


def test_an_offer_leaves_the_row_it_is_about_in_sight(bench: Bench, qtbot: QtBot) -> None:
    pane, window = bench.window.transfer_pane, bench.window
    window.resize(900, 600)
    error = SignInRequired("r wants a sign-in.", registry="r")
    failed = transfer("m15", state=State.FAILED, error=error)
    bench.move(*[transfer(f"m{number}") for number in range(15)], failed)
    window.floors.setSizes([1000, 1])  # as low as possible
    qtbot.waitUntil(lambda: pane.height() < 250)
    pane.show_ended(failed)
    qtbot.waitUntil(lambda: not _covered(bench, "m15"))
    assert pane.explanation == "r wants a sign-in."
    notice = pane._notice
    assert notice is not None and notice.height() >= notice.sizeHint().height(), "the notice is complete too"


def test_an_offer_goes_with_its_cause(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.transfer_pane
    failed = transfer("a", state=State.FAILED, error=SignInRequired("Sign in.", registry="r"))
    bench.move(failed, transfer("b"))
    pane.show_ended(failed)
    bench.move(transfer("b", state=State.RUNNING))
    qtbot.waitUntil(lambda: pane.summary.whole().startswith("1 running"))
    assert pane.explanation == "Sign in."
    bench.move(transfer("a", state=State.QUEUED))
    qtbot.waitUntil(lambda: pane.explanation == "")
    bench.move(failed)
    pane.show_ended(failed)
    bench.transfers.apply(Changes(removed=["a"]))
    qtbot.waitUntil(lambda: pane.explanation == "")


def test_a_notice_about_something_else_stays(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.transfer_pane
    failed = transfer("a", state=State.FAILED, error=SignInRequired("Sign in.", registry="r"))
    bench.move(failed)
    pane.show_ended(failed)
    pane.explain("Something else.", button="OK")
    bench.move(transfer("a", state=State.RUNNING))
    qtbot.waitUntil(lambda: pane.summary.whole().startswith("1 running"))
    assert pane.explanation == "Something else."


def test_a_row_that_fails_comes_into_sight_unless_others_are_in_hand(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.transfer_pane
    names = [f"m{number}" for number in range(40)]
    failed = transfer("m39", state=State.FAILED, error=RegistryUnreachable("Nothing.", registry="r"))
    bench.move(*[transfer(name) for name in names[:-1]], failed)
    pane.show_transfers(["m0"])
    pane.show_ended(failed)
    assert _covered(bench, "m39"), "the user works on another row"
    pane.view.clearSelection()
    pane.show_ended(transfer("m39", state=State.SUCCEEDED))
    assert _covered(bench, "m39")
    pane.show_ended(failed)
    qtbot.waitUntil(lambda: not _covered(bench, "m39"))


def _refused(name: str, host: str = "r") -> TransferSnapshot:
    error = SignInRequired(f"{host} refuses {name}.", registry=host)
    return transfer(name, state=State.FAILED, error=error)


def _lost(name: str) -> TransferSnapshot:
    error = EngineFailure("The engine could not pull it.", remedy=Remedy.LIBRARY)
    return transfer(name, state=State.FAILED, error=error, attempt=5)


def _notice_button(bench: Bench) -> QPushButton:
    notice = bench.window.transfer_pane._notice
    assert notice is not None
    return notice.button


@pytest.mark.parametrize(
    ("error", "words", "remedy"),
    [
        (SignInRequired("Sign in.", registry="r.io"), "Sign in to Acme…", Remedy.SIGN_IN),
        (TlsFailed("Not trusted.", registry="r.io", certificate="x"), "Certificate…", Remedy.CERTIFICATE),
        (TlsFailed("It speaks HTTP.", registry="r.io"), "Settings…", Remedy.SETTINGS),
    ],
)
def test_the_notice_offers_what_puts_it_right(
    bench: Bench, qtbot: QtBot, error: LongshoreError, words: str, remedy: Remedy
) -> None:
    pane = bench.window.transfer_pane
    pane.name_of = {"r.io": "Acme"}.__getitem__
    failed = transfer("a", state=State.FAILED, error=error)
    bench.move(failed)
    pane.show_ended(failed)
    assert (pane.explanation, _notice_button(bench).text()) == (error.message, words)
    with qtbot.waitSignal(pane.remedy_requested) as told:
        _click(qtbot, _notice_button(bench))
    assert told.args == [remedy, "r.io"]


def test_the_notice_offers_the_way_by_the_library(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.transfer_pane
    lost = _lost("a")
    bench.move(lost)
    pane.show_ended(lost)
    assert "could not pull 127.0.0.1:5000/acme/web:main in 5 attempts" in pane.explanation
    with qtbot.waitSignal(pane.detour_requested) as wish:
        _click(qtbot, _notice_button(bench))
    assert wish.args == [lost]


def test_a_failed_row_unfolds_and_a_chart_is_offered_to_the_library(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.transfer_pane
    words = "The image has a format that the engine does not support."
    error = InvalidManifest(words, remedy=Remedy.LIBRARY, advice="It may be no container image.")
    chart = transfer("a", state=State.FAILED, error=error)
    bench.move(chart)
    pane.show_ended(chart)
    row = pane.model.index_of("a")
    assert pane.view.isExpanded(row)
    assert [pane.model.index(number, 0, row).data() for number in range(2)] == [words, error.advice]
    assert "can't take 127.0.0.1:5000/acme/web:main" in pane.explanation
    assert _notice_button(bench).text() == "Download via the library"
    done = transfer("a", state=State.SUCCEEDED)
    pane.show_ended(done)
    assert not pane.view.isExpanded(row), "what has succeeded after all needs no reason"
    with qtbot.waitSignal(pane.detour_requested) as wish:
        _click(qtbot, _notice_button(bench))
    assert wish.args == [chart]


def test_of_two_notices_the_one_that_puts_something_right_wins(bench: Bench) -> None:
    pane = bench.window.transfer_pane
    refused, lost = _refused("a"), _lost("b")
    bench.move(refused, lost)
    for order in ((refused, lost), (lost, refused)):
        for snapshot in order:
            pane.show_ended(snapshot)
        assert pane.explanation == "r refuses a.", [snapshot.id for snapshot in order]
        pane.hush()


def test_a_notice_that_was_taken_away_makes_room_for_any_other(bench: Bench) -> None:
    pane = bench.window.transfer_pane
    refused, lost = _refused("a"), _lost("b")
    bench.move(refused, lost)
    pane.show_ended(refused)
    pane.hush()
    pane.show_ended(lost)
    assert "The library keeps" in pane.explanation


def test_a_failure_that_nothing_can_be_offered_about_leaves_the_offer(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.transfer_pane
    hopeless = transfer("b", state=State.FAILED, error=RegistryUnreachable("Nobody.", registry="r"))
    refused, later = _refused("a"), _refused("c", "s")
    bench.move(refused, hopeless, later)
    pane.show_ended(refused)
    pane.show_ended(hopeless)
    assert pane.explanation == "r refuses a."
    pane.show_ended(later)
    assert pane.explanation == "s refuses c.", "of two equal offers the newer one is shown"


def test_the_pull_command_of_what_was_pushed_is_copied(bench: Bench) -> None:
    pushed = transfer(
        "a", request=request("127.0.0.1:5000/acme/web:1", Operation.PUSH), state=State.SUCCEEDED
    )
    failed = replace(pushed, id="b", state=State.FAILED)
    pulled = replace(pushed, id="c", request=request("127.0.0.1:5000/acme/web:1"))
    chart = replace(pushed, id="d", notes=(TransferNote(NoteKind.ARTIFACT, HELM),))
    other = replace(pushed, id="e", notes=(TransferNote(NoteKind.ARTIFACT, "application/x.model"),))
    assert pull_lines([pushed, failed, pulled]) == "docker pull 127.0.0.1:5000/acme/web:1"
    assert pull_lines([chart, other]) == "helm pull oci://127.0.0.1:5000/acme/web --version 1"
    pane = bench.window.transfer_pane
    bench.move(pushed, failed, other)
    for row, offered in (("a", [""]), ("b", []), ("e", ["There is no command that pulls this kind."])):
        pane.show_transfers([row])
        menu = transfer_menu(pane)
        entries = [action for action in menu.actions() if action.text() == "Copy pull command"]
        reasons = ["" if entry.isEnabled() else entry.toolTip() for entry in entries]
        assert reasons == offered
        menu.deleteLater()


def test_a_closed_menu_leaves_when_finished_as_it_was(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.transfer_pane
    bench.move(transfer("a", state=State.RUNNING))
    pane.show_transfers(["a"])
    menu = transfer_menu(pane)
    assert "When finished" in [action.text() for action in menu.actions()]
    with qtbot.waitSignal(menu.destroyed):
        menu.deleteLater()
    bench.move(transfer("a", state=State.SUCCEEDED))
    assert not pane.when_menu.entries[After.QUIT].isEnabled(), "nothing is running any more"
