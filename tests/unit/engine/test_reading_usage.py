"""What an engine's images take on its disk, from the documents that engines return."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.engine import usage as reading
from longshore.engine.client import StatusError
from longshore.engine.layer_sizes import Layer
from longshore.engine.model import ImageStore
from longshore.engine.usage import UsageReader
from longshore.errors import EngineFailure
from longshore.oci.disk_usage import DiskUsage

BASE, ONE, TWO = (f"sha256:{digit * 64}" for digit in "abc")


def image_id(number: int) -> str:
    return f"sha256:{number:064d}"


class Api:
    """An engine's API: *images* by id as lists of (folder, size), *hidden* parents, *containers*, and *df*."""

    def __init__(self) -> None:
        self.is_ssh = False
        self.rows: list[Any] = []
        self.hidden: list[Any] = []
        self.layers: dict[str, list[tuple[str, int]]] = {}
        self.containers: list[Any] = []
        self.described: dict[str, Any] = {}
        self.df: dict[str, Any] = {}
        self.failing: dict[str, Exception] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.raw: dict[str, list[bytes]] = {}
        self.lock = threading.Lock()

    def has(self, number: int, *layers: tuple[str, int], hidden: bool = False, **row: Any) -> str:
        """Give it an image."""
        name = image_id(number)
        rows = self.hidden if hidden else self.rows
        rows.append({"Id": name, "Size": 1 + number} | row)
        self.layers[name] = list(layers)
        return name

    def _answer(self, path: str, query: dict[str, Any]) -> Any:
        if path == "/images/json":
            return self.rows + (self.hidden if query.get("all") else [])
        if path == "/containers/json":
            return self.containers
        if path == "/system/df":
            return self.df.get(",".join(query["type"]), {})
        kind, name, _ = path.removeprefix("/").split("/")
        if kind == "containers":
            if name not in self.described:
                raise StatusError(404, "no such container")
            return self.described[name]
        if name not in self.layers:
            raise StatusError(404, "no such image")
        layers = self.layers[name]
        if path.endswith("/history"):
            return [{"Size": size, "CreatedBy": "COPY"} for _, size in reversed(layers)]
        folders = [f"/data/overlay2/{folder}/diff" for folder, _ in reversed(layers)]
        data = {"UpperDir": folders[0], "LowerDir": ":".join(folders[1:])} if folders else None
        return {
            "RootFS": {"Layers": [f"sha256:{size:064d}" for _, size in layers]},
            "GraphDriver": {"Data": data},
        }

    @contextlib.contextmanager
    def exchange(self, method: str, path: str, *arguments: str, params: dict[str, Any]) -> Iterator[Any]:
        assert method == "GET"
        full = path.format(*arguments)
        with self.lock:
            self.asked.append((full, params))
        for key in (full, f"{full}?{','.join(params.get('type', []))}"):
            if key in self.failing:
                raise self.failing[key]
        raw = self.raw.get(full) or [json.dumps(self._answer(full, params)).encode()]
        yield SimpleNamespace(iter_content=lambda size: iter(raw))

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


def read(
    api: Any,
    store: ImageStore = ImageStore.CLASSIC,
    version: str = "1.44",
    *,
    reader: UsageReader | None = None,
    cancellation: Cancellation | None = None,
) -> DiskUsage:
    return (reader or UsageReader()).read(api, api, store, version, cancellation or Cancellation())


def test_images_share_layers_and_each_counts_once() -> None:
    api = Api()
    one, two = api.has(1, ("base", 100), ("own-1", 10)), api.has(2, ("base", 100), ("own-2", 20))
    api.df = {"image": {"LayersSize": 130}}
    found = read(api)
    assert found == DiskUsage(
        {"base": 100, "own-1": 10, "own-2": 20},
        {one: frozenset({"base", "own-1"}), two: frozenset({"base", "own-2"})},
        counted=130,
        of_files=True,
    )
    assert api.asked[0] == ("/images/json", {})


def test_an_image_that_is_removed_meanwhile_has_no_layers() -> None:
    api = Api()
    one = api.has(1, ("base", 100))
    del api.layers[one]
    assert read(api).images == {one: frozenset()}
    api = Api()
    one = api.has(1, ("base", 100))
    api.failing[f"/images/{one}/history"] = StatusError(404, "gone")
    assert read(api).images == {one: frozenset()}
    api.failing[f"/images/{one}/history"] = StatusError(500, "trouble")
    with pytest.raises(StatusError):
        read(api)


def test_an_image_whose_history_the_engine_cannot_tell_costs_no_other_image_its_layers() -> None:
    api = Api()
    one, two = (
        api.has(1, ("base", 100), ("own-1", 10)),
        api.has(2, ("base", 100), ("x", 1), ("y", 2), Size=123),
    )
    three = api.has(3, ("base", 100), ("x", 1), ("z", 5), Size=126)
    crash = StatusError(500, "runtime error: invalid memory address or nil pointer dereference")
    api.failing |= {f"/images/{each}/history": crash for each in (two, three)}
    reader = UsageReader()
    for _ in range(2):
        found = read(api, reader=reader)
        assert found.parts == {"base": 100, "own-1": 10, "x": 0, "y": 23, "z": 26}
        assert found.images[two] == {"base", "x", "y"}
    diff_ids = reader.diff_ids(cast(Any, api), ImageStore.CLASSIC, Cancellation())
    assert [len(diff_ids[each]) for each in (one, two, three)] == [2, 3, 3]


def test_rows_without_an_id_are_no_images() -> None:
    api = Api()
    api.rows = [{"Id": ""}, "text", {"Size": 3}]
    assert read(api).images == {}


def test_layers_are_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_REMEMBERED", 2)
    reader, api = UsageReader(), Api()
    one, two = api.has(1, ("base", 100)), api.has(2, ("base", 100))
    first = read(api, reader=reader)
    api.asked.clear()
    assert read(api, reader=reader) == first
    assert not [path for path in api.paths() if one in path or two in path]
    api.rows[0]["Size"] += 1  # containerd's store has unpacked it, or another platform of it
    api.layers[one].append(("top", 5))
    assert read(api, reader=reader).images[one] == {"base", "top"}
    assert f"/images/{one}/json" in api.paths()
    api.asked.clear()
    read(api, reader=reader)
    assert not [path for path in api.paths() if one in path or two in path]


def test_what_was_used_longest_ago_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_REMEMBERED", 2)
    reader, api = UsageReader(), Api()
    ids = [api.has(number, (f"layer-{number}", number + 1)) for number in range(3)]
    rows = list(api.rows)
    for shown in (0, 1, 0, 2):
        api.rows = [rows[shown]]
        read(api, reader=reader)
    api.asked.clear()
    for shown in (0, 2, 1):
        api.rows = [rows[shown]]
        read(api, reader=reader)
    asked = [name for name in ids if f"/images/{name}/json" in api.paths()]
    assert asked == [ids[1]]


@pytest.mark.parametrize(("left", "fails"), [(0, False), (1, True)])
def test_everything_together_has_a_time_limit(
    monkeypatch: pytest.MonkeyPatch, left: int, fails: bool
) -> None:
    now = [1000.0]
    monkeypatch.setattr(reading, "time", SimpleNamespace(monotonic=lambda: now[0]))
    api = Api()
    api.has(1, ("base", 100))
    exchange = api.exchange

    def slow(method: str, path: str, *arguments: str, params: dict[str, Any]) -> Any:
        if path == "/images/json":
            now[0] += reading.SECONDS + left
        return exchange(method, path, *arguments, params=params)

    api.exchange = slow  # type: ignore[method-assign]
    if not fails:
        assert read(api).total == 100
        return
    with pytest.raises(EngineFailure, match="took too long"):
        read(api)
    assert not [path for path in api.paths() if path.endswith("/history")]


def test_it_can_be_cancelled() -> None:
    api, cancelled = Api(), Cancellation()
    api.has(1, ("base", 100))
    cancelled.cancel()
    with pytest.raises(Cancelled):
        read(api, cancellation=cancelled)
    assert api.paths() == ["/images/json"]


# -- /system/df


def df_of(api: Api, version: str = "1.44") -> tuple[int | None, list[Any]]:
    client: Any = api
    return UsageReader()._disk_use(client, reading._number(version))


def test_what_the_engine_counts_and_its_build_cache() -> None:
    api = Api()
    api.df = {"image": {"LayersSize": 5}, "build-cache": {"LayersSize": 9, "BuildCache": [{"Size": 1}, 3]}}
    assert df_of(api) == (5, [{"Size": 1}])
    assert [query["type"] for _, query in api.asked] == [["image"], ["build-cache"]]
    assert {query["verbose"] for _, query in api.asked} == {"1"}


def test_the_names_since_api_1_52() -> None:
    api = Api()
    api.df = {
        "image": {"ImageUsage": {"TotalSize": 6}},
        "build-cache": {"BuildCacheUsage": {"Items": [{"Size": 2}]}},
    }
    assert df_of(api) == (6, [{"Size": 2}])


@pytest.mark.parametrize(
    ("version", "requests"),
    [
        ("1.41", [[]]),
        ("1.9", [[]]),
        ("1.42", [["image"], ["build-cache"]]),
        ("2", [["image"], ["build-cache"]]),
    ],
)
def test_before_api_1_42_everything_comes_at_once(version: str, requests: list[list[str]]) -> None:
    """Its number may be old, so that the layers are counted here."""
    api = Api()
    api.df = {"": {"LayersSize": 7, "BuildCache": [{"Size": 3}]}}
    found = df_of(api, version)
    assert [query["type"] for _, query in api.asked] == requests
    assert found == (None, [{"Size": 3}] if requests == [[]] else [])


def test_an_old_engine_is_asked_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(reading, "time", SimpleNamespace(monotonic=lambda: now[0]))
    reader, api = UsageReader(), Api()
    client: Any = api
    for later, asked in ((0, 1), (reading._OLD_DF_SECONDS, 1), (1, 2), (reading._OLD_DF_SECONDS, 2)):
        now[0] += later
        api.df = {"": {"BuildCache": [{"Size": asked}]}}
        assert reader._disk_use(client, (1, 41)) == (None, [{"Size": asked}])
        assert len(api.asked) == asked


@pytest.mark.parametrize("is_ssh", [False, True])
def test_a_remote_engine_is_asked_one_thing_at_a_time(monkeypatch: pytest.MonkeyPatch, is_ssh: bool) -> None:
    given: list[int] = []
    ask_all = reading.ask_all

    def noted(work: Any, things: Any, cancellation: Cancellation, askers: int) -> Any:
        given.append(askers)
        return ask_all(work, things, cancellation, askers)

    monkeypatch.setattr(reading, "ask_all", noted)
    api = Api()
    api.is_ssh = is_ssh
    api.has(1, ("base", 100))
    read(api)
    assert given == [1 if is_ssh else 4]


@pytest.mark.parametrize("size", [-1, "5", None, 1.5])
def test_an_odd_size_is_not_known(size: object) -> None:
    api = Api()
    api.df = {"image": {"LayersSize": size}}
    assert df_of(api) == (None, [])


def test_nothing_is_a_size() -> None:
    api = Api()
    api.df = {"image": {"LayersSize": 0}}
    assert df_of(api) == (0, [])


@pytest.mark.parametrize("trouble", [StatusError(500, "trouble"), ValueError("odd")])
def test_what_the_engine_refuses_to_count_is_left_out(trouble: Exception) -> None:
    api = Api()
    api.df = {"image": {"LayersSize": 5}, "build-cache": {"BuildCache": [{"Size": 1}]}}
    api.failing = {"/system/df?image": trouble}
    assert df_of(api) == (None, [{"Size": 1}])
    api.failing = {"/system/df?build-cache": trouble}
    assert df_of(api) == (5, [])


def test_the_client_with_less_time_is_asked_for_it() -> None:
    api, quick = Api(), Api()
    quick.df = {"image": {"LayersSize": 5}}
    client: Any = api
    df: Any = quick
    assert UsageReader().read(client, df, ImageStore.CLASSIC, "1.44", Cancellation()).counted == 5
    assert set(quick.paths()) == {"/system/df"}
    assert "/system/df" not in api.paths()


# -- the documents


def test_a_document_may_be_large_but_not_without_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGEST", 10)
    api = Api()
    client: Any = api
    api.raw["/x"] = [b'["12', b'3456"]']
    assert reading._document(client, "/x") == ["123456"]
    api.raw["/x"] = [b'["12', b'34567"]']
    with pytest.raises(ValueError, match="size limit"):
        reading._document(client, "/x")


def test_a_document_that_is_nested_too_deeply() -> None:
    api = Api()
    client: Any = api
    api.raw["/x"] = [b"[" * 100_000]
    with pytest.raises(ValueError, match="nested too deeply"):
        reading._document(client, "/x")


@pytest.mark.parametrize(
    ("value", "size"),
    [(0, 0), (1, 1), (-1, 0), (2**63 - 1, 2**63 - 1), (2**63, 0), (True, 0), (1.5, 0), ("1", 0), (None, 0)],
)
def test_sizes(value: object, size: int) -> None:
    assert reading._bytes(value) == size


# -- containers and the build cache


def test_a_container_whose_image_is_gone_holds_layers() -> None:
    api = Api()
    one = api.has(1, ("base", 100), ("top", 10))
    api.containers = [{"Id": "c1", "ImageID": image_id(7)}, {"Id": "c2", "ImageID": one}, {"Id": "c3"}]
    folders = {"UpperDir": "/data/overlay2/c1/diff", "LowerDir": "/data/overlay2/base/diff"}
    api.described = {"c1": {"GraphDriver": {"Data": folders}}}
    found = read(api)
    assert found.used == {"c1", "base"}
    asked = [path for path in api.paths() if path.startswith("/containers/c")]
    assert asked == ["/containers/c1/json", "/containers/c3/json"]
    assert ("/containers/json", {"all": "1"}) in api.asked
    # Podman leaves out the algorithm.
    api.containers = [{"Id": "c1", "ImageID": one.removeprefix("sha256:")}]
    assert read(api).used == frozenset()


def test_containers_are_not_asked_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(reading, "time", SimpleNamespace(monotonic=lambda: now[0]))
    api = Api()
    api.containers = [{"Id": f"c{number}", "ImageID": "x"} for number in range(3)]
    exchange = api.exchange

    def slow(method: str, path: str, *arguments: str, params: dict[str, Any]) -> Any:
        now[0] += 50
        return exchange(method, path, *arguments, params=params)

    api.exchange = slow  # type: ignore[method-assign]
    with pytest.raises(EngineFailure, match="took too long"):
        read(api, version="1.41")


def test_the_build_cache_keeps_layers_of_the_same_size() -> None:
    api = Api()
    api.has(1, ("base", 100), ("own", 10), ("empty", 0))
    api.has(2, ("base", 100), ("other", 10))
    records = [
        {"Size": 10, "Shared": True},
        {"Size": 100, "Shared": False},
        {"Size": 0, "Shared": True},
        {"Size": 77, "Shared": True},
    ]
    api.df = {"build-cache": {"BuildCache": records}}
    assert read(api).cached == {"own"}  # one record, one layer
    records[1]["Shared"] = True
    assert read(api).cached == {"own", "base"}
    records.append({"Size": 10, "Shared": True})
    assert read(api).cached == {"own", "other", "base"}


# -- containerd's store


def manifest(digest: str, content: int, unpacked: int = 0) -> dict[str, Any]:
    data = {"ImageData": {"Size": {"Unpacked": unpacked}}} if unpacked else {}
    return {"ID": digest, "Size": {"Content": content}} | data


def contained(api: Api, version: str = "1.48") -> DiskUsage:
    return read(api, ImageStore.CONTAINERD, version)


def test_containerd_has_each_layer_unpacked_and_compressed() -> None:
    api = Api()
    one = api.has(1, ("base", 100_000), ("own", 50_000), Manifests=[manifest(BASE, 82_000, 158_192)])
    found = contained(api)
    parts = {f"{kind} {name}" for kind in ("unpacked", "content") for name in ("base", "own", BASE)}
    assert found.images == {one: parts}
    assert {name: found.parts[name] for name in parts if name.startswith("unpacked")} == {
        "unpacked base": 100_000,
        "unpacked own": 50_000,
        f"unpacked {BASE}": 8_192,  # empty layers take a block each
    }
    assert abs(sum(size for name, size in found.parts.items() if name.startswith("content")) - 82_000) <= 3
    assert (found.estimated, found.doubtful, found.cached, found.used) == (set(), set(), set(), set())
    asked = [query for path, query in api.asked if path == "/images/json"]
    assert asked == [{"all": "1", "manifests": "1"}], "the list takes containerd a second per hundred images"


def test_only_the_platform_that_runs_here_has_known_layers() -> None:
    """The one whose unpacked size is nearest to the sum of the history."""
    api = Api()
    one = api.has(
        1,
        ("base", 100_000),
        Manifests=[
            manifest(ONE, 50_000, 300_000),
            manifest(BASE, 60_000, 100_000),
            manifest(TWO, 70_000),
            manifest("", 5, 5),
            manifest("sha256:absent", 0),
            "odd",
        ],
    )
    found = contained(api)
    assert found.images[one] == {
        "unpacked base",
        "content base",
        *(f"{kind} {digest}" for kind in ("unpacked", "content") for digest in (BASE, ONE)),
        f"content {TWO}",
    }
    assert (found.parts[f"unpacked {ONE}"], found.parts[f"unpacked {BASE}"]) == (300_000, 0)
    assert found.parts[f"content {TWO}"] == 70_000


def test_the_content_of_shared_layers_is_an_estimate() -> None:
    api = Api()
    api.has(1, ("base", 100_000), ("own-1", 9), Manifests=[manifest(ONE, 60_000, 100_009)])
    api.has(2, ("base", 100_000), ("own-2", 9), Manifests=[manifest(TWO, 60_000, 100_009)])
    assert contained(api).estimated == {"content base"}


def test_the_same_content_under_two_ids_counts_once() -> None:
    api = Api()
    for number in (1, 2):
        api.has(number, ("base", 100_000), Manifests=[manifest(ONE, 60_000, 100_000)])
    found = contained(api)
    assert found.estimated == frozenset()
    assert abs(found.total - 160_000) <= 3


def whole_store(counted: int, **beside: Any) -> int:
    """The estimated content of a store with two images that share a base, and *beside* else."""
    api = Api()
    api.has(1, ("base", 400_000), ("own-1", 400_000), Manifests=[manifest(ONE, 390_000, 800_000)])
    api.has(2, ("base", 400_000), ("own-2", 800_000), Manifests=[manifest(TWO, 490_000, 1_200_000)])
    api.df = {"image": {"LayersSize": counted}, "build-cache": {"BuildCache": beside.get("cache", [])}}
    api.containers = beside.get("containers", [])
    found = contained(api)
    assert found.counted == counted
    return sum(size for name, size in found.parts.items() if name.startswith("content"))


def test_the_size_of_the_whole_store_counts_if_there_is_nothing_else() -> None:
    """1 600 000 bytes are unpacked layers."""
    usual = whole_store(0)
    assert abs(whole_store(1_600_000 + 580_000) - 580_000) <= 6_000
    assert abs(usual - 580_000) > 50_000
    containers = [{"Id": "c", "ImageID": image_id(1)}]
    assert whole_store(1_600_000 + 580_000, containers=containers) == usual
    assert whole_store(1_600_000 + 580_000, cache=[{"Size": 1}]) == usual
    assert whole_store(1_600_000) == usual


@pytest.mark.parametrize(
    ("size", "description", "cached"),
    [
        (150_000, "mount / from exec", {"content base"}),
        (150_000, "pulled from acme.io/base", {"content base", "unpacked base"}),
        (155_000, "", {"content base"}),
        (170_000, "", set()),
        (130_000, "", set()),
    ],
)
def test_the_build_cache_keeps_the_layer_of_nearest_size(
    size: int, description: str, cached: set[str]
) -> None:
    """The base is 100 000 bytes unpacked and 50 000 compressed."""
    api = Api()
    api.has(1, ("base", 100_000), ("own", 20_000), Manifests=[manifest(ONE, 62_000, 120_000)])
    record = {"Size": size, "Shared": True, "Description": description}
    api.df = {"build-cache": {"BuildCache": [record]}}
    assert contained(api).cached == cached


def test_two_records_of_the_build_cache_are_two_layers() -> None:
    api = Api()
    api.has(1, ("one", 100_000), ("two", 100_000), Manifests=[manifest(ONE, 102_000, 200_000)])
    record = {"Size": 150_000, "Shared": True}
    api.df = {"build-cache": {"BuildCache": [record, record, record]}}
    assert contained(api).cached == {"content one", "content two"}


def test_parents_that_are_not_shown() -> None:
    """One that had a tag has no parents any more, and stays; others go with their last child."""
    api = Api()
    one = api.has(1, ("base", 100), ("top", 10), Manifests=[manifest(ONE, 60, 110)], ParentId=image_id(2))
    api.has(2, ("base", 100), hidden=True, ParentId=image_id(9))
    two = api.has(4, ("top", 10), Manifests=[manifest(TWO, 30, 10)], ParentId=image_id(3))
    api.has(3, ("top", 10), hidden=True, ParentId="")
    found = contained(api)
    assert found.images.keys() == {one, two}
    assert found.used == {"unpacked base", "content base"}
    assert found.doubtful == {"unpacked base", "content base", "unpacked top", "content top"}


@pytest.mark.parametrize(
    ("parents", "tagged"),
    [
        ({"a": ""}, False),
        ({"a": "b"}, True),
        ({"a": "b", "b": ""}, False),
        ({"a": "b", "b": "c"}, True),
        ({"a": "b", "b": "a"}, False),
    ],
)
def test_a_parent_that_had_a_tag(parents: dict[str, str], tagged: bool) -> None:
    listed = {name: {"ParentId": parent} if parent else {} for name, parent in parents.items()}
    assert reading._was_tagged("a", listed) is tagged


def test_layers_know_their_names() -> None:
    found = set(reading._layer_parts(["a"], {"a": (Layer("x", 1),), "b": (Layer("y", 1),)}))
    assert found == {"unpacked x", "content x"}
