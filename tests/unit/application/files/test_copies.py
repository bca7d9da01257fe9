"""The image on an engine that seems to be one in a registry."""

from __future__ import annotations

import pytest

from longshore.application.files.opening import local_copy
from longshore.application.inspection.values import Inspected
from longshore.engine.address import current_address
from longshore.oci.local_image import LocalImage
from longshore.oci.reference import Reference
from longshore.transfers.transfer import Endpoint, EnginePlace, RegistryPlace

ENGINE = EnginePlace(current_address("unix:///run/x.sock", {}))
CONFIG, INDEX, MANIFEST, OTHER = (f"sha256:{letter * 64}" for letter in "abcd")
TAG = Reference.parse("registry.acme.io/app:1")
FOUND = Inspected(
    Endpoint(RegistryPlace("registry.acme.io"), TAG),
    digest=INDEX,
    manifest_digest=MANIFEST,
    config_digest=CONFIG,
)


@pytest.mark.parametrize(
    ("image_id", "same"), [(CONFIG, True), (MANIFEST, True), (INDEX, True), (OTHER, False), ("", False)]
)
def test_an_engine_knows_an_image_by_one_of_three_digests(image_id: str, same: bool) -> None:
    local = Reference.parse("other/name:2")
    images = [LocalImage(Reference.parse("first:1"), OTHER, None, 0), LocalImage(local, image_id, None, 0)]
    copy = local_copy(FOUND, [(ENGINE, images)])
    assert (copy is not None and (copy.place, copy.reference) == (ENGINE, local)) is same


def test_what_is_local_has_no_copy() -> None:
    local = Inspected(Endpoint(ENGINE, TAG), config_digest=CONFIG)
    assert local_copy(local, [(ENGINE, [LocalImage(TAG, CONFIG, None, 0)])]) is None
