"""How wide the columns of a view are: natural widths from the font, least widths, and who takes what is left."""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, QPoint, QRect, Qt, Slot
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHeaderView, QMenu, QTableView, QTreeView, QWidget

from longshore.widgets import icons
from longshore.widgets.theme import current_theme

#: Space at both sides of a cell's text, in device-independent pixels.
PADDING = 9


class Kind(enum.Enum):
    """How the cells of a column are painted."""

    TEXT = enum.auto()
    NAME = enum.auto()  # with the icon of its row
    PILL = enum.auto()
    PROGRESS = enum.auto()


@dataclass(frozen=True, slots=True)
class Column:
    """*sample*: a text as long as is usual; *least*: as short as may be. *weight*: its share of what is left over.

    *acts*: its cells may offer something to do, on a button at their right (Role.OFFER).

    *yields*: goes where even the least widths do not fit, the highest number first; 0 stays.
    """

    sample: str
    least: str
    weight: int = 0
    right: bool = False
    fixed: bool = False
    kind: Kind = Kind.TEXT
    elide: Qt.TextElideMode = Qt.TextElideMode.ElideMiddle
    extra: int = 0
    yields: int = 0
    acts: bool = False

    def width(self, text: str) -> int:
        """Pixels that *text* needs in this column."""
        theme = current_theme()
        # Names are semibold, which is wider; nothing is lost where a column has none.
        metrics = theme.fixed_metrics if self.fixed else theme.strong_metrics
        return (
            metrics.horizontalAdvance(text) + 2 * PADDING + self.extra + (16 if self.kind is Kind.PILL else 0)
        )


class Header(QHeaderView):
    """A calm header: dim text, right-aligned over numbers, a hairline below."""

    def __init__(self, columns: Sequence[Column], parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._columns = columns
        self.setMinimumSectionSize(36)
        self.setFixedHeight(current_theme().row_height + 2)
        self.setSectionsMovable(False)
        self.setHighlightSections(False)
        self.setStretchLastSection(False)
        self.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)

    def paintSection(self, painter: QPainter, rect: QRect, logical: int) -> None:
        """Qt's hook."""
        theme = current_theme()
        painter.fillRect(rect, theme.pane)
        painter.fillRect(rect.x(), rect.bottom(), rect.width(), 1, theme.line)
        model = self.model()
        if model is None or logical >= len(self._columns):
            return
        text = str(model.headerData(logical, Qt.Orientation.Horizontal, Qt.ItemDataRole.DisplayRole) or "")
        right = self._columns[logical].right
        sorted_by = self.isSortIndicatorShown() and self.sortIndicatorSection() == logical
        room = rect.adjusted(PADDING, 0, -PADDING, -1)
        space = room.width() - (15 if sorted_by else 0)
        shown = theme.small_metrics.elidedText(text, Qt.TextElideMode.ElideRight, max(0, space))
        width = theme.small_metrics.horizontalAdvance(shown)
        x = room.right() - width + 1 if right else room.x()
        painter.setFont(theme.small_font)
        painter.setPen(theme.text if sorted_by else theme.dim)
        painter.drawText(QRect(x, room.y(), width + 4, room.height()), Qt.AlignmentFlag.AlignVCenter, shown)
        if sorted_by:
            ascending = self.sortIndicatorOrder() == Qt.SortOrder.AscendingOrder
            arrow = icons.pixmap(
                "chevron-up" if ascending else "chevron-down", theme.dim, self.devicePixelRatioF(), 11
            )
            painter.drawPixmap(QPoint(x - 15 if right else x + width + 4, room.center().y() - 5), arrow)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's hook: the hairline goes on where no section is."""
        super().paintEvent(event)
        end = self.length() - self.offset()
        width = self.viewport().width()
        if end < width:
            painter = QPainter(self.viewport())
            theme = current_theme()
            painter.fillRect(end, 0, width - end, self.height(), theme.pane)
            painter.fillRect(end, self.height() - 1, width - end, 1, theme.line)
            painter.end()


class _Cap(QWidget):
    """Goes on with the header above the scroll bar, which then begins below it."""

    def __init__(self, height: int) -> None:
        super().__init__()
        self.setFixedHeight(height)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's hook."""
        painter = QPainter(self)
        painter.fillRect(0, self.height() - 1, self.width(), 1, current_theme().line)
        painter.end()


class ColumnLayout(QObject):
    """Lays out the columns of one view, until the user takes a border in hand; then it only hands on the rest."""

    def __init__(
        self, view: QTableView | QTreeView, columns: Sequence[Column], hidden: Sequence[int] = ()
    ) -> None:
        super().__init__(view)
        self._view = view
        self._columns = columns
        self._hidden_at_first = frozenset(hidden)
        self._hidden = set(hidden)
        self._empty: frozenset[int] = frozenset()
        self._manual: dict[int, int] = {}
        self._busy = False
        self.header = Header(columns, view)
        if isinstance(view, QTreeView):
            view.setHeader(self.header)
        else:
            view.setHorizontalHeader(self.header)
            self.header.setSectionsClickable(True)
        view.addScrollBarWidget(_Cap(self.header.height()), Qt.AlignmentFlag.AlignTop)
        self.header.sectionResized.connect(self._resized)
        self.header.customContextMenuRequested.connect(self._menu)

    def start(self) -> None:
        """The model is set: lay out."""
        self.apply()

    @Slot(int, int, int)
    def _resized(self, column: int, _old: int, new: int) -> None:
        if not self._busy:
            self._manual[column] = new

    @Slot()
    def apply(self) -> None:
        """Give every column its width for the view's present size."""
        count = self.header.count()
        room = self._view.viewport().width()
        shown = [
            i for i in range(min(count, len(self._columns))) if i not in self._hidden and i not in self._empty
        ]
        if not shown or room < 2:
            return
        shown = self._without_yielding(shown, room)
        widths = self._fit(shown, room)
        self._busy = True
        for column in range(count):
            if self.header.isSectionHidden(column) != (column not in shown):
                self.header.setSectionHidden(column, column not in shown)
        for column, width in widths.items():
            if self.header.sectionSize(column) != width:
                self.header.resizeSection(column, width)
        self._busy = False

    def leave_out(self, columns: Collection[int]) -> None:
        """*columns* can hold nothing for what is shown now; what the user chose is kept for when they can."""
        if self._empty != frozenset(columns):
            self._empty = frozenset(columns)
            self.apply()

    def _least(self, column: int) -> int:
        if column in self._manual:
            return self._manual[column]
        least = self._columns[column].width(self._columns[column].least)
        # What numbers mean must stay readable.
        return max(least, self._title(column)) if self._columns[column].right else least

    def _title(self, column: int) -> int:
        """Pixels that the header's text needs."""
        model = self._view.model()
        if model is None:
            return 0
        title = str(model.headerData(column, Qt.Orientation.Horizontal, Qt.ItemDataRole.DisplayRole) or "")
        return current_theme().small_metrics.horizontalAdvance(title) + 2 * PADDING + 2

    def _without_yielding(self, shown: list[int], room: int) -> list[int]:
        for i in sorted(shown, key=lambda i: -self._columns[i].yields):
            if not self._columns[i].yields or sum(map(self._least, shown)) <= room:
                break
            shown = [other for other in shown if other != i]
        return shown

    def _fit(self, shown: Sequence[int], room: int) -> dict[int, int]:
        natural = {i: self._manual.get(i) or self._columns[i].width(self._columns[i].sample) for i in shown}
        # A header must be readable too.
        for i in shown:
            if i not in self._manual:
                natural[i] = max(natural[i], self._title(i))
        rest = room - sum(natural.values())
        if rest >= 0:
            return self._hand_out(natural, room)
        least = {i: min(natural[i], self._least(i)) for i in shown}
        give = {i: natural[i] - least[i] for i in shown}
        spare = sum(give.values())
        share = min(1.0, -rest / spare) if spare else 0.0
        widths = {i: natural[i] - int(give[i] * share) for i in shown}
        over = sum(widths.values()) - room
        for i in sorted(shown, key=lambda i: -give[i]):
            if over <= 0:
                break
            step = min(over, widths[i] - least[i])
            widths[i] -= step
            over -= step
        return widths

    def _hand_out(self, natural: dict[int, int], room: int) -> dict[int, int]:
        rest = room - sum(natural.values())
        takers = [i for i in natural if self._columns[i].weight and i not in self._manual] or [max(natural)]
        total = sum(self._columns[i].weight for i in takers) or 1
        for i in takers:
            natural[i] += rest * max(1, self._columns[i].weight) // total
        # The last pixels of the division.
        natural[takers[-1]] += max(0, room - sum(natural.values()))
        return natural

    @Slot(QPoint)
    def _menu(self, where: QPoint) -> None:
        menu = QMenu(self._view)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        model = self._view.model()
        for i in range(1, min(self.header.count(), len(self._columns))):
            title = str(model.headerData(i, Qt.Orientation.Horizontal, Qt.ItemDataRole.DisplayRole) or "")
            action = menu.addAction(title)
            action.setCheckable(True)
            action.setChecked(i not in self._hidden)
            action.toggled.connect(lambda on, i=i: self._show(i, on))
        menu.addSeparator()
        menu.addAction(self.tr("Reset columns")).triggered.connect(self.reset)
        menu.popup(self.header.mapToGlobal(where))

    def _show(self, column: int, on: bool) -> None:
        if on:
            self._hidden.discard(column)
        else:
            self._hidden.add(column)
        self._manual.pop(column, None)
        self.apply()

    @Slot()
    def reset(self) -> None:
        """Back to how it was at first."""
        self._manual.clear()
        self._hidden = set(self._hidden_at_first)
        self.apply()

    # -- remembered between runs

    def state(self) -> dict[str, Any]:
        """What the user chose, as plain data."""
        return {
            "widths": {str(i): width for i, width in self._manual.items()},
            "hidden": sorted(self._hidden),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """The reverse of :meth:`state`; what makes no sense is left out."""
        widths = state.get("widths")
        if isinstance(widths, dict):
            self._manual = {
                int(i): width
                for i, width in widths.items()
                if i.isdecimal()
                and len(i) < 3
                and int(i) < len(self._columns)
                and isinstance(width, int)
                and 20 <= width <= 4000
            }
        hidden = state.get("hidden")
        if isinstance(hidden, list):
            self._hidden = {i for i in range(1, len(self._columns)) if i in hidden}
        self.apply()
