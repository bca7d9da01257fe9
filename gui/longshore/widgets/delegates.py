"""Paints every cell of every view from the theme: text, names with icons, pills, progress. GUI thread.

Nothing may leave ``paint`` as an exception: in the midst of painting that can end the process.
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
from longshore.models.text import tooltip
from longshore.widgets import icons
from longshore.widgets.columns import PADDING, Column, Kind
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
#: Opacity of rows that are only what was last known.
_FADED = 0.55
#: Pixels of the bar before a row that is new.
_FRESH_WIDTH = 3


class CellDelegate(QStyledItemDelegate):
    """The delegate of all our views; *columns* say how each column is painted."""

    def __init__(self, columns: Sequence[Column], view: QAbstractItemView) -> None:
        super().__init__(view)
        self._view = view
        self._columns = columns
        self._complained = False
        self._samples: dict[int, int] = {}
        #: Whether rows may be new (Role.FRESH); asked only where they can be.
        self.marks_fresh = False
        #: Whether the rows are only what was last known, and are drawn faint.
        self.faded = False
        #: What of the viewport is being painted.
        self.region = QRegion()

    # -- Qt's hooks

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        """Every row is as high as the theme says."""
        return QSize(0, current_theme().row_height)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        """Paint one cell; not where nothing of it is to be painted: Qt asks for whole rows."""
        if not self.region.intersects(option.rect):
            return
        # What we change of the painter is set anew by every cell, so it is not kept and put back for each.
        try:
            self._paint(painter, option, index)
        except Exception:
            if not self._complained:
                self._complained = True
                _log.exception("cannot paint row %d, column %d", index.row(), index.column())

    def helpEvent(
        self, event: QHelpEvent, view: QAbstractItemView, option: QStyleOptionViewItem, index: _Index
    ) -> bool:
        """The tooltip of the model or, where text was cut, the whole of it; never as markup."""
        if event.type() != QEvent.Type.ToolTip:
            return False
        given = index.data(Qt.ItemDataRole.ToolTipRole)
        text = str(given or "")  # our models give it escaped
        if not given:
            text = str(index.data(_DISPLAY) or "")
            room = view.visualRect(_as_index(index)).width() - 2 * PADDING
            fits = current_theme().strong_metrics.horizontalAdvance(text) < room
            text = "" if fits else tooltip(text) or ""
        if text:
            QToolTip.showText(event.globalPos(), text, view)
        else:
            QToolTip.hideText()
        return True

    # -- what is painted

    def _paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        theme = current_theme()
        rect: QRect = option.rect
        if self.faded:
            painter.setOpacity(_FADED)
        # Asked of the view: the flags of the style take longer to load than the first paint of all rows.
        selected = self._view.selectionModel().isSelected(index)
        if selected:
            painter.fillRect(rect, theme.selection)
        number = index.column()
        column = self._columns[number] if number < len(self._columns) else self._columns[-1]
        room = rect.adjusted(PADDING, 0, -PADDING, 0)
        if self.marks_fresh and number == 0 and index.data(Role.FRESH):
            bar = QRectF(rect.x() + 3, rect.y() + 6, _FRESH_WIDTH, rect.height() - 12)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.accent)
            painter.drawRoundedRect(bar, _FRESH_WIDTH / 2, _FRESH_WIDTH / 2)
        if column.kind is Kind.PROGRESS:
            from longshore.widgets.transfer_paint import paint_progress  # see there

            paint_progress(painter, room, theme, index, selected)
            return
        # The model itself is asked: by way of the index every answer would pass through Qt, which gives the
        # interpreter to another thread each time.
        model = index.model()
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
        if column.together and rect.width() < self._natural(number):
            shown = next(iter(model.data(index, Role.SHORT) or ()), shown)
        # To measure a text costs half as much as to draw it, and most are plainly short enough.
        if len(shown) * theme.widest > room.width() < metrics.horizontalAdvance(shown):
            for shorter in model.data(index, Role.SHORT) or ():
                shown = shorter
                if metrics.horizontalAdvance(shown) <= room.width():
                    break
            else:
                shown = metrics.elidedText(shown, column.elide, room.width())
        painter.drawText(room, _RIGHT if column.right else _LEFT, shown)

    def _natural(self, number: int) -> int:
        """Pixels that the sample of a column needs; measured once."""
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
        # Trees leave their own space before the first column.
        left = room.x() + (2 - PADDING if isinstance(self._view, QTreeView) else 0)
        painter.drawPixmap(left, room.center().y() - size // 2 + 1, drawn)
        room.setLeft(left + size + 7)
        return room


def _dress(model: QAbstractItemModel, index: _Index) -> Dress:
    """What to paint of a cell of text, in one answer where the model has one, otherwise role by role."""
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
    """Pixels that the button of a cell takes, with the space before it."""
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
    return "", Tone.NONE


def paint_pill(
    painter: QPainter, room: QRect, theme: Theme, text: str, tone: int, selected: bool = False
) -> None:
    """*text* on the soft tint of *tone*, at the left of *room*; cut at the right where it does not fit.

    In a *selected* row it stands on the pane's own colour: the tint of what runs is that of the selection.
    """
    ink = theme.ink(tone)
    metrics = theme.metrics
    most = room.width() - 16
    width = metrics.horizontalAdvance(text)
    if width > most:
        text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, max(0, most))
        width = metrics.horizontalAdvance(text)
    height = metrics.height() + 4
    pill = QRectF(room.x(), room.center().y() + 0.5 - height / 2, width + 16, height)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.pane if selected else ink.pill)
    painter.drawRoundedRect(pill, height / 2, height / 2)
    painter.setFont(theme.font)
    painter.setPen(ink.plain if selected else ink.pill_text)
    painter.drawText(pill, _CENTRE, text)
