"""Texts for the footer of Local images. Pure; any thread."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from longshore.language import tr
from longshore.words import text

if TYPE_CHECKING:
    from longshore.application.requests import LocalPlace
    from longshore.models.image_row import PlacedImages
    from longshore.oci.disk_usage import DiskUsage
    from longshore.oci.local_image import LocalImage

_GAP = "  ·  "


def summary(
    images: Sequence[LocalImage],
    chosen: Sequence[LocalImage],
    *,
    shown: int,
    fresh: int,
    compressed: bool,
    usage: DiskUsage | None = None,
) -> str:
    """Return the numbers of references and images and their size, and how many pass the filter (*shown*), are new
    (*fresh*) and are *chosen*. *usage*: what they take on disk, None while it is not known or out of date."""
    if not images:
        return tr("No images")
    parts = [_references(images)]
    if usage is not None:
        parts.append(tr("{0} on disk").format(text.size(usage.total)))
    else:
        total = tr("up to {0} compressed") if compressed else tr("up to {0} on disk")
        parts += [
            text.images(len({image.image_id for image in images})),
            total.format(text.size(_bytes(images))),
        ]
    if shown != len(images):
        parts.append(tr("{0} shown").format(shown))
    if fresh:
        parts.append(tr("{0} new").format(fresh))
    if chosen and usage is not None:
        from longshore.application.usage import freed_by  # not for the first picture
        from longshore.words import cleanup

        freed = cleanup.freed(freed_by(usage, images, [image.name for image in chosen]))
        words = (
            tr("{0} selected, removing it frees {1}")
            if len(chosen) == 1
            else tr("{0} selected, removing them frees {1}")
        )
        parts.append(words.format(f"{len(chosen):,}", freed))
    elif chosen:
        parts.append(tr("{0} selected, {1}").format(len(chosen), text.size(_bytes(chosen))))
    return _GAP.join(parts)


def places_summary(
    parts: Sequence[PlacedImages],
    chosen: int,
    *,
    shown: int,
    known: Mapping[LocalPlace, DiskUsage] | None = None,
) -> str:
    """Return the numbers of references and places, what they take on disk and compressed, how many pass the filter
    (*shown*) and are *chosen*. An image in two places counts in both, because it takes space in both. *known*: what is
    known of a place's disk, where images share layers."""
    images = [image for part in parts for image in part.images]
    places = tr("1 place") if len(parts) == 1 else tr("%n places", len(parts))
    found = [_references(images), places]
    for compressed, exactly, at_most in (
        (False, tr("{0} on disk"), tr("up to {0} on disk")),
        (True, tr("{0} compressed"), tr("up to {0} compressed")),
    ):
        alike = [part for part in parts if part.compressed is compressed]
        exact = [_exact(part, known or {}) for part in alike]
        size = sum(
            _bytes(part.images) if one is None else one for part, one in zip(alike, exact, strict=True)
        )
        if size:
            found.append((at_most if None in exact else exactly).format(text.size(size)))
    if shown != len(images):
        found.append(tr("{0} shown").format(shown))
    if chosen:
        found.append(tr("{0} selected").format(chosen))
    return _GAP.join(found)


def _exact(part: PlacedImages, known: Mapping[LocalPlace, DiskUsage]) -> int | None:
    """Return what *part* takes on its disk, None if that is not known or older than one of its images."""
    usage = None if part.place is None else known.get(part.place)
    if usage is None or any(image.image_id not in usage.images for image in part.images):
        return None
    return usage.total


def no_match(words: str, chosen: str) -> str:
    """Return why no image is shown: none matches the *words* of the filter and the *chosen* filters beside it."""
    if not chosen:
        return tr("No image matches “{0}”.").format(words)
    if not words:
        return tr("No image matches the filter: {0}.").format(chosen)
    return tr("No image matches “{0}” and the filter: {1}.").format(words, chosen)


def last_known(images: Sequence[LocalImage], *, library: bool) -> str:
    """Return the summary for a place that cannot be used; *images* are the last known ones."""
    down = tr("No library") if library else tr("No engine")
    return _GAP.join([down, tr("last known: {0}").format(_references(images))]) if images else down


def _references(images: Sequence[LocalImage]) -> str:
    return tr("1 reference") if len(images) == 1 else tr("%n references", len(images))


def _bytes(images: Iterable[LocalImage]) -> int:
    """Return the total size, counting each image once, however many references it has."""
    return sum({image.image_id: image.size for image in images}.values())
