"""A scripted registry for faults that no real one produces on demand; it serves real HTTP from threads."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from longshore.credentials import Credential
from longshore.registry.client import RegistryClient
from longshore.registry.config import RegistryConfig
from testbed.crypto import make_authority, make_certificate


@dataclass
class Asked:
    """One request as it was received."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    server: Scripted
    handler: BaseHTTPRequestHandler

    @property
    def authorization(self) -> str:
        return self.headers.get("authorization", "")


@dataclass
class Answer:
    status: int = 200
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)
    #: Sent as Content-Length instead of the true one; -1 sends none and closes the connection.
    length: int | None = None


def reply(document: Any = None, status: int = 200, **headers: str) -> Answer:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    named = [(key.replace("_", "-"), value) for key, value in headers.items()]
    return Answer(status, body, named)


class Scripted:
    """Sends what ``script(asked)`` returns; None is a 404; "cut" cuts the connection; "silent" never responds."""

    def __init__(
        self, script: Callable[[Asked], Any], tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
    ) -> None:
        self.script = script
        self._secure = tls is not None
        self._secured: list[ssl.SSLSocket] = []
        self._name = f"[{host}]" if ":" in host else host
        self.asked: list[Asked] = []
        self.ending = threading.Event()
        self._lock = threading.Lock()
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            disable_nagle_algorithm = True  # headers and body are two writes
            protocol_version = "HTTP/1.1"

            def handle(self) -> None:
                with contextlib.suppress(ConnectionError, ValueError, TimeoutError):
                    # A TLS ClientHello has no line break, and http.server would wait for one for ever.
                    if tls is not None or self.connection.recv(1, socket.MSG_PEEK) != b"\x16":
                        super().handle()

            def log_message(self, *_: Any) -> None:
                pass

            def __getattr__(self, name: str) -> Any:
                if name.startswith("do_"):
                    return self.answer
                raise AttributeError(name)

            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                headers = {key.lower(): value for key, value in self.headers.items()}
                asked = Asked(self.command, self.path, headers, body, scripted, self)
                with scripted._lock:
                    scripted.asked.append(asked)
                given = scripted.script(asked)
                if given is None:
                    given = reply({"errors": [{"code": "NOT_FOUND", "message": "nothing there"}]}, 404)
                if given == "silent":
                    scripted.ending.wait(60)
                    given = "cut"
                if given == "cut":
                    self.close_connection = True
                    with contextlib.suppress(OSError):
                        self.connection.shutdown(socket.SHUT_RDWR)
                    return
                self.send_response(given.status)
                for key, value in given.headers:
                    self.send_header(key, value)
                if given.length is None:
                    self.send_header("Content-Length", str(len(given.body)))
                elif given.length >= 0:
                    self.send_header("Content-Length", str(given.length))
                if given.length is not None:
                    self.close_connection = True
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(given.body)

        class Server(ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
            daemon_threads = False

            def finish_request(self, request: Any, address: Any) -> None:
                if tls is None:
                    super().finish_request(request, address)
                    return
                # In the thread of the connection. Some tests are about clients that hang up.
                with contextlib.suppress(OSError), tls.wrap_socket(request, server_side=True) as secured:
                    scripted._secured.append(secured)
                    super().finish_request(secured, address)

        self._server = Server((host, 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def host(self) -> str:
        return f"{self._name}:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        return f"{'https' if self._secure else 'http'}://{self.host}"

    def paths(self, method: str = "GET") -> list[str]:
        """Paths of the requests so far, without those that find out the scheme."""
        return [one.path for one in self.asked if one.method == method and one.path != "/v2/"]

    def stop_listening(self) -> None:
        self.ending.set()
        self._server.shutdown()
        self._thread.join()

    def close(self) -> None:
        self.stop_listening()
        for secured in self._secured:  # connections that clients keep open for later
            with contextlib.suppress(OSError):
                secured.shutdown(socket.SHUT_RDWR)
        self._server.server_close()  # waits for the threads of the connections


@contextlib.contextmanager
def serve_tls(
    folder: Path,
    script: Callable[[Asked], Any],
    *,
    names: tuple[str, ...] = ("127.0.0.1", "::1"),
    host: str = "127.0.0.1",
    days: tuple[int, int] | None = None,
) -> Iterator[Scripted]:
    """A server with a certificate for *names* from an unknown authority (``ca.crt`` in *folder*).

    *days*: first and last day on which the certificate is valid, counted from today.
    """
    certificate, key = make_certificate(folder, make_authority(folder), list(names), days=days)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = Scripted(script, context, host)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[Asked], Any]], Scripted]]:
    """Scripted registries that end with the test."""
    servers: list[Scripted] = []

    def make(script: Callable[[Asked], Any]) -> Scripted:
        servers.append(Scripted(script))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Callable[..., RegistryClient]]:
    """Makes clients that ignore this machine's proxies and certificates."""
    clients: list[RegistryClient] = []

    def make(server: Scripted | str, credential: Credential | None = None, **more: Any) -> RegistryClient:
        host = server if isinstance(server, str) else server.host
        settings = {
            key: more.pop(key) for key in ("insecure", "prefix", "namespace", "ca_file") if key in more
        }
        options = {
            "environ": {},
            "connect_seconds": 3,
            "read_seconds": 5,
            "certificate_folders": [tmp_path],
            **more,
        }
        client = RegistryClient(RegistryConfig(host, **settings), lambda _host: credential, **options)
        clients.append(client)
        return client

    yield make
    # Idle connections first, or the servers would wait for them to end.
    for client in clients:
        client.close()
