"""Column widths of a view: natural widths from the font, minimum widths, and the distribution of spare room."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPoint, QRect, Qt, QTimer, Slot
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHeaderView, QMenu, QTableView, QTreeView, QWidget

from longshore.models.columns import Role
from longshore.models.row_table import RowTable
from longshore.widgets import fitting, icons
from longshore.widgets.theme import current_theme

#: Padding on both sides of a cell's text, in device-independent pixels.
PADDING = 6
#: Height of a pill, and the room beside its text, in pixels.
PILL_HEIGHT = 20
PILL_ROOM = 16
#: Where titles, cells and footers begin and end, in pixels from the inner edge of the pane.
EDGE = 14
#: The icons of a tree's first column begin so far from their cell, in pixels; its chevrons begin at :data:`EDGE`.
TREE_INSET = 8
#: Width of the sort arrow beside a column title, in pixels.
_ARROW = 15
#: Names push out yielding columns until they have this multiple of their natural width.
_LONGEST_NAME = 2
#: Rows to measure when many arrive at once: measuring ten thousand takes longer than painting them.
_LOOKED_AT = 200
#: Rows to search for any content in a column that is often empty.
_SEARCHED = 2000


def _texts(model: QAbstractItemModel, column: int, rows: range) -> Iterator[str]:
    """Return the texts of *column* in *rows*; without a call through Qt for each if the model supports it."""
    if isinstance(model, RowTable):
        return model.texts(column, rows)
    return (str(model.data(model.index(row, column)) or "") for row in rows)


class Kind(enum.Enum):
    """The ways to paint the cells of a column."""

    TEXT = enum.auto()
    NAME = enum.auto()  # with the icon of its row
    PILL = enum.auto()
    PROGRESS = enum.auto()


class Column(NamedTuple):
    """One column. *sample*: a text of usual length; *least*: the shortest useful one. *weight*: share of spare room.

    *together*: if the sample does not fit, all cells show their short form (Role.SHORT), not only some of them.

    *acts*: cells may offer an action, on a button at their right (Role.OFFER).

    *yields*: the column is hidden before others are cut, the highest number first; 0 is never hidden.

    *optional*: often empty in all rows; then it is hidden before any other column is shortened.
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
    together: bool = False
    optional: bool = False

    def width(self, text: str) -> int:
        """Return the pixels that *text* needs in this column."""
        theme = current_theme()
        # Names are semibold, which is wider; a little spare room in other columns does no harm. Dates are never names.
        metrics = theme.metrics if self.together else theme.strong_metrics
        metrics = theme.fixed_metrics if self.fixed else metrics
        if self.kind is Kind.PILL:
            metrics = theme.small_metrics
        room = PILL_ROOM if self.kind is Kind.PILL else 0
        return metrics.horizontalAdvance(text) + 2 * PADDING + self.extra + room


class Header(QHeaderView):
    """A plain header: dim text, right-aligned over numbers, a hairline below."""

    def __init__(self, columns: Sequence[Column], parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._columns = columns
        self.setMinimumSectionSize(fitting.SMALLEST)
        #: The rightmost visible column, which ends at the pane's edge.
        self.last = len(columns) - 1
        self.setFixedHeight(current_theme().row_height - 3)  # 29 with the line for loading
        self.setSectionsMovable(False)
        self.setHighlightSections(False)
        self.setStretchLastSection(False)
        self.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)

    def room(self, rect: QRect, column: int) -> QRect:
        """Return the part of a cell or section *rect* that its text may fill."""
        left, right = self.padding(column)
        return rect.adjusted(left, 0, -right, 0)

    def padding(self, column: int) -> tuple[int, int]:
        """Return the padding at the left and at the right of *column*, in pixels."""
        return EDGE if column == 0 else PADDING, EDGE if column == self.last else PADDING

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
        room = self.room(rect, logical).adjusted(0, 0, 0, -1)
        space = room.width() - (_ARROW if sorted_by else 0)
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
            painter.drawPixmap(QPoint(x - _ARROW if right else x + width + 4, room.center().y() - 5), arrow)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's hook: extends the hairline beyond the last section."""
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
    """Extends the header above the scroll bar, so that the bar begins below it."""

    def __init__(self, height: int) -> None:
        super().__init__()
        self.setFixedHeight(height)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's hook."""
        painter = QPainter(self)
        painter.fillRect(0, self.height() - 1, self.width(), 1, current_theme().line)
        painter.end()


class ColumnLayout(QObject):
    """Lays out the columns of one view by their content.

    A border that the user drags stays where it was put, as far as the other columns have room.
    """

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
        #: Widths of columns that grew or shrank when the user moved another's border: their natural width from then on.
        self._given: dict[int, int] = {}
        #: Pixels needed by the widest content so far, in full and in its shortest form, by elastic column.
        self._content: dict[int, tuple[int, int]] = {}
        self._filled: set[int] = set()
        self._busy = False
        self._sized = False  # whether the view has a size: until then there is no room to share
        self.header = Header(columns, view)
        if isinstance(view, QTreeView):
            view.setHeader(self.header)
        else:
            view.setHorizontalHeader(self.header)
            self.header.setSectionsClickable(True)
        view.addScrollBarWidget(_Cap(self.header.height()), Qt.AlignmentFlag.AlignTop)
        self.header.sectionResized.connect(self._resized)
        self.header.sortIndicatorChanged.connect(self.apply)
        self.header.customContextMenuRequested.connect(self._menu)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self.apply)

    def start(self) -> None:
        """Start the layout; call once the model is set."""
        model = self._view.model()
        if isinstance(self._view, QTableView) and model is not None:
            model.rowsInserted.connect(self._rows_came)
            model.dataChanged.connect(self._rows_changed)
            model.modelReset.connect(self._forget_content)
        self.apply()

    # -- content of the columns

    @Slot(QModelIndex, int, int)
    def _rows_came(self, _parent: QModelIndex, first: int, last: int) -> None:
        self._look(first, last)

    @Slot(QModelIndex, QModelIndex)
    def _rows_changed(self, first: QModelIndex, last: QModelIndex) -> None:
        self._look(first.row(), last.row(), range(first.column(), last.column() + 1))

    def _look(self, first: int, last: int, changed: range | None = None) -> None:
        """Measure the content of elastic columns in these rows, at most the first :data:`_LOOKED_AT`.

        *changed*: the columns whose content has changed; all if not given.
        """
        model = self._view.model()
        for i, column in enumerate(self._columns):
            if changed is not None and i not in changed:
                continue
            searched = range(first, min(last + 1, first + _SEARCHED))
            if column.optional and i not in self._filled and any(_texts(model, i, searched)):
                self._filled.add(i)
                self._soon.start()
            if not column.weight or column.kind is not Kind.TEXT:
                continue
            known = whole, short = self._content.get(i, (0, 0))
            rows = range(first, min(last + 1, first + _LOOKED_AT))
            widest = current_theme().widest
            for row, shown in zip(rows, _texts(model, i, rows), strict=False):
                if len(shown) * widest > short:
                    forms = model.data(model.index(row, i), Role.SHORT) or (shown,)
                    whole = max(whole, column.width(shown))
                    short = max(short, column.width(str(forms[-1])))
            if (whole, short) != known:
                self._content[i] = whole, short
                self._soon.start()

    @Slot()
    def _forget_content(self) -> None:
        self._content.clear()
        self._filled.clear()
        model = self._view.model()
        if model is not None and model.rowCount():
            self._look(0, model.rowCount() - 1)
        self._soon.start()

    # -- widths

    @Slot(int, int, int)
    def _resized(self, column: int, old: int, new: int) -> None:
        """Let the other columns make room after the user moved a border; none of them is hidden."""
        if self._busy or self.header.isSectionHidden(column):
            return
        needs = self._needs()
        if column not in needs:
            return
        shown = [i for i in needs if not self.header.isSectionHidden(i)]
        widths = {i: old if i == column else self.header.sectionSize(i) for i in shown}
        if sum(widths.values()) > self._view.viewport().width():
            self._manual[column] = new  # the view scrolls already: there is no room to share
            return
        dragged = fitting.drag(widths, needs, column, new)
        self._manual[column] = dragged[column]
        self._given.update({i: width for i, width in dragged.items() if i != column and width != widths[i]})
        self._set(dragged)

    @Slot()
    def resized(self) -> None:
        """Lay out the columns after the view got its first or another size."""
        self._sized = True
        self.apply()

    @Slot()
    def apply(self) -> None:
        """Set the width of every column for the current size of the view."""
        if not self._sized:
            return
        room = self._view.viewport().width()
        needs = self._needs()
        if not needs or room < 2:
            return
        needs = fitting.without_yielding(needs, room)
        if max(needs) != self.header.last:
            self.header.last = max(needs)  # which needs more room than before
            needs = fitting.without_yielding(self._needs(), room)
        self._set(fitting.fit(needs, room))

    def _set(self, widths: Mapping[int, int]) -> None:
        self._busy = True
        for column in range(self.header.count()):
            if self.header.isSectionHidden(column) != (column not in widths):
                self.header.setSectionHidden(column, column not in widths)
        for column, width in widths.items():
            if self.header.sectionSize(column) != width:
                self.header.resizeSection(column, width)
        self._busy = False

    def leave_out(self, columns: Collection[int]) -> None:
        """Hide *columns*, which have no content in the current view. The user's choice is kept for later."""
        if self._empty != frozenset(columns):
            self._empty = frozenset(columns)
            self.apply()

    def _needs(self) -> dict[int, fitting.Need]:
        """Return the needs by column, without columns that the user or the owner has hidden."""
        count = min(self.header.count(), len(self._columns))
        return {i: self._need(i) for i in range(count) if i not in self._hidden and i not in self._empty}

    def _need(self, i: int) -> fitting.Need:
        column, title = self._columns[i], self._title(i)
        edge = sum(self.header.padding(i)) - 2 * PADDING
        if i == 0 and isinstance(self._view, QTreeView):
            edge -= EDGE - PADDING  # what a tree leaves before its cells is in the column's extra width
        usual = max(column.width(column.sample), title) + edge
        own = self._manual.get(i)
        least = min(usual, max(column.width(column.least), title) + edge, own or usual)
        natural = max(least, self._given.get(i, usual))
        whole, short = (width + edge if width else 0 for width in self._content.get(i, (0, 0)))
        # One exceptionally long name must not hide the other columns.
        essential = least if column.yields else max(least, min(short, _LONGEST_NAME * usual))
        return fitting.Need(
            wanted=natural if i in self._given else max(natural, whole),
            natural=natural,
            least=least,
            essential=essential,
            weight=column.weight,
            yields=column.yields,
            own=own,
            empty=column.optional and own is None and i not in self._filled,
        )

    def _title(self, column: int) -> int:
        """Return the pixels that the header's text needs."""
        model = self._view.model()
        if model is None:
            return 0
        title = str(model.headerData(column, Qt.Orientation.Horizontal, Qt.ItemDataRole.DisplayRole) or "")
        header = self.header
        arrow = _ARROW if header.isSortIndicatorShown() and header.sortIndicatorSection() == column else 0
        return current_theme().small_metrics.horizontalAdvance(title) + 2 * PADDING + 2 + arrow

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
        self._given.clear()
        self.apply()

    @Slot()
    def reset(self) -> None:
        """Restore the initial layout."""
        self._manual.clear()
        self._given.clear()
        self._hidden = set(self._hidden_at_first)
        self.apply()

    # -- remembered between runs

    def state(self) -> dict[str, Any]:
        """Return the user's choices as plain data."""
        return {
            "widths": {str(i): width for i, width in self._manual.items()},
            "hidden": sorted(self._hidden),
            "known": len(self._columns),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Apply data from :meth:`state`; invalid entries are ignored."""
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
            # Columns that are hidden at first and came with a newer version stay hidden.
            known = state.get("known")
            known = known if isinstance(known, int) else min(self._hidden_at_first, default=0)
            fresh = {i for i in self._hidden_at_first if i >= known}
            self._hidden = {i for i in range(1, len(self._columns)) if i in hidden} | fresh
        self.apply()
