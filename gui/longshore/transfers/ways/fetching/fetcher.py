"""Brings the blobs of one image from a registry into the library, over several connections side by side."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Self

from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import DigestMismatch, LongshoreError, RateLimited
from longshore.oci.descriptor import Descriptor
from longshore.registry.session import SHORT_WAIT
from longshore.transfers.ways.copying.source import BlobSource, SourceFailedError
from longshore.transfers.ways.fetching.incoming import (
    Incoming,
    Line,
    NoRangesError,
    RangeReader,
    piece_length,
)
from longshore.transfers.ways.fetching.pace import Pace

if TYPE_CHECKING:
    from longshore.library.arriving import Arriving
    from longshore.library.leases import Lease
    from longshore.library.library import Library
    from longshore.registry.client import RegistryClient
    from longshore.transfers.bandwidth import Bandwidth
    from longshore.transfers.connections import Connections

#: Seconds between two reports about one blob, and between two looks at slow connections.
TOLD = 0.1
_NAP = 0.1

_Step = Callable[[], None]


class Fetcher:
    """The blobs that one transfer fetches. Thread-safe; use it as a context manager or call :meth:`stop`.

    *lease* holds the blobs. *told* is called with a digest, its bytes so far and its size, about ten times a second, in
    any thread, one at a time; it must not call the fetcher. The first failure ends all; what has arrived stays for the
    next fetch, of any process.

    Several fetches of one process fetch a blob once: one stores it and the others read it meanwhile. When that one
    ends early, another stores the rest.
    """

    def __init__(
        self,
        client: RegistryClient,
        repository: str,
        library: Library,
        lease: Lease,
        *,
        bandwidth: Bandwidth,
        connections: Connections,
        told: Callable[[str, int, int], None],
        cancellation: Cancellation,
    ) -> None:
        self._client = client
        self._host = client.registry.host
        self._repository = repository
        self._library = library
        self._lease = lease
        self._bandwidth = bandwidth
        self._connections = connections
        self._told = told
        self._telling = threading.Lock()
        self._stack = contextlib.ExitStack()
        self._cancellation = self._stack.enter_context(cancellation.below())
        self._changed = threading.Condition()
        self._blobs: dict[str, Incoming] = {}
        self._pace = Pace()
        self._look_at = 0.0
        self._slowed = client.slowed
        self._threads: list[threading.Thread] = []
        self._failure: BaseException | None = None
        self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # -- for the transfer

    def want(self, blobs: Sequence[Descriptor]) -> None:
        """Fetch *blobs*, earlier ones first. Returns at once."""
        with self._changed:
            for blob in blobs:
                self._blobs.setdefault(blob.digest, Incoming(blob))
            useful = sum(blob.most_lines(self._connections.per_blob) for blob in self._blobs.values())
            while len(self._threads) < min(self._connections.per_host, useful) and not self._ended:
                thread = threading.Thread(target=self._work, name="transfers-fetch", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._changed.notify_all()

    def blob(self, digest: str) -> Reading:
        """A wanted blob, to be read while it arrives. It comes before those that nobody reads.

        Raises KeyError for a blob that is not wanted.
        """
        with self._changed:
            blob = self._blobs[digest]
            blob.asked, blob.left = True, False
            self._changed.notify_all()
        return Reading(self, blob)

    def leave(self, digest: str) -> None:
        """Fetch no more of a blob that nobody needs, if it is wanted. What has arrived stays. Returns at once."""
        with self._changed:
            blob = self._blobs.get(digest)
            if blob is None or blob.done:
                return
            blob.left, blob.asked = True, False
            dropped = list(blob.lines)
            for line in dropped:
                line.drop()
            self._changed.notify_all()
        for line in dropped:
            line.cancellation.cancel()

    def wait(self) -> None:
        """Wait until every wanted blob is whole, except those that were left. Raises the first failure, Cancelled."""
        with self._changed:
            while not all(blob.done or blob.left for blob in self._blobs.values()):
                if self._failure is not None:
                    raise self._failure
                if self._ended or self._cancellation.stopping:
                    raise Cancelled
                # Not woken by the cancellation: a failure cancels, too, and must not be taken for it.
                self._changed.wait(_NAP)

    def stop(self) -> None:
        """End everything, and unlock what has not arrived completely. Waits for the threads. May be called again."""
        self._end(None)
        for thread in self._threads:
            thread.join()
        for blob in self._blobs.values():
            if blob.arriving is not None:
                blob.arriving.close()
        self._stack.close()

    # -- the threads

    def _work(self) -> None:
        try:
            while (step := self._next_step()) is not None:
                step()
        except Cancelled:
            self._end(None)
        except BaseException as error:
            self._end(error)

    def _end(self, failure: BaseException | None) -> None:
        with self._changed:
            if not self._ended:
                self._ended, self._failure = True, failure
            arriving = [blob.arriving for blob in self._blobs.values() if blob.arriving is not None]
            self._changed.notify_all()
        for each in arriving:
            each.fail(failure or Cancelled())
        self._cancellation.cancel()

    def _next_step(self) -> _Step | None:
        """Wait until there is something to do, and return it; None at the end."""
        while True:
            self._drop_slow()
            with self._changed:
                if self._ended:
                    return None
                if self._cancellation.stopping:
                    raise Cancelled
                if (step := self._step()) is not None:
                    return step
                self._changed.wait(_NAP)

    def _step(self) -> _Step | None:
        now = time.monotonic()
        for blob in self._in_order():
            if blob.opening:
                return None  # in a moment it is there, and comes before the others
            if blob.busy:
                continue
            if blob.idle and blob.arriving is not None:
                blob.busy = True
                return partial(self._close, blob)
            if blob.left or blob.done:
                continue
            if blob.arriving is None:
                if now >= blob.look_at:
                    blob.busy = True
                    return partial(self._open, blob)
            elif blob.complete():
                blob.busy = True
                return partial(self._settle, blob)
            elif self._piece(blob) is not None:
                return self._fetch
        return None

    def _in_order(self) -> list[Incoming]:
        """Those that somebody reads first; of these the ones that nothing brings yet."""
        return sorted(
            self._blobs.values(),
            key=lambda blob: (not blob.asked, blob.asked and bool(blob.lines)),
        )

    def _piece(self, blob: Incoming) -> tuple[int, int] | None:
        length = piece_length(self._blobs.values(), self._connections.limit(self._host), self._pace.speed)
        return blob.piece(
            ranges=self._connections.ranges(self._host), most=self._connections.per_blob, length=length
        )

    # -- steps

    @contextlib.contextmanager
    def _only_one(self, blob: Incoming) -> Iterator[None]:
        try:
            yield
        finally:
            with self._changed:
                blob.busy = False
                self._changed.notify_all()

    def _open(self, blob: Incoming) -> None:
        with self._only_one(blob):
            found, followed = None, blob.followed
            if followed is None or followed.failed or followed.whole:
                found = self._library.arrive_at_once(blob.wanted, self._lease, self._cancellation)
                followed = None if found is not None else self._library.follow(blob.wanted.digest)
            with self._changed:
                blob.arriving, blob.followed = found, followed
                blob.done = found is not None and found.whole
                blob.look_at = time.monotonic() + _NAP
                failure, ended = self._failure, self._ended
        if found is not None:
            if ended:
                found.fail(failure or Cancelled())
            self._tell(blob, found)
        elif followed is not None:
            self._tell(blob, followed)

    def _settle(self, blob: Incoming) -> None:
        arriving = blob.arriving
        assert arriving is not None
        with self._only_one(blob):
            resumed = arriving.resumed
            try:
                arriving.settle(self._cancellation)
            except DigestMismatch:
                if not resumed:
                    raise
                return  # the bytes of an earlier run may have been wrong: all are missing again
            with self._changed:
                blob.done = True
        self._tell(blob, arriving)

    def _close(self, blob: Incoming) -> None:
        with self._only_one(blob):
            with self._changed:
                arriving, blob.arriving = blob.arriving, None
            if arriving is not None:
                arriving.close()

    def _fetch(self) -> None:
        """Bring one piece, as soon as there may be another connection."""
        with self._connections.slot(self._host, self._cancellation), self._cancellation.below() as part:
            line = self._line(part)
            if line is None:
                return
            try:
                self._bring(line)
            except Cancelled:
                if not line.dropped:
                    raise
            except NoRangesError:
                self._connections.no_ranges(self._host)
            except SourceFailedError as failed:
                if not line.dropped:
                    self._bear(failed.error)
            finally:
                self._heed()
                with self._changed:
                    if not line.dropped:
                        line.drop()
                    self._changed.notify_all()

    def _line(self, cancellation: Cancellation) -> Line | None:
        """The next piece for a connection, in the order as it is now."""
        with self._changed:
            for blob in self._in_order():
                if blob.opening:
                    return None
                if blob.busy or blob.left or blob.done or blob.arriving is None:
                    continue
                if (piece := self._piece(blob)) is not None:
                    line = Line(blob, *piece, self._pace.watch(), cancellation)
                    blob.lines.append(line)
                    return line
        return None

    def _bring(self, line: Line) -> None:
        """Fetch the range of *line*. Raises SourceFailedError, NoRangesError, and the errors of the library."""
        arriving = line.blob.arriving
        assert arriving is not None
        wanted = line.blob.wanted
        source = BlobSource(
            RangeReader(self._client, self._repository, line),
            Descriptor(wanted.media_type, wanted.digest, line.end),
            bandwidth=self._bandwidth,
            told=lambda at: None,
            patient=False,
            hashing=False,
            cancellation=line.cancellation,
        )
        at = line.begin
        with source(at) as pieces:
            for piece in pieces:
                arriving.write(at, piece)
                at += len(piece)
                line.watch.count = at - line.begin
                self._tell(line.blob, arriving)
                self._drop_slow()
        with self._changed:
            self._pace.finished(line.watch)

    def _bear(self, error: LongshoreError) -> None:
        """Raise *error*, unless it may pass: several connections may be too many for the registry."""
        alone = self._connections.limit(self._host) == 1
        if isinstance(error, RateLimited) and not alone and (error.retry_after or 0.0) <= SHORT_WAIT:
            return
        raise error

    def _heed(self) -> None:
        """Open fewer connections if the registry has asked for slower requests."""
        slowed, self._slowed = self._slowed, self._client.slowed
        if self._slowed != slowed:
            self._connections.slow_down(self._host)

    def _drop_slow(self) -> None:
        """Take the range of each connection that is far behind its peers up on another connection."""
        if self._bandwidth.limit is not None:
            return  # our own limit makes them wait
        now = time.monotonic()
        with self._changed:
            if now < self._look_at:
                return
            self._look_at = now + _NAP
            lines = [line for blob in self._blobs.values() for line in blob.lines]
            slow = [line for line in lines if self._pace.behind(line.watch)]
            for line in slow:
                line.drop()
            if slow:
                self._changed.notify_all()
        for line in slow:
            line.cancellation.cancel()

    # -- reports and readers

    def _tell(self, blob: Incoming, arriving: Arriving) -> None:
        now = time.monotonic()
        with self._telling:
            if now >= blob.told_at or arriving.whole:
                blob.told_at = now + TOLD
                self._told(blob.wanted.digest, arriving.arrived, blob.wanted.size)

    def read(self, blob: Incoming, offset: int, most: int, cancellation: Cancellation) -> bytes:
        """Bytes of the blob, whichever fetch of this process stores them. Raises the first failure, Cancelled."""
        while True:
            arriving, followed = self._opened(blob, cancellation)
            if not followed:
                return arriving.read(offset, most, cancellation)
            try:
                with cancellation.below() as part, self._cancellation.waking(part.cancel):
                    return arriving.read(offset, most, part)
            except Cancelled:
                # The other fetch has ended, and this one takes its place; or this one has ended.
                cancellation.raise_if_cancelled()
            except LongshoreError:
                if not arriving.failed:
                    raise

    def _opened(self, blob: Incoming, cancellation: Cancellation) -> tuple[Arriving, bool]:
        """The blob in the library as soon as it may be read, and whether another fetch stores it."""
        with cancellation.waking(self._wake), self._changed:
            while True:
                if blob.arriving is not None:
                    return blob.arriving, False
                if self._failure is not None:
                    raise self._failure
                if self._ended:
                    raise Cancelled
                if blob.followed is not None and not blob.followed.failed:
                    return blob.followed, True
                self._changed.wait()
                cancellation.raise_if_cancelled()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()


class Reading:
    """A wanted blob as an offer needs it (``loopback.offer.Blob``)."""

    def __init__(self, fetcher: Fetcher, blob: Incoming) -> None:
        self._fetcher = fetcher
        self._blob = blob
        self.size = blob.wanted.size

    def read(self, offset: int, most: int, cancellation: Cancellation) -> bytes:
        """See ``loopback.offer.Blob``. Also after the end of the fetch, if the blob is whole."""
        return self._fetcher.read(self._blob, offset, most, cancellation)
