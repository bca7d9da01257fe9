"""The status parts of a pane: the loading line, the text of an empty view, the notice at the bottom."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWindow,
)
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QSplitter, QVBoxLayout, QWidget

from longshore.models.columns import Tone
from longshore.models.tooltips import tooltip
from longshore.widgets import icons
from longshore.widgets.theme import current_theme

if TYPE_CHECKING:
    from longshore.widgets.views import TableView, TreeView

#: Milliseconds before the loading line shows: faster loads need no sign.
PATIENCE = 300
#: Milliseconds between two frames of the line; nothing here moves faster.
STEP = 100
#: Milliseconds that a notice stays.
NOTICE = 9000
#: Events that only a user causes.
_OF_USERS = {
    QEvent.Type.KeyPress,
    QEvent.Type.MouseButtonPress,
    QEvent.Type.MouseMove,
    QEvent.Type.TouchBegin,
    QEvent.Type.Wheel,
}
#: What separates the facts of one line.
_BETWEEN = "  ·  "


def plain_label(text: str = "", role: str = "", *, wrap: bool = False) -> QLabel:
    """Return a label for plain text, never markup. *role* as in the style sheet: dim, error, caution, title."""
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setText(text)
    label.setWordWrap(wrap)
    if role:
        label.setProperty("role", role)
    return label


class ElidedLabel(QLabel):
    """One line of plain text, elided in the middle if there is no room, with the full text as its tooltip.

    A sentence is elided at its end. Of facts with dots between them, the first are left out, each as a whole; the last
    two stay.
    """

    def __init__(self, role: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        if role:
            self.setProperty("role", role)
        self._whole = self._more = ""
        self.setMinimumWidth(24)

    def set_text(self, text: str, more: str = "") -> None:
        """Show *text*; *more* is the full text, for the tooltip and for screen readers."""
        if (text, more) != (self._whole, self._more):
            self._whole, self._more = text, more
            self.setAccessibleName(more or text)
            self._fit()
            self.updateGeometry()

    def keep_whole(self) -> None:
        """Never elide this label, which is short: others shrink instead."""
        self.setMinimumWidth(0)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)

    def whole(self) -> str:
        """Return the full text."""
        return self._whole

    def _fit(self) -> None:
        room, metrics = self.width(), self.fontMetrics()
        facts = self._whole.split(_BETWEEN)
        while len(facts) > 2 and metrics.horizontalAdvance(_BETWEEN.join(facts)) > room:
            del facts[0]
        sentence = len(facts) == 1 and self._whole.endswith(".")
        mode = Qt.TextElideMode.ElideRight if sentence else Qt.TextElideMode.ElideMiddle
        shown = metrics.elidedText(_BETWEEN.join(facts), mode, room)
        if shown != self.text():
            super().setText(shown)
        said = self._more or self._whole
        more = said if shown != said else ""
        self.setToolTip(tooltip(more) or "")
        self.setAccessibleDescription(more)  # without it, that is the tooltip with its markup

    def sizeHint(self) -> QSize:
        """Qt's hook: room for the full text."""
        hint = super().sizeHint()
        hint.setWidth(self.fontMetrics().horizontalAdvance(self._whole) + 4)
        return hint

    def minimumSizeHint(self) -> QSize:
        """Qt's hook: a long text does not widen the window."""
        hint = super().minimumSizeHint()
        hint.setWidth(24)
        return hint

    def resizeEvent(self, event: object) -> None:
        """Qt's hook."""
        super().resizeEvent(event)  # type: ignore[arg-type]
        self._fit()


class LoadingLine(QWidget):
    """A line of two pixels under a header, with a segment that moves while something loads."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(2)
        self._since = 0.0
        self._delay = QTimer(self)
        self._delay.setSingleShot(True)
        self._delay.setInterval(PATIENCE)
        self._delay.timeout.connect(self._show)
        self._clock = QTimer(self)
        self._clock.setInterval(STEP)
        self._clock.timeout.connect(self.update)

    def set_loading(self, loading: bool) -> None:
        """Show the line once loading has lasted :data:`PATIENCE` ms; hide it at once when loading ends."""
        if loading:
            if not self._delay.isActive() and not self._clock.isActive():
                self._delay.start()
        else:
            self._delay.stop()
            self._clock.stop()
            self.update()

    @property
    def moving(self) -> bool:
        """True while the line is shown."""
        return self._clock.isActive()

    @Slot()
    def _show(self) -> None:
        self._since = time.monotonic()
        self._clock.start()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's hook."""
        if not self._clock.isActive():
            return
        painter = QPainter(self)
        length = self.width() * 0.25
        place = ((time.monotonic() - self._since) / 1.8) % 1.0
        start = place * (self.width() + length) - length
        painter.fillRect(QRectF(start, 0, length, 2), current_theme().accent)
        painter.end()


class EmptyState(QWidget):
    """One sentence and one button in the middle of a view that has nothing to show."""

    clicked = Signal()

    def __init__(self, view: TableView | TreeView) -> None:
        super().__init__(view)
        self._view = view
        outer = QVBoxLayout(self)
        outer.setContentsMargins(24, 12, 24, 12)
        outer.setSpacing(12)
        outer.addStretch(3)
        self.sentence = plain_label(wrap=True)
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.more = plain_label(role="dim", wrap=True)
        self.more.setAlignment(Qt.AlignmentFlag.AlignCenter)
        outer.addWidget(self.sentence)
        outer.addWidget(self.more)
        row = QHBoxLayout()
        row.addStretch(1)
        self.button = QPushButton()
        self.button.clicked.connect(self.clicked)
        row.addWidget(self.button)
        row.addStretch(1)
        outer.addLayout(row)
        outer.addStretch(4)
        view.resized.connect(self._place)
        self.hide()

    def say(self, sentence: str, button: str = "", more: str = "") -> None:
        """Show *sentence*, below it *more* (dim), and a *button* if it has a text. "" hides all of it."""
        if not sentence:
            self.hide()
            return
        self.sentence.setText(sentence)
        self.more.setText(more)
        self.more.setVisible(bool(more))
        self.button.setText(button)
        self.button.setAccessibleName(button)
        self.button.setVisible(bool(button))
        self.setAcceptDrops(self._view.acceptDrops())
        self.show()
        self._place()
        self.raise_()

    # It covers the viewport exactly, so a drag over it is meant for the view.

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Qt's hook."""
        self._view.dragEnterEvent(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Qt's hook."""
        self._view.dragMoveEvent(event)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Qt's hook."""
        self._view.dragLeaveEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        """Qt's hook."""
        self._view.dropEvent(event)

    @Slot()
    def _place(self) -> None:
        # Below the header: its columns stay visible and show what would be listed here.
        if self.isHidden():
            return
        # Beside the view, not in it: for a screen reader a table contains only cells.
        host = self._view.parentWidget()
        while isinstance(host, QSplitter):
            host = host.parentWidget()
        if host is None:
            return
        if self.parentWidget() is not host:
            self.setParent(host)
            self.show()
        viewport = self._view.viewport()
        self.setGeometry(QRect(viewport.mapTo(host, QPoint(0, 0)), viewport.size()))
        self.raise_()


class Notice(QWidget):
    """A line in a pane that explains something, disappears by itself and interrupts nobody.

    The time until it disappears begins when the user next does something in the window: nobody reads it before.

    *lasting*: it stays until its owner hides it, even when its button is pressed, and cannot be dismissed.
    """

    def __init__(self, parent: QWidget | None = None, *, lasting: bool = False) -> None:
        super().__init__(parent)
        self._tone = Tone.QUIET
        row = QHBoxLayout(self)
        row.setContentsMargins(38, 6, 12, 10)  # the background ends above the lower edge
        row.setSpacing(8)
        self.label = plain_label(wrap=True)
        row.addWidget(self.label, 1)
        self.button = QPushButton()
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.button.hide()
        self._act: object = None
        self.button.clicked.connect(self._acted)
        row.addWidget(self.button)
        close = QPushButton()
        close.setProperty("quiet", True)
        close.setFixedWidth(26)
        close.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        close.setAccessibleName(self.tr("Dismiss"))
        close.clicked.connect(self.hide)
        if lasting:
            close.hide()
        self._close = close
        self._lasting = lasting
        row.addWidget(close, 0, Qt.AlignmentFlag.AlignVCenter)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(NOTICE)
        self._timer.timeout.connect(self.hide)
        self._watched: QWindow | None = None
        self.hide()

    def say(self, text: str, tone: Tone = Tone.QUIET, button: str = "", act: object = None) -> None:
        """Show *text* for a while; with a *button*, which calls *act*, until it is dismissed."""
        self._tone = tone
        self._act = act
        self.label.setText(text)
        self.setAccessibleName(text)
        self.button.setText(button)
        self.button.setAccessibleName(button)
        self.button.setVisible(bool(button))
        self._close.setIcon(icons.icon("cancel", current_theme().dim))
        self.show()
        self.update()
        self._timer.stop()
        self._watch(None if button or self._lasting else self.window().windowHandle())
        from PySide6.QtGui import QAccessible, QAccessibleEvent  # slow to import and seldom needed

        QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.Alert))

    def _watch(self, window: QWindow | None) -> None:
        """Start the timer with the next thing that the user does in *window*; None: never."""
        if self._watched is not None:
            self._watched.removeEventFilter(self)
        self._watched = window
        if window is not None:
            window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Qt's hook: sees the events of the window."""
        if event.type() in _OF_USERS:
            self._watch(None)
            if self.isVisible():
                self._timer.start()
        return False

    @Slot()
    def _acted(self) -> None:
        act = self._act
        if not self._lasting:
            self._act = None
            self.hide()
        if callable(act):
            act()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's hook: paints a soft tint, a hairline above, and the icon of the tone."""
        theme = current_theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ink = theme.ink(self._tone)
        ground = theme.soft if self._tone in (Tone.NONE, Tone.QUIET) else ink.pill
        painter.setBrush(ground)
        painter.setPen(QPen(theme.line))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(6.5, 0.5, -6.5, -4.5), 6, 6)
        name = "warning" if self._tone in (Tone.BAD, Tone.CAUTION) else "info"
        drawn = icons.pixmap(name, ink.pill_text, self.devicePixelRatioF())
        painter.drawPixmap(15, (self.height() - 4) // 2 - 8, drawn)
        painter.end()
