"""Leases on contents that transfers of all processes use, so that no removal deletes them.

A transfer leases the images it reads, and every blob it has found or written, until a name in the index refers to the
blob. A lease is a file that its process keeps locked: when the process ends, the lock and with it the lease end too.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from longshore.library.folder import LEASES, LayoutFolder
from longshore.oci.digest import valid_digest
from longshore.shared_files import try_lock

_ENDING = ".lease"


class Lease:
    """The contents that one transfer uses. Thread-safe. Holds nothing if the library is read-only.

    *closed* is called, in the thread that closes it, if it held anything.
    """

    def __init__(self, folder: LayoutFolder, closed: Callable[[], None] = lambda: None) -> None:
        self._closed = closed
        self._lock = threading.Lock()
        self._held: set[str] = set()
        self._path: Path | None = None
        self._descriptor: int | None = None
        self._folder = folder

    def hold(self, *digests: str) -> None:
        """Keep these contents, and everything they refer to.

        Call with the blobs' lock held, at least shared, before checking whether they are present. Raises LibraryError,
        DiskFull.
        """
        with self._lock, self._folder.explained(writing=True):
            new = [digest for digest in dict.fromkeys(digests) if digest not in self._held]
            if not new:
                return
            if self._descriptor is None:
                self._begin()
            assert self._descriptor is not None
            self._write("".join(f"{digest}\n" for digest in new).encode())
            self._held.update(new)

    def close(self) -> None:
        """Release everything. May be called again."""
        with self._lock:
            if self._descriptor is None:
                return
            with contextlib.suppress(OSError):
                assert self._path is not None
                self._path.unlink()
            os.close(self._descriptor)
            self._descriptor = None
            self._held.clear()
        self._closed()

    def _write(self, lines: bytes) -> None:
        """Write all of *lines* or nothing: half a digest holds nothing, and would corrupt the next line."""
        assert self._descriptor is not None
        before = os.fstat(self._descriptor).st_size
        try:
            if os.write(self._descriptor, lines) != len(lines):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            os.ftruncate(self._descriptor, before)
            raise

    def _begin(self) -> None:
        folder = self._folder.inside(f"{LEASES}/x").parent
        self._path = folder / f"{uuid.uuid4().hex}{_ENDING}"
        # The collector holds the blobs' lock exclusively, and so never sees the file before it is locked.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(self._path, flags, 0o666)
        if not try_lock(self._descriptor):
            raise OSError(f"cannot lock {self._path}")


def held(folder: LayoutFolder) -> Iterator[str]:
    """The contents that all running processes hold; removes the files of ended ones.

    Call with the blobs' lock held exclusively. Raises OSError.
    """
    for path in folder.inside(f"{LEASES}/x").parent.glob(f"*{_ENDING}"):
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0))
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EISDIR, errno.ELOOP, errno.ENXIO):
                continue  # removed meanwhile, or not our lease
            raise
        try:
            if try_lock(descriptor):
                with contextlib.suppress(OSError):
                    path.unlink()
                continue
            with os.fdopen(os.dup(descriptor), "r", encoding="ascii", errors="replace") as file:
                # The last line may be incomplete, if its writer was killed at that moment.
                yield from (line.strip() for line in file if valid_digest(line.strip()))
        finally:
            os.close(descriptor)
