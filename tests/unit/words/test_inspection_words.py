"""How lines of histories and health checks are written."""

from __future__ import annotations

import pytest

from longshore.application.inspection.access import Access, PullAccess
from longshore.application.inspection.sharing import BaseImage
from longshore.errors import RegistryFailure
from longshore.oci.image_config import HealthCheck
from longshore.words.inspection import (
    base_image,
    health_check,
    instruction,
    predicates,
    presence,
    shared_with,
    who_can_pull,
)


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


def test_sharing_and_the_base_image() -> None:
    assert [presence(one) for one in (None, True, False)] == ["", "present", "not present"]
    assert shared_with(()) == ""
    assert shared_with(("debian:12", f"sha256:{'1' * 64}")) == "shared with debian:12, sha256:111111111111"
    assert shared_with(("a",) * 9) == "shared with a, a, a, a, a and 4 more"
    assert base_image(None) == ""
    assert base_image(BaseImage("debian:12", labelled=True)) == "debian:12"
    assert base_image(BaseImage("debian:12", layers=1)) == "debian:12, 1 layer in common"


def test_who_can_pull() -> None:
    assert who_can_pull(PullAccess(Access.ANYONE)) == "anyone"
    assert who_can_pull(PullAccess(Access.SIGNED_IN)) == "only signed-in users"
    reason = RegistryFailure("The registry is down.", registry="r")
    assert who_can_pull(PullAccess(Access.UNKNOWN, reason)) == "not known: The registry is down."
