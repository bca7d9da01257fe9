"""Intact archives of every kind are read correctly."""

from __future__ import annotations

import os
import random
import tarfile
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import pytest

from archivetools import (
    ARCHIVE_PACKERS,
    PACKERS,
    Image,
    blob,
    digest_of,
    docker_parts,
    document,
    entry,
    hex_of,
    layer,
    oci_parts,
    tar_of,
    without,
    write,
)
from longshore.archives import access
from longshore.archives import archive as archive_module
from longshore.archives.archive import open_archive
from longshore.archives.compression import Compression
from longshore.archives.limits import Limits
from longshore.archives.model import ArchiveFormat, select_image
from longshore.archives.scan import Scanner
from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import ArchiveError
from longshore.oci.image_config import LARGEST_CONFIG
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from transfertools.archive_summary import inspect_archive, summary_of

ONE = Reference.parse("team/app:1")
TWO = Reference.parse("reg.example:5000/team/app:2")


@pytest.mark.parametrize("packed", PACKERS)
@pytest.mark.parametrize("layers", PACKERS)
def test_docker_archive(tmp_path: Path, packed: str, layers: str) -> None:
    image = Image(names=("team/app:1", "reg.example:5000/team/app:2"), packed=layers)
    path = write(tmp_path, docker_parts(image), packed)
    found = inspect_archive(path)
    assert (found.format, found.compression.value, found.size) == (
        ArchiveFormat.DOCKER,
        packed,
        path.stat().st_size,
    )
    [row] = found.images
    assert row.references == (ONE, TWO)
    assert row.image_id == digest_of(image.config)
    assert row.platforms == (Platform("linux", "amd64"),)
    assert (row.layers, row.size, row.made) == (2, sum(map(len, image.blobs)), True)


@pytest.mark.parametrize("packed", ARCHIVE_PACKERS)
@pytest.mark.parametrize("layers", PACKERS)
def test_oci_archive(tmp_path: Path, packed: str, layers: str) -> None:
    image = Image(packed=layers)
    found = inspect_archive(write(tmp_path, oci_parts(image), packed))
    assert (found.format, found.compression.value) == (ArchiveFormat.OCI, packed)
    [row] = found.images
    assert (row.references, row.digest, row.made) == ((ONE,), digest_of(image.manifest), False)
    assert found.blobs == 4


def test_oci_archive_of_several_platforms(tmp_path: Path) -> None:
    images = (Image(), Image(layers=(layer("arm"),), platform=("linux", "arm64")))
    [row] = inspect_archive(write(tmp_path, oci_parts(*images, index=True))).images
    assert row.platforms == (Platform("linux", "amd64"), Platform("linux", "arm64"))
    assert (row.missing, row.layers, row.image_id) == ((), 3, "")


def test_an_engine_saves_one_platform_and_the_whole_index(tmp_path: Path) -> None:
    here, away = Image(), Image(layers=(layer("arm"),), platform=("linux", "arm64"))
    parts = without(oci_parts(here, away, index=True), blob(away.manifest)[0])
    [row] = inspect_archive(write(tmp_path, parts)).images
    assert (row.platforms, row.missing) == ((Platform("linux", "amd64"),), (Platform("linux", "arm64"),))


def test_both_lists_in_one_archive_are_one_image_with_its_digest_and_all_its_names(tmp_path: Path) -> None:
    image = Image(names=("team/app:1",))
    rows = [
        {
            "Config": blob(image.config)[0],
            "RepoTags": ["team/app:1", "reg.example:5000/team/app:2"],
            "Layers": [blob(data)[0] for data in image.blobs],
        }
    ]
    found = inspect_archive(write(tmp_path, [*oci_parts(image), ("manifest.json", document(rows))]))
    assert found.format is ArchiveFormat.DOCKER
    [row] = found.images
    assert (row.references, row.digest) == ((ONE, TWO), digest_of(image.manifest))


def test_several_images_and_one_without_a_name(tmp_path: Path) -> None:
    images = (Image(), Image(layers=(layer("one"), layer("three")), names=()))
    found = inspect_archive(write(tmp_path, docker_parts(*images)))
    assert [row.references for row in found.images] == [(ONE,), ()]
    assert [row.layers for row in found.images] == [2, 2]


def test_layers_by_links_as_docker_and_skopeo_write_them(tmp_path: Path) -> None:
    image = Image(layers=(layer("one"), layer("one")))
    first = hex_of(image.blobs[0])
    rows = [
        {"Config": f"{hex_of(image.config)}.json", "RepoTags": None, "Layers": ["a/layer.tar", "b/layer.tar"]}
    ]
    parts = [
        entry("a", tarfile.DIRTYPE),
        entry("a/layer.tar", tarfile.SYMTYPE, f"../{first}.tar"),
        (f"{first}.tar", image.blobs[0]),
        entry("b/layer.tar", tarfile.LNKTYPE, "a/layer.tar"),
        (f"{hex_of(image.config)}.json", image.config),
        ("manifest.json", document(rows)),
    ]
    [row] = inspect_archive(write(tmp_path, parts)).images
    assert row.layers == 1


def test_names_that_begin_with_a_dot_and_long_ones(tmp_path: Path) -> None:
    image = Image(layers=(layer("one"),))
    long = "/".join(["folder" * 10] * 4) + "/layer.tar"
    rows = [{"Config": "./config.json", "RepoTags": ["team/app:1"], "Layers": [long]}]
    parts = [
        (f"./{long}", image.blobs[0]),
        ("./config.json", image.config),
        ("./manifest.json", document(rows)),
    ]
    for number, format in enumerate((tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT)):
        if format == tarfile.USTAR_FORMAT:
            rows[0]["Layers"] = ["x" * 90 + "/" + "y" * 60]
            parts = [("x" * 90 + "/" + "y" * 60, image.blobs[0]), parts[1], ("manifest.json", document(rows))]
        path = tmp_path / f"{number}.tar"
        path.write_bytes(tar_of(parts, format))
        assert inspect_archive(path).images[0].references == (ONE,)


def test_several_compressed_streams_after_each_other(tmp_path: Path) -> None:
    whole = tar_of(oci_parts(Image()))
    for packed, pack in ARCHIVE_PACKERS.items():
        path = tmp_path / packed
        path.write_bytes(pack(whole[:1000]) + pack(whole[1000:]))
        assert inspect_archive(path).images[0].references == (ONE,)


@pytest.mark.parametrize("packed", ARCHIVE_PACKERS)
def test_what_was_checked_can_be_read_from_any_offset(tmp_path: Path, packed: str) -> None:
    image = Image(layers=(layer("one", 700_000), layer("two", 300_000)))
    archive = open_archive(write(tmp_path, oci_parts(image), packed), cancellation=Cancellation())
    for data in image.blobs:
        member = archive.member(digest_of(data))
        assert member is not None
        for offset in (0, 1, 299_999):
            with archive.read(member, offset, cancellation=Cancellation()) as pieces:
                assert b"".join(pieces) == data[offset:]


@pytest.mark.parametrize("packed", ARCHIVE_PACKERS)
@pytest.mark.parametrize("layers", PACKERS)
def test_layers_are_read_in_any_order_and_side_by_side(tmp_path: Path, packed: str, layers: str) -> None:
    # Incompressible content, so that the layers begin in different pieces of the file.
    # (xz and bzip2 are slow, and read from the beginning.)
    size = 50_000 if packed in ("xz", "bzip2") else 600_000
    image = Image(layers=tuple(os.urandom(size) for _ in range(4)), packed=layers)
    archive = open_archive(write(tmp_path, oci_parts(image), packed), cancellation=Cancellation())

    def read(data: bytes) -> bytes:
        member = archive.member(digest_of(data))
        assert member is not None
        with archive.read(member, 5, cancellation=Cancellation()) as pieces:
            return b"".join(pieces)

    twice = [*image.blobs[::-1], *image.blobs]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(read, twice)) == [data[5:] for data in twice]


def test_layers_of_any_size_come_by(tmp_path: Path) -> None:
    parts = [("small.tar", b"x"), ("large.tar", bytes(LARGEST_CONFIG + 1)), *oci_parts(Image())]
    parts += [("odd.tar", b"[no JSON"), ("many.tar", b"[" + b"1," * 2000 + b"1]")]
    scanner = Scanner([tar_of(parts)], cancellation=Cancellation(), limits=Limits(values=1000))
    sizes = {streamed.name: streamed.size for streamed in scanner.files()}
    assert (sizes["small.tar"], sizes["large.tar"]) == (1, LARGEST_CONFIG + 1)
    assert {"odd.tar", "many.tar"} <= sizes.keys()
    assert "index.json" not in sizes, "a document is kept, not passed on"


def test_a_disk_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb", buffering=0) as closed_to_readers:
        with pytest.raises(ArchiveError, match="can't be read") as caught:
            access.read_piece(closed_to_readers, 1, tmp_path / "x")
        assert caught.value.subject == str(tmp_path / "x")


def test_an_image_that_names_no_platform_has_none(tmp_path: Path) -> None:
    [row] = inspect_archive(write(tmp_path, docker_parts(Image(platform=("", ""))))).images
    assert (row.platforms, row.layers) == ((), 2)
    archive = open_archive(tmp_path / "archive.tar", cancellation=Cancellation())
    [entry] = archive.listing.archived
    assert select_image(entry.images, Platform("linux", "amd64")) is None


def test_a_layer_of_a_gzip_is_read_from_the_mark_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random_ = random.Random(3)
    large = [tar_of([("file", random_.randbytes(400_000))]) for _ in range(6)]
    image = Image(layers=(layer("small"), *large))
    path = write(tmp_path, oci_parts(image), "gzip")
    archive = open_archive(path, cancellation=Cancellation())
    assert set(archive._marks) == {blob(data)[0] for data in large}
    last = archive.member(digest_of(large[-1]))
    assert last is not None
    read: list[int] = []

    def counted(file: IO[bytes], *rest: Any) -> Iterator[bytes]:
        for chunk in access.chunks_of(file, *rest):
            read.append(len(chunk))
            yield chunk

    monkeypatch.setattr(archive_module, "chunks_of", counted)
    for _ in range(2):  # a mark can be reused
        read.clear()
        with archive.read(last, 100_000, cancellation=Cancellation()) as pieces:
            assert b"".join(pieces) == large[-1][100_000:]
        assert sum(read) < path.stat().st_size // 2
    monkeypatch.setattr(access, "_MOST_MARKS", 2)
    again = open_archive(path, cancellation=Cancellation(), limits=Limits())
    assert len(again._marks) == 2


def test_bytes_read_are_told_up_to_the_whole_file(tmp_path: Path) -> None:
    path = write(tmp_path, oci_parts(Image(layers=(layer("one", 3_000_000),))), "gzip")
    told: list[int] = []
    inspect_archive(path, moved=told.append)
    assert told == sorted(told)
    assert told[-1] == path.stat().st_size


def test_cancelled_in_the_middle(tmp_path: Path) -> None:
    path = write(tmp_path, oci_parts(Image(layers=(layer("one", 3_000_000),))))
    cancellation = Cancellation()
    told: list[int] = []

    def moved(count: int) -> None:
        told.append(count)
        if len(told) == 3:
            cancellation.cancel()

    with pytest.raises(Cancelled):
        open_archive(path, cancellation=cancellation, moved=moved)
    assert len(told) == 3


def test_memory_does_not_grow_with_the_layers(tmp_path: Path) -> None:
    path = write(tmp_path, docker_parts(Image(layers=(layer("one", 60_000_000),), packed="gzip")), "gzip")
    tracemalloc.start()
    try:
        inspect_archive(path)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 12_000_000


def test_the_compression_is_told_by_content_not_by_name(tmp_path: Path) -> None:
    path = write(tmp_path, oci_parts(Image()), "gzip").rename(tmp_path / "wrong.tar.zst")
    assert inspect_archive(path).compression is Compression.GZIP


def test_what_was_checked_is_not_read_again_until_it_changes(tmp_path: Path) -> None:
    path = write(tmp_path, oci_parts(Image(layers=(layer("one", 3_000_000),))))
    told: list[int] = []
    first = open_archive(path, cancellation=Cancellation(), moved=told.append)
    assert len(told) > 3
    told.clear()
    assert open_archive(path, cancellation=Cancellation(), moved=told.append) is first
    assert told == [path.stat().st_size]
    other = Image(layers=(layer("two", 3_000_000),))
    os.utime(write(tmp_path, oci_parts(other)), ns=(1, 1))
    again = open_archive(path, cancellation=Cancellation())
    assert summary_of(again).images[0].digest == digest_of(other.manifest)


def test_what_belongs_to_an_image_is_no_platform_of_it(tmp_path: Path) -> None:
    images = Image(), Image(layers=(layer("proof"),), platform=("unknown", "unknown"))
    archive = open_archive(write(tmp_path, oci_parts(*images, index=True)), cancellation=Cancellation())
    [row] = summary_of(archive).images
    assert row.platforms == (Platform("linux", "amd64"),)
    [archived] = archive.listing.archived
    assert len(archived.images) == 2 and len(archived.runnable) == 1


def test_the_image_for_a_platform(tmp_path: Path) -> None:
    images = Image(), Image(layers=(layer("arm"),), platform=("linux", "arm64"))
    archive = open_archive(write(tmp_path, oci_parts(*images, index=True)), cancellation=Cancellation())
    [archived] = archive.listing.archived
    for platform, image in zip((Platform("linux", "amd64"), Platform("linux", "arm64")), images, strict=True):
        found = select_image(archived.images, platform)
        assert found is not None and found.manifest.digest == digest_of(image.manifest)
    assert select_image(archived.images, Platform("linux", "s390x")) is None
    assert select_image((), Platform("linux", "amd64")) is None


def test_the_cancellation_of_who_asks_is_heeded(tmp_path: Path) -> None:
    cancelled = Cancellation()
    cancelled.cancel()
    with pytest.raises(Cancelled):
        inspect_archive(write(tmp_path, oci_parts(Image())), cancellation=cancelled)
