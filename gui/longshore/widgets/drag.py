"""Appearance of a drag: the pill under the pointer, and the line that says what a drop would do."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QAbstractItemView, QWidget

from longshore.models.columns import Tone
from longshore.widgets.columns import PADDING
from longshore.widgets.theme import current_theme

#: Maximum width of the pill, in device-independent pixels.
_WIDEST = 420


def drag_pixmap(text: str, ratio: float) -> QPixmap:
    """Return a small pill with *text* on it, at device pixel *ratio*."""
    theme = current_theme()
    shown = theme.strong_metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, _WIDEST - 28)
    width = theme.strong_metrics.horizontalAdvance(shown) + 28
    height = theme.strong_metrics.height() + 10
    made = QPixmap(round(width * ratio), round(height * ratio))
    made.setDevicePixelRatio(ratio)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(theme.accent)
    painter.setBrush(theme.pane)
    painter.drawRoundedRect(QRectF(0.5, 0.5, width - 1, height - 1), (height - 1) / 2, (height - 1) / 2)
    painter.setFont(theme.strong_font)
    painter.setPen(theme.text)
    painter.drawText(QRectF(0, 0, width, height), int(Qt.AlignmentFlag.AlignCenter), shown)
    painter.end()
    return made


#: Offset of the pill from the pointer: below and to the right, so that the target stays visible.
HOT_SPOT = QPoint(-14, -8)


class DropLine(QWidget):
    """A line over the lower edge of a view that says what a drop would do, or why it is not accepted."""

    def __init__(self, view: QAbstractItemView) -> None:
        super().__init__(view)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._view = view
        self._good = True
        self.text = ""
        self.hide()

    def say(self, text: str, *, good: bool) -> None:
        """Show *text*; "" hides the line."""
        self.text, self._good = text, good
        if not text:
            self.hide()
            return
        viewport = self._view.viewport().geometry()
        height = current_theme().row_height + 2
        self.setGeometry(viewport.x(), viewport.bottom() - height + 1, viewport.width(), height)
        self.show()
        self.raise_()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's hook."""
        theme = current_theme()
        ink = theme.ink(Tone.ACTIVE if self._good else Tone.CAUTION)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink.pill)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(4, 0, -4, -4), 6, 6)
        painter.setFont(theme.font)
        painter.setPen(ink.pill_text)
        room = self.rect().adjusted(PADDING + 4, 0, -PADDING - 4, -4)
        shown = theme.metrics.elidedText(self.text, Qt.TextElideMode.ElideMiddle, room.width())
        painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine), shown)
        painter.end()
