"""A scripted registry for faults that no real one commits on demand; it speaks real HTTP from threads."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from longshore.credentials import Credential
from longshore.registry.client import RegistryClient
from longshore.registry.config import RegistryConfig


@dataclass
class Asked:
    """One request as it came."""

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
    #: Sent as Content-Length in place of the true one; -1 sends none and closes.
    length: int | None = None


def reply(document: Any = None, status: int = 200, **headers: str) -> Answer:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    named = [(key.replace("_", "-"), value) for key, value in headers.items()]
    return Answer(status, body, named)


class Scripted:
    """Answers with what ``script(asked)`` gives; None is a 404; "cut" cuts the connection; "silent" never answers."""

    def __init__(self, script: Callable[[Asked], Any]) -> None:
        self.script = script
        self.asked: list[Asked] = []
        self.ending = threading.Event()
        self._lock = threading.Lock()
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle(self) -> None:
                with contextlib.suppress(ConnectionError, ValueError, TimeoutError):
                    # A TLS greeting holds no line break, and http.server would wait for one for ever.
                    if self.connection.recv(1, socket.MSG_PEEK) != b"\x16":
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

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def paths(self, method: str = "GET") -> list[str]:
        """Of the requests so far, without the client's search for the scheme."""
        return [one.path for one in self.asked if one.method == method and one.path != "/v2/"]

    def stop_listening(self) -> None:
        self.ending.set()
        self._server.shutdown()
        self._thread.join()

    def close(self) -> None:
        self.stop_listening()
        self._server.server_close()  # waits for the threads of the connections


def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[Asked], Any]], Scripted]]:
    servers: list[Scripted] = []

    def make(script: Callable[[Asked], Any]) -> Scripted:
        servers.append(Scripted(script))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Callable[..., RegistryClient]]:
    """Makes clients that know nothing of this machine's proxies and certificates."""
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
    # Idle connections first, or the servers wait for their ends.
    for client in clients:
        client.close()
