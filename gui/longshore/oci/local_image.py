"""An image as an engine or the library lists it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from longshore.oci.image_name import ImageName
from longshore.oci.reference import Reference


@dataclass(frozen=True, slots=True)
class LocalImage:
    """One row of a list of images: one reference, or an image without a reference.

    *image_id*: in full, ``sha256:…``. *size*: bytes, on disk for an engine, compressed for the library. *in_use*:
    number of containers, running or not, made from the image. *repo_digests*: as the engine reports them, no proof of
    origin. *dangling*: it has neither tag nor digest.
    """

    reference: Reference | None
    image_id: str
    created: datetime | None
    size: int
    in_use: int = 0
    repo_digests: tuple[str, ...] = ()
    dangling: bool = False
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> ImageName:
        """Its name here."""
        return ImageName(self.reference, self.image_id)
