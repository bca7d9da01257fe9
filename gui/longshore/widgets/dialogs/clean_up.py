"""Clean up…: rules, the images that they list, and what their removal frees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QLineEdit,
    QWidget,
)

from longshore.application.cleanup.plan import Contents, Part, PlacePlan
from longshore.application.cleanup.rules import MOST_DAYS, MOST_NEWEST, Rules
from longshore.application.name_patterns import patterns
from longshore.errors import LongshoreError
from longshore.models.cleanup import CleanUpModel
from longshore.transfers.transfer import EnginePlace
from longshore.widgets.columns import Column, Kind
from longshore.widgets.dialogs.clean_up_table import TICK_COLUMN, TickView
from longshore.widgets.dialogs.cleaning_sheet import CleaningSheet
from longshore.widgets.notices import ElidedLabel, plain_label
from longshore.words import cleanup as words
from longshore.words import errors, text

if TYPE_CHECKING:
    from longshore.application.cleanup.running import NameResult, Outcome
    from longshore.application.requests import LocalPlace
    from longshore.application.states import State
    from longshore.oci.reference import Reference

_DEFAULT_NEWEST = 3
_DEFAULT_DAYS = 30
_RIGHT = Qt.TextElideMode.ElideRight
_COLUMNS = [
    TICK_COLUMN,
    Column("registry.acme.io/acme/billing-api:2.4.1", "…/billing-api:2.4.1", weight=3),
    Column("unused, 11 months old", "unused, 6 weeks", elide=_RIGHT, weight=1),
    Column("unknown", "unknown", kind=Kind.PILL, elide=_RIGHT),
    Column("about 888 MB", "about 888 MB", right=True, elide=_RIGHT),
]
#: Names that failed and are listed.
_MOST_FAILURES = 3


class CleanUpSheet(CleaningSheet):
    """Opens at once.

    *places*: the choices, each with its places and its name; several places are all engines.
    """

    places_chosen = Signal(object)  # list[LocalPlace] to read; answer with show_contents()
    plan_requested = Signal(object, object)  # list[Contents], Rules; answer with show_plans()
    states_requested = Signal(object, object)  # LocalPlace, list[LocalImage]; answer with show_states()
    run_requested = Signal(object)  # list[Part]; answer with show_result()

    def __init__(
        self,
        parent: QWidget | None,
        places: Sequence[tuple[str, Sequence[LocalPlace]]],
        current: int,
        names: dict[LocalPlace, str],
    ) -> None:
        super().__init__(parent, self.tr("Clean up"), width=740)
        self._choices = [list(several) for _, several in places]
        self._names = names
        self._places: list[LocalPlace] = []
        self._contents: dict[LocalPlace, Contents] = {}
        self._failed: dict[LocalPlace, LongshoreError] = {}
        self._plans: list[PlacePlan] = []
        #: What the places took when it was last weighed, in bytes.
        self._on_disk = 0
        self.picker = QComboBox()
        self.picker.setAccessibleName(self.tr("Remove from"))
        self.picker.addItems([name for name, _ in places])
        self.picker.setMinimumContentsLength(18)
        self.picker.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.picker.setMinimumWidth(220)
        self._add_rules()
        self.model = CleanUpModel(self)
        self.model.ticks_changed.connect(self._weigh)
        self._add_list()
        self.never = plain_label("", "dim", wrap=True)
        self._foot.insertWidget(0, self.never, 1)
        self._foot.setStretch(1, 0)
        self.soon.timeout.connect(self._request_plan)
        self.picker.setCurrentIndex(max(current, 0))
        self.picker.currentIndexChanged.connect(self._choose_place)

    def start(self) -> None:
        """Request what the chosen place has. Call it once the signals are connected."""
        self._choose_place(self.picker.currentIndex())

    # -- parts

    def _add_rules(self) -> None:
        line = self.line(plain_label(self.tr("Remove from")), self.picker)
        line.addWidget(plain_label(self.tr("images to which any of these apply:")))
        line.addStretch(1)
        self.body.addLayout(line)
        grid = QGridLayout()
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(6)
        self.dangling = QCheckBox(self.tr("dangling"))
        self.dangling.setChecked(True)
        self.dangling.setToolTip(self.tr("They have neither tag nor digest."))
        grid.addWidget(self.dangling, 0, 0)
        self.old, self.days, self.old_after = self.number(
            self.tr("unused and older than"), self.tr("days"), _DEFAULT_DAYS, MOST_DAYS
        )
        grid.addLayout(self.line(self.old, self.days, self.old_after, stretch=True), 1, 0)
        self.newest, self.count, after = self.number(
            self.tr("beyond the newest"), self.tr("of a repository"), _DEFAULT_NEWEST, MOST_NEWEST
        )
        grid.addLayout(self.line(self.newest, self.count, after, stretch=True), 0, 1)
        self.named = QCheckBox(self.tr("named"))
        self.patterns = QLineEdit()
        self.patterns.setPlaceholderText("acme/*:dev-*")
        self.patterns.setMaxLength(1000)
        self.patterns.setMinimumWidth(180)
        self.patterns.setAccessibleName(self.tr("Patterns for names"))
        self.patterns.setToolTip(
            self.tr("Patterns for the repository or repository:tag, between spaces; ! excludes.")
        )
        grid.addLayout(self.line(self.named, self.patterns), 1, 1)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        self.body.addLayout(grid)
        for check in (self.dangling, self.old, self.newest, self.named):
            check.toggled.connect(self._rules_changed)
        for box in (self.days, self.count):
            box.valueChanged.connect(self._rules_changed)
        self.patterns.textChanged.connect(self._rules_changed)
        self.patterns.textEdited.connect(lambda typed: self.named.setChecked(bool(typed.strip())))

    def _add_list(self) -> None:
        self.view = TickView(self.model, _COLUMNS, self.tr("Images to remove"), self.tr("All images"))
        self.empty = plain_label("", "dim", wrap=True)
        self.total = plain_label("", "strong")
        self.hint = ElidedLabel("dim")
        self.disk = plain_label("", "dim")
        self.disk.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        line = self.line(self.total, self.hint, self.disk)
        line.setStretch(1, 1)
        self.cached = plain_label("", "dim", wrap=True)
        self.cached.hide()
        self.add_list(self.view, self.empty, line, self.bar, self.cached)

    # -- what the places have

    @Slot(int)
    def _choose_place(self, number: int) -> None:
        if not 0 <= number < len(self._choices) or self._running:
            return
        self._places = self._choices[number]
        self._contents.clear()
        self._failed.clear()
        self._plans = []
        self.setWindowTitle(self.tr("Clean up {0}").format(self.picker.itemText(number)))
        library = not any(isinstance(place, EnginePlace) for place in self._places)
        self.old.setText(self.tr("older than") if library else self.tr("unused and older than"))
        self.model.set_plans([])
        self.show_problem(None)
        self.places_chosen.emit(list(self._places))

    def show_contents(self, place: LocalPlace, found: Contents | LongshoreError) -> None:
        """Show what *place* has, which may come in two steps, or why that is not known."""
        if not self.open_still or place not in self._places or self._running:
            return
        if isinstance(found, LongshoreError):
            self._failed[place] = found
            named = f"{self._names.get(place, '')}: " if len(self._places) > 1 else ""
            self.show_problem(f"{named}{errors.told(found)}")
        else:
            self._contents[place] = found
        self._request_plan()

    # -- the plan

    def rules(self) -> Rules:
        """Return the rules as they are set."""
        return Rules(
            dangling=self.dangling.isChecked(),
            older_than=self.days.value() if self.old.isChecked() else None,
            beyond_newest=self.count.value() if self.newest.isChecked() else None,
            names=patterns(self.patterns.text()) if self.named.isChecked() else (),
        )

    @Slot()
    def _rules_changed(self) -> None:
        if not self._running:
            self.confirm.setEnabled(False)
            self.soon.start()

    @Slot()
    def _request_plan(self) -> None:
        self.soon.stop()
        contents = [self._contents[place] for place in self._places if place in self._contents]
        self.plan_requested.emit(contents, self.rules())

    @Slot(object)
    def show_plans(self, found: list[PlacePlan] | LongshoreError) -> None:
        """Show the images that the rules list, or why the rules can't be used."""
        if not self.open_still or self._running:
            return
        if isinstance(found, LongshoreError):
            self._plans = []
            self.model.set_plans([])
            self.show_problem(found)
            return
        self._plans = found
        if not self._failed:
            self.show_problem(None)
        several = len(self._places) > 1
        self.model.set_plans([(plan, self._names.get(plan.place, "") if several else "") for plan in found])
        kept = (
            words.never(sum(one.containers for one in found), sum(one.pinned for one in found)),
            words.undated(sum(one.undated for one in found)),
        )
        self.never.setText(" ".join(filter(None, kept)))
        for plan in found:
            unknown = [row.candidate.names[0] for row in self.model.without_state(plan.place)]
            if unknown:
                self.states_requested.emit(plan.place, unknown)

    def show_states(self, place: LocalPlace, states: Mapping[Reference, State]) -> None:
        """Show how images of *place* compare with their registries."""
        if self.open_still:
            self.model.set_states(place, states)

    @property
    def _waiting(self) -> bool:
        return any(place not in self._contents and place not in self._failed for place in self._places)

    def parts(self) -> list[Part]:
        """Return what is ticked, by place; places without a tick are left out."""
        found = [Part(plan, self.model.ticked(plan.place)) for plan in self._plans]
        return [part for part in found if part.ticked]

    @Slot()
    def _weigh(self) -> None:
        """Show what the ticked images free."""
        if self._running:
            return
        rows = self.model.rows
        ticked = sum(row.ticked for row in rows)
        if not rows:
            self.empty.setText(
                self.tr("Looking for images…") if self._waiting else self.tr("No image matches these rules.")
            )
        self.empty.setVisible(not rows)
        self.view.setVisible(bool(rows))
        known = [plan for plan in self._plans if plan.usage is not None]
        measuring = any(plan.usage is None and plan.problem is None for plan in self._plans)
        problem = next((plan.problem for plan in self._plans if plan.problem is not None), None)
        freed = words.together(plan.freed(self.model.ticked(plan.place)) for plan in known)
        what = _of(self.tr("{0} of 1 image"), self.tr("{0} of {1} images"), ticked, len(rows))
        now = sum(plan.usage.total for plan in known if plan.usage is not None)
        self.total.setToolTip(words.how_counted(plan.usage for plan in known if plan.usage is not None))
        if not rows:
            self.total.setText("")
        elif measuring or len(known) < len(self._plans):
            self.total.setText(what)
        else:
            self.total.setText(self.tr("{0}, frees {1}").format(what, words.freed(freed)))
        self.hint.set_text(
            ""
            if not rows
            else self.tr("measuring…")
            if measuring
            else words.unknown(problem)
            if problem is not None
            else self.tr("shared layers stay")
        )
        self.disk.setText(
            self.tr("{0} on disk now, {1} after").format(text.size(now), text.size(now - freed.bytes))
            if known and not measuring
            else ""
        )
        self._on_disk = now
        self.bar.set_share(freed.bytes / now if now else 0.0)
        self.bar.setVisible(bool(rows))
        cached = words.cached(freed)
        self.cached.setText(cached)
        self.cached.setVisible(bool(cached))
        self.confirm.setEnabled(bool(ticked) and not self.soon.isActive())

    # -- the run

    def finish(self) -> None:
        """Request the run; :meth:`show_result` shows how it ended."""
        parts = self.parts()
        if not parts:
            return
        self.begin(self.picker, self.dangling, self.old, self.days, self.newest, self.count,
                   self.named, self.patterns, self.view)  # fmt: skip
        self.hint.set_text("")
        self.disk.setText("")
        self.run_requested.emit(parts)

    def show_running(self, done: int, count: int, name: str) -> None:
        """Show how far the run is."""
        if self.open_still and self._running:
            self.total.setText(
                _of(self.tr("{0} of 1 image removed"), self.tr("{0} of {1} images removed"), done, count)
            )
            self.hint.set_text(text.safe(name, 60))
            self.bar.set_progress(done / count if count else 0.0)

    @Slot(object)
    def show_result(self, found: list[Outcome] | LongshoreError) -> None:
        """Compare the result with the forecast, or show why nothing was done."""
        self._running = False
        if not self.open_still:
            return
        self.hint.hide()
        self.cached.hide()
        self.total.setWordWrap(True)  # a result is longer than a forecast
        self._show_freed([] if isinstance(found, LongshoreError) else found)
        if isinstance(found, LongshoreError):
            self.total.setText("")
            self.show_problem(found)
        else:
            self.total.setText(words.results(found))
            failures = [one for outcome in found for one in outcome.failures]
            self.show_problem(_reasons(failures, self.tr("And {0} more.")))
        self.end()

    def _show_freed(self, outcomes: list[Outcome]) -> None:
        """Compare what is on disk now with what was, if both are known."""
        freed = [one.freed for one in outcomes if one.freed is not None]
        known = bool(self._on_disk and freed) and len(freed) == len(outcomes)
        gone = min(sum(freed), self._on_disk)
        self.bar.setVisible(known)
        if known:
            self.bar.set_share(gone / self._on_disk)
            self.disk.setText(
                self.tr("{0} on disk now, {1} before").format(
                    text.size(self._on_disk - gone), text.size(self._on_disk)
                )
            )


def _reasons(failures: Sequence[NameResult], more: str) -> str:
    """The reasons of *failures*; once, without names, if all have the same, as when the engine is gone."""
    if failures and all(one.error is failures[0].error for one in failures) and failures[0].error is not None:
        told = errors.told(failures[0].error)
        return told if len(failures) > 1 else f"{text.safe(failures[0].image.name.shown, 80)}: {told}"
    lines = [
        f"{text.safe(one.image.name.shown, 80)}: {errors.told(one.error)}"
        for one in failures[:_MOST_FAILURES]
        if one.error is not None
    ]
    if len(failures) > _MOST_FAILURES:
        lines.append(more.format(f"{len(failures) - _MOST_FAILURES:,}"))
    return "\n".join(lines)


def _of(one: str, many: str, part: int, whole: int) -> str:
    """Fill in *part* and *whole*: into *one* if the whole is 1, otherwise into *many*."""
    return (one if whole == 1 else many).format(f"{part:,}", f"{whole:,}")
