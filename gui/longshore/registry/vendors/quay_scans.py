"""What Quay's scanner, Clair, found: getRepoManifestSecurity.

Red Hat Quay API reference (https://docs.redhat.com/en/documentation/red_hat_quay/), ``GET /api/v1/repository/
{repository}/manifest/{manifestref}/security``. Not tried live.
"""

from __future__ import annotations

from typing import Any

from longshore.oci.scan_result import Finding, ScanResult, Severity
from longshore.registry.vendors import read


def target(repository: str, digest: str) -> str:
    """What to ask about the manifest *digest*."""
    path = "/".join(map(read.segment, repository.split("/")))
    return read.query_of(f"/api/v1/repository/{path}/manifest/{digest}/security", vulnerabilities="true")


def findings(data: Any) -> ScanResult | None:
    """The result in a response; None if the manifest is not scanned yet, or cannot be (an index)."""
    answer = read.fields(data)
    if read.words(answer.get("status")) != "scanned":
        return None
    layer = read.fields(read.fields(answer.get("data")).get("Layer"))
    return ScanResult.of(
        "Clair",
        (
            Finding.of(
                one.get("Name"),
                Severity.of(one.get("Severity")),
                feature.get("Name"),
                feature.get("Version"),
                one.get("FixedBy"),
                one.get("Description"),
            )
            for feature in read.rows(layer.get("Features"))
            for one in read.rows(feature.get("Vulnerabilities"))
        ),
    )
