"""Reads the tar of one layer to a tree of its names (image-spec layer.md). Nothing is unpacked to disk."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator

from longshore.application.files.tree import Kind, Oddity, Tree
from longshore.archives import failures
from longshore.archives.compression import HEAD, OF_LAYERS, Compression, compression_of, unpacked
from longshore.archives.limits import Limits
from longshore.archives.tarstream import Header, TarReader
from longshore.cancellation import Cancellation
from longshore.errors import ArchiveError, InvalidLayer

#: Half a million files with an extended header each, and some room. What is unpacked is limited as in archives.
LIMITS = Limits(entries=4_000_000, names=256 * 1024 * 1024, extended=1024**3)
#: Most names of one layer, folders that it does not list included, and most characters of them: they are in memory.
MOST_NAMES = 1_000_000
MOST_CHARACTERS = 64 * 1024 * 1024
#: Linux has no longer paths (PATH_MAX) and no longer names (NAME_MAX).
_LONGEST_PATH = 4096
_LONGEST_NAME = 255
#: Categories of characters that no honest name has: controls, formats (U+202E), separators of lines and paragraphs.
_UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp"})
_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
#: Files of aufs itself, which older engines left in layers (``.wh..wh.aufs``, ``.wh..wh.plnk``).
_AUFS = ".wh..wh."
_KINDS = {
    b"\0": Kind.FILE,
    b"0": Kind.FILE,
    b"7": Kind.FILE,
    b"5": Kind.FOLDER,
    b"1": Kind.HARD_LINK,
    b"2": Kind.SYMLINK,
    b"3": Kind.DEVICE,
    b"4": Kind.DEVICE,
    b"6": Kind.PIPE,
    b"S": Kind.SPARSE,
}


class LayerTar:
    """The tar of a layer, from *chunks* as they are stored: plain, or compressed with gzip or zstd. One thread.

    *subject*: names the layer in errors. Everything is limited. Raises InvalidLayer, Cancelled, and the errors of
    *chunks*.
    """

    def __init__(
        self,
        chunks: Iterable[bytes],
        *,
        cancellation: Cancellation,
        subject: str = "",
        limits: Limits = LIMITS,
    ) -> None:
        self._hash = hashlib.sha256()
        self._cancellation = cancellation
        self._subject = subject
        stream, compression = _identified(iter(chunks))
        if compression in OF_LAYERS:
            stream = unpacked(stream, compression, limits=limits, subject=subject)
        self._tar = TarReader(self._hashed(stream), limits=limits, subject=subject)

    @property
    def diff_id(self) -> str:
        """The digest of the uncompressed tar; only after its end."""
        return f"sha256:{self._hash.hexdigest()}"

    def headers(self) -> Iterator[Header]:
        """Its entries, as they are."""
        try:
            yield from self._tar.headers()
        except ArchiveError as error:
            raise _told(error, self._subject) from error

    def data(self) -> Iterator[bytes]:
        """The content of the current entry."""
        try:
            yield from self._tar.data()
        except ArchiveError as error:
            raise _told(error, self._subject) from error

    def _hashed(self, stream: Iterable[bytes]) -> Iterator[bytes]:
        for piece in stream:
            self._cancellation.raise_if_cancelled()
            self._hash.update(piece)
            yield piece


def read_tree(tar: LayerTar, subject: str = "") -> Tree:
    """The names in *tar*, which is read to its end. Raises InvalidLayer and the errors of :class:`LayerTar`."""
    building = _Building(subject)
    for header in tar.headers():
        building.take(header)
    return building.tree.complete()


def _identified(chunks: Iterator[bytes]) -> tuple[Iterator[bytes], Compression]:
    """*chunks* again, and their compression."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= HEAD:
            break

    def again() -> Iterator[bytes]:
        if head:
            yield head
        yield from chunks

    return again(), compression_of(head)


class _Building:
    """Makes the tree while the entries come."""

    def __init__(self, subject: str) -> None:
        self.tree = Tree()
        self._subject = subject
        self._characters = 0
        self._below: dict[int, dict[str, int]] = {0: {}}
        #: The last folder: most entries are in the same one as the entry before.
        self._last = ("", 0)

    def take(self, header: Header) -> None:
        """Add the entry of *header*."""
        tree = self.tree
        kind = _KINDS.get(header.kind, Kind.OTHER)
        if kind is Kind.FILE and header.sparse:
            kind = Kind.SPARSE
        path = header.name.strip("/")
        if path.startswith("./"):
            path = path[2:]
        if len(path) > _LONGEST_PATH:
            self._odd(header, kind, Oddity.TOO_LONG)
            return
        if "//" in path or "/." in path or path.startswith("."):
            cleaned = _cleaned(path)
            if cleaned is None:
                self._odd(header, kind, Oddity.OUTSIDE)
                return
            path = cleaned
        folder, _, name = path.rpartition("/")
        if not name:  # the root itself
            tree.modes[0], tree.offsets[0] = header.mode & 0o7777, header.offset
            return
        if len(name) > _LONGEST_NAME and len(name.encode("utf-8", "surrogateescape")) > _LONGEST_NAME:
            self._odd(header, kind, Oddity.TOO_LONG)
            return
        parent = self._last[1] if folder == self._last[0] else self._folder(folder)
        self._last = (folder, parent)
        if name.startswith(_WHITEOUT):
            if name == _OPAQUE:
                tree.opaque.add(parent)
                return
            if name[len(_WHITEOUT) :] in ("", ".", ".."):
                # It would remove the folder itself, or the one above it: engines refuse that, and nothing is removed.
                self._put(parent, name, kind, header)
                tree.oddities[self._below[parent][name]] = Oddity.NO_WHITEOUT
                return
            if name.startswith(_AUFS):
                return
            name, kind = name[len(_WHITEOUT) :], Kind.WHITEOUT
        self._put(parent, name, kind, header)

    def _put(self, parent: int, name: str, kind: Kind, header: Header) -> None:
        tree = self.tree
        below = self._below.setdefault(parent, {})
        node = below.get(name)
        size = header.size if kind in (Kind.FILE, Kind.SPARSE) else 0
        if node is None:
            node = below[name] = self._add(parent, name, kind, header.mode & 0o7777, size, header.offset)
        elif kind is Kind.WHITEOUT and tree.kinds[node] != Kind.WHITEOUT:
            # Whiteouts concern only the layers below: the name stays in this one.
            if tree.kinds[node] == Kind.FOLDER:
                tree.opaque.add(node)
            return
        else:
            if kind is Kind.FOLDER and tree.kinds[node] == Kind.WHITEOUT:
                tree.opaque.add(node)
            if tree.kinds[node] != Kind.WHITEOUT and (
                tree.kinds[node] != Kind.FOLDER or kind is not Kind.FOLDER
            ):
                tree.oddities[node] = Oddity.REPEATED
            if kind is not Kind.FOLDER:
                self._detach(node)
            tree.kinds[node], tree.modes[node] = kind, header.mode & 0o7777
            tree.sizes[node], tree.offsets[node] = size, header.offset
            tree.targets.pop(node, None)
        if kind in (Kind.SYMLINK, Kind.HARD_LINK):
            tree.targets[node] = header.target[:_LONGEST_PATH]
            self._count(min(len(header.target), _LONGEST_PATH))

    def _folder(self, path: str) -> int:
        """The folder with that clean path, which the layer need not list."""
        tree, node = self.tree, 0
        for part in path.split("/") if path else ():
            below = self._below.setdefault(node, {})
            child = below.get(part)
            if child is None:
                child = below[part] = self._add(node, part, Kind.FOLDER, 0, 0, -1)
            elif tree.kinds[child] == Kind.WHITEOUT:
                # Removed and made again: nothing of the layers below is left in it.
                tree.kinds[child], tree.offsets[child] = Kind.FOLDER, -1
                tree.opaque.add(child)
            elif tree.kinds[child] != Kind.FOLDER and tree.kinds[child] != Kind.SYMLINK:
                tree.kinds[child], tree.sizes[child], tree.offsets[child] = Kind.FOLDER, 0, -1
                tree.oddities[child] = Oddity.REPEATED
            node = child
        return node

    def _detach(self, node: int) -> None:
        """Drop what is below *node*: another entry has replaced the folder."""
        self._last = ("", 0)
        self.tree.opaque.discard(node)
        for child in self._below.pop(node, {}).values():
            self.tree.parents[child] = -1

    def _odd(self, header: Header, kind: Kind, oddity: Oddity) -> None:
        """Add an entry whose name is no path, under that name, below the root."""
        name = header.name[:_LONGEST_PATH]
        node = self._below[0].get(name)
        if node is None:
            size = header.size if kind in (Kind.FILE, Kind.SPARSE) else 0
            # No other name contains a slash at its beginning, or has so many characters.
            node = self._below[0][name] = self._add(0, name, kind, header.mode & 0o7777, size, header.offset)
            self.tree.oddities[node] = oddity
            if kind in (Kind.SYMLINK, Kind.HARD_LINK):
                self.tree.targets[node] = header.target[:_LONGEST_PATH]

    def _add(self, parent: int, name: str, kind: int, mode: int, size: int, offset: int) -> int:
        self._count(len(name))
        if len(self.tree) > MOST_NAMES:
            raise too_much(self._subject, f"more than {MOST_NAMES} names")
        node = self.tree.add(parent, name, kind, mode, size, offset)
        if not name.isprintable() and any(unicodedata.category(char) in _UNSEEN for char in name):
            self.tree.oddities[node] = Oddity.UNPRINTABLE
        return node

    def _count(self, characters: int) -> None:
        self._characters += characters
        if self._characters > MOST_CHARACTERS:
            raise too_much(self._subject, f"more than {MOST_CHARACTERS} characters in names")


def _cleaned(path: str) -> str | None:
    """*path* without empty parts, ``.`` and ``..``, as engines read it; None if it leads out of the image."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def too_much(subject: str, detail: str) -> InvalidLayer:
    """The error for a layer that exceeds the limits."""
    return _told(failures.excessive(subject, detail), subject)


def _told(error: ArchiveError, subject: str) -> InvalidLayer:
    """*error* of reading a tar, as one of a layer."""
    from longshore.errors import ArchiveRefused, NotAnArchive

    if isinstance(error, ArchiveRefused):
        message, advice = "The layer exceeds the size limits.", "Do not unpack it unless you know its source."
    elif isinstance(error, NotAnArchive):
        message, advice = "The layer is not a tar archive, so it has no files to list.", ""
    else:
        message, advice = (
            "The layer is damaged.",
            "Pull the image again, or ask its publisher for a newer build.",
        )
    return InvalidLayer(message, subject=subject, advice=advice, detail=error.detail)
