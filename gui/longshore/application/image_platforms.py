"""The platforms of the images in a place, which lists of images do not have: one short question per image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from longshore.errors import EngineUnavailable, LongshoreError
from longshore.text import plain

if TYPE_CHECKING:
    from longshore.application.stores import Store
    from longshore.cancellation import Cancellation
    from longshore.engine.model import ImageDetails
    from longshore.library.model import LibraryDetails

#: Most characters of a platform, and most platforms of an image.
_LONGEST, _MOST = 60, 40


def image_platforms(
    store: Store, image_ids: Iterable[str], cancellation: Cancellation
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each of *image_ids* with its platforms (``linux/amd64``), of an index only those that are present.

    Blocks; raises Cancelled, and EngineUnavailable. An image that is gone or cannot be read has none.
    """
    for image_id in image_ids:
        cancellation.raise_if_cancelled()
        try:
            yield image_id, platforms_of(store.image(image_id))
        except EngineUnavailable:
            raise
        except LongshoreError:
            yield image_id, ()


def platforms_of(found: ImageDetails | LibraryDetails) -> tuple[str, ...]:
    """The platforms of an image that a store described, each once."""
    from longshore.library.model import LibraryDetails

    if isinstance(found, LibraryDetails):
        here = [each.platform for each in found.platforms if each.whole] or list(found.image.platforms)
    else:
        here = [each.platform for each in found.platforms if each.here] or [found.platform]
    names = (plain(str(one), _LONGEST) for one in here[:_MOST] if one is not None and one.known)
    # Each engine writes the usual arm64 in its own way.
    return tuple(dict.fromkeys("linux/arm64" if name == "linux/arm64/v8" else name for name in names))
