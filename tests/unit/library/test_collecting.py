"""Removing what nothing needs: what has to be read for it, and what may happen meanwhile."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import Any

import pytest

from longshore.cancellation import Cancellation
from longshore.errors import LibraryError
from longshore.library import collecting
from longshore.library.blobs import Contents
from longshore.library.library import Library
from transfertools.layouts import NAME, blobs_of, image, noise, put

ONE = image(noise(5000, "one"), b"{" + noise(9000, "looks like a document"))
TWO = image(noise(4000, "two"))
OTHER = NAME.with_tag("2")


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


def test_no_layer_is_read_through_to_learn_that_it_names_nothing(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "LARGEST_MANIFEST", 9000)
    put(library, ONE)
    read: list[str] = []
    manifest = Contents.manifest

    def noted(self: Contents, digest: str, **named: Any) -> Any:
        read.append(digest)
        return manifest(self, digest, **named)

    monkeypatch.setattr(Contents, "manifest", noted)
    assert library.remove(NAME).blobs == len(ONE.digests)
    assert ONE.manifest.digest in read
    assert not {layer.digest for layer in ONE.manifest.layers} & set(read)


def test_whole_blobs_that_nothing_needs_count_as_unfinished(library: Library) -> None:
    put(library, ONE)
    with contextlib.closing(library.lease()) as lease:
        left = library.take_in([b"x" * 3000], lease, Cancellation())
        assert library.unfinished_bytes() == 0, "a transfer holds it"
        assert library.drop_unfinished() == 0
    assert library.unfinished_bytes() == 3000
    assert left.digest in blobs_of(library)
    assert library.drop_unfinished() == 3000
    assert library.unfinished_bytes() == 0
    assert blobs_of(library) == set(ONE.digests)


def test_a_blob_that_somebody_deletes_meanwhile_stops_nothing(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(library, ONE)
    put(library, TWO, OTHER)
    sizes = Contents.sizes
    layer = library.path / "blobs" / "sha256" / ONE.manifest.layers[0].digest[7:]

    def late(self: Contents) -> dict[str, int]:
        found = sizes(self)
        layer.unlink(missing_ok=True)
        return found

    monkeypatch.setattr(Contents, "sizes", late)
    library.remove(NAME)
    assert blobs_of(library) == TWO.digests


def test_a_program_clears_up_after_its_first_transfer_and_not_after_each(library: Library) -> None:
    def left_behind(data: bytes) -> str:
        with contextlib.closing(library.lease()) as lease:
            digest = library.take_in([data], lease, Cancellation()).digest
            os.utime(library.path / "blobs" / "sha256" / digest[7:], (0, 0))
        return digest

    first = left_behind(b"first")
    assert first not in blobs_of(library)
    second = left_behind(b"second")
    assert second in blobs_of(library)
    put(Library(library.path), ONE)
    assert blobs_of(library) == ONE.digests


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            PermissionError(errno.EACCES, "Permission denied"),
            "You do not have permission to write to the library.",
        ),
        (OSError(errno.EIO, "Input/output error"), "The library can't be written."),
    ],
)
def test_a_removal_that_fails_says_that_it_writes(
    library: Library, monkeypatch: pytest.MonkeyPatch, error: OSError, says: str
) -> None:
    put(library, ONE)

    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(collecting, "held", fails)
    with pytest.raises(LibraryError) as caught:
        library.tidy()
    assert caught.value.message == says
