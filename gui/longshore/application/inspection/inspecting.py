"""Reads all that is known about one image, wherever it is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from longshore.application.inspection.content import Inspection
from longshore.application.inspection.history import steps_of
from longshore.application.inspection.settings import settings_of
from longshore.application.inspection.values import Document, DocumentKind, Inspected, Layer
from longshore.errors import DigestMismatch, InvalidContent, InvalidInput, NotInLibrary, NotInRegistry
from longshore.oci.image_config import ImageConfig
from longshore.oci.manifest import Index, Manifest, parse_manifest, type_of_artifact
from longshore.transfers.transfer import EnginePlace

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.cancellation import Cancellation
    from longshore.oci.platform import Platform
    from longshore.transfers.transfer import Endpoint


def inspect(
    end: Endpoint,
    clients: Clients,
    cancellation: Cancellation,
    platform: Platform | None = None,
    *,
    sizes: bool = True,
) -> Inspected:
    """Return all that is known about the image at *end*. Blocks.

    From a registry: one request for an index, one for the manifest, one for the configuration, and if *sizes*, one per
    platform and attestation of the index. Docker Hub counts the first two as pulls (``content.counts_as_pull``).

    Raises LongshoreError: NotInRegistry and the like, InvalidInput without such a platform.
    """
    if isinstance(end.place, EnginePlace):
        from longshore.application.inspection.engine_images import inspect_engine

        return inspect_engine(end, end.place, clients, platform)
    with Inspection(end, clients, cancellation, platform) as inspection:
        top = inspection.top()
        found = Inspected(
            end,
            digest=top.digest,
            media_type=top.media_type,
            artifact_type=type_of_artifact(top),
            annotations=tuple(sorted(top.annotations.items())),
            documents=(_document(top),),
        )
        if isinstance(top, Index):
            found = replace(
                found, platforms=inspection.platforms(top), attestations=inspection.attestations(top)
            )
            if not top.images:
                return found
        image = inspection.image(top)
        found = _with_image(found, image, _config_bytes(inspection, image))
        if sizes and isinstance(top, Index):
            platforms, attestations = inspection.sizes(top, image)
            found = replace(found, platforms=platforms, attestations=attestations)
        return found


def with_sizes(found: Inspected, clients: Clients, cancellation: Cancellation) -> Inspected:
    """*found*, which was read without sizes, with those of its platforms and attestations. Blocks.

    Unchanged if it has them, for a single image, for an engine, and on Docker Hub, which counts each of the requests as
    a pull.
    """
    document = found.document(DocumentKind.INDEX)
    sizes = [*(one.size for one in found.platforms), *(one.size for one in found.attestations)]
    if document is None or None not in sizes:
        return found
    top = parse_manifest(document.raw, document.media_type)
    assert isinstance(top, Index)
    with Inspection(found.end, clients, cancellation) as inspection:
        platforms, attestations = inspection.sizes(top)
    return replace(found, platforms=platforms, attestations=attestations)


def _with_image(found: Inspected, image: Manifest, raw: bytes | None) -> Inspected:
    """*found* with what manifest and configuration say."""
    config = _config(raw)
    steps, fits = steps_of(config.history, len(image.layers))
    diff_ids = config.diff_ids if len(config.diff_ids) == len(image.layers) else ("",) * len(image.layers)
    documents = found.documents
    if image.digest != found.digest:
        documents = (*documents, _document(image))
    if raw is not None:
        kind = image.config.media_type
        documents = (*documents, Document(DocumentKind.CONFIG, image.config.digest, kind, raw))
    return replace(
        found,
        manifest_digest=image.digest,
        config_digest=image.config.digest,
        platform=config.platform,
        size_compressed=image.compressed_size,
        created=config.created,
        author=config.author,
        run=config.run,
        labels=tuple(sorted(config.labels.items())),
        layers=tuple(
            Layer(one.digest, one.size, one.media_type, diff_id)
            for one, diff_id in zip(image.layers, diff_ids, strict=True)
        ),
        steps=steps,
        history_fits=fits,
        settings=settings_of(raw or b"{}"),
        documents=documents,
    )


def _document(found: Manifest | Index) -> Document:
    kind = DocumentKind.INDEX if isinstance(found, Index) else DocumentKind.MANIFEST
    return Document(kind, found.digest, found.media_type, found.raw)


def _config_bytes(inspection: Inspection, image: Manifest) -> bytes | None:
    """The configuration, None if it is not there or too large to be shown."""
    try:
        return inspection.config(image)
    except DigestMismatch:
        raise
    except (NotInRegistry, NotInLibrary, InvalidContent, InvalidInput):
        return None


def _config(raw: bytes | None) -> ImageConfig:
    """The configuration in *raw*; empty for an artifact, whose configuration may be anything."""
    try:
        return ImageConfig() if raw is None else ImageConfig.from_bytes(raw)
    except InvalidContent:
        return ImageConfig()
