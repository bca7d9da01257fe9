"""Content cut to the sizes in which it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from longshore.errors import DigestMismatch

#: Bytes of the first PATCH to a registry, which tells how fast the line is. A connection cut inside one loses it (with
#: distribution all before it too), so that larger is riskier and smaller is slower.
CHUNK = 4 << 20
SMALLEST_CHUNK = 1 << 20
LARGEST_CHUNK = 64 << 20
#: Seconds that a PATCH should take: what a cut may cost, and what a pause has to wait for.
CHUNK_SECONDS = 2.0
#: Bytes handed to the socket at once: what must get through within one read timeout, also on a slow line.
_PIECE = 64 << 10


class ChunkSize:
    """How many bytes one PATCH should carry, by how fast the last ones were. Any thread; the latest word counts."""

    def __init__(self) -> None:
        self.bytes = CHUNK
        self._most = LARGEST_CHUNK

    def learn(self, count: int, seconds: float) -> None:
        """*count* bytes were taken in *seconds*."""
        if count < SMALLEST_CHUNK:
            return  # tells more of the round trip than of the line
        wanted = count * CHUNK_SECONDS / max(seconds, 0.001)
        # Several go at once, and the line is theirs together.
        self.bytes = int(min(max(wanted, SMALLEST_CHUNK), self._most))

    def shrink(self) -> bool:
        """The last was refused for its size (413, mostly by a proxy before the registry). False if it was the least."""
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
                    "The content ended before its size.",
                    detail=f"{length} bytes are missing",
                    advice="Try again.",
                )
            given, self._rest = piece[:length], piece[length:]
            length -= len(given)
            yield given


def pieces(data: Iterable[bytes]) -> Iterator[bytes | memoryview]:
    """*data* in pieces that a socket takes at once, without copying."""
    for piece in data:
        if len(piece) <= _PIECE:
            yield piece
        else:
            whole = memoryview(piece)
            for at in range(0, len(piece), _PIECE):
                yield whole[at : at + _PIECE]
