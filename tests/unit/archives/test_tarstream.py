"""Tar headers, as old and new programs write them."""

from __future__ import annotations

import pytest

from longshore.archives.limits import LIMITS
from longshore.archives.tarstream import TAR_END, EntryKind, TarReader, oversized, tar_header, tar_padding
from longshore.errors import ArchiveDamaged


def header(fields: dict[int, bytes], *, signed: bool = False) -> bytes:
    """The header of an empty file “a” with *fields* written over it; *signed*: with the checksum of old programs."""
    made = bytearray(tar_header("a", 0))
    for at, data in fields.items():
        made[at : at + len(data)] = data
    made[148:156] = b" " * 8
    total = sum(made) - (256 * sum(byte > 127 for byte in made) if signed else 0)
    made[148:156] = b"%06o\0 " % total
    return bytes(made)


@pytest.mark.parametrize(
    ("magic", "name"),
    [
        (b"ustar\x0000", "folder/a"),
        (b"ustar  \0", "a"),  # GNU's format has times there
        (bytes(8), "a"),  # from before POSIX: these bytes have no meaning
        (b"other\x0000", "a"),
    ],
)
def test_the_beginning_of_a_long_name_is_where_posix_has_it(magic: bytes, name: str) -> None:
    [found] = TarReader([header({257: magic, 345: b"folder"}) + TAR_END])
    assert (found.name, found.kind, found.problem) == (name, EntryKind.FILE, "")


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("at", [99, 147, 157, 511])
def test_the_sum_is_of_signed_or_of_unsigned_bytes(at: int, signed: bool) -> None:
    """Bytes next to the checksum and at both ends count like all others."""
    [found] = TarReader([header({at: b"\xff"}, signed=signed) + TAR_END])
    assert (found.name, found.problem) == ("a", "")


@pytest.mark.parametrize("signed", [True, False])
def test_a_type_that_nobody_knows_is_a_problem_and_no_damage(signed: bool) -> None:
    [found] = TarReader([header({156: b"\xff"}, signed=signed) + TAR_END])
    assert found.kind is EntryKind.OTHER
    assert "unknown type" in found.problem


@pytest.mark.parametrize(
    ("size", "found"),
    [
        (b"00000000005\0", 5),
        (b"          5 ", 5),
        (bytes(12), 0),
        (b"\x80" + bytes(9) + b"\x01\x02", 0x102),
        (b"\xff" * 12, None),  # GNU's form of a negative number
        (b"\x81" + bytes(11), None),
        (b"00000000008\0", None),
        (b"0000000000x\0", None),
    ],
)
def test_sizes_in_a_header(size: bytes, found: int | None) -> None:
    tar = header({124: size}) + b"x" * (found or 0) + tar_padding(found or 0) + header({0: b"b"}) + TAR_END
    if found is None:
        with pytest.raises(ArchiveDamaged) as caught:
            list(TarReader([tar]))
        assert "invalid size" in caught.value.detail
    else:
        assert [(entry.name, entry.size) for entry in TarReader([tar])] == [("a", found), ("b", 0)]


@pytest.mark.parametrize("size", [0, 8**11 - 1, 8**11])
def test_only_gnus_form_of_a_size_is_marked_as_gnus(size: int) -> None:
    made = tar_header("a", size)
    assert (made[124] == 0x80) == (made[257:265] == b"ustar  \0") == (size >= 8**11)


def test_the_longest_size_of_an_extended_header() -> None:
    record = b"27 size=" + b"7".zfill(18) + b"\n"
    assert len(record) == 27
    extended = header({124: b"%011o\0" % len(record), 156: b"x"}) + record + tar_padding(len(record))
    [found] = TarReader([extended + header({}) + b"content" + tar_padding(7) + TAR_END])
    assert (found.size, found.offset) == (7, 3 * 512)


def test_the_longest_names() -> None:
    assert oversized("x" * 4096) == oversized("a/" * 64 + "x") == ""
    assert oversized("x" * 4097) == "a name of 4097 characters"
    assert oversized("a/" * 65 + "x") == "a path of 66 parts"
    assert (LIMITS.name, LIMITS.parts) == (4096, 64)
