"""Reads two images to compare them, wherever they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longshore.application.comparing.comparison import compare, compare_packages
from longshore.application.comparing.values import ComparedPackages, Comparison, Side
from longshore.application.inspection.content import counts_as_pull
from longshore.application.inspection.inspecting import inspect
from longshore.errors import InvalidContent, InvalidInput, NotInLibrary, NotInRegistry
from longshore.side_by_side import ask_all
from longshore.text import plain

if TYPE_CHECKING:
    from longshore.application.attached.finding import Attachment
    from longshore.application.attached.reading import Said
    from longshore.application.attached.sboms import Package
    from longshore.application.clients import Clients
    from longshore.application.inspection.values import Inspected
    from longshore.cancellation import Cancellation
    from longshore.oci.platform import Platform
    from longshore.transfers.transfer import Endpoint


def read(
    left: Endpoint,
    right: Endpoint,
    clients: Clients,
    cancellation: Cancellation,
    platform: Platform | None = None,
) -> Comparison:
    """Compare the images at *left* and *right*, of an index those of *platform*; see ``inspecting.inspect`` for the
    requests. Both are read side by side. Blocks; raises the first error."""

    def look(end: Endpoint, part: Cancellation) -> Inspected:
        return inspect(end, clients, part, platform, sizes=False)

    one, other = ask_all(look, [left, right], cancellation)
    counted = any(counts_as_pull(end, clients) for end in (left, right))
    return compare(one, other, counted=counted)


def read_packages(compared: Comparison, clients: Clients, cancellation: Cancellation) -> ComparedPackages:
    """Compare the packages that the attached SBOMs of both images name. Blocks: each SBOM is read.

    Raises InvalidContent if one cannot be read: its packages would seem to be missing.
    """
    found = [
        _packages(side.end, clients, cancellation, side.platform) for side in (compared.left, compared.right)
    ]
    left, right = found
    if left is None or right is None:
        missing = Side.BOTH if left is right else Side.LEFT if left is None else Side.RIGHT
        return ComparedPackages(missing=missing)
    return ComparedPackages(compare_packages(left, right))


def _packages(
    end: Endpoint, clients: Clients, cancellation: Cancellation, platform: Platform | None
) -> list[Package] | None:
    """All packages that SBOMs of the image at *end* name; None without an SBOM."""
    from longshore.application.attached import reading
    from longshore.application.attached.finding import find
    from longshore.application.attached.kinds import Kind

    try:
        attached = find(end, clients, cancellation, platform)
    except (InvalidInput, NotInRegistry, NotInLibrary):
        return None  # an engine's image that was never in a registry, or is gone from it
    rows: list[tuple[Attachment, Said]] = []
    reading.read_all(attached, clients, cancellation, lambda *row: rows.append(row))
    for one, said in rows:
        if said.problem is not None and said.kind not in (Kind.PROVENANCE, Kind.SCAN):
            raise said.problem
        if said.kind is Kind.SBOM and said.sbom is None:
            raise InvalidContent(
                "This form of SBOM is not read here.", subject=one.digest, detail=plain(one.media_type, 100)
            )
    sboms = [said.sbom for _, said in rows if said.sbom is not None]
    return [package for sbom in sboms for package in sbom.packages] if sboms else None
