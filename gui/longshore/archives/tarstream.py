"""Reads tar as a stream, strictly (POSIX.1-2017 pax, “ustar Interchange Format”; GNU tar's long names and numbers).

The standard library's tarfile trusts its input: it accepts an extended header of any length, and a dozen kinds of
entries that image archives never have. Here everything is bounded, nothing is read twice, and oddities are reported in
the entry rather than acted on.
"""

from __future__ import annotations

import enum
import posixpath
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from longshore.archives import failures
from longshore.archives.limits import BLOCK, LIMITS, Limits
from longshore.text import plain

RECORD = 512
#: Maximum bytes of an extended header: a few paths and numbers.
_LARGEST_EXTENDED = 64 * 1024
_LARGEST_SIZE = 2**60
#: The keys used from an extended header; the others are times, owners and attributes. A key that begins with the last
#: one marks a sparse file.
_PATH, _TARGET, _SIZE, _SPARSE = "path", "linkpath", "size", "GNU.sparse"


class EntryKind(enum.Enum):
    """The kind of a tar entry."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"  # symbolic or hard
    OTHER = "other"  # kinds that image archives never have; ``Entry.problem`` names it


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry.

    *name*: without ``./`` and ``/`` at its ends. *size*: of its content in bytes, *offset*: the position of the content
    in the tar. *target*: of a link, as a name within the archive. *problem*: why it must not be used, or "".
    """

    name: str
    kind: EntryKind
    size: int = 0
    offset: int = 0
    target: str = ""
    problem: str = ""


class Header(NamedTuple):
    """An entry as its headers describe it, not judged: *name* and *target* may lead anywhere.

    *kind*: the type flag, one byte. *size*: of the content in bytes, *offset*: its position in the tar. *mode*: the
    permissions. *sparse*: the content is not the file itself.
    """

    name: str
    kind: bytes
    size: int
    offset: int
    target: str
    mode: int
    sparse: bool = False


class TarReader:
    """The entries of a tar that arrives in *chunks*, one by one. One thread.

    Between two entries, :meth:`data` returns the content of the first; unread content is skipped. After the last entry
    the rest of *chunks* is read too. Raises ArchiveDamaged, ArchiveRefused, and the errors of *chunks*.

    Iterating judges every entry for an archive of images; :meth:`headers` returns them as they are.
    """

    def __init__(self, chunks: Iterable[bytes], *, limits: Limits = LIMITS, subject: str = "") -> None:
        self._chunks = iter(chunks)
        self._limits = limits
        self._subject = subject
        self._buffer = b""
        self._at = 0  # of the next byte within _buffer
        self._left = 0  # bytes of the current entry not yet returned
        self._padding = 0
        self._extended_bytes = 0
        self._name_characters = 0
        self.position = 0  #: bytes of the tar consumed
        self.entries = 0  #: seen so far

    def __iter__(self) -> Iterator[Entry]:
        for header in self.headers():
            yield self._judged(header)

    def headers(self) -> Iterator[Header]:
        """The entries, not judged: for the file systems in layers, which may have entries of every kind."""
        extended: dict[str, str] = {}
        common: dict[str, str] = {}
        while True:
            self._skip()
            header = self._take(RECORD)
            if not header:
                raise failures.truncated(self._subject, "the end of the tar is missing")
            if not any(header):
                self._drain()
                return
            self.entries += 1
            if self.entries > self._limits.entries:
                raise failures.excessive(self._subject, f"more than {self._limits.entries} entries")
            kind = header[156:157]
            size = self._check(header)
            if kind in b"xgLK":
                value = self._extended(size)
                if kind == b"L":
                    extended[_PATH] = _text(value)
                elif kind == b"K":
                    extended[_TARGET] = _text(value)
                else:
                    (extended if kind == b"x" else common).update(self._pax(value))
                continue
            if kind == b"S" and header[482]:
                self._skip_maps()
            entry = self._entry(header, kind, size, common | extended if common else extended)
            extended = {}
            self._left = entry.size
            self._padding = -entry.size % RECORD
            yield entry

    def data(self) -> Iterator[bytes]:
        """The content of the current entry, in pieces."""
        while self._left:
            piece = self._piece(self._left)
            self._left -= len(piece)
            yield piece

    # -- bytes

    def _fill(self) -> bool:
        """Make sure that a byte is available. Returns False at the end of the stream."""
        while self._at >= len(self._buffer):
            chunk = next(self._chunks, None)
            if chunk is None:
                return False
            self._buffer, self._at = chunk, 0
        return True

    def _piece(self, most: int) -> bytes:
        """Some bytes, at most *most*."""
        if not self._fill():
            if not self.entries:
                raise failures.no_tar(self._subject, "its first 512 bytes are not a tar header")
            raise failures.truncated(self._subject, f"it ends inside an entry, at byte {self.position}")
        given = self._buffer[self._at : self._at + min(most, BLOCK)]
        self._at += len(given)
        self.position += len(given)
        return given

    def _take(self, count: int) -> bytes:
        """Exactly *count* bytes; none at the end of the stream."""
        if not self._fill():
            return b""
        taken = b""
        while len(taken) < count:
            taken += self._piece(count - len(taken))
        return taken

    def _skip(self) -> None:
        rest, self._left = self._left + self._padding, 0
        self._padding = 0
        while rest:
            rest -= len(self._piece(rest))

    def _drain(self) -> None:
        """Read the padding after the end, which fills a tape's block."""
        while self._fill():
            self.position += len(self._buffer) - self._at
            self._at = len(self._buffer)

    # -- headers

    def _check(self, header: bytes) -> int:
        """The size from a header, after verifying its checksum."""
        said = _number(header[148:156])
        unsigned = sum(header) - sum(header[148:156]) + 8 * 32
        if said is None or (said != unsigned and said != unsigned - _negative(header)):
            if self.entries == 1:
                raise failures.no_tar(self._subject, "its first 512 bytes are not a tar header")
            raise failures.damaged(self._subject, f"invalid header before byte {self.position}")
        size = _number(header[124:136])
        if size is None or size > _LARGEST_SIZE:
            raise failures.damaged(self._subject, f"invalid size before byte {self.position}")
        return size

    def _skip_maps(self) -> None:
        """Skip the rest of the map of a sparse file in GNU's old format: a chain of records, before the content."""
        more = 1
        while more:
            record = self._take(RECORD)
            if not record:
                raise failures.truncated(self._subject, f"it ends inside an entry, at byte {self.position}")
            more = record[504]

    def _extended(self, size: int) -> bytes:
        if size > _LARGEST_EXTENDED:
            raise failures.excessive(self._subject, f"an extended header of {size} bytes")
        self._extended_bytes += size
        if self._extended_bytes > self._limits.extended:
            raise failures.excessive(
                self._subject, f"more than {self._limits.extended} bytes of extended headers"
            )
        self._left, self._padding = size, -size % RECORD
        return b"".join(self.data())

    def _pax(self, value: bytes) -> dict[str, str]:
        r"""The used records of a pax header, each ``LENGTH KEY=VALUE\n``."""
        found = {}
        at = 0
        while at < len(value):
            length, _, _ = value[at : at + 20].partition(b" ")
            end = at + (int(length) if length.isdigit() else 0)
            key, equals, text = value[at + len(length) + 1 : end].partition(b"=")
            if end > len(value) or not equals or not text.endswith(b"\n"):
                raise failures.damaged(self._subject, "invalid extended header")
            name = _text(key)
            if name in (_PATH, _TARGET, _SIZE):
                found[name] = _text(text[:-1])
            elif name.startswith(_SPARSE):
                found[_SPARSE] = ""
            at = end
        return found

    def _entry(self, header: bytes, kind: bytes, size: int, extended: dict[str, str]) -> Header:
        raw = extended.get(_PATH)
        if raw is None:
            raw = _text(header[:100])
            if header[257:263] == b"ustar\0" and (prefix := _text(header[345:500])):
                raw = f"{prefix}/{raw}"
        target = extended.get(_TARGET)
        if target is None:
            target = _text(header[157:257])
        if (told := extended.get(_SIZE)) is not None:
            if not told.isascii() or not told.isdigit() or len(told) > 18:
                raise failures.damaged(self._subject, "invalid size in an extended header")
            size = int(told)
        self._name_characters += len(raw) + len(target)
        if self._name_characters > self._limits.names:
            raise failures.excessive(self._subject, f"more than {self._limits.names} characters in names")
        # A folder's or link's header may have a size, but there is no content.
        size = size if _KINDS.get(kind, EntryKind.OTHER) in (EntryKind.FILE, EntryKind.OTHER) else 0
        mode = _number(header[100:108]) or 0
        return Header(raw, kind, size, self.position, target, mode, _SPARSE in extended)

    def _judged(self, header: Header) -> Entry:
        """The entry for an archive of images, with what is wrong with it there."""
        raw, target = header.name, header.target
        found = _KINDS.get(header.kind, EntryKind.OTHER)
        shown = f"“{plain(raw, 200)}”"
        problem = ""
        if found is EntryKind.OTHER:
            unknown = f"an entry of the unknown type {plain(repr(header.kind), 20)}"
            problem = f"{shown} is {_ODD.get(header.kind, unknown)}"
        elif header.sparse:
            problem = f"{shown} is a sparse file"
        elif problem_of_name := oversized(raw, self._limits) or oversized(target, self._limits):
            problem = f"{shown} has {problem_of_name}"
        inside = within("", raw)
        if not problem and inside is None:
            problem = f"{shown} is outside the archive"
        if not problem and found is EntryKind.LINK:
            # A symbolic link is relative to its own folder, a hard link to the top.
            inner = within(posixpath.dirname(inside or "") if header.kind == b"2" else "", target)
            if not inner:
                problem = f"{shown} is a link to a place outside the archive, “{plain(target, 200)}”"
            target = inner or ""
        return Entry(
            inside or "",
            found,
            header.size,
            header.offset,
            target if found is EntryKind.LINK else "",
            problem,
        )


_KINDS = {
    b"\0": EntryKind.FILE,
    b"0": EntryKind.FILE,
    b"7": EntryKind.FILE,
    b"5": EntryKind.FOLDER,
    b"1": EntryKind.LINK,
    b"2": EntryKind.LINK,
}
_ODD = {
    b"3": "a device",
    b"4": "a device",
    b"6": "a named pipe",
    b"S": "a sparse file",
    b"M": "a continuation of a file from another archive",
    b"V": "a tape label",
}


def oversized(name: str, limits: Limits = LIMITS) -> str:
    """The reason why *name* exceeds the limits of a path, such as “a name of 5000 characters”; "" if it does not."""
    if len(name) > limits.name:
        return f"a name of {len(name)} characters"
    if name.count("/") > limits.parts:
        return f"a path of {name.count('/') + 1} parts"
    return ""


def within(folder: str, name: str) -> str | None:
    """*name*, relative to *folder*, as a path from the top of the archive; None if it leads outside."""
    if name.startswith("/") or "\0" in name:
        return None
    parts = [part for part in folder.split("/") if part]
    for part in name.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def _negative(header: bytes) -> int:
    """The difference of the sums of unsigned and of signed bytes: old programs wrote the second."""
    return 256 * sum(byte > 127 for byte in header[:148] + header[156:])


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _number(field: bytes) -> int | None:
    """A number of a header: octal, or GNU's binary form if the first bit is set. None for anything else."""
    if field[0] & 0x80:
        return int.from_bytes(field[1:], "big") if field[0] == 0x80 else None
    text = field.partition(b"\0")[0].strip()
    if not text:
        return 0
    return None if text.translate(None, b"01234567") else int(text, 8)


def tar_header(name: str, size: int) -> bytes:
    """The header of a file in an archive that we write: one record, the same for the same name and size.

    Raises ValueError for a name that does not fit (100 bytes fit).
    """
    entry = tarfile.TarInfo(name)
    entry.size = size
    if size < 8**11:
        header = entry.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict")
    else:  # more than ustar's eleven octal digits: GNU's binary form, which every engine reads
        header = entry.tobuf(tarfile.GNU_FORMAT, "utf-8", "strict")
    if len(header) != RECORD:
        raise ValueError("name is too long")
    return header


def tar_padding(size: int) -> bytes:
    """The padding of a file's content to full records."""
    return bytes(-size % RECORD)


#: The end of a tar: two empty records.
TAR_END = bytes(2 * RECORD)
