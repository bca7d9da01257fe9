"""One wanted blob of a fetch, and the connections that bring it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from longshore.library.ranges import Ranges
from longshore.transfers.content.registry import RegistryReader

if TYPE_CHECKING:
    from longshore.cancellation import Cancellation
    from longshore.library.arriving import Arriving
    from longshore.oci.descriptor import Descriptor
    from longshore.registry.client import RegistryClient
    from longshore.transfers.ways.fetching.pace import Watch

#: Bytes that one connection fetches at once: about a second's worth, between these limits. An engine reads a blob from
#: its start, so that large pieces would let it wait.
PIECE = 4 << 20
LARGEST_PIECE = 16 << 20
#: Near the end, what is left is divided among all connections, into pieces of at least so many bytes and seconds:
#: each costs a request.
SMALLEST_PIECE = 1 << 20
SHORTEST = 0.25


class NoRangesError(Exception):
    """The registry returned the whole blob where a part was requested."""


class Line:
    """One connection's range of one blob. Guarded by the fetcher's lock, except *watch*, which its thread counts."""

    def __init__(
        self, blob: Incoming, begin: int, end: int, watch: Watch, cancellation: Cancellation
    ) -> None:
        self.blob = blob
        self.begin = begin
        self.end = end
        self.watch = watch
        self.cancellation = cancellation
        #: Its range is not needed from this connection any more.
        self.dropped = False

    def drop(self) -> None:
        """Leave the rest to others. The caller then cancels its cancellation, without the lock."""
        self.dropped = True
        self.blob.lines.remove(self)


class Incoming:
    """A wanted blob. Guarded by the fetcher's lock."""

    def __init__(self, wanted: Descriptor) -> None:
        self.wanted = wanted
        self.arriving: Arriving | None = None
        #: As another fetch of this process stores it: read until this one may store it.
        self.followed: Arriving | None = None
        self.lines: list[Line] = []
        self.busy = False  # being opened or settled by one thread
        self.look_at = 0.0  # when to look again whether its other receiver has finished
        self.asked = False  # somebody reads it now
        self.left = False
        self.done = False
        self.told_at = 0.0

    @property
    def idle(self) -> bool:
        """Whether it is of no use to anybody, and may be closed."""
        return self.left and not self.lines and not self.busy

    @property
    def opening(self) -> bool:
        """Whether one thread is opening it."""
        return self.busy and self.arriving is None and not self.left

    def most_lines(self, most: int) -> int:
        """How many connections are of use for it, at most *most*."""
        return min(most, -(-self.wanted.size // PIECE) or 1)

    def complete(self) -> bool:
        """Whether all bytes are there and it can be settled."""
        return self.arriving is not None and not self.lines and not self.arriving.missing()

    def free(self) -> list[tuple[int, int]]:
        """The ranges that are missing and that no connection brings yet."""
        if self.done or self.left:
            return []
        missing = [(0, self.wanted.size)] if self.arriving is None else self.arriving.missing()
        taken = Ranges((line.begin, line.end) for line in self.lines)
        return [gap for one in missing for gap in taken.gaps(*one)]

    def piece(self, *, ranges: bool, most: int, length: int) -> tuple[int, int] | None:
        """The next range for one more connection; None if there is none.

        *ranges*: whether the registry has them; *most*: connections for one blob; *length*: bytes for each.
        """
        size = self.wanted.size
        if len(self.lines) >= (most if ranges else 1) or not (free := self.free()):
            return None
        begin, end = free[0]
        if not ranges:
            return begin, size
        if size <= PIECE or end - begin < length + SMALLEST_PIECE:
            return begin, end
        return begin, begin + length


def piece_length(blobs: Iterable[Incoming], connections: int, speed: float | None) -> int:
    """Bytes that one of so many *connections* should fetch next; *speed*: what one brings in a second, if known."""
    usual = min(max(PIECE, int(speed or 0)), LARGEST_PIECE)
    smallest = max(SMALLEST_PIECE, int((speed or 0) * SHORTEST))
    share = sum(end - begin for blob in blobs for begin, end in blob.free()) // connections
    return min(usual, max(share, smallest))


class RangeReader(RegistryReader):
    """Reads the range of one line. See ContentReader."""

    def __init__(self, client: RegistryClient, repository: str, line: Line) -> None:
        super().__init__(client, client.registry.host, repository)
        self._line = line

    @contextmanager
    def blob(
        self, wanted: Descriptor, offset: int = 0, *, cancellation: Cancellation
    ) -> Iterator[Iterable[bytes]]:
        """The bytes from *offset* to the end of the line's range.

        Raises NoRangesError if it ends before the blob does, but the registry sends all of it.
        """
        size = self._line.blob.wanted.size
        end = self._line.end if self._line.end < size else None
        with self._client.read_blob(
            self.repository, wanted.digest, offset, end=end, cancellation=cancellation
        ) as stream:
            if end is not None and not stream.ranged:
                raise NoRangesError
            yield stream
