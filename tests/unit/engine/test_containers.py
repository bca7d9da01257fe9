"""What engines report about containers: their output's framing, their lists, and what they refuse."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longshore.engine.container_model import Container, ContainerState, OutputPiece, RunRequest
from longshore.engine.container_refusals import container_refusal, run_refusal
from longshore.engine.containers import by_image, container
from longshore.engine.framing import Frames, Unframed
from longshore.errors import ContainerUnknown, DiskFull, EngineFailure, ImageUnknown, RunField, RunRefused
from longshore.oci.local_image import LocalImage
from longshore.oci.reference import Reference


def frame(data: bytes, stream: int = 1) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(data).to_bytes(4, "big") + data


@given(
    st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=40)), max_size=8),
    st.lists(st.integers(1, 30), min_size=1, max_size=20),
)
def test_frames_may_be_cut_anywhere(written: list[tuple[int, bytes]], cuts: list[int]) -> None:
    data = b"".join(frame(part, stream) for stream, part in written)
    frames, pieces = Frames(), []
    at = index = 0
    while at < len(data):
        step = cuts[index % len(cuts)]
        pieces += list(frames.feed(data[at : at + step]))
        at, index = at + step, index + 1
    for number, error in ((1, False), (2, True)):
        expected = b"".join(part for stream, part in written if stream == number)
        assert b"".join(piece.data for piece in pieces if piece.error is error) == expected


def test_a_frame_of_four_gigabytes_needs_no_memory() -> None:
    frames = Frames()
    pieces = list(frames.feed(b"\x01\0\0\0\xff\xff\xff\xff" + b"x" * 1000))
    assert pieces == [OutputPiece(b"x" * 1000)]
    assert list(frames.feed(b"y" * 10)) == [OutputPiece(b"y" * 10)]


@pytest.mark.parametrize("data", [b"hello world", b"\x04\0\0\0\0\0\0\1x", b"\x01\0\1\0\0\0\0\1x"])
def test_what_is_not_framed_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not framed"):
        list(Frames().feed(data))


def test_a_terminal_has_no_frames() -> None:
    assert list(Unframed().feed(frame(b"x"))) == [OutputPiece(frame(b"x"))]


ROW = {
    "Id": "4a73e87e10a4",
    "Names": ["/web"],
    "Image": "team/app:1",
    "ImageID": "sha256:b3",
    "Command": "sh -c 'exit 3'",
    "Created": 1795791080,
    "Ports": [
        {"IP": "127.0.0.1", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
        {"IP": "::", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
        {"PrivatePort": 53, "Type": "udp"},
    ],
    "State": "exited",
    "Status": "Exited (3) 2 minutes ago",
}


def test_a_row_of_the_list() -> None:
    found = container(ROW)
    assert (found.name, found.state, found.exit_code) == ("web", ContainerState.EXITED, 3)
    assert found.ports == ("127.0.0.1:8080->80/tcp", "[::]:8080->80/tcp", "53/udp")
    assert found.created is not None and found.created.year == 2026
    assert not found.state.alive


@pytest.mark.parametrize(
    ("text", "state", "alive"),
    [
        ("running", ContainerState.RUNNING, True),
        ("paused", ContainerState.PAUSED, True),
        ("configured", ContainerState.CREATED, False),
        ("stopped", ContainerState.EXITED, False),
        ("stopping", ContainerState.RUNNING, True),
        ("flying", ContainerState.OTHER, False),
    ],
)
def test_states(text: str, state: ContainerState, alive: bool) -> None:
    assert container({**ROW, "State": text}).state is state
    assert state.alive is alive


def test_a_hostile_row() -> None:
    strange = {
        "Id": 7,
        "Names": [None, "/a\x1b[31m\u202eb"],
        "Ports": [7, {"PrivatePort": "x"}, {"PrivatePort": 1, "PublicPort": "2", "Type": "a" * 999}] * 50,
        "State": {"a": 1},
        "Status": "Exited (" + "9" * 500 + ") x",
        "Created": 10**30,
        "Command": "x" * 100_000,
    }
    found = container(strange)
    assert found.name == "a[31mb"
    assert found.exit_code is None and found.created is None
    assert len(found.command) <= 300 and len(found.ports) <= 20
    assert container({}) == Container("", "", ContainerState.OTHER)


def local(name: str, image_id: str) -> LocalImage:
    return LocalImage(Reference.parse_input(name), image_id, None, 1)


def test_containers_are_found_by_id_or_by_the_name_they_were_made_from() -> None:
    images = [local("app:1", "sha256:index"), local("app:2", "sha256:index"), local("db", "sha256:db")]
    by_id = Container("1", "a", ContainerState.RUNNING, image="gone", image_id="sha256:index")
    by_name = Container("2", "b", ContainerState.EXITED, image="app:1", image_id="sha256:platform")
    no_tag = Container("3", "c", ContainerState.EXITED, image="db", image_id="sha256:platform")
    other = Container("4", "d", ContainerState.EXITED, image="else", image_id="sha256:else")
    found = by_image([by_id, by_name, no_tag, other], images)
    assert found == {"sha256:index": [by_id, by_name], "sha256:db": [no_tag]}


REQUEST = RunRequest("team/app:1", ("/nonesuch",), name="web")
RUNC = "failed to create task for container: failed to create shim task: OCI runtime create failed: "


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        (
            "driver failed programming external connectivity on endpoint hand4 (99d7a0fd): Bind for 127.0.0.1:18080 "
            "failed: port is already allocated",
            RunField.PORTS,
            "Port 18080 ",
        ),
        (
            "cannot listen on the TCP port: listen tcp4 127.0.0.1:18080: bind: address already in use",
            RunField.PORTS,
            "Port 18080 ",
        ),
        (
            "Error starting userland proxy: listen tcp 0.0.0.0:80: bind: address already in use",
            RunField.PORTS,
            "Port 80 ",
        ),
        (
            "failed to bind host port for 203.0.113.9:18081:172.17.0.4:8080/tcp: cannot assign requested address",
            RunField.PORTS,
            "does not have the address",
        ),
        (
            'Conflict. The container name "/web" is already in use by container "467f13a8". You have to remove (or '
            "rename) that container to be able to reuse that name.",
            RunField.NAME,
            "a container with the name “web”",
        ),
        (
            'container create: creating container storage: the container name "web" is already in use by 690170da. '
            "You have to remove that container to be able to reuse that name: that name is already in use",
            RunField.NAME,
            "a container with the name “web”",
        ),
        (
            "Invalid container name (-a), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
            RunField.NAME,
            "this name",
        ),
        (
            "container create: running container create option: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid "
            "argument",
            RunField.NAME,
            "this name",
        ),
        (
            RUNC
            + 'unable to start container process: error during container init: exec: "/nonesuch": stat /nonesuch: '
            "no such file or directory",
            RunField.COMMAND,
            "no program “/nonesuch”",
        ),
        (
            RUNC
            + 'unable to start container process: exec: "nonesuch": executable file not found in $PATH: unknown',
            RunField.COMMAND,
            "no program “nonesuch”",
        ),
        (
            RUNC + 'unable to start container process: exec: "/etc": is a directory: permission denied',
            RunField.COMMAND,
            "“/etc” in the image can't be executed",
        ),
        (
            "crun: open executable: No such file or directory: OCI runtime attempted to invoke a command that was not "
            "found",
            RunField.COMMAND,
            "does not have this program",
        ),
        (RUNC + "exec /bin/sh: exec format error", RunField.COMMAND, "another platform"),
        ("No command specified", RunField.COMMAND, "does not say what to run"),
        (
            "no command or entrypoint provided, and no CMD or ENTRYPOINT from image",
            RunField.COMMAND,
            "what to run",
        ),
        ("failed to set up container networking: network nonesuch not found", RunField.NETWORK, "“nonesuch”"),
        (
            "container create: unable to find network with name or ID nonesuch: network not found",
            RunField.NETWORK,
            "“nonesuch”",
        ),
        (
            'invalid mount config for type "bind": bind source path does not exist: /none such/x',
            RunField.VOLUMES,
            "“/none such/x” does not exist",
        ),
        ("statfs /nonesuch/x: no such file or directory", RunField.VOLUMES, "“/nonesuch/x” does not exist"),
        ("Mounts denied: The path /x is not shared from the host", RunField.VOLUMES, "can't see this folder"),
        (
            'create a b: "a b" includes invalid characters for a local volume name, only "[a-zA-Z0-9]" are allowed',
            RunField.VOLUMES,
            "this volume name",
        ),
        (
            'container create: creating named volume "a b": running volume create option: names must match '
            "[a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument",
            RunField.VOLUMES,
            "this volume name",
        ),
        ("unable to find user nobodyx: no matching entries in passwd file", RunField.USER, "“nobodyx”"),
        (
            "the working directory 'rel' is invalid, it needs to be an absolute path",
            RunField.DIRECTORY,
            "not an absolute path",
        ),
        (
            "OCI runtime create failed: Cwd must be an absolute path",
            RunField.DIRECTORY,
            "not an absolute path",
        ),
    ],
)
def test_why_a_container_was_not_started(text: str, field: RunField, words: str) -> None:
    error = run_refusal(500, text, REQUEST)
    assert isinstance(error, RunRefused)
    assert error.field is field
    assert words in error.message
    assert error.advice and error.detail == text
    assert "{" not in error.message + error.advice


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("bad variable DBURL=Zw0rd1ZebraPlain", "bad variable DBURL=***"),
        ('bad: {"Env":["DBURL=Zw0rd1ZebraPlain"]}', 'bad: {"Env":["DBURL=***"]}'),
        ("Zw0rd1ZebraPlain", "***"),
        ('name "Zw0rd1ZebraPlain" is already in use', 'name "***" is already in use'),
        (r'bad: "QUOTED=one \"two\" three"', 'bad: "QUOTED=***"'),
        ("no such image: Zw0rd1ZebraPlain", "no such image: ***"),
        ("the short value is a word", "the short value is a word"),
    ],
)
def test_no_value_of_a_variable_is_repeated(text: str, hidden: str) -> None:
    variables = (("DBURL", "Zw0rd1ZebraPlain"), ("QUOTED", 'one "two" three'), ("SHORT", "short"))
    error = run_refusal(400, text, replace(REQUEST, environment=variables))
    assert error.detail == hidden
    assert "Zebra" not in f"{error.message} {error.subject} {error.advice}"


def test_other_reasons() -> None:
    assert isinstance(run_refusal(404, "No such image: a:1", REQUEST), ImageUnknown)
    assert isinstance(run_refusal(404, "a:1: image not known", REQUEST), ImageUnknown)
    assert isinstance(run_refusal(500, "write /x: no space left on device", REQUEST), DiskFull)
    unknown = run_refusal(500, "the moon is full", REQUEST)
    assert type(unknown) is EngineFailure and "could not start" in unknown.message
    assert unknown.detail == "the moon is full"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("No such container: web", "no longer exists"),
        ('no container with name or ID "web" found: no such container', "no longer exists"),
        (
            "cannot remove container web: container is running: stop the container before removing or force remove",
            "is running",
        ),
        (
            "You cannot remove a running container 5f. Stop the container before attempting removal",
            "is running",
        ),
        ("removal of container 5f is already in progress", "being removed"),
        ("configured logging driver does not support reading", "could not do this"),
        # That is about the network of a new container, not about a container.
        ("network web not found", "could not do this"),
    ],
)
def test_what_is_refused_about_a_container(text: str, words: str) -> None:
    error = container_refusal(409, text, "web")
    assert words in error.message
    assert isinstance(error, ContainerUnknown) == ("no longer" in words)
    assert error.subject == "web"
