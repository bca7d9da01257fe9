"""The checks of ``longshore doctor``: bounded in time, with what to do, and without secrets."""

from __future__ import annotations

import json
import os
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from longshore.application import checks, machine_checks
from longshore.application.checks import Check, Job, Verdict, passed
from longshore.application.machine_checks import machine_jobs
from longshore.application.remote_checks import remote_jobs
from longshore.application.session import Session
from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError
from testbed.home import PrivateHome

SECRET = "hunter2-and-a-long-tail"


def ran(session: Session, name: str) -> list[Check]:
    """The checks of one name."""
    jobs = [job for job in [*remote_jobs(session), *machine_jobs(session)] if job.name == name]
    return checks.run(jobs)


def verdicts(found: list[Check]) -> list[tuple[str, str]]:
    return [(one.subject, one.verdict.value) for one in found]


@pytest.fixture
def make() -> Iterator[Callable[..., Session]]:
    sessions: list[Session] = []

    def session(**environ: str) -> Session:
        sessions.append(Session({**os.environ, **environ}))
        return sessions[-1]

    yield session
    for one in sessions:
        one.close()


# -- running


def test_results_are_in_the_order_of_the_jobs_and_errors_are_problems() -> None:
    gate = threading.Event()

    def slow(_: Cancellation) -> list[Check]:
        assert gate.wait(20)
        return [passed("a", "first", "Good."), passed("a", "second", "Good.")]

    def refused(_: Cancellation) -> list[Check]:
        gate.set()
        raise LongshoreError("It failed.", advice="Do this.", detail="their words")

    found = checks.run([Job("a", "slow", slow), Job("b", "refused", refused), Job("c", "none", lambda _: [])])
    assert found == [
        Check("a", "first", Verdict.OK, "Good."),
        Check("a", "second", Verdict.OK, "Good."),
        Check("b", "refused", Verdict.PROBLEM, "It failed.", "Do this.", "their words"),
    ]


@pytest.mark.expects_log("a check failed unexpectedly")
def test_an_unexpected_exception_is_a_problem() -> None:
    def broken(_: Cancellation) -> list[Check]:
        raise ZeroDivisionError("oh")

    (found,) = checks.run([Job("a", "x", broken)])
    assert (found.verdict, found.detail) == (Verdict.PROBLEM, "ZeroDivisionError: oh")


def test_what_has_no_result_in_time_is_a_problem_and_is_cancelled() -> None:
    """Also those that had no turn, because the others hang."""
    woken = []

    def hang(cancellation: Cancellation) -> list[Check]:
        woken.append(cancellation.wait(20))
        return []

    jobs = [Job("a", f"{number}", hang) for number in range(40)]
    found = checks.run(jobs, 0.2)
    assert [one.subject for one in found] == [f"{number}" for number in range(40)]
    assert {one.verdict for one in found} == {Verdict.PROBLEM}
    assert all("no result within" in one.message for one in found)
    assert woken and all(woken)


def test_texts_are_made_safe() -> None:
    found = passed("a", "na\x1b[31mme", "one\ntwo", "left\u202eright\nnext")
    assert (found.subject, found.message, found.detail) == ("na[31mme", "one two", "leftright\nnext")


# -- credentials


def test_a_missing_docker_config_is_fine(make: Callable[..., Session]) -> None:
    (found,) = ran(make(PATH=""), "docker-config")
    assert found.verdict is Verdict.OK and "does not exist" in found.message


@pytest.mark.parametrize(
    ("mode", "expected"), [(0o600, Verdict.OK), (0o644, Verdict.WARNING), (0o660, Verdict.WARNING)]
)
def test_passwords_that_others_may_read(make: Callable[..., Session], mode: int, expected: Verdict) -> None:
    path = Path(os.environ["DOCKER_CONFIG"], "config.json")
    path.write_text(json.dumps({"auths": {"a.example": {"auth": "c2FtOmh1bnRlcjI="}}}))
    path.chmod(mode)
    (found,) = ran(make(), "docker-config")
    assert found.verdict is expected
    assert (f"chmod 600 {path}" in found.advice) is (expected is Verdict.WARNING)
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.parametrize(
    "text", ["{", '{"auths": []}', "[" * 100_000, '{"credsStore": 1}', '{"credHelpers": {"x": []}}']
)
def test_a_damaged_docker_config_is_a_problem(make: Callable[..., Session], text: str) -> None:
    Path(os.environ["DOCKER_CONFIG"], "config.json").write_text(text)
    (found,) = ran(make(), "docker-config")
    assert found.verdict is Verdict.PROBLEM and found.advice


def test_a_pipe_in_its_place_is_a_problem(make: Callable[..., Session]) -> None:
    os.mkfifo(Path(os.environ["DOCKER_CONFIG"], "config.json"))
    (found,) = ran(make(), "docker-config")
    assert found.verdict is Verdict.PROBLEM


def test_each_helper_is_run(make: Callable[..., Session], private_home: PrivateHome) -> None:
    private_home.write_keychain("good")
    private_home.write_helper("bad", f"#!/bin/sh\necho {SECRET}\nexit 3\n")
    private_home.write_helper("slow", "#!/bin/sh\nsleep 100\n")
    private_home.write_docker_config(
        {"credsStore": "good", "credHelpers": {"a.example": "bad", "b.example": "missing"}}
    )
    found = ran(make(**private_home.helper_environ()), "credential-helper")
    assert verdicts(found) == [("good", "ok"), ("bad", "problem"), ("missing", "problem")]
    assert "not installed" in found[2].message
    assert "code 3" in found[1].detail and SECRET not in repr(found)


def test_a_helper_that_hangs_is_ended(
    make: Callable[..., Session], private_home: PrivateHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("longshore.application.remote_checks._HELPER_SECONDS", 0.3)
    private_home.write_helper("slow", "#!/bin/sh\nsleep 100\n")
    private_home.write_docker_config({"credsStore": "slow"})
    (found,) = ran(make(**private_home.helper_environ()), "credential-helper")
    assert found.verdict is Verdict.PROBLEM and "No response" in found.detail


# -- proxies


class Listener(NamedTuple):
    port: int


@pytest.fixture
def listener() -> Iterator[Listener]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield Listener(server.getsockname()[1])


def test_a_proxy_is_contacted_and_its_password_is_hidden(
    make: Callable[..., Session], listener: Listener
) -> None:
    encoded = SECRET.replace("-", "%2D")
    session = make(
        HTTPS_PROXY=f"http://bob:{encoded}@127.0.0.1:{listener.port}",
        http_proxy=f"127.0.0.1:{listener.port}",
        no_proxy="a.example",
    )
    found = ran(session, "proxy")
    assert verdicts(found) == [("HTTPS_PROXY", "ok"), ("http_proxy", "ok"), ("no_proxy", "ok")]
    assert found[0].message == f"http://***@127.0.0.1:{listener.port} accepts connections."
    assert found[1].message == f"http://127.0.0.1:{listener.port} accepts connections."
    assert found[2].message == "Without a proxy: a.example"
    assert SECRET not in repr(found) and encoded not in repr(found)
    # Nor do other texts contain it from here on.
    assert passed("a", f"{SECRET}", encoded).subject == "***"


@pytest.mark.parametrize(
    "value",
    [
        f"http://bob:{SECRET}@127.0.0.1:1",
        f"http://bob:{SECRET}@127.0.0.1:port",
        f"http://bob:{SECRET}@",
        f"socks5://bob:{SECRET}@127.0.0.1:1080",
        f"http://bob:{SECRET}@[::1",
        f"http://bob:{SECRET}/@x@127.0.0.1:1",
        f"://bob:{SECRET}@127.0.0.1:1",
    ],
)
def test_a_proxy_that_cannot_be_used_is_a_problem(make: Callable[..., Session], value: str) -> None:
    (found,) = ran(make(ALL_PROXY=value), "proxy")
    assert found.verdict is Verdict.PROBLEM and "ALL_PROXY" in found.advice
    assert SECRET not in repr(found) and "bob" not in repr(found)


# -- engines


def test_an_engine_that_is_not_there(make: Callable[..., Session], tmp_path: Path) -> None:
    socket_path = tmp_path / "none.sock"
    current, *others = ran(make(DOCKER_HOST=f"unix://{socket_path}"), "engine")
    assert current.verdict is Verdict.PROBLEM and current.subject == f"DOCKER_HOST (unix://{socket_path})"
    assert current.advice
    assert Verdict.PROBLEM not in {one.verdict for one in others}


def test_a_context_that_does_not_exist_is_a_problem(make: Callable[..., Session]) -> None:
    found = ran(make(DOCKER_HOST="", DOCKER_CONTEXT="nowhere"), "engine")
    assert (found[0].subject, found[0].verdict) == ("current", Verdict.PROBLEM)
    assert "“nowhere” does not exist" in found[0].message


def test_other_contexts_that_do_not_run_are_warnings(
    make: Callable[..., Session], private_home: PrivateHome
) -> None:
    private_home.write_context("farm", "tcp://127.0.0.1:1")
    found = ran(make(**private_home.environ({"DOCKER_HOST": "tcp://127.0.0.1:1"})), "engine")
    assert verdicts(found)[0] == ("DOCKER_HOST (tcp://127.0.0.1:1)", "problem"), "each place once"
    private_home.write_context("other", "tcp://127.0.0.1:2")
    found = ran(make(**private_home.environ({"DOCKER_HOST": "tcp://127.0.0.1:1"})), "engine")
    assert ("other (tcp://127.0.0.1:2)", "warning") in verdicts(found)


# -- this machine


class Space(NamedTuple):
    f_files: int = 100
    f_favail: int = 50


@pytest.mark.parametrize(
    ("free", "files", "expected"),
    [
        (50_000_000_000, 50, "ok"),
        (1_500_000_000, 50, "warning"),
        (99_000_000, 50, "problem"),
        (50_000_000_000, 0, "problem"),
    ],
)
def test_disk_space(
    make: Callable[..., Session], monkeypatch: pytest.MonkeyPatch, free: int, files: int, expected: str
) -> None:
    class Usage(NamedTuple):
        free: int

    session = make()
    monkeypatch.setattr(machine_checks.os, "statvfs", lambda _: Space(f_favail=files))
    monkeypatch.setattr(machine_checks.shutil, "disk_usage", lambda _: Usage(free))
    found = ran(session, "disk")
    assert verdicts(found)[0] == (str(session.library().path), expected)
    assert bool(found[0].advice) is (expected != "ok")


def test_folders(make: Callable[..., Session], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "open" / "longshore").mkdir(parents=True)
    (tmp_path / "open" / "longshore").chmod(0o777)
    (tmp_path / "mine" / "longshore").mkdir(parents=True, mode=0o700)
    found = ran(
        make(
            XDG_CONFIG_HOME="relative",
            XDG_STATE_HOME=str(tmp_path / "mine"),
            XDG_CACHE_HOME=str(tmp_path / "open"),
            XDG_DATA_HOME=str(tmp_path / "file"),
        ),
        "folder",
    )
    assert [one.verdict.value for one in found] == ["warning", "ok", "warning", "problem"]
    assert "not an absolute path" in found[0].message
    assert f"chmod go-w {tmp_path}/open/longshore" in found[2].advice
    assert f"{tmp_path}/file is not a folder." in found[3].message


def test_a_folder_without_rights(
    make: Callable[..., Session], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # For root, every folder can be written to.
    monkeypatch.setattr(machine_checks.os, "access", lambda path, _: path != tmp_path)
    found = ran(make(XDG_DATA_HOME=str(tmp_path)), "folder")
    assert found[3].verdict is Verdict.PROBLEM
    assert found[3].message == f"You may not write to {tmp_path}." and "XDG_DATA_HOME" in found[3].advice


def test_a_damaged_settings_file_is_said(make: Callable[..., Session]) -> None:
    (good,) = ran(make(), "settings")
    assert good.verdict is Verdict.OK
    path = Path(os.environ["XDG_CONFIG_HOME"], "longshore", "settings.json")
    path.parent.mkdir()
    path.write_text("{")
    (found,) = ran(make(), "settings")
    assert found.verdict is Verdict.WARNING and "damaged" in found.message
    (found,) = ran(make(), "settings")  # the next Longshore reads new ones
    assert found.verdict is Verdict.WARNING and "were set aside" in found.message


def test_the_history(make: Callable[..., Session]) -> None:
    session = make()
    (found,) = ran(session, "history")
    assert (found.verdict, found.message) == (Verdict.OK, "There is no history yet.")
    path = session.journal().path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()  # on a full disk, nothing comes after this
    assert ran(session, "history")[0].message == "There is no history yet."
    with session.opened_journal():
        pass
    assert ran(session, "history")[0].message == "0 transfers."
    path.with_name(f"{path.name}.corrupt-20260101-000000").write_bytes(b"")
    assert ran(session, "history")[0].verdict is Verdict.WARNING
    path.write_bytes(b"this is no database" * 100)
    (found,) = ran(session, "history")
    assert found.verdict is Verdict.PROBLEM and "not a database" in found.detail
    assert path.read_bytes().startswith(b"this is no"), "the doctor changes nothing"


def test_versions_without_importing(make: Callable[..., Session], monkeypatch: pytest.MonkeyPatch) -> None:
    found = {one.subject: one.message for one in ran(make(), "version")}
    assert {"longshore", "python", "sqlite", "docker", "urllib3", "PySide6"} <= found.keys()
    assert found["urllib3"][0].isdigit() and found["python"].startswith("3.")
    monkeypatch.setitem(machine_checks.importlib.sys.modules, "PySide6", None)
    found = {one.subject: one.message for one in ran(make(), "version")}
    assert "the window does not" in found["PySide6"]
