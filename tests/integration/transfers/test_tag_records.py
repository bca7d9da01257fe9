"""Every way that writes a tag records what the tag pointed to before, on real engines and registries."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from longshore.application import requests
from longshore.application.clients import Clients
from longshore.application.tag_history.history import TagHistory
from longshore.application.tag_history.recording import recording_store
from longshore.errors import ImageUnknown
from longshore.oci.reference import Reference
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.tag_changes import TagOperation
from longshore.transfers.transfer import (
    ArchivePlace,
    Endpoint,
    EnginePlace,
    LibraryPlace,
    Place,
    RegistryPlace,
    State,
    TransferRequest,
)
from testbed.engine import PrivateEngine
from testbed.images import small_image
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository
from testbed.throttle import Throttle
from transfertools import Eye, address_of, copy, pull, push

Make = Callable[..., tuple[TransferQueue, Eye]]
Run = Callable[..., list[tuple[object, ...]]]


@pytest.fixture
def history(clients: Clients, tmp_path: Path) -> Iterator[TagHistory]:
    found = TagHistory(tmp_path / "state" / "tags.sqlite3", clients.user_of)
    clients.recorder = found
    yield found
    found.close()


@pytest.fixture
def run(make_queue: Make, history: TagHistory) -> Run:
    """Runs a request to its end and returns what its transfer recorded, oldest first."""
    queue, eye = make_queue(recorder=history)

    def runs(request: TransferRequest, end: State = State.SUCCEEDED) -> list[tuple[object, ...]]:
        row = queue.add(request)
        done = eye.until(row, end, 60)
        if done.error is not None and end is State.SUCCEEDED:
            raise done.error
        found = [
            (str(one.reference), one.operation, one.before, one.after)
            for one in reversed(history.of_transfer(row))
            if not one.open
        ]
        queue.clear_finished()
        return found

    return runs


def digest_at(clients: Clients, text: str) -> str:
    """The digest that a registry has under a tag."""
    reference = Reference.parse(text)
    found = clients.registry(reference.domain).head(reference)
    assert found is not None
    return found.digest


def test_a_push_and_a_pull(
    run: Run, clients: Clients, any_engine: PrivateEngine, open_registry: PrivateRegistry
) -> None:
    address = address_of(any_engine.host)
    name = f"{open_registry.address}/records/push-{any_engine.flavour}:dev"
    with contextlib.closing(any_engine.client()) as client:
        first = small_image(client, "records/one:1", seed=f"{any_engine.flavour}1")
        second = small_image(client, "records/two:1", seed=f"{any_engine.flavour}2")
    engine, op = clients.engine(address), TagOperation.PUSH
    first, second = engine.image("records/one:1").image_id, engine.image("records/two:1").image_id
    pushed = run(push("records/one:1", name, address))
    one = digest_at(clients, name)
    assert pushed == [(name, op, "", first), (name, op, "", one)]
    assert run(push("records/one:1", name, address)) == []
    pushed = run(push("records/two:1", name, address))
    two = digest_at(clients, name)
    assert pushed == [(name, op, first, second), (name, op, one, two)]
    # A pull that moves the local tag, and one of a tag that is new here.
    engine.tag("records/one:1", Reference.parse(name))
    assert run(pull(name, address)) == [(name, TagOperation.PULL, first, second)]
    engine.remove(name)
    assert run(pull(name, address)) == [(name, TagOperation.PULL, "", second)]
    assert run(pull(name, address)) == []
    assert run(pull(name.replace(":dev", "@" + one), address)) == []  # no tag


def test_a_copy(
    run: Run, open_registry: PrivateRegistry, second_registry: PrivateRegistry, tmp_path: Path
) -> None:
    seeded = [seed_repository(open_registry.address, "records/copy", (tag,), layers=(1000,)) for tag in "12"]
    source = f"{open_registry.address}/records/copy"
    target = f"{second_registry.address}/records/copy:dev"
    assert run(copy(f"{source}:1", target)) == [(target, TagOperation.COPY, "", seeded[0].digest)]
    moved = (target, TagOperation.COPY, seeded[0].digest, seeded[1].digest)
    assert run(copy(f"{source}:2", target)) == [moved]
    assert run(copy(f"{source}:2", target)) == []
    library = LibraryPlace(tmp_path / "library")
    for number, before in enumerate(("", seeded[0].digest)):
        reference = Reference.parse(f"{source}:{number + 1}")
        request = requests.move(
            Endpoint(RegistryPlace(reference.domain), reference), Endpoint(library, Reference.parse(target))
        )
        assert run(request) == [(target, TagOperation.COPY, before, seeded[number].digest)]
    archive = ArchivePlace(tmp_path / "image.tar", "oci")
    assert run(requests.save(Endpoint(library, Reference.parse(target)), archive)) == []


def test_loading_and_saving(
    run: Run, clients: Clients, any_engine: PrivateEngine, testbed_engine: PrivateEngine, tmp_path: Path
) -> None:
    place, other = EnginePlace(address_of(any_engine.host)), EnginePlace(address_of(testbed_engine.host))
    name = f"docker.io/records/load-{any_engine.flavour}:1"
    with contextlib.closing(any_engine.client()) as client:
        small_image(client, name, seed=f"{any_engine.flavour}3")
        small_image(client, "records/before:1", seed=f"{any_engine.flavour}4")
    engine = clients.engine(place.address)
    before = engine.image("records/before:1").image_id
    archive, library = ArchivePlace(tmp_path / "image.tar"), LibraryPlace(tmp_path / "library")
    there: list[Place] = [archive, library]
    for destination in there:
        kept = run(
            requests.move(
                Endpoint(place, Reference.parse(name)), Endpoint(destination, Reference.parse(name))
            )
        )
        assert [(one[0], one[1], one[2]) for one in kept] == (
            [] if destination is archive else [(name, TagOperation.COPY, "")]
        )
        engine.tag("records/before:1", Reference.parse(name))
        back = requests.move(
            Endpoint(destination, Reference.parse(name)), Endpoint(place, Reference.parse(name))
        )
        (loaded,) = run(back)
        operation = TagOperation.LOAD if destination is archive else TagOperation.COPY
        assert loaded[:3] == (name, operation, before)
        assert loaded[3] == engine.image(name).image_id
    if any_engine is not testbed_engine:
        moved = f"docker.io/records/moved-{any_engine.flavour}:1"
        (given,) = run(
            requests.move(Endpoint(place, Reference.parse(name)), Endpoint(other, Reference.parse(moved)))
        )
        there_id = clients.engine(other.address).image(moved).image_id
        assert given == (moved, TagOperation.COPY, "", there_id)


def test_a_push_that_fails_records_only_the_local_tag(
    run: Run, history: TagHistory, any_engine: PrivateEngine, auth_registry: PrivateRegistry, clients: Clients
) -> None:
    address = address_of(any_engine.host)
    name = f"{auth_registry.address}/records/refused-{any_engine.flavour}:1"
    with contextlib.closing(any_engine.client()) as client:
        small_image(client, "records/refused:1")
    image = clients.engine(address).image("records/refused:1").image_id
    assert run(push("records/refused:1", name, address), State.FAILED) == [
        (name, TagOperation.PUSH, "", image)
    ]
    left = history.of_tag(RegistryPlace(auth_registry.address), Reference.parse(name))
    assert [(one.before, one.after, one.open) for one in left] == [(None, None, True)]


def test_a_copy_that_fails_when_the_tag_would_move(
    run: Run, history: TagHistory, open_registry: PrivateRegistry, throttle: Throttle
) -> None:
    seeded = [
        seed_repository(open_registry.address, "records/cut", (tag,), layers=(1000,), seed=tag)
        for tag in "12"
    ]
    name = f"{throttle.address}/records/cut:1"
    throttle.fail_next("/manifests/1$", 403, method="PUT")
    request = copy(f"{open_registry.address}/records/cut:2", name)
    assert run(request, State.FAILED) == []
    assert history.latest() == []
    assert throttle.faults.left == 0
    assert run(request) == [(name, TagOperation.COPY, seeded[0].digest, seeded[1].digest)]


def test_a_registry_that_does_not_say_what_its_tag_points_to(
    run: Run,
    history: TagHistory,
    clients: Clients,
    testbed_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    throttle: Throttle,
) -> None:
    address = address_of(testbed_engine.host)
    with contextlib.closing(testbed_engine.client()) as client:
        small_image(client, "records/unknown:1")
    name = f"{throttle.address}/records/unknown:1"
    throttle.fail_next("/manifests/1$", 403, 2)  # the HEAD, and the GET in its place
    found = run(push("records/unknown:1", name, address))
    assert throttle.faults.left == 0
    assert found[1] == (name, TagOperation.PUSH, None, digest_at(clients, name))


def test_tags_given_and_removed_here(
    history: TagHistory, clients: Clients, any_engine: PrivateEngine
) -> None:
    place = EnginePlace(address_of(any_engine.host))
    with contextlib.closing(any_engine.client()) as client:
        small_image(client, "records/tag:1", seed=f"{any_engine.flavour}5")
        small_image(client, "records/tag:2", seed=f"{any_engine.flavour}6")
    store = recording_store(place, clients)
    one, two = (store.image(f"records/tag:{number}").image_id for number in (1, 2))  # type: ignore[union-attr]
    name = Reference.parse_input("records/tag:moved")
    store.tag("records/tag:1", name)
    store.tag(two, name)
    store.tag(two, name)
    store.remove(str(name))
    with pytest.raises(ImageUnknown):
        store.remove(str(name))
    found = [(record.operation, record.before, record.after) for record in history.of_tag(place, name)]
    tag, remove = TagOperation.TAG, TagOperation.REMOVE
    assert found == [(remove, two, ""), (tag, one, two), (tag, "", one)]
    store.tag(two, name)
    recording_store(place, clients).remove(two, force=True)
    gone = history.last()
    assert {record.tag for record in gone} == {"2", "moved"}
    assert all((record.before, record.after) == (two, "") for record in gone)
