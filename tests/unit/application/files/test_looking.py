"""Files of whole images: from archives and the library, known ones, broken ones, and one of them saved."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import pytest

import archivetools as made
from layertools import FOLDER, Link, layer, pieces
from longshore.application.clients import Clients
from longshore.application.files.cache import NameCache
from longshore.application.files.finding import find
from longshore.application.files.layers import ImageLayer, Stage, Told, Way
from longshore.application.files.looking import ImageFiles, cost_of, read_files
from longshore.application.files.opening import open_layers
from longshore.application.files.saving import save_file, stored_file, suggested_name, why_not
from longshore.cancellation import Cancellation
from longshore.errors import (
    ArchiveError,
    DigestMismatch,
    InvalidInput,
    InvalidLayer,
    LongshoreError,
    NotInImage,
)
from longshore.oci.digest import sha256_of
from longshore.oci.manifest import parse_manifest
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.registry.config import RegistryConfig
from longshore.transfers.transfer import ArchivePlace, Endpoint, LibraryPlace

BASE = layer(("etc/", FOLDER), ("etc/app.conf", b"old"), ("bin/sh", Link("busybox")), ("log", b"x" * 50))
TOP = layer(("etc/app.conf", b"newer"), (".wh.log", b""), ("bin/[id].js", b"js"), ("etc/.wh.none", b""))
NAME = Reference.parse("team/app:1")


class Given:
    """Layers of bytes, as a place would have them. *unnamed*: as an engine sends them."""

    def __init__(self, *raws: bytes, diff_ids: Sequence[str] = (), unnamed: bool = False) -> None:
        self.raws = raws
        self.unnamed = unnamed
        self.asked: list[int] = []
        self.names = tuple(
            ImageLayer(number, "" if unnamed else sha256_of(raw), diff_id, len(raw))
            for number, (raw, diff_id) in enumerate(
                zip(raws, diff_ids or map(sha256_of, raws), strict=True), 1
            )
        )

    def cost(self, wanted: Sequence[ImageLayer]) -> tuple[Way, int, str]:
        return Way.READ, sum(one.size or 0 for one in wanted), ""

    def streams(
        self, wanted: Sequence[ImageLayer], told: Told, cancellation: Cancellation
    ) -> Generator[tuple[ImageLayer | None, Iterator[bytes]]]:
        for one in self.names if self.unnamed else wanted:
            self.asked.append(one.number)
            yield None if self.unnamed else one, iter(pieces(self.raws[one.number - 1]))

    def close(self) -> None: ...


def paths(files: ImageFiles) -> set[str]:
    view = files.merged.view
    return {view.tree.path(node) for node in view.tree.walk() if node and not view.hidden_by[node]}


def read(layers: Given, cache: Path | None = None) -> ImageFiles:
    return read_files(layers, NameCache(cache), Cancellation())


@pytest.fixture
def clients(tmp_path: Path) -> Iterator[Clients]:
    opened = Clients({"HOME": str(tmp_path)}, RegistryConfig)
    yield opened
    opened.close()


@pytest.mark.parametrize("packed", ["none", "gzip", "zstd"])
@pytest.mark.parametrize("kind", ["docker", "oci"])
def test_an_archive(tmp_path: Path, clients: Clients, kind: str, packed: str) -> None:
    image = made.Image((BASE, TOP), packed=packed)
    parts = made.docker_parts(image) if kind == "docker" else made.oci_parts(image)
    place = ArchivePlace(made.write(tmp_path, parts, "gzip"), kind)
    told: list[tuple[Stage, int, int]] = []
    cache = NameCache(tmp_path)
    with contextlib.closing(open_layers(Endpoint(place, NAME), clients, tmp_path, Cancellation())) as layers:
        cost = cost_of(layers, cache)
        assert (cost.layers, cost.known, cost.way) == (2, 0, Way.READ)
        assert cost.size == place.path.stat().st_size
        files = read_files(layers, cache, Cancellation(), lambda *how: told.append(how))
        assert cost_of(layers, cache).known == 2
        node = files.merged.view.tree.find("etc/app.conf")
        assert node is not None
        save_file(layers, stored_file(files, files.merged.view, node), tmp_path / "out", Cancellation())
    assert paths(files) == {"etc", "etc/app.conf", "bin", "bin/sh", "bin/[id].js"}
    assert files.merged.totals.hidden == 3 + 50
    assert told[-1][1] == told[-1][2] > 0
    assert (tmp_path / "out").read_bytes() == b"newer"


def test_an_archive_of_several_platforms(tmp_path: Path, clients: Clients) -> None:
    images = [
        made.Image((layer((name, b"")),), platform=("linux", name), packed="gzip")
        for name in ("s390x", "arm64")
    ]
    place = ArchivePlace(made.write(tmp_path, made.oci_parts(*images, index=True)), "oci")

    def found(platform: str | None) -> set[str]:
        wanted = None if platform is None else Platform.parse(platform)
        end = Endpoint(place, NAME)
        with contextlib.closing(open_layers(end, clients, tmp_path, Cancellation(), wanted)) as layers:
            return paths(read_files(layers, NameCache(None), Cancellation()))

    assert found("linux/arm64") == {"arm64"}
    assert found("linux/s390x") == {"s390x"}
    with pytest.raises(InvalidInput, match="no such platform"):
        found("linux/amd64")


def test_an_archive_of_several_images_asks_for_one(tmp_path: Path, clients: Clients) -> None:
    images = [made.Image((layer((name, b"")),), names=(f"team/{name}:1",)) for name in ("a", "b")]
    place = ArchivePlace(made.write(tmp_path, made.docker_parts(*images)), "docker")
    with pytest.raises(ArchiveError, match="several images"):
        open_layers(Endpoint(place, None), clients, tmp_path, Cancellation())


def test_the_library(tmp_path: Path, clients: Clients) -> None:
    image = made.Image((BASE, TOP), packed="gzip")
    folder = tmp_path / "library"
    library = clients.library(folder)
    with contextlib.closing(library.lease()) as lease:
        for blob in (*image.blobs, image.config):
            library.take_in([blob], lease, Cancellation())
        library.put(parse_manifest(image.manifest, None), lease, NAME)
    end = Endpoint(LibraryPlace(folder), NAME)
    with contextlib.closing(open_layers(end, clients, folder, Cancellation())) as layers:
        assert [one.diff_id for one in layers.names] == [sha256_of(BASE), sha256_of(TOP)]
        cost = cost_of(layers, NameCache(None))
        assert (cost.way, cost.size) == (Way.READ, sum(map(len, image.blobs)))
        files = read_files(layers, NameCache(None), Cancellation())
    assert "etc/app.conf" in paths(files)


def test_an_engine_sends_layers_without_names_and_more_than_was_asked_for(tmp_path: Path) -> None:
    other = layer(("other", b""))

    class Engine(Given):
        def streams(
            self, wanted: Sequence[ImageLayer], told: Told, cancellation: Cancellation
        ) -> Generator[tuple[ImageLayer | None, Iterator[bytes]]]:
            for raw in (other, b"no tar" * 200, TOP, BASE):
                yield None, iter(pieces(raw))

    engine = Engine(BASE, TOP, unnamed=True)
    files = read(engine, tmp_path)
    assert not files.problems
    assert paths(files) == paths(read(Given(BASE, TOP)))
    node = files.merged.view.tree.find("etc/app.conf")
    assert node is not None
    save_file(engine, stored_file(files, files.merged.view, node), tmp_path / "out", Cancellation())
    assert (tmp_path / "out").read_bytes() == b"newer"


def test_a_layer_that_the_engine_does_not_send_is_told() -> None:
    class Silent(Given):
        def streams(
            self, wanted: Sequence[ImageLayer], told: Told, cancellation: Cancellation
        ) -> Generator[tuple[ImageLayer | None, Iterator[bytes]]]:
            yield None, iter(pieces(BASE))

    files = read(Silent(BASE, TOP, unnamed=True))
    assert list(files.problems) == [2]
    assert "did not send" in files.problems[2].message


def test_what_is_known_is_not_read_again(tmp_path: Path) -> None:
    assert read(first := Given(BASE, TOP), tmp_path).problems == {}
    assert first.asked == [1, 2]
    files = read(second := Given(BASE, layer(("x", b"")), TOP), tmp_path)
    assert second.asked == [2]
    assert "x" in paths(files)
    assert read(third := Given(TOP, TOP, TOP)).merged.totals.size == 3 * 7
    assert third.asked == [1]


def test_a_broken_layer_is_a_problem_and_the_others_are_shown() -> None:
    files = read(Given(BASE, b"no tar" * 200, TOP))
    assert isinstance(files.problems.pop(2), InvalidLayer)
    assert not files.problems
    assert "etc/app.conf" in paths(files)


def test_a_layer_that_is_not_what_the_configuration_says_is_a_problem(tmp_path: Path) -> None:
    lies = Given(BASE, TOP, diff_ids=[sha256_of(BASE), sha256_of(b"other")])
    files = read(lies, tmp_path)
    assert isinstance(files.problems[2], DigestMismatch)
    assert not NameCache(tmp_path).has(sha256_of(b"other"))
    # An artifact has no such digests.
    assert not read(Given(BASE, TOP, diff_ids=["", ""])).problems


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("etc", "folder"),
        ("bin/sh", "symbolic link"),
        ("hard", "hard link"),
    ],
)
def test_only_regular_files_are_saved(path: str, said: str) -> None:
    files = read(Given(BASE, layer(("hard", Link("etc/app.conf", hard=True)))))
    view = files.merged.view
    node = view.tree.find(path)
    assert node is not None
    assert said in why_not(view, node)
    with pytest.raises(NotInImage, match=said):
        stored_file(files, view, node)


def test_a_saved_file_is_whole_or_absent(tmp_path: Path) -> None:
    given = Given(BASE, TOP)
    files = read(given)
    node = files.merged.view.tree.find("etc/app.conf")
    assert node is not None
    stored = stored_file(files, files.merged.view, node)
    given.raws = (BASE, TOP[:600])  # cut
    with pytest.raises(InvalidLayer):
        save_file(given, stored, tmp_path / "out", Cancellation())
    given.raws = (BASE, layer(("etc/app.conf", b"other")))
    with pytest.raises(DigestMismatch):
        save_file(given, stored, tmp_path / "out", Cancellation())
    assert not list(tmp_path.iterdir())
    with pytest.raises(LongshoreError, match="can't be written"):
        save_file(given, stored, tmp_path / "missing" / "out", Cancellation())
    # The file of a lower layer, hidden by now.
    given.raws = (BASE, TOP)
    first = files.merged.views[0]
    assert first is not None
    old = first.tree.find("etc/app.conf")
    assert old is not None
    save_file(given, stored_file(files, first, old), tmp_path / "out", Cancellation())
    assert (tmp_path / "out").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("APP", {"etc/app.conf"}),
        ("*.conf", {"etc/app.conf"}),
        ("*.con", set()),
        ("[id]", {"bin/[id].js"}),
        ("[id].*", {"bin/[id].js"}),
        ("/etc/app", {"etc/app.conf"}),
        ("/etc/*", {"etc/app.conf"}),
        ("?h", {"bin/sh"}),
    ],
)
def test_finding(pattern: str, found: set[str]) -> None:
    view = read(Given(BASE, TOP)).merged.view
    nodes = find(view, pattern, Cancellation())
    assert {view.tree.path(node) for node in nodes} == found
    etc = view.tree.find("etc")
    assert etc is not None
    assert [view.tree.path(node) for node in find(view, "*", Cancellation(), etc)] == ["etc/app.conf"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("usr/bin/app", "app"),
        ("a/..", "file"),
        ("a/.bashrc", "bashrc"),
        ("x/\x1b[31m\u202ered", "[31mred"),
        ("C:\\x", "Cx"),
        ("x/" + "n" * 500, "n" * 119 + "…"),
    ],
)
def test_a_suggested_name_is_harmless(path: str, name: str) -> None:
    assert suggested_name(path) == name
