"""Passes changes of tags to the tag history, and reports what becomes known about tags in registries."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from longshore.transfers.transfer import RegistryPlace

if TYPE_CHECKING:
    from longshore.oci.reference import Reference
    from longshore.transfers.tag_changes import TagChange, TagRecorder
    from longshore.transfers.transfer import Place

#: Most announced changes that are remembered until they are settled.
_MOST = 10_000


class TagNews:
    """A TagRecorder in front of *recorder*.

    *tell* is called in any thread with what tags of registries point to now: "" for no such tag, None if a tag may have
    changed and nobody knows. It must not block or raise.
    """

    def __init__(self, recorder: TagRecorder, tell: Callable[[dict[Reference, str | None]], None]) -> None:
        self.recorder = recorder
        self._tell = tell
        self._lock = threading.Lock()
        self._announced: dict[str, Reference] = {}

    def announce(self, changes: Sequence[TagChange]) -> list[str]:
        """See TagRecorder."""
        ids = self.recorder.announce(changes)
        with self._lock:
            if len(self._announced) > _MOST:
                self._announced.clear()
            for key, change in zip(ids, changes, strict=True):
                if key and isinstance(change.place, RegistryPlace):
                    self._announced[key] = change.reference
        return ids

    def settle(self, found: Mapping[str, str | None]) -> None:
        """See TagRecorder."""
        self.recorder.settle(found)
        with self._lock:
            known = {key: self._announced.pop(key, None) for key in found}
        if news := {reference: found[key] for key, reference in known.items() if reference is not None}:
            self._tell(news)

    def saw(self, place: Place, found: Mapping[Reference, str], asked: float) -> None:
        """See TagRecorder."""
        self.recorder.saw(place, found, asked)
        if isinstance(place, RegistryPlace) and found:
            self._tell(dict(found))

    def lost(self, group: str) -> None:
        """See TagRecorder."""
        self.recorder.lost(group)
