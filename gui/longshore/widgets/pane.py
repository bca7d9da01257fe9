"""The base of all panes: a rounded frame, a header with title, picker, filter and actions, a notice, a footer."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from longshore.models.columns import Tone
from longshore.widgets.header_parts import LEAST_FIELD, ActionButton, FilterField, Picker
from longshore.widgets.notices import ElidedLabel, LoadingLine, Notice, plain_label
from longshore.widgets.theme import current_theme

_MARGIN = 14
_GAP = 6
_LEAST_PICKER = 124


class HeaderBar(QWidget):
    """Title, picker, space, filter, actions. If room is short, actions shrink to icons, then the picker shrinks."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(_MARGIN, 10, 10, 8)
        self.row.setSpacing(_GAP)
        self.title = plain_label(title, role="title")
        self.title.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.row.addWidget(self.title)
        self.buttons: list[ActionButton] = []
        self.picker: QComboBox | None = None
        self.filter: FilterField | None = None
        self.summary: ElidedLabel | None = None
        self._picker_width = 0

    def add_picker(self, picker: Picker, name: str, wide: int) -> None:
        """Add a combo box after the title."""
        self.picker = picker
        self.picker.setAccessibleName(name)
        self.picker.setMinimumWidth(LEAST_FIELD)
        self.picker.setMaximumWidth(wide)
        self._picker_width = wide
        self.row.addSpacing(4)
        self.row.addWidget(self.picker)

    def add_summary(self) -> ElidedLabel:
        """Add a dim line after the title and return it."""
        self.summary = ElidedLabel("dim")
        self.row.addSpacing(2)
        self.row.addWidget(self.summary, 8)
        return self.summary

    def add_space(self) -> None:
        """Add a stretch: what is added after it is right-aligned."""
        self.row.addStretch(1)

    def add_filter(self, placeholder: str) -> FilterField:
        """Add a filter field and return it."""
        self.filter = FilterField(placeholder)
        self.row.addWidget(self.filter, 4)
        return self.filter

    def add_button(
        self,
        text: str,
        icon: str,
        wish: Callable[[], None],
        *,
        primary: bool = False,
        only_icon: bool = False,
    ) -> ActionButton:
        """Add a button and return it. A click calls *wish*."""
        button = ActionButton(text, icon, primary=primary, only_icon=only_icon)
        button.clicked.connect(lambda: wish())
        self.buttons.append(button)
        self.row.addWidget(button)
        return button

    def minimumSizeHint(self) -> QSize:
        """Qt's hook: the size with all actions as icons and without the title."""
        hint = super().minimumSizeHint()
        title = 0 if self.title.isHidden() else self.title.sizeHint().width() + _GAP
        saved = sum(
            b.sizeHint().width() - current_theme().control_height for b in self.buttons if b.can_shrink
        )
        return QSize(max(0, hint.width() - saved - title), hint.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's hook: decides what shrinks."""
        super().resizeEvent(event)
        title = self.title.sizeHint().width()
        need = 2 * _MARGIN + title + sum(b.wide() + _GAP for b in self.buttons)
        slack = 0  # pixels that the fields have beyond their preferred width
        if self.picker is not None:
            need += _LEAST_PICKER + _GAP
            slack += _LEAST_PICKER - LEAST_FIELD
        if self.filter is not None:
            need += 90 + _GAP
            slack += 90 - LEAST_FIELD
        if self.summary is not None:
            need += 120 + _GAP
        room = event.size().width()
        for button in reversed(self.buttons):
            if not button.can_shrink:
                continue
            compact = need > room
            button.set_compact(compact)
            if compact:
                need -= button.wide() - current_theme().control_height
        # As a last resort the title is hidden: one can see what the pane is, but its fields must be readable.
        self.title.setVisible(need <= room + slack)
        if self.title.isHidden():
            need -= title
        if self.picker is not None:
            self.picker.setMaximumWidth(
                max(_LEAST_PICKER, min(self._picker_width, _LEAST_PICKER + room - need))
            )


class Pane(QWidget):
    """A rounded frame with a header. The content of a pane goes into :attr:`body`."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.setObjectName("pane")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(1, 1, 1, 1)
        outer.setSpacing(0)
        self.header = HeaderBar(title)
        outer.addWidget(self.header)
        self.loading = LoadingLine()
        outer.addWidget(self.loading)
        self.body = QVBoxLayout()
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(0)
        outer.addLayout(self.body, 1)
        self._outer = outer
        self._notice: Notice | None = None
        self._footer: ElidedLabel | None = None

    def add_footer(self) -> ElidedLabel:
        """Add a dim line at the bottom, below a hairline, and return it."""
        band = QWidget()
        band.setObjectName("band")
        band.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = QHBoxLayout(band)
        row.setContentsMargins(18, 7, 18, 8)
        self._footer = ElidedLabel("dim")
        row.addWidget(self._footer)
        self._outer.addWidget(band)
        return self._footer

    def explain(
        self,
        message: str,
        tone: Tone = Tone.QUIET,
        *,
        button: str = "",
        act: Callable[[], object] | None = None,
    ) -> None:
        """Show *message* at the bottom of the pane: why something cannot be done now, or what went wrong."""
        if self._notice is None:
            self._notice = Notice()
            at = self._outer.count() - (1 if self._footer is not None else 0)
            self._outer.insertWidget(at, self._notice)
        self._notice.say(message, tone, button, act)

    @property
    def explanation(self) -> str:
        """The message that :meth:`explain` shows, "" if none."""
        return self._notice.label.text() if self._notice is not None and not self._notice.isHidden() else ""

    def hush(self) -> None:
        """Hide the notice."""
        if self._notice is not None:
            self._notice.hide()
