"""What names what in a library, and removing what nothing names any more."""

from __future__ import annotations

import contextlib
import logging
import re
import threading
import time
from collections.abc import Iterable

from longshore.errors import InvalidManifest, LibraryDamaged, LongshoreError, NotInLibrary
from longshore.library.blobs import Contents
from longshore.library.folder import LayoutFolder
from longshore.library.leases import held
from longshore.library.model import Freed
from longshore.oci.descriptor import Descriptor
from longshore.oci.layout import LayoutEntry, LayoutIndex
from longshore.oci.manifest import ACCEPT, LARGEST_MANIFEST, Manifest
from longshore.shared_files import sync_folder

#: Tags of cosign and of the referrers' fallback (distribution-spec, "Referrers Tag Schema").
_BESIDE = re.compile(r"sha256-([0-9a-f]{64})(?:\.(?:sig|att|sbom))?")
_log = logging.getLogger(__name__)

#: Seconds for which a blob without a name is kept, since an interrupted transfer may resume with it.
ORPHAN_AGE = 7 * 24 * 3600.0


class Collector:
    """Removes blobs that are not needed. Thread-safe; every method may block, and raises LibraryError."""

    def __init__(self, folder: LayoutFolder, contents: Contents) -> None:
        self._folder = folder
        self._contents = contents
        self._lock = threading.Lock()
        self._unneeded: set[str] = set()  # and not removed, because a transfer held it

    # -- what names what

    def named_by(self, digest: str) -> set[str]:
        """*digest* and all contents that it names, down to the layers, as far as they are here. Raises InvalidManifest
        for a kind of document that we cannot read and that may name anything."""
        return self._closure(digest, strict=False)

    def _closure(self, digest: str, *, strict: bool) -> set[str]:
        """See :meth:`named_by`. *strict*: with the blobs' lock held; raises LibraryDamaged for what is here and cannot
        be read, since its parts may be all right."""
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

        An entry without a name is attached to its subject, one with a name by that: cosign keeps what belongs to an
        image under tags beside it.
        """
        if entry.reference is not None:
            found = _BESIDE.fullmatch(entry.reference.tag or "")
            return f"sha256:{found[1]}" if found else ""
        if entry.ref_name:
            return ""
        subject = self.subject_of(entry)
        return "" if subject is None else subject.digest

    def subject_of(self, entry: LayoutEntry) -> Descriptor | None:
        """The subject that the manifest of an entry names (image-spec manifest.md); None without one."""
        try:
            return self._contents.manifest(entry.descriptor.digest).subject
        except LongshoreError:
            return None

    def orphaned(self, index: LayoutIndex) -> set[LayoutEntry]:
        """The signatures and SBOMs in *index* whose image is not there. Raises InvalidManifest as :meth:`named_by`."""
        about = {entry: self.attached_to(entry) for entry in index.entries}
        if not any(about.values()):
            return set()
        kept = self._reached((entry for entry, digest in about.items() if not digest), strict=False)
        orphans = {entry: digest for entry, digest in about.items() if digest}
        # What is attached to something attached stays with it.
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

    # -- removing

    @property
    def unneeded(self) -> bool:
        """Whether something was to be removed that a transfer held."""
        with self._lock:
            return bool(self._unneeded)

    def collect(self, candidates: Iterable[str], *, orphan_age: float = ORPHAN_AGE) -> Freed:
        """Remove those of *candidates* that nothing names and nobody uses, and blobs that were left behind for
        *orphan_age* seconds. What is in use now is a candidate of the next time. Raises LibraryError."""
        with self._folder.explained(writing=True), self._folder.blobs_lock(shared=False):
            with self._lock:
                wanted = self._unneeded.union(candidates)
            try:
                # First the leases, then the index: a transfer names its image before it closes its lease.
                in_use: set[str] = set()
                for digest in dict.fromkeys(held(self._folder)):
                    if digest not in in_use:
                        in_use |= self._held_by(digest)
                index = self._folder.listed()
                if index is None:
                    return Freed()  # a list that is missing is no empty list
                named = self._reached(index.entries, strict=True)
            except (InvalidManifest, LibraryDamaged) as error:
                # It may name anything: no blob is known to be unused.
                _log.info("nothing is removed from %s: %s %s", self._folder.path, error, error.detail)
                return Freed()
            with self._lock:
                self._unneeded = wanted & in_use - named
            # The list by which blobs are removed must not return to an older one with the power.
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

    def _from_the_top(self, digests: Iterable[str]) -> list[str]:
        """*digests* in an order in which a manifest goes before all that it names: if this program is killed between
        two removals, no manifest is left without its parts."""
        names = {digest: self._names(digest) for digest in digests}
        namers = dict.fromkeys(names, 0)
        for parts in names.values():
            for part in parts & names.keys():
                namers[part] += 1
        order = [digest for digest, count in namers.items() if not count]
        for digest in order:  # grows while it is read
            for part in names[digest] & names.keys():
                namers[part] -= 1
                if not namers[part]:
                    order.append(part)
        return order

    def _names(self, digest: str) -> set[str]:
        """What a blob names directly; nothing if it is no manifest that can be read."""
        size = self._contents.size(digest)
        if size is None or size > LARGEST_MANIFEST or not self._contents.may_be_json(digest):
            return set()
        try:
            found = self._contents.manifest(digest, take_out=False)
        except (InvalidManifest, LibraryDamaged, NotInLibrary):
            return set()
        parts = (found.config, *found.layers) if isinstance(found, Manifest) else found.manifests
        return {part.digest for part in parts}

    def _held_by(self, digest: str) -> set[str]:
        """A lease may be on a layer as well as on an image; a layer is not read through to know that."""
        size = self._contents.size(digest)
        if size is None or size > LARGEST_MANIFEST or not self._contents.may_be_json(digest):
            return {digest}
        try:
            return self._closure(digest, strict=True)
        except InvalidManifest:
            return {digest}
