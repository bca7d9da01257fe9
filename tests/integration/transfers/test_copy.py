"""Registry to registry: our own copy, on real registries."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from longshore.application.clients import Clients
from longshore.credentials import Credential
from longshore.errors import InvalidManifest, RegistryUnreachable, SignInRequired, TlsFailed
from longshore.oci.digest import sha256_of
from longshore.oci.layer import LayerState
from longshore.oci.manifest import OCI_MANIFEST, Index, Manifest
from longshore.oci.platform import Platform
from longshore.registry.config import RegistryConfig
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.queue.retry import RetryPolicy
from longshore.transfers.transfer import NoteKind, State, Waiting
from longshore.words.transfers import advice_lines
from testbed.attachments import put_chart
from testbed.registry import PrivateRegistry
from testbed.remote_images import RegistryWriter, seed_repository
from testbed.throttle import Throttle
from testbed.token_server import TokenServer
from transfertools import Eye, copy

Make = Callable[..., tuple[TransferQueue, Eye]]
MB = 1_000_000
PLATFORMS = (("linux", "amd64"), ("linux", "arm64"), ("linux", "s390x"))


def test_copy_keeps_the_digest(
    make_queue: Make, clients: Clients, open_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    seeded = seed_repository(open_registry.address, "copy/plain", ("1",), layers=(2 * MB, 3 * MB, MB))
    target = f"{second_registry.address}/copied/plain:2"
    queue, eye = make_queue()
    done = eye.until(queue.add(copy(f"{open_registry.address}/copy/plain:1", target)), State.SUCCEEDED, 30)
    assert done.digest == seeded.digest
    assert done.plan is not None
    assert (done.plan.layers, done.plan.total_bytes, done.plan.here_layers) == (3, seeded.layer_bytes, 0)
    assert (done.plan.estimated, done.plan.digest) == (False, seeded.digest)
    assert done.moved is not None
    assert (done.moved.bytes, done.moved.layers_moved) == (seeded.layer_bytes, 3)
    assert done.permille == 1000
    assert {layer.state for layer in done.layers} == {LayerState.DONE}
    assert not done.notes
    there = clients.registry(second_registry.address)
    found = there.manifest("copied/plain", "2")
    assert found.digest == seeded.digest
    for digest, size in zip(seeded.images[0].layer_digests, seeded.images[0].layer_sizes, strict=True):
        assert there.blob_size("copied/plain", digest) == size
    again = eye.until(queue.add(copy(f"{open_registry.address}/copy/plain:1", target)), State.SUCCEEDED, 30)
    assert [note.kind for note in again.notes] == [NoteKind.UP_TO_DATE]
    assert again.moved is not None
    assert (again.moved.bytes, again.moved.layers_skipped) == (0, 3)


def test_copies_side_by_side_do_not_send_the_same_twice(
    make_queue: Make, open_registry: PrivateRegistry, second_registry: PrivateRegistry, throttle: Throttle
) -> None:
    tags = ("1", "2", "3")
    seeded = [
        seed_repository(open_registry.address, "copy/shared", (tag,), layers=(4 * MB, size), seed="shared")
        for tag, size in zip(tags, (10_000, 20_000, 30_000), strict=True)
    ]
    sizes = {
        digest: size
        for one in seeded
        for digest, size in zip(one.images[0].layer_digests, one.images[0].layer_sizes, strict=True)
    }
    assert len(sizes) == 4, "the large layer is one"
    throttle.bytes_per_second = 4 * MB
    queue, eye = make_queue()
    names = [
        queue.add(
            copy(f"{throttle.address}/copy/shared:{tag}", f"{second_registry.address}/copied/shared:{tag}")
        )
        for tag in tags
    ]
    done = [eye.until(name, State.SUCCEEDED, 30) for name in names]
    assert sum(one.moved.bytes for one in done if one.moved is not None) == sum(sizes.values())
    assert [one.digest for one in done] == [one.digest for one in seeded]


def test_copy_of_all_platforms_is_verbatim(
    make_queue: Make, clients: Clients, open_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    seeded = seed_repository(open_registry.address, "copy/index", ("1",), platforms=PLATFORMS)
    source, target = f"{open_registry.address}/copy/index:1", f"{second_registry.address}/copied/index:1"
    queue, eye = make_queue()
    done = eye.until(queue.add(copy(source, target)), State.SUCCEEDED, 30)
    assert done.digest == seeded.digest
    found = clients.registry(second_registry.address).manifest("copied/index", "1")
    original = clients.registry(open_registry.address).manifest("copy/index", "1")
    assert isinstance(found, Index)
    assert (found.raw, found.media_type) == (original.raw, original.media_type)
    assert len(done.layers) == 9


def test_copy_within_a_registry_mounts(
    make_queue: Make, clients: Clients, open_registry: PrivateRegistry
) -> None:
    seeded = seed_repository(open_registry.address, "copy/near", ("1",))
    source, target = f"{open_registry.address}/copy/near:1", f"{open_registry.address}/copied/near:1"
    queue, eye = make_queue()
    before = len(open_registry.requests())
    done = eye.until(queue.add(copy(source, target)), State.SUCCEEDED, 30)
    assert done.digest == seeded.digest
    assert done.moved is not None
    assert (done.moved.layers_mounted, done.moved.layers_moved, done.moved.bytes) == (3, 0, 0)
    asked = [one.method for one in open_registry.requests()[before:] if "/blobs/" in one.path]
    assert asked == ["POST"] * 4  # three layers and the configuration, one request each
    assert done.plan is not None
    assert (done.plan.here_layers, done.plan.estimated) == (3, True)
    again = eye.until(queue.add(copy(source, target)), State.SUCCEEDED, 30)
    assert again.moved is not None
    assert again.moved.layers_skipped == 3


def test_copy_of_chosen_platforms_is_an_index_of_its_own(
    make_queue: Make, clients: Clients, open_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    seeded = seed_repository(open_registry.address, "copy/some", ("1",), platforms=PLATFORMS)
    source, target = f"{open_registry.address}/copy/some:1", f"{second_registry.address}/copied/some:1"
    queue, eye = make_queue()
    chosen = "linux/arm64,linux/s390x"
    done = eye.until(queue.add(copy(source, target, platforms=chosen)), State.SUCCEEDED, 30)
    assert done.digest != seeded.digest
    assert [(note.kind, note.text) for note in done.notes] == [(NoteKind.PLATFORMS, done.digest)]
    assert len(done.layers) == 6
    there = clients.registry(second_registry.address)
    found = there.manifest("copied/some", "1")
    assert isinstance(found, Index)
    assert found.digest == done.digest
    assert [str(platform) for platform in found.platforms] == ["linux/arm64", "linux/s390x"]
    assert [child.digest for child in found.manifests] == [image.digest for image in seeded.images[1:]]
    assert there.head("copied/some", seeded.images[0].digest) is None
    # With all platforms chosen one by one, the copy is identical to the original.
    everything = copy(source, target, platforms=f"linux/amd64,{chosen}")
    again = eye.until(queue.add(everything), State.SUCCEEDED, 30)
    assert again.digest == seeded.digest
    assert [(note.kind, note.text) for note in again.notes] == [(NoteKind.OVERWRITTEN, done.digest)]


def test_copy_of_one_platform_keeps_its_digest(
    make_queue: Make, clients: Clients, open_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    seeded = seed_repository(open_registry.address, "copy/one", ("1",), platforms=PLATFORMS)
    source, target = f"{open_registry.address}/copy/one:1", f"{second_registry.address}/copied/one:1"
    queue, eye = make_queue()
    wanted = Platform("linux", "arm64")
    done = eye.until(queue.add(copy(source, target, wanted)), State.SUCCEEDED, 30)
    assert done.digest == seeded.images[1].digest
    assert isinstance(clients.registry(second_registry.address).manifest("copied/one", "1"), Manifest)
    failed = eye.until(queue.add(copy(source, target, Platform("windows", "amd64"))), State.FAILED, 30)
    assert isinstance(failed.error, InvalidManifest)
    assert "linux/s390x" in failed.error.detail


def test_a_plain_image_of_another_platform_is_not_taken_for_the_one_asked_for(
    make_queue: Make, open_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    seed_repository(open_registry.address, "copy/other", ("1",))
    source, target = f"{open_registry.address}/copy/other:1", f"{second_registry.address}/copied/other:1"
    queue, eye = make_queue()
    failed = eye.until(queue.add(copy(source, target, Platform("linux", "arm64"))), State.FAILED, 30)
    assert isinstance(failed.error, InvalidManifest)
    assert "linux/amd64" in failed.error.detail


def test_copy_by_digest_and_of_docker_schema_2(
    make_queue: Make, clients: Clients, open_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    seeded = seed_repository(
        open_registry.address, "copy/docker", ("1",), platforms=PLATFORMS[:2], image_format="docker"
    )
    queue, eye = make_queue()
    source = f"{open_registry.address}/copy/docker@{seeded.digest}"
    for target in ("copied/docker:7", f"copied/docker@{seeded.digest}"):
        request = copy(source, f"{second_registry.address}/{target}")
        assert eye.until(queue.add(request), State.SUCCEEDED, 30).digest == seeded.digest
    found = clients.registry(second_registry.address).manifest("copied/docker", "7")
    assert (found.digest, found.media_type) == (seeded.digest, seeded.media_type)


def test_what_was_copied_before_is_skipped(
    make_queue: Make, open_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    seed_repository(open_registry.address, "copy/base", ("1",), layers=(MB, 2 * MB), seed="shared")
    more = seed_repository(
        open_registry.address, "copy/base", ("2",), layers=(MB, 2 * MB, 500_000), seed="shared"
    )
    source, target = f"{open_registry.address}/copy/base", f"{second_registry.address}/copied/base"
    queue, eye = make_queue()
    eye.until(queue.add(copy(f"{source}:1", f"{target}:1")), State.SUCCEEDED, 30)
    done = eye.until(queue.add(copy(f"{source}:2", f"{target}:2")), State.SUCCEEDED, 30)
    sizes = more.images[0].layer_sizes
    assert done.plan is not None
    assert (done.plan.here_layers, done.plan.here_bytes) == (2, sum(sizes[:2]))
    assert done.moved is not None
    assert (done.moved.layers_moved, done.moved.layers_skipped, done.moved.bytes) == (1, 2, sizes[2])
    assert done.total_bytes == sizes[2]


def test_signatures_come_along_by_the_fallback_tag_and_by_their_own(
    make_queue: Make, clients: Clients, open_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    seeded = seed_repository(open_registry.address, "copy/signed", ("1",))
    here, there = clients.registry(open_registry.address), clients.registry(second_registry.address)
    image = here.manifest("copy/signed", "1")
    signature = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": "application/x.signature",
            "config": image.config.to_json() if isinstance(image, Manifest) else {},
            "layers": [],
            "subject": image.descriptor.to_json(),
        }
    ).encode()
    signed = here.put_manifest("copy/signed", sha256_of(signature), signature, OCI_MANIFEST)
    tag = seeded.digest.replace(":", "-") + ".sig"
    cosigned = seed_repository(open_registry.address, "copy/signed", (tag,), layers=(200,))
    source, target = f"{open_registry.address}/copy/signed:1", f"{second_registry.address}/copied/signed:1"
    queue, eye = make_queue()
    done = eye.until(queue.add(copy(source, target, referrers="1")), State.SUCCEEDED, 30)
    assert [(note.kind, note.text) for note in done.notes] == [(NoteKind.REFERRERS, "2")]
    assert [one.digest for one in there.referrers("copied/signed", image.digest)] == [signed]
    found = there.head("copied/signed", tag)
    assert found is not None
    assert found.digest == cosigned.digest


def test_a_chart_is_noted_as_what_it_is(
    make_queue: Make, open_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    with closing(RegistryWriter(open_registry.address)) as writer:
        put_chart(writer, "copy/chart", "0.1.0")
    queue, eye = make_queue()
    done = eye.until(
        queue.add(
            copy(f"{open_registry.address}/copy/chart:0.1.0", f"{second_registry.address}/chart:0.1.0")
        ),
        State.SUCCEEDED,
        30,
    )
    helm = "application/vnd.cncf.helm.config.v1+json"
    assert [(note.kind, note.text) for note in done.notes] == [(NoteKind.ARTIFACT, helm)]
    assert f"Not a container image, but an artifact of this type: {helm}" in advice_lines(done)


def test_sign_ins_of_both_sides(
    make_queue: Make, clients: Clients, auth_registry: PrivateRegistry, token_registry: PrivateRegistry
) -> None:
    names = (auth_registry.username, auth_registry.password)
    seeded = seed_repository(auth_registry.address, "copy/secret", ("1",), credentials=names)
    source, target = f"{auth_registry.address}/copy/secret:1", f"{token_registry.address}/copied/secret:1"
    queue, eye = make_queue()
    refused = eye.until(queue.add(copy(source, target)), State.FAILED, 30)
    assert isinstance(refused.error, SignInRequired)
    assert refused.error.registry == auth_registry.address
    for registry in (auth_registry, token_registry):
        credential = Credential(registry.username, registry.password)
        clients.credentials.keep_for_this_run(registry.address, credential)
        clients.registry(registry.address)._session.auth.forget()
    queue.retry([refused.id])
    assert eye.until(refused.id, State.SUCCEEDED, 30).digest == seeded.digest
    # Within one registry: layers are mounted with a token for both repositories.
    near = copy(target, f"{token_registry.address}/near/secret:1")
    done = eye.until(queue.add(near), State.SUCCEEDED, 30)
    assert done.moved is not None
    assert done.moved.layers_mounted == 3


def test_a_token_that_runs_out_in_the_middle(
    make_queue: Make, clients: Clients, open_registry: PrivateRegistry, tmp_path: Path
) -> None:
    sizes = (300_000,) * 12
    seeded = seed_repository(open_registry.address, "copy/expiring", ("1",), layers=sizes)
    users = {"sam": "good"}
    # The registry allows a clock difference of a minute: a token that expired 58 s ago is valid for two more seconds.
    with (
        TokenServer(tmp_path / "tokens", users=users, expires_in=-58) as tokens,
        PrivateRegistry(tmp_path / "registry", auth="token", token_server=tokens) as registry,
        Throttle(registry.address, bytes_per_second=700_000) as line,
    ):
        clients.credentials.keep_for_this_run(line.address, Credential("sam", "good"))
        queue, eye = make_queue()
        source, target = f"{open_registry.address}/copy/expiring:1", f"{line.address}/copied/expiring:1"
        done = eye.until(queue.add(copy(source, target)), State.SUCCEEDED, 60)
        assert done.digest == seeded.digest
        assert done.attempt == 1
        refused = [one for one in line.requests if one.status == 401 and "/uploads/" in one.path]
        assert refused, "no token ran out in the middle of the copy"
        clients.registry(line.address).close()


def test_a_line_that_is_cut_on_either_side(
    make_queue: Make, clients: Clients, open_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    seeded = seed_repository(open_registry.address, "copy/cut", ("1",), layers=(3 * MB, 2 * MB))
    with Throttle(open_registry.address) as near, Throttle(second_registry.address) as far:
        near.cut_after(MB, 3, path_regex="/blobs/", direction="response")
        far.cut_after(MB, 2, path_regex="/uploads/", direction="request")
        queue, eye = make_queue()
        source, target = f"{near.address}/copy/cut:1", f"{far.address}/copied/cut:1"
        done = eye.until(queue.add(copy(source, target)), State.SUCCEEDED, 30)
        assert done.digest == seeded.digest
        assert near.faults.left == far.faults.left == 0
        for line in (near, far):
            clients.registry(line.address).close()


def test_a_registry_that_is_gone_for_a_moment(
    make_queue: Make, open_registry: PrivateRegistry, tmp_path: Path
) -> None:
    seeded = seed_repository(open_registry.address, "copy/gone", ("1",), layers=(2 * MB, MB))
    policy = RetryPolicy(delays=(0.2,) * 20)
    with PrivateRegistry(tmp_path / "registry") as registry:
        queue, eye = make_queue(policy=policy)
        source, target = f"{open_registry.address}/copy/gone:1", f"{registry.address}/copied/gone:1"
        registry.kill()
        row = queue.add(copy(source, target))
        waiting = eye.until(row, lambda row: row.waiting_for is Waiting.BACKOFF, 30)
        assert isinstance(waiting.error, RegistryUnreachable)
        registry.start()
        assert eye.until(row, State.SUCCEEDED, 30).digest == seeded.digest


def test_a_paused_copy_goes_on(
    make_queue: Make, clients: Clients, open_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    """distribution discards an upload whose connection is cut, and keeps one that stops after a complete chunk."""
    seeded = seed_repository(open_registry.address, "copy/paused", ("1",), layers=(8 * MB, 500_000))
    with Throttle(second_registry.address, bytes_per_second=4 * MB) as line:
        clients.registry(line.address).habits.chunk.bytes = MB
        queue, eye = make_queue()
        source, target = f"{open_registry.address}/copy/paused:1", f"{line.address}/copied/paused:1"
        row = queue.add(copy(source, target))
        eye.until(row, lambda row: row.moved_bytes > 3 * MB, 30)
        queue.pause([row])
        paused = eye.until(row, lambda row: row.waiting_for is Waiting.PAUSED, 30)
        sent = line.moved_bytes["request"]
        line.bytes_per_second = None
        queue.unpause([row])
        done = eye.until(row, State.SUCCEEDED, 30)
        assert done.digest == seeded.digest
        assert done.moved is not None
        assert (done.moved.bytes, done.moved.layers_moved) == (seeded.layer_bytes, 2)
        assert paused.permille is not None
        # Only manifests and configurations were sent twice.
        assert line.moved_bytes["request"] < seeded.layer_bytes + 20_000
        assert sent > 3 * MB
        shown = [seen.permille for seen in eye.seen[row] if seen.permille is not None]
        assert shown == sorted(shown)
        clients.registry(line.address).close()


def test_cancelled_at_once_and_done_layers_are_kept(
    make_queue: Make, clients: Clients, open_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    seeded = seed_repository(open_registry.address, "copy/cancel", ("1",), layers=(12 * MB, 50_000, 40_000))
    with Throttle(second_registry.address, bytes_per_second=MB) as line:
        queue, eye = make_queue()
        source, target = f"{open_registry.address}/copy/cancel:1", f"{line.address}/copied/cancel:1"
        row = queue.add(copy(source, target))
        eye.until(row, lambda row: sum(one.state is LayerState.DONE for one in row.layers) == 2, 30)
        queue.cancel([row])
        assert eye.until(row, State.CANCELLED).moved_bytes < 12 * MB
        line.bytes_per_second = None
        queue.retry([row])
        done = eye.until(row, State.SUCCEEDED, 30)
        assert done.digest == seeded.digest
        assert done.moved is not None
        assert (done.moved.layers_moved, done.moved.layers_skipped) == (1, 2)
        clients.registry(line.address).close()


def test_the_limit_holds_and_can_be_lifted(
    make_queue: Make, clients: Clients, open_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    seed_repository(open_registry.address, "copy/slow", ("1",), layers=(2 * MB, 2 * MB))
    clients.bandwidth.limit = 500_000
    queue, eye = make_queue()
    source, target = f"{open_registry.address}/copy/slow:1", f"{second_registry.address}/copied/slow:1"
    begun = time.monotonic()
    row = queue.add(copy(source, target))
    seen = eye.until(row, lambda row: row.moved_bytes > 800_000, 30)
    assert seen.moved_bytes / (time.monotonic() - begun) < 650_000
    clients.bandwidth.limit = None
    eye.until(row, State.SUCCEEDED, 5)


def test_a_registry_with_a_certificate_of_its_own(
    make_queue: Make,
    clients: Clients,
    configs: dict[str, RegistryConfig],
    open_registry: PrivateRegistry,
    tls_registry: PrivateRegistry,
) -> None:
    seeded = seed_repository(open_registry.address, "copy/tls", ("1",))
    source, target = f"{open_registry.address}/copy/tls:1", f"{tls_registry.address}/copied/tls:1"
    queue, eye = make_queue()
    refused = eye.until(queue.add(copy(source, target)), State.FAILED, 30)
    assert isinstance(refused.error, TlsFailed)
    configs[tls_registry.address] = RegistryConfig(tls_registry.address, ca_file=tls_registry.ca_file)
    clients.forget_registry(tls_registry.address)
    queue.retry([refused.id])
    assert eye.until(refused.id, State.SUCCEEDED, 30).digest == seeded.digest
    assert (
        seed_repository(tls_registry.address, "copy/tls", ("2",), ca_file=tls_registry.ca_file).digest
        == eye.until(
            queue.add(copy(f"{tls_registry.address}/copy/tls:2", f"{open_registry.address}/copied/tls:2")),
            State.SUCCEEDED,
            30,
        ).digest
    )
