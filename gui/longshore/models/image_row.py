"""One row of Local images: a reference, the image that it points to, and the text of its cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from longshore.language import tr
from longshore.models import sieve
from longshore.models.columns import ImageColumn
from longshore.models.row_table import TableRow
from longshore.naturalsort import natural_key
from longshore.oci.reference import DOCKER_HUB
from longshore.words import text, times

if TYPE_CHECKING:
    from longshore.application.requests import LocalPlace
    from longshore.oci.local_image import LocalImage

_NONE = "<none>"
#: The repositories of Docker Hub to which only Docker pushes; local names without a registry look the same.
_OFFICIAL = "library/"


@dataclass(frozen=True, eq=False, slots=True)
class PlacedImages:
    """The images of one place. *place* None: the only place that is shown. *title*: its name, safe to show.

    *compressed*: their sizes are compressed sizes, as in the library.
    """

    images: Sequence[LocalImage]
    compressed: bool = False
    place: LocalPlace | None = None
    title: str = ""


class ImageRow(TableRow):
    """A row for one reference, or for an image without one."""

    __slots__ = ("fresh", "image", "natural", "place", "platforms", "repository", "short", "tag")

    def __init__(self, image: LocalImage, place: PlacedImages) -> None:
        super().__init__("")
        self.place = place
        self.fresh = False
        #: None while they are not known.
        self.platforms: tuple[str, ...] | None = None
        #: Shorter forms of the repository that are unique in the list.
        self.short: tuple[str, ...] = ()
        self.set_image(image)

    def set_image(self, image: LocalImage) -> None:
        """Show *image*, which the row's name now points to."""
        self.image = image
        reference = image.reference
        if reference is None:
            self.repository, self.tag = _NONE, _NONE
        else:
            self.repository = text.safe(reference.familiar_name)
            self.tag = reference.tag or _NONE
        self.natural = natural_key(self.tag)
        parts = [self.repository, self.tag, image.image_id, *image.repo_digests]
        if reference is not None:
            parts.append(str(reference))
        parts.append(self.place.title)
        self.haystack = sieve.haystack(parts)

    def base_key(self) -> tuple[Any, ...]:
        """Return the key of the base order: named images first, by repository and natural tag."""
        image = self.image
        return (
            image.reference is None,
            self.repository.casefold(),
            self.natural,
            image.image_id,
            self.place.title,
        )

    def sort_key(self, column: int) -> Any:
        """Return the sort key of the row in *column*, None if it is unknown."""
        image = self.image
        if column == ImageColumn.REPOSITORY:
            return None if image.reference is None else self.repository.casefold()
        if column == ImageColumn.TAG:
            return None if self.tag == _NONE else self.natural
        if column == ImageColumn.IMAGE_ID:
            return image.image_id
        if column == ImageColumn.CREATED:
            return None if image.created is None else times.aware(image.created)
        if column == ImageColumn.SIZE:
            return image.size
        if column == ImageColumn.PLATFORM:
            return self.platforms or None
        if column == ImageColumn.PLACE:
            return self.place.title.casefold()
        return image.in_use

    def text(self, column: int) -> str:
        """Return the text of the cell in *column*."""
        if column == ImageColumn.REPOSITORY:
            return self.repository
        if column == ImageColumn.TAG:
            return self.tag
        if column == ImageColumn.IMAGE_ID:
            return self.image.name.short
        if column == ImageColumn.CREATED:
            return times.age(self.image.created)
        if column == ImageColumn.SIZE:
            return text.size(self.image.size)
        if column == ImageColumn.PLATFORM:
            return "  ".join(name.removeprefix("linux/") for name in self.platforms or ())
        if column == ImageColumn.PLACE:
            return self.place.title
        return text.containers(self.image.in_use)

    def whole(self, column: int) -> str:
        """Return the full text of the cell in *column*, for its tooltip."""
        image = self.image
        if column in (ImageColumn.REPOSITORY, ImageColumn.TAG):
            if image.reference is not None:
                name = text.safe(image.reference.familiar, 600)
                return f"{name}\n{tr('New since you last looked.')}" if self.fresh else name
            return tr("Untagged: a newer image has its tag, or it never had one.")
        if column == ImageColumn.IMAGE_ID:
            return text.safe(image.image_id)
        if column == ImageColumn.CREATED:
            return times.moment_text(image.created)
        if column == ImageColumn.SIZE:
            words = tr("{number} bytes compressed") if self.place.compressed else tr("{number} bytes on disk")
            exact = words.replace("{number}", f"{image.size:,}")
            return f"{text.size(image.size)} ({exact})"
        if column == ImageColumn.PLATFORM:
            return ", ".join(self.platforms or ())
        if column == ImageColumn.PLACE:
            return self.place.title
        return text.containers(image.in_use) or tr("Not used by any container.")

    @property
    def short_age(self) -> str:
        """The age of the image in its shortest form."""
        return times.short_age(self.image.created)

    @property
    def tag_or_nothing(self) -> str:
        """The tag alone, "" if there is none."""
        return "" if self.tag == _NONE else self.tag

    def without_registry(self, *, only_here: bool) -> bool:
        """Return True if no registry is known for it: it has no name, or one that only Docker itself may push and that
        Docker Hub does not have. *only_here*: its state says so."""
        reference = self.image.reference
        if reference is None:
            return True
        own = reference.domain == DOCKER_HUB and reference.path.startswith(_OFFICIAL)
        names = {entry.rpartition("@")[0] for entry in self.image.repo_digests}
        return own and (only_here or names.isdisjoint((reference.name, reference.familiar_name)))
