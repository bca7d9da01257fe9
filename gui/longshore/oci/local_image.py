"""An image as an engine or the library lists it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from longshore.oci.reference import Reference


@dataclass(frozen=True, slots=True)
class LocalImage:
    """One row of a list of images: one reference, or an image without any.

    *image_id*: in full, ``sha256:…``. *size*: bytes, by the place's own counting (an engine: on disk; the library:
    compressed). *in_use*: containers, running or not, made from the image. *repo_digests*: as the engine says them; no
    proof of origin. *dangling*: it has neither tag nor digest. *digest_only*: *reference* holds a digest and no tag.
    """

    reference: Reference | None
    image_id: str
    created: datetime | None
    size: int
    in_use: int = 0
    repo_digests: tuple[str, ...] = ()
    dangling: bool = False
    digest_only: bool = False
    labels: tuple[tuple[str, str], ...] = ()
