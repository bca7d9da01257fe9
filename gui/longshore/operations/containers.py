"""Containers of an engine: run from an image and followed, listed, stopped and removed."""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal, Slot

from longshore.application.clients import Clients
from longshore.application.console import Console
from longshore.cancellation import Cancellation, Cancelled
from longshore.engine.container_model import (
    Container,
    Ended,
    OutputPiece,
    RunRequest,
    Started,
)
from longshore.engine.containers import by_image
from longshore.errors import ContainerUnknown, LongshoreError
from longshore.operations.tasks import Tasks
from longshore.transfers.transfer import EnginePlace

if TYPE_CHECKING:
    from longshore.engine.engine import Engine
    from longshore.oci.local_image import LocalImage

#: Seconds between an event of a container and a list that surely shows it.
SETTLED = 0.25


class RunState(enum.Enum):
    """The state of a container that is followed.

    LEFT: it was running when the reading ended, because the user left it or the engine was lost.
    RETURNING: it is looked for again.
    """

    STARTING = enum.auto()
    RUNNING = enum.auto()
    STOPPING = enum.auto()
    EXITED = enum.auto()
    LEFT = enum.auto()
    RETURNING = enum.auto()
    FAILED = enum.auto()
    REMOVED = enum.auto()


class Run(QObject):
    """A container whose output is read into :attr:`console`. GUI thread; every method returns at once.

    *request*: None for one that was there before. It stays readable when it has ended; its container keeps running if
    it is left alone.
    """

    changed = Signal()
    started = Signal()
    failed = Signal(object)  # LongshoreError: why it was not started, stopped or removed
    _event = Signal(object)  # Started, Ended

    def __init__(
        self,
        engine: Engine,
        tasks: Tasks,
        image: str,
        request: RunRequest | None,
        container: Container | None,
    ) -> None:
        super().__init__()
        self._engine = engine
        self._tasks = tasks
        self.image = image
        self.request = request
        self.console = Console()
        self.id = container.id if container is not None else ""
        self.name = container.name if container is not None else ""
        self.state = RunState.STARTING
        self.exit_code: int | None = None
        self.out_of_memory = False
        #: Whether the user has stopped it.
        self.stopped = False
        self.error: LongshoreError | None = None
        self._cancellation: Cancellation | None = None
        self._read = self._forgotten = False
        self._event.connect(self._take, Qt.ConnectionType.QueuedConnection)
        if container is not None:
            self.state = RunState.RUNNING if container.state.alive else RunState.EXITED
            self.exit_code = container.exit_code

    @property
    def running(self) -> bool:
        """Whether the container runs, as far as is known."""
        return self.state in (RunState.RUNNING, RunState.STOPPING)

    @property
    def attached(self) -> bool:
        """Whether it was started to be followed, and still runs."""
        return self.request is not None and self.running

    def begin(self) -> None:
        """Start it, or read what is there."""
        cancellation = self._cancellation = self._tasks.cancellation()
        if self._tasks.spawn(self._follow(cancellation), "follow a container") is None:
            self._tasks.release(cancellation)

    def again(self) -> None:
        """Look for a container that was left, and follow it again. Its latest output is in a new :attr:`console`."""
        if self.state is RunState.LEFT and self.id and self._read and not self._forgotten:
            self.console = Console()
            self.error, self._read = None, False
            self._become(RunState.RETURNING)
            self.begin()

    async def _follow(self, cancellation: Cancellation) -> None:
        try:
            await self._tasks.call(self._tasks.runs, self._work, cancellation)
        except Cancelled:
            if self.state is RunState.STARTING:
                self._become(RunState.FAILED)
            elif self.state is RunState.RETURNING:
                self._become(RunState.LEFT)
        except LongshoreError as error:
            self._lost(error)
        else:
            # Queued after the events of the worker.
            self._event.emit(None)
        finally:
            self._tasks.release(cancellation)
            self._read = True
            self._end()

    def _work(self, cancellation: Cancellation) -> None:
        console = self.console
        with contextlib.closing(self._events(cancellation)) as events:
            for event in events:
                if isinstance(event, OutputPiece):
                    console.feed(event.data, event.error)
                else:
                    self._event.emit(event)

    def _events(self, cancellation: Cancellation) -> Generator[Started | OutputPiece | Ended]:
        containers = self._engine.containers
        if self.state is RunState.RETURNING:
            if containers.exit_code(self.id) is None:
                yield Started(self.id, self.name)
            yield from containers.follow(self.id, cancellation)
        elif self.request is not None:
            yield from containers.run(self.request, cancellation)
        else:
            yield from containers.follow(self.id, cancellation)

    @Slot(object)
    def _take(self, event: Started | Ended | None) -> None:
        if event is None:
            # The end without an exit code: a detached container runs on.
            if self.running:
                self._become(RunState.LEFT)
        elif isinstance(event, Started) and self.state is not RunState.STARTING:
            if self.state is RunState.RETURNING:
                self._become(RunState.RUNNING)
        elif isinstance(event, Started):
            self.id, self.name = event.id, event.name
            if self._forgotten:
                self._discard()
                return
            self._become(RunState.RUNNING)
            self.started.emit()
        elif self.state is not RunState.REMOVED:
            self.exit_code, self.out_of_memory = event.exit_code, event.out_of_memory
            removed = self.request is not None and self.request.remove
            self._become(RunState.REMOVED if removed else RunState.EXITED)

    def _lost(self, error: LongshoreError) -> None:
        self.error = error
        if self.state is RunState.STARTING:
            self._become(RunState.FAILED)
        else:
            self._become(RunState.REMOVED if isinstance(error, ContainerUnknown) else RunState.LEFT)
        self.failed.emit(error)

    def _become(self, state: RunState) -> None:
        self.state = state
        self.changed.emit()

    def leave(self) -> None:
        """Stop reading; the container keeps running."""
        if self._cancellation is not None:
            self._cancellation.cancel()
        if self.running:
            self._become(RunState.LEFT)

    def forget(self) -> None:
        """Leave it; one that has not started yet leaves no container. The object goes once its worker has ended."""
        self.leave()
        self._forgotten = True
        self._end()

    def _end(self) -> None:
        if self._read and self._forgotten:
            self.deleteLater()

    def _discard(self) -> None:
        """Remove a container that started although the user had cancelled: nobody knows of it."""
        self._tasks.run(
            self._tasks.runs,
            lambda _: self._engine.containers.remove(self.id, force=True),
            name="remove a container that was cancelled",
        )

    def stop(self) -> None:
        """Ask the container to stop; it is killed after ten seconds."""
        if self.state is not RunState.RUNNING:
            return
        self.stopped = True
        self._become(RunState.STOPPING)

        def failed(error: LongshoreError) -> None:
            if self.state is RunState.STOPPING:
                self._become(RunState.RUNNING)
            self.failed.emit(error)

        self._tasks.run(
            self._tasks.runs,
            lambda _: self._engine.containers.stop(self.id),
            failed=failed,
            name="stop a container",
        )

    def remove(self) -> None:
        """Remove the container, which has exited."""
        self._tasks.run(
            self._tasks.quick,
            lambda _: self._engine.containers.remove(self.id),
            done=lambda _: self._become(RunState.REMOVED),
            failed=self.failed.emit,
            name="remove a container",
        )


class Containers(QObject):
    """Containers of engines. GUI thread; every method returns at once, and answers are given in the GUI thread."""

    _listed = Signal(object)  # a function to call in the GUI thread

    def __init__(self, clients: Clients, tasks: Tasks) -> None:
        super().__init__()
        self._listed.connect(self._tell, Qt.ConnectionType.QueuedConnection)
        self._clients = clients
        self._tasks = tasks
        self.runs: list[Run] = []

    def run(self, place: EnginePlace, request: RunRequest) -> Run:
        """Return the run of *request*, not begun yet."""
        return self._kept(Run(self._clients.engine(place.address), self._tasks, request.image, request, None))

    def follow(self, place: EnginePlace, container: Container) -> Run:
        """Return the reading of the output of *container*, not begun yet."""
        engine = self._clients.engine(place.address)
        return self._kept(Run(engine, self._tasks, container.image, None, container))

    def _kept(self, run: Run) -> Run:
        self.runs.append(run)
        return run

    def forget(self, run: Run) -> None:
        """Leave *run* and forget it."""
        if run in self.runs:
            self.runs.remove(run)
            run.forget()

    @property
    def attached(self) -> list[Run]:
        """The runs that were started to be followed and still run."""
        return [run for run in self.runs if run.attached]

    def watch(
        self,
        place: EnginePlace,
        image_id: str,
        images: Sequence[LocalImage],
        found: Callable[[list[Container] | LongshoreError], None],
    ) -> Cancellation:
        """Report the containers of the image *image_id* now and after each change, until cancelled.

        *images*: all of the engine. A failure is reported once; then nothing more.
        """
        engine = self._clients.engine(place.address)

        def look(cancellation: Cancellation) -> None:
            with contextlib.closing(engine.containers.changes(cancellation)) as changes:
                for number, _ in enumerate(changes):
                    # dockerd reports the end of a container shortly before its lists show it.
                    if number and cancellation.wait(SETTLED):
                        return
                    rows = by_image(engine.containers.all(), images).get(image_id, [])
                    self._listed.emit(lambda rows=rows: None if cancellation.cancelled else found(rows))

        return self._tasks.run(self._tasks.runs, look, failed=found, name="watch containers")

    @Slot(object)
    def _tell(self, tell: Callable[[], None]) -> None:
        tell()

    def stop(self, place: EnginePlace, about: str, done: Callable[[LongshoreError | None], None]) -> None:
        """Stop a container by its id."""
        self._short(lambda engine: engine.containers.stop(about), place, done)

    def remove(self, place: EnginePlace, about: str, done: Callable[[LongshoreError | None], None]) -> None:
        """Remove a container, which does not run, by its id."""
        self._short(lambda engine: engine.containers.remove(about), place, done)

    def _short(
        self,
        work: Callable[[Engine], object],
        place: EnginePlace,
        done: Callable[[LongshoreError | None], None],
    ) -> None:
        engine = self._clients.engine(place.address)
        self._tasks.run(
            self._tasks.runs,
            lambda _: work(engine),
            done=lambda _: done(None),
            failed=done,
            name="containers",
        )
