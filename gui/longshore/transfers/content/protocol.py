"""The protocols for reading and writing content: the seam between copying and the places with manifests and blobs.

A registry's repository, the library and an archive are such places; :mod:`longshore.transfers.ways.copying` moves
images between any two of them without knowing their kind. An engine is not: it only takes whole images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from longshore.cancellation import Cancellation
    from longshore.errors import LongshoreError
    from longshore.oci.descriptor import Descriptor, OpenBlob
    from longshore.oci.layer import BlobOutcome
    from longshore.oci.manifest import Index, Manifest


class ContentReader(Protocol):
    """One repository to read from. Thread-safe; every call may block, and raises LongshoreError or Cancelled."""

    #: The registry's host and the repository's path there; "" and "" for other places.
    host: str
    repository: str

    def manifest(self, name: str, *, cancellation: Cancellation) -> Manifest | Index:
        """The manifest or index of *name*, a tag or digest, with verified bytes. Raises NotInRegistry."""

    def blob(
        self, wanted: Descriptor, offset: int = 0, *, cancellation: Cancellation
    ) -> AbstractContextManager[Iterable[bytes]]:
        """The bytes of a blob from *offset* on. Not verified: the caller hashes, since it may resume in the middle."""

    def referrers(
        self, digest: str, *, refused: Callable[[LongshoreError], None], cancellation: Cancellation
    ) -> list[Descriptor]:
        """The referrers of *digest*: signatures, SBOMs.

        *refused* is called with the reason if the place may have more than it is willing to list.
        """

    def mountable(self, digest: str, host: str) -> str:
        """The repository from which the registry *host* can mount the blob *digest*; "" if there is none."""

    def close(self) -> None:
        """Close files; the underlying clients are shared and stay open."""


class ContentWriter(Protocol):
    """One repository to write to. Thread-safe; every call may block, and raises LongshoreError or Cancelled."""

    host: str
    repository: str

    def blob_size(self, digest: str, *, cancellation: Cancellation) -> int | None:
        """The size of a blob in bytes, None if the place does not have it."""

    def manifest_digest(self, name: str, *, cancellation: Cancellation) -> str | None:
        """The digest that *name* (a tag or a digest) points to, None if it does not exist."""

    def write_blob(
        self,
        wanted: Descriptor,
        source: OpenBlob,
        *,
        mount_from: str,
        cancellation: Cancellation,
    ) -> BlobOutcome:
        """Store a blob: skipped if present, mounted from the repository *mount_from* if possible, otherwise written.

        Verifies the digest of written bytes. Resumes an earlier call's partial blob, where the place can.
        """

    def put_manifest(self, found: Manifest | Index, name: str, *, cancellation: Cancellation) -> str:
        """Store the bytes of *found* verbatim as *name*; its blobs and children are present. Returns the digest."""

    def commit(self, *, cancellation: Cancellation) -> None:
        """Finish the image, if the place needs a final step (the end of an archive). All its content is present."""

    def close(self) -> None:
        """Release resources; uncommitted content is removed or left for a later transfer to resume."""
