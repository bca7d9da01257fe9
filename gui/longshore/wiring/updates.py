"""Update and Update all…: the sheet with the plan, its snoozes, and the transfers that follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from longshore.oci.reference import DOCKER_HUB
from longshore.operations import LocalPlace, Operations, PlaceState
from longshore.widgets.main_window import MainWindow
from longshore.wiring.shared import Shared

if TYPE_CHECKING:
    from datetime import date

    from longshore.application.updates.model import Update, UpdatePlan
    from longshore.cancellation import Cancellation
    from longshore.errors import LongshoreError
    from longshore.oci.local_image import LocalImage
    from longshore.oci.reference import Reference
    from longshore.widgets.dialogs.updates import UpdateSheet


class Updates(QObject):
    """Connects the pane of local images with the plans of updates. GUI thread."""

    def __init__(self, window: MainWindow, operations: Operations, shared: Shared) -> None:
        super().__init__(window)
        self._window = window
        self._operations = operations
        self._shared = shared
        window.image_pane.update_requested.connect(self._update)
        window.image_pane.update_all_requested.connect(self._update_all)

    @Slot(object)
    def _update(self, images: list[LocalImage]) -> None:
        references = [image.reference for image in images if image.reference is not None]
        title = (
            self.tr("Update {0}").format(references[0].familiar)
            if len(references) == 1
            else self.tr("Update {0} images").format(f"{len(references):,}")
        )
        place = self._shared.source()
        if place is not None:
            self._open(title, [place], references)

    @Slot()
    def _update_all(self) -> None:
        """Update what is shown: the images of one place, or those of all that respond."""
        images = self._operations.images
        if images.showing_all:
            ready = [one for one in images.places if images.status_of(one).state is PlaceState.READY]
            if len(ready) > 1:
                self._open(self.tr("Update all images"), ready, [])
                return
        place = self._shared.place()
        if place is not None:
            title = self.tr("Update all images of {0}").format(self._shared.place_title(place))
            self._open(title, [place], [])

    def _open(self, title: str, places: list[LocalPlace], references: list[Reference]) -> None:
        from longshore.widgets.dialogs.updates import UpdateSheet

        updates = self._operations.updates
        names = {place: self._shared.place_title(place) for place in places} if len(places) > 1 else {}
        sheet = UpdateSheet(self._window, title, updates.snoozes, names)
        sheet.budget = lambda: self._operations.clients.budget_of(DOCKER_HUB)
        _Plan(sheet, self._operations, places, references)
        sheet.transfers_requested.connect(self._operations.transfers.ask)
        sheet.offer_commands(
            lambda: self._shared.commands.of_requests([one.request for one in sheet.model.ticked()]),
            self._shared.to_clipboard,
        )
        sheet.start()
        sheet.open()


class _Plan(QObject):
    """Connects one sheet. Plans that are not needed any more are cancelled."""

    def __init__(
        self,
        sheet: UpdateSheet,
        operations: Operations,
        places: list[LocalPlace],
        references: list[Reference],
    ) -> None:
        super().__init__(sheet)
        self._sheet = sheet
        self._updates = operations.updates
        self._places = places
        self._references = references
        self._planning: Cancellation | None = None
        sheet.age_chosen.connect(self._choose_age)
        sheet.plan_requested.connect(self._plan)
        sheet.snooze_requested.connect(self._snooze)
        sheet.wake_requested.connect(self._wake)
        sheet.finished.connect(self._cancel)

    @Slot(int)
    def _choose_age(self, days: int) -> None:
        if days != self._updates.snoozes.minimum_age:
            self._updates.snoozes.minimum_age = days

    @Slot(bool)
    def _plan(self, major: bool) -> None:
        self._cancel()
        wanted = self._updates.wanted(major=major, only=self._references)
        self._planning = self._updates.plan(self._places, wanted, self._sheet.show_progress, self._show)

    def _show(self, found: UpdatePlan | LongshoreError) -> None:
        self._planning = None
        self._sheet.show_plan(found)

    @Slot(object, object)
    def _snooze(self, updates: list[Update], until: date | None) -> None:
        self._updates.snooze(updates, until)
        self._judge()

    @Slot(object)
    def _wake(self, updates: list[Update]) -> None:
        self._updates.wake([one.reference for one in updates])
        self._judge()

    def _judge(self) -> None:
        if self._sheet.plan is not None:
            self._sheet.show_judged(self._updates.judged(self._sheet.plan))

    @Slot()
    def _cancel(self) -> None:
        if self._planning is not None:
            self._planning.cancel()
            self._planning = None
