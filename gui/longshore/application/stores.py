"""The stores that the left pane can show: they list, name and remove images, and report changes.

An :class:`~longshore.engine.engine.Engine` already is such a store; the library is adapted here.
"""

from __future__ import annotations

from collections.abc import Generator
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
    from longshore.oci.disk_usage import DiskUsage

#: Seconds between two checks whether the library's list has changed; each costs one stat(2).
LOOK = 0.5


class Store(Protocol):
    """A place with images. Thread-safe; every call may block and raises LongshoreError.

    Names are references, or full ids (digests).
    """

    def probe(self) -> EngineInfo | None:
        """Check that it can be used. Returns its name and version, if it has them."""

    def images(self) -> list[LocalImage]:
        """All rows."""

    def image(self, name: str, /) -> ImageDetails | LibraryDetails:
        """The details of one image."""

    def tag(self, source: str, target: Reference) -> None:
        """Give an image another name."""

    def remove(self, name: str, /, force: bool = False) -> object:
        """Remove a name, and the image with its last name."""

    def usage(self, cancellation: Cancellation, /, *, counting: bool = True) -> DiskUsage:
        """What the images take on disk, and share. May take minutes in a large engine. Raises Cancelled.

        *counting*: also what the place itself counts, to compare a forecast with.
        """

    def events(self, cancellation: Cancellation) -> Generator[object]:
        """Yields once at the start and after each possible change of the list.

        Ends, or raises, when the connection is lost.
        """


class LibraryStore:
    """The library as a place of the left pane."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def probe(self) -> None:
        """Check that the folder can be used as a library, which need not exist yet. Raises LibraryError."""
        self._library.check()

    def images(self) -> list[LocalImage]:
        """The library's images, without signatures and SBOMs, which belong to an image."""
        return [_row(image) for image in self._library.images() if not image.subject]

    def image(self, name: str) -> LibraryDetails:
        """The details of one image."""
        return self._library.details(_named(name))

    def tag(self, source: str, target: Reference) -> None:
        """Give an image another name."""
        self._library.tag(_named(source), target)

    def remove(self, name: str, force: bool = False) -> object:
        """Remove a name and free unused content. *force* has no effect: there are no containers."""
        return self._library.remove(_named(name))

    def usage(self, cancellation: Cancellation, *, counting: bool = True) -> DiskUsage:
        """What the images take on disk, exactly."""
        cancellation.raise_if_cancelled()
        return self._library.usage()

    def events(self, cancellation: Cancellation) -> Generator[object]:
        """Yields at the start, and whenever any program has changed the list."""
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


def id_of(found: ImageDetails | LibraryDetails) -> str:
    """The id of the image that :meth:`Store.image` describes; of the library, its digest."""
    from longshore.library.model import LibraryDetails

    return found.image.digest if isinstance(found, LibraryDetails) else found.image_id


def _named(name: str) -> Reference | str:
    return name if name.startswith("sha256:") else Reference.parse(name)


def _row(image: LibraryImage) -> LocalImage:
    reference = image.reference
    return LocalImage(
        reference=reference,
        image_id=image.digest,
        created=image.created,
        size=image.size,
        # The content is unchanged: its digest is that of the source registry.
        repo_digests=() if reference is None else (f"{reference.name}@{image.digest}",),
        dangling=reference is None,
    )
