"""A pull whose layers Longshore fetches.

The engine takes them over loopback while they arrive, under a passing name, and then pulls the true name, for which
nothing is left to fetch.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import TYPE_CHECKING

from longshore.cancellation import Cancellation, Cancelled
from longshore.engine.stream import Finished, Note
from longshore.errors import (
    DiskFull,
    EngineFailure,
    EngineLost,
    EngineUnavailable,
    LibraryError,
    LongshoreError,
    RegistryUnreachable,
)
from longshore.oci.digest import short
from longshore.oci.layer import LayerProgress, LayerState
from longshore.oci.reference import Reference
from longshore.transfers.errors import internal_error
from longshore.transfers.transfer import NoteKind, Phase, WayReason
from longshore.transfers.ways.fetching.fetcher import Fetcher
from longshore.transfers.ways.passing import drop

if TYPE_CHECKING:
    from longshore.credentials import Credential
    from longshore.engine.engine import Engine
    from longshore.library.leases import Lease
    from longshore.library.library import Library
    from longshore.loopback.offer import Blob
    from longshore.oci.manifest import Index, Manifest
    from longshore.transfers.hand_over import HandOver
    from longshore.transfers.ways.pull_choice import Found
    from longshore.transfers.ways.way import Job

_log = logging.getLogger(__name__)

#: Seconds between two checks whether the transfer was asked to stop.
_SLICE = 0.1
#: Seconds for the threads to end.
_LEAVE_SECONDS = 2.0
#: What an engine reports about fetching. It is not shown: what counts is when the bytes reach this machine.
_FETCHING = frozenset(
    {LayerState.WAITING, LayerState.CHECKING, LayerState.TRANSFERRING, LayerState.TRANSFERRED}
)


class NotTakenError(Exception):
    """The engine did not take the image from Longshore, and pulls it by itself. What arrived is kept."""

    def __init__(self, reason: WayReason | None) -> None:
        super().__init__("the engine did not take the image")
        self.reason = reason


class HandingOver:
    """One attempt. Belongs to the job's thread, and starts helper threads. To be closed."""

    def __init__(
        self, job: Job, shared: HandOver, found: Found, reference: Reference, engine: Engine
    ) -> None:
        self._job = job
        self._shared = shared
        self._found = found
        self._reference = reference
        self._engine = engine
        self._library: Library = job.clients.library(shared.library)
        self._layers = {short(layer.digest): layer.digest for layer in found.layers}
        self._lock = threading.Lock()
        self._with_engine: set[str] = set()  # digests of layers that it has or unpacks
        self._name: Reference | None = None  # the passing name, once the engine has the image
        self._failed: LongshoreError | None = None  # why the layers could not be fetched

    def take(self) -> None:
        """Fetch the layers while the engine takes them. Afterwards it has the image under a passing name.

        Raises NotTakenError, the errors of fetching and of an engine that is away, and Cancelled, also when the
        transfer is asked to stop.
        """
        job, found = self._job, self._found
        job.progress.expect(found.layers)
        job.planned(found.prospect.plan)
        lease = self._library.lease()
        with contextlib.closing(lease), job.cancellation.below() as inner:
            self._keep_sample(lease, inner)
            fetcher = Fetcher(
                job.clients.registry(self._reference.domain),
                self._reference.path,
                self._library,
                lease,
                bandwidth=job.clients.bandwidth,
                connections=self._shared.connections,
                told=self._told,
                cancellation=inner,
            )
            with fetcher:
                fetcher.want((found.image.config, *found.missing))
                self._hand_over(fetcher, inner)
        job.cancellation.raise_if_cancelled()

    def confirm(self, credential: Credential | None) -> Finished:
        """Have the engine pull the true name, which moves no layers unless the tag points elsewhere by now."""
        job = self._job
        job.progress.enter(Phase.VERIFYING)
        stream = self._engine.pull(
            self._reference,
            platform=job.request.platform,
            credential=credential,
            cancellation=job.cancellation,
        )
        with contextlib.closing(stream) as events:
            for event in events:
                match event:
                    case LayerProgress(state=LayerState.TRANSFERRING | LayerState.EXTRACTING):
                        job.progress.feed(event)
                    case Note(text):
                        job.tell(NoteKind.ENGINE_SAYS, text)
                    case Finished():
                        return event
        raise EngineFailure("The engine did not report how the pull ended.", subject=self._reference.familiar)

    def close(self) -> None:
        """Remove the passing name. An image without its true name goes with it."""
        if self._name is not None:
            drop(self._engine, self._name)

    def free(self) -> None:
        """Free what was fetched: the engine has it. What an image of the library or another engine needs stays."""
        image = self._found.image
        others = [row for row, engine in self._job.beside().items() if self._shared.reaches(engine)]
        digests = self._shared.kept.release(self._job.id, (image.config, *image.layers), others)
        try:
            self._library.free(digests)
        except LongshoreError as error:
            _log.info("what was fetched is not freed: %s %s", error, error.detail)

    # -- inside

    def _keep_sample(self, lease: Lease, cancellation: Cancellation) -> None:
        """Store the bytes that were fetched to measure the speed, so that they are not fetched again."""
        if self._found.sample is None:
            return
        blob, data = self._found.sample
        with contextlib.suppress(LongshoreError):  # the fetcher will see the same error
            arriving = self._library.arrive_at_once(blob, lease, cancellation)
            if arriving is not None:
                with contextlib.closing(arriving):
                    arriving.write(0, data)

    def _hand_over(self, fetcher: Fetcher, inner: Cancellation) -> None:
        shelf = _Shelf(self._found, fetcher)
        with self._shared.loopback.offer(shelf, inner) as offer:
            shelf.tag = offer.offered.tag
            name = Reference(offer.offered.host, offer.offered.repository, offer.offered.tag)
            ended = threading.Event()
            watch = threading.Thread(
                target=self._watch, args=(fetcher, inner, ended), name="transfers-hand-over", daemon=True
            )
            watch.start()
            self._job.progress.enter(None)
            try:
                self._pull(name, fetcher, inner)
                self._name = name
            except Cancelled:
                self._explain(None, reached=offer.reached)
            except LongshoreError as error:
                self._explain(error, reached=offer.reached)
            finally:
                ended.set()
                watch.join(_LEAVE_SECONDS)
                if self._name is None:
                    drop(self._engine, name)

    def _pull(self, name: Reference, fetcher: Fetcher, inner: Cancellation) -> None:
        stream = self._engine.take_over(name, platform=self._job.request.platform, cancellation=inner)
        with contextlib.closing(stream) as events:
            for event in events:
                self._tell_way()  # it has reached us
                if not isinstance(event, LayerProgress):
                    continue
                digest = self._layers.get(event.layer_id)
                if digest is None or event.state in _FETCHING:
                    continue
                with self._lock:
                    self._with_engine.add(digest)
                if event.state is LayerState.SKIPPED:
                    fetcher.leave(digest)
                self._job.progress.feed(event)

    def _tell_way(self) -> None:
        self._job.tell(NoteKind.FETCHED, self._found.reason.value)

    def _explain(self, error: LongshoreError | None, *, reached: bool) -> None:
        """Raise what the end of the engine's pull means. *error*: None if the pull was cancelled."""
        self._job.cancellation.raise_if_cancelled()
        failed = self._failed
        if isinstance(failed, DiskFull):
            raise NotTakenError(WayReason.NO_ROOM) from failed
        if isinstance(failed, LibraryError):
            raise NotTakenError(WayReason.NO_LIBRARY) from failed
        if failed is not None:
            raise failed
        if error is None:
            raise Cancelled  # asked to stop
        if isinstance(error, EngineLost | EngineUnavailable):
            raise error
        _log.info("the engine did not take %s over: %s %s", self._reference, error, error.detail)
        deaf = not reached and isinstance(error, RegistryUnreachable)
        if deaf:
            self._shared.deafen(self._engine.address)
        raise NotTakenError(WayReason.UNREACHABLE if deaf else None) from error

    def _watch(self, fetcher: Fetcher, inner: Cancellation, ended: threading.Event) -> None:
        """Follow the fetching, and end the engine's pull if it fails or is to stop. A thread of its own."""
        try:
            fetcher.wait()
            if not ended.is_set():
                self._job.progress.enter(Phase.HANDING_OVER)
        except Cancelled:
            inner.cancel()
        except LongshoreError as error:
            self._failed = error
            inner.cancel()
        except Exception as error:  # the engine must not wait for bytes that never come
            _log.exception("fetching %s failed unexpectedly", self._reference)
            self._failed = internal_error(error)
            inner.cancel()
        while not ended.wait(_SLICE):
            if self._job.cancellation.stopping:
                inner.cancel()

    def _told(self, digest: str, arrived: int, size: int) -> None:
        with self._lock:
            if digest in self._with_engine or short(digest) not in self._layers:
                return
            state = LayerState.TRANSFERRED if arrived >= size else LayerState.TRANSFERRING
            self._job.progress.feed(LayerProgress(short(digest), state, arrived, size))


class _Shelf:
    """The image that is offered, and nothing else. See longshore.loopback.offer.Shelf."""

    def __init__(self, found: Found, fetcher: Fetcher) -> None:
        self.tag = ""
        self._top = found.top
        self._manifests = {each.digest: each for each in (found.top, found.image)}
        self._blobs = {blob.digest: blob for blob in (found.image.config, *found.image.layers)}
        self._fetcher = fetcher

    def manifest(self, name: str, cancellation: Cancellation) -> Manifest | Index | None:
        """The manifest or index of the tag or of a digest."""
        return self._top if name == self.tag else self._manifests.get(name)

    def blob(self, digest: str, cancellation: Cancellation) -> Blob | None:
        """A blob of the image, which is fetched before others now."""
        blob = self._blobs.get(digest)
        if blob is None:
            return None
        self._fetcher.want([blob])
        return self._fetcher.blob(digest)
