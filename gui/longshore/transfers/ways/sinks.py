"""The destinations of what an engine saves: the library, an archive, or another engine."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import TYPE_CHECKING

from longshore.archives.compression import Compression, Packer, compression_for
from longshore.archives.model import Archived, ArchiveFormat, select_image
from longshore.archives.new_file import NewFile
from longshore.archives.oci_file import OciFile, pack
from longshore.archives.writing import ArchiveWriter
from longshore.engine.model import ImageStore
from longshore.errors import VerificationFailed
from longshore.oci.digest import short
from longshore.oci.layout import blob_path
from longshore.oci.manifest import Index, Manifest
from longshore.transfers.transfer import ArchivePlace, EnginePlace, LibraryPlace, NoteKind, Phase
from longshore.transfers.ways.engine_images import image_id_of, tag, tell_if_repacked
from longshore.transfers.ways.loading import Expected, load, loading, tag_of, verify
from longshore.transfers.ways.tag_records import change_of, changing, tag_now
from longshore.transfers.ways.way import Job

if TYPE_CHECKING:
    from longshore.engine.model import EngineInfo, ImageDetails
    from longshore.library.leases import Lease
    from longshore.oci.platform import Platform
    from longshore.transfers.ways.out_of_engine import Saved


class ArchiveSink:
    """See Sink. The file appears under its name when it is complete; the suffix decides its compression (``.tar.gz``,
    ``.tar.zst``). A docker-archive contains the engine's own bytes, unchanged."""

    def __init__(self, job: Job) -> None:
        place = job.request.destination.place
        assert isinstance(place, ArchivePlace)
        self._job = job
        self._path = place.path
        self._format = ArchiveFormat(place.format)

    def held(self, image: ImageDetails) -> str:
        """See Sink: the file is always written anew."""
        return ""

    def named(self, image: ImageDetails) -> str:
        """See Sink."""
        return ""

    def take(self, saved: Saved) -> str:
        """See Sink. Returns the id of an image that is saved without a manifest. Raises DiskFull, ArchiveError."""
        job, image = self._job, saved.image
        oci = self._format is ArchiveFormat.OCI
        with NewFile(self._path) as file:
            if oci:
                self._oci(saved, file, compression_for(self._path))
            else:
                self._docker(saved, file, compression_for(self._path))
            job.cancellation.raise_if_cancelled()
            file.commit()
        archived = saved.found()
        settled = archived.settled()
        if not oci:
            return image.image_id if archived.made else settled.top.digest
        _tell_if_picked(job, archived, settled)
        tell_if_repacked(job, image, settled.top.digest)
        return settled.top.digest

    def _docker(self, saved: Saved, file: NewFile, compression: Compression) -> None:
        packer = Packer(compression)
        for streamed in saved.layers(lambda chunk: file.write(packer.feed(chunk))):
            for _ in saved.rows.counted(streamed):
                pass
        file.write(packer.end())
        saved.listing()

    def _oci(self, saved: Saved, file: NewFile, compression: Compression) -> None:
        if compression is not Compression.NONE:
            with NewFile(file.path) as plain:
                self._oci(saved, plain, Compression.NONE)
                self._job.progress.enter(Phase.COMPRESSING)
                pack(plain, file, compression, self._job.cancellation)
            return
        oci = OciFile(file)
        for streamed in saved.layers():
            oci.add(streamed, saved.rows.counted(streamed))
        request = self._job.request
        oci.finish(saved.listing(), saved.found(), request.destination.reference, request.ref_name)


class LibrarySink:
    """See Sink.

    An engine with containerd's store saves the image as it received it, and the digest is kept. A classic one has
    unpacked layers only: the library keeps them uncompressed, under a manifest made for them, whose digest is not the
    one that the image was pulled by. The configuration, and with it the image's id, stays the same; an image that the
    library still has is recognized by it, and only gets the name.
    """

    def __init__(self, job: Job) -> None:
        place = job.request.destination.place
        assert isinstance(place, LibraryPlace)
        self._job = job
        self._library = job.clients.library(place.path)

    def held(self, image: ImageDetails) -> str:
        """See Sink."""
        return self._library.holding(image.image_id)

    def named(self, image: ImageDetails) -> str:
        """See Sink."""
        with contextlib.closing(self._library.lease()) as lease:
            digest = self._library.hold_made_from(lease, image.image_id)
            if digest:
                self._job.tell(NoteKind.UP_TO_DATE)
                self._put(self._library.manifest(digest), lease)
            return digest

    def take(self, saved: Saved) -> str:
        """See Sink. Raises DiskFull, LibraryError."""
        library, job, image = self._library, self._job, saved.image
        with contextlib.closing(library.lease()) as lease:
            for streamed in saved.layers():
                known = streamed.digest
                if known and library.present(known, lease, job.cancellation) == streamed.size:
                    saved.rows.skip(streamed)
                else:
                    library.take_in(saved.rows.counted(streamed), lease, job.cancellation)
            info = saved.engine.probe()
            archived = saved.found()
            # The engine may have only some platforms of an index: the library gets an image that is complete.
            settled = archived.settled(info.platform)
            _tell_if_picked(job, archived, settled)
            for raw in saved.listing().documents_of(settled).values():
                library.take_in([raw], lease, job.cancellation)
            for one in settled.images:
                library.put(one.manifest, lease)
                self._check(one.manifest, image)
            if info.store is not ImageStore.CONTAINERD:
                job.tell(NoteKind.DIGEST_NOT_KEPT, short(image.image_id))
            return self._put(settled.top, lease)

    def _put(self, top: Manifest | Index, lease: Lease) -> str:
        job, ref_name = self._job, self._job.request.ref_name
        wanted = job.request.destination.reference
        name = None if wanted is None else wanted.with_default_tag()
        changes = []
        if name is not None and name.tag and not ref_name:
            before, origins = tag_now(job, job.request.destination.place, name)
            changes = [change_of(job, name, before, top.digest, origins=origins)]
        with changing(job, *changes):
            return self._library.put(top, lease, name, listed=True, ref_name=ref_name)

    def _check(self, manifest: Manifest, image: ImageDetails) -> None:
        for part in (manifest.config, *manifest.layers):
            if self._library.blob_size(part.digest) != part.size:
                raise VerificationFailed(
                    "The engine did not save all of the image.",
                    subject=image.image_id,
                    advice="Try again. If it happens again, pull the image into the library from its registry.",
                    detail=f"missing: {part.digest}",
                )


class EngineSink:
    """See Sink. Moves one image, under the destination's name or else the source's.

    The tar is written anew: the lists go last, and only after every layer was verified. An engine acts on a tar when it
    has all of it, so that a tar that fails midway changes nothing.
    """

    def __init__(self, job: Job) -> None:
        place = job.request.destination.place
        assert isinstance(place, EnginePlace)
        self._job = job
        self._engine = job.clients.engine(place.address)
        self._name = tag_of(job.request.destination.reference or job.request.source.reference)

    def held(self, image: ImageDetails) -> str:
        """See Sink: ids are digests, so an equal id is the same content."""
        return image.image_id if any(one.image_id == image.image_id for one in self._engine.images()) else ""

    def named(self, image: ImageDetails) -> str:
        """See Sink."""
        found = self.held(image)
        if found and (self._name is None or not tag(self._job, self._engine, found, self._name)):
            self._job.tell(NoteKind.UP_TO_DATE)
        return found

    def take(self, saved: Saved) -> str:
        """See Sink. Raises VerificationFailed, and EngineError of either engine."""
        before = image_id_of(self._engine, self._name)
        info = self._engine.probe()
        with loading(self._job, [self._name]) as loaded_as:
            found = self._load(saved, info, before)
            loaded_as(self._name, found)
        return found

    def _load(self, saved: Saved, info: EngineInfo, before: str) -> str:
        image = saved.image
        loaded = load(self._job, self._engine, self._tar(saved, info.platform))
        archived = saved.found()
        config = next((one.manifest.config.digest for one in archived.runnable), "")
        # A classic engine has no manifest whose digest could be lost; newer versions make one when they save.
        kept = "" if image.image_id == config else archived.top.digest
        repacked = archived.made and info.store is ImageStore.CONTAINERD
        expected = Expected(archived.ids, image.diff_ids, self._name, config, kept, repacked, before)
        return verify(self._job, self._engine, expected, loaded)

    def _tar(self, saved: Saved, platform: Platform) -> Generator[bytes]:
        """The tar for this engine, from what the other has saved."""
        writer = ArchiveWriter(ArchiveFormat.DOCKER)
        files: dict[str, str] = {}  # names in our tar by the layers' digests
        for number, streamed in enumerate(saved.layers()):
            name = blob_path(streamed.digest) if streamed.digest else f"layer-{number}.tar"
            yield from writer.file(name, streamed.size, saved.rows.counted(streamed))
            assert streamed.member is not None
            files[streamed.member.digest] = name
        archived = saved.found()
        for raw in saved.listing().documents_of(archived).values():
            yield from writer.document(raw)
        names = () if self._name is None else (self._name,)
        writer.list_image(archived.top, names)
        image = select_image(archived.runnable, platform) or (archived.runnable or archived.images)[0]
        layers = [files[layer.digest] for layer in image.manifest.layers]
        writer.list_for_docker(image.manifest.config.digest, layers, names)
        if archived.made:
            writer.leave_out_layout()
        yield from writer.end()


def _tell_if_picked(job: Job, archived: Archived, settled: Archived) -> None:
    if settled is not archived:
        job.tell(NoteKind.PICKED, str(settled.images[0].platform or ""))
