"""Right pane: registries with their repositories, and below them the tags of the selected repository."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QMimeData, QModelIndex, QPoint, Qt, Signal, SignalInstance, Slot
from PySide6.QtWidgets import QSplitter

from longshore.errors import Remedy
from longshore.models.columns import NodeAction, NodeKind, NodeState, RegistryColumn, Role, Tone
from longshore.models.registries import RegistryModel
from longshore.models.tags import TagModel
from longshore.widgets.columns import Column, Kind
from longshore.widgets.command_menu import Lines, no_lines
from longshore.widgets.notices import EmptyState
from longshore.widgets.pane import Pane
from longshore.widgets.tags import TagSection
from longshore.widgets.verbs import Side, Verb
from longshore.widgets.views import TreeView
from longshore.words import text

if TYPE_CHECKING:
    from longshore.oci.reference import Reference

_RIGHT = Qt.TextElideMode.ElideRight
_COLUMNS = [
    Column("registry.acme.io/billing", "registry.acme.io", weight=5, kind=Kind.NAME, extra=66),
    Column("2,400 of 10,000 loaded", "88 repositories", weight=2, elide=_RIGHT),
    Column("★ 20,413  official", "Sign in…", weight=2, elide=_RIGHT, yields=1),
]


class RegistryPane(Pane):
    """Registries and Tags. Hosts are written as in references; a repository is its path in the registry."""

    pull_requested = Signal(object)  # list[Reference]; one without tag is a repository
    pull_to_requested = Signal(object)  # the same, to several engines; empty if nothing is selected
    save_requested = Signal(object)  # list[Reference], as archives
    copy_requested = Signal(object)  # list[Reference], from registry to registry
    add_registry_requested = Signal()
    remove_registry_requested = Signal(str)  # host
    sign_in_requested = Signal(str)  # host
    sign_out_requested = Signal(str)  # host
    account_requested = Signal(str)  # host whose account to show
    settings_requested = Signal(str)  # host
    certificate_requested = Signal(str)  # host
    refresh_requested = Signal(str, str)  # host ("" for all), repository ("" for the whole registry)
    repository_selected = Signal(str, str)  # host, repository; both "" when none is
    pin_requested = Signal(str, str)  # host, repository ("": ask for its name)
    unpin_requested = Signal(str, str)  # host, repository
    search_requested = Signal(str, str)  # host, search words ("": show the listing again)
    paste_requested = Signal()  # paste a reference to pull
    kind_requested = Signal(str, str)  # host, key of registry.listing.KINDS
    copy_reference_requested = Signal(str)
    details_requested = Signal(object)  # Reference
    remove_tags_requested = Signal(str, str, object)  # host, repository, list of tags

    def __init__(self, model: RegistryModel, tags: TagModel) -> None:
        super().__init__(QCoreApplication.translate("RegistryPane", "Registries"))
        self.model = model
        self._place = ("", "")
        self._unusable = ""
        #: Returns the commands for tags, and for repositories, without tag.
        self.lines_of: Callable[[list[Reference]], Lines] = no_lines
        self.filter = self.header.add_filter(self.tr("Filter repositories"))
        self.filter.filtered.connect(self._filtered)
        self.filter.returnPressed.connect(self._search)
        self.refresh_button = self.header.add_icon(self.tr("Refresh"), "refresh", self.refresh)
        self.view = TreeView(self.tr("Registries"), _COLUMNS)
        self.view.set_drag(self._describe)
        self.view.set_drop(self._drop_hint, own=True)
        self.view.set_model(model, sortable=True)
        self.view.opened.connect(self._opened)
        self.view.clicked.connect(self._clicked)
        self.view.customContextMenuRequested.connect(self._menu)
        self.view.selectionModel().currentRowChanged.connect(self._current_changed)
        self.empty = EmptyState(self.view)
        self.empty.clicked.connect(self._empty_clicked)

        self.tags = TagSection(tags)
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
        self.view.setMinimumHeight(90)
        self.body.addWidget(self.splitter, 1)
        self.body.setContentsMargins(0, 0, 0, 7)
        for signal in (model.rowsInserted, model.rowsRemoved, model.modelReset):
            signal.connect(self._rows_changed)
        model.state_changed.connect(self._state_changed)
        self._add_verbs()
        for view in (self.view, self.tags.view):
            view.selectionModel().selectionChanged.connect(self.verbs.look)
            view.model().modelReset.connect(self.verbs.look)
        bar = self.view.verticalScrollBar()
        bar.valueChanged.connect(self._scrolled)
        bar.rangeChanged.connect(self._scrolled)

    def _add_verbs(self) -> None:
        add, keep = self.verbs.add_verb, self.verbs.keep
        self.pull_verb = add(self.tr("Pull"), self.pull, why_not=self._no_pull, primary=True)
        self.copy_verb = add(self.tr("Copy"), self.copy, why_not=self.no_repository)
        self.copy_verb.set_hint(self.tr("Copy to another registry"))
        self.pull_to_verb = add(self.tr("Pull to several engines…"), self.pull_to, more=True)
        self.save_verb = add(self.tr("Save…"), self.save, why_not=self.no_tag, more=True)
        self.remove_verb = add(self.tr("Remove…"), self.remove, why_not=self.no_tag, more=True)
        self.sign_in_verb = add(self.tr("Sign in…"), self.sign_in, why_not=self.no_registry, side=Side.PANE)
        self.add_registry_verb = add(
            self.tr("Add registry…"), self.add_registry_requested.emit, side=Side.PANE, stays=1
        )
        self.copy_reference_verb = keep(
            self.tr("Copy reference"), self.copy_reference, why_not=self._no_reference
        )
        self.copy_digest_verb = keep(self.tr("Copy digest"), self.copy_digest, why_not=self.no_tag)
        self.details_verb = keep(self.tr("Details"), self.details, why_not=self._not_one)
        self.sign_out_verb = self._keep(self.tr("Sign out"), self.sign_out_requested)
        self.account_verb = self._keep(self.tr("Account…"), self.account_requested)
        self.settings_verb = self._keep(self.tr("Settings…"), self.settings_requested)
        self.certificate_verb = self._keep(self.tr("Certificate…"), self.certificate_requested)
        self.pin_verb = keep(
            self.tr("Pin a repository by name…"),
            lambda: self.pin_requested.emit(self._host(), ""),
            why_not=self.no_registry,
        )
        self.verbs.home = self.view

    def _keep(self, words: str, wish: SignalInstance) -> Verb:
        """Add a verb for the registry of the current row."""
        return self.verbs.keep(words, lambda: wish.emit(self._host()), why_not=self.no_registry)

    # -- why something cannot be done now, in a sentence; "" if it can

    @Slot(str)
    def set_unusable(self, reason: str) -> None:
        """Set why nothing can be pulled: the place in Local images cannot be used; "" if it can."""
        self._unusable = reason
        self.verbs.look()

    def no_registry(self) -> str:
        """Return why nothing can be done with the registry of the current row."""
        return "" if self._host() else self.tr("Select a registry first.")

    def _host(self) -> str:
        return self.current_host() or self._place[0]

    def no_repository(self) -> str:
        """Return why nothing can be done with the selected tags or repositories."""
        return "" if self.selected_references() else self.tr("Select a repository or a tag first.")

    def no_tag(self) -> str:
        """Return why nothing can be done with the selected tags."""
        return "" if self.tags.view.selected_count() else self.tr("Select a tag first.")

    def _no_pull(self) -> str:
        return self._unusable or self.no_repository()

    def _no_reference(self) -> str:
        found = self.view.selected_count() or self.tags.view.selected_count()
        return "" if found else self.tr("Select a repository or a tag first.")

    def _not_one(self) -> str:
        if reason := self.no_repository():
            return reason
        return self.tr("Select only one tag.") if len(self.selected_references()) > 1 else ""

    # -- selection

    @property
    def place(self) -> tuple[str, str]:
        """The host and the repository whose tags are shown; "" and "" at first."""
        return self._place

    def current_host(self) -> str:
        """Return the registry of the current row, "" if none."""
        index = self.view.currentIndex()
        return str(index.data(Role.HOST) or "") if index.isValid() else ""

    def selected_references(self) -> list[Reference]:
        """Return what Pull applies to: the selected tags, or else the selected repositories (without tag)."""
        return self.tags.selected_references() or self.selected_repositories()

    def selected_repositories(self) -> list[Reference]:
        """Return the selected repositories, without tag."""
        found = (index.data(Role.REFERENCE) for index in self.view.rows())
        return [reference for reference in found if reference is not None]

    # -- requests

    @Slot()
    def refresh(self) -> None:
        """Request to refresh the registry or repository of the current row; everything if there is none."""
        if self.tags.view.hasFocus():
            self.refresh_requested.emit(*self._place)
            return
        index = self.view.currentIndex()
        repository = str(index.data(Role.REPOSITORY) or "") if index.isValid() else ""
        self.refresh_requested.emit(self.current_host(), repository)

    @Slot()
    def sign_in(self) -> None:
        """Request to sign in to the registry of the current row, or say that one must be selected."""
        if not self.refuse(self.no_registry()):
            self.sign_in_requested.emit(self._host())

    @Slot()
    def pull(self) -> None:
        """Request to pull the selection, or the Pull… sheet if nothing is selected."""
        if chosen := self.selected_references():
            self.pull_requested.emit(chosen)
        else:
            self.paste_requested.emit()

    @Slot()
    def pull_to(self) -> None:
        """Request to pull the selection to several engines."""
        self.pull_to_requested.emit(self.selected_references())

    @Slot()
    def copy(self) -> None:
        """Request to copy the selection to another registry, or say that nothing is selected."""
        if not self.refuse(self.no_repository()):
            self.copy_requested.emit(self.selected_references())

    @Slot()
    def save(self) -> None:
        """Request to save the selected tags as archives, or say that none is selected."""
        if not self.refuse(self.no_tag()):
            self.save_requested.emit(self.tags.selected_references())

    @Slot()
    def copy_reference(self) -> None:
        """Request to copy the selected references to the clipboard, one per line."""
        view = self.tags.view if self.tags.view.hasFocus() or not self.view.rows() else self.view
        lines = [str(words) for index in view.rows() if (words := index.data(Role.COPY_TEXT))]
        if lines:
            self.copy_reference_requested.emit("\n".join(lines))

    @Slot()
    def copy_digest(self) -> None:
        """Request to copy the digests of the selected tags to the clipboard."""
        lines = [str(digest) for index in self.tags.view.rows() if (digest := index.data(Role.DIGEST))]
        if lines:
            self.copy_reference_requested.emit("\n".join(lines))
        else:
            self.explain(self.tr("The digest is not known yet."))

    def command_lines(self) -> Lines:
        """Return the commands that pull the selection."""
        return self.lines_of(self.selected_references())

    @Slot()
    def details(self) -> None:
        """Request the details of the selected tag or repository."""
        if not self.refuse(self._not_one()):
            self.details_requested.emit(self.selected_references()[0])

    @Slot()
    def remove(self) -> None:
        """Request to remove the selected tags from their registry, or say that none is selected."""
        if not self.refuse(self.no_tag()):
            tags = [reference.tag for reference in self.tags.selected_references() if reference.tag]
            self.remove_tags_requested.emit(*self._place, tags)

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
