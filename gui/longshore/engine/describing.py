"""All that an engine reports about one image: its document, its history and the sizes of its layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from longshore.engine.documents import read_document, read_history
from longshore.engine.layer_sizes import layers_of, steps_with_layers
from longshore.engine.model import ImageAttestation, ImageDescription
from longshore.engine.parsing import from_seconds, image_details
from longshore.oci.foreign_json import CONFIG, parse_json
from longshore.oci.image_config import HistoryEntry, run_config

if TYPE_CHECKING:
    from longshore.engine.client import Client

Json = Mapping[str, Any]

#: Bytes of the largest document about an image, and of the largest history.
LARGEST = 8 << 20
#: Most steps of a history.
_MOST_STEPS = 2_000


def describe(client: Client, name: str) -> ImageDescription:
    """The image *name* in two short requests. Raises StatusError, and ValueError for invalid responses."""
    # An engine that does not keep indexes ignores the query.
    raw = read_document(client, "/images/{0}/json", name, limit=LARGEST, manifests="1")
    document = parse_json(raw, CONFIG)
    if not isinstance(document, dict):
        raise ValueError("the response about an image is not a JSON object")
    listed = read_history(client, name, limit=LARGEST)
    steps = [step for step in listed or () if isinstance(step, Mapping)]
    details = image_details(document)
    config = document.get("Config") or document.get("ContainerConfig")
    manifests = document.get("Manifests")
    return ImageDescription(
        details,
        run_config(config if isinstance(config, Mapping) else {}),
        raw,
        tuple(_history(steps[:_MOST_STEPS], len(details.diff_ids))),
        () if listed is None else tuple(layer.size for layer in layers_of(document, steps[:_MOST_STEPS])),
        _size_on_disk(manifests),
        tuple(_attestations(manifests)),
    )


def _history(steps: Sequence[Json], layers: int) -> list[HistoryEntry]:
    """The steps in the order in which they were made. If the engine's sizes do not tell which made layers, none did."""
    made = steps_with_layers(steps, layers) or [False] * len(steps)
    return [
        HistoryEntry(
            created=from_seconds(step.get("Created")),
            created_by=_text(step.get("CreatedBy")),
            comment=_text(step.get("Comment")),
            empty_layer=not layer,
        )
        for step, layer in zip(reversed(steps), made, strict=True)
    ]


def _size_on_disk(manifests: object) -> int | None:
    """The compressed and unpacked content of all platforms that are present (API 1.48, ``Size.Total``)."""
    sizes = [_whole(_part(each, "Size").get("Total")) for each in _objects(manifests)]
    return sum(sizes) if any(sizes) else None


def _attestations(manifests: object) -> list[ImageAttestation]:
    return [
        ImageAttestation(
            _text(each.get("ID")),
            _text(_part(each, "AttestationData").get("For")),
            _whole(_part(each, "Size").get("Content")),
        )
        for each in _objects(manifests)
        if each.get("Kind") == "attestation"
    ]


def _objects(value: object) -> list[Json]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _part(value: Json, name: str) -> Json:
    found = value.get(name)
    return found if isinstance(found, Mapping) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63 else 0
