"""The filters beside a filter's words: a button inside the field, and its menu. GUI thread only."""

from __future__ import annotations

from typing import Any, Protocol

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal, SignalInstance, Slot
from PySide6.QtGui import QAction, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QMenu, QWidget

from longshore.models.columns import Tone
from longshore.models.row_table import RowChoice
from longshore.models.tooltips import tooltip
from longshore.widgets import icons
from longshore.widgets.theme import current_theme

#: Width of the button, in pixels.
WIDTH = 24


class Chosen(Protocol):
    """What the filters act on: a :class:`~longshore.models.row_table.RowTable`."""

    choices_changed: SignalInstance

    @property
    def chosen(self) -> list[str]: ...

    @property
    def chosen_words(self) -> str: ...

    def choices(self) -> list[RowChoice]: ...

    def prepare_choices(self) -> None: ...

    def set_chosen(self, keys: Any, /) -> None: ...


class ChoiceMenu(QMenu):
    """A menu whose checked entries are the chosen filters. A click or Space changes one and leaves the menu open."""

    cleared = Signal()

    def __init__(self, parent: QWidget, rows: Chosen) -> None:
        super().__init__(parent)
        self._rows = rows
        self.setToolTipsVisible(True)
        self.aboutToShow.connect(self.fill)
        rows.choices_changed.connect(self._changed)

    @Slot()
    def fill(self) -> None:
        """Show the filters that can be chosen now."""
        self._rows.prepare_choices()
        self.clear()
        kind = ""
        chosen = self._rows.chosen
        for choice in self._rows.choices():
            is_value = ":" in choice.key
            if self.actions() and is_value and choice.key.partition(":")[0] != kind:
                self.addSeparator()
            kind = choice.key.partition(":")[0]
            self._add(choice, checked=choice.key in chosen)
        self.addSeparator()
        clear = self.addAction(self.tr("Clear filters"))
        clear.setEnabled(bool(chosen))
        clear.triggered.connect(self.cleared)

    def _add(self, choice: RowChoice, *, checked: bool) -> None:
        action = self.addAction(choice.title)
        action.setData(choice.key)
        action.setCheckable(True)
        action.setChecked(checked)
        action.setEnabled(checked or not choice.why_not)
        action.setToolTip(tooltip(choice.why_not) or "")
        action.toggled.connect(self._toggled)

    @Slot()
    def _toggled(self) -> None:
        self._rows.set_chosen({one.data() for one in self.actions() if one.isCheckable() and one.isChecked()})

    @Slot()
    def _changed(self) -> None:
        """Show filters that have become known, and what is chosen, while the menu is open."""
        if not self.isVisible():
            return
        shown = [one.data() for one in self.actions() if one.isCheckable()]
        if shown != [choice.key for choice in self._rows.choices()]:
            at = self.activeAction()
            key = at.data() if at is not None else None
            self.fill()
            self.adjustSize()
            for one in self.actions():
                if key is not None and one.data() == key:
                    self.setActiveAction(one)
        self.actions()[-1].setEnabled(bool(self._rows.chosen))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Qt's hook: the menu stays open while filters are chosen."""
        if not self._flip(self.actionAt(event.position().toPoint())):
            super().mouseReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt's hook: Space chooses and leaves the menu open, Enter chooses and closes it."""
        if event.key() != Qt.Key.Key_Space or not self._flip(self.activeAction()):
            super().keyPressEvent(event)

    def _flip(self, action: QAction | None) -> bool:
        if action is None or not action.isCheckable() or not action.isEnabled():
            return False
        action.toggle()
        return True


class ChoiceButton(QAbstractButton):
    """The button with the sliders. It is tinted while a filter is chosen, and its tooltip says which."""

    def __init__(self, rows: Chosen) -> None:
        super().__init__()
        self._rows = rows
        self.setAccessibleName(self.tr("Filters"))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self.menu = ChoiceMenu(self, rows)
        self.menu.cleared.connect(self.clear_chosen)
        self.clicked.connect(self.open)
        rows.choices_changed.connect(self._tell)
        current_theme().changed.connect(self.update)
        self._tell()

    @property
    def active(self) -> bool:
        """True if a filter is chosen."""
        return bool(self._rows.chosen)

    @Slot()
    def clear_chosen(self) -> None:
        """Choose no filter."""
        self._rows.set_chosen(())

    @Slot()
    def open(self) -> None:
        """Open the menu below the button."""
        self.menu.popup(self.mapToGlobal(self.rect().bottomLeft()))

    @Slot()
    def _tell(self) -> None:
        words = self._rows.chosen_words
        shown = self.tr("Showing only: {0}").format(words) if words else self.tr("Filters")
        self.setToolTip(tooltip(shown) or "")
        self.setAccessibleDescription(shown if words else "")
        self.update()

    def sizeHint(self) -> QSize:
        """Qt's hook."""
        return QSize(WIDTH, 22)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt's hook: Enter and Down open the menu, as Space does."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Down):
            self.open()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """Qt's hook: the pointer changes the look."""
        if event.type() in (QEvent.Type.Enter, QEvent.Type.Leave):
            self.update()
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's hook."""
        theme = current_theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        place = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        active = theme.ink(Tone.ACTIVE)
        painter.setPen(theme.accent if self.hasFocus() else Qt.PenStyle.NoPen)
        if self.active:
            painter.setBrush(active.pill)
        elif self.underMouse():
            painter.setBrush(theme.soft)
        painter.drawRoundedRect(place, 5, 5)
        ink = active.pill_text if self.active else theme.dim
        drawn = icons.pixmap("sliders", ink, self.devicePixelRatioF())
        painter.drawPixmap((self.width() - icons.SIZE) // 2, (self.height() - icons.SIZE) // 2, drawn)
        painter.end()
