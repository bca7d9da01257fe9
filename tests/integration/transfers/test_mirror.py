"""Mirrored repositories: rules, their plans and their transfers, on real registries."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing

import pytest

from longshore.application.clients import Clients
from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import NotInRegistry
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.transfer import State
from longshore.transfers.ways.mirror import MirrorRule, TagState, plan_mirror
from testbed.registry import PrivateRegistry
from testbed.remote_images import MEDIA_TYPES, RegistryWriter, seed_repository
from transfertools import Eye

Make = Callable[..., tuple[TransferQueue, Eye]]
PLATFORMS = (("linux", "amd64"), ("linux", "arm64"))


def rule_of(source: PrivateRegistry, path: str, target: PrivateRegistry, **more: object) -> MirrorRule:
    return MirrorRule(
        "mine",
        Reference(source.address, path),
        Reference(target.address, f"mirrored/{path}"),
        **more,  # type: ignore[arg-type]
    )


def test_a_plan_says_what_is_same_missing_and_different(
    make_queue: Make, clients: Clients, open_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    path = "mirror/plan"
    # Two tags share layers, a third does not.
    one = seed_repository(open_registry.address, path, ("1.9",), layers=(10_000, 20_000), seed="common")
    two = seed_repository(
        open_registry.address, path, ("1.10",), layers=(10_000, 20_000, 30_000), seed="common"
    )
    seed_repository(open_registry.address, path, ("2.0",), layers=(5_000,))
    rule = rule_of(open_registry, path, second_registry, tags=("1.*",))
    heard: list[tuple[int, int]] = []
    cancellation = Cancellation()
    plan = plan_mirror(rule, clients, cancellation=cancellation, told=lambda *heard_: heard.append(heard_))
    assert [tag.tag for tag in plan.tags] == ["1.9", "1.10"]
    assert [tag.state for tag in plan.tags] == [TagState.MISSING] * 2
    assert [tag.digest for tag in plan.tags] == [one.digest, two.digest]
    common = plan.tags[0].size - plan.tags[0].bytes_to_move
    assert common == 0
    # The second tag only adds its own layer and configuration.
    assert plan.tags[1].size > plan.tags[1].bytes_to_move > 30_000
    assert plan.tags[1].bytes_to_move < 45_000
    assert plan.bytes_to_move == sum(tag.bytes_to_move for tag in plan.tags)
    assert sorted(heard) == [(1, 2), (2, 2)]
    queue, eye = make_queue()
    for request in plan.requests():
        eye.until(queue.add(request), State.SUCCEEDED, 30)
    moved = sum(row.moved.bytes for row in eye.rows.values() if row.moved)
    assert moved == two.layer_bytes
    again = plan_mirror(rule, clients, cancellation=cancellation)
    assert (again.count(TagState.SAME), again.bytes_to_move, again.requests()) == (2, 0, [])
    # The tag points to another image at the source.
    newer = seed_repository(open_registry.address, path, ("1.9",), layers=(10_000, 7_000), seed="newer")
    changed = plan_mirror(rule, clients, cancellation=cancellation)
    assert [tag.state for tag in changed.tags] == [TagState.DIFFERS, TagState.SAME]
    assert (changed.tags[0].digest, changed.tags[0].current) == (newer.digest, one.digest)
    assert [str(request.source.reference) for request in changed.requests()] == [
        f"{open_registry.address}/{path}:1.9"
    ]
    assert changed.requests(chosen=["1.10"]) == []


def test_a_plan_of_chosen_platforms_knows_its_own_index(
    make_queue: Make, clients: Clients, open_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    path = "mirror/platforms"
    seeded = seed_repository(open_registry.address, path, ("1",), platforms=PLATFORMS)
    rule = rule_of(open_registry, path, second_registry, platforms=(Platform("linux", "arm64"),))
    plan = plan_mirror(rule, clients, cancellation=Cancellation())
    assert plan.tags[0].digest != seeded.digest
    queue, eye = make_queue()
    done = eye.until(queue.add(plan.requests()[0]), State.SUCCEEDED, 30)
    assert done.digest == plan.tags[0].digest
    assert plan_mirror(rule, clients, cancellation=Cancellation()).count(TagState.SAME) == 1


def test_signatures_that_came_later_are_found(
    make_queue: Make, clients: Clients, open_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    path = "mirror/signed"
    seeded = seed_repository(open_registry.address, path, ("1",))
    rule = rule_of(open_registry, path, second_registry, referrers=True)
    queue, eye = make_queue()
    plan = plan_mirror(rule, clients, cancellation=Cancellation())
    eye.until(queue.add(plan.requests()[0]), State.SUCCEEDED, 30)
    assert plan_mirror(rule, clients, cancellation=Cancellation()).count(TagState.SAME) == 1
    tag = seeded.digest.replace(":", "-") + ".sig"
    signature = seed_repository(open_registry.address, path, (tag,), layers=(300,))
    later = plan_mirror(rule, clients, cancellation=Cancellation())
    assert [(one.tag, one.state) for one in later.tags] == [("1", TagState.UNSIGNED)]
    assert 0 < later.bytes_to_move < 11_000
    eye.until(queue.add(later.requests()[0]), State.SUCCEEDED, 30)
    there = clients.registry(second_registry.address).head(f"mirrored/{path}", tag)
    assert there is not None
    assert there.digest == signature.digest


def test_a_tag_that_cannot_be_read_harms_only_itself(
    clients: Clients, open_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    path = "mirror/odd"
    seed_repository(open_registry.address, path, ("1",))
    index = {
        "schemaVersion": 2,
        "mediaType": MEDIA_TYPES["oci"]["index"],
        "manifests": [],
        "annotations": {"odd": "x"},
    }
    with closing(RegistryWriter(open_registry.address)) as writer:
        writer.put_manifest(path, "2", json.dumps(index).encode(), MEDIA_TYPES["oci"]["index"])
    rule = rule_of(open_registry, path, second_registry, platforms=(Platform("linux", "amd64"),))
    plan = plan_mirror(rule, clients, cancellation=Cancellation())
    assert [tag.state for tag in plan.tags] == [TagState.MISSING, TagState.UNREADABLE]
    assert plan.tags[1].error is not None
    assert "image is available for linux/amd64" in plan.tags[1].error.message
    assert len(plan.requests()) == 1


def test_a_plan_can_be_cancelled_and_fails_with_its_registry(
    clients: Clients, open_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    seed_repository(open_registry.address, "mirror/stop", tuple(f"{n}" for n in range(30)))
    rule = rule_of(open_registry, "mirror/stop", second_registry)
    cancellation = Cancellation()
    with pytest.raises(Cancelled):
        plan_mirror(rule, clients, cancellation=cancellation, told=lambda *_: cancellation.cancel())
    with pytest.raises(NotInRegistry):
        plan_mirror(
            rule_of(open_registry, "mirror/nowhere", second_registry), clients, cancellation=Cancellation()
        )
