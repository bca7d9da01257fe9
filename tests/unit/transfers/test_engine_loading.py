"""What an engine has loaded is verified, and the tar that it read is closed, whatever the engine does."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from longshore.cancellation import Cancellation
from longshore.errors import EngineLost, ImageUnknown, VerificationFailed
from longshore.oci.reference import Reference
from longshore.transfers.progress.progress import Progress
from longshore.transfers.transfer import NoteKind, Phase, TransferNote
from longshore.transfers.ways.engine_images import tag
from longshore.transfers.ways.loading import Expected, load, verify
from longshore.transfers.ways.way import Job
from transfertools import pull

INDEX, MANIFEST, CONFIG, OTHER, LAYER = (f"sha256:{digit * 64}" for digit in "abcde")
NAME = Reference.parse("acme.io/team/app:1")
EXPECTED = Expected(frozenset((INDEX, MANIFEST, CONFIG)), (LAYER,), NAME, CONFIG, INDEX)


class OneImage:
    """An engine with one image, under any name or id in *known*."""

    def __init__(self, image_id: str, *known: str, diff_ids: tuple[str, ...] = (LAYER,)) -> None:
        self.there = SimpleNamespace(image_id=image_id, diff_ids=diff_ids, repo_digests=())
        self.known = known
        self.tagged: list[tuple[str, Reference]] = []

    def image(self, name: str) -> Any:
        if name not in self.known:
            raise ImageUnknown("There is no such image.", subject=name)
        return self.there

    def tag(self, image: str, name: Reference) -> None:
        self.tagged.append((image, name))


def attempt(engine: object = None) -> tuple[Job, list[TransferNote]]:
    notes: list[TransferNote] = []
    clients: Any = SimpleNamespace(engine=lambda _: engine)
    return Job(pull(), clients, Cancellation(), Progress(extracts=True), notes.append), notes


def verified(engine: Any, expected: Expected, *loaded: str) -> tuple[str, list[NoteKind]]:
    job, notes = attempt()
    return verify(job, engine, expected, loaded), [note.kind for note in notes]


@pytest.mark.parametrize(
    ("image_id", "before", "kinds"),
    [
        (INDEX, "", []),
        (MANIFEST, INDEX, [NoteKind.TAG_MOVED]),
        (INDEX, INDEX, [NoteKind.UP_TO_DATE]),
        (CONFIG, "", [NoteKind.DIGEST_NOT_KEPT]),
        (CONFIG, OTHER, [NoteKind.TAG_MOVED, NoteKind.DIGEST_NOT_KEPT]),
    ],
)
def test_the_image_of_that_name(image_id: str, before: str, kinds: list[NoteKind]) -> None:
    expected = replace(EXPECTED, before=before)
    assert verified(OneImage(image_id, str(NAME)), expected) == (image_id, kinds)


def test_without_a_manifest_no_digest_is_lost() -> None:
    assert verified(OneImage(CONFIG, str(NAME)), replace(EXPECTED, manifest="")) == (CONFIG, [])


def test_without_a_name_it_is_found_by_its_ids_and_by_what_the_engine_says() -> None:
    nameless = replace(EXPECTED, name=None)
    assert verified(OneImage(MANIFEST, MANIFEST), nameless) == (MANIFEST, [])
    repacked = replace(nameless, repacked=True)
    assert verified(OneImage(OTHER, OTHER), repacked, OTHER) == (OTHER, [NoteKind.REPACKED])


def test_another_id_is_another_image_unless_the_engine_makes_a_manifest_of_its_own() -> None:
    engine = OneImage(OTHER, str(NAME))
    with pytest.raises(VerificationFailed, match="not the one"):
        verified(engine, EXPECTED)
    assert verified(engine, replace(EXPECTED, repacked=True)) == (OTHER, [NoteKind.REPACKED])


@pytest.mark.parametrize("repacked", [False, True])
def test_other_layers_are_another_image(repacked: bool) -> None:
    engine = OneImage(INDEX, str(NAME), diff_ids=(LAYER, OTHER))
    with pytest.raises(VerificationFailed, match="not the one"):
        verified(engine, replace(EXPECTED, repacked=repacked))


def test_an_engine_that_does_not_have_what_it_says_it_loaded() -> None:
    with pytest.raises(VerificationFailed, match="does not have it") as caught:
        verified(OneImage(INDEX), EXPECTED, "acme.io/team/app:1")
    assert (caught.value.subject, caught.value.detail) == ("acme.io/team/app:1", "acme.io/team/app:1")


@pytest.mark.parametrize("read", [0, 1])
def test_the_tar_is_closed_when_the_engine_fails(read: int) -> None:
    closed: list[bool] = []

    def tar() -> Generator[bytes]:
        try:
            yield b"one"
            yield b"two"
        finally:
            closed.append(True)

    def lost(chunks: Iterable[bytes], cancellation: Cancellation, told: object) -> list[str]:
        for _, _ in zip(range(read), chunks, strict=False):
            pass
        raise EngineLost("The connection to the engine was lost.")

    job, _ = attempt()
    engine: Any = SimpleNamespace(load=lost)
    stream = tar()
    with pytest.raises(EngineLost):
        load(job, engine, stream)
    assert closed == [True] * read  # a stream that never began has nothing to close
    assert job.progress.snapshot().phase is Phase.WAITING


def test_the_phases_of_a_load() -> None:
    job, _ = attempt()
    seen: list[Phase | None] = []

    def loaded(chunks: Iterable[bytes], cancellation: Cancellation, told: object) -> list[str]:
        for _ in chunks:
            seen.append(job.progress.snapshot().phase)
        seen.append(job.progress.snapshot().phase)
        return ["app:1"]

    def tar() -> Generator[bytes]:
        yield b"all"

    engine: Any = SimpleNamespace(load=loaded)
    assert load(job, engine, tar()) == ["app:1"]
    assert [*seen, job.progress.snapshot().phase] == [
        Phase.WAITING,
        Phase.EXTRACTING,
        Phase.VERIFYING,
    ]


@pytest.mark.parametrize(
    ("image_id", "known", "kinds"),
    [
        (INDEX, (str(NAME),), None),
        (OTHER, (str(NAME),), [NoteKind.TAG_MOVED]),
        (OTHER, (), [NoteKind.TAGGED]),
    ],
)
def test_a_tag_is_given_where_it_does_not_point_yet(
    image_id: str, known: tuple[str, ...], kinds: list[NoteKind] | None
) -> None:
    engine = OneImage(image_id, *known)
    job, notes = attempt(engine)
    found: Any = engine
    assert tag(job, found, INDEX, NAME) == (kinds is not None)
    assert [note.kind for note in notes] == (kinds or [])
    assert engine.tagged == ([] if kinds is None else [(INDEX, NAME)])
