"""The blobs of a library: reading them, what names what, and removing what nothing names any more."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import BinaryIO, TypeVar

from longshore.cancellation import Cancellation
from longshore.library.folder import LayoutFolder
from longshore.library.leases import held
from longshore.library.model import Freed
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import Verifier, short, valid_digest
from longshore.oci.errors import DigestMismatch, InvalidManifest, LibraryDamaged, LongshoreError, NotInLibrary
from longshore.oci.image_config import LARGEST_CONFIG, ImageConfig
from longshore.oci.layout import BLOBS, LayoutEntry, LayoutIndex
from longshore.oci.manifest import ACCEPT, LARGEST_MANIFEST, Index, Manifest, parse_manifest

#: Tags of cosign and of the referrers' fallback (distribution-spec, "Referrers Tag Schema").
_BESIDE = re.compile(r"sha256-([0-9a-f]{64})(?:\.(?:sig|att|sbom))?")
T = TypeVar("T")
_log = logging.getLogger(__name__)

_CHUNK = 1 << 20
_REMEMBERED = 4096
#: Seconds for which a blob without a name may be what an interrupted transfer will go on with.
ORPHAN_AGE = 7 * 24 * 3600.0


class Contents:
    """Thread-safe; every method may block, and raises LibraryError."""

    def __init__(self, folder: LayoutFolder) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        # By digest, which is what they are: they never change.
        self._manifests: OrderedDict[str, Manifest | Index] = OrderedDict()
        self._configs: OrderedDict[str, ImageConfig] = OrderedDict()
        self._unneeded: set[str] = set()  # and yet not removed: a transfer held it

    # -- reading

    def size(self, digest: str) -> int | None:
        """Bytes of the blob, None if it is not here."""
        with self._folder.explained():
            try:
                return self._folder.blob(digest).lstat().st_size
            except (FileNotFoundError, NotADirectoryError):
                return None

    def sizes(self) -> dict[str, int]:
        """All blobs with their bytes."""
        found = {}
        with self._folder.explained(), contextlib.suppress(FileNotFoundError):
            for folder in self._folder.inside(f"{BLOBS}/x").parent.iterdir():
                if folder.is_symlink() or not folder.is_dir():
                    continue
                with os.scandir(folder) as entries:
                    for entry in entries:
                        digest = f"{folder.name}:{entry.name}"
                        if valid_digest(digest) and entry.is_file(follow_symlinks=False):
                            found[digest] = entry.stat(follow_symlinks=False).st_size
        return found

    @contextlib.contextmanager
    def read(
        self,
        digest: str,
        offset: int = 0,
        *,
        size: int | None = None,
        cancellation: Cancellation | None = None,
    ) -> Iterator[Iterator[bytes]]:
        """The bytes of a blob from *offset* on. Read to the end from the start, they are checked against the digest.

        *size*: what it must have. Raises NotInLibrary, InvalidManifest for another size, and LibraryDamaged, also while
        reading; then the blob is taken out.
        """
        with self._folder.explained():
            try:
                file = self._folder.open(self._folder.blob(digest).relative_to(self._folder.path).as_posix())
            except (FileNotFoundError, NotADirectoryError):
                raise self._unknown(digest) from None
        with file:
            there = os.fstat(file.fileno()).st_size
            if size is not None and there != size:
                # Either may be wrong: the blob, or the manifest of whoever asks for it.
                for _ in self._chunks(file, digest, 0, there, cancellation):
                    pass
                raise InvalidManifest(
                    "The manifest tells another size than its content has.",
                    subject=digest,
                    advice="Ask whoever made the image to build it again.",
                    detail=f"{size} bytes by the manifest, {there} in truth",
                )
            yield self._chunks(file, digest, offset, there, cancellation)

    def manifest(self, digest: str) -> Manifest | Index:
        """A manifest or index. Raises NotInLibrary, LibraryDamaged, InvalidManifest for a blob that is neither."""
        with self._lock:
            known = self._manifests.get(digest)
            if known is not None:
                self._manifests.move_to_end(digest)
        if known is not None and self.size(digest) is not None:
            return known
        found = parse_manifest(self._small(digest, LARGEST_MANIFEST), None)
        with self._lock:
            _remember(self._manifests, digest, found)
        return found

    def config(self, manifest: Manifest) -> ImageConfig:
        """The configuration of an image. Raises as :meth:`manifest`."""
        digest = manifest.config.digest
        with self._lock:
            known = self._configs.get(digest)
        if known is not None:
            return known
        found = ImageConfig.from_bytes(self._small(digest, LARGEST_CONFIG))
        with self._lock:
            _remember(self._configs, digest, found)
        return found

    def _chunks(
        self, file: BinaryIO, digest: str, at: int, size: int, cancellation: Cancellation | None
    ) -> Iterator[bytes]:
        verifier = None if at else Verifier(digest)
        with self._folder.explained():
            file.seek(at)
        while True:
            if cancellation is not None:
                cancellation.raise_if_cancelled()
            with self._folder.explained():
                chunk = file.read(_CHUNK)
            at += len(chunk)
            if verifier is not None:
                verifier.update(chunk)
                if at >= size or not chunk:
                    # Before the last byte is given out: whoever takes it may look no further.
                    self._verify(verifier)
            if not chunk:
                return
            yield chunk

    def _verify(self, verifier: Verifier) -> None:
        try:
            verifier.finish()
        except DigestMismatch as error:
            raise self._damaged(verifier.digest, error.detail) from error

    def _small(self, digest: str, largest: int) -> bytes:
        with self.read(digest) as chunks:
            raw = bytearray()
            for chunk in chunks:
                raw += chunk
                if len(raw) > largest:
                    raise InvalidManifest(
                        "The document is too large.", subject=digest, detail=f"more than {largest} bytes"
                    )
        return bytes(raw)

    # -- what names what

    def named_by(self, digest: str) -> set[str]:
        """*digest* and all contents that it names, down to the layers, as far as they are here. Raises InvalidManifest
        where it is of a kind that we cannot read, and so may name anything."""
        found: set[str] = set()
        todo = [digest]
        while todo:
            each = todo.pop()
            if each in found:
                continue
            found.add(each)
            try:
                parsed = self.manifest(each)
            except (NotInLibrary, LibraryDamaged):
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
        """The digest of what an entry is attached to; "" if it stands for itself.

        An entry without a name by its subject, one with a name by that: cosign keeps what belongs to an image under
        tags beside it.
        """
        if entry.reference is not None:
            found = _BESIDE.fullmatch(entry.reference.tag or "")
            return f"sha256:{found[1]}" if found else ""
        subject = self.subject_of(entry)
        return "" if subject is None or entry.ref_name else subject.digest

    def subject_of(self, entry: LayoutEntry) -> Descriptor | None:
        """The subject that the manifest of an entry names (image-spec manifest.md); None without one."""
        try:
            return self.manifest(entry.descriptor.digest).subject
        except LongshoreError:
            return None

    def orphaned(self, index: LayoutIndex) -> set[LayoutEntry]:
        """The signatures and SBOMs in *index* whose image is not there. Raises InvalidManifest as :meth:`named_by`."""
        about = {entry: self.attached_to(entry) for entry in index.entries}
        kept = self._reached(entry for entry, digest in about.items() if not digest)
        orphans = {entry: digest for entry, digest in about.items() if digest}
        # What is attached to something attached stays with it.
        while stay := [entry for entry, digest in orphans.items() if digest in kept]:
            for entry in stay:
                del orphans[entry]
                kept |= self.named_by(entry.descriptor.digest)
        return set(orphans)

    def _reached(self, entries: Iterable[LayoutEntry]) -> set[str]:
        reached: set[str] = set()
        for entry in entries:
            if entry.descriptor.digest not in reached:
                reached |= self.named_by(entry.descriptor.digest)
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
                named = self._reached(self._folder.index().entries)
                in_use: set[str] = set()
                for digest in held(self._folder):
                    if digest not in in_use:
                        in_use |= self._held_by(digest)
            except InvalidManifest as error:
                # It may name anything: nothing can be said to be without use.
                _log.info("nothing is removed from %s: %s %s", self._folder.path, error, error.detail)
                return Freed()
            with self._lock:
                self._unneeded = wanted & in_use - named
            now = time.time()
            freed = blobs = 0
            for digest, size in self.sizes().items():
                if digest in named or digest in in_use:
                    continue
                path = self._folder.blob(digest)
                with contextlib.suppress(FileNotFoundError):
                    if digest in wanted or now - path.lstat().st_mtime > orphan_age:
                        path.unlink()
                        freed += size
                        blobs += 1
        return Freed(freed, blobs)

    def _held_by(self, digest: str) -> set[str]:
        """A lease may be on a layer as well as on an image."""
        size = self.size(digest)
        if size is None or size > LARGEST_MANIFEST:
            return {digest}
        try:
            return self.named_by(digest)
        except InvalidManifest:
            return {digest}

    # -- what goes wrong

    def _unknown(self, digest: str) -> NotInLibrary:
        return NotInLibrary(
            "The library does not have this content.",
            subject=digest,
            advice="Pull the image again.",
            detail=f"missing in {self._folder.path}",
        )

    def _damaged(self, digest: str, why: str) -> LibraryDamaged:
        """The error, after the blob was taken out: as long as it lay there, no pull would bring it anew."""
        with contextlib.suppress(OSError, LongshoreError):
            self._folder.blob(digest).unlink()
        with self._lock:
            self._manifests.pop(digest, None)
        return LibraryDamaged(
            f"The content {short(digest)} in the library was damaged, and was removed.",
            subject=str(self._folder.path),
            advice="Pull the image again: only what is missing is moved. If it happens again, check the disk.",
            detail=f"{digest}: {why}",
        )


def _remember(memory: OrderedDict[str, T], digest: str, found: T) -> None:
    memory[digest] = found
    while len(memory) > _REMEMBERED:
        memory.popitem(last=False)
