"""Which result of the registry's own scan is shown; Amazon's comes by the program ``aws``, here a stand-in."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from longshore.application.attached import ecr_scans
from longshore.application.attached.finding import Found
from longshore.application.attached.registry_scans import registry_scan
from longshore.application.clients import Clients
from longshore.cancellation import Cancellation
from longshore.errors import NotInRegistry, ScanFailed
from longshore.oci.reference import Reference
from longshore.oci.scan_result import Finding, ScanResult, Severity
from longshore.transfers.transfer import Endpoint, RegistryPlace

INDEX, IMAGE = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
ONE = ScanResult.of("Clair", [Finding("CVE-1", Severity.LOW)])
ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


def clients(kind: str, results: dict[str, Any]) -> Clients:
    def scan_result(repository: str, digest: str, *, cancellation: Cancellation) -> ScanResult | None:
        found = results.get(digest)
        if isinstance(found, Exception):
            raise found
        return found if isinstance(found, ScanResult) else None

    lister = SimpleNamespace(kind=kind, scan_result=scan_result)
    return cast(Clients, SimpleNamespace(lister=lambda host: lister))


def found(host: str = "r.example") -> Found:
    image = Reference.parse(f"{host}/team/web:1")
    return Found(Endpoint(RegistryPlace(host), image), INDEX, (INDEX, IMAGE))


def test_the_first_that_was_scanned() -> None:
    gone = NotInRegistry("No.", registry="r.example")
    scan = registry_scan(found(), clients("quay", {INDEX: gone, IMAGE: ONE}), Cancellation(), {})
    assert scan is not None
    assert (scan.by, scan.digest, scan.result) == ("Quay", IMAGE, ONE)
    assert registry_scan(found(), clients("harbor", {}), Cancellation(), {}) is None
    assert registry_scan(found(), clients("distribution", {IMAGE: ONE}), Cancellation(), {}) is None


def aws(folder: Path, script: str) -> dict[str, str]:
    program = folder / "aws"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


ANSWER = """{"imageScanStatus": {"status": "COMPLETE"}, "imageScanFindings": {
"imageScanCompletedAt": "2026-01-02T03:04:05+00:00",
"findings": [{"name": "CVE-1", "severity": "HIGH", "description": "A hole", "attributes": [
  {"key": "package_name", "value": "curl"}, {"key": "package_version", "value": "7"}]}],
"enhancedFindings": [{"severity": "LOW", "title": "T", "packageVulnerabilityDetails": {
  "vulnerabilityId": "CVE-2", "vulnerablePackages": [{"name": "tar", "version": "1", "fixedInVersion": "2"}]}}]}}"""


def test_amazon(tmp_path: Path) -> None:
    (tmp_path / "answer").write_text(ANSWER)
    script = f'echo "$@" > {tmp_path}/asked; cat {tmp_path}/answer'
    scan = registry_scan(found(ECR), clients("ecr", {}), Cancellation(), aws(tmp_path, script))
    assert scan is not None
    assert scan.by == "Amazon ECR"
    assert [(one.name, one.severity, one.package, one.fixed) for one in scan.result.findings] == [
        ("CVE-1", Severity.HIGH, "curl", ""),
        ("CVE-2", Severity.LOW, "tar", "2"),
    ]
    asked = (tmp_path / "asked").read_text()
    assert "--registry-id=123456789012 --region=eu-west-1 --repository-name=team/web" in asked
    assert f"imageDigest={INDEX}" in asked


def test_amazon_has_not_scanned_it_or_refuses(tmp_path: Path) -> None:
    missing = aws(tmp_path, "echo 'An error occurred (ScanNotFoundException)' >&2; exit 254")
    assert registry_scan(found(ECR), clients("ecr", {}), Cancellation(), missing) is None
    refused = aws(tmp_path, "echo 'An error occurred (AccessDeniedException)' >&2; exit 254")
    with pytest.raises(ScanFailed):
        registry_scan(found(ECR), clients("ecr", {}), Cancellation(), refused)
    with pytest.raises(ScanFailed, match="no result"):
        registry_scan(found(ECR), clients("ecr", {}), Cancellation(), aws(tmp_path, "echo no"))
    assert registry_scan(found(ECR), clients("ecr", {}), Cancellation(), {"PATH": "/nowhere"}) is None


def test_only_private_registries_of_amazon_are_asked() -> None:
    program = Path("/aws")
    for host in ("public.ecr.aws", f"{ECR}.example.org", "x.dkr.ecr.eu-west-1.amazonaws.com"):
        assert ecr_scans.command_line(program, Reference.parse(f"{host}/a/b:1"), INDEX) is None
    assert ecr_scans.findings({"imageScanStatus": {"status": "IN_PROGRESS"}}) is None
