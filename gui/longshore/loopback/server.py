"""The loopback registry: gives engines on this machine what transfers offer, and only while they offer it.

It listens on 127.0.0.1 alone, on a port that the system chooses. Every user of the machine can connect, so each offer
is below a path that nobody can guess. It serves the reading half of the OCI distribution-spec.
"""

from __future__ import annotations

import contextlib
import itertools
import secrets
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator

from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError
from longshore.loopback.connection import Connection, Limits
from longshore.loopback.offer import Offered, Shelf
from longshore.loopback.opened import TAG, Offer
from longshore.secrecy import keep_out

_HOST = "127.0.0.1"
#: Random bytes of an offer's path.
_SECRET_BYTES = 16
#: Connections that wait to be accepted: a client that finds no place there tries again after a second.
_BACKLOG = 128
#: Seconds until it tries again when the system can't accept a connection, as without file descriptors.
_PAUSE = 0.1
#: Seconds for a connection to end that makes room for another one.
_PATIENCE = 1.0

__all__ = ["Limits", "Loopback", "Offer"]


class Loopback:
    """The loopback registry of a program. Thread-safe. It runs while there is an offer."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._lock = threading.Lock()
        self._offers: list[Offer] = []
        self._server: _Server | None = None

    @contextlib.contextmanager
    def offer(self, shelf: Shelf, cancellation: Cancellation) -> Iterator[Offer]:
        """Offer what *shelf* has, until the context ends or *cancellation* is cancelled.

        At the end its connections are closed, also those that wait for bytes. No thread uses *shelf* after that,
        unless one of its calls ignores its cancellation for longer than the limit.

        Raises LongshoreError if no port can be opened, and Cancelled.
        """
        with cancellation.below() as own:
            offer = self._open(shelf, own)
            try:
                yield offer
            finally:
                own.cancel()
                self._close(offer)

    def _open(self, shelf: Shelf, cancellation: Cancellation) -> Offer:
        secret = secrets.token_hex(_SECRET_BYTES)
        keep_out(secret)
        with self._lock:
            if self._server is None:
                self._server = _Server(self._limits, self._find)
            offered = Offered(self._server.host, f"longshore-{secret}/image", TAG)
            offer = Offer(offered, shelf, cancellation)
            self._offers.append(offer)
        return offer

    def _close(self, offer: Offer) -> None:
        with self._lock:
            self._offers.remove(offer)
            server, last = self._server, not self._offers
            if last:
                self._server = None
        if server is not None:
            server.drop(offer)
            if last:
                server.stop()
        offer.settle(self._limits.close_seconds)

    def _find(self, repository: bytes) -> Offer | None:
        with self._lock:
            offers = list(self._offers)
        # All are compared, so that the time does not depend on which one it is.
        found = [offer for offer in offers if offer.is_at(repository)]
        return found[0] if found else None


class _Server:
    """A listening socket, the thread that accepts, and the threads of the connections."""

    def __init__(self, limits: Limits, find: Callable[[bytes], Offer | None]) -> None:
        self._limits = limits
        self._find = find
        self._lock = threading.Lock()
        self._connections: dict[Connection, threading.Thread] = {}
        self._numbers = itertools.count(1)
        try:
            self._listener = socket.create_server((_HOST, 0), backlog=_BACKLOG)
        except OSError as error:
            raise LongshoreError("Longshore can't open a port on 127.0.0.1.", detail=str(error)) from error
        self._listener.setblocking(False)
        self.host = f"{_HOST}:{self._listener.getsockname()[1]}"
        self._waker, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._accept_all, name="longshore-loopback", daemon=True)
        self._thread.start()

    def drop(self, offer: Offer) -> None:
        """Close the connections that were last used for *offer*."""
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            if connection.offer is offer:
                connection.end()

    def stop(self) -> None:
        """Close everything, and wait for the threads to end, for a bounded time."""
        deadline = time.monotonic() + self._limits.close_seconds
        self._waker.close()
        self._thread.join(self._limits.close_seconds)
        with self._lock:
            connections = dict(self._connections)
        for connection in connections:
            connection.end()
        for thread in connections.values():
            thread.join(max(deadline - time.monotonic(), 0))

    def _accept_all(self) -> None:
        with self._listener, self._woken, selectors.DefaultSelector() as selector:
            selector.register(self._woken, selectors.EVENT_READ)
            selector.register(self._listener, selectors.EVENT_READ)
            while True:
                if any(key.fileobj is self._woken for key, _ in selector.select()):
                    return
                try:
                    connected, _ = self._listener.accept()
                except (BlockingIOError, ConnectionError):
                    continue  # the client has left
                except OSError:
                    time.sleep(_PAUSE)
                    continue
                self._begin(connected)

    def _begin(self, connected: socket.socket) -> None:
        if not self._make_room():
            connected.close()
            return
        connection = Connection(connected, self._limits, self._find)
        name = f"longshore-loopback-{next(self._numbers)}"
        thread = threading.Thread(target=self._serve, args=(connection,), name=name, daemon=True)
        with self._lock:
            self._connections[connection] = thread
        try:
            thread.start()
        except RuntimeError:  # no more threads
            with self._lock:
                del self._connections[connection]
            connected.close()

    def _serve(self, connection: Connection) -> None:
        try:
            connection.serve()
        finally:
            with self._lock:
                del self._connections[connection]

    def _make_room(self) -> bool:
        """Close a connection that is worth less than a new one if there are too many. Returns False if none is.

        Strangers must not keep an engine out: theirs are the first to be closed, the oldest first.
        """
        with self._lock:
            threads = dict(self._connections)
        if len(threads) < self._limits.connections:
            return True
        idle = [each for each in threads if not each.busy or each.hung_up]
        if not idle:
            return False
        strangers = [each for each in idle if each.offer is None]
        given_up = (strangers or idle)[0]
        given_up.end()
        # Its thread counts until it has ended.
        threads[given_up].join(_PATIENCE)
        return not threads[given_up].is_alive()
