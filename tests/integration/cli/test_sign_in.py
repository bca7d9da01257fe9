"""Signing in from the command line: at real registries, with Docker's own store, and never a secret in the output."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from testbed.home import PrivateHome
from testbed.registry import PrivateRegistry
from unit.registry.conftest import Answer, Asked, Scripted, reply
from waiting import wait_until

from .conftest import PROGRAM, Command

SECRET = "hunter2-and-a-long-tail"


def config() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(os.environ["DOCKER_CONFIG"], "config.json").read_text("utf-8"))
    return found


def no_config() -> bool:
    return not Path(os.environ["DOCKER_CONFIG"], "config.json").exists()


def log_text() -> str:
    folder = Path(os.environ["XDG_STATE_HOME"], "longshore")
    return "".join(path.read_text("utf-8") for path in folder.glob("*.log*"))


def test_signed_in_looked_at_and_signed_out(alone: Command, auth_registry: PrivateRegistry) -> None:
    host, password = auth_registry.address, auth_registry.password
    refused = alone("login", host, "-u", "sam", "--password-stdin", stdin=f"{SECRET}\n", code=4)
    assert "refused the user name or password" in refused.stderr and SECRET not in refused.stderr
    assert no_config()

    done = alone("login", f"http://{host}", "--username", "sam", "--password-stdin", stdin=password)
    path = Path(os.environ["DOCKER_CONFIG"], "config.json")
    assert done.stdout == (
        f"Signed in to {host} as sam. Saved in {path} (base64, not encrypted), as docker login does.\n"
    )
    assert base64.b64decode(config()["auths"][host]["auth"]).decode() == f"sam:{password}"
    assert path.stat().st_mode & 0o777 == 0o600

    hub, there = alone.records("whoami")
    assert (hub["registry"], hub["user"], hub["stored_in"]) == ("docker.io", None, None)
    assert (there["kind"], there["registry"], there["user"]) == ("account", host, "sam")
    assert (there["stored_in"], there["path"], there["helper"]) == ("config file", str(path), None)
    (checked,) = alone.records("whoami", host, "--check")
    assert (checked["authentication"], checked["accepted"], checked["error"]) == ("basic", True, None)
    lines = alone("whoami", host, "--check").stdout.splitlines()
    assert lines[0].split() == ["REGISTRY", "ACCOUNT", "STORED", "IN", "CHECK"]
    assert lines[1].split() == [host, "sam", str(path), "Accepted"]

    (gone,) = alone.records("logout", host)
    assert (gone["kind"], gone["registry"], gone["user"]) == ("sign_out", host, "sam")
    assert host not in config()["auths"]
    assert alone("logout", host).stdout == f"Not signed in to {host}.\n"
    assert alone("whoami", host, "-q").stdout.split() == [host, "Not", "signed", "in"]
    missing = alone("whoami", host, "--check", code=4)
    assert f"longshore login {host}" in missing.stderr


def test_a_password_that_was_changed_is_refused(alone: Command, auth_registry: PrivateRegistry) -> None:
    host = auth_registry.address
    auth = base64.b64encode(f"sam:{SECRET}".encode()).decode()
    Path(os.environ["DOCKER_CONFIG"], "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))
    done = alone("whoami", host, "--check", "--json", code=4)
    first, last = (json.loads(line) for line in done.stdout.splitlines())
    assert (first["user"], first["accepted"], first["error"]["code"]) == (
        "sam",
        False,
        "registry.sign-in-failed",
    )
    assert last["kind"] == "error"
    assert SECRET not in done.stdout + done.stderr and auth not in done.stdout + done.stderr
    # Without --check, nobody is asked.
    assert alone.records("whoami", host)[0]["user"] == "sam"


def test_at_a_registry_with_tokens(alone: Command, token_registry: PrivateRegistry) -> None:
    host, password = token_registry.address, token_registry.password
    (record,) = [
        json.loads(line)
        for line in alone(
            "login", host, "-u", token_registry.username, "--password-stdin", "--json", stdin=password
        ).stdout.splitlines()
    ]
    assert (record["kind"], record["registry"], record["user"]) == ("sign_in", host, token_registry.username)
    (checked,) = alone.records("whoami", host, "--check")
    assert (checked["authentication"], checked["accepted"]) == ("bearer", True)
    alone("login", host, "-u", "eve", "--password-stdin", stdin=SECRET, code=4)
    assert alone.records("whoami", host)[0]["user"] == token_registry.username, "the earlier one is kept"


def test_a_helper_keeps_it(alone: Command, auth_registry: PrivateRegistry, private_home: PrivateHome) -> None:
    private_home.write_keychain("chain")
    private_home.write_docker_config({"credsStore": "chain"})
    command = Command({**alone.environ, **private_home.helper_environ()})
    host = auth_registry.address
    done = command("login", host, "-u", "sam", "--password-stdin", stdin=auth_registry.password)
    assert "Saved by docker-credential-chain" in done.stdout
    assert private_home.keychain("chain")[host]["Secret"] == auth_registry.password
    assert auth_registry.password not in (private_home.docker_config / "config.json").read_text("utf-8")
    (found,) = [one for one in command.records("whoami") if one["user"]]
    assert (found["registry"], found["stored_in"], found["helper"]) == (host, "helper", "chain")
    command("logout", host)
    assert private_home.keychain("chain") == {}


def test_a_broken_store_is_said_and_named(
    alone: Command, auth_registry: PrivateRegistry, private_home: PrivateHome
) -> None:
    private_home.write_docker_config({"credHelpers": {"127.0.0.1:1": "gone"}})
    command = Command({**alone.environ, **private_home.helper_environ()})
    done = command("whoami", "127.0.0.1:1", "127.0.0.1:2", code=3)
    assert "docker-credential-gone” is not installed" in done.stderr
    assert [line.split()[1] for line in done.stdout.splitlines()[1:]] == ["Unknown", "Not"]


@pytest.fixture
def hostile() -> Iterator[Callable[[Callable[[Asked], Answer]], Scripted]]:
    servers: list[Scripted] = []

    def make(script: Callable[[Asked], Answer]) -> Scripted:
        servers.append(Scripted(script))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


def _forms(user: str) -> list[str]:
    return [SECRET, base64.b64encode(f"{user}:{SECRET}".encode()).decode()]


def test_a_registry_that_echoes_the_secret_is_not_repeated(
    alone: Command, hostile: Callable[[Callable[[Asked], Answer]], Scripted]
) -> None:
    def echo(asked: Asked) -> Answer:
        if not asked.authorization:
            return reply({}, 401, WWW_Authenticate='Basic realm="x"')
        said = f"{asked.authorization} is {SECRET}, is {base64.b64decode(asked.authorization[6:]).decode()}"
        return reply({"errors": [{"code": "UNAUTHORIZED", "message": said}]}, 401)

    server = hostile(echo)
    for more in ([], ["--json"], ["--debug"], ["--quiet"]):
        done = alone(
            "login", server.host, "-u", "sam", "--password-stdin", *more, stdin=f"{SECRET}\n", code=4
        )
        assert "***" in done.stdout + done.stderr
        for form in _forms("sam"):
            assert form not in done.stdout + done.stderr + log_text()
    assert any(asked.authorization for asked in server.asked)
    assert no_config()


def test_a_server_that_breaks_leaves_nothing(
    alone: Command, hostile: Callable[[Callable[[Asked], Answer]], Scripted]
) -> None:
    def broken(asked: Asked) -> Answer:
        return reply(f"{asked.authorization} {SECRET}".encode(), 500)

    server = hostile(broken)
    done = alone("login", server.host, "-u", "sam", "--password-stdin", "--debug", stdin=SECRET, code=1)
    for form in _forms("sam"):
        assert form not in done.stdout + done.stderr + log_text()
    assert no_config()


def test_an_insecure_registry_is_warned_of(alone: Command) -> None:
    warned = alone("login", "http://r.example", "-u", "sam", code=2)
    assert "your password may be sent unencrypted" in warned.stderr
    assert "unencrypted" not in alone("login", "r.example", "-u", "sam", code=2).stderr


def test_wrong_input_ends_with_a_sentence(alone: Command) -> None:
    for arguments, stdin, sentence in (
        (["127.0.0.1:1", "--password-stdin"], SECRET, "The user name is missing."),
        (["127.0.0.1:1", "-u", "sam", "--password-stdin"], f"{SECRET}\n{SECRET}", "more than one line"),
        (["127.0.0.1:1", "-u", "sam", "--password-stdin"], "", "The password is empty."),
        (["127.0.0.1:1", "-u", "sam"], SECRET, "There is no terminal"),
        (["127.0.0.1:1", "-u", "sam", "-p", SECRET], "", "not taken as an argument"),
        ([f"https://sam:{SECRET}@127.0.0.1:1"], "", "can't contain a user name"),
    ):
        done = alone("login", *arguments, stdin=stdin, code=2)
        assert sentence in done.stderr
        assert SECRET not in done.stdout + done.stderr
    assert no_config()


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, environ: dict[str, str], *arguments: str) -> None:
        self.master, slave = pty.openpty()
        self.seen = ""
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *arguments],
            env=environ,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        self._slave = slave

    def until(self, words: str) -> None:
        os.set_blocking(self.master, False)

        def look() -> bool:
            with contextlib.suppress(BlockingIOError):
                self.seen += os.read(self.master, 65536).decode()
            return words in self.seen

        wait_until(look, words)

    def enter(self, line: str) -> None:
        os.write(self.master, f"{line}\n".encode())

    @property
    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self._slave)[3] & termios.ECHO)

    def end(self) -> int:
        try:
            return self.process.wait(60)
        finally:
            self.process.kill()
            self.process.wait()
            os.close(self.master)
            os.close(self._slave)


def test_asked_on_a_terminal(alone: Command, auth_registry: PrivateRegistry) -> None:
    terminal = Terminal(alone.environ, "login", auth_registry.address)
    terminal.until("User name: ")
    terminal.enter("sam")
    terminal.until("Password or token: ")
    wait_until(lambda: not terminal.echoes)
    terminal.enter(auth_registry.password)
    terminal.until("Signed in to")
    assert terminal.echoes
    assert terminal.end() == 0
    assert auth_registry.password not in terminal.seen
    assert list(config()["auths"]) == [auth_registry.address]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_while_asked_the_terminal_shows_again_what_is_typed(
    alone: Command, auth_registry: PrivateRegistry, number: signal.Signals
) -> None:
    terminal = Terminal(alone.environ, "login", auth_registry.address, "-u", "sam")
    terminal.until("Password or token: ")
    wait_until(lambda: not terminal.echoes)
    terminal.process.send_signal(number)
    wait_until(lambda: terminal.process.poll() is not None)
    assert terminal.echoes
    terminal.until("\n")
    assert "Traceback" not in terminal.seen
    assert terminal.end() == 130
    assert no_config()
