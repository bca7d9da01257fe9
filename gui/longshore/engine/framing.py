"""The framing of a container's output (Docker Engine API, "Stream format" of ContainerAttach). Pure; one thread."""

from __future__ import annotations

from collections.abc import Iterator

from longshore.engine.container_model import OutputPiece

_HEADER = 8
#: Standard input (never sent), output, error, and errors of the engine itself.
_STREAMS = (0, 1, 2, 3)


class Frames:
    """Splits the stream of a container without a terminal.

    A frame has a header of 8 bytes: the number of the stream, three zeros, and the length, big-endian. Content is
    passed on as it arrives, so that a frame of any length needs no memory.
    """

    def __init__(self) -> None:
        self._header = b""
        self._left = 0
        self._error = False

    def feed(self, data: bytes) -> Iterator[OutputPiece]:
        """The pieces in *data*. Raises ValueError if it is no such stream."""
        at = 0
        while at < len(data):
            if self._left:
                piece = data[at : at + self._left]
                at += len(piece)
                self._left -= len(piece)
                yield OutputPiece(piece, self._error)
                continue
            missing = _HEADER - len(self._header)
            self._header += data[at : at + missing]
            at += missing
            if len(self._header) == _HEADER:
                if self._header[0] not in _STREAMS or any(self._header[1:4]):
                    raise ValueError("the output of a container is not framed as the Engine API says")
                self._error = self._header[0] >= 2
                self._left = int.from_bytes(self._header[4:], "big")
                self._header = b""


class Unframed:
    """The stream of a container with a terminal, which has no frames: everything is output."""

    def feed(self, data: bytes) -> Iterator[OutputPiece]:
        """*data* as one piece."""
        yield OutputPiece(data)
