"""The layers of an image in an archive, which is checked as a whole first and not unpacked."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from longshore.application.files.layers import ImageLayer, Stage, Told, Way, counted
from longshore.archives.archive import open_archive
from longshore.archives.model import Archived, ArchivedImage, select_image
from longshore.errors import ArchiveError, InvalidInput
from longshore.oci.platform import Platform
from longshore.transfers.content.choice import chosen

if TYPE_CHECKING:
    from longshore.cancellation import Cancellation
    from longshore.transfers.transfer import Endpoint


class ArchiveLayers:
    """See Layers."""

    def __init__(
        self, end: Endpoint, path: Path, cancellation: Cancellation, platform: Platform | None
    ) -> None:
        self._archive = open_archive(path, cancellation=cancellation)
        found = chosen(self._archive, end)
        if len(found) != 1:
            raise ArchiveError(
                "The archive contains several images, and none was chosen.",
                subject=str(path),
                advice="Choose one of them.",
                detail="\n".join(str(reference) for one in found for reference in one.references),
            )
        image = _image(found[0], platform, str(path))
        self._members = {
            number: self._archive.member(layer.digest)
            for number, layer in enumerate(image.manifest.layers, 1)
        }
        self.names = tuple(
            ImageLayer(number, layer.digest, "", layer.size, _absent(layer.digest))
            if (member := self._members[number]) is None
            else ImageLayer(number, layer.digest, member.diff_id, layer.size)
            for number, layer in enumerate(image.manifest.layers, 1)
        )

    def cost(self, wanted: Sequence[ImageLayer]) -> tuple[Way, int, str]:
        """See Layers."""
        return Way.READ, self._archive.size if wanted else 0, ""

    def streams(
        self, wanted: Sequence[ImageLayer], told: Told, cancellation: Cancellation
    ) -> Generator[tuple[ImageLayer | None, Iterator[bytes]]]:
        """See Layers."""
        pairs = [(one, member) for one in wanted if (member := self._members[one.number]) is not None]
        total, done = sum(member.size for _, member in pairs), 0

        def read_on(size: int) -> None:
            nonlocal done
            done += size
            told(Stage.READING, min(done, total), total)

        with self._archive.reading(cancellation=cancellation) as read:
            for one, member in sorted(pairs, key=lambda pair: pair[1].offset):
                yield one, counted(read(member, 0), read_on)

    def close(self) -> None:
        """See Layers. No file is kept open."""


def _image(archived: Archived, platform: Platform | None, subject: str) -> ArchivedImage:
    """The image for *platform*, otherwise for this machine, otherwise the first."""
    images = archived.runnable or archived.images
    if platform is not None:
        image = select_image(images, platform)
        if image is None:
            have = [str(one.platform) for one in images if one.platform is not None]
            raise InvalidInput(
                "The image has no such platform.",
                subject=str(platform),
                advice=f"It has {', '.join(have[:20])}." if have else "",
            )
        return image
    found = select_image(images, Platform.host()) or next(iter(images), None)
    if found is None:
        raise ArchiveError("The archive has no image of any platform.", subject=subject)
    return found


def _absent(digest: str) -> ArchiveError:
    return ArchiveError("The archive does not contain this layer.", subject=digest)
