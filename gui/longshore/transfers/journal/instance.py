"""Detects running Longshores: each one locks its own file for as long as it runs, however it ends."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from longshore.shared_files import private_folder, try_lock

_ENDING = ".lock"
#: Never wait for the other end of a pipe that has this name, nor follow a link.
_PLAIN = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)


def running(folder: Path, own: Path | None = None) -> set[str]:
    """The names of the Longshores with a file in *folder* that run, or may run, without the one of the file *own*.

    *own* None: only looks. Otherwise also removes the files of those that ended.
    """
    alive = set()
    for path in folder.glob(f"*{_ENDING}"):
        if path == own:
            continue
        name = path.name.removesuffix(_ENDING)
        try:
            descriptor = os.open(path, (os.O_RDONLY if own is None else os.O_RDWR) | _PLAIN)
        except FileNotFoundError:
            continue  # it ended just now
        except OSError:
            alive.add(name)  # unknown; the rows of a running Longshore must not be touched
            continue
        try:
            if not try_lock(descriptor):
                alive.add(name)
            elif own is not None:
                with contextlib.suppress(OSError):
                    path.unlink()
        except OSError:
            alive.add(name)
        finally:
            os.close(descriptor)
    return alive


class Instance:
    """This run's lock file in *folder*, with a *name* of its own.

    The system releases the lock with the process, so a kill needs no clean-up. One thread at a time. Raises OSError if
    the folder is not writable.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        # One at a time: the mode applies only to the last folder created.
        private_folder(folder.parent)
        private_folder(folder)
        self._path = folder / f"{name}{_ENDING}"
        # Locked before it gets the name that others look for: they would take an unlocked file for a dead process's.
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
        """The names of the other Longshores that run, or may run; removes the files of those that ended."""
        return running(self._folder, self._path)

    def close(self) -> None:
        """Release the lock and remove its file. May be called again."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()
            os.close(self._descriptor)
            self._descriptor = None
