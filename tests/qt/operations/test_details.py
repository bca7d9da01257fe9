"""Details follows the selection: what is passed is not read, or cancelled; what was read is kept."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from longshore.application.clients import Clients
from longshore.application.inspection import inspecting
from longshore.application.inspection.values import Document, DocumentKind, Inspected
from longshore.application.subject import Subject
from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import LongshoreError
from longshore.oci.reference import Reference
from longshore.operations import details as followed
from longshore.operations.details import Details
from longshore.registry.model import TagDetails
from longshore.transfers.transfer import Endpoint, RegistryPlace
from qt.models.made import ENGINE, image, sha
from qt.operations.conftest import Desk, Play
from waiting import until


class Reader:
    """Takes the place of the reading: it waits until it is let go or cancelled."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.read: list[str] = []
        self.cancelled: list[str] = []
        self.go = threading.Event()
        self.error: LongshoreError | None = None
        self.documents: tuple[Document, ...] = ()
        monkeypatch.setattr(inspecting, "inspect", self.inspect)

    def inspect(
        self, end: Endpoint, _clients: Clients, cancellation: Cancellation, *, sizes: bool
    ) -> Inspected:
        assert not sizes, "each size costs a request"
        name = end.name.shown
        self.read.append(name)
        try:
            with cancellation.waking(self.go.set):
                assert self.go.wait(20)
                if cancellation.cancelled:
                    raise Cancelled
        except Cancelled:
            self.cancelled.append(name)
            raise
        if self.error is not None:
            raise self.error
        return Inspected(end, digest=sha(name.rpartition(":")[0]), documents=self.documents)


class Ear:
    """Notes what is reported."""

    def __init__(self, desk: Desk, *, counts: bool = False) -> None:
        self.details = Details(desk.clients, desk.tasks, lambda _host: counts)
        self.heard: list[str] = []
        for name in ("subject_changed", "subject_updated", "settled", "withheld"):
            getattr(self.details, name).connect(self._note(name))
        self.details.inspected.connect(lambda one, _: self.heard.append(f"inspected {one.shown}"))
        self.details.failed.connect(lambda one, _: self.heard.append(f"failed {one.shown}"))
        self.details.set_shown(True)
        self.heard.clear()

    def _note(self, name: str):  # type: ignore[no-untyped-def]
        return lambda one: self.heard.append(f"{name} {'' if one is None else one.shown}".strip())


def tag(name: str, digest: str = "") -> Subject:
    reference = Reference.parse(f"registry.acme.io/acme/web:{name}")
    known = TagDetails(name, digest, None, (), None, "") if digest else None
    return Subject(Endpoint(RegistryPlace(reference.domain), reference), tag=known)


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    return Reader(monkeypatch)


def test_rows_that_are_passed_are_not_read(play: Play, reader: Reader) -> None:
    async def scene(desk: Desk) -> None:
        ear, tags = Ear(desk), [tag(str(number)) for number in range(300)]
        reader.go.set()
        for one in tags:
            ear.details.follow(one)
        assert ear.heard == [f"subject_changed {one.shown}" for one in tags], "each is shown at once"
        await until(lambda: ear.heard[-1].startswith("inspected"))
        assert reader.read == [tags[-1].shown]
        assert ear.heard[300:] == [f"settled {tags[-1].shown}", f"inspected {tags[-1].shown}"]

    play(scene)


def test_reading_is_cancelled_when_the_user_goes_on(play: Play, reader: Reader) -> None:
    async def scene(desk: Desk) -> None:
        ear = Ear(desk)
        ear.details.follow(tag("1"))
        await until(lambda: reader.read)
        ear.details.follow(tag("2"))
        await until(lambda: reader.cancelled == [tag("1").shown])
        reader.go.set()
        await until(lambda: ear.heard[-1].startswith("inspected"))
        assert [line for line in ear.heard if line.startswith("inspected")] == [f"inspected {tag('2').shown}"]

    play(scene)


def test_what_was_read_is_kept_by_digest(play: Play, reader: Reader) -> None:
    async def scene(desk: Desk) -> None:
        ear = Ear(desk)
        reader.go.set()
        digest = sha("registry.acme.io/acme/web")
        ear.details.follow(tag("1", digest))
        await until(lambda: ear.heard[-1].startswith("inspected"))
        ear.heard.clear()
        ear.details.follow(tag("latest", digest))
        shown = tag("latest").shown
        assert ear.heard == [f"subject_changed {shown}", f"inspected {shown}"], "at once"
        await until(lambda: ear.heard[-1] == f"settled {shown}")
        assert len(reader.read) == 1
        ear.details.read()
        await until(lambda: len(reader.read) == 2)

    play(scene)


def test_what_is_kept_is_shown_once_a_row_knows_its_digest(play: Play, reader: Reader) -> None:
    async def scene(desk: Desk) -> None:
        ear = Ear(desk)
        reader.go.set()
        digest, shown = sha("registry.acme.io/acme/web"), tag("latest").shown
        ear.details.follow(tag("1", digest))
        await until(lambda: ear.heard[-1].startswith("inspected"))
        ear.heard.clear()
        ear.details.follow(tag("latest"))
        ear.details.follow(tag("latest", digest))  # before it rests
        once = [f"subject_changed {shown}", f"subject_updated {shown}", f"inspected {shown}"]
        assert ear.heard == once
        await until(lambda: ear.heard[-1] == f"settled {shown}")
        ear.details.follow(replace(tag("latest", digest), reason="its row knows more"))
        assert ear.heard == [*once, f"settled {shown}", f"subject_updated {shown}"], "and not again"
        assert len(reader.read) == 1

    play(scene)


def test_a_row_that_learns_its_digest_as_it_is_settled_is_read(play: Play, reader: Reader) -> None:
    async def scene(desk: Desk) -> None:
        ear, known = Ear(desk), tag("1", sha("registry.acme.io/acme/web"))
        ear.details.settled.connect(lambda _: ear.details.follow(known))
        reader.go.set()
        ear.details.follow(tag("1"))
        await until(lambda: ear.heard[-1] == f"inspected {known.shown}")

    play(scene)


def test_what_is_kept_is_bounded(play: Play, reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followed, "_KEPT_BYTES", 250)
    monkeypatch.setattr(followed, "SETTLE", 0)
    reader.documents = (Document(DocumentKind.MANIFEST, sha("m"), "", b"x" * 100),)

    def other(repository: str) -> Subject:
        name = f"registry.acme.io/acme/{repository}"
        known = TagDetails("1", sha(name), None, (), None, "")
        return Subject(Endpoint(RegistryPlace("registry.acme.io"), Reference.parse(f"{name}:1")), tag=known)

    async def scene(desk: Desk) -> None:
        ear = Ear(desk)
        reader.go.set()
        for repository in ("a", "b", "c", "a", "c"):
            shown = other(repository).shown
            ear.heard.clear()
            ear.details.follow(other(repository))
            both = {f"settled {shown}", f"inspected {shown}"}
            await until(lambda both=both: both <= set(ear.heard))  # type: ignore[misc]
        read = [name.rpartition("/")[2] for name in reader.read]
        assert read == ["a:1", "b:1", "c:1", "a:1"], "the oldest was read again, the latest was kept"

    play(scene)


def test_an_engine_is_asked_again_when_the_names_of_an_image_change(play: Play, reader: Reader) -> None:
    async def scene(desk: Desk) -> None:
        ear, made = Ear(desk), image("web:1")
        reader.go.set()
        ear.details.follow(Subject(Endpoint.of(ENGINE, made.name), image=made))
        await until(lambda: len(reader.read) == 1)
        pushed = replace(made, repo_digests=(f"web@{sha('x')}",))
        ear.details.follow(Subject(Endpoint.of(ENGINE, made.name), image=pushed))
        await until(lambda: len(reader.read) == 2)

    play(scene)


def test_the_digest_of_a_tag_arrives_while_it_is_read(play: Play, reader: Reader) -> None:
    async def scene(desk: Desk) -> None:
        ear = Ear(desk)
        ear.details.follow(tag("1"))
        await until(lambda: reader.read)
        ear.details.follow(tag("1", sha("1")))
        assert ear.heard[-1] == f"subject_updated {tag('1').shown}" and not reader.cancelled
        reader.go.set()
        await until(lambda: ear.heard[-1].startswith("inspected"))
        assert len(reader.read) == 1

    play(scene)


def test_a_row_that_is_the_same_again_changes_nothing(play: Play, reader: Reader) -> None:
    async def scene(desk: Desk) -> None:
        ear, shown = Ear(desk), tag("1")
        answered: list[Subject] = []
        ear.details.settled.connect(answered.append)
        ear.details.inspected.connect(lambda one, _: answered.append(one))
        ear.details.follow(shown)
        ear.details.follow(tag("1"))  # cells of other rows have changed
        await until(lambda: reader.read)
        ear.details.follow(tag("1"))
        reader.go.set()
        await until(lambda: len(answered) == 2)
        assert all(one is shown for one in answered), "the panel takes answers only for what it was given"

    play(scene)


def test_what_counts_as_a_pull_is_read_on_demand_only(play: Play, reader: Reader) -> None:
    async def scene(desk: Desk) -> None:
        ear, digest = Ear(desk, counts=True), sha("registry.acme.io/acme/web")
        reader.go.set()
        ear.details.follow(tag("1", digest))
        await until(lambda: ear.heard[-1] == f"withheld {tag('1').shown}")
        assert reader.read == []
        ear.details.read()
        await until(lambda: ear.heard[-1].startswith("inspected"))
        ear.heard.clear()
        ear.details.follow(tag("2", digest))
        assert ear.heard[-1] == f"inspected {tag('2').shown}", "it is kept"
        await until(lambda: ear.heard[-1].startswith("settled"))

    play(scene)


def test_a_hidden_panel_reads_nothing(play: Play, reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followed, "SETTLE", 0)

    async def scene(desk: Desk) -> None:
        ear = Ear(desk)
        ear.details.set_shown(False)
        ear.details.follow(tag("1"))
        assert ear.heard == []
        reader.go.set()
        ear.details.set_shown(True)
        await until(lambda: ear.heard[-1].startswith("inspected"))
        assert ear.heard[0] == f"subject_changed {tag('1').shown}"
        ear.details.follow(None)
        assert ear.heard[-1] == "subject_changed"
        ear.details.read()
        assert len(reader.read) == 1

    play(scene)


def test_a_failure_is_reported_and_tried_again(play: Play, reader: Reader) -> None:
    async def scene(desk: Desk) -> None:
        ear = Ear(desk)
        reader.error = LongshoreError("The host was not found.")
        reader.go.set()
        ear.details.follow(tag("1"))
        await until(lambda: ear.heard[-1] == f"failed {tag('1').shown}")
        reader.error = None
        ear.details.read()
        await until(lambda: ear.heard[-1] == f"inspected {tag('1').shown}")

    play(scene)
