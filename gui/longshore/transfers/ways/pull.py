"""Registry to engine: the engine's own pull, planned meanwhile and verified afterwards."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from longshore.cancellation import Cancellation, Cancelled
from longshore.engine.model import ImageStore
from longshore.engine.stream import Finished, Note
from longshore.errors import (
    DigestMismatch,
    EngineFailure,
    EngineLost,
    ImageUnknown,
    InvalidManifest,
    LongshoreError,
    RegistryError,
    RegistryFailure,
    RegistryUnreachable,
    Remedy,
    VerificationFailed,
)
from longshore.oci.handing_over import is_passing
from longshore.oci.layer import LayerProgress
from longshore.oci.reference import Reference
from longshore.transfers.errors import TAG_MAY_HAVE_MOVED
from longshore.transfers.progress.meter import PlannedLayer
from longshore.transfers.transfer import EnginePlace, NoteKind, Phase, RegistryPlace, TransferRequest
from longshore.transfers.ways import planning
from longshore.transfers.ways.deadline import within
from longshore.transfers.ways.rule import DEFAULT_RULE, Rule
from longshore.transfers.ways.signing_in import signed_in
from longshore.transfers.ways.tag_records import change_of, changing, tag_now
from longshore.transfers.ways.verify import VERIFY_SECONDS, digest_at_registry
from longshore.transfers.ways.way import Job, Later

if TYPE_CHECKING:
    from longshore.engine.engine import Engine
    from longshore.engine.model import ImageDetails

_log = logging.getLogger(__name__)


class PullWay:
    """See Way."""

    extracts = True
    #: As long as Longshore fetches the layers: when an engine stops, it loses partial layers.
    pausable = True

    def __init__(self, rule: Rule = DEFAULT_RULE) -> None:
        """*rule*: decides when Longshore fetches the layers for the engine."""
        self._memory = planning.LayerMemory()
        self._rule = rule

    def plan(self, job: Job) -> Later:
        """Only announces the plan: it is made while the engine pulls."""
        job.progress.enter(Phase.CHECKING)
        return Later.PLAN

    def _plan(
        self,
        job: Job,
        before: Sequence[str],
        read: planning.Manifests | None,
        cancellation: Cancellation,
    ) -> planning.Prospect:
        """The plan from the manifest for the engine's platform and the layers of the images *before*.

        *read*: the manifests, if they are known: some registries count each time they are read.
        """
        reference, registry, place = _ends(job.request)
        engine = job.clients.engine(place.address)
        platform = job.request.platform or engine.probe().platform
        cancellation.raise_if_cancelled()
        client = job.clients.registry(registry.host)
        name = reference.digest or reference.tag or ""
        top, manifest = read or planning.image_manifests(client, reference.path, name, platform, cancellation)
        diff_ids = client.config(reference.path, manifest, cancellation=cancellation).diff_ids
        layers = planning.layers_of(manifest, diff_ids)
        here = self._memory.longest_prefix(engine, diff_ids, before, cancellation)
        if len(diff_ids) == len(layers):
            layers = [
                PlannedLayer(layer.digest, layer.size, layer.diff_id, here=number < here)
                for number, layer in enumerate(layers)
            ]
        return planning.Prospect(layers, planning.plan_of(layers, estimated=here > 0, digest=top.digest))

    def run(self, job: Job) -> str:
        """Pull, tag as requested, and verify that the image has the digest that the engine reported."""
        try:
            return self._run(job)
        except LongshoreError as error:
            if library_helps(error, job.progress.snapshot().moved_bytes):
                error.remedy = Remedy.LIBRARY
            raise

    def _run(self, job: Job) -> str:
        reference, _, place = _ends(job.request)
        surplus = False
        if reference.digest:
            surplus = _leaves_name(job.clients.engine(place.address), reference)
            image, digest = self._pull(job)  # which tags nothing
        else:
            before, origins = tag_now(job, place, reference)
            change = change_of(job, reference, before, origins=origins)
            with changing(job, change) as found:
                image, digest = self._pull(job)
                found[change] = image.image_id
        wanted = job.request.destination.reference
        if wanted is not None and wanted.with_default_tag() != reference and not wanted.digest:
            self._name(job, str(reference), image.image_id, wanted.with_default_tag())
            if surplus:
                _drop_name(job.clients.engine(place.address), reference)
        return digest

    def _pull(self, job: Job) -> tuple[ImageDetails, str]:
        """Pull, verify, and return the image and its digest."""
        _, _, place = _ends(job.request)
        engine = job.clients.engine(place.address)
        before, left = _images(engine)
        job.cancellation.raise_if_cancelled()
        finished, read = self._handed_over(job, before)
        finished = finished or self._pulled(job, before, read)
        if left:
            from longshore.transfers.ways.passing import drop_left  # late: hardly ever needed

            drop_left(engine, left)  # only now: the pull may have needed their layers
        job.progress.enter(Phase.VERIFYING)
        return self._verified(job, finished)

    def _handed_over(
        self, job: Job, before: Sequence[str]
    ) -> tuple[Finished | None, planning.Manifests | None]:
        """Fetch the layers and hand them over to the engine; None if it has to pull by itself.

        Also returns the image's manifests, if they were read.
        """
        shared = job.clients.hand_over
        if shared is None:
            return None, None
        from longshore.transfers.ways.pull_choice import Choice

        reference, registry, place = _ends(job.request)
        engine = job.clients.engine(place.address)
        choice = Choice(job, shared, self._rule, reference, engine, self._memory)
        found = choice.make(before)
        if job.cancellation.stopping:
            raise Cancelled
        if found is None:
            return None, choice.read
        from longshore.transfers.ways.handing_over import HandingOver, NotTakenError  # late: most are small

        job.keeps(True)  # an attempt before this one may have been the engine's own
        with contextlib.closing(HandingOver(job, shared, found, reference, engine)) as handing:
            try:
                handing.take()
            except NotTakenError as error:
                if error.reason is not None:
                    job.tell(NoteKind.PULLED_NATIVELY, error.reason.value)
                return None, choice.read
            with signed_in(job, registry.host) as credential:
                finished = handing.confirm(credential)
        handing.free()
        return finished, choice.read

    def _pulled(self, job: Job, before: Sequence[str], read: planning.Manifests | None) -> Finished:
        """The engine's own pull, planned meanwhile."""
        reference, registry, place = _ends(job.request)
        engine = job.clients.engine(place.address)
        job.keeps(False)
        finished: Finished | None = None
        plan = planning.Beside(f"pull of {reference}", job, partial(self._plan, job, before, read))
        with signed_in(job, registry.host) as credential, plan:
            job.progress.enter(None)
            stream = engine.pull(
                reference,
                platform=job.request.platform,
                credential=credential,
                cancellation=job.cancellation,
            )
            with contextlib.closing(stream) as events:
                for event in events:
                    match event:
                        case LayerProgress():
                            job.progress.feed(event)
                        case Note(text):
                            job.tell(NoteKind.ENGINE_SAYS, text)
                        case Finished():
                            finished = event
            if finished is None:
                raise EngineFailure(
                    "The engine did not report how the pull ended.", subject=reference.familiar
                )
            plan.wait()
        return finished

    def _verified(self, job: Job, finished: Finished) -> tuple[ImageDetails, str]:
        """The image that the engine pulled, and its digest."""
        reference, _, place = _ends(job.request)
        engine = job.clients.engine(place.address)
        try:
            image = engine.image(str(reference))
        except ImageUnknown as error:
            raise VerificationFailed(
                "The engine reported that it pulled the image, but does not have it.",
                subject=reference.familiar,
                advice="Try again.",
                detail=error.detail,
            ) from error
        job.progress.drop(image.image_id)
        digest = finished.digest or ""
        if (
            digest
            and not carries(digest, image.image_id, image.repo_digests)
            and not self._of_index(job, image, digest)
        ):
            raise VerificationFailed(
                "The local image is not the one that was pulled.",
                subject=reference.familiar,
                advice=TAG_MAY_HAVE_MOVED,
                detail=f"pulled: {digest}\nlocal image: {image.image_id}\n" + "\n".join(image.repo_digests),
            )
        if not digest:
            digest = self._digest_by_registry(job, image)
        if image.partial:
            job.tell(NoteKind.PARTIAL)
        if finished.up_to_date:
            job.tell(NoteKind.UP_TO_DATE)
        return image, digest

    def _of_index(self, job: Job, image: ImageDetails, digest: str) -> bool:
        """Whether *image* is the one that the manifest or index *digest* has for the platform that was pulled.

        A classic engine keeps the digest of an index with one image only: the first that was pulled of any platform.
        True, with a note, if the registry cannot be asked. Raises Cancelled.
        """
        reference, registry, place = _ends(job.request)
        info = job.clients.engine(place.address).probe()
        if info.store is not ImageStore.CLASSIC:
            return False
        platform = job.request.platform or info.platform
        try:
            with within(job.cancellation, VERIFY_SECONDS) as bounded:
                client = job.clients.registry(registry.host)
                _, manifest = planning.image_manifest(client, reference.path, digest, platform, bounded)
        except Cancelled:
            job.cancellation.raise_if_cancelled()
            job.tell(NoteKind.NOT_VERIFIED, "The registry did not respond in time.")
        except RegistryError as error:
            _log.info("cannot verify %s: %s %s", reference, error, error.detail)
            job.tell(NoteKind.NOT_VERIFIED, error.message)
        except LongshoreError:
            return False  # it has no image of this platform
        else:
            return manifest.config.digest == image.image_id
        return True

    def _digest_by_registry(self, job: Job, image: ImageDetails) -> str:
        """The digest of *image* according to the registry, for an engine that does not report it (Podman).

        "", with a note, if the registry has another image: the tag may have moved since, or the engine uses a mirror.
        """
        reference, registry, _ = _ends(job.request)
        digest = reference.digest or digest_at_registry(job, registry.host, reference)
        if digest == "":
            return ""
        if digest is None or not carries(digest, image.image_id, image.repo_digests):
            job.tell(NoteKind.NOT_VERIFIED, "The tag now points to another image in the registry.")
            return ""
        return digest

    def _name(self, job: Job, source: str, image_id: str, wanted: Reference) -> None:
        """Give the image the other name that was requested."""
        reference, _, place = _ends(job.request)
        engine = job.clients.engine(place.address)
        before, origins = tag_now(job, place, wanted)
        if before != image_id:
            with changing(job, change_of(job, wanted, before, image_id, origins=origins)):
                engine.tag(source, wanted)
            job.tell(*((NoteKind.TAG_MOVED, before) if before else (NoteKind.TAGGED, reference.familiar)))


def _images(engine: Engine) -> tuple[list[str], list[Reference]]:
    """The ids of the images that *engine* has before the pull, so that the pulled image does not count as present.

    Also the passing names that it has, which other programs use or have left.
    """
    try:
        images = engine.images(passing=True)
    except LongshoreError as error:
        _log.info("no images to compare with: %s", error)
        return [], []  # the pull reports the error better
    names = [image.reference for image in images if image.reference and is_passing(image.reference)]
    return list(dict.fromkeys(image.image_id for image in images)), names


def _leaves_name(engine: Engine, reference: Reference) -> bool:
    """Whether a pull of *reference*, a digest, leaves a name that keeps the image when its tags are removed.

    Podman makes such names. False if the user has an image under that name already.
    """
    try:
        return engine.probe().store is ImageStore.PODMAN and all(
            image.reference != reference for image in engine.images()
        )
    except LongshoreError as error:
        _log.info("no names to compare with: %s", error)
        return False  # the pull reports the error better


def _drop_name(engine: Engine, reference: Reference) -> None:
    """Remove the name by digest of an image that has a tag now."""
    try:
        engine.remove(str(reference))
    except LongshoreError as error:
        _log.info("%s keeps its name by digest: %s", reference, error)


def library_helps(error: LongshoreError, moved: int) -> bool:
    """Whether the library may succeed after the engine failed with *error* after *moved* bytes.

    True if data was lost on the way, or if the engine cannot take what the library stores unchanged, such as a Helm
    chart; False if the pull was refused or the registry was never reached.
    """
    if isinstance(error, RegistryUnreachable):
        return moved > 0  # otherwise nothing responded, so the library would not get one either
    return isinstance(error, DigestMismatch | InvalidManifest | RegistryFailure | EngineFailure | EngineLost)


def carries(digest: str, image_id: str, repo_digests: tuple[str, ...]) -> bool:
    """Whether a local image has *digest*: as its id (containerd's store) or as a digest it was pulled by."""
    return image_id == digest or any(named.rpartition("@")[2] == digest for named in repo_digests)


def _ends(request: TransferRequest) -> tuple[Reference, RegistryPlace, EnginePlace]:
    source, destination = request.source, request.destination
    if source.reference is None:
        raise ValueError("a pull needs a reference")
    if not isinstance(source.place, RegistryPlace) or not isinstance(destination.place, EnginePlace):
        raise ValueError("a pull goes from a registry to an engine")
    return source.reference.with_default_tag(), source.place, destination.place
