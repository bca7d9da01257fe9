"""Pulls and pushes by an engine: what counts as the requested image, and where its manifest may be read."""

from __future__ import annotations

import itertools
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from longshore.cancellation import Cancellation
from longshore.engine.model import ImageStore
from longshore.errors import (
    AccessDenied,
    DigestMismatch,
    DiskFull,
    EngineFailure,
    EngineLost,
    InvalidManifest,
    LongshoreError,
    NotInRegistry,
    RateLimited,
    RegistryFailure,
    RegistryUnreachable,
    Remedy,
    SignInRequired,
    TlsFailed,
)
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers.index_parts import IndexParts
from longshore.transfers.transfer import (
    ArchivePlace,
    Endpoint,
    EnginePlace,
    FolderPlace,
    LibraryPlace,
    NoteKind,
    RegistryPlace,
    TransferNote,
)
from longshore.transfers.ways import pull as pulling
from longshore.transfers.ways import push as pushing
from longshore.transfers.ways.table import all_ways, make_way
from longshore.transfers.ways.way import Job
from transfertools import ENGINE, copy, pull, push

A, B = (f"sha256:{digit * 64}" for digit in "ab")
TARGET = Reference.parse("acme.io/team/app:1")


def test_an_image_carries_a_digest_by_its_id_or_by_what_it_was_pulled_as() -> None:
    assert pulling.carries(A, A, ())
    assert pulling.carries(A, B, (f"acme.io/x@{B}", f"acme.io/app@{A}"))
    assert not pulling.carries(A, B, (f"acme.io/app@{B}",))
    assert not pulling.carries(A, B, ())


@pytest.mark.parametrize(
    ("at_registry", "digest", "told"), [(A, A, 0), (B, "", 1), (None, "", 1), ("", "", 0)]
)
def test_the_digest_of_an_engine_that_reports_none(
    monkeypatch: pytest.MonkeyPatch, at_registry: str | None, digest: str, told: int
) -> None:
    """None: the registry has no such tag now. Empty: it could not be asked, which has its own note."""
    monkeypatch.setattr(pulling, "digest_at_registry", lambda *_: at_registry)
    notes: list[TransferNote] = []
    job = Job(pull("127.0.0.1:5000/app:1"), Any, Cancellation(), Any, notes.append)  # type: ignore[arg-type]
    image: Any = SimpleNamespace(image_id="sha256:" + "c" * 64, repo_digests=(f"127.0.0.1:5000/app@{A}",))
    assert pulling.PullWay()._digest_by_registry(job, image) == digest
    assert [note.kind for note in notes] == [NoteKind.NOT_VERIFIED] * told


@pytest.mark.parametrize(
    ("store", "config", "error", "same", "told"),
    [
        (ImageStore.CLASSIC, A, None, True, 0),
        (ImageStore.CLASSIC, B, None, False, 0),
        (ImageStore.CLASSIC, A, InvalidManifest("No image is available for linux/arm64."), False, 0),
        (ImageStore.CLASSIC, B, RegistryUnreachable("down", registry="r"), True, 1),
        (ImageStore.CONTAINERD, A, None, False, 0),  # its ids are the digests
    ],
)
def test_the_image_of_an_index_whose_digest_belongs_to_another_platform_s(
    monkeypatch: pytest.MonkeyPatch,
    store: ImageStore,
    config: str,
    error: LongshoreError | None,
    same: bool,
    told: int,
) -> None:
    arm64 = Platform("linux", "arm64")
    asked: list[Any] = []

    def image_manifest(_client: Any, path: str, digest: str, platform: Platform, _: Any) -> Any:
        asked.append((path, digest, platform))
        if error is not None:
            raise error
        return digest, SimpleNamespace(config=SimpleNamespace(digest=config))

    monkeypatch.setattr(pulling.planning, "image_manifest", image_manifest)
    info = SimpleNamespace(store=store, platform=Platform("linux", "amd64"))
    clients: Any = SimpleNamespace(
        engine=lambda _: SimpleNamespace(probe=lambda: info), registry=lambda _: None
    )
    notes: list[TransferNote] = []
    request = replace(pull("127.0.0.1:5000/app:1"), platform=arm64)
    job = Job(request, clients, Cancellation(), Any, notes.append)  # type: ignore[arg-type]
    image: Any = SimpleNamespace(image_id=A, repo_digests=())
    assert pulling.PullWay()._of_index(job, image, B) is same
    assert [note.kind for note in notes] == [NoteKind.NOT_VERIFIED] * told
    assert asked == ([("app", B, arm64)] if store is ImageStore.CLASSIC else [])


def test_what_can_be_paused_and_what_unpacks() -> None:
    """Longshore can stop and resume where it moves the bytes; an engine's own push starts over, and so does its own
    pull: until that is found to be the way, a pull counts as one that Longshore fetches."""
    places = (EnginePlace, RegistryPlace, LibraryPlace, ArchivePlace)
    ways = all_ways()
    build = (FolderPlace, EnginePlace)
    indexes = {(IndexParts, place) for place in (RegistryPlace, LibraryPlace, ArchivePlace)}
    assert set(ways) == {*itertools.product(places, places), build, *indexes}
    assert {pair: type(make_way(pair)) for pair in ways} == {pair: type(way) for pair, way in ways.items()}
    assert make_way((EnginePlace, str)) is None  # type: ignore[arg-type]
    copies = {
        (RegistryPlace, RegistryPlace),
        (RegistryPlace, LibraryPlace),
        (LibraryPlace, RegistryPlace),
        (LibraryPlace, LibraryPlace),
        (ArchivePlace, RegistryPlace),
        (ArchivePlace, LibraryPlace),
        (RegistryPlace, EnginePlace),
    }
    assert {pair for pair, way in ways.items() if way.pausable} == copies
    assert {pair for pair, way in ways.items() if way.extracts} == {(place, EnginePlace) for place in places}


def test_the_ends_of_a_pull_and_of_a_push() -> None:
    pulled = pull("127.0.0.1:5000/app")
    reference, registry, engine = pulling._ends(pulled)
    assert (str(reference), registry.host, engine.address) == (
        "127.0.0.1:5000/app:latest",
        "127.0.0.1:5000",
        ENGINE,
    )
    pushed = push("app:1", "127.0.0.1:5000/app")
    place, target, registry = pushing._ends(pushed)
    assert (place.address, str(target), registry.host) == (
        ENGINE,
        "127.0.0.1:5000/app:latest",
        "127.0.0.1:5000",
    )
    by_id = replace(pushed, source=Endpoint(pushed.source.place, None, A))
    assert pushing._ends(by_id)[1] == target
    assert (by_id.source.name.asked, pushed.source.name.asked) == (A, "docker.io/library/app:1")


def test_what_is_no_pull_or_no_push_is_refused() -> None:
    pulled, pushed = pull(), push("app:1", "127.0.0.1:5000/app:1")
    between = copy("127.0.0.1:5000/a:1", "127.0.0.1:6000/a:1")
    nameless = replace(pulled, source=Endpoint(pulled.source.place, None))
    for request in (pushed, between, nameless):
        with pytest.raises(ValueError, match="a pull"):
            pulling._ends(request)
    nothing = replace(pushed, source=Endpoint(pushed.source.place, None))
    untitled = replace(pushed, destination=Endpoint(pushed.destination.place, None))
    for request in (pulled, between, nothing, untitled):
        with pytest.raises(ValueError, match="a push"):
            pushing._ends(request)


def origins(*digests: str, near_only: bool = False) -> list[tuple[str, str, str]]:
    image: Any = SimpleNamespace(repo_digests=digests)
    return list(pushing._origins(image, TARGET, near_only=near_only))


def test_the_manifest_is_looked_for_near_the_target_first_and_in_three_places_at_most() -> None:
    found = origins(
        f"quay.io/x/app@{A}",
        "no reference at all",
        f"acme.io/other@{A}",
        f"acme.io/team/app@{B}",
        f"ghcr.io/y/app@{A}",
    )
    assert found == [("acme.io", "team/app", B), ("acme.io", "other", A), ("ghcr.io", "y/app", A)]
    assert origins(f"quay.io/x/app@{A}", f"acme.io/other@{A}", near_only=True) == [("acme.io", "other", A)]
    assert origins(f"quay.io/x/app@{A}", near_only=True) == []
    assert origins("acme.io/team/app:1") == []


@pytest.mark.parametrize(
    ("error", "moved", "helps"),
    [
        (RegistryUnreachable("The connection is refused.", registry="r"), 0, False),
        (RegistryUnreachable("The connection was cut.", registry="r"), 5_000_000, True),
        (SignInRequired("Sign in.", registry="r"), 5_000_000, False),
        (AccessDenied("No.", registry="r"), 5_000_000, False),
        (NotInRegistry("No such tag.", registry="r"), 0, False),
        (RateLimited("Too many.", registry="r"), 0, False),
        (TlsFailed("Bad certificate.", registry="r"), 0, False),
        (DiskFull("No room."), 5_000_000, False),
        (RegistryFailure("Trouble.", registry="r"), 0, True),
        (DigestMismatch("Damaged."), 5_000_000, True),
        (EngineFailure("It could not."), 0, True),
        (EngineLost("It went away."), 0, True),
        (InvalidManifest("It has a format that the engine does not support."), 0, True),
    ],
)
def test_the_library_is_the_remedy_only_where_it_would_do_better(
    monkeypatch: pytest.MonkeyPatch, error: LongshoreError, moved: int, helps: bool
) -> None:
    def fails(_way: pulling.PullWay, _job: Any) -> str:
        raise error

    monkeypatch.setattr(pulling.PullWay, "_run", fails)
    job: Any = SimpleNamespace(progress=SimpleNamespace(snapshot=lambda: SimpleNamespace(moved_bytes=moved)))
    before = error.remedy
    with pytest.raises(type(error)) as caught:
        pulling.PullWay().run(job)
    assert caught.value is error
    assert error.remedy is (Remedy.LIBRARY if helps else before)
