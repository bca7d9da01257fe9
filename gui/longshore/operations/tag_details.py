"""Reads the details of the tags shown: those in sight first, many at once, told to the table a few times a second."""

from __future__ import annotations

import threading
from collections import deque

from PySide6.QtCore import QObject, QTimer, Slot

from longshore.application.clients import Clients
from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError, RateLimited, RegistryUnreachable
from longshore.models.tags import TagModel
from longshore.operations.tasks import Tasks
from longshore.registry.model import TagDetails

#: Tags whose details are read at once.
READERS = 12
#: Milliseconds between two looks at what came.
_LOOK = 50


class _Job:
    """The tags of one repository that are to be read. Shared by the GUI thread and the readers."""

    def __init__(self, host: str, repository: str, generation: int, cancellation: Cancellation) -> None:
        self.host = host
        self.repository = repository
        self.generation = generation
        self.cancellation = cancellation
        self.asked: set[str] = set()
        self.readers = 0
        self._lock = threading.Lock()
        self._waiting: deque[str] = deque()
        self._came: list[TagDetails] = []
        self._failed: list[tuple[str, LongshoreError]] = []

    def want(self, names: list[str]) -> None:
        """These are looked at now: they go before what was looked at a moment ago."""
        fresh = [name for name in names if name not in self.asked]
        self.asked.update(fresh)
        with self._lock:
            self._waiting.extendleft(reversed(fresh))

    @property
    def waiting(self) -> int:
        """How many are still to be begun."""
        return len(self._waiting)

    def next(self) -> str | None:
        """One to read; None when none is left."""
        with self._lock:
            return self._waiting.popleft() if self._waiting else None

    def came(self, details: TagDetails) -> None:
        """One was read."""
        with self._lock:
            self._came.append(details)

    def failed(self, name: str, error: LongshoreError) -> None:
        """One could not be read; after some errors, the others need not be tried."""
        with self._lock:
            self._failed.append((name, error))
            if isinstance(error, RateLimited | RegistryUnreachable):
                self._failed += [(other, error) for other in self._waiting]
                self._waiting.clear()

    def take(self) -> tuple[list[TagDetails], list[tuple[str, LongshoreError]]]:
        """What came since the last time."""
        with self._lock:
            taken = self._came, self._failed
            self._came, self._failed = [], []
            return taken


class DetailsReader(QObject):
    """GUI thread. Workers read, and never wake the loop for a single tag: a timer looks while they work."""

    def __init__(self, clients: Clients, tasks: Tasks, tags: TagModel) -> None:
        super().__init__()
        self._services = clients
        self._tasks = tasks
        self._tags = tags
        self._job: _Job | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK)
        self._timer.timeout.connect(self._look)
        tags.details_wanted.connect(self._wanted)

    def begin(self, host: str, repository: str, generation: int, cancellation: Cancellation) -> None:
        """The tags of this listing are shown from now on; *cancellation* ends the work on them."""
        self._job = _Job(host, repository, generation, cancellation)

    def stop(self) -> None:
        """Nothing is shown any more; the owner pulls the cancellation."""
        self._job = None
        self._timer.stop()

    @Slot(int, object)
    def _wanted(self, generation: int, names: list[str]) -> None:
        job = self._job
        if job is None or generation != job.generation:
            return
        job.want(names)
        self._set_to_work(job)

    def _set_to_work(self, job: _Job) -> None:
        for _ in range(min(READERS - job.readers, job.waiting)):
            job.readers += 1
            self._tasks.run(
                self._tasks.details,
                lambda _: self._read_on(job),
                done=lambda _: self._ended(job),
                failed=lambda error: self._ended(job, error),
                name="tag details",
            )
            self._timer.start()

    def _ended(self, job: _Job, error: LongshoreError | None = None) -> None:
        """One of its readers has ended. *error*: of no single tag, since those are kept with their tag."""
        job.readers -= 1
        if error is not None:
            job.failed("", error)
        if job is self._job:
            self._tell(job)
            # Some may have been wished for while this one ended.
            self._set_to_work(job)
            if not job.readers:
                self._timer.stop()

    def _read_on(self, job: _Job) -> None:
        """In a worker thread, until none is left."""
        client = self._services.registry(job.host)
        # Docker Hub counts every manifest that is read as a pull; its API has told what there is to tell.
        counts = client.registry.is_hub
        while not job.cancellation.cancelled and (name := job.next()) is not None:
            try:
                details = client.tag_details(
                    job.repository, name, cheaply=counts, cancellation=job.cancellation
                )
            except LongshoreError as error:
                job.failed(name, error)
            else:
                job.came(details)

    @Slot()
    def _look(self) -> None:
        if self._job is not None:
            self._tell(self._job)

    def _tell(self, job: _Job) -> None:
        if job.cancellation.cancelled:
            return
        came, failed = job.take()
        if came:
            self._tags.set_details(job.generation, *came)
        for name, error in failed:
            self._tags.details_failed(job.generation, name, error)
