"""Tags that are named after the digest of the image they belong to."""

from __future__ import annotations

import pytest

from longshore.oci.attached_tags import COSIGN, image_of, is_digest_like, tag_for

DIGEST = f"sha256:{'a1' * 32}"


@pytest.mark.parametrize("ending", ["", *COSIGN])
def test_there_and_back(ending: str) -> None:
    tag = tag_for(DIGEST, ending)
    assert tag == f"sha256-{'a1' * 32}{ending}"
    assert image_of(tag) == DIGEST
    assert is_digest_like(tag)


def test_other_tags() -> None:
    assert image_of(tag_for(DIGEST, ".zip")) == ""
    assert is_digest_like(tag_for(DIGEST, ".zip"))
    assert not is_digest_like("sha256-a1")
    assert image_of("1.0") == ""


def test_the_fallback_tag_of_a_long_digest_is_cut() -> None:
    assert tag_for(f"sha512:{'b' * 128}") == f"sha512-{'b' * 64}"
