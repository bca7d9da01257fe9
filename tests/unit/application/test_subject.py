"""The image that Details shows: its names, and the digest that its row knows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from longshore.application.states import State
from longshore.application.subject import Subject
from longshore.engine.address import EngineAddress
from longshore.oci.local_image import LocalImage
from longshore.oci.reference import Reference
from longshore.registry.model import TagDetails
from longshore.transfers.transfer import Endpoint, EnginePlace, LibraryPlace, RegistryPlace

_ID, _DIGEST = "sha256:" + "1" * 64, "sha256:" + "2" * 64
_ENGINE = EnginePlace(EngineAddress("default", "unix:///x"))


def local(name: str | None, *repo_digests: str, place: EnginePlace | LibraryPlace = _ENGINE) -> Subject:
    reference = Reference.parse(name) if name else None
    image = LocalImage(reference, _ID, None, 1, repo_digests=repo_digests)
    return Subject(Endpoint.of(place, image.name), image=image)


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("postgres:16", f"postgres@{_DIGEST}"),
        ("postgres:16", f"docker.io/library/postgres@{_DIGEST}"),  # as Podman lists it
        ("127.0.0.1:5000/a/b:1", f"127.0.0.1:5000/a/b@{_DIGEST}"),
    ],
)
def test_the_digest_is_that_of_its_own_repository(name: str, entry: str) -> None:
    assert local(name, f"other/image@sha256:{'3' * 64}", entry).digest == _DIGEST


def test_without_a_digest_of_its_repository_none_is_known() -> None:
    assert local("postgres:16", f"mirror/postgres@{_DIGEST}").digest == ""
    assert local(None, f"postgres@{_DIGEST}").digest == ""
    assert local("a:1", place=LibraryPlace(Path("/x"))).digest == _ID, "the library's id is the digest"


def test_a_tag_has_the_digest_of_its_details() -> None:
    end = Endpoint(RegistryPlace("ghcr.io"), Reference.parse("ghcr.io/org/app:1"))
    details = TagDetails("1", _DIGEST, None, (), None, "")
    assert Subject(end).digest == "" and Subject(end, tag=details).digest == _DIGEST
    assert Subject(end).is_remote and not Subject(end).is_in_engine
    assert (Subject(end).short, Subject(end).shown) == ("org/app:1", "ghcr.io/org/app:1")


def test_what_tells_subjects_apart() -> None:
    one = local("a:1")
    assert replace(one, state=State.NEWER, reason="x").key == one.key, "another state is the same content"
    assert local("a:1", f"a@{_DIGEST}").key != one.key
    assert (local("postgres:16").short, local(None).short) == ("postgres:16", "1" * 12)
