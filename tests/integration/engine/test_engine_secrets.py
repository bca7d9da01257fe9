"""A registry repeats the credentials it received, and the engine passes them on: the error contains no secret."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from longshore.cancellation import Cancellation
from longshore.credentials import Credential
from longshore.engine.engine import Engine
from longshore.errors import LongshoreError
from longshore.oci.reference import Reference

SECRET = "correct-horse-battery"
SENT = base64.b64encode(f"ann:{SECRET}".encode()).decode()


class _Echo(BaseHTTPRequestHandler):
    """Require a sign-in, and refuse it with a message that contains the received header."""

    disable_nagle_algorithm = True  # headers and body are two writes
    protocol_version = "HTTP/1.0"
    timeout = 10

    def do_GET(self) -> None:
        sent = self.headers.get("Authorization", "")
        body = json.dumps({"errors": [{"code": "DENIED", "message": f"denied: {sent} {SECRET}"}]}).encode()
        self.send_response(403 if sent else 401)
        if not sent:
            self.send_header("WWW-Authenticate", 'Basic realm="echo"')
        else:
            self.server.seen.append(sent)  # type: ignore[attr-defined]
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def echo() -> Iterator[ThreadingHTTPServer]:
    """A registry on loopback that repeats what it received."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    server.seen = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_registry_that_echoes_the_sign_in_to_the_engine(engine: Engine, echo: ThreadingHTTPServer) -> None:
    name = f"127.0.0.1:{echo.server_address[1]}/team/app:1"
    with pytest.raises(LongshoreError) as failed:
        list(
            engine.pull(
                Reference.parse(name), credential=Credential("ann", SECRET), cancellation=Cancellation()
            )
        )
    assert echo.seen, "the registry was never sent the sign-in"  # type: ignore[attr-defined]
    told = f"{failed.value} {failed.value.detail} {failed.value!r}"
    assert "denied: " in told
    assert SECRET not in told
    assert SENT not in told
