"""What artifacts are called."""

from __future__ import annotations

import pytest

from longshore.application.attached.kinds import Kind, kind_of, kind_of_part
from longshore.oci.manifest import OCI_INDEX, OCI_MANIFEST, parse_manifest
from longshore.words.artifacts import artifact_name, kind_name
from testbed import attachments as made
from testbed.remote_images import digest_of


class Nowhere:
    """Stores nothing."""

    def put_blob(self, repository: str, data: bytes) -> str:
        return digest_of(data)

    def put_manifest(self, repository: str, reference: str, data: bytes, media_type: str) -> str:
        self.last = parse_manifest(data, media_type)
        return digest_of(data)


def test_every_kind_has_a_name() -> None:
    assert len({kind_name(kind) for kind in Kind}) == len(Kind)


@pytest.mark.parametrize(
    ("artifact_type", "name"),
    [
        ("application/vnd.cncf.helm.config.v1+json", "Helm chart"),
        ("application/vnd.docker.compose.project", "Compose application"),
        ("application/vnd.wasm.config.v0+json", "WebAssembly module"),
        ("application/vnd.cncf.notary.signature", "Signature"),
        ("application/vnd.acme.thing\x1b[31m", "application/vnd.acme.thing[31m"),
        ("", ""),
    ],
)
def test_by_the_type(artifact_type: str, name: str) -> None:
    assert artifact_name(artifact_type) == name


def test_by_the_manifest() -> None:
    shop = Nowhere()
    made.put_chart(shop, "a", "1")
    assert kind_of(shop.last) is Kind.HELM_CHART
    image = made.manifest(shop, "a", [], config=made.part(shop, "a", b"{}", made.CONFIG))
    assert kind_of(parse_manifest(made.dumped(image), OCI_MANIFEST)) is Kind.IMAGE
    odd = made.manifest(shop, "a", [], artifactType="application/x-odd")
    assert kind_of(parse_manifest(made.dumped(odd), OCI_MANIFEST)) is Kind.OTHER
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}
    assert kind_of(parse_manifest(made.dumped(index), OCI_INDEX)) is Kind.IMAGE


def test_the_type_of_a_statement_says_most() -> None:
    assert kind_of_part((made.IN_TOTO,), {"in-toto.io/predicate-type": made.SPDX}) is Kind.SBOM
    assert kind_of_part((made.IN_TOTO,), {}) is Kind.ATTESTATION
    message = {"dev.sigstore.bundle.content": "message-signature"}
    assert kind_of_part((made.BUNDLE,), message) is Kind.SIGNATURE
    assert kind_of_part(("application/octet-stream", "application/sarif+json"), {}) is Kind.SCAN
