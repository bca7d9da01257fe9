"""What images take on the disk of an engine or the library, and what the removal of some of them frees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from longshore.errors import LongshoreError

if TYPE_CHECKING:
    from longshore.application.stores import Store
    from longshore.cancellation import Cancellation
    from longshore.oci.disk_usage import DiskUsage, FreedBytes
    from longshore.oci.image_name import ImageName
    from longshore.oci.local_image import LocalImage


def measured(store: Store, cancellation: Cancellation) -> tuple[DiskUsage | None, LongshoreError | None]:
    """The usage of *store*, or why it is not known. Blocks, in a large engine for minutes. Raises Cancelled."""
    try:
        return store.usage(cancellation), None
    except LongshoreError as error:
        return None, error


def freed_by(usage: DiskUsage, listed: Iterable[LocalImage], chosen: Collection[ImageName]) -> FreedBytes:
    """What the removal of *chosen* frees: of images all of whose names in *listed* go. Pure; any thread."""
    references = {name.reference for name in chosen if name.reference is not None}
    whole = {name.image_id for name in chosen if name.reference is None}
    staying: Counter[str] = Counter()
    going: set[str] = set()
    for image in listed:
        if image.image_id in whole or image.reference in references:
            going.add(image.image_id)
        else:
            staying[image.image_id] += 1
    return usage.freed({image_id for image_id in going if not staying[image_id]})
