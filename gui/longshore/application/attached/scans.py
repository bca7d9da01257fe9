"""Reads the results of scans: SARIF 2.1.0, and the JSON of trivy and grype. Pure; any thread."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from longshore.application.attached.fields import as_list, as_object, as_text, objects
from longshore.oci.image_config import parse_time
from longshore.oci.scan_result import Finding, ScanResult, Severity

#: What SARIF's levels mean where a rule has no score (docs.github.com, "SARIF support for code scanning").
_LEVELS = {"error": Severity.HIGH, "warning": Severity.MEDIUM, "note": Severity.LOW}


def scan_of(document: Mapping[str, Any]) -> ScanResult | None:
    """The result in *document*, in whichever form; None if it is none."""
    if isinstance(document.get("runs"), list):
        return _sarif(document)
    if isinstance(document.get("matches"), list):
        return _grype(document)
    if "SchemaVersion" in document or "ArtifactName" in document:
        return _trivy(document)
    scanner = document.get("scanner")
    if isinstance(scanner, dict) and isinstance(scanner.get("result"), dict):
        return _cosign(document, scanner)
    return None


def _sarif(document: Mapping[str, Any]) -> ScanResult:
    names: list[str] = []
    findings: list[Finding] = []
    for run in objects(document.get("runs")):
        driver = as_object(as_object(run.get("tool")).get("driver"))
        names.append(f"{as_text(driver.get('name'))} {as_text(driver.get('version'))}".strip())
        rules = [as_object(one) for one in as_list(driver.get("rules"))]
        named = {as_text(one.get("id")): one for one in rules}
        for one in objects(run.get("results")):
            # "pass", "notApplicable" and the like are no findings (SARIF 2.1.0, 3.27.9); nor what was suppressed.
            if one.get("kind", "fail") != "fail" or one.get("suppressions"):
                continue
            rule = _rule(one, rules, named)
            findings.append(
                Finding.of(
                    one.get("ruleId") or rule.get("id"),
                    _sarif_severity(one, rule),
                    title=as_text(as_object(rule.get("shortDescription")).get("text"))
                    or as_text(as_object(one.get("message")).get("text")),
                )
            )
    return ScanResult.of(", ".join(dict.fromkeys(name for name in names if name)) or "SARIF", findings)


def _rule(
    result: Mapping[str, Any], rules: list[dict[str, Any]], named: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    index = result.get("ruleIndex")
    if isinstance(index, int) and 0 <= index < len(rules):
        return rules[index]
    return named.get(as_text(result.get("ruleId")), {})


def _sarif_severity(result: Mapping[str, Any], rule: Mapping[str, Any]) -> Severity:
    score = as_object(rule.get("properties")).get("security-severity")
    try:
        if isinstance(score, str | int | float) and not isinstance(score, bool):
            return Severity.of_score(float(str(score)[:20]))
    except ValueError:
        pass
    level = result.get("level") or as_object(rule.get("defaultConfiguration")).get("level") or "warning"
    return _LEVELS.get(as_text(level), Severity.UNKNOWN)


def _trivy(document: Mapping[str, Any]) -> ScanResult:
    """See aquasecurity/trivy, docs/guide/configuration/reporting.md and pkg/types/report.go."""
    version = as_text(as_object(document.get("Trivy")).get("Version"))
    return ScanResult.of(
        f"trivy {version}".strip(),
        (
            Finding.of(
                found.get("VulnerabilityID"),
                Severity.of(found.get("Severity")),
                found.get("PkgName"),
                found.get("InstalledVersion"),
                found.get("FixedVersion"),
                found.get("Title"),
            )
            for result in objects(document.get("Results"))
            for found in objects(result.get("Vulnerabilities"))
        ),
        parse_time(document.get("CreatedAt")),
    )


def _grype(document: Mapping[str, Any]) -> ScanResult:
    """See anchore/grype, schema/grype/json."""
    described = as_object(document.get("descriptor"))
    findings = []
    for match in objects(document.get("matches")):
        found, artifact = as_object(match.get("vulnerability")), as_object(match.get("artifact"))
        versions = [as_text(one) for one in as_list(as_object(found.get("fix")).get("versions"))[:5]]
        findings.append(
            Finding.of(
                found.get("id"),
                Severity.of(found.get("severity")),
                artifact.get("name"),
                artifact.get("version"),
                ", ".join(one for one in versions if one),
                found.get("description"),
            )
        )
    name = f"{as_text(described.get('name')) or 'grype'} {as_text(described.get('version'))}".strip()
    return ScanResult.of(name, findings, parse_time(described.get("timestamp")))


def _cosign(document: Mapping[str, Any], scanner: Mapping[str, Any]) -> ScanResult | None:
    """The result inside a statement (cosign specs/COSIGN_VULN_ATTESTATION_SPEC.md)."""
    found = scan_of(as_object(scanner.get("result")))
    if found is None:
        return None
    finished = parse_time(as_object(document.get("metadata")).get("scanFinishedOn"))
    return ScanResult(found.scanner, found.counts, found.findings, finished or found.finished)
