"""Reads the details of the shown tags: visible ones first, many in parallel, a few table updates a second."""

from __future__ import annotations

import threading
import time
from collections import deque

from PySide6.QtCore import QObject, QTimer, Slot

from longshore import courtesy
from longshore.application.clients import Clients
from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError, RateLimited, RegistryUnreachable
from longshore.models.tags import TagModel
from longshore.oci.reference import Reference
from longshore.operations.tasks import Tasks
from longshore.registry.model import TagDetails
from longshore.transfers.transfer import RegistryPlace

#: Tags whose details are read in parallel.
READERS = 12
#: Milliseconds between two checks for results.
_LOOK = 50


class _Job:
    """The tags of one repository to read. Shared by the GUI thread and the readers."""

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
        """Add tags that are visible now, ahead of those requested before."""
        fresh = [name for name in names if name not in self.asked]
        self.asked.update(fresh)
        with self._lock:
            self._waiting.extendleft(reversed(fresh))

    @property
    def waiting(self) -> int:
        """The number of tags still to be read."""
        return len(self._waiting)

    def next(self) -> str | None:
        """Return the next tag to read, None if none is left."""
        with self._lock:
            return self._waiting.popleft() if self._waiting else None

    def came(self, details: TagDetails) -> None:
        """Store the details of a tag."""
        with self._lock:
            self._came.append(details)

    def failed(self, name: str, error: LongshoreError) -> None:
        """Store the error of a tag; some errors make trying the others pointless."""
        with self._lock:
            self._failed.append((name, error))
            if isinstance(error, RateLimited | RegistryUnreachable):
                self._failed += [(other, error) for other in self._waiting]
                self._waiting.clear()

    def take(self) -> tuple[list[TagDetails], list[tuple[str, LongshoreError]]]:
        """Return the results since the last call."""
        with self._lock:
            taken = self._came, self._failed
            self._came, self._failed = [], []
            return taken


class DetailsReader(QObject):
    """Reads tag details. GUI thread. Workers never wake the loop for a single tag: a timer collects results."""

    def __init__(self, clients: Clients, tasks: Tasks, tags: TagModel) -> None:
        super().__init__()
        self._clients = clients
        self._tasks = tasks
        self._tags = tags
        self._job: _Job | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK)
        self._timer.timeout.connect(self._look)
        tags.details_requested.connect(self._wanted)

    def begin(self, host: str, repository: str, generation: int, cancellation: Cancellation) -> None:
        """Read details for the tags of this listing from now on; *cancellation* ends that work."""
        self._job = _Job(host, repository, generation, cancellation)

    def stop(self) -> None:
        """Stop collecting results; the owner cancels the reading."""
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
        """Handle the end of a reader. *error* concerns no single tag: errors of tags are stored with their tag."""
        job.readers -= 1
        if error is not None:
            job.failed("", error)
        if job is self._job:
            self._tell(job)
            # Tags may have been requested while this reader ended.
            self._set_to_work(job)
            if not job.readers:
                self._timer.stop()

    def _read_on(self, job: _Job) -> None:
        """Read tags until none is left. Worker thread."""
        client = self._clients.registry(job.host)
        # Docker Hub counts every manifest read as a pull, and its API has already returned the details.
        counts = client.registry.is_hub
        asked, seen = time.monotonic(), dict[Reference, str]()
        while not job.cancellation.cancelled and (name := job.next()) is not None:
            courtesy.give_way()
            try:
                details = client.tag_details(
                    job.repository, name, cheaply=counts, cancellation=job.cancellation
                )
            except LongshoreError as error:
                job.failed(name, error)
            else:
                job.came(details)
                seen[Reference(job.host, job.repository, name, None)] = details.digest
        self._clients.recorder.saw(RegistryPlace(job.host), seen, asked)

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
