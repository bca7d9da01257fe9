"""The docker CLI and the store read each other's logins.

Without an engine, the CLI signs in to the registry by itself. It shows the credentials that it read only to an engine,
so the server here is also an engine that just records them.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from longshore.cancellation import Cancellation
from longshore.credentials import Credential, CredentialStore, Fate, SavedSignIn
from waiting import wait_until

from .conftest import DockerHome

DOCKER = shutil.which("docker")
pytestmark = pytest.mark.skipif(DOCKER is None, reason="the docker CLI is not installed")

SECRET = Credential("me", "hunter2:ü")


def _basic(credential: Credential) -> str:
    joined = f"{credential.username}:{credential.secret}".encode()
    return f"Basic {base64.b64encode(joined).decode()}"


class _Server(ThreadingHTTPServer):
    """A registry that accepts one user (distribution-spec, end-1), and an engine that pulls nothing."""

    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.name = f"127.0.0.1:{self.server_port}"
        self.shown: list[dict[str, str]] = []  # shown to the engine
        self.asked = threading.Event()  # a sign-in is waiting for the answer
        self.answer = threading.Event()
        self.answer.set()


class _Handler(BaseHTTPRequestHandler):
    disable_nagle_algorithm = True  # headers and body are two writes
    server: _Server

    def do_GET(self) -> None:
        if self.path.endswith("/_ping"):
            self._answer(200, b"OK")
        else:
            self.server.asked.set()
            self.server.answer.wait(30)
            self._answer(200 if self.headers.get("Authorization") == _basic(SECRET) else 401, b"{}")

    def do_POST(self) -> None:
        shown = json.loads(base64.urlsafe_b64decode(self.headers["X-Registry-Auth"]))
        self.server.shown.append({name: text for name, text in shown.items() if name != "serveraddress"})
        self._answer(200, b"")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Api-Version", "1.41")
        self.send_header("Content-Type", "application/json")
        self.send_header("WWW-Authenticate", 'Basic realm="test"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server() as served:
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield served
        served.shutdown()
        thread.join()


def docker(home: DockerHome, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    assert DOCKER is not None
    environ = {
        **home.environ,
        "PATH": f"{home.programs}{os.pathsep}{os.environ['PATH']}",
        "DOCKER_HOST": f"unix://{home.home}/no-engine.sock",
    }
    return subprocess.run(
        [DOCKER, *arguments],
        input=given,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(params=["", "kept"], ids=["file", "helper"])
def home(docker_home: DockerHome, request: pytest.FixtureRequest) -> DockerHome:
    if request.param:
        docker_home.keychain(request.param)
        docker_home.write({"credsStore": request.param})
    else:
        docker_home.write({"auths": {"other.example": {"auth": "bWU6eA=="}}})
    return docker_home


def login(home: DockerHome, server: _Server) -> None:
    arguments = ("login", "-u", SECRET.username, "--password-stdin", server.name)
    done = docker(home, *arguments, given=SECRET.secret)
    assert done.returncode == 0, done.stderr


def test_signed_in_by_docker(home: DockerHome, server: _Server) -> None:
    login(home, server)
    assert home.store.get(server.name) == SECRET
    assert home.store.whose(server.name) == SECRET.username
    done = docker(home, "logout", server.name)
    assert done.returncode == 0, done.stderr
    assert home.store.get(server.name) is None


def test_signed_in_by_us(home: DockerHome, server: _Server) -> None:
    registries = ("x.example/team", "t.example:5000", "docker.io/library")
    home.store.save("x.example", SECRET)
    home.store.save("t.example:5000", Credential("me", "", "tok"))
    home.store.save("docker.io", Credential("hub", "s"))
    # For a pull, the CLI passes the credentials that it finds to the engine.
    for registry in registries:
        done = docker(home, "--host", f"tcp://{server.name}", "pull", f"{registry}/app:1")
        assert done.returncode == 0, done.stderr
    signed_in, token, hub = server.shown
    assert signed_in == {"username": SECRET.username, "password": SECRET.secret}
    assert token["identitytoken"] == "tok"
    assert "password" not in token
    assert hub == {"username": "hub", "password": "s"}
    for registry in ("x.example", "t.example:5000", "docker.io"):
        home.store.forget(registry)
    for registry in registries:
        docker(home, "--host", f"tcp://{server.name}", "pull", f"{registry}/app:1")
    assert server.shown[3:] == [{}, {}, {}]


def test_docker_writes_the_file_as_we_do(docker_home: DockerHome, server: _Server) -> None:
    docker_home.write({"auths": {"other.example": {"auth": "bWU6eA=="}}, "psFormat": "table"})
    docker_home.store.save(server.name, SECRET)
    ours = docker_home.read(), docker_home.config.read_bytes()
    docker_home.store.forget(server.name)
    login(docker_home, server)
    assert docker_home.read() == ours[0]
    # The CLI sorts its keys; everything else is the same, byte for byte.
    assert sorted(docker_home.config.read_bytes()) == sorted(ours[1])


def test_the_token_of_a_sign_in_is_read_by_docker(docker_home: DockerHome) -> None:
    """Entries with only a token must not make docker refuse the file."""
    store = docker_home.store
    store.save("t.example", Credential("", "", "tok"))
    store.save("u.example", Credential("me", "", "tok"))
    done = docker(docker_home, "logout", "t.example")
    assert done.returncode == 0, done.stderr
    assert "invalid" not in done.stderr.lower()
    assert store.get("t.example") is None
    assert store.get("u.example") == Credential("me", "", "tok")


@contextlib.contextmanager
def stale_login(home: DockerHome, server: _Server) -> Iterator[threading.Event]:
    """A `docker login` that has read the file and waits for the registry; it writes once the event is set."""
    server.answer.clear()
    server.asked.clear()
    thread = threading.Thread(target=login, args=(home, server))
    thread.start()
    try:
        assert server.asked.wait(30)
        yield server.answer
    finally:
        server.answer.set()
        thread.join()


def test_a_login_that_ends_after_our_save_is_merged_with_it(docker_home: DockerHome, server: _Server) -> None:
    docker_home.write({"auths": {"other.example": {"auth": "bWU6eA=="}}})
    enough = Cancellation()
    store = CredentialStore(environ=docker_home.environ, settle=60.0)
    results: list[SavedSignIn] = []

    def save() -> None:
        results.append(store.save("x.example", SECRET, cancellation=enough))

    saving = threading.Thread(target=save)
    with stale_login(docker_home, server) as answer:
        saving.start()
        wait_until(lambda: "x.example" in docker_home.config.read_text(), timeout=30)
        answer.set()
        # Docker writes its text, which lacks x.example, and ours replaces it.
        wait_until(lambda: {"x.example", server.name} <= docker_home.read()["auths"].keys(), timeout=30)
    enough.cancel()
    saving.join()
    assert docker_home.read()["auths"].keys() == {"other.example", "x.example", server.name}
    assert store.fate(results[0])[0] is Fate.KEPT


def test_a_login_that_ends_much_later_is_found_out(docker_home: DockerHome, server: _Server) -> None:
    docker_home.write({"auths": {"other.example": {"auth": "bWU6eA=="}}})
    store = docker_home.store
    with stale_login(docker_home, server):
        saved = store.save("x.example", SECRET)
    assert docker_home.read()["auths"].keys() == {"other.example", server.name}, "lost"
    assert store.fate(saved)[0] is Fate.OVERWRITTEN
    assert store.save_again(saved) is not None
    assert docker_home.read()["auths"].keys() == {"other.example", "x.example", server.name}
    assert store.get("x.example") == SECRET
    assert store.get(server.name) == SECRET


def test_a_logout_is_a_change_on_purpose(docker_home: DockerHome) -> None:
    docker_home.write({"auths": {"o.example": {"auth": "bWU6eA=="}}, "psFormat": "t", "unknown": [1]})
    saved = docker_home.store.save("x.example", SECRET)
    done = docker(docker_home, "logout", "x.example")
    assert done.returncode == 0, done.stderr
    assert list(docker_home.read()["auths"]) == ["o.example"]
    assert docker_home.store.fate(saved)[0] is Fate.CHANGED
