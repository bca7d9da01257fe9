"""Clean up…, what images take on disk, and pinned images."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError
from longshore.oci.reference import Reference
from longshore.operations import LocalPlace, Operations
from longshore.operations.engines import EngineState
from longshore.transfers.tag_changes import TagOperation
from longshore.transfers.transfer import EnginePlace
from longshore.widgets.main_window import MainWindow
from longshore.wiring.shared import Shared
from longshore.wiring.undo import Undo
from longshore.words import engines as engine_text

if TYPE_CHECKING:
    from longshore.application.cleanup.plan import Contents, Part
    from longshore.application.cleanup.rules import Rules
    from longshore.application.cleanup.running import Outcome
    from longshore.oci.local_image import LocalImage
    from longshore.operations.cleanup import CleanUps
    from longshore.widgets.dialogs.clean_up import CleanUpSheet


class CleanUp(QObject):
    """Connects the sheet of clean-ups, the footer of Local images, and its pins. GUI thread."""

    def __init__(self, window: MainWindow, operations: Operations, shared: Shared, undo: Undo) -> None:
        super().__init__(window)
        self.window = window
        self.operations = operations
        self._shared = shared
        self._undo = undo
        pane = window.image_pane
        pane.clean_up_requested.connect(self._open)
        pane.pin_requested.connect(self._pin)
        usage = operations.usage
        usage.changed.connect(lambda latest: pane.set_usage(latest, usage.known))
        operations.images.images_changed.connect(self._show_pins)

    @Slot()
    def _show_pins(self) -> None:
        self.window.image_pane.model.set_pinned(self.operations.cleanup.pins.all())

    @Slot(object, bool)
    def _pin(self, references: list[Reference], on: bool) -> None:
        pins = self.operations.cleanup.pins
        (pins.add if on else pins.remove)(references)
        self._show_pins()

    @Slot()
    def _open(self) -> None:
        from longshore.widgets.dialogs.clean_up import CleanUpSheet

        images, cleanup = self.operations.images, self.operations.cleanup
        found = images.engines.found
        names: dict[LocalPlace, str] = {
            EnginePlace(each.address): engine_text.name(each.address) for each in found
        }
        names[images.library] = self._shared.place_name(images.library)
        choices: list[tuple[str, list[LocalPlace]]] = [
            (engine_text.title(each.address, each.info, each.error), [EnginePlace(each.address)])
            for each in found
        ]
        ready: list[LocalPlace] = [
            EnginePlace(each.address) for each in found if each.state is EngineState.READY
        ]
        if len(ready) > 1:
            choices.append((self.tr("All {0} engines").format(len(ready)), ready))
        choices.append((names[images.library], [images.library]))
        place = images.status.place
        current = next((number for number, (_, several) in enumerate(choices) if several == [place]), 0)
        sheet = CleanUpSheet(self.window, choices, current, names)
        _Run(sheet, cleanup, self._ended)
        images.engines.look()
        sheet.start()
        sheet.open()

    def _ended(self, outcomes: list[Outcome]) -> None:
        """Show the images as they are now, and offer to undo what was removed."""
        self.operations.images.refresh()
        names = [one for outcome in outcomes for one in outcome.names if one.error is None]
        if not any(one.image.reference is not None for one in names):
            return  # nothing that Undo could name
        message = (
            self.tr("Cleaned up: 1 name was removed.")
            if len(names) == 1
            else self.tr("Cleaned up: {0} names were removed.").format(f"{len(names):,}")
        )
        self._undo.offer(self.window.image_pane, message, TagOperation.CLEAN_UP)


class _Run(QObject):
    """Connects one sheet. Work that it has started ends with it, but for a run: that is stopped by its button."""

    def __init__(self, sheet: CleanUpSheet, cleanup: CleanUps, told: Callable[[list[Outcome]], None]) -> None:
        super().__init__(sheet)
        self._sheet = sheet
        self._cleanup = cleanup
        self._told = told
        self._work: list[Cancellation] = []
        self._planning: Cancellation | None = None
        sheet.places_chosen.connect(self._read)
        sheet.plan_requested.connect(self._plan)
        sheet.states_requested.connect(self._compare)
        sheet.run_requested.connect(self._carry_out)
        sheet.finished.connect(self._cancel)

    @Slot(object)
    def _read(self, places: list[LocalPlace]) -> None:
        self._cancel()
        for place in places:
            self._work.append(self._cleanup.read(place, partial(self._sheet.show_contents, place)))

    @Slot(object, object)
    def _plan(self, contents: list[Contents], rules: Rules) -> None:
        if self._planning is not None:
            self._planning.cancel()
        self._planning = self._cleanup.plan(contents, rules, self._sheet.show_plans)

    @Slot(object, object)
    def _compare(self, place: LocalPlace, images: list[LocalImage]) -> None:
        self._work.append(self._cleanup.states(place, images, partial(self._sheet.show_states, place)))

    @Slot(object)
    def _carry_out(self, parts: list[Part]) -> None:
        self._cancel()
        stop = self._cleanup.run(parts, self._sheet.show_running, self._ended)
        self._sheet.stop_requested.connect(stop.cancel)

    def _ended(self, outcome: list[Outcome] | LongshoreError) -> None:
        self._sheet.show_result(outcome)
        self._told([] if isinstance(outcome, LongshoreError) else outcome)

    @Slot()
    def _cancel(self) -> None:
        for one in (*self._work, self._planning):
            if one is not None:
                one.cancel()
        self._work.clear()
        self._planning = None
