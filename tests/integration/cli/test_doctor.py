"""The doctor on real engines and registries: what is fine, and what is broken on purpose."""

from __future__ import annotations

import base64
import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from testbed.engine import PrivateEngine
from testbed.home import PrivateHome
from testbed.registry import PrivateRegistry
from unit.registry.conftest import Asked, Scripted, reply, serve_tls

from .conftest import Command

SECRET = "hunter2-and-a-long-tail"
#: Docker Hub is always checked; here it is behind a proxy that does not exist.
NO_INTERNET = f"http://bob:{SECRET}@127.0.0.1:1"


def ran(
    command: Command, *arguments: str, code: int, **environ: str
) -> dict[tuple[str, str], dict[str, Any]]:
    """The checks by name and subject, after the secret was looked for in all that was printed."""
    done = command(*arguments, "doctor", "--json", code=code, HTTPS_PROXY=NO_INTERNET, **environ)
    assert SECRET not in done.stdout + done.stderr
    *checks, last = (json.loads(line) for line in done.stdout.splitlines())
    assert {one["kind"] for one in checks} == {"check"} and last["kind"] == "doctor"
    assert last["problems"] == sum(one["status"] == "problem" for one in checks)
    assert last["warnings"] == sum(one["status"] == "warning" for one in checks)
    assert all(one["advice"] for one in checks if one["status"] != "ok")
    return {(one["name"], one["subject"]): one for one in checks}


def test_what_works_and_what_does_not(
    longshore: Command,
    testbed_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    auth_registry: PrivateRegistry,
) -> None:
    longshore("login", auth_registry.address, "-u", "sam", "--password-stdin", stdin=auth_registry.password)
    both = [f"--registry={one.address}" for one in (open_registry, auth_registry)]
    found = ran(longshore, *both, "--registry=127.0.0.1:1", code=1)
    engine = found["engine", f"DOCKER_HOST ({testbed_engine.host})"]
    assert engine["status"] == "ok" and engine["message"].startswith("Docker ")
    assert engine["message"].endswith("image store, the current engine.")
    public, signed_in = (found["registry", one.address] for one in (open_registry, auth_registry))
    assert (public["status"], public["message"]) == ("ok", "It responds: no sign-in required, plain HTTP.")
    assert signed_in["message"] == "It responds: signed in as sam, plain HTTP."
    assert found["registry", "127.0.0.1:1"]["status"] == "problem"
    assert found["registry", "docker.io"]["status"] == "warning"
    assert found["proxy", "HTTPS_PROXY"]["status"] == "problem"
    assert "http://***@127.0.0.1:1" in found["proxy", "HTTPS_PROXY"]["message"]
    config = found["docker-config", str(Path(os.environ["DOCKER_CONFIG"], "config.json"))]
    assert config["status"] == "ok" and "base64" in config["message"]
    assert found["version", "PySide6"]["message"] == "Not installed: commands work, the window does not."
    assert {one["status"] for key, one in found.items() if key[0] in ("folder", "history", "settings")} == {
        "ok"
    }

    lines = longshore(*both, "doctor", code=1, HTTPS_PROXY=NO_INTERNET)
    assert f"ok       registry {open_registry.address}: It responds" in lines.stdout
    quiet = longshore(*both, "doctor", "-q", code=1, HTTPS_PROXY=NO_INTERNET)
    assert "ok " not in quiet.stdout and "problem  proxy HTTPS_PROXY" in quiet.stdout
    assert SECRET not in lines.stdout + lines.stderr + quiet.stdout + quiet.stderr


def test_it_ends_with_0_without_problems(longshore: Command, open_registry: PrivateRegistry) -> None:
    done = longshore(
        f"--registry={open_registry.address}", "doctor", ALL_PROXY=f"http://{open_registry.address}"
    )
    assert done.stdout.splitlines()[-1].startswith("No problems, ")


def test_a_sign_in_that_expired_and_a_helper_that_is_gone(
    alone: Command, auth_registry: PrivateRegistry, private_home: PrivateHome
) -> None:
    auth = base64.b64encode(f"sam:{SECRET}".encode()).decode()
    private_home.write_docker_config(
        {"auths": {auth_registry.address: {"auth": auth}}, "credHelpers": {"127.0.0.1:1": "gone"}}
    )
    command = Command({**alone.environ, **private_home.helper_environ()})
    found = ran(command, f"--registry={auth_registry.address}", code=1)
    refused = found["registry", auth_registry.address]
    assert refused["status"] == "problem"
    assert refused["advice"] == f"Sign in again with longshore login {auth_registry.address}."
    assert found["credential-helper", "gone"]["status"] == "problem"
    assert "not installed" in found["credential-helper", "gone"]["message"]
    assert auth not in json.dumps(list(found.values()))


def test_a_registry_that_echoes_the_secret_is_not_repeated(alone: Command) -> None:
    def echo(asked: Asked) -> Any:
        if not asked.authorization:
            return reply({}, 401, WWW_Authenticate='Basic realm="x"')
        return reply({"errors": [{"code": "X", "message": f"{asked.authorization} is {SECRET}"}]}, 500)

    server = Scripted(echo)
    try:
        auth = base64.b64encode(f"sam:{SECRET}".encode()).decode()
        Path(os.environ["DOCKER_CONFIG"], "config.json").write_text(
            json.dumps({"auths": {server.host: {"auth": auth}}})
        )
        check = ran(alone, f"--registry={server.host}", code=1)["registry", server.host]
    finally:
        server.close()
    assert check["status"] == "problem" and "***" in check["detail"]
    assert auth not in json.dumps(check)


@pytest.mark.parametrize(
    ("days", "status", "words"),
    [((-10, 5), "warning", "its certificate expires on"), ((-10, 90), "ok", "certificate valid until")],
)
def test_a_certificate_that_expires_soon(
    alone: Command, tmp_path: Path, days: tuple[int, int], status: str, words: str
) -> None:
    def empty(asked: Asked) -> Any:
        return reply({})

    with serve_tls(tmp_path, empty, days=days) as server:
        settings = Path(os.environ["XDG_CONFIG_HOME"], "longshore", "settings.json")
        settings.parent.mkdir()
        entry = {"host": server.host, "ca_file": str(tmp_path / "ca.crt")}
        settings.write_text(json.dumps({"registries": [entry]}))
        check = ran(alone, code=1)["registry", server.host]
        assert check["status"] == status and words in check["message"]


def test_a_certificate_by_nobody_known(alone: Command, tls_registry: PrivateRegistry) -> None:
    check = ran(alone, f"--registry={tls_registry.address}", code=1)["registry", tls_registry.address]
    assert check["status"] == "problem" and "certificate" in check["message"]


def test_a_server_that_never_responds_does_not_hold_it_up(alone: Command, tmp_path: Path) -> None:
    """Each check has its time, and all of them together."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        found = ran(alone, f"--registry={host}", f"--engine=tcp://{host}", code=1)
        assert found["registry", host]["status"] == "problem"
        assert found["engine", f"tcp://{host} (tcp://{host})"]["status"] == "problem"
