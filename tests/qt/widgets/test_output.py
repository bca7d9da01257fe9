"""The output view: bounded, quick, and calm about whatever a container prints."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from longshore.application.console import Console
from longshore.widgets import output as module
from longshore.widgets.output import OutputView

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


@pytest.fixture
def console() -> Console:
    return Console()


@pytest.fixture
def view(qtbot: QtBot, console: Console) -> Iterator[OutputView]:
    view = OutputView(most_lines=100)
    qtbot.addWidget(view)
    view.resize(400, 200)
    view.follow(console)
    view.show()
    yield view
    view.leave()


def test_lines_appear_as_they_come(qtbot: QtBot, view: OutputView, console: Console) -> None:
    threading.Thread(target=console.feed, args=(b"one\ntw",)).start()
    qtbot.waitUntil(lambda: view.text() == "one\ntw")
    console.feed(b"o\n10%\r")
    console.feed(b"100%")
    qtbot.waitUntil(lambda: view.text() == "one\ntwo\n100%")


def test_it_sleeps_while_nothing_comes(qtbot: QtBot, view: OutputView, console: Console) -> None:
    console.feed(b"x")
    qtbot.waitUntil(lambda: view.text() == "x")
    timers = [timer for timer in view.findChildren(QTimer) if timer.isActive()]
    assert timers == []


def test_it_follows_the_end_unless_one_scrolled_up(qtbot: QtBot, view: OutputView, console: Console) -> None:
    bar = view.lines.verticalScrollBar()
    console.feed(b"line\n" * 60)
    view.flush()
    assert bar.maximum() > 0
    assert bar.value() == bar.maximum()
    bar.setValue(5)
    console.feed(b"more\n" * 20)
    view.flush()
    assert bar.value() == 5
    bar.setValue(bar.maximum())
    console.feed(b"end\n")
    view.flush()
    assert bar.value() == bar.maximum()


def test_the_oldest_lines_go(view: OutputView, console: Console) -> None:
    for number in range(1000):
        console.feed(b"%d\n" % number)
        view.flush()
    lines = view.text().split("\n")
    assert len(lines) <= 102
    assert lines[0] == "… Earlier output is no longer shown …"
    assert lines[1:].count(lines[0]) == 0
    assert lines[-2:] == ["999", ""]
    numbers = [int(line) for line in lines[1:-1]]
    assert numbers == list(range(numbers[0], 1000))


def test_what_one_reads_stays_while_old_lines_go(view: OutputView, console: Console) -> None:
    for number in range(100):
        console.feed(b"%d\n" % number)
    view.flush()
    bar = view.lines.verticalScrollBar()
    bar.setValue(60)
    first = view.lines.firstVisibleBlock().text()
    for number in range(100, 130):
        console.feed(b"%d\n" % number)
        view.flush()
    assert view.text().startswith("… Earlier output")
    assert view.lines.firstVisibleBlock().text() == first


def test_long_lines_count_too(view: OutputView, console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CHARACTERS", 10_000)
    console.feed(b"x" * 50_000 + b"\nend")
    view.flush()
    assert len(view.text()) <= 11_000
    assert view.text().endswith("\nend")


def test_what_is_left_out_is_said(view: OutputView) -> None:
    small = Console(most=102)
    view.follow(small)
    small.feed(b"begin")
    view.flush()
    small.feed(b"lost" * 30)
    small.feed(b"kept" * 24)
    small.feed(b"!\nnext")
    view.flush()
    assert view.text() == "begin\n… 120 B of output left out: it came too fast …\n" + "kept" * 24 + "!\nnext"


def test_a_flood_does_not_stop_the_window(qtbot: QtBot, view: OutputView, console: Console) -> None:
    """200 MB without a pause: the window goes on, memory stays, and the end is shown."""
    done = threading.Event()

    def flood() -> None:
        block = b"all work and no play\n" * 3000
        for _ in range(3200):
            console.feed(block)
        console.feed(b"THE END\n")
        done.set()

    thread = threading.Thread(target=flood)
    thread.start()
    beats = 0
    while not done.is_set() or console.waiting:
        begun = time.thread_time()
        QApplication.processEvents()
        assert time.thread_time() - begun < 0.5
        beats += 1
    thread.join()
    assert beats > 20
    assert view.text().endswith("THE END\n")
    assert len(view.text().split("\n")) <= 102


def test_control_characters_are_not_shown(view: OutputView, console: Console) -> None:
    console.feed("\x1b[31m<b>red</b>\x1b[0m\u202e\x07 & \xff\n".encode("utf-8") + b"\xff\x00z")
    view.flush()
    assert view.text() == "<b>red</b> & ÿ\n\ufffdz"


def test_search(qtbot: QtBot, view: OutputView, console: Console) -> None:
    console.feed(b"apple\nbanana\napple pie\n")
    view.flush()
    view.lines.setFocus()
    QTest.keyClick(view.lines, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    bar = view._search
    assert bar.isVisible()
    QTest.keyClicks(bar.field, "apple")
    cursor = view.lines.textCursor
    assert (cursor().blockNumber(), cursor().selectedText()) == (0, "apple")
    QTest.keyClick(bar.field, Qt.Key.Key_Return)
    assert cursor().blockNumber() == 2
    QTest.keyClick(bar.field, Qt.Key.Key_Return)
    assert cursor().blockNumber() == 0
    QTest.keyClick(bar.field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert cursor().blockNumber() == 2
    QTest.keyClicks(bar.field, "x")
    assert bar.result.text() == "Not found"
    QTest.keyClick(bar.field, Qt.Key.Key_Escape)
    assert not bar.isVisible()


def test_what_is_selected_stays_while_output_comes(view: OutputView, console: Console) -> None:
    console.feed(b"first\nsecond\n")
    view.flush()
    view.lines.moveCursor(view.lines.textCursor().MoveOperation.Start)
    QTest.keyClick(view.lines, Qt.Key.Key_End, Qt.KeyboardModifier.ShiftModifier)
    console.feed(b"third\n")
    view.flush()
    assert view.lines.textCursor().selectedText() == "first"
    view.lines.copy()
    assert QApplication.clipboard().text() == "first"


def test_its_name_and_that_it_is_read_only(view: OutputView, console: Console) -> None:
    interface = QAccessible.queryAccessibleInterface(view.lines)
    assert interface.text(QAccessible.Text.Name) == "Output"
    QTest.keyClicks(view.lines, "typed")
    assert view.text() == ""


def test_it_can_go_while_output_comes(qtbot: QtBot) -> None:
    console = Console()
    view = OutputView()
    view.follow(console)
    view.leave()
    view.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    console.feed(b"nobody reads this")
    assert console.waiting
