"""Update: the plan of what is pulled, with ticks, snoozes and a minimum age."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from longshore.application.updates.model import Held
from longshore.application.updates.snoozes import MOST_DAYS
from longshore.errors import LongshoreError
from longshore.models.updates import UpdateColumn, UpdateModel
from longshore.widgets.columns import Column, Kind
from longshore.widgets.dialogs.clean_up_table import TICK_COLUMN, TickView
from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.notices import plain_label
from longshore.words import errors, text
from longshore.words import updates as words

if TYPE_CHECKING:
    from longshore.application.requests import LocalPlace
    from longshore.application.updates.model import Failure, Update, UpdatePlan
    from longshore.application.updates.snoozes import Snoozes
    from longshore.registry.pull_budget import PullBudget

#: Milliseconds after the last change of a rule until the plan is made again.
_PAUSE = 500
#: Width of the field for days, in pixels.
_NUMBER = 76
#: Failures that are listed.
_MOST_FAILURES = 2
_RIGHT = Qt.TextElideMode.ElideRight
_COLUMNS = [
    TICK_COLUMN,
    Column("registry.acme.io/acme/billing-api:2.4.1", "…/billing-api:2.4.1", weight=3),
    Column("build-server", "default", weight=1),
    Column("1c9e0a8b12cd", "1c9e0a8b12cd", fixed=True, elide=_RIGHT),
    Column("1c9e0a8b12cd", "1c9e0a8b12cd", fixed=True, elide=_RIGHT),
    Column("about 888 MB", "about 888 MB", right=True, elide=_RIGHT),
    Column("newer version", "newer version", kind=Kind.PILL, elide=_RIGHT),
]


class UpdateSheet(Sheet):
    """Shows the plan as soon as it is made. Enter updates what is ticked, Space changes ticks.

    *title*: what is looked at. *places*: the names of the places, if there are several.
    """

    plan_requested = Signal(bool)  # whether other first numbers count, too; answer with show_plan()
    age_chosen = Signal(int)  # the minimum age in days, before a plan is requested again
    snooze_requested = Signal(object, object)  # list[Update], until a date or None for the next change
    wake_requested = Signal(object)  # list[Update]
    transfers_requested = Signal(object)  # list[TransferRequest]

    def __init__(
        self, parent: QWidget | None, title: str, snoozes: Snoozes, places: Mapping[LocalPlace, str]
    ) -> None:
        super().__init__(parent, title, self.tr("Update"), width=800)
        self._snoozes = snoozes
        self._places = places
        self._plan: UpdatePlan | None = None
        #: Returns what Docker Hub still allows, as far as it has reported it.
        self.budget: Callable[[], PullBudget | None] = lambda: None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_PAUSE)
        self._soon.timeout.connect(self._request_plan)
        self._add_rules()
        self.model = UpdateModel(self)
        self.model.ticks_changed.connect(self._ticks_changed)
        self._add_list()
        self._add_snooze()
        self.confirm.setEnabled(False)
        self.view.setFocus()

    def start(self) -> None:
        """Request the plan. Call it once the signals are connected."""
        self._request_plan()

    # -- parts

    def _add_rules(self) -> None:
        self.age = QSpinBox()
        self.age.setRange(0, MOST_DAYS)
        self.age.setValue(self._snoozes.minimum_age)
        self.age.setFixedWidth(_NUMBER)
        self.age.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.age.setAccessibleName(self.tr("Minimum age in days"))
        self.age.setToolTip(
            self.tr("Newer images must be this old. An image without a date is never old enough.")
        )
        self.age.valueChanged.connect(self._rules_changed)
        self.major = QCheckBox(self.tr("Major versions, too"))
        self.major.setToolTip(self.tr("Versions whose first number differs: 17.0 after 16.4."))
        self.major.toggled.connect(self._rules_changed)
        label = plain_label(self.tr("Minimum age"))
        label.setBuddy(self.age)
        line = QHBoxLayout()
        line.setSpacing(8)
        for part in (label, self.age, plain_label(self.tr("days"))):
            line.addWidget(part)
        line.addSpacing(20)
        line.addWidget(self.major)
        line.addStretch(1)
        self.body.addLayout(line)

    def _add_list(self) -> None:
        self.view = TickView(self.model, _COLUMNS, self.tr("Updates"), self.tr("All updates"))
        self.view.setMinimumHeight(180)
        self.view.columns.leave_out([] if self._places else [UpdateColumn.PLACE])
        self.view.selectionModel().selectionChanged.connect(self._selection_changed)
        self.view.selectionModel().currentChanged.connect(self._selection_changed)
        self.view.opened.connect(self._confirmed)  # only Enter: two clicks change ticks
        self.empty = plain_label("", "dim", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.total = plain_label("", "strong")
        self.cost = plain_label("", "dim")
        self.cost.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.remains = plain_label("", "dim", wrap=True)
        self.waits = plain_label("", "dim", wrap=True)
        frame = QFrame()
        frame.setObjectName("pane")
        inside = QVBoxLayout(frame)
        inside.setContentsMargins(1, 1, 1, 1)
        inside.setSpacing(0)
        inside.addWidget(self.view, 1)
        inside.addWidget(self.empty, 1)
        below = QVBoxLayout()
        below.setContentsMargins(14, 9, 14, 11)
        below.setSpacing(6)
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.total)
        line.addWidget(self.cost, 1)
        below.addLayout(line)
        below.addWidget(self.remains)
        below.addWidget(self.waits)
        inside.addLayout(below)
        self.body.addWidget(frame, 1)

    def _add_snooze(self) -> None:
        menu = QMenu(self)
        for title, days in (
            (self.tr("For a week"), 7),
            (self.tr("For 30 days"), 30),
            (self.tr("Until the next change"), 0),
        ):
            menu.addAction(title, partial(self._snooze, days))
        menu.addSeparator()
        self.wake = menu.addAction(self.tr("Offer again"), self._wake)
        self.snooze = QPushButton(self.tr("Snooze"))
        self.snooze.setAccessibleName(self.tr("Snooze"))
        self.snooze.setAutoDefault(False)
        self.snooze.setMenu(menu)
        self._foot.insertWidget(0, self.snooze)
        self._selection_changed()

    # -- the plan

    @Slot()
    def _rules_changed(self) -> None:
        self.confirm.setEnabled(False)
        self._soon.start()

    @Slot()
    def _request_plan(self) -> None:
        self._soon.stop()
        self.age_chosen.emit(self.age.value())
        self._show_empty(self.tr("Comparing with registries…"))
        self.plan_requested.emit(self.major.isChecked())

    def show_progress(self, ready: int, count: int) -> None:
        """Show how far the plan is."""
        if self.open_still and self._plan is None:
            self._show_empty(self.tr("Looking at updates: {0} of {1}…").format(f"{ready:,}", f"{count:,}"))

    @Slot(object)
    def show_plan(self, found: UpdatePlan | LongshoreError) -> None:
        """Show the updates, or why there is no plan."""
        if not self.open_still:
            return
        if isinstance(found, LongshoreError):
            self._plan = None
            self.model.set_updates([], {}, 0, {})
            self._show_empty(self.tr("There is no plan."))
            self.show_problem(found)
            return
        self._plan = found
        self._show_rows()
        # There is nothing to cancel, and nothing is the default but to close.
        self.dismiss.setText(self.tr("Cancel") if self.model.rows else self.tr("Close"))
        self.dismiss.setAutoDefault(not self.model.rows)
        self.show_problem(self._reasons(found.failures))
        if self.model.rows and not self.view.rows():
            self.view.setCurrentIndex(self.model.index(0, UpdateColumn.IMAGE))
        if not (self.age.hasFocus() or self.major.hasFocus()):
            # The list was hidden until now. Without rows, Enter closes the sheet.
            (self.view if self.model.rows else self.dismiss).setFocus()

    def _show_rows(self) -> None:
        assert self._plan is not None
        self.model.set_updates(
            self._plan.updates, self._snoozes.all(), self._snoozes.minimum_age, self._places
        )
        if not self._plan.updates:
            self._show_empty(self._nothing(self._plan))

    def _nothing(self, plan: UpdatePlan) -> str:
        """Say why there is no update."""
        if plan.looked == plan.in_step == 1:
            return self.tr("The image is up to date.")
        if plan.looked == len(plan.only_here) == 1:
            return self.tr("The image is only here: no registry has this tag.")
        if plan.looked == plan.in_step and plan.looked:
            return self.tr("All {0} images are up to date.").format(f"{plan.looked:,}")
        others = plan.looked - plan.in_step - len(plan.only_here)
        counts = (
            (plan.in_step, self.tr("1 image is up to date."), self.tr("{0} images are up to date.")),
            (len(plan.only_here), self.tr("1 is only here."), self.tr("{0} are only here.")),
            (others, self.tr("1 can't be compared."), self.tr("{0} can't be compared.")),
        )
        said = [one if count == 1 else many.format(f"{count:,}") for count, one, many in counts if count]
        return " ".join(said) or self.tr("No image here has a tag.")

    def _show_empty(self, words: str) -> None:
        """Show *words* where there are no rows."""
        self.empty.setText(words)
        rows = bool(self.model.rows)
        self.empty.setVisible(not rows)
        self.view.setVisible(rows)

    def _reasons(self, failures: Sequence[Failure]) -> str:
        """Why images could not be compared; once where one reason is that of all."""
        lines = dict.fromkeys(
            f"{text.safe(one.reference.familiar, 80)}: {errors.told(one.error)}" for one in failures
        )
        shown = list(lines)[:_MOST_FAILURES]
        if len(lines) > len(shown):
            shown.append(
                self.tr("{0} more images could not be compared.").format(f"{len(lines) - len(shown):,}")
            )
        return "\n".join(shown)

    @Slot()
    def _ticks_changed(self) -> None:
        rows, ticked = self.model.rows, self.model.ticked()
        if rows:
            self._show_empty("")
        count = (
            self.tr("{0} of 1 update").format(len(ticked))
            if len(rows) == 1
            else self.tr("{0} of {1} updates").format(f"{len(ticked):,}", f"{len(rows):,}")
        )
        self.total.setText("" if not rows else f"{count}, {words.total(ticked)}" if ticked else count)
        self.cost.setText(words.hub_cost(ticked, self.budget()))
        self.remains.setText(" ".join(words.remains(ticked)))
        self.remains.setVisible(bool(self.remains.text()))
        self.confirm.setEnabled(bool(ticked) and not self._soon.isActive())

    # -- snoozes

    def _chosen(self) -> list[Update]:
        numbers = [index.row() for index in self.view.rows()] if self.model.rows else []
        current = self.view.currentIndex()
        if not numbers and current.isValid():
            numbers = [current.row()]
        return [self.model.rows[number].update for number in sorted(numbers)]

    @Slot()
    def _selection_changed(self) -> None:
        chosen = self._chosen()
        self.snooze.setEnabled(bool(chosen))
        self.snooze.setToolTip("" if chosen else self.tr("Select an update first."))
        self.wake.setEnabled(any(one.held is Held.SNOOZED for one in chosen))
        row = self.view.currentIndex().row()
        waits = self.model.rows[row].waits if 0 <= row < len(self.model.rows) else ""
        self.waits.setText(
            self.tr("{0} is not offered: {1}.").format(
                text.safe(self.model.rows[row].update.reference.familiar, 120), waits
            )
            if waits
            else ""
        )
        self.waits.setVisible(bool(waits))

    def _snooze(self, days: int) -> None:
        until: date | None = datetime.now(UTC).date() + timedelta(days=days) if days else None
        self.snooze_requested.emit(self._chosen(), until)

    @Slot()
    def _wake(self) -> None:
        self.wake_requested.emit(self._chosen())

    def show_judged(self, found: UpdatePlan) -> None:
        """Show the same updates after snoozes have changed; the current row stays."""
        if not self.open_still:
            return
        row = self.view.currentIndex().row()
        self._plan = found
        self._show_rows()
        if 0 <= row < len(self.model.rows):
            self.view.setCurrentIndex(self.model.index(row, UpdateColumn.IMAGE))
        self._selection_changed()

    @property
    def plan(self) -> UpdatePlan | None:
        """The plan that is shown."""
        return self._plan

    # -- the transfers

    def finish(self) -> None:
        """Request the transfers of what is ticked, and close."""
        self.transfers_requested.emit([one.request for one in self.model.ticked()])
        self.accept()
