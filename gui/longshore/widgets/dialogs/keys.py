"""Keys…: whose signatures are trusted for the images of one registry, and where only signed ones are fetched."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QTableWidgetItem,
    QWidget,
)

from longshore.errors import LongshoreError
from longshore.models.tooltips import tooltip
from longshore.widgets.dialogs.fields import FileField
from longshore.widgets.dialogs.sheet import TABLE_ROW, Sheet, sheet_table
from longshore.widgets.notices import plain_label
from longshore.words import text

if TYPE_CHECKING:
    from longshore.application.signatures.listing import ListedKey

_FOR, _NAME, _KIND, _RULE = range(4)
_LEAST_ROWS, _MOST_ROWS = 2, 6
_KEYS = "Public keys (*.pub *.pem)"


class KeysSheet(Sheet):
    """Lists keys and rules, and adds keys. Every change is made at once; the sheet stays open.

    The owner answers each signal with :meth:`show_keys`.
    """

    add_requested = Signal(str, Path, str)  # scope below the registry ("": all of it), file, name
    remove_requested = Signal(object, str)  # Scope, name
    rule_requested = Signal(object, bool)  # Scope, whether only signed images are fetched

    def __init__(self, parent: QWidget | None, title: str) -> None:
        super().__init__(parent, self.tr("Keys of {0}").format(title), self.tr("Add key"), width=600)
        self._rows: list[ListedKey] = []
        self._adding = False
        self.empty = plain_label(
            self.tr(
                "No keys yet. Add the public key of whoever signs the images of this registry, such as cosign.pub."
            ),
            "dim",
            wrap=True,
        )
        self.body.addWidget(self.empty)
        self.table = sheet_table(
            self.tr("Keys"), [self.tr("For"), self.tr("Name"), self.tr("Type"), self.tr("Only signed")]
        )
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        for column in (_KIND, _RULE):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.table.itemChanged.connect(self._ticked)
        self.table.pressed.connect(self._pressed)
        self.table.clicked.connect(self._clicked)
        #: The state of the tick that the mouse is pressed on.
        self._before: Qt.CheckState | None = None
        self.table.itemSelectionChanged.connect(self._look)
        self.body.addWidget(self.table)
        row = QHBoxLayout()
        self.rule = plain_label(
            self.tr("Only signed: pulls, copies and mirrors of other images are refused."), "dim", wrap=True
        )
        row.addWidget(self.rule, 1)
        self.remove_button = QPushButton(self.tr("Remove"))
        self.remove_button.setAutoDefault(False)
        self.remove_button.clicked.connect(self._remove)
        row.addWidget(self.remove_button)
        self.body.addLayout(row)
        form = self.form()
        self.file = FileField(self.tr("Public key file"), self.tr("PEM, such as cosign.pub"), None, [_KEYS])
        form.addRow(self.tr("Public key"), self.file)
        self.called = self._line(self.tr("Name"), self.tr("the file's name"), 80)
        form.addRow(self.tr("Name"), self.called)
        self.scope = self._line(
            self.tr("For"), self.tr("all repositories; or team/app, team/*, team/**"), 500
        )
        form.addRow(self.tr("For"), self.scope)
        self.dismiss.setText(self.tr("Close"))  # what was changed cannot be cancelled
        self.show_keys([])
        self.file.setFocus()

    def _line(self, name: str, placeholder: str, longest: int) -> QLineEdit:
        field = QLineEdit()
        field.setAccessibleName(name)
        field.setPlaceholderText(placeholder)
        field.setMaxLength(longest)
        return field

    @Slot(object)
    def show_keys(self, found: Sequence[ListedKey] | LongshoreError) -> None:
        """Show the keys and rules as they are now; an error leaves the sheet as it is."""
        if not self.open_still:
            return
        self.set_busy(False)
        if isinstance(found, LongshoreError):
            self._adding = False
            self._fill(self._rows)  # also takes back a tick
            self.refused(found)
            return
        if self._adding:
            for field in (self.file.line, self.called, self.scope):
                field.clear()
        self._adding = False
        self._rows = list(found)
        self._fill(found)
        self.show_problem(None)

    def _fill(self, rows: Sequence[ListedKey]) -> None:
        self.table.blockSignals(True)
        self.table.setRowCount(len(rows))
        for number, row in enumerate(rows):
            whole = self.tr("all repositories")
            cells = (
                row.scope.path or whole,
                row.name or self.tr("no key"),
                row.kind,
            )
            for column, words in enumerate(cells):
                item = QTableWidgetItem(text.safe(words, 300))
                tip = row.fingerprint if column in (_NAME, _KIND) else str(row.scope)
                item.setToolTip(tooltip(text.safe(tip, 600)) or "")
                self.table.setItem(number, column, item)
            tick = QTableWidgetItem()
            tick.setFlags(
                Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
            )
            tick.setCheckState(Qt.CheckState.Checked if row.only_signed else Qt.CheckState.Unchecked)
            words = self.tr("Only signed images of {0}").format(row.scope)
            tick.setData(Qt.ItemDataRole.AccessibleTextRole, words)
            self.table.setItem(number, _RULE, tick)
        self.table.blockSignals(False)
        shown = min(max(len(rows), _LEAST_ROWS), _MOST_ROWS)
        self.table.setFixedHeight(self.table.horizontalHeader().sizeHint().height() + shown * TABLE_ROW + 2)
        for widget in (self.table, self.rule, self.remove_button):
            widget.setVisible(bool(rows))
        self.empty.setVisible(not rows)
        self._look()
        self.refit()

    @Slot()
    def _look(self) -> None:
        row = self._selected()
        self.remove_button.setEnabled(row is not None and bool(row.name))
        why = "" if row is not None and row.name else self.tr("Select a key.")
        self.remove_button.setToolTip(why)

    def _selected(self) -> ListedKey | None:
        rows = {index.row() for index in self.table.selectedIndexes()}
        return self._rows[rows.pop()] if len(rows) == 1 else None

    @Slot(QTableWidgetItem)
    def _ticked(self, item: QTableWidgetItem) -> None:
        if item.column() == _RULE and item.row() < len(self._rows):
            on = item.checkState() is Qt.CheckState.Checked
            self.rule_requested.emit(self._rows[item.row()].scope, on)

    @Slot(QModelIndex)
    def _pressed(self, index: QModelIndex) -> None:
        item = self.table.item(index.row(), _RULE) if index.column() == _RULE else None
        self._before = None if item is None else item.checkState()

    @Slot(QModelIndex)
    def _clicked(self, index: QModelIndex) -> None:
        """A click beside the small box, but in its cell, ticks it, too."""
        item = self.table.item(index.row(), _RULE) if index.column() == _RULE else None
        before, self._before = self._before, None
        if item is not None and item.checkState() is before:
            on = before is not Qt.CheckState.Checked
            item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)

    @Slot()
    def _remove(self) -> None:
        row = self._selected()
        if row is not None and row.name:
            self.remove_requested.emit(row.scope, row.name)

    def check(self) -> bool:
        """Return True if a file is named."""
        try:
            path = self.file.path()
        except LongshoreError as error:
            self.show_problem(error)
            return False
        if path is None:
            self.show_problem(self.tr("Choose the file with the public key."))
            self.file.setFocus()
        return path is not None

    def finish(self) -> None:
        """Request to add the key."""
        path = self.file.path()
        assert path is not None
        self._adding = True
        self.set_busy(True)
        self.add_requested.emit(self.scope.text().strip(), path, self.called.text().strip())
