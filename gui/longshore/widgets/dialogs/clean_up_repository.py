"""Clean up… for a registry's repository: rules, the tags that they list, and what their removal frees."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from longshore.application.cleanup.retention import RetentionPlan, make
from longshore.application.cleanup.retention_rules import (
    MOST_DAYS,
    MOST_NEWEST,
    Order,
    RetentionRules,
)
from longshore.application.name_patterns import patterns
from longshore.errors import LongshoreError
from longshore.models.retention import RetentionModel
from longshore.widgets.columns import Column
from longshore.widgets.dialogs.clean_up_table import TICK_COLUMN, FreedBar, TickView
from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.notices import plain_label
from longshore.words import retention as words

if TYPE_CHECKING:
    from longshore.application.cleanup.retention_run import RetentionResult
    from longshore.application.cleanup.tags import RepositoryContents
    from longshore.oci.reference import Reference

#: Milliseconds after the last change of a rule until the plan is made again.
_PAUSE = 120
_DEFAULT_NEWEST = 10
_DEFAULT_DAYS = 30
#: Width of a field for a number, in pixels.
_NUMBER = 76
#: Tags that are listed at most; what is not listed cannot be ticked.
MOST_ROWS = 1000
_RIGHT = Qt.TextElideMode.ElideRight
_COLUMNS = [
    TICK_COLUMN,
    Column("2026.11.27-rc1", "2026.11.27-rc1", weight=2),
    Column("12th newest, 11 months old", "12th newest", elide=_RIGHT, weight=1),
    Column("Stays as latest, 2.4", "Stays as latest", elide=_RIGHT, weight=1),
    Column("888 MB", "888 MB", right=True, elide=_RIGHT),
]


class CleanUpRepositorySheet(Sheet):
    """Opens at once, and shows the plan when the repository has been read. Cancel has the focus.

    After a run it stays open and compares the result with the plan.
    """

    run_requested = Signal(
        object, object
    )  # RetentionPlan, list of the ticked tags; answer with show_result()
    stop_requested = Signal()  # end the run as soon as possible; it still has a result

    def __init__(
        self, parent: QWidget | None, repository: Reference, pins: Collection[str] = frozenset()
    ) -> None:
        title = self.tr("Clean up {0}").format(repository.familiar_name)
        super().__init__(parent, title, self.tr("Clean up"), width=760)
        self._contents: RepositoryContents | None = None
        self._plan: RetentionPlan | None = None
        self._pins = pins
        self._running = False
        self._planned = 0
        self.body.addWidget(
            plain_label(
                self.tr("Remove the tags to which all of these apply:"),
                wrap=True,
            )
        )
        self._add_rules()
        self.model = RetentionModel(self)
        self.model.ticks_changed.connect(self._weigh)
        self._add_list()
        self.set_dangerous()
        self.confirm.setEnabled(False)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_PAUSE)
        self._soon.timeout.connect(self._make)

    def _add_list(self) -> None:
        frame = QFrame()
        frame.setObjectName("pane")
        inside = QVBoxLayout(frame)
        inside.setContentsMargins(1, 1, 1, 1)
        inside.setSpacing(0)
        self.view = TickView(self.model, _COLUMNS, self.tr("Tags to remove"), self.tr("All tags"))
        self.view.setMinimumHeight(150)
        self.view.hide()
        inside.addWidget(self.view, 1)
        self.words = plain_label(self.tr("Reading the repository…"), "dim", wrap=True)
        self.words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.words.setMinimumHeight(60)
        inside.addWidget(self.words, 1)
        below = QVBoxLayout()
        below.setContentsMargins(14, 9, 14, 11)
        below.setSpacing(8)
        self.total = plain_label("", "strong", wrap=True)
        below.addWidget(self.total)
        self.bar = FreedBar()
        self.bar.hide()
        below.addWidget(self.bar)
        self.notes = plain_label("", "dim", wrap=True)
        self.notes.hide()
        below.addWidget(self.notes)
        inside.addLayout(below)
        self.body.addWidget(frame, 1)

    def _add_rules(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(8)
        self.newest, self.newest_count = self._number(
            grid, 0, 0, self.tr("beyond the newest"), self.tr("images"), _DEFAULT_NEWEST, MOST_NEWEST
        )
        self.newest.setChecked(True)
        self.old, self.days = self._number(
            grid, 0, 1, self.tr("older than"), self.tr("days"), _DEFAULT_DAYS, MOST_DAYS
        )
        self.order = QComboBox()
        self.order.setAccessibleName(self.tr("Which images are the newest"))
        self.order.addItem(self.tr("newest by date"), Order.DATE)
        self.order.addItem(self.tr("newest by version"), Order.VERSION)
        self.order.currentIndexChanged.connect(self._changed)
        grid.addWidget(self.order, 1, 0, Qt.AlignmentFlag.AlignLeft)
        self.named = QCheckBox(self.tr("named"))
        self.names = QLineEdit()
        self.names.setPlaceholderText("dev-* !dev-main")
        self.names.setAccessibleName(self.tr("Patterns for tags to remove"))
        grid.addLayout(self._line(self.named, self.names), 1, 1)
        never = plain_label(self.tr("never"))
        self.never = QLineEdit()
        self.never.setPlaceholderText("latest *-lts")
        self.never.setAccessibleName(self.tr("Patterns for tags that are kept"))
        never.setBuddy(self.never)
        grid.addLayout(self._line(never, self.never), 2, 1)
        for check in (self.newest, self.old, self.named):
            check.toggled.connect(self._changed)
        for field in (self.names, self.never):
            field.setMaxLength(1000)
            field.textChanged.connect(self._changed)
        self.names.textEdited.connect(lambda typed: self.named.setChecked(bool(typed.strip())))
        grid.setColumnStretch(1, 1)
        self.body.addLayout(grid)

    def _number(
        self, grid: QGridLayout, row: int, column: int, before: str, after: str, value: int, most: int
    ) -> tuple[QCheckBox, QSpinBox]:
        check, box = QCheckBox(before), QSpinBox()
        box.setRange(0, most)
        box.setValue(value)
        box.setFixedWidth(_NUMBER)
        box.setAlignment(Qt.AlignmentFlag.AlignCenter)
        box.setAccessibleName(f"{before} … {after}")
        box.valueChanged.connect(self._changed)
        line = self._line(check, box)
        line.addWidget(plain_label(after))
        line.addStretch(1)
        grid.addLayout(line, row, column)
        return check, box

    def _line(self, *widgets: QWidget) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setSpacing(8)
        for widget in widgets:
            line.addWidget(widget)
        return line

    # -- the plan

    def rules(self) -> RetentionRules:
        """Return the rules as they are set."""
        return RetentionRules(
            keep_newest=self.newest_count.value() if self.newest.isChecked() else None,
            older_than=self.days.value() if self.old.isChecked() else None,
            names=patterns(self.names.text()) if self.named.isChecked() else (),
            never=patterns(self.never.text()),
            order=self.order.currentData(),
        )

    @Slot(int, int)
    def show_reading(self, done: int, total: int) -> None:
        """Show how far the reading is."""
        if self.open_still and self._contents is None:
            self.words.setText(
                self.tr("Reading the repository: {0} of {1} images").format(f"{done:,}", f"{total:,}")
            )

    @Slot(object)
    def show_contents(self, found: RepositoryContents | LongshoreError) -> None:
        """Show what the rules list in the repository, or why it cannot be read."""
        if not self.open_still:
            return
        if isinstance(found, LongshoreError):
            self.words.setText("")
            self.show_problem(found)
            return
        self._contents = found
        self._make()

    @Slot()
    def _changed(self) -> None:
        if self._contents is not None and not self._running:
            self.confirm.setEnabled(False)
            self._soon.start()

    @Slot()
    def _make(self) -> None:
        """Make the plan for the rules as they are now."""
        if self._contents is None:
            return
        self._soon.stop()
        self.show_problem(None)
        try:
            self._plan = make(self._contents, self.rules(), pins=self._pins)
        except LongshoreError as error:
            self._plan = None
            self.show_problem(error)
        self.model.set_plan(self._plan, MOST_ROWS)

    @Slot()
    def _weigh(self) -> None:
        """Show what the ticked tags mean."""
        plan = self._plan
        listed = 0 if plan is None else len(plan.rows)
        self.view.setVisible(bool(listed))
        self.words.setVisible(not listed)
        self.bar.setVisible(bool(listed))
        self.words.setText("" if plan is None or listed else self.tr("Nothing to remove."))
        if plan is None:
            self.total.setText("")
            self.notes.hide()
            self.bar.set_share(0.0)
            self.confirm.setEnabled(False)
            return
        outcome = plan.outcome(self.model.ticked)
        self.model.show_outcome(outcome)
        going, kept = sum(outcome.going.values()), sum(outcome.kept.values())
        self.bar.set_share(going / (going + kept) if going else 0.0)
        self.total.setText(
            words.total(outcome) if outcome.tags else self.tr("No tag is removed.") if listed else ""
        )
        notes = words.notes(plan, outcome)
        if listed > MOST_ROWS:
            first = self.tr("The first {0} of {1} tags are listed; only these can be removed now.")
            notes.insert(0, first.format(f"{MOST_ROWS:,}", f"{listed:,}"))
        self.notes.setText(" ".join(notes))
        self.notes.setVisible(bool(notes))
        self.confirm.setEnabled(bool(outcome.tags))

    # -- the run

    def finish(self) -> None:
        """Request the run; :meth:`show_result` shows how it ended."""
        if self._plan is not None:
            ticked = self.model.ticked
            self._planned = len(self._plan.outcome(ticked).tags)
            self._running = True
            self.set_busy(True)
            self._lock()
            self.run_requested.emit(self._plan, ticked)

    def _lock(self) -> None:
        for widget in (self.newest, self.newest_count, self.old, self.days, self.order, self.named, self.names,
                       self.never, self.view):  # fmt: skip
            widget.setEnabled(False)
        self.dismiss.setText(self.tr("Stop"))
        self.bar.set_progress(0.0)

    @Slot(int, int)
    def show_removing(self, done: int, total: int) -> None:
        """Show how far the run is."""
        if self.open_still and self._running:
            self.total.setText(self.tr("Removed {0} of {1} tags").format(f"{done:,}", f"{total:,}"))
            self.bar.set_progress(done / total if total else 0.0)

    @Slot(object)
    def show_result(self, found: RetentionResult | LongshoreError) -> None:
        """Compare the result with the plan, or show why nothing was done."""
        self._running = False
        if not self.open_still:
            return
        if isinstance(found, LongshoreError):
            self.show_problem(found)
            self.bar.hide()
        else:
            self._show_freed(found.freed)
            self.total.setText(words.result(found, self._planned))
            self.notes.hide()
            kept = next(iter(found.kept.values()), None)
            self.show_problem(found.error or kept)
        self.confirm.hide()
        self.dismiss.setText(self.tr("Close"))
        self.dismiss.setEnabled(True)
        self.dismiss.setFocus()
        self.refit()

    def _show_freed(self, freed: int) -> None:
        """Show which share of the repository the run has freed."""
        outcome = None if self._plan is None else self._plan.outcome(self.model.ticked)
        whole = 0 if outcome is None else sum(outcome.going.values()) + sum(outcome.kept.values())
        self.bar.set_share(freed / whole if whole else 0.0)

    def why_busy(self) -> str:
        """See :class:`Sheet`."""
        return self.tr("Stop the clean-up first.") if self._running else ""

    def reject(self) -> None:
        """Qt's hook: while it runs, Stop ends the run and the sheet shows what was done."""
        if self._running:
            self.dismiss.setEnabled(False)
            self.stop_requested.emit()
            return
        super().reject()
