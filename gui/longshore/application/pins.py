"""Images that the user has pinned: clean-ups never remove them."""

from __future__ import annotations

from collections.abc import Iterable

from longshore.oci.reference import Reference
from longshore.settings import Settings

_KEY = "pinned_images"
#: Most pins that are read; a settings file may contain anything.
MOST = 10_000


class Pins:
    """The pinned names; kept in the settings, shared by all Longshores and valid for every engine. Any thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def all(self) -> frozenset[str]:
        """The pinned references in full."""
        stored: list[object] = self._settings.get(_KEY, [])
        return frozenset(each for each in stored[:MOST] if isinstance(each, str))

    def add(self, references: Iterable[Reference]) -> None:
        """Pin *references*."""
        names = [str(reference) for reference in references]
        self._settings.update(_KEY, lambda stored: sorted({*_texts(stored), *names}), [])

    def remove(self, references: Iterable[Reference]) -> None:
        """Unpin *references*."""
        names = {str(reference) for reference in references}
        self._settings.update(_KEY, lambda stored: sorted({*_texts(stored)} - names), [])


def _texts(stored: Iterable[object]) -> list[str]:
    return [each for each in stored if isinstance(each, str)]
