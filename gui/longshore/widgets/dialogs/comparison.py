"""Two images beside each other: their layers, the lines of their configurations, and the packages of their SBOMs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QBrush, QColor, QFont
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QGridLayout,
    QHeaderView,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from longshore.application.comparing.values import Side
from longshore.errors import LongshoreError
from longshore.models.columns import Tone
from longshore.models.tooltips import tooltip
from longshore.widgets.details.tab_row import TabRow
from longshore.widgets.dialogs.sheet import Sheet, sheet_table
from longshore.widgets.notices import LoadingLine, plain_label
from longshore.widgets.theme import current_theme
from longshore.words import comparing as words
from longshore.words import errors, text

if TYPE_CHECKING:
    from longshore.application.comparing.values import ComparedPackages, Comparison

#: Most rows of a table: nobody reads more, and building them takes time.
MOST_ROWS = 2_000
#: Size of the sheet and of a table in pixels: it fits into the smallest window that is supported.
_WIDTH, _TABLE = 760, 240


class Compared(NamedTuple):
    """One of the two images. *name*: its reference or id; *place*: where it is, "" if the name says it; both safe to
    show."""

    name: str
    place: str


class CompareSheet(Sheet):
    """Opens at once and fills when both images are read. Enter and Escape close it."""

    packages_requested = Signal()  # answer with show_packages()

    def __init__(self, parent: QWidget | None, left: Compared, right: Compared) -> None:
        super().__init__(parent, self.tr("Compare"), self.tr("Close"), width=_WIDTH)
        self.dismiss.hide()
        self._compared: Comparison | None = None
        self._packages: ComparedPackages | None = None
        self._add_heads(left, right)
        self.loading = LoadingLine()
        self.loading.set_loading(True)
        self.body.addWidget(self.loading)
        self.tabs = TabRow([self.tr("Layers"), self.tr("Configuration"), self.tr("Packages")])
        self.tabs.bar.setAccessibleName(self.tr("What is compared"))
        self.tabs.chosen.connect(self._chosen)
        self.body.addWidget(self.tabs)
        self.layers = _table(
            self.tr("Layers of both"), [self.tr("Layer"), self.tr("Compressed"), self.tr("Where")], 1
        )
        self.layers.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.lines = _table(
            self.tr("Configuration of both"), [self.tr("Line"), self.tr("Left"), self.tr("Right")]
        )
        self.packages = _table(
            self.tr("Packages of both"), [self.tr("Package"), self.tr("Left"), self.tr("Right")]
        )
        self.pages = QStackedWidget()
        for table in (self.layers, self.lines, self.packages):
            page = QWidget()
            column = QVBoxLayout(page)
            column.setContentsMargins(0, 0, 0, 0)
            column.addWidget(table)
            self.pages.addWidget(page)
        self.body.addWidget(self.pages, 1)
        self.only = QCheckBox(self.tr("Only differences"))
        self.only.setChecked(True)
        self.only.toggled.connect(self._fill)
        self._foot.insertWidget(0, self.only)
        self.note = plain_label("", "dim", wrap=True)
        self.body.addWidget(self.note)
        self._chosen(0)
        self.layers.setFocus()

    def _add_heads(self, left: Compared, right: Compared) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        self.whats = [plain_label("", "dim"), plain_label("", "dim")]
        for row, (side, one) in enumerate(((self.tr("Left"), left), (self.tr("Right"), right))):
            grid.addWidget(plain_label(side, "dim"), row, 0)
            name = self.tr("{0} in {1}").format(one.name, one.place) if one.place else one.name
            grid.addWidget(plain_label(name, wrap=True), row, 1)
            grid.addWidget(self.whats[row], row, 2)
        self.body.addLayout(grid)
        self.verdict = plain_label(self.tr("Reading both images…"), wrap=True)
        self.fetched = plain_label("", "dim", wrap=True)
        self.fetched.hide()
        self.body.addWidget(self.verdict)
        self.body.addWidget(self.fetched)

    # -- what is known

    @property
    def compared(self) -> Comparison | None:
        """What was found, None until then."""
        return self._compared

    @Slot(object)
    def show_comparison(self, found: Comparison | LongshoreError) -> None:
        """Show what was found, or why the images cannot be compared."""
        if not self.open_still:
            return
        self.loading.set_loading(False)
        if isinstance(found, LongshoreError):
            self.verdict.setText(self.tr("The images can't be compared."))
            self.show_problem(found)
            return
        self._compared = found
        for label, one in zip(self.whats, (found.left, found.right), strict=True):
            label.setText(words.what(one))
        self.verdict.setText(words.verdict(found))
        self.fetched.setText("\n".join(self._costs(found)))
        self.fetched.show()
        self._fill()
        self.refit()

    def _costs(self, found: Comparison) -> Iterable[str]:
        for side in (Side.RIGHT, Side.LEFT):
            yield words.fetched(found, side)
        if found.counted:
            yield words.counted()

    @Slot(object)
    def show_packages(self, found: ComparedPackages | LongshoreError) -> None:
        """Show the packages, or why they cannot be compared."""
        if not self.open_still:
            return
        self.loading.set_loading(False)
        if isinstance(found, LongshoreError):
            self.note.setText(errors.told(found))
            return
        self._packages = found
        self._fill()

    # -- the tables

    @Slot(int)
    def _chosen(self, number: int) -> None:
        self.pages.setCurrentIndex(number)
        self.only.setVisible(number > 0)
        if number == 2 and self._compared is not None and self._packages is None:
            self.loading.set_loading(True)
            self.packages_requested.emit()
        self._fill()

    @Slot()
    def _fill(self) -> None:
        """Show the rows of the chosen tab."""
        self.note.setText("")
        if self._compared is not None:
            (self._fill_layers, self._fill_lines, self._fill_packages)[self.pages.currentIndex()](
                self._compared
            )

    def _fill_layers(self, found: Comparison) -> None:
        rows = [
            (text.short_digest(one.name), "" if one.size is None else text.size(one.size), words.side(side))
            for one, side in found.layers
        ]
        self._put(self.layers, rows, lambda row: found.layers[row].side is Side.BOTH, fixed=True)
        for row, (one, _) in enumerate(found.layers[:MOST_ROWS]):
            _item(self.layers, row, 0).setToolTip(tooltip(text.safe(one.name)) or "")
        if not rows:
            self.note.setText(self.tr("Neither has layers."))

    def _fill_lines(self, found: Comparison) -> None:
        shown = [one for one in found.lines if not (self.only.isChecked() and one.same)]
        rows = []
        for one in shown:
            name = " ".join(filter(None, (words.group_name(one.kind), words.line_name(one))))
            rows.append((name, *(words.value(value) for value in one.shown(secrets=False))))
        self._put(self.lines, rows, lambda row: shown[row].same)
        if not rows:
            self.note.setText(self.tr("The configurations are the same."))

    def _fill_packages(self, _: Comparison) -> None:
        found = self._packages
        if found is None:
            self.note.setText(self.tr("Reading the SBOMs of both images…"))
            return
        shown = [one for one in found.packages if not (self.only.isChecked() and one.same)]
        rows = [
            (
                text.safe(one.name, 200),
                *(text.safe(", ".join(side), 200) or "–" for side in (one.left, one.right)),
            )
            for one in shown[:MOST_ROWS]
        ]
        self._put(self.packages, rows, lambda row: shown[row].same, more=len(shown) - len(rows))
        if reason := words.no_packages(found):
            self.note.setText(reason)
        elif not rows:
            self.note.setText(self.tr("All packages are the same."))

    def _put(
        self,
        table: QTableWidget,
        rows: Sequence[tuple[str, ...]],
        same: Callable[[int], bool],
        *,
        fixed: bool = False,
        more: int = 0,
    ) -> None:
        """Show *rows* in *table*, at most :data:`MOST_ROWS`; those that are the same are dim. *more*: rows beyond."""
        theme = current_theme()
        table.setRowCount(min(len(rows), MOST_ROWS))
        for number, row in enumerate(rows[:MOST_ROWS]):
            ink = theme.ink(Tone.QUIET if same(number) else Tone.NONE).plain
            for column, shown in enumerate(row):
                item = _made(shown, ink, theme.fixed_font if fixed and column == 0 else None)
                if not fixed:
                    item.setToolTip(tooltip(shown) or "")
                elif column == 1:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                table.setItem(number, column, item)
        more += max(len(rows) - MOST_ROWS, 0)
        if more:
            self.note.setText(self.tr("{0} more are not shown.").format(f"{more:,}"))


def _made(shown: str, ink: QColor, font: QFont | None) -> QTableWidgetItem:
    item = QTableWidgetItem(shown)
    item.setForeground(QBrush(ink))
    if font is not None:
        item.setFont(font)
    return item


def _item(table: QTableWidget, row: int, column: int) -> QTableWidgetItem:
    item = table.item(row, column)
    assert item is not None
    return item


def _table(name: str, titles: Sequence[str], number: int | None = None) -> QTableWidget:
    """Return a table that can be walked through with the arrow keys."""
    table = sheet_table(name, titles, numbers=() if number is None else (number,))
    table.setMinimumHeight(_TABLE)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
    table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    for column in range(len(titles)):
        table.horizontalHeader().setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
    return table
