"""Limits: the last value that is accepted and the first that is refused. And nothing is left behind."""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
import zlib
from pathlib import Path

import pytest

from archivetools import (
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
    Image,
    Part,
    blob,
    descriptor,
    digest_of,
    docker_parts,
    document,
    entry,
    layer,
    oci_parts,
    replaced,
    tar_of,
    without,
    write,
)
from longshore.archives import failures
from longshore.archives.access import Cursor, chunks_of, exactly, opened
from longshore.archives.archive import open_archive
from longshore.archives.compression import Compression, Packer, Unpacker, compression_of, unpacked
from longshore.archives.limits import BLOCK, Limits
from longshore.archives.model import Archived, ArchiveFormat
from longshore.archives.new_file import NewFile
from longshore.archives.scan import Scanner
from longshore.archives.tarstream import TAR_END, EntryKind, TarReader, tar_header
from longshore.archives.writing import ArchiveWriter
from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import ArchiveDamaged, ArchiveRefused, NotAnArchive
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from transfertools.archive_summary import inspect_archive, summary_of


def unpacked_size(packed: bytes, limits: Limits) -> int:
    unpacker = Unpacker(Compression.GZIP, limits=limits)
    size = sum(map(len, unpacker.feed(packed)))
    unpacker.end()
    return size


def test_small_content_may_have_any_ratio() -> None:
    limits = Limits(ratio=10, ratio_from=1000)
    assert unpacked_size(zlib.compress(bytes(1000), wbits=31), limits) == 1000
    with pytest.raises(ArchiveRefused) as caught:
        unpacked_size(zlib.compress(bytes(1001), wbits=31), limits)
    assert "a decompression bomb" in caught.value.detail


def test_the_largest_ratio() -> None:
    """Needs a size that is an exact multiple of its packed size."""
    packed = {size: zlib.compress(bytes(size), wbits=31) for size in range(10_000, 10_100)}
    size = next(size for size, data in packed.items() if size % len(data) == 0)
    ratio = size // len(packed[size])
    assert unpacked_size(packed[size], Limits(ratio=ratio, ratio_from=1000)) == size
    with pytest.raises(ArchiveRefused):
        unpacked_size(packed[size], Limits(ratio=ratio - 1, ratio_from=1000))


def refusal(path: Path) -> str:
    with pytest.raises(NotAnArchive) as caught:
        open_archive(path, cancellation=Cancellation())
    return caught.value.message


def test_how_many_folders_of_a_machine_are_a_file_system(tmp_path: Path) -> None:
    """Up to three may come before an image's own files; after them, any number is ignored."""
    folders: list[Part] = [entry(name, tarfile.DIRTYPE) for name in ("bin", "dev", "etc", "usr")]
    own = oci_parts(Image())
    for number, parts in enumerate(([*folders[:3], *own], [*own, *folders])):
        path = write(tmp_path, parts, name=f"{number}.tar")
        assert open_archive(path, cancellation=Cancellation()).listing.archived
    assert "file system of a container" in refusal(write(tmp_path, [*folders, *own]))


def test_a_file_that_is_named_like_a_folder_of_a_machine(tmp_path: Path) -> None:
    """Docker puts the file .dockerenv into every container."""
    assert "file system of a container" in refusal(write(tmp_path, [(".dockerenv", b"")], name="docker"))
    assert "This tar file is not an image archive" in refusal(write(tmp_path, [("bin", b"")], name="bin"))


@pytest.mark.parametrize(
    ("first", "compression"), [(0x50, "zstd"), (0x5F, "zstd"), (0x4F, "none"), (0x60, "none")]
)
def test_zstd_may_begin_with_a_frame_to_skip(first: int, compression: str) -> None:
    """RFC 8878, 3.1.2."""
    frame = bytes([first]) + bytes.fromhex("2a4d18 04000000") + b"note"
    assert compression_of(frame + bytes(100)).value == compression


@pytest.mark.parametrize(("window", "read"), [(26, True), (27, True), (28, False)])
def test_how_large_a_window_of_zstd_may_be(window: int, read: bool) -> None:
    """RFC 8878, 3.1.1.1: by default, zstd reads windows of up to 128 MB and writes no larger ones."""
    frame = bytes.fromhex("28b52ffd 00") + bytes([window - 10 << 3])
    frame += (len(b"content") << 3 | 1).to_bytes(3, "little") + b"content"  # the last block, not compressed
    if read:
        assert b"".join(unpacked([frame], Compression.ZSTD)) == b"content"
    else:
        with pytest.raises(ArchiveRefused, match="size limits"):
            list(unpacked([frame], Compression.ZSTD))


def test_advice_where_the_system_gives_no_number() -> None:
    error = failures.of_system(OSError("odd"), Path("/x"), "read")
    assert error.advice == "Check the disk, then try again."


def test_a_layout_that_lists_nothing_is_empty_and_one_without_its_list_is_incomplete(tmp_path: Path) -> None:
    parts = replaced(oci_parts(Image()), "index.json", document({"schemaVersion": 2, "manifests": []}))
    assert "image archive is empty" in refusal(write(tmp_path, parts))
    with pytest.raises(ArchiveDamaged) as caught:
        open_archive(write(tmp_path, without(parts, "index.json"), name="none"), cancellation=Cancellation())
    assert caught.value.detail == "index.json is missing"


@pytest.mark.parametrize("count", [3, 4])
def test_how_deep_indexes_go(tmp_path: Path, count: int) -> None:
    image = Image()
    parts, below = oci_parts(image), descriptor(OCI_MANIFEST, image.manifest)
    for _ in range(count):
        index = document({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [below]})
        parts, below = [*parts, blob(index)], descriptor(OCI_INDEX, index)
    top = document({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [below]})
    path = write(tmp_path, replaced(parts, "index.json", top))
    if count == 4:
        with pytest.raises(ArchiveRefused) as caught:
            open_archive(path, cancellation=Cancellation())
        assert "indexes are nested too deeply" in caught.value.detail
    else:
        [archived] = open_archive(path, cancellation=Cancellation()).listing.archived
        assert [one.manifest.digest for one in archived.images] == [digest_of(image.manifest)]


def test_a_configuration_that_names_no_layers_is_not_compared_with_them(tmp_path: Path) -> None:
    """Signatures may have tar layers, too."""
    data, config = layer("one"), document({"os": "linux", "architecture": "amd64"})
    manifest = document(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor(OCI_CONFIG, config),
            "layers": [descriptor(OCI_LAYER, data)],
        }
    )
    top = document(
        {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [descriptor(OCI_MANIFEST, manifest)]}
    )
    parts = [*replaced(oci_parts(Image()), "index.json", top), blob(data), blob(config), blob(manifest)]
    [row] = summary_of(open_archive(write(tmp_path, parts), cancellation=Cancellation())).images
    assert (row.digest, row.layers, row.size) == (digest_of(manifest), 1, len(data))


@pytest.mark.parametrize(
    ("listed", "platform"),
    [
        ({"os": "linux", "architecture": "arm", "variant": "v7"}, Platform("linux", "arm", "v7")),
        (None, Platform("linux", "arm")),
    ],
)
def test_the_platform_is_what_the_index_says_or_else_the_configuration(
    tmp_path: Path, listed: dict[str, str] | None, platform: Platform
) -> None:
    """Indexes name variants that configurations omit."""
    image = Image(platform=("linux", "arm"))
    more = {} if listed is None else {"platform": listed}
    line = descriptor(OCI_MANIFEST, image.manifest, **more)
    index = document({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [line]})
    [row] = inspect_archive(write(tmp_path, replaced(oci_parts(image), "index.json", index))).images
    assert row.platforms == (platform,)


@pytest.mark.parametrize("name", ["x" * 64, "0" * 63, "0" * 65, "c"])
def test_a_configuration_may_have_a_name_that_is_no_digest(tmp_path: Path, name: str) -> None:
    image = Image()
    layers = [f"{digest_of(data)[7:]}.tar" for data in image.blobs]
    rows = [{"Config": f"{name}.json", "RepoTags": None, "Layers": layers}]
    parts = replaced(docker_parts(image), "manifest.json", document(rows))
    [row] = inspect_archive(write(tmp_path, [*parts, (f"{name}.json", image.config)])).images
    assert row.image_id == digest_of(image.config)


def test_an_archive_of_nothing_but_an_artifact(tmp_path: Path) -> None:
    """A Helm chart, for example: it has its own kind of configuration, and no platform."""
    data, config = b"a chart", document({"name": "chart"})
    manifest = document(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor("application/vnd.cncf.helm.config.v1+json", config),
            "layers": [descriptor("application/vnd.cncf.helm.chart.content.v1.tar+gzip", data)],
        }
    )
    top = document(
        {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [descriptor(OCI_MANIFEST, manifest)]}
    )
    parts = [("oci-layout", b'{"imageLayoutVersion": "1.0.0"}'), ("index.json", top)]
    path = write(tmp_path, [*parts, *map(blob, (data, config, manifest))])
    [row] = inspect_archive(path).images
    assert (row.digest, row.image_id) == (digest_of(manifest), digest_of(config))
    assert (row.platforms, row.layers, row.size) == ((), 1, len(data))


def several_platforms(tmp_path: Path, *, here: int, away: int) -> tuple[Archived, tuple[Image, ...]]:
    """An index of *here* images that are in the archive and *away* that are not."""
    images = tuple(
        Image(layers=(layer(str(number)),), platform=("linux", f"arch{number}"))
        for number in range(here + away)
    )
    parts = oci_parts(*images, index=True)
    for image in images[here:]:
        parts = without(parts, blob(image.manifest)[0])
    [archived] = open_archive(write(tmp_path, parts), cancellation=Cancellation()).listing.archived
    return archived, images


def test_the_one_platform_of_an_index_that_is_here_is_settled_on(tmp_path: Path) -> None:
    archived, (here, _) = several_platforms(tmp_path, here=1, away=1)
    settled = archived.settled()
    assert (settled.top.digest, settled.missing) == (digest_of(here.manifest), ())
    assert [image.manifest.digest for image in settled.images] == [digest_of(here.manifest)]


def test_for_one_platform_the_best_that_is_here_is_settled_on(tmp_path: Path) -> None:
    archived, images = several_platforms(tmp_path, here=2, away=1)
    for architecture, image in (("arch1", images[1]), ("arch0", images[0]), ("other", images[0])):
        settled = archived.settled(Platform("linux", architecture))
        assert (settled.top.digest, settled.missing) == (digest_of(image.manifest), ())
        assert settled.references == archived.references
    whole, _ = several_platforms(tmp_path, here=2, away=0)
    assert whole.settled(Platform("linux", "arch1")) is whole


@pytest.mark.parametrize(("here", "away"), [(1, 0), (2, 0), (2, 1)])
def test_an_index_stays_that_is_whole_or_leaves_a_choice(tmp_path: Path, here: int, away: int) -> None:
    archived, _ = several_platforms(tmp_path, here=here, away=away)
    assert archived.settled() is archived
    assert len(archived.missing) == away


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="lists open files where there is /proc")
def test_looking_for_what_killed_processes_left_keeps_no_file_open(tmp_path: Path) -> None:
    (tmp_path / ".new.tar.0001.part").write_bytes(b"left")

    def still_open() -> list[str]:
        opened = []
        for link in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # the descriptor of the listing itself
                opened.append(str(link.readlink()))
        return [path for path in opened if path.startswith(str(tmp_path))]

    with NewFile(tmp_path / "new.tar"):
        [own] = still_open()
        assert own.endswith(".part") and "0001" not in own
    assert still_open() == []


def test_a_link_whose_name_and_target_fill_their_fields() -> None:
    """100 bytes each, with no zero byte before the next field."""
    link = tarfile.TarInfo("a" * 100)
    link.type, link.linkname = tarfile.SYMTYPE, "b" * 100
    [found] = TarReader([link.tobuf(format=tarfile.USTAR_FORMAT) + TAR_END])
    assert (found.name, found.kind) == ("a" * 100, EntryKind.LINK)
    assert (found.target, found.problem) == ("b" * 100, "")


@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_link_whose_name_and_target_are_longer_than_their_fields(format: int) -> None:
    link = tarfile.TarInfo("a" * 120)
    link.type, link.linkname = tarfile.SYMTYPE, "b" * 150
    [found] = TarReader([link.tobuf(format=format) + TAR_END])
    assert (found.name, found.kind) == ("a" * 120, EntryKind.LINK)
    assert (found.target, found.problem) == ("b" * 150, "")


def test_a_header_is_the_same_at_any_time_and_for_anybody() -> None:
    header = tar_header("a", 5)
    with tarfile.open(fileobj=io.BytesIO(header + bytes(512) + TAR_END)) as tar:
        [info] = tar.getmembers()
    assert (info.name, info.size, info.mode, info.mtime) == ("a", 5, 0o644, 0)
    assert (info.uid, info.gid, info.uname, info.gname) == (0, 0, "", "")
    # Octal digits and a zero byte, as POSIX requires (pax(1), ustar): some programs reject an empty field.
    assert header[136:148] == b"00000000000\0"
    assert header[100:124] == b"0000644\0" + b"0000000\0" * 2


def test_dockers_list_has_each_tag_once_and_no_digests() -> None:
    tag = Reference.parse("team/app:1")
    by_digest = Reference.parse(f"team/app@sha256:{'0' * 64}")
    writer = ArchiveWriter(ArchiveFormat.DOCKER)
    writer.list_for_docker(f"sha256:{'1' * 64}", ["a"], (tag, by_digest))
    writer.list_for_docker(f"sha256:{'1' * 64}", ["a"], (tag,))
    with tarfile.open(fileobj=io.BytesIO(b"".join(writer.end()))) as tar:
        listed = tar.extractfile("manifest.json")
        assert listed is not None
        [row] = json.load(listed)
    assert row["RepoTags"] == [str(tag)]


def test_an_archive_that_was_cut_behind_our_back() -> None:
    """Its size was right when it was opened."""
    cursor = Cursor(iter([b"abc", b"de"]), "x.tar", Cancellation())
    assert b"".join(cursor.read(1, 3)) == b"bcd"
    assert b"".join(cursor.read(4, 1)) == b"e"
    for pieces in (cursor.read(5, 1), exactly(iter([b"abc"]), 4, "x.tar")):
        with pytest.raises(ArchiveDamaged) as caught:
            list(pieces)
        assert "shorter than when it was checked" in caught.value.detail
        assert caught.value.subject == "x.tar"
    assert b"".join(exactly(iter([b"abc", b"de"]), 4, "x.tar")) == b"abcd"


def test_reading_a_file_stops_between_two_pieces(tmp_path: Path) -> None:
    path, cancellation = tmp_path / "x.tar", Cancellation()
    path.write_bytes(bytes(3 * BLOCK))
    positions: list[int] = []

    def moved(position: int) -> None:
        positions.append(position)
        cancellation.cancel()

    with opened(path) as file, pytest.raises(Cancelled):
        list(chunks_of(file, cancellation, moved))
    assert positions == [BLOCK]


@pytest.mark.parametrize("compression", [Compression.GZIP, Compression.ZSTD])
def test_zeros_may_follow_a_compressed_stream_and_not_precede_it(compression: Compression) -> None:
    packer = Packer(compression)
    packed = packer.feed(b"content") + packer.end()
    assert b"".join(unpacked([packed + bytes(512)], compression)) == b"content"
    with pytest.raises(ArchiveDamaged):
        list(unpacked([bytes(512) + packed], compression))


@pytest.mark.parametrize(
    "compression", [Compression.GZIP, Compression.ZSTD, Compression.XZ, Compression.BZIP2]
)
def test_nothing_is_no_compressed_stream(compression: Compression) -> None:
    assert list(unpacked([], Compression.NONE)) == []
    with pytest.raises(ArchiveDamaged) as caught:
        list(unpacked([], compression))
    assert caught.value.detail == f"the {compression.value} stream is incomplete"


def test_an_engines_stream_counts_as_what_its_layers_are_packed_in() -> None:
    """The stream itself is not compressed, but its layers may be."""
    layers = tuple(tar_of([(f"zeros{number}", bytes(600_000))]) for number in range(3))
    stream = tar_of(docker_parts(Image(layers=layers, packed="gzip")))

    def scanned(ratio: int) -> int:
        most = Limits(ratio=ratio, ratio_from=1_000_000)
        return len(Scanner([stream], cancellation=Cancellation(), limits=most).run().members)

    assert scanned(len(b"".join(layers)) * 2 // len(stream)) >= 3
    with pytest.raises(ArchiveRefused) as caught:
        scanned(10)
    assert "a decompression bomb" in caught.value.detail


def test_an_index_may_hold_an_empty_one_and_not_be_empty(tmp_path: Path) -> None:
    image = Image()
    empty = document({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []})
    children = [descriptor(OCI_INDEX, empty), descriptor(OCI_MANIFEST, image.manifest)]
    outer = document({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children})
    parts = [*oci_parts(image), blob(empty), blob(outer)]

    def listing(index: bytes, name: str) -> Path:
        top = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [descriptor(OCI_INDEX, index)]}
        return write(tmp_path, replaced(parts, "index.json", document(top)), name=name)

    [row] = inspect_archive(listing(outer, "outer")).images
    assert (row.digest, row.layers) == (digest_of(outer), len(image.layers))
    with pytest.raises(ArchiveDamaged) as caught:
        inspect_archive(listing(empty, "empty"))
    assert caught.value.detail == f"the index {digest_of(empty)} is empty"
