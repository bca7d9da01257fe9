"""What inspect --attached, --packages and --findings print for people."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from longshore.application.attached import finding, reading
from longshore.application.attached.finding import Attachment, Found, How
from longshore.application.attached.kinds import Kind
from longshore.application.attached.provenance import Provenance
from longshore.application.attached.reading import Said
from longshore.application.attached.registry_scans import RegistryScan
from longshore.application.attached.sboms import Package, Sbom
from longshore.application.session import Session
from longshore.cli import exit_codes, inspect_attached
from longshore.cli.output import Output
from longshore.errors import InvalidContent, InvalidInput, LongshoreError
from longshore.oci.reference import Reference
from longshore.oci.scan_result import Finding, ScanResult, Severity
from longshore.transfers.transfer import Endpoint, RegistryPlace

DIGEST = f"sha256:{'a' * 64}"
ONE = Attachment(Kind.SBOM, How.REFERRER, DIGEST, DIGEST, "", "application/spdx+json", 1_200_000)
FOUND = Found(Endpoint(RegistryPlace("x.example"), Reference.parse("x.example/a:1")), DIGEST)
WHERE = {"digest": DIGEST}
PEOPLE = Output(as_json=False, quiet=False)


def arguments(**given: object) -> argparse.Namespace:
    usual = {
        "attached": False,
        "packages": False,
        "findings": False,
        "scan": False,
        "scanner": None,
        "format": "table",
        "json": False,
    }
    return argparse.Namespace(**{**usual, **given})


def test_csv_needs_a_table() -> None:
    assert inspect_attached.asked(arguments(packages=True, format="csv"))
    assert not inspect_attached.asked(arguments())
    for wrong in ({"format": "csv"}, {"attached": True, "format": "csv"}):
        with pytest.raises(InvalidInput, match="needs --packages"):
            inspect_attached.asked(arguments(**wrong))
    with pytest.raises(InvalidInput, match="--scanner needs --scan"):
        inspect_attached.asked(arguments(attached=True, scanner="trivy"))
    with pytest.raises(InvalidInput, match="exclude"):
        inspect_attached.asked(arguments(packages=True, format="csv", json=True))


def test_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    sbom = Said(Kind.SBOM, sbom=Sbom("SPDX 2.3", (Package("curl"),), "syft\x1b 1"))
    built = Said(
        Kind.PROVENANCE, provenance=Provenance("1.0", source="https://ann:hunter22@host/a", revision="abc")
    )
    inspect_attached._attached(PEOPLE, FOUND, [(ONE, sbom), (ONE, built)])
    shown = capsys.readouterr().out
    assert "SPDX 2.3, 1 package, made by syft 1" in shown
    assert "1.2 MB" in shown
    assert "Revision:      abc" in shown
    assert "hunter22" not in shown
    assert "\x1b" not in shown
    inspect_attached._attached(PEOPLE, FOUND, [])
    assert capsys.readouterr().out == "Nothing is attached: no signature, SBOM or provenance.\n"
    own = RegistryScan("Harbor", DIGEST, ScanResult.of("Trivy 1", [Finding("CVE-1", Severity.HIGH)]))
    inspect_attached._attached(PEOPLE, FOUND, [], own)
    assert capsys.readouterr().out.startswith("Scanned by Harbor with Trivy 1: 1 high\n")


def test_each_package_and_finding_once(capsys: pytest.CaptureFixture[str]) -> None:
    package = Package("curl", "7", "MIT", "pkg:deb/debian/curl@7")
    inspect_attached._packages(PEOPLE, [(ONE, package), (ONE, package)], csv=False)
    assert capsys.readouterr().out.splitlines()[1:] == ["curl     7        MIT      deb"]
    hole = Finding("CVE-1", Severity.HIGH, "curl", "7", "8", "A\x1b hole")
    inspect_attached._findings(PEOPLE, [(WHERE, hole), (WHERE, hole)], csv=False)
    assert capsys.readouterr().out.splitlines()[1].split() == ["high", "CVE-1", "curl", "7", "8", "A", "hole"]
    inspect_attached._findings(PEOPLE, [(WHERE, hole)], csv=True)
    assert capsys.readouterr().out.splitlines()[1] == "high,CVE-1,curl,7,8,A hole"
    inspect_attached._packages(PEOPLE, [], csv=False)
    assert capsys.readouterr().out == "No SBOM is attached to this image.\n"


@pytest.mark.parametrize(
    ("said", "kind", "told"),
    [
        (
            Said(Kind.SBOM, problem=InvalidContent("It can't be read.", subject=DIGEST)),
            "packages",
            "It can't be",
        ),
        (Said(Kind.SBOM), "packages", "SBOM"),
        (Said(Kind.SCAN), "findings", "application/spdx+json"),
        (Said(Kind.SCAN), "packages", ""),
    ],
)
def test_a_document_that_cannot_be_read_is_named(
    said: Said, kind: str, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = replace(FOUND, attachments=(ONE,))
    monkeypatch.setattr(finding, "find", lambda *_: found)
    monkeypatch.setattr(reading, "read_all", lambda _1, _2, _3, tell: tell(ONE, said))
    monkeypatch.setattr(inspect_attached, "_own_scan", lambda *_: None)
    session = cast(Session, SimpleNamespace(clients=None))
    asked = arguments(**{kind: True}, platform=None)
    code = inspect_attached.run(session, asked, PEOPLE, FOUND.end)
    shown = capsys.readouterr()
    assert (code, told in shown.err, DIGEST in shown.err) == (3 if told else 0, True, bool(told))
    # "None is attached" is said only where that is known.
    assert bool(shown.out) is not bool(told)


def test_a_scan(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"PATH": str(tmp_path)}
    session = cast(Session, SimpleNamespace(environ=environ))
    with pytest.raises(LongshoreError, match="No scanner") as caught:
        inspect_attached.run(session, arguments(scan=True), PEOPLE, FOUND.end)
    assert exit_codes.of_error(caught.value) == exit_codes.FAILED
    assert caught.value.advice == "Install trivy or grype to scan images."
    found = '{"VulnerabilityID": "CVE-1", "Severity": "HIGH"}'
    document = f'{{"SchemaVersion": 2, "Results": [{{"Vulnerabilities": [{found}]}}]}}'
    for name in ("trivy", "grype"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {name} works >&2; echo '{document}'\n")
        (tmp_path / name).chmod(0o755)
    inspect_attached.run(session, arguments(scan=True), PEOPLE, FOUND.end)
    shown = capsys.readouterr()
    assert shown.err == "trivy works\n"
    assert shown.out.splitlines()[0] == "trivy: 1 high"
    assert shown.out.splitlines()[2].split() == ["high", "CVE-1"]
    inspect_attached.run(session, arguments(scan=True, scanner="grype", format="csv"), PEOPLE, FOUND.end)
    shown = capsys.readouterr()
    assert shown.err == "grype works\n"
    assert shown.out.splitlines()[1] == "high,CVE-1,,,,"
