"""Engines that do not exist, disappear, do not respond, or have a full disk."""

from __future__ import annotations

import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from integration.engine.conftest import TlsEngine
from longshore.cancellation import Cancellation, Cancelled
from longshore.engine import engine as engine_module
from longshore.engine.address import EngineAddress, Origin, current_address
from longshore.engine.engine import Engine
from longshore.engine.stream import Finished
from longshore.errors import DiskFull, EngineLost, EngineUnavailable, UnavailableCause
from longshore.oci.layer import LayerProgress, LayerState
from longshore.oci.reference import Reference
from testbed.engine import PrivateEngine
from testbed.errors import TestbedUnavailable, require
from testbed.images import load_image
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository
from testbed.throttle import Throttle


@pytest.fixture
def start_engine(tmp_path: Path) -> Iterator[Callable[..., PrivateEngine]]:
    """Return a function that starts engines for this test only."""
    started: list[PrivateEngine] = []

    def start(**options: object) -> PrivateEngine:
        engine = PrivateEngine(tmp_path / f"engine-{len(started)}", **options)  # type: ignore[arg-type]
        if not engine.is_ours:
            pytest.skip("needs an engine of its own")
        started.append(engine)
        try:
            engine.start()
        except TestbedUnavailable as problem:
            require(problem)
        return engine

    yield start
    for engine in started:
        engine.close()


@pytest.fixture
def client_of() -> Iterator[Callable[..., Engine]]:
    """Return a function that makes clients; they are closed after the test."""
    made: list[Engine] = []

    def make(url: str, environ: dict[str, str] | None = None) -> Engine:
        made.append(Engine(current_address(url, environ or {})))
        return made[-1]

    yield make
    for engine in made:
        engine.close()


def cause_of(engine: Engine) -> EngineUnavailable:
    with pytest.raises(EngineUnavailable) as caught:
        engine.probe()
    assert caught.value.subject == engine.address.url
    assert caught.value.advice
    for call in (engine.images, lambda: list(engine.events(Cancellation()))):
        with pytest.raises(EngineUnavailable) as other:
            call()
        assert other.value.cause is caught.value.cause
    return caught.value


def test_no_socket(client_of: Callable[..., Engine], tmp_path: Path) -> None:
    assert cause_of(client_of(f"unix://{tmp_path}/none.sock")).cause is UnavailableCause.NO_SOCKET


def test_a_socket_that_nobody_listens_on(client_of: Callable[..., Engine], tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(tmp_path / "stale.sock"))
    assert cause_of(client_of(f"unix://{tmp_path}/stale.sock")).cause is UnavailableCause.NOT_RUNNING


def test_a_port_that_nobody_listens_on(client_of: Callable[..., Engine]) -> None:
    assert cause_of(client_of("tcp://127.0.0.1:1")).cause is UnavailableCause.NOT_RUNNING


def test_a_machine_that_nobody_knows(client_of: Callable[..., Engine]) -> None:
    assert cause_of(client_of("tcp://engine.invalid:2375")).cause is UnavailableCause.UNREACHABLE


def test_a_server_that_is_no_engine(client_of: Callable[..., Engine], open_registry: PrivateRegistry) -> None:
    error = cause_of(client_of(f"tcp://{open_registry.address}"))
    assert error.cause is UnavailableCause.UNSUPPORTED


def test_tls_against_a_server_without(
    client_of: Callable[..., Engine], open_registry: PrivateRegistry
) -> None:
    error = cause_of(client_of(f"https://{open_registry.address}"))
    assert error.cause is UnavailableCause.TLS
    assert "does not use TLS" in error.message


def test_killed_in_the_middle_of_a_pull_and_back_again(
    start_engine: Callable[..., PrivateEngine],
    client_of: Callable[..., Engine],
    open_registry: PrivateRegistry,
    throttle: Throttle,
) -> None:
    private = start_engine()
    engine = client_of(private.host)
    assert engine.images() == []
    seeded = seed_repository(open_registry.address, "lost/pull", layers=(6_000_000,))
    throttle.bytes_per_second = 1_000_000
    name = Reference.parse(f"{throttle.address}/lost/pull")
    following = engine.events(Cancellation())
    next(following)
    with pytest.raises(EngineLost) as caught:
        for event in engine.pull(name, cancellation=Cancellation()):
            if isinstance(event, LayerProgress) and event.state is LayerState.TRANSFERRING:
                private.kill()
    assert name.familiar in caught.value.message
    assert caught.value.transient
    with pytest.raises(EngineLost):
        list(following)
    assert cause_of(engine).cause is UnavailableCause.NOT_RUNNING
    private.start()
    throttle.bytes_per_second = None
    assert list(engine.pull(name, cancellation=Cancellation()))[-1] == Finished(seeded.digest)
    assert len(engine.images()) == 1
    private.stop()
    assert cause_of(engine).cause is UnavailableCause.NO_SOCKET


def test_an_engine_that_does_not_answer(
    start_engine: Callable[..., PrivateEngine],
    client_of: Callable[..., Engine],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    private = start_engine()
    engine = client_of(private.host)
    monkeypatch.setattr(engine_module, "PROBE_SECONDS", 0.3)
    private.freeze()
    with pytest.raises(EngineUnavailable) as caught:
        engine.probe()
    assert caught.value.cause is UnavailableCause.TIMED_OUT
    private.thaw()
    assert engine.probe().version


def test_closing_ends_a_call_that_hangs(
    start_engine: Callable[..., PrivateEngine], client_of: Callable[..., Engine]
) -> None:
    private = start_engine()
    engine = client_of(private.host)
    assert engine.images() == []
    private.freeze()
    errors: list[BaseException] = []

    def call() -> None:
        try:
            engine.images()
        except EngineLost as error:
            errors.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    try:
        while engine._shared is None or not list(engine._shared.sockets._open):
            thread.join(0.01)
        thread.join(0.3)
        assert thread.is_alive()
        engine.close()
        thread.join(2)
        assert not thread.is_alive()
    finally:
        private.thaw()
        thread.join(20)
    assert len(errors) == 1


def test_a_full_disk(
    start_engine: Callable[..., PrivateEngine],
    client_of: Callable[..., Engine],
    open_registry: PrivateRegistry,
) -> None:
    private = start_engine(data_bytes=24_000_000)
    engine = client_of(private.host)
    seed_repository(open_registry.address, "lost/large", layers=(40_000_000,))
    with pytest.raises(DiskFull) as caught:
        list(engine.pull(Reference.parse(f"{open_registry.address}/lost/large"), cancellation=Cancellation()))
    assert caught.value.detail
    assert "enlarge" in caught.value.advice


def test_tcp_with_tls(client_of: Callable[..., Engine], tls_engine: TlsEngine, tmp_path: Path) -> None:
    files, url = tls_engine.files, tls_engine.url
    certificates = tmp_path / "certificates"
    certificates.mkdir()
    environ = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(certificates)}

    # At first no certificates, then only the engine's authority, then also ours.
    error = cause_of(client_of(url, environ))
    assert (error.cause, "not trusted" in error.message) == (UnavailableCause.TLS, True)
    (certificates / "ca.pem").write_bytes((files / "ca.crt").read_bytes())
    error = cause_of(client_of(url, environ))
    assert error.cause is UnavailableCause.TLS
    assert "your certificate" in error.message
    (certificates / "cert.pem").write_bytes((files / "server.crt").read_bytes())
    (certificates / "key.pem").write_bytes((files / "server.key").read_bytes())
    engine = client_of(url, environ)
    assert engine.probe().version
    assert engine.images() == []
    unchecked = client_of(url, {"DOCKER_TLS": "1", "DOCKER_CERT_PATH": str(certificates)})
    assert unchecked.address.tls is not None
    assert not unchecked.address.tls.verify
    assert unchecked.images() == []
    # Without TLS.
    error = cause_of(client_of(url))
    assert error.cause is UnavailableCause.TLS
    assert "requires TLS" in error.message
    # A call over TLS can be cancelled too.
    cancellation = Cancellation()
    events = engine.events(cancellation)
    next(events)
    threading.Timer(0.1, cancellation.cancel).start()
    with pytest.raises(Cancelled):
        list(events)


@pytest.mark.usefixtures("ssh")
def test_an_engine_behind_ssh(
    client_of: Callable[..., Engine],
    testbed_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    throttle: Throttle,
    in_thread: Callable[..., object],
) -> None:
    engine = client_of("ssh://me@somewhere:2222")
    assert engine.probe().version
    client = testbed_engine.client()
    try:
        image_id = load_image(client, ["ssh/a:1"], seed="ssh")
    finally:
        client.close()
    assert image_id in [row.image_id for row in engine.images()]
    engine.remove("ssh/a:1")
    seeded = seed_repository(open_registry.address, "ssh/pull")
    name = Reference.parse(f"{open_registry.address}/ssh/pull")
    assert list(engine.pull(name, cancellation=Cancellation()))[-1] == Finished(seeded.digest)
    engine.remove(f"{name}:latest")
    throttle.stall()
    stalled = Reference.parse(f"{throttle.address}/ssh/pull")
    worker = in_thread(lambda cancellation: list(engine.pull(stalled, cancellation=cancellation)))
    while not throttle.open_connections:
        threading.Event().wait(0.01)
    assert worker.cancel() < 0.5  # type: ignore[attr-defined]
    throttle.resume()


@pytest.mark.usefixtures("ssh")
def test_an_engine_behind_ssh_by_the_path_of_its_socket(
    client_of: Callable[..., Engine], testbed_engine: PrivateEngine
) -> None:
    """docker/cli 4073: if the path were ignored, another engine would be used."""
    # A name that a shell would misinterpret.
    with tempfile.TemporaryDirectory(prefix="ls-", dir="/tmp") as folder:  # paths of sockets are short
        odd = Path(folder) / "a b;$(c)'d.sock"
        odd.symlink_to(testbed_engine.socket_path)
        for path in (testbed_engine.socket_path, odd):
            assert client_of(f"ssh://me@somewhere:2222{path}").probe().version
        error = cause_of(client_of(f"ssh://me@somewhere{folder}/nowhere.sock"))
    assert f"unix://{folder}/nowhere.sock" in error.detail


@pytest.mark.usefixtures("ssh")
def test_ssh_that_does_not_get_there(client_of: Callable[..., Engine]) -> None:
    error = cause_of(client_of("ssh://denied"))
    assert error.cause is UnavailableCause.NO_PERMISSION
    assert "publickey" in error.detail
    assert cause_of(client_of("ssh://unknown")).cause is UnavailableCause.UNREACHABLE


def test_without_an_ssh_program(
    client_of: Callable[..., Engine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    error = cause_of(client_of("ssh://somewhere"))
    assert error.cause is UnavailableCause.UNSUPPORTED
    assert "OpenSSH" in error.advice


def test_named_pipes_are_for_windows() -> None:
    if sys.platform == "win32":
        pytest.skip("not here")
    engine = Engine(EngineAddress("pipe", "npipe:////./pipe/docker_engine", Origin.DEFAULT))
    assert cause_of(engine).cause is UnavailableCause.UNSUPPORTED
