"""Connections to an engine over unix sockets, tcp, TLS and ssh that another thread can interrupt.

The SDK's own unix adapter leaks its socket when nothing is listening and keeps a pool per URL; its ssh adapter needs
paramiko and cannot be interrupted. Here every connection is a real socket, so that one shutdown() interrupts it.
"""

from __future__ import annotations

import contextlib
import shlex
import socket
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import IO, Any, Protocol
from urllib.parse import unquote, urlsplit

import requests.adapters
import urllib3
import urllib3.connection

SSH_CONNECT_SECONDS = 15
SSH_END_SECONDS = 2.0
POOL_SIZE = 10


class Sockets:
    """The open sockets of one client. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._cut = False

    def add(self, opened: socket.socket | None) -> None:
        """Track *opened* until it is closed; after :meth:`cut` it is shut down at once."""
        # Windows' named pipes have no shutdown(): they end with their next event.
        if not isinstance(opened, socket.socket):
            return
        with self._lock:
            self._open.add(opened)
            if self._cut:
                _shut(opened)

    def cut(self) -> None:
        """Shut down all sockets, including future ones: blocked calls fail with an error.

        Does not block.
        """
        with self._lock:
            self._cut = True
            for opened in list(self._open):
                _shut(opened)


def _shut(opened: socket.socket) -> None:
    with contextlib.suppress(OSError):
        opened.shutdown(socket.SHUT_RDWR)


class Line(Protocol):
    """A dialled connection: its socket and its clean-up."""

    socket: socket.socket

    def close(self) -> None:
        """Release everything; may be called twice."""

    def trouble(self) -> Exception | None:
        """The reason why the other side closed, if more is known than the socket reports."""


Dial = Callable[[float | None], Line]


class UnixLine:
    """A unix socket at *path*. Raises OSError."""

    def __init__(self, path: str, timeout: float | None) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.socket.settimeout(timeout)
            self.socket.connect(path)
        except BaseException:
            self.socket.close()
            raise

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()

    def trouble(self) -> Exception | None:
        """None: nothing more is known."""
        return None


class SshError(ConnectionError):
    """ssh ended; *said* is its standard error output."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said


class SshLine:
    """``ssh HOST docker system dial-stdio``, as run by the docker CLI (docker/cli, cli/connhelper).

    Its standard input and output are one end of a socket pair. A path in *url* is the path of the engine's socket on
    the remote host: ``docker --host unix://PATH``. Keys, agents, jump hosts and known hosts come from the user's own
    ssh configuration. There is no terminal: ssh asks through an askpass program or not at all. Raises FileNotFoundError
    if ssh is not installed.
    """

    def __init__(self, url: str, timeout: float | None) -> None:
        parts = urlsplit(url)
        path = unquote(parts.path)
        # ssh joins these with spaces, and the remote shell parses them.
        engine = ("--host", shlex.quote(f"unix://{path}")) if path.strip("/") else ()
        self._heard = ""
        self.socket, theirs = socket.socketpair()
        # A file, not a pipe: ssh must not block until somebody reads it.
        self._said: IO[bytes] = tempfile.TemporaryFile(prefix="longshore-")  # noqa: SIM115
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [
                        "ssh",
                        "-T",
                        *("-o", f"ConnectTimeout={SSH_CONNECT_SECONDS}"),
                        *(("-l", unquote(parts.username)) if parts.username else ()),
                        *(("-p", str(parts.port)) if parts.port else ()),
                        *("--", parts.hostname or "", "docker", *engine, "system", "dial-stdio"),
                    ],
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=self._said.fileno(),
                    start_new_session=True,
                )
        except BaseException:
            self.socket.close()
            self._said.close()
            raise
        self.socket.settimeout(timeout)

    def close(self) -> None:
        """Close the socket and end ssh; waits for it up to two seconds."""
        self.socket.close()
        if self._said.closed:
            return
        with self._said:
            self._process.terminate()
            try:
                self._process.wait(SSH_END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._said.seek(0)
            said = self._said.read(8000).decode(errors="replace")
        self._heard = said.replace("Killed by signal 15.", "").strip()

    def trouble(self) -> Exception | None:
        """The error with ssh's output; ends ssh."""
        self.close()
        return SshError(self._heard) if self._heard else None


class _DialledConnection(urllib3.connection.HTTPConnection):
    """HTTP over the connection that *dial* opens."""

    def __init__(self, dial: Dial, sockets: Sockets) -> None:
        super().__init__("localhost")
        self._dial = dial
        self._sockets = sockets
        self._line: Line | None = None

    def connect(self) -> None:
        timeout = self.timeout
        self._line = self._dial(timeout if isinstance(timeout, int | float) else None)
        self.sock = self._line.socket
        self._sockets.add(self.sock)

    def request(self, *args: Any, **kwargs: Any) -> None:
        with self._asking_the_line():
            super().request(*args, **kwargs)

    def getresponse(self) -> urllib3.response.HTTPResponse:  # type: ignore[override, unused-ignore]
        with self._asking_the_line():
            return super().getresponse()

    @contextlib.contextmanager
    def _asking_the_line(self) -> Iterator[None]:
        line = self._line
        try:
            yield
        except ConnectionError as error:
            # http.client has closed the connection by now.
            line = self._line or line
            raise (line and line.trouble()) or error from error

    def close(self) -> None:
        super().close()
        if self._line is not None:
            self._line.close()
            self._line = None


class _DialledPool(urllib3.HTTPConnectionPool):
    def __init__(self, dial: Dial, sockets: Sockets) -> None:
        super().__init__("localhost", maxsize=POOL_SIZE)
        self._dial = dial
        self._sockets = sockets

    def _new_conn(self) -> _DialledConnection:
        return _DialledConnection(self._dial, self._sockets)


class DialledAdapter(requests.adapters.HTTPAdapter):
    """One pool of dialled connections for all URLs."""

    def __init__(self, dial: Dial, sockets: Sockets) -> None:
        super().__init__()
        self._pool = _DialledPool(dial, sockets)

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> urllib3.HTTPConnectionPool:
        return self._pool

    def get_connection(self, *_: Any, **__: Any) -> urllib3.HTTPConnectionPool:  # requests before 2.32
        return self._pool

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        return request.path_url

    def close(self) -> None:
        super().close()
        self._pool.close()


class TcpAdapter(requests.adapters.HTTPAdapter):
    """requests' own adapter for tcp and TLS, with its sockets tracked."""

    def __init__(self, sockets: Sockets) -> None:
        super().__init__(pool_connections=1, pool_maxsize=POOL_SIZE)
        self._sockets = sockets

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> urllib3.HTTPConnectionPool:
        pool = super().get_connection_with_tls_context(*args, **kwargs)
        return self._known(pool)

    def get_connection(self, *args: Any, **kwargs: Any) -> urllib3.HTTPConnectionPool:  # requests before 2.32
        return self._known(super().get_connection(*args, **kwargs))

    def _known(self, pool: Any) -> urllib3.HTTPConnectionPool:
        if not hasattr(pool.ConnectionCls, "longshore_sockets"):
            pool.ConnectionCls = type(
                "KnownConnection", (_Known, pool.ConnectionCls), {"longshore_sockets": self._sockets}
            )
        found: urllib3.HTTPConnectionPool = pool
        return found


class _Known:
    """Mixed into urllib3's connection classes."""

    longshore_sockets: Sockets
    sock: Any
    is_verified: bool
    _handle: socket.socket | None = None

    def _new_conn(self) -> socket.socket:
        opened: socket.socket = super()._new_conn()  # type: ignore[misc]
        # TLS wraps the socket in another object. Until its handshake is over, only a second handle reaches it.
        self._handle = opened.dup()
        self.longshore_sockets.add(self._handle)
        return opened

    def connect(self) -> None:
        try:
            super().connect()  # type: ignore[misc]
            self.longshore_sockets.add(self.sock)
        finally:
            if self._handle is not None:
                self._handle.close()
        # Only silences urllib3, which would warn at every request about a check that the user turned off.
        self.is_verified = True
