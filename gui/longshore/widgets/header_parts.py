"""Parts of pane headers: buttons, filters, pickers. GUI thread only."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QAction, QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
    QWidgetAction,
)

from longshore.models.sieve import LONGEST
from longshore.widgets import icons
from longshore.widgets.filter_choices import WIDTH, ChoiceButton, Chosen
from longshore.widgets.theme import current_theme

#: Minimum width of a field, in pixels.
LEAST_FIELD = 84
#: Padding on either side of a field's text, in pixels.
_FIELD_PADDING = 11
#: Milliseconds between the last key press and applying a filter.
_FILTER_PAUSE = 120


class IconButton(QPushButton):
    """A button that shows an icon, with its name as tooltip. A click never takes the focus from a view."""

    def __init__(self, name: str, icon: str) -> None:
        super().__init__()
        self._icon = icon
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setProperty("compact", True)
        self.setIconSize(QSize(icons.SIZE, icons.SIZE))
        self._draw()
        current_theme().changed.connect(self._draw)

    def sizeHint(self) -> QSize:
        """Qt's hook."""
        return QSize(current_theme().control_height, current_theme().control_height)

    minimumSizeHint = sizeHint

    @Slot()
    def _draw(self) -> None:
        self.setIcon(icons.icon(self._icon))


class FilterField(QLineEdit):
    """A field that filters while the user types; Escape clears it. *filtered* is emitted when typing pauses."""

    filtered = Signal(str)

    def __init__(self, placeholder: str) -> None:
        super().__init__()
        self._placeholder = placeholder
        self.setPlaceholderText(placeholder)
        self.setAccessibleName(placeholder)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(LEAST_FIELD)
        self.setMaxLength(LONGEST)
        # Items dragged here are meant for a view nearby; dropped as text they would filter out all rows.
        self.setAcceptDrops(False)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_FILTER_PAUSE)
        self._pause.timeout.connect(self._tell)
        self.textChanged.connect(self._typed)
        self._clear: QAction | None = None
        #: The button for filters beside the words, if there are any.
        self.choices: ChoiceButton | None = None

    def offer_choices(self, rows: Chosen) -> None:
        """Add a button for the filters of *rows* beside the words."""
        button = self.choices = ChoiceButton(rows)
        held = QWidgetAction(self)
        held.setDefaultWidget(button)
        self.addAction(held, QLineEdit.ActionPosition.TrailingPosition)
        rows.choices_changed.connect(self._offer_clear)
        self.setMinimumWidth(LEAST_FIELD + WIDTH)

    @property
    def stops(self) -> list[QWidget]:
        """Where Tab stops, in order: the field and the button for filters inside it."""
        return [self] if self.choices is None else [self, self.choices]

    @Slot()
    def clear_all(self) -> None:
        """Remove the words and the filters beside them."""
        self.clear()
        if self.choices is not None:
            self.choices.clear_chosen()

    def sizeHint(self) -> QSize:
        """Qt's hook."""
        return QSize(140, current_theme().control_height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's hook: if the placeholder does not fit, a single whole word replaces it."""
        super().resizeEvent(event)
        room = event.size().width() - 2 * _FIELD_PADDING
        if self.choices is not None:
            room -= self.choices.width()
        whole = self.fontMetrics().horizontalAdvance(self._placeholder) <= room
        self.setPlaceholderText(self._placeholder if whole else self.tr("Filter"))

    @Slot(str)
    def _typed(self, _text: str) -> None:
        self._offer_clear()
        self._pause.start()

    @Slot()
    def _offer_clear(self) -> None:
        """Offer to clear the filter while there is one."""
        filtered = bool(self.text()) or (self.choices is not None and self.choices.active)
        if filtered and self._clear is None:
            self._clear = self.addAction(
                icons.icon("cancel", current_theme().dim), QLineEdit.ActionPosition.TrailingPosition
            )
            self._clear.setToolTip(self.tr("Clear filter"))
            self._clear.triggered.connect(self.clear_all)
        if self._clear is not None:
            self._clear.setVisible(filtered)

    @Slot()
    def _tell(self) -> None:
        self.filtered.emit(self.text().strip())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt's hook: Escape clears the field, Alt+Down opens the filters beside it."""
        if event.key() == Qt.Key.Key_Escape and (self.text() or (self.choices and self.choices.active)):
            self.clear_all()
            return
        alt = event.modifiers() & Qt.KeyboardModifier.AltModifier
        if self.choices is not None and alt and event.key() == Qt.Key.Key_Down:
            self.choices.open()
            return
        super().keyPressEvent(event)


class _PickerDelegate(QStyledItemDelegate):
    """Paints rows as in a list, and separators of the combo box as lines."""

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
    """A combo box as wide as its text, or elided if there is no room. Its list is as wide as the widest entry."""

    opened = Signal()  # the list is about to open

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        # The default list looks like a menu and does not support colours of single rows.
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
        """Qt's hook: the size of the text with its frame and arrow."""
        return QSize(
            max(self.fontMetrics().horizontalAdvance(self.currentText()), 60) + 54,
            current_theme().control_height,
        )

    def minimumSizeHint(self) -> QSize:
        """Qt's hook."""
        return QSize(LEAST_FIELD, current_theme().control_height)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's hook: paints as Qt does, but elides a text that does not fit."""
        if self.width() >= self.sizeHint().width():
            super().paintEvent(event)
            return
        from PySide6.QtWidgets import QStyle, QStyleOptionComboBox, QStylePainter  # slow to import

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
