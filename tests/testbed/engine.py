"""A private Docker engine: a real dockerd with its own data, sockets and mounts.

The daemon runs in its own mount namespace. All its mounts (overlays, namespaces of containers) end with its
last process, however that ends, so that a kill leaves no mount on the machine. ``/etc/docker``, where it would
look for certificates and keep a key, is a folder of the testbed there.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from testbed.engine_launch import Launch, docker_launch, podman_launch
from testbed.engine_probe import ping
from testbed.errors import EngineNotOurs, TestbedError, TestbedUnavailable
from testbed.processes import (
    Process,
    all_stopped,
    descendants,
    processes_naming,
    read_log,
    wait_until,
)

if TYPE_CHECKING:
    import docker

Flavour = Literal["debian", "newer", "containerd", "podman"]

LENT_ENGINE = "LONGSHORE_TEST_DOCKER_HOST"
START_SECONDS = 60.0
STOP_SECONDS = 15.0
UNIX_PATH_LIMIT = 107
LONGEST_NAME_BELOW = len("/exec/containerd/containerd-debug.sock")

_environ_lock = threading.Lock()


class PrivateEngine:
    """A Docker engine for tests; started by ``start()`` or by entering it.

    Args:
        root: folder for its data and logs.
        flavour: ``debian`` is the installed dockerd; the others come from Debian's newest packages, which
            ``tools/bootstrap test`` has fetched (see `testbed.newer_engines`): ``newer`` is Docker with the
            classic image store, ``containerd`` is Docker with containerd's.
        arguments: more arguments for the daemon, such as ``--registry-mirror=http://127.0.0.1:5000``.
        config: more entries for its daemon.json.
        own_network: in a network of its own, with the bridges and published ports of containers. Their addresses
            are then not reachable from here, nor are registries of this machine from there.
        data_bytes: put the data on a disk of that many bytes (for "disk full"); the data then lasts only
            until the daemon ends.

    If ``LONGSHORE_TEST_DOCKER_HOST`` names an engine, that one is used instead. Then `is_ours` is false, and
    `kill` and `restart` raise `EngineNotOurs`.
    """

    def __init__(
        self,
        root: Path,
        *,
        flavour: Flavour = "debian",
        arguments: Sequence[str] = (),
        config: Mapping[str, object] | None = None,
        data_bytes: int | None = None,
        own_network: bool = False,
    ) -> None:
        self.root = root
        self.flavour = flavour
        self.arguments = tuple(arguments)
        self.config = dict(config or {})
        self.data_bytes = data_bytes
        self.own_network = own_network
        self.data_root = root / "data"
        self.log = root / "engine.log"
        lent = os.environ.get(LENT_ENGINE, "") if flavour == "debian" else ""
        self._lent_host = lent
        self._short: Path | None = None
        self._process: Process | None = None
        self._lent_before: frozenset[str] = frozenset()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def is_ours(self) -> bool:
        """True for a private engine, False for one lent by ``LONGSHORE_TEST_DOCKER_HOST``."""
        return not self._lent_host

    @property
    def socket_path(self) -> Path:
        """The engine's unix socket; it stays the same after stops and restarts.

        Raises:
            EngineNotOurs: a lent engine that is not reached through a unix socket.
        """
        if self.is_ours:
            return self._short_folder() / "docker.sock"
        if not self._lent_host.startswith("unix://"):
            raise EngineNotOurs(f"{self._lent_host} has no unix socket")
        return Path(self._lent_host.removeprefix("unix://"))

    @property
    def host(self) -> str:
        """The value for DOCKER_HOST, such as ``unix:///tmp/ls-x/docker.sock``."""
        return self._lent_host or f"unix://{self.socket_path}"

    @property
    def is_running(self) -> bool:
        """True if the daemon runs; for a lent engine, if it responds."""
        if not self.is_ours:
            return ping(self._lent_host)
        return self._process is not None and self._process.is_running

    @property
    def pid(self) -> int:
        """The daemon's process id. Raises EngineNotOurs, or TestbedError if it is not running."""
        self._must_be_ours("have no process id here")
        if self._process is None or not self._process.is_running:
            raise TestbedError("the engine is not running")
        return self._process.pid

    @property
    def certificates(self) -> Path:
        """The daemon's ``/etc/docker/certs.d``: ``HOST:PORT/ca.crt`` and similar files go here."""
        return self.root / "etc-docker" / "certs.d"

    def start(self) -> None:
        """Start it and wait until it responds. Does nothing if it is running.

        Raises:
            TestbedUnavailable: there is no engine for this machine; the message says why.
        """
        if not self.is_ours:
            self._start_lent()
            return
        if self.is_running:
            return
        launch = self._launch()
        self._remove_stale_files()
        self.certificates.mkdir(parents=True, exist_ok=True)
        self.data_root.mkdir(parents=True, exist_ok=True)
        # SIGTERM, not SIGKILL, if we die: the daemon then ends its containerd and containers itself.
        self._process = Process(
            "engine",
            launch.command,
            log=self.log,
            environ=launch.environ,
            death_signal="TERM",
            wrapper=launch.wrapper,
        )
        try:
            wait_until(
                lambda: ping(self.host), timeout=START_SECONDS, what="the engine", process=self._process
            )
        except TestbedError as error:
            self.kill()
            raise TestbedUnavailable(f"the engine does not start here: {error}") from error

    def stop(self) -> None:
        """Stop it cleanly; its images stay for the next start. A lent engine keeps running."""
        if self._process is None:
            return
        below = descendants(self._process.pid)
        self._process.stop(STOP_SECONDS)
        self._process = None
        self._end(below)

    def kill(self) -> None:
        """Send SIGKILL to the daemon, its containerd and its containers. Raises EngineNotOurs."""
        self._must_be_ours("be killed")
        if self._process is None:
            return
        below = descendants(self._process.pid)
        self._process.kill()
        self._process = None
        self._end(below)

    def restart(self) -> None:
        """Stop it if it is running, and start it at the same address. Raises EngineNotOurs."""
        self._must_be_ours("be restarted")
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Send SIGSTOP to the daemon: it accepts connections but does not respond. Raises EngineNotOurs."""
        os.kill(self.pid, signal.SIGSTOP)
        # The call returns before the last thread has stopped: on a busy machine that thread answered once more.
        wait_until(lambda: all_stopped(self.pid), timeout=20, what="the engine to freeze")

    def thaw(self) -> None:
        """Let a frozen daemon continue."""
        os.kill(self.pid, signal.SIGCONT)

    def close(self) -> None:
        """Stop it and remove its data and sockets; the log stays in ``root``."""
        if not self.is_ours:
            self._clean_lent()
            return
        # Its data goes, too: a clean end would only take seconds.
        self.kill()
        if self._short is not None:
            shutil.rmtree(self._short, ignore_errors=True)
            self._short = None
        shutil.rmtree(self.data_root, ignore_errors=True)

    def log_text(self) -> str:
        """The daemon's whole log so far; empty for a lent engine."""
        return read_log(self.log)

    def client(self, *, timeout: int = 120) -> docker.APIClient:
        """A new low-level client of the Docker SDK without credentials; the caller closes it.

        ``timeout``: seconds, for a connection and for each silence of the engine.
        """
        import docker

        with _without_docker_config():
            return docker.APIClient(base_url=self.host, version="auto", timeout=timeout)

    # -- parts ---------------------------------------------------------------------------------------

    def _must_be_ours(self, what: str) -> None:
        if not self.is_ours:
            raise EngineNotOurs(f"the engine of {LENT_ENGINE} cannot {what}")

    def _short_folder(self) -> Path:
        """A folder with a short path: the path of a unix socket has at most 107 bytes."""
        if self._short is None:
            where = Path(tempfile.gettempdir())
            if len(str(where)) + len("/ls-12345678") + LONGEST_NAME_BELOW > UNIX_PATH_LIMIT:
                where = Path("/tmp")
            self._short = Path(tempfile.mkdtemp(prefix="ls-", dir=where))
        return self._short

    def _launch(self) -> Launch:
        if os.geteuid() != 0:
            raise TestbedUnavailable(
                f"a private engine needs root; name a running engine in {LENT_ENGINE} instead"
            )
        self.root.mkdir(parents=True, exist_ok=True)
        if self.flavour == "podman":
            return podman_launch(
                self.root,
                self.data_root,
                self._short_folder(),
                data_bytes=self.data_bytes,
                own_network=self.own_network,
            )
        return docker_launch(
            self.root,
            self.data_root,
            self._short_folder(),
            newer=self.flavour != "debian",
            containerd_store=self.flavour == "containerd",
            arguments=self.arguments,
            config=self.config,
            data_bytes=self.data_bytes,
            own_network=self.own_network,
        )

    def _remove_stale_files(self) -> None:
        """Remove what a killed daemon leaves. The next one would wait 30 s for the containerd of that pid file."""
        short = self._short_folder()
        containerd = short / "exec" / "containerd"
        for stale in [
            short / "pid",
            short / "docker.sock",
            containerd / "containerd.pid",
            *containerd.glob("*.sock*"),
        ]:
            stale.unlink(missing_ok=True)

    def _end(self, below: Sequence[int]) -> None:
        """Kill what is left of the daemon's processes: containerd, its shims, the containers."""

        def left() -> list[int]:
            known = {pid for pid in below if Path(f"/proc/{pid}/cmdline").exists() and not _is_zombie(pid)}
            return sorted(known | set(processes_naming(f"{self._short_folder()}/")))

        def all_gone() -> bool:
            for pid in left():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return not left()

        wait_until(all_gone, timeout=STOP_SECONDS, what="the end of the engine's own processes")

    def _start_lent(self) -> None:
        if not ping(self._lent_host):
            raise TestbedUnavailable(f"{LENT_ENGINE}={self._lent_host} does not answer")
        self._lent_before = frozenset(self._lent_references())

    def _lent_references(self) -> list[str]:
        with contextlib.closing(self.client()) as client:
            rows: list[dict[str, list[str] | None]] = client.images()
        return [tag for row in rows for tag in row.get("RepoTags") or [] if not tag.startswith("<none>")]

    def _clean_lent(self) -> None:
        """Remove the references that tests have added: those of loopback registries, and no others."""
        if not ping(self._lent_host):
            return
        import docker.errors

        added = set(self._lent_references()) - self._lent_before
        with contextlib.closing(self.client()) as client:
            for reference in added:
                if reference.startswith(("127.0.0.1:", "localhost:")):
                    with contextlib.suppress(docker.errors.APIError):
                        client.remove_image(reference)


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@contextlib.contextmanager
def _without_docker_config() -> Iterator[None]:
    """Show the SDK an empty folder, because it reads the user's config.json when a client is made."""
    with _environ_lock, tempfile.TemporaryDirectory(prefix="ls-") as empty:
        before = os.environ.get("DOCKER_CONFIG")
        os.environ["DOCKER_CONFIG"] = empty
        try:
            yield
        finally:
            if before is None:
                del os.environ["DOCKER_CONFIG"]
            else:
                os.environ["DOCKER_CONFIG"] = before
