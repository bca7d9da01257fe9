"""What the footer of Local images says. Pure; any thread."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from longshore.models import text
from longshore.models.text import tr

if TYPE_CHECKING:
    from longshore.oci.local_image import LocalImage

_GAP = "  ·  "


def summary(
    images: Sequence[LocalImage],
    chosen: Sequence[LocalImage],
    *,
    shown: int,
    fresh: int,
    compressed: bool,
) -> str:
    """How many references and images there are and what they take, how many pass the filter (*shown*), are new
    (*fresh*) and are *chosen*."""
    if not images:
        return tr("No images")
    total = tr("up to {0} compressed") if compressed else tr("up to {0} on disk")
    parts = [
        _references(images),
        text.images(len({image.image_id for image in images})),
        total.format(text.size(_bytes(images))),
    ]
    if shown != len(images):
        parts.append(tr("{0} shown").format(shown))
    if fresh:
        parts.append(tr("{0} new").format(fresh))
    if chosen:
        parts.append(tr("{0} selected, {1}").format(len(chosen), text.size(_bytes(chosen))))
    return _GAP.join(parts)


def last_known(images: Sequence[LocalImage], *, library: bool) -> str:
    """The same where the place cannot be used, and *images* are what it had."""
    down = tr("No library") if library else tr("No engine")
    return _GAP.join([down, tr("last known: {0}").format(_references(images))]) if images else down


def _references(images: Sequence[LocalImage]) -> str:
    return tr("1 reference") if len(images) == 1 else tr("%n references", len(images))


def _bytes(images: Iterable[LocalImage]) -> int:
    """Of every image once, however many references it has."""
    return sum({image.image_id: image.size for image in images}.values())
