"""The tree of the files of an image. It is filled as far as a view shows it: images have half a million files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from longshore.application.files.tree import Kind
from longshore.language import tr
from longshore.models.columns import Dress, FileColumn, NodeKind, Role, Tone
from longshore.models.tooltips import tooltip
from longshore.models.transition import never_raises
from longshore.words import files as words
from longshore.words import text

if TYPE_CHECKING:
    from longshore.application.files.tree import View

Index = QModelIndex | QPersistentModelIndex
_Item = Qt.ItemDataRole
_ROOT = QModelIndex()
_COLUMNS = len(FileColumn)
#: Rows that a view gets at a time: enough for the largest screen.
PAGE = 200
#: Most rows of one folder, and of all folders that are open: a tree view lays out all of them anew with every page,
#: which takes 4 to 5 µs for each.
MOST_ROWS = 3000
_NUMBERS = (FileColumn.SIZE, FileColumn.LAYER)
_LINKS = (Kind.SYMLINK, Kind.HARD_LINK)
_FLAGS = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
#: Of what can have no rows: a tree view does not ask for them then.
_LEAF = _FLAGS | Qt.ItemFlag.ItemNeverHasChildren


class FileModel(QAbstractItemModel):
    """The item model of Files: a tree, or a list of what was found. GUI thread only.

    A folder whose only content is a folder is one row with it (``lib/apt/lists``). The internal id of an index is the
    node that the row ends with; see ``application.files.tree``.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._view: View | None = None
        self._found: dict[int, int] | None = None  # node -> row
        self._nodes: Sequence[int] = ()
        #: The rows that a view has below a node, as indexes of the first column; none yet below nodes that were not
        #: asked for. A tree view asks for all of them whenever it lays out its rows, so they are made once.
        self._fetched: dict[int, list[QModelIndex]] = {}
        self._flags: dict[int, Qt.ItemFlag] = {}

    # -- what it shows

    @property
    def view(self) -> View | None:
        """What is shown."""
        return self._view

    @property
    def finding(self) -> bool:
        """Whether it is a list of what was found."""
        return self._found is not None

    def show(self, view: View | None, found: Sequence[int] | None = None) -> None:
        """Show the tree of *view*, or only the nodes *found* as a list of paths. None: nothing."""
        self.beginResetModel()
        self._view = view
        self._nodes = () if found is None else found
        self._found = None if found is None else {node: row for row, node in enumerate(found)}
        self._flags = {}
        self._fetched = {} if view is None else {0: []}
        if view is not None:
            self._make(0, min(self._count(0), PAGE))
        self.endResetModel()

    def node(self, index: Index) -> int | None:
        """Return the node of *index*, None for an index of another tree."""
        view = self._view
        node = index.internalId() if index.isValid() and index.model() is self else 0
        return node if view is not None and 0 < node < len(view.tree) else None

    def index_of(self, node: int) -> QModelIndex:
        """Return the index of *node* in the tree, fetching the rows up to it; an invalid one if it is too far down."""
        view = self._view
        if view is None or self._found is not None or not 0 < node < len(view.tree):
            return QModelIndex()
        path = []
        while node > 0:
            path.append(node)
            node = view.tree.parents[node]
        index = QModelIndex()
        for one in reversed(path):
            if self._end(one) != one:
                continue  # a part of the row of what is in it
            row = view.tree.row(self._head(one))
            if row >= MOST_ROWS:
                return QModelIndex()
            self._fetch(index, row + 1)
            index = self.index(row, 0, index)
        return index

    # -- rows

    def _end(self, node: int) -> int:
        """Return the node that the row with *node* ends with."""
        view = self._view
        assert view is not None
        tree, kinds, hidden = view.tree, view.tree.kinds, view.hidden_by
        while kinds[node] == Kind.FOLDER and tree.count(node) == 1:
            child = tree.child(node, 0)
            if kinds[child] != Kind.FOLDER or hidden[child] != hidden[node]:
                break
            node = child
        return node

    def _head(self, node: int) -> int:
        """Return the node that the row with *node* begins with."""
        view = self._view
        assert view is not None
        tree, kinds, hidden = view.tree, view.tree.kinds, view.hidden_by
        while kinds[node] == Kind.FOLDER:
            parent = tree.parents[node]
            if (
                parent <= 0
                or tree.count(parent) != 1
                or kinds[parent] != Kind.FOLDER
                or hidden[parent] != hidden[node]
            ):
                break
            node = parent
        return node

    def _count(self, node: int) -> int:
        if self._view is None:
            return 0
        if self._found is not None:
            return 0 if node else len(self._nodes)
        return self._view.tree.count(node)

    def _of(self, parent: Index) -> int | None:
        """Return the node of *parent*, 0 for the root, None if it has no rows."""
        if not parent.isValid():
            return 0
        return self.node(parent) if parent.column() == 0 else None

    def _make(self, above: int, end: int) -> None:
        """Make the rows below the node *above*, up to *end*."""
        view = self._view
        assert view is not None
        rows, found = self._fetched[above], self._found is not None
        for row in range(len(rows), end):
            node = self._nodes[row] if found else self._end(view.tree.child(above, row))
            rows.append(self.createIndex(row, 0, node))
            self._flags[node] = _FLAGS if self._count(node) else _LEAF

    def index(self, row: int, column: int, parent: Index = _ROOT) -> QModelIndex:
        rows = self._fetched.get(parent.internalId() if parent.isValid() else 0)
        if rows is None or not 0 <= row < len(rows) or parent.column() > 0:
            return QModelIndex()
        if column == 0:
            return rows[row]
        return (
            self.createIndex(row, column, rows[row].internalId()) if 0 < column < _COLUMNS else QModelIndex()
        )

    def parent(self, index: Index = _ROOT) -> QModelIndex:  # type: ignore[override]
        node = self.node(index)
        view = self._view
        if node is None or view is None or self._found is not None:
            return QModelIndex()
        above = view.tree.parents[self._head(node)]
        return QModelIndex() if above <= 0 else self.createIndex(view.tree.row(self._head(above)), 0, above)

    def rowCount(self, parent: Index = _ROOT) -> int:
        above = self._of(parent)
        return 0 if above is None else len(self._fetched.get(above, ()))

    def columnCount(self, parent: Index = _ROOT) -> int:
        return _COLUMNS

    def hasChildren(self, parent: Index = _ROOT) -> bool:
        above = self._of(parent)
        return above is not None and self._count(above) > 0

    def canFetchMore(self, parent: Index) -> bool:
        # Only the first page: tree views fetch all they can at every layout of an expanded node. want_more() adds
        # further pages on scrolling.
        above = self._of(parent)
        return above is not None and above not in self._fetched and self._count(above) > 0

    def fetchMore(self, parent: Index) -> None:
        self._fetch(parent, self.rowCount(parent) + 1)

    def _fetch(self, parent: Index, least: int) -> None:
        """Fetch whole pages until *parent* has at least so many rows, if there are so many."""
        above = self._of(parent)
        if above is None:
            return
        begin = len(self._fetched.get(above, ()))
        end = min(-(-least // PAGE) * PAGE, self._count(above), MOST_ROWS)
        if end > begin:
            at = self.createIndex(parent.row(), 0, above) if above else QModelIndex()
            self.beginInsertRows(at, begin, end - 1)
            self._fetched.setdefault(above, [])
            self._make(above, end)
            self.endInsertRows()

    def want_more(self, index: Index, laid_out: int = 0) -> bool:
        """The row of *index* is in sight: add a page below it if it is the last one that was fetched beside it.

        Return False if there are more, but the folder or the view has :data:`MOST_ROWS` already. *laid_out*: how many
        rows the view has, those out of sight included.
        """
        if self.node(index) is None:
            return True
        above = index.parent()
        if index.row() == self.rowCount(above) - 1 < self._count(self._of(above) or 0) - 1:
            if max(index.row() + 1, laid_out) >= MOST_ROWS:
                return False
            self.fetchMore(above)
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        return self._flags.get(index.internalId(), Qt.ItemFlag.NoItemFlags)

    # -- cells

    @never_raises()
    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _Item.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < _COLUMNS:
            return None
        if role in (_Item.DisplayRole, _Item.AccessibleTextRole):
            return (tr("Name"), tr("Size"), tr("Layer"), tr("Change"))[section]
        if role == _Item.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if section in _NUMBERS else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        return None

    @never_raises()
    def data(self, index: Index, role: int = _Item.DisplayRole) -> Any:
        node = self.node(index)
        if node is None:
            return None
        column = index.column()
        if role in (_Item.DisplayRole, _Item.AccessibleTextRole):
            return self._text(node, column)
        if role == Role.NODE_KIND:
            kind = self._kind(node)
            return NodeKind.FOLDER if kind is Kind.FOLDER else _node_kind(kind)
        if role == Role.TONE:
            return self._tone(node, column)
        if role == Role.DIM:
            return column in (FileColumn.LAYER, FileColumn.CHANGE)
        if role == _Item.ToolTipRole:
            return tooltip(self._whole(node))
        if role == _Item.AccessibleDescriptionRole:
            return self._whole(node)
        if role == Role.COPY_TEXT:
            return self._path(node)
        if role == Role.SHORT and column == FileColumn.CHANGE and self._view is not None:
            return (words.short_change_text(self._view, node),)
        if role == _Item.TextAlignmentRole:
            return self.headerData(column, Qt.Orientation.Horizontal, role)
        return None

    def dress(self, index: Index) -> Dress:
        """Return all that is painted in a cell."""
        node = self.node(index)
        if node is None:
            return Dress()
        column = index.column()
        dim = column in (FileColumn.LAYER, FileColumn.CHANGE)
        return Dress(self._text(node, column), self._tone(node, column), dim=dim)

    def _kind(self, node: int) -> Kind:
        assert self._view is not None
        return Kind(self._view.tree.kinds[node])

    def _text(self, node: int, column: int) -> str:
        view = self._view
        assert view is not None
        if column == FileColumn.NAME:
            return self._name(node)
        if column == FileColumn.SIZE:
            total = view.totals[node]
            return text.size(total) if total or self._kind(node) in (Kind.FILE, Kind.SPARSE) else ""
        if column == FileColumn.LAYER:
            return str(view.same[node] or "")
        if self._kind(node) is Kind.FOLDER and not view.same[node] and not view.hidden_by[node]:
            return ""  # its content has several
        return words.change_text(view, node)

    def _name(self, node: int) -> str:
        view = self._view
        assert view is not None
        if self._found is not None:
            return self._path(node)
        head = self._head(node)
        if head == node:
            return words.shown_name(view.tree.names[node])
        parts = []
        while True:
            parts.append(view.tree.names[node])
            if node == head:
                return words.shown_name("/".join(reversed(parts)))
            node = view.tree.parents[node]

    def _tone(self, node: int, column: int) -> Tone:
        view = self._view
        assert view is not None
        if column not in (FileColumn.NAME, FileColumn.CHANGE):
            return Tone.NONE
        return Tone.CAUTION if view.hidden_by[node] or node in view.tree.oddities else Tone.NONE

    def _path(self, node: int) -> str:
        assert self._view is not None
        return words.shown_name(self._view.tree.path(node), 4000)

    def _whole(self, node: int) -> str:
        """Return all that is known about an entry, in lines."""
        view = self._view
        assert view is not None
        target = words.target_text(view.tree, node)
        size = tr("{count} bytes").replace("{count}", f"{view.totals[node]:,}")
        return "\n".join(
            line
            for line in (
                text.safe(self._path(node), 1000),
                f"{words.mode_text(view, node)}  {size}",
                tr("Points to {target}").replace("{target}", target) if target else "",
                text.capital(words.change_text(view, node)),
                words.oddity_text(view.tree, node),
            )
            if line
        )


def _node_kind(kind: Kind) -> NodeKind:
    return NodeKind.FILE_LINK if kind in _LINKS else NodeKind.FILE
