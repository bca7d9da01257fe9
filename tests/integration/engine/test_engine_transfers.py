"""Pull and push by a real engine, from and to real registries, with and without faults on the line."""

from __future__ import annotations

import hashlib
import os
import socket
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from longshore.cancellation import Cancellation
from longshore.engine.engine import Engine
from longshore.engine.stream import Finished, Note, StreamEvent
from longshore.errors import (
    AccessDenied,
    DigestMismatch,
    ImageUnknown,
    InvalidReference,
    LongshoreError,
    NotInRegistry,
    RateLimited,
    RegistryFailure,
    RegistryUnreachable,
    SignInFailed,
    SignInRequired,
    TlsFailed,
    VerificationFailed,
)
from longshore.oci.layer import LayerProgress, LayerState
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from testbed.engine import PrivateEngine
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository
from testbed.throttle import Throttle

Load = Callable[..., str]


class SignIn:
    """A stand-in for a credential, with all that the engine room needs."""

    def __init__(self, username: str, password: str) -> None:
        self._config = {"username": username, "password": password}

    def auth_config(self) -> dict[str, str]:
        return self._config


def pull(engine: Engine, name: str, **options: object) -> list[StreamEvent]:
    return list(engine.pull(Reference.parse(name), cancellation=Cancellation(), **options))  # type: ignore[arg-type]


def push(engine: Engine, name: str, **options: object) -> list[StreamEvent]:
    return list(engine.push(Reference.parse(name), cancellation=Cancellation(), **options))  # type: ignore[arg-type]


def layers(events: Iterable[StreamEvent]) -> dict[str, list[LayerProgress]]:
    found: dict[str, list[LayerProgress]] = {}
    for event in events:
        if isinstance(event, LayerProgress):
            found.setdefault(event.layer_id, []).append(event)
    return found


def short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12]


def test_pull_tells_every_layer_and_the_digest(engine: Engine, open_registry: PrivateRegistry) -> None:
    seeded = seed_repository(open_registry.address, "transfers/pull", layers=(100_000, 2_000_000))
    name = f"{open_registry.address}/transfers/pull"
    events = pull(engine, name)
    assert events[-1] == Finished(seeded.digest, None, False)
    assert sum(isinstance(event, Finished) for event in events) == 1
    found = layers(events)
    (image,) = seeded.images
    assert set(found) == {short(digest) for digest in image.layer_digests}
    for digest, size in zip(image.layer_digests, image.layer_sizes, strict=True):
        steps = found[short(digest)]
        assert steps[0].state is LayerState.WAITING
        assert steps[-1].state is LayerState.DONE
        moving = [step for step in steps if step.state is LayerState.TRANSFERRING]
        assert {step.total for step in moving} == {size}
        counts = [step.current for step in moving if step.current is not None]
        assert counts == sorted(counts)
        assert LayerState.EXTRACTING in [step.state for step in steps]
    again = pull(engine, name)
    assert again[-1] == Finished(seeded.digest, None, True)
    engine.remove(f"{name}:latest")


def test_push_sends_exactly_one_tag(engine: Engine, load: Load, second_registry: PrivateRegistry) -> None:
    name = f"{second_registry.address}/transfers/push"
    load(f"{name}:one", f"{name}:two", seed="push")
    before = len(second_registry.requests())
    events = push(engine, f"{name}:one")
    end = events[-1]
    assert isinstance(end, Finished)
    written = [
        request.path
        for request in second_registry.requests()[before:]
        if request.method == "PUT" and "/manifests/" in request.path
    ]
    assert written == ["/v2/transfers/push/manifests/one"]
    assert {steps[-1].state for steps in layers(events).values()} == {LayerState.DONE}
    assert {short(each) for each in engine.image(f"{name}:one").diff_ids} == set(layers(events))
    stored = hashlib.sha256()
    stored.update(_manifest(second_registry, "transfers/push", "one"))
    assert end.digest == f"sha256:{stored.hexdigest()}"
    again = push(engine, f"{name}:two")
    assert {steps[-1].state for steps in layers(again).values()} == {LayerState.SKIPPED}
    for tag in ("one", "two"):
        engine.remove(f"{name}:{tag}")


def _manifest(registry: PrivateRegistry, repository: str, tag: str) -> bytes:
    request = urllib.request.Request(
        f"{registry.url}/v2/{repository}/manifests/{tag}",
        headers={"Accept": "application/vnd.docker.distribution.manifest.v2+json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        data: bytes = answer.read()
        return data


def test_a_layer_in_another_repository_is_mounted(
    engine: Engine, load: Load, second_registry: PrivateRegistry
) -> None:
    address = second_registry.address
    load(f"{address}/mount/from:1", f"{address}/mount/to:1", seed="mount")
    push(engine, f"{address}/mount/from:1")
    last = [steps[-1] for steps in layers(push(engine, f"{address}/mount/to:1")).values()]
    assert {step.state for step in last} == {LayerState.MOUNTED}


def test_push_needs_a_tag(engine: Engine) -> None:
    for name in ("127.0.0.1:5999/a", "127.0.0.1:5999/a@sha256:" + "a" * 64):
        with pytest.raises(InvalidReference):
            push(engine, name)


def test_unknown_images(engine: Engine, open_registry: PrivateRegistry) -> None:
    seed_repository(open_registry.address, "transfers/known")
    address = open_registry.address
    with pytest.raises(NotInRegistry) as caught:
        pull(engine, f"{address}/transfers/known:nope")
    assert caught.value.message == f"{address} has no tag “nope” in “transfers/known”."
    assert caught.value.registry == address
    assert caught.value.detail
    with pytest.raises(NotInRegistry):
        pull(engine, f"{address}/transfers/none")
    with pytest.raises(NotInRegistry) as caught:
        pull(engine, f"{address}/transfers/known@sha256:{'b' * 64}")
    assert "digest" in caught.value.message
    with pytest.raises(ImageUnknown) as unknown:
        push(engine, f"{address}/transfers/known:nope")
    assert unknown.value.message == f"The engine has no image “{address}/transfers/known:nope”."


def test_platforms(engine: Engine, open_registry: PrivateRegistry) -> None:
    platforms = [("linux", "amd64"), ("linux", "arm64")]
    seed_repository(open_registry.address, "transfers/platforms", platforms=platforms)
    name = f"{open_registry.address}/transfers/platforms"
    pull(engine, name, platform=Platform("linux", "arm64"))
    assert str(engine.image(name).platform) == "linux/arm64"
    with pytest.raises(NotInRegistry) as caught:
        pull(engine, name, platform=Platform("linux", "s390x"))
    assert "linux/s390x" in caught.value.message
    engine.remove(f"{name}:latest")


@pytest.mark.parametrize("shape", ["auth_registry", "token_registry"])
def test_signing_in(engine: Engine, load: Load, shape: str, request: pytest.FixtureRequest) -> None:
    registry: PrivateRegistry = request.getfixturevalue(shape)
    name = f"{registry.address}/transfers/signed:1"
    load(name, seed="signed")
    with pytest.raises(LongshoreError) as caught:
        push(engine, name)
    assert isinstance(caught.value, SignInRequired), caught.value.detail
    wrong = SignIn(registry.username, "wrong-and-secret")
    with pytest.raises(SignInFailed) as failed:
        push(engine, name, credential=wrong)
    assert "wrong-and-secret" not in failed.value.detail
    right = SignIn(registry.username, registry.password)
    assert isinstance(push(engine, name, credential=right)[-1], Finished)
    engine.remove(name)
    with pytest.raises(LongshoreError) as caught:
        pull(engine, name)
    # Without a sign-in, a token registry does not reveal whether such an image exists.
    expected = AccessDenied if registry.auth == "token" else SignInRequired
    assert isinstance(caught.value, expected), caught.value.detail
    assert "Sign in" in caught.value.advice or "sign in" in caught.value.advice
    with pytest.raises(SignInFailed):
        pull(engine, name, credential=wrong)
    assert isinstance(pull(engine, name, credential=right)[-1], Finished)
    engine.remove(name)


@pytest.fixture(scope="module")
def machine_address() -> str:
    """An address of this machine outside 127.0.0.0/8, where engines insist on TLS."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return str(probe.getsockname()[0])


def test_a_registry_without_tls_where_the_engine_wants_it(
    engine: Engine, machine_address: str, tmp_path: Path
) -> None:
    with (
        PrivateRegistry(tmp_path / "registry", host=machine_address) as registry,
        pytest.raises(TlsFailed) as caught,
    ):
        pull(engine, f"{registry.address}/transfers/http")
    assert (
        caught.value.message
        == f"The engine connects to {registry.address} with TLS, but the registry uses plain HTTP."
    )
    assert f"add {registry.address} to “insecure-registries”" in caught.value.advice


def test_a_registry_with_a_strange_certificate(
    engine: Engine, testbed_engine: PrivateEngine, machine_address: str, tmp_path: Path
) -> None:
    with PrivateRegistry(tmp_path / "registry", host=machine_address, tls=True) as registry:
        with pytest.raises(TlsFailed) as caught:
            pull(engine, f"{registry.address}/transfers/tls")
        place = f"/etc/docker/certs.d/{registry.address}/ca.crt"
        assert "trust" in caught.value.message
        assert place in caught.value.advice
        if testbed_engine.is_ours:
            # Following the advice solves the problem.
            folder = testbed_engine.certificates / registry.address
            folder.mkdir(parents=True)
            assert registry.ca_file is not None
            (folder / "ca.crt").write_bytes(registry.ca_file.read_bytes())
            with pytest.raises(NotInRegistry):
                pull(engine, f"{registry.address}/transfers/tls")


def test_unreachable_registries(engine: Engine) -> None:
    with pytest.raises(RegistryUnreachable) as caught:
        pull(engine, "127.0.0.1:1/a")
    assert "refused" in caught.value.message
    with pytest.raises(RegistryUnreachable) as caught:
        pull(engine, "registry.invalid/a")
    assert "can't find the host" in caught.value.message
    assert caught.value.transient


def test_a_resumed_layer_keeps_its_size(
    engine: Engine, open_registry: PrivateRegistry, throttle: Throttle
) -> None:
    seeded = seed_repository(open_registry.address, "transfers/resumed", layers=(8_000_000,))
    size = seeded.images[0].layer_sizes[0]
    throttle.bytes_per_second = 6_000_000
    throttle.cut_after(3_000_000, path_regex="/blobs/", direction="response")
    events = pull(engine, f"{throttle.address}/transfers/resumed")
    ((_, steps),) = layers(events).items()
    moving = [step for step in steps if step.state is LayerState.TRANSFERRING]
    assert any(step.retrying_in for step in moving), "the line was not cut"
    assert {step.total for step in moving if step.total is not None} == {size}
    counts = [step.current for step in moving if step.current is not None]
    assert counts == sorted(counts)
    assert max(counts) > 3_000_000
    engine.remove(f"{throttle.address}/transfers/resumed:latest")


def test_a_corrupted_layer(engine: Engine, open_registry: PrivateRegistry, throttle: Throttle) -> None:
    seed_repository(open_registry.address, "transfers/corrupt", layers=(200_000,))
    throttle.corrupt_next("/blobs/", times=20)
    with pytest.raises(LongshoreError) as caught:
        pull(engine, f"{throttle.address}/transfers/corrupt")
    assert isinstance(caught.value, DigestMismatch | VerificationFailed), caught.value.detail


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, b'{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}', RateLimited),
        (503, b"<html>Service Unavailable</html>", RegistryFailure),
        (500, b"", RegistryFailure),
    ],
)
def test_a_registry_in_trouble(
    engine: Engine,
    open_registry: PrivateRegistry,
    throttle: Throttle,
    status: int,
    body: bytes,
    kind: type[LongshoreError],
) -> None:
    seed_repository(open_registry.address, "transfers/trouble", seed=status)
    throttle.fail_next("/v2/transfers/trouble/manifests/", status, times=20, body=body)
    with pytest.raises(LongshoreError) as caught:
        pull(engine, f"{throttle.address}/transfers/trouble")
    assert isinstance(caught.value, kind), caught.value.detail
    assert caught.value.transient


def test_notes_are_for_people(engine: Engine, load: Load, second_registry: PrivateRegistry) -> None:
    """Routine events do not become notes."""
    name = f"{second_registry.address}/transfers/notes:1"
    load(name, seed="notes")
    events = push(engine, name) + pull(engine, name)
    assert [event for event in events if isinstance(event, Note)] == []
    engine.remove(name)


def test_the_users_docker_config_is_never_read(
    engine: Engine, open_registry: PrivateRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK would read it when a client is made or a pull has no credentials, and would fail on this content."""
    folder = Path(os.environ["HOME"]) / ".docker"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text('{"auths": {"x": {"auth": ""}}, "credsStore": "missing"}')
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)
    seed_repository(open_registry.address, "transfers/config")
    assert isinstance(pull(engine, f"{open_registry.address}/transfers/config")[-1], Finished)
    engine.remove(f"{open_registry.address}/transfers/config:latest")
