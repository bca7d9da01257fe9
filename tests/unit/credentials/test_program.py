"""Helper programs that print too much, hang or leave children: bounded in time and bytes, and nothing remains."""

from __future__ import annotations

import os
import select
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from longshore.credentials import Credential, helper, program
from longshore.errors import CredentialsError

from .conftest import DockerHome

Run = Callable[..., program.Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run Python *code* as the program, with *data* as its input."""

    def start(code: str, data: bytes = b"", seconds: float = 60.0) -> program.Result:
        return program.run([sys.executable, "-ISc", code], data, os.environ, seconds)

    return start


def gone(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return True
    state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    return state == "Z"


def test_input_output_and_code(run: Run) -> None:
    code = (
        "import sys; data = sys.stdin.read(); print(data[::-1]); print('noise', file=sys.stderr); sys.exit(3)"
    )
    result = run(code, b"abc")
    assert (result.code, result.output, result.noise) == (3, b"cba\n", b"noise\n")
    assert "cba" not in repr(result) and "noise" not in repr(result)


@pytest.mark.parametrize("size", [0, 1, 1 << 16, (1 << 16) + 1, 300_000])
def test_all_of_the_input_arrives(run: Run, size: int) -> None:
    assert run("import sys; print(len(sys.stdin.buffer.read()))", b"x" * size).output == b"%d\n" % size


def test_a_program_that_does_not_read_can_still_answer(run: Run) -> None:
    assert run("import os; os.close(0); print('answer')", b"x" * 1_000_000).output == b"answer\n"
    assert run("print('answer')", b"x" * 1_000_000).output == b"answer\n"


def test_a_program_that_closes_its_output_early_is_waited_for(run: Run) -> None:
    code = (
        "import os, sys; sys.stdin.read(); os.write(1, b'x'); [os.close(n) for n in (0, 1, 2)]; os._exit(7)"
    )
    result = run(code)
    assert (result.code, result.output) == (7, b"x")


@pytest.mark.parametrize("more", [0, 1])
def test_the_answer_is_bounded(run: Run, more: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "MOST_OUTPUT", 200_000)
    code = f"import sys; sys.stdout.write('x' * {200_000 + more})"
    if more:
        with pytest.raises(program.TooMuchOutput):
            run(code)
    else:
        assert len(run(code).output) == 200_000


@pytest.mark.parametrize("more", [0, 1])
def test_what_goes_to_standard_error_is_bounded_and_its_end_is_kept(
    run: Run, more: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "MOST_NOISE", 200_000)
    code = f"import sys; sys.stderr.write('x' * {199_997 + more} + 'end')"
    if more:
        with pytest.raises(program.TooMuchOutput):
            run(code)
    else:
        noise = run(code).noise
        assert len(noise) == program.KEPT_NOISE
        assert noise.endswith(b"xend")


@pytest.mark.parametrize("channel", [1, 2])
def test_a_program_that_never_stops_printing_is_ended(
    run: Run, channel: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(program, "MOST_NOISE", 1 << 20)
    kept = tmp_path / "pid"
    code = f"import os\nopen({str(kept)!r}, 'w').write(str(os.getpid()))\nwhile True: os.write({channel}, b'x' * 65536)"
    with pytest.raises(program.TooMuchOutput):
        run(code)
    assert gone(int(kept.read_text()))


def test_in_time_or_not_at_all(run: Run, tmp_path: Path) -> None:
    kept = tmp_path / "pids"
    code = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-ISc', 'import time; time.sleep(600)'])\n"
        f"open({str(kept)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "time.sleep(600)"
    )
    with pytest.raises(program.TimedOut):
        run(code, seconds=1.0)
    if kept.exists():  # on a slow machine it may not have got that far
        program_id, child = map(int, kept.read_text().split())
        assert gone(program_id)
        _until_gone(child)  # killed with its group; reaped by whoever adopted it


def _until_gone(number: int) -> None:
    descriptor = os.pidfd_open(number) if not gone(number) else -1
    if descriptor >= 0:
        with os.fdopen(descriptor):
            assert select.select([descriptor], [], [], 30)[0]


@pytest.mark.parametrize("ends", [True, False], ids=["answers", "hangs"])
def test_a_child_in_another_session_that_keeps_the_pipes_is_not_waited_for(
    run: Run, ends: bool, tmp_path: Path
) -> None:
    """It holds all three until this test ends it: waiting for them would never return."""
    kept = tmp_path / "pid"
    child = f"import os, time; open({str(kept)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    code = (
        "import os, subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-ISc', {child!r}], start_new_session=True)\n"
        f"while not os.path.exists({str(kept)!r}) or not os.path.getsize({str(kept)!r}): time.sleep(0.01)\n"
        "print('answer', flush=True)\n" + ("" if ends else "time.sleep(600)")
    )
    try:
        if ends:
            assert run(code).output == b"answer\n"
        else:
            with pytest.raises(program.TimedOut):
                run(code, seconds=3.0)
    finally:
        if kept.exists():
            os.kill(int(kept.read_text()), signal.SIGKILL)
            _until_gone(int(kept.read_text()))


def test_no_pipe_and_no_child_is_left(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "MOST_OUTPUT", 100_000)
    before = len(list(Path("/proc/self/fd").iterdir()))
    run("print(1)")
    with pytest.raises(program.TimedOut):
        run("import time; time.sleep(600)", seconds=0.0)
    with pytest.raises(program.TooMuchOutput):
        run("print('x' * 200000)")
    with pytest.raises(OSError):
        program.run(["/nowhere/at/all"], b"", os.environ, 1.0)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_program_that_takes_its_time_is_not_asked_all_the_while(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    select = selectors.DefaultSelector.select

    def counted(self: selectors.DefaultSelector, timeout: float | None = None) -> object:
        waits.append(timeout or 0.0)
        return select(self, timeout)

    monkeypatch.setattr(selectors.DefaultSelector, "select", counted)
    # Half a second is many looks for one that spins, and a handful for one that waits between them.
    assert run("import time; time.sleep(0.5)").code == 0
    # The last looks, after its end, do not wait.
    assert waits and all(wait == program._LOOK for wait in waits[:-2])


def test_all_that_a_program_left_in_large_pipes_is_read() -> None:
    code = (
        "import fcntl, os\n"
        "for n in (1, 2): fcntl.fcntl(n, fcntl.F_SETPIPE_SZ, 1 << 19)\n"
        "os.write(1, b'a' * 400_000); os.write(2, b'b' * 400_000)"
    )
    process = _started(code)
    process.wait(60)
    result = program._Conversation(process, b"").until_it_ends(time.monotonic() + 60)
    _closed(process)
    assert (result.code, result.output) == (0, b"a" * 400_000)
    assert result.noise == b"b" * program.KEPT_NOISE


def test_where_pipes_cannot_be_selected(monkeypatch: pytest.MonkeyPatch) -> None:
    """The code for Windows has the same bounds."""
    code = "import sys; data = sys.stdin.read(); print(data[::-1], end=''); sys.stderr.write('x' * 5000); sys.exit(3)"
    result = program._communicate(_started(code), b"abc", 60)
    assert (result.code, result.output, result.noise) == (3, b"cba", b"x" * program.KEPT_NOISE)
    monkeypatch.setattr(program, "MOST_OUTPUT", 3)
    assert program._communicate(_started(code), b"abc", 60).output == b"cba"
    with pytest.raises(program.TooMuchOutput):
        program._communicate(_started(code), b"abcd", 60)
    asleep = _started("import time; time.sleep(600)")
    with pytest.raises(program.TimedOut):
        program._communicate(asleep, b"", 0.0)
    assert asleep.returncode is not None, "it was killed and waited for"
    _closed(asleep)


def _started(code: str) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    command = [sys.executable, "-ISc", code]
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)


def _closed(process: subprocess.Popen[bytes]) -> None:
    for each in (process.stdin, process.stdout, process.stderr):
        if each is not None:
            each.close()


def test_the_same_through_a_helper(docker_home: DockerHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "MOST_OUTPUT", 1000)
    docker_home.script("loud", "while :; do echo hunter2hunter2hunter2; done")
    docker_home.write({"credsStore": "loud"})
    for call in (
        lambda: docker_home.store.get("x.example"),
        lambda: docker_home.store.whose("x.example"),
        lambda: docker_home.store.save("x.example", Credential("me", "secret")),
    ):
        with pytest.raises(CredentialsError) as caught:
            call()
        assert "exceeds the size limit" in caught.value.detail
        assert "hunter2" not in caught.value.detail
    assert docker_home.read() == {"credsStore": "loud"}
    assert helper.TIMEOUT == 30.0
