"""Names and values in sections that can be folded and filtered: the rows of Details. GUI thread only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from longshore.models import ordering
from longshore.models.columns import Tone
from longshore.models.tooltips import tooltip

Index = QModelIndex | QPersistentModelIndex
_Item = Qt.ItemDataRole
_NO_PARENT = QModelIndex()
#: The role of a row's :class:`Fact` or :class:`Heading`.
FACT = Qt.ItemDataRole.UserRole + 1
#: Most rows of one section.
MOST = 2000


class Fact(NamedTuple):
    """One line. All texts are safe to show, except *copied*.

    *key*: what an offer is for. *more*: the whole of *value* for the tooltip, if that is short. *copied*: what Copy
    takes, "" for the value. *fixed*: a digest, an id or a command, in the fixed-width font. *copies*: an icon copies
    it. *offer*: a link after the value, such as *Show*. *pill*: the value is a state in this tone, *more* its reason.
    """

    name: str
    value: str = ""
    key: str = ""
    more: str = ""
    copied: str = ""
    fixed: bool = False
    dim: bool = False
    copies: bool = False
    offer: str = ""
    pill: Tone = Tone.NONE

    @property
    def whole(self) -> str:
        """The value in full."""
        return self.more or self.value

    @property
    def to_copy(self) -> str:
        """What Copy takes."""
        return self.copied or self.value


class Section(NamedTuple):
    """A part with a title. *title* "": its facts are always shown. *extent*: a dim word after the title. *folded*: at
    first. *fixed*: the names are shown in the fixed-width font; *striped*: every other row has a tint."""

    key: str
    title: str
    facts: tuple[Fact, ...]
    extent: str = ""
    folded: bool = False
    fixed: bool = False
    striped: bool = False


class Heading(NamedTuple):
    """The row of a section's title."""

    section: Section
    folded: bool


class FactsModel(QAbstractListModel):
    """Sections as one list: headings, and the facts of those that are not folded and pass the filter."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._sections: tuple[Section, ...] = ()
        self._folded: dict[str, bool] = {}
        self._filter: tuple[str, ...] = ()
        self._rows: list[Heading | tuple[Fact, Section, bool]] = []

    # -- set by the owner

    def set_sections(self, sections: Sequence[Section]) -> None:
        """Show *sections*. What the user has folded stays folded."""
        self._sections = tuple(section for section in sections if section.facts)
        self._arrange()

    def set_filter(self, words: str) -> None:
        """Show only facts with all of *words* in their name or value; nothing is folded then."""
        self._filter = ordering.words(words)
        self._arrange()

    @property
    def shown_count(self) -> int:
        """The number of facts that are shown."""
        return sum(not isinstance(row, Heading) for row in self._rows)

    @property
    def facts(self) -> list[Fact]:
        """All facts, also those that are not shown."""
        return [fact for section in self._sections for fact in section.facts]

    def toggle(self, index: Index) -> None:
        """Fold or unfold the section whose heading is at *index*."""
        row = self._at(index)
        if isinstance(row, Heading) and not self._filter:
            self._folded[row.section.key] = not row.folded
            self._arrange()

    def _arrange(self) -> None:
        rows: list[Heading | tuple[Fact, Section, bool]] = []
        for section in self._sections:
            facts = [fact for fact in section.facts if self._passes(fact)][:MOST]
            if not facts:
                continue
            folded = not self._filter and self._folded.get(section.key, section.folded)
            if section.title:
                rows.append(Heading(section, folded))
            else:
                folded = False
            if not folded:
                rows += [(fact, section, number % 2 == 1) for number, fact in enumerate(facts)]
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def _passes(self, fact: Fact) -> bool:
        if not self._filter:
            return True
        hay = f"{fact.name}\n{fact.whole}".casefold()
        return all(word in hay for word in self._filter)

    # -- Qt's hooks

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def _at(self, index: Index) -> Heading | tuple[Fact, Section, bool] | None:
        return self._rows[index.row()] if index.isValid() and index.row() < len(self._rows) else None

    def fact(self, index: Index) -> Fact | None:
        """The fact at *index*, None for a heading."""
        row = self._at(index)
        return None if row is None or isinstance(row, Heading) else row[0]

    def index_of(self, name: str) -> QModelIndex:
        """Return the index of the fact *name*; invalid if it is not shown."""
        for number, row in enumerate(self._rows):
            if not isinstance(row, Heading) and row[0].name == name:
                return self.index(number, 0)
        return QModelIndex()

    def data(self, index: Index, role: int = _Item.DisplayRole) -> Any:
        row = self._at(index)
        if row is None:
            return None
        if role == FACT:
            return row
        if isinstance(row, Heading):
            if role in (_Item.DisplayRole, _Item.AccessibleTextRole):
                return f"{row.section.title} {row.section.extent}".strip()
            return None
        fact = row[0]
        if role in (_Item.DisplayRole, _Item.AccessibleTextRole):
            said = f"{fact.name}: {fact.value}" if fact.name else fact.value
            return f"{said}, {fact.more}" if fact.pill and fact.more else said
        if role == _Item.ToolTipRole:
            return tooltip(fact.whole)
        return None
