"""Registries and their repositories as a tree that fills page by page, with notes that explain what is missing."""

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
#: Request the next page when the view is this many rows from the end.
_NEAR_END = 30


class RegistryModel(RegistryTree):
    """The tree of the right pane. GUI thread only."""

    #: (host: str, generation: int): the first or next page of a listing is required.
    page_requested = Signal(str, int)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._serial = 0
        self._filter = ""
        self._sieve = sieve.Sieve()
        self._sort_column = -1
        self._descending = False

    # -- registries

    def set_registries(self, entries: Sequence[RegistryEntry]) -> None:
        """Show these registries in this order. Those that stay keep their rows; pins and users are updated."""
        from longshore.models.registry_node import (
            RegistryNode,  # needed with the first registry, not at start
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
        """Return the index of a registry, or of one of its repositories; invalid if it is not shown."""
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
        """Return the state of the listing of *host*; IDLE for an unknown registry."""
        node = self._node(host)
        return node.state if node is not None else NodeState.IDLE

    # -- listing

    def begin_listing(self, host: str) -> int:
        """Begin a listing from the first page and return its generation (0 for an unknown registry).

        The rows stay until the listing replaces them. Emits nothing, because the caller does the work; see
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
        """Request a listing from the first page through :attr:`page_requested`. Also used to retry."""
        generation = self.begin_listing(host)
        if generation:
            self.page_requested.emit(host, generation)

    def begin_search(self, host: str, query: str) -> int:
        """Show the results of *host* for *query* in place of its listing, until the filter changes.

        Returns the generation that its pages must have; 0 for an unknown registry.
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
            self.refresh(node.host)  # it was searched before it was ever listed

    def searched(self, host: str) -> str:
        """Return the query whose results replace the listing of *host*, "" for none."""
        node = self._node(host)
        return node.search.query if node is not None and node.search is not None else ""

    def set_make(self, host: str, kind: str, *, searches: bool) -> None:
        """Set the detected vendor of *host* (a *kind* of ``registry.listing``), and whether it supports search."""
        node = self._node(host)
        if node is not None and (node.kind, node.searches) != (kind, searches):
            node.kind, node.searches = kind, searches
            self._settle(node)
            self._tell(node)

    def make(self, host: str) -> str:
        """Return the detected vendor of *host*, "" while it is unknown."""
        node = self._node(host)
        return node.kind if node is not None else ""

    def chosen_kind(self, host: str) -> str:
        """Return the vendor that the user chose for *host*; ``auto`` if it is to be detected."""
        node = self._node(host)
        return node.entry.config.kind if node is not None else "auto"

    def searches(self, host: str) -> bool:
        """Return True if *host* supports search."""
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
        """Add one page of repositories, as names or with the vendor's data. A stale *generation* is ignored."""
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
        """End the listing with *error*; loaded rows stay. ListingUnsupported means no catalogue, not a failure."""
        node = self._node(host)
        course = node.course_of(generation) if node is not None else None
        if node is None or course is None:
            return
        unsupported = isinstance(error, ListingUnsupported)
        course.failed(NodeState.NO_CATALOGUE if unsupported else NodeState.FAILED, error)
        self._settle(node)
        self._tell(node)

    def add_repository(self, host: str, repository: str) -> None:
        """Add a repository that is known to exist, because something was pushed to it."""
        node = self._node(host)
        if node is not None and node.state is not NodeState.IDLE:
            node.found(repository)
            self._settle(node)
            self._tell(node)

    def set_tag_count(self, host: str, repository: str, count: int) -> None:
        """Set the number of tags of a repository."""
        node = self._node(host)
        child = node.repositories.get(repository) if node is not None else None
        if node is None or child is None or child.tag_count == count:
            return
        child.tag_count = count
        self._tell_children(node, {child})
        if self._sort_column == RegistryColumn.TAGS:
            self._settle(node)

    def want_more(self, bottom: Index) -> None:
        """Request the next page if *bottom*, the last visible row, is near the end of the loaded rows.

        Tree views request pages by themselves only when a node is expanded.
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
            self.page_requested.emit(node.host, course.generation)

    def _reads_on(self, node: RegistryNode) -> bool:
        # A filter and an order need all pages, and nobody scrolls to the end for them. Search results come in the
        # vendor's order and can be endless.
        asked = self._sieve or self._sort_column >= 0
        return bool(asked) and node.search is None and node.listing.has_more

    def _settle_if_due(self, node: RegistryNode) -> None:
        """Update the view only after many rows, while all pages are read for a filter or an order."""
        much = len(node.repositories) * 5 > len(node.rows) * 6
        if much or self._sieve or not self._reads_on(node):
            self._settle(node)

    def _read_on(self, node: RegistryNode) -> None:
        if self._reads_on(node):
            self._next_page(node)

    # -- filter and order

    def set_filter(self, words: str) -> None:
        """Show only repositories whose ``host/path`` contains all *words*, or that a pasted reference names.

        Letter case is ignored.
        """
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
        """The current filter."""
        return self._filter

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort the repositories within their registries. Registries keep the user's order, pinned rows stay first."""
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
