"""Keeps the names of layers on disk, so that no layer is read twice to look into an image.

A file for each layer, named by the digest of the layer's uncompressed tar, in the user's cache. Several programs use it
at once: a file is written beside its place and renamed, and a damaged one is removed and read again. It has names and
sizes, never content.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import struct
import sys
import uuid
import zlib
from array import array
from pathlib import Path

from longshore.application.files.layer_tar import MOST_CHARACTERS, MOST_NAMES
from longshore.application.files.tree import Kind, Oddity, Tree
from longshore.oci.digest import valid_digest
from longshore.shared_files import private_folder, read_file

_log = logging.getLogger(__name__)

FOLDER = "files-1"
_SUFFIX = ".names"
_TEMPORARY = ".tmp"
#: Version and byte order: files of other machines are not ours.
_MAGIC = b"LNAMES3" + sys.byteorder[:1].encode()
_COUNTS = struct.Struct("<IIIIQ")
#: Most bytes of one file and of its content; a million names have about 30 MB.
_LARGEST = 256 * 1024 * 1024
_LARGEST_CONTENT = 1024 * 1024 * 1024
#: Most bytes of all files.
MOST_BYTES = 512 * 1024 * 1024
_KINDS = frozenset(map(int, Kind))
_ODDITIES = frozenset(map(int, Oddity))


class NameCache:
    """The cache in *folder*; None keeps nothing. Any thread and several programs; blocks; never raises."""

    def __init__(self, folder: Path | None, most_bytes: int = MOST_BYTES) -> None:
        self._folder = None if folder is None else folder / FOLDER
        self._most = most_bytes

    def has(self, digest: str) -> bool:
        """Whether the layer is probably known."""
        path = self._path(digest)
        with contextlib.suppress(OSError):
            return path is not None and path.is_file()
        return False

    def get(self, digest: str) -> Tree | None:
        """The names of the layer whose uncompressed tar has this digest; None if they are not known."""
        path = self._path(digest)
        if path is None:
            return None
        try:
            raw = read_file(path, _LARGEST, follow=False)
        except OSError:
            return None
        tree = decoded(raw)
        with contextlib.suppress(OSError):
            if tree is None:
                _log.info("the names of %s are damaged and read again", digest)
                path.unlink()
            else:
                os.utime(path)  # the least used are removed first
        return tree

    def put(self, digest: str, tree: Tree) -> None:
        """Keep the names of a layer."""
        path = self._path(digest)
        if path is None:
            return
        temporary = path.with_name(f"{uuid.uuid4().hex}{_TEMPORARY}")
        try:
            private_folder(path.parent)  # names in private images are confidential
            raw = encoded(tree)
            if len(raw) > min(_LARGEST, self._most):
                return
            with open(temporary, "xb", opener=_private) as file:
                file.write(raw)
            temporary.replace(path)
            self._trim(path.parent)
        except OSError as error:
            _log.info("the names of a layer are not kept: %s", error)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    def _path(self, digest: str) -> Path | None:
        if self._folder is None or not valid_digest(digest):
            return None
        return self._folder / f"{digest.replace(':', '-')}{_SUFFIX}"

    def _trim(self, folder: Path) -> None:
        """Remove the files that were not used for longest, and what killed programs left."""
        found = []
        with os.scandir(folder) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    stat = entry.stat(follow_symlinks=False)
                    found.append((stat.st_mtime, stat.st_size, entry.name))
        total = 0
        for _, size, name in sorted(found, reverse=True):
            total += size
            if total > self._most:
                with contextlib.suppress(OSError):
                    (folder / name).unlink()


def encoded(tree: Tree) -> bytes:
    """*tree* as bytes; see :func:`decoded`."""
    names = "\0".join(tree.names).encode("utf-8", "surrogateescape")
    targets = "\0".join(tree.targets.values()).encode("utf-8", "surrogateescape")
    content = b"".join(
        (
            _COUNTS.pack(len(tree), len(tree.targets), len(tree.oddities), len(tree.opaque), len(names)),
            tree.parents.tobytes(),
            bytes(tree.kinds),
            tree.modes.tobytes(),
            tree.sizes.tobytes(),
            tree.offsets.tobytes(),
            array("i", tree.targets).tobytes(),
            array("i", tree.oddities).tobytes(),
            bytes(tree.oddities.values()),
            array("i", sorted(tree.opaque)).tobytes(),
            names,
            targets,
        )
    )
    packed = zlib.compress(content, 1)
    return _MAGIC + hashlib.sha256(packed).digest() + packed


def decoded(raw: bytes) -> Tree | None:
    """The tree in *raw*; None if it is not exactly what :func:`encoded` makes, whatever it is instead."""
    begin = len(_MAGIC) + 32
    packed = memoryview(raw)[begin:]
    if raw[: len(_MAGIC)] != _MAGIC or hashlib.sha256(packed).digest() != raw[len(_MAGIC) : begin]:
        return None
    try:
        unpacker = zlib.decompressobj()
        content = unpacker.decompress(packed, _LARGEST_CONTENT)
        return _read(content) if unpacker.eof else None
    except (zlib.error, struct.error, ValueError):
        return None


def _read(content: bytes) -> Tree:
    """Raises ValueError, struct.error."""
    count, targets, oddities, opaque, length = _COUNTS.unpack_from(content)
    if count > MOST_NAMES + 1 or not count:
        raise ValueError("too many names")
    at = _COUNTS.size

    def take(size: int) -> bytes:
        nonlocal at
        at += size
        if at > len(content):
            raise ValueError("too short")
        return content[at - size : at]

    tree = Tree()
    tree.parents = array("i", take(4 * count))
    tree.kinds = bytearray(take(count))
    tree.modes = array("H", take(2 * count))
    tree.sizes = array("q", take(8 * count))
    tree.offsets = array("q", take(8 * count))
    linked = array("i", take(4 * targets))
    odd = array("i", take(4 * oddities))
    tree.oddities = dict(zip(odd, take(oddities), strict=True))
    tree.opaque = set(array("i", take(4 * opaque)))
    tree.names = take(length).decode("utf-8", "surrogateescape").split("\0")
    led = content[at:].decode("utf-8", "surrogateescape").split("\0") if targets else []
    tree.targets = dict(zip(linked, led, strict=True))
    if (
        len(tree.names) != count
        or sum(map(len, led)) + length > 4 * MOST_CHARACTERS
        or not _KINDS.issuperset(tree.kinds)
        or not _ODDITIES.issuperset(tree.oddities.values())
        or any(not 0 <= node < count for node in (*linked, *odd, *tree.opaque))
        or tree.parents[0]
        or any(parent >= node for node, parent in enumerate(tree.parents) if node)
        or min(tree.parents) < -1
        or min(tree.sizes) < 0
    ):
        raise ValueError("contradicts itself")
    return tree.complete()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
