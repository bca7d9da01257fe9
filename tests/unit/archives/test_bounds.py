"""Bounds on the work that an archive can cause, counted in steps, bytes and calls, not in seconds."""

from __future__ import annotations

import gzip
import json
import os
import random
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from archivetools import Image, Part, docker_parts, document, oci_parts, replaced, tar_of, write
from longshore.archives.archive import Archive, open_archive
from longshore.archives.compression import Compression, Packer, Unpacker
from longshore.archives.limits import LIMITS, Limits
from longshore.archives.scan import Contents, Scanner
from longshore.archives.tarstream import TAR_END, TarReader, tar_header, tar_padding
from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import ArchiveDamaged, ArchiveRefused
from transfertools.archive_summary import summary_of

IMAGE = Image()


def opened(path: Path, limits: Limits = LIMITS) -> Archive:
    return open_archive(path, cancellation=Cancellation(), limits=limits)


def raw_entry(name: str, content: bytes, kind: bytes) -> bytes:
    """An entry of a kind that the standard library does not write."""
    header = bytearray(tar_header(name, len(content)))
    header[156:157] = kind
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + content + tar_padding(len(content))


def record(key: str, value: str) -> bytes:
    """A record of a pax header; its length includes the length field."""
    rest = f" {key}={value}\n".encode()
    length = len(rest)
    while length != len(rest) + len(str(length)):
        length = len(rest) + len(str(length))
    return str(length).encode() + rest


class Counting(dict[str, str]):
    """Links that count how often they are looked up."""

    looked = 0

    def __contains__(self, key: object) -> bool:
        self.looked += 1
        return super().__contains__(key)


@pytest.mark.parametrize("parts", [LIMITS.parts + 1, 160_000])
def test_a_path_of_very_many_parts_is_not_looked_up(tmp_path: Path, parts: int) -> None:
    name = "a/" * parts + "x"
    links = Counting(a="b")
    assert Contents(links=links).find(name) is None
    assert links.looked == 0
    rows = [{"Config": name, "RepoTags": ["team/app:1"], "Layers": []}]
    with pytest.raises(ArchiveRefused, match="exceeds the size limits") as caught:
        opened(write(tmp_path, [("manifest.json", document(rows))]))
    assert "an image refers to a file with a " in caught.value.detail


def test_the_longest_path_is_looked_up_in_as_many_steps_as_it_has_parts() -> None:
    deepest = "a/" * (LIMITS.parts - 1) + "x"
    links = Counting(b="c")
    contents = Contents(links=links)
    assert contents.find(deepest) is None
    assert links.looked <= LIMITS.parts
    # The same name is not looked up again, however many images refer to it.
    assert contents.find(deepest) is None
    assert links.looked <= LIMITS.parts


def test_links_that_lead_on_and_on_are_followed_a_few_times() -> None:
    links = Counting({f"{number}": f"{number + 1}" for number in range(1000)})
    assert Contents(links=links).find("0") is None
    assert links.looked < 20


@pytest.mark.parametrize("count", [8, 9])
def test_as_many_links_as_are_followed(count: int) -> None:
    from longshore.archives.scan import Member

    member = Member(f"{count}", 0, 1, "sha256:0", "sha256:0", 1, Compression.NONE)
    links = {f"{number}": f"{number + 1}" for number in range(count)}
    found = Contents(members={member.name: member}, links=links).find("0")
    assert found is (member if count == 8 else None)


def test_a_link_to_a_name_beyond_the_limits_is_none() -> None:
    links = Counting(a="b/" * 100_000 + "c")
    assert Contents(links=links).find("a") is None
    assert links.looked == 1


def test_folders_that_are_links_are_followed() -> None:
    from longshore.archives.scan import Member

    member = Member("real/x", 0, 1, "sha256:0", "sha256:0", 1, Compression.NONE)
    contents = Contents(members={"real/x": member}, links={"a": "real", "b": "a"})
    assert contents.find("b/x") is member
    assert contents.find("b/y") is None


def test_a_path_of_a_file_with_very_many_parts(tmp_path: Path) -> None:
    with pytest.raises(ArchiveRefused) as caught:
        opened(write(tmp_path, [*oci_parts(IMAGE), ("a/" * 100 + "x", b"")]))
    assert "a path of 101 parts" in caught.value.detail
    opened(write(tmp_path, [*oci_parts(IMAGE), ("a/" * LIMITS.parts + "x", b"")]))


def test_global_headers_keep_no_memory() -> None:
    def chunks() -> Iterator[bytes]:
        for number in range(500):
            yield raw_entry("pax", record(f"KEY{number:07}", "a" * 60_000), b"g")
        yield raw_entry("file", b"content", b"0") + TAR_END

    tracemalloc.start()
    try:
        [entry] = TarReader(chunks())
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (entry.name, entry.size) == ("file", 7)
    assert most < 1_000_000


def test_a_global_header_says_what_all_entries_have_in_common() -> None:
    both = record("size", "3") + record("mtime", "1.5") + record("GNU.sparse.major", "1")
    tar = raw_entry("pax", both, b"g") + raw_entry("a", b"abc", b"0") + raw_entry("b", b"xyz", b"0")
    entries = list(TarReader([tar + TAR_END]))
    assert [(entry.name, entry.size) for entry in entries] == [("a", 3), ("b", 3)]
    assert all("sparse" in entry.problem for entry in entries)


def test_an_extended_header_is_of_the_next_entry_only() -> None:
    head = record("path", "long/name") + record("linkpath", "unused") + record("comment", "x")
    tar = raw_entry("pax", head, b"x") + raw_entry("a", b"abc", b"0") + raw_entry("b", b"", b"0")
    entries = list(TarReader([tar + TAR_END]))
    assert [(entry.name, entry.target) for entry in entries] == [("long/name", ""), ("b", "")]
    assert [entry.problem for entry in entries] == ["", ""]


@pytest.mark.parametrize(
    "broken",
    [
        b"x 1=2\n",
        b"99 path=a\n",
        b"8 path=a\n",
        b"0 a=b\n",
        "²".encode() + b" a=b\n",
        b"9 path a\n",
        b"5" * 30,
        b"9 path=ab",  # no newline at the end
    ],
    ids=map(str, range(8)),
)
def test_broken_records(broken: bytes) -> None:
    with pytest.raises(ArchiveDamaged, match="damaged") as caught:
        list(TarReader([raw_entry("pax", broken, b"x") + raw_entry("a", b"", b"0") + TAR_END]))
    assert "invalid extended header" in caught.value.detail


@pytest.mark.parametrize("size", ["²", "-1", "1e3", " 5", "9" * 19, "9" * 5000, ""])
def test_a_size_that_is_no_number(size: str) -> None:
    with pytest.raises(ArchiveDamaged) as caught:
        list(TarReader([raw_entry("pax", record("size", size), b"x") + raw_entry("a", b"", b"0") + TAR_END]))
    assert "invalid size in an extended header" in caught.value.detail


def test_extended_headers_are_bounded_together() -> None:
    header = raw_entry("pax", record("comment", "x" * 50_000), b"x") + raw_entry("a", b"", b"0")
    most = Limits(extended=200_000)
    assert len(list(TarReader([header * 3 + TAR_END], limits=most))) == 3
    with pytest.raises(ArchiveRefused) as caught:
        list(TarReader([header * 5 + TAR_END], limits=most))
    assert "bytes of extended headers" in caught.value.detail


def test_the_sum_of_a_header() -> None:
    good, header = tar_header("a", 0), bytearray(tar_header("\u00fc", 0))
    assert [entry.name for entry in TarReader([good + bytes(header) + TAR_END])] == ["a", "\u00fc"]
    right = int(header[148:154], 8)
    for wrong in (right - 1, right + 1):
        header[148:156] = b"%06o\0 " % wrong
        with pytest.raises(ArchiveDamaged) as caught:
            list(TarReader([good + bytes(header) + TAR_END]))
        assert "invalid header before byte 1024" in caught.value.detail
    # Old programs summed the bytes as signed.
    header[148:156] = b"%06o\0 " % (right - 2 * 256)
    assert [entry.name for entry in TarReader([bytes(header) + TAR_END])] == ["\u00fc"]


@pytest.mark.parametrize("more", [0, 1])
def test_the_largest_extended_header(more: int) -> None:
    around = len(record("comment", "x" * 60_000)) - 60_000
    header = record("comment", "x" * (64 * 1024 - around + more))
    assert len(header) == 64 * 1024 + more
    reader = TarReader([raw_entry("pax", header, b"x") + raw_entry("a", b"", b"0") + TAR_END])
    if more:
        with pytest.raises(ArchiveRefused) as caught:
            list(reader)
        assert "an extended header of 65537 bytes" in caught.value.detail
    else:
        assert [entry.name for entry in reader] == ["a"]


def test_extended_headers_count_as_entries() -> None:
    tar = raw_entry("pax", record("comment", "x"), b"g") * 20 + TAR_END
    with pytest.raises(ArchiveRefused) as caught:
        list(TarReader([tar], limits=Limits(entries=19)))
    assert "more than 19 entries" in caught.value.detail
    assert list(TarReader([tar], limits=Limits(entries=20))) == []


def test_names_are_bounded_together() -> None:
    tar = b"".join(raw_entry(f"{number:050}", b"", b"0") for number in range(10)) + TAR_END
    assert len(list(TarReader([tar], limits=Limits(names=500)))) == 10
    with pytest.raises(ArchiveRefused) as caught:
        list(TarReader([tar], limits=Limits(names=499)))
    assert "more than 499 characters in names" in caught.value.detail


def zeros(number: int, size: int) -> bytes:
    """A layer of zeros, another one for each *number*."""
    return tar_of([(f"zeros{number}", bytes(size))])


@pytest.mark.parametrize("packed", ["gzip", "zstd"])
def test_layers_are_bounded_together(tmp_path: Path, packed: str) -> None:
    layers = tuple(zeros(number, 600_000) for number in range(6))
    path = write(tmp_path, oci_parts(Image(layers=layers, packed=packed)))
    with pytest.raises(ArchiveRefused) as caught:
        opened(path, Limits(ratio=50, ratio_from=1_000_000))
    assert "a decompression bomb" in caught.value.detail
    with pytest.raises(ArchiveRefused) as caught:
        opened(path, Limits(unpacked=3_000_000))
    assert "more than 3000000 bytes unpacked" in caught.value.detail
    assert summary_of(opened(path, Limits(unpacked=5_000_000))).images


def test_a_layer_within_the_archive_counts_by_what_the_file_has(tmp_path: Path) -> None:
    # Each of the two compressions unpacks to less than its limit; both together do not.
    inner = zlib.compress(bytes(3_000_000), 9, wbits=31)
    assert 2000 * len(inner) > 3_000_000
    layers = tuple(zeros(number, 3_000_000) for number in range(4))
    path = write(tmp_path, oci_parts(Image(layers=layers, packed="gzip")), "gzip")
    most = Limits(ratio=1500, ratio_from=1_000_000)
    with pytest.raises(ArchiveRefused) as caught:
        opened(path, most)
    assert "a decompression bomb" in caught.value.detail
    plain = write(tmp_path, oci_parts(Image(layers=layers, packed="gzip")))
    assert summary_of(opened(plain, most)).images


def test_what_unpacks_to_twice_its_size_is_no_bomb(tmp_path: Path) -> None:
    data = random.Random(4).randbytes(100_000).hex().encode()
    image = Image(layers=(tar_of([("x", data)]),), packed="gzip")
    assert opened(write(tmp_path, oci_parts(image)), Limits(ratio_from=1000, ratio=3)).listing.archived


def test_names_of_images_are_bounded_together(tmp_path: Path) -> None:
    parts = docker_parts(IMAGE)
    rows = json.loads(dict(part for part in parts if isinstance(part, tuple))["manifest.json"])
    rows[0]["RepoTags"] = [f"team/app:{number}" for number in range(60)]
    path = write(tmp_path, replaced(parts, "manifest.json", document(rows * 2)))
    with pytest.raises(ArchiveRefused) as caught:
        opened(path, Limits(references=119))
    assert "more than 119 image names" in caught.value.detail
    assert len(summary_of(opened(path, Limits(references=120))).images[0].references) == 60


def test_documents_of_many_small_values(tmp_path: Path) -> None:
    rows = b"[" + b",".join([b'{"a":0}'] * 5000) + b"]"
    with pytest.raises(ArchiveRefused) as caught:
        opened(write(tmp_path, [("manifest.json", rows)]), Limits(values=10_000))
    assert "manifest.json contains too many values" in caught.value.detail
    # Content that only looks like a document may be a layer: it is hashed, not parsed.
    archive = opened(write(tmp_path, [*oci_parts(IMAGE), ("x", rows)]), Limits(values=10_000))
    assert "x" not in archive.contents.documents
    # The total is bounded as well: beyond it, nothing counts as a document.
    many: list[Part] = [(f"{number}", b"[" + b"1," * 50 + b"1]") for number in range(100)]
    archive = opened(write(tmp_path, [*oci_parts(IMAGE), *many]), Limits(parsed=2000))
    assert len(archive.contents.documents) < 50


def test_as_many_values_as_may_be() -> None:
    last: Part = ("last", b"[" + b"1," * 500 + b"1]")
    tar = tar_of([*oci_parts(IMAGE), last])

    def kept(limits: Limits = LIMITS) -> dict[str, bytes]:
        return Scanner([tar], cancellation=Cancellation(), limits=limits).run().documents

    counts = [sum(map(raw.count, (b",", b"[", b"{", b":"))) for raw in kept().values()]
    assert kept(Limits(values=max(counts))).keys() == kept(Limits(parsed=sum(counts))).keys() == kept().keys()
    for limits in (Limits(values=max(counts) - 1), Limits(parsed=sum(counts) - 1)):
        assert kept().keys() - kept(limits).keys() == {"last"}


def test_short_streams_after_each_other_are_not_copied_over_and_over(tmp_path: Path) -> None:
    # Bytes after the end of a stream are copied; reading small pieces bounds how many.
    one = gzip.compress(b"a", mtime=0)
    whole = gzip.compress(tar_header("many", 5000)) + one * 5000
    path = tmp_path / "many.tar.gz"
    path.write_bytes(whole + gzip.compress(tar_padding(5000) + tar_of(oci_parts(IMAGE))))
    assert opened(path).contents.members["many"].size == 5000


def test_a_stretch_of_headers_can_be_cancelled() -> None:
    cancellation, given = Cancellation(), []

    def chunks() -> Iterator[bytes]:
        for number in range(1000):
            given.append(number)
            if number == 3:
                cancellation.cancel()
            yield raw_entry("pax", record("comment", "x" * 100), b"g")

    with pytest.raises(Cancelled):
        Scanner(chunks(), cancellation=cancellation).run()
    assert len(given) <= 5


def test_a_long_list_can_be_cancelled(tmp_path: Path) -> None:
    from longshore.archives.images import images_of

    contents = Scanner([tar_of(docker_parts(IMAGE))], cancellation=Cancellation()).run()
    cancelled = Cancellation()
    cancelled.cancel()
    with pytest.raises(Cancelled):
        images_of(contents, "", cancelled)


@pytest.mark.parametrize("packed", ["gzip", "zstd", "xz", "bzip2"])
def test_reading_on_in_what_unpacks_to_much_can_be_cancelled(tmp_path: Path, packed: str) -> None:
    image = Image(layers=(bytes(3_000_000), os.urandom(1000)))
    archive = opened(write(tmp_path, oci_parts(image), packed))
    last = max(archive.contents.members.values(), key=lambda member: member.offset)
    cancellation = Cancellation()
    with archive.reading(cancellation=cancellation) as read:
        cancellation.cancel()
        with pytest.raises(Cancelled):
            list(read(last, 0))


@pytest.mark.parametrize("more", [0, 1])
def test_empty_streams_after_each_other_are_counted(more: int) -> None:
    unpacker = Unpacker(Compression.GZIP)
    data = gzip.compress(b"") * (1000 + more)
    if more:
        with pytest.raises(ArchiveRefused, match="limits"):
            list(unpacker.feed(data))
    else:
        assert list(unpacker.feed(data + gzip.compress(b"end"))) == [b"end"]
        unpacker.end()


def test_what_unpacks_gzip_can_be_copied_on_the_way() -> None:
    packed = gzip.compress(random.Random(1).randbytes(300_000))
    one = Unpacker(Compression.GZIP, subject="x")
    first = b"".join(one.feed(packed[:100_000]))
    other = one.fork()
    assert other is not None and other.given == len(first) > 0
    rest = b"".join(one.feed(packed[100_000:]))
    assert b"".join(other.feed(packed[100_000:])) == rest
    assert first + rest == gzip.decompress(packed)
    assert (other.given, one.given) == (300_000, 300_000)
    for each in (one, other):
        each.end()
    begun = Unpacker(Compression.ZSTD)
    assert begun.fork() is not None, "nothing has begun, so there is nothing to copy"
    packer = Packer(Compression.ZSTD)
    list(begun.feed((packer.feed(b"x" * 1000) + packer.end())[:-1]))
    assert begun.fork() is None


@pytest.mark.parametrize("size", [2**60, 2**60 + 1])
def test_the_largest_size_in_a_header(size: int) -> None:
    reader = iter(TarReader([tar_header("a", size)]))
    if size > 2**60:
        with pytest.raises(ArchiveDamaged) as caught:
            next(reader)
        assert "invalid size before byte 512" in caught.value.detail
    else:
        assert next(reader).size == size


def test_an_xz_that_wants_too_much_memory(tmp_path: Path) -> None:
    import lzma

    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 512 * 1024 * 1024, "preset": 0}]
    # A stream header, and a block that declares 512 MB: only the declaration matters.
    packer = lzma.LZMACompressor(lzma.FORMAT_XZ, filters=[{**filters[0], "dict_size": 1 << 20}])
    data = bytearray(packer.compress(tar_of(oci_parts(IMAGE))) + packer.flush())
    at = data.index(b"\x21\x01", 12) + 2  # the filter's id and the size of its properties
    data[at] = 34  # 512 MB (the .xz file format, 5.3.1)
    size = (data[12] + 1) * 4
    data[12 + size - 4 : 12 + size] = zlib.crc32(data[12 : 12 + size - 4]).to_bytes(4, "little")
    path = tmp_path / "memory.tar.xz"
    path.write_bytes(data)
    with pytest.raises(ArchiveRefused) as caught:
        opened(path)
    assert "xz: " in caught.value.detail
