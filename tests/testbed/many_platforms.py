"""An index as BuildKit makes it: several platforms, each with a history and an attestation."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from testbed.layers import make_layer
from testbed.remote_images import RegistryWriter, descriptor, digest_of, document

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
STATEMENT = "application/vnd.in-toto+json"
SPDX = "https://spdx.dev/Document"
SLSA = "https://slsa.dev/provenance/v1"

WHEN = "2026-03-04T05:06:07Z"
#: The steps that `seed_index` writes into the history, and the bytes of those that make a layer.
STEPS = (
    ("ADD rootfs.tar.xz / # buildkit", 40_000),
    ('CMD ["bash"]', 0),
    ("RUN |1 NPM_TOKEN=t0ps3cret /bin/sh -c make install # buildkit", 90_000),
    ("ENV LANG=C.UTF-8", 0),
    ("COPY /app /srv/app # buildkit", 20_000),
)


@dataclass(frozen=True, slots=True)
class SeededPlatform:
    """One image of the index."""

    name: str
    digest: str
    config_digest: str
    layers: tuple[tuple[str, int], ...]
    diff_ids: tuple[str, ...]
    attestation: str


@dataclass(frozen=True, slots=True)
class SeededIndex:
    """The index, and its images in its order."""

    digest: str
    images: tuple[SeededPlatform, ...]


def seed_index(
    address: str,
    repository: str,
    tag: str,
    platforms: Sequence[str] = ("linux/amd64", "linux/arm64", "linux/s390x"),
    *,
    attested: bool = True,
) -> SeededIndex:
    """Put an index of *platforms* under *tag*. Equal arguments make equal digests."""
    with closing(RegistryWriter(address)) as writer:
        found = [_put(writer, repository, platform, attested) for platform in platforms]
        rows = [row for _, rows in found for row in rows if "annotations" not in row]
        rows += [row for _, rows in found for row in rows if "annotations" in row]
        index = document({"schemaVersion": 2, "mediaType": INDEX, "manifests": rows})
        writer.put_manifest(repository, tag, index, INDEX)
    return SeededIndex(digest_of(index), tuple(image for image, _ in found))


def _put(
    writer: RegistryWriter, repository: str, platform: str, attested: bool
) -> tuple[SeededPlatform, list[dict[str, object]]]:
    system, processor = platform.split("/", 1)
    layers, diff_ids = [], []
    for number, (_, size) in enumerate(STEPS):
        if not size:
            continue
        layer = make_layer(size, f"{repository}/{platform}/{number}")
        with closing(layer):
            writer.put_layer(repository, layer)
            layers.append((layer.digest, layer.size))
            diff_ids.append(layer.diff_id)
    config = document(
        {
            "created": WHEN,
            "os": system,
            "architecture": processor,
            "config": {
                "Cmd": ["/nothing"],
                "Env": ["LANG=C.UTF-8", "DB_PASSWORD=hunter22"],
                "StopSignal": "SIGINT",
                "Healthcheck": {"Test": ["CMD-SHELL", "curl -f localhost"], "Interval": 30_000_000_000},
                "Labels": {"org.opencontainers.image.base.name": "docker.io/library/debian:12-slim"},
            },
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": [
                {"created": WHEN, "created_by": line, **({} if size else {"empty_layer": True})}
                for line, size in STEPS
            ],
        }
    )
    config_digest = writer.put_blob(repository, config)
    manifest = document(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor(CONFIG, config_digest, len(config)),
            "layers": [descriptor(LAYER, digest, size) for digest, size in layers],
        }
    )
    digest = writer.put_manifest(repository, digest_of(manifest), manifest, MANIFEST)
    named = {"platform": {"os": system, "architecture": processor}}
    rows: list[dict[str, object]] = [descriptor(MANIFEST, digest, len(manifest)) | named]
    attestation = ""
    if attested:
        statement = _attestation(writer, repository, digest)
        attestation = writer.put_manifest(repository, digest_of(statement), statement, MANIFEST)
        marks = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": digest}
        unknown = {"os": "unknown", "architecture": "unknown"}
        row = descriptor(MANIFEST, attestation, len(statement))
        rows.append(row | {"annotations": marks, "platform": unknown})
    image = SeededPlatform(platform, digest, config_digest, tuple(layers), tuple(diff_ids), attestation)
    return image, rows


def _attestation(writer: RegistryWriter, repository: str, subject: str) -> bytes:
    """The manifest of an attestation (buildkit, docs/attestations/attestation-storage.md)."""
    rows = []
    for kind in (SPDX, SLSA):
        statement = document({"predicateType": kind, "subject": [{"digest": subject}], "predicate": {}})
        row = descriptor(STATEMENT, writer.put_blob(repository, statement), len(statement))
        rows.append(row | {"annotations": {"in-toto.io/predicate-type": kind}})
    diff_ids = [str(row["digest"]) for row in rows]
    config = document(
        {
            "os": "unknown",
            "architecture": "unknown",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        }
    )
    return document(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor(CONFIG, writer.put_blob(repository, config), len(config)),
            "layers": rows,
        }
    )
