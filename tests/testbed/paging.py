"""A hostile registry: lists that never end, lead in circles, or to another host. Speaks real HTTP."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

PAGE = 1000


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def process_request(self, request: Any, client_address: Any) -> None:
        threading.Thread(
            target=self.process_request_thread,
            args=(request, client_address),
            name="testbed-paging-connection",
            daemon=True,
        ).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that hang up: that is expected here."""


class HostilePages:
    """A registry on a free port of 127.0.0.1. ``manner`` of its Link headers: ``endless``, ``circle``, ``same``.

    Every repository that it lists has tags in the same manner; there are no manifests. ``paths``: all requested paths.
    """

    def __init__(self, manner: str) -> None:
        self.manner = manner
        self.paths: list[str] = []
        hostile = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                hostile.paths.append(self.path)
                hostile._answer(self)

            do_HEAD = do_GET

            def log_message(self, format: str, *args: object) -> None:
                """Log nothing."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="testbed-paging"
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(request.path)
        page = int(parse_qs(parts.query).get("page", ["0"])[0])
        status, link = 200, ""
        document: dict[str, object] = {}
        if parts.path == "/v2/_catalog":
            document = {"repositories": [f"trap/r{self._number(page, at):09}" for at in range(PAGE)]}
            link = self._link(parts.path, page)
        elif parts.path.endswith("/tags/list"):
            document = {"name": "trap", "tags": [f"v{self._number(page, at)}" for at in range(PAGE)]}
            link = self._link(parts.path, page)
        elif parts.path != "/v2/":
            status = 404
        body = json.dumps(document).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(body)))
        if link:
            request.send_header("Link", f'<{link}>; rel="next"')
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(body)

    def _number(self, page: int, at: int) -> int:
        return (0 if self.manner == "same" else page) * PAGE + at

    def _link(self, path: str, page: int) -> str:
        if self.manner == "circle":
            return f"{path}?page={(page + 1) % 3}"
        return f"{path}?page={page + 1}"
