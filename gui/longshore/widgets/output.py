"""A view of the output of a container or a build: bounded, searchable, plain text. GUI thread only."""

from __future__ import annotations

import time
from collections import deque

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QFont, QKeyEvent, QKeySequence, QShortcut, QTextCursor, QTextDocument
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from longshore.application.console import Console, Update
from longshore.widgets.notices import plain_label
from longshore.widgets.theme import current_theme
from longshore.words import text

#: The most lines, and characters, that are kept; beyond that the oldest tenth goes.
MOST_LINES = 10_000
MOST_CHARACTERS = 2_000_000
#: Milliseconds between two looks while output comes: 20 Hz.
INTERVAL = 50
#: Seconds of one look that may be spent on output.
_SHARE = 0.008


class OutputView(QWidget):
    """Shows the lines of a :class:`~longshore.application.console.Console` as they come.

    It follows the end unless the user has scrolled up. Ctrl+F searches. Colours and other control sequences are left
    out.
    """

    _woken = Signal()

    def __init__(self, parent: QWidget | None = None, *, most_lines: int = MOST_LINES) -> None:
        super().__init__(parent)
        self._console: Console | None = None
        self._most_lines = most_lines
        self._sizes: deque[int] = deque([0])
        self._characters = 0
        self._cleared = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.lines = QPlainTextEdit()
        self.lines.setAccessibleName(self.tr("Output"))
        self.lines.setReadOnly(True)
        self.lines.setUndoRedoEnabled(False)
        self.lines.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.lines.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setFocusProxy(self.lines)
        column.addWidget(self.lines, 1)
        self._search = _SearchBar(self.lines)
        column.addWidget(self._search)
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(self._search.open)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(INTERVAL)
        self._timer.timeout.connect(self._collect)
        self._woken.connect(self._arm, Qt.ConnectionType.QueuedConnection)
        self._dress()
        current_theme().changed.connect(self._dress)

    def follow(self, console: Console) -> None:
        """Show the output of *console* from now on, after what is shown already."""
        self.leave()
        self._console = console
        console.wake = self._woken.emit
        self._arm()

    def leave(self) -> None:
        """Show no further output."""
        if self._console is not None:
            self._console.wake = _nothing
            self._console = None
        self._timer.stop()

    def flush(self) -> None:
        """Show everything that waits, which takes a second for much of it. Meant for tests."""
        while self._console is not None and (update := self._console.take()) is not None:
            self._add(update)

    def text(self) -> str:
        """Everything that is shown."""
        return self.lines.toPlainText()

    def clear(self) -> None:
        """Forget all lines."""
        self.lines.clear()
        self._sizes = deque([0])
        self._characters = 0
        self._cleared = False

    # -- adding

    @Slot()
    def _arm(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    @Slot()
    def _collect(self) -> None:
        """Show waiting output for a few milliseconds, so that a flood never stops the window."""
        console = self._console
        if console is None:
            return
        until = time.monotonic() + _SHARE
        while (update := console.take()) is not None:
            self._add(update)
            if time.monotonic() > until:
                break
        if console.waiting:
            self._timer.start()

    def _add(self, update: Update) -> None:
        bar = self.lines.verticalScrollBar()
        at_end = bar.value() >= bar.maximum()
        lines = list(update.lines)
        cursor = QTextCursor(self.lines.document())
        cursor.beginEditBlock()
        cursor.movePosition(QTextCursor.MoveOperation.End)
        if update.dropped:
            note = self.tr("… {size} of output left out: it came too fast …")
            lines[:0] = [note.replace("{size}", text.size(update.dropped))]
            cursor.insertText("\n" if self._sizes[-1] else "")
        else:
            cursor.movePosition(QTextCursor.MoveOperation.StartOfBlock, QTextCursor.MoveMode.KeepAnchor)
        cursor.insertText("\n".join(lines))
        cursor.endEditBlock()
        if update.dropped and self._sizes[-1]:
            self._sizes.append(0)
        self._characters -= self._sizes.pop()
        self._sizes.extend(len(line) for line in lines)
        self._characters += sum(len(line) for line in lines)
        read = bar.value() - self._limit()
        bar.setValue(bar.maximum() if at_end else max(read, 0))

    def _limit(self) -> int:
        """Remove the oldest lines if there are too many; returns by how many lines the others have moved up."""
        if len(self._sizes) <= self._most_lines and self._characters <= MOST_CHARACTERS:
            return 0
        gone = 0
        while (
            len(self._sizes) > self._most_lines * 9 // 10 or self._characters > MOST_CHARACTERS * 9 // 10
        ) and len(self._sizes) > 1:
            self._characters -= self._sizes.popleft()
            gone += 1
        cursor = QTextCursor(self.lines.document())
        cursor.movePosition(QTextCursor.MoveOperation.NextBlock, QTextCursor.MoveMode.KeepAnchor, gone)
        cursor.removeSelectedText()
        note = self.tr("… Earlier output is no longer shown …")
        cursor.insertText(f"{note}\n")
        self._sizes.appendleft(len(note))
        self._characters += len(note)
        return gone - 1

    @Slot()
    def _dress(self) -> None:
        font = QFont(current_theme().fixed_font)
        self.lines.setFont(font)
        self.lines.setTabStopDistance(8 * current_theme().fixed_metrics.horizontalAdvance(" "))


class _SearchBar(QWidget):
    """A line below the output: finds text in it. Enter finds the next, Shift+Enter the previous, Escape closes."""

    def __init__(self, lines: QPlainTextEdit) -> None:
        super().__init__()
        self._lines = lines
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        self.field = QLineEdit()
        self.field.setPlaceholderText(self.tr("Find"))
        self.field.setAccessibleName(self.tr("Find in the output"))
        self.field.setMaxLength(200)
        self.field.textEdited.connect(lambda: self._find(stay=True))
        row.addWidget(self.field, 1)
        self.result = plain_label(role="dim")
        row.addWidget(self.result)
        for label, back in ((self.tr("Previous"), True), (self.tr("Next"), False)):
            button = QPushButton(label)
            button.setAutoDefault(False)
            button.clicked.connect(lambda _=False, back=back: self._find(back=back))
            row.addWidget(button)
        self.hide()

    def open(self) -> None:
        """Show the bar, with the selected text of the output in it."""
        chosen = self._lines.textCursor().selectedText()
        if chosen and "\u2029" not in chosen:
            self.field.setText(chosen[:200])
        self.show()
        self.field.selectAll()
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt's hook."""
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
            self._lines.setFocus()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._find(back=bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        else:
            super().keyPressEvent(event)

    def _find(self, *, back: bool = False, stay: bool = False) -> None:
        """Select the next place, or the first one after the end. *stay*: the present place will do."""
        wanted = self.field.text()
        flags = QTextDocument.FindFlag.FindBackward if back else QTextDocument.FindFlag(0)
        cursor = self._lines.textCursor()
        if stay:
            cursor.setPosition(cursor.selectionStart())
        document = self._lines.document()
        found = document.find(wanted, cursor, flags) if wanted else QTextCursor()
        if found.isNull() and wanted:
            over = QTextCursor(document)
            over.movePosition(QTextCursor.MoveOperation.End if back else QTextCursor.MoveOperation.Start)
            found = document.find(wanted, over, flags)
        self.result.setText(self.tr("Not found") if wanted and found.isNull() else "")
        if not found.isNull():
            self._lines.setTextCursor(found)


def _nothing() -> None:
    return None
