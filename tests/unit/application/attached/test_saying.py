"""What SBOMs, provenance and results of scans say, in the forms in which programs write them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from longshore.application.attached import documents, sboms
from longshore.application.attached.kinds import Kind
from longshore.application.attached.provenance import Provenance
from longshore.application.attached.reading import Said, said_by
from longshore.application.attached.sboms import Package
from longshore.errors import InvalidContent
from longshore.oci.foreign_json import ATTACHED, Bounds
from longshore.oci.scan_result import Finding, ScanResult, Severity
from testbed import attachments as made

PACKAGES = [("curl", "7.88.1", "curl"), ("tini", "0.19.0", "")]
COMMIT = "4be91d0" + "0" * 33


def say(document: Any) -> Said:
    return said_by(json.dumps(document).encode())


def names(found: Said) -> list[tuple[str, str, str]]:
    assert found.sbom is not None
    return [(one.name, one.version, one.licence) for one in found.sbom.packages]


def wrapped(how: str, document: made.Document) -> made.Document:
    """*document* as programs attach it."""
    about = made.statement(made.SPDX, document)
    return {
        "plain": document,
        "statement": about,
        "dsse": made.envelope(about),
        "bundle": {"mediaType": made.BUNDLE, "dsseEnvelope": made.envelope(about)},
        "as text": made.envelope(made.statement(made.SPDX, json.dumps(document))),
        "cosign's": made.envelope(
            made.statement(made.SPDX, {"Data": json.dumps(document), "Timestamp": "x"})
        ),
    }[how]


@pytest.mark.parametrize("how", ["plain", "statement", "dsse", "bundle", "as text", "cosign's"])
def test_spdx_in_all_its_envelopes(how: str) -> None:
    found = say(wrapped(how, made.spdx(PACKAGES)))
    assert found.kind is Kind.SBOM
    assert found.sbom is not None
    assert (found.sbom.format, found.sbom.tool) == ("SPDX 2.3", "syft 1.18.1")
    assert names(found) == PACKAGES
    assert found.sbom.packages[0].type == "deb"
    assert found.signed is (how in ("dsse", "bundle", "as text", "cosign's"))


def test_spdx_2_2_without_the_image_itself() -> None:
    document = made.spdx(PACKAGES, "SPDX-2.2")
    document["packages"].insert(0, {"name": "the image", "primaryPackagePurpose": "CONTAINER"})
    found = say(document)
    assert found.sbom is not None
    assert found.sbom.format == "SPDX 2.2"
    assert names(found) == PACKAGES


def test_spdx_3() -> None:
    found = say(
        {
            "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
            "@graph": [
                {"type": "CreationInfo", "specVersion": "3.0.1", "created": "2026-01-02T03:04:05Z"},
                {"type": "Tool", "spdxId": "t", "name": "syft-1.20.0"},
                {
                    "type": "software_Package",
                    "spdxId": "p1",
                    "name": "curl",
                    "software_packageVersion": "7.88.1",
                    "software_packageUrl": "pkg:deb/debian/curl@7.88.1",
                },
                {"type": "software_File", "spdxId": "f1", "name": "a file"},
                {
                    "type": "simplelicensing_LicenseExpression",
                    "spdxId": "l1",
                    "simplelicensing_licenseExpression": "curl",
                },
                {
                    "type": "Relationship",
                    "relationshipType": "hasDeclaredLicense",
                    "from": "p1",
                    "to": ["l1"],
                },
            ],
        }
    )
    assert found.sbom is not None
    assert (found.sbom.format, found.sbom.tool) == ("SPDX 3.0.1", "syft 1.20.0")
    assert found.sbom.packages == (Package("curl", "7.88.1", "curl", "pkg:deb/debian/curl@7.88.1"),)


@pytest.mark.parametrize("version", ["1.3", "1.4", "1.5", "1.6"])
def test_cyclonedx(version: str) -> None:
    document = made.cyclonedx(PACKAGES, version)
    if version < "1.5":
        document["metadata"]["tools"] = [{"vendor": "aquasecurity", "name": "trivy", "version": "0.58.0"}]
    found = say(document)
    assert found.sbom is not None
    assert (found.sbom.format, found.sbom.tool) == (f"CycloneDX {version}", "trivy 0.58.0")
    assert names(found) == PACKAGES


def test_cyclonedx_components_in_components() -> None:
    document = made.cyclonedx([])
    inner = {"type": "library", "group": "org.x", "name": "b", "licenses": [{"expression": "MIT OR ISC"}]}
    document["components"] = [
        {"type": "application", "name": "a", "components": [inner, {"type": "file", "name": "/etc/x"}]},
        {"type": "library", "name": "c", "licenses": [{"license": {"name": "X"}}, {"license": {"id": "Y"}}]},
    ]
    assert names(say(document)) == [("a", "", ""), ("org.x/b", "", "MIT OR ISC"), ("c", "", "X AND Y")]


def test_provenance_1_0() -> None:
    found = say(made.envelope(made.statement(made.SLSA_1, made.slsa_1())))
    assert found.kind is Kind.PROVENANCE
    about = found.provenance
    assert isinstance(about, Provenance)
    assert about.version == "1.0"
    assert about.builder == "https://github.com/actions/runner/github-hosted"
    assert (about.source, about.revision) == ("https://github.com/acme/web", COMMIT)
    assert (about.ref, about.entry_point) == ("refs/heads/main", ".github/workflows/ci.yml")
    assert about.finished is not None
    assert about.finished.minute == 4


def test_provenance_0_2() -> None:
    about = say(made.statement(made.SLSA_02, made.slsa_02())).provenance
    assert about is not None
    assert (about.version, about.builder) == ("0.2", "https://ci.acme.io/builds/7")
    assert (about.source, about.revision) == ("https://github.com/acme/web", COMMIT)
    assert about.entry_point == "Dockerfile"
    assert about.materials == 1


def test_provenance_names_its_source_only_in_its_materials() -> None:
    material = {"uri": "git+https://host/a@refs/tags/v1", "digest": {"sha1": COMMIT}}
    about = say(made.statement(made.SLSA_02, {"builder": {"id": "x"}, "materials": [material]})).provenance
    assert about is not None
    assert (about.source, about.ref, about.revision) == ("https://host/a", "refs/tags/v1", COMMIT)


def test_provenance_of_something_else_is_no_error() -> None:
    about = say(made.statement(made.SLSA_1, ["a list"])).provenance
    assert about == Provenance("1")


def test_sarif() -> None:
    rows = [("CVE-1", "9.8", "error"), ("CVE-2", "5.0", "warning"), ("R3", "", "note"), ("R4", "x", "error")]
    document = made.sarif(rows)
    document["runs"][0]["results"] += [
        {"ruleId": "R3", "kind": "pass"},
        {"ruleId": "R3", "suppressions": [{}]},
    ]
    scan = say(document).scan
    assert scan is not None
    assert scan.scanner == "Trivy 0.58.0"
    assert scan.counts == (
        (Severity.CRITICAL, 1),
        (Severity.HIGH, 1),
        (Severity.MEDIUM, 1),
        (Severity.LOW, 1),
    )
    assert [one.name for one in scan.findings] == ["CVE-1", "R4", "CVE-2", "R3"]
    assert scan.findings[0].title == "About CVE-1"


TRIVY = {
    "SchemaVersion": 2,
    "ArtifactName": "web",
    "Results": [
        {
            "Target": "web (debian 12)",
            "Vulnerabilities": [
                {
                    "VulnerabilityID": "CVE-1",
                    "PkgName": "openssl",
                    "InstalledVersion": "3.0",
                    "FixedVersion": "3.1",
                    "Severity": "HIGH",
                    "Title": "A hole",
                }
            ],
        },
        {"Target": "app", "Vulnerabilities": None},
    ],
}
GRYPE = {
    "matches": [
        {
            "vulnerability": {
                "id": "CVE-1",
                "severity": "High",
                "fix": {"versions": ["3.1"]},
                "description": "A hole",
            },
            "artifact": {"name": "openssl", "version": "3.0"},
        }
    ],
    "descriptor": {"name": "grype", "version": "0.87.0"},
}


@pytest.mark.parametrize(
    "document",
    [
        TRIVY,
        GRYPE,
        made.statement(
            "https://cosign.sigstore.dev/attestation/vuln/v1", {"scanner": {"uri": "x", "result": TRIVY}}
        ),
    ],
    ids=["trivy", "grype", "cosign"],
)
def test_scanners(document: made.Document) -> None:
    found = say(document)
    assert found.kind is Kind.SCAN
    assert found.scan is not None
    assert found.scan.counts == ((Severity.HIGH, 1),)
    one = found.scan.findings[0]
    assert (one.name, one.package, one.version, one.fixed, one.title) == (
        "CVE-1",
        "openssl",
        "3.0",
        "3.1",
        "A hole",
    )


def test_what_is_none_of_these_is_what_it_is() -> None:
    found = say(made.envelope(made.statement("https://example.org/x", {"a": 1})))
    assert (found.kind, found.predicate) == (Kind.ATTESTATION, "https://example.org/x")
    assert (found.sbom, found.provenance, found.scan) == (None, None, None)


@pytest.mark.parametrize(
    "raw",
    [
        b"not json",
        b"[1]",
        b"[" * 100_000,
        b'{"payloadType": "x", "payload": "\xc3\xa4"}',
        b"{" + b'"a":{},' * 900 + b'"b":1}',
    ],
    ids=["no JSON", "a list", "deep", "no base64", "many objects"],
)
def test_hostile_documents_are_refused(raw: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ATTACHED.containers < 1_000_000
    monkeypatch.setattr(documents, "ATTACHED", Bounds(10_000, 800))
    with pytest.raises(InvalidContent):
        said_by(raw)


def test_a_document_that_is_too_large_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "LARGEST", 100)
    with pytest.raises(InvalidContent, match="too large"):
        said_by(b" " * 101)


def test_envelopes_end() -> None:
    document: made.Document = {"spdxVersion": "SPDX-2.3"}
    for _ in range(8):
        document = made.statement(made.SPDX, document)
    assert say(document).sbom is None


def test_wrong_types_everywhere() -> None:
    odd: list[made.Document] = [
        {"spdxVersion": "SPDX-2.3", "packages": [1, {"name": 2}, {"name": "a", "externalRefs": {"x": 1}}]},
        {"bomFormat": "CycloneDX", "components": {"a": 1}, "metadata": {"tools": 3}},
        {"runs": [None, {"tool": [], "results": [{"ruleIndex": -1, "level": 4}]}]},
        {"matches": [{"vulnerability": [], "artifact": 1}]},
        {"SchemaVersion": 2, "Results": [{"Vulnerabilities": [{"Severity": 9}]}]},
        {"@graph": [1, {"type": "software_Package", "name": []}]},
        {"scanner": {"result": {}}},
    ]
    for document in odd:
        say(document)


def test_no_package_and_no_finding_is_left_out() -> None:
    packages = [Package("a")] * 100_001
    assert len(sboms._made("SPDX 2.3", packages, "", None).packages) == 100_001
    findings = [Finding("CVE-1", Severity.HIGH)] * 20_001
    assert len(ScanResult.of("Trivy", findings).findings) == 20_001
