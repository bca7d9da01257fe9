"""The results of Harbor's and Quay's own scans, as their documentation describes them."""

from __future__ import annotations

import pytest

from longshore.errors import SignInRequired
from longshore.oci.scan_result import Severity

from .conftest import Asked, Reply, Vendor

DIGEST = f"sha256:{'a' * 64}"
ARTIFACT = f"/api/v2.0/projects/team/repositories/a%252Fweb/artifacts/sha256%3A{'a' * 64}"
REPORT = "application/vnd.security.vulnerability.report; version=1.1"
SCANNER = {"name": "Trivy", "vendor": "Aqua Security", "version": "v0.58.0"}
OVERVIEW = {
    "digest": DIGEST,
    "scan_overview": {
        REPORT: {
            "scan_status": "Success",
            "severity": "Critical",
            "summary": {"total": 3, "fixable": 1, "summary": {"Critical": 1, "Low": 2, "None": "x"}},
            "end_time": "2026-01-02T03:04:05.000Z",
            "scanner": SCANNER,
        }
    },
}
LIST = {
    REPORT: {
        "generated_at": "2026-01-02T03:04:05.000Z",
        "scanner": SCANNER,
        "vulnerabilities": [
            {"id": "CVE-2", "package": "tar", "version": "1", "fix_version": "", "severity": "Low"},
            {"id": "CVE-1", "package": "curl", "version": "7", "fix_version": "8", "severity": "Critical"},
        ],
    }
}


def test_harbor(vendor: Vendor) -> None:
    vendor.routes[ARTIFACT] = OVERVIEW
    vendor.routes[f"{ARTIFACT}/additions/vulnerabilities"] = LIST
    found = vendor.lister("harbor").scan_result("team/a/web", DIGEST)
    assert found is not None
    assert found.scanner == "Trivy v0.58.0"
    assert found.counts == ((Severity.CRITICAL, 1), (Severity.LOW, 1))
    assert [(one.name, one.package, one.fixed) for one in found.findings] == [
        ("CVE-1", "curl", "8"),
        ("CVE-2", "tar", ""),
    ]
    assert found.finished is not None
    first, second = (asked for asked in vendor.asked if asked.path.startswith("/api"))
    assert first.query == {"with_scan_overview": "true"}
    assert REPORT in second.headers["x-accept-vulnerabilities"]


@pytest.mark.parametrize("listed", [Reply({}, 404), Reply(b"[" * 500), {}], ids=["gone", "hostile", "empty"])
def test_harbor_without_the_list_has_the_numbers(vendor: Vendor, listed: object) -> None:
    vendor.routes[ARTIFACT] = OVERVIEW
    vendor.routes[f"{ARTIFACT}/additions/vulnerabilities"] = listed
    found = vendor.lister("harbor").scan_result("team/a/web", DIGEST)
    assert found is not None
    assert (found.counts, found.findings) == (((Severity.CRITICAL, 1), (Severity.LOW, 2)), ())


@pytest.mark.parametrize(
    "overview",
    [{}, {"scan_overview": None}, {"scan_overview": {REPORT: {"scan_status": "Running"}}}, [1]],
    ids=["none", "null", "running", "a list"],
)
def test_harbor_has_not_scanned_it(vendor: Vendor, overview: object) -> None:
    vendor.routes[ARTIFACT] = overview
    assert vendor.lister("harbor").scan_result("team/a/web", DIGEST) is None


def test_quay(vendor: Vendor) -> None:
    def security(asked: Asked) -> object:
        assert asked.query == {"vulnerabilities": "true"}
        return {
            "status": "scanned",
            "data": {
                "Layer": {
                    "Features": [
                        {
                            "Name": "curl",
                            "Version": "7",
                            "Vulnerabilities": [{"Name": "CVE-1", "Severity": "High", "FixedBy": "8"}],
                        },
                        {"Name": "tar", "Vulnerabilities": None},
                        None,
                    ]
                }
            },
        }

    vendor.routes[f"/api/v1/repository/team/web/manifest/{DIGEST}/security"] = security
    found = vendor.lister("quay").scan_result("team/web", DIGEST)
    assert found is not None
    assert (found.scanner, found.counts) == ("Clair", ((Severity.HIGH, 1),))
    assert (found.findings[0].package, found.findings[0].fixed) == ("curl", "8")


def test_quay_has_not_scanned_it_or_refuses(vendor: Vendor) -> None:
    path = f"/api/v1/repository/team/web/manifest/{DIGEST}/security"
    vendor.routes[path] = {"status": "queued", "data": None}
    assert vendor.lister("quay").scan_result("team/web", DIGEST) is None
    vendor.routes[path] = Reply({"message": "Requires authentication"}, 401)
    with pytest.raises(SignInRequired):
        vendor.lister("quay").scan_result("team/web", DIGEST)


def test_others_have_none(vendor: Vendor) -> None:
    for kind in ("distribution", "gitea", "ecr"):
        assert vendor.lister(kind).scan_result("team/web", DIGEST) is None
