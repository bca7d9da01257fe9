"""Files of blobs that have not arrived completely, locked while they are written."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import IO

from longshore.cancellation import Cancellation
from longshore.errors import DigestMismatch, DiskFull
from longshore.library.folder import LayoutFolder
from longshore.oci.descriptor import Descriptor, OpenBlob
from longshore.oci.digest import Verifier
from longshore.shared_files import try_lock

_READ = 1 << 20


class Part:
    """One unfinished blob that is written from its start to its end, locked while it is open."""

    def __init__(self, path: Path, descriptor: int, folder: LayoutFolder) -> None:
        self.path = path
        self._file = os.fdopen(descriptor, "r+b", buffering=0)
        self._folder = folder

    @classmethod
    def opened(cls, path: Path, folder: LayoutFolder) -> Part | None:
        """Open and lock the part; None if somebody else writes it. Raises OSError."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(path, flags, 0o666)
        try:
            # Once locked, it may already have been moved to its final place: then it is not ours to write.
            if try_lock(descriptor) and is_at(descriptor, path):
                return cls(path, descriptor, folder)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return None

    def close(self) -> None:
        """Close and unlock it; an empty one is removed."""
        with self._file, contextlib.suppress(OSError):
            if not self.size and is_at(self._file.fileno(), self.path):
                self.path.unlink()

    def fill(self, wanted: Descriptor, source: OpenBlob, cancellation: Cancellation) -> None:
        """Fill it from *source* to its full size, hashed and flushed to disk."""
        with self._folder.explained(writing=True):
            begun = self.size
        try:
            self._fill(wanted, source, cancellation)
        except DigestMismatch:
            if not begun:
                raise
            # The bytes of an earlier attempt may have been wrong.
            self._fill(wanted, source, cancellation)
        with self._folder.explained(writing=True):
            os.fsync(self._file.fileno())

    def _fill(self, wanted: Descriptor, source: OpenBlob, cancellation: Cancellation) -> None:
        verifier = self._hashed(wanted, cancellation)
        room_for(self._file.fileno(), wanted.size - verifier.seen, self._folder)
        try:
            if verifier.seen < wanted.size:
                self._append(verifier, source, cancellation)
            verifier.finish()
        except DigestMismatch:
            self.empty()
            raise

    def _append(self, verifier: Verifier, source: OpenBlob, cancellation: Cancellation) -> None:
        with source(verifier.seen) as chunks:
            for chunk in chunks:
                cancellation.raise_if_cancelled()
                verifier.update(chunk)
                try:
                    write_all(self._file, chunk)
                except OSError as error:
                    explained = self._folder.explain(error, writing=True)
                    if isinstance(explained, DiskFull):
                        self.empty()  # a full disk affects everyone
                    raise explained from error

    def _hashed(self, wanted: Descriptor, cancellation: Cancellation) -> Verifier:
        """A verifier fed with the existing bytes: they are hashed again because nobody vouches for them.

        Call at the start of the file.
        """
        verifier = Verifier(wanted.digest, wanted.size)
        with self._folder.explained(writing=True):
            if self.size > wanted.size:
                self._file.truncate(0)
            while chunk := self._file.read(_READ):
                cancellation.raise_if_cancelled()
                verifier.update(chunk)
        return verifier

    @property
    def size(self) -> int:
        """Bytes in the file. Raises OSError."""
        return os.fstat(self._file.fileno()).st_size

    def empty(self) -> None:
        """Drop all bytes. Never raises."""
        with contextlib.suppress(OSError):
            self._file.truncate(0)
            self._file.seek(0)


def room_for(descriptor: int, size: int, folder: LayoutFolder) -> None:
    """Check that the disk of the open file has room for *size* more bytes. Raises DiskFull."""
    if not hasattr(os, "statvfs"):
        return
    with folder.explained(writing=True):
        found = os.fstatvfs(descriptor)
    free = found.f_bavail * found.f_frsize
    if size > free:
        raise DiskFull(
            "The disk does not have enough free space for the image.",
            subject=str(folder.path),
            advice="Free space on that disk, or choose another folder.",
            detail=f"{size} bytes more are needed; {free} are free",
        )


def write_all(file: IO[bytes], chunk: bytes) -> None:
    """Write all of *chunk*: an unbuffered file may accept only a part of it."""
    left = memoryview(chunk)
    while left.nbytes:
        left = left[file.write(left) :]


def unlink_unless_written(path: Path) -> None:
    """Remove a temporary file unless a running program has it locked. Raises OSError."""
    try:
        descriptor = os.open(
            path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        )
    except FileNotFoundError:
        return
    except OSError:  # a link or a socket: not written by Longshore
        path.unlink()
        return
    try:
        if try_lock(descriptor):
            path.unlink()
    finally:
        os.close(descriptor)


def is_at(descriptor: int, path: Path) -> bool:
    """Whether the open file is still the one at *path*: once locked, it may already have been moved or removed."""
    try:
        there = path.lstat()
    except FileNotFoundError:
        return False
    ours = os.fstat(descriptor)
    return (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)
