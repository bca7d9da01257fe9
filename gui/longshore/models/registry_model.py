"""Registries and their repositories as a tree that fills page by page and explains itself where it cannot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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

from longshore.models import mime, ordering, registry_cells, registry_drop
from longshore.models.columns import NodeKind, NodeState, RegistryColumn
from longshore.models.registry_node import RegistryNode
from longshore.models.registry_row import Child, RegistryEntry
from longshore.models.transition import changed_rows, never_raises, settle
from longshore.oci.errors import ListingUnsupported, LongshoreError

if TYPE_CHECKING:
    from longshore.registry.model import RepositoryInfo

__all__ = ["RegistryEntry", "RegistryModel"]

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
    # Nothing to select, drag or drop on.
    NodeKind.NOTE: _Flag.ItemIsEnabled | _Flag.ItemNeverHasChildren,
    NodeKind.LINK: _Flag.ItemIsEnabled | _Flag.ItemIsSelectable | _Flag.ItemNeverHasChildren,
}
#: A page is wanted when the view is this near to the end of what is known.
_NEAR_END = 30


class RegistryModel(QAbstractItemModel):
    """The tree of the right pane. GUI thread only.

    A registry's index has the internal id 0, a child's the serial number of its registry: indexes hold no
    Python
    object that could be gone.
    """

    #: (host: str, generation: int): the first page of a listing, or the next one, is wanted.
    page_wanted = Signal(str, int)
    #: (list[Reference | str], host: str, repository: str | None): local images were dropped (a str is the
    #: id of an
    #: image without a name). Connect it queued: the drop has to return before a sheet opens.
    push_dropped = Signal(object, str, object)
    #: (list[Reference], host: str, repository: str | None): remote ones were dropped; only with
    #: copies_accepted.
    copy_dropped = Signal(object, str, object)
    #: (list[Path], host: str, repository: str | None): files were dropped, archives perhaps. Connect it queued.
    load_dropped = Signal(object, str, object)
    #: (host: str): a registry's state or counts changed.
    state_changed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._nodes: list[RegistryNode] = []
        self._by_serial: dict[int, RegistryNode] = {}
        self._serial = 0
        self._filter = ""
        self._needles: tuple[str, ...] = ()
        self._sort_column = -1
        self._descending = False
        #: Whether images of one registry may be dropped on another.
        self.copies_accepted = False

    # -- registries

    def set_registries(self, entries: Sequence[RegistryEntry]) -> None:
        """Show these registries in this order. Those that stay keep their rows; pins and users are taken
        over."""
        known = {node.host: node for node in self._nodes}
        target: list[RegistryNode] = []
        fresh: set[str] = set()
        for entry in {entry.host: entry for entry in entries}.values():
            node = known.get(entry.host)
            if node is None:
                self._serial += 1
                node = RegistryNode(entry, self._serial)
                node.rows = self._target(node)
                self._by_serial[node.serial] = node
                fresh.add(entry.host)
            target.append(node)
        settle(self, _ROOT, self._nodes, target)
        alive = {node.serial for node in target}
        self._by_serial = {serial: node for serial, node in self._by_serial.items() if serial in alive}
        new = {entry.host: entry for entry in entries}
        for node in self._nodes:
            if node.host not in fresh and node.entry != new[node.host]:
                self._set_entry(node, new[node.host])

    def _set_entry(self, node: RegistryNode, entry: RegistryEntry) -> None:
        node.entry = entry
        changed = node.set_known(entry)
        self._settle(node)
        self._tell_children(node, changed)
        self._tell(node)

    @property
    def hosts(self) -> list[str]:
        """All registries, from top to bottom."""
        return [node.host for node in self._nodes]

    def index_of(self, host: str, repository: str | None = None) -> QModelIndex:
        """Index of a registry, or of one of its repositories; invalid when it is not shown."""
        node = self._node(host)
        if node is None:
            return QModelIndex()
        if repository is None:
            return self._index_of_node(node)
        for place, child in enumerate(node.rows):
            if child.reference is not None and child.path == repository:
                return self.createIndex(place, 0, node.serial)
        return QModelIndex()

    def state(self, host: str) -> NodeState:
        """How far the listing of *host* is; IDLE for a registry that is not there."""
        node = self._node(host)
        return node.state if node is not None else NodeState.IDLE

    # -- listing

    def begin_listing(self, host: str) -> int:
        """A listing from the first page begins: its generation (0 for a registry that is not there).

        The rows stay until the listing says otherwise. Emits nothing: the caller does the work. See
        :meth:`refresh`.
        """
        node = self._node(host)
        if node is None:
            return 0
        generation = node.begin()
        self._settle(node)
        self._tell(node)
        return generation

    def refresh(self, host: str) -> None:
        """Ask for a listing from the first page, by :attr:`page_wanted`. Also the way to retry."""
        generation = self.begin_listing(host)
        if generation:
            self.page_wanted.emit(host, generation)

    def begin_search(self, host: str, query: str) -> int:
        """What *host* finds for *query* is shown in place of its listing, until the filter changes.

        The generation that its pages must bear; 0 for a registry that is not there.
        """
        node = self._node(host)
        if node is None:
            return 0
        generation = node.begin_search(query)
        self._settle(node)
        self._tell(node)
        return generation

    def end_search(self, host: str) -> None:
        """Show the listing of *host* again."""
        node = self._node(host)
        if node is not None and node.search is not None:
            node.search = None
            self._settle(node)
            self._tell(node)

    def set_make(self, host: str, kind: str, *, searches: bool) -> None:
        """*host* was found to be of the make *kind* (of ``registry.listing``), and to look things up or not."""
        node = self._node(host)
        if node is not None and (node.kind, node.searches) != (kind, searches):
            node.kind, node.searches = kind, searches
            self._settle(node)
            self._tell(node)

    def make(self, host: str) -> str:
        """The make of *host* as it was found, "" while it is not known."""
        node = self._node(host)
        return node.kind if node is not None else ""

    def chosen_kind(self, host: str) -> str:
        """The make that the user says *host* is of; ``auto`` where that is left to be detected."""
        node = self._node(host)
        return node.entry.config.kind if node is not None else "auto"

    def searches(self, host: str) -> bool:
        """Whether *host* looks up what one asks for."""
        node = self._node(host)
        return node is not None and node.searches

    def append_page(
        self,
        host: str,
        generation: int,
        items: Sequence[str | RepositoryInfo],
        has_more: bool,
        total: int | None = None,
    ) -> None:
        """Add one page of repositories, as names or with what the vendor tells. A stale *generation* is dropped."""
        node = self._node(host)
        course = node.course_of(generation) if node is not None else None
        if node is None or course is None:
            return
        changed = node.append(course, items, has_more, total)
        self._settle_if_due(node)
        self._tell_children(node, changed)
        self._tell(node)
        self._read_on(node)

    def fail(self, host: str, generation: int, error: LongshoreError) -> None:
        """The listing failed; what came stays. ListingUnsupported is no failure: the registry has no
        catalogue."""
        node = self._node(host)
        course = node.course_of(generation) if node is not None else None
        if node is None or course is None:
            return
        unsupported = isinstance(error, ListingUnsupported)
        course.failed(NodeState.NO_CATALOGUE if unsupported else NodeState.FAILED, error)
        self._settle(node)
        self._tell(node)

    def add_repository(self, host: str, repository: str) -> None:
        """A repository that is known to be there now, because something was pushed to it."""
        node = self._node(host)
        if node is not None and node.state is not NodeState.IDLE:
            node.found(repository)
            self._settle(node)
            self._tell(node)

    def set_tag_count(self, host: str, repository: str, count: int) -> None:
        """How many tags a repository has."""
        node = self._node(host)
        child = node.repositories.get(repository) if node is not None else None
        if node is None or child is None or child.tag_count == count:
            return
        child.tag_count = count
        self._tell_children(node, {child})
        if self._sort_column == RegistryColumn.TAGS:
            self._settle(node)

    def want_more(self, bottom: Index) -> None:
        """The view shows rows down to *bottom*: ask for the next page when that is near the end of what is
        known.

        Tree views ask by themselves only when a node is opened.
        """
        node = self._by_serial.get(bottom.internalId()) if bottom.isValid() else None
        if node is not None and bottom.row() >= len(node.rows) - _NEAR_END:
            self._next_page(node)

    def _next_page(self, node: RegistryNode) -> None:
        course = node.course
        if course.state is NodeState.IDLE:
            self.refresh(node.host)
        elif course.state is NodeState.READY and course.has_more:
            course.state = NodeState.LOADING
            self._settle_if_due(node)
            self._tell(node)
            self.page_wanted.emit(node.host, course.generation)

    def _reads_on(self, node: RegistryNode) -> bool:
        # A filter and an order are questions to all pages, and nobody scrolls to the end for them. What was found is
        # in the vendor's order, and can be endless.
        asked = self._needles or self._sort_column >= 0
        return bool(asked) and node.search is None and node.listing.has_more

    def _settle_if_due(self, node: RegistryNode) -> None:
        """While all pages are read for an order, the view is laid out anew only when much has come."""
        much = len(node.repositories) * 5 > len(node.rows) * 6
        if much or self._needles or not self._reads_on(node):
            self._settle(node)

    def _read_on(self, node: RegistryNode) -> None:
        if self._reads_on(node):
            self._next_page(node)

    # -- filter and order

    def set_filter(self, words: str) -> None:
        """Show only repositories whose ``host/path`` holds every one of *words*, in any letter case."""
        if words == self._filter:
            return
        self._filter, self._needles = words, ordering.words(words)
        for node in list(self._nodes):
            if node.search is not None and node.search.query != words.strip():
                node.search = None
                self._tell(node)
            self._settle(node)
            self._read_on(node)

    @property
    def filter(self) -> str:
        """The filter as it was set."""
        return self._filter

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort the repositories within their registries; registries keep the user's order, pinned ones stay
        first."""
        self._sort_column, self._descending = column, order == Qt.SortOrder.DescendingOrder
        for node in list(self._nodes):
            self._settle(node)
            self._read_on(node)

    def _target(self, node: RegistryNode) -> list[Child]:
        return node.target(self._needles, self._filter, descending=self._descending, column=self._sort_column)

    # -- telling the views

    def _node(self, host: str) -> RegistryNode | None:
        return next((node for node in self._nodes if node.host == host), None)

    def _index_of_node(self, node: RegistryNode) -> QModelIndex:
        return self.createIndex(self._nodes.index(node), 0, 0)

    def _settle(self, node: RegistryNode) -> None:
        settle(self, self._index_of_node(node), node.rows, self._target(node))

    def _tell(self, node: RegistryNode) -> None:
        place = self._nodes.index(node)
        self.dataChanged.emit(self.index(place, 0), self.index(place, _LAST))
        self._tell_children(node, {node.note, *node.links.values()})
        self.state_changed.emit(node.host)

    def _tell_children(self, node: RegistryNode, changed: set[Child]) -> None:
        places = [place for place, child in enumerate(node.rows) if child in changed]
        if places:
            changed_rows(self, self._index_of_node(node), places, 0, _LAST)

    # -- QAbstractItemModel

    def _find(self, index: Index) -> tuple[RegistryNode, Child | None] | None:
        """What stands behind *index*; None for one that is stale or not ours."""
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
        # Only the first page: tree views fetch whatever they can at every layout of an open node, which would read the
        # whole catalogue unasked. Further pages come by want_more(), as one scrolls.
        return found[0].state is NodeState.IDLE

    def fetchMore(self, parent: Index) -> None:
        found = self._find(parent)
        if found is not None and found[1] is None:
            self._next_page(found[0])

    def flags(self, index: Index) -> Qt.ItemFlag:
        # Trees ask this and index() of every row at every layout: no more work than need be, and no sums of flags.
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
        items: dict[tuple[str, str], mime.DraggedItem] = {}
        for index in indexes:
            found = self._find(index)
            reference = found[1].reference if found is not None and found[1] is not None else None
            if reference is not None:
                host, path = reference.domain, reference.path
                items[host, path] = mime.DraggedItem(reference, "", host, path)
        return mime.encode(mime.DragKind.REMOTE, items.values())

    def supportedDragActions(self) -> Qt.DropAction:
        return Qt.DropAction.CopyAction

    def supportedDropActions(self) -> Qt.DropAction:
        return Qt.DropAction.CopyAction

    def drop_hint(self, index: Index, data: QMimeData) -> tuple[bool, str]:
        """Whether *data* may be dropped on *index*, and a line that says what would happen or why not."""
        return registry_drop.hint(self._find(index), data, copies_accepted=self.copies_accepted)

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
        repository = child.path if child is not None else None
        files = mime.dropped_files(data)
        if files:
            self.load_dropped.emit(files, node.host, repository)
        elif dragged is None:
            return False
        elif dragged.kind is mime.DragKind.LOCAL:
            images = [item.reference or item.image_id for item in dragged.items]
            self.push_dropped.emit(images, node.host, repository)
        else:
            self.copy_dropped.emit(dragged.references, node.host, repository)
        return True
