"""Changes that nobody reported an end of, that are undone by other means, and that several undo at the same time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from longshore.application.tag_history.history import TagHistory
from longshore.application.undo.goal import How
from longshore.application.undo.undo import Undo
from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError
from longshore.oci.reference import Reference
from longshore.transfers.tag_changes import TagChange, TagOperation
from longshore.transfers.transfer import RegistryPlace
from testbed.registry import PrivateRegistry
from transfertools import copy

from .conftest import Hands
from .test_registry import seeded

HOUR = 3600.0


def killed(hands: Hands, tag: str, before: str, after: str | None, *, ago: float = 0.0) -> str:
    """Record a change as a Longshore does that is killed before it makes it. Returns the id of the record."""
    name = Reference.parse(tag)
    change = TagChange(RegistryPlace(name.domain), name, TagOperation.TAG, before, after)
    other = TagHistory(hands.history.path, clock=lambda: time.time() - ago)
    (key,) = other.announce([change])
    other.close()
    return key


@pytest.mark.parametrize("ago", [0.0, 2 * HOUR])
def test_a_change_that_was_never_made_is_no_last_change(
    hands: Hands, own_registry: PrivateRegistry, ago: float
) -> None:
    one, two = seeded(own_registry, "undo/never", "1", "2")
    name = f"{own_registry.address}/undo/never"
    hands.run(copy(f"{name}:2", f"{name}:1"))
    key = killed(hands, f"{name}:2", two, one, ago=ago)
    ((verdict,), skipped) = hands.undo.last(Cancellation())
    assert (verdict.goal.reference.tag, verdict.how, verdict.moved) == ("1", How.TAG, False)
    # One that another Longshore may be about to make is kept.
    assert [record.id for record in skipped] == ([] if ago else [key])
    assert [record.open for record in hands.history.starting_with(key)] == ([] if ago else [True])


def test_a_change_that_was_made_is_settled(hands: Hands, own_registry: PrivateRegistry) -> None:
    one, two, three = seeded(own_registry, "undo/made", "1", "2", "3")
    name = f"{own_registry.address}/undo/made"
    made = killed(hands, f"{name}:1", two, one)  # the tag points to what it was to point to
    theirs = killed(hands, f"{name}:2", three, one)
    ((verdict,), _) = hands.undo.last(Cancellation())
    assert (verdict.goal.undoes, verdict.moved, verdict.now) == (theirs, True, two)
    hands.undo.settle(hands.history.latest(), Cancellation())
    assert {record.id: (record.open, record.after) for record in hands.history.latest()} == {
        made: (False, one),
        theirs: (True, one),
    }


def test_a_change_that_is_given_up_too_early_is_recorded_when_it_is_made(
    hands: Hands, own_registry: PrivateRegistry
) -> None:
    one, two = seeded(own_registry, "undo/late", "1", "2")
    name = Reference.parse(f"{own_registry.address}/undo/late:1")
    change = TagChange(RegistryPlace(name.domain), name, TagOperation.PUSH, one)
    slow = TagHistory(hands.history.path, clock=lambda: time.time() - 2 * HOUR)
    (key,) = slow.announce([change])
    hands.undo.settle(hands.history.latest(), Cancellation())
    assert hands.history.latest() == []
    slow.settle({key: two})
    slow.close()
    (record,) = hands.history.latest()
    assert (record.id, record.before, record.after, record.open) == (key, one, two, False)


def test_a_change_undone_by_hand_is_skipped(hands: Hands, own_registry: PrivateRegistry) -> None:
    one, two = seeded(own_registry, "undo/by-hand", "1", "2")
    name = f"{own_registry.address}/undo/by-hand"
    hands.run(copy(f"{name}:2", f"{name}:new"))
    hands.run(copy(f"{name}:2", f"{name}:1"))
    client = hands.clients.registry(own_registry.address)
    first = client.manifest("undo/by-hand", one)
    client.put_manifest("undo/by-hand", "1", first.raw, first.media_type)
    ((verdict,), skipped) = hands.undo.last(Cancellation())
    assert (verdict.goal.reference.tag, verdict.goal.digest) == ("new", "")
    assert [record.tag for record in skipped] == ["1"]
    client.put_manifest("undo/by-hand", "1", client.manifest("undo/by-hand", two).raw, first.media_type)
    ((verdict,), skipped) = hands.undo.last(Cancellation())
    assert (verdict.goal.reference.tag, skipped) == ("1", [])


@pytest.fixture
def histories(hands: Hands) -> Iterator[list[TagHistory]]:
    """The history as three other programs have it."""
    found = [TagHistory(hands.history.path) for _ in range(3)]
    yield found
    for history in found:
        history.close()


def test_several_undo_the_same_change(
    hands: Hands, own_registry: PrivateRegistry, histories: list[TagHistory]
) -> None:
    one, _ = seeded(own_registry, "undo/several", "1", "2")
    name = f"{own_registry.address}/undo/several"
    hands.run(copy(f"{name}:2", f"{name}:1"))
    (verdict,) = hands.check()
    said: list[str] = []
    together = threading.Barrier(len(histories))

    def undo(history: TagHistory) -> None:
        together.wait(30)
        try:
            Undo(hands.clients, history, lambda: hands.library).carry_out(verdict, Cancellation())
            said.append("")
        except LongshoreError as error:
            said.append(error.message)

    threads = [threading.Thread(target=undo, args=[history]) for history in histories]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(said) == ["", "This change was undone.", "This change was undone."]
    undone = [record for record in hands.history.latest() if record.operation is TagOperation.UNDO]
    assert [record.after for record in undone] == [one]
