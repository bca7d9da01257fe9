"""The folder of a library: the paths of its files, its two documents, and its errors (image-spec image-layout.md).

Beside the layout's own files, ``.longshore`` has locks, leases and unfinished downloads; other tools ignore it. Links
inside the folder are never followed: a layout may come from anywhere.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from longshore.cancellation import Cancellation
from longshore.errors import DiskFull, InvalidLayout, LibraryBusy, LibraryError, NotALibrary
from longshore.oci import layout
from longshore.oci.layout import LayoutIndex
from longshore.shared_files import (
    PATIENCE,
    DidNotLast,
    FileTooLarge,
    LockBusy,
    NotAFile,
    SharedFile,
    locked,
    read_file,
    sync_folder,
)

OWN = ".longshore"
INGEST = f"{OWN}/ingest"
LEASES = f"{OWN}/leases"
#: The suffix of files that are being written.
TEMPORARY = ".tmp"
_INDEX_LOCK = f"{OWN}/index.lock"
_BLOBS_LOCK = f"{OWN}/blobs.lock"
_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)

#: Identifies a state of ``index.json``: time in nanoseconds, inode, size; None if it is missing.
Signature = tuple[int, int, int] | None


class LayoutFolder:
    """One folder. Thread-safe; every method blocks briefly and raises LibraryError, DiskFull or InvalidLayout."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock = threading.Lock()
        # The last parsed index, by the hash of its bytes. Not by time, inode and size: those of a replaced file can
        # recur within a few milliseconds, and a stale list would be written back.
        self._known: tuple[bytes, LayoutIndex] | None = None
        self._index_file = self._document(layout.INDEX_FILE, layout.LARGEST_INDEX)
        self._layout_file = self._document(layout.LAYOUT_FILE, layout.LARGEST_LAYOUT_FILE)

    def _document(self, name: str, largest: int) -> SharedFile:
        return SharedFile(
            self.path / name,
            largest=largest,
            mode=0o644,
            follow=False,
            lock=self.path / _INDEX_LOCK,
            temporaries=self.path / INGEST,
        )

    # -- the folder itself

    @property
    def exists(self) -> bool:
        """Whether the folder is a library. Raises NotALibrary for a folder with other contents."""
        with self.explained():
            try:
                raw = read_file(self.path / layout.LAYOUT_FILE, layout.LARGEST_LAYOUT_FILE, follow=False)
            except FileNotFoundError:
                raw = None
            except NotADirectoryError:
                raise self._not_one("it is a file") from None
            if raw is not None:
                layout.check_layout_file(raw)
                return True
            try:
                there = {path.name for path in self.path.iterdir()}
            except FileNotFoundError:
                return False
        if there and OWN not in there:
            raise self._not_one("it is not empty and not an OCI image layout")
        return False

    def ensure(self) -> None:
        """Create the library, or its missing parts. Raises NotALibrary rather than write among other files."""
        if self.exists and all(
            self.inside(name).exists()
            for name in (INGEST, LEASES, f"{layout.BLOBS}/sha256", layout.INDEX_FILE)
        ):
            return
        with self.explained(writing=True):
            if not self.path.is_dir():
                self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            # First of all: they mark the folder as ours if a crash leaves it half created.
            for name in (OWN, INGEST, LEASES):
                self.inside(name).mkdir(exist_ok=True)
            for name in (layout.BLOBS, f"{layout.BLOBS}/sha256"):
                self.inside(name).mkdir(exist_ok=True)
                sync_folder(self.inside(name).parent)
            self._index_file.change(lambda raw: LayoutIndex().to_bytes() if raw is None else None)
            self._layout_file.change(lambda raw: layout.layout_file() if raw is None else None)

    @property
    def own(self) -> Path:
        """The subfolder for our own files."""
        return self.path / OWN

    @property
    def writable(self) -> bool:
        """False if the folder is read-only: then nothing is locked or leased."""
        return os.access(self.own if self.own.exists() else self.path, os.W_OK)

    def inside(self, relative: str) -> Path:
        """The path of *relative*, checking that its folders are not links. Raises LibraryError if one is."""
        path = self.path
        parts = relative.split("/")
        for part in parts[:-1]:
            path = path / part
            with contextlib.suppress(FileNotFoundError):
                if stat.S_ISLNK(path.lstat().st_mode):
                    raise self._link(path)
        return path / parts[-1]

    def blob(self, digest: str) -> Path:
        """The path of the blob *digest*, whether it exists or not."""
        return self.inside(layout.blob_path(digest))

    def open_blob(self, digest: str) -> BinaryIO:
        """Open a blob for reading. Raises FileNotFoundError, NotAFile for a link, a pipe or a device, OSError."""
        path = self.blob(digest)
        flags = os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        try:
            descriptor = os.open(path, flags)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO):
                raise NotAFile(path) from error
            raise
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise NotAFile(path)
        return os.fdopen(descriptor, "rb", buffering=0)

    # -- the index

    def signature(self) -> Signature:
        """A value that changes whenever the list of images does; costs one stat(2)."""
        try:
            found = (self.path / layout.INDEX_FILE).lstat()
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_ino, found.st_size)

    def index(self) -> LayoutIndex:
        """The current images, read from disk; an empty index if there is no library."""
        return self.listed() or LayoutIndex()

    def listed(self) -> LayoutIndex | None:
        """The current images, read from disk; None if the index is missing, which says nothing about the blobs."""
        if not self.exists:
            return None
        with self.explained():
            raw = self._index_file.read()
        return None if raw is None else self._parsed(raw)

    def change(
        self, how: Callable[[LayoutIndex], LayoutIndex], cancellation: Cancellation | None = None
    ) -> None:
        """Replace the index by the result of *how*; it is on disk on return. Serialised among all programs.

        *how* receives the index as it is under the lock, may be called again, and may raise; then nothing changes.
        """
        self.ensure()

        def changed(raw: bytes | None) -> bytes | None:
            before = LayoutIndex() if raw is None else self._parsed(raw)
            after = how(before)
            if after == before:
                return None
            wanted = after.to_bytes()
            if len(wanted) > layout.LARGEST_INDEX:
                raise LibraryError(
                    "The library has too many images.",
                    subject=str(self.path),
                    advice="Remove images that you no longer need, or use another folder.",
                    detail=f"{len(wanted)} bytes in {layout.INDEX_FILE}; at most {layout.LARGEST_INDEX} are read",
                )
            return wanted

        with self.explained(writing=True):
            self.inside(_INDEX_LOCK)  # checks for links in the path
            self._index_file.change(changed, cancellation=cancellation)

    def _parsed(self, raw: bytes) -> LayoutIndex:
        key = hashlib.sha256(raw).digest()
        with self._lock:
            if self._known is not None and self._known[0] == key:
                return self._known[1]
        try:
            found = LayoutIndex.parse(raw)
        except InvalidLayout as error:
            raise self._broken_index(error.message, error.detail) from error
        with self._lock:
            self._known = (key, found)
        return found

    def blobs_lock(
        self, *, shared: bool, cancellation: Cancellation | None = None, patience: float = PATIENCE
    ) -> contextlib.AbstractContextManager[None]:
        """Lock the blobs. *shared*: to look for a blob and take a lease on it. Exclusive: to remove blobs."""
        path = self.inside(_BLOBS_LOCK)
        return locked(path, shared=shared, cancellation=cancellation, patience=patience)

    # -- errors

    @contextlib.contextmanager
    def explained(self, *, writing: bool = False) -> Iterator[None]:
        """Turn OSError into errors that name the folder. Not for code that may raise OSError for other reasons."""
        try:
            yield
        except OSError as error:
            raise self.explain(error, writing=writing) from error

    def explain(self, error: OSError, *, writing: bool = False) -> LibraryError | DiskFull | InvalidLayout:
        """The error to show for *error*."""
        detail = str(error)
        if isinstance(error, LockBusy):
            return LibraryBusy(
                "Another program keeps the library locked.",
                subject=str(self.path),
                advice="Close Longshore windows that have stopped responding.",
                detail=detail,
            )
        if isinstance(error, DidNotLast):
            return LibraryBusy(
                "Another program keeps overwriting the library's list of images.",
                subject=str(self.path),
                advice="Close that program, then try again.",
                detail=detail,
            )
        if isinstance(error, FileTooLarge):
            return self._broken_index("The image layout is damaged.", detail)
        if isinstance(error, NotAFile):
            path = Path(os.fsdecode(error.filename))
            return self._link(path) if path.is_symlink() else self._no_file(path)
        if error.errno in _FULL:
            return DiskFull(
                "The disk is full.",
                subject=str(self.path),
                advice="Free space on that disk, or choose another folder.",
                detail=detail,
            )
        if error.errno in _FORBIDDEN:
            return LibraryError(
                f"You do not have permission to {'write to' if writing else 'read'} the library.",
                subject=str(self.path),
                advice="Check the folder's owner and permissions, or choose another folder.",
                detail=detail,
            )
        return LibraryError(
            f"The library can't be {'written' if writing else 'read'}.",
            subject=str(self.path),
            advice="Check the folder, or choose another one.",
            detail=detail,
        )

    def _broken_index(self, message: str, detail: str) -> InvalidLayout:
        return InvalidLayout(
            message,
            subject=str(self.path / layout.INDEX_FILE),
            advice="Restore an older copy of the file, or choose another folder.",
            detail=detail,
        )

    def _not_one(self, why: str) -> NotALibrary:
        return NotALibrary(
            "The folder can't be used as a library.",
            subject=str(self.path),
            advice="Choose an empty folder, or one with an OCI image layout.",
            detail=why,
        )

    def _link(self, path: Path) -> LibraryError:
        return LibraryError(
            "The library contains a symbolic link, which Longshore does not follow.",
            subject=str(path),
            advice="Replace it with the file or folder itself.",
        )

    def _no_file(self, path: Path) -> LibraryError:
        return LibraryError(
            "The library contains an entry that is not a regular file.",
            subject=str(path),
            advice="Remove it from the folder.",
        )
