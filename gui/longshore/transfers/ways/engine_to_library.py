"""Engine to library: what the engine saves, taken in as it streams by."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from longshore.archives.archive import select_image
from longshore.archives.images import Archived, images_of
from longshore.archives.scan import Scanner, StreamedFile
from longshore.cancellation import Cancellation
from longshore.engine.model import ImageStore
from longshore.errors import VerificationFailed
from longshore.oci.digest import short, valid_digest
from longshore.oci.layer import LayerProgress, LayerState
from longshore.oci.layout import BLOBS
from longshore.oci.manifest import Index, Manifest
from longshore.transfers.progress.meter import PlannedLayer
from longshore.transfers.transfer import EnginePlace, LibraryPlace, NoteKind, Phase, Plan, TransferRequest
from longshore.transfers.ways import planning
from longshore.transfers.ways.way import Job

if TYPE_CHECKING:
    from longshore.engine.engine import Engine
    from longshore.engine.model import ImageDetails
    from longshore.library.leases import Lease
    from longshore.library.library import Library

#: Bytes of a layer between two reports of how far it is.
_STEP = 1 << 20


class EngineToLibrary:
    """See Way.

    An engine with containerd's store saves the image as it got it, digest and all. A classic one has unpacked layers
    only: the library then holds them so (not compressed), under a manifest made for them, whose digest is another than
    the one that the image was pulled by. The configuration, and with it the image's ID, stays the same; an image that
    the library still has is known again by that, and only gets its name.
    """

    extracts = False
    pausable = False

    def plan(self, job: Job) -> Plan | None:
        """The layers, and the size that the engine tells; it does not say how long its stream will be."""
        job.progress.enter(Phase.CHECKING)
        name = _source_name(job.request)
        return planning.or_none(f"copy of {name}", job.cancellation, lambda bounded: self._plan(job, bounded))

    def _plan(self, job: Job, cancellation: Cancellation) -> Plan:
        engine, library = _ends(job)
        image = engine.image(_source_name(job.request))
        cancellation.raise_if_cancelled()
        layers = list(dict.fromkeys(image.diff_ids))
        if digest := library.holding(image.image_id):
            return Plan(len(layers), image.size, len(layers), image.size, digest=digest, compressed=False)
        job.progress.expect([PlannedLayer(diff_id) for diff_id in layers], whole=image.size)
        return Plan(len(layers), image.size, estimated=True, compressed=False)

    def run(self, job: Job) -> str:
        """Save, take in, see that it is whole and the engine's image, and give it its name."""
        engine, library = _ends(job)
        name, source = _source_name(job.request), job.request.source
        image = engine.image(name)
        if source.reference is not None and source.image_id and source.image_id != image.image_id:
            job.tell(NoteKind.SOURCE_CHANGED, image.image_id)
        lease = library.lease()
        try:
            if digest := library.hold_made_from(lease, image.image_id):
                job.tell(NoteKind.UP_TO_DATE)
                top = library.manifest(digest)
            else:
                top = _take_in(job, engine, name, image, library, lease)
            wanted = job.request.destination.reference
            named = None if wanted is None else wanted.with_default_tag()
            return library.put(top, lease, named, listed=True)
        finally:
            lease.close()


def _take_in(
    job: Job, engine: Engine, name: str, image: ImageDetails, library: Library, lease: Lease
) -> Manifest | Index:
    """The image of the engine, whole in the library but for its name."""
    cancellation = job.cancellation
    job.progress.enter(None)
    rows = _Rows(job, image.diff_ids)
    with contextlib.closing(engine.save([name], cancellation)) as chunks:
        scanner = Scanner(chunks, cancellation=cancellation, subject=engine.address.name)
        for streamed in scanner.files():
            folder, _, encoded = streamed.name.rpartition("/")
            if folder == f"{BLOBS}/sha256":
                known = f"sha256:{encoded}"
                if valid_digest(known) and library.present(known, lease, cancellation) == streamed.size:
                    rows.skip(streamed)
                    continue
            elif not streamed.name.endswith(".tar"):
                continue  # VERSION, and what else older formats have
            library.take_in(rows.counted(streamed), lease, cancellation)
    job.progress.enter(Phase.VERIFYING)
    archived = _the_image(images_of(scanner.contents, engine.address.name, job.cancellation).archived, image)
    top = archived.top
    if isinstance(top, Index) and archived.missing:
        # The engine has some platforms, and the index of all: only what is whole can be passed on.
        picked = select_image(archived.runnable, engine.probe().platform) or archived.runnable[0]
        top = picked.manifest
        job.tell(NoteKind.PICKED, str(picked.platform or ""))
    for one in archived.images:
        library.take_in([one.config_bytes], lease, cancellation)
        library.put(one.manifest, lease)
        if one.manifest.digest == top.digest or isinstance(top, Index):
            _check(one.manifest, image, library)
    if engine.probe().store is not ImageStore.CONTAINERD:
        job.tell(NoteKind.DIGEST_NOT_KEPT, short(image.image_id))
    return top


def _the_image(archived: Sequence[Archived], image: ImageDetails) -> Archived:
    """That of what was saved which is the image asked for: by its manifest's or its configuration's digest."""
    for each in archived:
        ids = {each.top.digest, *(one.manifest.digest for one in each.images)}
        ids |= {one.manifest.config.digest for one in each.images}
        if image.image_id in ids and each.runnable:
            return each
    raise VerificationFailed(
        "The engine saved another image than the one asked for.",
        subject=image.image_id,
        advice="Something else may have given its name to another image meanwhile. Try again.",
        detail="\n".join(each.top.digest for each in archived),
    )


def _check(manifest: Manifest, image: ImageDetails, library: Library) -> None:
    for part in (manifest.config, *manifest.layers):
        if library.blob_size(part.digest) != part.size:
            raise VerificationFailed(
                "The engine did not save all of the image.",
                subject=image.image_id,
                advice="Try again. If it happens again, pull the image into the library from its registry.",
                detail=f"missing: {part.digest}",
            )


class _Rows:
    """The rows of the layers while they come by. Engines before 25 name the files of layers by ids of their own: these
    are shown in the order in which they come, which need not be that of the image."""

    def __init__(self, job: Job, diff_ids: Sequence[str]) -> None:
        self._job = job
        self._waiting = list(dict.fromkeys(diff_ids))

    def skip(self, streamed: StreamedFile) -> None:
        """The library has it; the engine sends it all the same."""
        row = self._row(streamed)
        streamed.skip()
        self._feed(row, LayerState.SKIPPED)

    def counted(self, streamed: StreamedFile) -> Iterator[bytes]:
        """Its bytes, told as they go by."""
        row = self._row(streamed)
        seen = told = 0
        for piece in streamed:
            yield piece
            seen += len(piece)
            if seen - told >= _STEP:
                told = seen
                self._feed(row, LayerState.TRANSFERRING, seen)
        self._feed(row, LayerState.TRANSFERRING, seen)
        self._feed(row, LayerState.DONE)

    def _row(self, streamed: StreamedFile) -> str:
        named = f"sha256:{streamed.name.rpartition('/')[2]}"
        if named in self._waiting:
            self._waiting.remove(named)
            return named
        return self._waiting.pop(0) if self._waiting else ""

    def _feed(self, row: str, state: LayerState, current: int | None = None) -> None:
        if row:
            self._job.progress.feed(LayerProgress(short(row), state, current, None))


def _source_name(request: TransferRequest) -> str:
    """What to ask the engine for."""
    reference = request.source.reference
    return request.source.image_id if reference is None else str(reference.with_default_tag())


def _ends(job: Job) -> tuple[Engine, Library]:
    source, destination = job.request.source.place, job.request.destination.place
    if not isinstance(source, EnginePlace) or not isinstance(destination, LibraryPlace):
        raise ValueError("this way goes from an engine to the library")
    return job.clients.engine(source.address), job.clients.library(destination.path)
