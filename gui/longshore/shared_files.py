"""Files that several programs change at the same time: one way to lock, re-read, merge, write durably and verify.

A leaf: standard library only, no Qt. Settings, the registry book, Docker's ``config.json`` and the library's index
use :class:`SharedFile`; larger data is in SQLite, which does all of this itself.

Longshores exclude each other with a lock file beside the document. Others (the docker CLI) do not know that lock:
they read, work for any length of time, and replace the whole file. So the new text is exchanged with the old one in
one step, and the old one is compared with the text that was merged. A text that was not merged yet is merged, and the
result is written again. Later overwrites are noticed for *settle* seconds.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from longshore.cancellation import Cancellation

#: Seconds after which a lock that is normally held briefly counts as stuck (its holder was stopped).
PATIENCE = 30.0
#: Bytes of the largest document that is read, unless the caller gives another limit.
LARGEST = 16 * 1024 * 1024
#: Most levels of nesting in a document: far more than any needs, far fewer than Python's encoder can write.
DEEPEST = 100
#: Most merges because another program replaced the file meanwhile.
_TRIES = 8
_LONGEST_NAP = 0.05
_CHUNK = 1 << 20
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_PLAIN = os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0)


class LockBusy(TimeoutError):
    """Another program held the lock file :attr:`path` for longer than the caller would wait."""

    def __init__(self, path: Path) -> None:
        super().__init__(errno.ETIMEDOUT, "another program keeps it locked", str(path))
        self.path = path


class NotAFile(OSError):
    """The path is a pipe, a device, a folder or, if links are not followed, a link."""

    def __init__(self, path: Path) -> None:
        super().__init__(errno.EINVAL, "not a regular file", str(path))


class FileTooLarge(OSError):
    """The file exceeds the limit for its kind."""

    def __init__(self, path: Path, largest: int) -> None:
        super().__init__(errno.EFBIG, f"larger than {largest} bytes", str(path))


class DidNotLast(OSError):
    """Another program without locks overwrote the change each time it was written."""

    def __init__(self, path: Path) -> None:
        super().__init__(errno.EBUSY, "another program overwrites it", str(path))


class NotAnObject(ValueError):
    """A document is not a JSON object. Reports where and why but never quotes it: it may contain secrets."""


class Change(NamedTuple):
    """The document before and after :meth:`SharedFile.change`. None: no file. *merged*: number of foreign texts merged
    in."""

    before: bytes | None
    after: bytes | None
    merged: int = 0


def private_folder(path: Path) -> Path:
    """Create *path* (0700) and missing parents, and return it. Raises OSError. Any thread."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def read_file(path: Path, largest: int = LARGEST, *, follow: bool = True) -> bytes:
    """The bytes of a regular file, at most *largest*. Never waits for the other end of a pipe.

    Raises FileNotFoundError, NotAFile, FileTooLarge, OSError. Any thread.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | _PLAIN | (0 if follow else _NO_FOLLOW))
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO) and path.is_symlink() | path.exists():
            raise NotAFile(path) from error
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotAFile(path)
        parts: list[bytes] = []
        seen = 0
        while part := os.read(descriptor, _CHUNK):
            parts.append(part)
            seen += len(part)
            if seen > largest:
                raise FileTooLarge(path, largest)
    finally:
        os.close(descriptor)
    return b"".join(parts)


def json_object(raw: bytes, deepest: int = DEEPEST) -> dict[str, Any]:
    """Parse the JSON object in *raw*; the result can be serialised again. Any thread.

    Raises NotAnObject for anything else, and for more than *deepest* levels of lists and objects.
    """
    try:
        values = json.loads(raw)
    except json.JSONDecodeError as error:
        raise NotAnObject(f"Not JSON at line {error.lineno}, column {error.colno}.") from None
    except RecursionError:
        raise NotAnObject("Nested too deeply.") from None
    except ValueError:  # not UTF-8, or a number with thousands of digits
        raise NotAnObject("Not JSON.") from None
    if not isinstance(values, dict):
        raise NotAnObject("Not a JSON object.")
    level: list[Any] = [values]
    for _ in range(deepest):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return values
    raise NotAnObject("Nested too deeply.")


def write_durably(
    path: Path, data: bytes, mode: int = 0o600, *, owner: tuple[int, int] | None = None
) -> None:
    """Replace *path* with *data*. Readers, a crash or a power cut find either the old or the new content, complete.

    For files with one writer; use :class:`SharedFile` if there are several. A symbolic link is followed: its target is
    replaced, the link stays. *owner*: user and group that it gets, if we may. Raises OSError. Any thread.
    """
    target = Path(os.path.realpath(path))
    private_folder(target.parent)
    temporary = _temporary(target, target.parent)
    try:
        _write_new(temporary, data, mode, owner)
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(target.parent)


def sync_folder(path: Path) -> None:
    """Write a rename in the folder *path* to disk, if the file system can. Never raises."""
    if os.name == "nt":
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Lock an open file without waiting (flock(2)); False if it is locked by another opening. Raises OSError."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK):
            return False
        raise
    return True


@contextlib.contextmanager
def locked(
    path: Path, *, shared: bool = False, cancellation: Cancellation | None = None, patience: float = PATIENCE
) -> Iterator[None]:
    """Hold the lock file *path*, which is created if missing. Not reentrant: every call is a separate holder.

    The system releases the lock when the process ends, however it ends. Raises OSError if the file cannot be created,
    LockBusy after *patience* seconds, Cancelled. Any thread; waits.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _PLAIN | _NO_FOLLOW, 0o666)
    try:
        deadline = time.monotonic() + patience
        nap = 0.001
        while not try_lock(descriptor, shared=shared):
            if time.monotonic() > deadline:
                raise LockBusy(path)
            if cancellation is None:
                time.sleep(nap)
            elif cancellation.wait(nap):
                cancellation.raise_if_cancelled()
            nap = min(nap * 2, _LONGEST_NAP)
        yield
    finally:
        os.close(descriptor)


class SharedFile:
    """One small document that several programs read and replace. Thread-safe; every method blocks briefly.

    *lock*, *temporaries*: the lock file and the folder of unfinished texts; beside the document unless given.
    *mode*: permissions of a new file; an existing file keeps its own, except those that *mode* forbids. *follow*:
    follow a symbolic link (its target is replaced, the link stays) or refuse it. *settle*: seconds that a written
    change is watched, for documents that programs without our lock replace.
    """

    def __init__(
        self,
        path: Path,
        *,
        largest: int = LARGEST,
        mode: int = 0o600,
        follow: bool = True,
        settle: float = 0.0,
        lock: Path | None = None,
        temporaries: Path | None = None,
    ) -> None:
        self.path = path
        self._largest = largest
        self._mode = mode
        self._follow = follow
        self._settle = settle
        self._lock = lock
        self._temporaries = temporaries

    def read(self) -> bytes | None:
        """The current document, None if there is none. Raises NotAFile, FileTooLarge, OSError."""
        try:
            return read_file(self.path, self._largest, follow=self._follow)
        except FileNotFoundError:
            return None

    def change(
        self,
        merge: Callable[[bytes | None], bytes | None],
        *,
        cancellation: Cancellation | None = None,
        patience: float = PATIENCE,
    ) -> Change:
        """Replace the document by the result of *merge*; it is on disk when this returns.

        *merge* gets the current document and returns the new one; None or the same leaves it unchanged. It may be
        called several times and must be idempotent. If it raises, nothing is changed and the caller gets its exception.
        Raises OSError, LockBusy, DidNotLast, Cancelled.
        """
        target = self._target()
        private_folder(target.parent)
        with locked(self._lock_file(target), cancellation=cancellation, patience=patience):
            self._clear(target)
            first = current = self.read()
            merged = 0
            for _ in range(_TRIES):
                wanted = merge(current)
                if wanted is None or wanted == current:
                    return Change(first, current, merged)
                found = self._exchange(target, current, wanted)
                if found == wanted:
                    found = self._after_settling(wanted, cancellation)
                    if found == wanted:
                        return Change(first, wanted, merged)
                # Another program replaced it, before or after our write: its text is merged too.
                current, merged = found, merged + 1
        raise DidNotLast(self.path)

    def clear(self) -> None:
        """Remove the files of killed writers, which may contain secrets. Never waits for active writers or raises."""
        with contextlib.suppress(OSError):
            target = self._target()
            if self._unfinished(target):
                with locked(self._lock_file(target), patience=0.0):
                    self._clear(target)

    # -- steps

    def _target(self) -> Path:
        return Path(os.path.realpath(self.path)) if self._follow else self.path

    def _lock_file(self, target: Path) -> Path:
        return self._lock or target.with_name(f".{target.name}.longshore.lock")

    def _folder(self, target: Path) -> Path:
        return self._temporaries or target.parent

    def _unfinished(self, target: Path) -> list[Path]:
        start = _stem(target)
        with os.scandir(self._folder(target)) as entries:
            return [Path(entry.path) for entry in entries if entry.name.startswith(start)]

    def _clear(self, target: Path) -> None:
        """Remove unfinished texts. Needs the lock, so that nobody is still writing one."""
        for path in self._unfinished(target):
            with contextlib.suppress(OSError):
                path.unlink()

    def _exchange(self, target: Path, current: bytes | None, wanted: bytes) -> bytes | None:
        """Replace *current* by *wanted*. Returns the document afterwards: *wanted*, or what another program wrote
        meanwhile, which is not touched."""
        temporary = _temporary(target, self._folder(target))
        mode, owner, before = self._mode, None, 0
        with contextlib.suppress(OSError):
            status = target.stat(follow_symlinks=False)
            mode, owner = stat.S_IMODE(status.st_mode) & self._mode | 0o600, (status.st_uid, status.st_gid)
            before = status.st_mtime_ns
        try:
            _write_new(temporary, wanted, mode, owner)
            _make_newer(temporary, before)
            if current is None:
                try:
                    os.link(temporary, target)
                except FileExistsError:
                    return self.read()
                except OSError:  # a file system without hard links
                    temporary.replace(target)
            elif _swap(temporary, target):
                found = self._look_at_displaced(target, temporary, current, wanted)
                sync_folder(target.parent)
                return found
            else:
                found_again = self.read()
                if found_again != current:
                    return found_again
                temporary.replace(target)
            sync_folder(target.parent)
            return wanted
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()

    def _look_at_displaced(self, target: Path, temporary: Path, current: bytes, wanted: bytes) -> bytes:
        """Check *temporary* after a swap: it is removed only if its text is known; a newer text returns to *target*.

        If a program replaces the document during every exchange, this ends after some tries: a plain rename restores
        the newest of its texts that was seen.
        """
        placed, known = wanted, current
        for left in reversed(range(_TRIES)):
            try:
                displaced = read_file(temporary, self._largest, follow=False)
            except OSError:
                _swap(temporary, target)  # a foreign object that cannot be merged goes back to its place
                raise
            if displaced == known:
                return placed
            with contextlib.suppress(FileNotFoundError):
                latest = read_file(target, self._largest, follow=False)
                if latest != placed:  # written after the displaced text, which is therefore out of date
                    return latest
            if not left:
                break
            placed, known = displaced, placed
            if not _swap(temporary, target):  # the other program removed the document
                os.link(temporary, target)
                return displaced
        temporary.replace(target)
        return displaced

    def _after_settling(self, current: bytes | None, cancellation: Cancellation | None) -> bytes | None:
        """The document after *settle* seconds without a change, or as soon as it differs from *current*."""
        deadline = time.monotonic() + self._settle
        while True:
            found = self.read()
            left = deadline - time.monotonic()
            if found != current or left <= 0:
                return found
            if cancellation is None:
                time.sleep(min(left, _LONGEST_NAP))
            elif cancellation.wait(min(left, _LONGEST_NAP)):
                return found  # it is written; only the watching ends


def _stem(target: Path) -> str:
    return f".{target.name}.longshore-"


def _temporary(target: Path, folder: Path) -> Path:
    return folder / f"{_stem(target)}{os.urandom(8).hex()}.tmp"


def _write_new(path: Path, data: bytes, mode: int, owner: tuple[int, int] | None = None) -> None:
    """Create *path* with *data*, on disk when this returns. Raises OSError; the caller removes the rest."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode & 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        if owner is not None and hasattr(os, "fchown") and owner != (os.geteuid(), os.getegid()):
            with contextlib.suppress(OSError):  # only root may give files away
                os.fchown(file.fileno(), *owner)
        if hasattr(os, "fchmod"):
            os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())


def _make_newer(path: Path, before: int) -> None:
    """Give *path* a modification time after *before* (nanoseconds), so that observers using stat(2) see a change.

    The clock of a file system ticks every few milliseconds and inodes are reused: otherwise, two texts of the same
    length can have the same time, inode and size. Never raises.
    """
    with contextlib.suppress(OSError):
        status = path.stat(follow_symlinks=False)
        if status.st_mtime_ns <= before:
            os.utime(path, ns=(status.st_atime_ns, before + 1), follow_symlinks=False)


def _swap(one: Path, other: Path) -> bool:
    """Exchange two names in one step (renameat2(2), RENAME_EXCHANGE); False if the system cannot."""
    if sys.platform != "linux":
        return False
    import ctypes

    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):  # a C library older than 2018
        return False
    at_cwd, exchange = -100, 2
    done: int = call(at_cwd, os.fsencode(one), at_cwd, os.fsencode(other), exchange)
    return done == 0
