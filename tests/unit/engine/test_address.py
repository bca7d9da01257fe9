"""How the engine is chosen: option, environment, contexts as the docker CLI stores them, sockets."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from longshore.engine import contexts
from longshore.engine.address import (
    DEFAULT_URL,
    EngineAddress,
    Origin,
    TlsFiles,
    current_address,
    known_addresses,
    normal_url,
)
from longshore.engine.contexts import config_dir
from longshore.errors import EngineUnavailable, UnavailableCause, UnknownContext

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


@pytest.mark.parametrize(
    "content", ["{}", '{"auths": {}}', '{"currentContext": null}', '{"currentContext": ""}']
)
def test_a_config_that_names_no_context(environ: dict[str, str], content: str) -> None:
    choose(environ, "")
    (Path(environ["DOCKER_CONFIG"]) / "config.json").write_text(content)
    assert current_address(None, environ).origin is Origin.DEFAULT


@pytest.mark.parametrize("content", [b"", b" \n", b"\t"])
@pytest.mark.expects_log("WARNING longshore.engine.contexts: .*config.json is empty")
def test_an_empty_config_is_none(environ: dict[str, str], content: bytes) -> None:
    """for-win 808: a crash leaves such a file; the docker CLI treats it as absent."""
    choose(environ, "")
    (Path(environ["DOCKER_CONFIG"]) / "config.json").write_bytes(content)
    assert current_address(None, environ).origin is Origin.DEFAULT


def spoil(path: Path, how: str) -> None:
    """Replace a document with something that must not be read."""
    path.unlink(missing_ok=True)
    match how:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "socket":
            with socket.socket(socket.AF_UNIX) as bound, contextlib.chdir(path.parent):
                bound.bind(path.name)
        case "device":
            path.symlink_to("/dev/zero")
        case "huge":
            with path.open("wb") as file:
                file.truncate(1 << 30)
        case "deep":
            path.write_bytes(b'{"a":' * 100_000 + b"1" + b"}" * 100_000)
        case "number":
            path.write_bytes(b'{"a":' + b"9" * 5000 + b"}")
        case "bytes":
            path.write_bytes(b"\xff\xfe{\x00}\x00\x80")


SPOILT = ["pipe", "folder", "socket", "device", "huge", "deep", "number", "bytes"]


@pytest.mark.parametrize("how", SPOILT)
def test_a_config_that_must_not_be_read(environ: dict[str, str], how: str) -> None:
    choose(environ, "")
    spoil(Path(environ["DOCKER_CONFIG"]) / "config.json", how)
    tracemalloc.start()
    try:
        with pytest.raises(UnknownContext) as caught:
            current_address(None, environ)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 16_000_000
    assert caught.value.detail and caught.value.advice
    assert known_addresses(environ)


@pytest.mark.parametrize("how", SPOILT)
def test_a_context_that_must_not_be_read(environ: dict[str, str], add_context: AddContext, how: str) -> None:
    add_context("broken", "tcp://x")
    add_context("good", "tcp://good")
    key = hashlib.sha256(b"broken").hexdigest()
    spoil(Path(environ["DOCKER_CONFIG"]) / "contexts" / "meta" / key / "meta.json", how)
    environ["DOCKER_CONTEXT"] = "broken"
    with pytest.raises(UnknownContext, match="can't be read") as caught:
        current_address(None, environ)
    assert caught.value.detail
    assert "good" in [each.name for each in known_addresses(environ)]


def test_a_context_s_name_that_is_no_text(environ: dict[str, str]) -> None:
    environ["DOCKER_CONTEXT"] = "a\udcffb"
    with pytest.raises(UnknownContext, match="The Docker context"):
        current_address(None, environ)


def test_folders_that_are_closed_to_this_user(
    environ: dict[str, str], add_context: AddContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_context("one", "tcp://one")

    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    for name in ("is_file", "is_socket"):
        monkeypatch.setattr(Path, name, refuse)
    environ |= {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/root", "DOCKER_HOST": "tcp://h"}
    assert current_address(None, environ).tls == TlsFiles()
    assert [each.name for each in known_addresses(environ)] == ["DOCKER_HOST", "default", "one"]


def test_more_contexts_than_anybody_has(
    environ: dict[str, str], add_context: AddContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contexts, "_MOST_CONTEXTS", 3)
    for number in range(5):
        add_context(f"{number}", f"tcp://h{number}")
    assert len([each for each in known_addresses(environ) if each.origin is Origin.CONTEXT]) == 3
    assert current_address(None, environ | {"DOCKER_CONTEXT": "4"}).url == "tcp://h4:2375"


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


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"DOCKER_CONFIG": "/c", "HOME": "/h", "USERPROFILE": "/u"}, "/c"),
        ({"HOME": "/h", "USERPROFILE": "/u"}, "/h/.docker"),
        ({"HOME": "", "USERPROFILE": "/u"}, "/u/.docker"),
        ({"USERPROFILE": "/u"}, "/u/.docker"),
    ],
)
def test_where_docker_keeps_its_configuration(environ: dict[str, str], folder: str) -> None:
    assert config_dir(environ) == Path(folder)


def test_a_context_with_an_address_that_cannot_be_hides_no_other(
    environ: dict[str, str], add_context: AddContext
) -> None:
    for name, host in (("a", "tcp://one"), ("b", "ftp://x"), ("c", "tcp://h:port"), ("d", "tcp://two")):
        add_context(name, host)
    found = [(each.name, each.url) for each in known_addresses(environ) if each.origin is Origin.CONTEXT]
    assert found == [("a", "tcp://one:2375"), ("d", "tcp://two:2375")]
    assert [each.name for each in known_addresses(environ)] == ["default", "a", "d"]
    environ["DOCKER_HOST"] = "ftp://x"
    assert [each.name for each in known_addresses(environ)] == ["default", "a", "d"]


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
    assert current_address(None, environ).tls is None  # as in the CLI: a path alone does not turn TLS on
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
        ("ssh://box/", "ssh://box"),
        ("SSH://me@Box:22/run/user/1000/docker.sock", "ssh://me@box:22/run/user/1000/docker.sock"),
        ("ssh://box/a%20b/$(x)/d.sock", "ssh://box/a%20b/%24%28x%29/d.sock"),
        ("ssh://[::1]:22/d.sock", "ssh://[::1]:22/d.sock"),
        ("ssh://AD%5Cme@box", "ssh://AD%5Cme@box"),
        ("ssh://a%40b%3Ac%2Fd@box", "ssh://a%40b%3Ac%2Fd@box"),
        ("npipe:////./pipe/docker_engine", "npipe:////./pipe/docker_engine"),
    ],
)
def test_normal_urls(given: str, expected: str) -> None:
    assert normal_url(given) == expected
    assert normal_url(expected) == expected


@pytest.mark.parametrize(
    "given",
    ["ftp://x", "unix://relative", "tcp://h:port", "tcp://h:99999", "tcp://u:p@h", "tcp://h/path", "ssh://",
     "ssh://me:secret@box", "ssh://-oProxyCommand=x", "ssh://-l@box", "ssh://%2Dl@box", "ssh://box?x=1", "ssh://box#x",
     "ssh://box/a%00b", "ssh://a%00b@box", "fd://", "unix:///a\0b", "tcp://h?x", "tcp://h:²", "tcp://h:" + "9" * 5000],
)  # fmt: skip
def test_what_is_no_address(given: str) -> None:
    with pytest.raises(EngineUnavailable) as caught:
        current_address(given, {})
    assert caught.value.cause is UnavailableCause.UNSUPPORTED
    shown = f"{caught.value.message} {caught.value.subject} {caught.value.advice}"
    assert "secret" not in shown


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("tcp://user:s3cr3tpw@127.0.0.1:1", "tcp://***@127.0.0.1:1"),
        ("tcp://:s3cr3tpw@127.0.0.1:1", "tcp://***@127.0.0.1:1"),
        ("tcp://user:pa/s3cr3tpw?x@127.0.0.1:1", "tcp://***@127.0.0.1:1"),
        ("user:s3cr3tpw@server.example", "tcp://***@server.example"),
        ("foo://user:s3cr3tpw@server.example", "foo://***@server.example"),
        ("http://server.example/?token=s3cr3tpw", "http://server.example/?***"),
        ("http://server.example:1/#s3cr3tpw", "http://server.example:1/#***"),
        ("ssh://user:s3cr3tpw@server.example/a?b", "ssh://***@server.example/a?***"),
        ("ssh://user:s3cr3tpw@server.example:99999", "ssh://***@server.example:99999"),
    ],
)
def test_a_password_in_an_address_is_never_repeated(given: str, shown: str, environ: dict[str, str]) -> None:
    for ask in (
        lambda: current_address(given, environ),
        lambda: current_address(None, {"DOCKER_HOST": given}),
    ):
        with pytest.raises(EngineUnavailable) as caught:
            ask()
        assert (caught.value.subject, caught.value.message) == (
            shown,
            f"“{shown}” is not the address of an engine.",
        )
        assert "s3cr3tpw" not in f"{caught.value.advice} {caught.value.detail} {caught.value.args}"


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
    """The path of a unix socket is limited to 107 bytes."""
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
    # The socket that DOCKER_HOST names is listed once, under that name.
    assert found == [("DOCKER_HOST", f"unix://{places[0]}"), ("Colima", f"unix://{places[1]}")]


def test_no_socket_is_looked_for_where_one_happens_to_be(
    environ: dict[str, str], short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(short_folder)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("docker.sock")
        assert all(each.url != "unix://docker.sock" for each in known_addresses(environ))


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


def test_only_a_unix_address_has_a_socket_here() -> None:
    assert EngineAddress("x", "unix:///run/x.sock").socket_path == Path("/run/x.sock")
    for url in ("tcp://h:1", "ssh://h/run/x.sock", "npipe:////./pipe/x"):
        assert EngineAddress("x", url).socket_path is None


def test_a_context_with_https_is_behind_tls(environ: dict[str, str], add_context: AddContext) -> None:
    add_context("secure", "HTTPS://h")
    found = current_address(None, environ | {"DOCKER_CONTEXT": "secure"})
    assert (found.url, found.tls) == ("tcp://h:2376", TlsFiles())
