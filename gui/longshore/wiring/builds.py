"""Builds: the sheet, the output, and the image that a build ends with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Slot

from longshore.oci.reference import Reference
from longshore.operations import Operations
from longshore.transfers.transfer import EnginePlace, Operation, TransferSnapshot
from longshore.widgets.main_window import MainWindow
from longshore.wiring.shared import Shared
from longshore.words import engines

if TYPE_CHECKING:
    from longshore.operations.place_watch import PlaceStatus
    from longshore.transfers.builds import Build
    from longshore.widgets.build_output import BuildOutputWindow


class Builds(QObject):
    """Connects builds. GUI thread."""

    def __init__(self, window: MainWindow, operations: Operations, shared: Shared) -> None:
        super().__init__(window)
        self.window = window
        self.operations = operations
        self._shared = shared
        # What was selected when each build was asked for, by its transfer and then by its image.
        self._asked: dict[str, set[str]] = {}
        self._expected: dict[Reference | str, set[str]] = {}
        self._outputs: dict[str, BuildOutputWindow] = {}
        images, transfers = window.image_pane, operations.transfers
        images.build_requested.connect(lambda: self.open(""))
        # Queued: a drop must return before a sheet opens.
        images.model.folder_dropped.connect(self.open, Qt.ConnectionType.QueuedConnection)
        window.transfer_pane.output_requested.connect(self._show_output)
        transfers.succeeded.connect(self._succeeded)
        transfers.tally_changed.connect(self._follow)
        operations.images.arrived.connect(self._arrived)
        operations.images.status_changed.connect(self._place_changed)
        self._place = operations.images.status.place

    @Slot(str)
    def open(self, folder: str) -> None:
        """Open the sheet, filled for *folder*; "" for the last one."""
        from longshore.engine.model import ImageStore
        from longshore.widgets.dialogs.build import BuildSheet

        status = self.operations.images.status
        place = status.place
        if not isinstance(place, EnginePlace):
            self.window.image_pane.refuse(self.window.image_pane.no_build())
            return
        builds = self.operations.builds
        sheet = BuildSheet(
            self.window,
            place,
            engines.title(place.address, status.info, status.error),
            folder or builds.last_folder(),
            podman=None if status.info is None else status.info.store is ImageStore.PODMAN,
        )
        sheet.look_requested.connect(lambda path, file: builds.look(path, file, sheet.show_facts))
        sheet.choices_requested.connect(lambda path: sheet.show_choices(builds.last_choices(Path(path))))
        sheet.build_requested.connect(self._build)
        sheet.offer_commands(
            lambda: self._shared.commands.of_requests(sheet.requests()), self._shared.to_clipboard
        )
        sheet.open()
        sheet.start()

    @Slot(object)
    def _build(self, build: Build) -> None:
        self.operations.builds.remember(build)
        selected = self.window.image_pane.selected_keys()
        for transfer in self.operations.transfers.ask([build.request()]):
            self._asked[transfer] = set(selected)

    # -- the image

    @Slot(object)
    def _succeeded(self, snapshot: TransferSnapshot) -> None:
        selected = self._asked.pop(snapshot.id, None)
        if selected is not None and snapshot.request.destination.place == self._place:
            self._expected[snapshot.request.destination.reference or snapshot.digest] = selected

    @Slot(object)
    def _arrived(self, sought: Reference | str) -> None:
        """Select the image that was built, ready to be dragged, unless the user has selected others meanwhile."""
        selected = self._expected.pop(sought, None)
        pane = self.window.image_pane
        if selected is not None and pane.select_image(sought, selected):
            for others in (*self._asked.values(), *self._expected.values()):
                others |= pane.selected_keys()  # not the user's selection either

    @Slot(object)
    def _place_changed(self, status: PlaceStatus) -> None:
        if status.place != self._place:
            self._place = status.place
            self._expected.clear()

    # -- the output

    @Slot(str)
    def _show_output(self, transfer: str) -> None:
        from longshore.widgets.build_output import BuildOutputWindow

        shown = self._outputs.get(transfer)
        if shown is None:
            snapshot = self.window.transfer_pane.model.snapshot(transfer)
            if snapshot is None or snapshot.request.operation is not Operation.BUILD:
                return
            place = snapshot.request.source.place
            name = getattr(place, "path", Path()).name
            shown = BuildOutputWindow(self.window, transfer, self.tr("Build of {0}").format(name))
            self._outputs[transfer] = shown
            shown.cancel_requested.connect(lambda row: self.operations.transfers.queue.cancel([row]))
            shown.copy_requested.connect(self._shared.to_clipboard)
            shown.quit_requested.connect(self.window.request_close)
            shown.closed.connect(self._closed)
        self._follow()
        shown.show()
        shown.raise_()
        shown.activateWindow()

    @Slot(str)
    def _closed(self, transfer: str) -> None:
        self._outputs.pop(transfer, None)

    @Slot()
    def _follow(self) -> None:
        queue = self.operations.transfers.queue
        for transfer, shown in list(self._outputs.items()):
            snapshot = self.window.transfer_pane.model.snapshot(transfer)
            if snapshot is not None:
                before = shown.after
                shown.show_state(snapshot, queue.output(transfer, before))
                if shown.after < before:  # it was started again
                    shown.show_state(snapshot, queue.output(transfer))
