"""Undo of changes at real registries: overwritten, removed, new; and what is refused, with the reason."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest

from longshore.application import requests
from longshore.application.mirrors.extras import delete_extras
from longshore.application.mirrors.plan import ExtraTag
from longshore.application.mirrors.rules import Extras, MirrorRule
from longshore.application.removal import remove_tags
from longshore.application.undo.goal import Goal, How
from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError, NotInRegistry, TagMoved
from longshore.oci.reference import Reference
from longshore.registry.removal import look
from longshore.transfers.tag_changes import TagChange, TagOperation
from longshore.transfers.transfer import Endpoint, RegistryPlace
from testbed.engine import PrivateEngine
from testbed.images import small_image
from testbed.registry import PrivateRegistry
from testbed.remote_images import LINUX_AMD64, seed_repository
from testbed.throttle import Throttle
from transfertools import address_of, copy, push

from .conftest import Hands

MADE = datetime(2026, 11, 27, tzinfo=UTC)


def seeded(registry: PrivateRegistry, repository: str, *tags: str) -> list[str]:
    """Make an image for each tag; returns the digests."""
    return [
        seed_repository(
            registry.address,
            repository,
            (tag,),
            layers=(1000, 2000),
            seed=f"{repository}{tag}",
            created=MADE,
        ).digest
        for tag in tags
    ]


def remove(hands: Hands, registry: PrivateRegistry, repository: str, *tags: str) -> None:
    """Remove tags as the window does."""
    client = hands.clients.registry(registry.address)
    remove_tags(hands.clients, look(client, repository, tags, Cancellation()))


def test_a_push_that_overwrote_a_tag(
    hands: Hands, any_engine: PrivateEngine, own_registry: PrivateRegistry
) -> None:
    address = address_of(any_engine.host)
    name = f"{own_registry.address}/undo/pushed:dev"
    with contextlib.closing(any_engine.client()) as client:
        for number in (1, 2):
            small_image(
                client, f"undo/push-{any_engine.flavour}:{number}", seed=f"{any_engine.flavour}{number}"
            )
    images = [f"undo/push-{any_engine.flavour}:{number}" for number in (1, 2)]
    engine = hands.clients.engine(address)
    one, two = (hands.run(push(image, name, address)).digest for image in images)
    assert hands.digest(name) == two != one
    local = [engine.image(image).image_id for image in images]
    assert engine.image(name).image_id == local[1]
    # The tag at the registry and the local one, which the push moved, too.
    assert hands.back() == [How.TAG, How.TAG]
    assert hands.digest(name) == one
    assert engine.image(name).image_id == local[0]
    undos = hands.history.latest(2)
    assert {record.operation for record in undos} == {TagOperation.UNDO}
    # Undo again: the first push, after which there was no tag before.
    assert hands.back() == [How.REMOVE, How.REMOVE]
    assert hands.digest(name) == ""
    assert hands.history.last() == []


def test_an_undo_can_be_undone(hands: Hands, own_registry: PrivateRegistry) -> None:
    one, two = seeded(own_registry, "undo/redo", "1", "2")
    name = f"{own_registry.address}/undo/redo"
    hands.run(copy(f"{name}:2", f"{name}:1"))
    assert hands.digest(f"{name}:1") == two
    assert hands.back() == [How.TAG]
    assert hands.digest(f"{name}:1") == one
    (undo,) = hands.history.latest(1)
    (verdict,) = hands.undo.check_records([undo], Cancellation())
    assert hands.undo.carry_out(verdict, Cancellation()) is None
    assert hands.digest(f"{name}:1") == two
    assert hands.back() == [How.TAG]
    assert hands.digest(f"{name}:1") == one


def test_removed_tags_of_one_image_and_an_index(hands: Hands, own_registry: PrivateRegistry) -> None:
    name = f"{own_registry.address}/undo/removed"
    image = seed_repository(own_registry.address, "undo/removed", ("1", "2", "3"), layers=(1000,), seed="i")
    index = seed_repository(
        own_registry.address,
        "undo/removed",
        ("all",),
        layers=(1500,),
        platforms=(LINUX_AMD64, ("linux", "arm64")),
    )
    remove(hands, own_registry, "undo/removed", "1")
    assert [hands.digest(f"{name}:{tag}") for tag in "123"] == ["", image.digest, image.digest]
    assert hands.back() == [How.TAG]
    remove(hands, own_registry, "undo/removed", "1", "2", "3")
    assert hands.digest(f"{name}@{image.digest}") == ""  # deleted: its bytes are only in the history
    assert hands.back() == [How.TAG] * 3
    assert [hands.digest(f"{name}:{tag}") for tag in "123"] == [image.digest] * 3
    remove(hands, own_registry, "undo/removed", "all")
    assert hands.digest(f"{name}@{index.digest}") == ""
    assert hands.back() == [How.TAG]
    assert hands.digest(f"{name}:all") == index.digest


def test_an_index_that_is_there_gets_its_missing_children(
    hands: Hands, own_registry: PrivateRegistry
) -> None:
    seeded(own_registry, "undo/child", "new")
    platforms = (LINUX_AMD64, ("linux", "arm64"))
    index = seed_repository(
        own_registry.address, "undo/child", ("multi",), layers=(900,), platforms=platforms, seed="undo child"
    )
    name = f"{own_registry.address}/undo/child"
    client = hands.clients.registry(own_registry.address)
    child = client.manifest("undo/child", index.images[0].digest)
    client.put_manifest("undo/child", "amd64", child.raw, child.media_type)
    hands.run(copy(f"{name}:new", f"{name}:multi"))
    (record,) = hands.history.last()
    remove(hands, own_registry, "undo/child", "amd64")
    assert client.head("undo/child", child.digest) is None
    (verdict,) = hands.undo.check_records([record], Cancellation())
    assert verdict.manifests[0] == child
    hands.undo.carry_out(verdict, Cancellation())
    assert hands.digest(f"{name}:multi") == index.digest
    assert client.head("undo/child", child.digest) is not None
    # A child that nobody kept.
    hands.run(copy(f"{name}:new", f"{name}:multi"))
    (record,) = hands.history.last()
    client.delete_manifest("undo/child", index.images[1].digest)
    (verdict,) = hands.undo.check_records([record], Cancellation())
    with pytest.raises(NotInRegistry, match="The registry no longer has all of the image"):
        hands.undo.carry_out(verdict, Cancellation())
    assert hands.history.last() == [record]


def test_content_that_is_gone_is_refused_with_the_reason(hands: Hands, own_registry: PrivateRegistry) -> None:
    one, _ = seeded(own_registry, "undo/gone", "1", "2")
    name = f"{own_registry.address}/undo/gone"
    remove(hands, own_registry, "undo/gone", "1")
    hands.run(copy(f"{name}:2", f"{name}:3"))
    hands.back()  # the copy
    own_registry.collect_garbage()
    (verdict,) = hands.check()
    assert (verdict.how, verdict.now) == (None, "")
    assert verdict.reason is not None
    assert verdict.reason.message == (
        f"The registry no longer has all of the image {one[7:19]}, and no other place that Longshore knows has it."
    )
    with pytest.raises(LongshoreError, match="no longer has all"):
        hands.undo.carry_out(verdict, Cancellation())
    assert hands.digest(f"{name}:1") == ""


def test_an_overwritten_image_that_was_collected_is_brought_from_elsewhere(
    hands: Hands, own_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    one, two = seeded(own_registry, "undo/elsewhere", "1", "2")
    name = f"{own_registry.address}/undo/elsewhere"
    reference = Reference.parse(f"{name}:1")
    hands.run(copy(f"{name}:2", f"{name}:1"))
    own_registry.collect_garbage()
    (verdict,) = hands.check()
    assert verdict.how is None
    assert verdict.reason is not None
    assert "no longer has the image" in verdict.reason.message
    # Somewhere else that Longshore has seen it.
    again = seeded(own_registry, "undo/elsewhere", "1", "2")
    assert again == [one, two]
    hands.run(copy(f"{name}:1", f"{second_registry.address}/undo/kept:x"))
    hands.run(
        requests.move(
            Endpoint(RegistryPlace(reference.domain), reference), Endpoint(hands.library, reference)
        )
    )
    hands.run(copy(f"{name}:2", f"{name}:1"))
    own_registry.collect_garbage()
    (verdict,) = hands.check()
    assert verdict.how is How.TRANSFER
    assert verdict.request is not None
    assert verdict.request.source.place == hands.library
    hands.clients.library(hands.library.path).remove(one)
    assert hands.back() == [How.TRANSFER]  # from the other registry
    assert hands.digest(f"{name}:1") == one
    (record,) = hands.history.latest(1)
    assert (record.operation, record.before, record.after) == (TagOperation.UNDO, two, one)
    assert all(each.id != record.undoes for each in hands.history.last())


def test_a_tag_that_somebody_changed_since(hands: Hands, own_registry: PrivateRegistry) -> None:
    one, _, three = seeded(own_registry, "undo/since", "1", "2", "3")
    name = f"{own_registry.address}/undo/since"
    hands.run(copy(f"{name}:2", f"{name}:1"))
    (calm,) = hands.check()
    assert not calm.moved
    client = hands.clients.registry(own_registry.address)
    other = client.manifest("undo/since", three)
    client.put_manifest("undo/since", "1", other.raw, other.media_type)
    with pytest.raises(TagMoved):
        hands.undo.carry_out(calm, Cancellation())
    (verdict,) = hands.check()
    assert (verdict.moved, verdict.now, verdict.how) == (True, three, How.TAG)
    hands.undo.carry_out(verdict, Cancellation())
    assert hands.digest(f"{name}:1") == one
    (again,) = hands.undo.check_records(hands.history.latest(2)[1:], Cancellation())
    assert again.reason is not None
    assert again.reason.message == "This change was undone."


@pytest.mark.parametrize("intended", [True, False])
def test_a_tag_that_somebody_changed_after_longshore_was_killed(
    hands: Hands, own_registry: PrivateRegistry, intended: bool
) -> None:
    one, two, _ = seeded(own_registry, "undo/killed", "1", "2", "3")
    name = Reference.parse(f"{own_registry.address}/undo/killed:1")
    after = two if intended else None
    hands.history.announce([TagChange(RegistryPlace(name.domain), name, TagOperation.PUSH, one, after)])
    client = hands.clients.registry(own_registry.address)
    for tag, moved in (("2", not intended), ("3", True)):
        theirs = client.manifest("undo/killed", tag)
        client.put_manifest("undo/killed", "1", theirs.raw, theirs.media_type)
        (verdict,) = hands.check()
        assert (verdict.moved, verdict.now, verdict.how) == (moved, theirs.digest, How.TAG)


def test_a_tag_that_changes_while_its_image_is_brought(
    hands: Hands, own_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    _, _, three = seeded(own_registry, "undo/race", "1", "2", "3")
    name = f"{own_registry.address}/undo/race"
    hands.run(copy(f"{name}:1", f"{second_registry.address}/undo/race:x"))
    hands.run(copy(f"{name}:2", f"{name}:1"))
    own_registry.collect_garbage()
    (verdict,) = hands.check()
    request = hands.undo.carry_out(verdict, Cancellation())
    assert request is not None
    client = hands.clients.registry(own_registry.address)
    other = client.manifest("undo/race", three)
    client.put_manifest("undo/race", "1", other.raw, other.media_type)
    with pytest.raises(TagMoved):
        hands.run(request)
    assert hands.digest(f"{name}:1") == three


def test_registries_that_refuse(
    hands: Hands, keeping_registry: PrivateRegistry, open_registry: PrivateRegistry, throttle: Throttle
) -> None:
    seeded(keeping_registry, "undo/keeping", "1", "2")
    name = f"{keeping_registry.address}/undo/keeping"
    hands.run(copy(f"{name}:1", f"{name}:new"))
    (verdict,) = hands.check()
    assert verdict.reason is not None
    assert verdict.reason.message == "The registry does not allow removing the tag new alone."
    hands.run(copy(f"{name}:2", f"{name}:1"))
    assert hands.back() == [How.TAG]
    # One that does not allow moving the tag.
    seeded(open_registry, "undo/fixed", "1", "2")
    name = f"{throttle.address}/undo/fixed"
    hands.run(copy(f"{name}:2", f"{name}:1"))
    (verdict,) = hands.check()
    throttle.fail_next("/manifests/1$", 412, method="PUT")
    with pytest.raises(LongshoreError, match="is immutable"):
        hands.undo.carry_out(verdict, Cancellation())
    (record,) = hands.history.last()
    assert (record.operation, record.undone_by) == (TagOperation.COPY, "")
    throttle.refuse()
    (verdict,) = hands.check()
    assert verdict.how is None
    assert verdict.reason is not None
    assert verdict.reason.code == "registry.unreachable"


def test_an_extra_tag_that_a_mirror_deleted(
    hands: Hands, own_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    extra, _ = seeded(own_registry, "undo/extra", "extra", "1")
    seeded(second_registry, "undo/extra", "1")
    source = Reference.parse(f"{second_registry.address}/undo/extra")
    name = Reference.parse(f"{own_registry.address}/undo/extra")
    rule = MirrorRule("undo", source, name, extras=Extras.DELETE)
    deleted = list(
        delete_extras(rule, [ExtraTag("extra", extra)], hands.clients, cancellation=Cancellation())
    )
    assert len(deleted) == 1
    assert hands.digest(f"{name}:extra") == ""
    (record,) = hands.history.last()
    assert (record.operation, record.before, record.after) == (TagOperation.MIRROR, extra, "")
    assert hands.back() == [How.TAG]
    assert hands.digest(f"{name}:extra") == extra


def test_many_tags_are_checked_and_put_back(hands: Hands, own_registry: PrivateRegistry) -> None:
    tags = tuple(f"n{number}" for number in range(30))
    image = seed_repository(own_registry.address, "undo/many", tags, layers=(1000,)).digest
    remove(hands, own_registry, "undo/many", *tags)
    assert hands.back() == [How.TAG] * 30
    assert {hands.digest(f"{own_registry.address}/undo/many:{tag}") for tag in tags} == {image}
    assert len(hands.history.group_of(hands.history.latest(1)[0])) == 30


def test_a_digest_of_the_history_is_put_back(hands: Hands, own_registry: PrivateRegistry) -> None:
    one, two = seeded(own_registry, "undo/to", "1", "2")
    reference = Reference.parse(f"{own_registry.address}/undo/to:1")
    goal = Goal(RegistryPlace(reference.domain), reference, two)
    verdict = hands.undo.check(goal, Cancellation())
    assert (verdict.how, verdict.now, verdict.moved) == (How.TAG, one, False)
    hands.undo.carry_out(verdict, Cancellation())
    assert hands.digest(str(reference)) == two
    assert hands.back() == [How.TAG]  # what was put back can be undone
    assert hands.digest(str(reference)) == one
    same = hands.undo.check(Goal(goal.place, reference, one), Cancellation())
    assert same.reason is not None
    assert same.reason.message == "The tag 1 already points to this image."
