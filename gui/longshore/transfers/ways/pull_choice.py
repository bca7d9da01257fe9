"""Decides which way a pull takes: whether Longshore fetches the layers, or the engine itself."""

from __future__ import annotations

import contextlib
import logging
import math
import shutil
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError
from longshore.oci.descriptor import Descriptor
from longshore.oci.manifest import Index, Manifest
from longshore.transfers.hand_over import LOCAL
from longshore.transfers.progress.meter import PlannedLayer
from longshore.transfers.transfer import NATIVE, NoteKind, WayReason
from longshore.transfers.ways import planning

if TYPE_CHECKING:
    from pathlib import Path

    from longshore.engine.engine import Engine
    from longshore.library.library import Library
    from longshore.oci.platform import Platform
    from longshore.oci.reference import Reference
    from longshore.registry.client import RegistryClient
    from longshore.transfers.hand_over import HandOver
    from longshore.transfers.ways.rule import Rule
    from longshore.transfers.ways.way import Job

_log = logging.getLogger(__name__)

#: The share of the missing bytes to read for measuring the speed of one connection, and its bounds in bytes.
_SAMPLE, _LEAST_SAMPLE, _MOST_SAMPLE = 0.01, 256 * 1024, 2 << 20
#: The disk must have room for this multiple of the missing bytes: the engine may unpack them on the same disk.
_ROOM = 1.2


@dataclass(frozen=True, slots=True)
class Found:
    """The image as its registry has it. *top*: what the name points to; *image*: for the engine's platform.

    *layers*: in order, with those that the engine has marked; *missing*: the blobs of the others. *reason*: why
    Longshore fetches it. *sample*: a missing blob and its first bytes, which were fetched to measure the speed.
    """

    top: Manifest | Index
    image: Manifest
    layers: tuple[PlannedLayer, ...]
    missing: tuple[Descriptor, ...]
    reason: WayReason = WayReason.LARGE
    sample: tuple[Descriptor, bytes] | None = None

    @property
    def prospect(self) -> planning.Prospect:
        """The plan."""
        estimated = any(layer.here for layer in self.layers)
        return planning.Prospect(
            self.layers, planning.plan_of(self.layers, estimated=estimated, digest=self.top.digest)
        )


class Choice:
    """Decides for one pull. Belongs to the job's thread; asks registry, engine and disk."""

    def __init__(
        self,
        job: Job,
        shared: HandOver,
        rule: Rule,
        reference: Reference,
        engine: Engine,
        memory: planning.LayerMemory,
    ) -> None:
        self._job = job
        self._shared = shared
        self._rule = rule
        self._reference = reference
        self._engine = engine
        self._memory = memory
        self._client: RegistryClient = job.clients.registry(reference.domain)
        self._folder = shared.library
        #: What the name points to and the image for the engine's platform, once they were read.
        self.read: planning.Manifests | None = None
        self._sample: tuple[Descriptor, bytes] | None = None

    def make(self, before: Sequence[str]) -> Found | None:
        """What to fetch, or None if the engine pulls by itself, with a note if the reason is not the usual one.

        *before*: ids of the images that the engine has. Raises Cancelled.
        """
        if dict(self._job.request.options).get(NATIVE) == "1" or self._shared.native:
            self._native(WayReason.ASKED)
            return None
        found = planning.or_none(
            f"the way of {self._reference}", self._job.cancellation, lambda part: self._find(before, part)
        )
        if found is None:
            return None
        arrived = self._arrived(found.missing)
        reason = self._against(sum(blob.size for blob in found.missing) - arrived)
        if reason is not None:
            self._native(reason)
            return None
        if self._several():
            return replace(found, reason=WayReason.SEVERAL)
        if arrived:
            return replace(found, reason=WayReason.UNFINISHED)
        return None if self._speed(found.missing) >= self._rule.fast else replace(found, sample=self._sample)

    def _native(self, reason: WayReason) -> None:
        self._job.tell(NoteKind.PULLED_NATIVELY, reason.value)

    def _find(self, before: Sequence[str], cancellation: Cancellation) -> Found | None:
        """The image; None if too little of it is missing."""
        reference, client = self._reference, self._client
        name = reference.digest or reference.tag or ""
        platform: Platform = self._job.request.platform or self._engine.probe().platform
        self.read = top, image = planning.image_manifests(
            client, reference.path, name, platform, cancellation
        )
        if sum(layer.size for layer in image.layers) < self._rule.least:
            return None
        diff_ids = client.config(reference.path, image, cancellation=cancellation).diff_ids
        layers = planning.layers_of(image, diff_ids)
        if len(diff_ids) == len(layers):
            here = self._memory.longest_prefix(self._engine, diff_ids, before, cancellation)
            layers = [
                PlannedLayer(layer.digest, layer.size, layer.diff_id, here=number < here)
                for number, layer in enumerate(layers)
            ]
        absent = {layer.digest for layer in layers if not layer.here}
        missing = {layer.digest: layer for layer in image.layers if layer.digest in absent}
        size = sum(layer.size for layer in missing.values())
        if not missing or (size < self._rule.least and not self._arrived(missing.values())):
            return None
        return Found(top, image, tuple(layers), tuple(missing.values()))

    def _arrived(self, blobs: Iterable[Descriptor]) -> int:
        """Bytes of *blobs* that the library has, whether or not they are whole."""
        if not self._folder.is_dir():
            return 0  # the library's room is not even imported
        with contextlib.suppress(LongshoreError):
            library: Library = self._job.clients.library(self._folder)
            return sum(library.arrived(blob.digest) for blob in blobs)
        return 0

    def _several(self) -> bool:
        """Whether other engines have got the image from Longshore and left it for this one, or can get it, too."""
        others = self._job.beside().values()
        return self._shared.kept.waits(self._job.id) or any(map(self._shared.reaches, others))

    def _against(self, size: int) -> WayReason | None:
        """Why the engine must pull by itself, if it must."""
        address = self._engine.address
        if address.scheme not in LOCAL:
            return WayReason.REMOTE
        if self._shared.is_deaf(address):
            return WayReason.UNREACHABLE
        if size * _ROOM > free_bytes(self._folder):
            return WayReason.NO_ROOM
        return None

    def _speed(self, missing: Sequence[Descriptor]) -> float:
        """Bytes per second that one connection to the registry brings; 0 if it can't be measured or does not matter."""
        if self._rule.fast == math.inf:
            return 0.0
        host = self._reference.domain
        known = self._shared.speed(host)
        if known is not None:
            return known
        largest = max(missing, key=lambda blob: blob.size)
        with contextlib.suppress(LongshoreError):
            sample = int(_SAMPLE * sum(blob.size for blob in missing))
            speed = self._measured(largest, max(_LEAST_SAMPLE, min(sample, _MOST_SAMPLE)))
            self._shared.learn_speed(host, speed)
            return speed
        return 0.0

    def _measured(self, blob: Descriptor, sample: int) -> float:
        """The speed at which the first *sample* bytes of *blob* arrive, without the time until the first of them."""
        taken, begun = 0, None
        kept = []
        with self._client.read_blob(
            self._reference.path, blob.digest, end=min(sample, blob.size), cancellation=self._job.cancellation
        ) as pieces:
            for piece in pieces:
                kept.append(piece)
                if begun is None:
                    begun = time.monotonic()
                    continue
                taken += len(piece)
        self._sample = blob, b"".join(kept)
        passed = 0.0 if begun is None else time.monotonic() - begun
        return taken / passed if passed > 0 else 0.0


def free_bytes(folder: Path) -> int:
    """Bytes that are free on the disk of *folder*, which may not exist yet."""
    for place in (folder, *folder.parents):
        with contextlib.suppress(OSError):
            return shutil.disk_usage(place).free
    return 0
