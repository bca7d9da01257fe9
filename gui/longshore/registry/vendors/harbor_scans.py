"""What Harbor's scanner found: getArtifact with ``with_scan_overview``, and the addition ``vulnerabilities``.

Harbor API 2.0 (https://github.com/goharbor/harbor/blob/main/api/v2.0/swagger.yaml) and its
pluggable-scanner-spec, "Report". Not tried live.
"""

from __future__ import annotations

from typing import Any

from longshore.oci.scan_result import Finding, ScanResult, Severity, counts_of
from longshore.registry.vendors import read

#: The reports that are asked for; Harbor otherwise sends the older form.
ACCEPT = {
    "X-Accept-Vulnerabilities": (
        "application/vnd.security.vulnerability.report; version=1.1, "
        "application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0"
    )
}


def overview(data: Any) -> ScanResult | None:
    """The numbers in an artifact's ``scan_overview``; None if it was not scanned, or the scan did not succeed."""
    for row in read.fields(read.fields(data).get("scan_overview")).values():
        report = read.fields(row)
        if read.words(report.get("scan_status")).lower() != "success":
            continue
        numbers = read.fields(read.fields(report.get("summary")).get("summary"))
        counted = dict.fromkeys(Severity, 0)
        for word, number in numbers.items():
            counted[Severity.of(word)] += read.count(number) or 0
        finished = read.when(report.get("end_time"))
        return ScanResult(_scanner(report.get("scanner")), counts_of(counted), (), finished)
    return None


def findings(data: Any) -> ScanResult | None:
    """The report in the addition ``vulnerabilities``; None if there is none."""
    for row in read.fields(data).values():
        report = read.fields(row)
        if "vulnerabilities" not in report:
            continue
        found = (
            Finding.of(
                one.get("id"),
                Severity.of(one.get("severity")),
                one.get("package"),
                one.get("version"),
                one.get("fix_version"),
                one.get("description"),
            )
            for one in read.rows(report["vulnerabilities"])
        )
        return ScanResult.of(_scanner(report.get("scanner")), found, read.when(report.get("generated_at")))
    return None


def _scanner(value: Any) -> str:
    scanner = read.fields(value)
    return f"{read.line(scanner.get('name'))} {read.line(scanner.get('version'))}".strip() or "Harbor"
