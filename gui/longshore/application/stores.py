"""What the left pane can show: anything that lists images, names them, removes them, and tells when they change.

An :class:`~longshore.engine.engine.Engine` is such a store as it stands; the library is made one here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from longshore.oci.local_image import LocalImage
from longshore.oci.reference import Reference
from longshore.transfers.transfer import EnginePlace

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.application.requests import LocalPlace
    from longshore.cancellation import Cancellation
    from longshore.engine.model import EngineInfo, ImageDetails
    from longshore.library.library import Library
    from longshore.library.model import LibraryDetails, LibraryImage

#: Seconds between two looks at whether the library's list has changed; each costs one stat(2).
LOOK = 0.5


class Store(Protocol):
    """Thread-safe; every call may block and raises LongshoreError. Names are references, or ids (digests) in full."""

    def probe(self) -> EngineInfo | None:
        """That it can be used; what is behind it, where that has a name and a version."""

    def images(self) -> list[LocalImage]:
        """All rows."""

    def image(self, name: str, /) -> ImageDetails | LibraryDetails:
        """All about one image."""

    def tag(self, source: str, target: Reference) -> None:
        """Give an image another name."""

    def remove(self, name: str, /, force: bool = False) -> object:
        """Take a name away, and the image with its last one."""

    def events(self, cancellation: Cancellation) -> Iterator[object]:
        """Something whenever the list may have changed, and once at first. Ends, or raises, when it is lost."""


class LibraryStore:
    """The library as a place of the left pane."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def probe(self) -> None:
        """That the folder can be used as a library; there need not be one yet. Raises LibraryError."""
        self._library.check()

    def images(self) -> list[LocalImage]:
        """Its images; signatures and SBOMs, which belong to them, are no rows of their own."""
        return [_row(image) for image in self._library.images() if not image.subject]

    def image(self, name: str) -> LibraryDetails:
        """All about one image."""
        return self._library.details(_named(name))

    def tag(self, source: str, target: Reference) -> None:
        """Give an image another name."""
        self._library.tag(_named(source), target)

    def remove(self, name: str, force: bool = False) -> object:
        """Take a name away; what nothing else uses is freed. There are no containers that *force* could mean."""
        return self._library.remove(_named(name))

    def events(self, cancellation: Cancellation) -> Iterator[object]:
        """Whenever the list has changed, by whoever."""
        known = self._library.signature()
        yield known
        while not cancellation.wait(LOOK):
            found = self._library.signature()
            if found != known:
                known = found
                yield known


def open_store(place: LocalPlace, clients: Clients) -> Store:
    """The store at *place*; does not connect. May block. Raises LongshoreError for a bad address."""
    if isinstance(place, EnginePlace):
        return clients.engine(place.address)
    return LibraryStore(clients.library(place.path))


def _named(name: str) -> Reference | str:
    return name if name.startswith("sha256:") else Reference.parse(name)


def _row(image: LibraryImage) -> LocalImage:
    reference = image.reference
    return LocalImage(
        reference=reference,
        image_id=image.digest,
        created=image.created,
        size=image.size,
        # As it came, to the byte: the digest is that of the registry it is from.
        repo_digests=() if reference is None else (f"{reference.name}@{image.digest}",),
        dangling=reference is None,
        digest_only=reference is not None and reference.tag is None,
    )
