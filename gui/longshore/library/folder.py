"""The folder of a library: what may lie where, its two files, and what goes wrong with folders (image-spec
image-layout.md).

Beside the layout's own files there is ``.longshore`` with locks, leases and downloads that are not finished; other
tools pass it over. Nothing in the folder is ever followed through a link: a layout may come from anywhere.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from longshore.cancellation import Cancellation
from longshore.library.locks import locked
from longshore.oci import layout
from longshore.oci.errors import DiskFull, InvalidLayout, LibraryError, NotALibrary
from longshore.oci.layout import LayoutIndex

OWN = ".longshore"
INGEST = f"{OWN}/ingest"
LEASES = f"{OWN}/leases"
#: What the names of files end in that are being written.
TEMPORARY = ".tmp"
_INDEX_LOCK = f"{OWN}/index.lock"
_BLOBS_LOCK = f"{OWN}/blobs.lock"
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)

#: What tells one state of ``index.json`` from another: time in nanoseconds, inode, size; None where there is none.
Signature = tuple[int, int, int] | None


class LayoutFolder:
    """One folder. Thread-safe; every method blocks for a moment and raises LibraryError, DiskFull or InvalidLayout."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock = threading.Lock()
        self._known: tuple[Signature, LayoutIndex] | None = None

    # -- the folder itself

    @property
    def exists(self) -> bool:
        """Whether a library is there. Raises NotALibrary for a folder with other things in it."""
        with self.explained():
            try:
                with self.open("oci-layout") as file:
                    raw = file.read(layout.LARGEST_LAYOUT_FILE + 1)
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
            raise self._not_one("it is not empty, and no OCI image layout")
        return False

    def ensure(self) -> None:
        """Make the library if there is none. Raises NotALibrary rather than to write among other things."""
        if self.exists and self.inside(LEASES).is_dir():
            return
        with self.explained(writing=True):
            if not self.path.is_dir():
                self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            # First of all: it marks as ours what a crash leaves half made.
            for name in (OWN, INGEST, LEASES):
                self.inside(name).mkdir(exist_ok=True)
            with self.index_lock():
                self.inside(layout.BLOBS).mkdir(exist_ok=True)
                self.inside(f"{layout.BLOBS}/sha256").mkdir(exist_ok=True)
                if not self.inside(layout.INDEX_FILE).exists():
                    self.write(self.path / layout.INDEX_FILE, LayoutIndex().to_bytes())
                if not self.inside(layout.LAYOUT_FILE).exists():
                    self.write(self.path / layout.LAYOUT_FILE, layout.layout_file())

    @property
    def own(self) -> Path:
        """The folder of our own files in it."""
        return self.path / OWN

    @property
    def writable(self) -> bool:
        """False where we may only read: then nothing is locked and nothing held."""
        return os.access(self.own if self.own.exists() else self.path, os.W_OK)

    def inside(self, relative: str) -> Path:
        """The path of *relative*, whose folders are folders and no links. Raises LibraryError where they are links."""
        path = self.path
        parts = relative.split("/")
        for part in parts[:-1]:
            path = path / part
            with contextlib.suppress(FileNotFoundError):
                if stat.S_ISLNK(path.lstat().st_mode):
                    raise self._link(path)
        return path / parts[-1]

    def blob(self, digest: str) -> Path:
        """Where the blob *digest* lies, or would."""
        return self.inside(layout.blob_path(digest))

    def open(self, relative: str) -> BinaryIO:
        """Open a file to read. Raises OSError, and LibraryError for a link or what is no file."""
        path = self.inside(relative)
        try:
            # Not waiting: what lies there may be a pipe.
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | _NO_FOLLOW | getattr(os, "O_NONBLOCK", 0))
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise self._link(path) from error
            raise
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise LibraryError(
                "Something in the library is no file.", subject=str(path), advice="Remove it from the folder."
            )
        return os.fdopen(descriptor, "rb", buffering=0)

    # -- the index

    def signature(self) -> Signature:
        """Changes whenever the list of images does; costs one stat(2)."""
        try:
            found = (self.path / layout.INDEX_FILE).lstat()
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_ino, found.st_size)

    def index(self) -> LayoutIndex:
        """The images now; those of an empty library where there is none."""
        # Before the file is opened: a newer one is then read again rather than taken for the older.
        signature = self.signature()
        with self._lock:
            if self._known is not None and self._known[0] == signature and signature is not None:
                return self._known[1]
        if not self.exists:
            return LayoutIndex()
        with self.explained():
            try:
                with self.open(layout.INDEX_FILE) as file:
                    raw = _all(file, layout.LARGEST_INDEX)
            except FileNotFoundError:
                return LayoutIndex()
        try:
            found = LayoutIndex.parse(raw)
        except InvalidLayout as error:
            raise InvalidLayout(
                error.message,
                subject=str(self.path / layout.INDEX_FILE),
                advice="Put an older copy of the file back, or choose another folder.",
                detail=error.detail,
            ) from error
        with self._lock:
            self._known = (signature, found)
        return found

    def change(
        self, how: Callable[[LayoutIndex], LayoutIndex], cancellation: Cancellation | None = None
    ) -> tuple[LayoutIndex, LayoutIndex]:
        """Write the index that *how* makes of what stands there; gives what stood and what stands. One at a time,
        among all processes; *how* may raise, and then nothing changes."""
        self.ensure()
        with self.explained(writing=True), self.index_lock(cancellation):
            before = self.index()
            after = how(before)
            if after != before:
                self.write(self.path / layout.INDEX_FILE, after.to_bytes())
        return before, after

    def write(self, path: Path, data: bytes) -> None:
        """Write a small file of the library, as a whole or not at all, also if the machine stops. Raises OSError."""
        temporary = self.inside(f"{INGEST}/{uuid.uuid4().hex}{TEMPORARY}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            with os.fdopen(os.open(temporary, flags, 0o666), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            sync_folder(path.parent)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise

    def index_lock(self, cancellation: Cancellation | None = None) -> contextlib.AbstractContextManager[None]:
        """Who changes the list of images."""
        return locked(self.inside(_INDEX_LOCK), cancellation=cancellation)

    def blobs_lock(
        self, *, shared: bool, cancellation: Cancellation | None = None
    ) -> contextlib.AbstractContextManager[None]:
        """Who looks for a blob and takes a lease on it (*shared*), and who removes blobs that nobody needs."""
        return locked(self.inside(_BLOBS_LOCK), shared=shared, cancellation=cancellation)

    # -- what goes wrong

    @contextlib.contextmanager
    def explained(self, *, writing: bool = False) -> Iterator[None]:
        """Turn OSError into errors that name the folder. Not around what may raise OSError for other reasons."""
        try:
            yield
        except OSError as error:
            raise self.explain(error, writing=writing) from error

    def explain(self, error: OSError, *, writing: bool = False) -> LibraryError | DiskFull:
        """What *error* means for a person."""
        detail = str(error)
        if error.errno in _FULL:
            return DiskFull(
                "There is no space left for the library.",
                subject=str(self.path),
                advice="Make room on that disk, or choose another folder for the library.",
                detail=detail,
            )
        done = "written" if writing else "read"
        if error.errno in _FORBIDDEN:
            return LibraryError(
                f"The library may not be {done}.",
                subject=str(self.path),
                advice="Look at the folder's owner and permissions, or choose another folder.",
                detail=detail,
            )
        return LibraryError(
            f"The library cannot be {done}.",
            subject=str(self.path),
            advice="Look at the folder, or choose another one.",
            detail=detail,
        )

    def _not_one(self, why: str) -> NotALibrary:
        return NotALibrary(
            "The folder cannot be used as a library.",
            subject=str(self.path),
            advice="Choose an empty folder, or one with an OCI image layout.",
            detail=why,
        )

    def _link(self, path: Path) -> LibraryError:
        return LibraryError(
            "Something in the library is a link, and links are not followed.",
            subject=str(path),
            advice="Put what it leads to in its place.",
        )


def sync_folder(path: Path) -> None:
    """Have a rename in the folder *path* survive the machine's stop, where the system can. Raises OSError."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _all(file: BinaryIO, largest: int) -> bytes:
    parts = []
    seen = 0
    while seen <= largest and (part := file.read(1 << 20)):
        parts.append(part)
        seen += len(part)
    return b"".join(parts)
