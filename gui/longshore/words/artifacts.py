"""The names of artifacts: what something in a registry is, if it is no image."""

from __future__ import annotations

from longshore.application.attached.kinds import Kind, kind_of_type
from longshore.language import tr
from longshore.words import text


def kind_name(kind: Kind) -> str:
    """Return what an artifact is: ``SBOM``, ``Helm chart``."""
    return {
        Kind.IMAGE: tr("Image"),
        Kind.SIGNATURE: tr("Signature"),
        Kind.SBOM: tr("SBOM"),
        Kind.PROVENANCE: tr("Provenance"),
        Kind.SCAN: tr("Scan result"),
        Kind.VEX: tr("VEX document"),
        Kind.ATTESTATION: tr("Attestation"),
        Kind.BUNDLE: tr("Sigstore bundle"),
        Kind.HELM_CHART: tr("Helm chart"),
        Kind.HELM_PROVENANCE: tr("Helm provenance file"),
        Kind.WASM: tr("WebAssembly module"),
        Kind.COMPOSE: tr("Compose application"),
        Kind.CNAB: tr("CNAB bundle"),
        Kind.POLICY: tr("Policy bundle"),
        Kind.FLUX: tr("Flux source"),
        Kind.MODEL: tr("AI model"),
        Kind.CACHE: tr("Build cache"),
        Kind.PLUGIN: tr("Docker plugin"),
        Kind.SIF: tr("Singularity image"),
        Kind.DEV_CONTAINER: tr("Dev container"),
        Kind.OTHER: tr("Artifact"),
    }[kind]


def artifact_name(artifact_type: str) -> str:
    """Return what something of *artifact_type* is: ``Helm chart``; the type itself if it is not a known one."""
    kind = kind_of_type(artifact_type)
    return text.safe(artifact_type, 200) if kind in (Kind.OTHER, Kind.IMAGE) else kind_name(kind)
