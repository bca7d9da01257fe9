"""Opens an archive's file safely, reads it in pieces, and decompresses it from marks."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from longshore.archives import failures
from longshore.archives.compression import Compression, Unpacker
from longshore.archives.limits import BLOCK
from longshore.archives.tarstream import Entry
from longshore.cancellation import Cancellation
from longshore.errors import ArchiveError

#: Receives the number of bytes of the file read so far.
Moved = Callable[[int], None]
#: Device, inode, size and modification time: identify a file, and detect changes to it.
Signature = tuple[int, int, int, int]
#: The minimum size of a file worth a mark, and the maximum number of marks: each takes 40 kB of memory.
_MARKED_FROM = 64 * 1024
_MOST_MARKS = 256


@dataclass(frozen=True, slots=True)
class Mark:
    """A point from which decompression can continue: *position* in the file, *given* bytes of decompressed output."""

    position: int
    given: int
    unpacker: Unpacker

    def fork(self) -> Unpacker:
        """A copy of the decompressor at the mark; the mark's own stays unchanged."""
        forked = self.unpacker.fork()
        assert forked is not None  # only decompressors that can be forked become marks
        return forked


class Marking:
    """Decompresses an archive, and sets marks at its layers. One thread."""

    def __init__(self, chunks: Iterator[bytes], unpacker: Unpacker) -> None:
        self._chunks = chunks
        self._unpacker = unpacker
        self._latest: Mark | None = None
        self.marks: dict[str, Mark] = {}

    def pieces(self) -> Iterator[bytes]:
        """The whole archive, decompressed."""
        unpacker, position = self._unpacker, 0
        for chunk in self._chunks:
            if unpacker.compression is Compression.GZIP:
                forked = unpacker.fork()
                self._latest = Mark(position, unpacker.given, forked) if forked is not None else None
            yield from unpacker.feed(chunk)
            position += len(chunk)
        unpacker.end()

    def mark(self, entry: Entry) -> None:
        """Set a mark at the start of *entry*.

        Small entries, and those beyond the maximum, get none and are read from the beginning.
        """
        if self._latest is not None and entry.size >= _MARKED_FROM and len(self.marks) < _MOST_MARKS:
            self.marks[entry.name] = self._latest


def fed(chunks: Iterator[bytes], unpacker: Unpacker) -> Iterator[bytes]:
    """*chunks*, decompressed lazily."""
    for chunk in chunks:
        yield from unpacker.feed(chunk)


class Cursor:
    """Reads only forward."""

    def __init__(
        self, chunks: Iterator[bytes], subject: str, cancellation: Cancellation, position: int = 0
    ) -> None:
        self._chunks = chunks
        self._cancellation = cancellation
        self._subject = subject
        self._rest = b""
        self._position = position

    def read(self, offset: int, size: int) -> Iterator[bytes]:
        """*size* bytes from *offset* on, which must not be before anything read earlier."""
        if offset < self._position:
            raise ValueError("a compressed archive is read forward only")
        for _ in self._take(offset - self._position):
            pass
        return self._take(size)

    def _take(self, count: int) -> Iterator[bytes]:
        while count:
            # A piece of the file can become thousands here.
            self._cancellation.raise_if_cancelled()
            piece = self._rest or next(self._chunks, b"")
            if not piece:
                raise failures.truncated(self._subject, "it is shorter than when it was checked")
            given, self._rest = piece[:count], piece[count:]
            count -= len(given)
            self._position += len(given)
            yield given


def exactly(chunks: Iterator[bytes], count: int, subject: str) -> Iterator[bytes]:
    """The first *count* bytes of *chunks*. Raises ArchiveDamaged if there are fewer."""
    while count:
        piece = next(chunks, b"")[:count]
        if not piece:
            raise failures.truncated(subject, "it is shorter than when it was checked")
        count -= len(piece)
        yield piece


@contextlib.contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Open the file; it must be a regular one: a pipe would block forever."""
    try:
        # Checked after opening: the file could be replaced in between.
        file = open(path, "rb", buffering=0, opener=_without_waiting)  # noqa: SIM115
    except OSError as error:
        if error.errno in _NO_FILE:
            raise _not_a_file(path, folder=error.errno == errno.EISDIR) from error
        raise failures.of_system(error, path, "read") from error
    with file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise _not_a_file(path, folder=False)
        yield file


#: The errors of opening a folder, a socket, or a device that does not exist.
_NO_FILE = frozenset({errno.EISDIR, errno.ENXIO, errno.ENODEV})


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _not_a_file(path: Path, *, folder: bool) -> ArchiveError:
    return ArchiveError(
        "This is a folder, not an archive." if folder else "This is not a regular file.",
        subject=str(path),
        advice="Choose a .tar, .tar.gz, .tar.zst, .tar.xz or .tar.bz2 file.",
    )


def signature_of(file: IO[bytes]) -> Signature:
    """The signature of the open file; it changes when the file is written to."""
    found = os.fstat(file.fileno())
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def read_piece(file: IO[bytes], count: int, path: Path) -> bytes:
    """At most *count* bytes. Raises ArchiveError."""
    try:
        return file.read(count)
    except OSError as error:
        raise failures.of_system(error, path, "read") from error


def chunks_of(file: IO[bytes], cancellation: Cancellation, moved: Moved) -> Iterator[bytes]:
    """The file from its current position to its end. Raises Cancelled, ArchiveError."""
    path = Path(str(file.name))
    while True:
        cancellation.raise_if_cancelled()
        chunk = read_piece(file, BLOCK, path)
        if not chunk:
            return
        moved(file.tell())
        yield chunk
