"""The testbed as pytest fixtures; load them with ``pytest_plugins = ["testbed.fixtures"]``.

Session-scoped parts are shared: use repositories and tags named after your test, and leave the shared
engine and registries running. A test that kills or restarts a part makes its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.bed import Testbed
from testbed.crane import CraneRegistry
from testbed.engine import Flavour, PrivateEngine
from testbed.errors import TestbedUnavailable, require
from testbed.home import PrivateHome
from testbed.registry import PrivateRegistry
from testbed.throttle import Throttle

FLAVOURS = os.environ.get("LONGSHORE_TEST_ENGINES", "debian,newer,containerd,podman").split(",")
#: What a CI machine must have. Debian's newest Podman and classic Docker are optional.
DEMANDED = ("debian", "containerd")


@pytest.fixture(scope="session")
def testbed() -> Iterator[Testbed]:
    """The session's testbed; nothing runs before it is used."""
    with Testbed() as started:
        yield started


@pytest.fixture(scope="session")
def testbed_engine(testbed: Testbed) -> PrivateEngine:
    """The session's engine. Skips if there is none."""
    return _engine(testbed, "debian")


@pytest.fixture(scope="session")
def containerd_engine(testbed: Testbed) -> PrivateEngine:
    """The session's engine with containerd's image store. Skips if there is none."""
    return _engine(testbed, "containerd")


@pytest.fixture(scope="session")
def podman_engine(testbed: Testbed) -> PrivateEngine:
    """The session's Podman. Skips if there is none."""
    return _engine(testbed, "podman")


@pytest.fixture(scope="session", params=FLAVOURS)
def any_engine(testbed: Testbed, request: pytest.FixtureRequest) -> PrivateEngine:
    """Each engine in turn, or those in ``LONGSHORE_TEST_ENGINES``, separated by commas."""
    return _engine(testbed, request.param)


@pytest.fixture(scope="session")
def open_registry(testbed: Testbed) -> PrivateRegistry:
    """An open registry without TLS."""
    return _registry(testbed, "open")


@pytest.fixture(scope="session")
def second_registry(testbed: Testbed) -> PrivateRegistry:
    """Another open registry, to copy and push to."""
    return _registry(testbed, "second")


@pytest.fixture(scope="session")
def auth_registry(testbed: Testbed) -> PrivateRegistry:
    """A registry with Basic sign-in."""
    return _registry(testbed, "htpasswd")


@pytest.fixture(scope="session")
def token_registry(testbed: Testbed) -> PrivateRegistry:
    """A registry with Bearer tokens; its ``token_server`` is the testbed's."""
    return _registry(testbed, "token")


@pytest.fixture(scope="session")
def tls_registry(testbed: Testbed) -> PrivateRegistry:
    """A registry with a certificate by an unknown authority (``ca_file``)."""
    return _registry(testbed, "tls")


@pytest.fixture(scope="session")
def crane_registry(testbed: Testbed) -> Iterator[CraneRegistry]:
    """A registry of another make. Skips if there is none."""
    try:
        with CraneRegistry(testbed.root / "crane") as registry:
            yield registry
    except TestbedUnavailable as problem:
        require(problem)


@pytest.fixture
def throttle(open_registry: PrivateRegistry) -> Iterator[Throttle]:
    """A private line to ``open_registry``, at first without limit or faults."""
    with Throttle(open_registry.address) as line:
        yield line


@pytest.fixture
def private_home(tmp_path: Path) -> PrivateHome:
    """A private HOME, XDG folders and DOCKER_CONFIG."""
    return PrivateHome(tmp_path)


def _registry(bed: Testbed, name: str) -> PrivateRegistry:
    try:
        return bed.registry(name)
    except TestbedUnavailable as problem:
        require(problem)


def _engine(bed: Testbed, flavour: Flavour) -> PrivateEngine:
    try:
        return bed.engine_of(flavour)
    except TestbedUnavailable as problem:
        if flavour not in DEMANDED:
            pytest.skip(str(problem))
        require(problem)
