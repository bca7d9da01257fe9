"""Containers that are run, followed, stopped and removed: what is asked of the engine, and in which order."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from longshore.cancellation import Cancellation
from longshore.engine.client import StatusError
from longshore.engine.container_model import (
    ContainerState,
    Ended,
    Mount,
    OutputPiece,
    Port,
    RunRequest,
    Started,
)
from longshore.engine.containers import READ_BYTES, Containers, by_image, container
from longshore.errors import ContainerUnknown, EngineFailure, EngineLost, LongshoreError, RunRefused
from longshore.oci.local_image import LocalImage

ID = "4a73e87e10a4"


def frame(data: bytes, stream: int = 1) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(data).to_bytes(4, "big") + data


class Raw:
    """A body that arrives in *pieces*."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = list(pieces)
        self.limits: list[int] = []

    def read1(self, limit: int) -> bytes:
        self.limits.append(limit)
        return self.pieces.pop(0) if self.pieces else b""


class Api:
    """An engine with one container; *did* has what was asked, *open* the streams that are not closed."""

    def __init__(self) -> None:
        self.did: list[Any] = []
        self.open: list[str] = []
        self.rows: list[Any] = []
        self.made: Any = {"Id": ID}
        self.inspected: Any = {"Name": "/web"}
        self.bodies: dict[str, list[bytes]] = {"wait": [b'{"StatusCode": 3}']}
        self.events: list[dict[str, Any]] = []
        self.refuses: dict[str, StatusError] = {}

    def _do(self, what: str, *more: Any) -> None:
        self.did.append((what, *more))
        if what in self.refuses:
            raise self.refuses[what]

    # -- the client

    def containers(self, all: bool) -> Any:
        self._do("list", all)
        return self.rows

    def create_container_from_config(self, body: dict[str, Any], name: str | None) -> Any:
        self._do("create", body, name)
        return self.made

    def inspect_container(self, about: str) -> Any:
        self._do("inspect", about)
        return self.inspected

    def start(self, about: str) -> None:
        self._do("start", about)

    def stop(self, about: str, timeout: int) -> None:
        self._do("stop", about, timeout)

    def remove_container(self, about: str, force: bool) -> None:
        self._do("remove", about, force)

    @contextlib.contextmanager
    def exchange(self, method: str, path: str, about: str, params: dict[str, str]) -> Iterator[Any]:
        what = path.rpartition("/")[2]
        self._do(what, method, path.format(about), params)
        self.open.append(what)
        try:
            yield SimpleNamespace(raw=Raw(self.bodies.get(what, [])))
        finally:
            self.open.remove(what)

    @contextlib.contextmanager
    def objects(self, method: str, path: str, params: dict[str, str]) -> Iterator[Any]:
        self._do("events", method, path, params)
        yield iter(self.events)

    # -- the connection

    def short(self, ask: Callable[[Any], Any], failed: Callable[[int, str], LongshoreError]) -> Any:
        try:
            return ask(self)
        except StatusError as error:
            raise failed(error.status, error.text) from error

    @contextlib.contextmanager
    def job(
        self, cancellation: Cancellation, doing: str, failed: Callable[[int, str], LongshoreError]
    ) -> Iterator[Any]:
        self.doing = doing
        try:
            yield self
        except StatusError as error:
            raise failed(error.status, error.text) from error

    # -- for the tests

    def run(self, request: RunRequest) -> list[Any]:
        connection: Any = self
        return list(Containers(connection).run(request, Cancellation()))

    @property
    def all(self) -> Containers:
        connection: Any = self
        return Containers(connection)

    @property
    def steps(self) -> list[str]:
        return [did[0] for did in self.did]


def test_a_container_is_attached_before_it_starts_and_waited_for_after_its_output() -> None:
    api = Api()
    api.bodies["attach"] = [frame(b"out"), frame(b"err", 2)]
    assert api.run(RunRequest("app:1")) == [
        Started(ID, "web"),
        OutputPiece(b"out"),
        OutputPiece(b"err", error=True),
        Ended(3),
    ]
    assert api.steps == ["create", "inspect", "attach", "start", "wait"]
    attached, waited = api.did[2], api.did[4]
    assert attached[1:] == (
        "POST",
        f"/containers/{ID}/attach",
        {"stream": "1", "stdout": "1", "stderr": "1"},
    )
    assert waited[1:] == ("POST", f"/containers/{ID}/wait", {"condition": "not-running"})
    assert (api.open, api.doing) == ([], "running a container")


def test_one_that_is_removed_at_its_end_is_waited_for_from_the_start() -> None:
    """Afterwards nobody knows its exit code."""
    api = Api()
    assert api.run(RunRequest("app:1", remove=True)) == [Started(ID, "web"), Ended(3)]
    assert api.steps == ["create", "inspect", "attach", "wait", "start"]
    assert api.did[3][3] == {"condition": "removed"}


def test_one_that_is_not_followed_is_only_started() -> None:
    for remove in (False, True):
        api = Api()
        assert api.run(RunRequest("app:1", detach=True, remove=remove)) == [Started(ID, "web")]
        assert api.steps == ["create", "inspect", "start"]


@pytest.mark.parametrize(
    ("inspected", "name"), [({}, ""), ("odd", ""), ({"Name": None}, ""), ({"Name": "/a\x1b[1mb"}, "a[1mb")]
)
def test_the_name_that_the_engine_gave(inspected: Any, name: str) -> None:
    api = Api()
    api.inspected = inspected
    assert api.run(RunRequest("app:1", detach=True)) == [Started(ID, name)]


@pytest.mark.parametrize("at", ["inspect", "attach", "wait", "start"])
def test_a_container_that_was_not_started_is_removed(at: str) -> None:
    api = Api()
    api.refuses = {at: StatusError(500, "No command specified")}
    with pytest.raises(RunRefused):
        api.run(RunRequest("app:1", remove=True))
    assert api.did[-1] == ("remove", ID, True)
    assert api.open == []
    # If that fails too, the first error says more.
    api.refuses["remove"] = StatusError(500, "the moon is full")
    with pytest.raises(RunRefused):
        api.run(RunRequest("app:1", remove=True))


def test_a_container_that_was_started_stays() -> None:
    api = Api()
    running = api.all.run(RunRequest("app:1"), Cancellation())
    next(running)
    running.close()
    assert api.steps == ["create", "inspect", "attach", "start"]
    assert api.open == []


@pytest.mark.parametrize("made", [{}, {"Id": ""}, None, []])
def test_an_engine_that_does_not_say_what_it_made(made: object) -> None:
    api = Api()
    api.made = made
    with pytest.raises(ValueError, match="did not report the id"):
        api.run(RunRequest("app:1"))
    assert api.steps == ["create"]


def body_of(request: RunRequest) -> tuple[dict[str, Any], str | None]:
    api = Api()
    api.run(request)
    _, body, name = api.did[0]
    return body, name


def test_the_smallest_request() -> None:
    """What is left out is the image's own."""
    body, name = body_of(RunRequest("app:1"))
    assert name is None
    assert body == {
        "Image": "app:1",
        "AttachStdout": True,
        "AttachStderr": True,
        "Env": [],
        "ExposedPorts": {},
        "HostConfig": {"PortBindings": {}, "PublishAllPorts": False, "AutoRemove": False, "Mounts": []},
    }


def test_the_largest_request() -> None:
    body, name = body_of(
        RunRequest(
            "app:1",
            ("serve", "-v"),
            name="web",
            entrypoint="/init",
            ports=(Port(80, 8080, "127.0.0.1"), Port(80, 8081), Port(53, protocol="udp")),
            publish_all=True,
            environment=(("A", "1"), ("B", "x=y")),
            mounts=(Mount("/srv", "/data", read_only=True), Mount("cache", "/cache", volume=True)),
            network="front",
            working_directory="/w",
            user="1000:1000",
            remove=True,
            detach=True,
        )
    )
    assert name == "web"
    assert body == {
        "Image": "app:1",
        "AttachStdout": False,
        "AttachStderr": False,
        "Env": ["A=1", "B=x=y"],
        "Cmd": ["serve", "-v"],
        "Entrypoint": ["/init"],
        "WorkingDir": "/w",
        "User": "1000:1000",
        "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
        "HostConfig": {
            "PortBindings": {
                "80/tcp": [
                    {"HostIp": "127.0.0.1", "HostPort": "8080"},
                    {"HostIp": "", "HostPort": "8081"},
                ],
                "53/udp": [{"HostIp": "", "HostPort": ""}],
            },
            "PublishAllPorts": True,
            "AutoRemove": True,
            "NetworkMode": "front",
            "Mounts": [
                {"Type": "bind", "Source": "/srv", "Target": "/data", "ReadOnly": True},
                {"Type": "volume", "Source": "cache", "Target": "/cache", "ReadOnly": False},
            ],
        },
    }


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ([b'{"StatusCode": 0}'], 0),
        ([b'{"StatusCode": 4294967295}'], 2**32 - 1),
        ([b'{"StatusCode": 4294967296}'], None),
        ([b'{"StatusCode": -1}'], None),
        ([b'{"StatusCode": true}'], None),
        ([b'{"StatusCode": "3"}'], None),
        ([b"{}"], None),
        ([], None),
    ],
)
def test_exit_codes(said: list[bytes], code: int | None) -> None:
    api = Api()
    api.bodies["wait"] = said
    assert api.run(RunRequest("app:1"))[-1] == Ended(code)


def test_following_a_container() -> None:
    api = Api()
    api.bodies["logs"] = [frame(b"one"), frame(b"two", 2)]
    found = list(api.all.follow("web", Cancellation()))
    assert found == [OutputPiece(b"one"), OutputPiece(b"two", error=True), Ended(3)]
    asked = {"stdout": "1", "stderr": "1", "tail": "2000", "follow": "1"}
    assert api.did == [
        ("inspect", "web"),
        ("logs", "GET", "/containers/web/logs", asked),
        ("wait", "POST", "/containers/web/wait", {"condition": "not-running"}),
    ]


def test_what_a_container_has_written_so_far() -> None:
    api = Api()
    api.bodies["logs"] = [frame(b"one")]
    found = list(api.all.follow("web", Cancellation(), lines=7, until_end=False))
    assert found == [OutputPiece(b"one")]
    assert api.did[-1][3] == {"stdout": "1", "stderr": "1", "tail": "7", "follow": "0"}
    api.refuses = {"inspect": StatusError(404, "No such container: web")}
    with pytest.raises(ContainerUnknown) as caught:
        list(api.all.follow("web", Cancellation()))
    assert caught.value.subject == "web"


@pytest.mark.parametrize(
    ("inspected", "terminal"),
    [({"Config": {"Tty": True}}, True), ({"Config": {"Tty": 1}}, False), ({"Config": 7}, False), ({}, False)],
)
def test_a_terminal_s_output_has_no_frames(inspected: dict[str, Any], terminal: bool) -> None:
    api = Api()
    api.inspected, api.bodies["logs"] = inspected, [frame(b"x")]
    found = list(api.all.follow("web", Cancellation(), until_end=False))
    assert found == [OutputPiece(frame(b"x") if terminal else b"x")]


def test_output_is_read_in_pieces_of_limited_size() -> None:
    raw = Raw([frame(b"x")])

    class Limited(Api):
        @contextlib.contextmanager
        def exchange(self, *_: Any, **__: Any) -> Iterator[Any]:
            yield SimpleNamespace(raw=raw)

    list(Limited().all.follow("web", Cancellation(), until_end=False))
    assert raw.limits == [READ_BYTES, READ_BYTES]


def test_changes_of_the_list() -> None:
    api = Api()
    api.events = [{"Type": "container", "Action": "start"}, {"Type": "container", "Action": "die"}]
    changes = api.all.changes(Cancellation())
    for _ in range(3):  # connected, and two events
        next(changes)
    with pytest.raises(EngineLost, match="closed its event stream"):
        next(changes)
    ((_, method, path, params),) = api.did
    assert (method, path) == ("GET", "/events")
    asked = json.loads(params["filters"])
    assert asked["type"] == ["container"]
    assert {"create", "start", "die", "pause", "rename", "destroy"} <= set(asked["event"])


def test_stopping_and_removing() -> None:
    api = Api()
    api.all.stop("web")
    api.all.stop("web", grace=0)
    api.all.remove("web")
    api.all.remove("web", force=True)
    assert api.did == [
        ("stop", "web", 10),
        ("stop", "web", 0),
        ("remove", "web", False),
        ("remove", "web", True),
    ]
    api.refuses = {what: StatusError(404, "No such container: web") for what in ("stop", "remove", "inspect")}
    for call in (api.all.stop, api.all.remove, api.all.exit_code):
        with pytest.raises(ContainerUnknown) as caught:
            call("web")
        assert caught.value.subject == "web"


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({"OOMKilled": True}, True),
        ({"OOMKilled": False}, False),
        ({"OOMKilled": "true"}, False),
        ({}, False),
        ("odd", False),
    ],
)
def test_a_killed_container_tells_whether_memory_ran_out(state: object, told: bool) -> None:
    api = Api()
    api.bodies["wait"] = [b'{"StatusCode": 137}']
    api.inspected = {"Name": "/web", "State": state}
    assert api.run(RunRequest("app:1"))[-1] == Ended(137, told)
    assert api.open == []


def test_nobody_knows_why_a_container_that_is_gone_was_killed() -> None:
    api = Api()
    api.bodies["wait"] = [b'{"StatusCode": 137}']
    found = []
    for event in api.all.run(RunRequest("app:1", remove=True), Cancellation()):
        found.append(event)
        api.refuses["inspect"] = StatusError(404, "no such container")
    assert found[-1] == Ended(137)


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ({"Running": False, "ExitCode": 0}, 0),
        ({"Running": True, "ExitCode": 0}, None),
        ({"ExitCode": 137}, 137),
        ({}, None),
        ("odd", None),
    ],
)
def test_the_exit_code_of_a_container(state: object, code: int | None) -> None:
    api = Api()
    api.inspected = {"State": state}
    assert api.all.exit_code("web") == code


def test_the_list_of_containers() -> None:
    api = Api()
    api.rows = [{"Id": "1", "Names": ["/a"]}, "odd", {"Id": "2"}]
    assert [(found.id, found.name) for found in api.all.all()] == [("1", "a"), ("2", "")]
    assert api.did == [("list", True)]
    api.refuses = {"list": StatusError(500, "trouble")}
    with pytest.raises(EngineFailure):
        api.all.all()


@pytest.mark.parametrize(
    ("port", "shown"),
    [
        ({"PrivatePort": 80, "PublicPort": 8080, "IP": "0.0.0.0", "Type": "tcp"}, "0.0.0.0:8080->80/tcp"),
        ({"PrivatePort": 80, "PublicPort": 8080}, ":8080->80/tcp"),
        ({"PrivatePort": 80, "PublicPort": 0, "IP": "::"}, "80/tcp"),
        ({"PrivatePort": 80, "PublicPort": "8080"}, "80/tcp"),
        ({"PrivatePort": 53, "Type": "udp"}, "53/udp"),
    ],
)
def test_ports_as_docker_prints_them(port: dict[str, Any], shown: str) -> None:
    assert container({"Ports": [port]}).ports == (shown,)


def test_twenty_ports_at_most() -> None:
    ports = [{"PrivatePort": number} for number in range(1, 30)]
    assert len(container({"Ports": ports[:20]}).ports) == 20
    assert container({"Ports": ports}).ports[-1] == "20/tcp"
    assert container({"Ports": {"PrivatePort": 1}}).ports == ()


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("Exited (0) 2 minutes ago", 0),
        ("Exited (-1) now", -1),
        ("Exited (1234567890) now", 1234567890),
        ("Exited (12345678901) now", None),
        ("Up 2 minutes", None),
        ("Not Exited (1)", None),
    ],
)
def test_the_exit_code_in_a_status(status: str, code: int | None) -> None:
    assert container({"Status": status}).exit_code == code


def test_texts_of_a_row_have_a_limit() -> None:
    long = "x" * 1000
    found = container(
        {
            **dict.fromkeys(("Id", "Image", "ImageID", "Command", "Status"), long),
            "Names": ["/" + long],
            "State": "RUNNING",
        }
    )
    lengths = [len(text) for text in (found.id, found.name, found.status, found.image, found.image_id)]
    assert lengths == [128, 200, 120, 300, 200]
    assert len(found.command) == 300
    assert found.state is ContainerState.RUNNING


def test_images_without_a_name_have_containers_too() -> None:
    nameless = LocalImage(None, "sha256:a", None, 1)
    one = container({"Id": "1", "ImageID": "sha256:a"})
    lost = container({"Id": "2", "ImageID": "sha256:b", "Image": "sha256:b"})
    assert by_image([one, lost], [nameless]) == {"sha256:a": [one]}
