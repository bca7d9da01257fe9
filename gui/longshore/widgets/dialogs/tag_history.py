"""Tag history…: what a tag, or each tag of a repository, pointed to, when and by whom; with *Put back*."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidgetItem, QWidget

from longshore.application.tag_history.record import TagRecord
from longshore.application.tag_history.states import TagState, states_of
from longshore.models.tooltips import tooltip
from longshore.oci.reference import Reference
from longshore.widgets.dialogs.sheet import TABLE_ROW, Sheet, sheet_table
from longshore.widgets.notices import plain_label
from longshore.words import tag_history as words
from longshore.words import text, times

#: Rows visible without scrolling, and most rows.
_VISIBLE = 8
_MOST = 500


class TagHistorySheet(Sheet):
    """Lists what Longshore changed or saw. *Put back* makes the tag point to the image of the chosen row again."""

    put_back_requested = Signal(object)  # TagState

    def __init__(self, parent: QWidget | None, reference: Reference) -> None:
        title = self.tr("Tag history of {0}").format(reference.familiar)
        super().__init__(parent, title, self.tr("Put back"), width=760)
        self._whole_repository = reference.tag is None
        self._states: list[TagState] = []
        titles = [
            self.tr("Since"),
            self.tr("Tag"),
            self.tr("Pointed to"),
            self.tr("Operation"),
            self.tr("By"),
        ]
        self.table = sheet_table(self.tr("Tag history"), titles)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setColumnHidden(1, not self._whole_repository)
        self.table.itemSelectionChanged.connect(self._tell)
        self.table.setFixedHeight(
            self.table.horizontalHeader().sizeHint().height() + _VISIBLE * TABLE_ROW + 4
        )
        self.body.addWidget(self.table)
        self.words = plain_label(self.tr("Reading…"), "dim", wrap=True)
        self.body.addWidget(self.words)
        self.dismiss.setText(self.tr("Close"))
        self.table.setFocus()
        self._tell()

    @Slot(object)
    def show_records(self, records: Sequence[TagRecord]) -> None:
        """Show the changes, newest first."""
        if not self.open_still:
            return
        self._states = states_of(records)[:_MOST]
        self.table.setRowCount(len(self._states))
        for row, state in enumerate(self._states):
            for column, (shown, whole) in enumerate(_cells(state)):
                item = QTableWidgetItem(shown)
                item.setToolTip(tooltip(whole) or "")
                self.table.setItem(row, column, item)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        self.words.setText(
            self.tr(
                "What Longshore changed or saw. A tag can be put back as long as its image is still somewhere."
            )
            if self._states
            else self.tr(
                "No changes are known yet. Every push, copy, pull, tag and removal by Longshore is listed here."
            )
        )
        for row in range(len(self._states)):
            self.table.setCurrentCell(row, 0)
            if not self.why_not():
                break  # the latest that can be put back
        self._tell()
        self.refit()

    def chosen(self) -> TagState | None:
        """Return the state in the selected row, None for none."""
        rows = self.table.selectionModel().selectedRows() if self._states else []
        return self._states[rows[0].row()] if rows else None

    def why_not(self) -> str:
        """Return why the selected row cannot be put back, "" if it can."""
        state = self.chosen()
        if state is None:
            return self.tr("Select a row first.")
        if state.digest is None:
            return self.tr("It is not known what the tag pointed to.")
        if not state.digest:
            return self.tr("There was no tag then.")
        if state.latest:
            return self.tr("This is what the tag points to, as far as Longshore knows.")
        return ""

    @Slot()
    def _tell(self) -> None:
        reason = self.why_not()
        self.confirm.setEnabled(not reason)
        self.confirm.setToolTip(tooltip(reason) or "")
        self.confirm.setAccessibleDescription(reason)

    def finish(self) -> None:
        """Request it; another sheet shows what will happen."""
        state = self.chosen()
        self.accept()
        if state is not None:
            self.put_back_requested.emit(state)


def _cells(state: TagState) -> list[tuple[str, str]]:
    """The text and the tooltip of each cell."""
    record = state.record
    if state.since is None:
        return [
            (words.before_text(), times.moment_text(record.at)),
            (text.safe(state.reference.tag or ""), ""),
            (words.digest_text(state.digest), state.digest or ""),
            ("", ""),
            ("", ""),
        ]
    return [
        (times.age(state.since), times.moment_text(state.since)),
        (text.safe(state.reference.tag or ""), state.reference.familiar),
        (words.digest_text(state.digest), state.digest or ""),
        (words.operation_text(record.operation), words.change_text(record)),
        (words.who_text(record), ""),
    ]
