"""Writes a file of images back, whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from longshore.application.image_lists.reading import LARGEST
from longshore.errors import InvalidInput, LongshoreError
from longshore.shared_files import read_file, write_durably


def write_back(path: Path, before: str, text: str) -> None:
    """Replace the file *path*, which was read as *before*, with *text*: atomically, on disk, through a symbolic link,
    with its permissions and owner. Raises LongshoreError, also if the file has changed meanwhile. Blocks."""
    try:
        if read_file(path, LARGEST) != before.encode():
            raise LongshoreError(
                "Another program changed the file meanwhile. Nothing was written.",
                subject=str(path),
                advice="Run the command again.",
            )
        status = path.stat()
        owner = (status.st_uid, status.st_gid)
        write_durably(path, text.encode(), stat.S_IMODE(status.st_mode), owner=owner)
    except OSError as error:
        raise _failed(path, error) from None


def write_new(path: Path, text: str, like: Path) -> None:
    """Write *text* as the file *path*, which may exist: like :func:`write_back`. A new file gets the permissions of the
    file *like*, if there is one. Raises InvalidInput for a name that no file can have, LongshoreError. Blocks."""
    try:
        if path.exists():
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                raise InvalidInput(
                    "This is a folder, a pipe or a device, not a regular file.",
                    subject=str(path),
                    advice="Choose another name, or - for standard output.",
                )
            owner = (status.st_uid, status.st_gid)
            write_durably(path, text.encode(), stat.S_IMODE(status.st_mode), owner=owner)
        elif Path(os.path.realpath(path)).parent.is_dir():
            mode = stat.S_IMODE(like.stat().st_mode) & 0o666 if like.is_file() else 0o644
            write_durably(path, text.encode(), mode)
        else:
            raise InvalidInput("The folder for the file does not exist.", subject=str(path))
    except OSError as error:
        raise _failed(path, error) from None


def _failed(path: Path, error: OSError) -> LongshoreError:
    """The error of a full disk or a read-only folder, which is no wrong usage."""
    reason = error.strerror or type(error).__name__
    return LongshoreError(
        "The file can't be written: {reason}.", subject=str(path), arguments={"reason": reason}
    )
