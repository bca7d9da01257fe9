"""The heading of a sheet: it shows the ends of long names."""

from __future__ import annotations

import re

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel

from longshore.models.tooltips import tooltip

#: Most lines.
MOST_LINES = 4
#: Characters after which a name may break where it has no separator.
_RUN = 12
#: Where a line may break, without a sign.
_BREAK = "\u200b"
_BREAKS = re.compile(rf"[/:\-._@]|[^/:\-._@\s]{{{_RUN}}}(?=[^\s])")


class Heading(QLabel):
    """Plain text in at most :data:`MOST_LINES` lines. Long names break at their separators, or anywhere.

    What does not fit is left out in the middle, because names differ at their ends; the tooltip has all of it.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setProperty("role", "title")
        self._whole = ""
        self.setText(text)

    def text(self) -> str:
        """Qt's method: the whole text."""
        return self._whole

    def shown(self) -> str:
        """Return what is visible of the text."""
        return super().text().replace(_BREAK, "")

    def setText(self, text: str) -> None:
        """Qt's method."""
        self._whole = text
        self.setAccessibleName(text)
        self._fit()

    def heightForWidth(self, width: int) -> int:
        """Qt's hook."""
        return min(super().heightForWidth(width), self._most_height())

    def _most_height(self) -> int:
        return MOST_LINES * self.fontMetrics().lineSpacing() + 2

    def _fit(self) -> None:
        whole = self._whole
        low, high = 0, len(whole)
        if self._fits(whole):
            low = high
        while low < high:
            middle = (low + high + 1) // 2
            if self._fits(_elided(whole, middle)):
                low = middle
            else:
                high = middle - 1
        shown = _elided(whole, low)
        super().setText(_BREAKS.sub(rf"\g<0>{_BREAK}", shown))
        more = whole if shown != whole else ""
        self.setToolTip(tooltip(more) or "")
        self.setAccessibleDescription(more)

    def _fits(self, text: str) -> bool:
        super().setText(_BREAKS.sub(rf"\g<0>{_BREAK}", text))
        return super().heightForWidth(max(self.width(), 1)) <= self._most_height()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's hook."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._fit()


def _elided(text: str, most: int) -> str:
    """*text* without its middle, with *most* of its characters."""
    if most >= len(text):
        return text
    front = most // 2
    return f"{text[:front]}…{text[len(text) - (most - front) :]}"
