"""Blobs on their way in: named by their digest from the first byte on, so that whoever comes next goes on where a cut,
a cancellation or a kill has left off; and hashed whole before they get their place."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

from longshore.cancellation import Cancellation, Cancelled
from longshore.library.folder import INGEST, TEMPORARY, LayoutFolder
from longshore.library.leases import Lease
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import ALGORITHMS, Verifier
from longshore.oci.errors import DigestMismatch, DiskFull
from longshore.oci.layout import BLOBS
from longshore.shared_files import sync_folder, try_lock

_ENDING = ".part"
_READ = 1 << 20
#: Seconds after which an unfinished download that nobody writes is not waited for any more.
OLDEST = 7 * 24 * 3600.0
#: Bytes that all of them may take up; the oldest go first.
MOST_BYTES = 20 << 30
_NAP = 0.1

#: Gives a blob's bytes from an offset on.
Source = Callable[[int], AbstractContextManager[Iterable[bytes]]]


class Ingest:
    """The unfinished blobs of one library. Any thread; blocks."""

    def __init__(self, folder: LayoutFolder) -> None:
        self._folder = folder

    def receive(self, wanted: Descriptor, source: Source, lease: Lease, cancellation: Cancellation) -> bool:
        """Have the blob *wanted* in its place; False if it was there already. Two who want the same one: the second
        waits for the first.

        What came is kept when *source* or the cancellation ends it, for the next call. Raises DigestMismatch, DiskFull,
        LibraryError, Cancelled, and what *source* raises.
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
        """Store a blob whose digest nobody has told; its media type is left open. Nothing of it is kept when *chunks*
        or the cancellation ends it: nobody could ask for the rest. Raises DiskFull, LibraryError, Cancelled, and what
        *chunks* raises."""
        self._folder.ensure()
        hashed = hashlib.sha256()
        size = 0
        with self._folder.explained(writing=True):
            path = self._folder.inside(f"{INGEST}/{uuid.uuid4().hex}{TEMPORARY}")
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            file = os.fdopen(os.open(path, flags, 0o666), "wb", buffering=0)
            try_lock(file.fileno())  # it is being written, whatever the clock says of its age
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
        """Hold the blob if it is here, and give its size; None if it is not."""
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
                os.utime(path)  # in use: not to be taken for what a transfer left behind
            return found.st_size

    def _settle(self, path: Path, digest: str, cancellation: Cancellation) -> None:
        """Give a file its place among the blobs. A lease is on it already."""
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
        """Bring the names of all blobs to disk; their bytes were brought there before they got them. Never raises
        OSError."""
        folder = self._folder.inside(f"{BLOBS}/x").parent
        for algorithm in ALGORITHMS:
            if (folder / algorithm).is_dir():
                sync_folder(folder / algorithm)

    def partial_bytes(self) -> int:
        """Bytes of all that is not finished."""
        return sum(size for _, size, _ in self._parts())

    def tidy(self, *, oldest: float = OLDEST, most_bytes: int = MOST_BYTES) -> None:
        """Remove what nobody will take up any more: too old, or more than *most_bytes* together. Never what is being
        written. Raises LibraryError."""
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
    """One unfinished blob, locked for as long as it is open."""

    def __init__(self, path: Path, descriptor: int, folder: LayoutFolder) -> None:
        self.path = path
        self._file = os.fdopen(descriptor, "r+b", buffering=0)
        self._folder = folder

    @classmethod
    def opened(cls, path: Path, folder: LayoutFolder) -> _Part | None:
        """None if somebody else writes it. Raises OSError."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(path, flags, 0o666)
        try:
            # Locked, it may already have got its place under another name: then it is not ours to write.
            if try_lock(descriptor) and _is_at(descriptor, path):
                return cls(path, descriptor, folder)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return None

    def close(self) -> None:
        """Let it go; one that is empty goes with it."""
        with contextlib.suppress(OSError):
            if not self._size() and _is_at(self._file.fileno(), self.path):
                self.path.unlink()
        self._file.close()

    def fill(self, wanted: Descriptor, source: Source, cancellation: Cancellation) -> None:
        """Bring it to its full size from *source*, on the disk and hashed."""
        with self._folder.explained(writing=True):
            begun = self._size()
        try:
            self._fill(wanted, source, cancellation)
        except DigestMismatch:
            self._drop()
            if not begun:
                raise
            # What an earlier attempt left may be what was wrong.
            self._fill(wanted, source, cancellation)
        with self._folder.explained(writing=True):
            os.fsync(self._file.fileno())

    def _fill(self, wanted: Descriptor, source: Source, cancellation: Cancellation) -> None:
        verifier = self._hashed(wanted, cancellation)
        self._room_for(wanted.size - verifier.seen)
        if verifier.seen < wanted.size:
            self._append(verifier, source, cancellation)
        try:
            verifier.finish()
        except DigestMismatch:
            self._drop()
            raise

    def _append(self, verifier: Verifier, source: Source, cancellation: Cancellation) -> None:
        with source(verifier.seen) as chunks:
            for chunk in chunks:
                cancellation.raise_if_cancelled()
                verifier.update(chunk)
                try:
                    _write(self._file, chunk)
                except OSError as error:
                    explained = self._folder.explain(error, writing=True)
                    if isinstance(explained, DiskFull):
                        self._drop()  # a full disk harms everybody
                    raise explained from error

    def _hashed(self, wanted: Descriptor, cancellation: Cancellation) -> Verifier:
        """What is here already, hashed again: nobody vouches for it."""
        verifier = Verifier(wanted.digest, wanted.size)
        with self._folder.explained(writing=True):
            if self._size() > wanted.size:
                self._file.truncate(0)
            self._file.seek(0)
            while chunk := self._file.read(_READ):
                cancellation.raise_if_cancelled()
                verifier.update(chunk)
        return verifier

    def _room_for(self, size: int) -> None:
        """Raises DiskFull at once where the disk cannot take *size* bytes more."""
        if not hasattr(os, "statvfs"):
            return
        with self._folder.explained(writing=True):
            found = os.fstatvfs(self._file.fileno())
        free = found.f_bavail * found.f_frsize
        if size > free:
            raise DiskFull(
                "There is not enough space left for the library.",
                subject=str(self._folder.path),
                advice="Make room on that disk, or choose another folder for the library.",
                detail=f"{size} bytes more are needed; {free} are free",
            )

    def _size(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    def _drop(self) -> None:
        with contextlib.suppress(OSError):
            self._file.truncate(0)
            self._file.seek(0)


def _write(file: IO[bytes], chunk: bytes) -> None:
    """All of *chunk*: an unbuffered file may take a part of it."""
    left = memoryview(chunk)
    while left.nbytes:
        left = left[file.write(left) or 0 :]


def _unlink_unless_written(path: Path) -> None:
    """Remove a temporary file unless a living program has it locked. Raises OSError."""
    try:
        descriptor = os.open(
            path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        )
    except FileNotFoundError:
        return
    except OSError:  # a link or a socket: nobody of ours writes that
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
