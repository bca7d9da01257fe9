"""Archive to engine: checked as a whole first, then sent as a tar of our own, of what was checked and no more."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Iterator
from typing import TYPE_CHECKING

from longshore.archives.archive import Archive, open_archive, select_image
from longshore.archives.compression import Compression
from longshore.archives.model import Archived, ArchivedImage
from longshore.archives.scan import Member
from longshore.archives.writing import Outgoing, docker_archive
from longshore.engine.model import EngineInfo, ImageStore
from longshore.errors import ArchiveDamaged, ArchiveError, InvalidManifest, LongshoreError
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import short
from longshore.oci.layer import LayerProgress, LayerState
from longshore.oci.manifest import OCI_LAYER
from longshore.oci.reference import Reference
from longshore.transfers.content.choice import chosen, tell_remarks
from longshore.transfers.progress.meter import PlannedLayer
from longshore.transfers.transfer import ArchivePlace, EnginePlace, Phase, Plan
from longshore.transfers.ways.engine_images import Expected, image_id_of, verify
from longshore.transfers.ways.planning import LayerMemory, plan_of
from longshore.transfers.ways.way import Job

if TYPE_CHECKING:
    from longshore.engine.engine import Engine

_KEY = "loading"


class LoadWay:
    """See Way. The source's reference (or its ``image_id``, any of the image's digests) names one image of the
    archive; without either all are loaded, each under its own names. The destination's reference renames the one.

    Of an image for several platforms, engines that keep one get that of ``request.platform``, else their own.
    """

    extracts = True
    pausable = False

    def __init__(self) -> None:
        self._memory = LayerMemory()

    def plan(self, job: Job) -> Plan | None:
        """All of the file is read and checked here, which takes its time; :meth:`run` goes on with what was found."""
        try:
            loading = _Loading(job, self._memory)
        except LongshoreError as error:
            job.left[_KEY] = error
            return None
        job.left[_KEY] = loading
        return loading.plan()

    def run(self, job: Job) -> str:
        """Load, and see that the engine has each image, layer by layer; the id of the first there."""
        found = job.left[_KEY]
        if isinstance(found, LongshoreError):
            raise found
        assert isinstance(found, _Loading)
        return found.run()


class _Loading:
    """One attempt."""

    def __init__(self, job: Job, memory: LayerMemory) -> None:
        source, destination = job.request.source, job.request.destination
        if not isinstance(source.place, ArchivePlace) or not isinstance(destination.place, EnginePlace):
            raise ValueError("a load goes from an archive to an engine")
        self._job = job
        self._engine: Engine = job.clients.engine(destination.place.address)
        # First, as it is quick: an engine that is not there need not be waited for.
        self._info = self._engine.probe()
        job.progress.enter(Phase.CHECKING)
        self._archive: Archive = open_archive(source.place.path, cancellation=job.cancellation)
        self._archived = [one for one in chosen(self._archive, source) if one.runnable]
        if not self._archived:
            raise ArchiveError(
                "There is no image in the archive that an engine could run.",
                subject=str(source.place.path),
                advice="It may hold a signature or another artifact: load it into a registry or the library.",
            )
        renamed = destination.reference
        if renamed is not None and len(self._archived) > 1:
            raise ArchiveError(
                "The archive holds several images, which cannot all have one name.",
                subject=str(source.place.path),
                advice="Load them under their own names, or choose one of them.",
            )
        names = None if renamed is None else (renamed.with_default_tag(),)
        images = [_images(job, self._info, one, self._archive) for one in self._archived]
        self._outgoing = [
            _outgoing(archived, sent, names) for archived, sent in zip(self._archived, images, strict=True)
        ]
        self._members = _members([image for sent in images for image in sent], self._archive)
        self._instead: dict[str, Descriptor] = {}
        if self._info.store is not ImageStore.CONTAINERD:
            self._instead = {
                member.digest: Descriptor(OCI_LAYER, member.diff_id, member.unpacked)
                for member in self._members
                if member.compression is Compression.ZSTD
            }
        self._here = self._present([sent[0] for sent in images], memory)

    def plan(self) -> Plan:
        """Exact: every layer is known."""
        layers = [
            PlannedLayer(member.digest, member.size, member.diff_id, here=member.digest in self._here)
            for member in self._members
        ]
        self._job.progress.expect(layers)
        return plan_of(layers, estimated=False, digest=self._outgoing[0].top.digest)

    def run(self) -> str:
        job = self._job
        tell_remarks(self._archive, job.tell)
        expected = [
            each
            for archived, outgoing in zip(self._archived, self._outgoing, strict=True)
            for each in self._expected(archived, outgoing)
        ]
        job.progress.enter(None)
        with contextlib.closing(self._sent()) as chunks:
            loaded = self._engine.load(chunks, job.cancellation, job.progress.feed)
        job.progress.enter(Phase.VERIFYING)
        ids = [verify(job, self._engine, each, loaded) for each in expected]
        return ids[0]

    def _present(self, images: list[ArchivedImage], memory: LayerMemory) -> frozenset[str]:
        """Layers that need not be sent: a classic engine does not look at the files of those that it has below the
        first that it has not (measured: 20.10, 28.5). Other stores want all of an image."""
        if self._info.store is not ImageStore.CLASSIC:
            return frozenset()
        ids = dict.fromkeys(local.image_id for local in self._engine.images())
        here: set[str] = set()
        needed: set[str] = set()
        for image in images:
            assert image.config is not None
            count = memory.longest_prefix(self._engine, image.config.diff_ids, ids, self._job.cancellation)
            digests = [layer.digest for layer in image.manifest.layers]
            here.update(digests[:count])
            needed.update(digests[count:])
        return frozenset(here - needed)

    def _expected(self, archived: Archived, outgoing: Outgoing) -> Iterator[Expected]:
        image = next(one for one in archived.images if one.manifest is outgoing.image)
        assert image.config is not None
        for name in outgoing.references or (None,):
            yield Expected(
                archived.ids,
                image.config.diff_ids,
                name,
                image.manifest.config.digest,
                "" if archived.made else outgoing.top.digest,
                image_id_of(self._engine, name),
            )

    def _sent(self) -> Generator[bytes]:
        """The tar, in the order of the archive: a compressed one can be read forward only."""
        job = self._job
        with self._archive.reading(cancellation=job.cancellation) as read:

            @contextlib.contextmanager
            def read_layer(wanted: Descriptor) -> Iterator[Iterable[bytes]]:
                member = self._archive.member(wanted.digest)
                assert member is not None
                yield self._counted(wanted, read(member, 0))

            for digest in self._here:
                job.progress.feed(LayerProgress(short(digest), LayerState.SKIPPED))
            layers = [
                Descriptor(OCI_LAYER, member.digest, member.size)
                for member in self._members
                if member.digest not in self._here
            ]
            yield from docker_archive(self._outgoing, layers, read_layer, self._instead, whole=not self._here)
        # All is sent, and the engine only now unpacks it.
        job.progress.enter(Phase.EXTRACTING)

    def _counted(self, wanted: Descriptor, pieces: Iterable[bytes]) -> Iterator[bytes]:
        row, sent = short(wanted.digest), 0
        for piece in pieces:
            yield piece
            sent += len(piece)
            self._job.progress.feed(LayerProgress(row, LayerState.TRANSFERRING, sent, wanted.size))
        self._job.progress.feed(LayerProgress(row, LayerState.TRANSFERRED))


def _images(job: Job, info: EngineInfo, archived: Archived, archive: Archive) -> list[ArchivedImage]:
    """What of *archived* this engine is sent, first that which it would run."""
    platform = job.request.platform or info.platform
    image = select_image(archived.runnable, platform)
    if image is None:
        if job.request.platform is not None:
            there = ", ".join(str(one.platform) for one in archived.runnable)
            raise InvalidManifest(
                f"There is no image for {platform}.",
                subject=str(archive.path),
                advice="Choose one of those that are there.",
                detail=f"there are: {there}",
            )
        image = archived.runnable[0]  # as the engines do with an image for another platform
    if info.store is not ImageStore.CONTAINERD or job.request.platform is not None:
        return [image]
    return [image, *(one for one in archived.images if one is not image)]


def _outgoing(
    archived: Archived, images: list[ArchivedImage], names: tuple[Reference, ...] | None
) -> Outgoing:
    first = images[0].manifest
    references = archived.references if names is None else names
    if len(images) == len(archived.images):
        return Outgoing(archived.top, first, references, archived.documents)
    documents = {first.digest: first.raw, first.config.digest: images[0].config_bytes}
    return Outgoing(first, first, references, documents)


def _members(images: Iterable[ArchivedImage], archive: Archive) -> list[Member]:
    """The files of the layers of *images*, each once. Raises ArchiveDamaged where one is not here."""
    found: dict[str, Member] = {}
    for image in images:
        for layer in image.layers:
            if layer is None:
                raise ArchiveDamaged(
                    "The archive leaves out layers that only their vendor hands out.",
                    subject=str(archive.path),
                    advice="Pull the image from its registry instead.",
                )
            found[layer.digest] = layer
    return sorted(found.values(), key=lambda member: member.offset)
