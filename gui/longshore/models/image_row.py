"""One row of Local images: a reference and what stands behind it, and what its cells say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from longshore.models import sieve, text, times
from longshore.models.columns import ImageColumn
from longshore.models.row_table import TableRow
from longshore.models.text import tr
from longshore.naturalsort import natural_key

if TYPE_CHECKING:
    from longshore.oci.local_image import LocalImage

_NONE = "<none>"


class ImageRow(TableRow):
    """A reference of the engine, or an image without one."""

    __slots__ = ("fresh", "image", "natural", "repository", "short", "tag")

    def __init__(self, image: LocalImage) -> None:
        super().__init__("")
        self.fresh = False
        #: Shorter forms of the repository that no other repository of the list has.
        self.short: tuple[str, ...] = ()
        self.set_image(image)

    def set_image(self, image: LocalImage) -> None:
        """Show *image* in this row: what its name stands for now."""
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
        self.haystack = sieve.haystack(parts)

    def base_key(self) -> tuple[Any, ...]:
        """Named images first, by repository and natural tag."""
        return (self.image.reference is None, self.repository.casefold(), self.natural, self.image.image_id)

    def sort_key(self, column: int) -> Any:
        """What the row is sorted by in *column*, None for what is not known."""
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
        return image.in_use

    def text(self, column: int) -> str:
        """What the cell in *column* shows."""
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
        return text.containers(self.image.in_use)

    def whole(self, column: int, *, compressed: bool) -> str:
        """The whole story of the cell in *column*, as plain text. *compressed*: what its size means."""
        image = self.image
        if column in (ImageColumn.REPOSITORY, ImageColumn.TAG):
            if image.reference is not None:
                name = text.safe(image.reference.familiar, 600)
                return f"{name}\n{tr('New: it arrived since you last looked.')}" if self.fresh else name
            return tr("An image without a name: a newer image took its name, or it never had one.")
        if column == ImageColumn.IMAGE_ID:
            return text.safe(image.image_id)
        if column == ImageColumn.CREATED:
            return times.moment_text(image.created)
        if column == ImageColumn.SIZE:
            words = tr("{number} bytes compressed") if compressed else tr("{number} bytes on disk")
            exact = words.replace("{number}", f"{image.size:,}")
            return f"{text.size(image.size)} ({exact})"
        return text.containers(image.in_use) or tr("No container uses it.")

    @property
    def short_age(self) -> str:
        """How old the image is, in as few letters as it takes."""
        return times.short_age(self.image.created)

    @property
    def tag_or_nothing(self) -> str:
        """The tag alone, "" where there is none."""
        return "" if self.tag == _NONE else self.tag
