"""Undo: what will happen to which tags, before anything does; also for a digest that is put back."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHeaderView, QTableWidgetItem, QWidget

from longshore.application.undo.goal import How, Verdict
from longshore.errors import LongshoreError, TagMoved
from longshore.models.tooltips import tooltip
from longshore.widgets.dialogs.sheet import TABLE_ROW, Sheet, sheet_table
from longshore.widgets.notices import plain_label
from longshore.words import errors, text
from longshore.words import tag_history as words

#: Rows visible without scrolling.
_VISIBLE = 6
#: Reasons that are spelled out.
_REASONS = 3


class UndoSheet(Sheet):
    """Opens at once. The verb is enabled when it is known that something can be put back; otherwise the reason is
    shown. *verb*: ``Undo`` unless given."""

    undo_requested = Signal(object)  # list[Verdict]; answer with answer()
    check_requested = Signal()  # somebody else changed a tag meanwhile; answer with show_verdicts()

    def __init__(self, parent: QWidget | None, title: str, verb: str = "") -> None:
        super().__init__(parent, title, verb or self.tr("Undo"), width=680)
        self._verdicts: list[Verdict] = []
        self._verb = self.confirm.text()
        self._moved = False
        self.words = plain_label(self.tr("Checking whether this is possible…"), wrap=True)
        self.body.addWidget(self.words)
        self.table = sheet_table(
            self.tr("Tags to put back"),
            [self.tr("Tag"), self.tr("Place"), self.tr("Points to"), self.tr("Will point to")],
        )
        self.table.hide()
        self.body.addWidget(self.table)
        self.caution = plain_label("", "caution", wrap=True)
        self.caution.hide()
        self.body.addWidget(self.caution)
        self.confirm.setEnabled(False)
        self.confirm.setToolTip(self.words.text())

    @Slot(object)
    def show_verdicts(self, found: list[Verdict] | LongshoreError) -> None:
        """Show what will happen, or why it cannot."""
        if not self.open_still:
            return
        if isinstance(found, LongshoreError):
            self.words.hide()
            self._block(found)
            return
        self._verdicts = found
        possible = [verdict for verdict in found if verdict.possible]
        self._fill(found)
        effects = list(dict.fromkeys(words.effect_text(verdict) for verdict in possible))
        if len(effects) > 1:
            effects = [self.tr("{0} tags will be put back to what they pointed to.").format(len(possible))]
        self.words.setText(" ".join(effects))
        self.words.setVisible(bool(effects))
        reasons = [verdict.reason for verdict in found if verdict.reason is not None]
        cautions = [words.moved_text(verdict) for verdict in possible if verdict.moved]
        if possible:
            cautions += [errors.told(reason) for reason in reasons[:_REASONS]]
        self.caution.setText("\n".join(cautions))
        self.caution.setVisible(bool(cautions))
        if not possible:
            self._block(reasons[0] if reasons else None)
            return
        removes = any(verdict.how is How.REMOVE for verdict in possible)
        if removes or any(verdict.moved for verdict in possible):
            self.set_dangerous()
        self.confirm.setToolTip("")
        self.confirm.setEnabled(True)
        if self.confirm.isDefault():
            self.confirm.setFocus()
        self.refit()

    def _block(self, reason: LongshoreError | None) -> None:
        said = self.tr("There is nothing to undo.") if reason is None else errors.told(reason)
        self.confirm.setEnabled(False)
        self.confirm.setToolTip(tooltip(said) or "")
        self.confirm.setAccessibleDescription(said)
        self.show_problem(said)
        self.dismiss.setText(self.tr("Close"))
        self.dismiss.setAutoDefault(True)
        self.dismiss.setDefault(True)
        self.dismiss.setFocus()

    def _fill(self, verdicts: Sequence[Verdict]) -> None:
        title = self.table.horizontalHeaderItem(3)
        if title is not None and not any(verdict.possible for verdict in verdicts):
            title.setText(self.tr("Pointed to"))
        self.table.setRowCount(len(verdicts))
        for row, verdict in enumerate(verdicts):
            goal = verdict.goal
            cells = (
                (words.tag_text(goal.place, goal.reference), goal.reference.familiar),
                (words.place_text(goal.place), words.place_text(goal.place)),
                (words.digest_text(verdict.now), verdict.now or ""),
                (words.goal_text(goal), goal.digest or ""),
            )
            for column, (shown, whole) in enumerate(cells):
                item = QTableWidgetItem(shown)
                item.setToolTip(tooltip(whole) or "")
                if not verdict.possible:
                    item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEnabled)
                self.table.setItem(row, column, item)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        rows = min(max(len(verdicts), 1), _VISIBLE)
        self.table.setFixedHeight(header.sizeHint().height() + rows * TABLE_ROW + 4)
        self.table.setVisible(bool(verdicts))

    def finish(self) -> None:
        """Request it; :meth:`answer` closes the sheet or shows why it failed. After *Check again*: check."""
        self.set_busy(True)
        self.show_problem(None)
        if self._moved:
            self._offer_check(False)
            self.check_requested.emit()
            return
        self.undo_requested.emit(self._verdicts)

    def refused(self, error: LongshoreError) -> None:
        """Show the reason. The verb stays disabled, because what was checked may be out of date; if somebody else has
        changed a tag, the sheet offers to check again."""
        self.show_problem(error)
        if isinstance(error, TagMoved):
            if error.subject:
                # One of several tags, perhaps of several repositories.
                self.show_problem(f"{text.safe(error.subject, 200)}: {errors.told(error)}")
            self._offer_check(True)

    def _offer_check(self, offered: bool) -> None:
        """Make the button say *Check again*, which changes nothing, or the verb."""
        self._moved = offered
        verb = self.tr("Check again") if offered else self._verb
        self.confirm.setText(verb)
        self.confirm.setAccessibleName(verb)
        self.set_dangerous(False)
        if offered:
            self.confirm.setEnabled(True)
