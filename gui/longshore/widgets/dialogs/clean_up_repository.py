"""Clean up… for a registry's repository: rules, the tags that they list, and what their removal frees."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QLineEdit,
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
from longshore.widgets.dialogs.clean_up_table import TICK_COLUMN, TickView
from longshore.widgets.dialogs.cleaning_sheet import CleaningSheet
from longshore.widgets.notices import plain_label
from longshore.words import retention as words

if TYPE_CHECKING:
    from longshore.application.cleanup.retention_run import RetentionResult
    from longshore.application.cleanup.tags import RepositoryContents
    from longshore.oci.reference import Reference

_DEFAULT_NEWEST = 10
_DEFAULT_DAYS = 30
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


class CleanUpRepositorySheet(CleaningSheet):
    """Opens at once, and shows the plan when the repository has been read."""

    run_requested = Signal(
        object, object
    )  # RetentionPlan, list of the ticked tags; answer with show_result()

    def __init__(
        self, parent: QWidget | None, repository: Reference, pins: Collection[str] = frozenset()
    ) -> None:
        title = self.tr("Clean up {0}").format(repository.familiar_name)
        super().__init__(parent, title, width=760)
        self._contents: RepositoryContents | None = None
        self._plan: RetentionPlan | None = None
        self._pins = pins
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
        self.soon.timeout.connect(self._make)

    def _add_list(self) -> None:
        self.view = TickView(self.model, _COLUMNS, self.tr("Tags to remove"), self.tr("All tags"))
        self.view.hide()
        self.words = plain_label(self.tr("Reading the repository…"), "dim", wrap=True)
        self.words.setMinimumHeight(60)
        self.total = plain_label("", "strong", wrap=True)
        self.notes = plain_label("", "dim", wrap=True)
        self.notes.hide()
        self.add_list(self.view, self.words, self.total, self.bar, self.notes)

    def _add_rules(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(8)
        self.newest, self.newest_count, after = self.number(
            self.tr("beyond the newest"), self.tr("images"), _DEFAULT_NEWEST, MOST_NEWEST
        )
        self.newest.setChecked(True)
        grid.addLayout(self.line(self.newest, self.newest_count, after, stretch=True), 0, 0)
        self.old, self.days, after = self.number(
            self.tr("older than"), self.tr("days"), _DEFAULT_DAYS, MOST_DAYS
        )
        grid.addLayout(self.line(self.old, self.days, after, stretch=True), 0, 1)
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
        grid.addLayout(self.line(self.named, self.names), 1, 1)
        never = plain_label(self.tr("never"))
        self.never = QLineEdit()
        self.never.setPlaceholderText("latest *-lts")
        self.never.setAccessibleName(self.tr("Patterns for tags that are kept"))
        never.setBuddy(self.never)
        grid.addLayout(self.line(never, self.never), 2, 1)
        for check in (self.newest, self.old, self.named):
            check.toggled.connect(self._changed)
        for box in (self.newest_count, self.days):
            box.valueChanged.connect(self._changed)
        for field in (self.names, self.never):
            field.setMaxLength(1000)
            field.textChanged.connect(self._changed)
        self.names.textEdited.connect(lambda typed: self.named.setChecked(bool(typed.strip())))
        grid.setColumnStretch(1, 1)
        self.body.addLayout(grid)

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
            self.soon.start()

    @Slot()
    def _make(self) -> None:
        """Make the plan for the rules as they are now."""
        if self._contents is None:
            return
        self.soon.stop()
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
            self.begin(self.newest, self.newest_count, self.old, self.days, self.order, self.named, self.names,
                       self.never, self.view)  # fmt: skip
            self.run_requested.emit(self._plan, ticked)

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
        self.end()
        self.refit()

    def _show_freed(self, freed: int) -> None:
        """Show which share of the repository the run has freed."""
        outcome = None if self._plan is None else self._plan.outcome(self.model.ticked)
        whole = 0 if outcome is None else sum(outcome.going.values()) + sum(outcome.kept.values())
        self.bar.set_share(freed / whole if whole else 0.0)
