"""A file that appears complete or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from longshore.archives import failures
from longshore.errors import ArchiveError, LongshoreError
from longshore.oci.digest import sha256_of
from longshore.shared_files import sync_folder, try_lock

#: Makes the error for one of the system's while doing (“read”, “written”) something with the file at a path.
Failed = Callable[[OSError, Path, str], LongshoreError]
#: On Windows an open file cannot be removed anyway.
_LOCKS = os.name != "nt"
_SUFFIX = ".part"
_LONGEST = 200
#: Bytes after which the system is asked to flush them to disk, so that the end is not one long wait that cannot be
#: cancelled (600 MB: 0.01 s instead of 0.25 s), and the file does not push others out of the page cache.
_STEP = 32 * 1024 * 1024


class NewFile:
    """A file written beside *path* under a temporary name; :meth:`commit` flushes it to disk and renames it to *path*.

    A symbolic link is followed: its target is replaced, or created, and the link stays. Leaving without a commit
    removes the file; the leftover of a killed process is removed by the next one that writes the same name. One thread.
    Raises DiskFull, and ArchiveError for other system errors. *failed*: makes other errors, for files that are not
    archives.
    """

    def __init__(self, path: Path, *, failed: Failed = failures.of_system) -> None:
        self.path = path
        self._failed = failed
        self._target = target = Path(os.path.realpath(path))
        # A name has at most 255 bytes: a long one is shortened to its beginning plus a digest that makes it unique.
        encoded = target.name.encode("utf-8", "surrogateescape")
        long = len(encoded) > _LONGEST
        self._stem = f".{target.name[:30]}~{sha256_of(encoded)[7:19]}." if long else f".{target.name}."
        self._part = target.with_name(f"{self._stem}{secrets.token_hex(4)}{_SUFFIX}")
        self._file: IO[bytes] | None = None
        self._pushed = 0

    def __enter__(self) -> Self:
        self._check()
        self._clear()
        try:
            self._file = self._part.open("xb+", buffering=0)
        except OSError as error:
            raise self._failed(error, self.path, "written") from error
        if _LOCKS:
            # Not all file systems have locks; without them no process removes leftovers either.
            with contextlib.suppress(OSError):
                try_lock(self._file.fileno())
        return self

    @property
    def folder(self) -> Path:
        """The folder in which it is written."""
        return self._target.parent

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    def write(self, data: bytes) -> None:
        """Write *data* at the end."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._open.write(rest) :]
            self._push()
        except OSError as error:
            raise self._failed(error, self.path, "written") from error

    def tell(self) -> int:
        """The position of the next byte."""
        return self._open.tell()

    def overwrite(self, offset: int, data: bytes) -> None:
        """Replace bytes that were already written."""
        at = self.tell()
        self._open.seek(offset)
        self.write(data)
        self._open.seek(at)

    def rewind(self, offset: int) -> None:
        """Drop everything from *offset* on."""
        self._open.seek(offset)
        self._open.truncate()

    def read_from(self, offset: int, count: int) -> bytes:
        """Already written bytes, at most *count*."""
        at = self.tell()
        try:
            self._open.seek(offset)
            return self._open.read(count)
        except OSError as error:
            raise self._failed(error, self.path, "read") from error
        finally:
            self._open.seek(at)

    def commit(self) -> None:
        """Flush it to disk and rename it to its final name, replacing an existing file."""
        file = self._open
        try:
            os.fsync(file.fileno())
            self._part.replace(self._target)
        except OSError as error:
            raise self._failed(error, self.path, "written") from error
        sync_folder(self._target.parent)
        self._file = None
        file.close()

    def discard(self) -> None:
        """Remove it, unless it was committed."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                self._part.unlink()
            with contextlib.suppress(OSError):
                file.close()

    @property
    def _open(self) -> IO[bytes]:
        if self._file is None:
            raise ValueError("the file is not open")
        return self._file

    def _push(self) -> None:
        at = self.tell()
        if at - self._pushed >= _STEP and hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self._open.fileno(), self._pushed, at - self._pushed, os.POSIX_FADV_DONTNEED)
            self._pushed = at

    def _check(self) -> None:
        """Find out now, not after writing everything, whether the target can be written."""
        try:
            mode = self._target.lstat().st_mode
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._failed(error, self.path, "written") from error
        found = errno.EISDIR if stat.S_ISDIR(mode) else errno.ELOOP if stat.S_ISLNK(mode) else 0
        if found:
            raise self._failed(OSError(found, os.strerror(found)), self.path, "written")
        if not stat.S_ISREG(mode) and self._failed is not failures.of_system:
            raise self._failed(OSError(errno.EINVAL, "not a regular file"), self.path, "written")
        if not stat.S_ISREG(mode):
            raise ArchiveError(
                "An archive can't be saved there: it is a pipe, a socket or a device.",
                subject=str(self.path),
                advice="Choose another name for the file.",
            )

    def _clear(self) -> None:
        """Remove leftovers of killed processes: parts without a lock."""
        if not _LOCKS:
            return
        with contextlib.suppress(OSError):
            for stale in self._target.parent.iterdir():
                name = stale.name
                if not name.startswith(self._stem) or not name.endswith(_SUFFIX):
                    continue
                with contextlib.suppress(OSError):
                    # Never a link, and never waiting for the other end of a pipe.
                    held = os.open(stale, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
                    try:
                        if try_lock(held):
                            stale.unlink()
                    finally:
                        os.close(held)
