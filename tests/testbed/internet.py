"""Internet hosts that are not reachable in tests: a proxy replaces them, with certificates by its own authority.

A program with ``HTTPS_PROXY`` and ``SSL_CERT_FILE`` (see `Internet.environ`) asks the proxy for
``hub.docker.com:443`` and the like, and speaks TLS with a server of the test. Hosts without a server are refused.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs, urlsplit

from testbed.crypto import make_authority, make_certificate

REQUEST_SECONDS = 20.0


class Asked(NamedTuple):
    """A request to one of the hosts. *query*: the first value of each name."""

    method: str
    host: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    """The response of a host. *data* is sent as JSON, bytes unchanged."""

    data: Any
    status: int = 200
    headers: Mapping[str, str] = {}


#: Responds to one request.
Host = Callable[[Asked], Answer]


class Internet:
    """A proxy on a free port of 127.0.0.1 with ``hosts`` (by name) behind it. ``asked``: all requests so far."""

    def __init__(self, folder: Path, hosts: Mapping[str, Host]) -> None:
        self.hosts = dict(hosts)
        self.asked: list[Asked] = []
        folder.mkdir(parents=True, exist_ok=True)
        authority = make_authority(folder)
        self.ca_file = authority[0]
        pair = make_certificate(folder, authority, sorted(self.hosts))
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(*pair)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._closed = False
        self._start(self._accept, "accept")

    def environ(self) -> dict[str, str]:
        """The environment that makes a program use this proxy."""
        return {"HTTPS_PROXY": f"http://{self.address}", "SSL_CERT_FILE": str(self.ca_file)}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all connections."""
        self._closed = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            still_open, threads = list(self._open), list(self._threads)
        for each in still_open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(5)

    def _start(self, work: Callable[[], None], name: str) -> None:
        thread = threading.Thread(target=work, name=f"testbed-internet-{name}")
        with self._lock:
            self._threads = [each for each in self._threads if each.is_alive() or each.ident is None]
            self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            client.settimeout(REQUEST_SECONDS)
            with self._lock:
                self._open.add(client)
            self._start(lambda client=client: self._serve(client), "connection")  # type: ignore[misc]

    def _serve(self, client: socket.socket) -> None:
        try:
            with client, contextlib.suppress(OSError, ValueError):
                host = self._connected(client)
                if host is not None:
                    with self._tls.wrap_socket(client, server_side=True) as secure:
                        _Handler(secure, host, self)
        finally:
            with self._lock:
                self._open.discard(client)

    def _connected(self, client: socket.socket) -> str | None:
        head = b""
        while b"\r\n\r\n" not in head:
            piece = client.recv(1)  # not one byte more: TLS follows
            if not piece or len(head) > 8192:
                return None
            head += piece
        words = head.decode("latin-1").split(" ")
        host = words[1].rpartition(":")[0] if words[0] == "CONNECT" and len(words) > 1 else ""
        if host not in self.hosts:
            client.sendall(b"HTTP/1.1 502 no such host here\r\nContent-Length: 0\r\n\r\n")
            return None
        client.sendall(b"HTTP/1.1 200 connected\r\n\r\n")
        return host


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, connection: socket.socket, host: str, internet: Internet) -> None:
        self._host = host
        self._internet = internet
        super().__init__(connection, ("127.0.0.1", 0), None)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        asked = Asked(
            self.command,
            self._host,
            parts.path,
            {key: values[0] for key, values in parse_qs(parts.query).items()},
            {key.lower(): value for key, value in self.headers.items()},
            self.rfile.read(int(self.headers.get("Content-Length") or 0)),
        )
        self._internet.asked.append(asked)
        answer = self._internet.hosts[self._host](asked)
        body = answer.data if isinstance(answer.data, bytes) else json.dumps(answer.data).encode()
        self.send_response(answer.status)
        for name, value in {"Content-Type": "application/json", **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""
