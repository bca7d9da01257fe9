"""Receives blobs: resumable by digest, and verified before they get their place.

A partial blob is named by its digest from the first byte on, so that the next transfer resumes it after a cut, a
cancellation or a kill. A complete one is hashed as a whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import time
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import DigestMismatch, DiskFull
from longshore.library.folder import INGEST, TEMPORARY, LayoutFolder
from longshore.library.leases import Lease
from longshore.oci.descriptor import Descriptor, OpenBlob
from longshore.oci.digest import ALGORITHMS, Verifier
from longshore.oci.layout import BLOBS
from longshore.shared_files import sync_folder, try_lock

_ENDING = ".part"
_READ = 1 << 20
#: Seconds after which an unfinished download that nobody writes is deleted.
OLDEST = 7 * 24 * 3600.0
#: The maximum total bytes of unfinished downloads; the oldest are deleted first.
MOST_BYTES = 20 << 30
_NAP = 0.1


class Ingest:
    """The unfinished blobs of one library. Any thread; blocks."""

    def __init__(self, folder: LayoutFolder) -> None:
        self._folder = folder

    def receive(self, wanted: Descriptor, source: OpenBlob, lease: Lease, cancellation: Cancellation) -> bool:
        """Store the blob *wanted*. Returns False if it was already present.

        If two callers want the same blob, the second waits for the first. Received bytes are kept for the next call
        when *source* fails or the cancellation ends it. Raises DigestMismatch, DiskFull, LibraryError, Cancelled, and
        the errors of *source*.
        """
        self._folder.ensure()
        while True:
            if cancellation.stopping:
                raise Cancelled
            if self.take_up(wanted.digest, lease, cancellation) == wanted.size:
                return False
            with self._folder.explained(writing=True):
                part = self._open(wanted.digest)
            if part is None:
                cancellation.wait(_NAP)
                continue
            with contextlib.closing(part):
                part.fill(wanted, source, cancellation)
                self._settle(part.path, wanted.digest, cancellation)
            return True

    def take_in(self, chunks: Iterable[bytes], lease: Lease, cancellation: Cancellation) -> Descriptor:
        """Store a blob with an unknown digest. Returns its descriptor; the media type is left empty.

        Nothing is kept when *chunks* fails or the cancellation ends it: nobody could ask for the rest. Raises DiskFull,
        LibraryError, Cancelled, and the errors of *chunks*.
        """
        self._folder.ensure()
        hashed = hashlib.sha256()
        size = 0
        with self._folder.explained(writing=True):
            path = self._folder.inside(f"{INGEST}/{uuid.uuid4().hex}{TEMPORARY}")
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            file = os.fdopen(os.open(path, flags, 0o666), "wb", buffering=0)
            try_lock(file.fileno())  # it is being written, whatever its age according to the clock
        try:
            with file:
                for chunk in chunks:
                    cancellation.raise_if_cancelled()
                    hashed.update(chunk)
                    size += len(chunk)
                    with self._folder.explained(writing=True):
                        _write(file, chunk)
                with self._folder.explained(writing=True):
                    os.fsync(file.fileno())
            found = Descriptor("", f"sha256:{hashed.hexdigest()}", size)
            if self.take_up(found.digest, lease, cancellation) != size:
                self._settle(path, found.digest, cancellation)
        finally:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        return found

    def take_up(self, digest: str, lease: Lease, cancellation: Cancellation | None = None) -> int | None:
        """Lease the blob and return its size; None if it is missing."""
        with (
            self._folder.explained(writing=True),
            self._folder.blobs_lock(shared=True, cancellation=cancellation),
        ):
            lease.hold(digest)
            path = self._folder.blob(digest)
            try:
                found = path.lstat()
            except FileNotFoundError:
                return None
            if not stat.S_ISREG(found.st_mode):
                return None
            with contextlib.suppress(OSError):
                os.utime(path)  # in use: must not look like a leftover of a transfer
            return found.st_size

    def _settle(self, path: Path, digest: str, cancellation: Cancellation) -> None:
        """Move a file to its place among the blobs. It is leased already."""
        with (
            self._folder.explained(writing=True),
            self._folder.blobs_lock(shared=True, cancellation=cancellation),
        ):
            place = self._folder.blob(digest)
            if not place.parent.exists():
                place.parent.mkdir(exist_ok=True)
                sync_folder(place.parent.parent)
            path.replace(place)
            sync_folder(place.parent)

    def sync(self) -> None:
        """Flush the names of all blobs to disk; their bytes were flushed before. Never raises OSError."""
        folder = self._folder.inside(f"{BLOBS}/x").parent
        for algorithm in ALGORITHMS:
            if (folder / algorithm).is_dir():
                sync_folder(folder / algorithm)

    def tidy(self, *, oldest: float = OLDEST, most_bytes: int = MOST_BYTES) -> None:
        """Remove unfinished blobs that are too old, or exceed *most_bytes* in total; never one that is being written.

        Raises LibraryError.
        """
        with self._folder.explained(writing=True):
            total = 0
            for path in self._all(TEMPORARY):
                with contextlib.suppress(FileNotFoundError):
                    if time.time() - path.lstat().st_mtime > oldest:
                        _unlink_unless_written(path)
            for modified, size, path in sorted(self._parts(), reverse=True):
                total += size
                if time.time() - modified < oldest and total <= most_bytes:
                    continue
                with contextlib.suppress(FileNotFoundError):
                    part = _Part.opened(path, self._folder)
                    if part is not None:
                        with contextlib.closing(part):
                            path.unlink()

    def _parts(self) -> Iterator[tuple[float, int, Path]]:
        for path in self._all(_ENDING):
            with contextlib.suppress(FileNotFoundError):
                found = path.lstat()
                yield found.st_mtime, found.st_size, path

    def _all(self, ending: str) -> Iterator[Path]:
        return self._folder.inside(f"{INGEST}/x").parent.glob(f"*{ending}")

    def _open(self, digest: str) -> _Part | None:
        name = digest.replace(":", "-") + _ENDING
        return _Part.opened(self._folder.inside(f"{INGEST}/{name}"), self._folder)


class _Part:
    """One unfinished blob, locked while it is open."""

    def __init__(self, path: Path, descriptor: int, folder: LayoutFolder) -> None:
        self.path = path
        self._file = os.fdopen(descriptor, "r+b", buffering=0)
        self._folder = folder

    @classmethod
    def opened(cls, path: Path, folder: LayoutFolder) -> _Part | None:
        """Open and lock the part; None if somebody else writes it. Raises OSError."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(path, flags, 0o666)
        try:
            # Once locked, it may already have been moved to its final place: then it is not ours to write.
            if try_lock(descriptor) and _is_at(descriptor, path):
                return cls(path, descriptor, folder)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return None

    def close(self) -> None:
        """Close and unlock it; an empty one is removed."""
        with contextlib.suppress(OSError):
            if not self._size() and _is_at(self._file.fileno(), self.path):
                self.path.unlink()
        self._file.close()

    def fill(self, wanted: Descriptor, source: OpenBlob, cancellation: Cancellation) -> None:
        """Fill it from *source* to its full size, hashed and flushed to disk."""
        with self._folder.explained(writing=True):
            begun = self._size()
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
        self._room_for(wanted.size - verifier.seen)
        try:
            if verifier.seen < wanted.size:
                self._append(verifier, source, cancellation)
            verifier.finish()
        except DigestMismatch:
            self._drop()
            raise

    def _append(self, verifier: Verifier, source: OpenBlob, cancellation: Cancellation) -> None:
        with source(verifier.seen) as chunks:
            for chunk in chunks:
                cancellation.raise_if_cancelled()
                verifier.update(chunk)
                try:
                    _write(self._file, chunk)
                except OSError as error:
                    explained = self._folder.explain(error, writing=True)
                    if isinstance(explained, DiskFull):
                        self._drop()  # a full disk affects everyone
                    raise explained from error

    def _hashed(self, wanted: Descriptor, cancellation: Cancellation) -> Verifier:
        """A verifier fed with the existing bytes: they are hashed again because nobody vouches for them.

        Call at the start of the file.
        """
        verifier = Verifier(wanted.digest, wanted.size)
        with self._folder.explained(writing=True):
            if self._size() > wanted.size:
                self._file.truncate(0)
            while chunk := self._file.read(_READ):
                cancellation.raise_if_cancelled()
                verifier.update(chunk)
        return verifier

    def _room_for(self, size: int) -> None:
        """Check that the disk has room for *size* more bytes. Raises DiskFull."""
        if not hasattr(os, "statvfs"):
            return
        with self._folder.explained(writing=True):
            found = os.fstatvfs(self._file.fileno())
        free = found.f_bavail * found.f_frsize
        if size > free:
            raise DiskFull(
                "The disk does not have enough free space for the image.",
                subject=str(self._folder.path),
                advice="Free space on that disk, or choose another folder.",
                detail=f"{size} bytes more are needed; {free} are free",
            )

    def _size(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    def _drop(self) -> None:
        with contextlib.suppress(OSError):
            self._file.truncate(0)
            self._file.seek(0)


def _write(file: IO[bytes], chunk: bytes) -> None:
    """Write all of *chunk*: an unbuffered file may accept only a part of it."""
    left = memoryview(chunk)
    while left.nbytes:
        left = left[file.write(left) :]


def _unlink_unless_written(path: Path) -> None:
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


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        there = path.lstat()
    except FileNotFoundError:
        return False
    ours = os.fstat(descriptor)
    return (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)
