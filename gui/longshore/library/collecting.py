"""Finds what the contents of a library refer to, and removes unreferenced blobs."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterable

from longshore.errors import InvalidManifest, LibraryDamaged, LongshoreError, NotInLibrary
from longshore.library.blobs import Contents
from longshore.library.folder import LayoutFolder
from longshore.library.leases import held
from longshore.library.model import Freed
from longshore.oci.attached_tags import image_of
from longshore.oci.descriptor import Descriptor
from longshore.oci.layout import LayoutEntry, LayoutIndex
from longshore.oci.manifest import ACCEPT, LARGEST_MANIFEST, Manifest
from longshore.shared_files import sync_folder

_log = logging.getLogger(__name__)

#: Seconds for which an unreferenced blob is kept, since an interrupted transfer may resume with it.
ORPHAN_AGE = 7 * 24 * 3600.0


class Collector:
    """Removes unneeded blobs. Thread-safe; every method may block, and raises LibraryError."""

    def __init__(self, folder: LayoutFolder, contents: Contents) -> None:
        self._folder = folder
        self._contents = contents
        self._lock = threading.Lock()
        self._unneeded: set[str] = set()  # not removed yet because a transfer held them

    # -- references

    def named_by(self, digest: str) -> set[str]:
        """*digest* and all contents that it refers to, down to the layers, as far as they are present.

        Raises InvalidManifest for an unknown kind of document, which may refer to anything.
        """
        return self._closure(digest, strict=False)

    def _closure(self, digest: str, *, strict: bool) -> set[str]:
        """See :meth:`named_by`. *strict*: call with the blobs' lock held.

        *strict* also raises LibraryDamaged for a present but unreadable document, since its parts may be intact.
        """
        found: set[str] = set()
        todo = [digest]
        while todo:
            each = todo.pop()
            if each in found:
                continue
            found.add(each)
            try:
                parsed = self._contents.manifest(each, take_out=not strict)
            except NotInLibrary:
                continue
            except LibraryDamaged:
                if strict:
                    raise
                continue
            if isinstance(parsed, Manifest):
                found.update(part.digest for part in (parsed.config, *parsed.layers))
                continue
            for child in parsed.manifests:
                if child.media_type in ACCEPT:
                    todo.append(child.digest)
                else:
                    found.add(child.digest)
        return found

    def attached_to(self, entry: LayoutEntry) -> str:
        """The digest of the image that an entry is attached to; "" if it is an image itself.

        An unnamed entry is attached to its subject, a named one by its name: cosign keeps an image's attachments under
        tags beside it.
        """
        if entry.reference is not None:
            return image_of(entry.reference.tag or "")
        if entry.ref_name:
            return ""
        subject = self.subject_of(entry)
        return "" if subject is None else subject.digest

    def subject_of(self, entry: LayoutEntry) -> Descriptor | None:
        """The subject in the manifest of an entry (image-spec manifest.md); None if it has none."""
        try:
            return self._contents.manifest(entry.descriptor.digest).subject
        except LongshoreError:
            return None

    def orphaned(self, index: LayoutIndex) -> set[LayoutEntry]:
        """The signatures and SBOMs in *index* whose image is missing. Raises InvalidManifest like :meth:`named_by`."""
        about = {entry: self.attached_to(entry) for entry in index.entries}
        if not any(about.values()):
            return set()
        kept = self._reached((entry for entry, digest in about.items() if not digest), strict=False)
        orphans = {entry: digest for entry, digest in about.items() if digest}
        # Attachments of attachments stay with them.
        while stay := [entry for entry, digest in orphans.items() if digest in kept]:
            for entry in stay:
                del orphans[entry]
                kept |= self.named_by(entry.descriptor.digest)
        return set(orphans)

    def _reached(self, entries: Iterable[LayoutEntry], *, strict: bool) -> set[str]:
        reached: set[str] = set()
        for digest in dict.fromkeys(entry.descriptor.digest for entry in entries):
            if digest not in reached:
                reached |= self._closure(digest, strict=strict)
        return reached

    def in_use(self) -> set[str]:
        """The contents that transfers hold now. Raises LibraryError."""
        found: set[str] = set()
        if not (self._folder.exists and self._folder.writable):
            return found
        self._folder.ensure()
        with self._folder.explained(writing=True), self._folder.blobs_lock(shared=False):
            digests = list(dict.fromkeys(held(self._folder)))
        for digest in digests:
            with contextlib.suppress(LibraryDamaged):
                found |= self._held_by(digest, strict=False)
        return found

    # -- removal

    @property
    def unneeded(self) -> bool:
        """Whether blobs are due for removal that a transfer held."""
        with self._lock:
            return bool(self._unneeded)

    def collect(self, candidates: Iterable[str], *, orphan_age: float = ORPHAN_AGE) -> Freed:
        """Remove unused blobs: unreferenced *candidates*, and blobs left over for *orphan_age* seconds.

        Blobs in use now become candidates of the next call. Raises LibraryError.
        """
        with self._folder.explained(writing=True), self._folder.blobs_lock(shared=False):
            with self._lock:
                wanted = self._unneeded.union(candidates)
            found = self._needed()
            if found is None:
                return Freed()
            in_use, named = found
            with self._lock:
                self._unneeded = wanted & in_use - named
            # A power cut must not bring back an older index than the one used for this removal.
            sync_folder(self._folder.path)
            now = time.time()
            gone: dict[str, int] = {}
            for digest, size in self._contents.sizes().items():
                if digest in named or digest in in_use:
                    continue
                with contextlib.suppress(FileNotFoundError):
                    if digest in wanted or now - self._folder.blob(digest).lstat().st_mtime > orphan_age:
                        gone[digest] = size
            for digest in self._from_the_top(gone):
                with contextlib.suppress(FileNotFoundError):
                    self._folder.blob(digest).unlink()
        return Freed(sum(gone.values()), len(gone))

    def unused_bytes(self) -> int:
        """Bytes of the blobs that no image needs and no transfer uses. Raises LibraryError."""
        with self._folder.explained(writing=True), self._folder.blobs_lock(shared=False):
            found = self._needed()
            if found is None:
                return 0
            needed = set().union(*found)
            return sum(size for digest, size in self._contents.sizes().items() if digest not in needed)

    def _needed(self) -> tuple[set[str], set[str]] | None:
        """The contents that transfers hold, and those that images need; None if that is not known.

        Call with the blobs' lock held exclusively.
        """
        try:
            # First the leases, then the index: a transfer names its image before it closes its lease.
            in_use: set[str] = set()
            for digest in dict.fromkeys(held(self._folder)):
                if digest not in in_use:
                    in_use |= self._held_by(digest)
            index = self._folder.listed()
            if index is None:
                return None  # a missing list is not an empty list
            return in_use, self._reached(index.entries, strict=True)
        except (InvalidManifest, LibraryDamaged) as error:
            # It may refer to anything: no blob is known to be unused.
            _log.info("nothing is removed from %s: %s %s", self._folder.path, error, error.detail)
            return None

    def _from_the_top(self, digests: Iterable[str]) -> list[str]:
        """*digests* ordered so that each manifest comes before everything it refers to.

        If the program is killed between two removals, no manifest is left without its parts.
        """
        names = {digest: self._names(digest) for digest in digests}
        namers = dict.fromkeys(names, 0)
        for parts in names.values():
            for part in parts & names.keys():
                namers[part] += 1
        order = [digest for digest, count in namers.items() if not count]
        for digest in order:  # grows during the iteration
            for part in names[digest] & names.keys():
                namers[part] -= 1
                if not namers[part]:
                    order.append(part)
        return order

    def _names(self, digest: str) -> set[str]:
        """The digests that a blob refers to directly; none if it is not a readable manifest."""
        size = self._contents.size(digest)
        if size is None or size > LARGEST_MANIFEST or not self._contents.may_be_json(digest):
            return set()
        try:
            found = self._contents.manifest(digest, take_out=False)
        except (InvalidManifest, LibraryDamaged, NotInLibrary):
            return set()
        parts = (found.config, *found.layers) if isinstance(found, Manifest) else found.manifests
        return {part.digest for part in parts}

    def _held_by(self, digest: str, *, strict: bool = True) -> set[str]:
        """The contents that a lease on *digest* holds. *strict*: see :meth:`_closure`.

        A lease may be on a layer, which is not read to find that out.
        """
        size = self._contents.size(digest)
        if size is None or size > LARGEST_MANIFEST or not self._contents.may_be_json(digest):
            return {digest}
        try:
            return self._closure(digest, strict=strict)
        except InvalidManifest:
            return {digest}
