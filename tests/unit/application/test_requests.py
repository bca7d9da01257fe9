"""Requests: the places of both ends decide the operation, and the image keeps its name and id all the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from longshore.application import requests
from longshore.engine.address import EngineAddress
from longshore.oci.image_name import ImageName
from longshore.oci.reference import Reference
from longshore.transfers.transfer import (
    ArchivePlace,
    Endpoint,
    EnginePlace,
    LibraryPlace,
    Operation,
    Place,
    RegistryPlace,
)

ENGINE = EnginePlace(EngineAddress("default", "unix:///var/run/docker.sock"))
LIBRARY = LibraryPlace(Path("/data/library"))
ARCHIVE = ArchivePlace(Path("/tmp/a.tar"))
WEB = ImageName(Reference.parse("acme/web:1"), "sha256:" + "1" * 64)
NAMELESS = ImageName(None, "sha256:" + "2" * 64)
TARGET = Reference.parse("r.io/acme/web:1")


@pytest.mark.parametrize("image", [WEB, NAMELESS])
@pytest.mark.parametrize(
    ("place", "operation"),
    [(ENGINE, Operation.PUSH), (LIBRARY, Operation.PUSH), (ARCHIVE, Operation.LOAD)],
)
def test_to_a_registry(place: Place, operation: Operation, image: ImageName) -> None:
    request = requests.push(Endpoint.of(place, image), TARGET)
    assert (request.operation, request.source.place, request.source.name) == (operation, place, image)
    assert request.destination == Endpoint(RegistryPlace("r.io"), TARGET)


@pytest.mark.parametrize("image", [WEB, NAMELESS])
def test_an_image_keeps_its_name_in_archives_and_other_places(image: ImageName) -> None:
    saved = requests.save(Endpoint.of(LIBRARY, image), ARCHIVE)
    loaded = requests.load(Endpoint.of(ARCHIVE, image), ENGINE)
    carried = requests.carry(Endpoint.of(ENGINE, image), LIBRARY)
    made = [saved, loaded, carried]
    assert [each.operation for each in made] == [Operation.SAVE, Operation.LOAD, Operation.COPY]
    assert [each.source.place for each in made] == [LIBRARY, ARCHIVE, ENGINE]
    assert [each.destination.place for each in made] == [ARCHIVE, ENGINE, LIBRARY]
    assert {end.name for each in made for end in (each.source, each.destination)} == {image}


def test_a_pull_names_a_tag_at_both_ends() -> None:
    request = requests.pull(Reference.parse("r.io/acme/web"), ENGINE)
    latest = Reference.parse("r.io/acme/web:latest")
    assert request.operation is Operation.PULL
    assert (request.source, request.destination) == (
        Endpoint(RegistryPlace("r.io"), latest),
        Endpoint(ENGINE, latest),
    )
    assert dict(requests.pull(latest, LIBRARY, whole=True).options) == {"platforms": "all"}
