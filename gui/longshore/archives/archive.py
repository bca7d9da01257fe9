"""Reads an archive on disk.

It is read twice: once to check everything, and again to return the requested content. The first pass keeps a table of
positions and digests and the few small documents; a decompressed copy would be as large as the images, on a disk that
may lack the space. The second pass seeks in an uncompressed archive and decompresses a compressed one again, which
takes less time than writing a copy would. If the file changes in between, its time or size reveals it, and the receiver
of the content hashes it once more.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO

from longshore.archives import failures
from longshore.archives.access import (
    Cursor,
    Mark,
    Marking,
    Moved,
    Signature,
    chunks_of,
    exactly,
    fed,
    opened,
    read_piece,
    signature_of,
)
from longshore.archives.compression import HEAD, Compression, Unpacker, compression_of, foreign_kind, unpacked
from longshore.archives.images import images_of
from longshore.archives.limits import LIMITS, Limits
from longshore.archives.model import Listing
from longshore.archives.scan import Contents, Member, Scanner
from longshore.cancellation import Cancellation


class Archive:
    """A checked archive. Keeps no file open; any thread may call every method."""

    def __init__(
        self,
        path: Path,
        signature: Signature,
        compression: Compression,
        contents: Contents,
        listing: Listing,
        marks: Mapping[str, Mark],
    ) -> None:
        self.path = path
        self.compression = compression
        self.contents = contents
        self.listing = listing
        self._signature = signature
        self._marks = marks
        self._members = contents.by_digest()

    @property
    def size(self) -> int:
        """The size of the file in bytes."""
        return self._signature[2]

    def is_of(self, path: Path, signature: Signature) -> bool:
        """Whether it was read from *path* when the file had *signature*."""
        return (self.path, self._signature) == (path, signature)

    def member(self, digest: str) -> Member | None:
        """The file with that digest."""
        return self._members.get(digest)

    @contextlib.contextmanager
    def read(
        self, member: Member, offset: int = 0, *, cancellation: Cancellation
    ) -> Iterator[Iterator[bytes]]:
        """The bytes of *member* from *offset* on.

        In a compressed archive all data before them is decompressed; with gzip, only the data since the nearest mark.
        """
        mark = self._marks.get(member.name)
        if mark is None:
            with self.reading(cancellation=cancellation) as read:
                yield read(member, offset)
            return
        with self._unchanged() as file:
            file.seek(mark.position)
            chunks = fed(chunks_of(file, cancellation, lambda count: None), mark.fork())
            cursor = Cursor(chunks, str(self.path), cancellation, mark.given)
            yield cursor.read(member.offset + offset, member.size - offset)

    @contextlib.contextmanager
    def reading(
        self, *, cancellation: Cancellation, moved: Moved = lambda count: None
    ) -> Iterator[Callable[[Member, int], Iterator[bytes]]]:
        """Yields a function that reads members, which must be requested in the order of their offsets, each once.

        Raises ArchiveDamaged if the file is not the one that was checked.
        """
        with self._unchanged() as file:
            if self.compression is Compression.NONE:

                def read(member: Member, offset: int) -> Iterator[bytes]:
                    file.seek(member.offset + offset)
                    return exactly(chunks_of(file, cancellation, moved), member.size - offset, str(self.path))

                yield read
                return
            cursor = Cursor(
                unpacked(chunks_of(file, cancellation, moved), self.compression, subject=str(self.path)),
                str(self.path),
                cancellation,
            )

            def read_on(member: Member, offset: int) -> Iterator[bytes]:
                return cursor.read(member.offset + offset, member.size - offset)

            yield read_on

    @contextlib.contextmanager
    def _unchanged(self) -> Iterator[IO[bytes]]:
        with opened(self.path) as file:
            if signature_of(file) != self._signature:
                raise failures.changed(str(self.path))
            yield file


def open_archive(
    path: Path,
    *,
    cancellation: Cancellation,
    moved: Moved = lambda count: None,
    limits: Limits = LIMITS,
) -> Archive:
    """Read and check the whole file at *path*.

    Checks its structure, every digest, every layer against its image's configuration, and that nothing is missing.
    *moved* receives the bytes of the file read so far. Any worker thread; memory does not grow with the file. The last
    few archives are remembered: an unchanged one is not read again, for instance when each of its images is a transfer.

    Raises NotAnArchive, ArchiveDamaged, ArchiveRefused, ArchiveError if it is unreadable, and Cancelled within a fifth
    of a second.
    """
    subject = str(path)
    with opened(path) as file:
        signature = signature_of(file)
        known = _remembered.get(path, signature) if limits is LIMITS else None
        if known is not None:
            cancellation.raise_if_cancelled()
            moved(known.size)
            return known
        head = read_piece(file, HEAD, path)
        if not head:
            raise failures.truncated(subject, "the file is empty")
        compression = compression_of(head)
        foreign = foreign_kind(head)
        if foreign:
            raise failures.not_one(subject, what=foreign)
        file.seek(0)
        unpacker = Unpacker(compression, limits=limits, subject=subject)
        marking = Marking(chunks_of(file, cancellation, moved), unpacker)
        contents = Scanner(
            marking.pieces(),
            cancellation=cancellation,
            limits=limits,
            subject=subject,
            begun=marking.mark,
            budget=unpacker.budget,
        ).run()
        if signature_of(file) != signature:
            raise failures.changed(subject)
    archive = Archive(
        path, signature, compression, contents, images_of(contents, subject, cancellation), marking.marks
    )
    _remembered.add(archive)
    return archive


class _Remembered:
    """The most recently checked archives. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._archives: deque[Archive] = deque(maxlen=4)

    def get(self, path: Path, signature: Signature) -> Archive | None:
        """The archive at *path*, if the file is unchanged."""
        with self._lock:
            return next((one for one in self._archives if one.is_of(path, signature)), None)

    def add(self, archive: Archive) -> None:
        """Remember *archive* in place of the oldest."""
        with self._lock:
            self._archives.append(archive)


_remembered = _Remembered()
