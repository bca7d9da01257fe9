"""Blobs that were fetched for several engines, kept until the last of them has the image."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable

from longshore.oci.descriptor import Descriptor

#: Most bytes that are kept for rows that wait. What exceeds it is fetched again.
MOST_BYTES = 20 << 30


class _Group:
    """The rows for one image: those that *wait* for it and those that *have* it, and its blobs with their sizes."""

    def __init__(self) -> None:
        self.wait: set[str] = set()
        self.have: set[str] = set()
        self.blobs: dict[str, int] = {}


class Kept:
    """Knows which blobs which rows of a queue still need. Thread-safe; touches no disk.

    *most_bytes*: the limit for all blobs together.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._groups: list[_Group] = []

    def __bool__(self) -> bool:
        return bool(self._groups)

    def waits(self, row: str) -> bool:
        """Whether blobs are kept for *row*."""
        with self._lock:
            return any(row in group.wait for group in self._groups)

    def release(self, row: str, blobs: Iterable[Descriptor], others: Collection[str]) -> set[str]:
        """The engine of *row* has the image with *blobs*; the rows *others* have not ended. Returns what to free.

        Of several rows that end at once, the last one gets everything.
        """
        with self._lock:
            group = next((each for each in self._groups if row in each.wait), None)
            if group is None:
                group = _Group()
                self._groups.append(group)
            group.have.add(row)
            group.wait = (group.wait | set(others)) - group.have
            group.blobs.update((blob.digest, blob.size) for blob in blobs)
            if not group.wait or self._bytes() > self._most_bytes:
                return self._drop([group])
            return set()

    def ended(self, unfinished: Collection[str]) -> set[str]:
        """Of all rows only *unfinished* have not ended. Returns what to free because nobody waits for it."""
        with self._lock:
            over = []
            for group in self._groups:
                group.wait &= set(unfinished)
                if not group.wait:
                    over.append(group)
            return self._drop(over)

    def _bytes(self) -> int:
        blobs: dict[str, int] = {}
        for group in self._groups:
            blobs |= group.blobs
        return sum(blobs.values())

    def _drop(self, over: list[_Group]) -> set[str]:
        self._groups = [group for group in self._groups if group not in over]
        kept = {digest for group in self._groups for digest in group.blobs}
        return {digest for group in over for digest in group.blobs} - kept
