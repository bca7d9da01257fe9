"""Archives that we write can be read, by us and by others, and appear only when they are complete."""

from __future__ import annotations

import contextlib
import errno
import gzip
import io
import json
import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from archivetools import Image, digest_of, docker_parts, document, layer, oci_parts, tar_of, write
from longshore.archives import failures
from longshore.archives.archive import Archive, open_archive
from longshore.archives.compression import Compression, Packer, compression_for, compression_of, unpacked
from longshore.archives.images import images_of
from longshore.archives.model import ArchiveFormat
from longshore.archives.new_file import NewFile
from longshore.archives.oci_file import OciFile, pack
from longshore.archives.scan import Scanner
from longshore.archives.tarstream import TAR_END, tar_header, tar_padding
from longshore.archives.writing import ArchiveWriter, Outgoing, docker_archive
from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import ArchiveError, DigestMismatch, DiskFull
from longshore.oci.descriptor import Descriptor
from longshore.oci.reference import Reference
from transfertools.archive_summary import inspect_archive

NAME = Reference.parse("reg.example/team/app:1")


def read_of(archive: Archive) -> object:
    @contextlib.contextmanager
    def read(wanted: Descriptor) -> Iterator[Iterator[bytes]]:
        member = archive.member(wanted.digest)
        assert member is not None
        with archive.read(member, cancellation=Cancellation()) as pieces:
            yield pieces

    return read


def outgoing(archive: Archive, *names: Reference) -> tuple[Outgoing, list[Descriptor]]:
    one = archive.listing.archived[0]
    image = one.images[0]
    return Outgoing(one.top, image.manifest, names, one.documents), list(image.manifest.layers)


def test_a_docker_archive_names_its_images_twice_and_holds_every_blob_once(tmp_path: Path) -> None:
    image = Image(layers=(layer("one"), layer("one"), layer("two")), packed="gzip")
    archive = open_archive(write(tmp_path, oci_parts(image)), cancellation=Cancellation())
    sent, layers = outgoing(archive, NAME)
    made = b"".join(docker_archive([sent], layers, read_of(archive)))  # type: ignore[arg-type]
    with tarfile.open(fileobj=io.BytesIO(made)) as tar:
        names = tar.getnames()
        assert len(names) == len(set(names))
        listed = json.load(tar.extractfile("manifest.json"))  # type: ignore[arg-type]
        index = json.load(tar.extractfile("index.json"))  # type: ignore[arg-type]
    assert [row["RepoTags"] for row in listed] == [[str(NAME)]]
    assert len(listed[0]["Layers"]) == 3
    assert set(listed[0]["Layers"]) < set(names)
    assert index["manifests"][0]["digest"] == digest_of(image.manifest)
    path = tmp_path / "made.tar"
    path.write_bytes(made)
    [row] = inspect_archive(path).images
    assert (row.digest, row.references) == (digest_of(image.manifest), (NAME,))


def test_what_is_not_what_was_promised_does_not_come_to_its_end(tmp_path: Path) -> None:
    archive = open_archive(write(tmp_path, oci_parts(Image())), cancellation=Cancellation())
    sent, layers = outgoing(archive)

    @contextlib.contextmanager
    def lying(wanted: Descriptor) -> Iterator[list[bytes]]:
        yield [b"x" * wanted.size]

    made = bytearray()
    with pytest.raises(DigestMismatch):
        for chunk in docker_archive([sent], layers, lying):
            made += chunk
    assert b"manifest.json" not in made


def test_zstd_is_replaced_and_then_only_dockers_list_is_there(tmp_path: Path) -> None:
    image = Image(layers=(layer("one", 100_000), layer("two")), packed="zstd")
    archive = open_archive(write(tmp_path, oci_parts(image), "gzip"), cancellation=Cancellation())
    sent, layers = outgoing(archive, NAME)
    instead = {}
    for each in layers:
        member = archive.member(each.digest)
        assert member is not None
        instead[each.digest] = Descriptor("", member.diff_id, member.unpacked)
    path = tmp_path / "made.tar"
    path.write_bytes(b"".join(docker_archive([sent], layers, read_of(archive), instead)))  # type: ignore[arg-type]
    with tarfile.open(path) as tar:
        assert "index.json" not in tar.getnames()
    [row] = inspect_archive(path).images
    assert (row.made, row.image_id) == (True, digest_of(image.config))


def test_the_stream_of_an_engine_becomes_an_oci_archive(tmp_path: Path) -> None:
    images = (Image(layers=(layer("one"), layer("one"))), Image(layers=(layer("one"), layer("x")), names=()))
    parts = [("a/VERSION", b"1.0"), *docker_parts(*images)]
    scanner = Scanner([tar_of(parts)], cancellation=Cancellation())
    plain_path, packed_path = tmp_path / "image.tar", tmp_path / "image.tar.gz"
    with NewFile(plain_path) as plain, NewFile(packed_path) as packed:
        oci = OciFile(plain)
        for streamed in scanner.files():
            oci.add(streamed, streamed)
        tops = oci.finish(images_of(scanner.contents, "", Cancellation()))
        pack(plain, packed, Compression.GZIP, Cancellation())
        plain.commit()
        packed.commit()
    with tarfile.open(plain_path) as tar:
        assert len(tar.getnames()) == len(set(tar.getnames()))
        assert not [name for name in tar.getnames() if "VERSION" in name]
    for path in (plain_path, packed_path):
        found = inspect_archive(path)
        assert found.format is ArchiveFormat.OCI
        assert [row.image_id for row in found.images] == [digest_of(image.config) for image in images]
        assert [row.digest for row in found.images] == [top.digest for top in tops]
        assert found.images[0].references == (Reference.parse("team/app:1"),)


def test_the_stream_of_a_newer_engine_becomes_an_oci_archive(tmp_path: Path) -> None:
    """Its layers are among the blobs, whose names have no suffix."""
    image = Image(layers=(layer("one"), layer("two")))
    scanner = Scanner([tar_of([*oci_parts(image), ("VERSION", b"1.0")])], cancellation=Cancellation())
    with NewFile(tmp_path / "image.tar") as plain:
        oci = OciFile(plain)
        for streamed in scanner.files():
            oci.add(streamed, streamed)
        [top] = oci.finish(images_of(scanner.contents, "", Cancellation()))
        plain.commit()
    assert top.digest == digest_of(image.manifest)
    with tarfile.open(tmp_path / "image.tar") as tar:
        assert set(tar.getnames()) == {name for name, _ in oci_parts(image)}  # type: ignore[misc]
    assert inspect_archive(tmp_path / "image.tar").images[0].layers == 2


def test_layers_that_are_json_come_along(tmp_path: Path) -> None:
    """Provenance and SBOMs are layers of an attestation: the scanner keeps them as documents."""
    statement = document({"_type": "https://in-toto.io/Statement/v1"})
    image = Image(layers=(statement,))
    scanner = Scanner([tar_of(oci_parts(image))], cancellation=Cancellation())
    with NewFile(tmp_path / "image.tar") as plain:
        oci = OciFile(plain)
        for streamed in scanner.files():
            oci.add(streamed, streamed)
        listing = images_of(scanner.contents, "", Cancellation())
        oci.finish(listing)
        plain.commit()
    assert digest_of(statement) in listing.documents_of(listing.archived[0])
    assert digest_of(statement) not in listing.archived[0].documents
    with tarfile.open(tmp_path / "image.tar") as tar:
        assert set(tar.getnames()) == {name for name, _ in oci_parts(image)}  # type: ignore[misc]


def test_what_the_names_of_streamed_files_promise() -> None:
    image = Image(layers=(layer("one"), layer("two")))
    parts = [*oci_parts(image), ("a/layer.tar", layer("three")), ("VERSION", b"1.0")]
    scanner = Scanner([tar_of(parts)], cancellation=Cancellation())
    seen = []
    for streamed in scanner.files():
        streamed.skip()
        seen.append((streamed.digest, streamed.may_be_layer))
    assert seen == [*((digest_of(each), True) for each in image.layers), ("", True), ("", False)]


def test_an_empty_list_of_names_is_one_entry_without_a_name() -> None:
    writer = ArchiveWriter(ArchiveFormat.OCI)
    contents = Scanner([tar_of(oci_parts(Image()))], cancellation=Cancellation()).run()
    archived = images_of(contents, "", Cancellation()).archived[0]
    writer.list_image(archived.top, [])
    made = b"".join(writer.end())
    with tarfile.open(fileobj=io.BytesIO(made)) as tar:
        index = json.load(tar.extractfile("index.json"))  # type: ignore[arg-type]
    [entry] = index["manifests"]
    assert "annotations" not in entry


@pytest.mark.parametrize("size", [0, 1, 511, 512, 8**11 - 1, 8**11, 2**40])
def test_headers_as_tarfile_reads_them(size: int) -> None:
    found = tarfile.TarInfo.frombuf(tar_header("blobs/sha256/" + "a" * 64, size), "utf-8", "strict")
    assert (found.name, found.size, found.isreg()) == ("blobs/sha256/" + "a" * 64, size, True)
    assert (size + len(tar_padding(size))) % 512 == 0


def test_the_longest_name_of_a_header() -> None:
    with tarfile.open(fileobj=io.BytesIO(tar_header("x" * 100, 0) + TAR_END)) as tar:
        assert tar.getnames() == ["x" * 100]
    for size in (0, 8**11):
        with pytest.raises(ValueError, match="name is too long"):
            tar_header("x" * 101, size)


def test_the_end_is_two_empty_records() -> None:
    assert bytes(1024) == TAR_END


@pytest.mark.parametrize("compression", [Compression.NONE, Compression.GZIP, Compression.ZSTD])
def test_packed_and_unpacked(compression: Compression) -> None:
    chunks = [os.urandom(1000), bytes(3_000_000), b"", b"end"]
    packers = [Packer(compression) for _ in range(2)]
    made = [b"".join([*map(packer.feed, chunks), packer.end()]) for packer in packers]
    assert made[0] == made[1]
    for width in (1 << 20, 777):
        pieces = (made[0][at : at + width] for at in range(0, len(made[0]), width))
        assert b"".join(unpacked(pieces, compression)) == b"".join(chunks)


def test_bzip2_by_its_header() -> None:
    block, end = bytes.fromhex("314159265359"), bytes.fromhex("177245385090")
    for digit, magic in ((b"1", block), (b"9", end)):
        assert compression_of(b"BZh" + digit + magic) is Compression.BZIP2
    for head in (b"BZh0" + block, b"BZhx" + block, b"BZh9" + block[::-1], b"BZi9" + block):
        assert compression_of(head) is Compression.NONE


def test_gzip_is_what_others_read() -> None:
    packer = Packer(Compression.GZIP)
    assert gzip.decompress(packer.feed(b"hello") + packer.end()) == b"hello"


@pytest.mark.parametrize(
    ("name", "compression"),
    [
        ("a.tar", Compression.NONE),
        ("a", Compression.NONE),
        ("a.tar.gz", Compression.GZIP),
        ("A.TGZ", Compression.GZIP),
        ("a.tar.zst", Compression.ZSTD),
        ("a.tzst", Compression.ZSTD),
    ],
)
def test_the_name_asks_for_a_compression(name: str, compression: Compression) -> None:
    assert compression_for(Path(name)) is compression


def test_a_new_file_appears_only_when_committed(tmp_path: Path) -> None:
    path = tmp_path / "new"
    path.write_bytes(b"old")
    with NewFile(path) as file:
        file.write(b"half")
        assert path.read_bytes() == b"old"
        assert len(list(tmp_path.iterdir())) == 2
    assert [each.name for each in tmp_path.iterdir()] == ["new"]
    assert path.read_bytes() == b"old"
    with NewFile(path) as file:
        file.write(b"0123456789")
        file.overwrite(2, b"xy")
        file.rewind(8)
        file.write(b"end")
        assert file.read_from(0, 100) == b"01xy4567end"
        file.commit()
    assert path.read_bytes() == b"01xy4567end"
    assert len(list(tmp_path.iterdir())) == 1
    with pytest.raises(ValueError, match="not open"):
        file.write(b"more")


def test_two_who_write_the_same_name_do_not_take_each_others_part(tmp_path: Path) -> None:
    path = tmp_path / "new"
    with NewFile(path) as one, NewFile(path) as other:
        one.write(b"one")
        other.write(b"other")
        one.commit()
        assert path.read_bytes() == b"one"
        other.commit()
    assert path.read_bytes() == b"other"


def test_a_new_file_where_none_can_be(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError) as caught, NewFile(tmp_path / "nowhere" / "new"):
        pass
    assert caught.value.advice


@pytest.mark.parametrize("name", ["x" * 251 + ".tar", "ü" * 120 + ".tar", "\N{WHALE}" * 60 + ".tar"])
def test_a_new_file_with_as_long_a_name_as_can_be(tmp_path: Path, name: str) -> None:
    with NewFile(tmp_path / name) as file:
        file.write(b"x")
        file.commit()
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_a_folder_is_not_replaced_and_this_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError) as caught, NewFile(tmp_path):
        pass
    assert "folder" in caught.value.advice


@pytest.mark.parametrize("existing", [True, False])
def test_a_symbolic_link_is_followed_and_stays(tmp_path: Path, existing: bool) -> None:
    folder, link = tmp_path / "disk", tmp_path / "link.tar"
    folder.mkdir()
    target = folder / "target.tar"
    if existing:
        target.write_bytes(b"old")
    link.symlink_to("disk/target.tar")
    chain = tmp_path / "chain.tar"
    chain.symlink_to(link)
    with NewFile(chain) as file:
        file.write(b"new")
        # Written on the target's disk, which must have the room.
        assert file.folder == folder
        assert {each.name for each in tmp_path.iterdir()} == {"disk", "link.tar", "chain.tar"}
        assert target.exists() == existing
        file.commit()
    assert chain.is_symlink() and link.is_symlink()
    assert target.read_bytes() == link.read_bytes() == b"new"
    assert [each.name for each in folder.iterdir()] == ["target.tar"]


def test_links_where_nothing_can_be_written(tmp_path: Path) -> None:
    circle, nowhere, folder = tmp_path / "circle", tmp_path / "nowhere", tmp_path / "folder"
    circle.symlink_to(circle)
    nowhere.symlink_to(tmp_path / "no" / "such")
    folder.symlink_to(tmp_path)
    for link, words in ((circle, "leads back to itself"), (nowhere, "still there"), (folder, "a folder")):
        with pytest.raises(ArchiveError) as caught, NewFile(link):
            pass
        assert words in caught.value.advice
        assert caught.value.subject == str(link)
        assert link.is_symlink()


def test_a_pipe_is_no_place_for_an_archive(tmp_path: Path) -> None:
    pipe, link = tmp_path / "pipe.tar", tmp_path / "link.tar"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link):
        with pytest.raises(ArchiveError, match="a pipe, a socket or a device"), NewFile(path):
            pass
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_parts_that_killed_processes_left_are_cleared_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "new.tar"
    (tmp_path / ".new.tar.0001.part").write_bytes(b"left")
    (tmp_path / ".other.tar.0001.part").write_bytes(b"another's")
    (tmp_path / ".new.tar.0001.text").write_bytes(b"no part")
    os.mkfifo(tmp_path / ".new.tar.0002.part")
    (tmp_path / ".new.tar.0003.part").symlink_to(".other.tar.0001.part")
    with NewFile(path) as held:
        held.write(b"x")
        with NewFile(path) as file:
            file.commit()
        held.commit()
    assert {each.name for each in tmp_path.iterdir()} == {
        "new.tar",
        ".other.tar.0001.part",
        ".new.tar.0001.text",
        ".new.tar.0003.part",
    }


def test_compressing_stops_when_cancelled(tmp_path: Path) -> None:
    cancellation = Cancellation()
    with NewFile(tmp_path / "plain") as plain, NewFile(tmp_path / "packed") as packed:
        plain.write(bytes(1_000_000))
        cancellation.cancel()
        with pytest.raises(Cancelled):
            pack(plain, packed, Compression.GZIP, cancellation)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOENT, "still there"),
        (errno.EACCES, "Check the permissions"),
        (errno.EPERM, "Check the permissions"),
        (errno.EROFS, "another folder"),
        (errno.EISDIR, "It is a folder"),
        (errno.ELOOP, "leads back to itself"),
        (errno.EIO, "try again"),
    ],
)
def test_what_the_system_says_of_a_file(number: int, words: str) -> None:
    error = failures.of_system(OSError(number, os.strerror(number), "/x"), Path("/x"), "read")
    assert type(error) is ArchiveError
    assert (error.message, error.subject, error.detail) == (
        "The archive can't be read.",
        "/x",
        os.strerror(number),
    )
    assert words in error.advice


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_disk_that_is_full(number: int) -> None:
    error = failures.of_system(OSError(number, "x"), Path("/x"), "written")
    assert isinstance(error, DiskFull)
    assert (error.subject, error.detail) == ("/x", "x")
    assert failures.of_system(OSError("without a number"), Path("/x"), "read").detail == "without a number"
