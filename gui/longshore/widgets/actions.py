"""Menus and shortcuts of the main window. Each acts on the active pane."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, overload

from PySide6.QtCore import QKeyCombination, QObject, Qt, Slot
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu

from longshore.widgets import command_menu
from longshore.widgets.details.button import DetailsButton
from longshore.widgets.theme import Appearance, current_theme
from longshore.widgets.verbs import Entry, Verb

if TYPE_CHECKING:
    from longshore.widgets.main_window import MainWindow


class Actions(QObject):
    """Fills the menus of *window*, which must already have its transfer pane, and keeps their actions."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        file, image, registry, transfers, view, help_menu = window.menus

        images, registries, pane = window.image_pane, window.registry_pane, window.transfer_pane
        pull_box = images.verbs.keep(self.tr("Pull…"), window.ask_for_pull, why_not=images.no_place)
        self.pull_box = self._add(file, "", pull_box, "Ctrl+L", "Ctrl+V")
        self.add_registry = self._add(file, "", registries.add_registry_verb, "Ctrl+N")
        self.open_list = self._add(file, self.tr("Open list…"), window.open_list_requested.emit)
        file.addSeparator()
        self.preferences = self._add(
            file, self.tr("Preferences…"), window.preferences_requested.emit, "Ctrl+,"
        )
        self.preferences.setMenuRole(QAction.MenuRole.PreferencesRole)
        self.quit = self._add(file, self.tr("Quit"), window.request_close, "Ctrl+Q")
        self.quit.setMenuRole(QAction.MenuRole.QuitRole)

        self.push = self._add(image, self.tr("Push…"), images.push_verb, "Ctrl+Shift+P")
        self.pull = self._add(image, self.tr("Pull selected"), registries.pull_verb, "Ctrl+Shift+L")
        self.pull_to = self._add(image, "", registries.pull_to_verb)
        self.copy = self._add(image, self.tr("Copy to another registry…"), registries.copy_verb)
        self.carry = self._add(image, self.tr("Copy to another engine or the library…"), images.carry_verb)
        self.index = self._add(image, self.tr("Make an index of images…"), images.index_verb)
        self.index_of_tags = self._add(image, self.tr("Make an index of tags…"), registries.index_verb)
        image.addSeparator()
        self.save = self._add(image, self.tr("Save…"), images.save_verb, "Ctrl+S")
        self.load = self._add(image, "", images.load_verb, "Ctrl+O")
        self.build = self._add(image, "", images.build_verb, "Ctrl+B")
        image.addSeparator()
        self.run = self._add(image, "", images.run_verb, "Ctrl+Shift+R")
        self.containers = self._add(image, "", images.containers_verb)
        image.addSeparator()
        self.tag = self._add(image, "", images.tag_verb, "F2")
        self.update = self._add(image, "", images.update_verb, "Ctrl+U")
        self.update_all = self._add(image, "", images.update_all_verb, "Ctrl+Shift+U")
        self.remove = self._add(image, self.tr("Remove…"), images.remove_verb, "Del")
        self.pin_image = self._add(image, "", images.pin_verb)
        self.clean_up = self._add(image, "", images.clean_up_verb, "Ctrl+Shift+Del")
        self.undo = self._add(image, "", window.undo_verb, "Ctrl+Z")
        self.tag_history = self._add(image, self.tr("Tag history…"), images.tag_history_verb)
        image.addSeparator()
        self.compare = self._add(image, "", images.compare_verb)
        self.browser = self._add(image, self.tr("Open in browser"), images.browser_verb)
        self.copy_reference = self._add(
            image, self.tr("Copy reference"), images.copy_reference_verb, "Ctrl+C"
        )
        self.copy_digest = self._add(image, self.tr("Copy digest"), images.copy_id_verb)
        self.copy_command = image.addMenu(command_menu.title())
        image.aboutToShow.connect(self._fill_commands)
        self.details = self._add(image, self.tr("Details"), images.details_verb, "F4")
        # Only shown: the key is that of the entry in View, and two entries with one key would answer to none.
        self.details.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)

        self.sign_in = self._add(registry, "", registries.sign_in_verb)
        self.sign_out = self._add(registry, "", registries.sign_out_verb)
        self.account = self._add(registry, "", registries.account_verb)
        registry.addSeparator()
        self.registry_settings = self._add(registry, "", registries.settings_verb)
        self.certificate = self._add(registry, "", registries.certificate_verb)
        self.keys = self._add(registry, "", registries.keys_verb)
        registry.addSeparator()
        self.clean_up_repository = self._add(registry, "", registries.clean_up_verb)
        self.mirrors = self._add(registry, self.tr("Mirrors…"), window.mirrors_requested.emit)
        self.pin = self._add(registry, "", registries.pin_verb)

        self.cancel = self._add(transfers, "", pane.cancel_verb, "Ctrl+.")
        self.cancel_all = self._add(transfers, "", pane.cancel_all_verb)
        self.retry = self._add(transfers, "", pane.retry_verb)
        self.retry_failed = self._add(transfers, "", pane.retry_failed_verb)
        self.detour = self._add(transfers, "", pane.detour_verb)
        self.native = self._add(transfers, "", pane.native_verb)
        transfers.addSeparator()
        self.start_now = self._add(transfers, "", pane.start_verb)
        self.move_up = self._add(transfers, "", pane.up_verb, "Ctrl+Up")
        self.move_down = self._add(transfers, "", pane.down_verb, "Ctrl+Down")
        self.output = self._add(transfers, "", pane.output_verb)
        self.pause = self._add(transfers, "", pane.pause_verb)
        self.hold = self._add(transfers, "", pane.hold_verb)
        self.clear = self._add(transfers, "", pane.clear_verb)
        transfers.addMenu(pane.when_menu)
        transfers.addSeparator()
        self.history = self._add(transfers, self.tr("History…"), window.history_requested.emit, "Ctrl+H")

        for menu in (file, image, registry, transfers):
            menu.setToolTipsVisible(True)

        self._add_details(view)
        view.addSeparator()
        self.refresh = self._add(view, self.tr("Refresh"), window.refresh, "F5", "Ctrl+R")
        self.find = self._add(view, self.tr("Filter"), window.focus_filter, "Ctrl+F")
        view.addSeparator()
        self._add_appearance(view.addMenu(self.tr("Appearance")))

        self.about = self._add(help_menu, self.tr("About Longshore"), window.about_requested.emit)
        self.about.setMenuRole(QAction.MenuRole.AboutRole)

        window.active_changed.connect(self._follow_active)
        pane.occupied_changed.connect(self._follow_active)
        window.unused_key.connect(self._explain_key)
        self._follow_active()

    @Slot()
    def _follow_active(self) -> None:
        """Connect the entries that mean the active pane with its verbs."""
        window = self._window
        active, images, registries = window.active_pane(), window.image_pane, window.registry_pane
        remote, transfers = active is registries, window.transfer_pane
        self.save.switch(registries.save_verb if remote else images.save_verb)
        self.tag_history.switch(registries.tag_history_verb if remote else images.tag_history_verb)
        self.copy_digest.switch(registries.copy_digest_verb if remote else images.copy_id_verb)
        self.compare.switch(registries.compare_verb if remote else images.compare_verb)
        self.browser.switch(registries.browser_verb if remote else images.browser_verb)
        self.run.switch(registries.run_verb if remote else images.run_verb)
        self.details.switch(registries.details_verb if remote else images.details_verb)
        self.clean_up.switch(registries.clean_up_verb if remote else images.clean_up_verb)
        if active is transfers:
            self.remove.switch(transfers.remove_verb)
            self.copy_reference.switch(transfers.copy_reference_verb)
        else:
            self.remove.switch(registries.remove_verb if remote else images.remove_verb)
            self.copy_reference.switch(
                registries.copy_reference_verb if remote else images.copy_reference_verb
            )

    @Slot(object)
    def _explain_key(self, keys: QKeyCombination) -> None:
        """Explain why the entry with this shortcut cannot act now."""
        for entry in self._window.findChildren(Entry):
            if entry.reason and QKeySequence(keys) in entry.shortcuts():
                self._window.explain(entry.reason)
                return

    @Slot()
    def _fill_commands(self) -> None:
        window = self._window
        copy = window.image_pane.copy_reference_requested.emit
        command_menu.fill_commands(self.copy_command, window.command_lines(), copy)

    def _add_details(self, view: QMenu) -> None:
        """Add what concerns the Details panel, and its button at the right of the menu bar."""
        window, place = self._window, self._window.details_place
        self.show_details = self._add(view, self.tr("Details"), place.toggle, "F4", "Alt+Return", "Alt+Enter")
        self.show_details.setCheckable(True)
        self.details_button = DetailsButton(self.show_details, window.menuBar(), window)
        window.resized.connect(self.details_button.place)
        place.visible_changed.connect(self.show_details.setChecked)
        self.show_details.setChecked(place.visible)
        tabs = window.details.tabs
        self.next_tab = self._add(view, self.tr("Next tab"), lambda: tabs.step(1), "Ctrl+PgDown")
        self.tab_before = self._add(view, self.tr("Previous tab"), lambda: tabs.step(-1), "Ctrl+PgUp")
        for action in (self.next_tab, self.tab_before):
            place.visible_changed.connect(action.setEnabled)
            action.setEnabled(place.visible)
        self.next_pane = self._add(view, self.tr("Next pane"), window.next_pane, "F6")
        self.pane_before = self._add(view, self.tr("Previous pane"), lambda: window.next_pane(-1), "Shift+F6")

    @overload
    def _add(self, menu: QMenu, words: str, wish: Verb, *keys: str) -> Entry: ...

    @overload
    def _add(self, menu: QMenu, words: str, wish: Callable[[], object], *keys: str) -> QAction: ...

    def _add(self, menu: QMenu, words: str, wish: Verb | Callable[[], object], *keys: str) -> QAction:
        """Add an entry to *menu*: one that follows a verb, by its name unless *words* are given, or a plain one."""
        action: QAction
        if isinstance(wish, Verb):
            action = wish.entry(menu, words)
        else:
            action = menu.addAction(words)
            action.triggered.connect(lambda _checked=False: wish())
        action.setShortcuts([QKeySequence(key) for key in keys])
        return action

    def _add_appearance(self, menu: QMenu) -> None:
        group = QActionGroup(menu)
        self.appearances: dict[Appearance, QAction] = {}
        for appearance, words in (
            (Appearance.SYSTEM, self.tr("System")),
            (Appearance.LIGHT, self.tr("Light")),
            (Appearance.DARK, self.tr("Dark")),
        ):
            action = menu.addAction(words)
            action.setCheckable(True)
            action.setChecked(current_theme().appearance is appearance)
            action.triggered.connect(lambda _checked=False, a=appearance: self._chosen(a))
            group.addAction(action)
            self.appearances[appearance] = action

    def _chosen(self, appearance: Appearance) -> None:
        current_theme().set_appearance(appearance)
        self._window.appearance_chosen.emit(appearance.value)
