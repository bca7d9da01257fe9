"""Reads a blob from its source: verified while streaming, resumed after a cut, within the speed limit."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager

from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import (
    DigestMismatch,
    LongshoreError,
    RegistryFailure,
    RegistryUnreachable,
    UnexpectedReply,
)
from longshore.oci.descriptor import Descriptor
from longshore.transfers.bandwidth import Bandwidth
from longshore.transfers.content.protocol import ContentReader

#: Retries of a source without any byte received in between.
MOST_CUTS = 4
#: The same, if the source was silent each time: a silence takes the full response timeout.
MOST_SILENCES = 1
#: Seconds before a retry, multiplied by the number of the retry.
BACKOFF = 0.3


class SourceFailedError(Exception):
    """The source failed for good while the destination was being written; *error* is the error to show.

    It is no LongshoreError: code that writes to the destination must not take it for the destination's own failure.
    """

    def __init__(self, error: LongshoreError) -> None:
        super().__init__(error.message)
        self.error = error


class BlobSource:
    """Provides the bytes of one blob to a writer. For one writer at a time; call it again to start at another offset.

    *told* receives the number of bytes provided so far. *patient*: whether the writer, when asked to stop, ends by
    itself at a point where it can resume. *hashing*: not needed for a writer that hashes its input itself.
    """

    def __init__(
        self,
        reader: ContentReader,
        wanted: Descriptor,
        *,
        bandwidth: Bandwidth,
        told: Callable[[int], None],
        patient: bool,
        hashing: bool = True,
        cancellation: Cancellation,
    ) -> None:
        self._reader = reader
        self._wanted = wanted
        self._bandwidth = bandwidth
        self._told = told
        self._patient = patient
        self._hashing = hashing
        self._cancellation = cancellation
        self._hash = hashlib.new(wanted.digest.partition(":")[0])
        #: Bytes hashed. The destination verifies a blob that is resumed in the middle.
        self._hashed = 0

    def __call__(self, offset: int) -> AbstractContextManager[Iterable[bytes]]:
        """See OpenBlob."""
        return self._given(offset)

    @contextmanager
    def _given(self, offset: int) -> Iterator[Iterable[bytes]]:
        with closing(self._pieces(offset)) as pieces:
            yield pieces

    def _pieces(self, at: int) -> Generator[bytes]:
        size = self._wanted.size
        cuts = silences = 0
        while True:
            before = at
            try:
                with self._opened(at) as pieces:
                    for piece in pieces:
                        for part in self._paced(piece):
                            self._check(at, part)
                            at += len(part)
                            yield part
                            self._told(at)
                if at >= size:
                    self._check(at, b"")
                    return
                error: LongshoreError = self._mismatch(f"it ended after {at} of {size} bytes")
                if at == before:
                    raise SourceFailedError(error)
            except (RegistryUnreachable, RegistryFailure) as passing:
                error = passing
            except LongshoreError as final:
                raise SourceFailedError(final) from final
            if at > before:
                cuts = silences = 0
            cuts += 1
            silences += isinstance(error, RegistryUnreachable) and error.silent
            if cuts > MOST_CUTS or silences > MOST_SILENCES:
                raise SourceFailedError(error) from error
            self._cancellation.wait(BACKOFF * cuts)
            self._cancellation.raise_if_cancelled()

    @contextmanager
    def _opened(self, at: int) -> Iterator[Iterable[bytes]]:
        try:
            opened = self._reader.blob(self._wanted, at, cancellation=self._cancellation)
            pieces = opened.__enter__()
        except UnexpectedReply:
            if not at:
                raise
            # It cannot return a part of a blob: read from the start and skip the bytes already provided.
            opened = self._reader.blob(self._wanted, cancellation=self._cancellation)
            pieces = _skipping(opened.__enter__(), at)
        try:
            yield pieces
        finally:
            opened.__exit__(None, None, None)

    def _paced(self, piece: bytes) -> Iterator[bytes]:
        """*piece*, in parts that the limit lets through evenly."""
        most = self._bandwidth.piece
        if most is None:
            yield piece
        else:
            for begin in range(0, len(piece), most):
                part = piece[begin : begin + most]
                self._bandwidth.take(len(part), self._cancellation)
                yield part
        if self._cancellation.stopping and not self._patient:
            raise Cancelled

    def _check(self, at: int, piece: bytes) -> None:
        """Hash *piece*, the bytes from *at* on, and verify the whole blob before providing its last byte."""
        size, end = self._wanted.size, at + len(piece)
        if end > size:
            raise self._mismatch(f"it sent more than {size} bytes")
        if self._hashing and at <= self._hashed < end:
            self._hash.update(memoryview(piece)[self._hashed - at :])
            self._hashed = end
        if end == size == self._hashed:
            found = f"{self._hash.name}:{self._hash.hexdigest()}"
            if found != self._wanted.digest:
                raise self._mismatch(f"it sent {found}")

    def _mismatch(self, why: str) -> DigestMismatch:
        where = f"{self._reader.host}/{self._reader.repository}" if self._reader.host else "the source"
        return DigestMismatch(
            "The source sent content that does not match its digest.",
            subject=self._wanted.digest,
            advice="Try again. If it happens again, the source or a proxy in between damages content.",
            detail=f"requested {self._wanted.digest} from {where}: {why}",
        )


def _skipping(pieces: Iterable[bytes], count: int) -> Iterator[bytes]:
    for piece in pieces:
        if count >= len(piece):
            count -= len(piece)
            continue
        yield piece[count:] if count else piece
        count = 0
