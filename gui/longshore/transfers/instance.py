"""Which Longshores are alive: each holds a lock on a file of its own for as long as it lives, however it ends."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

_ENDING = ".lock"


def _lock(descriptor: int) -> bool:
    """Lock the file without waiting; False if another process (or another descriptor) has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


class Instance:
    """This run's sign of life in *folder*, under a *name* of its own.

    The system drops the lock with the process, so a kill needs no clean-up. One thread at a time. Raises OSError where
    the folder cannot be written.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        # One by one: the mode counts for the last of the parents only.
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        self._path = folder / f"{name}{_ENDING}"
        # Locked before it has the name that others look for: they would take an unlocked one for a dead one's.
        first = self._path if sys.platform == "win32" else folder / f"{name}.new"
        self._descriptor: int | None = os.open(first, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            if not _lock(self._descriptor):
                raise OSError(f"cannot lock {first}")
            if first != self._path:
                first.rename(self._path)
        except OSError:
            os.close(self._descriptor)
            raise

    def others(self) -> set[str]:
        """The names of the other Longshores that live; the files of the dead are removed."""
        alive = set()
        for path in self._folder.glob(f"*{_ENDING}"):
            if path == self._path:
                continue
            try:
                descriptor = os.open(path, os.O_RDWR)
            except OSError:
                continue
            try:
                if _lock(descriptor):
                    with contextlib.suppress(OSError):
                        path.unlink()
                else:
                    alive.add(path.name.removesuffix(_ENDING))
            finally:
                os.close(descriptor)
        return alive

    def close(self) -> None:
        """Give the sign of life up. May be called again."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()
            os.close(self._descriptor)
            self._descriptor = None
