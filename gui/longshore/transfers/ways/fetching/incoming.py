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
#: Near its end, a blob is divided among all connections, into pieces of at least this size.
SMALLEST_PIECE = 1 << 20


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

    def piece(self, *, ranges: bool, most: int, speed: float | None) -> tuple[int, int] | None:
        """The next range for one more connection; None if there is none.

        *ranges*: whether the registry has them; *most*: connections for one blob; *speed*: bytes per second of one.
        """
        assert self.arriving is not None
        size = self.wanted.size
        if len(self.lines) >= (most if ranges else 1):
            return None
        taken = Ranges((line.begin, line.end) for line in self.lines)
        free = [gap for missing in self.arriving.missing() for gap in taken.gaps(*missing)]
        if not free:
            return None
        begin, end = free[0]
        if not ranges:
            return begin, size
        share = sum(end - begin for begin, end in free) // most
        length = min(max(PIECE, int(speed or 0)), LARGEST_PIECE, max(share, SMALLEST_PIECE))
        if size <= PIECE or end - begin < length + SMALLEST_PIECE:
            return begin, end
        return begin, begin + length


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
