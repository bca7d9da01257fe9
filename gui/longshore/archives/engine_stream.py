"""What an engine gives when it saves images: a docker-archive as a stream, which cannot be gone back in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from longshore.archives.contents import Scanner, StreamedFile
from longshore.archives.images import Listing, images_of
from longshore.archives.limits import LIMITS, Limits
from longshore.cancellation import Cancellation


class DockerArchiveReader:
    """Reads a docker-archive from *chunks*, as they come from ``Engine.save``. One thread.

    Iterate over :meth:`files` first: the layers (and whatever else is no JSON), each once and in the order of the
    stream, before it is known what they are. Then :meth:`listing` tells which images they make: an image's layers are
    members with digests, and its manifests and configurations are in ``Listing.documents``.

    Raises ArchiveDamaged, ArchiveRefused, NotAnArchive, Cancelled, and what *chunks* raises. *subject*: who it comes
    from, for errors.
    """

    def __init__(
        self,
        chunks: Iterable[bytes],
        *,
        cancellation: Cancellation,
        subject: str = "",
        limits: Limits = LIMITS,
    ) -> None:
        self._scanner = Scanner(chunks, cancellation=cancellation, limits=limits, subject=subject)

    def files(self) -> Iterator[StreamedFile]:
        """The files that are no documents. Each is hashed while it is read; what is not read of it is skipped."""
        return self._scanner.files()

    def listing(self) -> Listing:
        """The images, once :meth:`files` has ended; every layer was checked against its image."""
        return images_of(self._scanner.contents, self._scanner.subject)
