"""Requests: the places of both ends decide the operation, and the image keeps its name and id all the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from longshore.application import requests
from longshore.engine.address import EngineAddress
from longshore.oci.image_name import ImageName
from longshore.oci.local_image import LocalImage
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


def _listed(name: str | None, *repo_digests: str) -> LocalImage:
    reference = None if name is None else Reference.parse(name)
    return LocalImage(reference, "sha256:" + "1" * 64, None, 1, repo_digests=repo_digests)


def test_an_image_is_shared_by_its_registry() -> None:
    digest = "sha256:" + "d" * 64
    known = _listed("r.io/acme/web:1", f"r.io/acme/web@{digest}")
    assert requests.to_share(known, ENGINE) == requests.pull(Reference.parse("r.io/acme/web:1"), ENGINE)
    for elsewhere in (f"r.io/acme/webapp@{digest}", f"other.io/acme/web@{digest}"):
        built = _listed("r.io/acme/web:1", elsewhere)
        assert requests.to_share(built, LIBRARY) == requests.push(
            Endpoint.of(LIBRARY, built.name), Reference.parse("r.io/acme/web:1")
        )
    assert requests.to_share(_listed("acme/web:1"), ENGINE) is not None
    assert requests.to_share(_listed("web:1"), ENGINE) is None, "nobody may push to docker.io/library"
    assert requests.to_share(_listed(None), ENGINE) is None


def test_a_native_pull_is_the_same_pull_with_one_more_option() -> None:
    web = Reference.parse("r.io/acme/web:1")
    usual = requests.pull(web, ENGINE, only_signed=True)
    native = requests.natively(usual)
    assert native == requests.pull(web, ENGINE, only_signed=True, native=True) != usual
    assert list(native.options) == sorted(native.options)
    assert requests.natively(native) == native
    assert requests.may_be_fetched(usual) and not requests.may_be_fetched(native)
    assert not requests.may_be_fetched(requests.pull(web, LIBRARY))
    assert not requests.may_be_fetched(requests.push(Endpoint.of(ENGINE, WEB), TARGET))
