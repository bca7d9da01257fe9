"""The left pane: watching the library, and the place that is shown if no engine responds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from longshore.application.clients import Clients
from longshore.application.removal import LocalRemoval
from longshore.application.requests import LocalPlace
from longshore.cancellation import Cancellation
from longshore.engine.address import EngineAddress, current_address
from longshore.engine.engine import Engine
from longshore.errors import (
    EngineUnavailable,
    LongshoreError,
    NotALibrary,
    UnavailableCause,
    UnknownContext,
)
from longshore.library.library import Library
from longshore.models.images import ImageModel
from longshore.oci.image_name import ImageName
from longshore.oci.reference import Reference
from longshore.operations import all_places, place_watch
from longshore.operations.engines import EngineState
from longshore.operations.images import Images
from longshore.operations.place_watch import PlaceState
from longshore.operations.tasks import Tasks
from longshore.registry.config import RegistryConfig
from longshore.settings import Folders, Settings
from longshore.transfers.transfer import EnginePlace, LibraryPlace
from testbed.engine import PrivateEngine
from testbed.home import PrivateHome
from transfertools.layouts import NAME, image, put
from waiting import until

ONE = image(b"one")


class Side:
    """The images of a private home, in which no engine responds but those that are named."""

    def __init__(self, home: PrivateHome, folder: Path, **extra: str) -> None:
        environ = home.environ(extra)
        self.folder = folder
        self.clients, self.tasks = Clients(environ, RegistryConfig), Tasks()
        self.model = ImageModel()
        self.settings = Settings(folder / "settings")
        url = None if "DOCKER_CONTEXT" in extra else f"unix://{folder}/none.sock"
        folders = Folders(config=folder, data=folder, state=folder, cache=folder)
        self.images = Images(self.clients, self.tasks, self.settings, folders, environ, url, self.model)
        self.instead: list[LongshoreError] = []
        self.images.library_instead.connect(self.instead.append)

    @property
    def names(self) -> list[str]:
        """The references that the table shows."""
        return [str(one.reference) for one in self.model.images]

    @property
    def here(self) -> LocalPlace:
        """The current place."""
        place = self.images.status.place
        assert place is not None
        return place

    async def ready(self) -> None:
        """Wait until the place has been listed."""
        await until(lambda: self.images.status.state is PlaceState.READY)

    async def told(self, act: Callable[[Callable[[LongshoreError | None], None]], None]) -> None:
        """Run *act* and wait until it reports its end; raises its error."""
        ended: list[LongshoreError | None] = []
        act(ended.append)
        await until(lambda: bool(ended))
        if ended[0] is not None:
            raise ended[0]


@pytest.fixture
def on_side(qapp: QApplication, private_home: PrivateHome, tmp_path: Path) -> Callable[..., Side]:
    """Return a function that runs a scenario with a started Side, and then closes it."""

    def run(scenario: Callable[[Side], Awaitable[None]], **extra: str) -> Side:
        sides: list[Side] = []

        async def whole() -> None:
            side = Side(private_home, tmp_path, **extra)
            sides.append(side)
            try:
                side.images.start()
                await scenario(side)
            finally:
                side.images.stop()
                await side.tasks.close()
                side.clients.close()

        asyncio.run(whole())
        return sides[0]

    return run


def test_where_no_engine_answers_the_library_is_shown_and_says_why(on_side: Callable[..., Side]) -> None:
    async def scenario(side: Side) -> None:
        await side.ready()
        assert side.images.status.place == LibraryPlace(side.folder / "library")
        assert isinstance(side.instead[0], EngineUnavailable)
        assert side.model.compressed
        side.images.retry()
        await until(lambda: len(side.instead) == 2)
        assert side.images.status.place == LibraryPlace(side.folder / "library"), "it stays"

    assert not (on_side(scenario).folder / "library").exists(), "looking creates no folder"


def test_an_unknown_context_is_an_error_and_no_library(on_side: Callable[..., Side]) -> None:
    async def scenario(side: Side) -> None:
        await until(lambda: side.images.status.state is PlaceState.UNAVAILABLE)
        assert isinstance(side.images.status.error, UnknownContext)
        assert side.instead == []

    on_side(scenario, DOCKER_CONTEXT="nowhere")


def test_the_library_is_live_and_changed_from_here(on_side: Callable[..., Side]) -> None:
    other = Reference.parse("example.com/other:2")

    async def scenario(side: Side) -> None:
        await side.ready()
        put(Library(side.folder / "library"), ONE)  # as another Longshore does
        await until(lambda: side.names == [str(NAME)])
        (shown,) = side.model.images
        assert shown.image_id == ONE.manifest.digest
        assert shown.repo_digests == (f"{NAME.name}@{ONE.manifest.digest}",)
        await side.told(
            lambda done: side.images.tag(side.here, [(ImageName(None, shown.image_id), other)], done)
        )
        await until(lambda: len(side.names) == 2)
        both = [ImageName(NAME), ImageName(other)]
        planned: list[list[LocalRemoval]] = []
        side.images.plan_removal(side.here, both, planned.append)
        await until(lambda: planned != [])
        assert [(one.image.reference, one.last, one.users) for one in planned[0]] == [
            (NAME, False, ()),
            (other, True, ()),
        ]
        await side.told(lambda done: side.images.remove(side.here, planned[0], force=False, done=done))
        await until(lambda: side.names == [])
        with pytest.raises(LongshoreError):
            await side.told(
                lambda done: side.images.remove(side.here, planned[0][:1], force=False, done=done)
            )

    on_side(scenario)


def test_a_chosen_folder_is_kept_and_what_cannot_be_one_is_said(on_side: Callable[..., Side]) -> None:
    async def scenario(side: Side) -> None:
        await side.ready()
        mine = side.folder / "mine"
        put(Library(mine), ONE)
        side.images.choose_library(mine)
        await until(lambda: side.names == [str(NAME)])
        assert not side.images.own_library
        # Switching back and forth shows the known list at once, before anything is read.
        side.images.select_place(LibraryPlace(side.folder / "library"))
        assert side.names == []
        side.images.select_place(side.images.library)
        assert side.names == [str(NAME)]
        (side.folder / "full").mkdir()
        (side.folder / "full" / "letter.txt").touch()
        side.images.choose_library(side.folder / "full")
        await until(lambda: side.images.status.state is PlaceState.UNAVAILABLE)
        assert isinstance(side.images.status.error, NotALibrary)

    side = on_side(scenario)
    assert Settings(side.folder / "settings").get("library", "") == str(side.folder / "full")


def test_an_engine_elsewhere_that_answers_is_offered(
    on_side: Callable[..., Side], testbed_engine: PrivateEngine
) -> None:
    offered: list[EngineAddress] = []

    async def scenario(side: Side) -> None:
        side.images.engine_answers.connect(offered.append)
        await until(lambda: bool(offered))
        assert isinstance(side.images.status.place, LibraryPlace), "the shown place does not change"
        side.images.select_place(EnginePlace(offered[0]))
        await until(lambda: side.images.status.info is not None)
        assert not side.model.compressed

    on_side(scenario, DOCKER_HOST=testbed_engine.host)
    assert [address.url for address in offered] == [testbed_engine.host], "once"


def test_an_engine_that_freezes_is_soon_unavailable_and_comes_back(
    on_side: Callable[..., Side], testbed_engine: PrivateEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list may take two minutes, but an engine that does not respond to a probe either is not waited for."""
    monkeypatch.setattr(place_watch, "SLOW", 0.05)
    probe = Engine.probe

    def impatient(
        engine: Engine, cancellation: Cancellation | None = None, *, seconds: float = 0.5
    ) -> object:
        return probe(engine, cancellation, seconds=min(seconds, 0.5))

    monkeypatch.setattr(Engine, "probe", impatient)

    async def scenario(side: Side) -> None:
        place = EnginePlace(current_address(testbed_engine.host, {}))
        side.images.select_place(place)
        await until(lambda: side.images.status.info is not None)
        testbed_engine.freeze()
        try:
            side.images.watch.refresh()
            await until(lambda: side.images.status.state is PlaceState.UNAVAILABLE)
            error = side.images.status.error
            assert isinstance(error, EngineUnavailable)
            assert error.cause is UnavailableCause.TIMED_OUT
        finally:
            testbed_engine.thaw()
        await until(lambda: side.images.status.state is PlaceState.READY)

    on_side(scenario)


def test_all_places_are_live_and_changes_go_to_their_own(
    on_side: Callable[..., Side], testbed_engine: PrivateEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(all_places, "POLL", 0.05)
    monkeypatch.setattr(place_watch, "SLOW", 0.05)
    probe = Engine.probe

    def impatient(
        engine: Engine, cancellation: Cancellation | None = None, *, seconds: float = 0.5
    ) -> object:
        return probe(engine, cancellation, seconds=min(seconds, 0.5))

    monkeypatch.setattr(Engine, "probe", impatient)
    other = Reference.parse("example.com/all-places:2")

    async def scenario(side: Side) -> None:
        await side.ready()
        library, images = side.here, side.images
        await until(lambda: any(found.state is EngineState.READY for found in images.engines.found))
        (engine,) = (
            EnginePlace(found.address) for found in images.engines.found if found.state is EngineState.READY
        )
        images.select_all()
        assert images.showing_all and images.places == [library, engine]
        await until(lambda: images.status_of(engine).info is not None)
        put(Library(side.folder / "library"), ONE)
        await until(lambda: side.model.index_of(NAME, library).isValid())
        assert not side.model.index_of(NAME, engine).isValid()
        await side.told(lambda done: images.tag(library, [(ImageName(NAME), other)], done))
        await until(lambda: side.model.index_of(other, library).isValid())
        assert {str(one.reference) for one in images.images_of(library)} == {str(NAME), str(other)}
        assert not side.model.index_of(other, engine).isValid()

        testbed_engine.freeze()  # its last known images are not shown as if they could be used
        try:
            images.refresh()
            await until(lambda: images.status_of(engine).error is not None)
            await until(lambda: all(part.place == library for part in side.model.parts))
            assert side.model.index_of(other, library).isValid()
        finally:
            testbed_engine.thaw()
        await until(lambda: {part.place for part in side.model.parts} == {library, engine})

        images.select_place(library)
        assert not images.showing_all
        assert set(side.names) == {str(NAME), str(other)}
        assert side.model.compressed

    on_side(scenario, DOCKER_HOST=testbed_engine.host)
