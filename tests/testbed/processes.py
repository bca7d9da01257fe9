"""Child processes that never outlive us, each with its own log.

``setpriv`` (util-linux) sets the death signal, because a ``preexec_fn`` is unsafe once there are threads.
Linux sends that signal when the *thread* that started the child ends, not only the process. So a child that
any thread but the main one starts gets its own thread, which lives as long as the child.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Self

from testbed.errors import TestbedError, TestbedUnavailable

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LOG_TAIL_BYTES = 4000


def find_program(name: str, package: str, path: str | None = None) -> str:
    """The path of a program, also from the sbin folders that are missing in a user's PATH.

    Raises:
        TestbedUnavailable: not installed; the message names the Debian ``package``.
    """
    where = path or f"{os.environ.get('PATH', '')}{os.pathsep}{SYSTEM_PATH}"
    found = shutil.which(name, path=where)
    if found is None:
        raise TestbedUnavailable(f"{name} is not installed (Debian package {package})")
    return found


def wait_until(
    condition: Callable[[], bool],
    *,
    timeout: float,
    what: str,
    process: Process | None = None,
    interval: float = 0.02,
) -> None:
    """Wait until ``condition`` is true, for at most ``timeout`` seconds.

    Raises:
        TestbedError: it did not become true in time, or ``process`` ended first; with the end of its log.
    """
    deadline = time.monotonic() + timeout
    while not condition():
        if process is not None and not process.is_running:
            raise TestbedError(f"{process.name} ended while waiting for {what}:\n{process.log_tail()}")
        if time.monotonic() >= deadline:
            tail = f":\n{process.log_tail()}" if process is not None else ""
            raise TestbedError(f"waited {timeout:g} s in vain for {what}{tail}")
        time.sleep(interval)


class Process:
    """One child process; its output and errors are appended to ``log`` (or to ``output_log`` and ``log``).

    ``death_signal``: the signal that the child gets if we die without stopping it.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        output_log: Path | None = None,
        environ: Mapping[str, str] | None = None,
        death_signal: str = "KILL",
        pass_fds: Iterable[int] = (),
        wrapper: Sequence[str] = (),
        cwd: Path | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self.output_log = output_log or log
        setpriv = find_program("setpriv", "util-linux")
        full = [*wrapper, setpriv, "--pdeathsig", death_signal, "--", *command]
        with log.open("ab") as errors, self.output_log.open("ab") as output:

            def spawn() -> subprocess.Popen[bytes]:
                return subprocess.Popen(
                    full,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=errors,
                    env=None if environ is None else dict(environ),
                    pass_fds=tuple(pass_fds),
                    cwd=cwd,
                    # Ctrl+C in the terminal is for us; we stop the children in our own order.
                    start_new_session=True,
                )

            if threading.current_thread() is threading.main_thread():
                self._process = spawn()
            else:
                self._process = _spawn_in_lasting_thread(spawn, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def return_code(self) -> int | None:
        return self._process.poll()

    def stop(self, timeout: float = 10.0) -> None:
        """Send SIGTERM, and SIGKILL after ``timeout`` seconds. Does nothing if it has ended."""
        if self.is_running:
            self._process.terminate()
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()

    def kill(self) -> None:
        """Send SIGKILL, and wait for the end."""
        if self.is_running:
            self._process.kill()
        self._process.wait()

    def send_signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it ends by itself; returns the return code. Raises ``subprocess.TimeoutExpired``."""
        return self._process.wait(timeout)

    def log_text(self) -> str:
        return read_log(self.log)

    def log_tail(self) -> str:
        return self.log_text()[-LOG_TAIL_BYTES:]


def _spawn_in_lasting_thread(
    spawn: Callable[[], subprocess.Popen[bytes]], name: str
) -> subprocess.Popen[bytes]:
    spawned: list[subprocess.Popen[bytes]] = []
    failed: list[OSError] = []
    ready = threading.Event()

    def live_with_it() -> None:
        try:
            spawned.append(spawn())
        except OSError as error:
            failed.append(error)
            return
        finally:
            ready.set()
        spawned[0].wait()

    threading.Thread(target=live_with_it, name=f"testbed-{name}", daemon=True).start()
    ready.wait()
    if failed:
        raise failed[0]
    return spawned[0]


def read_log(path: Path) -> str:
    """The text of a log; empty if there is none yet."""
    try:
        return path.read_text("utf-8", "replace")
    except FileNotFoundError:
        return ""


def run_program(
    command: Sequence[str], *, data: bytes = b"", environ: Mapping[str, str] | None = None
) -> bytes:
    """Run a short helper program to its end and return its output.

    Raises:
        TestbedError: it failed; with its error output.
    """
    done = subprocess.run(
        command,
        input=data,
        capture_output=True,
        check=False,
        timeout=60,
        env=None if environ is None else dict(environ),
    )
    if done.returncode != 0:
        raise TestbedError(
            f"{Path(command[0]).name} failed: {done.stderr.decode('utf-8', 'replace').strip()}"
        )
    return done.stdout


def all_stopped(pid: int) -> bool:
    """True if every thread of the process has stopped after SIGSTOP (proc(5), the third field of stat)."""
    states = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):  # a thread that has just ended
            states.append((task / "stat").read_text().rpartition(")")[2].split()[0])
    return bool(states) and set(states) <= {"T", "t"}


def descendants(pid: int) -> list[int]:
    """All living processes below ``pid``, parents before children."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            parent = _parent_of(entry)
            if parent is not None:
                children.setdefault(parent, []).append(int(entry.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found.extend(below)
        waiting.extend(below)
    return found


def _parent_of(entry: Path) -> int | None:
    try:
        stat = (entry / "stat").read_text("utf-8", "replace")
    except OSError:
        return None
    # The name in brackets may itself contain spaces and brackets; the other fields follow the last bracket.
    return int(stat.rpartition(")")[2].split()[1])


def processes_naming(text: str) -> list[int]:
    """The processes with ``text`` in their command line, which a killed daemon may leave behind."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if text.encode() in command:
                found.append(int(entry.name))
    return found
