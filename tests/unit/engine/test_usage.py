"""What an engine that is old, new, busy or odd says about its disk, over real HTTP."""

from __future__ import annotations

import json
import socketserver
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.engine import usage as usage_module
from longshore.engine.address import EngineAddress
from longshore.engine.engine import Engine
from longshore.errors import EngineFailure, LongshoreError
from longshore.oci.disk_usage import DiskUsage, FreedBytes

ONE, TWO, THREE = (f"sha256:{digit * 64}" for digit in "123")
BASE, TOP, OTHER = (f"sha256:{digit * 64}" for digit in "abc")
CONTAINERD = {"DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]}


class FakeEngine:
    """Responds with *documents* by path without the version; a number is a status. Counts what it is asked."""

    def __init__(self, version: str, **info: Any) -> None:
        self.documents: dict[str, Any] = {
            "/version": {"ApiVersion": version, "Version": "1"},
            "/info": info,
            "/images/json": [],
            "/containers/json": [],
            "/system/df": {},
        }
        self.asked: Counter[str] = Counter()
        self.queries: list[str] = []

    def add(self, image_id: str, *layers: tuple[str, int], **row: Any) -> None:
        """Add an image with these layers, the lowest first."""
        self.documents["/images/json"].append(
            {"Id": image_id, "Size": sum(size for _, size in layers), **row}
        )
        self.documents[f"/images/{image_id}/json"] = {"RootFS": {"Layers": [name for name, _ in layers]}}
        history = [{"Size": size, "CreatedBy": "COPY"} for _, size in reversed(layers)]
        self.documents[f"/images/{image_id}/history"] = history


@pytest.fixture
def serve() -> Iterator[Any]:
    """Return a function that serves a FakeEngine, and returns our client of it."""
    started: list[tuple[Any, Engine]] = []

    def start(fake: FakeEngine) -> Engine:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def address_string(self) -> str:
                return "unix"

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                path = unquote(parts.path)
                if path.startswith("/v1."):
                    path = "/" + path.split("/", 2)[2]
                fake.asked[path] += 1
                fake.queries.append(f"{path}?{parts.query}")
                found = fake.documents.get(path, 404)
                if callable(found):
                    found = found(parts.query)
                status = found if isinstance(found, int) else 200
                body = found if isinstance(found, bytes) else json.dumps(found).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """Called for connections that our side cuts."""

        folder = tempfile.mkdtemp(prefix="ls-")
        path = Path(folder) / "s"
        server = Server(str(path), Handler)
        thread = threading.Thread(target=server.serve_forever, name="fake-engine")
        thread.start()
        engine = Engine(EngineAddress("x", f"unix://{path}"))
        started.append(((server, thread, path), engine))
        return engine

    yield start
    for (server, thread, path), engine in started:
        engine.close()
        server.shutdown()
        server.server_close()
        thread.join()
        path.unlink()
        path.parent.rmdir()


def read(engine: Engine) -> DiskUsage:
    return engine.usage(Cancellation())


def two_images(version: str, **info: Any) -> FakeEngine:
    fake = FakeEngine(version, **info)
    fake.add(ONE, (BASE, 100), (TOP, 10))
    fake.add(TWO, (BASE, 100), (OTHER, 20))
    return fake


def test_layers_are_shared_by_their_chain_and_asked_for_once(serve: Any) -> None:
    fake = two_images("1.51")
    engine = serve(fake)
    found = read(engine)
    assert (found.total, found.unique(ONE), found.freed([TWO])) == (130, 10, FreedBytes(20))
    fake.add(THREE, (BASE, 100))
    assert read(engine).freed([ONE, TWO]) == FreedBytes(30)
    assert fake.asked[f"/images/{ONE}/json"] == fake.asked[f"/images/{ONE}/history"] == 1
    assert fake.asked["/info"] == 1, "Podman takes a second for it"


def test_the_same_layer_on_another_one_is_another(serve: Any) -> None:
    fake = FakeEngine("1.51")
    fake.add(ONE, (BASE, 100), (TOP, 10))
    fake.add(TWO, (OTHER, 50), (TOP, 10))
    assert serve(fake) and read(serve(fake)).freed([ONE]) == FreedBytes(110)


def test_an_old_engine_measures_volumes_and_is_asked_seldom(serve: Any) -> None:
    fake = two_images("1.41")
    record = {"Shared": True, "Size": 10, "Description": "COPY"}
    fake.documents["/system/df"] = {"LayersSize": 130, "BuildCache": [record]}
    engine = serve(fake)
    for _ in range(3):
        found = read(engine)
        assert (found.freed([ONE]), found.counted) == (FreedBytes(0, cached=10), None)
    assert fake.asked["/system/df"] == 1


@pytest.mark.parametrize(
    "df",
    [
        {"LayersSize": 999, "BuildCache": [{"Shared": True, "Size": 10}]},
        {"ImageUsage": {"TotalSize": 999}, "BuildCacheUsage": {"Items": [{"Shared": True, "Size": 10}]}},
    ],
    ids=["1.42", "1.52"],
)
def test_newer_engines_are_asked_for_images_and_cache_alone(serve: Any, df: Any) -> None:
    fake = two_images("1.52")
    fake.documents["/system/df"] = lambda query: df
    found = read(serve(fake))
    assert found.counted == 999
    asked = [query for query in fake.queries if query.startswith("/system/df")]
    assert ["type=image" in query for query in asked] == [True, False]
    assert all("type=" in query for query in asked)
    # The records of both responses are the same: the layer is kept once.
    assert found.freed([ONE, TWO]).cached in (10,)


@pytest.mark.parametrize(
    "df", [500, b"not json", b"[" * 100_000, {"LayersSize": -1}, {"LayersSize": "x"}, []]
)
def test_without_what_it_refuses_to_count(serve: Any, df: Any) -> None:
    fake = two_images("1.51")
    fake.documents["/system/df"] = df
    found = read(serve(fake))
    assert (found.total, found.counted, found.cached) == (130, None, frozenset())


def test_an_image_that_is_removed_meanwhile_has_no_layers(serve: Any) -> None:
    fake = two_images("1.51")
    del fake.documents[f"/images/{TWO}/history"]
    found = read(serve(fake))
    assert found.images == {ONE: found.images[ONE], TWO: frozenset()}
    assert found.freed([TWO]) == FreedBytes(0)


def test_an_error_of_the_engine_is_raised(serve: Any) -> None:
    fake = two_images("1.51")
    fake.documents[f"/images/{TWO}/json"] = 500
    with pytest.raises(EngineFailure):
        read(serve(fake))


@pytest.mark.parametrize("body", [b"x", b"[" * 100_000, b"[1]" * 10])
def test_nonsense_is_an_error_and_nothing_else(serve: Any, body: bytes) -> None:
    fake = two_images("1.51")
    fake.documents["/images/json"] = body
    with pytest.raises(LongshoreError):
        read(serve(fake))


def test_a_response_without_end_is_cut(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = two_images("1.51")
    engine = serve(fake)
    monkeypatch.setattr(usage_module, "LARGEST", 100)
    fake.documents["/images/json"] = [{"Id": ONE, "Odd": "x" * 200_000}]
    with pytest.raises(LongshoreError):
        read(engine)


def test_odd_rows_do_no_harm(serve: Any) -> None:
    fake = two_images("1.51")
    fake.documents["/images/json"] += [None, {}, {"Id": ""}, {"Id": None}]
    fake.documents["/containers/json"] = [None, {"ImageID": ONE}, {"ImageID": None, "Id": "c"}]
    assert read(serve(fake)).images.keys() == {ONE, TWO}


def test_time_runs_out(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage_module, "SECONDS", -1.0)
    with pytest.raises(EngineFailure, match="took too long"):
        read(serve(two_images("1.51")))


def test_a_cancelled_reading_ends(serve: Any) -> None:
    fake = two_images("1.51")
    cancellation = Cancellation()

    def cancelling(_: str) -> Any:
        cancellation.cancel()
        return {}

    fake.documents[f"/images/{ONE}/json"] = cancelling
    with pytest.raises(Cancelled):
        serve(fake).usage(cancellation)


def test_layers_of_containers_without_their_image_stay(serve: Any) -> None:
    fake = FakeEngine("1.51")
    fake.add(ONE, (BASE, 100), (TOP, 10))
    fake.documents[f"/images/{ONE}/json"]["GraphDriver"] = {
        "Data": {"UpperDir": "/d/top/diff", "LowerDir": "/d/base/diff"}
    }
    fake.documents["/containers/json"] = [{"Id": "c", "ImageID": TWO}, {"Id": "gone", "ImageID": THREE}]
    lower = {"UpperDir": "/d/rw/diff", "LowerDir": "/d/rw-init/diff:/d/own/diff:/d/base/diff"}
    fake.documents["/containers/c/json"] = {"GraphDriver": {"Data": lower}}
    found = read(serve(fake))
    # Also layers that no image has: they tell that these are not freed when their image goes.
    assert found.used == {"rw", "rw-init", "own", "base"} and found.freed([ONE]) == FreedBytes(10)


# -- containerd's store


def manifest(digest: str, content: int, unpacked: int) -> dict[str, Any]:
    return {"ID": digest, "Size": {"Content": content}, "ImageData": {"Size": {"Unpacked": unpacked}}}


def test_platforms_that_are_not_unpacked_are_content_alone(serve: Any) -> None:
    fake = FakeEngine("1.51", **CONTAINERD)
    children = [manifest(TWO, 60, 110), manifest(THREE, 55, 0), manifest(BASE, 0, 0)]
    fake.add(ONE, (BASE, 100), (TOP, 10), Manifests=children)
    found = read(serve(fake))
    assert found.total == 60 + 110 + 55
    assert found.freed([ONE]) == FreedBytes(225)


def test_the_same_manifest_under_two_ids_is_there_once(serve: Any) -> None:
    fake = FakeEngine("1.51", **CONTAINERD)
    fake.add(ONE, (BASE, 100), Manifests=[manifest(THREE, 60, 100)])
    fake.add(TWO, (BASE, 100), Manifests=[manifest(THREE, 60, 100), manifest(OTHER, 30, 0)])
    found = read(serve(fake))
    assert (found.total, found.unique(ONE), found.unique(TWO)) == (190, 0, 30)


def test_a_parent_that_had_a_tag_stays_and_others_may_go(serve: Any) -> None:
    fake = FakeEngine("1.51", **CONTAINERD)
    own = (BASE, 1_000_000), (TOP, 100_000)
    fake.add(ONE, *own, Manifests=[manifest(ONE, 552_000, 1_100_000)], ParentId=TWO)
    fake.add(TWO, (BASE, 1_000_000), Manifests=[manifest(TWO, 502_000, 1_000_000)], ParentId=THREE)
    rows = fake.documents["/images/json"]
    engine = serve(fake)
    found = read(engine)
    assert found.images.keys() == {ONE}
    # Its own parent is missing: it had a tag, and its layer stays.
    assert 150_000 <= found.freed([ONE]).bytes < 155_000 and "unpacked " + BASE in found.used
    rows[1]["ParentId"] = ""
    assert read(engine).freed([ONE]) == FreedBytes(1_652_000, about=True)


def test_an_odd_chain_of_parents_ends(serve: Any) -> None:
    fake = FakeEngine("1.51", **CONTAINERD)
    fake.add(ONE, (BASE, 100), Manifests=[manifest(ONE, 60, 100)], ParentId=TWO)
    fake.add(TWO, (BASE, 100), Manifests=[manifest(TWO, 60, 100)], ParentId=ONE)
    fake.add(THREE, (BASE, 100), Manifests=[manifest(THREE, 60, 100)], ParentId=TWO, RepoTags=["a:1"])
    assert read(serve(fake)).images.keys() == {THREE}
    # A parent with a name is shown.
    fake.documents["/images/json"][1]["RepoTags"] = ["b:1"]
    assert read(serve(fake)).images.keys() == {TWO, THREE}


def test_the_engine_counts_only_if_it_is_asked_to(serve: Any) -> None:
    fake = two_images("1.51")
    fake.documents["/system/df"] = {"LayersSize": 130}
    engine = serve(fake)
    assert engine.usage(Cancellation(), counting=False).counted is None
    assert not any("type=image" in query for query in fake.queries)
    assert engine.usage(Cancellation()).counted == 130


def test_what_buildkit_built_keeps_its_content_and_what_it_pulled_everything(serve: Any) -> None:
    fake = FakeEngine("1.51", **CONTAINERD)
    fake.add(ONE, (BASE, 1_000_000), (TOP, 300_000), Manifests=[manifest(ONE, 802_000, 1_300_000)])
    records = [
        {"Shared": True, "Size": 1_615_000, "Description": "pulled from docker.io/library/alpine"},
        {"Shared": True, "Size": 484_000, "Description": "[2/2] COPY a /a"},
        {"Shared": True, "Size": 77, "Description": "of no layer"},
        {"Shared": False, "Size": 484_000},
        {"Shared": True},
    ]
    fake.documents["/system/df"] = lambda query: {"BuildCache": records} if "build-cache" in query else {}
    found = read(serve(fake))
    assert len(found.cached) == 3
    freed = found.freed([ONE])
    # The unpacked layer that was built, and the documents.
    assert 300_000 <= freed.bytes < 305_000 and freed.cached == found.total - freed.bytes
