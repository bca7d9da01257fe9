"""What can be requested of registries: the signals, the selection and the verbs of the right pane."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Qt, Signal, SignalInstance, Slot

from longshore.models.columns import Role
from longshore.models.registries import RegistryModel
from longshore.models.tags import TagModel
from longshore.widgets.columns import Column, Kind
from longshore.widgets.command_menu import Lines, no_lines
from longshore.widgets.pane import Pane
from longshore.widgets.tags import TagSection
from longshore.widgets.verbs import Side, Verb
from longshore.widgets.views import TreeView

if TYPE_CHECKING:
    from longshore.oci.reference import Reference

_RIGHT = Qt.TextElideMode.ElideRight
_COLUMNS = [
    Column("registry.acme.io/billing", "registry.acme.io", weight=5, kind=Kind.NAME, extra=66),
    Column("2,400 of 10,000 loaded", "88 repositories", weight=2, elide=_RIGHT),
    Column("★ 20,413  official", "Sign in…", weight=2, elide=_RIGHT, yields=1),
]


class RegistryRequests(Pane):
    """Registries and Tags, as far as requests need them; :class:`.registries.RegistryPane` is the pane.

    Hosts are written as in references; a repository is its path in the registry.
    """

    pull_requested = Signal(object)  # list[Reference]; one without tag is a repository
    pull_to_requested = Signal(object)  # the same, to several engines; empty if nothing is selected
    save_requested = Signal(object)  # list[Reference], as archives
    copy_requested = Signal(object)  # list[Reference], from registry to registry
    index_requested = Signal(object)  # list[Reference] of tags, to make an index of
    add_registry_requested = Signal()
    remove_registry_requested = Signal(str)  # host
    sign_in_requested = Signal(str)  # host
    sign_out_requested = Signal(str)  # host
    account_requested = Signal(str)  # host whose account to show
    settings_requested = Signal(str)  # host
    certificate_requested = Signal(str)  # host
    keys_requested = Signal(str)  # host whose keys for signatures to show
    refresh_requested = Signal(str, str)  # host ("" for all), repository ("" for the whole registry)
    repository_selected = Signal(str, str)  # host, repository; both "" when none is
    pin_requested = Signal(str, str)  # host, repository ("": ask for its name)
    unpin_requested = Signal(str, str)  # host, repository
    search_requested = Signal(str, str)  # host, search words ("": show the listing again)
    paste_requested = Signal()  # paste a reference to pull
    kind_requested = Signal(str, str)  # host, key of registry.listing.KINDS
    copy_reference_requested = Signal(str)
    tag_history_requested = Signal(object)  # Reference: a tag, or a repository without tag
    details_requested = Signal(object)  # Reference
    compare_requested = Signal()  # the two selected images, or this one and the one of the other pane
    browser_requested = Signal(object)  # Reference whose registry's page to open; a repository has no tag
    remove_tags_requested = Signal(str, str, object)  # host, repository, list of tags
    clean_up_requested = Signal(object)  # Reference of a repository, without tag

    def __init__(self, model: RegistryModel, tags: TagModel) -> None:
        super().__init__(QCoreApplication.translate("RegistryPane", "Registries"))
        self.model = model
        self._place = ("", "")
        self._unusable = ""
        #: Returns the commands for tags, and for repositories, without tag.
        self.lines_of: Callable[[list[Reference]], Lines] = no_lines
        #: Returns why there are no two images to compare.
        self.no_pair: Callable[[], str] = lambda: ""
        #: Returns why the registry of a reference has no page for it, "" if it has one.
        self.no_page_of: Callable[[Reference], str] = lambda _reference: ""
        self.view = TreeView(self.tr("Registries"), _COLUMNS)
        self.view.set_model(model, sortable=True)
        self.tags = TagSection(tags)
        self._add_verbs()
        for view in (self.view, self.tags.view):
            view.selectionModel().selectionChanged.connect(self.verbs.look)
            view.model().modelReset.connect(self.verbs.look)

    def _add_verbs(self) -> None:
        add, keep = self.verbs.add_verb, self.verbs.keep
        self.pull_verb = add(self.tr("Pull"), self.pull, why_not=self._no_pull, primary=True)
        self.copy_verb = add(self.tr("Copy"), self.copy, why_not=self.no_repository)
        self.copy_verb.set_hint(self.tr("Copy to another registry"))
        self.pull_to_verb = add(self.tr("Pull to several engines…"), self.pull_to, more=True)
        self.save_verb = add(self.tr("Save…"), self.save, why_not=self.no_tag, more=True)
        self.compare_verb = add(self.tr("Compare"), self.compare, why_not=self._no_pair, more=True)
        self.index_verb = add(
            self.tr("Make an index…"), self.make_index, why_not=self._not_several_tags, more=True
        )
        self.remove_verb = add(self.tr("Remove…"), self.remove, why_not=self._no_removal, more=True)
        self.clean_up_verb = add(
            self.tr("Clean up…"), self.clean_up, why_not=self.no_single_repository, side=Side.PANE, more=True
        )
        self.sign_in_verb = add(self.tr("Sign in…"), self.sign_in, why_not=self.no_registry, side=Side.PANE)
        self.add_registry_verb = add(
            self.tr("Add registry…"), self.add_registry_requested.emit, side=Side.PANE, stays=1
        )
        self.run_verb = keep(self.tr("Run…"), lambda: None, why_not=self._not_here)
        self.copy_reference_verb = keep(
            self.tr("Copy reference"), self.copy_reference, why_not=self._no_reference
        )
        self.copy_digest_verb = keep(self.tr("Copy digest"), self.copy_digest, why_not=self.no_tag)
        self.details_verb = keep(self.tr("Details"), self.details, why_not=self._not_one_tag)
        self.browser_verb = keep(self.tr("Open in browser"), self.open_in_browser, why_not=self._no_page)
        self.tag_history_verb = keep(self.tr("Tag history…"), self.tag_history, why_not=self._not_one)
        self.sign_out_verb = self._keep(self.tr("Sign out"), self.sign_out_requested)
        self.account_verb = self._keep(self.tr("Account…"), self.account_requested)
        self.settings_verb = self._keep(self.tr("Settings…"), self.settings_requested)
        self.certificate_verb = self._keep(self.tr("Certificate…"), self.certificate_requested)
        self.keys_verb = self._keep(self.tr("Keys…"), self.keys_requested)
        self.pin_verb = keep(
            self.tr("Pin a repository by name…"),
            lambda: self.pin_requested.emit(self._host(), ""),
            why_not=self.no_registry,
        )
        self.verbs.home = self.view

    def _not_here(self) -> str:
        return self.tr("Pull the image first: containers run from local images.")

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
        return "" if self._chosen_count() else self.tr("Select a repository or a tag first.")

    def _chosen_count(self) -> int:
        """The number of :meth:`selected_references`, which takes long for thousands of tags."""
        return self.tags.view.selected_count() or len(self.selected_repositories())

    def no_tag(self) -> str:
        """Return why nothing can be done with the selected tags."""
        return "" if self.tags.view.selected_count() else self.tr("Select a tag first.")

    def _no_removal(self) -> str:
        """Return why the selected tags cannot be removed."""
        if reason := self.no_tag():
            return reason
        if any(index.data(Role.TAG) == "" for index in self.tags.view.rows()):
            return self.tr("The registry's own clean-up removes untagged images.")
        return ""

    def no_single_repository(self) -> str:
        """Return why no repository can be cleaned up."""
        if self._repository_to_clean() is None:
            return self.tr("Select a repository first.")
        return self.tr("Select only one repository.") if self.view.selected_count() > 1 else ""

    def _repository_to_clean(self) -> Reference | None:
        """The selected repository, or else the one whose tags are shown."""
        if chosen := self.selected_repositories():
            return chosen[0]
        if not self._place[1]:
            return None
        from longshore.oci.reference import Reference

        return Reference(*self._place)

    def _no_pull(self) -> str:
        return self._unusable or self.no_repository()

    def _no_reference(self) -> str:
        found = self.view.selected_count() or self.tags.view.selected_count()
        return "" if found else self.tr("Select a repository or a tag first.")

    def _not_one(self) -> str:
        if reason := self.no_repository():
            return reason
        return self.tr("Select only one tag.") if self._chosen_count() > 1 else ""

    def _no_page(self) -> str:
        return self._not_one() or self.no_page_of(self.selected_references()[0])

    def _not_one_tag(self) -> str:
        return self.no_tag() or self._not_one()

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

    def _not_several_tags(self) -> str:
        """Return why no index can be made of the selection."""
        if reason := self.no_tag():
            return reason
        few = self.tags.view.selected_count() < 2
        return self.tr("Select the tags of several platforms.") if few else ""

    @Slot()
    def make_index(self) -> None:
        """Request an index of the selected tags, or say why it is not possible."""
        if not self.refuse(self._not_several_tags()):
            self.index_requested.emit(self.tags.selected_references())

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
        """Request the details of the selected tag."""
        if not self.refuse(self._not_one_tag()):
            self.details_requested.emit(self.selected_references()[0])

    @Slot()
    def compare(self) -> None:
        """Request to compare two images, or say why it is not possible."""
        if not self.refuse(self._no_pair()):
            self.compare_requested.emit()

    def _no_pair(self) -> str:
        return self.no_pair()

    @Slot()
    def open_in_browser(self) -> None:
        """Request the web page of the selected tag or repository, or say why it is not possible."""
        if not self.refuse(self._no_page()):
            self.browser_requested.emit(self.selected_references()[0])

    @Slot()
    def tag_history(self) -> None:
        """Request the history of the selected tag, or of all tags of the selected repository."""
        if not self.refuse(self._not_one()):
            self.tag_history_requested.emit(self.selected_references()[0])

    @Slot()
    def remove(self) -> None:
        """Request to remove the selected tags from their registry, or say that none is selected."""
        if not self.refuse(self._no_removal()):
            tags = [reference.tag for reference in self.tags.selected_references() if reference.tag]
            self.remove_tags_requested.emit(*self._place, tags)

    @Slot()
    def clean_up(self) -> None:
        """Request to clean up the selected repository, or say that one must be selected."""
        if not self.refuse(self.no_single_repository()):
            self.clean_up_requested.emit(self._repository_to_clean())
