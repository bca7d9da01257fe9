"""Where content is read from and written to: the seam between copying and the places that hold manifests and blobs.

A registry's repository, the library and an archive are such places; :mod:`longshore.transfers.ways.copying` moves
images between any two of them without knowing which they are. An engine is not: it only takes whole images.
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

    #: Who holds it, for mounting: the registry's host and the repository's path there; "" and "" where it is none.
    host: str
    repository: str

    def manifest(self, name: str, *, cancellation: Cancellation) -> Manifest | Index:
        """What stands under *name*, a tag or a digest; its bytes are those of its digest. Raises NotInRegistry."""

    def blob(
        self, wanted: Descriptor, offset: int = 0, *, cancellation: Cancellation
    ) -> AbstractContextManager[Iterable[bytes]]:
        """The bytes of a blob from *offset* on. Not verified: the caller hashes, since it may go on in the middle."""

    def referrers(
        self, digest: str, *, refused: Callable[[LongshoreError], None], cancellation: Cancellation
    ) -> list[Descriptor]:
        """What refers to *digest*: signatures, SBOMs. *refused* is called with the reason where there may be more than
        the place is willing to list."""

    def close(self) -> None:
        """Let go of files; the clients behind are shared and stay open."""


class ContentWriter(Protocol):
    """One repository to write to. Thread-safe; every call may block, and raises LongshoreError or Cancelled."""

    host: str
    repository: str

    def blob_size(self, digest: str, *, cancellation: Cancellation) -> int | None:
        """Bytes of a blob that is there, None if it is not."""

    def manifest_digest(self, name: str, *, cancellation: Cancellation) -> str | None:
        """The digest that stands under *name* (a tag or a digest), None if nothing does."""

    def write_blob(
        self,
        wanted: Descriptor,
        source: OpenBlob,
        *,
        mount_from: str,
        cancellation: Cancellation,
    ) -> BlobOutcome:
        """Bring a blob here: skipped if it is there, mounted from the repository *mount_from* where that works, else
        written, and its digest verified. Takes up again what an earlier call left, where the place can."""

    def put_manifest(self, found: Manifest | Index, name: str, *, cancellation: Cancellation) -> str:
        """Store the bytes of *found* verbatim under *name*; its blobs and children are there. Gives the digest."""

    def commit(self, *, cancellation: Cancellation) -> None:
        """All of the image is there: make it last, where that takes a step of its own (the end of an archive)."""

    def close(self) -> None:
        """Let go; what was not committed may be taken up by a later transfer or is removed."""
