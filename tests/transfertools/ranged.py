"""A registry that only serves blobs, over real HTTP, and whose every connection a test can hold, slow down or cut."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import sha256_of
from longshore.oci.manifest import OCI_LAYER

PIECE = 16 << 10


class CutHere(Exception):
    """Raised by a test to cut the connection."""


@dataclass
class Served:
    """One request for a blob. *sent*: bytes of its body so far. *whole*: it has no Range."""

    number: int
    digest: str
    begin: int
    end: int
    whole: bool
    sent: int = 0
    ended: bool = False
    #: The client's port: the connection.
    port: int = field(default=0, kw_only=True)


class RangedRegistry:
    """*ranges*: whether it honours ranges. *answer*: called per request, may return another status with its headers.

    *before*: called before each piece of 16 KiB; it may wait, and raise CutHere. Both are called in the request's
    thread.
    """

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.served: list[Served] = []
        self.ranges = True
        #: The most bytes that it returns for one request with a range.
        self.longest: int | None = None
        self.answer: Callable[[Served], tuple[int, dict[str, str]] | None] = lambda served: None
        self.before: Callable[[Served], None] = lambda served: None
        #: Set when the registry ends: whatever waits in :attr:`before` must return then.
        self.ending = threading.Event()
        #: The most requests that were served at the same time: of one blob, and in total.
        self.most_of_one = self.most = 0
        self._lock = threading.Lock()
        registry = self

        class Handler(BaseHTTPRequestHandler):
            disable_nagle_algorithm = True
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                # Small buffers: what is sent has almost arrived.
                self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32 << 10)
                super().setup()

            def handle(self) -> None:
                with contextlib.suppress(OSError, ValueError):
                    super().handle()

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                registry._serve(self)

        class Server(ThreadingHTTPServer):
            daemon_threads = False

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def sent(self) -> int:
        """Bytes of blobs sent so far."""
        with self._lock:
            return sum(each.sent for each in self.served)

    def of(self, digest: str) -> list[Served]:
        """The requests for a blob."""
        with self._lock:
            return [each for each in self.served if each.digest == digest]

    def active(self, digest: str = "") -> int:
        """How many requests are being served, of a blob or in total."""
        with self._lock:
            return self._active(digest)

    def put(self, blob: bytes, digest: str = "") -> Descriptor:
        """Serve *blob*, under another digest than its own if one is given."""
        digest = digest or sha256_of(blob)
        self.blobs[digest] = blob
        return Descriptor(OCI_LAYER, digest, len(blob))

    def close(self) -> None:
        """Close the registry. Close its clients first, because it waits for their connections."""
        self.ending.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _active(self, digest: str) -> int:
        return sum(not each.ended and digest in ("", each.digest) for each in self.served)

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        digest = handler.path.rpartition("/")[2]
        blob = self.blobs.get(digest)
        if "/blobs/" not in handler.path or blob is None:
            self._head(handler, 200 if handler.path == "/v2/" else 404, 2)
            handler.wfile.write(b"{}")
            return
        first, _, last = (handler.headers.get("Range") or "").removeprefix("bytes=").partition("-")
        whole = not (first and self.ranges)
        begin, end = (
            (0, len(blob)) if whole else (int(first), min(int(last) + 1, len(blob)) if last else len(blob))
        )
        if self.longest is not None and not whole:
            end = min(end, begin + self.longest)
        with self._lock:
            served = Served(len(self.served), digest, begin, end, not first, port=handler.client_address[1])
            self.served.append(served)
            self.most = max(self.most, self._active(""))
            self.most_of_one = max(self.most_of_one, self._active(digest))
        try:
            if (other := self.answer(served)) is not None:
                self._head(handler, other[0], 2, other[1])
                handler.wfile.write(b"{}")
                return
            if begin >= end and not whole:
                self._head(handler, 416, 2, {"Content-Range": f"bytes */{len(blob)}"})
                handler.wfile.write(b"{}")
                return
            span = {} if whole else {"Content-Range": f"bytes {begin}-{end - 1}/{len(blob)}"}
            self._head(handler, 200 if whole else 206, end - begin, span)
            for at in range(begin, end, PIECE):
                self.before(served)
                part = blob[at : min(at + PIECE, end)]
                if at + len(part) == end:
                    served.ended = True  # before the client knows, and asks for the next
                handler.wfile.write(part)
                with self._lock:
                    served.sent += len(part)
        except CutHere:
            handler.close_connection = True
            with contextlib.suppress(OSError):
                handler.connection.shutdown(socket.SHUT_RDWR)
        finally:
            served.ended = True

    def _head(
        self, handler: BaseHTTPRequestHandler, status: int, length: int, more: dict[str, str] | None = None
    ) -> None:
        handler.send_response(status)
        for key, value in {"Content-Length": str(length), **(more or {})}.items():
            handler.send_header(key, value)
        handler.end_headers()
