"""Fixtures for the tests of the engine room: our client of the testbed's engine, images in it, and worker threads."""

from __future__ import annotations

import os
import socket
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from longshore.cancellation import Cancellation
from longshore.engine.address import current_address
from longshore.engine.engine import Engine
from testbed.crypto import make_authority, make_certificate
from testbed.engine import PrivateEngine
from testbed.errors import TestbedUnavailable, require
from testbed.images import load_image


class Worker:
    """Runs a call in a thread, as the program does, and keeps its result or error."""

    def __init__(self, work: Callable[[Cancellation], object]) -> None:
        self.cancellation = Cancellation()
        self.result: object = None
        self.error: BaseException | None = None
        self.ended = 0.0
        self._work = work
        self._thread = threading.Thread(target=self._run, name="engine-test-worker")
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result = self._work(self.cancellation)
        except BaseException as error:
            self.error = error
        self.ended = time.monotonic()

    def join(self, timeout: float = 30.0) -> Worker:
        """Wait for the end. Fails the test if the call does not end."""
        self._thread.join(timeout)
        assert not self._thread.is_alive(), "the call does not end"
        return self

    def cancel(self) -> float:
        """Cancel, wait, and return the seconds that the call took to end."""
        assert self._thread.is_alive(), f"it ended too early: {self.result!r} {self.error!r}"
        begun = time.monotonic()
        self.cancellation.cancel()
        self.join()
        return self.ended - begun


@pytest.fixture
def in_thread() -> Iterator[Callable[[Callable[[Cancellation], object]], Worker]]:
    """Return a function that starts workers; those still running at the end of the test are cancelled."""
    workers: list[Worker] = []

    def start(work: Callable[[Cancellation], object]) -> Worker:
        workers.append(Worker(work))
        return workers[-1]

    yield start
    for worker in workers:
        worker.cancellation.cancel()
        worker.join()


@pytest.fixture
def engine(testbed_engine: PrivateEngine) -> Iterator[Engine]:
    """Our client of the session's engine."""
    made = Engine(current_address(testbed_engine.host, {}))
    yield made
    made.close()


@pytest.fixture
def load(testbed_engine: PrivateEngine) -> Callable[..., str]:
    """Return a function that loads a small image into the session's engine and returns its id."""

    def put(*references: str, **options: object) -> str:
        client = testbed_engine.client()
        try:
            return load_image(client, references, **options)  # type: ignore[arg-type]
        finally:
            client.close()

    return put


@dataclass(frozen=True)
class TlsEngine:
    """An engine at *url* that requires TLS with client certificates.

    *files*: the folder with ``ca.crt``, ``server.crt`` and ``server.key``; clients may use the last two as well.
    """

    url: str
    files: Path


@pytest.fixture
def tls_engine(tmp_path: Path) -> Iterator[TlsEngine]:
    """A TLS engine that only this test uses."""
    files = tmp_path / "tls"
    make_certificate(files, make_authority(files), ["127.0.0.1", "localhost"])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = [
        f"--host=tcp://127.0.0.1:{port}",
        "--tlsverify",
        f"--tlscacert={files / 'ca.crt'}",
        f"--tlscert={files / 'server.crt'}",
        f"--tlskey={files / 'server.key'}",
    ]
    engine = PrivateEngine(tmp_path / "engine-tls", arguments=arguments)
    if not engine.is_ours:
        pytest.skip("needs an engine of its own")
    try:
        engine.start()
        yield TlsEngine(f"tcp://127.0.0.1:{port}", files)
    except TestbedUnavailable as problem:
        require(problem)
    finally:
        engine.close()


FAKE_SSH = """#!{python}
import os, select, shlex, socket, sys
sys.stdout = sys.stderr
arguments = sys.argv[1:]
host = arguments[arguments.index("--") + 1]
words = shlex.split(" ".join(arguments[arguments.index("--") + 2:]))  # as the shell over there reads them
assert words[0] == "docker" and words[-2:] == ["system", "dial-stdio"], arguments
place = {socket!r}
if words[1:-2]:
    option, url = words[1:-2]
    assert option == "--host" and url.startswith("unix://"), arguments
    place = url.removeprefix("unix://")
if host == "denied":
    sys.exit("me@denied: Permission denied (publickey).")
if host == "unknown":
    sys.exit("ssh: Could not resolve hostname unknown: Name or service not known")
engine = socket.socket(socket.AF_UNIX)
try:
    engine.connect(place)
except OSError as error:
    sys.exit(f"Cannot connect to the Docker daemon at unix://{{place}}: {{error.strerror}}")
while True:
    for ready in select.select([0, engine], [], [])[0]:
        data = os.read(0, 65536) if ready == 0 else engine.recv(65536)
        if not data:
            sys.exit(0)
        if ready == 0:
            engine.sendall(data)
        else:
            while data:
                data = data[os.write(1, data):]
"""


@pytest.fixture
def ssh(tmp_path: Path, testbed_engine: PrivateEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install an ``ssh`` that connects to the session's engine, whatever the host, or to the socket that is given."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "ssh"
    program.write_text(FAKE_SSH.format(python=sys.executable, socket=str(testbed_engine.socket_path)))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def open_files() -> Callable[[], list[str]]:
    """Return a function that lists the open sockets of this process, and our open files."""

    def look() -> list[str]:
        found = []
        for entry in Path("/proc/self/fd").iterdir():
            try:
                found.append(str(entry.readlink()))
            except OSError:
                continue  # the descriptor of the listing itself
        return sorted(each for each in found if each.startswith("socket:") or "longshore-" in each)

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("needs /proc")
    return look
