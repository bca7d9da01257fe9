"""Reads and verifies the blobs of a library."""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import BinaryIO, TypeVar

from longshore.cancellation import Cancellation
from longshore.errors import DigestMismatch, InvalidManifest, LibraryDamaged, LongshoreError, NotInLibrary
from longshore.library.folder import LayoutFolder
from longshore.oci.digest import Verifier, short, valid_digest
from longshore.oci.image_config import LARGEST_CONFIG, ImageConfig
from longshore.oci.layout import BLOBS
from longshore.oci.manifest import LARGEST_MANIFEST, Index, Manifest, parse_manifest
from longshore.shared_files import NotAFile

T = TypeVar("T")

_CHUNK = 1 << 20
_REMEMBERED = 4096
#: The first byte of a JSON object after white space; a byte order mark is accepted too.
_JSON_BEGINS = b"{\xef"
#: Seconds to wait for other programs before giving up on removing a damaged blob.
_PATIENCE = 5.0


class Contents:
    """Thread-safe; every method may block, and raises LibraryError."""

    def __init__(self, folder: LayoutFolder) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        # Cached by digest: the content of a digest never changes.
        self._manifests: OrderedDict[str, Manifest | Index] = OrderedDict()
        self._configs: OrderedDict[str, ImageConfig] = OrderedDict()

    # -- reading

    def size(self, digest: str) -> int | None:
        """The size of the blob in bytes, None if it is missing or not a file."""
        with self._folder.explained():
            try:
                found = self._folder.blob(digest).lstat()
            except (FileNotFoundError, NotADirectoryError):
                return None
            return found.st_size if stat.S_ISREG(found.st_mode) else None

    def sizes(self) -> dict[str, int]:
        """All blobs with their sizes in bytes."""
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
        take_out: bool = True,
    ) -> Iterator[Iterator[bytes]]:
        """The bytes of a blob from *offset* on; a full read is verified against the digest.

        *size*: the expected size. *take_out*: remove the blob if it is damaged; not with the blobs' lock held. Raises
        NotInLibrary, InvalidManifest for another size, and LibraryDamaged, also while reading.
        """
        with self._folder.explained():
            try:
                file = self._folder.open_blob(digest)
            except (FileNotFoundError, NotADirectoryError):
                raise self._unknown(digest) from None
            except NotAFile as error:
                raise self._no_file(digest, error) from error
        with file:
            there = os.fstat(file.fileno()).st_size
            if size is not None and there != size:
                # Either may be wrong: the blob, or the manifest that refers to it.
                for _ in self._chunks(file, digest, 0, there, cancellation, take_out):
                    pass
                raise InvalidManifest(
                    "The size in the manifest does not match this content.",
                    subject=digest,
                    advice="Build the image again, or ask its publisher to do so.",
                    detail=f"{size} bytes in the manifest, {there} bytes in the library",
                )
            yield self._chunks(file, digest, offset, there, cancellation, take_out)

    def manifest(self, digest: str, *, take_out: bool = True) -> Manifest | Index:
        """A manifest or index. *take_out*: see :meth:`read`.

        Raises NotInLibrary, LibraryDamaged, InvalidManifest for any other blob.
        """
        with self._lock:
            known = self._manifests.get(digest)
            if known is not None:
                self._manifests.move_to_end(digest)
        if known is not None and self.size(digest) == len(known.raw):
            return known
        found = parse_manifest(self._small(digest, LARGEST_MANIFEST, take_out), None)
        with self._lock:
            _remember(self._manifests, digest, found)
        return found

    def config(self, manifest: Manifest) -> ImageConfig:
        """The configuration of an image. Raises the errors of :meth:`manifest`."""
        digest = manifest.config.digest
        with self._lock:
            known = self._configs.get(digest)
        if known is not None:
            return known
        found = ImageConfig.from_bytes(self._small(digest, LARGEST_CONFIG, take_out=True))
        with self._lock:
            _remember(self._configs, digest, found)
        return found

    def may_be_json(self, digest: str) -> bool:
        """Whether the blob begins like a JSON object, as no layer does. False if it is missing."""
        with self._folder.explained():
            try:
                with self._folder.open_blob(digest) as file:
                    while chunk := file.read(1 << 16):
                        if begun := chunk.lstrip():
                            return begun[0] in _JSON_BEGINS
            except (FileNotFoundError, NotADirectoryError, NotAFile):
                pass
        return False

    def _chunks(
        self,
        file: BinaryIO,
        digest: str,
        at: int,
        size: int,
        cancellation: Cancellation | None,
        take_out: bool,
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
                    # Before the last byte is passed on: the caller may stop reading there.
                    self._verify(verifier, file, take_out)
            if not chunk:
                return
            yield chunk

    def _verify(self, verifier: Verifier, file: BinaryIO, take_out: bool) -> None:
        try:
            verifier.finish()
        except DigestMismatch as error:
            removed = take_out and self._take_out(verifier.digest, file)
            raise self._damaged(verifier.digest, error.detail, removed) from error

    def _small(self, digest: str, largest: int, take_out: bool) -> bytes:
        with self.read(digest, take_out=take_out) as chunks:
            raw = bytearray()
            for chunk in chunks:
                raw += chunk
                if len(raw) > largest:
                    raise InvalidManifest(
                        "The manifest or configuration is too large.",
                        subject=digest,
                        detail=f"more than {largest} bytes",
                    )
        return bytes(raw)

    # -- errors

    def _unknown(self, digest: str) -> NotInLibrary:
        return NotInLibrary(
            "The library does not have this content.",
            subject=digest,
            advice="Pull the image again.",
            detail=f"missing in {self._folder.path}",
        )

    def _take_out(self, digest: str, file: BinaryIO) -> bool:
        """Remove the damaged blob that was read from *file*, because no transfer fetches a blob that is present.

        Never removes a blob that a transfer has put in its place meanwhile.
        """
        with self._lock:
            self._manifests.pop(digest, None)
        try:
            with self._folder.blobs_lock(shared=False, patience=_PATIENCE):
                path = self._folder.blob(digest)
                there, ours = path.lstat(), os.fstat(file.fileno())
                if (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino):
                    path.unlink()
                return True
        except (OSError, LongshoreError):
            return False

    def _damaged(self, digest: str, why: str, removed: bool) -> LibraryDamaged:
        return LibraryDamaged(
            f"The content {short(digest)} in the library was damaged and has been removed."
            if removed
            else f"The content {short(digest)} in the library is damaged.",
            subject=str(self._folder.path),
            advice="Pull the image again: only what is missing is downloaded. If it happens again, check "
            "the disk.",
            detail=f"{digest}: {why}",
        )

    def _no_file(self, digest: str, error: NotAFile) -> LibraryDamaged:
        """A link or a pipe instead of a blob affects only the images that need the blob."""
        explained = self._folder.explain(error)
        return LibraryDamaged(
            explained.message,
            subject=explained.subject,
            advice="Pull the image again: that replaces it.",
            detail=digest,
        )


def _remember(memory: OrderedDict[str, T], digest: str, found: T) -> None:
    memory[digest] = found
    while len(memory) > _REMEMBERED:
        memory.popitem(last=False)
