"""The table of a mirror's plan: each tag with a tick, and what a run would do with it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, QSignalBlocker, Qt, Signal, Slot
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QHeaderView, QTableWidgetItem

from longshore.application.mirrors.plan import ExtraTag, HeldTag, MirrorPlan, MirrorTag, RulePlan, TagState
from longshore.application.mirrors.rules import Extras, MirrorRule
from longshore.errors import LongshoreError
from longshore.models.tooltips import tooltip
from longshore.transfers.transfer import TransferRequest
from longshore.widgets.dialogs.sheet import TABLE_ROW, sheet_table
from longshore.widgets.theme import current_theme
from longshore.words import errors, text, times

#: Maximum rows to list; the summary counts all of them.
MOST_ROWS = 1000
_VISIBLE = 6


@dataclass
class _Row:
    """A tag of *plan*: one of the source, one that waits until it is older, or one that only the destination has."""

    plan: MirrorPlan
    tag: MirrorTag | HeldTag | None = None
    extra: ExtraTag | None = None
    checked: bool = False

    @property
    def copies(self) -> bool:
        return isinstance(self.tag, MirrorTag) and self.tag.copies

    @property
    def name(self) -> str:
        found = self.tag or self.extra
        return found.tag if found is not None else ""

    @property
    def order(self) -> int:
        """What needs a decision comes first."""
        if self.copies or (isinstance(self.tag, MirrorTag) and self.tag.state is TagState.UNREADABLE):
            return 0
        return 1 if self.tag is None else 2


class MirrorPlanTable(QObject):
    """A plan with ticks. GUI thread; ``table`` is its widget."""

    changed = Signal()  # another tag is ticked

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.table = sheet_table(
            self.tr("Plan"),
            [self.tr("Tag"), self.tr("Result"), self.tr("Size"), self.tr("To copy")],
            numbers=(2, 3),
        )
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.resizeSection(1, 220)
        header.resizeSection(2, 110)
        header.resizeSection(3, 110)
        self.table.setFixedHeight(_VISIBLE * TABLE_ROW + header.sizeHint().height() + 6)
        self.table.itemChanged.connect(self._item_changed)
        self._rows: list[_Row] = []
        self._plan: RulePlan | None = None

    @property
    def plan(self) -> RulePlan | None:
        """The plan that is shown."""
        return self._plan

    def clear(self) -> None:
        """Show no plan."""
        self._plan = None
        self._rows = []
        self.table.setRowCount(0)

    def show(self, plan: RulePlan) -> None:
        """Show *plan*: tags to copy are ticked, tags to delete are not."""
        self._plan = plan
        rows = []
        for one in plan.repositories:
            rows += [_Row(one, tag, checked=tag.copies) for tag in one.tags]
            rows += [_Row(one, held) for held in one.held]
            rows += [_Row(one, extra=extra) for extra in one.extras]
        self._rows = sorted(rows, key=lambda row: row.order)
        with QSignalBlocker(self.table):
            self.table.setRowCount(min(len(self._rows), MOST_ROWS))
            for number, row in enumerate(self._rows[:MOST_ROWS]):
                self._fill(number, row)

    @property
    def _deletes(self) -> bool:
        return self._plan is not None and self._plan.rule.extras is Extras.DELETE

    def _fill(self, number: int, row: _Row) -> None:
        theme = current_theme()
        words, colour = self._result(row)
        several = self._plan is not None and len(self._plan.repositories) > 1
        end = row.plan.rule.ends[0 if row.extra is None else 1]
        name = f"{end.path}:{row.name}" if several else row.name
        tag = row.tag if isinstance(row.tag, MirrorTag) else None
        sizes = (
            ("", "") if tag is None or not tag.copies else (text.size(tag.size), text.size(tag.bytes_to_move))
        )
        decides = row.copies or (row.tag is None and self._deletes)
        cells = (
            (text.safe(name), theme.text if decides else theme.dim, False),
            (words, colour, False),
            (sizes[0], theme.text, True),
            (sizes[1], theme.text, True),
        )
        for column, (shown, ink, right) in enumerate(cells):
            item = QTableWidgetItem(shown)
            item.setForeground(ink)
            flags = Qt.ItemFlag.ItemIsEnabled
            if right:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            if tag is not None and tag.error is not None:
                item.setToolTip(tooltip(errors.told(tag.error)) or "")
            if column == 0 and decides:
                flags |= Qt.ItemFlag.ItemIsUserCheckable
                item.setCheckState(Qt.CheckState.Checked if row.checked else Qt.CheckState.Unchecked)
            item.setFlags(flags)
            self.table.setItem(number, column, item)

    def _result(self, row: _Row) -> tuple[str, QColor]:
        theme = current_theme()
        if row.tag is None:
            if self._deletes:
                return self.tr("delete, with a backup tag"), theme.bad
            return self.tr("only there, stays"), theme.dim
        if isinstance(row.tag, HeldTag):
            if row.tag.created is None:
                return self.tr("has no date"), theme.dim
            return self.tr("too new: {0}").format(times.age(row.tag.created)), theme.dim
        return {
            TagState.SAME: (self.tr("unchanged"), theme.dim),
            TagState.MISSING: (self.tr("new tag"), theme.text),
            TagState.DIFFERS: (self.tr("replaces existing"), theme.caution),
            TagState.UNSIGNED: (self.tr("signatures missing"), theme.text),
            TagState.OTHER_PLATFORMS: (self.tr("not for these platforms"), theme.dim),
            TagState.UNREADABLE: (self.tr("can't be read"), theme.bad),
        }[row.tag.state]

    @Slot(QTableWidgetItem)
    def _item_changed(self, item: QTableWidgetItem) -> None:
        if item.column() == 0:
            self._rows[item.row()].checked = item.checkState() == Qt.CheckState.Checked
            self.changed.emit()

    # -- what is ticked

    def requests(self) -> list[TransferRequest]:
        """Return the transfers of the ticked tags."""
        return [row.plan.rule.request(row.name) for row in self._rows if row.copies and row.checked]

    def bytes_to_move(self) -> int:
        """Return the bytes of the ticked tags."""
        ticked = (row.tag for row in self._rows if row.copies and row.checked)
        return sum(tag.bytes_to_move for tag in ticked if isinstance(tag, MirrorTag))

    def deletions(self) -> dict[MirrorRule, list[ExtraTag]]:
        """Return the ticked tags that are to be deleted, by the rules for one repository."""
        found: dict[MirrorRule, list[ExtraTag]] = {}
        if self._deletes:
            for row in self._rows:
                if row.extra is not None and row.checked:
                    found.setdefault(row.plan.rule, []).append(row.extra)
        return found

    def summary(self) -> str:
        """Return the plan in a sentence or two."""
        plan = self._plan
        if plan is None:
            return ""
        tags = [tag for one in plan.repositories for tag in one.tags]
        if not tags and not any(one.extras or one.held for one in plan.repositories) and not plan.failed:
            return self.tr("No tag matches.")
        counted = [
            (TagState.MISSING, self.tr("{0} new")),
            (TagState.DIFFERS, self.tr("{0} replaced")),
            (TagState.UNSIGNED, self.tr("{0} without signatures")),
            (TagState.SAME, self.tr("{0} unchanged")),
            (TagState.OTHER_PLATFORMS, self.tr("{0} not for these platforms")),
            (TagState.UNREADABLE, self.tr("{0} can't be read")),
        ]
        counts = {state: sum(tag.state is state for tag in tags) for state, _ in counted}
        parts = [words.format(counts[state]) for state, words in counted if counts[state]]
        held = sum(len(one.held) for one in plan.repositories)
        extras = sum(len(one.extras) for one in plan.repositories)
        if held:
            parts.append(self.tr("{0} too new").format(held))
        if extras:
            parts.append(self.tr("{0} only there").format(extras))
        total = self.tr("1 tag") if len(tags) == 1 else self.tr("{0} tags").format(f"{len(tags):,}")
        out = f"{total}: {', '.join(parts)}." if parts else f"{total}."
        if self.requests():
            out += " " + self.tr("{0} to copy.").format(text.size(self.bytes_to_move()) or "0 B")
        if len(self._rows) > MOST_ROWS:
            out += " " + self.tr("The first {0} are listed.").format(f"{MOST_ROWS:,}")
        for unknown in dict.fromkeys(one.extras_unknown for one in plan.repositories if one.extras_unknown):
            out += " " + unknown
        return out

    def problem(self) -> LongshoreError | None:
        """Return why a repository of a pattern could not be compared."""
        return self._plan.failed[0].error if self._plan is not None and self._plan.failed else None
