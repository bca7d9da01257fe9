"""The base of all panes: a rounded frame, two header rows, a notice, a footer.

The first row says what is shown: title, place, filter. The second says what can be done, see :mod:`.verbs`.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QMargins, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from longshore.models.columns import Tone
from longshore.widgets.columns import EDGE
from longshore.widgets.header_parts import LEAST_FIELD, FilterField, IconButton, Picker
from longshore.widgets.notices import ElidedLabel, LoadingLine, Notice, plain_label
from longshore.widgets.verbs import GAP, VerbBar

#: Height of the first header row, in pixels: a control with the space above and below it.
_HEADER = 46
#: Space below the controls of both header rows, in pixels.
_BELOW = 8
#: A summary keeps this width, in pixels, before buttons go into *More*.
_LEAST_SUMMARY = 160


class HeaderBar(QWidget):
    """The first row: title, picker, filter; or title, summary and, in a pane with one row, its verbs."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(EDGE, _HEADER - _BELOW - 28, EDGE, _BELOW)
        self.row.setSpacing(GAP)
        self.title = plain_label(title, role="title")
        self.title.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.row.addWidget(self.title)
        self.filter: FilterField | None = None
        self.summary: ElidedLabel | None = None
        self._verbs: VerbBar | None = None

    def add_picker(self, picker: Picker, name: str, wide: int) -> None:
        """Add a combo box after the title, at most *wide* pixels."""
        picker.setAccessibleName(name)
        picker.setMinimumWidth(LEAST_FIELD)
        picker.setMaximumWidth(wide)
        self.row.addSpacing(2)
        self.row.addWidget(picker)

    def add_summary(self) -> ElidedLabel:
        """Add a dim line after the title and return it."""
        self.summary = ElidedLabel("dim")
        self.row.addSpacing(2)
        self.row.addWidget(self.summary, 1)
        return self.summary

    def add_filter(self, placeholder: str) -> FilterField:
        """Add a filter field that takes the rest of the row, and return it."""
        self.filter = FilterField(placeholder)
        self.row.addSpacing(2)
        self.row.addWidget(self.filter, 1)
        return self.filter

    def add_icon(self, name: str, icon: str, wish: Callable[[], None]) -> IconButton:
        """Add a button with an icon and return it. A click calls *wish*."""
        button = IconButton(name, icon)
        button.clicked.connect(lambda: wish())
        self.row.addWidget(button)
        return button

    def add_verbs(self, verbs: VerbBar) -> None:
        """Add the verbs at the right: the pane has no second row."""
        self._verbs = verbs
        verbs.resized.connect(self._share)
        self.row.addWidget(verbs)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's hook."""
        super().resizeEvent(event)
        self._share()

    def _share(self) -> None:
        """Give the verbs what title, summary and filter can spare."""
        if self._verbs is None:
            return
        taken = 2 * EDGE + self.title.sizeHint().width() + 3 * GAP
        if self.summary is not None:
            taken += min(self.summary.sizeHint().width(), _LEAST_SUMMARY)
        if self.filter is not None:
            taken += LEAST_FIELD + GAP
        least, full = self._verbs.minimumSizeHint().width(), self._verbs.sizeHint().width()
        self._verbs.setFixedWidth(max(least, min(full, self.width() - taken)))


class Pane(QWidget):
    """A rounded frame with a header. The content of a pane goes into :attr:`body`, what it can do into :attr:`verbs`.

    *rows*: 2, or 1 if the verbs are in the first header row.
    """

    def __init__(self, title: str, *, rows: int = 2) -> None:
        super().__init__()
        self.setObjectName("pane")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(1, 1, 1, 1)
        outer.setSpacing(0)
        self.header = HeaderBar(title)
        outer.addWidget(self.header)
        self.verbs = VerbBar(QMargins(EDGE, 0, EDGE, _BELOW) if rows > 1 else QMargins())
        if rows > 1:
            outer.addWidget(self.verbs)
        self.loading = LoadingLine()
        outer.addWidget(self.loading)
        self.body = QVBoxLayout()
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(0)
        outer.addLayout(self.body, 1)
        self._outer = outer
        self._notice: Notice | None = None
        self._stays = False
        self._footer: ElidedLabel | None = None

    def add_footer(self) -> ElidedLabel:
        """Add a dim line at the bottom, below a hairline, and return it."""
        band = QWidget()
        band.setObjectName("band")
        band.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = QHBoxLayout(band)
        row.setContentsMargins(EDGE, 7, EDGE, 8)
        self._footer = ElidedLabel("dim")
        row.addWidget(self._footer)
        self._outer.addWidget(band)
        return self._footer

    def refuse(self, reason: str) -> bool:
        """Show *reason*, why something cannot be done, and return True; do nothing for "" and return False."""
        if reason:
            self.explain(reason)
        return bool(reason)

    def explain(
        self,
        message: str,
        tone: Tone = Tone.QUIET,
        *,
        button: str = "",
        act: Callable[[], object] | None = None,
        stays: bool = False,
    ) -> None:
        """Show *message* at the bottom of the pane: why something cannot be done now, or what went wrong.

        *stays*: also when the selection changes, because the message is not about that.
        """
        self._stays = stays
        if self._notice is None:
            self._notice = Notice()
            at = self._outer.count() - (1 if self._footer is not None else 0)
            self._outer.insertWidget(at, self._notice)
        self._notice.say(message, tone, button, act)

    @property
    def explanation(self) -> str:
        """The message that :meth:`explain` shows, "" if none."""
        return self._notice.label.text() if self._notice is not None and not self._notice.isHidden() else ""

    def hush(self, *, stays: bool = True) -> None:
        """Hide the notice, because the selection changes; with *stays* False also one that stays then."""
        if self._notice is not None and not (self._stays and stays):
            self._notice.hide()
