"""Who can pull: one HEAD without credentials, never a GET."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from longshore.application.clients import Clients
from longshore.application.inspection.access import (
    Access,
    PullCommand,
    artifact_command,
    pull_command,
    who_can_pull,
)
from longshore.cancellation import Cancellation
from longshore.oci.reference import Reference
from longshore.registry.config import RegistryConfig
from unit.registry.conftest import Answer, Asked, Scripted, reply

DIGEST = f"sha256:{'1' * 64}"


class Door:
    """A registry that answers requests for manifests with one status."""

    def __init__(self) -> None:
        self.status = 200
        self.asked: list[tuple[str, str]] = []

    def __call__(self, asked: Asked) -> Any:
        if asked.path == "/v2/":
            return reply({})
        self.asked.append((asked.method, asked.authorization))
        if self.status == 401:
            return Answer(401, headers=[("WWW-Authenticate", 'Basic realm="r"')])
        return Answer(self.status)


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def server(door: Door) -> Iterator[Scripted]:
    made = Scripted(door)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("status", "access"),
    [
        (200, Access.ANYONE),
        (401, Access.SIGNED_IN),
        (403, Access.SIGNED_IN),
        (404, Access.SIGNED_IN),
        (418, Access.UNKNOWN),
    ],
)
def test_one_head_as_a_stranger(
    status: int, access: Access, door: Door, server: Scripted, tmp_path: Path
) -> None:
    # Signed in, and not used.
    config = f'{{"auths": {{"{server.host}": {{"auth": "YW5uOnB3"}}}}}}'
    (tmp_path / "config.json").write_text(config)
    clients = Clients({"DOCKER_CONFIG": str(tmp_path), "PATH": ""}, RegistryConfig)
    door.status = status
    found = who_can_pull(Reference.parse(f"{server.host}/a/b:1"), clients, Cancellation())
    clients.close()
    assert found.access is access
    assert (found.reason is not None) == (access is Access.UNKNOWN)
    assert door.asked == [("HEAD", "")]


def test_the_command_for_a_colleague() -> None:
    found = pull_command(Reference.parse("ghcr.io/a/b:1"), DIGEST)
    assert found == PullCommand("docker pull ghcr.io/a/b:1", f"docker pull ghcr.io/a/b@{DIGEST}", False)
    assert pull_command(Reference.parse("postgres")).by_tag == "docker pull postgres:latest"
    assert pull_command(Reference.parse("postgres")).by_digest == ""
    assert pull_command(Reference.parse(f"a/b@{DIGEST}")).by_tag == f"docker pull a/b@{DIGEST}"
    for host in ("127.0.0.1:5000", "localhost:5000", "[::1]:5000"):
        assert pull_command(Reference.parse(f"{host}/a:1")).only_here


@pytest.mark.parametrize(
    ("name", "kind", "line"),
    [
        (
            "r.io/a/chart:0.1.0",
            "application/vnd.cncf.helm.config.v1+json",
            "oci://r.io/a/chart --version 0.1.0",
        ),
        (
            "bitnami/web:1.0.0_build",
            "application/vnd.cncf.helm.config.v1+json",
            "oci://registry-1.docker.io/bitnami/web --version 1.0.0+build",
        ),
        (f"r.io/a/chart@{DIGEST}", "application/vnd.cncf.helm.config.v1+json", ""),
        ("r.io/a/wasm:1", "application/vnd.wasm.config.v0+json", ""),
        ("r.io/a/x:1", "application/vnd.example", ""),
    ],
)
def test_docker_pulls_no_artifacts(name: str, kind: str, line: str) -> None:
    found = artifact_command(Reference.parse(name), kind)
    assert found == (PullCommand(f"helm pull {line}", "", False) if line else None)
