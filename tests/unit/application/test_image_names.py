"""Finding the image that a person means."""

from __future__ import annotations

import pytest

from longshore.application.image_names import find_image
from longshore.errors import InvalidInput, InvalidReference
from longshore.oci.local_image import LocalImage
from longshore.oci.reference import Reference

ONE, TWO = "sha256:" + "abcd" * 16, "sha256:" + "abce" * 16
DIGEST = "sha256:" + "1" * 64
IMAGES = [
    LocalImage(
        Reference.parse("alpine:latest"), ONE, None, 1, repo_digests=(f"docker.io/library/alpine@{DIGEST}",)
    ),
    LocalImage(Reference.parse("abcd:1"), TWO, None, 1),
    LocalImage(None, TWO, None, 1),
]


@pytest.mark.parametrize(
    ("text", "image_id", "name"),
    [
        ("alpine", ONE, "docker.io/library/alpine:latest"),
        ("docker.io/library/alpine:latest", ONE, "docker.io/library/alpine:latest"),
        ("abcd:1", TWO, "docker.io/library/abcd:1"),
        ("abcd", ONE, None),  # no image is called that with the tag latest, so it is an id
        ("abcdabcd", ONE, None),
        ("sha256:abce", TWO, None),
        (TWO, TWO, None),
        (f"alpine@{DIGEST}", ONE, f"docker.io/library/alpine@{DIGEST}"),
    ],
)
def test_found(text: str, image_id: str, name: str | None) -> None:
    found = find_image(IMAGES, text)
    assert found is not None
    assert found.image_id == image_id
    assert (None if found.reference is None else str(found.reference)) == name


@pytest.mark.parametrize("text", ["debian", "abc", "ffff", "alpine:3", f"debian@{DIGEST}"])
def test_not_found(text: str) -> None:
    assert find_image(IMAGES, text) is None


def test_neither_a_name_nor_one_image() -> None:
    with pytest.raises(InvalidInput, match="Several images"):
        find_image([*IMAGES, LocalImage(None, "sha256:" + "abcd1" + "0" * 59, None, 1)], "sha256:abcd")
    with pytest.raises(InvalidReference):
        find_image(IMAGES, "no such name")
