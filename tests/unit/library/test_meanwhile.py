"""What is true at the end counts, whatever other programs and the disk did meanwhile."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from longshore.cancellation import Cancellation
from longshore.errors import DiskFull, LibraryError
from longshore.library import parts
from longshore.library.folder import LayoutFolder
from longshore.library.library import Library
from longshore.oci.descriptor import Descriptor
from transfertools.layouts import NAME, blobs_of, image, noise, on_disk, put

ONE, TWO = image(noise(5000, "one")), image(noise(4000, "two"))
OTHER, LAST = NAME.with_tag("2"), NAME.with_tag("zz")


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


def test_a_name_goes_to_the_image_that_is_there_in_the_end(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(library, ONE)
    early = LayoutFolder(library.path).index()
    put(library, TWO)
    change = LayoutFolder.change

    def twice(self: LayoutFolder, how: Any, cancellation: Any = None) -> None:
        change(self, lambda index: (how(early), how(index))[1], cancellation)

    monkeypatch.setattr(LayoutFolder, "change", twice)
    assert library.tag(NAME, OTHER) == TWO.manifest.digest
    assert {row.digest for row in library.images()} == {TWO.manifest.digest}


def test_neither_an_image_that_lost_a_layer_nor_a_signature_hides_what_follows_it(library: Library) -> None:
    signature = image(noise(50, "signature"), subject=TWO.manifest.descriptor)
    put(library, ONE)
    put(library, signature, NAME.with_tag(f"sha256-{TWO.manifest.digest[7:]}.sig"))
    put(library, TWO, LAST)
    assert [row.digest for row in library.images()] == [
        made.manifest.digest for made in (ONE, signature, TWO)
    ]
    os.truncate(library.path / "blobs" / "sha256" / ONE.manifest.layers[0].digest[7:], 10)
    for image_id in (TWO.manifest.digest, TWO.manifest.config.digest):
        assert library.holding(image_id) == TWO.manifest.digest
    assert library.holding(ONE.manifest.digest) == ""


@pytest.mark.parametrize(
    ("number", "error", "kept"), [(errno.EIO, LibraryError, 1000), (errno.ENOSPC, DiskFull, 0)]
)
def test_a_blob_that_the_disk_does_not_take_is_an_error_and_no_blob(
    library: Library, monkeypatch: pytest.MonkeyPatch, number: int, error: type[Exception], kept: int
) -> None:
    """What has arrived is kept for the next attempt, except on a full disk, where it would harm everybody."""
    wanted = ONE.manifest.layers[0]
    pieces = [ONE.blobs[wanted.digest][at : at + 1000] for at in range(0, 5000, 1000)]
    write = parts.write_all

    def failing(file: IO[bytes], chunk: bytes) -> None:
        if bytes(chunk) == pieces[1]:
            raise OSError(number, os.strerror(number))
        write(file, chunk)

    @contextlib.contextmanager
    def source(offset: int) -> Iterator[Iterable[bytes]]:
        yield pieces[offset // 1000 :]

    monkeypatch.setattr(parts, "write_all", failing)
    with contextlib.closing(library.lease()) as lease:
        with pytest.raises(error) as caught:
            library.receive(wanted, source, lease, Cancellation())
        assert type(caught.value) is error
        assert on_disk(library).partial == kept
        assert blobs_of(library) == set()
        monkeypatch.setattr(parts, "write_all", write)
        assert library.receive(wanted, source, lease, Cancellation())
        assert blobs_of(library) == {wanted.digest}


def test_a_part_that_is_longer_than_its_blob_is_begun_again(library: Library) -> None:
    wanted = ONE.manifest.layers[0]
    library._folder.ensure()
    part = library.path / ".longshore" / "ingest" / f"sha256-{wanted.digest[7:]}.part"
    part.write_bytes(ONE.blobs[wanted.digest] + b"x")
    asked: list[int] = []

    @contextlib.contextmanager
    def source(offset: int) -> Iterator[Iterable[bytes]]:
        asked.append(offset)
        yield [ONE.blobs[wanted.digest][offset:]]

    with contextlib.closing(library.lease()) as lease:
        assert library.receive(wanted, source, lease, Cancellation())
    assert asked == [0]
    assert blobs_of(library) == {wanted.digest}


def test_a_part_that_is_whole_already_is_not_asked_for(library: Library) -> None:
    wanted = ONE.manifest.layers[0]
    library._folder.ensure()
    part = library.path / ".longshore" / "ingest" / f"sha256-{wanted.digest[7:]}.part"
    part.write_bytes(ONE.blobs[wanted.digest])

    def source(offset: int) -> contextlib.AbstractContextManager[Iterable[bytes]]:
        raise AssertionError("nothing is missing")

    with contextlib.closing(library.lease()) as lease:
        assert library.receive(wanted, source, lease, Cancellation())
    assert blobs_of(library) == {wanted.digest}


def test_a_blob_that_was_of_use_lately_is_kept_for_another_week(library: Library) -> None:
    with contextlib.closing(library.lease()) as lease:
        digest = library.take_in([b"left"], lease, Cancellation()).digest
    path = library.path / "blobs" / "sha256" / digest[7:]
    os.utime(path, (0, 0))
    with contextlib.closing(library.lease()) as lease:
        assert library.present(digest, lease, Cancellation()) == 4
    library.tidy()
    assert blobs_of(library) == {digest}
    os.utime(path, (0, 0))
    library.tidy()
    assert blobs_of(library) == set()


def test_a_blob_of_another_algorithm_has_a_folder_of_its_own(library: Library) -> None:
    data = noise(5000, "sha512")
    digest = f"sha512:{hashlib.sha512(data).hexdigest()}"
    wanted = Descriptor("", digest, len(data))

    @contextlib.contextmanager
    def source(offset: int) -> Iterator[Iterable[bytes]]:
        yield [data[offset:]]

    with contextlib.closing(library.lease()) as lease:
        assert library.receive(wanted, source, lease, Cancellation())
        assert not library.receive(wanted, source, lease, Cancellation())
        with library.read(wanted) as chunks:
            assert b"".join(chunks) == data
        assert on_disk(library).blobs == 1
    os.utime(library.path / "blobs" / "sha512" / digest[7:], (0, 0))
    library.tidy()
    assert on_disk(library).blobs == 0


def test_a_disk_that_takes_a_piece_at_a_time_gets_all_of_them() -> None:
    class Slow(io.BytesIO):
        def write(self, data: Any) -> int | None:  # type: ignore[override]
            piece = bytes(data[:3])
            self.seen.append(piece)
            if len(self.seen) == 2:
                return None  # as a non-blocking file does
            return super().write(piece)

        seen: list[bytes] = []  # noqa: RUF012

    file = Slow()
    parts.write_all(file, b"abcdefgh")
    assert file.getvalue() == b"abcdefgh"
    assert file.seen == [b"abc", b"def", b"def", b"gh"]
