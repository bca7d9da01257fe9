"""Broken, hostile and unsuitable files are refused, with the reason."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from archivetools import (
    ARCHIVE_PACKERS,
    PACKERS,
    Image,
    Part,
    blob,
    descriptor,
    docker_parts,
    document,
    entry,
    hex_of,
    layer,
    oci_parts,
    replaced,
    tar_of,
    without,
    write,
)
from longshore.archives import images as images_module
from longshore.archives.archive import open_archive
from longshore.archives.limits import Limits
from longshore.cancellation import Cancellation
from longshore.errors import (
    ArchiveDamaged,
    ArchiveError,
    ArchiveRefused,
    InvalidContent,
    LongshoreError,
    NotAnArchive,
)
from transfertools.archive_summary import inspect_archive, summary_of

IMAGE = Image()
SPARSE = b"S"


def refused(path: Path, kind: type[LongshoreError], words: str, limits: Limits = Limits()) -> None:  # noqa: B008
    """Check that *path* is refused with *kind* and with advice, and that message or detail contains *words*."""
    with pytest.raises(LongshoreError) as caught:
        open_archive(path, cancellation=Cancellation(), limits=limits)
    error = caught.value
    assert isinstance(error, kind), error
    assert words in f"{error.message} {error.detail}"
    assert error.advice
    assert error.subject == str(path)


@pytest.mark.parametrize("packed", ARCHIVE_PACKERS)
@pytest.mark.parametrize("keep", [0.2, 0.7, 0.95])
def test_truncated(tmp_path: Path, packed: str, keep: float) -> None:
    rest = os.urandom(300_000)  # incompressible, or there would be almost nothing to cut off
    path = write(tmp_path, [*oci_parts(IMAGE), ("rest", rest)], packed)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    refused(path, ArchiveDamaged, "truncated")


def test_cut_between_two_entries(tmp_path: Path) -> None:
    path = tmp_path / "cut.tar"
    path.write_bytes(tar_of(oci_parts(IMAGE)).rstrip(b"\0"))
    data = path.read_bytes()
    path.write_bytes(data + bytes(-len(data) % 512))
    refused(path, ArchiveDamaged, "truncated")


@pytest.mark.parametrize("packed", ["gzip", "zstd", "xz", "bzip2"])
def test_a_flipped_bit_in_the_compressed_stream(tmp_path: Path, packed: str) -> None:
    path = write(tmp_path, [*oci_parts(IMAGE), ("rest", os.urandom(100_000))], packed)
    data = bytearray(path.read_bytes())
    data[40] ^= 0x55
    path.write_bytes(data)
    with pytest.raises(ArchiveError):
        inspect_archive(path)


def test_empty(tmp_path: Path) -> None:
    path = tmp_path / "empty.tar"
    path.touch()
    refused(path, ArchiveDamaged, "empty")


def other_digest(parts: list[Part]) -> list[Part]:
    return replaced(parts, blob(IMAGE.blobs[0])[0], layer("other"))


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (lambda: other_digest(oci_parts(IMAGE)), "hashes to"),
        (lambda: replaced(oci_parts(IMAGE), blob(IMAGE.config)[0], b"{}"), "hashes to"),
        (
            lambda: replaced(docker_parts(IMAGE), f"{hex_of(IMAGE.blobs[0])}.tar", layer("other")),
            "instead of sha256:",
        ),
        (lambda: replaced(docker_parts(IMAGE), f"{hex_of(IMAGE.config)}.json", b"{}"), "hashes to"),
        (lambda: without(oci_parts(IMAGE), blob(IMAGE.blobs[1])[0]), "is missing"),
        (lambda: without(oci_parts(IMAGE), blob(IMAGE.config)[0]), "is missing"),
        (lambda: without(oci_parts(IMAGE), blob(IMAGE.manifest)[0]), "is missing"),
        (lambda: without(oci_parts(IMAGE), "index.json"), "is missing"),
        (lambda: without(docker_parts(IMAGE), f"{hex_of(IMAGE.blobs[0])}.tar"), "is missing"),
        (lambda: without(docker_parts(IMAGE), f"{hex_of(IMAGE.config)}.json"), "is missing"),
        (lambda: replaced(docker_parts(IMAGE), "manifest.json", b'{"a": 1}'), "not a list"),
        (lambda: replaced(docker_parts(IMAGE), "manifest.json", b'[{"Config": 1}]'), "in an unknown way"),
        (lambda: replaced(docker_parts(IMAGE), "manifest.json", b"[[" * 50_000), "not JSON"),
        (lambda: replaced(oci_parts(IMAGE), "index.json", b'{"schemaVersion": 2, "manifests": 7}'), "index"),
        (lambda: replaced(oci_parts(IMAGE), "index.json", b"nonsense"), "not JSON"),
        (lambda: replaced(oci_parts(IMAGE), "oci-layout", b'{"imageLayoutVersion": "2.0"}'), "version"),
    ],
    ids=map(str, range(16)),
)
def test_damaged(tmp_path: Path, parts: Callable[[], list[Part]], words: str) -> None:
    refused(write(tmp_path, parts()), ArchiveDamaged, words)


def test_a_descriptor_that_promises_another_size(tmp_path: Path) -> None:
    wrong = {**descriptor("application/vnd.oci.image.manifest.v1+json", IMAGE.manifest), "size": 5}
    index = document({"schemaVersion": 2, "manifests": [wrong]})
    refused(
        write(tmp_path, replaced(oci_parts(IMAGE), "index.json", index)), ArchiveDamaged, "bytes instead of"
    )


def test_layers_that_are_fewer_than_the_configuration_says(tmp_path: Path) -> None:
    rows = [{"Config": f"{hex_of(IMAGE.config)}.json", "Layers": [f"{hex_of(IMAGE.blobs[0])}.tar"]}]
    parts = replaced(docker_parts(IMAGE), "manifest.json", document(rows))
    refused(write(tmp_path, parts), ArchiveDamaged, "lists 2 layers, and the archive has 1")


def test_an_oci_image_whose_layers_are_not_those_of_its_configuration(tmp_path: Path) -> None:
    liar = Image(packed="gzip")
    blobs = [PACKERS["gzip"](layer("one")), PACKERS["gzip"](layer("evil"))]
    manifest = document(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("application/vnd.oci.image.config.v1+json", liar.config),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar+gzip", data) for data in blobs],
        }
    )
    listed = [descriptor("application/vnd.oci.image.manifest.v1+json", manifest)]
    parts: list[Part] = [
        *map(blob, (*blobs, liar.config, manifest)),
        ("oci-layout", b'{"imageLayoutVersion": "1.0.0"}'),
        ("index.json", document({"schemaVersion": 2, "manifests": listed})),
    ]
    refused(write(tmp_path, parts), ArchiveDamaged, "instead of sha256:")


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (("/etc/passwd", b"x"), "outside the archive"),
        (("../evil", b"x"), "outside the archive"),
        (("a/../../evil", b"x"), "outside the archive"),
        (entry("link", tarfile.SYMTYPE, "/etc/passwd"), "a link to a place outside the archive"),
        (entry("a/link", tarfile.SYMTYPE, "../../etc/passwd"), "a link to a place outside the archive"),
        (entry("link", tarfile.LNKTYPE, "../etc/passwd"), "a link to a place outside the archive"),
        (entry("device", tarfile.CHRTYPE), "a device"),
        (entry("device", tarfile.BLKTYPE), "a device"),
        (entry("pipe", tarfile.FIFOTYPE), "a named pipe"),
        (entry("sparse", SPARSE), "a sparse file"),
        (entry("odd", b"Z"), "unknown type"),
        (entry("index.json", tarfile.SYMTYPE, "oci-layout"), "twice"),
        ((".", b"x"), "a file without a name"),
    ],
    ids=map(str, range(13)),
)
def test_hostile(tmp_path: Path, bad: Part, words: str) -> None:
    refused(write(tmp_path, [*oci_parts(IMAGE), bad]), ArchiveRefused, words)


def test_an_image_that_wants_a_file_from_outside(tmp_path: Path) -> None:
    rows = [{"Config": "../../etc/hostname", "RepoTags": None, "Layers": []}]
    parts = replaced(docker_parts(IMAGE), "manifest.json", document(rows))
    refused(write(tmp_path, parts), ArchiveRefused, "outside the archive")


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    rows = [{"Config": "a", "RepoTags": None, "Layers": []}]
    parts: list[Part] = [
        entry("a", tarfile.SYMTYPE, "b"),
        entry("b", tarfile.SYMTYPE, "a"),
        ("manifest.json", document(rows)),
    ]
    refused(write(tmp_path, parts), ArchiveDamaged, "is missing")


@pytest.mark.parametrize("packed", ["gzip", "zstd", "xz", "bzip2"])
def test_a_bomb_of_an_archive(tmp_path: Path, packed: str) -> None:
    path = write(tmp_path, [*oci_parts(IMAGE), ("zeros", bytes(4_000_000))], packed)
    refused(path, ArchiveRefused, "bomb", Limits(ratio=50, ratio_from=1_000_000))


@pytest.mark.parametrize("packed", ["gzip", "zstd"])
def test_a_bomb_of_a_layer(tmp_path: Path, packed: str) -> None:
    path = write(tmp_path, oci_parts(Image(layers=(layer("one"), bytes(4_000_000)), packed=packed)))
    refused(path, ArchiveRefused, "bomb", Limits(ratio=50, ratio_from=1_000_000))


@pytest.mark.parametrize("packed", ["gzip", "zstd", "xz", "bzip2"])
def test_compressed_streams_without_end_that_hold_nothing(tmp_path: Path, packed: str) -> None:
    path = tmp_path / "idle.tar"
    pack = ARCHIVE_PACKERS[packed]
    path.write_bytes(pack(b"") * 500 + pack(tar_of(oci_parts(IMAGE))) + pack(b"") * 500)
    assert inspect_archive(path).images
    path.write_bytes(pack(b"") * 5000 + pack(tar_of(oci_parts(IMAGE))))
    refused(path, ArchiveRefused, "too many empty compressed streams")


def test_more_than_the_total(tmp_path: Path) -> None:
    path = write(tmp_path, oci_parts(Image(layers=(os.urandom(2_000_000),))))
    refused(path, ArchiveRefused, "more than 1000000 bytes", Limits(unpacked=1_000_000))


def test_too_many_entries(tmp_path: Path) -> None:
    parts: list[Part] = [(f"file{number}", b"") for number in range(200)]
    refused(write(tmp_path, [*parts, *oci_parts(IMAGE)]), ArchiveRefused, "100 entries", Limits(entries=100))


def test_too_many_documents(tmp_path: Path) -> None:
    parts: list[Part] = [(f"{number}.json", document({"x": "y" * 1000})) for number in range(200)]
    refused(
        write(tmp_path, [*parts, *oci_parts(IMAGE)]),
        ArchiveRefused,
        "bytes of JSON documents",
        Limits(documents=100_000),
    )


def test_the_same_image_ten_thousand_times(tmp_path: Path) -> None:
    image = Image(layers=(), labels={"x": "y" * 4_000_000})
    rows = [{"Config": "c.json", "RepoTags": None, "Layers": []}] * 10_001
    parts: list[Part] = [("c.json", image.config)]
    assert (
        len(inspect_archive(write(tmp_path, [*parts, ("manifest.json", document(rows[:999]))])).images) == 1
    )
    path = write(tmp_path, [*parts, ("manifest.json", document(rows))])
    refused(path, ArchiveRefused, "10000 images")
    listed = [descriptor("application/vnd.oci.image.manifest.v1+json", image.manifest)]
    index = document({"schemaVersion": 2, "manifests": listed * 10_001})
    path = write(tmp_path, replaced(oci_parts(image), "index.json", index))
    refused(path, ArchiveRefused, "10000 images")


def test_as_many_bytes_of_documents_as_may_be(tmp_path: Path) -> None:
    path = write(tmp_path, oci_parts(IMAGE))
    archive = open_archive(path, cancellation=Cancellation())
    total = sum(map(len, archive.contents.documents.values()))
    assert summary_of(open_archive(path, cancellation=Cancellation(), limits=Limits(documents=total)))
    refused(
        path, ArchiveRefused, f"more than {total - 1} bytes of JSON documents", Limits(documents=total - 1)
    )


def test_the_marker_of_a_layout_may_be_missing(tmp_path: Path) -> None:
    assert len(inspect_archive(write(tmp_path, without(oci_parts(IMAGE), "oci-layout"))).images) == 1


@pytest.mark.parametrize("more", [0, 1])
def test_as_many_images_as_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: int) -> None:
    monkeypatch.setattr(images_module, "_MOST_IMAGES", 5)
    listed = [descriptor("application/vnd.oci.image.manifest.v1+json", IMAGE.manifest)] * (5 + more)
    rows = [
        {
            "Config": f"{hex_of(IMAGE.config)}.json",
            "Layers": [f"{hex_of(data)}.tar" for data in IMAGE.blobs],
        }
    ] * (5 + more)
    index = document({"schemaVersion": 2, "manifests": listed})
    for path in (
        write(tmp_path, replaced(oci_parts(IMAGE), "index.json", index), name="oci"),
        write(tmp_path, replaced(docker_parts(IMAGE), "manifest.json", document(rows)), name="docker"),
    ):
        if more:
            refused(path, ArchiveRefused, "more than 5 images")
        else:
            assert len(inspect_archive(path).images) == 1


def test_an_image_of_layers_without_end(tmp_path: Path) -> None:
    rows = [{"Config": "c.json", "RepoTags": None, "Layers": ["a"] * 250_000}]
    path = write(tmp_path, [("c.json", b"{}"), ("a", b""), ("manifest.json", document(rows))])
    refused(path, ArchiveRefused, "too many layers")


def test_a_huge_list(tmp_path: Path) -> None:
    path = write(tmp_path, [("manifest.json", b"[" + b" " * 9 * 1024 * 1024 + b"]")])
    refused(path, ArchiveRefused, "manifest.json has")


def test_a_huge_extended_header(tmp_path: Path) -> None:
    path = tmp_path / "huge.tar"
    path.write_bytes(tar_of([("x" * 100_000, b""), *oci_parts(IMAGE)]))
    refused(path, ArchiveRefused, "extended header")


def test_the_file_system_of_a_container(tmp_path: Path) -> None:
    names = ("bin", "dev", "etc", "proc", "usr")
    folders = [entry(name, tarfile.DIRTYPE) for name in names]
    refused(write(tmp_path, [*folders, ("etc/hostname", b"x")]), NotAnArchive, "file system of a container")
    link = entry("etc/mtab", tarfile.SYMTYPE, "/proc/mounts")
    refused(write(tmp_path, [folders[2], link]), NotAnArchive, "file system of a container")
    device = entry("dev/console", tarfile.CHRTYPE)
    refused(write(tmp_path, [folders[1], device], name="two"), NotAnArchive, "file system of a container")


def test_other_files(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("manifest.json", "[]")
    for content, words in (
        (packed.getvalue(), "a zip file"),
        (b"\x04\x22\x4d\x18" + bytes(600), "lz4"),
        (b"hello", "This file is not an image archive"),
        (b"hello" * 1000, "This file is not an image archive"),
        (tar_of([("readme.txt", b"x")]), "This tar file is not an image archive"),
        (tar_of([("repositories", b"{}")]), "Docker 1.9 or older"),
        (tar_of([("manifest.json", b"[]")]), "image archive is empty"),
    ):
        path = tmp_path / "other.tar"
        path.write_bytes(content)
        refused(path, NotAnArchive, words)


def test_what_is_no_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.tar"
    os.mkfifo(pipe)
    refused(pipe, ArchiveError, "not a regular file")
    refused(tmp_path, ArchiveError, "a folder")
    refused(tmp_path / "nowhere.tar", ArchiveError, "can't be read")


def test_a_file_that_changed_since_it_was_checked(tmp_path: Path) -> None:
    path = write(tmp_path, oci_parts(IMAGE))
    archive = open_archive(path, cancellation=Cancellation())
    member = archive.member(next(iter(archive.contents.by_digest())))
    assert member is not None
    path.write_bytes(path.read_bytes() + b"\0")
    with (
        pytest.raises(ArchiveDamaged, match="changed while"),
        archive.read(member, cancellation=Cancellation()) as pieces,
    ):
        b"".join(pieces)


def test_names_with_terminal_codes_are_made_safe(tmp_path: Path) -> None:
    path = write(tmp_path, [*oci_parts(IMAGE), ("../\x1b[31mevil", b"")])
    with pytest.raises(ArchiveRefused) as caught:
        inspect_archive(path)
    assert "\x1b" not in caught.value.detail


def test_errors_of_archives_are_of_one_family() -> None:
    assert all(issubclass(kind, ArchiveError) for kind in (ArchiveDamaged, ArchiveRefused, NotAnArchive))
    assert not issubclass(ArchiveError, InvalidContent)


@pytest.mark.parametrize("packed", ["gzip", "zstd", "xz", "bzip2"])
def test_a_compressed_stream_without_its_end(tmp_path: Path, packed: str) -> None:
    # The whole tar is there; only the end of the compressed stream is missing.
    path = write(tmp_path, oci_parts(IMAGE), packed)
    path.write_bytes(path.read_bytes()[:-2])
    refused(path, ArchiveDamaged, "stream is incomplete")


@pytest.mark.parametrize("packed", ["gzip", "zstd"])
def test_a_compressed_layer_without_its_end(tmp_path: Path, packed: str) -> None:
    image = Image(packed=packed)
    cut = image.blobs[0][:-2]
    parts = replaced(docker_parts(image), f"{hex_of(image.blobs[0])}.tar", cut)
    refused(write(tmp_path, parts), ArchiveDamaged, "stream is incomplete")
