"""Selects the platforms of an image to copy. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import sha256_of
from longshore.oci.manifest import Index
from longshore.oci.platform import Platform
from longshore.transfers.errors import no_platform


def wanted_platforms(options: Sequence[tuple[str, str]]) -> tuple[Platform, ...]:
    """The platforms that the options of a request name; none means all. Raises InvalidInput."""
    named = dict(options).get("platforms", "")
    return tuple(Platform.parse(name) for name in named.split(",") if name.strip())


def one_platform(index: Index, platform: Platform, subject: str) -> Descriptor:
    """The image of *index* for *platform*. Raises InvalidManifest if there is none."""
    child = index.select(platform)
    if child is None:
        raise no_platform([platform], index.platforms, subject)
    return child


def chosen(index: Index, platforms: Sequence[Platform], subject: str) -> Index:
    """*index* with only the images of *platforms* and their attestations; *index* itself if it has no others.

    Everything else is as in the original, including annotations and unknown fields; the digest necessarily differs.
    Raises InvalidManifest for a platform without an image.
    """
    missing = [
        wanted
        for wanted in platforms
        if not any(child.platform is not None and wanted.matches(child.platform) for child in index.images)
    ]
    if missing:
        raise no_platform(missing, index.platforms, subject)
    kept = {
        child.digest
        for child in index.images
        if child.platform is not None and any(wanted.matches(child.platform) for wanted in platforms)
    }
    stays = [
        child.attested in kept if child.is_attestation else child.digest in kept for child in index.manifests
    ]
    return _only(index, stays)


def without(index: Index, gone: Collection[str]) -> Index:
    """*index* without the children with the digests *gone*; everything else is as in the original."""
    return _only(index, [child.digest not in gone for child in index.manifests])


def _only(index: Index, stays: Sequence[bool]) -> Index:
    if all(stays):
        return index
    document = json.loads(index.raw)
    entries = zip(document["manifests"], stays, strict=True)
    document["manifests"] = [entry for entry, stay in entries if stay]
    raw = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    return Index(
        index.media_type,
        tuple(child for child, stay in zip(index.manifests, stays, strict=True) if stay),
        raw,
        sha256_of(raw),
        index.annotations,
        index.subject,
        index.artifact_type,
    )
