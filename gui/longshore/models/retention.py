"""The tags that a retention plan lists, with ticks."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from longshore.language import tr
from longshore.models.ticks import Name, TickModel
from longshore.naturalsort import natural_key
from longshore.words import retention as words
from longshore.words import text, times

if TYPE_CHECKING:
    from longshore.application.cleanup.retention import Outcome, RetentionPlan, RetentionRow


class RetentionColumn(enum.IntEnum):
    """Columns of Clean up for a repository."""

    TICK = 0
    TAG = 1
    REASON = 2
    IMAGE = 3
    FREES = 4


class RetentionTag:
    """One tag. *image*: what happens to its image; *frees*: bytes that go with this tag, None if it frees none."""

    __slots__ = ("frees", "image", "name", "reason", "row", "ticked")

    def __init__(self, row: RetentionRow) -> None:
        self.row = row
        self.ticked = True
        self.name = Name(text.safe(row.tag.tag, 160))
        self.reason = words.reason(row)
        self.image = ""
        self.frees: int | None = None

    @property
    def key(self) -> str:
        """The tag."""
        return self.row.tag.tag


class RetentionModel(TickModel[RetentionTag]):
    """GUI thread only."""

    dim = frozenset({RetentionColumn.REASON})

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(["", tr("Tag"), tr("Reason"), tr("Image"), tr("Frees")], parent)
        self._unique: dict[str, int] = {}

    def set_plan(self, plan: RetentionPlan | None, most: int) -> None:
        """Show the tags of *plan*, at most *most*."""
        self._unique = {} if plan is None else plan.unique()
        self.set_rows([] if plan is None else [RetentionTag(row) for row in plan.rows[:most]])

    @property
    def ticked(self) -> list[str]:
        """The ticked tags."""
        return [row.key for row in self._rows if row.ticked]

    def show_outcome(self, outcome: Outcome) -> None:
        """Show what *outcome*, that of the ticked tags, means for each."""
        frees = {step.tags[-1]: self._unique.get(step.digest) for step in outcome.deletions if step.whole}
        fates = words.images([row.key for row in self._rows], outcome)
        for row in self._rows:
            row.image = text.capital(fates[row.key])
            row.frees = frees.get(row.key)
        self.cells_changed()

    # -- inside

    def _default_order(self) -> None:
        self._rows.sort(key=lambda row: natural_key(row.key))

    def _sort_key(self, row: RetentionTag, column: int) -> Any:
        if column == RetentionColumn.TAG:
            return natural_key(row.key)
        if column == RetentionColumn.REASON:
            return (row.reason[:1].isdigit(), row.row.reason.rank, row.row.reason.days or 0, row.reason)
        if column == RetentionColumn.FREES:
            return -1 if row.frees is None else row.frees
        return row.image

    def _text(self, row: RetentionTag, column: int) -> str:
        if column == RetentionColumn.TAG:
            return row.name.strong
        if column == RetentionColumn.REASON:
            return text.capital(row.reason)
        if column == RetentionColumn.IMAGE:
            return row.image
        return text.size(row.frees) if column == RetentionColumn.FREES else ""

    def _whole(self, row: RetentionTag, column: int) -> str:
        if column not in (RetentionColumn.TICK, RetentionColumn.TAG):
            return self._text(row, column)
        also = tr("Also {0}").format(words.tags(row.row.siblings)) if row.row.siblings else ""
        size = row.row.tag.size
        return "\n".join(
            filter(
                None,
                [
                    text.safe(row.key),
                    text.short_digest(row.row.tag.digest),
                    also,
                    times.moment_text(row.row.tag.created),
                    "" if size is None else tr("{0} compressed").format(text.size(size)),
                ],
            )
        )
