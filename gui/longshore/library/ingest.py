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
from weakref import WeakValueDictionary

from longshore.cancellation import Cancellation, Cancelled
from longshore.library.arriving import (
    ENDING,
    RANGES,
    Arriving,
    arrived_bytes,
    take_over_beginning,
    take_over_part,
)
from longshore.library.folder import INGEST, TEMPORARY, LayoutFolder
from longshore.library.leases import Lease
from longshore.library.parts import Part, unlink_unless_written, write_all
from longshore.oci.descriptor import Descriptor, OpenBlob
from longshore.oci.digest import ALGORITHMS
from longshore.oci.layout import BLOBS
from longshore.shared_files import sync_folder, try_lock

_PART = ".part"
#: Seconds after which an unfinished download that nobody writes is deleted.
OLDEST = 7 * 24 * 3600.0
#: The maximum total bytes of unfinished downloads; the oldest are deleted first.
MOST_BYTES = 20 << 30
_NAP = 0.1


class Ingest:
    """The unfinished blobs of one library. Any thread; blocks."""

    def __init__(self, folder: LayoutFolder) -> None:
        self._folder = folder
        #: What this process stores now, and may have stored; by digest.
        self._arriving: WeakValueDictionary[str, Arriving] = WeakValueDictionary()

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
                part = Part.opened(self._part(wanted.digest), self._folder)
            if part is None:
                cancellation.wait(_NAP)
                continue
            with contextlib.closing(part):
                with self._folder.explained(writing=True):
                    if take_over_beginning(part):
                        continue
                part.fill(wanted, source, cancellation)
                self._settle(part.path, wanted.digest, cancellation)
            return True

    def arrive(
        self, wanted: Descriptor, lease: Lease, cancellation: Cancellation, *, wait: bool = True
    ) -> Arriving | None:
        """The blob *wanted*, for several threads to fill, or whole. Resumes an earlier call, also of :meth:`receive`.

        If somebody else is receiving it, this waits for the end of that; without *wait*, it returns None. The caller
        closes it. Raises DiskFull, LibraryError, Cancelled.
        """
        self._folder.ensure()
        while True:
            if cancellation.stopping:
                raise Cancelled
            if self.take_up(wanted.digest, lease, cancellation) == wanted.size:
                return Arriving(wanted, self._folder)
            with self._folder.explained(writing=True):
                part = Part.opened(self._part(wanted.digest), self._folder)
                if part is not None:
                    try:
                        if not take_over_part(part):
                            found = Arriving(wanted, self._folder, part, self._settle)
                            self._arriving[wanted.digest] = found
                            return found
                    except BaseException:
                        part.close()
                        raise
                    part.close()
                    continue
            if not wait:
                return None
            cancellation.wait(_NAP)

    def follow(self, digest: str) -> Arriving | None:
        """The blob that a caller of :meth:`arrive` in this process stores now, only to be read; None if there is none.

        Whoever stores it closes it; then another caller may store the rest.
        """
        found = self._arriving.get(digest)
        return None if found is None or found.failed else found

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
                        write_all(file, chunk)
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

    # -- unfinished blobs

    def unfinished(self, digest: str) -> int:
        """Bytes that have arrived of the blob *digest*; 0 if it is whole or nothing has. Raises LibraryError."""
        path = self._part(digest)
        with self._folder.explained():
            try:
                size = path.lstat().st_size
            except (FileNotFoundError, NotADirectoryError):
                size = 0
            return size or arrived_bytes(path)

    def unfinished_bytes(self) -> int:
        """Bytes of all unfinished blobs. Raises LibraryError."""
        with self._folder.explained():
            return sum(size for _, size, _ in self._unfinished())

    def drop_unfinished(self) -> int:
        """Remove all unfinished blobs, except those that are being written. Returns the bytes freed.

        Raises LibraryError.
        """
        with self._folder.explained(writing=True):
            return sum(self._discard(path) for _, _, path in self._unfinished())

    def tidy(self, *, oldest: float = OLDEST, most_bytes: int = MOST_BYTES) -> None:
        """Remove unfinished blobs that are too old, or exceed *most_bytes* in total; never one that is being written.

        Raises LibraryError.
        """
        with self._folder.explained(writing=True):
            total = 0
            for path in self._all(TEMPORARY):
                with contextlib.suppress(FileNotFoundError):
                    if time.time() - path.lstat().st_mtime > oldest:
                        unlink_unless_written(path)
            for modified, size, path in sorted(self._unfinished(), reverse=True):
                total += size
                if time.time() - modified >= oldest or total > most_bytes:
                    self._discard(path)

    def _unfinished(self) -> list[tuple[float, int, Path]]:
        """When each unfinished blob was written to last, its bytes, and its part."""
        found: dict[Path, tuple[float, int]] = {}
        for path in (path for ending in (_PART, ENDING, RANGES) for path in self._all(ending)):
            with contextlib.suppress(FileNotFoundError):
                status = path.lstat()
                part = path.with_suffix(_PART)
                size = {_PART: status.st_size, ENDING: arrived_bytes(part), RANGES: 0}[path.suffix]
                modified, before = found.get(part, (0.0, 0))
                found[part] = max(modified, status.st_mtime), before + size
        return [(modified, size, part) for part, (modified, size) in found.items()]

    def _discard(self, path: Path) -> int:
        """Remove the unfinished blob with the part *path*, unless it is being written. Returns the bytes freed."""
        part = Part.opened(path, self._folder)
        if part is None:
            return 0
        with contextlib.closing(part):
            freed = part.size + arrived_bytes(path)
            for ending in (ENDING, RANGES, _PART):
                path.with_suffix(ending).unlink(missing_ok=True)
        return freed

    def _all(self, ending: str) -> Iterator[Path]:
        return self._folder.inside(f"{INGEST}/x").parent.glob(f"*{ending}")

    def _part(self, digest: str) -> Path:
        return self._folder.inside(f"{INGEST}/{digest.replace(':', '-')}{_PART}")
