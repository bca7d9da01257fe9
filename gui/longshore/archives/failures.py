"""What is said about archives that cannot be used."""

from __future__ import annotations

import errno
from pathlib import Path

from longshore.errors import ArchiveDamaged, ArchiveError, ArchiveRefused, DiskFull, NotAnArchive

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def truncated(subject: str, detail: str) -> ArchiveDamaged:
    """The stream ends too early."""
    return ArchiveDamaged(
        "The archive is cut off: its end is missing.",
        subject=subject,
        advice="Copy or download the file again, or save the image again.",
        detail=detail,
    )


def damaged(subject: str, detail: str) -> ArchiveDamaged:
    """The bytes are not what they should be."""
    return ArchiveDamaged(
        "The archive is damaged.",
        subject=subject,
        advice="Copy or download the file again, or save the image again.",
        detail=detail,
    )


def incomplete(subject: str, detail: str) -> ArchiveDamaged:
    """Something that the archive names is not in it."""
    return ArchiveDamaged(
        "The archive is incomplete: a part of an image is missing.",
        subject=subject,
        advice="Save the image again, with all of its layers.",
        detail=detail,
    )


def hostile(subject: str, detail: str) -> ArchiveRefused:
    """No program that saves images makes such an archive."""
    return ArchiveRefused(
        "The archive was refused: it contains entries that image archives never have.",
        subject=subject,
        advice="Do not load it. Ask whoever made it where it comes from.",
        detail=detail,
    )


def excessive(subject: str, detail: str) -> ArchiveRefused:
    """Beyond what is read of any archive."""
    return ArchiveRefused(
        "The archive exceeds the size limits for images.",
        subject=subject,
        advice="If it is meant to be so, load it with the engine's own command.",
        detail=detail,
    )


def not_one(subject: str, what: str, advice: str, detail: str = "") -> NotAnArchive:
    """The file is something else: *what* completes “This is …”."""
    return NotAnArchive(
        f"This is {what}, not an archive of images.", subject=subject, advice=advice, detail=detail
    )


def no_tar(subject: str) -> NotAnArchive:
    """It does not even begin as a tar does."""
    return not_one(
        subject,
        "some other file",
        "An archive of images ends in .tar, .tar.gz, .tar.zst, .tar.xz or .tar.bz2.",
        "its first 512 bytes are no header of a tar",
    )


def filesystem(subject: str) -> NotAnArchive:
    """What ``docker export`` makes."""
    return not_one(
        subject,
        "the file system of a container",
        "It can be made into an image with “docker import”. An archive of images comes from Save or “docker save”.",
    )


def of_system(error: OSError, path: Path, doing: str) -> ArchiveError | DiskFull:
    """*error* of the operating system while *doing* (“read”, “written”) the file at *path*."""
    detail = error.strerror or str(error)
    if error.errno in _FULL:
        return DiskFull(
            "The disk is full: the archive cannot be written.",
            subject=str(path),
            advice="Make room there, or save it elsewhere.",
            detail=detail,
        )
    advice = {
        errno.ENOENT: "Check that the file or folder is still there.",
        errno.EACCES: "Check who may use the file and its folder.",
        errno.EPERM: "Check who may use the file and its folder.",
        errno.EROFS: "The disk cannot be written to. Choose another folder.",
        errno.EISDIR: "It is a folder. Choose a file.",
        errno.ELOOP: "It is a symbolic link that leads back to itself. Choose another file.",
    }.get(error.errno or 0, "Check the disk that it is on, and try again.")
    return ArchiveError(f"The archive cannot be {doing}.", subject=str(path), advice=advice, detail=detail)
