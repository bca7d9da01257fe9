"""Which changes of tags a transfer records, and what it says about the tags and images that it finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.engine.address import EngineAddress
from longshore.errors import (
    ImageUnknown,
    LongshoreError,
    NotInRegistry,
    RegistryUnreachable,
    TagMoved,
    VerificationFailed,
)
from longshore.oci.reference import Reference
from longshore.transfers.tag_changes import NO_RECORDER, TagChange, TagOperation, recorded
from longshore.transfers.transfer import (
    EXPECTED,
    UNDOES,
    ArchivePlace,
    EnginePlace,
    LibraryPlace,
    NoteKind,
    Operation,
    RegistryPlace,
    TransferRequest,
)
from longshore.transfers.ways import tag_records
from longshore.transfers.ways import verify as verifying
from longshore.transfers.ways.engine_images import image_id_of, tell_if_changed, tell_if_repacked
from longshore.transfers.ways.tag_records import change_of, changing, tag_now
from longshore.transfers.ways.verify import digest_at_registry, verify_tag
from longshore.transfers.ways.way import Job
from transfertools import ENGINE, pull, push

A, B = (f"sha256:{digit * 64}" for digit in "ab")
NAME = Reference.parse("acme.io/team/app:1")
AWAY = RegistryUnreachable("The registry is away.", registry="acme.io")


class Recorder:
    """Records what is announced and settled."""

    def __init__(self) -> None:
        self.announced: list[TagChange] = []
        self.settled: list[Mapping[str, str | None]] = []

    def announce(self, changes: Sequence[TagChange]) -> list[str]:
        self.announced.extend(changes)
        return [f"id-{number}" for number in range(len(changes))]

    def settle(self, found: Mapping[str, str | None]) -> None:
        self.settled.append(dict(found))


class Places:
    """An engine, a library and a registry; *said*: what each answers, or the error that it raises."""

    def __init__(self, said: object = None) -> None:
        self.said = said
        self.asked: list[tuple[Any, ...]] = []

    def _answer(self, *asked: object) -> Any:
        self.asked.append(asked)
        if isinstance(self.said, BaseException):
            raise self.said
        return self.said(asked[-1]) if callable(self.said) else self.said

    def engine(self, address: EngineAddress) -> Any:
        return SimpleNamespace(image=lambda name: self._answer("engine", address, name))

    def library(self, path: Path) -> Any:
        return SimpleNamespace(find=lambda name: self._answer("library", path, name))

    def registry(self, host: str) -> Any:
        def head(path: str, tag: str, *, for_push: bool = False, cancellation: Cancellation) -> Any:
            return self._answer("registry", host, path, tag, for_push, cancellation)

        return SimpleNamespace(head=head)


def attempt(said: object = None, request: TransferRequest | None = None, **more: Any) -> tuple[Job, Any]:
    """A job, and its notes as pairs of kind and text."""
    notes: list[tuple[NoteKind, str]] = []
    clients: Any = Places(said)
    job = Job(
        pull(str(NAME)) if request is None else request,
        clients,
        Cancellation(),
        SimpleNamespace(),  # type: ignore[arg-type]
        lambda note: notes.append((note.kind, note.text)),
        **more,
    )
    return job, notes


@pytest.mark.parametrize(
    ("operation", "recorded_as"),
    [
        (Operation.PULL, TagOperation.PULL),
        (Operation.PUSH, TagOperation.PUSH),
        (Operation.COPY, TagOperation.COPY),
        (Operation.LOAD, TagOperation.LOAD),
        (Operation.SAVE, TagOperation.COPY),
    ],
)
def test_what_a_change_says_about_its_transfer(operation: Operation, recorded_as: TagOperation) -> None:
    job, _ = attempt(request=replace(pull(str(NAME)), operation=operation), id="t1")
    found = change_of(job, NAME.with_digest(A), "", B, origins=iter(["one", "two"]))
    assert found == TagChange(
        EnginePlace(ENGINE), NAME, recorded_as, "", B, transfer="t1", origins=("one", "two")
    )
    assert change_of(job, Reference.parse("acme.io/team/app"), None).reference.tag == "latest"
    assert change_of(job, NAME, None, source=True).place == RegistryPlace("acme.io")


def undoing(expected: str, undoes: str = "") -> Job:
    """A push that puts the tag back."""
    options = {EXPECTED: expected} | ({UNDOES: undoes} if undoes else {})
    request = replace(push(str(NAME), str(NAME)), options=tuple(sorted(options.items())))
    return attempt(request=request)[0]


def test_a_transfer_that_undoes_a_change_says_which() -> None:
    """The tag that an engine's push needs at the engine is no change of the user's own."""
    there, here = (change_of(undoing(A, "c1"), NAME, A, source=source) for source in (False, True))
    assert (there.operation, there.undoes) == (TagOperation.UNDO, "c1")
    assert (here.operation, here.undoes, here.place) == (TagOperation.UNDO, "-", EnginePlace(ENGINE))
    assert change_of(undoing(A), NAME, A).undoes == ""
    job, _ = attempt(request=replace(push(str(NAME), str(NAME)), options=((UNDOES, "c1"),)))
    unexpected = change_of(job, NAME, A)
    assert (unexpected.operation, unexpected.undoes) == (TagOperation.PUSH, "")


@pytest.mark.parametrize(("expected", "before"), [(A, B), (A, ""), ("", A)])
def test_a_tag_that_changed_meanwhile_is_not_put_back(expected: str, before: str) -> None:
    job = undoing(expected)
    with pytest.raises(TagMoved) as caught:
        change_of(job, NAME, before)
    assert (caught.value.subject, caught.value.arguments) == ("acme.io/team/app:1", {"tag": "1"})
    assert change_of(job, NAME, expected).before == expected
    assert change_of(job, NAME, None).before is None  # nobody knows
    assert change_of(job, NAME, before, source=True).before == before


def test_what_a_tag_of_an_engine_points_to() -> None:
    image = SimpleNamespace(image_id=A, repo_digests=(f"acme.io/team/app@{B}",))
    job, _ = attempt(image)
    assert tag_now(job, EnginePlace(ENGINE), NAME) == (A, (f"acme.io/team/app@{B}",))
    assert job.clients.asked == [("engine", ENGINE, "acme.io/team/app:1")]  # type: ignore[attr-defined]
    job, _ = attempt(ImageUnknown("no such image"))
    assert tag_now(job, EnginePlace(ENGINE), NAME) == ("", ())


def test_what_a_tag_of_the_library_points_to() -> None:
    place = LibraryPlace(Path("/library"))
    job, _ = attempt(SimpleNamespace(descriptor=SimpleNamespace(digest=A)))
    # What the library frees, the registry that it is named after may still have.
    assert tag_now(job, place, NAME) == (A, (f"acme.io/team/app@{A}",))
    assert job.clients.asked == [("library", place.path, NAME)]  # type: ignore[attr-defined]
    assert tag_now(attempt(None)[0], place, NAME) == ("", ())


def test_what_a_tag_of_a_registry_points_to() -> None:
    """It is asked with the rights of the push that follows, so that nobody has to sign in twice."""
    place = RegistryPlace("mirror.example")
    job, _ = attempt(SimpleNamespace(digest=A))
    assert tag_now(job, place, NAME) == (A, ())
    assert job.clients.asked[0][:5] == (  # type: ignore[attr-defined]
        "registry",
        "mirror.example",
        "team/app",
        "1",
        True,
    )
    assert tag_now(attempt(None)[0], place, NAME) == ("", ())


@pytest.mark.parametrize(
    "place", [EnginePlace(ENGINE), LibraryPlace(Path("/library")), RegistryPlace("acme.io")]
)
def test_what_cannot_be_asked_is_not_known(place: Any) -> None:
    assert tag_now(attempt(AWAY)[0], place, NAME) == (None, ())
    archive = ArchivePlace(Path("/file.tar"))
    assert tag_now(attempt(AssertionError())[0], archive, NAME) == (None, ())


def late(cancellation: Cancellation) -> None:
    """A registry that never answers."""
    assert cancellation.wait(20)
    raise Cancelled


def test_a_registry_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tag_records, "LOOK_SECONDS", 0.01)
    job, _ = attempt(late)
    assert tag_now(job, RegistryPlace("acme.io"), NAME) == (None, ())
    job.cancellation.cancel()
    with pytest.raises(Cancelled):
        tag_now(job, RegistryPlace("acme.io"), NAME)


def test_changes_are_announced_before_and_settled_after() -> None:
    recorder = Recorder()
    job, _ = attempt(recorder=recorder)
    left, found_out = change_of(job, NAME, "", A), change_of(job, NAME.with_tag("2"), B)
    with changing(job, left, found_out) as found:
        assert (recorder.announced, recorder.settled) == ([left, found_out], [])
        found[found_out] = A
    assert recorder.settled == [{"id-0": A, "id-1": A}]


def test_after_a_failure_each_tag_is_looked_at_unless_it_is_known() -> None:
    recorder = Recorder()
    job, _ = attempt(SimpleNamespace(image_id=B, repo_digests=()), recorder=recorder)
    known, unknown = change_of(job, NAME, "", A), change_of(job, NAME.with_tag("2"), "", A)
    with pytest.raises(KeyError), changing(job, known, unknown) as found:
        found[known] = None
        raise KeyError
    assert recorder.settled == [{"id-0": None, "id-1": B}]
    assert [asked[-1] for asked in job.clients.asked] == ["acme.io/team/app:2"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("trouble", [OSError("odd"), AWAY, Cancelled()])
def test_looking_after_a_failure_does_not_hide_it(trouble: Exception) -> None:
    recorder = Recorder()
    job, _ = attempt(trouble, recorder=recorder)
    with pytest.raises(KeyError, match="first"), changing(job, change_of(job, NAME, "", A)):
        raise KeyError("first")
    assert recorder.settled == [{"id-0": None}]


def test_a_program_without_a_history_records_nothing() -> None:
    change = change_of(attempt()[0], NAME, "", A)
    assert NO_RECORDER.announce([change, change]) == ["", ""]
    with recorded(NO_RECORDER, [change], lambda _: None) as found:
        assert found == {}


# -- what is verified at the registry


def at_registry(said: object) -> tuple[str | None, list[tuple[NoteKind, str]]]:
    job, notes = attempt(said)
    return digest_at_registry(job, "acme.io", NAME), notes


def test_the_digest_of_a_tag_at_its_registry() -> None:
    assert at_registry(SimpleNamespace(digest=A)) == (A, [])
    assert at_registry(None) == (None, [])
    assert at_registry(NotInRegistry("no such repository", registry="acme.io")) == (None, [])
    assert at_registry(AWAY) == ("", [(NoteKind.NOT_VERIFIED, "The registry is away.")])


def test_verifying_takes_a_moment_only_and_can_be_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "VERIFY_SECONDS", 0.01)
    assert at_registry(late) == (
        "",
        [(NoteKind.NOT_VERIFIED, "The registry did not respond in time.")],
    )
    job, notes = attempt(late)
    job.cancellation.cancel()
    with pytest.raises(Cancelled):
        digest_at_registry(job, "acme.io", NAME)
    assert notes == []


def test_a_push_is_verified_by_its_tag() -> None:
    def verified(said: object) -> bool:
        return verify_tag(attempt(said)[0], "acme.io", NAME, A)

    assert verified(SimpleNamespace(digest=A)) is True
    assert verified(AWAY) is False
    with pytest.raises(VerificationFailed, match="does not have the tag") as caught:
        verified(None)
    assert (caught.value.subject, caught.value.detail) == ("acme.io/team/app:1", f"pushed: {A}")
    with pytest.raises(VerificationFailed, match="different image") as caught:
        verified(SimpleNamespace(digest=B))
    assert caught.value.detail == f"pushed: {A}\nin the registry: {B}"


# -- images of an engine


@pytest.mark.parametrize(
    ("source", "asked_for", "notes"),
    [
        ("app:1", A, []),
        ("app:1", B, [(NoteKind.SOURCE_CHANGED, A)]),
        ("app:1", "", []),  # nobody knew then
        (None, B, []),  # an id is no name
    ],
)
def test_a_name_that_points_to_another_image_by_now(
    source: str | None, asked_for: str, notes: list[tuple[NoteKind, str]]
) -> None:
    request = push("app:1", str(NAME), image_id=asked_for)
    if source is None:
        request = replace(request, source=replace(request.source, reference=None))
    job, told = attempt(request=request)
    image: Any = SimpleNamespace(image_id=A)
    tell_if_changed(job, image)
    assert told == notes


@pytest.mark.parametrize(
    ("known", "platforms", "noted"),
    [
        ((f"acme.io/app@{A}", f"acme.io/other@{B}"), (), False),
        ((f"acme.io/other@{B}",), (), True),
        ((f"acme.io/other@{B}",), ("linux/amd64",), False),  # containerd's store sends its own
        ((), (), False),
    ],
)
def test_an_engine_that_packs_an_image_anew(
    known: tuple[str, ...], platforms: tuple[str, ...], noted: bool
) -> None:
    job, told = attempt()
    image: Any = SimpleNamespace(image_id=B, repo_digests=known, platforms=platforms)
    tell_if_repacked(job, image, A)
    assert told == ([(NoteKind.REPACKED, "b" * 12)] if noted else [])


def test_the_id_of_the_image_of_a_name() -> None:
    def found(said: object, name: Reference | None = NAME) -> str:
        engine: Any = Places(said).engine(ENGINE)
        return image_id_of(engine, name)

    assert found(SimpleNamespace(image_id=A)) == A
    assert found(ImageUnknown("no such image")) == ""
    assert found(AssertionError(), None) == ""
    with pytest.raises(LongshoreError):
        found(AWAY)
