"""Mirrored repositories: rules, their plans and their transfers, on real registries."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from longshore.application.clients import Clients
from longshore.application.mirrors.claims import Claims
from longshore.application.mirrors.plan import HeldTag, TagState
from longshore.application.mirrors.planning import plan_mirror, plan_rule
from longshore.application.mirrors.repositories import Namespace, RepositoryPattern
from longshore.application.mirrors.rules import MirrorRule
from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import NotInRegistry, SignInRequired
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.registry.config import RegistryConfig
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.transfer import State
from testbed.registry import PrivateRegistry
from testbed.remote_images import MEDIA_TYPES, RegistryWriter, seed_repository
from testbed.throttle import Throttle
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
    index = {"schemaVersion": 2, "mediaType": MEDIA_TYPES["oci"]["index"], "manifests": []}
    broken = b"not JSON"
    with closing(RegistryWriter(open_registry.address)) as writer:
        writer.put_manifest(path, "2", json.dumps(index).encode(), MEDIA_TYPES["oci"]["index"])
        manifest = {
            "schemaVersion": 2,
            "mediaType": MEDIA_TYPES["oci"]["manifest"],
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": writer.put_blob(path, broken),
                "size": len(broken),
            },
            "layers": [],
        }
        writer.put_manifest(path, "3", json.dumps(manifest).encode(), MEDIA_TYPES["oci"]["manifest"])
    seed_repository(open_registry.address, path, ("4",), platforms=(("linux", "s390x"),))
    rule = rule_of(open_registry, path, second_registry, platforms=(Platform("linux", "amd64"),))
    plan = plan_mirror(rule, clients, cancellation=Cancellation())
    assert [tag.state for tag in plan.tags] == [
        TagState.MISSING,
        TagState.OTHER_PLATFORMS,
        TagState.UNREADABLE,
        TagState.OTHER_PLATFORMS,
    ]
    assert [tag.tag for tag in plan.tags if tag.error is not None] == ["2", "3", "4"]
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


def test_tags_in_step_cost_a_head_at_each_side_and_no_manifest(
    clients: Clients, open_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    path, tags = "mirror/in-step", tuple(f"1.{n}" for n in range(200))
    made = datetime(2026, 1, 1, tzinfo=UTC)
    for registry, name in ((open_registry, path), (second_registry, f"mirrored/{path}")):
        seed_repository(registry.address, name, tags, layers=(100,), seed="in step", created=made)
    rule = rule_of(open_registry, path, second_registry)
    before = [len(registry.requests()) for registry in (open_registry, second_registry)]
    plan = plan_mirror(rule, clients, cancellation=Cancellation(), claims=Claims())
    assert (plan.count(TagState.SAME), len(plan.tags), plan.extras) == (200, 200, ())
    for registry, start, name in zip(
        (open_registry, second_registry), before, (path, f"mirrored/{path}"), strict=True
    ):
        asked = Counter(
            (one.method, one.path.partition("?")[0])
            for one in registry.requests()[start:]
            if name in one.path
        )
        expected = Counter({("HEAD", f"/v2/{name}/manifests/{tag}"): 1 for tag in tags})
        assert asked == expected | {("GET", f"/v2/{name}/tags/list"): 1}


def test_no_manifest_is_read_twice_in_a_plan(
    clients: Clients, open_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    """Ten tags point to two indexes that share one image."""
    path = "mirror/once"
    one = seed_repository(
        open_registry.address, path, [f"1.{n}" for n in range(5)], platforms=PLATFORMS, seed="once"
    )
    arm = one.images[1]
    index = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MEDIA_TYPES["oci"]["index"],
            "manifests": [
                {
                    "mediaType": MEDIA_TYPES["oci"]["manifest"],
                    "digest": arm.digest,
                    "size": arm.size,
                    "platform": {"os": "linux", "architecture": "arm64"},
                }
            ],
        }
    ).encode()
    with closing(RegistryWriter(open_registry.address)) as writer:
        for n in range(5):
            writer.put_manifest(path, f"2.{n}", index, MEDIA_TYPES["oci"]["index"])
    before = len(open_registry.requests())
    plan = plan_mirror(
        rule_of(open_registry, path, second_registry, minimum_age_days=0, newest=10),
        clients,
        cancellation=Cancellation(),
    )
    assert plan.count(TagState.MISSING) == 10
    read = Counter(
        one.path
        for one in open_registry.requests()[before:]
        if one.method == "GET" and "/manifests/" in one.path
    )
    digests = {one.digest, *(image.digest for image in one.images), plan.tags[-1].digest}
    assert read == Counter(f"/v2/{path}/manifests/{digest}" for digest in digests)
    assert len(digests) == 4


def test_the_newest_that_are_old_enough(
    clients: Clients, open_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    path, now = "mirror/newest", datetime(2026, 6, 30, tzinfo=UTC)
    for tag, days in {
        "1.9": 90,
        "1.10": 60,
        "1.11": 30,
        "2.0-rc1": 9,
        "2.0": 3,
        "2.1": 1,
        "latest": 1,
    }.items():
        seed_repository(
            open_registry.address, path, (tag,), layers=(100,), created=now - timedelta(days=days)
        )

    def planned(**more: object) -> tuple[list[str], list[str]]:
        plan = plan_mirror(
            rule_of(open_registry, path, second_registry, **more),
            clients,
            cancellation=Cancellation(),
            now=now,
        )
        assert {tag.state for tag in plan.tags} == {TagState.MISSING}
        return [tag.tag for tag in plan.tags], [one.tag for one in plan.held]

    # By version, not by name or date. A tag without a number is no version: it is included and does not count.
    assert planned(newest=2) == (["latest", "2.0", "2.1"], [])
    assert planned(newest=3, tags=("*", "!latest")) == (["2.0-rc1", "2.0", "2.1"], [])
    assert planned(newest=50)[0] == ["latest", "1.9", "1.10", "1.11", "2.0-rc1", "2.0", "2.1"]
    assert planned(minimum_age_days=7) == (["1.9", "1.10", "1.11", "2.0-rc1"], ["latest", "2.0", "2.1"])
    # Images that are too new do not take the place of older ones.
    assert planned(newest=2, minimum_age_days=7) == (["1.11", "2.0-rc1"], ["latest", "2.0", "2.1"])
    assert planned(newest=1, minimum_age_days=30) == (["1.11"], ["latest", "2.0-rc1", "2.0", "2.1"])


def test_an_image_that_is_there_already_has_no_age(
    clients: Clients, open_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    path, now = "mirror/age", datetime(2026, 6, 30, tzinfo=UTC)
    for registry, name in ((open_registry, path), (second_registry, f"mirrored/{path}")):
        seed_repository(registry.address, name, ("1",), layers=(100,), created=now, seed="age")
    seed_repository(open_registry.address, path, ("2",), layers=(100,), created=datetime(1, 1, 1, tzinfo=UTC))
    rule = rule_of(open_registry, path, second_registry, minimum_age_days=7)
    plan = plan_mirror(rule, clients, cancellation=Cancellation(), now=now)
    assert [(tag.tag, tag.state) for tag in plan.tags] == [("1", TagState.SAME)]
    assert plan.held == (HeldTag("2", None),)  # the zero time is no date


def test_extras_are_what_the_source_does_not_have_and_the_rule_includes(
    clients: Clients, open_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    path = "mirror/extras"
    seed_repository(open_registry.address, path, ("1.1", "1.2", "2.0"), layers=(100,))
    there = ("1.0", "1.1", "1.10", "3.0", "longshore-backup-0123456789ab-1.0", "sha256-ab.sig")
    seed_repository(second_registry.address, f"mirrored/{path}", there, layers=(100,))

    def extras(**more: object) -> tuple[str, ...]:
        plan = plan_mirror(
            rule_of(open_registry, path, second_registry, **more),
            clients,
            cancellation=Cancellation(),
            claims=Claims(),
        )
        assert plan.extras_unknown == ""
        return tuple(one.tag for one in plan.extras)

    assert extras() == ("1.0", "1.10", "3.0")
    assert extras(tags=("1.*",)) == ("1.0", "1.10")
    # An old version is no extra: the source still has it.
    assert extras(tags=("1.*",), newest=1) == ("1.0", "1.10")
    plan = plan_mirror(
        rule_of(open_registry, path, second_registry, tags=("9.*",)),
        clients,
        cancellation=Cancellation(),
        claims=Claims(),
    )
    assert (plan.tags, plan.extras) == ((), ())


def test_all_repositories_of_a_pattern(
    clients: Clients, configs: dict[str, RegistryConfig], open_registry: PrivateRegistry
) -> None:
    for name in ("pattern/a", "pattern/b", "pattern/sub/c", "patterns/d", "pattern/copies/e"):
        seed_repository(open_registry.address, name, ("1",), layers=(100,))
    host = open_registry.address
    # The user lists another namespace of this registry.
    configs[host] = RegistryConfig(host, namespace="elsewhere")

    def planned(source: str, destination: str) -> list[str]:
        rule = MirrorRule("x", RepositoryPattern(host, source), Namespace(host, destination))
        plan = plan_rule(rule, clients, cancellation=Cancellation())
        assert plan.failed == ()
        assert len(plan.requests()) == len(plan.repositories)
        return [
            f"{one.rule.ends[0].path} {one.rule.ends[1].path} {one.tags[0].tag}" for one in plan.repositories
        ]

    assert planned("pattern/*", "copies") == ["pattern/a copies/a 1", "pattern/b copies/b 1"]
    assert planned("pattern/**", "x/y")[-1] == "pattern/sub/c x/y/sub/c 1"
    # What the rule itself has made is not copied again.
    assert planned("pattern/**", "pattern/copies") == [
        "pattern/a pattern/copies/a 1",
        "pattern/b pattern/copies/b 1",
        "pattern/sub/c pattern/copies/sub/c 1",
    ]
    with pytest.raises(NotInRegistry, match="No repository"):
        planned("nothing/*", "copies")


def test_a_repository_of_a_pattern_that_cannot_be_read_harms_only_itself(
    clients: Clients, open_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    for name in ("harm/a", "harm/b"):
        seed_repository(open_registry.address, name, ("1",), layers=(100,))
    with Throttle(open_registry.address) as line:
        line.fail_next(r"/v2/harm/a/tags/list", 403, times=3)
        rule = MirrorRule(
            "x", RepositoryPattern(line.address, "harm/*"), Namespace(second_registry.address, "harmed")
        )
        plan = plan_rule(rule, clients, cancellation=Cancellation())
    assert [one.rule.ends[0].path for one in plan.repositories] == ["harm/b"]
    assert [(one.rule.ends[0].path, type(one.error)) for one in plan.failed] == [("harm/a", SignInRequired)]
