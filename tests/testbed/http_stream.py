"""HTTP/1.1 messages as they are on the wire: heads parsed, bodies passed on piece by piece.

Only what a proxy between Docker and a registry needs (RFC 9112): bodies framed by Content-Length, by chunks or
by the end of the connection. Pieces keep their framing, so that they can be sent on unchanged.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus

HEAD_LIMIT = 256 * 1024
PIECE_BYTES = 64 * 1024
CONNECT_SECONDS = 10.0
DRAIN_SECONDS = 2.0


class BrokenMessageError(Exception):
    """The received bytes are not an HTTP message, or ended too early."""


class AnsweredEarlyError(Exception):
    """The other side responded before the end of the body."""


class Reader:
    """Buffered reading from a socket.

    While ``watched`` is set, reading more bytes raises `AnsweredEarlyError` as soon as that socket is readable.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.watched: socket.socket | None = None
        self._buffer = bytearray()

    def _fill(self) -> bool:
        if self.watched is not None:
            ready, _, _ = select.select([self.connection, self.watched], [], [])
            if self.watched in ready:
                raise AnsweredEarlyError
        data = self.connection.recv(PIECE_BYTES)
        self._buffer += data
        return bool(data)

    def until(self, end: bytes) -> bytes:
        """All bytes up to and including ``end``; empty if the connection ends before the first byte."""
        while (at := self._buffer.find(end)) < 0:
            if len(self._buffer) > HEAD_LIMIT:
                raise BrokenMessageError("a head or line without an end")
            if not self._fill():
                if self._buffer:
                    raise BrokenMessageError("the connection ended in the middle of a head or line")
                return b""
        return self._take(at + len(end))

    def some(self, limit: int) -> bytes:
        """Between one and ``limit`` bytes; none at the end of the connection."""
        if not self._buffer and not self._fill():
            return b""
        return self._take(min(limit, len(self._buffer)))

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken


@dataclass(frozen=True, slots=True)
class Head:
    """The first line and the headers of a request or response; ``raw``: the received bytes, unchanged."""

    raw: bytes
    first: tuple[str, str, str]
    headers: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str:
        """The values of a header joined by commas, empty if there is none."""
        return ", ".join(value for key, value in self.headers if key == name)

    @property
    def status(self) -> int:
        """The status of a response."""
        try:
            return int(self.first[1])
        except ValueError as error:
            raise BrokenMessageError(f"no status: {self.first}") from error

    @property
    def is_last(self) -> bool:
        """True if the sender closes the connection after this message."""
        return "close" in self.get("connection").lower() or (
            "HTTP/1.0" in (self.first[0], self.first[2])
            and "keep-alive" not in self.get("connection").lower()
        )


def read_head(reader: Reader) -> Head | None:
    """The next head; None if the connection has ended between two messages."""
    raw = reader.until(b"\r\n\r\n")
    if not raw:
        return None
    lines = raw.decode("latin-1").split("\r\n")
    words = lines[0].split(" ", 2)
    if len(words) < 2:
        raise BrokenMessageError(f"no first line: {lines[0]!r}")
    headers = []
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers.append((name.strip().lower(), value.strip()))
    return Head(raw, (words[0], words[1], words[2] if len(words) > 2 else ""), tuple(headers))


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of a body as on the wire; ``payload`` is false for the framing of chunks."""

    data: bytes
    payload: bool = True


def request_body(head: Head, reader: Reader, limit: int = PIECE_BYTES) -> Iterator[Piece]:
    """The body of a request: empty unless its headers announce one."""
    if "chunked" in head.get("transfer-encoding").lower():
        return _chunked(reader, limit)
    return _counted(reader, _length(head) or 0, limit)


def answer_body(head: Head, method: str, reader: Reader, limit: int = PIECE_BYTES) -> Iterator[Piece]:
    """The body of a response to ``method`` (RFC 9112, 6.3)."""
    if method == "HEAD" or head.status in (204, 304) or head.status < 200:
        return iter(())
    if "chunked" in head.get("transfer-encoding").lower():
        return _chunked(reader, limit)
    length = _length(head)
    return _until_end(reader, limit) if length is None else _counted(reader, length, limit)


def ends_with_connection(head: Head, method: str) -> bool:
    """True if only the end of the connection ends this response's body."""
    has_body = method != "HEAD" and head.status not in (204, 304) and head.status >= 200
    return has_body and _length(head) is None and "chunked" not in head.get("transfer-encoding").lower()


def _length(head: Head) -> int | None:
    value = head.get("content-length")
    if not value:
        return None
    try:
        return int(value)
    except ValueError as error:
        raise BrokenMessageError(f"Content-Length: {value}") from error


def _counted(reader: Reader, length: int, limit: int) -> Iterator[Piece]:
    while length > 0:
        data = reader.some(min(length, limit))
        if not data:
            raise BrokenMessageError("the connection ended in the middle of a body")
        length -= len(data)
        yield Piece(data)


def _until_end(reader: Reader, limit: int) -> Iterator[Piece]:
    while data := reader.some(limit):
        yield Piece(data)


def _chunked(reader: Reader, limit: int) -> Iterator[Piece]:
    while True:
        line = reader.until(b"\r\n")
        try:
            size = int(line.split(b";")[0], 16)
        except ValueError as error:
            raise BrokenMessageError(f"no size of a chunk: {line[:40]!r}") from error
        yield Piece(line, payload=False)
        if size == 0:
            break
        yield from _counted(reader, size, limit)
        yield Piece(reader.until(b"\r\n"), payload=False)
    while (line := reader.until(b"\r\n")) not in (b"\r\n", b""):
        yield Piece(line, payload=False)
    yield Piece(line, payload=False)


def made_answer(method: str, status: int, headers: Mapping[str, str], body: bytes) -> bytes:
    """A response to ``method`` that ends the connection."""
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Failed"
    fields = {"Content-Length": str(len(body)), "Connection": "close", **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    head = f"HTTP/1.1 {status} {phrase}\r\n{lines}\r\n".encode("latin-1")
    return head if method == "HEAD" else head + body


def connect_to(target: tuple[str, int], buffer: int) -> socket.socket:
    """A connection without a timeout, with a receive buffer of ``buffer`` bytes. Raises OSError."""
    family = socket.AF_INET6 if ":" in target[0] else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        connection.settimeout(CONNECT_SECONDS)
        connection.connect(target)
        connection.settimeout(None)
    except OSError:
        connection.close()
        raise
    return connection


def drain(connection: socket.socket) -> None:
    """Read what the other side still sends: closing with unread bytes would reset the connection under a response."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(DRAIN_SECONDS)
        until = time.monotonic() + DRAIN_SECONDS
        while connection.recv(PIECE_BYTES) and time.monotonic() < until:
            pass


def is_readable(connection: socket.socket) -> bool:
    """True if the other side has closed an idle connection (or sends unrequested bytes)."""
    return bool(select.select([connection], [], [], 0)[0])
