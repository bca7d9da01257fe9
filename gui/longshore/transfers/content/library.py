"""The library as a place to copy content from and to."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from longshore.errors import LibraryError, NotInLibrary
from longshore.library.rows import is_foreign
from longshore.oci.digest import valid_digest
from longshore.oci.layer import BlobOutcome
from longshore.oci.manifest import Index, Manifest

if TYPE_CHECKING:
    from longshore.cancellation import Cancellation
    from longshore.errors import LongshoreError
    from longshore.library.library import Library
    from longshore.oci.descriptor import Descriptor, OpenBlob
    from longshore.oci.reference import Reference


class _Part:
    """Common parts of reading and writing: names in one repository, and a lease on the content in use.

    *reference* names the repository; None if images are named only by their digests.
    """

    host = ""
    repository = ""

    def __init__(self, library: Library, reference: Reference | None) -> None:
        self._library = library
        self._reference = reference
        self._lease = library.lease()

    def _named(self, name: str) -> Reference:
        """The reference of the tag *name* in this repository."""
        if self._reference is None:
            raise NotInLibrary("The image has no name in the library.", subject=name)
        return self._reference.with_digest(None).with_tag(name)

    def close(self) -> None:
        """See ContentReader and ContentWriter. Unnamed content stays for a later attempt."""
        self._lease.close()


class LibraryReader(_Part):
    """See ContentReader."""

    def manifest(self, name: str, *, cancellation: Cancellation) -> Manifest | Index:
        """See ContentReader. Raises NotInLibrary, LibraryDamaged."""
        cancellation.raise_if_cancelled()
        # Leased before it is read: all the content that it names stays until this is closed.
        if not valid_digest(name):
            name = self._library.hold_entry(self._lease, self._named(name)).descriptor.digest
        else:
            # A part of a leased image has no index entry of its own, or may lose it meanwhile.
            with contextlib.suppress(NotInLibrary):
                self._library.hold_entry(self._lease, name)
            self._library.hold(self._lease, name)
        return self._library.manifest(name)

    def blob(
        self, wanted: Descriptor, offset: int = 0, *, cancellation: Cancellation
    ) -> AbstractContextManager[Iterable[bytes]]:
        """See ContentReader."""
        return self._library.read(wanted, offset, cancellation=cancellation)

    def referrers(
        self, digest: str, *, refused: Callable[[LongshoreError], None], cancellation: Cancellation
    ) -> list[Descriptor]:
        """See ContentReader."""
        cancellation.raise_if_cancelled()
        return self._library.referrers(digest)

    def mountable(self, digest: str, host: str) -> str:
        """See ContentReader."""
        return ""


class LibraryWriter(_Part):
    """See ContentWriter."""

    def __init__(self, library: Library, reference: Reference | None, ref_name: str = "") -> None:
        super().__init__(library, reference)
        self._ref_name = ref_name
        self._lock = threading.Lock()
        self._by_digest = reference is None or reference.tag is None
        self._last: Manifest | Index | None = None

    def blob_size(self, digest: str, *, cancellation: Cancellation) -> int | None:
        """See ContentWriter. The blob stays until this is closed."""
        return self._library.present(digest, self._lease, cancellation)

    def manifest_digest(self, name: str, *, cancellation: Cancellation) -> str | None:
        """See ContentWriter. An image counts as present only if it is complete: layers may have been lost since."""
        digest = name
        if not valid_digest(name):
            ref_name = self._written(name)
            entry = (
                self._library.find_ref_name(ref_name) if ref_name else self._library.find(self._named(name))
            )
            if entry is None:
                return None
            digest = entry.descriptor.digest
        elif self._by_digest and not self._library.names(digest):
            return None  # it must be stored again to get its index entry
        return digest if self._whole(digest, cancellation) else None

    def _written(self, name: str) -> str:
        """The ``ref.name`` of the tag *name*, "" for its whole reference: signatures beside the image have that."""
        tag = None if self._reference is None else self._reference.with_default_tag().tag
        return self._ref_name if name == tag else ""

    def _whole(self, digest: str, cancellation: Cancellation) -> bool:
        """Whether a manifest is here, with its blobs. Those of an index's children are checked separately."""
        if self._library.present(digest, self._lease, cancellation) is None:
            return False
        try:
            found = self._library.manifest(digest)
        except LibraryError:
            return False
        if isinstance(found, Index):
            return True
        return all(
            is_foreign(part) or self._library.present(part.digest, self._lease, cancellation) == part.size
            for part in (found.config, *found.layers)
        )

    def write_blob(
        self, wanted: Descriptor, source: OpenBlob, *, mount_from: str, cancellation: Cancellation
    ) -> BlobOutcome:
        """See ContentWriter. Raises DiskFull, LibraryError."""
        written = self._library.receive(wanted, source, self._lease, cancellation)
        return BlobOutcome.UPLOADED if written else BlobOutcome.SKIPPED

    def put_manifest(self, found: Manifest | Index, name: str, *, cancellation: Cancellation) -> str:
        """See ContentWriter."""
        cancellation.raise_if_cancelled()
        with self._lock:
            self._last = found
        if valid_digest(name):
            return self._library.put(found, self._lease)
        return self._library.put(found, self._lease, self._named(name), ref_name=self._written(name))

    def commit(self, *, cancellation: Cancellation) -> None:
        """See ContentWriter. An image named by its digest gets its index entry now.

        The manifest stored last is the image; those before it are its parts.
        """
        cancellation.raise_if_cancelled()
        with self._lock:
            last = self._last
        if self._by_digest and last is not None:
            name = None if self._reference is None else self._reference.with_digest(last.digest)
            self._library.put(last, self._lease, name, listed=True)
