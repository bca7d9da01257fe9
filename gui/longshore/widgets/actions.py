"""Menus and shortcuts of the main window. Each acts on the active pane."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu

from longshore.widgets import command_menu
from longshore.widgets.theme import Appearance, current_theme

if TYPE_CHECKING:
    from longshore.widgets.main_window import MainWindow


class Actions(QObject):
    """Fills the menus of *window*, which must already have its transfer pane, and keeps their actions."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        file, image, registry, transfers, view, help_menu = window.menus

        self.pull_box = self._add(file, self.tr("Pull…"), window.ask_for_pull, "Ctrl+L", "Ctrl+V")
        self.add_registry = self._add(
            file, self.tr("Add registry…"), window.registry_pane.add_registry_requested.emit, "Ctrl+N"
        )
        self.open_list = self._add(file, self.tr("Open list…"), window.open_list_requested.emit)
        file.addSeparator()
        self.preferences = self._add(
            file, self.tr("Preferences…"), window.preferences_requested.emit, "Ctrl+,"
        )
        self.preferences.setMenuRole(QAction.MenuRole.PreferencesRole)
        self.quit = self._add(file, self.tr("Quit"), window.request_close, "Ctrl+Q")
        self.quit.setMenuRole(QAction.MenuRole.QuitRole)

        images, registries = window.image_pane, window.registry_pane
        self.push = self._add(image, self.tr("Push…"), images.push, "Ctrl+Shift+P")
        self.pull = self._add(image, self.tr("Pull selected"), registries.pull, "Ctrl+Shift+L")
        self.pull_to = self._add(image, self.tr("Pull to several engines…"), registries.pull_to)
        self.copy = self._add(image, self.tr("Copy to another registry…"), registries.copy)
        self.carry = self._add(image, self.tr("Copy to another engine or the library…"), images.carry)
        image.addSeparator()
        self.save = self._add(image, self.tr("Save…"), window.save, "Ctrl+S")
        self.load = self._add(image, self.tr("Load…"), images.load, "Ctrl+O")
        image.addSeparator()
        self.tag = self._add(image, self.tr("Tag…"), images.tag, "F2")
        self.remove = self._add(image, self.tr("Remove…"), window.remove, "Del")
        image.addSeparator()
        self.copy_reference = self._add(image, self.tr("Copy reference"), window.copy_reference, "Ctrl+C")
        self.copy_digest = self._add(image, self.tr("Copy digest"), window.copy_digest)
        self.copy_command = image.addMenu(command_menu.title())
        image.aboutToShow.connect(self._fill_commands)
        self.details = self._add(image, self.tr("Details"), window.details, "Alt+Return", "Alt+Enter")

        self.sign_in = self._add(registry, self.tr("Sign in…"), registries.sign_in)
        self.sign_out = self._add(registry, self.tr("Sign out"), window.sign_out)
        self.account = self._add(registry, self.tr("Account…"), window.account)
        registry.addSeparator()
        self.registry_settings = self._add(registry, self.tr("Settings…"), window.registry_settings)
        self.certificate = self._add(registry, self.tr("Certificate…"), window.certificate)
        registry.addSeparator()
        self.mirrors = self._add(registry, self.tr("Mirrors…"), window.mirrors_requested.emit)
        self.pin = self._add(registry, self.tr("Pin a repository by name…"), window.pin)

        pane = window.transfer_pane
        self.cancel = self._add(transfers, self.tr("Cancel"), pane.cancel, "Ctrl+.")
        self.cancel_all = self._add(transfers, self.tr("Cancel all"), pane.cancel_all)
        self.retry = self._add(transfers, self.tr("Retry"), pane.retry)
        self.retry_failed = self._add(transfers, self.tr("Retry failed"), pane.retry_failed)
        self.detour = self._add(transfers, self.tr("Download via the library"), pane.detour)
        transfers.addSeparator()
        self.move_up = self._add(transfers, self.tr("Move up"), lambda: pane.move_rows(-1), "Ctrl+Up")
        self.move_down = self._add(transfers, self.tr("Move down"), lambda: pane.move_rows(1), "Ctrl+Down")
        self.pause = self._add(transfers, self.tr("Pause"), pane.toggle_pause)
        self.hold = self._add(transfers, self.tr("Pause queue"), pane.toggle_hold)
        transfers.aboutToShow.connect(self._name_pauses)
        self.clear = self._add(transfers, self.tr("Clear finished"), pane.clear_finished)
        transfers.addSeparator()
        self.history = self._add(transfers, self.tr("History…"), window.history_requested.emit, "Ctrl+H")

        for menu in (file, image, transfers):
            menu.setToolTipsVisible(True)

        self.refresh = self._add(view, self.tr("Refresh"), window.refresh, "F5", "Ctrl+R")
        self.find = self._add(view, self.tr("Filter"), window.focus_filter, "Ctrl+F")
        view.addSeparator()
        self._add_appearance(view.addMenu(self.tr("Appearance")))

        self.about = self._add(help_menu, self.tr("About Longshore"), window.about_requested.emit)
        self.about.setMenuRole(QAction.MenuRole.AboutRole)

        #: Actions that need the place shown in Local images, whichever pane is active.
        self._of_place = (self.push, self.pull, self.pull_box, self.carry, self.load, self.tag)
        window.image_pane.usable_changed.connect(self._place_usable)
        pane.cancel_blocked.connect(lambda reason: _block(self.cancel, reason))
        pane.retry_blocked.connect(lambda reason: _block(self.retry, reason))

    @Slot(str)
    def _place_usable(self, reason: str) -> None:
        for action in self._of_place:
            _block(action, reason)

    @Slot()
    def _name_pauses(self) -> None:
        """Name the two entries as their buttons are named now: Pause or Resume."""
        pane = self._window.transfer_pane
        self.pause.setText(pane.pause_button.accessibleName())
        self.hold.setText(pane.hold_button.accessibleName())

    @Slot()
    def _fill_commands(self) -> None:
        window = self._window
        copy = window.image_pane.copy_reference_requested.emit
        command_menu.fill_commands(self.copy_command, window.command_lines(), copy)

    def _add(self, menu: QMenu, words: str, wish: Callable[[], object], *keys: str) -> QAction:
        action = menu.addAction(words)
        if keys:
            action.setShortcuts([QKeySequence(key) for key in keys])
        action.triggered.connect(lambda _checked=False: wish())
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


def _block(action: QAction, reason: str) -> None:
    """Disable *action* and give *reason* as its tooltip; "" enables it again."""
    action.setEnabled(not reason)
    action.setToolTip(reason or action.iconText())
