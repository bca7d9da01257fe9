"""Pull and push through a real engine, against real registries."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

from longshore.application.clients import Clients
from longshore.errors import AccessDenied, NotInRegistry, RegistryError, SignInRequired, VerificationFailed
from longshore.oci.layer import LayerState
from longshore.oci.reference import Reference
from longshore.transfers.journal.history import HistoryFilter
from longshore.transfers.journal.journal import Journal
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.transfer import NoteKind, Phase, State, Waiting
from testbed.engine import PrivateEngine
from testbed.images import load_image, seed_repository, small_image
from testbed.registry import PrivateRegistry
from testbed.throttle import Throttle
from transfertools import Eye, address_of, pull, push, wait_until

Make = Callable[..., tuple[TransferQueue, Eye]]
MB = 1_000_000


def never_back(eye: Eye, row: str) -> None:
    """Check that the bar of *row* never went back, and was full only at the end."""
    seen = [snapshot.permille for snapshot in eye.seen[row] if snapshot.permille is not None]
    assert seen == sorted(seen)
    assert all(
        snapshot.permille != 1000 for snapshot in eye.seen[row] if snapshot.state is not State.SUCCEEDED
    )


def test_pull(
    make_queue: Make,
    clients: Clients,
    testbed_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    throttle: Throttle,
) -> None:
    seeded = seed_repository(open_registry.address, "transfers/pull", ("1",), layers=(2 * MB, 3 * MB, MB))
    throttle.bytes_per_second = 4 * MB
    address = address_of(testbed_engine.host)
    name = f"{throttle.address}/transfers/pull:1"
    queue, eye = make_queue()
    row = queue.add(pull(name, address))
    planned = eye.until(row, lambda row: row.plan is not None)
    assert planned.plan is not None
    assert (planned.plan.layers, planned.plan.total_bytes) == (3, seeded.layer_bytes)
    assert planned.plan.here_layers == 0
    assert planned.plan.digest == seeded.digest
    done = eye.until(row, State.SUCCEEDED, 30)
    assert done.digest == seeded.digest
    assert done.permille == 1000
    assert done.total_bytes == seeded.layer_bytes == done.moved_bytes
    assert done.moved is not None
    assert (done.moved.layers_moved, done.moved.layers_skipped) == (3, 0)
    assert done.moved.bytes == seeded.layer_bytes
    assert not done.notes
    assert {layer.digest for layer in done.layers} == set(seeded.images[0].layer_digests)
    assert {layer.state for layer in done.layers} == {LayerState.DONE}
    image = clients.engine(address).image(name)
    assert any(text.endswith(seeded.digest) for text in image.repo_digests)
    assert image.diff_ids == seeded.images[0].diff_ids
    assert all(snapshot.total_bytes == seeded.layer_bytes for snapshot in eye.seen[row] if snapshot.plan)
    assert any(snapshot.speed for snapshot in eye.seen[row])
    never_back(eye, row)


def test_pull_knows_what_is_here_already(
    make_queue: Make, testbed_engine: PrivateEngine, open_registry: PrivateRegistry
) -> None:
    base, more = (MB, 2 * MB), (MB, 2 * MB, 500_000)
    seed_repository(open_registry.address, "transfers/base", ("1",), layers=base, seed="here")
    seeded = seed_repository(open_registry.address, "transfers/more", ("1",), layers=more, seed="here")
    address = address_of(testbed_engine.host)
    queue, eye = make_queue()
    eye.until(queue.add(pull(f"{open_registry.address}/transfers/base:1", address)), State.SUCCEEDED, 30)
    done = eye.until(
        queue.add(pull(f"{open_registry.address}/transfers/more:1", address)), State.SUCCEEDED, 30
    )
    sizes = seeded.images[0].layer_sizes
    assert done.plan is not None
    assert (done.plan.here_layers, done.plan.here_bytes, done.plan.estimated) == (2, sum(sizes[:2]), True)
    assert done.moved is not None
    assert (done.moved.layers_skipped, done.moved.layers_moved, done.moved.bytes) == (2, 1, sizes[2])
    assert done.total_bytes == sizes[2]


def test_pull_again_is_up_to_date(
    make_queue: Make, testbed_engine: PrivateEngine, open_registry: PrivateRegistry
) -> None:
    seed_repository(open_registry.address, "transfers/again", ("1",))
    request = pull(f"{open_registry.address}/transfers/again:1", address_of(testbed_engine.host))
    queue, eye = make_queue()
    eye.until(queue.add(request), State.SUCCEEDED, 30)
    done = eye.until(queue.add(request), State.SUCCEEDED, 30)
    assert [note.kind for note in done.notes] == [NoteKind.UP_TO_DATE]
    assert done.moved is not None
    assert (done.moved.bytes, done.moved.layers_moved) == (0, 0)


def test_pull_of_one_platform_of_an_index(
    make_queue: Make, clients: Clients, testbed_engine: PrivateEngine, open_registry: PrivateRegistry
) -> None:
    seeded = seed_repository(
        open_registry.address, "transfers/index", ("1",), platforms=(("linux", "amd64"), ("linux", "arm64"))
    )
    address = address_of(testbed_engine.host)
    name = f"{open_registry.address}/transfers/index:1"
    queue, eye = make_queue()
    done = eye.until(queue.add(pull(name, address)), State.SUCCEEDED, 30)
    ours = next(
        image for image in seeded.images if image.platform[1] == clients.engine(address).platform.architecture
    )
    assert done.digest == seeded.digest
    assert done.total_bytes == sum(ours.layer_sizes)


def test_pull_of_what_is_not_there(
    make_queue: Make, testbed_engine: PrivateEngine, open_registry: PrivateRegistry
) -> None:
    queue, eye = make_queue()
    row = queue.add(pull(f"{open_registry.address}/transfers/nowhere:1", address_of(testbed_engine.host)))
    failed = eye.until(row, State.FAILED, 30)
    assert isinstance(failed.error, NotInRegistry)
    assert failed.attempt == 1
    assert failed.permille != 1000


def test_push_tags_moves_and_verifies(
    make_queue: Make, clients: Clients, testbed_engine: PrivateEngine, open_registry: PrivateRegistry
) -> None:
    with contextlib.closing(testbed_engine.client()) as client:
        image_id = load_image(client, ["transfers/local:1"], (MB, 2 * MB), seed="push")
    address = address_of(testbed_engine.host)
    target = f"{open_registry.address}/transfers/pushed:2"
    queue, eye = make_queue()
    row = queue.add(push("transfers/local:1", target, address))
    done = eye.until(row, State.SUCCEEDED, 30)
    assert [note.kind for note in done.notes] == [NoteKind.TAGGED]
    found = clients.registry(open_registry.address).manifest("transfers/pushed", "2")
    assert done.digest == found.digest
    assert done.moved is not None
    assert done.moved.layers_moved == 2
    assert done.moved.bytes == sum(layer.size for layer in found.layers)  # the bytes that were really sent
    assert (
        clients.engine(address).image(target).image_id == image_id
    )  # the tag stays, as docker's users expect
    assert done.plan is not None
    assert (done.plan.layers, done.plan.compressed, done.plan.estimated) == (2, False, True)
    never_back(eye, row)


def test_push_moves_only_what_is_missing(
    make_queue: Make, testbed_engine: PrivateEngine, open_registry: PrivateRegistry
) -> None:
    with contextlib.closing(testbed_engine.client()) as client:
        load_image(client, ["transfers/missing:1"], (MB, 2 * MB), seed="missing")
        load_image(client, ["transfers/missing:2"], (MB, 2 * MB, 500_000), seed="missing")
    address = address_of(testbed_engine.host)
    queue, eye = make_queue()
    for tag, moved, skipped in (("1", 2, 0), ("2", 1, 2)):
        target = f"{open_registry.address}/transfers/missing:{tag}"
        done = eye.until(queue.add(push(f"transfers/missing:{tag}", target, address)), State.SUCCEEDED, 30)
        assert done.moved is not None
        assert (done.moved.layers_moved, done.moved.layers_skipped) == (moved, skipped)
        assert done.total_bytes == done.moved_bytes


def test_push_of_what_was_pulled_knows_its_layers_beforehand(
    make_queue: Make,
    testbed_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    second_registry: PrivateRegistry,
) -> None:
    seeded = seed_repository(open_registry.address, "transfers/known", ("1",), layers=(MB, 2 * MB))
    address = address_of(testbed_engine.host)
    source = f"{open_registry.address}/transfers/known:1"
    queue, eye = make_queue()
    eye.until(queue.add(pull(source, address)), State.SUCCEEDED, 30)
    back = eye.until(queue.add(push(source, source, address)), State.SUCCEEDED, 30)
    assert back.plan is not None
    assert (back.plan.here_layers, back.plan.here_bytes) == (2, seeded.layer_bytes)
    assert back.moved is not None
    assert (back.moved.layers_skipped, back.moved.bytes) == (2, 0)
    target = f"{second_registry.address}/transfers/known:1"
    done = eye.until(queue.add(push(source, target, address)), State.SUCCEEDED, 30)
    assert done.plan is not None
    assert (done.plan.total_bytes, done.plan.here_layers, done.plan.compressed) == (
        seeded.layer_bytes,
        0,
        True,
    )
    assert done.moved is not None
    assert done.moved.layers_moved == 2


def test_push_that_takes_a_local_tag_from_another_image_says_so(
    make_queue: Make, clients: Clients, testbed_engine: PrivateEngine, open_registry: PrivateRegistry
) -> None:
    target = f"{open_registry.address}/transfers/taken:1"
    with contextlib.closing(testbed_engine.client()) as client:
        other = small_image(client, target, seed="other")
        wanted = small_image(client, "transfers/wanted:1", seed="wanted")
    address = address_of(testbed_engine.host)
    queue, eye = make_queue()
    done = eye.until(queue.add(push("transfers/wanted:1", target, address)), State.SUCCEEDED, 30)
    assert [(note.kind, note.text) for note in done.notes] == [(NoteKind.TAG_MOVED, other)]
    assert clients.engine(address).image(target).image_id == wanted


def test_push_without_sign_in(
    make_queue: Make, testbed_engine: PrivateEngine, auth_registry: PrivateRegistry
) -> None:
    with contextlib.closing(testbed_engine.client()) as client:
        small_image(client, "transfers/secret:1")
    queue, eye = make_queue()
    target = f"{auth_registry.address}/transfers/secret:1"
    row = queue.add(push("transfers/secret:1", target, address_of(testbed_engine.host)))
    failed = eye.until(row, State.FAILED, 30)
    assert isinstance(failed.error, SignInRequired | AccessDenied)
    assert failed.attempt == 1


def test_push_that_fails_half_way_is_failed_with_the_reason(
    make_queue: Make,
    clients: Clients,
    testbed_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    throttle: Throttle,
) -> None:
    with contextlib.closing(testbed_engine.client()) as client:
        load_image(client, ["transfers/half:1"], (500_000, MB, MB), seed="half")
    throttle.fail_next(
        r"/manifests/", 403, times=50, method="PUT", body=b'{"errors":[{"code":"DENIED","message":"no"}]}'
    )
    target = f"{throttle.address}/transfers/half:1"
    queue, eye = make_queue()
    row = queue.add(push("transfers/half:1", target, address_of(testbed_engine.host)))
    failed = eye.until(row, State.FAILED, 60)
    assert isinstance(failed.error, RegistryError)
    assert failed.error.message
    assert failed.error.detail
    assert State.SUCCEEDED not in {snapshot.state for snapshot in eye.seen[row]}
    assert clients.registry(open_registry.address).head("transfers/half", "1") is None
    assert failed.permille != 1000


def test_push_whose_tag_is_not_there_afterwards_is_failed(
    make_queue: Make, testbed_engine: PrivateEngine, throttle: Throttle
) -> None:
    with contextlib.closing(testbed_engine.client()) as client:
        small_image(client, "transfers/vanished:1")
    queue, eye = make_queue()
    row = queue.add(
        push(
            "transfers/vanished:1",
            f"{throttle.address}/transfers/vanished:1",
            address_of(testbed_engine.host),
        )
    )
    # This does not affect the engine's push, because the engine sends HEAD requests only for blobs.
    throttle.fail_next(r"/manifests/1$", 404, times=50, method="HEAD")
    failed = eye.until(row, State.FAILED, 30)
    assert isinstance(failed.error, VerificationFailed)


def test_push_that_we_cannot_verify_is_noted(
    make_queue: Make, testbed_engine: PrivateEngine, throttle: Throttle
) -> None:
    with contextlib.closing(testbed_engine.client()) as client:
        small_image(client, "transfers/unseen:1")
    for method in ("HEAD", "GET"):
        throttle.fail_next(r"/manifests/1$", 403, times=50, method=method)
    queue, eye = make_queue()
    row = queue.add(
        push("transfers/unseen:1", f"{throttle.address}/transfers/unseen:1", address_of(testbed_engine.host))
    )
    done = eye.until(row, State.SUCCEEDED, 30)
    assert NoteKind.NOT_VERIFIED in [note.kind for note in done.notes]


def test_cancel_while_the_registry_says_nothing(
    make_queue: Make,
    clients: Clients,
    testbed_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    throttle: Throttle,
) -> None:
    seed_repository(open_registry.address, "transfers/silent", ("1",), layers=(20 * MB,))
    with contextlib.closing(testbed_engine.client()) as client:
        small_image(client, "transfers/silent:2")
    address = address_of(testbed_engine.host)
    throttle.stall()
    queue, eye = make_queue()
    rows = [
        queue.add(pull(f"{throttle.address}/transfers/silent:1", address)),
        queue.add(push("transfers/silent:2", f"{throttle.address}/transfers/silent:2", address)),
    ]
    for row in rows:
        eye.until(row, lambda row: row.state in (State.PLANNING, State.RUNNING))
    wait_until(lambda: throttle.open_connections >= 2)
    queue.cancel(rows)
    for row in rows:
        eye.until(row, State.CANCELLED)  # while the line is still stalled
    # dockerd 20.10 gives up its first request (GET /v2/) only after 15 s, and may start uploads and downloads only to
    # cancel them. An engine that continued would transfer the layers before it closes its connections.
    throttle.bytes_per_second = 2 * MB
    throttle.resume()
    clients.registry(throttle.address).close()
    wait_until(lambda: throttle.open_connections == 0, "the engine lets go of the registry")
    asked = [(method, path.partition("?")[0].rpartition("/")[0]) for method, path, _ in throttle.requests]
    assert not [ask for ask in asked if ask[0] == "PUT"]
    assert throttle.moved_bytes["request"] == 0
    assert throttle.moved_bytes["response"] < 10 * MB
    with contextlib.closing(testbed_engine.client()) as client:
        names = [name for image in client.images() for name in image["RepoTags"] or []]
    assert f"{throttle.address}/transfers/silent:1" not in names


@pytest.mark.parametrize("moment", ["downloading", "uploading"])
def test_cancel_in_the_middle_really_stops(
    make_queue: Make,
    clients: Clients,
    testbed_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    throttle: Throttle,
    moment: str,
) -> None:
    address = address_of(testbed_engine.host)
    name = f"{throttle.address}/transfers/{moment}:1"
    if moment == "downloading":
        seed_repository(open_registry.address, f"transfers/{moment}", ("1",), layers=(20 * MB,))
        request = pull(name, address)
    else:
        with contextlib.closing(testbed_engine.client()) as client:
            load_image(client, ["transfers/uploading:0"], (20 * MB,), seed="up")
        request = push("transfers/uploading:0", name, address)
    throttle.bytes_per_second = MB
    queue, eye = make_queue()
    row = queue.add(request)
    eye.until(row, lambda row: row.phase is Phase.MOVING and row.moved_bytes > 0, 30)
    queue.cancel([row])
    cancelled = eye.until(row, State.CANCELLED)
    assert cancelled.error is None
    assert cancelled.permille is not None
    assert 0 < cancelled.permille < 1000
    clients.registry(throttle.address).close()  # our own idle connection, used for the plan
    wait_until(lambda: throttle.open_connections == 0, "the engine lets go of the registry")


def test_rate_limit_of_a_registry_is_waited_for(
    make_queue: Make, testbed_engine: PrivateEngine, open_registry: PrivateRegistry, throttle: Throttle
) -> None:
    seed_repository(open_registry.address, "transfers/limited", ("1",))
    throttle.fail_next(
        r"/v2/transfers/limited/manifests/",
        429,
        times=8,
        headers={"Retry-After": "1"},
        body=b'{"errors":[{"code":"TOOMANYREQUESTS","message":"too many requests"}]}',
    )
    from longshore.transfers.queue.retry import RetryPolicy

    queue, eye = make_queue(policy=RetryPolicy(rate_limit_delays=(1.0,) * 20))
    row = queue.add(pull(f"{throttle.address}/transfers/limited:1", address_of(testbed_engine.host)))
    waiting = eye.until(row, lambda row: row.waiting_for is Waiting.RATE_LIMIT, 30)
    assert waiting.waiting_seconds is not None
    assert waiting.error is not None
    done = eye.until(row, State.SUCCEEDED, 60)
    assert done.attempt > 1
    assert done.error is None


def test_journal_has_the_outcome(
    make_queue: Make, testbed_engine: PrivateEngine, open_registry: PrivateRegistry, tmp_path: Path
) -> None:
    seeded = seed_repository(open_registry.address, "transfers/noted", ("1",))
    queue, eye = make_queue()
    done = eye.until(
        queue.add(pull(f"{open_registry.address}/transfers/noted:1", address_of(testbed_engine.host))),
        State.SUCCEEDED,
        30,
    )
    assert queue.shutdown(30)
    journal = Journal(tmp_path / "state" / "journal.sqlite3")
    journal.open()
    (found,) = journal.history(HistoryFilter(registry=open_registry.address))
    assert journal.close()
    assert (found.id, found.state, found.digest) == (done.id, State.SUCCEEDED, seeded.digest)
    assert found.moved == done.moved
    assert found.request.source.reference == Reference.parse(f"{open_registry.address}/transfers/noted:1")
