"""The library as source or destination of a copy: what counts as present, and which platform is meant."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import NotInLibrary
from longshore.library.library import Library
from longshore.oci.platform import Platform
from longshore.transfers.content.library import LibraryReader, LibraryWriter
from longshore.transfers.transfer import Operation
from longshore.transfers.ways.library_pull import for_library
from transfertools.layouts import NAME, image, moving, noise, place, pull_into, put

ONE = image(noise(500, 1))
SOURCE = "127.0.0.1:5000/team/app:1"
ARM = Platform("linux", "arm64")


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


def test_what_refers_to_an_image_is_read_with_it(library: Library) -> None:
    put(library, ONE)
    signature = image(noise(50, "signature"), subject=ONE.manifest.descriptor)
    put(library, signature, None)
    with contextlib.closing(LibraryReader(library, NAME)) as reader:
        found = reader.referrers(ONE.manifest.digest, refused=[].append, cancellation=Cancellation())
        assert [one.digest for one in found] == [signature.manifest.digest]
        assert (
            reader.referrers(signature.manifest.digest, refused=[].append, cancellation=Cancellation()) == []
        )


def test_a_tag_is_asked_for_by_its_repository(library: Library) -> None:
    put(library, ONE)
    with contextlib.closing(LibraryReader(library, NAME)) as reader:
        assert reader.manifest("1", cancellation=Cancellation()) == ONE.manifest
        assert reader.manifest(ONE.manifest.digest, cancellation=Cancellation()) == ONE.manifest
        with pytest.raises(NotInLibrary):
            reader.manifest("2", cancellation=Cancellation())
    with contextlib.closing(LibraryReader(library, None)) as reader, pytest.raises(NotInLibrary):
        reader.manifest("1", cancellation=Cancellation())


def test_reading_and_writing_can_be_cancelled(library: Library) -> None:
    put(library, ONE)
    stop, digest = Cancellation(), ONE.manifest.digest
    stop.cancel()
    with contextlib.closing(LibraryReader(library, NAME)) as reader:
        for read in (
            lambda: reader.manifest("1", cancellation=stop),
            lambda: reader.referrers(digest, refused=[].append, cancellation=stop),
        ):
            with pytest.raises(Cancelled):
                read()
    with contextlib.closing(LibraryWriter(library, NAME.with_tag("2"))) as writer:
        with pytest.raises(Cancelled):
            writer.put_manifest(ONE.manifest, "2", cancellation=stop)
        with pytest.raises(Cancelled):
            writer.commit(cancellation=stop)
    assert [row.reference for row in library.images()] == [NAME]


def test_an_image_that_lost_a_layer_does_not_count_as_there(library: Library) -> None:
    put(library, ONE)
    with contextlib.closing(LibraryWriter(library, NAME)) as writer:
        for name, digest in (("1", ONE.manifest.digest), (ONE.manifest.digest,) * 2, ("2", None)):
            assert writer.manifest_digest(name, cancellation=Cancellation()) == digest
        (library.path / "blobs" / "sha256" / ONE.manifest.layers[0].digest[7:]).unlink()
        for name in ("1", ONE.manifest.digest):
            assert writer.manifest_digest(name, cancellation=Cancellation()) is None


def test_an_image_by_its_digest_alone_gets_a_line_of_its_own(library: Library) -> None:
    signature = image(noise(50, "signature"), subject=ONE.manifest.descriptor)
    put(library, ONE, None)  # here, but not in the list
    with contextlib.closing(LibraryWriter(library, None)) as writer:
        digest = ONE.manifest.digest
        assert writer.manifest_digest(digest, cancellation=Cancellation()) is None
        writer.put_manifest(ONE.manifest, digest, cancellation=Cancellation())
        assert library.images() == []
        writer.commit(cancellation=Cancellation())
        assert writer.manifest_digest(digest, cancellation=Cancellation()) == digest
    assert [(row.digest, row.reference) for row in library.images()] == [(digest, None)]
    assert signature.manifest.subject == ONE.manifest.descriptor


def test_a_pull_takes_this_machines_platform_unless_told_otherwise(library: Library) -> None:
    plain = pull_into(SOURCE, library)
    assert for_library(plain).platform == Platform.host()
    chosen = pull_into(SOURCE, library, ARM)
    assert for_library(chosen) == chosen
    some = pull_into(SOURCE, library, platforms="linux/arm64")
    assert for_library(some) == some
    all_of_it = for_library(pull_into(SOURCE, library, platforms="all", referrers="yes"))
    assert (all_of_it.platform, dict(all_of_it.options)) == (None, {"referrers": "yes"})
    # A copy into the library copies everything.
    copied = moving(Operation.COPY, place(SOURCE), place(library, SOURCE))
    assert for_library(copied) == copied
