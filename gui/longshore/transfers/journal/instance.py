"""Which Longshores are alive: each holds a lock on a file of its own for as long as it lives, however it ends."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from longshore.shared_files import private_folder, try_lock

_ENDING = ".lock"
#: Never wait for the other end of a pipe that somebody has put there, nor follow a link.
_PLAIN = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)


class Instance:
    """This run's sign of life in *folder*, under a *name* of its own.

    The system drops the lock with the process, so a kill needs no clean-up. One thread at a time. Raises OSError where
    the folder cannot be written.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        # One by one: the mode counts for the last of the parents only.
        private_folder(folder.parent)
        private_folder(folder)
        self._path = folder / f"{name}{_ENDING}"
        # Locked before it has the name that others look for: they would take an unlocked one for a dead one's.
        first = self._path if sys.platform == "win32" else folder / f"{name}.new"
        self._descriptor: int | None = os.open(first, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            if not try_lock(self._descriptor):
                raise OSError(f"cannot lock {first}")
            if first != self._path:
                first.rename(self._path)
        except OSError:
            os.close(self._descriptor)
            with contextlib.suppress(OSError):
                first.unlink()
            raise

    def others(self) -> set[str]:
        """The names of the other Longshores that live, or may live; the files of the dead are removed."""
        alive = set()
        for path in self._folder.glob(f"*{_ENDING}"):
            if path == self._path:
                continue
            name = path.name.removesuffix(_ENDING)
            try:
                descriptor = os.open(path, os.O_RDWR | _PLAIN)
            except FileNotFoundError:
                continue  # it ended just now
            except OSError:
                alive.add(name)  # nobody can tell, and a living one's rows must be left alone
                continue
            try:
                if try_lock(descriptor):
                    with contextlib.suppress(OSError):
                        path.unlink()
                else:
                    alive.add(name)
            except OSError:
                alive.add(name)
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
