"""A retention plan of a registry's repository, carried out to the letter on real registries."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from longshore.application.cleanup.retention import RetentionPlan, make
from longshore.application.cleanup.retention_rules import Order, RetentionRules
from longshore.application.cleanup.retention_run import RetentionResult, carry_out, carrying_out
from longshore.application.cleanup.tags import read_repository
from longshore.application.clients import Clients
from longshore.application.tag_history.history import TagHistory
from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import AccessDenied, RegistryFailure, SignInRequired, TagMoved
from longshore.oci.digest import sha256_of
from longshore.oci.manifest import OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST
from longshore.oci.reference import Reference
from longshore.registry.client import RegistryClient
from longshore.registry.config import RegistryConfig
from longshore.registry.removal import look
from longshore.registry.substitutes import substitute
from longshore.registry.tag_deletion import Way
from longshore.transfers.tag_changes import TagOperation
from longshore.words import retention as words
from testbed.crane import CraneRegistry
from testbed.registry import PrivateRegistry
from testbed.remote_images import RegistryWriter, descriptor, document, seed_repository
from testbed.throttle import Throttle

pytestmark = pytest.mark.integration

NOW = datetime.now(UTC)


@pytest.fixture
def clients(tmp_path: Path) -> Iterator[Clients]:
    clients = Clients(os.environ, RegistryConfig, cache=tmp_path / "cache")
    yield clients
    clients.close()


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[PrivateRegistry]:
    """A registry of this test that allows deletion."""
    with PrivateRegistry(tmp_path / "registry") as one:
        yield one


def tags_of(client: RegistryClient, path: str) -> dict[str, str]:
    """The tags that a repository has, with their digests."""
    heads = {tag: client.head(path, tag) for tag in client.tags(path).items}
    return {tag: head.digest for tag, head in heads.items() if head is not None}


def planned(clients: Clients, host: str, path: str, **rules: Any) -> RetentionPlan:
    contents = read_repository(clients, Reference(host, path), Cancellation())
    return make(contents, RetentionRules(**rules))


def run(clients: Clients, plan: RetentionPlan, *ticked: str) -> RetentionResult:
    return carry_out(clients, plan, ticked or plan.all, Cancellation())


def seed_days(host: str, path: str, days: int, *tags: str, **more: Any) -> str:
    """An image of that age; returns its digest."""
    created = NOW - timedelta(days=days)
    return seed_repository(host, path, tags, created=created, layers=(3000 + days,), **more).digest


@pytest.mark.parametrize("make_of", ["registry", "crane_registry"])
def test_exactly_the_planned_tags_go(clients: Clients, make_of: str, request: pytest.FixtureRequest) -> None:
    host, path = request.getfixturevalue(make_of).address, "retention/letter"
    kept = {
        "3.0": seed_days(host, path, 1, "3.0", "latest"),
        "1-lts": seed_days(host, path, 40, "1-lts", "1.0"),
    }
    seed_days(host, path, 30, "2.0", "2")
    plan = planned(clients, host, path, older_than=20, never=("*-lts",))
    assert plan.contents.way is (Way.SUBSTITUTE if make_of == "registry" else Way.TAG)
    assert plan.all == ("1.0", "2", "2.0")
    assert [row.siblings for row in plan.rows] == [("1-lts",), ("2.0",), ("2",)]
    before = plan.outcome(plan.all)
    result = run(clients, plan)
    assert result.as_planned and set(result.removed) == {"1.0", "2", "2.0"}
    assert result.freed == sum(before.going.values()) > 3000
    client = clients.registry(host)
    assert tags_of(client, path) == {"3.0": kept["3.0"], "latest": kept["3.0"], "1-lts": kept["1-lts"]}
    assert planned(clients, host, path, older_than=20, never=("*-lts",)).all == ()


def test_what_is_not_ticked_stays(clients: Clients, registry: PrivateRegistry) -> None:
    host, path = registry.address, "retention/ticks"
    for number in range(6):
        seed_days(host, path, number, f"v{number}")
    plan = planned(clients, host, path, keep_newest=1)
    assert plan.all == ("v1", "v2", "v3", "v4", "v5")
    result = run(clients, plan, "v2", "v4", "v0", "none")
    assert result.as_planned and set(result.removed) == {"v2", "v4"}
    assert tags_of(clients.registry(host), path).keys() == {"v0", "v1", "v3", "v5"}
    assert run(clients, plan, "none").as_planned


def test_eight_tags_of_one_digest_lose_one_then_all(clients: Clients, registry: PrivateRegistry) -> None:
    host, path = registry.address, "retention/eight"
    names = [f"t{number}" for number in range(8)]
    one = seed_days(host, path, 9, *names)
    plan = planned(clients, host, path, names=("t*",))
    assert len(plan.rows) == 8 and len(plan.rows[0].siblings) == 7
    result = run(clients, plan, "t3")
    assert result.as_planned and result.removed == ["t3"] and result.freed == 0
    client = clients.registry(host)
    assert tags_of(client, path) == dict.fromkeys((name for name in names if name != "t3"), one)
    plan = planned(clients, host, path, names=("t*",))
    result = run(clients, plan)
    assert result.as_planned and len(result.removed) == 7 and result.freed > 3000
    assert tags_of(client, path) == {} and client.head(path, one) is None


def test_hundreds_of_tags_with_few_requests(clients: Clients, registry: PrivateRegistry) -> None:
    host, path = registry.address, "retention/many"
    sizes = [0] * 300

    def seed(first: int) -> None:
        writer = RegistryWriter(host)
        layer = writer.put_blob(path, b"x" * 5000)
        for number in range(first, 300, 6):
            created = (NOW - timedelta(days=number)).isoformat()
            config = document({"created": created, "os": "linux", "architecture": "amd64"})
            sizes[number] = len(config)
            manifest = {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": descriptor(OCI_CONFIG, writer.put_blob(path, config), len(config)),
                "layers": [descriptor(OCI_LAYER, layer, 5000)],
            }
            writer.put_manifest(path, f"b{number}", document(manifest), OCI_MANIFEST)
        writer.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(seed, range(6)))
    with Throttle(host) as line:
        seen: list[tuple[int, int]] = []
        read_repository(
            clients,
            Reference(line.address, path),
            Cancellation(),
            told=lambda done, total: seen.append((done, total)),
        )
        assert max(seen) == (300, 300)
        first = len(line.requests)
        assert first < 300 * 3 + 60  # a HEAD, a manifest and a configuration each
        plan = planned(clients, line.address, path, keep_newest=20)
        # Known content is not read again.
        assert len(line.requests) - first < 300 + 20
    plan = planned(clients, host, path, keep_newest=20)
    assert len(plan.all) == 280 and plan.undated == 0
    assert sum(plan.outcome(plan.all).going.values()) == sum(sizes[20:])  # the layer stays
    result = run(clients, plan)
    assert result.as_planned and len(result.removed) == 280
    assert tags_of(clients.registry(host), path).keys() == {f"b{number}" for number in range(20)}


def test_images_of_indexes_are_kept_while_an_index_needs_them(
    clients: Clients, registry: PrivateRegistry
) -> None:
    host, path = registry.address, "retention/indexes"
    client = clients.registry(host)
    shared = seed_days(host, path, 50, "1-arm64", platforms=(("linux", "arm64"),))
    old = seed_days(host, path, 50, "1-amd64")
    new = seed_days(host, path, 2, "2-amd64")

    def index(tag: str, *digests: str) -> str:
        children = [client.manifest(path, one).descriptor.to_json() for one in digests]
        raw = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children}).encode()
        return client.put_manifest(path, tag, raw, OCI_INDEX)

    index("1", old, shared)
    two = index("2", new, shared)
    plan = planned(clients, host, path, older_than=20)
    assert plan.all == ("1", "1-amd64", "1-arm64")
    assert sum(plan.outcome(plan.all).going.values()) < sum(plan.contents.blobs([old, shared]).values())
    result = run(clients, plan)
    assert result.as_planned
    assert tags_of(client, path) == {"2": two, "2-amd64": new}
    assert client.head(path, shared) is not None and client.head(path, old) is None


def test_signatures_go_with_their_image(clients: Clients, registry: PrivateRegistry) -> None:
    host, path = registry.address, "retention/signed"
    old, new = seed_days(host, path, 50, "1.0"), seed_days(host, path, 1, "2.0")
    for number, one in enumerate((old, new)):
        seed_days(host, path, 60 + number, f"sha256-{one[7:]}.sig")
    plan = planned(clients, host, path, older_than=20)
    assert plan.all == ("1.0",)
    result = run(clients, plan)
    assert result.as_planned and result.removed == ["1.0", f"sha256-{old[7:]}.sig"]
    assert tags_of(clients.registry(host), path).keys() == {"2.0", f"sha256-{new[7:]}.sig"}


def test_a_tag_that_was_moved_meanwhile_is_kept_and_named(
    clients: Clients, registry: PrivateRegistry
) -> None:
    host, path = registry.address, "retention/moved"
    for number in range(4):
        seed_days(host, path, 10 + number, f"v{number}")
    plan = planned(clients, host, path, names=("v*",))
    newer = seed_days(host, path, 0, "v1", seed="newer")
    clients.registry(host).delete_manifest(path, plan.contents.tags[3].digest)
    result = run(clients, plan)
    assert set(result.removed) == {"v0", "v2", "v3"} and result.already == ["v3"]
    assert isinstance(result.kept["v1"], TagMoved) and "v1 was moved" in result.kept["v1"].message
    assert not result.as_planned
    assert tags_of(clients.registry(host), path) == {"v1": newer}


def test_a_tag_that_somebody_gave_meanwhile_stays(clients: Clients, registry: PrivateRegistry) -> None:
    host, path = registry.address, "retention/given"
    one = seed_days(host, path, 10, "1.0", "1")
    plan = planned(clients, host, path, names=("1*",))
    client = clients.registry(host)
    client.put_manifest(path, "stable", client.manifest(path, one).raw, OCI_MANIFEST)
    result = run(clients, plan)
    assert result.as_planned and set(result.removed) == {"1.0", "1"} and result.freed == 0
    assert tags_of(client, path) == {"stable": one}


def test_where_only_images_are_deleted_siblings_keep_a_tag(
    clients: Clients, registry: PrivateRegistry
) -> None:
    host, path = registry.address, "retention/whole"
    one, two = seed_days(host, path, 10, "1.0", "latest"), seed_days(host, path, 20, "2.0")
    with Throttle(host) as line:
        line.fail_next(r"/blobs/uploads/", 405, 1000)
        plan = planned(clients, line.address, path, names=("?.0",))
        assert plan.contents.way is Way.IMAGE
        assert plan.outcome(plan.all).blocked == {"1.0": ("latest",)}
        result = run(clients, plan)
        assert result.as_planned and result.removed == ["2.0"]
        assert tags_of(clients.registry(host), path) == {"1.0": one, "latest": one}
        # A tag that appears after the plan is a sibling, too.
        seed_days(host, path, 30, "3.0")
        plan = planned(clients, line.address, path, names=("3.0",))
        client = clients.registry(host)
        three = client.manifest(path, "3.0")
        client.put_manifest(path, "new", three.raw, OCI_MANIFEST)
        result = run(clients, plan)
        assert result.removed == [] and "new needs this one" in result.kept["3.0"].message
    assert tags_of(client, path).keys() == {"1.0", "latest", "3.0", "new"}
    assert client.head(path, two) is None


@pytest.mark.parametrize("settings", [{"delete": False}, {"read_only": True}], ids=["no delete", "read-only"])
def test_where_nothing_may_be_deleted_nothing_changes(
    clients: Clients, tmp_path: Path, settings: dict[str, bool]
) -> None:
    path = "retention/refused"
    with PrivateRegistry(tmp_path / "registry") as registry:
        for number in range(3):
            seed_days(registry.address, path, number, f"v{number}", f"w{number}")
        for name, value in settings.items():
            setattr(registry, name, value)
        registry.restart()
        plan = planned(clients, registry.address, path, names=("v*", "w2"))
        assert plan.contents.way is Way.IMAGE
        result = run(clients, plan)
        assert isinstance(result.error, AccessDenied) and "does not allow deletion" in result.error.message
        assert plan.outcome(plan.all).blocked.keys() == {"v0", "v1"}
        assert (result.removed, set(result.left), result.kept) == ([], {"v2", "w2"}, {})
        assert len(tags_of(clients.registry(registry.address), path)) == 6


def test_a_registry_that_fails_half_way(clients: Clients, registry: PrivateRegistry) -> None:
    host, path = registry.address, "retention/fails"
    for number in range(5):
        seed_days(host, path, number, f"v{number}")
    with Throttle(host) as line:
        plan = planned(clients, line.address, path, names=("v*",))
        third = plan.rows[2].tag.digest
        line.fail_next(re.escape(third), 503, times=100, method="DELETE")
        result = run(clients, plan)
        assert isinstance(result.error, RegistryFailure)
        assert (result.removed, result.left) == (["v0", "v1"], ["v2", "v3", "v4"])
        assert result.freed == sum(plan.outcome(["v0", "v1"]).going.values())
    assert tags_of(clients.registry(host), path).keys() == {"v2", "v3", "v4"}
    # The next run does the rest.
    plan = planned(clients, host, path, names=("v*",))
    assert run(clients, plan).as_planned
    assert tags_of(clients.registry(host), path) == {}


def test_each_tag_is_told_as_soon_as_it_is_gone(clients: Clients, registry: PrivateRegistry) -> None:
    host, path = registry.address, "retention/told"
    for number in range(3):
        seed_days(host, path, number, f"v{number}")
    plan = planned(clients, host, path, names=("v*",))
    steps = carrying_out(clients, plan, plan.all, Cancellation())
    assert next(steps) == "v0"
    assert tags_of(clients.registry(host), path).keys() == {"v1", "v2"}
    assert list(steps) == ["v1", "v2"]


def test_a_cancelled_run_says_what_it_did(clients: Clients, registry: PrivateRegistry) -> None:
    host, path = registry.address, "retention/cancelled"
    for number in range(5):
        seed_days(host, path, number, f"v{number}")
    plan = planned(clients, host, path, names=("v*",))
    cancellation = Cancellation()
    seen: list[tuple[int, int]] = []

    def told(done: int, total: int) -> None:
        seen.append((done, total))
        if done == 2:
            cancellation.cancel()

    result = carry_out(clients, plan, plan.all, cancellation, told)
    assert result.cancelled and (result.removed, result.left) == (["v0", "v1"], ["v2", "v3", "v4"])
    assert seen == [(1, 5), (2, 5)]
    assert tags_of(clients.registry(host), path).keys() == {"v2", "v3", "v4"}
    with pytest.raises(Cancelled):
        read_repository(clients, Reference(host, path), cancellation)


def test_what_a_registry_deletes_in_excess_is_told(
    clients: Clients, registry: PrivateRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, path = registry.address, "retention/excess"
    for number in range(3):
        seed_days(host, path, number, f"v{number}")
    plan = planned(clients, host, path, names=("v0",))
    client = clients.registry(host)
    delete, others = client.delete_manifest, [row.digest for row in plan.contents.tags]

    def too_much(repository: str, digest: str, **more: Any) -> None:
        delete(repository, digest, **more)
        delete(repository, others[2], **more)

    monkeypatch.setattr(client, "delete_manifest", too_much)
    result = run(clients, plan)
    assert (result.removed, result.vanished, result.as_planned) == (["v0"], ["v2"], False)


def when_deleting(monkeypatch: pytest.MonkeyPatch, client: RegistryClient, do: Any) -> list[str]:
    """Call *do* once, before the first deletion of a manifest; returns the list of what is deleted."""
    delete = client.delete_manifest
    deleted: list[str] = []

    def first(repository: str, digest: str, **more: Any) -> None:
        if not deleted:
            do()
        deleted.append(digest)
        delete(repository, digest, **more)

    monkeypatch.setattr(client, "delete_manifest", first)
    return deleted


def test_an_image_that_gets_a_tag_during_the_run_is_kept(
    clients: Clients, registry: PrivateRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, path = registry.address, "retention/during"
    digests = [seed_days(host, path, number, f"v{number}") for number in range(4)]
    plan = planned(clients, host, path, names=("v*",))
    client = clients.registry(host)
    raw = client.manifest(path, "v2").raw
    deleted = when_deleting(
        monkeypatch, client, lambda: client.put_manifest(path, "release-1.0", raw, OCI_MANIFEST)
    )
    result = run(clients, plan)
    assert deleted == [digests[0], digests[1], digests[3]]
    assert tags_of(client, path) == {"v2": digests[2], "release-1.0": digests[2]}
    assert not result.as_planned and result.removed == ["v0", "v1", "v3"]
    assert isinstance(result.kept["v2"], TagMoved) and "release-1.0" in result.kept["v2"].message
    assert result.freed == sum(plan.outcome(["v0", "v1", "v3"]).going.values())


def test_an_image_that_an_index_needs_since_the_run_began_is_kept(
    clients: Clients, registry: PrivateRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, path = registry.address, "retention/newindex"
    digests = [seed_days(host, path, number, f"v{number}") for number in range(3)]
    plan = planned(clients, host, path, names=("v*",))
    client = clients.registry(host)
    child = client.manifest(path, "v1").descriptor.to_json()
    raw = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [child]}).encode()
    when_deleting(monkeypatch, client, lambda: client.put_manifest(path, "all", raw, OCI_INDEX))
    result = run(clients, plan)
    assert tags_of(client, path).keys() == {"v1", "all"} and client.head(path, digests[1]) is not None
    assert result.removed == ["v0", "v2"] and "all needs this image" in result.kept["v1"].message


def test_a_new_tag_that_a_registry_loses_all_the_same_is_told(
    clients: Clients, registry: PrivateRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, path = registry.address, "retention/lost"
    for number in range(3):
        seed_days(host, path, number, f"v{number}")
    plan = planned(clients, host, path, names=("v*",))
    client = clients.registry(host)
    delete, raw = client.delete_manifest, client.manifest(path, "v1").raw
    again = [True]

    def with_more(repository: str, digest: str, **more: Any) -> None:
        if again and again.pop():
            client.put_manifest(path, "release-1.0", raw, OCI_MANIFEST)
            delete(repository, digest, **more)
        else:
            delete(repository, digest, **more)
            delete(repository, plan.contents.tags[1].digest, **more)

    monkeypatch.setattr(client, "delete_manifest", with_more)
    result = run(clients, plan)
    assert result.vanished == ["v1", "release-1.0"] and not result.as_planned


def test_no_image_is_deleted_while_a_tag_that_stays_cannot_be_read(
    clients: Clients, crane_registry: CraneRegistry
) -> None:
    host, path = crane_registry.address, "retention/unreadable"
    client = clients.registry(host)
    old, new = seed_days(host, path, 50, "1-amd64"), seed_days(host, path, 2, "2-amd64")
    child = client.manifest(path, old).descriptor.to_json()
    del child["size"]
    raw = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [child]}).encode()
    broken = client.put_manifest(path, "stable", raw, OCI_INDEX)
    plan = planned(clients, host, path, older_than=20)
    outcome = plan.outcome(plan.all)
    assert (plan.all, outcome.unread, outcome.going) == (("1-amd64",), ("stable",), {})
    assert [step.whole for step in outcome.deletions] == [False]
    assert any("could not be read" in note and "stable" in note for note in words.notes(plan, outcome))
    result = run(clients, plan)
    assert result.removed == ["1-amd64"] and result.freed == 0
    assert tags_of(client, path) == {"stable": broken, "2-amd64": new}
    assert client.head(path, old) is not None
    # With the tag that cannot be read, it is an image like any other.
    plan = planned(clients, host, path, names=("stable", "2-amd64"))
    assert plan.outcome(plan.all).unread == () and all(one.whole for one in plan.outcome(plan.all).deletions)


def test_a_check_that_is_refused_does_not_hide_what_was_removed(
    clients: Clients, registry: PrivateRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, path = registry.address, "retention/hidden"
    for number in range(2):
        seed_days(host, path, number, f"v{number}")
    seed_days(host, path, 9, "last")
    plan = planned(clients, host, path, names=("v*",))
    with Throttle(host) as line:
        through = planned(clients, line.address, path, names=("v*",))
        client = clients.registry(line.address)
        delete = client.delete_manifest

        def then_refused(repository: str, digest: str, **more: Any) -> None:
            delete(repository, digest, **more)
            if digest == plan.contents.tags[2].digest:
                line.fail_next(r"/manifests/v1", 403, times=100)

        monkeypatch.setattr(client, "delete_manifest", then_refused)
        assert through.contents.tags[2].tag == "v1"
        result = run(clients, through)
    assert result.removed == ["v0", "v1"] and (result.left, result.error) == ([], None)
    assert isinstance(result.unchecked, SignInRequired) and not result.as_planned
    assert "could not be checked afterwards" in words.result(result, 2)
    assert tags_of(clients.registry(host), path).keys() == {"last"}


def leave_half_removed(client: RegistryClient, path: str, tag: str) -> str:
    """What a run leaves that is killed in the middle of the removal of *tag*; returns the digest."""
    made = substitute(tag, docker=False)
    for data in made.blobs:
        client.upload_blob(
            path, sha256_of(data), len(data), lambda offset, data=data: nullcontext([data[offset:]])
        )
    return client.put_manifest(path, tag, made.raw, made.media_type)


def test_a_removal_that_was_interrupted_is_finished(
    clients: Clients, registry: PrivateRegistry, tmp_path: Path
) -> None:
    host, path = registry.address, "retention/leftover"
    for number in range(3):
        seed_days(host, path, number, f"v{number}")
    client = clients.registry(host)
    left = leave_half_removed(client, path, "v9")
    leave_half_removed(client, path, "keep-9")
    history = TagHistory(tmp_path / "history.sqlite")
    clients.recorder = history
    plan = planned(clients, host, path, keep_newest=2, order=Order.VERSION, never=("keep-*",))
    # It is no image: v2 and v1 are the newest.
    assert plan.all == ("v0", "v9") and plan.contents.leftovers == {"v9", "keep-9"}
    assert words.reason(plan.rows[1]) == "its removal was interrupted"
    assert run(clients, plan).as_planned
    assert tags_of(client, path).keys() == {"v1", "v2", "keep-9"} and client.head(path, left) is None
    assert [record.tag for record in history.latest(10)] == ["v0"]
    history.close()
    found = look(client, path, ["v1"], Cancellation())
    assert (found.leftovers, found.known.keys()) == ({"keep-9"}, {"v1", "v2", "keep-9"})


def test_versions_decide_where_asked(clients: Clients, registry: PrivateRegistry) -> None:
    host, path = registry.address, "retention/versions"
    for days, tag in enumerate(("1.9.1", "1.10.0", "1.10.0-rc1", "main")):
        seed_days(host, path, days, tag)
    plan = planned(clients, host, path, keep_newest=1, order=Order.VERSION)
    assert run(clients, plan).as_planned
    assert tags_of(clients.registry(host), path).keys() == {"1.10.0", "main"}


def test_content_of_other_kinds_is_kept_by_age_and_can_be_named(
    clients: Clients, crane_registry: CraneRegistry
) -> None:
    host, path = crane_registry.address, "retention/artifacts"
    writer = RegistryWriter(host)
    config = writer.put_blob(path, b"{}")
    chart = writer.put_blob(path, b"a chart")
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": config, "size": 2},
        "layers": [{"mediaType": "application/vnd.cncf.helm.chart", "digest": chart, "size": 7}],
    }
    writer.put_manifest(path, "chart", document(manifest), OCI_MANIFEST)
    writer.close()
    plan = planned(clients, host, path, older_than=0)
    assert (plan.all, plan.undated) == ((), 1)
    plan = planned(clients, host, path, names=("chart",))
    assert (plan.rows[0].tag.size, sum(plan.outcome(plan.all).going.values())) == (9, 9)
    assert run(clients, plan).as_planned


def test_what_goes_is_recorded_before_with_the_manifests(
    clients: Clients, registry: PrivateRegistry, tmp_path: Path
) -> None:
    host, path = registry.address, "retention/recorded"
    one, two = seed_days(host, path, 10, "1.0", "latest"), seed_days(host, path, 20, "2.0")
    history = TagHistory(tmp_path / "history.sqlite")
    clients.recorder = history
    plan = planned(clients, host, path, names=("?.0",))
    raw = clients.registry(host).manifest(path, two).raw
    assert run(clients, plan).as_planned
    records = {str(record.tag): record for record in history.latest(10)}
    assert {tag: (record.before, record.after) for tag, record in records.items()} == {
        "1.0": (one, ""),
        "2.0": (two, ""),
    }
    assert {record.operation for record in records.values()} == {TagOperation.CLEAN_UP}
    assert len({record.group for record in records.values()}) == 1
    kept = history.manifest(two)
    assert kept is not None and kept.raw == raw
    history.close()
