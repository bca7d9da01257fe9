"""The name of an image: as places are asked for it, and as people see it."""

from __future__ import annotations

import pytest

from longshore.oci.image_name import ImageName
from longshore.oci.reference import Reference

ID = "sha256:" + "ab" * 32
DIGEST = "sha256:" + "1" * 64


@pytest.mark.parametrize(
    ("reference", "asked", "shown"),
    [
        ("postgres:16", "docker.io/library/postgres:16", "postgres:16"),
        ("r.io:5000/a/b", "r.io:5000/a/b:latest", "r.io:5000/a/b"),
        (f"r.io/a@{DIGEST}", f"r.io/a@{DIGEST}", f"r.io/a@{DIGEST}"),
    ],
)
def test_a_reference_comes_before_the_id(reference: str, asked: str, shown: str) -> None:
    name = ImageName(Reference.parse(reference), ID)
    assert (name.asked, name.shown, name.copied) == (asked, shown, shown)
    assert name.short == "abababababab"


def test_an_image_without_a_name_is_known_by_its_id() -> None:
    name = ImageName(None, ID)
    assert (name.asked, name.shown, name.copied, name.short) == (ID, "ab" * 6, ID, "ab" * 6)


def test_ids_of_another_form_are_safe_to_show() -> None:
    assert ImageName(None, "123456789abcdef").short == "123456789abc"
    assert ImageName(None, "sha256:ab\u202e\x07cd").shown == "abcd"
    assert ImageName(None).shown == ""
