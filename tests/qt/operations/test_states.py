"""The column State in the background: what is asked, how often, and what is known without asking."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import shiboken6

from longshore.application.clients import Clients
from longshore.application.states import State
from longshore.application.tag_history.history import TagHistory
from longshore.engine.address import EngineAddress
from longshore.engine.model import EngineInfo, ImageStore
from longshore.errors import RegistryUnreachable, SignInRequired
from longshore.models.columns import ImageColumn, TagColumn
from longshore.models.image_row import PlacedImages
from longshore.models.images import ImageModel
from longshore.models.tags import TagModel
from longshore.oci.local_image import LocalImage
from longshore.oci.manifest import OCI_MANIFEST
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.operations.place_watch import PlaceState, PlaceStatus
from longshore.operations.state_asking import PER_REGISTRY
from longshore.operations.states import CHECKS_OFF, States
from longshore.registry.config import RegistryConfig
from longshore.registry.model import TagDetails
from longshore.transfers.tag_changes import NO_RECORDER, TagChange, TagOperation, TagRecorder
from longshore.transfers.transfer import EnginePlace, Operation
from qt.models.made import request, transfer
from unit.registry.conftest import Asked, Scripted, reply
from waiting import until

from .conftest import Desk, Play

CREATED = datetime(2026, 1, 1, tzinfo=UTC)
ENGINE = EnginePlace(EngineAddress("x", "unix:///x"))


def sha(text: str) -> str:
    return f"sha256:{text.encode().hex():0<64}"


def info(store: ImageStore) -> EngineInfo:
    return EngineInfo("x", "28", "linux", "amd64", Platform("linux", "amd64"), store)


class Tags:
    """A registry whose tags have these digests; it counts what it is asked."""

    def __init__(self, serve: Callable[..., Scripted]) -> None:
        self.digests: dict[str, str] = {}
        self.status = 0
        self.gate = threading.Event()
        self.gate.set()
        self.running = self.most = 0
        self._lock = threading.Lock()
        self.server = serve(self._reply)

    def _reply(self, asked: Asked) -> Any:
        if asked.path == "/v2/":
            return reply({})
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.gate.wait(20)
        with self._lock:
            self.running -= 1
        if self.status:
            return reply({}, self.status)
        repository, _, tag = asked.path.removeprefix("/v2/").partition("/manifests/")
        digest = self.digests.get(f"{repository}:{tag}")
        if digest is None:
            return None
        if asked.method == "GET":
            return reply({}, 500)
        return reply({}, Docker_Content_Digest=digest, Content_Type=OCI_MANIFEST)

    def reference(self, name: str) -> Reference:
        return Reference.parse(f"{self.server.host}/{name}")

    def image(self, name: str, *digests: str) -> LocalImage:
        reference = self.reference(name)
        own = tuple(f"{reference.name}@{digest}" for digest in digests)
        return LocalImage(reference, sha(f"id{name}"), CREATED, 1, repo_digests=own)

    @property
    def asked(self) -> list[str]:
        return [path.rpartition("/v2/")[2].replace("/manifests/", ":") for path in self.server.paths("HEAD")]


class Shown:
    """Both models with real States over real HTTP."""

    def __init__(
        self,
        desk: Desk,
        clients: Clients,
        store: ImageStore = ImageStore.CLASSIC,
        recorder: TagRecorder = NO_RECORDER,
    ) -> None:
        self.images, self.tags = ImageModel(), TagModel()
        self.status = PlaceStatus(PlaceState.READY, ENGINE, info(store))
        self.states = States(
            clients, desk.tasks, desk.book, self.images, self.tags, lambda _: self.status, recorder
        )
        self.changes: list[frozenset[Reference]] = []
        self.states.changed.connect(self.changes.append)

    def show(self, *images: LocalImage) -> None:
        self.images.set_images(images)
        self.states.look()

    def words(self) -> list[str]:
        return [
            str(self.images.index(row, ImageColumn.STATE).data()) for row in range(self.images.rowCount())
        ]

    def tag_words(self) -> list[str]:
        return [str(self.tags.index(row, TagColumn.STATE).data()) for row in range(self.tags.rowCount())]


Scene = Callable[[Desk, Callable[..., Shown]], Coroutine[Any, Any, None]]


@pytest.fixture
def act(play: Play, tmp_path: Path) -> Callable[[Scene], None]:
    """Plays a scene, which makes as many windows as it likes; they share one folder for caches."""

    def run(scene: Scene) -> None:
        async def whole(desk: Desk) -> None:
            made: list[Shown] = []
            clients: list[Clients] = []

            def shown(**options: Any) -> Shown:
                clients.append(Clients({"HOME": str(tmp_path)}, desk.book.config, cache=tmp_path / "cache"))
                made.append(Shown(desk, clients[-1], **options))
                return made[-1]

            try:
                await scene(desk, shown)
            finally:
                for one in made:
                    one.states.stop()
                await desk.tasks.close()
                for each in clients:
                    each.close()
                for one in made:
                    for gone in (one.states._asking, one.states):
                        shiboken6.delete(gone)

        play(whole)

    return run


def test_every_local_tag_is_asked_once_with_head(act, serve) -> None:
    registry = Tags(serve)
    registry.digests = {"a/same:1": sha("1"), "a/moved:1": sha("2"), "a/other:1": sha("9")}

    async def scene(desk: Desk, shown: Callable[..., Shown]) -> None:
        one = shown()
        images = [
            registry.image("a/gone:1", sha("1")),
            registry.image("a/moved:1", sha("1")),
            registry.image("a/same:1", sha("1")),
        ]
        one.show(*images, LocalImage(Reference.parse("web:dev"), sha("w"), CREATED, 1))
        assert one.words() == ["", "", "", "only here"], "nothing disturbing is shown meanwhile"
        await until(lambda: one.words()[:3] == ["only here", "newer", "in sync"])
        one.show(*images)
        one.states._tick()
        found = one.states.state_of(registry.reference("a/moved:1"))
        assert found is not None and (found.state, found.digest) == (State.NEWER, sha("2"))
        there = one.states.state_of(registry.reference("a/other:1"))
        assert there is not None and there.state is State.ONLY_THERE
        assert one.states.asked is not None and registry.reference("a/same:1") in set().union(*one.changes)
        again = shown()
        again.show(*images)
        await until(lambda: again.words() == ["only here", "newer", "in sync"])
        assert sorted(registry.asked) == ["a/gone:1", "a/moved:1", "a/same:1"], "the next window knows them"
        assert not registry.server.paths("GET")

    act(scene)


def test_the_user_asks_again_and_then_dates_are_read(act, serve) -> None:
    registry = Tags(serve)
    registry.digests = {"a/web:1": sha("1")}

    async def scene(desk: Desk, shown: Callable[..., Shown]) -> None:
        one = shown(store=ImageStore.CONTAINERD)
        one.show(registry.image("a/web:1", sha("1")))
        await until(lambda: one.words() == ["in sync"])
        registry.digests = {"a/web:1": sha("2")}
        one.states.check()
        await until(lambda: one.words() == ["newer"])
        assert registry.server.paths("GET"), "the user wants to know which is newer"

    act(scene)


def test_only_a_few_at_a_time_and_visible_ones_first(act, serve) -> None:
    registry = Tags(serve)
    names = [f"a/r{number:02}:1" for number in range(30)]
    registry.digests = dict.fromkeys(names, sha("1"))
    registry.gate.clear()

    async def scene(desk: Desk, shown: Callable[..., Shown]) -> None:
        one = shown()
        one.show(*(registry.image(name, sha("1")) for name in names))
        await until(lambda: registry.running == PER_REGISTRY)
        one.images.see(25, 29)
        waiting = one.states._asking._registries[registry.server.host]._waiting
        assert [str(each.reference) for each in waiting][:5] == [
            str(registry.reference(name)) for name in names[25:]
        ]
        registry.gate.set()
        await until(lambda: one.words() == ["in sync"] * 30)
        assert registry.most == PER_REGISTRY
        assert len(registry.asked) == 30

    act(scene)


def test_a_refusal_and_a_registry_that_is_down_cost_little(act, serve) -> None:
    registry = Tags(serve)
    registry.status = 401
    images = [registry.image(f"a/web:{number}", sha("1")) for number in range(20)]

    async def scene(desk: Desk, shown: Callable[..., Shown]) -> None:
        one = shown()
        one.show(*images)
        await until(lambda: one.words() == ["unknown"] * 20)
        found = one.states.state_of(registry.reference("a/web:1"))
        assert found is not None and isinstance(found.error, SignInRequired)
        assert len(registry.asked) <= PER_REGISTRY, "one repository is one question"
        registry.status = 0
        registry.digests = {f"a/web:{number}": sha("1") for number in range(20)}
        one.states.switched(registry.server.host)
        assert one.words() == [""] * 20
        await until(lambda: one.words() == ["in sync"] * 20)
        nobody = Reference.parse("127.0.0.1:1/a/web:1")
        one.show(LocalImage(nobody, sha("x"), CREATED, 1))
        await until(lambda: one.words() == ["unknown"])
        down = one.states.state_of(nobody)
        assert down is not None and isinstance(down.error, RegistryUnreachable)

    act(scene)


def test_what_was_known_stays_while_a_registry_is_down(act, serve) -> None:
    registry = Tags(serve)
    registry.digests = {"a/web:1": sha("1")}

    async def scene(desk: Desk, shown: Callable[..., Shown]) -> None:
        one = shown()
        one.show(registry.image("a/web:1", sha("1")))
        await until(lambda: one.words() == ["in sync"])
        before = one.states.asked
        registry.status = 429
        one.states.check()
        await until(lambda: len(registry.asked) > 1 and not one.states._asking.busy)
        assert one.words() == ["in sync"] and one.states.asked == before, "its age tells how old that is"

    act(scene)


def test_off_for_one_registry_and_off_for_all(act, serve) -> None:
    registry, other = Tags(serve), Tags(serve)
    registry.digests = other.digests = {"a/web:1": sha("1")}

    async def scene(desk: Desk, shown: Callable[..., Shown]) -> None:
        desk.book.add(RegistryConfig(registry.server.host, checks=False))
        one = shown()
        one.states.minutes = 0
        one.show(registry.image("a/web:1", sha("1")), other.image("a/web:1", sha("1")))
        known = [one.states.state_of(each.reference("a/web:1")) for each in (registry, other)]
        assert known[0] is not None and known[0].error is not None and known[0].error.message == CHECKS_OFF
        assert known[1] is None
        one.states.check()
        await until(lambda: sorted(one.words()) == ["in sync", "unknown"])
        assert not registry.asked and other.asked == ["a/web:1"]

    act(scene)


def test_it_is_asked_again_after_a_time_and_when_a_clock_was_wrong(act, serve) -> None:
    registry = Tags(serve)
    registry.digests = {"a/old:1": sha("1"), "a/new:1": sha("1"), "a/wrong:1": sha("1")}

    async def scene(desk: Desk, shown: Callable[..., Shown]) -> None:
        one = shown()
        now = datetime.now(UTC)
        ages = {
            "a/old:1": timedelta(minutes=61),
            "a/new:1": timedelta(minutes=59),
            "a/wrong:1": -timedelta(days=9),
        }
        one.states._checks.note(
            {registry.reference(name): (sha("2"), now - age) for name, age in ages.items()}
        )
        one.show(*(registry.image(name, sha("1")) for name in ages))
        await until(lambda: one.words() == ["newer", "in sync", "in sync"])
        assert sorted(registry.asked) == ["a/old:1", "a/wrong:1"]

    act(scene)


def test_transfers_and_changes_of_tags_need_no_question(act, serve) -> None:
    registry = Tags(serve)
    registry.digests = {"a/web:1": sha("1")}

    async def scene(desk: Desk, shown: Callable[..., Shown]) -> None:
        one = shown()
        one.show(registry.image("a/web:1", sha("1")))
        await until(lambda: one.words() == ["in sync"])
        web = registry.reference("a/web:1")
        one.states.heard({web: sha("2"), registry.reference("b:1"): sha("3")})
        await until(lambda: one.words() == ["newer"])
        one.states.heard({web: ""})
        await until(lambda: one.words() == ["only here"])
        pulled = transfer(request=request(str(web), Operation.PULL), digest=sha("1"))
        one.states.transferred(pulled)
        await until(lambda: one.words() == ["in sync"])
        assert registry.asked == ["a/web:1"]
        one.states.heard({web: None})
        await until(lambda: registry.asked == ["a/web:1"] * 2)

    act(scene)


def test_an_image_that_was_pulled_as_another_platform(act, serve, tmp_path: Path) -> None:
    """A classic Docker keeps the digest with the image that had the tag before: the tag history knows it."""
    registry = Tags(serve)
    registry.digests = {"a/web:1": sha("1"), "a/web:2": sha("3")}
    history = TagHistory(tmp_path / "tags.sqlite3")
    images = [registry.image("a/web:1"), registry.image("a/web:2")]

    def pulled(image: LocalImage) -> None:
        assert image.reference is not None
        origins = (f"{image.reference.name}@{sha('1')}",)
        change = TagChange(ENGINE, image.reference, TagOperation.PULL, sha("before"), origins=origins)
        (key,) = history.announce([change])
        history.settle({key: image.image_id})

    async def scene(desk: Desk, shown: Callable[..., Shown]) -> None:
        pulled(images[0])
        one = shown(recorder=history)
        one.show(*images)
        await until(lambda: one.words() == ["in sync", "unknown"])
        pulled(images[1])  # it was listed before
        wanted = request(str(images[1].reference), Operation.PULL)
        wanted = replace(wanted, platform=Platform("linux", "s390x"))
        one.states.transferred(transfer(request=wanted, digest=images[1].image_id))
        await until(lambda: one.words() == ["in sync", "newer"])
        one.show(*images)
        assert one.words() == ["in sync", "newer"]

    act(scene)
    history.close()


def test_details_that_the_table_of_tags_reads_are_enough(act, serve) -> None:
    registry = Tags(serve)
    registry.gate.clear()

    async def scene(desk: Desk, shown: Callable[..., Shown]) -> None:
        one = shown()
        one.show(registry.image("a/web:1", sha("1")))
        generation = one.tags.reset(registry.server.host, "a/web")
        one.tags.append_tags(generation, ["2", "1"], False)
        assert one.tag_words() == ["only there", ""]
        older = CREATED - timedelta(days=1)
        one.tags.set_details(generation, TagDetails("1", sha("0"), 5, (), older, OCI_MANIFEST, (), sha("c")))
        one.tags.settle_details()
        assert one.tag_words() == ["only there", "differs"] and one.words() == ["differs"]
        registry.gate.set()

    act(scene)


def test_the_same_name_in_two_places(act, serve) -> None:
    registry = Tags(serve)
    registry.digests = {"a/web:1": sha("1")}
    other = EnginePlace(EngineAddress("y", "unix:///y"))

    async def scene(desk: Desk, shown: Callable[..., Shown]) -> None:
        one = shown()
        web = registry.reference("a/web:1")
        one.images.set_places(
            [
                PlacedImages([registry.image("a/web:1", sha("1"))], place=ENGINE, title="x"),
                PlacedImages([registry.image("a/web:1", sha("0"))], place=other, title="y"),
            ]
        )
        one.states.look()
        await until(lambda: sorted(one.words()) == ["in sync", "newer"])
        states = [one.states.state_of(web, place) for place in (None, ENGINE, other)]
        assert [each and each.state for each in states] == [State.IN_SYNC, State.IN_SYNC, State.NEWER]
        generation = one.tags.reset(registry.server.host, "a/web")
        one.tags.append_tags(generation, ["1"], False)
        assert one.tag_words() == ["in sync"], "Tags are compared with the current place"
        assert registry.asked == ["a/web:1"]

    act(scene)


def test_another_place_has_other_states(act, serve) -> None:
    registry = Tags(serve)
    registry.digests = {"a/web:1": sha("1")}

    async def scene(desk: Desk, shown: Callable[..., Shown]) -> None:
        one = shown()
        one.show(registry.image("a/web:1", sha("1")))
        await until(lambda: one.words() == ["in sync"])
        one.status = PlaceStatus(PlaceState.CONNECTING, EnginePlace(EngineAddress("y", "unix:///y")))
        one.show()
        generation = one.tags.reset(registry.server.host, "a/web")
        one.tags.append_tags(generation, ["1"], False)
        assert one.tag_words() == [""], "whether it is there is not known yet"
        assert one.states.state_of(registry.reference("a/web:1")) is None

    act(scene)
