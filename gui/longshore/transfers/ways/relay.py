"""Engine to engine: what one saves is what the other loads, read and checked on its way."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

from longshore.archives.archive import select_image
from longshore.archives.images import images_of
from longshore.archives.model import Archived, ArchiveFormat
from longshore.archives.scan import Scanner
from longshore.archives.writing import ArchiveWriter
from longshore.cancellation import Cancellation
from longshore.oci.layer import LayerState
from longshore.oci.layout import BLOBS
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers.progress.stream_rows import StreamRows
from longshore.transfers.transfer import EnginePlace, NoteKind, Phase, Plan
from longshore.transfers.ways import planning
from longshore.transfers.ways.engine_images import (
    Expected,
    check_saved,
    image_id_of,
    plan_of_stream,
    source_names,
    tell_if_changed,
    verify,
)
from longshore.transfers.ways.way import Job

if TYPE_CHECKING:
    from longshore.engine.engine import Engine
    from longshore.engine.model import ImageDetails


class RelayWay:
    """See Way. Moves one image, under the destination's name or else the source's.

    The stream is taken apart and put together again: the lists go last, and only once every layer was found to be the
    image's. An engine acts on an archive when it has all of it, so that one that fails on the way changes nothing.
    """

    extracts = True
    pausable = False

    def plan(self, job: Job) -> Plan | None:
        """The layers, and the size that the engine tells; nothing moves where the other has the image already."""
        job.progress.enter(Phase.CHECKING)
        return planning.or_none(
            "a copy among engines", job.cancellation, lambda bounded: self._plan(job, bounded)
        )

    def _plan(self, job: Job, cancellation: Cancellation) -> Plan:
        source, destination = _engines(job)
        image = source.image(source_names(job.request)[0])
        cancellation.raise_if_cancelled()
        if _has(destination, image):
            layers = len(set(image.diff_ids))
            return Plan(layers, image.size, layers, image.size, compressed=False)
        return plan_of_stream(job, [image])

    def run(self, job: Job) -> str:
        """Move it, and see that the other engine has it; its id there."""
        source, destination = _engines(job)
        asked = source_names(job.request)[0]
        image = source.image(asked)
        tell_if_changed(job, image)
        name = _name(job)
        before = image_id_of(destination, name)
        if _has(destination, image):
            if before == image.image_id or name is None:
                job.tell(NoteKind.UP_TO_DATE)
            else:
                destination.tag(image.image_id, name)
                job.tell(*((NoteKind.TAG_MOVED, before) if before else (NoteKind.TAGGED, name.familiar)))
            return image.image_id
        relayed = _Relayed(job, source, image, name, destination.probe().platform)
        job.progress.enter(None)
        with (
            contextlib.closing(source.save([asked], job.cancellation)) as saved,
            contextlib.closing(relayed.chunks(saved)) as chunks,
        ):
            loaded = destination.load(chunks, job.cancellation, job.progress.feed)
        job.progress.enter(Phase.VERIFYING)
        archived = relayed.archived
        assert archived is not None
        config = next((one.manifest.config.digest for one in archived.runnable), "")
        # A classic engine has no manifest whose digest could be lost; newer ones make one up when they save.
        kept_by_source = "" if image.image_id == config else archived.top.digest
        expected = Expected(archived.ids, image.diff_ids, name, config, kept_by_source, before)
        return verify(job, destination, expected, loaded)


class _Relayed:
    """The stream on its way. *archived*: what it turned out to be, once all of it has gone by."""

    def __init__(
        self,
        job: Job,
        source: Engine,
        image: ImageDetails,
        name: Reference | None,
        platform: Platform,
    ) -> None:
        self._job = job
        self._source = source
        self._image = image
        self._name = name
        self._platform = platform
        self.archived: Archived | None = None

    def chunks(self, saved: Iterator[bytes]) -> Generator[bytes]:
        """The tar for the other engine, from the one that this engine has *saved*."""
        job = self._job
        rows = StreamRows(job.progress, self._image.diff_ids)
        scanner = Scanner(saved, cancellation=job.cancellation, subject=self._source.address.name)
        writer = ArchiveWriter(ArchiveFormat.DOCKER)
        files: dict[str, str] = {}  # names in our tar by the layers' digests
        for number, streamed in enumerate(scanner.files()):
            blob = streamed.name.startswith(f"{BLOBS}/")
            if not blob and not streamed.name.endswith(".tar"):
                continue  # VERSION, and what else older formats have
            sent = streamed.name if blob else f"layer-{number}.tar"
            yield from writer.file(sent, streamed.size, rows.counted(streamed, last=LayerState.TRANSFERRED))
            assert streamed.member is not None
            files[streamed.member.digest] = sent
        listing = images_of(scanner.contents, self._source.address.name, job.cancellation)
        check_saved(listing.archived, [self._image])
        archived = listing.archived[0]
        for raw in archived.documents.values():
            yield from writer.document(raw)
        names = () if self._name is None else (self._name,)
        writer.list_image(archived.top, names)
        image = select_image(archived.runnable, self._platform) or archived.runnable[0]
        layers = [files[layer.digest] for layer in image.manifest.layers]
        writer.list_for_docker(image.manifest.config.digest, layers, names)
        if archived.made:
            writer.leave_out_layout()
        yield from writer.end()
        self.archived = archived
        # All is sent, and the engine only now unpacks it.
        job.progress.enter(Phase.EXTRACTING)


def _has(engine: Engine, image: ImageDetails) -> bool:
    """Whether the engine has that very image: ids are digests, so that an equal one is the same content."""
    return any(local.image_id == image.image_id for local in engine.images())


def _name(job: Job) -> Reference | None:
    """The tag that it gets; none where it is known by its digest or id only."""
    wanted = job.request.destination.reference or job.request.source.reference
    if wanted is None or (wanted.digest and not wanted.tag):
        return None
    return wanted.with_default_tag().with_digest(None)


def _engines(job: Job) -> tuple[Engine, Engine]:
    source, destination = job.request.source.place, job.request.destination.place
    if not isinstance(source, EnginePlace) or not isinstance(destination, EnginePlace):
        raise ValueError("a relay goes from an engine to an engine")
    return job.clients.engine(source.address), job.clients.engine(destination.address)
