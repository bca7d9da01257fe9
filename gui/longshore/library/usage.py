"""What a library's images take on disk, blob by blob."""

from __future__ import annotations

from longshore.errors import InvalidManifest
from longshore.library.blobs import Contents
from longshore.library.collecting import Collector
from longshore.library.folder import LayoutFolder
from longshore.oci.disk_usage import DiskUsage


def usage(folder: LayoutFolder, contents: Contents, collector: Collector) -> DiskUsage:
    """The usage now, exact. Blocks; raises LibraryError.

    The parts are all blobs, also those that interrupted transfers left. An image has its attachments as parts, because
    they are removed with it. While a manifest of an unknown kind or a damaged one is there, nothing is freed.
    """
    index = folder.index()
    sizes = contents.sizes()
    attached = {entry: collector.attached_to(entry) for entry in index.entries}
    images: dict[str, set[str]] = {}
    beside: dict[str, set[str]] = {}
    readable = True
    for entry, subject in attached.items():
        digest = entry.descriptor.digest
        try:
            parts = collector.named_by(digest) & sizes.keys()
        except InvalidManifest:
            parts, readable = {digest} & sizes.keys(), False
        if subject:
            beside[digest] = parts
        else:
            images[digest] = parts
    used = collector.in_use() & sizes.keys()
    # Attachments of attachments need another round.
    waiting = {entry.descriptor.digest: subject for entry, subject in attached.items() if subject}
    while waiting:
        owned = {
            digest
            for digest, subject in waiting.items()
            if any(subject in parts for parts in images.values())
        }
        if not owned:
            break
        for digest in owned:
            subject = waiting.pop(digest)
            for parts in images.values():
                if subject in parts:
                    parts |= beside[digest]
    for digest in waiting:  # their image was never here
        used |= beside[digest]
    return DiskUsage(
        sizes,
        {digest: frozenset(parts) for digest, parts in images.items()},
        used=frozenset(used) if readable else frozenset(sizes),
        counted=sum(sizes.values()),
    )
