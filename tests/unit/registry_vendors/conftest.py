"""A vendor's API over real HTTP, which returns what a test sets and records the requests."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest

from longshore.credentials import Credential
from longshore.registry.client import RegistryClient
from longshore.registry.config import RegistryConfig
from longshore.registry.listing import Lister, lister_for


class Asked(NamedTuple):
    """A request that was received; *path* is still encoded."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


class Reply(NamedTuple):
    """A response; *data* is sent as JSON, bytes as they are."""

    data: Any
    status: int = 200
    headers: dict[str, str] = {}  # noqa: RUF012


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def process_request(self, request: Any, client_address: Any) -> None:
        threading.Thread(
            target=self.process_request_thread,
            args=(request, client_address),
            name="testbed-vendor-connection",
            daemon=True,
        ).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Quiet: some tests are about clients that hang up."""


class Vendor:
    """The server. ``routes`` maps paths (encoded, without query) to responses or functions of the request."""

    def __init__(self) -> None:
        self.routes: dict[str, Any] = {}
        self.asked: list[Asked] = []
        self.default: Any = Reply({"errors": [{"code": "NOT_FOUND", "message": "no such thing"}]}, 404)
        self._opened: list[Any] = []
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            disable_nagle_algorithm = True  # headers and body are two writes
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                parts = urlsplit(self.path)
                query = {key: values[0] for key, values in parse_qs(parts.query).items()}
                headers = {key.lower(): value for key, value in self.headers.items()}
                asked = Asked(self.command, parts.path, query, headers, self.rfile.read(length))
                vendor.asked.append(asked)
                found = vendor.routes.get(parts.path, vendor.default)
                reply = found(asked) if callable(found) else found
                if not isinstance(reply, Reply):
                    reply = Reply(reply)
                body = reply.data if isinstance(reply.data, bytes) else json.dumps(reply.data).encode()
                self.send_response(reply.status)
                for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_POST = do_HEAD = do_DELETE = do_GET

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self.host}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="testbed-vendor").start()

    def lister(
        self,
        kind: str,
        host: str = "",
        *,
        namespace: str = "",
        credential: Credential | None = None,
        api_base: str | None = None,
    ) -> Lister:
        """A lister of *kind* with this server as its vendor; the registry is this server, or named *host*."""
        config = RegistryConfig(host or self.host, kind=kind, namespace=namespace)
        here = RegistryConfig(self.host, namespace=namespace)
        client = RegistryClient(here, lambda _host: credential, environ={})
        base = self.url if api_base is None else api_base
        lister = lister_for(config, client, lambda _host: credential, environ={}, api_base=base)
        self._opened += [lister, client]
        return lister

    def client(self) -> RegistryClient:
        """An anonymous client of this server as a registry."""
        client = RegistryClient(RegistryConfig(self.host), lambda _host: None, environ={})
        self._opened.append(client)
        return client

    def paths(self) -> list[str]:
        """The paths that were requested, in order."""
        return [asked.path for asked in self.asked]

    def close(self) -> None:
        for each in self._opened:
            each.close()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    server = Vendor()
    yield server
    server.close()


@pytest.fixture
def other() -> Iterator[Vendor]:
    """Another host, which must not be asked."""
    server = Vendor()
    yield server
    server.close()


@pytest.fixture
def all_pages() -> Callable[..., list[Any]]:
    """Reads a listing to its end."""

    def read(ask: Callable[[str | None], Any], most: int = 50) -> list[Any]:
        found: list[Any] = []
        page: str | None = None
        for _ in range(most):
            got = ask(page)
            found += got.items
            page = got.next
            if page is None:
                return found
        raise AssertionError(f"no end after {most} pages")

    return read


@pytest.fixture
def reply() -> type[Reply]:
    return Reply


@pytest.fixture
def digest() -> str:
    return "sha256:" + "ab" * 32
