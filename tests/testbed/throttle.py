"""A slow and faulty line: a reverse proxy that streams, limits the rate, and fails on demand.

It is between an engine (or Longshore) and a registry and speaks HTTP/1.1 on both sides. The Host header
passes unchanged, so that the registry's Locations point to the proxy. Bodies are never buffered.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, Self

from testbed.faults import Body, Corruption, Cut, Direction, Faults, LineCutError, Refusal
from testbed.http_stream import (
    CONNECT_SECONDS,
    DRAIN_SECONDS,
    AnsweredEarlyError,
    BrokenMessageError,
    Head,
    Piece,
    Reader,
    answer_body,
    connect_to,
    drain,
    ends_with_connection,
    is_readable,
    made_answer,
    read_head,
    request_body,
)
from testbed.line import Line

# Small buffers, because the kernel would otherwise accept megabytes at once and falsify the sender's progress.
SOCKET_BUFFER = 128 * 1024
TLS_HANDSHAKE = b"\x16"


class SeenRequest(NamedTuple):
    """A request that passed, and the status that the client got; 0 if the line was cut before one."""

    method: str
    path: str
    status: int


class Throttle:
    """A proxy on a free port of 127.0.0.1 in front of ``target`` ("host:port").

    Args:
        target: where requests are sent.
        bytes_per_second: of bodies, all connections and both directions together; None for no limit.
        latency: seconds of delay before each request is passed on.
        per_connection: bytes per second of bodies of each client's connection, None for no limit.
        raw: pass bytes without parsing them (TLS, upgrades): rate, stall, refuse and cut work, faults
            chosen by path do not.

    ``bytes_per_second`` and ``latency`` may be set at any time, by any thread.
    """

    def __init__(
        self,
        target: str,
        bytes_per_second: float | None = None,
        latency: float = 0.0,
        *,
        per_connection: float | None = None,
        raw: bool = False,
    ) -> None:
        host, _, port = target.rpartition(":")
        self.target = (host.strip("[]"), int(port))
        self.raw = raw
        self.line = Line(bytes_per_second, latency)
        self.per_connection = per_connection
        self._own = threading.local()  # the line of the connection that a thread serves
        self.faults = Faults()
        self._lock = threading.Lock()
        self._requests: list[SeenRequest] = []
        self._sockets: set[socket.socket] = set()
        self._clients: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener: socket.socket | None = None
        self._port = 0
        self._moved: dict[Direction, int] = {"request": 0, "response": 0}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def bytes_per_second(self) -> float | None:
        return self.line.bytes_per_second

    @bytes_per_second.setter
    def bytes_per_second(self, rate: float | None) -> None:
        self.line.bytes_per_second = rate

    @property
    def latency(self) -> float:
        return self.line.latency

    @latency.setter
    def latency(self, seconds: float) -> None:
        self.line.latency = seconds

    @property
    def address(self) -> str:
        """``127.0.0.1:PORT``."""
        return f"127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    @property
    def requests(self) -> list[SeenRequest]:
        """All requests so far, in the order in which their responses began."""
        with self._lock:
            return list(self._requests)

    @property
    def open_connections(self) -> int:
        """The number of clients' connections that are open now."""
        with self._lock:
            return len(self._clients)

    @property
    def moved_bytes(self) -> dict[Direction, int]:
        """Bytes of bodies passed on so far, by direction."""
        with self._lock:
            return dict(self._moved)

    def start(self) -> None:
        """Listen; after ``refuse()`` again on the same port."""
        if self._listener is not None:
            return
        self.line.ended.clear()
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER)
        try:
            listener.bind(("127.0.0.1", self._port))
            listener.listen(128)
        except OSError:
            listener.close()
            raise
        self._port = listener.getsockname()[1]
        self._listener = listener
        self._run(self._accept, listener)

    def close(self) -> None:
        """Cut every connection, stop listening and wait for the threads."""
        self.refuse()
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(CONNECT_SECONDS + DRAIN_SECONDS)

    # -- faults ----------------------------------------------------------------------------------------

    def stall(self) -> None:
        """Accept, read and answer nothing, even in the middle of bodies, until ``resume()``."""
        self.line.stall()

    def resume(self) -> None:
        self.line.resume()

    def refuse(self) -> None:
        """Refuse new connections and cut the open ones, until ``start()``."""
        self.line.ended.set()
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.cut_now()

    def cut_now(self) -> None:
        """Cut every open connection."""
        with self._lock:
            for each in self._sockets:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def cut_after(
        self, count: int, times: int = 1, *, path_regex: str = "", direction: Direction | None = None
    ) -> None:
        """Cut the connection after ``count`` bytes of a body, for the next ``times`` bodies of that length.

        Both sides are cut. ``direction`` limits it to uploads (``request``) or downloads (``response``).
        """
        self.faults.add(Cut(re.compile(path_regex), count, direction), times)

    def fail_next(
        self,
        path_regex: str,
        status: int,
        times: int = 1,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        method: str = "",
    ) -> None:
        """Answer the next ``times`` requests for such a path with ``status``; the target does not receive them."""
        self.faults.add(Refusal(re.compile(path_regex), status, dict(headers or {}), body, method), times)

    def corrupt_next(self, path_regex: str, times: int = 1) -> None:
        """Change one byte in the next ``times`` responses for such a path that have a body."""
        self.faults.add(Corruption(re.compile(path_regex)), times)

    def clear_faults(self) -> None:
        """Remove all pending faults, and resume."""
        self.faults.clear()
        self.resume()

    # -- threads ---------------------------------------------------------------------------------------

    def _run(self, work: Callable[[socket.socket], None], connection: socket.socket) -> None:
        thread = threading.Thread(
            target=work, args=(connection,), name=f"testbed-throttle-{self._port}", daemon=True
        )
        with self._lock:
            self._threads = [each for each in self._threads if each.is_alive()]
            self._threads.append(thread)
            thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                self._clients.add(client)
            self._run(self._serve, client)

    @contextlib.contextmanager
    def _kept(self, connection: socket.socket) -> Iterator[socket.socket]:
        """Close the connection at the end, and let ``cut_now`` cut it meanwhile."""
        with connection:
            with self._lock:
                self._sockets.add(connection)
            try:
                if self.line.ended.is_set():
                    raise LineCutError
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                yield connection
            finally:
                with self._lock:
                    self._sockets.discard(connection)
                    self._clients.discard(connection)

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError, BrokenMessageError, LineCutError), self._kept(client):
            serve = self._serve_raw if self.raw else self._serve_http
            serve(client)

    # -- HTTP ------------------------------------------------------------------------------------------

    def _serve_http(self, client: socket.socket) -> None:
        if client.recv(1, socket.MSG_PEEK)[:1] == TLS_HANDSHAKE:
            # Engines try https first. Answer as registries do, otherwise they wait ten seconds for a handshake.
            client.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            drain(client)
            return
        reader = Reader(client)
        with contextlib.ExitStack() as stack:
            target: Reader | None = None
            while (request := read_head(reader)) is not None:
                self.line.delay()
                self.line.flow()
                refusal = self.faults.take(Refusal, request.first[1], request.first[0])
                if refusal is not None:
                    self._refuse_one(client, request, refusal)
                    return
                if target is None or is_readable(target.connection):
                    try:
                        target = Reader(
                            stack.enter_context(self._kept(connect_to(self.target, SOCKET_BUFFER)))
                        )
                    except OSError:
                        self._refuse_one(client, request, Refusal(re.compile(""), 502, {}, b""))
                        return
                if not self._exchange(request, reader, target):
                    return

    def _exchange(self, request: Head, client: Reader, target: Reader) -> bool:
        """Pass on one request and its response; returns whether the connection can carry another."""
        method, path = request.first[0], request.first[1]
        target.connection.sendall(request.raw)
        answer: Head | None = None
        if request.get("expect"):
            answer = self._answer_head(target, method, path)
            if answer.status == 100:
                client.connection.sendall(answer.raw)
                answer = None
        complete = answer is None and self._send_body(request, client, target)
        while answer is None or answer.status < 200:
            if answer is not None:
                client.connection.sendall(answer.raw)
            answer = self._answer_head(target, method, path)
        self._note(method, path, answer.status)
        client.connection.sendall(answer.raw)
        self._send_answer_body(
            answer_body(answer, method, target, self.line.piece_bytes()), client, target, request
        )
        if not complete:
            drain(client.connection)
            return False
        return not (request.is_last or answer.is_last or ends_with_connection(answer, method))

    def _answer_head(self, target: Reader, method: str, path: str) -> Head:
        try:
            answer = read_head(target)
        except OSError:
            answer = None
        if answer is None:
            self._note(method, path, 0)
            raise LineCutError
        self.line.flow()
        return answer

    def _send_body(self, request: Head, client: Reader, target: Reader) -> bool:
        """Pass on a request's body; returns False if the target responded before its end (401, 413)."""
        body = Body(request.first[1], "request")
        client.watched = target.connection
        try:
            for piece in request_body(request, client, self.line.piece_bytes()):
                try:
                    self._pass(piece, body, client.connection, target.connection)
                except OSError:
                    # The target has closed its side; its earlier response still has to be read.
                    return False
        except AnsweredEarlyError:
            return False
        except (LineCutError, BrokenMessageError, OSError):
            self._note(request.first[0], body.path, 0)
            raise
        finally:
            client.watched = None
        return True

    def _send_answer_body(
        self, pieces: Iterator[Piece], client: Reader, target: Reader, request: Head
    ) -> None:
        method, path, _ = request.first
        body = Body(path, "response")
        for piece in pieces:
            data = piece.data
            if piece.payload and body.passed == 0 and self.faults.take(Corruption, path, method):
                data = bytes([data[0] ^ 0xFF]) + data[1:]
            self._pass(Piece(data, piece.payload), body, target.connection, client.connection)

    def _refuse_one(self, client: socket.socket, request: Head, refusal: Refusal) -> None:
        method, path, _ = request.first
        self._note(method, path, refusal.status)
        client.sendall(made_answer(method, refusal.status, refusal.headers, refusal.body))
        drain(client)

    def _note(self, method: str, path: str, status: int) -> None:
        with self._lock:
            self._requests.append(SeenRequest(method, path, status))

    def _pass(self, piece: Piece, body: Body, source: socket.socket, to: socket.socket) -> None:
        """Send a piece when the rate allows it, or the part of it before a cut."""
        data = piece.data
        allowed = len(data)
        if piece.payload:
            allowed = self.faults.allowed(body, len(data))
            self.line.spend(allowed)
            self._own_line().spend(allowed)
        self.line.flow()
        to.sendall(data[:allowed])
        if piece.payload:
            with self._lock:
                self._moved[body.direction] += allowed
        if allowed < len(data):
            for each in (to, source):
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            raise LineCutError

    def _own_line(self) -> Line:
        if not hasattr(self._own, "line"):
            self._own.line = Line(self.per_connection, 0.0)
            self._own.line.ended = self.line.ended
        return self._own.line  # type: ignore[no-any-return]

    # -- raw -------------------------------------------------------------------------------------------

    def _serve_raw(self, client: socket.socket) -> None:
        self.line.delay()
        with self._kept(connect_to(self.target, SOCKET_BUFFER)) as target:
            back = threading.Thread(
                target=self._copy, args=(target, client, "response"), name=f"testbed-throttle-{self._port}"
            )
            back.daemon = True
            back.start()
            try:
                self._copy(client, target, "request")
            finally:
                back.join()

    def _copy(self, source: socket.socket, to: socket.socket, direction: Direction) -> None:
        body = Body("", direction)
        try:
            while data := source.recv(self.line.piece_bytes()):
                self._pass(Piece(data), body, source, to)
            to.shutdown(socket.SHUT_WR)
        except (OSError, LineCutError):
            for each in (source, to):
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
