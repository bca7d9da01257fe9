"""Attaches documents to images in a registry, with plain bytes: as cosign, BuildKit, ORAS and Helm store them.

Sources: cosign specs/SIGNATURE_SPEC.md and ATTESTATION_SPEC.md; BuildKit docs/attestations/attestation-storage.md;
OCI image-spec manifest.md, "Guidelines for Artifact Usage"; Helm's HIP-0006.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from testbed.remote_images import MEDIA_TYPES, Platform, digest_of

MANIFEST = MEDIA_TYPES["oci"]["manifest"]
INDEX = MEDIA_TYPES["oci"]["index"]
CONFIG = MEDIA_TYPES["oci"]["config"]
EMPTY = "application/vnd.oci.empty.v1+json"
IN_TOTO = "application/vnd.in-toto+json"
DSSE = "application/vnd.dsse.envelope.v1+json"
SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
SPDX = "https://spdx.dev/Document"
SLSA_02 = "https://slsa.dev/provenance/v0.2"
SLSA_1 = "https://slsa.dev/provenance/v1"
Document = dict[str, Any]


class Writer(Protocol):
    """Stores blobs and manifests; `testbed.remote_images.RegistryWriter` is one."""

    def put_blob(self, repository: str, data: bytes) -> str: ...

    def put_manifest(self, repository: str, reference: str, data: bytes, media_type: str) -> str: ...


def dumped(document: Document) -> bytes:
    return json.dumps(document).encode()


def part(
    writer: Writer,
    repository: str,
    data: bytes,
    media_type: str,
    annotations: Mapping[str, str] | None = None,
) -> Document:
    """Store a blob and return its descriptor."""
    found: Document = {
        "mediaType": media_type,
        "digest": writer.put_blob(repository, data),
        "size": len(data),
    }
    return found | ({"annotations": dict(annotations)} if annotations else {})


def manifest(writer: Writer, repository: str, layers: Sequence[Document], **more: Any) -> Document:
    """An OCI manifest of *layers*. *more*: further fields; ``config`` is otherwise the empty object."""
    config = more.pop("config", None) or part(writer, repository, b"{}", EMPTY)
    return {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": list(layers), **more}


def put(writer: Writer, repository: str, document: Document, name: str = "") -> str:
    """Store a manifest under *name* or its digest; returns its digest."""
    raw = dumped(document)
    return writer.put_manifest(repository, name or digest_of(raw), raw, document["mediaType"])


def tag_beside(digest: str, ending: str = "") -> str:
    return digest.replace(":", "-") + ending


def put_tagged(
    writer: Writer,
    repository: str,
    digest: str,
    ending: str,
    documents: Sequence[tuple[str, bytes, Mapping[str, str]]],
) -> str:
    """What ``cosign sign``, ``attest`` and ``attach sbom`` write: media type, content and annotations of each."""
    layers = [part(writer, repository, data, kind, notes) for kind, data, notes in documents]
    config = part(writer, repository, b'{"architecture":"","os":"","rootfs":{"type":"layers"}}', CONFIG)
    return put(
        writer, repository, manifest(writer, repository, layers, config=config), tag_beside(digest, ending)
    )


def put_referrer(
    writer: Writer,
    repository: str,
    digest: str,
    size: int,
    artifact_type: str,
    documents: Sequence[tuple[str, bytes, Mapping[str, str]]],
    annotations: Mapping[str, str] | None = None,
    *,
    subject_type: str = MANIFEST,
) -> Document:
    """What ``oras attach`` and new versions of cosign write. Returns the referrer's descriptor for a fallback tag."""
    layers = [part(writer, repository, data, kind, notes) for kind, data, notes in documents]
    made = manifest(
        writer,
        repository,
        layers,
        artifactType=artifact_type,
        subject={"mediaType": subject_type, "digest": digest, "size": size},
        annotations=dict(annotations or {}),
    )
    return {
        "mediaType": MANIFEST,
        "digest": put(writer, repository, made),
        "size": len(dumped(made)),
        "artifactType": artifact_type,
        "annotations": dict(annotations or {}),
    }


def put_fallback(writer: Writer, repository: str, digest: str, referrers: Sequence[Document]) -> None:
    """The tag that lists referrers where the registry does not."""
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(referrers)}
    put(writer, repository, index, tag_beside(digest))


def put_built(
    writer: Writer,
    repository: str,
    tag: str,
    platforms: Sequence[Platform],
    statements: Mapping[str, Document],
) -> str:
    """An index as BuildKit pushes it: an image for each platform, and one attestation manifest for each image with a
    layer for each of *statements* (by predicate type). Returns the digest of the index."""
    children: list[Document] = []
    attestations: list[Document] = []
    for system, architecture in platforms:
        config = dumped(
            {"os": system, "architecture": architecture, "rootfs": {"type": "layers", "diff_ids": []}}
        )
        image = manifest(writer, repository, [], config=part(writer, repository, config, CONFIG))
        digest = put(writer, repository, image)
        child = {"mediaType": MANIFEST, "digest": digest, "size": len(dumped(image))}
        children.append(child | {"platform": {"os": system, "architecture": architecture}})
        layers = [
            part(
                writer,
                repository,
                dumped(statement(kind, predicate, digest)),
                IN_TOTO,
                {"in-toto.io/predicate-type": kind},
            )
            for kind, predicate in statements.items()
        ]
        about = manifest(writer, repository, layers, config=part(writer, repository, b"{}", CONFIG))
        attestations.append(
            {
                "mediaType": MANIFEST,
                "digest": put(writer, repository, about),
                "size": len(dumped(about)),
                "platform": {"os": "unknown", "architecture": "unknown"},
                "annotations": {
                    "vnd.docker.reference.digest": digest,
                    "vnd.docker.reference.type": "attestation-manifest",
                },
            }
        )
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [*children, *attestations]}
    return put(writer, repository, index, tag)


def put_chart(writer: Writer, repository: str, tag: str) -> str:
    """A Helm chart; returns its digest."""
    config = dumped({"name": "web", "version": tag, "apiVersion": "v2", "appVersion": "1.27"})
    kind = "application/vnd.cncf.helm.config.v1+json"
    chart = part(writer, repository, b"a chart", "application/vnd.cncf.helm.chart.content.v1.tar+gzip")
    made = manifest(writer, repository, [chart], config=part(writer, repository, config, kind))
    return put(writer, repository, made, tag)


# -- documents


def statement(predicate_type: str, predicate: object, digest: str = f"sha256:{'a' * 64}") -> Document:
    """An in-toto statement about the image *digest*."""
    return {
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": predicate_type,
        "subject": [{"name": "image", "digest": {"sha256": digest.partition(":")[2]}}],
        "predicate": predicate,
    }


def envelope(document: Document) -> Document:
    """A DSSE envelope around a statement, with a signature that nobody can verify."""
    return {
        "payloadType": IN_TOTO,
        "payload": b64encode(dumped(document)).decode(),
        "signatures": [{"keyid": "", "sig": "MEUCIQ=="}],
    }


def spdx(packages: Sequence[tuple[str, str, str]], version: str = "SPDX-2.3") -> Document:
    """SPDX 2 as syft and BuildKit write it. *packages*: name, version, licence."""
    return {
        "spdxVersion": version,
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "image",
        "documentNamespace": "https://anchore.com/syft/image/1",
        "creationInfo": {
            "creators": ["Organization: Anchore, Inc", "Tool: syft-1.18.1"],
            "created": "2026-01-02T03:04:05Z",
        },
        "packages": [
            {
                "name": name,
                "SPDXID": f"SPDXRef-Package-{number}",
                "versionInfo": package_version,
                "licenseConcluded": "NOASSERTION",
                "licenseDeclared": licence or "NOASSERTION",
                "externalRefs": [
                    {
                        "referenceCategory": "PACKAGE-MANAGER",
                        "referenceType": "purl",
                        "referenceLocator": f"pkg:deb/debian/{name}@{package_version}?arch=amd64",
                    }
                ],
            }
            for number, (name, package_version, licence) in enumerate(packages)
        ],
    }


def cyclonedx(packages: Sequence[tuple[str, str, str]], version: str = "1.5") -> Document:
    """CycloneDX as trivy writes it. *packages*: name, version, licence."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": version,
        "version": 1,
        "metadata": {
            "timestamp": "2026-01-02T03:04:05+00:00",
            "tools": {"components": [{"type": "application", "name": "trivy", "version": "0.58.0"}]},
        },
        "components": [
            {
                "type": "library",
                "name": name,
                "version": package_version,
                "purl": f"pkg:pypi/{name}@{package_version}",
                "licenses": [{"license": {"id": licence}}] if licence else [],
            }
            for name, package_version, licence in packages
        ],
    }


def slsa_1(repository: str = "https://github.com/acme/web", commit: str = "4be91d0" + "0" * 33) -> Document:
    """The predicate that GitHub's builder writes (slsa.dev/spec/v1.0/provenance)."""
    return {
        "buildDefinition": {
            "buildType": "https://actions.github.io/buildtypes/workflow/v1",
            "externalParameters": {
                "workflow": {
                    "ref": "refs/heads/main",
                    "repository": repository,
                    "path": ".github/workflows/ci.yml",
                }
            },
            "resolvedDependencies": [
                {"uri": f"git+{repository}@refs/heads/main", "digest": {"gitCommit": commit}}
            ],
        },
        "runDetails": {
            "builder": {"id": "https://github.com/actions/runner/github-hosted"},
            "metadata": {
                "invocationId": f"{repository}/actions/runs/1",
                "startedOn": "2026-01-02T03:00:00Z",
                "finishedOn": "2026-01-02T03:04:05Z",
            },
        },
    }


def slsa_02(repository: str = "https://github.com/acme/web", commit: str = "4be91d0" + "0" * 33) -> Document:
    """The predicate that BuildKit writes (docs/attestations/slsa-provenance.md)."""
    return {
        "builder": {"id": "https://ci.acme.io/builds/7"},
        "buildType": "https://mobyproject.org/buildkit@v1",
        "materials": [{"uri": "pkg:docker/alpine@3.20", "digest": {"sha256": "b" * 64}}],
        "invocation": {
            "configSource": {
                "uri": f"{repository}.git#main",
                "digest": {"sha1": commit},
                "entryPoint": "Dockerfile",
            },
            "parameters": {"frontend": "dockerfile.v0"},
            "environment": {"platform": "linux/amd64"},
        },
        "metadata": {
            "buildStartedOn": "2026-01-02T03:00:00Z",
            "buildFinishedOn": "2026-01-02T03:04:05Z",
            "https://mobyproject.org/buildkit@v1#metadata": {
                "vcs": {"revision": commit, "source": repository},
            },
        },
    }


def sarif(results: Sequence[tuple[str, str, str]]) -> Document:
    """SARIF as trivy writes it. *results*: rule, security severity ("" for none), level."""
    return {
        "version": "2.1.0",
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "Trivy",
                        "version": "0.58.0",
                        "rules": [
                            {
                                "id": rule,
                                "shortDescription": {"text": f"About {rule}"},
                                "properties": {"security-severity": severity} if severity else {},
                            }
                            for rule, severity, _ in results
                        ],
                    }
                },
                "results": [
                    {
                        "ruleId": rule,
                        "ruleIndex": number,
                        "level": level,
                        "message": {"text": f"Package: openssl\nVulnerability {rule}"},
                    }
                    for number, (rule, _, level) in enumerate(results)
                ],
            }
        ],
    }
