"""What is said about archives that cannot be used: called with the file and a detail, each row is the error."""

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
#: Something that the archive names is not in it.
incomplete = Sentence(
    ArchiveDamaged,
    "The archive is incomplete: a part of an image is missing.",
    "Save the image again, with all of its layers.",
)
#: No program that saves images makes such an archive.
hostile = Sentence(
    ArchiveRefused,
    "The archive was refused: it contains entries that image archives never have.",
    "Do not load it. Ask whoever made it where it comes from.",
)
#: More than is read of any archive.
excessive = Sentence(
    ArchiveRefused,
    "The archive exceeds the size limits for images.",
    "If it is meant to be so, load it with the engine's own command.",
)
#: Something else by its first bytes: *what* completes “This is …”.
not_one = Sentence(NotAnArchive, "This is {what}, not an archive of images.", _ENDINGS)
#: It does not even begin as a tar does.
no_tar = Sentence(NotAnArchive, "This is some other file, not an archive of images.", _ENDINGS)
#: A tar that lists no images.
other_tar = Sentence(
    NotAnArchive,
    "This is some other tar file, not an archive of images.",
    "Create one with Save, “docker save” or “skopeo copy”.",
)
#: One that lists none, but could.
empty = Sentence(
    NotAnArchive, "This is an empty archive, not an archive of images.", "Save an image into it."
)
#: What Docker saved before version 1.10.
ancient = Sentence(
    NotAnArchive,
    "This is an archive of before Docker 1.10, not an archive of images.",
    "Load it with an old engine and save it again.",
)
#: What ``docker export`` makes.
filesystem = Sentence(
    NotAnArchive,
    "This is the file system of a container, not an archive of images.",
    "It can be made into an image with “docker import”. Create an image archive with Save or “docker save”.",
)
_FULL = Sentence(
    DiskFull, "The disk is full: the archive cannot be written.", "Free space there, or save it elsewhere."
)
_USE = "Check the permissions of the file and its folder."
_ADVICE = {
    errno.ENOENT: "Check that the file or folder is still there.",
    errno.EACCES: _USE,
    errno.EPERM: _USE,
    errno.EROFS: "The disk cannot be written to. Choose another folder.",
    errno.EISDIR: "It is a folder. Choose a file.",
    errno.ELOOP: "It is a symbolic link that leads back to itself. Choose another file.",
}


def of_system(error: OSError, path: Path, doing: str) -> ArchiveError | DiskFull:
    """*error* of the operating system while *doing* (“read”, “written”) the file at *path*."""
    detail = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return _FULL(str(path), detail)
    advice = _ADVICE.get(error.errno or 0, "Check the disk that it is on, and try again.")
    return Sentence(ArchiveError, "The archive cannot be {doing}.", advice)(str(path), detail, doing=doing)
