"""An image library on disk: an OCI image layout that several Longshores and other tools may use at once."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from longshore.cancellation import Cancellation
from longshore.errors import InvalidManifest, LibraryBusy, LongshoreError, NotInLibrary
from longshore.library.blobs import Contents
from longshore.library.collecting import Collector
from longshore.library.folder import LayoutFolder, Signature
from longshore.library.ingest import Ingest
from longshore.library.leases import Lease
from longshore.library.model import Freed, LibraryDetails, LibraryImage, Usage
from longshore.library.rows import Rows
from longshore.oci.descriptor import Descriptor, OpenBlob
from longshore.oci.image_config import ImageConfig
from longshore.oci.layout import LayoutEntry, LayoutIndex
from longshore.oci.manifest import Index, Manifest
from longshore.oci.reference import Reference

_log = logging.getLogger(__name__)

#: How often a name is looked up again because another program gave it to another image meanwhile.
_TRIES = 16


class Library:
    """The library in the folder *path*. Making one touches nothing: the folder is made by the first that writes.

    Thread-safe and safe among processes: every method may block for as long as a disk does, and raises LibraryError
    (NotALibrary for a folder with other things in it), InvalidLayout, DiskFull.
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
        """Where it is, absolute."""
        return self._folder.path

    # -- what a window asks

    def check(self) -> bool:
        """Whether there is a library; False where the first pull would make one. Raises NotALibrary, LibraryError."""
        return self._folder.exists

    def signature(self) -> Signature:
        """Changes whenever the list of images does, by whoever: cheap enough to be asked every second. Never raises."""
        return self._folder.signature()

    def images(self) -> list[LibraryImage]:
        """All rows, in the order of the names; signatures and SBOMs too, with their ``subject``."""
        return self._rows.images()

    def details(self, image: Reference | str) -> LibraryDetails:
        """All about one image, by its name or its digest. Raises NotInLibrary, LibraryDamaged, InvalidManifest."""
        return self._rows.details(self.entry(image))

    def usage(self) -> Usage:
        """What lies on the disk."""
        sizes = self._contents.sizes()
        return Usage(sum(sizes.values()), len(sizes), self._ingest.partial_bytes())

    def tag(self, image: Reference | str, name: Reference) -> str:
        """Give an image (by name or digest) another name, taking it from whatever bore it. Gives the digest. Raises
        NotInLibrary."""
        name = name.with_default_tag()
        given: list[str] = []

        def named(index: LayoutIndex) -> LayoutIndex:
            entry = self._find(index, image)
            given.append(entry.descriptor.digest)
            return index.with_entry(entry.renamed(name))

        self._change(named)
        return given[-1]

    def remove(self, image: Reference | str) -> Freed:
        """Take a name away (a digest: all names of the image), and free what nothing else uses; what is attached to the
        image goes with its last name. What a transfer uses just then is freed when that ends. Raises NotInLibrary."""

        def without(index: LayoutIndex) -> LayoutIndex:
            if isinstance(image, str):
                gone = [one for one in index.entries if one.descriptor.digest == image]
            else:
                gone = [one for one in index.entries if one.reference == image.with_default_tag()]
            if not gone:
                raise self._unknown(image)
            return index.without(*gone)

        return self._change(without)

    def tidy(self) -> None:
        """Remove what interrupted transfers left and nobody took up within a week. The first transfer of a program
        does that by itself when it ends."""
        if self._folder.exists and self._folder.writable:
            self._tidied = True
            self._folder.ensure()
            self._ingest.tidy()
            self._collector.collect(())

    # -- what transfers ask

    def entry(self, image: Reference | str) -> LayoutEntry:
        """The line of the index for a name or a digest. Raises NotInLibrary."""
        return self._find(self._folder.index(), image)

    def find(self, name: Reference) -> LayoutEntry | None:
        """The line of the index for a name, None if there is none."""
        return self._folder.index().find(name)

    def lease(self) -> Lease:
        """Nothing yet, to be filled by :meth:`hold`, :meth:`receive` and :meth:`put`. To be closed by the caller."""
        return Lease(self._folder, self._let_go)

    def hold(self, lease: Lease, digest: str) -> None:
        """Keep an image, and all that it names, as long as *lease* lasts: before it is read bit by bit."""
        if not self._folder.writable:
            return
        self._folder.ensure()
        with self._folder.explained(writing=True), self._folder.blobs_lock(shared=True):
            lease.hold(digest)

    def hold_entry(self, lease: Lease, image: Reference | str) -> LayoutEntry:
        """The line of the index for a name or a digest, whose image stays whole as long as *lease* lasts.

        Between the look-up and the lease another program may remove the image, and be killed while it does: only what
        still has its line afterwards is whole. Raises NotInLibrary.
        """
        for _ in range(_TRIES):
            entry = self.entry(image)
            self.hold(lease, entry.descriptor.digest)
            if self.entry(image).descriptor.digest == entry.descriptor.digest:
                return entry
        raise LibraryBusy(
            "The image changes too often to be read.",
            subject=str(image),
            advice="Try again when other programs have finished with it.",
        )

    def manifest(self, digest: str) -> Manifest | Index:
        """A manifest or index. Raises NotInLibrary, LibraryDamaged, InvalidManifest."""
        return self._contents.manifest(digest)

    def config(self, manifest: Manifest) -> ImageConfig:
        """The configuration of an image. Raises as :meth:`manifest`."""
        return self._contents.config(manifest)

    def blob_size(self, digest: str) -> int | None:
        """Bytes of a blob, None if it is not here."""
        return self._contents.size(digest)

    def read(
        self, blob: Descriptor, offset: int = 0, *, cancellation: Cancellation | None = None
    ) -> AbstractContextManager[Iterator[bytes]]:
        """The bytes of a blob from *offset* on; checked where they are read from the start, before the last is given
        out. Raises NotInLibrary, LibraryDamaged (and then the blob is gone), Cancelled."""
        return self._contents.read(blob.digest, offset, size=blob.size, cancellation=cancellation)

    def referrers(self, digest: str) -> list[Descriptor]:
        """What is attached to the manifest *digest*."""
        return self._rows.referrers(digest)

    def receive(self, blob: Descriptor, source: OpenBlob, lease: Lease, cancellation: Cancellation) -> bool:
        """Bring a blob in and hash it; False if it was there. Goes on with what an earlier call, of whichever process,
        has left. Raises DigestMismatch, DiskFull, LibraryError, Cancelled, and what *source* raises."""
        return self._ingest.receive(blob, source, lease, cancellation)

    def take_in(self, chunks: Iterable[bytes], lease: Lease, cancellation: Cancellation) -> Descriptor:
        """Store a blob whose digest nobody has told, and say what it is. Raises DiskFull, LibraryError, Cancelled, and
        what *chunks* raises; then nothing of it is kept."""
        return self._ingest.take_in(chunks, lease, cancellation)

    def present(self, digest: str, lease: Lease, cancellation: Cancellation) -> int | None:
        """Bytes of a blob, which is then kept as long as *lease* lasts; None if it is not here."""
        if not self._folder.exists:
            return None
        self._folder.ensure()
        return self._ingest.take_up(digest, lease, cancellation)

    def holding(self, image_id: str) -> str:
        """The digest of an image that is listed and is, or is made from, what an engine calls *image_id*: the digest of
        a manifest, or of a configuration. "" if there is none that is whole."""
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
        """As :meth:`holding`, of an image that stays whole as long as *lease* lasts."""
        for _ in range(_TRIES):
            digest = self.holding(image_id)
            if not digest:
                return ""
            self.hold(lease, digest)
            if self.holding(image_id) == digest:
                return digest
        return ""

    def names(self, digest: str) -> bool:
        """Whether the image *digest* has a line of its own in the index."""
        return any(entry.descriptor.digest == digest for entry in self._folder.index().entries)

    def put(
        self, found: Manifest | Index, lease: Lease, name: Reference | None = None, *, listed: bool = False
    ) -> str:
        """Store the bytes of a manifest or index, under *name* if one is given; gives the digest.

        Without a name it is found as a child of an index, or as attached to its subject, or as an image without a name
        if it is to be *listed*. Whatever bore the name before loses it, and what nothing else uses of that is removed.
        """
        self._folder.ensure()
        if self._ingest.take_up(found.digest, lease) != len(found.raw):
            self._ingest.take_in([found.raw], lease, Cancellation())
        if name is not None or found.subject is not None or (listed and not self.names(found.digest)):
            entry = LayoutEntry.named(self._described(found), name)
            # Another program may have put a blob in its place that is not on disk yet.
            self._ingest.sync()
            self._change(lambda index: index.with_entry(entry))
        return found.digest

    # -- parts

    def _let_go(self) -> None:
        """A lease has ended, and may have been the last on what was removed meanwhile."""
        try:
            if not self._tidied:
                self.tidy()
            elif self._collector.unneeded:
                self._collector.collect(())
        except LongshoreError as error:
            _log.info("cannot clear up %s: %s %s", self.path, error, error.detail)

    def _described(self, found: Manifest | Index) -> Descriptor:
        """The descriptor for the index, with the platform of a single image, which other tools choose by."""
        if isinstance(found, Index):
            return found.descriptor
        return self._rows.with_platform(found)

    def _change(self, how: Callable[[LayoutIndex], LayoutIndex]) -> Freed:
        """Change the index, and free what it named before and names no more."""
        gone: set[str] = set()

        def changed(before: LayoutIndex) -> LayoutIndex:
            gone.clear()  # it may be asked again, about a newer index
            after = how(before)
            lost = {one.descriptor.digest for one in before.entries} - {
                one.descriptor.digest for one in after.entries
            }
            if not lost:
                return after
            # Only what this change has orphaned: who knows why the others are there.
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
            advice="Pull it, or refresh the list.",
            detail=f"not in {self.path}",
        )
