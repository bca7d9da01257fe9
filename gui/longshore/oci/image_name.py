"""The name of an image in one place, from the row that is dragged to the end of a transfer."""

from __future__ import annotations

from dataclasses import dataclass

from longshore.oci.reference import Reference
from longshore.text import plain


@dataclass(frozen=True, slots=True)
class ImageName:
    """A reference, an id (``sha256:…``, in full), or both. Immutable, hashable; any thread.

    An image without a name has *reference* None. With both, the reference names the image, and the id tells whether it
    still points to the image that was meant. The id may come from an engine and is not checked.
    """

    reference: Reference | None
    image_id: str = ""

    @property
    def asked(self) -> str:
        """What to ask an engine or the library for: the reference in full, with ``latest`` where it has neither tag
        nor digest, else the id."""
        return self.image_id if self.reference is None else str(self.reference.with_default_tag())

    @property
    def shown(self) -> str:
        """For people: the familiar reference, else the short id. Safe to show."""
        return self.short if self.reference is None else self.reference.familiar

    @property
    def copied(self) -> str:
        """For the clipboard and for searching: as shown, but the id in full."""
        return self.image_id if self.reference is None else self.reference.familiar

    @property
    def short(self) -> str:
        """The 12 hex digits of the id by which people know an image. Safe to show."""
        digits = (self.image_id.partition(":")[2] or self.image_id)[:12]
        return digits if digits.isascii() and digits.isalnum() else plain(digits)
