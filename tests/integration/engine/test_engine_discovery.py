"""Which engines exist and which of them respond: contexts over unix, tcp with TLS and ssh, and well-known sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from integration.engine.conftest import TlsEngine
from longshore.application.clients import Clients
from longshore.engine.address import current_address
from longshore.engine.model import ImageStore, SwarmNode
from longshore.errors import EngineUnavailable, UnavailableCause
from longshore.operations.engines import Engines, EngineState, FoundEngine
from longshore.operations.place_watch import PlaceState, PlaceStatus
from longshore.operations.tasks import Tasks
from longshore.registry.config import RegistryConfig
from longshore.transfers.transfer import EnginePlace
from longshore.words import engines as engine_text
from testbed.engine import PrivateEngine
from testbed.home import PrivateHome


def looking(
    home: PrivateHome, scenario: Callable[[Engines], Awaitable[None]], **extra: str
) -> dict[str, FoundEngine]:
    """Run *scenario* on the engines of *home*; return those that were found, by name."""
    found: list[FoundEngine] = []

    async def run() -> None:
        environ = home.environ(extra)
        clients, tasks = Clients(environ, RegistryConfig), Tasks()
        engines = Engines(clients, tasks, environ)
        try:
            await scenario(engines)
            found.extend(engines.found)
        finally:
            await tasks.close()
            clients.close()

    asyncio.run(run())
    return {each.address.name: each for each in found}


async def all_told(engines: Engines) -> None:
    """Look once, and wait until every engine has responded or timed out."""
    engines.look()
    async with asyncio.timeout(20):
        while engines.looking:
            await asyncio.sleep(0.02)
    assert all(each.state is not EngineState.UNKNOWN for each in engines.found)


def cause(found: FoundEngine) -> UnavailableCause:
    assert found.state is EngineState.SILENT
    assert isinstance(found.error, EngineUnavailable)
    return found.error.cause


@pytest.mark.usefixtures("ssh")
def test_every_context_and_socket_with_its_state(
    private_home: PrivateHome,
    testbed_engine: PrivateEngine,
    containerd_engine: PrivateEngine,
    tls_engine: TlsEngine,
) -> None:
    home = private_home
    files = tls_engine.files
    certificates = {
        "ca.pem": files / "ca.crt",
        "cert.pem": files / "server.crt",
        "key.pem": files / "server.key",
    }
    home.write_context("unix", testbed_engine.host)
    home.write_context("ssh", "ssh://me@somewhere")
    home.write_context("ssh-denied", "ssh://denied")
    home.write_context("tls", tls_engine.url, certificates)
    home.write_context("tls-unknown", tls_engine.url)
    home.write_context("gone", f"unix://{home.root}/gone.sock")
    # A rootless engine's socket in its usual place, and a stale socket on which nothing is listening.
    (home.runtime / "docker.sock").symlink_to(containerd_engine.socket_path)
    stale = home.home / ".colima" / "default" / "docker.sock"
    stale.parent.mkdir(parents=True)
    with contextlib.chdir(stale.parent), socket.socket(socket.AF_UNIX) as nobody:
        nobody.bind("docker.sock")  # relative, because the whole path is too long for a socket
    found = looking(home, all_told)
    ready = {name for name, each in found.items() if each.state is EngineState.READY}
    assert {"unix", "ssh", "tls", "rootless"} <= ready
    assert {"ssh-denied", "tls-unknown", "gone", "Colima"} & ready == set()
    unix, rootless = found["unix"], found["rootless"]
    assert unix.info is not None
    assert rootless.info is not None
    assert rootless.info.store is ImageStore.CONTAINERD
    assert found["ssh"].info == unix.info
    assert cause(found["gone"]) is UnavailableCause.NO_SOCKET
    assert cause(found["ssh-denied"]) is UnavailableCause.NO_PERMISSION
    assert cause(found["tls-unknown"]) is UnavailableCause.TLS
    assert cause(found["Colima"]) in (UnavailableCause.NOT_RUNNING, UnavailableCause.UNSUPPORTED)
    # The picker's words.
    said = {name: engine_text.title(each.address, each.info, each.error) for name, each in found.items()}
    assert said["unix"] == f"unix  ·  Docker {'.'.join(unix.info.version.split('.')[:2])}"
    assert said["gone"] == "gone  ·  no engine found"
    assert said["ssh-denied"] == "ssh-denied  ·  no permission"
    assert said["tls-unknown"] == "tls-unknown  ·  no secure connection"
    story = engine_text.story(rootless.address, rootless.info, rootless.error)
    assert story.splitlines()[0] == f"unix://{home.runtime}/docker.sock"
    assert "containerd image store" in story
    told = engine_text.story(found["gone"].address, None, found["gone"].error)
    assert "socket not found" in told


def test_engines_that_are_silent_keep_nobody_waiting(
    private_home: PrivateHome, testbed_engine: PrivateEngine
) -> None:
    with contextlib.ExitStack() as listening:
        for number in range(12):
            # Accepts connections, and never sends anything.
            silent = listening.enter_context(socket.create_server(("127.0.0.1", 0), backlog=8))
            private_home.write_context(f"a-silent-{number}", f"tcp://127.0.0.1:{silent.getsockname()[1]}")
        private_home.write_context("there", testbed_engine.host)

        async def scenario(engines: Engines) -> None:
            engines.look()
            engines.look()  # one look at a time
            # The call has returned while the silent engines are still being asked.
            assert engines.looking and not engines.found
            await all_told(engines)

        found = looking(private_home, scenario)
    assert found["there"].state is EngineState.READY
    silent_ones = [each for name, each in found.items() if name.startswith("a-silent")]
    assert len(silent_ones) == 12
    assert {cause(each) for each in silent_ones} == {UnavailableCause.TIMED_OUT}


def test_at_first_only_this_machine_is_asked(
    private_home: PrivateHome, testbed_engine: PrivateEngine
) -> None:
    private_home.write_context("far", "tcp://127.0.0.1:1")
    private_home.write_context("near", testbed_engine.host)

    async def scenario(engines: Engines) -> None:
        engines.look(near=True)
        async with asyncio.timeout(20):
            while engines.looking:
                await asyncio.sleep(0.02)
        told = {each.address.name: each.state for each in engines.found}
        assert (told["near"], told["far"]) == (EngineState.READY, EngineState.UNKNOWN)
        # The list is opened while the near engines are being asked: then the others are asked too.
        engines.look(near=True)
        await all_told(engines)

    found = looking(private_home, scenario)
    assert cause(found["far"]) is UnavailableCause.NOT_RUNNING


def test_closing_does_not_wait_for_the_silent(private_home: PrivateHome) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=8) as silent:
        private_home.write_context("silent", f"tcp://127.0.0.1:{silent.getsockname()[1]}")

        async def scenario(engines: Engines) -> None:
            engines.look()
            while not engines.found:
                await asyncio.sleep(0.01)
            assert engines.looking

        found = looking(private_home, scenario)
    assert found["silent"].state is EngineState.UNKNOWN


def test_what_the_watch_knows_is_taken_over(
    private_home: PrivateHome, testbed_engine: PrivateEngine, tmp_path: Path
) -> None:
    option = current_address(f"unix://{tmp_path}/option.sock", {})
    lost = EngineUnavailable("Gone.", cause=UnavailableCause.NOT_RUNNING)
    changes: list[None] = []

    async def scenario(engines: Engines) -> None:
        engines.changed.connect(lambda _found: changes.append(None))
        engines.note(PlaceStatus(PlaceState.CONNECTING, EnginePlace(option)))
        assert len(changes) == 1
        engines.note(PlaceStatus(PlaceState.UNAVAILABLE, EnginePlace(option), error=lost))
        assert [each.error for each in engines.found] == [lost]
        engines.note(PlaceStatus(PlaceState.UNAVAILABLE, EnginePlace(option), error=lost))
        assert len(changes) == 2
        engines.note(PlaceStatus(PlaceState.UNAVAILABLE, None, error=lost))
        await all_told(engines)
        assert engines.found[0].address == option, "the engine of --engine is kept, and is the first"

    found = looking(private_home, scenario, DOCKER_HOST=testbed_engine.host)
    assert found["DOCKER_HOST"].state is EngineState.READY
    assert cause(found[option.name]) is UnavailableCause.NO_SOCKET


def test_a_swarm_is_told_by_its_nodes(
    private_home: PrivateHome, testbed_engine: PrivateEngine, containerd_engine: PrivateEngine
) -> None:
    """Two real engines in one swarm: the manager lists both nodes, the worker none."""
    if not testbed_engine.is_ours:
        pytest.skip("needs engines of its own")
    ports = []
    for _ in range(2):
        with socket.create_server(("127.0.0.1", 0)) as free:
            ports.append(free.getsockname()[1])
    private_home.write_context("manager", testbed_engine.host)
    private_home.write_context("worker", containerd_engine.host)
    with (
        contextlib.closing(testbed_engine.client()) as manager,
        contextlib.closing(containerd_engine.client()) as worker,
    ):
        address = f"127.0.0.1:{ports[0]}"
        manager.init_swarm(advertise_addr=address, listen_addr=address)
        try:
            token = manager.inspect_swarm()["JoinTokens"]["Worker"]
            other = f"127.0.0.1:{ports[1]}"
            worker.join_swarm([address], token, listen_addr=other, advertise_addr=other)
            try:
                found = looking(private_home, all_told)
            finally:
                worker.leave_swarm(force=True)
        finally:
            manager.leave_swarm(force=True)
    info = found["manager"].info
    assert info is not None
    assert info.swarm_manager
    own, second = found["manager"].nodes
    assert own == SwarmNode(info.name, manager=True, ready=True, own=True)
    assert (second.manager, second.own) == (False, False)
    assert found["worker"].nodes == ()
    assert found["worker"].info is not None
    assert not found["worker"].info.swarm_manager
    words = engine_text.swarm(found["manager"].nodes)
    assert words.startswith("Manages a swarm. A pull reaches only this engine")
    assert second.name in words
