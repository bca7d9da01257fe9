"""One pull to several engines, chosen by hand or as a named group, and what a pull to them includes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from longshore.application import requests
from longshore.application.engine_groups import LONGEST_NAME
from longshore.engine.address import EngineAddress
from longshore.errors import LongshoreError
from longshore.models.tooltips import tooltip
from longshore.oci.reference import Reference, parse_pull_line
from longshore.operations.engines import EngineState, FoundEngine
from longshore.transfers.transfer import EnginePlace
from longshore.widgets.dialogs.sheet import TABLE_ROW, Sheet, sheet_table
from longshore.widgets.notices import plain_label
from longshore.widgets.theme import current_theme
from longshore.words import engines as engine_text
from longshore.words import text

_ENGINE, _STATE = range(2)
#: Rows visible without scrolling.
_MOST_ROWS = 8


class PullToSheet(Sheet):
    """Shows the engines found, and updates while it is open."""

    transfers_requested = Signal(object)  # list[TransferRequest]
    group_saved = Signal(str, object)  # name, list[EngineAddress]
    group_removed = Signal(str)

    def __init__(
        self,
        parent: QWidget | None,
        references: Sequence[Reference],
        found: Sequence[FoundEngine],
        groups: Mapping[str, Sequence[EngineAddress]],
        current: EngineAddress | None = None,
    ) -> None:
        title = (
            self.tr("Pull {0} to several engines").format(references[0].with_default_tag().familiar)
            if len(references) == 1
            else self.tr("Pull {0} images to several engines").format(len(references))
            if references
            else self.tr("Pull an image to several engines")
        )
        super().__init__(parent, title, self.tr("Pull"), width=560)
        self._references = list(references)
        self._groups = {name: list(addresses) for name, addresses in groups.items()}
        self._given: list[FoundEngine] = []
        self._found: list[FoundEngine] = []  # including those known only from a group
        self._checked: set[EngineAddress] = {current} if current is not None else set()
        self.reference = QLineEdit()
        form = self.form()
        if not references:
            self.reference.setPlaceholderText(self.tr("postgres:16, ghcr.io/acme/web, docker pull …"))
            self.reference.setAccessibleName(self.tr("Reference"))
            self.reference.setMaxLength(2000)
            self.reference.textChanged.connect(lambda _: self.show_problem(None))
            form.addRow(self.tr("Image"), self.reference)
        form.addRow(self.tr("Group"), self._group_row())
        self.table = self._made_table()
        self.body.addWidget(self.table, 1)
        self.notes = plain_label("", "dim", wrap=True)
        self.body.addWidget(self.notes)
        self._show_groups("")
        self.set_engines(found)
        (self.table if references else self.reference).setFocus()

    def _group_row(self) -> QHBoxLayout:
        self.group = QComboBox()
        self.group.setEditable(True)
        self.group.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.group.setAccessibleName(self.tr("Group"))
        line = self.group.lineEdit()
        assert line is not None
        line.setMaxLength(LONGEST_NAME)
        line.setPlaceholderText(self.tr("Enter a name for this group"))
        line.textChanged.connect(self._tell)
        self.group.activated.connect(self._group_chosen)
        self.save = QPushButton(self.tr("Save group"))
        self.save.clicked.connect(self._save_group)
        self.forget = QPushButton(self.tr("Remove group"))
        self.forget.clicked.connect(self._forget_group)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.group, 1)
        for button in (self.save, self.forget):
            button.setAutoDefault(False)
            row.addWidget(button)
        return row

    def _made_table(self) -> QTableWidget:
        table = sheet_table(self.tr("Engines"), [self.tr("Engine"), self.tr("State")])
        table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        header = table.horizontalHeader()
        header.setSectionResizeMode(_ENGINE, QHeaderView.ResizeMode.Stretch)
        header.resizeSection(_STATE, 220)
        table.itemChanged.connect(self._item_changed)
        return table

    # -- the engines

    @Slot(object)
    def set_engines(self, found: Sequence[FoundEngine]) -> None:
        """Show the engines and their state. Checked engines stay checked."""
        self._given = list(found)
        here = {each.address for each in found}
        # A group may hold engines that are no longer found otherwise: their addresses are enough.
        grouped = dict.fromkeys(address for group in self._groups.values() for address in group)
        self._found = [*found, *(FoundEngine(each) for each in grouped if each not in here)]
        with QSignalBlocker(self.table):
            self.table.setRowCount(len(self._found))
            for row, each in enumerate(self._found):
                self._fill(row, each)
            if self.table.currentRow() < 0 and self._found:
                chosen = (row for row, each in enumerate(self._found) if each.address in self._checked)
                self.table.setCurrentCell(next(chosen, 0), _ENGINE)
        rows = min(max(len(self._found), 2), _MOST_ROWS)
        self.table.setFixedHeight(rows * TABLE_ROW + self.table.horizontalHeader().sizeHint().height() + 6)
        self._tell()

    def _fill(self, row: int, each: FoundEngine) -> None:
        story = tooltip(engine_text.story(each.address, each.info, each.error, each.nodes))
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        state = engine_text.state(each.info, each.error)
        for column, words in ((_ENGINE, text.safe(engine_text.name(each.address), 100)), (_STATE, state)):
            item = self.table.item(row, column)
            if item is None:
                item = QTableWidgetItem()
                self.table.setItem(row, column, item)
            item.setText(words)
            item.setToolTip(story or "")
            item.setFlags(flags)
            if column == _ENGINE:
                item.setFlags(flags | Qt.ItemFlag.ItemIsUserCheckable)
                checked = each.address in self._checked
                item.setCheckState(Qt.CheckState.Checked if checked else Qt.CheckState.Unchecked)
            elif each.state is EngineState.SILENT:
                item.setForeground(current_theme().dim)

    @Slot(QTableWidgetItem)
    def _item_changed(self, item: QTableWidgetItem) -> None:
        if item.column() != _ENGINE:
            return
        address = self._found[item.row()].address
        if item.checkState() == Qt.CheckState.Checked:
            self._checked.add(address)
        else:
            self._checked.discard(address)
        self._tell()

    def chosen(self) -> list[EngineAddress]:
        """Return the checked engines, in the order of the list."""
        return [each.address for each in self._found if each.address in self._checked]

    # -- groups

    def _show_groups(self, name: str) -> None:
        with QSignalBlocker(self.group):
            self.group.clear()
            self.group.addItems(list(self._groups))
            self.group.setCurrentIndex(-1)
            self.group.setEditText(name)

    @Slot(int)
    def _group_chosen(self, place: int) -> None:
        self._checked = set(self._groups.get(self.group.itemText(place), ()))
        self.set_engines(self._given)

    @Slot()
    def _save_group(self) -> None:
        name = self.group.currentText().strip()
        self._groups[name] = self.chosen()
        self.group_saved.emit(name, self.chosen())
        self._show_groups(name)
        self._tell()

    @Slot()
    def _forget_group(self) -> None:
        name = self.group.currentText().strip()
        del self._groups[name]
        self.group_removed.emit(name)
        self._show_groups("")
        self._tell()

    # -- the request

    @Slot()
    def _tell(self) -> None:
        name, chosen = self.group.currentText().strip(), self.chosen()
        self.save.setEnabled(bool(name and chosen) and self._groups.get(name) != chosen)
        self.forget.setEnabled(name in self._groups)
        self.confirm.setEnabled(bool(chosen))
        lines = []
        silent = [each for each in self._found if each.address in self._checked and each.error is not None]
        if silent:
            names = ", ".join(text.safe(engine_text.name(each.address), 60) for each in silent)
            lines.append(self.tr("Starts when the engine responds: {0}.").format(names))
        for each in self._found:
            if each.address in self._checked and each.nodes:
                name = text.safe(engine_text.name(each.address), 60)
                lines.append(f"{name}: {engine_text.swarm(each.nodes)}")
        self.notes.setText("\n".join(lines))
        self.notes.setVisible(bool(lines))
        self.refit()

    def check(self) -> bool:
        """Return True if there is an image and at least one engine."""
        references = self._references
        if not references:
            words = self.reference.text().strip()
            if not words:
                self.show_problem(self.tr("Enter or paste the name of an image."))
                return False
            try:
                references = [parse_pull_line(words)[0]]
            except LongshoreError as error:
                self.show_problem(error)
                return False
        self.transfers_requested.emit(
            [
                requests.pull(reference, EnginePlace(address))
                for address in self.chosen()
                for reference in references
            ]
        )
        return True
