"""The bytes of a blob: from any offset, and verified if they are read from the start."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import LibraryDamaged
from longshore.library import blobs
from longshore.library.library import Library
from transfertools.layouts import blobs_of, image, noise, put

ONE = image(noise(5000, "one"))
LAYER = ONE.manifest.layers[0]
DATA = ONE.blobs[LAYER.digest]


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    monkeypatch.setattr(blobs, "_CHUNK", 1000)
    library = Library(tmp_path / "library")
    put(library, ONE)
    return library


def read(library: Library, offset: int = 0) -> list[bytes]:
    with library.read(LAYER, offset) as chunks:
        return list(chunks)


@pytest.mark.parametrize("offset", [0, 1, 999, 1000, 4999, 5000])
def test_a_blob_is_read_from_any_offset(library: Library, offset: int) -> None:
    assert b"".join(read(library, offset)) == DATA[offset:]
    assert LAYER.digest in blobs_of(library)


def test_what_is_read_from_the_middle_is_for_the_reader_to_check(library: Library) -> None:
    path = library.path / "blobs" / "sha256" / LAYER.digest[7:]
    path.write_bytes(b"x" + DATA[1:])
    assert b"".join(read(library, 1)) == DATA[1:]
    with pytest.raises(LibraryDamaged):
        read(library)
    assert LAYER.digest not in blobs_of(library)


def test_an_empty_blob_is_read(library: Library) -> None:
    empty = image(b"")
    put(library, empty)
    with library.read(empty.manifest.layers[0]) as chunks:
        assert b"".join(chunks) == b""


def test_reading_stops_between_two_pieces(library: Library) -> None:
    stop, came = Cancellation(), []
    with pytest.raises(Cancelled), library.read(LAYER, cancellation=stop) as chunks:
        for chunk in chunks:
            came.append(chunk)
            stop.cancel()
    assert came == [DATA[:1000]]


@pytest.mark.parametrize(
    ("data", "may_be"),
    [
        (b"{}", True),
        (b" \n\t{", True),
        (b"\xef\xbb\xbf{}", True),
        (b"", False),
        (b"  ", False),
        (b"x{", False),
    ],
)
def test_what_may_be_a_document_is_known_by_its_first_bytes(
    library: Library, data: bytes, may_be: bool
) -> None:
    with contextlib.closing(library.lease()) as lease:
        digest = library.take_in([data], lease, Cancellation()).digest
        assert library._contents.may_be_json(digest) is may_be


def test_what_is_not_here_is_no_document(library: Library) -> None:
    assert library._contents.may_be_json(f"sha256:{0:064x}") is False
