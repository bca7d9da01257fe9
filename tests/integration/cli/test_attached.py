"""inspect --attached and --packages, as processes; what is found is tried in registry/test_attached.py."""

from __future__ import annotations

import csv
import io
from contextlib import closing

from testbed import attachments as made
from testbed.registry import PrivateRegistry
from testbed.remote_images import RegistryWriter

from .conftest import Command

PACKAGES = [("curl", "7.88.1", "curl"), ("=HYPERLINK(1)", "0.19.0\x1b[31m", "")]


def test_what_is_attached(alone: Command, open_registry: PrivateRegistry) -> None:
    repository = "cli/attached"
    sarif = made.dumped(made.sarif([("CVE-1", "9.8", "error")]))
    with closing(RegistryWriter(open_registry.address)) as writer:
        statements = {made.SPDX: made.spdx(PACKAGES), made.SLSA_1: made.slsa_1()}
        digest = made.put_built(writer, repository, "1", [("linux", "amd64")], statements)
        made.put_tagged(writer, repository, digest, ".att", [("application/sarif+json", sarif, {})])
    name = f"{open_registry.address}/{repository}:1"
    scan, sbom, provenance = alone.records("inspect", "--attached", name)
    assert [(one["what"], one["how"], one["platform"]) for one in (scan, sbom, provenance)] == [
        ("scan", "tag", None),
        ("sbom", "index", "linux/amd64"),
        ("provenance", "index", "linux/amd64"),
    ]
    assert (sbom["image_digest"], scan["subject"]) == (digest, digest)
    assert sbom["sbom"]["packages"] == 2
    assert provenance["provenance"]["source"] == "https://github.com/acme/web"
    assert scan["scan"] == {"scanner": "Trivy 0.58.0", "counts": {"critical": 1}, "finished": None}
    written = alone("inspect", "--packages", "--format", "csv", name).stdout
    rows = list(csv.reader(io.StringIO(written)))
    assert rows[0] == ["name", "version", "licence", "type", "purl"]
    assert rows[2][:2] == ["'=HYPERLINK(1)", "0.19.0[31m"]
