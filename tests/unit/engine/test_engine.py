"""What an engine's client decides by itself, and how it handles an engine that fails.

The cases that work are in tests/integration/engine, with real engines.
"""

from __future__ import annotations

import base64
import json
import socketserver
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.credentials import Credential
from longshore.engine.address import EngineAddress
from longshore.engine.build_stream import BuildEvent, Output, Step
from longshore.engine.building import BuildOptions, build
from longshore.engine.engine import Engine, _loaded, _signed_in
from longshore.engine.model import EngineEvent, EventKind
from longshore.engine.outgoing import Outgoing
from longshore.errors import (
    AccessDenied,
    BuildFailed,
    DiskFull,
    EngineFailure,
    EngineLost,
    EngineUnavailable,
    ImageUnknown,
    InvalidReference,
    NotInRegistry,
    UnavailableCause,
)
from longshore.oci.layer import LayerProgress, LayerState
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference

DIGEST = "sha256:" + "d" * 64


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine(EngineAddress("x", "unix:///nowhere/docker.sock"))
    yield engine
    engine.close()


@pytest.mark.parametrize("text", ["h.example/a", f"h.example/a@{DIGEST}", f"h.example/a:1@{DIGEST}"])
def test_only_a_tag_is_pushed(engine: Engine, text: str) -> None:
    with pytest.raises(InvalidReference, match="Only a tag can be pushed") as caught:
        engine.push(Reference.parse(text), cancellation=Cancellation())
    assert caught.value.subject == text


def test_no_image_is_called_by_a_digest(engine: Engine) -> None:
    with pytest.raises(InvalidReference, match="A digest can't be used"):
        engine.tag("a:1", Reference.parse(f"h.example/a:1@{DIGEST}"))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Loaded image: a:1\n", ["a:1"]),
        ("Loaded image: a:1\nLoaded image: b:2\n", ["a:1", "b:2"]),
        (f"Loaded image ID: {DIGEST}\n", [DIGEST]),
        ("Loaded image(s): a:1, b:2", ["a:1", "b:2"]),  # Podman
        ("Loading layer\n", []),
        ("", []),
    ],
)
def test_the_names_of_what_was_loaded(text: str, names: list[str]) -> None:
    assert _loaded(text) == names


def test_who_is_signed_in() -> None:
    assert _signed_in(Credential("me", "secret"))
    assert not _signed_in(Credential("", ""))
    assert not _signed_in(None)


def test_the_error_of_our_own_side_comes_first() -> None:
    ours = OSError("the disk")

    def chunks() -> Iterator[bytes]:
        yield from (b"a", b"", b"b")
        raise ours

    source = Outgoing(chunks())
    with pytest.raises(OSError, match="the disk") as caught, source.errors_first():
        try:
            list(source.chunks())
        except OSError:
            raise ConnectionError("as an HTTP library says it") from None
    assert caught.value is ours
    with pytest.raises(ConnectionError), Outgoing(()).errors_first():
        raise ConnectionError("the other side")
    assert [*Outgoing((b"a", b"", b"b")).chunks()] == [b"a", b"b"], "an empty chunk would end the body"


# -- an engine that fails, as a real one does not do on request


class FaultyEngine:
    """Responds over real HTTP on a unix socket; *answers*: status and body by path, without the API version."""

    def __init__(self, path: Path) -> None:
        self.answers: dict[str, tuple[int, bytes]] = {"/version": (200, b'{"ApiVersion": "1.44"}')}
        self.asked: list[tuple[str, str]] = []
        self.headers: dict[str, str] = {}
        self.body = b""
        answering = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path, _, query = self.path.partition("?")
                bare = path.removeprefix("/v1.44")
                answering.asked.append((bare, query))
                answering.headers = dict(self.headers)
                if self.headers.get("Transfer-Encoding") == "chunked":
                    while size := int(self.rfile.readline(), 16):
                        answering.body += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                status, body = answering.answers.get(bare, (404, b'{"message": "page not found"}'))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_DELETE = do_GET

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = socketserver.ThreadingUnixStreamServer(str(path), Handler)
        self.engine = Engine(EngineAddress("x", f"unix://{path}"))


@pytest.fixture
def faulty() -> Iterator[FaultyEngine]:
    with tempfile.TemporaryDirectory(prefix="ls-", dir="/tmp") as folder:
        found = FaultyEngine(Path(folder) / "x.sock")
        thread = threading.Thread(target=found.server.serve_forever, args=(0.01,))
        thread.start()
        yield found
        found.engine.close()
        found.server.shutdown()
        thread.join()
        found.server.server_close()


APP = Reference.parse("h.example/app:1")
INTERNAL = (500, b'{"message": "it is broken"}')


def lines(*each: object) -> tuple[int, bytes]:
    return 200, b"".join(json.dumps(line).encode() + b"\n" for line in each)


def test_nobody_is_there(engine: Engine) -> None:
    for call in (engine.probe, engine.images, lambda: next(engine.events(Cancellation()))):
        with pytest.raises(EngineUnavailable) as caught:
            call()
        assert caught.value.cause is UnavailableCause.NO_SOCKET


@pytest.mark.parametrize(
    ("version", "cause"),
    [
        ((200, b"{}"), UnavailableCause.UNSUPPORTED),
        ((200, b'{"ApiVersion": 5}'), UnavailableCause.UNSUPPORTED),
        ((200, b'["1.44"]'), UnavailableCause.UNSUPPORTED),
        ((200, b"<html>"), UnavailableCause.UNSUPPORTED),
        ((404, b"page not found"), UnavailableCause.UNSUPPORTED),
        ((403, b"not you"), UnavailableCause.NO_PERMISSION),
    ],
)
def test_what_is_no_engine(faulty: FaultyEngine, version: tuple[int, bytes], cause: UnavailableCause) -> None:
    faulty.answers["/version"] = version
    for call in (faulty.engine.probe, faulty.engine.images):
        with pytest.raises(EngineUnavailable) as caught:
            call()
        assert caught.value.cause is cause


def test_calls_that_fail_and_calls_after_the_end(faulty: FaultyEngine) -> None:
    faulty.answers["/images/json"] = INTERNAL
    for _ in range(2):
        with pytest.raises(EngineFailure) as caught:
            faulty.engine.images()
        assert caught.value.detail == "it is broken"
    assert [path for path, _ in faulty.asked] == ["/version", "/images/json", "/images/json"]
    with pytest.raises(ImageUnknown) as unknown:
        faulty.engine.image("gone:1")
    assert unknown.value.subject == "gone:1"
    with pytest.raises(ImageUnknown):
        faulty.engine.remove("gone:1")
    assert dict(faulty.asked)["/images/gone:1"] == "force=False&noprune=False"
    with pytest.raises(ImageUnknown):
        faulty.engine.tag("gone:1", Reference.parse("h.example/new"))
    assert dict(faulty.asked)["/images/gone:1/tag"].startswith("tag=latest&repo=h.example%2Fnew")
    faulty.engine.close()
    asked = len(faulty.asked)
    with pytest.raises(EngineLost, match="was closed"):
        faulty.engine.images()
    assert len(faulty.asked) == asked


def test_a_stream_of_events_that_ends(faulty: FaultyEngine) -> None:
    told = {"Type": "image", "Action": "tag", "Actor": {"ID": DIGEST, "Attributes": {"name": "a:1"}}}
    faulty.answers["/events"] = lines({"Type": "network", "Action": "create"}, told)
    stream = faulty.engine.events(Cancellation())
    assert next(stream) == EngineEvent(EventKind.CONNECTED)
    assert next(stream) == EngineEvent(EventKind.IMAGE, "tag", DIGEST, "a:1")
    with pytest.raises(EngineLost, match="closed its event stream"):
        next(stream)


def test_a_pull_that_fails(faulty: FaultyEngine) -> None:
    faulty.answers["/images/create"] = lines(
        {"status": "Pulling fs layer", "id": "a" * 12}, {"error": "manifest unknown"}
    )
    stream = faulty.engine.pull(APP, cancellation=Cancellation())
    assert isinstance(next(stream), LayerProgress)
    with pytest.raises(NotInRegistry):
        next(stream)
    assert faulty.asked[-1] == ("/images/create", "fromImage=h.example%2Fapp&tag=1")
    assert faulty.headers["X-Registry-Auth"] == "e30="  # {}: no credential
    faulty.answers["/images/create"] = (403, b'{"message": "no"}')
    with pytest.raises(AccessDenied) as caught:
        next(
            faulty.engine.pull(
                Reference.parse(f"h.example/app:1@{DIGEST}"),
                platform=Platform("linux", "arm64"),
                credential=Credential("me", "secret"),
                cancellation=Cancellation(),
            )
        )
    assert caught.value.advice == "Ask the registry's administrator."
    query = f"fromImage=h.example%2Fapp&tag=sha256%3A{'d' * 64}&platform=linux%2Farm64"
    assert faulty.asked[-1] == ("/images/create", query)
    assert json.loads(base64.urlsafe_b64decode(faulty.headers["X-Registry-Auth"]))["username"] == "me"


def test_a_push_that_ends_without_a_word(faulty: FaultyEngine) -> None:
    faulty.answers["/images/h.example/app/push"] = lines()
    with pytest.raises(EngineFailure):
        list(faulty.engine.push(APP, cancellation=Cancellation()))
    assert faulty.asked[-1] == ("/images/h.example/app/push", "tag=1")


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ({"error": "no space left on device"}, DiskFull),
        ({"errorDetail": {"message": "no space left on device"}, "error": "other"}, DiskFull),
        ({"errorDetail": "odd", "error": "invalid tar header"}, EngineFailure),
    ],
)
def test_a_load_that_fails(faulty: FaultyEngine, line: dict[str, object], kind: type[Exception]) -> None:
    progress = {"status": "Loading layer", "id": "a" * 12, "progressDetail": {"current": 1, "total": 2}}
    names = {"stream": "Loaded image: a:1\n"}
    told: list[LayerProgress] = []
    faulty.answers["/images/load"] = lines(progress, names)
    assert faulty.engine.load([b"one", b"", b"two"], Cancellation(), told.append) == ["a:1"]
    assert faulty.body == b"onetwo"
    assert told == [LayerProgress("a" * 12, LayerState.EXTRACTING, 1, 2)]
    assert faulty.asked[-1] == ("/images/load", "quiet=0")
    faulty.answers["/images/load"] = lines(progress, names, line)
    with pytest.raises(kind) as caught:
        faulty.engine.load([b"one"], Cancellation())
    assert type(caught.value) is kind


def test_a_save_that_fails(faulty: FaultyEngine) -> None:
    with pytest.raises(ImageUnknown) as caught:
        list(faulty.engine.save("a:1", Cancellation()))
    assert caught.value.subject == "a:1"
    assert faulty.asked[-1] == ("/images/get", "names=a%3A1")
    faulty.answers["/images/get"] = (200, b"x" * 600_000)
    assert b"".join(faulty.engine.save("a:1", Cancellation())) == b"x" * 600_000


def test_nothing_is_asked_once_it_was_cancelled(faulty: FaultyEngine) -> None:
    cancellation = Cancellation()
    cancellation.cancel()
    for call in (
        lambda: next(faulty.engine.events(cancellation)),
        lambda: next(faulty.engine.pull(APP, cancellation=cancellation)),
        lambda: faulty.engine.load([b"x"], cancellation),
    ):
        with pytest.raises(Cancelled):
            call()
    assert faulty.asked == []
    with pytest.raises(Cancelled):
        faulty.engine.probe(cancellation)


def test_what_images_take_on_disk(faulty: FaultyEngine) -> None:
    image = {"RootFS": {"Layers": [DIGEST]}}
    faulty.answers |= {
        "/info": (200, json.dumps({"OSType": "linux", "Architecture": "x86_64"}).encode()),
        "/images/json": (200, json.dumps([{"Id": DIGEST, "Size": 7}]).encode()),
        f"/images/{DIGEST}/json": (200, json.dumps(image).encode()),
        f"/images/{DIGEST}/history": (200, b'[{"Size": 7, "CreatedBy": "COPY"}]'),
        "/containers/json": (200, b"[]"),
        "/system/df": (200, b'{"LayersSize": 7}'),
    }
    found = faulty.engine.usage(Cancellation())
    assert (found.images, found.parts, found.counted) == ({DIGEST: {DIGEST}}, {DIGEST: 7}, 7)
    assert [path for path, _ in faulty.asked][:3] == ["/version", "/info", "/images/json"]
    faulty.asked.clear()
    assert faulty.engine.usage(Cancellation()) == found
    # Neither the store nor the layers are asked for again.
    assert sorted({path for path, _ in faulty.asked}) == ["/containers/json", "/images/json", "/system/df"]
    cancelled = Cancellation()
    cancelled.cancel()
    with pytest.raises(Cancelled):
        faulty.engine.usage(cancelled)


def test_an_image_whose_history_the_engine_cannot_tell_is_described(faulty: FaultyEngine) -> None:
    crash = b'{"message": "runtime error: invalid memory address or nil pointer dereference"}'
    image = {"Id": DIGEST, "RootFS": {"Layers": [DIGEST]}, "Os": "linux", "Architecture": "amd64", "Size": 7}
    faulty.answers |= {
        f"/images/{DIGEST}/json": (200, json.dumps(image).encode()),
        f"/images/{DIGEST}/history": (500, crash),
    }
    found = faulty.engine.describe(DIGEST)
    assert (found.details.size, found.history, found.layer_sizes) == (7, (), ())
    faulty.answers[f"/images/{DIGEST}/history"] = (500, b'{"message": "trouble"}')
    with pytest.raises(EngineFailure):
        faulty.engine.describe(DIGEST)


def test_the_store_is_known_from_the_first_probe(faulty: FaultyEngine) -> None:
    faulty.answers |= {
        "/info": (200, b'{"OSType": "linux", "Architecture": "x86_64"}'),
        "/images/json": (200, b"[]"),
        "/containers/json": (200, b"[]"),
        "/system/df": (200, b"{}"),
    }
    faulty.engine.probe()
    faulty.asked.clear()
    assert faulty.engine.usage(Cancellation()).total == 0
    assert "/info" not in [path for path, _ in faulty.asked]


def built(faulty: FaultyEngine, **credentials: Credential) -> list[BuildEvent]:
    hosts = {host.replace("_", "."): credential for host, credential in credentials.items()}
    options = BuildOptions((Reference.parse("h.example/a:1"),))
    return list(
        build(faulty.engine, [b"one", b"", b"two"], options, credentials=hosts, cancellation=Cancellation())
    )


def test_a_build(faulty: FaultyEngine) -> None:
    faulty.answers["/build"] = lines({"stream": "Step 1/1 : FROM a"}, {"stream": "no end"})
    assert built(faulty) == [Step(1, 1, "FROM a"), Output("no end")]
    assert faulty.body == b"onetwo"
    path, query = faulty.asked[-1]
    assert path == "/build"
    assert "t=h.example%2Fa%3A1" in query and "rm=1" in query
    me = Credential("me", "secret")
    built(faulty, docker_io=me, h_example=me)
    sent = json.loads(base64.urlsafe_b64decode(faulty.headers["X-Registry-Config"]))
    assert sent.keys() == {"https://index.docker.io/v1/", "h.example"}
    assert sent["h.example"]["username"] == "me"


def test_a_build_that_fails(faulty: FaultyEngine) -> None:
    output = [{"stream": f"line {number}\n"} for number in range(12)]
    begun = [{"stream": "Step 1/2 : FROM a\n"}, {"stream": "old\n"}, {"stream": "Step 2/2 : RUN x\n"}]
    failure = {"errorDetail": {"message": "it failed", "code": 3}}
    faulty.answers["/build"] = lines(*begun, *output, failure)
    with pytest.raises(BuildFailed) as caught:
        built(faulty)
    assert caught.value.message == "Step 2 of 2 failed: “RUN x” returned exit code 3."
    assert caught.value.detail.splitlines() == [f"line {number}" for number in range(2, 12)]
    faulty.answers["/build"] = lines(*begun, failure)
    with pytest.raises(BuildFailed) as caught:
        built(faulty)
    assert caught.value.detail == "it failed"  # "old" is of another step


@pytest.mark.parametrize(
    ("status", "kind"), [(400, BuildFailed), (500, BuildFailed), (403, EngineFailure), (501, EngineFailure)]
)
def test_a_build_that_is_refused(faulty: FaultyEngine, status: int, kind: type[Exception]) -> None:
    faulty.answers["/build"] = (status, b'{"message": "dockerfile parse error"}')
    with pytest.raises(kind) as caught:
        built(faulty)
    assert type(caught.value) is kind
