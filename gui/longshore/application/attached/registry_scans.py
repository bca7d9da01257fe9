"""The results of scans that a registry has by itself: Harbor, Quay, Amazon ECR."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from longshore.application.attached import ecr_scans
from longshore.errors import NotInRegistry
from longshore.oci.scan_result import ScanResult
from longshore.registry.kinds import KINDS
from longshore.transfers.transfer import RegistryPlace

if TYPE_CHECKING:
    from longshore.application.attached.finding import Found
    from longshore.application.clients import Clients
    from longshore.cancellation import Cancellation

#: Most images of an index about which the registry is asked.
_MOST_ASKED = 3


@dataclass(frozen=True, slots=True)
class RegistryScan:
    """The result of the registry's own scan. *by*: the name of the registry's make. *digest*: of what was scanned."""

    by: str
    digest: str
    result: ScanResult


def registry_scan(
    found: Found, clients: Clients, cancellation: Cancellation, environ: Mapping[str, str] = os.environ
) -> RegistryScan | None:
    """What the registry's own scanner found in the image of *found*; None if it has no scanner or no result. Blocks.

    For an index that was not scanned as a whole, the result of its first image that was. Raises RegistryError,
    ScanFailed, Cancelled.
    """
    place, image = found.end.place, found.end.reference
    if not isinstance(place, RegistryPlace) or image is None:
        return None
    lister = clients.lister(place.host)
    for digest in found.images[:_MOST_ASKED]:
        try:
            result = lister.scan_result(image.path, digest, cancellation=cancellation)
        except NotInRegistry:
            continue
        if result is None and lister.kind == "ecr":
            result = ecr_scans.scan_result(image, digest, environ, cancellation)
        if result is not None:
            return RegistryScan(KINDS.get(lister.kind, lister.kind), digest, result)
        if lister.kind not in ("harbor", "quay", "ecr"):
            return None
    return None
