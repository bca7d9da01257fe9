"""What is attached is found on registries of two makes: one lists referrers, one has only tags for them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from longshore.application.attached.finding import Attachment, find
from longshore.application.attached.reading import Said, read_all
from longshore.application.clients import Clients
from longshore.cancellation import Cancellation
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.registry.config import RegistryConfig
from longshore.transfers.transfer import Endpoint, RegistryPlace
from longshore.words import attached as words
from testbed import attachments as made
from testbed.crane import CraneRegistry
from testbed.registry import PrivateRegistry
from testbed.remote_images import RegistryWriter, seed_repository

BOTH = (("linux", "amd64"), ("linux", "arm64"))


@pytest.fixture(params=["referrers", "tags only"])
def address(request: pytest.FixtureRequest) -> str:
    """Return the address of a registry that lists referrers, then of one that does not."""
    registry: CraneRegistry | PrivateRegistry = request.getfixturevalue(
        "crane_registry" if request.param == "referrers" else "open_registry"
    )
    return registry.address


def look(tmp_path: Path, name: str, platform: str = "") -> list[str]:
    """What is attached to the image *name*, in the words of the table."""
    reference = Reference.parse(name)
    end = Endpoint(RegistryPlace(reference.domain), reference)
    rows: list[str] = []

    def told(one: Attachment, said: Said) -> None:
        rows.append(f"{words.title(one, said)} ({words.how(one)}): {words.says(one, said)}")

    with closing(Clients({"DOCKER_CONFIG": str(tmp_path), "PATH": ""}, RegistryConfig)) as clients:
        wanted = Platform.parse(platform) if platform else None
        found = find(end, clients, Cancellation(), wanted)
        read_all(found, clients, Cancellation(), told)
    assert not found.unlisted
    return rows


def test_an_image_that_is_signed_in_both_ways(tmp_path: Path, address: str) -> None:
    repository = "attached/signed"
    image = seed_repository(address, repository, ("1",), layers=(100,))
    digest, size = image.digest, image.images[0].size
    signed = [(made.SIMPLE_SIGNING, b"{}", {"dev.cosignproject.cosign/signature": "MEUC"})]
    about = {"dev.sigstore.bundle.predicateType": "https://sigstore.dev/cosign/sign/v1"}
    sarif = made.dumped(made.sarif([("CVE-1", "9.8", "error"), ("CVE-2", "5", "note")]))
    kind = "application/sarif+json"
    with closing(RegistryWriter(address)) as writer:
        made.put_tagged(writer, repository, digest, ".sig", signed)
        referrers = [
            made.put_referrer(
                writer, repository, digest, size, made.BUNDLE, [(made.BUNDLE, b"{}", {})], about
            ),
            made.put_referrer(writer, repository, digest, size, kind, [(kind, sarif, {})]),
        ]
        # Registries that list referrers need no such tag, but may have one.
        made.put_fallback(writer, repository, digest, referrers)
    assert sorted(look(tmp_path, f"{address}/{repository}:1")) == [
        "Scan result (referrer): Trivy 0.58.0: 1 critical, 1 medium",
        "Signature (referrer): https://sigstore.dev/cosign/sign/v1",
        f"Signature (tag sha256-{digest[7:14]}….sig): made by cosign",
    ]


def test_an_image_with_sbom_and_provenance(tmp_path: Path, address: str) -> None:
    repository = "attached/built"
    statements = {made.SPDX: made.spdx([("curl", "7.88.1", "curl")]), made.SLSA_1: made.slsa_1()}
    with closing(RegistryWriter(address)) as writer:
        made.put_built(writer, repository, "1", BOTH, statements)
    rows = [
        f"{what} for linux/{architecture} (in the index): {says}"
        for architecture in ("amd64", "arm64")
        for what, says in (
            ("SBOM", "SPDX 2.3, 1 package, made by syft 1.18.1"),
            ("Provenance", "SLSA 1.0, GitHub Actions, acme/web@4be91d0"),
        )
    ]
    assert look(tmp_path, f"{address}/{repository}:1") == rows
    assert look(tmp_path, f"{address}/{repository}:1", "linux/arm64") == rows[2:]


def test_a_chart_has_nothing_attached(tmp_path: Path, address: str) -> None:
    with closing(RegistryWriter(address)) as writer:
        made.put_chart(writer, "attached/chart", "1.0")
    assert look(tmp_path, f"{address}/attached/chart:1.0") == []
