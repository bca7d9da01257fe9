"""The errors for archives that cannot be used. Each row, called with the file and a detail, returns the error."""

from __future__ import annotations

import errno
from pathlib import Path

from longshore.errors import (
    ArchiveDamaged,
    ArchiveError,
    ArchiveRefused,
    DiskFull,
    NotAnArchive,
    Sentence,
)

_AGAIN = "Copy or download the file again, or save the image again."
_ENDINGS = "Image archives end in .tar, .tar.gz, .tar.zst, .tar.xz or .tar.bz2."

#: The stream ends too early.
truncated = Sentence(ArchiveDamaged, "The archive is truncated: its end is missing.", _AGAIN)
#: The bytes are not what they should be.
damaged = Sentence(ArchiveDamaged, "The archive is damaged.", _AGAIN)
#: The file is not the one that was checked, or changed during the check.
changed = Sentence(ArchiveDamaged, "The archive changed while it was being read.", "Try again.")
#: The archive refers to something that it does not contain.
incomplete = Sentence(
    ArchiveDamaged,
    "The archive is incomplete: a part of an image is missing.",
    "Save the image again, with all of its layers.",
)
#: No program that saves images makes such an archive.
hostile = Sentence(
    ArchiveRefused,
    "The archive was refused: it contains entries that image archives never have.",
    "Do not load it unless you know its source.",
)
#: The archive exceeds a limit of archives.limits.
excessive = Sentence(
    ArchiveRefused,
    "The archive exceeds the size limits for images.",
    "If you trust it, load it with “docker load”.",
)
#: Something else by its first bytes: *what* completes “This is …”.
not_one = Sentence(NotAnArchive, "This is {what}, not an image archive.", _ENDINGS)
#: It does not begin like a tar.
no_tar = Sentence(NotAnArchive, "This file is not an image archive.", _ENDINGS)
#: A tar that lists no images.
other_tar = Sentence(
    NotAnArchive,
    "This tar file is not an image archive.",
    "Create one with Save, “docker save” or “skopeo copy”.",
)
#: An image archive that lists no images.
empty = Sentence(NotAnArchive, "This image archive is empty.", "Save an image into it.")
#: The format of Docker before version 1.10.
ancient = Sentence(
    NotAnArchive,
    "This archive was made by Docker 1.9 or older, and can't be read.",
    "Load it with an old engine and save it again.",
)
#: The output of ``docker export``.
filesystem = Sentence(
    NotAnArchive,
    "This is the file system of a container, not an image archive.",
    "Import it with “docker import”, or create an image archive with Save or “docker save”.",
)
_FULL = Sentence(
    DiskFull,
    "The disk is full: the archive can't be written.",
    "Free space on that disk, or save the archive elsewhere.",
)
_USE = "Check the permissions of the file and its folder."
_ADVICE = {
    errno.ENOENT: "Check that the file or folder is still there.",
    errno.EACCES: _USE,
    errno.EPERM: _USE,
    errno.EROFS: "The disk is read-only. Choose another folder.",
    errno.EISDIR: "It is a folder. Choose a file.",
    errno.ELOOP: "It is a symbolic link that leads back to itself. Choose another file.",
}


def of_system(error: OSError, path: Path, doing: str) -> ArchiveError | DiskFull:
    """*error* of the operating system while *doing* (“read”, “written”) the file at *path*."""
    detail = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return _FULL(str(path), detail)
    advice = _ADVICE.get(error.errno or 0, "Check the disk, then try again.")
    return Sentence(ArchiveError, "The archive can't be {doing}.", advice)(str(path), detail, doing=doing)
