"""Names the kinds of artifacts by their media and artifact types. Pure; any thread."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from longshore.oci.manifest import Index, Manifest


class Kind(enum.Enum):
    """What an artifact is. The values are those of the JSON output: never rename."""

    IMAGE = "image"
    SIGNATURE = "signature"
    SBOM = "sbom"
    PROVENANCE = "provenance"
    SCAN = "scan"
    VEX = "vex"
    ATTESTATION = "attestation"  # a statement of any other type
    BUNDLE = "bundle"  # of sigstore: a signature or an attestation, as its content says
    HELM_CHART = "helm chart"
    HELM_PROVENANCE = "helm provenance"
    WASM = "wasm module"
    COMPOSE = "compose application"
    CNAB = "cnab bundle"
    POLICY = "policy bundle"
    FLUX = "flux source"
    MODEL = "ai model"
    CACHE = "build cache"
    PLUGIN = "docker plugin"
    SIF = "singularity image"
    DEV_CONTAINER = "dev container"
    OTHER = "other"


#: Annotations that name the type of an in-toto statement: of BuildKit's layers, of cosign's layers, of sigstore's
#: bundles (moby/buildkit docs/attestations/attestation-storage.md; cosign specs/ATTESTATION_SPEC.md, BUNDLE_SPEC.md).
_PREDICATES = ("in-toto.io/predicate-type", "predicateType", "dev.sigstore.bundle.predicateType")

# The longest beginning of a type that fits decides.
_TYPES = {
    "application/vnd.dev.cosign.artifact.sig.": Kind.SIGNATURE,
    "application/vnd.dev.cosign.simplesigning.": Kind.SIGNATURE,
    "application/vnd.cncf.notary.signature": Kind.SIGNATURE,
    "application/vnd.dev.cosign.artifact.att.": Kind.ATTESTATION,
    "application/vnd.dev.cosign.artifact.sbom.": Kind.SBOM,
    "application/vnd.dev.sigstore.bundle": Kind.BUNDLE,
    "application/vnd.dsse.envelope": Kind.ATTESTATION,
    "application/vnd.in-toto": Kind.ATTESTATION,
    "application/vnd.docker.attestation.manifest.v1": Kind.ATTESTATION,
    "application/spdx": Kind.SBOM,
    "text/spdx": Kind.SBOM,
    "application/vnd.cyclonedx": Kind.SBOM,
    "application/vnd.syft": Kind.SBOM,
    "application/sarif": Kind.SCAN,
    "application/vnd.security.vulnerability.report": Kind.SCAN,
    "application/vnd.aquasec.trivy.report": Kind.SCAN,
    "application/openvex": Kind.VEX,
    "application/vnd.openvex": Kind.VEX,
    "application/vnd.cncf.helm.config.": Kind.HELM_CHART,
    "application/vnd.cncf.helm.chart.content.": Kind.HELM_CHART,
    "application/vnd.cncf.helm.chart.provenance.": Kind.HELM_PROVENANCE,
    "application/vnd.wasm.": Kind.WASM,
    "application/vnd.module.wasm.": Kind.WASM,
    "application/wasm": Kind.WASM,
    "application/vnd.docker.compose.": Kind.COMPOSE,
    "application/vnd.cnab.": Kind.CNAB,
    "application/vnd.cncf.openpolicyagent.": Kind.POLICY,
    "application/vnd.gatekeeper.policy.": Kind.POLICY,
    "application/vnd.cncf.kyverno.": Kind.POLICY,
    "application/vnd.cncf.flux.": Kind.FLUX,
    "application/vnd.cncf.model.": Kind.MODEL,
    "application/vnd.docker.ai.model.": Kind.MODEL,
    "application/vnd.ollama.image.": Kind.MODEL,
    "application/vnd.buildkit.cacheconfig.": Kind.CACHE,
    "application/vnd.docker.plugin.": Kind.PLUGIN,
    "application/vnd.sylabs.sif.": Kind.SIF,
    "application/vnd.devcontainers": Kind.DEV_CONTAINER,
    "application/vnd.oci.image.config.v1+json": Kind.IMAGE,
    "application/vnd.docker.container.image.v1+json": Kind.IMAGE,
}
_PREDICATE_TYPES = {
    "https://slsa.dev/provenance/": Kind.PROVENANCE,
    "https://spdx.dev/Document": Kind.SBOM,
    "https://cyclonedx.org/": Kind.SBOM,
    "https://cosign.sigstore.dev/attestation/vuln/": Kind.SCAN,
    "cosign.sigstore.dev/attestation/vuln/": Kind.SCAN,
    "https://in-toto.io/attestation/vulns": Kind.SCAN,
    "https://sigstore.dev/cosign/sign/": Kind.SIGNATURE,
    "https://openvex.dev/": Kind.VEX,
}
_GENERIC = (Kind.IMAGE, Kind.ATTESTATION, Kind.BUNDLE, Kind.OTHER)


def kind_of_type(media_type: str) -> Kind:
    """The kind that a media type or an artifact type names."""
    return _longest(_TYPES, media_type.strip().lower())


def kind_of_predicate(predicate: str) -> Kind:
    """The kind of an in-toto statement by its ``predicateType``."""
    found = _longest(_PREDICATE_TYPES, predicate.strip())
    return Kind.ATTESTATION if found is Kind.OTHER else found


def predicate_of(annotations: Mapping[str, str]) -> str:
    """The ``predicateType`` that *annotations* name; "" if none does."""
    return next((annotations[key] for key in _PREDICATES if annotations.get(key)), "")


def kind_of_part(types: tuple[str, ...], annotations: Mapping[str, str]) -> Kind:
    """The kind of one document. *types*: of its blob, then those of its manifest; the first that says more than that
    it is a statement, a bundle or an image decides, and before all the type of the statement."""
    predicate = predicate_of(annotations)
    if predicate:
        return kind_of_predicate(predicate)
    if annotations.get("dev.sigstore.bundle.content") == "message-signature":
        return Kind.SIGNATURE
    kinds = [kind_of_type(one) for one in types if one]
    for kind in kinds:
        if kind not in _GENERIC:
            return kind
    return next((kind for kind in kinds if kind not in (Kind.OTHER, Kind.IMAGE)), Kind.OTHER)


def kind_of(found: Manifest | Index) -> Kind:
    """What a manifest or index is: an image, or an artifact by its type, its configuration or its layers."""
    artifact = kind_of_type(found.artifact_type) if found.artifact_type else Kind.OTHER
    if artifact is not Kind.OTHER:
        return artifact
    if isinstance(found, Index):
        return Kind.OTHER if found.artifact_type else Kind.IMAGE
    config = kind_of_type(found.config.media_type)
    if config is not Kind.OTHER and config is not Kind.IMAGE:
        return config
    for layer in found.layers:
        kind = kind_of_type(layer.media_type)
        if kind is not Kind.OTHER:
            return kind
    return Kind.OTHER if found.artifact_type else config


def _longest(table: Mapping[str, Kind], text: str) -> Kind:
    fitting = [begin for begin in table if text.startswith(begin)]
    return table[max(fitting, key=len)] if fitting else Kind.OTHER
