"""Registries that lose count of an upload, name a wrong host for it, take it only in one piece, or fall silent."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from longshore.cancellation import Cancellation
from longshore.errors import NotInRegistry, RegistryUnreachable, UnexpectedReply, VerificationFailed
from longshore.registry import blobs as registry_blobs
from longshore.registry.client import RegistryClient
from longshore.registry.config import parse_registry
from longshore.transfers.transfer import NoteKind, State, Waiting
from transfertools.bench import Bench, once
from transfertools.faulty import digest_of, faulty_registries

KB = 1000
CHUNK = 100 * KB


def image(bench: Bench, size: int) -> str:
    bench.chunks(CHUNK)
    return bench.source.put_image("a", "1", os.urandom(size))


def sent(bench: Bench) -> list[str]:
    return [headers["content-range"] for headers in bench.target.requests("PATCH")]


def first_only(kept: int, last: int) -> int:
    return min(kept, CHUNK)


def last_only(kept: int, last: int) -> int:
    return last or kept


def half_a_chunk_late(kept: int, last: int) -> int:
    return kept if kept <= CHUNK else kept - CHUNK // 2


@pytest.mark.parametrize("told", [first_only, last_only, half_a_chunk_late])
@pytest.mark.parametrize("status", [True, False])
def test_a_range_that_stays_behind(bench: Bench, told: Callable[[int, int], int], status: bool) -> None:
    """Amazon ECR (aws/containers-roadmap 2831) and zot (regclient 961), also if the state cannot be queried."""
    digest = image(bench, 950 * KB)
    bench.target.strict = True
    bench.target.told = told
    if not status:
        gone = (404, {}, b'{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}')
        bench.target.fault = lambda method, path: (
            gone if (method, "uploads" in path) == ("GET", True) else None
        )
    done = bench.copy()
    bench.arrived(digest)
    assert done.attempt == 1
    straight = [f"{at * CHUNK}-{(at + 1) * CHUNK - 1}" for at in range(9)]
    # If a part of the chunk may have been kept, that is tried before we rely on our own count.
    tried = ["150000-249999"] if told is half_a_chunk_late else []
    assert sent(bench) == straight[:2] + tried + straight[2:]
    assert len(bench.target.requests("POST")) == 2
    # The next blob uses what was learned.
    bench.target.asked.clear()
    bench.source.put_image("a", "2", os.urandom(950 * KB))
    bench.eye.until(bench.start("2"), State.SUCCEEDED, 30)
    assert sent(bench) == straight


def test_a_range_that_stays_behind_after_a_pause(bench: Bench) -> None:
    digest = image(bench, 950 * KB)
    bench.target.strict = True
    bench.target.told = first_only
    rows: list[str] = []

    def fault(method: str, path: str) -> Any:
        if method == "PATCH" and len(sent(bench)) == 5:
            bench.queue.pause(rows)
        return None

    bench.target.fault = fault
    rows.append(bench.start())
    bench.eye.until(rows[0], lambda row: row.waiting_for is Waiting.PAUSED)
    before = len(sent(bench))
    bench.queue.unpause(rows)
    bench.eye.until(rows[0], State.SUCCEEDED, 30)
    bench.arrived(digest)
    # It resumes after what was accepted once the reported state turns out to be wrong.
    assert sent(bench)[before:][:2] == ["100000-199999", "500000-599999"]


def one_more(kept: int, last: int) -> int:
    return kept + 1


def nothing(kept: int, last: int) -> None:
    return None


@pytest.mark.parametrize("told", [first_only, half_a_chunk_late, one_more, nothing])
def test_a_registry_that_looks_at_no_content_range(
    bench: Bench, told: Callable[[int, int], int | None]
) -> None:
    """If its Range is wrong as well, the digest shows it, and the other count is tried."""
    digest = image(bench, 350 * KB)
    bench.target.told = told
    assert bench.copy().attempt == 1
    bench.arrived(digest)


def test_a_digest_that_stays_wrong_ends(bench: Bench) -> None:
    image(bench, 350 * KB)
    bench.target.told = first_only
    bench.target.fault = once(
        "PUT", "uploads/u", (400, {}, b'{"errors":[{"code":"DIGEST_INVALID"}]}'), times=99
    )
    assert isinstance(bench.copy(State.FAILED).error, VerificationFailed)
    assert len(bench.target.requests("POST")) <= 4  # the layer twice, and the configuration


def test_a_416_without_end_ends(bench: Bench) -> None:
    image(bench, 350 * KB)

    def fault(method: str, path: str) -> Any:
        return (416, {}, b"") if method == "PATCH" and len(sent(bench)) > 1 else None

    bench.target.fault = fault
    failed = bench.copy(State.FAILED)
    assert isinstance(failed.error, UnexpectedReply)
    assert len(sent(bench)) == 7


def test_sessions_that_are_lost_again_and_again_end(bench: Bench) -> None:
    """Each new session gets as far as the one before: no progress."""
    image(bench, 350 * KB)
    gone = (404, {}, b'{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}')

    def fault(method: str, path: str) -> Any:
        if method == "GET" and "uploads" in path:
            return gone
        if method == "PATCH" and not bench.target.requests("PATCH")[-1]["content-range"].startswith("0-"):
            return gone
        return None

    bench.target.fault = fault
    assert isinstance(bench.copy(State.FAILED).error, NotInRegistry)
    assert len(sent(bench)) == 12


@pytest.mark.parametrize(
    "refused", [(405, {}, b""), (501, {}, b""), (400, {}, b'{"errors":[{"code":"UNSUPPORTED"}]}')]
)
def test_a_registry_without_chunks(bench: Bench, refused: Any) -> None:
    digest = image(bench, 350 * KB)
    bench.target.fault = lambda method, path: refused if method == "PATCH" else None
    assert bench.copy().attempt == 1
    bench.arrived(digest)
    assert len(sent(bench)) == 1


def closed_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.mark.parametrize(
    "form", ["http://127.0.0.1:{port}{path}", "http://127.0.0.1{path}", "//10.255.255.1{path}"]
)
def test_a_location_at_an_inner_host(bench: Bench, form: str) -> None:
    """distribution 2862: the registry behind a gateway names itself. The same path is used at the requested host."""
    digest = image(bench, 350 * KB)
    port = closed_port()
    bench.target.named = lambda path: form.format(port=port, path=path)
    done = bench.copy()
    bench.arrived(digest)
    assert (done.attempt, len(sent(bench))) == (1, 3)


def test_a_location_at_another_host_that_is_meant(bench: Bench) -> None:
    """The request goes there without the credential."""
    digest = image(bench, 350 * KB)
    with faulty_registries(1) as (other,):
        other._do = bench.target._do  # type: ignore[method-assign]
        bench.target.named = lambda path: f"http://localhost:{other.address.rpartition(':')[2]}{path}"

        def unknown(method: str, path: str) -> Any:
            return (404, {}, b"{}") if "uploads/u" in path else None

        bench.target.fault = unknown
        bench.copy()
        bench.arrived(digest)
        assert len(other.requests("PATCH")) == 3
        assert not any("authorization" in headers for _, _, headers in other.asked)
        bench.clients.registry(bench.target.address).close()


class Silent:
    """A registry that opens uploads, then reads all that is sent (*takes*) or nothing, and never responds."""

    def __init__(self, takes: bool) -> None:
        self._takes = takes
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.asked: list[str] = []
        self.body = threading.Event()
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        self._listener.settimeout(0.05)
        while not self._end.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(0.05)
            have, deaf = b"", False
            while not self._end.is_set():
                try:
                    piece = connection.recv(1 << 16)
                except TimeoutError:
                    continue
                except ConnectionError:
                    return
                if deaf:
                    continue
                have += piece
                if not piece or have[:1] == b"\x16":
                    return
                head, end, _ = have.partition(b"\r\n\r\n")
                if not end:
                    continue
                method, have = head.decode().partition(" ")[0], b""
                self.asked.append(method)
                if method == "POST":
                    where = b"Location: /v2/a/blobs/uploads/u\r\nContent-Length: 0\r\n\r\n"
                    connection.sendall(b"HTTP/1.1 202 Accepted\r\n" + where)
                elif method == "PATCH":
                    deaf = True
                    self.body.set()
                    if not self._takes:
                        self._end.wait()
                else:
                    connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    def close(self) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()
        self._listener.close()


@pytest.fixture(params=[True, False], ids=["takes all", "takes nothing"])
def silent(request: pytest.FixtureRequest) -> Iterator[Silent]:
    made = Silent(request.param)
    yield made
    made.close()


def test_an_upload_that_stalls_ends_and_says_so(silent: Silent, monkeypatch: pytest.MonkeyPatch) -> None:
    """After one attempt, unlike a cut connection: each retry would cost the whole wait."""
    monkeypatch.setattr(registry_blobs, "ANSWER_SECONDS", 0.5)
    client = RegistryClient(parse_registry(silent.address), lambda host: None, environ={}, read_seconds=0.3)
    content = os.urandom(20_000_000)
    try:
        with pytest.raises(RegistryUnreachable) as failed:
            client.upload_blob("a", digest_of(content), len(content), lambda at: Whole(content[at:]))
    finally:
        client.close()
    assert failed.value.transient
    assert silent.address in failed.value.message
    assert "data" in failed.value.message
    assert silent.asked.count("PATCH") == 1


def test_a_stalled_upload_is_cancelled_at_once(silent: Silent) -> None:
    """With the real timeouts, which are longer than any test."""
    client = RegistryClient(parse_registry(silent.address), lambda host: None, environ={})
    cancellation = Cancellation()
    ended: list[BaseException] = []
    content = os.urandom(20_000_000)

    def upload() -> None:
        try:
            client.upload_blob(
                "a",
                digest_of(content),
                len(content),
                lambda at: Whole(content[at:]),
                cancellation=cancellation,
            )
        except BaseException as error:
            ended.append(error)

    thread = threading.Thread(target=upload)
    thread.start()
    try:
        assert silent.body.wait(20)
        cancellation.cancel()
        thread.join(20)
        assert [type(error).__name__ for error in ended] == ["Cancelled"]
    finally:
        client.close()


class Whole:
    """A source of bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __enter__(self) -> list[bytes]:
        return [self._data]

    def __exit__(self, *_: object) -> None:
        pass


def test_nothing_is_not_verified_without_need(bench: Bench) -> None:
    image(bench, KB)
    assert NoteKind.NOT_VERIFIED not in [note.kind for note in bench.copy().notes]
