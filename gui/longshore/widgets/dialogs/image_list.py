"""The sheet of a file that names images: what it names, and what to pull or copy of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QSignalBlocker, Qt, Signal, Slot
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFileDialog,
    QHeaderView,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from longshore.application import requests
from longshore.application.image_lists.model import ImageList
from longshore.application.image_lists.targets import SAME_PATH, mapped
from longshore.application.requests import LocalPlace
from longshore.application.states import Compared, State
from longshore.errors import InvalidInput, LongshoreError
from longshore.language import tr
from longshore.models.tooltips import tooltip
from longshore.oci.reference import Reference
from longshore.widgets.dialogs.sheet import TABLE_ROW, Sheet, sheet_table
from longshore.widgets.notices import plain_label
from longshore.widgets.theme import current_theme
from longshore.words import errors, text

_IMAGE, _USED_BY, _STATE = range(3)
#: Rows visible without scrolling.
_MOST_ROWS = 10
#: Rows in total; the summary counts all.
LARGEST = 2000


@dataclass
class _Row:
    """One image of the list. *where*: who uses it, each once. *problem*: why it is not known which image it is."""

    shown: str
    reference: Reference | None = None
    where: list[str] = field(default_factory=list)
    problem: InvalidInput | None = None
    checked: bool = True
    state: Compared | None = None


class ImageListSheet(Sheet):
    """Lists the images of files, with ticks, and pulls them into a place or copies them to a registry."""

    transfers_requested = Signal(object)  # list[TransferRequest]
    compare_requested = Signal(object)  # list[Reference]; answer with set_states

    def __init__(
        self,
        parent: QWidget | None,
        lists: Sequence[ImageList],
        place: LocalPlace | None,
        place_name: str,
        registries: Sequence[str],  # hosts
        host: str = "",
        path: str = "",
    ) -> None:
        names = [Path(one.name).name for one in lists]
        title = (
            tr("Images in {file}").replace("{file}", text.safe(names[0], 80))
            if len(names) == 1
            else tr("Images in %n files", len(names))
        )
        super().__init__(parent, title, self.tr("Pull"), width=720)
        self._place = place
        self._rows = _rows_of(lists)
        form = self.form()
        self.to = QComboBox()
        self.to.setAccessibleName(self.tr("To"))
        if place is not None:
            self.to.addItem(place_name, None)
        for each in registries:
            self.to.addItem(text.safe(each), f"{each}/{path}".rstrip("/") if each == host else each)
        if host:
            self.to.setCurrentIndex(self.to.findText(text.safe(host)))
        form.addRow(self.tr("To"), self.to)
        self.rule = QLineEdit(SAME_PATH)
        self.rule.setAccessibleName(self.tr("Names"))
        self.rule.setMaxLength(300)
        self.rule.setToolTip(
            self.tr("{path}: the image's path, {name}: its last part, {registry}: its registry")
        )
        form.addRow(self.tr("Names"), self.rule)
        self._form = form
        self.table = self._made_table()
        self.body.addWidget(self.table, 1)
        self.summary = plain_label("", "dim", wrap=True)
        self.body.addWidget(self.summary)
        self._fill()
        self.table.itemChanged.connect(self._item_changed)
        self.to.currentIndexChanged.connect(self._target_changed)
        self.rule.textChanged.connect(self._target_changed)
        self._target_changed()
        self.table.setFocus()

    def _made_table(self) -> QTableWidget:
        table = sheet_table(
            self.tr("Images in the file"), [self.tr("Image"), self.tr("Used by"), self.tr("State")]
        )
        table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        header = table.horizontalHeader()
        header.setSectionResizeMode(_IMAGE, QHeaderView.ResizeMode.Stretch)
        header.resizeSection(_USED_BY, 130)
        header.resizeSection(_STATE, 230)
        rows = min(max(len(self._rows), 3), _MOST_ROWS)
        table.setFixedHeight(rows * TABLE_ROW + header.sizeHint().height() + 6)
        return table

    def look(self) -> None:
        """Request the states of the images. Call it once the signal is connected."""
        self.compare_requested.emit([row.reference for row in self._rows if row.reference is not None])

    # -- the rows

    @property
    def _copies(self) -> bool:
        return self.to.currentData() is not None

    def _fill(self) -> None:
        with QSignalBlocker(self.table):
            self.table.setRowCount(min(len(self._rows), LARGEST))
            targets = self._targets() if self._copies else {}
            for number, row in enumerate(self._rows[:LARGEST]):
                self._fill_row(number, row, targets)
        self._tell()

    def _fill_row(self, number: int, row: _Row, targets: Mapping[Reference, Reference]) -> None:
        theme = current_theme()
        state, colour = self._state_of(row, targets)
        problem = tooltip(errors.told(row.problem)) if row.problem is not None else None
        known = row.reference is not None
        cells = (
            (row.shown, theme.text if known else theme.dim, tooltip(row.shown)),
            (", ".join(row.where), theme.dim, tooltip("\n".join(row.where))),
            (state, colour, problem or tooltip(state)),
        )
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        for column, (words, ink, tip) in enumerate(cells):
            item = self.table.item(number, column)
            if item is None:
                item = QTableWidgetItem()
                self.table.setItem(number, column, item)
            item.setText(words)
            item.setForeground(ink)
            item.setToolTip(tip or "")
            item.setFlags(flags)
            if column == _IMAGE and known:
                item.setFlags(flags | Qt.ItemFlag.ItemIsUserCheckable)
                item.setCheckState(Qt.CheckState.Checked if row.checked else Qt.CheckState.Unchecked)

    def _state_of(self, row: _Row, targets: Mapping[Reference, Reference]) -> tuple[str, QColor]:
        theme = current_theme()
        if row.problem is not None:
            return errors.message(row.problem), theme.caution
        if row.reference is None:
            return self.tr("built from this file"), theme.dim
        if self._copies:
            target = targets.get(row.reference)
            return (target.familiar if target is not None else ""), theme.text
        if row.state is None:
            return "", theme.dim
        if row.state.failed and row.state.error is not None:
            return errors.message(row.state.error), theme.bad
        words = {
            State.IN_SYNC: tr("in sync"),
            State.NEWER: tr("newer"),
            State.ONLY_HERE: tr("only here"),
            State.ONLY_THERE: tr("only there"),
            State.DIFFERS: tr("differs"),
            State.UNKNOWN: tr("unknown"),
        }
        return words[row.state.state], theme.dim if row.state.state is State.IN_SYNC else theme.text

    def set_states(self, found: Sequence[Compared]) -> None:
        """Show the states of the images. Those in sync are no longer ticked, unless the user has changed ticks."""
        states = {one.here.reference: one for one in found}
        for row in self._rows:
            if row.reference is None:
                continue
            row.state = states.get(_bare(row.reference))
            if row.state is not None and row.state.state is State.IN_SYNC and not self._copies:
                row.checked = False
        self._fill()

    @Slot(QTableWidgetItem)
    def _item_changed(self, item: QTableWidgetItem) -> None:
        if item.column() == _IMAGE:
            self._rows[item.row()].checked = item.checkState() == Qt.CheckState.Checked
            self._tell()

    @Slot()
    def _target_changed(self) -> None:
        self._form.setRowVisible(self.rule, self._copies)
        self.confirm.setText(self.tr("Copy") if self._copies else self.tr("Pull"))
        self.confirm.setAccessibleName(self.confirm.text())
        title = self.table.horizontalHeaderItem(_STATE)
        assert title is not None
        title.setText(self.tr("Becomes") if self._copies else self.tr("State"))
        self.table.horizontalHeader().resizeSection(_STATE, 270 if self._copies else 230)
        self._fill()

    def _chosen(self) -> list[Reference]:
        return [row.reference for row in self._rows if row.reference is not None and row.checked]

    def _targets(self) -> Mapping[Reference, Reference]:
        """The names on the chosen registry of all images; empty if the rule makes none."""
        every = [row.reference for row in self._rows if row.reference is not None]
        try:
            found = mapped(every, str(self.to.currentData()), self.rule.text().strip() or SAME_PATH)
        except LongshoreError:
            return {}
        return {one.source: one.target for one in found}

    def _tell(self) -> None:
        chosen = self._chosen()
        unknown = sum(row.problem is not None for row in self._rows)
        parts = [
            tr("{0} of {1} selected").format(
                len(chosen), text.images(sum(row.reference is not None for row in self._rows))
            )
        ]
        if unknown:
            parts.append(tr("%n could not be resolved", unknown))
        if len(self._rows) > LARGEST:
            parts.append(tr("the first {0} are listed").format(f"{LARGEST:,}"))
        self.summary.setText(", ".join(parts) + ".")
        problem: LongshoreError | None = None
        if self._copies:
            try:
                mapped(chosen, str(self.to.currentData()), self.rule.text().strip() or SAME_PATH)
            except LongshoreError as error:
                problem = error
        self.show_problem(problem)
        self.confirm.setEnabled(bool(chosen) and problem is None)

    # -- the verb

    def check(self) -> bool:
        """Request the transfers of the ticked images."""
        chosen = self._chosen()
        if self._copies:
            try:
                pairs = mapped(chosen, str(self.to.currentData()), self.rule.text().strip() or SAME_PATH)
            except LongshoreError as error:
                self.show_problem(error)
                return False
            self.transfers_requested.emit([requests.copy(one.source, one.target) for one in pairs])
        elif self._place is not None:
            self.transfers_requested.emit([requests.pull(one, self._place) for one in chosen])
        return True


def _bare(reference: Reference) -> Reference:
    """*reference* by its tag alone, as states are found."""
    from longshore.application.tag_digests import bare

    return bare(reference)


def _rows_of(lists: Sequence[ImageList]) -> list[_Row]:
    found: dict[object, _Row] = {}
    for number, one in enumerate(lists):
        for entry in one.entries:
            reference = None if entry.reference is None else entry.reference.with_default_tag()
            if entry.built:
                reference = None  # it is made from this file, and pulled from nowhere
            key = reference if reference is not None else (number, entry.span.start)
            shown = reference.familiar if reference is not None else text.safe(entry.shown, 200)
            row = found.setdefault(
                key, _Row(shown, reference, problem=entry.problem if not entry.built else None)
            )
            where = text.safe(entry.where, 80)
            if where and where not in row.where:
                row.where.append(where)
    return list(found.values())


def ask_for_lists(parent: QWidget, folder: Path) -> QFileDialog:
    """Return a dialog that asks for files that name images; its ``filesSelected`` has them. Open it."""
    from longshore.widgets.dialogs.archive import file_dialog

    words = QCoreApplication.translate
    dialog = file_dialog(parent, words("ListDialog", "Open list"))
    dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
    dialog.setNameFilters(
        [
            words("ListDialog", "Compose, Kubernetes, Dockerfiles and lists")
            + " (*.yaml *.yml *.json *.txt *.list Dockerfile* Containerfile* *.dockerfile)",
            words("ListDialog", "All files") + " (*)",
        ]
    )
    dialog.setLabelText(QFileDialog.DialogLabel.Accept, words("ListDialog", "Open"))
    dialog.setDirectory(str(folder))
    dialog.finished.connect(dialog.deleteLater)
    return dialog
