"""Engine to registry: the engine's own push of exactly one tag, verified by asking the registry."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from longshore.cancellation import Cancellation, Cancelled
from longshore.engine.model import ImageStore
from longshore.engine.stream import Finished, Note, OnePlatform
from longshore.errors import EngineFailure, ImageUnknown, LongshoreError, UnexpectedReply, VerificationFailed
from longshore.oci.layer import LayerProgress
from longshore.oci.manifest import Manifest
from longshore.oci.reference import Reference
from longshore.transfers.progress.meter import PlannedLayer
from longshore.transfers.transfer import EnginePlace, NoteKind, Phase, Plan, RegistryPlace, TransferRequest
from longshore.transfers.ways import planning
from longshore.transfers.ways.deadline import within
from longshore.transfers.ways.engine_images import tag, tell_if_changed, tell_if_repacked
from longshore.transfers.ways.signing_in import signed_in
from longshore.transfers.ways.tag_records import change_of, changing, tag_now
from longshore.transfers.ways.verify import verify_tag
from longshore.transfers.ways.way import Job, Later

if TYPE_CHECKING:
    from longshore.engine.model import ImageDetails
    from longshore.oci.platform import Platform

_log = logging.getLogger(__name__)

#: Seconds that reading the pushed manifest may take; only the row's byte count depends on it.
SETTLE_SECONDS = 5.0


class PushWay:
    """See Way."""

    extracts = False
    pausable = False

    def plan(self, job: Job) -> Later:
        """Only announces the plan: it is made while the engine pushes."""
        job.progress.enter(Phase.CHECKING)
        return Later.PLAN

    def _plan(self, job: Job, image: ImageDetails, cancellation: Cancellation) -> planning.Prospect:
        """The image's compressed layers, as far as known, and which of them the target repository has.

        An engine reports only unpacked layers. Their compressed form is known if a registry already has the image
        (by its RepoDigests); for an image built here only the size on disk is known. Layers pushed meanwhile look as
        if they had been present before: the progress knows better.
        """
        place, target, registry = _ends(job.request)
        engine = job.clients.engine(place.address)
        info = engine.probe()
        platform = image.platform or info.platform
        contents = info.store is ImageStore.CONTAINERD
        for domain, path, digest in _origins(image, target, near_only=contents):
            cancellation.raise_if_cancelled()
            try:
                layers = self._layers(
                    job, image, Reference(domain, path, None, digest), platform, cancellation
                )
                there = planning.present_blobs(
                    job.clients.registry(registry.host),
                    target.path,
                    [layer.digest for layer in layers],
                    cancellation,
                )
            except LongshoreError as error:
                _log.info("layers of %s@%s: %s", path, digest, error)
                continue
            layers = [
                PlannedLayer(layer.digest, layer.size, layer.diff_id, here=layer.digest in there)
                for layer in layers
            ]
            # The engine may compress the layers again, which gives other blobs: the plan is always an estimate.
            return planning.Prospect(layers, planning.plan_of(layers, estimated=True))
        # containerd's store names its layers by other digests, and reports their sizes when it begins.
        layers = [] if contents else [PlannedLayer(diff_id) for diff_id in image.diff_ids]
        plan = Plan(layers=len(set(image.diff_ids)), total_bytes=image.size, estimated=True, compressed=False)
        return planning.Prospect(layers, plan, None if contents else image.size)

    def _layers(
        self, job: Job, image: ImageDetails, origin: Reference, platform: Platform, cancellation: Cancellation
    ) -> list[PlannedLayer]:
        client = job.clients.registry(origin.domain)
        _, manifest = planning.image_manifest(
            client, origin.path, origin.digest or "", platform, cancellation
        )
        if len(manifest.layers) != len(image.diff_ids):
            raise UnexpectedReply(
                "The registry has a different image with that digest.",
                registry=origin.domain,
                subject=str(origin),
            )
        return planning.layers_of(manifest, image.diff_ids)

    def run(self, job: Job) -> str:
        """Give the image the destination's name if necessary, push that tag, and verify it at the registry."""
        place, target, registry = _ends(job.request)
        engine = job.clients.engine(place.address)
        image = engine.image(job.request.source.name.asked)
        job.cancellation.raise_if_cancelled()
        tell_if_changed(job, image)
        tag(job, engine, image.image_id, target, source=True)
        job.cancellation.raise_if_cancelled()
        before, _ = tag_now(job, registry, target)
        change = change_of(job, target, before)
        with changing(job, change) as found:
            digest = self._push(job, image)
            found[change] = digest
        if before and before != digest:
            job.tell(NoteKind.OVERWRITTEN, before)
        tell_if_repacked(job, image, digest)
        return digest

    def _push(self, job: Job, image: ImageDetails) -> str:
        """Push the tag, verify it, and return the digest."""
        place, target, registry = _ends(job.request)
        engine = job.clients.engine(place.address)
        finished: Finished | None = None
        plan = planning.Beside(f"push to {target}", job, partial(self._plan, job, image))
        with signed_in(job, registry.host) as credential, plan:
            job.progress.enter(None)
            stream = engine.push(target, credential=credential, cancellation=job.cancellation)
            with contextlib.closing(stream) as events:
                for event in events:
                    match event:
                        case LayerProgress():
                            job.progress.feed(event)
                        case Note(text):
                            job.tell(NoteKind.ENGINE_SAYS, text)
                        case OnePlatform(platform):
                            job.tell(NoteKind.ONE_PLATFORM, platform)
                        case Finished():
                            finished = event
            if finished is None or not finished.digest:
                raise EngineFailure(
                    "The engine did not report what it pushed.", subject=target.familiar, advice="Try again."
                )
            plan.wait()
        job.progress.enter(Phase.VERIFYING)
        try:
            now = engine.image(str(target)).image_id
        except ImageUnknown:
            now = image.image_id  # removed during the push: the image at the start was pushed
        if now != image.image_id:
            raise VerificationFailed(
                "The tag was moved to another image during the push.",
                subject=target.familiar,
                advice="Push it again.",
                detail=f"at the start: {image.image_id}\nnow: {now}",
            )
        if verify_tag(job, registry.host, target, finished.digest):
            self._settle(job, image, finished.digest)
        return finished.digest

    def _settle(self, job: Job, image: ImageDetails, digest: str) -> None:
        """Read the layers' sizes from the pushed manifest: a classic engine counts unpacked bytes."""
        _, target, registry = _ends(job.request)

        def read(bounded: Cancellation) -> None:
            client = job.clients.registry(registry.host)
            manifest = client.manifest(target.path, digest, cancellation=bounded)
            if not isinstance(manifest, Manifest):
                return
            sizes = {layer.digest: layer.size for layer in manifest.layers}
            if len(manifest.layers) == len(image.diff_ids):
                pairs = zip(image.diff_ids, manifest.layers, strict=True)
                sizes |= {diff_id: layer.size for diff_id, layer in pairs}
            job.progress.settle(sizes)

        try:
            with within(job.cancellation, SETTLE_SECONDS) as bounded:
                read(bounded)
        except Cancelled:
            _log.info(
                "cannot read in time what was pushed to %s", target
            )  # read it even after a cancellation
        except LongshoreError as error:
            _log.info("cannot read what was pushed to %s: %s", target, error)


def _origins(image: ImageDetails, target: Reference, *, near_only: bool) -> Iterator[tuple[str, str, str]]:
    """Where the image's manifest may be read: registry, repository, digest; the target's first, three at most.

    *near_only*: on the target's registry only. containerd's store invents names for images built here, which would
    make Longshore ask Docker Hub for them.
    """
    named = []
    for text in image.repo_digests:
        try:
            reference = Reference.parse(text)
        except LongshoreError:
            continue
        if reference.digest and (reference.domain == target.domain or not near_only):
            near = (reference.name != target.name, reference.domain != target.domain)
            named.append((near, reference.domain, reference.path, reference.digest))
    for _, domain, path, digest in sorted(named)[:3]:
        yield domain, path, digest


def _ends(request: TransferRequest) -> tuple[EnginePlace, Reference, RegistryPlace]:
    source, destination = request.source, request.destination
    if destination.reference is None or (source.reference is None and not source.image_id):
        raise ValueError("a push needs an image and a reference")
    if not isinstance(source.place, EnginePlace) or not isinstance(destination.place, RegistryPlace):
        raise ValueError("a push goes from an engine to a registry")
    return source.place, destination.reference.with_default_tag(), destination.place
