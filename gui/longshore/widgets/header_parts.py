"""What the headers of panes are put together from: buttons, filters, pickers. GUI thread only."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QAction, QIcon, QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QStyledItemDelegate,
    QStyleOptionViewItem,
)

from longshore.models.sieve import LONGEST
from longshore.models.text import tooltip
from longshore.widgets import icons
from longshore.widgets.theme import current_theme

#: The least pixels of a field.
LEAST_FIELD = 84
#: Pixels at either side of what stands in a field.
_FIELD_PADDING = 11
#: Milliseconds after the last key before a filter is applied.
_FILTER_PAUSE = 120


class ActionButton(QPushButton):
    """A button of a pane's header. Where room is short it shows its icon instead of its text; its accessible name
    stays the text. It never takes the focus from the view it acts on when it is clicked."""

    def __init__(self, text: str, icon: str = "", *, primary: bool = False, only_icon: bool = False) -> None:
        super().__init__()
        self._text = text
        self._icon = icon
        self.only_icon = only_icon
        self._hint = ""
        self._blocked = ""
        self.setAccessibleName(text)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        if primary:
            self.setProperty("primary", True)
        self._compact = only_icon
        if only_icon:
            self.setProperty("compact", True)
            self._tell_hint()
            self._draw()
            current_theme().changed.connect(self._draw)
        else:
            self.setText(text)

    @property
    def can_shrink(self) -> bool:
        """True if it has an icon that may stand for its text."""
        return bool(self._icon) and not self.only_icon

    def wide(self) -> int:
        """Pixels it needs with its text."""
        if self.only_icon:
            return current_theme().control_height
        return current_theme().strong_metrics.horizontalAdvance(self._text) + 26

    def sizeHint(self) -> QSize:
        """Qt's hook."""
        theme = current_theme()
        return QSize(theme.control_height if self._compact else self.wide(), theme.control_height)

    minimumSizeHint = sizeHint

    def set_compact(self, compact: bool) -> None:
        """Show the icon alone, or the text alone."""
        if compact == self._compact or not self.can_shrink:
            return
        self._compact = compact
        self.setProperty("compact", compact)
        self.style().unpolish(self)
        self.style().polish(self)
        if compact:
            self._draw()
            current_theme().changed.connect(self._draw)
            self.setText("")
        else:
            current_theme().changed.disconnect(self._draw)
            self.setIcon(QIcon())
            self.setText(self._text)
        self._tell_hint()
        self.updateGeometry()

    def set_label(self, text: str, icon: str = "") -> None:
        """Another text (and icon), e.g. Resume for Pause queue."""
        if text == self._text:
            return
        self._text = text
        self._icon = icon or self._icon
        self.setAccessibleName(text)
        if self._compact:
            self._draw()
        else:
            self.setText(text)
        self._tell_hint()
        self.updateGeometry()

    def set_hint(self, hint: str) -> None:
        """What it does, in a sentence, for its tooltip."""
        if hint != self._hint:
            self._hint = hint
            self.setAccessibleDescription(self._blocked or hint)
            self._tell_hint()

    def set_blocked(self, reason: str) -> None:
        """Disable it and give *reason*, a sentence, as its tooltip; "" enables it again."""
        if reason != self._blocked:
            self._blocked = reason
            self.setEnabled(not reason)
            self.setAccessibleDescription(reason or self._hint)
            self._tell_hint()

    def _tell_hint(self) -> None:
        name = self._text if self._compact else ""
        hint = self._blocked or self._hint
        self.setToolTip(tooltip(f"{name}\n{hint}".strip()) or "" if hint else name)

    @Slot()
    def _draw(self) -> None:
        self.setIcon(icons.icon(self._icon))
        self.setIconSize(QSize(icons.SIZE, icons.SIZE))


class FilterField(QLineEdit):
    """A field that filters as one types; Escape empties it. *filtered* comes when typing pauses."""

    filtered = Signal(str)

    def __init__(self, placeholder: str) -> None:
        super().__init__()
        self._placeholder = placeholder
        self.setPlaceholderText(placeholder)
        self.setAccessibleName(placeholder)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMaximumWidth(210)
        self.setMinimumWidth(LEAST_FIELD)
        self.setMaxLength(LONGEST)
        # What is dragged here is meant for a view beside it: as text it would hide all rows.
        self.setAcceptDrops(False)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_FILTER_PAUSE)
        self._pause.timeout.connect(self._tell)
        self.textChanged.connect(self._typed)
        self._clear: QAction | None = None

    def sizeHint(self) -> QSize:
        """Qt's hook."""
        return QSize(190, current_theme().control_height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's hook: where there is no room to say what is filtered, a whole word says more than two halves."""
        super().resizeEvent(event)
        room = event.size().width() - 2 * _FIELD_PADDING
        whole = self.fontMetrics().horizontalAdvance(self._placeholder) <= room
        self.setPlaceholderText(self._placeholder if whole else self.tr("Filter"))

    @Slot(str)
    def _typed(self, text: str) -> None:
        if text and self._clear is None:
            self._clear = self.addAction(
                icons.icon("cancel", current_theme().dim), QLineEdit.ActionPosition.TrailingPosition
            )
            self._clear.triggered.connect(self.clear)
        if self._clear is not None:
            self._clear.setVisible(bool(text))
        self._pause.start()

    @Slot()
    def _tell(self) -> None:
        self.filtered.emit(self.text().strip())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt's hook: Escape empties the field."""
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
            return
        super().keyPressEvent(event)


class _PickerDelegate(QStyledItemDelegate):
    """Rows as a list has them, and a line where the combo box has a separator."""

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Qt's hook."""
        if not _is_separator(index):
            super().paint(painter, option, index)
            return
        rect = option.rect
        painter.fillRect(rect.x() + 8, rect.center().y(), rect.width() - 16, 1, current_theme().line)

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """Qt's hook."""
        return QSize(1, 9) if _is_separator(index) else super().sizeHint(option, index)


def _is_separator(index: QModelIndex | QPersistentModelIndex) -> bool:
    return bool(index.data(Qt.ItemDataRole.AccessibleDescriptionRole) == "separator")


class Picker(QComboBox):
    """A combo box as wide as its text where there is room, and with an ellipsis where there is none; its list is as
    wide as the widest."""

    opened = Signal()  # its list is about to be shown

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        # The one that comes with it looks like a menu, and knows no colours of single rows.
        self.setItemDelegate(_PickerDelegate(self))
        self.currentTextChanged.connect(lambda _text: self.updateGeometry())

    def showPopup(self) -> None:
        """Qt's hook."""
        self.opened.emit()
        metrics = self.fontMetrics()
        widest = max((metrics.horizontalAdvance(self.itemText(i)) for i in range(self.count())), default=0)
        self.view().setMinimumWidth(widest + 54)
        super().showPopup()

    def sizeHint(self) -> QSize:
        """Qt's hook: the text, with what stands around it."""
        return QSize(
            max(self.fontMetrics().horizontalAdvance(self.currentText()), 60) + 54,
            current_theme().control_height,
        )

    def minimumSizeHint(self) -> QSize:
        """Qt's hook."""
        return QSize(LEAST_FIELD, current_theme().control_height)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's hook: as Qt does, but where the text has to be cut, it is cut visibly."""
        if self.width() >= self.sizeHint().width():
            super().paintEvent(event)
            return
        from PySide6.QtWidgets import QStyle, QStyleOptionComboBox, QStylePainter  # load slowly

        painter = QStylePainter(self)
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        field = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, self
        )
        option.currentText = self.fontMetrics().elidedText(
            option.currentText, Qt.TextElideMode.ElideRight, field.width() - 4
        )
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
