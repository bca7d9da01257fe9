"""What a copy asks its source for, and the name that the image gets."""

from __future__ import annotations

import pytest

from longshore.oci.reference import Reference
from longshore.transfers.transfer import Endpoint, RegistryPlace
from longshore.transfers.ways.copying.work import _destination_name, source_name

DIGEST = "sha256:" + "a" * 64
PLACE = RegistryPlace("one.example")


@pytest.mark.parametrize(
    ("reference", "source", "destination"),
    [
        ("one.example/app:1", "1", "1"),
        ("one.example/app", "latest", "latest"),
        (f"one.example/app@{DIGEST}", DIGEST, ""),
        (f"one.example/app:1@{DIGEST}", DIGEST, "1"),
    ],
)
def test_names_of_both_ends(reference: str, source: str, destination: str) -> None:
    end = Endpoint(PLACE, Reference.parse(reference))
    assert (source_name(end), _destination_name(end)) == (source, destination)


def test_an_end_without_a_name_is_known_by_its_id() -> None:
    end = Endpoint(PLACE, None, DIGEST)
    assert (source_name(end), _destination_name(end)) == (DIGEST, "")
