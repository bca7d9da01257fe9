"""Images out of an engine, to the library, an archive or another engine: what it saves is checked while it streams."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

from longshore.archives.images import images_of
from longshore.archives.model import Archived, Listing
from longshore.archives.scan import Scanner, StreamedFile
from longshore.cancellation import Cancellation
from longshore.errors import VerificationFailed
from longshore.oci.layer import LayerState
from longshore.transfers.errors import TAG_MAY_HAVE_MOVED
from longshore.transfers.progress.meter import PlannedLayer
from longshore.transfers.progress.stream_rows import StreamRows
from longshore.transfers.transfer import EnginePlace, Phase, Plan
from longshore.transfers.ways import planning
from longshore.transfers.ways.engine_images import tell_if_changed
from longshore.transfers.ways.way import Job

if TYPE_CHECKING:
    from longshore.engine.engine import Engine
    from longshore.engine.model import ImageDetails


class Saved:
    """The tar in which *engine* saves *image*: read once from *chunks*, from start to end, and checked. One thread.

    *last*: the state of a layer when all of it has been read.
    """

    def __init__(
        self,
        job: Job,
        engine: Engine,
        image: ImageDetails,
        chunks: Iterator[bytes],
        last: LayerState,
    ) -> None:
        self.engine = engine
        self.image = image
        self.rows = StreamRows(job.progress, image.diff_ids, last)
        self._job = job
        self._chunks = chunks
        self._scanner: Scanner | None = None
        self._listing: Listing | None = None

    def layers(self, passing: Callable[[bytes], None] = lambda chunk: None) -> Iterator[StreamedFile]:
        """The files that can be layers, in the order of the stream; ``rows`` counts their bytes. *passing* is called
        with every chunk of the tar. Raises ArchiveDamaged, ArchiveRefused, EngineError, Cancelled."""

        def passed() -> Iterator[bytes]:
            for chunk in self._chunks:
                passing(chunk)
                yield chunk

        job = self._job
        job.progress.enter(None)
        self._scanner = Scanner(passed(), cancellation=job.cancellation, subject=self.engine.address.name)
        for streamed in self._scanner.files():
            if streamed.may_be_layer:
                yield streamed

    def listing(self) -> Listing:
        """All that the engine has saved; only after the last layer. Raises ArchiveDamaged unless every image is whole,
        VerificationFailed if ``image`` is not among them."""
        if self._listing is None:
            assert self._scanner is not None
            job = self._job
            job.progress.enter(Phase.VERIFYING)
            self._listing = images_of(self._scanner.contents, self.engine.address.name, job.cancellation)
            self._found(self._listing)
        return self._listing

    def found(self) -> Archived:
        """The image as it was saved. Raises the same as :meth:`listing`."""
        return self._found(self.listing())

    def _found(self, listing: Listing) -> Archived:
        """The image in *listing*, by its id, else by its layers."""
        image, archived = self.image, listing.archived
        for one in archived:
            if image.image_id in one.ids:
                return one
        for one in archived:
            if any(each.config is not None and each.config.diff_ids == image.diff_ids for each in one.images):
                return one
        raise VerificationFailed(
            "The engine saved a different image from the one requested.",
            subject=image.image_id,
            advice=TAG_MAY_HAVE_MOVED,
            detail="\n".join(one.top.digest for one in archived),
        )


class Sink(Protocol):
    """The destination of what an engine saves. Made for one attempt; one thread. Every call may block, and raises
    LongshoreError or Cancelled."""

    def held(self, image: ImageDetails) -> str:
        """The digest (or id) of *image* if the destination has all of it, else ""."""

    def named(self, image: ImageDetails) -> str:
        """Return the same, and tag an image that is already there, so that nothing needs to move."""

    def take(self, saved: Saved) -> str:
        """Store all of *saved*, verify that it is complete and the image asked for, tag it, and return its digest."""


class OutOfEngine:
    """See Way. *sink* opens the destination; *extracts*: whether that unpacks the layers.

    An engine does not report the length of its stream, only the size of the image on its disk, which is close to it.
    """

    pausable = False

    def __init__(self, sink: Callable[[Job], Sink], *, extracts: bool = False) -> None:
        self.extracts = extracts
        self._sink = sink

    def plan(self, job: Job) -> Plan | None:
        """The layers, and the size that the engine reports; nothing moves if the destination has the image."""
        job.progress.enter(Phase.CHECKING)
        what = f"a save of {job.request.source.name.asked}"
        return planning.or_none(what, job.cancellation, lambda bounded: self._plan(job, bounded))

    def _plan(self, job: Job, cancellation: Cancellation) -> Plan:
        image = _engine(job).image(job.request.source.name.asked)
        cancellation.raise_if_cancelled()
        layers, whole = list(dict.fromkeys(image.diff_ids)), image.size
        if digest := self._sink(job).held(image):
            return Plan(len(layers), whole, len(layers), whole, digest=digest, compressed=False)
        job.progress.expect([PlannedLayer(diff_id) for diff_id in layers], whole=whole)
        return Plan(len(layers), whole, estimated=True, compressed=False)

    def run(self, job: Job) -> str:
        """Have the engine save and the destination store; return the image's digest there."""
        engine, name = _engine(job), job.request.source.name.asked
        image = engine.image(name)
        tell_if_changed(job, image)
        sink = self._sink(job)
        if digest := sink.named(image):
            return digest
        last = LayerState.TRANSFERRED if self.extracts else LayerState.DONE
        with contextlib.closing(engine.save(name, job.cancellation)) as chunks:
            return sink.take(Saved(job, engine, image, chunks, last))


def _engine(job: Job) -> Engine:
    place = job.request.source.place
    assert isinstance(place, EnginePlace)
    return job.clients.engine(place.address)
