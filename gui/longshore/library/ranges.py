"""Ranges of bytes: which of a blob's have arrived, in memory and as a record on disk."""

from __future__ import annotations

import contextlib
import os
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from pathlib import Path

_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
#: Begin and end of one range, in bytes.
_ENTRY = struct.Struct("<QQ")
#: Most entries of a record that are read; writers reach a fraction of it (see ``arriving.RECORDED``).
_MOST_ENTRIES = 1 << 20


class Ranges:
    """A set of bytes, as disjoint half-open ranges in order. Not thread-safe."""

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._begins: list[int] = []
        self._ends: list[int] = []
        #: The number of bytes.
        self.total = 0
        for begin, end in ranges:
            self.add(begin, end)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self._begins, self._ends, strict=True)

    def add(self, begin: int, end: int) -> None:
        """Add the bytes from *begin* to before *end*; some may be there already."""
        if begin >= end:
            return
        first, last = bisect_left(self._ends, begin), bisect_right(self._begins, end)
        if first < last:
            begin, end = min(begin, self._begins[first]), max(end, self._ends[last - 1])
        self.total += end - begin - sum(self._ends[first:last]) + sum(self._begins[first:last])
        self._begins[first:last] = [begin]
        self._ends[first:last] = [end]

    def gaps(self, begin: int, end: int) -> list[tuple[int, int]]:
        """The ranges between *begin* and *end* that are missing."""
        found = []
        for at in range(bisect_right(self._ends, begin), len(self._begins)):
            if self._begins[at] >= end:
                break
            if self._begins[at] > begin:
                found.append((begin, self._begins[at]))
            begin = self._ends[at]
        if begin < end:
            found.append((begin, end))
        return found

    def end_from(self, offset: int) -> int:
        """The end of the range that contains *offset*; *offset* itself if it is missing."""
        at = bisect_right(self._begins, offset) - 1
        return max(offset, self._ends[at]) if at >= 0 else offset


class RangeRecord:
    """A file with the ranges that have arrived, appended one by one. Its caller holds the lock of the blob.

    Bytes are written before their range is recorded: after a kill, the record names nothing that is missing. (After a
    power cut it may; the digest shows that.) An incomplete last entry is ignored. Raises OSError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, size: int) -> Ranges:
        """The recorded ranges, cut off at *size*, the bytes of the file that they are about."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | _NO_FOLLOW)
        except FileNotFoundError:
            return Ranges()
        with os.fdopen(descriptor, "rb") as file:
            raw = file.read(_MOST_ENTRIES * _ENTRY.size)
        raw = raw[: len(raw) // _ENTRY.size * _ENTRY.size]
        # In order, since adding at the end is cheap.
        entries = sorted(_ENTRY.iter_unpack(raw))
        return Ranges((begin, min(end, size)) for begin, end in entries)

    def replace(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Record exactly *ranges*. A kill leaves either the old or the new record."""
        temporary = self.path.with_name(self.path.name + ".tmp")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | _NO_FOLLOW
        with os.fdopen(os.open(temporary, flags, 0o666), "wb") as file:
            file.write(b"".join(_ENTRY.pack(begin, end) for begin, end in ranges))
        temporary.replace(self.path)

    def open(self) -> int:
        """Open the record for :meth:`append`; the caller closes the descriptor."""
        return os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | _NO_FOLLOW, 0o666)

    @staticmethod
    def append(descriptor: int, begin: int, end: int) -> None:
        """Add one range. Any thread: one write(2) to a file opened for appending."""
        os.write(descriptor, _ENTRY.pack(begin, end))

    def remove(self) -> None:
        """Remove the file, if there is one."""
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()
