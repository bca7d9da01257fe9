"""The context menus of the registry pane: of a registry or repository, and of tags. Made anew each time."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import QMenu

from longshore.models.columns import Role
from longshore.widgets.command_menu import add_commands
from longshore.widgets.registry_requests import RegistryRequests


def _new(pane: RegistryRequests) -> QMenu:
    menu = QMenu(pane)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    return menu


def registry_menu(pane: RegistryRequests, index: QModelIndex) -> QMenu:
    """Return the menu of the row *index*, which may be invalid."""
    menu = _new(pane)
    host = str(index.data(Role.HOST) or "") if index.isValid() else ""
    repository = str(index.data(Role.REPOSITORY) or "") if index.isValid() else ""
    if repository:
        pane.pull_verb.entry(menu)
        pane.pull_to_verb.entry(menu)
        pane.copy_verb.entry(menu, pane.tr("Copy to another registry…"))
        menu.addSeparator()
        pane.copy_reference_verb.entry(menu)
        add_commands(menu, pane.lines_of(pane.selected_repositories()), pane.copy_reference_requested.emit)
        pane.browser_verb.entry(menu)
        pane.tag_history_verb.entry(menu)
        if index.data(Role.PINNED):
            unpin = menu.addAction(pane.tr("Unpin"))
            unpin.triggered.connect(lambda: pane.unpin_requested.emit(host, repository))
        else:
            pin = menu.addAction(pane.tr("Pin"))
            pin.triggered.connect(lambda: pane.pin_requested.emit(host, repository))
        menu.addSeparator()
        pane.clean_up_verb.entry(menu)
        menu.addSeparator()
    if host:
        menu.addAction(pane.tr("Refresh")).triggered.connect(pane.refresh)
        pane.sign_in_verb.entry(menu)
        pane.sign_out_verb.entry(menu)
        pane.account_verb.entry(menu)
        menu.addSeparator()
        pane.settings_verb.entry(menu)
        pane.certificate_verb.entry(menu)
        pane.keys_verb.entry(menu)
        pane.pin_verb.entry(menu)
        _add_kinds(pane, menu, host)
        menu.addSeparator()
        forget = menu.addAction(pane.tr("Remove registry from list"))
        forget.triggered.connect(lambda: pane.remove_registry_requested.emit(host))
    pane.add_registry_verb.entry(menu)
    return menu


def _add_kinds(pane: RegistryRequests, menu: QMenu, host: str) -> None:
    """Add a menu that overrides the detected vendor of the registry."""
    from longshore.registry.kinds import KINDS  # seldom needed

    chosen = pane.model.chosen_kind(host)
    kinds = menu.addMenu(pane.tr("List as"))
    for kind, name in KINDS.items():
        found = KINDS.get(pane.model.make(host), "") if kind == "auto" else ""
        action = kinds.addAction(pane.tr("{0} (found: {1})").format(name, found) if found else name)
        action.setCheckable(True)
        action.setChecked(kind == chosen)
        action.triggered.connect(lambda _on, kind=kind: pane.kind_requested.emit(host, kind))


def tag_menu(pane: RegistryRequests) -> QMenu:
    """Return the menu of the selected tags."""
    menu = _new(pane)
    if pane.tags.view.rows():
        pane.pull_verb.entry(menu)
        pane.pull_to_verb.entry(menu)
        pane.copy_verb.entry(menu, pane.tr("Copy to another registry…"))
        pane.save_verb.entry(menu)
        pane.index_verb.entry(menu)
        menu.addSeparator()
        pane.copy_reference_verb.entry(menu)
        pane.copy_digest_verb.entry(menu)
        add_commands(menu, pane.command_lines(), pane.copy_reference_requested.emit)
        pane.details_verb.entry(menu)
        pane.compare_verb.entry(menu)
        pane.browser_verb.entry(menu)
        pane.tag_history_verb.entry(menu)
        menu.addSeparator()
        pane.remove_verb.entry(menu)
        menu.addSeparator()
    refresh = menu.addAction(pane.tr("Refresh"))
    refresh.triggered.connect(lambda: pane.refresh_requested.emit(*pane.place))
    return menu
