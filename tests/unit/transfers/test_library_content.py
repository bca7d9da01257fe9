"""Reading the library for a copy while other programs remove what is copied."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from longshore.cancellation import Cancellation
from longshore.errors import NotInLibrary
from longshore.library.library import Library
from longshore.transfers.content.library import LibraryReader
from transfertools.layouts import NAME, blobs_of, image, index, noise, put, put_index

ONE, TWO = image(noise(500, 1)), image(noise(500, 2))
BOTH = index(("linux/amd64", ONE), ("linux/arm64", TWO))
OTHER = NAME.with_tag("2")


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


@pytest.fixture
def reader(library: Library) -> Iterator[LibraryReader]:
    with contextlib.closing(LibraryReader(library, NAME)) as found:
        yield found


def _removing(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program removes the image ONE between the next look-up and its lease."""
    hold = Library.hold

    def late(self: Library, lease: Any, digest: str) -> None:
        monkeypatch.setattr(Library, "hold", hold)
        Library(library.path).remove(ONE.manifest.digest)
        hold(self, lease, digest)

    monkeypatch.setattr(Library, "hold", late)


def test_what_was_read_by_its_name_stays_whole(library: Library, reader: LibraryReader) -> None:
    put_index(library, BOTH, ONE, TWO)
    assert reader.manifest("1", cancellation=Cancellation()) == BOTH
    library.remove(NAME)
    assert blobs_of(library) == {BOTH.digest} | ONE.digests | TWO.digests
    assert reader.manifest(ONE.manifest.digest, cancellation=Cancellation()) == ONE.manifest
    reader.close()
    assert blobs_of(library) == set()


@pytest.mark.parametrize("name", ["1", ONE.manifest.digest])
def test_an_image_that_goes_before_it_is_held_is_not_in_the_library(
    library: Library, reader: LibraryReader, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(library, ONE)
    _removing(library, monkeypatch)
    with pytest.raises(NotInLibrary):
        reader.manifest(name, cancellation=Cancellation())


def test_a_part_that_loses_a_line_of_its_own_is_still_read(
    library: Library, reader: LibraryReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(library, ONE, OTHER)
    put_index(library, BOTH, ONE, TWO)
    assert reader.manifest("1", cancellation=Cancellation()) == BOTH
    _removing(library, monkeypatch)
    assert reader.manifest(ONE.manifest.digest, cancellation=Cancellation()) == ONE.manifest
