"""What a refused write of a tag means: the tag is immutable, or something else is wrong."""

from __future__ import annotations

import pytest

from longshore.errors import AccessDenied, LongshoreError, RegistryFailure, TagImmutable, UnexpectedReply
from longshore.oci.manifest import OCI_MANIFEST
from longshore.registry.config import RegistryConfig
from longshore.registry.failures import of_tag

from .conftest import reply

CONFIG = RegistryConfig("r.example")


@pytest.mark.parametrize(
    "detail",
    [
        "HTTP 409",
        "HTTP 412",
        "HTTP 412: any words",
        "HTTP 400: TAG_INVALID: The image tag 'v1' already exists and the repository is Immutable",
        "HTTP 403: the tag already exists",
        "HTTP 405: tag v1 is locked",
        "HTTP 409: the tag cannot be overwritten",
    ],
)
def test_a_tag_that_may_not_move(detail: str) -> None:
    found = of_tag(UnexpectedReply("refused", registry="", detail=detail), CONFIG, "team/app:v1", "v1")
    assert isinstance(found, TagImmutable)
    assert "v1" in found.message and found.detail == detail
    assert (found.registry, found.subject) == ("r.example", "team/app:v1")


@pytest.mark.parametrize(
    "detail",
    [
        "HTTP 400",
        "HTTP 400: MANIFEST_INVALID",
        "HTTP 403: DENIED: no right",
        "HTTP 405",
        "HTTP 409: another upload is in progress",
        "HTTP 500: the tag is immutable",
        "",
    ],
)
def test_other_refusals_remain_what_they_are(detail: str) -> None:
    error: LongshoreError = AccessDenied("denied", registry="r.example", detail=detail)
    assert of_tag(error, CONFIG, "team/app:v1", "v1") is error


def test_content_that_another_upload_hides_for_a_moment(serve, connect) -> None:
    refused = {
        "errors": [
            {"code": "DIGEST_INVALID", "message": "provided digest did not match uploaded content"},
            {"code": "MANIFEST_BLOB_UNKNOWN", "message": "blob unknown to registry"},
        ]
    }
    client = connect(serve(lambda asked: reply(refused, 400)))
    for name in ("v1", "sha256:" + "0" * 64):
        with pytest.raises(RegistryFailure) as found:
            client.put_manifest("team/app", name, b"{}", OCI_MANIFEST)
        assert found.value.transient
        assert "has just accepted" in found.value.message
