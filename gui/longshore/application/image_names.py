"""Finds the image that a person means among those of an engine or the library: by its name, or the start of its id."""

from __future__ import annotations

import re
from collections.abc import Iterable

from longshore.errors import InvalidInput, LongshoreError
from longshore.oci.image_name import ImageName
from longshore.oci.local_image import LocalImage
from longshore.oci.reference import Reference

_ID = re.compile(r"(?:sha256:)?([0-9a-f]{4,64})")


def find_image(images: Iterable[LocalImage], text: str) -> ImageName | None:
    """Return the image that *text* means; None if there is none.

    As in Docker, a name comes first, with the tag ``latest`` if it has neither tag nor digest; then an id of at least
    four digits, or its start. Raises InvalidInput if several images have ids that start like that, InvalidReference if
    *text* is neither a name nor an id.
    """
    images = list(images)
    match = _ID.fullmatch(text)
    try:
        wanted: Reference | None = Reference.parse_input(text).with_default_tag()
    except LongshoreError:
        if match is None:
            raise
        wanted = None
    for image in images:
        if image.reference is not None and image.reference.with_default_tag() == wanted:
            return image.name
    if wanted is not None and wanted.digest is not None:
        for image in images:
            if f"{wanted.name}@{wanted.digest}" in image.repo_digests:
                return ImageName(wanted, image.image_id)
    if match is None:
        return None
    found = dict.fromkeys(
        image.image_id for image in images if image.image_id.partition(":")[2].startswith(match[1])
    )
    if len(found) > 1:
        raise InvalidInput(
            "Several images have an ID that starts like this.", subject=text, advice="Use more digits."
        )
    return ImageName(None, next(iter(found))) if found else None
