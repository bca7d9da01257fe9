"""The life cycle of the window: show it, then start the operations, and end everything in order."""

from __future__ import annotations

import base64
import binascii
import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtWidgets import QApplication

from longshore.models.columns import Tone
from longshore.models.images import ImageModel
from longshore.models.registries import RegistryModel
from longshore.models.tags import TagModel
from longshore.settings import Folders, Settings
from longshore.widgets import icons
from longshore.widgets.main_window import MainWindow
from longshore.widgets.theme import Appearance, current_theme
from longshore.wiring.arrangement import merge_arrangement

if TYPE_CHECKING:
    from longshore.application.choices import Choices
    from longshore.operations import Operations
    from longshore.registry.config import RegistryConfig
    from longshore.wiring.desktop import Desktop
    from longshore.wiring.when_finished import AfterTransfers


class Wiring(QObject):
    """Owns the window and the operations. GUI thread.

    The window comes first and needs only the models of the panes that it shows first. Once it has been painted,
    :meth:`start` creates the transfers, the menu actions and the operations, with all that they import.
    """

    closing = Signal()  # the window starts to close, for whatever reason; emitted once
    closed = Signal()  # the window is closed and no work is left

    def __init__(
        self,
        folders: Folders,
        settings: Settings,
        environ: Mapping[str, str],
        *,
        engine_url: str | None,
        registries: list[RegistryConfig],
    ) -> None:
        super().__init__()
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        self._folders = folders
        self._settings = settings
        self._environ = environ
        self._engine_url = engine_url
        self._asked = registries
        self._operations: Operations | None = None
        self._desktop: Desktop | None = None
        self._after: AfterTransfers | None = None
        #: The window arrangement before the user could change it; empty until the window is complete.
        self._arranged = b""
        self.quitting = False  # True once closing has begun
        appearance = Appearance.SYSTEM
        with contextlib.suppress(ValueError):
            appearance = Appearance(settings.get("appearance", "system"))
        current_theme().install(application, appearance)
        self.images = ImageModel(self)
        self.registries = RegistryModel(self)
        self.tags = TagModel(self)
        self.window = MainWindow(self.images, self.registries, self.tags)
        self.window.image_pane.set_connecting()
        window = self.window
        window.close_requested.connect(self._close_requested)
        window.preferences_requested.connect(self._preferences)
        window.about_requested.connect(self._about)
        window.appearance_chosen.connect(self._appearance_chosen)

    def show(self) -> None:
        """Show the window at its saved position."""
        with contextlib.suppress(binascii.Error, ValueError):
            self.window.restore_state(base64.b64decode(self._settings.get("window", ""), validate=True))
        self.window.show()

    def complete(self) -> None:
        """Create what the first frame does not need: the transfers and the menu items. :meth:`start` calls it."""
        from longshore.models.transfers import TransferModel
        from longshore.widgets.actions import Actions

        self.transfers = TransferModel(self)
        self.window.add_transfers(self.transfers)
        self.actions = Actions(self.window)
        self.window.setWindowIcon(icons.window_icon())
        self._arranged = self.window.save_state()

    def start(self) -> None:
        """Start the operations. Called once the event loop runs and the window has been painted."""
        from longshore.application.choices import Choices
        from longshore.operations import Operations
        from longshore.wiring.archives import Archives
        from longshore.wiring.builds import Builds
        from longshore.wiring.certificates import Certificates
        from longshore.wiring.clean_up import CleanUp
        from longshore.wiring.comparing import Compares
        from longshore.wiring.copies import Copies
        from longshore.wiring.desktop import Desktop
        from longshore.wiring.details import Details
        from longshore.wiring.image_lists import ImageLists
        from longshore.wiring.images import Images
        from longshore.wiring.indexes import Indexes
        from longshore.wiring.keys import Keys
        from longshore.wiring.places import Places
        from longshore.wiring.pushes import Pushes
        from longshore.wiring.registries import Registries
        from longshore.wiring.registry_settings import RegistrySettings
        from longshore.wiring.retention import Retention
        from longshore.wiring.runs import Runs
        from longshore.wiring.several_engines import SeveralEngines
        from longshore.wiring.shared import Shared
        from longshore.wiring.sign_in import SignIns
        from longshore.wiring.states import States
        from longshore.wiring.tag_removal import TagRemoval
        from longshore.wiring.transfers import Transfers
        from longshore.wiring.undo import Undo
        from longshore.wiring.updates import Updates
        from longshore.wiring.web_pages import WebPages
        from longshore.wiring.when_finished import AfterTransfers

        self.complete()
        operations = Operations(
            self._folders,
            self._settings,
            self._environ,
            engine_url=self._engine_url,
            registries=self._asked,
            models=(self.images, self.registries, self.tags, self.transfers),
        )
        self._operations = operations
        shared = Shared(self.window, operations, self._environ)
        Places(self.window, operations, shared)
        copies = Copies(self.window, operations, shared)
        indexes = Indexes(self.window, operations, shared)
        pushes = Pushes(self.window, operations, shared, copies, indexes)
        archives = Archives(self.window, operations, shared, ImageLists(self.window, operations, shared))
        undo = Undo(self.window, operations)
        Images(self.window, operations, shared, archives, undo)
        Registries(self.window, operations, shared, pushes, copies, archives)
        SignIns(self.window, operations, shared)
        settings = RegistrySettings(self.window, operations, shared, Keys(self.window, operations))
        Certificates(self.window, operations, shared, settings)
        TagRemoval(self.window, operations, undo)
        Retention(self.window, operations, undo)
        CleanUp(self.window, operations, shared, undo)
        Updates(self.window, operations, shared)
        Transfers(self.window, operations, shared, undo)
        States(self.window, operations)
        SeveralEngines(self.window, operations)
        Builds(self.window, operations, shared)
        WebPages(self.window, operations, shared)
        Compares(self.window, operations, shared)
        Runs(self.window, operations, shared)
        Details(self.window, operations, shared)
        self._desktop = Desktop(self.window, operations, self._environ)
        self._desktop.quit_requested.connect(self._close_requested)
        self._after = AfterTransfers(self.window, operations, self._environ)
        self._after.quit_requested.connect(self._close_requested)
        choices = Choices.read(self._settings)
        self._desktop.choose(notes=choices.notes, tray=choices.tray)
        operations.transfers.failed.connect(shared.show_failure)
        operations.registries.sign_ins.lost.connect(shared.show_failure)
        operations.start()
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.applicationStateChanged.connect(self._activity_changed)
        for config in self._asked:
            self.window.registry_pane.expand(config.host)
        if self._settings.problem:
            # In the registry pane, because the left pane removes its notice when its images arrive.
            self.window.registry_pane.explain(self._settings.problem, Tone.CAUTION, button=self.tr("OK"))

    @Slot()
    def quit(self) -> None:
        """Close the window without asking; :meth:`close` stops the transfers. Further calls do nothing."""
        if self.quitting:
            return
        self.quitting = True
        self.closing.emit()
        self._keep_arrangement()
        if self._desktop is not None:
            self._desktop.stop()
        if self._after is not None:
            self._after.stop()
        for other in QApplication.topLevelWidgets():
            if other is not self.window:
                # The history, and sheets that get no more answers. Containers keep running.
                getattr(other, "close_now", other.close)()
        self.window.close_now()
        self.closed.emit()

    def _keep_arrangement(self) -> None:
        """Save what the user changed in the window: another Longshore may have saved other columns.

        Settings that could not be written before are tried again.
        """
        now = self.window.save_state() if self._arranged else b""
        if now != self._arranged:
            self._settings.update(
                "window",
                lambda stored: merge_arrangement(stored, self._arranged, now),
                "",
            )
        self._settings.flush()

    async def close(self) -> None:
        """Stop everything; returns when all has stopped."""
        if self._operations is not None:
            await self._operations.close()

    def abandon(self) -> None:
        """Stop the transfers and write their journal, without the loop and without a display. Blocks for seconds."""
        if not self.quitting:
            self.quitting = True
            self.closing.emit()
        if self._operations is not None:
            self._operations.abandon()

    @Slot()
    def unexpected(self) -> None:
        """Show that an unexpected error occurred; the log has the details."""
        self.window.explain(
            self.tr("Something unexpected went wrong. You can continue; the log has the details."), Tone.BAD
        )

    @Slot()
    def _close_requested(self) -> None:
        from longshore.widgets.dialogs.sheet import Sheet

        if any(sheet.hold() for sheet in self.window.findChildren(Sheet) if sheet.open_still):
            return
        running = self._operations.transfers.unfinished if self._operations is not None else 0
        followed = len(self._operations.containers.attached) if self._operations is not None else 0
        if not running and followed:
            from longshore.widgets.dialogs.container_questions import QuitSheet

            leave = QuitSheet(self.window, followed)
            leave.accepted.connect(self.quit)
            leave.open()
            return
        if not running:
            self.quit()
            return
        from longshore.transfers.transfer import Operation
        from longshore.widgets.dialogs.closing import CloseSheet

        unfinished = [s for s in self.window.transfer_pane.snapshots() if not s.state.finished]
        builds = sum(s.request.operation is Operation.BUILD for s in unfinished)
        sheet = CloseSheet(self.window, running, followed, builds=builds)
        sheet.accepted.connect(self.quit)
        sheet.open()

    @Slot(Qt.ApplicationState)
    def _activity_changed(self, state: Qt.ApplicationState) -> None:
        """Update the registries after the user comes from another window, perhaps of another Longshore."""
        active = state is Qt.ApplicationState.ApplicationActive and self.window.isVisible()
        if active and self._operations is not None:
            self._operations.registries.look_again()

    @Slot()
    def _about(self) -> None:
        from longshore.widgets.dialogs.preferences import AboutSheet

        AboutSheet(self.window).open()

    @Slot(str)
    def _appearance_chosen(self, value: str) -> None:
        self._settings.set("appearance", value)

    @Slot()
    def _preferences(self) -> None:
        if self._operations is None:
            return
        from dataclasses import replace

        from longshore.application.choices import Choices
        from longshore.widgets.dialogs.preferences import PreferencesSheet

        shown = replace(Choices.read(self._settings), appearance=current_theme().appearance.value)
        sheet = PreferencesSheet(self.window, shown)
        sheet.chosen.connect(lambda choices: self._choose(choices, shown))
        unfinished = self._operations.unfinished
        sheet.removal_requested.connect(lambda: unfinished.remove(sheet.show_unfinished))
        unfinished.measure(sheet.show_unfinished)
        sheet.open()

    def _choose(self, choices: Choices, shown: Choices) -> None:
        choices.write(self._settings, shown)
        current_theme().set_appearance(Appearance(choices.appearance))
        if self._operations is not None:
            self._operations.transfers.choose(choices)
            self._operations.states.choose(choices.check_minutes)
        if self._desktop is not None:
            self._desktop.choose(notes=choices.notes, tray=choices.tray)
