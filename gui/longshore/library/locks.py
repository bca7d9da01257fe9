"""Locks between processes, and between threads of one: the system drops them with the process, however it ends."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from longshore.cancellation import Cancellation
from longshore.oci.errors import LibraryBusy

#: Seconds after which a lock that nobody holds for longer than a moment is believed stuck (a stopped process).
PATIENCE = 30.0
_LONGEST_NAP = 0.05


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Lock an open file without waiting (flock(2)); False if another open file of it is locked. Raises OSError."""
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
    """Hold the lock file *path*, which is made if need be. Not reentrant: every call is a holder of its own.

    Raises OSError where the file cannot be made, LibraryBusy after *patience* seconds, Cancelled.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0), 0o666)
    try:
        deadline = time.monotonic() + patience
        nap = 0.001
        while not try_lock(descriptor, shared=shared):
            if time.monotonic() > deadline:
                raise LibraryBusy(
                    "Another program does not let go of the library.",
                    subject=str(path.parent.parent),
                    advice="Look for a Longshore that hangs or was stopped, and end it.",
                )
            if cancellation is None:
                time.sleep(nap)
            elif cancellation.wait(nap):
                cancellation.raise_if_cancelled()
            nap = min(nap * 2, _LONGEST_NAP)
        yield
    finally:
        os.close(descriptor)
