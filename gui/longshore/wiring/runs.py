"""Run… and Containers of this image…, and the windows with the output of containers."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot

from longshore.engine.container_model import Container, RunRequest
from longshore.engine.model import ImageDetails
from longshore.errors import LongshoreError
from longshore.library.model import LibraryDetails
from longshore.models.columns import Tone
from longshore.oci.image_name import ImageName
from longshore.oci.local_image import LocalImage
from longshore.operations import Operations, PlaceState, PlaceStatus
from longshore.operations.containers import Run, RunState
from longshore.transfers.transfer import EnginePlace
from longshore.widgets.main_window import MainWindow
from longshore.widgets.run_output import RunWindow
from longshore.wiring.shared import Shared
from longshore.words import errors, runs, text

#: States in which nobody knows how the container is.
_UNKNOWN = (RunState.LEFT, RunState.RETURNING)


class Runs(QObject):
    """Connects what runs containers. GUI thread."""

    def __init__(self, window: MainWindow, operations: Operations, shared: Shared) -> None:
        super().__init__(window)
        self._window = window
        self._operations = operations
        self._containers = operations.containers
        self._shared = shared
        window.image_pane.run_requested.connect(self._run)
        window.image_pane.containers_requested.connect(self._list)

    def _engine(self) -> EnginePlace | None:
        place = self._shared.source()
        return place if isinstance(place, EnginePlace) else None

    # -- Run…

    @Slot(object)
    def _run(self, image: ImageName) -> None:
        from longshore.widgets.dialogs.run import RunSheet

        place = self._engine()
        if place is None:
            return
        sheet = RunSheet(self._window, image)
        sheet.lines_of = lambda request, secrets: self._shared.commands.of_run(request, place, secrets)
        sheet.copy_requested.connect(self._shared.to_clipboard)
        begun: list[Run] = []

        def answer(found: ImageDetails | LibraryDetails | LongshoreError) -> None:
            if not isinstance(found, LibraryDetails):
                sheet.set_details(found)

        def start(request: RunRequest) -> None:
            run = self._containers.run(place, request)
            begun[:] = [run]

            def refused(error: LongshoreError) -> None:
                if run.state is RunState.FAILED:
                    begun.clear()
                    self._containers.forget(run)
                    sheet.answer(error)

            def started() -> None:
                begun.clear()
                run.failed.disconnect(refused)
                sheet.answer(None)
                self._started(run, place)

            run.failed.connect(refused)
            run.started.connect(started)
            run.begin()

        def cancelled() -> None:
            for run in begun:
                self._containers.forget(run)

        sheet.run_requested.connect(start)
        sheet.rejected.connect(cancelled)
        self._operations.images.inspect(place, image, answer)
        sheet.open()

    def _started(self, run: Run, place: EnginePlace) -> None:
        if run.request is not None and run.request.detach:
            words = self.tr("{0} runs in the background.").format(text.safe(run.name, 80))
            self._window.image_pane.explain(words, Tone.GOOD)
            self._containers.forget(run)
            return
        self._show(run, place)

    # -- the output of a container

    def _show(self, run: Run, place: EnginePlace) -> None:
        window = RunWindow(self._window, text.safe(run.name or run.id[:12], 80))
        window.show_output(run.console)
        shown = run.console
        window.stop_requested.connect(run.stop)
        window.remove_requested.connect(run.remove)
        window.follow_requested.connect(run.again)
        window.copy_requested.connect(self._shared.to_clipboard)
        window.quit_requested.connect(self._window.request_close)

        def look() -> None:
            nonlocal shown
            if run.console is not shown:
                shown = run.console
                window.show_output(shown)
            window.asks_first = run.attached
            window.set_state(
                self._state(run),
                no_stop=self._no_stop(run),
                no_remove=self._no_remove(run),
                left=run.state is RunState.LEFT,
            )
            if run.state in (RunState.EXITED, RunState.REMOVED):
                words = runs.advice(run.exit_code, run.console.last)
                if words:
                    window.explain(words, Tone.BAD)

        def failed(error: LongshoreError) -> None:
            window.explain(errors.told(error), Tone.BAD)

        def engine_back(status: PlaceStatus) -> None:
            if status.state is PlaceState.READY and status.place == place:
                run.again()

        def closed() -> None:
            self._operations.images.status_changed.disconnect(engine_back)
            run.changed.disconnect(look)
            run.failed.disconnect(failed)
            self._containers.forget(run)

        run.changed.connect(look)
        run.failed.connect(failed)
        self._operations.images.status_changed.connect(engine_back)
        window.closed.connect(closed)
        look()
        window.show()

    def _state(self, run: Run) -> str:
        match run.state:
            case RunState.STARTING:
                return self.tr("Starting…")
            case RunState.RUNNING:
                return self.tr("Running, from {0}").format(text.safe(run.image, 200))
            case RunState.STOPPING:
                return self.tr("Stopping…")
            case RunState.EXITED:
                return self._ended(run)
            case RunState.REMOVED:
                words = self.tr("Removed.")
                return words if run.exit_code is None else f"{self._ended(run)} {words}"
            case RunState.RETURNING:
                return self.tr("Looking for the container…")
            case RunState.LEFT:
                return self.tr("No longer followed.")
            case RunState.FAILED:
                return self.tr("Not started.")

    @staticmethod
    def _ended(run: Run) -> str:
        return runs.ended(run.exit_code, stopped=run.stopped, out_of_memory=run.out_of_memory)

    def _no_stop(self, run: Run) -> str:
        if run.state is RunState.STOPPING:
            return self.tr("It is being stopped.")
        if run.state in _UNKNOWN:
            return self.tr("It is not known whether it runs. Follow it again first.")
        return "" if run.state is RunState.RUNNING else self.tr("It is not running.")

    def _no_remove(self, run: Run) -> str:
        if run.state is RunState.EXITED:
            return ""
        if run.state in _UNKNOWN:
            return self.tr("It is not known whether it runs. Follow it again first.")
        return (
            self.tr("It is removed already.") if run.state is RunState.REMOVED else self.tr("Stop it first.")
        )

    # -- Containers of this image…

    @Slot(object)
    def _list(self, image: LocalImage) -> None:
        from longshore.widgets.dialogs.containers import ContainersSheet

        place = self._engine()
        if place is None:
            return
        sheet = ContainersSheet(self._window, image.name.shown)
        sheet.stop_requested.connect(lambda one: self._containers.stop(place, one.id, sheet.told))
        sheet.remove_requested.connect(lambda one: self._containers.remove(place, one.id, sheet.told))
        sheet.logs_requested.connect(lambda one: self._follow(place, one))
        images = self._operations.images.images_of(place)
        watching = self._containers.watch(place, image.image_id, images, sheet.show_containers)
        sheet.finished.connect(watching.cancel)
        sheet.open()

    def _follow(self, place: EnginePlace, container: Container) -> None:
        run = self._containers.follow(place, container)
        self._show(run, place)
        run.begin()
