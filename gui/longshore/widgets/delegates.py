"""Paints the cells of all views from the theme: text, names with icons, pills, progress. GUI thread.

``paint`` must not raise: an exception during painting can end the process.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QHelpEvent, QPainter, QRegion
from PySide6.QtWidgets import (
    QAbstractItemView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolTip,
    QTreeView,
)

from longshore.models.columns import Dress, NodeAction, NodeKind, NodeState, Role, Tone
from longshore.models.tooltips import tooltip
from longshore.widgets import icons
from longshore.widgets.columns import PADDING, PILL_HEIGHT, PILL_ROOM, TREE_INSET, Column, Header, Kind
from longshore.widgets.theme import Theme, current_theme

_log = logging.getLogger(__name__)

_Index = QModelIndex | QPersistentModelIndex
_DISPLAY = Qt.ItemDataRole.DisplayRole
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine)
_CENTRE = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextSingleLine)

_ACTION_ICONS = {
    NodeAction.SEARCH: "search",
    NodeAction.LEAVE_SEARCH: "cancel",
    NodeAction.PIN: "pin",
    NodeAction.PASTE: "pull",
    NodeAction.SIGN_IN: "sign-in",
}
_FILE_ICONS = {NodeKind.FOLDER: "folder", NodeKind.FILE: "file", NodeKind.FILE_LINK: "link"}
#: Opacity of rows that show only the last known state.
_FADED = 0.55
#: Space between an icon and the text after it, in pixels.
ICON_GAP = 7
#: Width of the bar before a new row, in pixels.
_FRESH_WIDTH = 3
#: Size of the pin in a pinned row, in pixels.
_PIN = 12


class CellDelegate(QStyledItemDelegate):
    """The delegate of all views; *columns* say how to paint each column."""

    def __init__(self, columns: Sequence[Column], view: QAbstractItemView) -> None:
        super().__init__(view)
        self._view = view
        self._columns = columns
        self._tree = isinstance(view, QTreeView)
        self._complained = False
        self._samples: dict[int, int] = {}
        #: The header above the cells, which knows their padding.
        self.header: Header
        #: Whether rows can be new (Role.FRESH); other models are not asked.
        self.marks_fresh = False
        #: The column whose cells show that their row is pinned (Role.PINNED); -1 for none.
        self.marks_pinned = -1
        #: Whether the rows show only the last known state and are drawn faint.
        self.faded = False
        #: The part of the viewport that is being painted.
        self.region = QRegion()

    # -- Qt's hooks

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        """Return the row height of the theme."""
        return QSize(0, current_theme().row_height)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        """Paint one cell, unless it lies outside the part to repaint: Qt asks for whole rows."""
        if not self.region.intersects(option.rect):
            return
        # Every cell sets the painter's state anew, so it is not saved and restored for each.
        try:
            self._paint(painter, option, index)
        except Exception:
            if not self._complained:
                self._complained = True
                _log.exception("cannot paint row %d, column %d", index.row(), index.column())

    def helpEvent(
        self, event: QHelpEvent, view: QAbstractItemView, option: QStyleOptionViewItem, index: _Index
    ) -> bool:
        """Show the model's tooltip or, if the text is cut, the full text; never as markup."""
        if event.type() != QEvent.Type.ToolTip:
            return False
        given = index.data(Qt.ItemDataRole.ToolTipRole)
        text = str(given or "")  # escaped by our models
        if not given:
            text = str(index.data(_DISPLAY) or "")
            room = self._room(view.visualRect(_as_index(index)), index.column())
            fits = current_theme().strong_metrics.horizontalAdvance(text) < room.width()
            text = "" if fits else tooltip(text) or ""
        if text:
            QToolTip.showText(event.globalPos(), text, view)
        else:
            QToolTip.hideText()
        return True

    # -- painting

    def _paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        theme = current_theme()
        rect: QRect = option.rect
        if self.faded:
            painter.setOpacity(_FADED)
        # Read from the view: loading the style's flags takes longer than painting all rows the first time.
        selected = self._view.selectionModel().isSelected(index)
        if selected:
            painter.fillRect(rect, theme.selection)
        number = index.column()
        column = self._columns[number] if number < len(self._columns) else self._columns[-1]
        room = self._room(rect, number)
        # Ask the model directly: through the index every answer would pass through Qt, which releases the
        # interpreter to another thread each time.
        model = index.model()
        if self.marks_fresh and number == 0 and model.data(index, Role.FRESH):
            bar = QRectF(rect.x() + 3, rect.y() + 6, _FRESH_WIDTH, rect.height() - 12)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.accent)
            painter.drawRoundedRect(bar, _FRESH_WIDTH / 2, _FRESH_WIDTH / 2)
        if number == self.marks_pinned and model.data(index, Role.PINNED):
            room = self._paint_pin(painter, room, theme, selected)
        if column.kind is Kind.PROGRESS:
            from longshore.widgets.transfer_paint import paint_progress  # explained there

            paint_progress(painter, room, theme, index, selected)
            return
        kind = model.data(index, Role.NODE_KIND) if column.kind is Kind.NAME else None
        if kind is not None:
            room = self._paint_icon(painter, room, theme, index, kind, selected)
        shown, tone, strong, dim, fixed, offer = _dress(model, index)
        if not shown:
            return
        if offer and column.acts:
            room.setRight(room.right() - action_width(offer))
        if column.kind is Kind.PILL and tone:
            paint_pill(painter, room, theme, shown, tone, selected)
            return
        if fixed:
            font, metrics = theme.fixed_font, theme.fixed_metrics
        elif strong:
            font, metrics = theme.strong_font, theme.strong_metrics
        else:
            font, metrics = theme.font, theme.metrics
        ink = theme.ink(Tone.QUIET if dim and not tone else tone)
        painter.setFont(font)
        painter.setPen(ink.selected if selected else ink.plain)
        if column.together and room.width() < self._natural(number) - 2 * PADDING:
            shown = next(iter(model.data(index, Role.SHORT) or ()), shown)
        # Measuring a text costs half as much as drawing it, and most texts are clearly short enough.
        if len(shown) * theme.widest > room.width() < metrics.horizontalAdvance(shown):
            for shorter in model.data(index, Role.SHORT) or ():
                shown = shorter
                if metrics.horizontalAdvance(shown) <= room.width():
                    break
            else:
                shown = metrics.elidedText(shown, column.elide, room.width())
        painter.drawText(room, _RIGHT if column.right else _LEFT, shown)

    def _room(self, rect: QRect, number: int) -> QRect:
        room = self.header.room(rect, number)
        if number == 0 and self._tree:
            room.setLeft(rect.x() + TREE_INSET)  # trees already leave space before the first column
        return room

    def _paint_pin(self, painter: QPainter, room: QRect, theme: Theme, selected: bool) -> QRect:
        """Paint a small pin at the right of *room*; returns what is left of it."""
        ink = theme.ink(Tone.QUIET)
        colour = ink.selected if selected else ink.plain
        drawn = icons.pixmap("pin", colour, painter.device().devicePixelRatio(), _PIN)
        painter.drawPixmap(room.right() - _PIN, room.center().y() - _PIN // 2 + 1, drawn)
        return room.adjusted(0, 0, -_PIN - 4, 0)

    def _natural(self, number: int) -> int:
        """Return the pixels that the sample of a column needs; measured once."""
        if number not in self._samples:
            self._samples[number] = self._columns[number].width(self._columns[number].sample)
        return self._samples[number]

    def _paint_icon(
        self,
        painter: QPainter,
        room: QRect,
        theme: Theme,
        index: _Index,
        kind: int,
        selected: bool,
    ) -> QRect:
        is_open = isinstance(self._view, QTreeView) and self._view.isExpanded(index)
        name, tone = _icon_of(index, kind, is_open)
        if not name:
            return room
        ink = theme.ink(tone)
        size = icons.SIZE
        drawn = icons.pixmap(
            name, ink.selected if selected else ink.plain, painter.device().devicePixelRatio()
        )
        painter.drawPixmap(room.x(), room.center().y() - size // 2 + 1, drawn)
        room.setLeft(room.x() + size + ICON_GAP)
        return room


def _dress(model: QAbstractItemModel, index: _Index) -> Dress:
    """Return what to paint in a text cell: in one call if the model supports it, otherwise role by role."""
    dress = getattr(type(model), "dress", None)
    if dress is not None:
        return dress(model, index)  # type: ignore[no-any-return]
    ask = model.data
    shown = ask(index, _DISPLAY)
    if not shown:
        return Dress()
    return Dress(
        str(shown),
        ask(index, Role.TONE) or Tone.NONE,
        bool(ask(index, Role.STRONG)),
        bool(ask(index, Role.DIM)),
        bool(ask(index, Role.FIXED_WIDTH)),
    )


def action_width(words: str) -> int:
    """Return the pixels of a cell's button, including the space before it."""
    return current_theme().metrics.horizontalAdvance(words) + 34


def _as_index(index: _Index) -> QModelIndex:
    if isinstance(index, QPersistentModelIndex):
        model: QAbstractItemModel = index.model()
        return model.index(index.row(), index.column(), index.parent())
    return index


def _icon_of(index: _Index, kind: int, is_open: bool) -> tuple[str, Tone]:
    if kind == NodeKind.REGISTRY:
        failed = index.data(Role.STATE) == NodeState.FAILED
        return "registry", Tone.BAD if failed else Tone.ACTIVE if is_open else Tone.QUIET
    if kind == NodeKind.REPOSITORY:
        if index.data(Role.PINNED):
            return "pin", Tone.QUIET
        return ("recent" if index.data(Role.RECENT) else "repository"), Tone.QUIET
    if kind == NodeKind.LINK:
        return _ACTION_ICONS.get(index.data(Role.ACTION), "info"), Tone.ACTIVE
    if kind == NodeKind.NOTE:
        failed = index.data(Role.STATE) == NodeState.FAILED
        return ("warning", Tone.CAUTION) if failed else ("info", Tone.QUIET)
    if kind == NodeKind.TRANSFER:
        from longshore.widgets.transfer_paint import icon_of

        return icon_of(index)
    if kind == NodeKind.LAYER:
        return "layer", Tone.QUIET
    if kind == NodeKind.ADVICE:
        return "info", Tone.QUIET
    if kind in _FILE_ICONS:
        return _FILE_ICONS[NodeKind(kind)], index.data(Role.TONE) or Tone.QUIET
    return "", Tone.NONE


def paint_pill(
    painter: QPainter, room: QRect, theme: Theme, text: str, tone: int, selected: bool = False
) -> None:
    """Paint *text* on the soft tint of *tone*, at the left of *room*; cut at the right if it does not fit.

    In a *selected* row its background is the pane's colour, because the tint of running rows equals the selection.
    """
    ink = theme.ink(tone)
    metrics = theme.small_metrics
    most = room.width() - PILL_ROOM
    width = metrics.horizontalAdvance(text)
    if width > most:
        text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, max(0, most))
        width = metrics.horizontalAdvance(text)
    height = max(PILL_HEIGHT, metrics.height() + 4)
    top = room.y() + (room.height() - height) // 2  # between two pixels its outline would be blurred
    pill = QRectF(room.x(), top, width + PILL_ROOM, height)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if tone == Tone.OUTLINE:
        painter.setPen(theme.strong_line)
        painter.setBrush(theme.pane if selected else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(pill.adjusted(0.5, 0.5, -0.5, -0.5), height / 2, height / 2)
    else:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.pane if selected else ink.pill)
        painter.drawRoundedRect(pill, height / 2, height / 2)
    painter.setFont(theme.small_font)
    painter.setPen(ink.plain if selected else ink.pill_text)
    painter.drawText(pill, _CENTRE, text)
