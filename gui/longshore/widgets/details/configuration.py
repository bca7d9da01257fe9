"""Configuration: the environment of an image with masked values, and every other setting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QWidget

from longshore.models import configuration_text
from longshore.widgets.columns import EDGE
from longshore.widgets.details.facts import FactsView
from longshore.widgets.details.tab import DetailsTab
from longshore.widgets.header_parts import FilterField

if TYPE_CHECKING:
    from longshore.application.inspection.values import Inspected
    from longshore.application.subject import Subject


class ConfigurationTab(DetailsTab):
    """Values that look secret are masked until the user asks for each; another image is masked again."""

    copy_requested = Signal(str)  # text for the clipboard

    def __init__(self) -> None:
        super().__init__()
        self._shown: set[str] = set()
        band = QWidget()
        row = QHBoxLayout(band)
        row.setContentsMargins(EDGE, 8, EDGE, 6)
        self.filter = FilterField(self.tr("Filter configuration"))
        self.filter.filtered.connect(self._filtered)
        row.addWidget(self.filter)
        self.body.addWidget(band)
        self.facts = FactsView(self.tr("Configuration"))
        #: The right column of the strip.
        self.more = FactsView(self.tr("Everything else"))
        columns = QHBoxLayout()
        columns.setSpacing(0)
        for view in (self.facts, self.more):
            view.copied.connect(self._copy)
            view.offered.connect(self._toggle)
            view.current_changed.connect(self.verbs.look)
            columns.addWidget(view, 1)
        self.more.hide()
        self.body.addLayout(columns, 1)
        self.copy_verb = self.verbs.add_verb(
            self.tr("Copy value"), lambda: self._active().copy(), why_not=self._no_value
        )
        self.copy_all_verb = self.verbs.add_verb(
            self.tr("Copy all as .env"), self.copy_all, why_not=self._no_environment
        )

    def set_subject(self, subject: Subject) -> None:
        """See the base."""
        super().set_subject(subject)
        self._shown.clear()
        self.note.set_text("")
        self.facts.set_sections([])
        self.more.set_sections([])

    def set_inspected(self, found: Inspected) -> None:
        """See the base."""
        super().set_inspected(found)
        self._fill()

    def set_wide(self, wide: bool) -> None:
        """See the base."""
        super().set_wide(wide)
        self.more.hide()
        self._fill()

    def focus_filter(self) -> bool:
        """See the base."""
        self.filter.setFocus()
        self.filter.selectAll()
        return True

    def home(self) -> QWidget | None:
        """See the base."""
        return self.facts

    def _fill(self) -> None:
        if self.inspected is not None:
            first, rest = configuration_text.sections(self.inspected, self._shown)
            apart = self.wide and bool(first.facts)  # no empty column
            self.facts.set_sections([first] if apart else [first, rest])
            self.more.set_sections([rest] if apart else [])
            self.more.setVisible(apart)
            self.verbs.look()

    @Slot(str)
    def _filtered(self, words: str) -> None:
        for view in (self.facts, self.more):
            view.facts.set_filter(words)
        if words:
            count = self.facts.facts.shown_count + self.more.facts.shown_count
            self.note.set_text(self.tr("1 found") if count == 1 else self.tr("{0} found").format(count))
        else:
            self.note.set_text("")

    @Slot(str)
    def _toggle(self, key: str) -> None:
        self._shown ^= {key}
        self._fill()

    # -- what can be done

    def _active(self) -> FactsView:
        """The column in which a value is current."""
        focused = self.more.hasFocus() or (self.facts.current() is None and self.more.current() is not None)
        return self.more if self.more.isVisibleTo(self) and focused else self.facts

    def _no_value(self) -> str:
        fact = self._active().current()
        if fact is None:
            return self.tr("Select a value first.")
        if fact.offer and fact.key not in self._shown:
            return self.tr("The value is masked. Show it first.")
        return ""

    def _no_environment(self) -> str:
        if self.inspected is None or not self.inspected.run.environment:
            return self.tr("The image sets no environment.")
        return ""

    @Slot(str)
    def _copy(self, words: str) -> None:
        if reason := self._no_value():
            self.note.set_text(reason)
            return
        self.copy_requested.emit(words)
        self.note.set_text(self.tr("Copied."))

    @Slot()
    def copy_all(self) -> None:
        """Request to copy the environment as lines of an .env file; masked values are left out."""
        if self.inspected is None:
            return
        lines, left_out = configuration_text.env_file(self.inspected, self._shown)
        self.copy_requested.emit(lines)
        words = self.tr("Copied without {0} masked values.").format(left_out)
        if left_out == 1:
            words = self.tr("Copied without 1 masked value.")
        self.note.set_text(words if left_out else self.tr("Copied."))
