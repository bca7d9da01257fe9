"""A hostile registry: a catalogue whose pages never end."""

from __future__ import annotations

import itertools
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


class EndlessCatalogue:
    """A registry on which each page lists the same repositories and names a next page."""

    def __init__(self) -> None:
        count = itertools.count(1)
        self.asked = 0
        owner = self

        class Handler(BaseHTTPRequestHandler):
            disable_nagle_algorithm = True  # headers and body are two writes
            # One request per connection: no thread waits for a second one when the server stops.
            protocol_version = "HTTP/1.0"
            timeout = 10

            def do_GET(self) -> None:
                catalogue = "/_catalog" in self.path
                owner.asked += catalogue
                body = json.dumps({"repositories": ["bait/one", "bait/two"]} if catalogue else {}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                if catalogue:
                    self.send_header("Link", f'</v2/_catalog?last={next(count)}&n=2>; rel="next"')
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def address(self) -> str:
        """``127.0.0.1:PORT``."""
        return f"127.0.0.1:{self._server.server_address[1]}"
