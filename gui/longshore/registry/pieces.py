"""Cuts content to the sizes in which it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from longshore.errors import DigestMismatch

#: Bytes of the first PATCH to a registry, which measures the speed of the line. A connection cut during a PATCH loses
#: it (with distribution, everything before it too), so larger is riskier and smaller is slower.
CHUNK = 4 << 20
SMALLEST_CHUNK = 1 << 20
LARGEST_CHUNK = 64 << 20
#: Seconds that a PATCH should take: what a cut connection may lose, and how long a pause has to wait.
CHUNK_SECONDS = 2.0
#: Bytes passed to the socket at once: they must be sent within one read timeout, also on a slow line.
_PIECE = 64 << 10


class ChunkSize:
    """The size of the next PATCH in bytes, from the speed of the last ones. Any thread; the last write wins."""

    def __init__(self) -> None:
        self.bytes = CHUNK
        self._most = LARGEST_CHUNK

    def learn(self, count: int, seconds: float) -> None:
        """Record that *count* bytes were accepted in *seconds*."""
        if count < SMALLEST_CHUNK:
            return  # measures the round trip more than the line
        wanted = count * CHUNK_SECONDS / max(seconds, 0.001)
        # Several uploads run at once and share the line.
        self.bytes = int(min(max(wanted, SMALLEST_CHUNK), self._most))

    def shrink(self) -> bool:
        """Shrink after a refusal for size (413, mostly by a proxy). False if the size was already the smallest."""
        if self.bytes <= SMALLEST_CHUNK:
            return False
        self.bytes = self._most = max(self.bytes // 4, SMALLEST_CHUNK)
        return True


class Cutter:
    """Cuts a stream of pieces into runs of exact lengths."""

    def __init__(self, data: Iterable[bytes]) -> None:
        self._data = iter(data)
        self._rest = b""

    def take(self, length: int) -> Iterator[bytes]:
        """The next *length* bytes. Raises DigestMismatch if there are fewer."""
        while length > 0:
            piece = self._rest or next(self._data, b"")
            if not piece:
                raise DigestMismatch(
                    "The content ended too early.",
                    detail=f"{length} bytes are missing",
                    advice="Try again.",
                )
            given, self._rest = piece[:length], piece[length:]
            length -= len(given)
            yield given


def pieces(data: Iterable[bytes]) -> Iterator[bytes | memoryview]:
    """*data* in pieces small enough for one socket write, without copying."""
    for piece in data:
        if len(piece) <= _PIECE:
            yield piece
        else:
            whole = memoryview(piece)
            for at in range(0, len(piece), _PIECE):
                yield whole[at : at + _PIECE]
