"""Plans pulls and pushes, as far as their work can be known beforehand.

Nothing here may fail a transfer: the engine may be able to read what we cannot (other credentials, its own
certificates, a mirror). Every function raises LongshoreError or Cancelled, and the caller then continues without a
plan.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import ImageUnknown, InvalidManifest, LongshoreError
from longshore.oci.manifest import Index, Manifest
from longshore.side_by_side import ask_all
from longshore.transfers.errors import no_platform
from longshore.transfers.progress.meter import PlannedLayer
from longshore.transfers.transfer import Plan
from longshore.transfers.ways.deadline import within

if TYPE_CHECKING:
    from longshore.engine.engine import Engine
    from longshore.oci.platform import Platform
    from longshore.registry.client import RegistryClient
    from longshore.transfers.ways.way import Job

_log = logging.getLogger(__name__)

#: Seconds that a plan may take; after that the transfer has none.
PLAN_SECONDS = 8.0
#: Seconds that a plan still gets when the transfer is done: it says what was present before.
LATE_SECONDS = 2.0
#: Seconds to wait for the planning thread once the plan is not needed: a call to a hung engine cannot be interrupted.
LEAVE_SECONDS = 0.5
#: The number of images whose layers are remembered: an id's layers never change.
REMEMBERED = 2000


T = TypeVar("T")

#: What a name points to, and the manifest for one platform.
Manifests = tuple["Manifest | Index", Manifest]


def or_none(what: str, cancellation: Cancellation, make: Callable[[Cancellation], T | None]) -> T | None:
    """The plan that *make* returns in time, otherwise None. Raises only Cancelled, if *cancellation* was cancelled."""
    try:
        with within(cancellation, PLAN_SECONDS) as bounded:
            return make(bounded)
    except Cancelled:
        cancellation.raise_if_cancelled()
        _log.info("no plan for %s: it took too long", what)
    except LongshoreError as error:
        _log.info("no plan for %s: %s %s", what, error, error.detail)
    except Exception:
        _log.exception("no plan for %s", what)
    return None


@dataclass(frozen=True, slots=True)
class Prospect:
    """The layers that will move, and the resulting plan; *whole* as in Progress.expect."""

    layers: Sequence[PlannedLayer]
    plan: Plan
    whole: int | None = None


class Beside:
    """Makes a plan while the engine already works, and reports it to the job's progress and to ``job.planned``.

    The bar waits for the plan, and so never falls. A context manager, used by the job's thread; no plan is reported
    after it exits.
    """

    def __init__(self, what: str, job: Job, make: Callable[[Cancellation], Prospect]) -> None:
        self._what = what
        self._job = job
        self._make = make
        self._lock = threading.Lock()
        self._told = False
        self._ended = threading.Event()
        self._cancellation = Cancellation()
        self._thread = threading.Thread(target=self._run, name="transfers-plan-beside", daemon=True)

    def __enter__(self) -> Beside:
        self._job.progress.await_plan()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cancellation.cancel()
        self._thread.join(LEAVE_SECONDS)
        self._tell(None)

    def wait(self) -> None:
        """Give the plan a moment more after the transfer is done. Raises Cancelled."""
        with self._job.cancellation.waking(self._ended.set):
            self._ended.wait(LATE_SECONDS)
        self._job.cancellation.raise_if_cancelled()

    def _run(self) -> None:
        try:
            self._tell(or_none(self._what, self._cancellation, self._make))
        except Cancelled:
            pass
        finally:
            self._ended.set()

    def _tell(self, found: Prospect | None) -> None:
        with self._lock:
            if self._told:
                return
            self._told = True
            if found is None:
                self._job.progress.no_plan()
                self._job.planned(None)
                return
            moved = self._job.progress.expect(found.layers, whole=found.whole)
            plan = found.plan
            if moved:
                layers = [
                    replace(layer, here=False) if layer.digest in moved else layer for layer in found.layers
                ]
                plan = plan_of(layers, estimated=plan.estimated, digest=plan.digest)
            self._job.planned(plan)


def image_manifest(
    client: RegistryClient, repository: str, name: str, platform: Platform, cancellation: Cancellation
) -> tuple[str, Manifest]:
    """The digest that *name* (tag or digest) points to, and the manifest that an engine of *platform* takes."""
    top, found = image_manifests(client, repository, name, platform, cancellation)
    return top.digest, found


def image_manifests(
    client: RegistryClient, repository: str, name: str, platform: Platform, cancellation: Cancellation
) -> Manifests:
    """What *name* (tag or digest) points to, and the manifest that an engine of *platform* takes."""
    top = found = client.manifest(repository, name, cancellation=cancellation)
    if isinstance(found, Index):
        child = found.select(platform)
        if child is None:
            raise no_platform([platform], found.platforms, f"{repository}:{name}")
        found = client.manifest(repository, child.digest, cancellation=cancellation)
        if isinstance(found, Index):
            raise InvalidManifest(
                "The image's indexes are nested too deeply.", subject=f"{repository}:{name}"
            )
    return top, found


class LayerMemory:
    """The diffIDs of local images, remembered by engine and image id. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, str], tuple[str, ...]] = OrderedDict()

    def longest_prefix(
        self, engine: Engine, diff_ids: Sequence[str], image_ids: Iterable[str], cancellation: Cancellation
    ) -> int:
        """The number of leading *diff_ids* that some image of *image_ids* begins with.

        Engines reuse only a common beginning: a layer's place on disk depends on the layers below it.
        """
        longest = 0
        for image_id in image_ids:
            cancellation.raise_if_cancelled()
            same = 0
            for ours, theirs in zip(diff_ids, self._layers(engine, image_id), strict=False):
                if ours != theirs:
                    break
                same += 1
            longest = max(longest, same)
            if longest == len(diff_ids):
                break
        return longest

    def _layers(self, engine: Engine, image_id: str) -> tuple[str, ...]:
        key = (engine.address.url, image_id)
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                self._known.move_to_end(key)
                return known
        try:
            layers = engine.image(image_id).diff_ids
        except ImageUnknown:
            return ()  # removed meanwhile
        with self._lock:
            self._known[key] = layers
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return layers


def layers_of(manifest: Manifest, diff_ids: Sequence[str]) -> list[PlannedLayer]:
    """The layers of *manifest*, with their diffIDs if the two lists have equal length."""
    known = diff_ids if len(diff_ids) == len(manifest.layers) else [""] * len(manifest.layers)
    return [
        PlannedLayer(layer.digest, layer.size, diff_id)
        for layer, diff_id in zip(manifest.layers, known, strict=True)
    ]


def plan_of(layers: Sequence[PlannedLayer], *, estimated: bool, digest: str = "") -> Plan:
    """The sums over *layers*, each content counted once."""
    once = {layer.digest: layer for layer in layers}.values()
    here = [layer for layer in once if layer.here]
    return Plan(
        layers=len(once),
        total_bytes=sum(layer.size or 0 for layer in once),
        here_layers=len(here),
        here_bytes=sum(layer.size or 0 for layer in here),
        estimated=estimated,
        digest=digest,
    )


def present_blobs(
    client: RegistryClient, repository: str, digests: Iterable[str], cancellation: Cancellation
) -> set[str]:
    """The *digests* that *repository* already has."""
    asked = list(dict.fromkeys(digests))

    def has(digest: str, part: Cancellation) -> bool:
        return client.blob_size(repository, digest, cancellation=part) is not None

    there = ask_all(has, asked, cancellation)
    return {digest for digest, found in zip(asked, there, strict=True) if found}
