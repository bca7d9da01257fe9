"""Images into an engine, from the library or an archive: Longshore writes a tar that the engine loads."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from longshore.archives.model import Archived, ArchivedImage, select_image
from longshore.archives.writing import Outgoing, ReadBlob, docker_archive
from longshore.engine.model import ImageStore
from longshore.errors import LongshoreError
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import short
from longshore.oci.layer import LayerProgress, LayerState
from longshore.transfers.errors import no_platform
from longshore.transfers.progress.meter import PlannedLayer
from longshore.transfers.transfer import EnginePlace, Phase, Plan
from longshore.transfers.ways.engine_images import image_id_of
from longshore.transfers.ways.loading import Expected, load, loading, tag_of, verify
from longshore.transfers.ways.planning import LayerMemory, layers_of, plan_of
from longshore.transfers.ways.sources import Source
from longshore.transfers.ways.way import Job

if TYPE_CHECKING:
    from longshore.oci.platform import Platform

_KEY = "loading"


class IntoEngine:
    """See Way. *source* opens the source. The destination's reference renames an image.

    containerd's store gets every platform of an image that is whole, and keeps the digest. An engine that keeps one
    platform gets the one for ``request.platform``, otherwise for its own platform.
    """

    extracts = True
    pausable = False

    def __init__(self, source: Callable[[Job, Platform], Source]) -> None:
        self._source = source
        self._memory = LayerMemory()

    def plan(self, job: Job) -> Plan | None:
        """The source is read and checked here, which takes some time with an archive; :meth:`run` continues with what
        was found. Exact: every layer is known."""
        job.progress.enter(Phase.CHECKING)
        try:
            loading = _Loading(job, self._source, self._memory)
        except LongshoreError as error:
            job.left[_KEY] = error
            return None
        job.left[_KEY] = loading
        return loading.plan()

    def run(self, job: Job) -> str:
        """Load, verify that the engine has each image, layer by layer, and return the id of the first one there."""
        found = job.left[_KEY]
        if isinstance(found, LongshoreError):
            raise found
        assert isinstance(found, _Loading)
        return found.run()


class _Loading:
    """One attempt."""

    def __init__(self, job: Job, source: Callable[[Job, Platform], Source], memory: LayerMemory) -> None:
        place = job.request.destination.place
        assert isinstance(place, EnginePlace)
        self._job = job
        self._engine = job.clients.engine(place.address)
        # First, as it is quick: nothing is read for an engine that is not running.
        info = self._engine.probe()
        self._keeps = info.store is ImageStore.CONTAINERD
        self._source = source(job, job.request.platform or info.platform)
        self._images = [self._chosen(one, info.platform) for one in self._source.images]
        sent = [image for one in self._images for image in one.images]
        layers = {layer.digest: layer for image in sent for layer in image.manifest.layers}
        self._layers = self._source.in_order(layers.values())
        # Other stores need all of an image.
        classic = info.store is ImageStore.CLASSIC
        self._here = self._present(sent, memory) if classic else frozenset()
        self._planned = {layer.digest: layer for image in sent for layer in _planned(image)}

    def plan(self) -> Plan:
        layers = [
            replace(self._planned[layer.digest], here=layer.digest in self._here) for layer in self._layers
        ]
        self._job.progress.expect(layers)
        digest = self._images[0].top.digest if self._keeps and not self._images[0].made else ""
        return plan_of(layers, estimated=False, digest=digest)

    def run(self) -> str:
        layers = [layer for layer in self._layers if layer.digest not in self._here]
        plain = {} if self._keeps else {layer.digest: self._source.plain(layer) for layer in layers}
        instead = {digest: sent for digest, sent in plain.items() if sent is not None}
        expected = [each for one in self._images for each in self._expected(one)]
        with loading(self._job, [each.name for each in expected]) as loaded_as:
            loaded = load(self._job, self._engine, self._tar(layers, instead))
            ids = []
            for each in expected:
                ids.append(verify(self._job, self._engine, each, loaded))
                loaded_as(each.name, ids[-1])
        return ids[0]

    def _chosen(self, archived: Archived, own: Platform) -> Archived:
        """The part of *archived* that is sent, under its new names; the image that the engine would run comes first."""
        asked = self._job.request.platform
        image = select_image(archived.runnable, asked or own)
        if image is None:
            if asked is not None or (len(archived.runnable) > 1 and not self._keeps):
                there = [one.platform for one in archived.runnable if one.platform is not None]
                named = ", ".join(name.familiar for name in archived.references)
                raise no_platform([asked or own], there, named or archived.top.digest)
            image = archived.runnable[0]  # as the engines do with an image for another platform
        chosen = archived
        if self._keeps and asked is None:
            others = (one for one in archived.images if one is not image and one.whole)
            chosen = replace(archived, images=(image, *others))
        elif len(archived.images) > 1:
            chosen = archived.reduced(image)
        renamed = self._job.request.destination.reference
        if renamed is None:
            return chosen
        name = tag_of(renamed)
        return replace(chosen, references=() if name is None else (name,))

    def _present(self, images: Iterable[ArchivedImage], memory: LayerMemory) -> frozenset[str]:
        """Layers that need not be sent: a classic engine does not read the files of those that it has, up to the first
        that it does not have (measured: 20.10, 28.5)."""
        ids = dict.fromkeys(local.image_id for local in self._engine.images())
        here: set[str] = set()
        needed: set[str] = set()
        for image in images:
            layers = _planned(image)
            diff_ids = [layer.diff_id for layer in layers]
            count = memory.longest_prefix(self._engine, diff_ids, ids, self._job.cancellation)
            here.update(layer.digest for layer in layers[:count])
            needed.update(layer.digest for layer in layers[count:])
        return frozenset(here - needed)

    def _expected(self, sent: Archived) -> Iterator[Expected]:
        image = sent.images[0]
        assert image.config is not None
        for name in sent.references or (None,):
            yield Expected(
                sent.ids,
                image.config.diff_ids,
                name,
                image.manifest.config.digest,
                "" if sent.made else sent.top.digest,
                sent.made and self._keeps,
                image_id_of(self._engine, name),
            )

    def _tar(self, layers: Sequence[Descriptor], instead: dict[str, Descriptor]) -> Generator[bytes]:
        for digest in self._here:
            self._job.progress.feed(LayerProgress(short(digest), LayerState.SKIPPED))
        outgoing = [
            Outgoing(one.top, one.images[0].manifest, one.references, one.documents) for one in self._images
        ]
        with self._source.reading() as read:
            counted = self._counted(read)
            yield from docker_archive(outgoing, layers, counted, instead, whole=not self._here)

    def _counted(self, read: ReadBlob) -> ReadBlob:
        """*read*, counted by the progress."""

        def told(layer: Descriptor, pieces: Iterable[bytes]) -> Iterator[bytes]:
            row, sent = short(layer.digest), 0
            for piece in pieces:
                yield piece
                sent += len(piece)
                self._job.progress.feed(LayerProgress(row, LayerState.TRANSFERRING, sent, layer.size))
            self._job.progress.feed(LayerProgress(row, LayerState.TRANSFERRED))

        @contextlib.contextmanager
        def counted(layer: Descriptor) -> Iterator[Iterable[bytes]]:
            with read(layer) as pieces:
                yield told(layer, pieces)

        return counted


def _planned(image: ArchivedImage) -> list[PlannedLayer]:
    return layers_of(image.manifest, image.config.diff_ids if image.config is not None else ())
