"""Keeps tests away from the user's environment: HOME, XDG folders, Docker's settings, display, proxies.

The whole run gets a private environment before the first test module is imported (session fixtures see that one), and
each test gets its own. No engine is found by accident: DOCKER_HOST names a socket that does not exist.
"""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator, MutableMapping
from pathlib import Path

import pytest

#: Prefixes of variables in the user's environment that could affect a test. Compared in upper case.
_FOREIGN = (
    "XDG_",
    "DOCKER_",
    "LONGSHORE_",
    "QT_",
    "DISPLAY",
    "WAYLAND_",
    "XAUTHORITY",
    "DBUS_",
    "AT_SPI_",
    "SSH_",
    "SSL_CERT_",
    "CONTAINER_HOST",
    "REGISTRY_AUTH_FILE",
    "NETRC",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "FTP_PROXY",
)
#: Variables that are meant for the tests.
_OURS = ("LONGSHORE_TEST_", "LONGSHORE_REQUIRE_", "LONGSHORE_MODEL")

_FOLDERS = {
    "XDG_CONFIG_HOME": ".config",
    "XDG_DATA_HOME": ".local/share",
    "XDG_STATE_HOME": ".local/state",
    "XDG_CACHE_HOME": ".cache",
    "XDG_RUNTIME_DIR": "run",
    "DOCKER_CONFIG": ".docker",
}


def private(environ: MutableMapping[str, str], root: Path) -> None:
    """Replace the user's folders in *environ* by empty ones, created here below *root*, and remove other settings."""
    for name in list(environ):
        upper = name.upper()
        if upper.startswith(_FOREIGN) and not upper.startswith(_OURS):
            del environ[name]
    environ["HOME"] = str(root)
    for name, folder in _FOLDERS.items():
        (root / folder).mkdir(parents=True)
        environ[name] = str(root / folder)
    (root / "run").chmod(0o700)
    environ["DOCKER_HOST"] = f"unix://{root}/run/no-engine.sock"
    environ["QT_QPA_PLATFORM"] = "offscreen"


_saved = pytest.StashKey[dict[str, str]]()
_folder = pytest.StashKey["tempfile.TemporaryDirectory[str]"]()


def pytest_configure(config: pytest.Config) -> None:
    # Signals that are ignored here (under nohup, or behind a script's &) would be ignored by the programs under test.
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    config.stash[_saved] = dict(os.environ)
    # Short, because it contains sockets, whose paths are limited to 107 bytes.
    config.stash[_folder] = tempfile.TemporaryDirectory(prefix="ls-home-")
    private(os.environ, Path(config.stash[_folder].name))
    # A Python that a test starts must find the packages even if they are not installed.
    root = config.rootpath
    paths = [str(root / path) for path in config.getini("pythonpath")]
    os.environ["PYTHONPATH"] = os.pathsep.join([*paths, os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)


def pytest_unconfigure(config: pytest.Config) -> None:
    before = config.stash[_saved]
    os.environ.clear()
    os.environ.update(before)
    config.stash[_folder].cleanup()


@pytest.fixture(autouse=True)
def private_environment(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Give the test its own HOME, XDG folders and DOCKER_CONFIG. Offscreen, unless it is a blackbox test."""
    fresh = dict(os.environ)
    private(fresh, tmp_path_factory.mktemp("home"))
    if request.node.get_closest_marker("blackbox"):
        del fresh["QT_QPA_PLATFORM"]
    for name in set(os.environ) - set(fresh):
        monkeypatch.delenv(name)
    for name, value in fresh.items():
        monkeypatch.setenv(name, value)
    yield
