"""Registries and their repositories as a tree that fills page by page and explains itself where it cannot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from longshore.errors import ListingUnsupported, LongshoreError
from longshore.models import sieve
from longshore.models.columns import NodeState, RegistryColumn
from longshore.models.registry_tree import RegistryTree
from longshore.models.transition import settle

if TYPE_CHECKING:
    from longshore.models.registry_node import RegistryNode
    from longshore.models.registry_row import Child, RegistryEntry
    from longshore.registry.model import RepositoryInfo

Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
#: A page is wanted when the view is this near to the end of what is known.
_NEAR_END = 30


class RegistryModel(RegistryTree):
    """The tree of the right pane. GUI thread only."""

    #: (host: str, generation: int): the first page of a listing, or the next one, is wanted.
    page_wanted = Signal(str, int)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._serial = 0
        self._filter = ""
        self._sieve = sieve.Sieve()
        self._sort_column = -1
        self._descending = False

    # -- registries

    def set_registries(self, entries: Sequence[RegistryEntry]) -> None:
        """Show these registries in this order. Those that stay keep their rows; pins and users are taken
        over."""
        from longshore.models.registry_node import (
            RegistryNode,  # with the first registry: the window opens without any
        )

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
            self._leave_search(node)

    def _leave_search(self, node: RegistryNode) -> None:
        node.search = None
        self._settle(node)
        self._tell(node)
        if node.state is NodeState.IDLE:
            self.refresh(node.host)  # it was searched before anybody had it listed

    def searched(self, host: str) -> str:
        """What *host* is being asked for in place of its listing, "" for nothing."""
        node = self._node(host)
        return node.search.query if node is not None and node.search is not None else ""

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
        asked = self._sieve or self._sort_column >= 0
        return bool(asked) and node.search is None and node.listing.has_more

    def _settle_if_due(self, node: RegistryNode) -> None:
        """While all pages are read for an order, the view is laid out anew only when much has come."""
        much = len(node.repositories) * 5 > len(node.rows) * 6
        if much or self._sieve or not self._reads_on(node):
            self._settle(node)

    def _read_on(self, node: RegistryNode) -> None:
        if self._reads_on(node):
            self._next_page(node)

    # -- filter and order

    def set_filter(self, words: str) -> None:
        """Show only repositories whose ``host/path`` holds every one of *words*, in any letter case, or
        the one of a pasted reference."""
        if words == self._filter:
            return
        self._filter, self._sieve = words, sieve.for_repositories(words)
        for node in list(self._nodes):
            if node.search is not None and node.search.query != words.strip():
                self._leave_search(node)
            else:
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
        return node.target(self._sieve, self._filter, descending=self._descending, column=self._sort_column)

    # -- inside

    def _node(self, host: str) -> RegistryNode | None:
        return next((node for node in self._nodes if node.host == host), None)

    def _settle(self, node: RegistryNode) -> None:
        settle(self, self._index_of_node(node), node.rows, self._target(node))
