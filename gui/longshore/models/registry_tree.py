"""The Qt side of the tree of registries: indexes, flags, cells, drag and drop. :mod:`.registries` has its content."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QAbstractItemModel,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)

from longshore.models import mime, registry_cells, registry_drop
from longshore.models.columns import NodeKind, NodeState, RegistryColumn
from longshore.models.transition import changed_rows, never_raises

if TYPE_CHECKING:
    from longshore.models.registry_node import RegistryNode
    from longshore.models.registry_row import Child
    from longshore.oci.reference import Reference

Index = QModelIndex | QPersistentModelIndex
_Item = Qt.ItemDataRole
_ROOT = QModelIndex()
_LAST = len(RegistryColumn) - 1
_COLUMNS = len(RegistryColumn)
_Flag = Qt.ItemFlag
_NOTHING = _Flag.NoItemFlags
_REGISTRY = _Flag.ItemIsEnabled | _Flag.ItemIsSelectable | _Flag.ItemIsDropEnabled
_FLAGS = {
    NodeKind.REPOSITORY: _REGISTRY | _Flag.ItemIsDragEnabled | _Flag.ItemNeverHasChildren,
    # Cannot be selected or dragged, and accepts no drops.
    NodeKind.NOTE: _Flag.ItemIsEnabled | _Flag.ItemNeverHasChildren,
    NodeKind.LINK: _Flag.ItemIsEnabled | _Flag.ItemIsSelectable | _Flag.ItemNeverHasChildren,
}


class RegistryTree(QAbstractItemModel):
    """The item model without its content. GUI thread only.

    A registry's index has the internal id 0, a child's index the serial number of its registry. So no index holds a
    Python object that might be deleted.
    """

    #: (list[ImageName], host: str, repository: str, "" for none): local images were dropped. Connect all three queued:
    #: a drop must return before a sheet opens.
    push_dropped = Signal(object, str, str)
    #: (list[Reference], host: str, repository: str): remote images were dropped.
    copy_dropped = Signal(object, str, str)
    #: (list[Path], host: str, repository: str): files were dropped, perhaps archives.
    load_dropped = Signal(object, str, str)
    #: (host: str): a registry's state or counts changed.
    state_changed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._nodes: list[RegistryNode] = []
        self._by_serial: dict[int, RegistryNode] = {}

    # -- for subclasses

    def _next_page(self, node: RegistryNode) -> None:
        """Request the next page of *node* for a view."""
        raise NotImplementedError

    def _index_of_node(self, node: RegistryNode) -> QModelIndex:
        return self.createIndex(self._nodes.index(node), 0, 0)

    def _tell(self, node: RegistryNode) -> None:
        place = self._nodes.index(node)
        self.dataChanged.emit(self.index(place, 0), self.index(place, _LAST))
        self._tell_children(node, {node.note, node.unusable_note, *node.links.values()})
        self.state_changed.emit(node.host)

    def _tell_children(self, node: RegistryNode, changed: set[Child]) -> None:
        places = [place for place, child in enumerate(node.rows) if child in changed]
        if places:
            changed_rows(self, self._index_of_node(node), places, 0, _LAST)

    # -- QAbstractItemModel

    def _find(self, index: Index) -> tuple[RegistryNode, Child | None] | None:
        """Return the node and row of *index*; None if it is stale or from another model."""
        if not index.isValid() or index.model() is not self or not 0 <= index.column() <= _LAST:
            return None
        row, serial = index.row(), index.internalId()
        if serial == 0:
            return (self._nodes[row], None) if 0 <= row < len(self._nodes) else None
        node = self._by_serial.get(serial)
        return (node, node.rows[row]) if node is not None and 0 <= row < len(node.rows) else None

    def index(self, row: int, column: int, parent: Index = _ROOT) -> QModelIndex:
        if row < 0 or not 0 <= column <= _LAST:
            return QModelIndex()
        if not parent.isValid():
            return self.createIndex(row, column, 0) if row < len(self._nodes) else QModelIndex()
        above = parent.row()
        if parent.internalId() or parent.column() or above >= len(self._nodes):
            return QModelIndex()
        node = self._nodes[above]
        return self.createIndex(row, column, node.serial) if row < len(node.rows) else QModelIndex()

    def parent(self, index: Index = _ROOT) -> QModelIndex:  # type: ignore[override]
        if not index.isValid() or index.internalId() == 0:
            return QModelIndex()
        node = self._by_serial.get(index.internalId())
        return self._index_of_node(node) if node is not None and node in self._nodes else QModelIndex()

    def rowCount(self, parent: Index = _ROOT) -> int:
        if not parent.isValid():
            return len(self._nodes)
        found = self._find(parent)
        return len(found[0].rows) if found is not None and found[1] is None and parent.column() == 0 else 0

    def columnCount(self, parent: Index = _ROOT) -> int:
        return _COLUMNS

    def hasChildren(self, parent: Index = _ROOT) -> bool:
        if not parent.isValid():
            return bool(self._nodes)
        found = self._find(parent)
        if found is None or found[1] is not None or parent.column() != 0:
            return False
        return bool(found[0].rows) or found[0].state is NodeState.IDLE

    def canFetchMore(self, parent: Index) -> bool:
        found = self._find(parent)
        if found is None or found[1] is not None:
            return False
        # Only the first page: tree views fetch all they can at every layout of an expanded node, which would read the
        # whole catalogue. want_more() requests further pages on scrolling.
        return found[0].state is NodeState.IDLE

    def fetchMore(self, parent: Index) -> None:
        found = self._find(parent)
        if found is not None and found[1] is None:
            self._next_page(found[0])

    def flags(self, index: Index) -> Qt.ItemFlag:
        # Trees call this and index() for every row at every layout: keep the work minimal, and add up no flags.
        node = self._by_serial.get(index.internalId())
        if node is None:
            return _REGISTRY if self._find(index) is not None else _NOTHING
        row = index.row()
        return _FLAGS[node.rows[row].kind] if 0 <= row < len(node.rows) else _NOTHING

    # -- content

    @never_raises()
    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _Item.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section <= _LAST:
            return None
        if role in (_Item.DisplayRole, _Item.AccessibleTextRole):
            return registry_cells.header(section)
        if role == _Item.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    @never_raises()
    def data(self, index: Index, role: int = _Item.DisplayRole) -> Any:
        found = self._find(index)
        if found is None:
            return None
        return registry_cells.value(*found, index.column(), role)

    # -- drag and drop

    def mimeTypes(self) -> list[str]:
        return [mime.REFERENCES, mime.PLAIN, mime.FILES]

    def mimeData(self, indexes: Iterable[Index]) -> QMimeData:
        references: dict[Reference, None] = {}
        for index in indexes:
            found = self._find(index)
            reference = found[1].reference if found is not None and found[1] is not None else None
            if reference is not None:
                references[reference] = None
        return mime.encode_references(references)

    def supportedDragActions(self) -> Qt.DropAction:
        return Qt.DropAction.CopyAction

    def supportedDropActions(self) -> Qt.DropAction:
        return Qt.DropAction.CopyAction

    def drop_hint(self, index: Index, data: QMimeData) -> tuple[bool, str]:
        """Return whether *data* may be dropped on *index*, and a line that says what would happen or why not."""
        return registry_drop.hint(self._find(index), data)

    @never_raises(default=False)
    def canDropMimeData(
        self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index
    ) -> bool:
        return action == Qt.DropAction.CopyAction and self.drop_hint(parent, data)[0]

    @never_raises(default=False)
    def dropMimeData(
        self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index
    ) -> bool:
        if not self.canDropMimeData(data, action, row, column, parent):
            return False
        found, dragged = self._find(parent), mime.decode(data)
        if found is None:
            return False
        node, child = found
        repository = child.path if child is not None else ""
        files = mime.dropped_files(data)
        if files:
            self.load_dropped.emit(files, node.host, repository)
        elif dragged is None:
            return False
        elif dragged.kind is mime.DragKind.LOCAL:
            self.push_dropped.emit(list(dragged.images), node.host, repository)
        else:
            self.copy_dropped.emit(dragged.references, node.host, repository)
        return True
