"""Archives as places to copy content from and to: see :mod:`longshore.transfers.content.protocol`."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import IO

from longshore.archives import failures
from longshore.archives.archive import Archive, open_archive
from longshore.archives.compression import Compression, Packer, Unpacker, compression_for
from longshore.archives.limits import BLOCK
from longshore.archives.model import Archived, ArchiveFormat
from longshore.archives.new_file import NewFile
from longshore.archives.writing import ArchiveWriter
from longshore.cancellation import Cancellation, Cancelled, holding
from longshore.errors import ArchiveError, LongshoreError, NotInRegistry
from longshore.oci.attached_tags import image_of, is_digest_like
from longshore.oci.descriptor import Descriptor, OpenBlob
from longshore.oci.digest import valid_digest
from longshore.oci.layer import BlobOutcome
from longshore.oci.layout import blob_path
from longshore.oci.manifest import DOCKER_CONFIG, OCI_CONFIG, Index, Manifest
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers.content.choice import chosen, named, tell_remarks
from longshore.transfers.content.packing import PackedLayers
from longshore.transfers.errors import UnsupportedTransfer
from longshore.transfers.transfer import ArchivePlace, Endpoint, NoteKind


class ArchiveReader:
    """See ContentReader. The file is scanned and checked when the first manifest is requested.

    The endpoint's reference or its ``image_id`` (any digest of it) names the image; an archive of one image needs
    neither. If an index has only one of its platforms in the archive, that image is used instead of the index. An image
    without a manifest gets one, and its layers are compressed (see :class:`PackedLayers`).
    """

    host = ""
    repository = ""

    def __init__(
        self,
        endpoint: Endpoint,
        place: ArchivePlace,
        tell: Callable[[NoteKind, str], None] = lambda kind, text: None,
    ) -> None:
        self._endpoint = endpoint
        reference = endpoint.reference
        #: The tag or digest of the image that the endpoint means.
        self._meant = endpoint.image_id if reference is None else reference.with_default_tag().target
        self._tell = tell
        self._place = place
        self._lock = threading.Lock()
        self._archive: Archive | None = None
        self._packing: PackedLayers | None = None
        self._manifests: dict[str, Manifest | Index] = {}
        self._documents: dict[str, bytes] = {}

    def manifest(self, name: str, *, cancellation: Cancellation) -> Manifest | Index:
        """See ContentReader. Raises ArchiveError, and the errors of :func:`open_archive`."""
        archive = self._opened(cancellation)
        found = self._manifests.get(name)
        # The image that is meant may be settled or packed first; its parts are given as they are.
        if found is not None and not (name == self._meant and self._is_listed(archive, name)):
            return found
        if valid_digest(name) and name != self._meant:
            raise failures.incomplete(str(self._place.path), f"{name} is missing")
        return self._top(archive, name, cancellation)

    def blob(
        self, wanted: Descriptor, offset: int = 0, *, cancellation: Cancellation
    ) -> AbstractContextManager[Iterable[bytes]]:
        """See ContentReader."""
        archive = self._opened(cancellation)
        packed = self._packing.blob(wanted.digest, offset, cancellation) if self._packing else None
        if packed is not None:
            return packed
        member = archive.member(wanted.digest)
        if member is not None:
            return archive.read(member, offset, cancellation=cancellation)
        raw = self._documents.get(wanted.digest)
        if raw is None:
            raise failures.incomplete(str(self._place.path), f"{wanted.digest} is missing")
        return contextlib.nullcontext([raw[offset:]])

    def referrers(
        self, digest: str, *, refused: Callable[[LongshoreError], None], cancellation: Cancellation
    ) -> list[Descriptor]:
        """See ContentReader. Returns the referrers that the archive itself lists."""
        tops = [one.top for one in self._opened(cancellation).listing.archived]
        return [top.descriptor for top in tops if top.subject is not None and top.subject.digest == digest]

    def mountable(self, digest: str, host: str) -> str:
        """See ContentReader."""
        return ""

    def close(self) -> None:
        """See ContentReader. No file is kept open."""

    def _top(self, archive: Archive, name: str, cancellation: Cancellation) -> Manifest | Index:
        reference = self._endpoint.reference
        if reference is not None and name != self._meant:
            beside = named(archive, reference.with_digest(None).with_tag(name))
            if beside is None or not beside.references:
                raise self._unknown(name)
            return beside.top
        if reference is None and is_digest_like(name):
            return self._beside(archive, name)
        found = chosen(archive, self._endpoint)
        if len(found) > 1:
            # What is attached to the only image is no second one.
            found = [one for one in found if not _is_attached(one)] or found
        if len(found) != 1:
            raise ArchiveError(
                "The archive contains several images, and none was chosen.",
                subject=str(self._place.path),
                advice="Choose one of them.",
                detail="\n".join(str(reference) for one in found for reference in one.references),
            )
        settled = found[0].settled()
        with self._lock:
            self._packing = PackedLayers(archive)
            top = self._packing.manifest(settled, cancellation) or settled.top
        self._manifests[top.digest] = top
        return top

    def _beside(self, archive: Archive, tag: str) -> Manifest | Index:
        """What is attached to the only image, under the tag *tag* of whatever repository."""
        for one in archive.listing.archived:
            if any(reference.tag == tag for reference in one.references):
                return one.top
        raise self._unknown(tag)

    def _unknown(self, name: str) -> NotInRegistry:
        return NotInRegistry(
            "The archive has no image with that name.", registry=self._place.path.name, subject=name
        )

    @staticmethod
    def _is_listed(archive: Archive, digest: str) -> bool:
        """Whether the archive lists that manifest itself, and not only as a part of another."""
        return any(one.top.digest == digest for one in archive.listing.archived)

    def _opened(self, cancellation: Cancellation) -> Archive:
        with self._lock:
            if self._archive is None:
                self._archive = open_archive(self._place.path, cancellation=cancellation)
                for one in self._archive.listing.archived:
                    self._take(one)
                tell_remarks(self._archive, self._tell)
            return self._archive

    def _take(self, one: Archived) -> None:
        self._documents |= one.documents
        self._manifests |= {found.digest: found for found in (one.top, *one.indexes)}
        self._manifests |= {image.manifest.digest: image.manifest for image in one.images}


def _is_attached(one: Archived) -> bool:
    """Whether an image of an archive is attached to another: by its subject, or by the tags of cosign."""
    if one.top.subject is not None:
        return True
    return bool(one.references) and all(image_of(each.tag or "") for each in one.references)


class ArchiveContentWriter:
    """See ContentWriter. The archive appears under its name, complete, only when it is committed.

    One blob is written at a time, because a tar is one stream: other writers wait. An oci-archive holds everything
    unchanged. A docker-archive does too, and adds docker's own list, which names one platform of an index: this
    machine's, otherwise the first. Zstd layers are in it twice, the second time as plain tars for that list, because
    engines learned zstd late.
    """

    host = ""
    repository = ""

    def __init__(self, endpoint: Endpoint, place: ArchivePlace, ref_name: str = "") -> None:
        self._reference = endpoint.reference
        self._ref_name = ref_name
        self._place = place
        self._compression = compression_for(place.path)
        self._packer = Packer(self._compression)
        self._writer = ArchiveWriter(ArchiveFormat(place.format))
        self._lock = threading.Lock()
        self._stack = ExitStack()
        self._file: NewFile | None = None
        self._failure: BaseException | None = None
        self._sizes: dict[str, int] = {}
        self._plain: dict[str, str] = {}  # the plain digest that docker's list uses for a zstd layer
        self._manifests: dict[str, Manifest | Index] = {}
        self._names: dict[str, str] = {}
        self._listed: set[str] = set()
        self._last: Manifest | Index | None = None

    def blob_size(self, digest: str, *, cancellation: Cancellation) -> int | None:
        """See ContentWriter."""
        return self._sizes.get(digest)

    def manifest_digest(self, name: str, *, cancellation: Cancellation) -> str | None:
        """See ContentWriter. Knows only this archive's content; an earlier file of the same name is replaced."""
        return name if name in self._manifests else self._names.get(name)

    def write_blob(
        self, wanted: Descriptor, source: OpenBlob, *, mount_from: str, cancellation: Cancellation
    ) -> BlobOutcome:
        """See ContentWriter. Raises DiskFull and ArchiveError; after that nothing more can be written."""
        with self._held(cancellation):
            if wanted.digest in self._sizes:
                return BlobOutcome.SKIPPED
            twice = self._writer.format is ArchiveFormat.DOCKER and wanted.media_type.endswith("zstd")
            with contextlib.ExitStack() as stack:
                spool = stack.enter_context(self._spool()) if twice else None
                data = stack.enter_context(source(0))
                self._send(self._writer.blob(wanted, data if spool is None else spool.copied(data)))
                if spool is not None:
                    member = spool.ended()
                    self._send(self._writer.blob(member, spool.pieces(cancellation)))
                    self._plain[wanted.digest] = member.digest
            self._sizes[wanted.digest] = wanted.size
            return BlobOutcome.UPLOADED

    def put_manifest(self, found: Manifest | Index, name: str, *, cancellation: Cancellation) -> str:
        """See ContentWriter. Raises UnsupportedTransfer for images that docker's list cannot name."""
        with self._held(cancellation):
            self._send(self._writer.document(found.raw))
            self._manifests[found.digest] = found
            self._last = found
            if not valid_digest(name):
                self._names[name] = found.digest
                self._list(found, [] if self._reference is None else [self._named(name)])
            elif found.subject is not None:
                self._list(found, [])  # a signature is found by its subject, if it is listed at all
            return found.digest

    def commit(self, *, cancellation: Cancellation) -> None:
        """See ContentWriter. If nothing has a name, the last manifest put is the image."""
        with self._held(cancellation):
            if self._last is not None and self._last.digest not in self._listed and not self._names:
                self._list(self._last, [])
            self._send(self._writer.end())
            assert self._file is not None
            self._file.write(self._packer.end())
            self._file.commit()

    def close(self) -> None:
        """See ContentWriter. Removes an archive that was not committed."""
        with self._lock:
            self._failure = self._failure or Cancelled()
            self._stack.close()

    # -- helpers

    @contextlib.contextmanager
    def _held(self, cancellation: Cancellation) -> Iterator[None]:
        """Exclusive use of the tar. Any error inside leaves half an entry and makes the tar unusable."""
        with holding(self._lock, cancellation):
            cancellation.raise_if_cancelled()
            if self._failure is not None:
                raise self._failure  # a waiting writer fails with the same error
            if self._file is None:
                self._file = self._stack.enter_context(NewFile(self._place.path))
            try:
                yield
            except BaseException as error:
                self._failure = error
                raise

    def _send(self, chunks: Iterable[bytes]) -> None:
        assert self._file is not None
        for chunk in chunks:
            self._file.write(self._packer.feed(chunk))

    def _named(self, tag: str) -> Reference:
        assert self._reference is not None
        return self._reference.with_digest(None).with_tag(tag)

    def _list(self, found: Manifest | Index, references: list[Reference]) -> None:
        self._listed.add(found.digest)
        own = None if self._reference is None else self._reference.with_default_tag().with_digest(None)
        self._writer.list_image(found, references, self._ref_name if own in references else "")
        if self._writer.format is not ArchiveFormat.DOCKER:
            return
        image = self._image(found)
        if image is None or image.config.media_type not in (OCI_CONFIG, DOCKER_CONFIG):
            if found.subject is not None:
                return
            raise UnsupportedTransfer(
                "A docker-archive can contain only images, and this is not an image.",
                advice="Save it as an oci-archive.",
            )
        layers = [blob_path(self._plain.get(layer.digest, layer.digest)) for layer in image.layers]
        self._writer.list_for_docker(image.config.digest, layers, references)

    def _image(self, found: Manifest | Index) -> Manifest | None:
        if isinstance(found, Manifest):
            return found
        child = found.select(Platform.host()) or next(iter(found.images), None)
        below = None if child is None else self._manifests.get(child.digest)
        return self._image(below) if below is not None else None

    @contextlib.contextmanager
    def _spool(self) -> Iterator[_Spool]:
        assert self._file is not None
        try:
            with tempfile.TemporaryFile(prefix=".longshore-", dir=self._file.folder) as file:
                yield _Spool(file, self._place)
        except OSError as error:
            raise failures.of_system(error, self._place.path, "written") from error


class _Spool:
    """A layer decompressed to an unnamed file: a tar states the size of an entry before its data."""

    def __init__(self, file: IO[bytes], place: ArchivePlace) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self._unpacker = Unpacker(Compression.ZSTD, subject=str(place.path))

    def copied(self, data: Iterable[bytes]) -> Iterator[bytes]:
        """Pass *data* on unchanged, decompressing it to the file."""
        for chunk in data:
            for out in self._unpacker.feed(bytes(chunk)):
                self._hash.update(out)
                self._file.write(out)
            yield chunk

    def ended(self) -> Descriptor:
        """The descriptor of the decompressed layer."""
        self._unpacker.end()
        return Descriptor("", f"sha256:{self._hash.hexdigest()}", self._unpacker.given)

    def pieces(self, cancellation: Cancellation) -> Iterator[bytes]:
        """The decompressed bytes."""
        self._file.seek(0)
        while piece := self._file.read(BLOCK):
            cancellation.raise_if_cancelled()
            yield piece
