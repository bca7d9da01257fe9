"""Tags that an engine reports as given or removed, and that are not."""

from __future__ import annotations

import json
import socketserver
import tempfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from longshore.application.tag_history.history import TagHistory
from longshore.application.tag_history.recording import RecordingStore
from longshore.engine.address import EngineAddress
from longshore.engine.engine import Engine
from longshore.errors import EngineFailure
from longshore.oci.reference import Reference
from longshore.transfers.transfer import EnginePlace

A, B = ("sha256:" + letter * 64 for letter in "ab")
DEV, OTHER = Reference.parse("h.example/web:dev"), Reference.parse("h.example/web:other")


class _Idle(BaseHTTPRequestHandler):
    """An engine that has :data:`DEV` and :data:`OTHER`, and reports success for what it does not do."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/version":
            self._send(200, {"ApiVersion": "1.44"})
        elif path.endswith(("/images/json", "/containers/json")):
            self._send(200, [])
        elif path.endswith("/json"):
            image = {str(DEV): A, A: A, str(OTHER): B, B: B}.get(
                path.partition("/images/")[2][: -len("/json")]
            )
            self._send(404 if image is None else 200, {"Id": image, "RepoTags": []})

    def do_POST(self) -> None:
        self._send(201, None)

    def do_DELETE(self) -> None:
        self._send(200, [{"Untagged": "h.example/web:dev"}])

    def _send(self, status: int, body: object) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(b"" if body is None else json.dumps(body).encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[EngineAddress]:
    with tempfile.TemporaryDirectory(prefix="ls-", dir="/tmp") as folder:
        server = socketserver.ThreadingUnixStreamServer(f"{folder}/x.sock", _Idle)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield EngineAddress("x", f"unix://{folder}/x.sock")
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda store: store.tag(A, OTHER), "The tag was not given"),
        (lambda store: store.tag(A, DEV.with_tag("new")), "The tag was not given"),
        (lambda store: store.remove(str(DEV)), "Nothing was removed"),
        (lambda store: store.remove(A), "Nothing was removed"),
    ],
    ids=["moved", "new", "removed", "removed by id"],
)
def test_what_was_not_done_is_no_success(
    tmp_path: Path, address: EngineAddress, change: Callable[[RecordingStore], object], words: str
) -> None:
    history, engine = TagHistory(tmp_path / "tags.sqlite3"), Engine(address)
    with pytest.raises(EngineFailure, match=words):
        change(RecordingStore(engine, EnginePlace(address), history))
    assert history.latest() == []
    engine.close()
    history.close()
