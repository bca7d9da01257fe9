"""Library to engine: the image as a stream that the engine loads, and then bears its name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from longshore.cancellation import Cancellation
from longshore.engine.model import ImageStore
from longshore.errors import ImageUnknown, InvalidManifest, VerificationFailed
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import short
from longshore.oci.layer import LayerProgress, LayerState
from longshore.oci.manifest import Index, Manifest
from longshore.transfers.progress.meter import PlannedLayer
from longshore.transfers.transfer import EnginePlace, LibraryPlace, NoteKind, Phase, Plan, TransferRequest
from longshore.transfers.ways import planning
from longshore.transfers.ways.load_stream import LoadStream
from longshore.transfers.ways.way import Job

if TYPE_CHECKING:
    from longshore.engine.engine import Engine
    from longshore.library.leases import Lease
    from longshore.library.library import Library
    from longshore.oci.platform import Platform
    from longshore.oci.reference import Reference


class LibraryToEngine:
    """See Way. Of an index, the image of the platform asked for, else of the engine's own."""

    extracts = False
    pausable = False

    def __init__(self) -> None:
        self._memory = planning.LayerMemory()

    def plan(self, job: Job) -> Plan | None:
        """The layers of the image for the engine's platform, and how many of them it has."""
        job.progress.enter(Phase.CHECKING)
        name = _source_name(job.request)
        return planning.or_none(f"copy of {name}", job.cancellation, lambda bounded: self._plan(job, bounded))

    def _plan(self, job: Job, cancellation: Cancellation) -> Plan:
        library, engine = _ends(job)
        info = engine.probe()
        manifest = _image(job.request, library, job.request.platform or info.platform)
        here = self._here(engine, library, manifest, cancellation) if info.store is ImageStore.CLASSIC else 0
        layers = [
            PlannedLayer(layer.digest, layer.size, here=number < here)
            for number, layer in enumerate(manifest.layers)
        ]
        job.progress.expect(layers)
        kept = manifest.digest if info.store is ImageStore.CONTAINERD else ""
        return planning.plan_of(layers, estimated=False, digest=kept)

    def run(self, job: Job) -> str:
        """Send it, and see that the engine's image of that name is this one."""
        library, engine = _ends(job)
        info = engine.probe()
        lease = library.lease()
        try:
            manifest = _image(job.request, library, job.request.platform or info.platform, lease)
            name = _name(job.request)
            skipped = self._skipped(engine, library, manifest, info.store, job.cancellation)
            stream = LoadStream(
                library, manifest, name, plainly=info.store is not ImageStore.CONTAINERD, skipped=skipped
            )
            before = "" if name is None else _image_id(engine, str(name))
            job.progress.enter(None)
            for digest in skipped:
                job.progress.feed(LayerProgress(short(digest), LayerState.SKIPPED))
            engine.load(self._sent(job, stream), job.cancellation)
        finally:
            lease.close()
        job.progress.enter(Phase.VERIFYING)
        return _verified(job, engine, info.store, manifest, name, before)

    def _sent(self, job: Job, stream: LoadStream) -> Iterator[bytes]:
        def told(blob: Descriptor, count: int) -> None:
            if blob.digest != stream.manifest.config.digest:
                state = LayerState.TRANSFERRING
                job.progress.feed(LayerProgress(short(blob.digest), state, count, blob.size))

        yield from stream.chunks(told, job.cancellation)
        # All is sent, and the engine only now unpacks it.
        job.progress.enter(Phase.EXTRACTING)

    def _skipped(
        self,
        engine: Engine,
        library: Library,
        manifest: Manifest,
        store: ImageStore,
        cancellation: Cancellation,
    ) -> frozenset[str]:
        """The layers that a classic engine has below those it has not: it does not look at their files (measured on
        20.10). Other stores want all of it."""
        if store is not ImageStore.CLASSIC:
            return frozenset()
        here = self._here(engine, library, manifest, cancellation)
        rest = {layer.digest for layer in manifest.layers[here:]}
        return frozenset(layer.digest for layer in manifest.layers[:here]) - rest

    def _here(self, engine: Engine, library: Library, manifest: Manifest, cancellation: Cancellation) -> int:
        diff_ids = library.config(manifest).diff_ids
        if len(diff_ids) != len(manifest.layers):
            return 0
        ids = dict.fromkeys(image.image_id for image in engine.images())
        return self._memory.longest_prefix(engine, diff_ids, ids, cancellation)


def _image(
    request: TransferRequest, library: Library, platform: Platform, lease: Lease | None = None
) -> Manifest:
    """What stands under the name, of an index the image for *platform*. Raises NotInLibrary, InvalidManifest."""
    reference = request.source.reference
    image = reference or request.source.image_id
    entry = library.entry(image) if lease is None else library.hold_entry(lease, image)
    top_digest = entry.descriptor.digest
    top = library.manifest(top_digest)
    if isinstance(top, Manifest):
        return top
    child = top.select(platform)
    if child is None:
        raise InvalidManifest(
            f"There is no image for {platform}.",
            subject=str(reference or top_digest),
            advice="Choose one of those that are there.",
            detail=f"there are: {', '.join(str(one) for one in top.platforms)}",
        )
    found = library.manifest(child.digest)
    if isinstance(found, Index):
        raise InvalidManifest("An index within an index.", subject=str(reference or top_digest))
    return found


def _verified(
    job: Job, engine: Engine, store: ImageStore, manifest: Manifest, name: Reference | None, before: str
) -> str:
    """That the engine has the image, and under its name: by the manifest's digest in containerd's store, by that of the
    configuration in the others, which keep no manifests."""
    wanted = manifest.digest if store is ImageStore.CONTAINERD else manifest.config.digest
    found = _image_id(engine, wanted if name is None else str(name))
    if found != wanted:
        raise VerificationFailed(
            "The engine says that it loaded the image, and does not have it."
            if not found
            else "The engine's image of that name is not the one that was loaded.",
            subject=wanted if name is None else name.familiar,
            advice="Try again.",
            detail=f"loaded: {wanted}\nlocal image: {found or 'none'}",
        )
    if before == wanted:
        job.tell(NoteKind.UP_TO_DATE)
    elif before:
        job.tell(NoteKind.TAG_MOVED, before)
    if wanted != manifest.digest:
        job.tell(NoteKind.DIGEST_NOT_KEPT, short(wanted))
    return wanted


def _image_id(engine: Engine, name: str) -> str:
    try:
        return engine.image(name).image_id
    except ImageUnknown:
        return ""


def _name(request: TransferRequest) -> Reference | None:
    """The tag that the image gets; none where it is known by its digest only."""
    wanted = request.destination.reference or request.source.reference
    if wanted is None or (wanted.digest and not wanted.tag):
        return None
    return wanted.with_default_tag().with_digest(None)


def _source_name(request: TransferRequest) -> str:
    reference = request.source.reference
    return request.source.image_id if reference is None else str(reference.with_default_tag())


def _ends(job: Job) -> tuple[Library, Engine]:
    source, destination = job.request.source.place, job.request.destination.place
    if not isinstance(source, LibraryPlace) or not isinstance(destination, EnginePlace):
        raise ValueError("this way goes from the library to an engine")
    return job.clients.library(source.path), job.clients.engine(destination.address)
