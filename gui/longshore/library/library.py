"""An image library on disk: an OCI image layout that several Longshores and other tools can use at once."""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from longshore.cancellation import Cancellation
from longshore.errors import InvalidManifest, LibraryBusy, LongshoreError, NotInLibrary
from longshore.library.arriving import Arriving
from longshore.library.blobs import Contents
from longshore.library.collecting import Collector
from longshore.library.folder import LayoutFolder, Signature
from longshore.library.ingest import Ingest
from longshore.library.leases import Lease
from longshore.library.model import Freed, LibraryDetails, LibraryImage
from longshore.library.rows import Rows
from longshore.oci.descriptor import Descriptor, OpenBlob
from longshore.oci.disk_usage import DiskUsage
from longshore.oci.image_config import ImageConfig
from longshore.oci.layout import LayoutEntry, LayoutIndex
from longshore.oci.manifest import Index, Manifest
from longshore.oci.reference import Reference

_log = logging.getLogger(__name__)

#: How often a name is looked up again because another program moved it to another image meanwhile.
_TRIES = 16


class Library:
    """The library in the folder *path*. The constructor accesses nothing: the first write creates the folder.

    Thread-safe and safe among processes: every method may block for as long as a disk does, and raises LibraryError
    (NotALibrary for a folder with other contents), InvalidLayout, DiskFull.
    """

    def __init__(self, path: Path) -> None:
        self._folder = LayoutFolder(path)
        self._contents = Contents(self._folder)
        self._collector = Collector(self._folder, self._contents)
        self._ingest = Ingest(self._folder)
        self._rows = Rows(self._folder, self._contents, self._collector)
        self._tidied = False

    @property
    def path(self) -> Path:
        """The absolute path of the folder."""
        return self._folder.path

    # -- for a window

    def check(self) -> bool:
        """Whether the library exists; False if the first pull would create it. Raises NotALibrary, LibraryError."""
        return self._folder.exists

    def signature(self) -> Signature:
        """A value that changes whenever any program changes the list of images.

        Cheap enough to poll every second. Never raises.
        """
        return self._folder.signature()

    def images(self) -> list[LibraryImage]:
        """All rows, sorted by name; includes signatures and SBOMs, with their ``subject``."""
        return self._rows.images()

    def details(self, image: Reference | str) -> LibraryDetails:
        """The details of an image, by its name or its digest. Raises NotInLibrary, LibraryDamaged, InvalidManifest."""
        return self._rows.details(self.entry(image))

    def usage(self) -> DiskUsage:
        """What the images take on disk, and share."""
        from longshore.library.usage import usage

        return usage(self._folder, self._contents, self._collector)

    def tag(self, image: Reference | str, name: Reference) -> str:
        """Give an image (by name or digest) another name, which moves from any image that had it.

        Returns the digest. Raises NotInLibrary.
        """
        name = name.with_default_tag()
        given: list[str] = []

        def named(index: LayoutIndex) -> LayoutIndex:
            entry = self._find(index, image)
            given.append(entry.descriptor.digest)
            return index.with_entry(entry.renamed(name))

        self._change(named)
        return given[-1]

    def remove(self, image: Reference | str) -> Freed:
        """Remove a name (a digest: all names of the image), and free everything that becomes unused.

        An image's attachments are removed with its last name. Contents in use by a transfer are freed when it ends.
        Raises NotInLibrary.
        """

        def without(index: LayoutIndex) -> LayoutIndex:
            if isinstance(image, str):
                gone = [one for one in index.entries if one.descriptor.digest == image]
            else:
                gone = [one for one in index.entries if one.reference == image.with_default_tag()]
            if not gone:
                raise self._unknown(image)
            return index.without(*gone)

        return self._change(without)

    def free(self, digests: Iterable[str]) -> Freed:
        """Remove the blobs *digests* that no image needs and no transfer uses."""
        if not (self._folder.exists and self._folder.writable):
            return Freed()
        self._folder.ensure()
        return self._collector.collect(digests)

    def tidy(self) -> None:
        """Remove leftovers of interrupted transfers that nobody resumed within a week.

        The first transfer of a program does so by itself when it ends.
        """
        if self._folder.exists and self._folder.writable:
            self._tidied = True
            self._folder.ensure()
            self._ingest.tidy()
            self._collector.collect(())

    # -- for transfers

    def entry(self, image: Reference | str) -> LayoutEntry:
        """The index entry for a name or a digest. Raises NotInLibrary."""
        return self._find(self._folder.index(), image)

    def find(self, name: Reference) -> LayoutEntry | None:
        """The index entry for a name, None if there is none."""
        return self._folder.index().find(name)

    def find_ref_name(self, ref_name: str) -> LayoutEntry | None:
        """The index entry with exactly this ``ref.name``, None if there is none."""
        return self._folder.index().find_ref_name(ref_name)

    def lease(self) -> Lease:
        """A new, empty lease, filled by :meth:`hold`, :meth:`receive` and :meth:`put`. The caller closes it."""
        return Lease(self._folder, self._let_go)

    def hold(self, lease: Lease, digest: str) -> None:
        """Keep an image, and everything it refers to, for as long as *lease* is open. Call before reading its parts."""
        if not self._folder.writable:
            return
        self._folder.ensure()
        with self._folder.explained(writing=True), self._folder.blobs_lock(shared=True):
            lease.hold(digest)

    def hold_entry(self, lease: Lease, image: Reference | str) -> LayoutEntry:
        """The index entry for a name or a digest, whose image stays complete for as long as *lease* is open.

        Between the look-up and the lease another program may remove the image, or be killed during the removal: only an
        image that still has its entry afterwards is complete. Raises NotInLibrary.
        """
        for _ in range(_TRIES):
            entry = self.entry(image)
            self.hold(lease, entry.descriptor.digest)
            if self.entry(image).descriptor.digest == entry.descriptor.digest:
                return entry
        raise LibraryBusy(
            "The image kept changing while it was read.",
            subject=str(image),
            advice="Try again when other programs have finished with it.",
        )

    def manifest(self, digest: str) -> Manifest | Index:
        """A manifest or index. Raises NotInLibrary, LibraryDamaged, InvalidManifest."""
        return self._contents.manifest(digest)

    def config(self, manifest: Manifest) -> ImageConfig:
        """The configuration of an image. Raises the errors of :meth:`manifest`."""
        return self._contents.config(manifest)

    def blob_size(self, digest: str) -> int | None:
        """The size of a blob in bytes, None if it is missing."""
        return self._contents.size(digest)

    def read(
        self, blob: Descriptor, offset: int = 0, *, cancellation: Cancellation | None = None
    ) -> AbstractContextManager[Iterator[bytes]]:
        """The bytes of a blob from *offset* on; verified before the last byte if read from the start.

        Raises NotInLibrary, LibraryDamaged (the blob is then removed), Cancelled.
        """
        return self._contents.read(blob.digest, offset, size=blob.size, cancellation=cancellation)

    def referrers(self, digest: str) -> list[Descriptor]:
        """The referrers of the manifest *digest*."""
        return self._rows.referrers(digest)

    def receive(self, blob: Descriptor, source: OpenBlob, lease: Lease, cancellation: Cancellation) -> bool:
        """Store a blob and verify it. Returns False if it was already present.

        Resumes an earlier call of any process. Raises DigestMismatch, DiskFull, LibraryError, Cancelled, and the errors
        of *source*.
        """
        return self._ingest.receive(blob, source, lease, cancellation)

    def arrive(self, blob: Descriptor, lease: Lease, cancellation: Cancellation) -> Arriving:
        """A blob for several threads to fill at once, or whole if it is present. The caller closes it.

        Resumes an earlier call of any process. If somebody else is storing it, waits until that ends. Raises DiskFull,
        LibraryError, Cancelled.
        """
        found = self._ingest.arrive(blob, lease, cancellation)
        assert found is not None
        return found

    def arrive_at_once(self, blob: Descriptor, lease: Lease, cancellation: Cancellation) -> Arriving | None:
        """Like :meth:`arrive`, but None if somebody else is storing the blob now."""
        return self._ingest.arrive(blob, lease, cancellation, wait=False)

    def follow(self, digest: str) -> Arriving | None:
        """The blob *digest* that somebody else in this process is storing now, only to be read; None for none.

        The reader leases it by :meth:`arrive_at_once` first. If it fails, what has arrived stays for the next caller.
        """
        return self._ingest.follow(digest)

    def unfinished(self, digest: str) -> int:
        """Bytes that have arrived of a blob that is not whole; 0 for none. Cheap."""
        return self._ingest.unfinished(digest)

    def arrived(self, digest: str) -> int:
        """Bytes that are there of a blob, all of them if it is whole; 0 for none. Cheap."""
        return self._contents.size(digest) or self._ingest.unfinished(digest)

    def unfinished_bytes(self) -> int:
        """Bytes on disk of all blobs that are not whole, and of whole ones that no image needs and no transfer uses."""
        if not (self._folder.exists and self._folder.writable):
            return 0
        self._folder.ensure()
        return self._ingest.unfinished_bytes() + self._collector.unused_bytes()

    def drop_unfinished(self) -> int:
        """Remove what :meth:`unfinished_bytes` counts, unless somebody is storing it now. Returns the bytes freed."""
        if not (self._folder.exists and self._folder.writable):
            return 0
        self._folder.ensure()
        return self._ingest.drop_unfinished() + self._collector.collect((), orphan_age=-math.inf).bytes

    def take_in(self, chunks: Iterable[bytes], lease: Lease, cancellation: Cancellation) -> Descriptor:
        """Store a blob with an unknown digest and return its descriptor.

        Raises DiskFull, LibraryError, Cancelled, and the errors of *chunks*; then nothing is kept.
        """
        return self._ingest.take_in(chunks, lease, cancellation)

    def present(self, digest: str, lease: Lease, cancellation: Cancellation) -> int | None:
        """The size of a blob in bytes, None if it is missing. The blob stays for as long as *lease* is open."""
        if not self._folder.exists:
            return None
        self._folder.ensure()
        return self._ingest.take_up(digest, lease, cancellation)

    def holding(self, image_id: str) -> str:
        """The digest of a complete image in the index that an engine would call *image_id*; "" if there is none.

        *image_id* is the digest of the image's manifest or of its configuration.
        """
        for row in self._rows.images():
            if row.missing or row.subject:
                continue
            if row.digest == image_id:
                return row.digest
            with contextlib.suppress(LongshoreError):
                found = self._contents.manifest(row.digest)
                if isinstance(found, Manifest) and found.config.digest == image_id:
                    return row.digest
        return ""

    def hold_made_from(self, lease: Lease, image_id: str) -> str:
        """Like :meth:`holding`, for an image that stays complete for as long as *lease* is open."""
        for _ in range(_TRIES):
            digest = self.holding(image_id)
            if not digest:
                return ""
            self.hold(lease, digest)
            if self.holding(image_id) == digest:
                return digest
        return ""

    def names(self, digest: str) -> bool:
        """Whether the image *digest* has its own entry in the index."""
        return any(entry.descriptor.digest == digest for entry in self._folder.index().entries)

    def put(
        self,
        found: Manifest | Index,
        lease: Lease,
        name: Reference | None = None,
        *,
        listed: bool = False,
        ref_name: str = "",
    ) -> str:
        """Store the bytes of a manifest or index, as *name* if one is given. Returns the digest.

        *ref_name*: what other tools call it, if that is not the whole *name*.

        Without a name it is found as a child of an index, by its subject, or as an untagged image if *listed*. An
        earlier image loses the name, and its contents that become unused are removed.
        """
        self._folder.ensure()
        if self._ingest.take_up(found.digest, lease) != len(found.raw):
            self._ingest.take_in([found.raw], lease, Cancellation())
        if name is not None or found.subject is not None or (listed and not self.names(found.digest)):
            entry = LayoutEntry.named(self._described(found), name, ref_name)
            # Another program may have placed a blob that is not flushed to disk yet.
            self._ingest.sync()
            self._change(lambda index: index.with_entry(entry))
        return found.digest

    # -- helpers

    def _let_go(self) -> None:
        """A lease was closed, which may have been the last on removed contents."""
        try:
            if not self._tidied:
                self.tidy()
            elif self._collector.unneeded:
                self._collector.collect(())
        except LongshoreError as error:
            _log.info("cannot clean up %s: %s %s", self.path, error, error.detail)

    def _described(self, found: Manifest | Index) -> Descriptor:
        """The descriptor for the index, with a single image's platform, which other tools use for their choice."""
        if isinstance(found, Index):
            return found.descriptor
        return self._rows.with_platform(found)

    def _change(self, how: Callable[[LayoutIndex], LayoutIndex]) -> Freed:
        """Change the index, and free contents that it referred to before and no longer does."""
        gone: set[str] = set()

        def changed(before: LayoutIndex) -> LayoutIndex:
            gone.clear()  # it may be called again with a newer index
            after = how(before)
            lost = {one.descriptor.digest for one in before.entries} - {
                one.descriptor.digest for one in after.entries
            }
            if not lost:
                return after
            # Only entries orphaned by this change: others may have a reason to be there.
            with contextlib.suppress(InvalidManifest):
                orphans = self._collector.orphaned(after) - self._collector.orphaned(before)
                after = after.without(*orphans)
                lost |= {entry.descriptor.digest for entry in orphans}
            for digest in lost:
                gone.add(digest)
                with contextlib.suppress(InvalidManifest):
                    gone.update(self._collector.named_by(digest))
            return after

        self._folder.change(changed)
        return self._collector.collect(gone) if gone else Freed()

    def _find(self, index: LayoutIndex, image: Reference | str) -> LayoutEntry:
        if isinstance(image, Reference):
            entry = index.find(image.with_default_tag())
        else:
            entry = next((one for one in index.entries if image == one.descriptor.digest), None)
        if entry is None:
            raise self._unknown(image)
        return entry

    def _unknown(self, image: Reference | str) -> NotInLibrary:
        return NotInLibrary(
            "The library does not have this image.",
            subject=str(image),
            advice="Pull it, or choose another.",
            detail=f"not in {self.path}",
        )
