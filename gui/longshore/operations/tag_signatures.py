"""Verifies the signatures of the tags that are visible, while the column Signature is shown."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Slot

from longshore.errors import LongshoreError, RateLimited, RegistryUnreachable
from longshore.oci.descriptor import Descriptor
from longshore.oci.reference import Reference
from longshore.transfers.transfer import Endpoint, RegistryPlace

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.application.signatures.verifying import Verdict
    from longshore.cancellation import Cancellation
    from longshore.models.tags import TagModel
    from longshore.operations.signatures import Signatures
    from longshore.operations.tasks import Tasks

#: Tags that are verified in parallel. Each takes some requests.
READERS = 4
#: Milliseconds between two checks for results.
_LOOK = 100
#: Most verdicts that are kept, by repository and digest.
_KEPT = 5_000
_Key = tuple[str, str, str]


class _Job:
    """The tags of one listing. Shared by the GUI thread and the workers."""

    def __init__(self, host: str, repository: str, generation: int) -> None:
        self.host, self.repository, self.generation = host, repository, generation
        self.readers = 0
        self.cancellations: set[Cancellation] = set()
        self._lock = threading.Lock()
        self._waiting: deque[tuple[str, Descriptor]] = deque()
        #: By tag and digest: while a listing is refreshed, a tag may be asked for what it pointed to before, too.
        self._came: dict[tuple[str, str], Verdict] = {}

    def want(self, tags: list[tuple[str, Descriptor]]) -> None:
        """Add tags that are visible now, ahead of those requested before."""
        with self._lock:
            self._waiting.extendleft(reversed(tags))

    @property
    def waiting(self) -> int:
        """The number of tags still to be verified."""
        return len(self._waiting)

    def next(self) -> tuple[str, Descriptor] | None:
        """Return the next tag to verify, None if none is left."""
        with self._lock:
            return self._waiting.popleft() if self._waiting else None

    def came(self, tag: str, verdict: Verdict) -> None:
        """Store the verdict on a tag."""
        with self._lock:
            self._came[tag, verdict.digest] = verdict

    def failed(self, tag: str, digest: str, error: LongshoreError) -> None:
        """Store why a tag was not verified; some errors make trying the others pointless."""
        from longshore.application.signatures.verifying import unknown

        with self._lock:
            self._came[tag, digest] = unknown(digest, error)
            if isinstance(error, RateLimited | RegistryUnreachable):
                for other, one in self._waiting:
                    self._came[other, one.digest] = unknown(one.digest, error)
                self._waiting.clear()

    def take(self) -> list[tuple[str, Verdict]]:
        """Return the verdicts since the last call, with their tags."""
        with self._lock:
            taken, self._came = self._came, {}
            return [(tag, verdict) for (tag, _), verdict in taken.items()]


class TagSignatures(QObject):
    """Answers ``TagModel.signatures``. GUI thread.

    Verdicts are kept by digest until keys change or a tag's listing is refreshed. Docker Hub is not asked: it counts
    reading the manifest of a signature as a pull.
    """

    def __init__(self, clients: Clients, tasks: Tasks, signatures: Signatures, tags: TagModel) -> None:
        super().__init__()
        self._clients = clients
        self._tasks = tasks
        self._gate = signatures.gate
        self._tags = tags
        self._job: _Job | None = None
        self._kept: OrderedDict[_Key, Verdict] = OrderedDict()
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK)
        self._timer.timeout.connect(self._tell)
        tags.signatures.requested.connect(self._wanted)
        signatures.changed.connect(self._forget)

    def stop(self) -> None:
        """Verify nothing more."""
        self._end()

    def _end(self) -> None:
        self._timer.stop()
        if self._job is not None:
            for cancellation in self._job.cancellations:
                cancellation.cancel()
        self._job = None

    @Slot()
    def _forget(self) -> None:
        """Keys have changed: verify again."""
        self._end()
        self._kept.clear()
        self._tags.signatures.forget()

    @Slot(int, object)
    def _wanted(self, generation: int, tags: list[tuple[str, Descriptor]]) -> None:
        host, repository = self._tags.host, self._tags.repository
        job = self._job
        if job is None or (job.host, job.repository, job.generation) != (host, repository, generation):
            self._end()
            if job is not None and (job.host, job.repository) == (host, repository):
                # The listing was refreshed: signatures may have been added.
                self._kept.clear()
            job = self._job = _Job(host, repository, generation)
        known = {tag: self._kept.get((host, repository, one.digest)) for tag, one in tags}
        found = {tag: verdict for tag, verdict in known.items() if verdict is not None}
        if found:
            self._tags.signatures.set(generation, found.items())
        job.want([(tag, one) for tag, one in tags if tag not in found])
        self._set_to_work(job)

    def _set_to_work(self, job: _Job) -> None:
        for _ in range(min(READERS - job.readers, job.waiting)):
            job.readers += 1
            cancellation = self._tasks.run(
                self._tasks.details,
                lambda cancellation: self._verify(job, cancellation),
                done=lambda _: self._ended(job),
                failed=lambda _: self._ended(job),
                name="signatures of tags",
            )
            job.cancellations.add(cancellation)
            self._timer.start()

    def _ended(self, job: _Job) -> None:
        job.readers -= 1
        if job is self._job:
            self._tell()
            self._set_to_work(job)  # for what was requested while this reader ended
            if not job.readers:
                job.cancellations.clear()
                self._timer.stop()

    def _verify(self, job: _Job, cancellation: Cancellation) -> None:
        """Verify tags until none is left. Worker thread."""
        from longshore.application.signatures.verifying import Reason, SignatureState, Verdict

        hub = self._clients.registry(job.host).registry.is_hub
        while not cancellation.cancelled and (found := job.next()) is not None:
            tag, one = found
            if hub:
                job.came(tag, Verdict(one.digest, SignatureState.UNKNOWN, reason=Reason.COUNTED))
                continue
            reference = Reference(job.host, job.repository, None, one.digest)
            end = Endpoint(RegistryPlace(job.host), reference)
            try:
                job.came(tag, self._gate.verify(end, self._clients, cancellation, known=one))
            except LongshoreError as error:
                job.failed(tag, one.digest, error)

    @Slot()
    def _tell(self) -> None:
        job = self._job
        if job is None:
            return
        came = job.take()
        if came:
            from longshore.application.signatures.verifying import SignatureState

            for _, verdict in came:
                if verdict.state is not SignatureState.UNKNOWN:
                    self._kept[job.host, job.repository, verdict.digest] = verdict
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            self._tags.signatures.set(job.generation, came)
