"""Work on the network that another thread can cut, in every phase: names, connections, answers, pauses."""

from __future__ import annotations

import contextlib
import os
import queue
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from longshore.cancellation import Cancellation, Cancelled

#: Seconds between two looks at whether the work is still wanted, where nothing can wake us.
_SLICE = 0.1


class Watch:
    """What one piece of work has open, so that another thread can cut it. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._handle: socket.socket | None = None
        self._cut = threading.Event()

    @property
    def cut(self) -> bool:
        """True once :meth:`pull` was called."""
        return self._cut.is_set()

    def hold(self, descriptor: int) -> None:
        """The work uses this socket from now on.

        A handle of our own is kept: TLS takes the socket object away, and http.client gives it up while the
        answer is still being read.
        """
        handle = socket.socket(fileno=os.dup(descriptor))
        with self._lock:
            self._drop()
            self._handle = handle
            if self._cut.is_set():
                self._shut()

    def let_go(self) -> None:
        """The work has given its connection back: it may be another's from now on."""
        with self._lock:
            self._drop()

    def pull(self) -> None:
        """Cut. Does not block, does not raise."""
        with self._lock:
            self._cut.set()
            self._shut()

    def wait(self, seconds: float) -> None:
        """Sleep, less when cut."""
        self._cut.wait(seconds)

    def _shut(self) -> None:
        if self._handle is not None:
            with contextlib.suppress(OSError):
                self._handle.shutdown(socket.SHUT_RDWR)

    def _drop(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.close()


_current = threading.local()


def current() -> Watch | None:
    """The watch over what this thread does now."""
    return getattr(_current, "watch", None)


@contextlib.contextmanager
def cuttable(cancellation: Cancellation | None) -> Iterator[None]:
    """While inside, cancelling cuts the connection that this thread's request uses, and raises Cancelled here.

    Whatever fails after a cut is a consequence of it. Without a cancellation, what is around stays in force.
    """
    if cancellation is None:
        yield
        return
    watch, before = Watch(), current()
    with cancellation.waking(watch.pull):
        _current.watch = watch
        try:
            yield
        except Cancelled:
            raise
        except Exception as error:
            if cancellation.cancelled:
                raise Cancelled from error
            raise
        finally:
            _current.watch = before
            watch.let_go()
    cancellation.raise_if_cancelled()


def raise_if_cut() -> None:
    """Raise Cancelled if this thread's work was cut."""
    watch = current()
    if watch is not None and watch.cut:
        raise Cancelled


def pause(seconds: float) -> None:
    """Sleep. Raises Cancelled as soon as this thread's work is cut."""
    watch = current()
    if watch is None:
        time.sleep(seconds)
        return
    watch.wait(seconds)
    raise_if_cut()


@contextlib.contextmanager
def turn(lock: threading.Lock) -> Iterator[None]:
    """Hold *lock*. Raises Cancelled if this thread's work is cut while it waits."""
    while not lock.acquire(timeout=_SLICE):
        raise_if_cut()
    try:
        yield
    finally:
        lock.release()


def dial(host: str, port: int, seconds: float) -> socket.socket:
    """A connected socket with a timeout of *seconds*, which is also the time that all of this may take.

    Raises socket.gaierror or UnicodeError for the name, TimeoutError, OSError, Cancelled.
    """
    deadline = time.monotonic() + seconds
    addresses = _resolve(host, port, deadline)
    last: OSError | None = None
    for number, (family, kind, protocol, _, address) in enumerate(addresses):
        # A black hole among several addresses (IPv6 that leads nowhere) must leave time for the others.
        share = (deadline - time.monotonic()) / (len(addresses) - number)
        opened = socket.socket(family, kind, protocol)
        try:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                opened.connect(address)
            _wait_connected(opened, time.monotonic() + share)
            opened.settimeout(seconds)
            return opened
        except OSError as error:
            last = error
            opened.close()
        except BaseException:
            opened.close()
            raise
    raise last or OSError("the name has no address")


def _wait_connected(opened: socket.socket, deadline: float) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(opened, selectors.EVENT_WRITE)
        while not selector.select(_SLICE):
            raise_if_cut()
            if time.monotonic() >= deadline:
                raise TimeoutError("timed out")
    code = opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))


def _resolve(host: str, port: int, deadline: float) -> list[Any]:
    """The addresses of a name. The system's resolver cannot be cut: it is left to end by itself."""
    with contextlib.suppress(socket.gaierror):
        return socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
    answers: queue.SimpleQueue[list[Any] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(list(socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=ask, name="registry-name", daemon=True).start()
    while True:
        try:
            found = answers.get(timeout=_SLICE)
        except queue.Empty:
            raise_if_cut()
            if time.monotonic() >= deadline:
                raise TimeoutError(f"no address for {host} in time") from None
            continue
        if isinstance(found, Exception):
            raise found
        return found
