"""Which engine is meant: option, environment, contexts as the docker CLI stores them, sockets."""

from __future__ import annotations

import hashlib
import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from longshore.engine.address import (
    DEFAULT_URL,
    EngineAddress,
    Origin,
    TlsFiles,
    current_address,
    known_addresses,
    normal_url,
)
from longshore.oci.errors import EngineUnavailable, UnavailableCause, UnknownContext

AddContext = Callable[..., None]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path), "DOCKER_CONFIG": str(tmp_path / "docker")}


@pytest.fixture
def add_context(environ: dict[str, str]) -> AddContext:
    """Stores a context as ``docker context create`` does."""

    def add(name: str, host: str, *, skip: bool = False, files: tuple[str, ...] = ()) -> None:
        key = hashlib.sha256(name.encode()).hexdigest()
        contexts = Path(environ["DOCKER_CONFIG"]) / "contexts"
        meta = contexts / "meta" / key
        meta.mkdir(parents=True)
        endpoints = {"docker": {"Host": host, "SkipTLSVerify": skip}}
        (meta / "meta.json").write_text(json.dumps({"Name": name, "Metadata": {}, "Endpoints": endpoints}))
        for file in files:
            place = contexts / "tls" / key / "docker" / file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text("x")

    return add


def choose(environ: dict[str, str], name: str) -> None:
    folder = Path(environ["DOCKER_CONFIG"])
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"currentContext": name, "auths": {}}))


def test_the_order_of_the_docker_cli(environ: dict[str, str], add_context: AddContext) -> None:
    add_context("one", "tcp://one.example")
    add_context("two", "unix:///two.sock")
    assert current_address(None, environ).url == DEFAULT_URL
    assert current_address(None, environ).origin is Origin.DEFAULT
    choose(environ, "one")
    found = current_address(None, environ)
    assert (found.name, found.url, found.origin) == ("one", "tcp://one.example:2375", Origin.CONTEXT)
    environ["DOCKER_CONTEXT"] = "two"
    assert current_address(None, environ).url == "unix:///two.sock"
    environ["DOCKER_HOST"] = "tcp://host.example:1"
    found = current_address(None, environ)
    assert (found.name, found.url, found.origin) == (
        "DOCKER_HOST",
        "tcp://host.example:1",
        Origin.ENVIRONMENT,
    )
    found = current_address("/option.sock", environ)
    assert (found.url, found.origin) == ("unix:///option.sock", Origin.OPTION)
    del environ["DOCKER_HOST"]
    environ["DOCKER_CONTEXT"] = "default"
    assert current_address(None, environ).url == DEFAULT_URL


@pytest.mark.parametrize("by_environment", [True, False])
def test_an_unknown_context_is_never_replaced(
    environ: dict[str, str], add_context: AddContext, by_environment: bool
) -> None:
    add_context("there", "tcp://there")
    if by_environment:
        environ["DOCKER_CONTEXT"] = "gone"
    else:
        choose(environ, "gone")
    with pytest.raises(UnknownContext) as caught:
        current_address(None, environ)
    assert "“gone”" in caught.value.message
    assert "there" in caught.value.advice
    assert ("DOCKER_CONTEXT" if by_environment else "config.json") in caught.value.advice


@pytest.mark.parametrize("content", ["{broken", "[]", '{"currentContext": 3}'])
def test_a_broken_config_hides_no_context(environ: dict[str, str], content: str) -> None:
    choose(environ, "")
    (Path(environ["DOCKER_CONFIG"]) / "config.json").write_text(content)
    with pytest.raises(UnknownContext) as caught:
        current_address(None, environ)
    assert "--engine" in caught.value.advice


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"Name": "x", "Endpoints": {"docker": {"Host": 3}}}'])
def test_broken_contexts(environ: dict[str, str], add_context: AddContext, content: str) -> None:
    add_context("broken", "tcp://x")
    add_context("good", "tcp://good")
    key = hashlib.sha256(b"broken").hexdigest()
    (Path(environ["DOCKER_CONFIG"]) / "contexts" / "meta" / key / "meta.json").write_text(content)
    environ["DOCKER_CONTEXT"] = "broken"
    with pytest.raises(UnknownContext):
        current_address(None, environ)
    assert "good" in [each.name for each in known_addresses(environ)]


def test_certificates_of_contexts(environ: dict[str, str], add_context: AddContext) -> None:
    add_context("all", "tcp://a", files=("ca.pem", "cert.pem", "key.pem"))
    add_context("unchecked", "tcp://b", skip=True, files=("cert.pem", "key.pem"))
    add_context("local", "unix:///c.sock", files=("ca.pem",))
    found = {each.name: each for each in known_addresses(environ)}
    assert found["all"].url == "tcp://a:2376"
    tls = found["all"].tls
    assert tls is not None
    assert tls.ca is not None
    assert (tls.ca.name, tls.verify) == ("ca.pem", True)
    tls = found["unchecked"].tls
    assert tls is not None
    assert (tls.ca, tls.verify) == (None, False)
    assert found["local"].tls is None


def test_certificates_of_the_environment(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("x")
    environ |= {"DOCKER_HOST": "tcp://a", "DOCKER_CERT_PATH": str(tmp_path)}
    assert current_address(None, environ).tls is None  # as the CLI: a path alone switches nothing on
    environ["DOCKER_TLS_VERIFY"] = "1"
    assert current_address(None, environ) == EngineAddress(
        "x", "tcp://a:2376", tls=TlsFiles(tmp_path / "ca.pem")
    )
    environ["DOCKER_TLS_VERIFY"] = ""
    environ["DOCKER_TLS"] = "1"
    assert current_address(None, environ).tls == TlsFiles(tmp_path / "ca.pem", verify=False)
    environ["DOCKER_HOST"] = "unix:///x.sock"
    assert current_address(None, environ).tls is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("/run/x.sock", "unix:///run/x.sock"),
        ("unix:///run//x.sock", "unix:///run/x.sock"),
        ("unix://", "unix:///var/run/docker.sock"),
        (" tcp://Host.Example:2375/ ", "tcp://host.example:2375"),
        ("http://1.2.3.4:80", "tcp://1.2.3.4:80"),
        ("https://h", "tcp://h:2376"),
        ("h:99", "tcp://h:99"),
        ("tcp://", "tcp://127.0.0.1:2375"),
        ("tcp://[::1]:5", "tcp://[::1]:5"),
        ("ssh://me@box:22", "ssh://me@box:22"),
        ("ssh://box", "ssh://box"),
        ("npipe:////./pipe/docker_engine", "npipe:////./pipe/docker_engine"),
    ],
)
def test_normal_urls(given: str, expected: str) -> None:
    assert normal_url(given) == expected
    assert normal_url(expected) == expected


@pytest.mark.parametrize(
    "given",
    ["ftp://x", "unix://relative", "tcp://h:port", "tcp://h:99999", "tcp://u:p@h", "tcp://h/path", "ssh://",
     "ssh://me:secret@box", "ssh://-oProxyCommand=x", "fd://"],
)  # fmt: skip
def test_what_is_no_address(given: str) -> None:
    with pytest.raises(EngineUnavailable) as caught:
        current_address(given, {})
    assert caught.value.cause is UnavailableCause.UNSUPPORTED
    shown = f"{caught.value.message} {caught.value.subject} {caught.value.advice}"
    assert "secret" not in shown


def test_a_place_is_the_same_under_any_name() -> None:
    one = EngineAddress("one", "unix:///x.sock", Origin.CONTEXT)
    two = EngineAddress("two", "unix:///x.sock", Origin.SOCKET)
    assert one == two
    assert len({one, two, EngineAddress("one", "unix:///y.sock")}) == 2


def test_json_and_back() -> None:
    address = EngineAddress("box", "tcp://h:2376", Origin.CONTEXT, TlsFiles(Path("/ca"), None, None, False))
    data = json.loads(json.dumps(address.to_json()))
    back = EngineAddress.from_json(data)
    assert (back, back.name, back.origin) == (address, "box", Origin.CONTEXT)
    with pytest.raises(ValueError, match="nowhere"):
        EngineAddress.from_json({**data, "origin": "nowhere"})


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """The path of a unix socket holds 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="ls-", dir="/tmp") as folder:
        yield Path(folder)


def test_sockets_on_this_machine_are_found(environ: dict[str, str], short_folder: Path) -> None:
    environ["HOME"] = environ["XDG_RUNTIME_DIR"] = str(short_folder)
    places = [short_folder / "docker.sock", short_folder / ".colima" / "default" / "docker.sock"]
    listening = []
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        listening.append(socket.socket(socket.AF_UNIX))
        listening[-1].bind(str(place))
    (short_folder / ".rd").mkdir()
    (short_folder / ".rd" / "docker.sock").write_text("no socket")
    environ["DOCKER_HOST"] = f"unix://{places[0]}"
    found = [(each.name, each.url) for each in known_addresses(environ) if str(short_folder) in each.url]
    for each in listening:
        each.close()
    # The one that DOCKER_HOST names stands once, under that name.
    assert found == [("DOCKER_HOST", f"unix://{places[0]}"), ("Colima", f"unix://{places[1]}")]


def test_addresses_and_streams_cost_no_sdk() -> None:
    code = (
        "import sys, longshore.engine.address, longshore.engine.stream, longshore.engine.engine\n"
        "print([name for name in ('docker', 'requests', 'urllib3') if name in sys.modules])"
    )
    paths = [each for each in sys.path if each]
    run = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {paths!r}\n{code}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert run.stdout.strip() == "[]"
