"""Oddities of an archive are noted on the row, however its images are transferred."""

from __future__ import annotations

from pathlib import Path

from archivetools import Image, oci_parts, write
from longshore.cancellation import Cancellation
from longshore.transfers.content.archive import ArchiveReader
from longshore.transfers.transfer import ArchivePlace, Endpoint, NoteKind


def test_a_reader_of_content_tells_once(tmp_path: Path) -> None:
    parts = oci_parts(Image())
    path = write(tmp_path, [*parts, parts[0], ("blobs/sha256/.DS_Store", b"x")])
    told: list[tuple[NoteKind, str]] = []
    place = ArchivePlace(path, "oci")
    reader = ArchiveReader(Endpoint(place, None), place, lambda kind, text: told.append((kind, text)))
    for _ in range(2):
        reader.manifest("latest", cancellation=Cancellation())
    assert told == [
        (NoteKind.FILE_TWICE, "oci-layout"),
        (NoteKind.FILES_IGNORED, "blobs/sha256/.DS_Store"),
    ]
