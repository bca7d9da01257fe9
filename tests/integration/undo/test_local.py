"""Undo of changes in real engines and in the library."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from longshore.application import requests
from longshore.application.tag_history.recording import recording_store
from longshore.application.undo.goal import How
from longshore.cancellation import Cancellation
from longshore.errors import ImageInUse, TagMoved
from longshore.oci.reference import Reference
from longshore.transfers.tag_changes import TagOperation
from longshore.transfers.transfer import Endpoint, EnginePlace, LibraryPlace, RegistryPlace
from testbed.engine import PrivateEngine
from testbed.images import small_image
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository
from transfertools import address_of, pull

from .conftest import Hands


def test_a_tag_moved_and_removed_here(hands: Hands, any_engine: PrivateEngine) -> None:
    place = EnginePlace(address_of(any_engine.host))
    kind = any_engine.flavour
    with contextlib.closing(any_engine.client()) as client:
        for number in (1, 2):
            small_image(client, f"undo/local-{kind}:{number}", seed=f"undo{kind}{number}")
    engine = hands.clients.engine(place.address)
    one, two = (engine.image(f"undo/local-{kind}:{number}").image_id for number in (1, 2))
    name = Reference.parse_input(f"undo/local-{kind}:dev")
    recording_store(place, hands.clients).tag(one, name)
    recording_store(place, hands.clients).tag(two, name)
    assert hands.back() == [How.TAG]
    assert engine.image(str(name)).image_id == one
    (verdict,) = hands.check()
    assert (verdict.how, verdict.deletes_image) == (How.REMOVE, False)
    assert hands.back() == [How.REMOVE]
    assert all(image.reference != name for image in engine.images())
    assert hands.history.last() == []
    # Several at once are put back at once.
    store = recording_store(place, hands.clients)
    other = Reference.parse_input(f"undo/local-{kind}:2")
    store.tag(one, name)
    recording_store(place, hands.clients).remove(one, force=True)
    assert {verdict.goal.reference.tag for verdict in hands.check()} == {"1", "dev"}
    assert all(verdict.how is None for verdict in hands.check())
    for verdict in hands.check():
        assert verdict.reason is not None
        assert "no longer has the image" in verdict.reason.message
    # While another tag keeps the image, a removed one comes back.
    recording_store(place, hands.clients).tag(two, name)
    recording_store(place, hands.clients).remove(str(other))
    assert hands.back() == [How.TAG]
    assert engine.image(str(other)).image_id == two


def test_a_tag_that_somebody_moved_since(hands: Hands, testbed_engine: PrivateEngine) -> None:
    place = EnginePlace(address_of(testbed_engine.host))
    with contextlib.closing(testbed_engine.client()) as client:
        for number in (1, 2, 3):
            small_image(client, f"undo/moved:{number}", seed=f"moved{number}")
    engine = hands.clients.engine(place.address)
    name = Reference.parse_input("undo/moved:1")
    recording_store(place, hands.clients).tag("undo/moved:2", name)
    (calm,) = hands.check()
    engine.tag("undo/moved:3", name)
    (verdict,) = hands.check()
    assert (calm.moved, verdict.moved) == (False, True)
    with pytest.raises(TagMoved):
        hands.undo.carry_out(calm, Cancellation())
    assert engine.image(str(name)).image_id == verdict.now


def test_a_pull_is_undone_and_a_removed_image_pulled_again(
    hands: Hands, any_engine: PrivateEngine, open_registry: PrivateRegistry
) -> None:
    place = EnginePlace(address_of(any_engine.host))
    repository = f"undo/again-{any_engine.flavour}"
    seed_repository(open_registry.address, repository, ("1",), layers=(1000,), seed=repository)
    name = Reference.parse(f"{open_registry.address}/{repository}:1")
    engine = hands.clients.engine(place.address)
    hands.run(pull(str(name), place.address))
    image = engine.image(str(name)).image_id
    (verdict,) = hands.check()
    assert (verdict.how, verdict.deletes_image) == (How.REMOVE, True)
    recording_store(place, hands.clients).remove(str(name))
    assert all(one.image_id != image for one in engine.images())
    assert hands.back() == [How.TRANSFER]
    assert engine.image(str(name)).image_id == image
    (record,) = hands.history.latest(1)
    assert (record.operation, record.before, record.after) == (TagOperation.UNDO, "", image)
    assert hands.back() == [How.REMOVE]


def test_a_new_tag_whose_image_containers_use(hands: Hands, testbed_engine: PrivateEngine) -> None:
    place = EnginePlace(address_of(testbed_engine.host))
    repository = "undo/used"
    with contextlib.closing(testbed_engine.client()) as client:
        small_image(client, f"{repository}:1")
        store = recording_store(place, hands.clients)
        store.tag(f"{repository}:1", Reference.parse_input(f"{repository}:2"))
        container = client.create_container(f"{repository}:2", ["/none"])
        try:
            (verdict,) = hands.check()
            assert verdict.how is How.REMOVE
            hands.clients.engine(place.address).remove(f"{repository}:1")
            (verdict,) = hands.check()
            assert isinstance(verdict.reason, ImageInUse)
        finally:
            client.remove_container(container, force=True)


def test_an_engine_that_is_away(hands: Hands, testbed_engine: PrivateEngine, tmp_path: Path) -> None:
    place = EnginePlace(address_of(f"unix://{tmp_path}/none.sock"))
    from longshore.transfers.tag_changes import TagChange

    digest = "sha256:" + "a" * 64
    name = Reference.parse_input("undo/away:1")
    (key,) = hands.history.announce([TagChange(place, name, TagOperation.TAG, digest)])
    hands.history.settle({key: ""})
    (verdict,) = hands.check()
    assert verdict.reason is not None
    assert verdict.reason.code == "engine.unavailable"


def test_the_library(hands: Hands, open_registry: PrivateRegistry, tmp_path: Path) -> None:
    seeded = [
        seed_repository(open_registry.address, "undo/library", (tag,), layers=(1000,), seed=f"l{tag}")
        for tag in "12"
    ]
    one, two = (image.digest for image in seeded)
    place = hands.library
    library = hands.clients.library(place.path)
    here = Reference.parse("example.com/undo/library:dev")
    for number in "12":
        source = Reference.parse(f"{open_registry.address}/undo/library:{number}")
        for name in (source, here):
            hands.run(requests.move(Endpoint(RegistryPlace(source.domain), source), Endpoint(place, name)))
    assert library.entry(here).descriptor.digest == two
    assert hands.back() == [How.TAG]
    assert library.entry(here).descriptor.digest == one
    recording_store(place, hands.clients).remove(str(here))
    assert hands.back() == [How.TAG]
    assert library.entry(here).descriptor.digest == one
    # The content is gone with the last name: it comes from the registry again.
    recording_store(place, hands.clients).remove(one)
    assert not library.names(one)
    verdicts = hands.check()
    assert {verdict.goal.reference.tag for verdict in verdicts} == {"1", "dev"}
    assert hands.back() == [How.TRANSFER, How.TRANSFER]
    assert library.entry(here).descriptor.digest == one
    # No other place knows an image that was only here.
    own = Reference.parse("example.com/undo/library:only")
    other = LibraryPlace(tmp_path / "other")
    recording_store(place, hands.clients).tag(two, own)
    hands.clients.registry(open_registry.address).delete_manifest("undo/library", two)
    recording_store(place, hands.clients).remove(two)
    for verdict in hands.check():
        assert verdict.reason is not None
        assert verdict.reason.message.startswith("The library no longer has the image")
    assert not other.path.exists()


def test_content_that_the_library_keeps_without_a_name(hands: Hands, open_registry: PrivateRegistry) -> None:
    seeded = seed_repository(open_registry.address, "undo/leased", ("1",), layers=(1000,))
    name = Reference.parse(f"{open_registry.address}/undo/leased:1")
    hands.run(requests.move(Endpoint(RegistryPlace(name.domain), name), Endpoint(hands.library, name)))
    hands.clients.registry(open_registry.address).delete_manifest("undo/leased", seeded.digest)
    library = hands.clients.library(hands.library.path)
    with contextlib.closing(library.lease()) as lease:  # a transfer still reads it
        library.hold(lease, seeded.digest)
        recording_store(hands.library, hands.clients).remove(str(name))
        assert not library.names(seeded.digest)
        assert hands.back() == [How.TAG]
    assert library.entry(name).descriptor.digest == seeded.digest
    assert library.images()[0].missing == 0
