"""Right pane: registries with their repositories, and below them the tags of the selected repository."""

from __future__ import annotations

from PySide6.QtCore import QMimeData, QModelIndex, QPoint, Qt, Slot
from PySide6.QtWidgets import QSplitter

from longshore.errors import Remedy
from longshore.models.columns import NodeAction, NodeKind, NodeState, RegistryColumn, Role, Tone
from longshore.models.registries import RegistryModel
from longshore.models.tags import TagModel
from longshore.widgets.notices import EmptyState
from longshore.widgets.registry_requests import RegistryRequests
from longshore.words import text


class RegistryPane(RegistryRequests):
    """Registries and Tags: how rows are shown, opened, filtered and searched."""

    def __init__(self, model: RegistryModel, tags: TagModel) -> None:
        super().__init__(model, tags)
        self.filter = self.header.add_filter(self.tr("Filter repositories"))
        self.filter.filtered.connect(self._filtered)
        self.filter.returnPressed.connect(self._search)
        self.refresh_button = self.header.add_icon(self.tr("Refresh"), "refresh", self.refresh)
        self.view.set_drag(self._describe)
        self.view.set_drop(self._drop_hint, own=True)
        self.view.opened.connect(self._opened)
        self.view.clicked.connect(self._clicked)
        self.view.customContextMenuRequested.connect(self._menu)
        self.view.selectionModel().currentRowChanged.connect(self._current_changed)
        self.empty = EmptyState(self.view)
        self.empty.clicked.connect(self._empty_clicked)

        self.tags.retry_clicked.connect(lambda: self.refresh_requested.emit(*self._place))
        self.tags.remedy_clicked.connect(lambda remedy: self.act_on(remedy, self._place[0]))
        self.tags.view.opened.connect(self._tag_opened)
        self.tags.view.customContextMenuRequested.connect(self._tag_menu)

        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setHandleWidth(1)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(self.view)
        self.splitter.addWidget(self.tags)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setStretchFactor(1, 1)
        self.view.setMinimumHeight(87)  # its header and two rows
        self.body.addWidget(self.splitter, 1)
        self.footer = self.add_footer()
        for signal in (model.rowsInserted, model.rowsRemoved, model.modelReset):
            signal.connect(self._rows_changed)
        model.state_changed.connect(self._state_changed)
        bar = self.view.verticalScrollBar()
        bar.valueChanged.connect(self._scrolled)
        bar.rangeChanged.connect(self._scrolled)

    # -- inside

    @Slot(str)
    def _filtered(self, words: str) -> None:
        self.model.set_filter(words)
        self._rows_changed()

    @Slot()
    def _search(self) -> None:
        """Search the registry of the current row after Enter in the filter, if it supports search."""
        host, words = self.current_host(), self.filter.text().strip()
        if words and self.model.searches(host):
            self.search(host)

    def search(self, host: str) -> None:
        """Request a search of *host* for the words in the filter; its results replace the listing."""
        words = self.filter.text().strip()
        self.model.set_filter(
            words
        )  # typing may not have paused yet, and a later filter change would end the search
        self.search_requested.emit(host, words)
        self.expand(host)

    @Slot()
    def _rows_changed(self) -> None:
        words = self.filter.text().strip()
        if not self.model.hosts:
            self.empty.say(self.tr("No registries yet."), self.tr("Add registry…"))
        elif words and self.model.rowCount() == 0:
            self.empty.say(self.tr("Nothing loaded matches “{0}”.").format(words), self.tr("Clear filter"))
        else:
            self.empty.say("")
        self.verbs.setVisible(bool(self.model.hosts))

    @Slot()
    def _empty_clicked(self) -> None:
        if self.model.hosts:
            self.filter.clear()
        else:
            self.add_registry_requested.emit()

    @Slot(str)
    def _state_changed(self, _host: str) -> None:
        self.loading.set_loading(
            any(self.model.state(host) == NodeState.LOADING for host in self.model.hosts)
        )

    @Slot()
    def _scrolled(self) -> None:
        # Trees fetch more only when a row is expanded; further pages load on scrolling.
        bottom = self.view.indexAt(QPoint(4, self.view.viewport().height() - 4))
        if bottom.isValid():
            self.model.want_more(bottom)

    def _invite(self) -> None:
        """Show in the filter what Enter does."""
        host = self.current_host()
        words = self.tr("Filter repositories")
        if self.model.searches(host):
            name = str(self.model.index_of(host).data() or host)
            words = self.tr("Filter, or Enter to search {0}").format(name)
        self.filter.setPlaceholderText(words)

    @Slot(QModelIndex)
    def _current_changed(self, index: QModelIndex) -> None:
        self.hush()
        self.verbs.look()
        self._invite()
        if not index.isValid() or index.data(Role.NODE_KIND) != NodeKind.REPOSITORY:
            # The tags of the last repository stay: looking at another registry must not lose them.
            return
        place = (str(index.data(Role.HOST) or ""), str(index.data(Role.REPOSITORY) or ""))
        if place != self._place:
            self._place = place
            self.tags.set_place(*place)
            self.repository_selected.emit(*place)

    def expand(self, host: str) -> None:
        """Expand a registry, which lists it if it was not listed yet."""
        index = self.model.index_of(host)
        if index.isValid():
            self.view.setExpanded(index, True)

    def select_repository(self, host: str, repository: str) -> None:
        """Select a repository in the tree and request its tags, as a click would."""
        index = self.model.index_of(host, repository)
        if index.isValid():
            self.view.setExpanded(index.parent(), True)
            self.view.select_row(index)

    @Slot(QModelIndex)
    def _opened(self, index: QModelIndex) -> None:
        kind = index.data(Role.NODE_KIND)
        if kind == NodeKind.REGISTRY:
            self.view.setExpanded(index, not self.view.isExpanded(index))
        elif kind == NodeKind.REPOSITORY:
            self.pull()
        elif kind == NodeKind.NOTE:
            self._note_opened(index)
        elif kind == NodeKind.LINK:
            self._follow(index)

    def _follow(self, link: QModelIndex) -> None:
        host, action = str(link.data(Role.HOST) or ""), link.data(Role.ACTION)
        if action == NodeAction.SEARCH:
            self.search(host)
        elif action == NodeAction.LEAVE_SEARCH:
            self.filter.clear()
            self.search_requested.emit(host, "")
        elif action == NodeAction.PIN:
            self.pin_requested.emit(host, "")
        elif action == NodeAction.PASTE:
            self.paste_requested.emit()
        elif action == NodeAction.SIGN_IN:
            self.sign_in_requested.emit(host)

    def _note_opened(self, index: QModelIndex) -> None:
        host = str(index.data(Role.HOST) or "")
        error = index.data(Role.ERROR)
        if error is not None:
            self.act_on(error.remedy, host)

    @Slot(object, str)
    def act_on(self, remedy: Remedy, host: str) -> None:
        """Request what *remedy* says, at the registry *host*. Only this method knows what a remedy does."""
        if remedy is Remedy.SIGN_IN:
            self.sign_in_requested.emit(host)
        elif remedy is Remedy.CERTIFICATE:
            self.certificate_requested.emit(host)
        elif remedy is Remedy.SETTINGS:
            self.settings_requested.emit(host)
        elif remedy is Remedy.KEYS:
            self.keys_requested.emit(host)
        elif remedy is Remedy.PIN:
            self.pin_requested.emit(host, "")
        else:
            self.refresh_requested.emit(host, "")

    @Slot(QModelIndex)
    def _clicked(self, index: QModelIndex) -> None:
        kind = index.data(Role.NODE_KIND)
        if kind == NodeKind.NOTE:
            self._note_opened(index)
        elif kind == NodeKind.LINK:
            self._follow(index)
        elif index.column() == RegistryColumn.SIGNED_IN and kind == NodeKind.REGISTRY:
            host, tone = str(index.data(Role.HOST) or ""), index.data(Role.TONE)
            if tone == Tone.ACTIVE:
                self.sign_in_requested.emit(host)
            elif tone in (Tone.GOOD, Tone.CAUTION):
                self.account_requested.emit(host)

    @Slot(QModelIndex)
    def _tag_opened(self, index: QModelIndex) -> None:
        reference = index.data(Role.REFERENCE)
        if reference is not None:
            self.pull_requested.emit([reference])

    def _describe(self, rows: list[QModelIndex]) -> str:
        if len(rows) == 1:
            return str(rows[0].data(Role.COPY_TEXT) or "")
        return text.repositories(len(rows))

    def _drop_hint(self, index: QModelIndex, data: QMimeData) -> tuple[bool, str]:
        return self.model.drop_hint(index, data)

    # -- menus

    @Slot(QPoint)
    def _menu(self, where: QPoint) -> None:
        from longshore.widgets.registry_menus import registry_menu

        menu = registry_menu(self, self.view.indexAt(where).siblingAtColumn(0))
        menu.popup(self.view.viewport().mapToGlobal(where))

    @Slot(QPoint)
    def _tag_menu(self, where: QPoint) -> None:
        from longshore.widgets.registry_menus import tag_menu

        tag_menu(self).popup(self.tags.view.viewport().mapToGlobal(where))
