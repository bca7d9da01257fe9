"""How lines of histories and health checks are written."""

from __future__ import annotations

import pytest

from longshore.oci.image_config import HealthCheck
from longshore.words.inspection import health_check, instruction, predicates


@pytest.mark.parametrize(
    ("created_by", "shown"),
    [
        ('/bin/sh -c #(nop)  CMD ["sh"]', 'CMD ["sh"]'),
        ("/bin/sh -c apt-get update", "RUN apt-get update"),
        ("|1 A=b /bin/sh -c make all", "RUN make all"),
        ("RUN /bin/sh -c make # buildkit", "RUN make"),
        ("RUN |1 A=b /bin/sh -c make # buildkit", "RUN make"),
        ("COPY /a /b # buildkit", "COPY /a /b"),
        ('ENTRYPOINT ["/bin/sh -c x"]', 'ENTRYPOINT ["/bin/sh -c x"]'),
        ("crane append", "crane append"),
        ("a\x1b[31mb\u202e", "a[31mb"),
        ("", ""),
    ],
)
def test_a_line_is_as_in_a_dockerfile(created_by: str, shown: str) -> None:
    assert instruction(created_by) == shown


def test_health_checks() -> None:
    assert health_check(None) == ""
    assert health_check(HealthCheck(("NONE",))) == "turned off"
    assert health_check(HealthCheck(("CMD", "curl", "a b"))) == "curl 'a b'"
    assert health_check(HealthCheck(("CMD-SHELL", "curl a b"), interval=30.0)) == "curl a b, every 30 s"


def test_predicates_are_said_once() -> None:
    types = (
        "https://slsa.dev/provenance/v1",
        "https://spdx.dev/Document",
        "https://cyclonedx.org/bom",
        "x/y",
    )
    assert predicates(types) == "provenance, SBOM, x/y"
