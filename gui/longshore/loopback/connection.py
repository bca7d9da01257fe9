"""One client's connection to the loopback registry: reads requests, and sends what an offer has."""

from __future__ import annotations

import contextlib
import json
import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import LongshoreError
from longshore.loopback.opened import TAG, Offer
from longshore.loopback.requests import Place, Request, byte_range, parse_head, parse_path
from longshore.oci.digest import valid_digest

if TYPE_CHECKING:
    from longshore.loopback.offer import Blob

_log = logging.getLogger(__name__)

_JSON = "application/json"
#: Bytes that are read from a blob, and sent, at a time.
_CHUNK = 256 * 1024
#: Most bytes that are read so that a refused client can read why.
_MOST_DRAINED = 256 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What clients can use up. They are strangers until they have named an offer.

    *connections*: at most so many at once. *head_bytes*: of a request's line and headers. *head_seconds*: for them to
    arrive, and for strangers to send a request at all. *idle_seconds*: between two requests of a client that has named
    an offer. *send_seconds*: for a client to take a chunk. *drain_seconds*: for a refused client to read why.
    *close_seconds*: for the threads of a closed offer to end.
    """

    connections: int = 64
    head_bytes: int = 16 * 1024
    head_seconds: float = 10.0
    idle_seconds: float = 60.0
    send_seconds: float = 600.0
    drain_seconds: float = 1.0
    close_seconds: float = 5.0


class Connection:
    """A connection. :meth:`serve` runs in its own thread; everything else may be called from any thread.

    *find*: returns the offer with this repository, None if there is none.
    """

    def __init__(
        self, connected: socket.socket, limits: Limits, find: Callable[[bytes], Offer | None]
    ) -> None:
        self._socket = connected
        self._limits = limits
        self._find = find
        self._lock = threading.Lock()
        self._ended = Cancellation()
        self._received = b""
        #: The offer that the latest request named, None for a stranger.
        self.offer: Offer | None = None
        #: True while a request is being answered from an offer.
        self.busy = False

    def end(self) -> None:
        """Close it at once, whatever it waits for. Returns at once."""
        self._ended.cancel()
        self._shut()

    @property
    def hung_up(self) -> bool:
        """True if the client has closed its side."""
        with self._lock, contextlib.suppress(OSError, ValueError), selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            return bool(selector.select(0)) and not self._socket.recv(1, socket.MSG_PEEK)
        return True

    def serve(self) -> None:
        """Answer requests until the connection ends. Raises nothing."""
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while self._exchange():
                pass
        except (OSError, Cancelled):
            pass  # the client, the offer or the program has left
        except Exception:
            _log.exception("a request to the loopback registry failed unexpectedly")
        finally:
            self._shut()
            with self._lock:
                self._socket.close()

    # -- parts, in the connection's own thread -------------------------------------------------------

    def _exchange(self) -> bool:
        """Answer one request. Returns False if the connection ends with it."""
        head = self._head()
        if head is None:
            return False
        request = parse_head(head)
        if request is None:
            # Clients that try TLS first look for HTTP in this answer, and then come again without TLS.
            self._reply(None, HTTPStatus.BAD_REQUEST, {}, _error("UNSUPPORTED", "not a request of HTTP/1"))
            self._drain()
            return False
        if request.has_body:
            self._nothing(request)
            self._drain()
            return False
        return self._answer(request) and request.keeps

    def _head(self) -> bytes | None:
        """The line and headers of the next request; None if none arrives in time, b"" if it can't be one."""
        most = self._limits.head_bytes
        received = self._received
        if not received:
            self._socket.settimeout(self._limits.idle_seconds if self.offer else self._limits.head_seconds)
            received = self._socket.recv(most)
        deadline = time.monotonic() + self._limits.head_seconds
        while (end := received.find(b"\r\n\r\n")) < 0:
            if not received:
                return None
            if len(received) > most or not received[:1].isalpha():
                return b""
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self._socket.settimeout(left)
            more = self._socket.recv(most)
            if not more:
                return None
            received += more
        self._received = received[end + 4 :]
        return received[:end] if end <= most else b""

    def _answer(self, request: Request) -> bool:
        """Answer. Returns False if the connection can't be used any more."""
        if request.reads and request.path == "/v2/":
            self._reply(request, HTTPStatus.OK, {"Docker-Distribution-API-Version": "registry/2.0"}, b"{}")
            return True
        place = parse_path(request.path)
        offer = self._find(place.repository) if place is not None else None
        if place is None or offer is None:
            self._nothing(request)
            return True
        self.offer = offer
        self.busy = True
        try:
            # Whatever ends the request also wakes its thread, in the shelf and in the socket.
            with (
                offer.serving() as part,
                self._ended.waking(part.cancel),
                part.waking(self._shut),
            ):
                return self._give(request, place, offer, part)
        finally:
            self.busy = False

    def _give(self, request: Request, place: Place, offer: Offer, cancellation: Cancellation) -> bool:
        digest = valid_digest(place.name)
        try:
            if request.reads and place.kind == "manifests" and (digest or place.name == TAG):
                manifest = offer.shelf.manifest(place.name, cancellation)
                if manifest is not None:
                    headers = {"Docker-Content-Digest": place.name if digest else manifest.digest}
                    self._reply(request, HTTPStatus.OK, headers, manifest.raw, manifest.media_type)
                    return True
            elif request.reads and place.kind == "blobs" and digest:
                blob = offer.shelf.blob(place.name, cancellation)
                if blob is not None:
                    return self._give_blob(request, place.name, blob, cancellation)
        except LongshoreError:
            # The transfer that offers it knows why, and says so.
            self._reply(
                request, HTTPStatus.INTERNAL_SERVER_ERROR, {}, _error("UNKNOWN", "it could not be fetched")
            )
            return True
        self._nothing(request)
        return True

    def _give_blob(self, request: Request, digest: str, blob: Blob, cancellation: Cancellation) -> bool:
        size = blob.size
        asked = request.headers.get("Range") if request.method == "GET" else None
        part = byte_range(asked, size) if asked is not None else None
        headers = {"Docker-Content-Digest": digest, "Accept-Ranges": "bytes"}
        if part is not None and not part:
            headers["Content-Range"] = f"bytes */{size}"
            self._reply(
                request,
                HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
                headers,
                _error("SIZE_INVALID", "the blob has no such bytes"),
            )
            return True
        status = HTTPStatus.OK
        if part is None:
            part = range(size)
        else:
            status = HTTPStatus.PARTIAL_CONTENT
            headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
        headers |= {"Content-Type": "application/octet-stream", "Content-Length": str(len(part))}
        self._send(_head_of(status, headers, request))
        if request.method == "HEAD":
            return True
        return self._stream(blob, part, cancellation)

    def _stream(self, blob: Blob, part: range, cancellation: Cancellation) -> bool:
        """Send *part* as it arrives. Returns False if it does not all arrive: the client then sees a short body."""
        offset = part.start
        while offset < part.stop:
            try:
                data = blob.read(offset, min(_CHUNK, part.stop - offset), cancellation)
            except LongshoreError:
                return False  # the transfer that offers it says why
            if not data:
                return False
            self._send(data)
            offset += len(data)
        return True

    def _nothing(self, request: Request) -> None:
        """The one answer to everything that is not offered: it does not say whether a guess was close."""
        self._reply(request, HTTPStatus.NOT_FOUND, {}, _error("NAME_UNKNOWN", "not found"))

    def _reply(
        self,
        request: Request | None,
        status: HTTPStatus,
        headers: Mapping[str, str],
        body: bytes,
        content_type: str = _JSON,
    ) -> None:
        every = {**headers, "Content-Type": content_type, "Content-Length": str(len(body))}
        shown = b"" if request is not None and request.method == "HEAD" else body
        self._send(_head_of(status, every, request) + shown)

    def _send(self, data: bytes) -> None:
        self._socket.settimeout(self._limits.send_seconds)
        self._socket.sendall(data)

    def _drain(self) -> None:
        """Let the client read the answer: closing with unread bytes would make its system drop it."""
        deadline = time.monotonic() + self._limits.drain_seconds
        self._socket.shutdown(socket.SHUT_WR)
        drained = 0
        while drained < _MOST_DRAINED and (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            more = len(self._socket.recv(_CHUNK))
            if not more:
                return
            drained += more

    def _shut(self) -> None:
        # Not a reset: the client keeps what it has received, and can go on from there.
        with self._lock, contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)


def _head_of(status: HTTPStatus, headers: Mapping[str, str], request: Request | None) -> bytes:
    lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if request is None or not request.keeps or request.has_body:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _error(code: str, message: str) -> bytes:
    """An error as the OCI distribution-spec says (error codes)."""
    return json.dumps({"errors": [{"code": code, "message": message}]}).encode()
