"""The containers of one engine: listed, run from an image, followed, stopped and removed. Blocking; no asyncio, no Qt.

Field names and statuses are those of the Engine API (moby api/docs), which Podman offers too.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from longshore.cancellation import Cancellation
from longshore.engine.container_model import (
    KILLED,
    Container,
    ContainerState,
    Ended,
    OutputPiece,
    Port,
    RunEvent,
    RunRequest,
    Started,
)
from longshore.engine.container_refusals import container_refusal, run_refusal
from longshore.engine.framing import Frames, Unframed
from longshore.engine.parsing import from_seconds
from longshore.errors import EngineLost, LongshoreError
from longshore.text import plain

if TYPE_CHECKING:
    from requests import Response

    from longshore.engine.client import Client
    from longshore.oci.local_image import LocalImage

T = TypeVar("T")

#: Bytes of output that are read at once, and so the most in one piece.
READ_BYTES = 65536
#: Seconds between asking a container to stop and killing it, as in Docker.
GRACE_SECONDS = 10
#: Lines of a log that are read if nothing else is asked.
LOG_LINES = 2000
#: Actions of containers that change what a list of them shows.
_ACTIONS = ("create", "start", "die", "stop", "pause", "unpause", "restart", "rename", "destroy", "remove")
_EXITED = re.compile(r"Exited \((-?[0-9]{1,10})\)")
#: Podman's names for states that Docker calls otherwise.
_STATES = {
    "configured": ContainerState.CREATED,
    "initialized": ContainerState.CREATED,
    "stopped": ContainerState.EXITED,
    "stopping": ContainerState.RUNNING,
}


class Connection(Protocol):
    """What containers need of their engine; see :class:`~longshore.engine.engine.Engine`."""

    def short(self, ask: Callable[[Client], T], failed: Callable[[int, str], LongshoreError]) -> T:
        """The result of *ask*, a short question on the shared client."""

    def job(
        self, cancellation: Cancellation, doing: str, failed: Callable[[int, str], LongshoreError]
    ) -> contextlib.AbstractContextManager[Client]:
        """A separate client for one long call, interrupted by *cancellation*."""


class Containers:
    """The containers of an engine. Any worker thread; every call blocks.

    All raise EngineUnavailable, EngineLost and EngineFailure as the engine does, and those with a *cancellation* raise
    Cancelled. The generators hold a connection until they end: callers that may stop early close them
    (contextlib.closing); the container keeps running.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> list[Container]:
        """All containers, running or not, the newest first."""

        def ask(client: Client) -> list[Container]:
            return [container(each) for each in client.containers(all=True) if isinstance(each, Mapping)]

        return self._connection.short(ask, container_refusal)

    def run(self, request: RunRequest, cancellation: Cancellation) -> Generator[RunEvent]:
        """Create and start a container: Started, its output as it comes, and Ended. Detached: only Started.

        A container that could not be started is removed again. *cancellation* ends the reading, not the container.
        Read it promptly: a container waits for the reader of its output. Raises RunRefused, ImageUnknown.
        """

        def failed(status: int, text: str) -> LongshoreError:
            return run_refusal(status, text, request)

        def create(client: Client) -> str:
            made: Any = client.create_container_from_config(  # type: ignore[no-untyped-call]
                _body(request), request.name or None
            )
            about = str(made.get("Id") or "") if isinstance(made, Mapping) else ""
            if not about:
                raise ValueError("the engine did not report the id of the new container")
            return about

        cancellation.raise_if_cancelled()
        # Not cut by the cancellation: nobody would know the id of the container that the engine made.
        about = self._connection.short(create, failed)
        started = False
        try:
            with self._connection.job(cancellation, "running a container", failed) as client:
                name = plain(str(_inspected(client, about).get("Name") or "").lstrip("/"), 200)
                with contextlib.ExitStack() as open_streams:
                    output = ended = None
                    if not request.detach:
                        output = open_streams.enter_context(_attached(client, about))
                        if request.remove:
                            # Afterwards nobody knows the exit code any more.
                            ended = open_streams.enter_context(_waiting(client, about, "removed"))
                    client.start(about)
                    started = True
                    yield Started(about, name)
                    if output is None:
                        return
                    yield from _pieces(output, terminal=False)
                    if ended is None:
                        ended = open_streams.enter_context(_waiting(client, about, "not-running"))
                    yield self._ended(about, _exit_code(ended))
        finally:
            if not started:
                self._discard(about)

    def follow(
        self, about: str, cancellation: Cancellation, *, lines: int = LOG_LINES, until_end: bool = True
    ) -> Generator[OutputPiece | Ended]:
        """The last *lines* of the output of the container *about*, a name or id; then what follows, and Ended.

        *until_end* False: only what there is now, without Ended. Raises ContainerUnknown, and EngineFailure for a log
        that the engine can't read.
        """

        def failed(status: int, text: str) -> LongshoreError:
            return container_refusal(status, text, about)

        with self._connection.job(cancellation, "reading a container's output", failed) as client:
            terminal = _part(_inspected(client, about), "Config").get("Tty") is True
            asked = {"stdout": "1", "stderr": "1", "tail": str(lines), "follow": "1" if until_end else "0"}
            with client.exchange("GET", "/containers/{0}/logs", about, params=asked) as response:
                yield from _pieces(response, terminal=terminal)
            if until_end:
                with _waiting(client, about, "not-running") as response:
                    code = _exit_code(response)
                yield self._ended(about, code)

    def changes(self, cancellation: Cancellation) -> Generator[None]:
        """Yields once when connected, and then after every change of the list of containers. Never ends normally."""
        asked = {"filters": json.dumps({"type": ["container"], "event": list(_ACTIONS)})}
        with (
            self._connection.job(cancellation, "", container_refusal) as client,
            client.objects("GET", "/events", params=asked) as lines,
        ):
            yield
            for _ in lines:
                yield
        raise EngineLost("The engine closed its event stream.")

    def stop(self, about: str, *, grace: int = GRACE_SECONDS) -> None:
        """Ask the container to stop, and kill it after *grace* seconds. One that has stopped is no error."""
        self._connection.short(
            lambda client: client.stop(about, timeout=grace),
            lambda status, text: container_refusal(status, text, about),
        )

    def remove(self, about: str, *, force: bool = False) -> None:
        """Remove a container; *force*: even one that is running. Its volumes stay."""
        self._connection.short(
            lambda client: client.remove_container(about, force=force),
            lambda status, text: container_refusal(status, text, about),
        )

    def exit_code(self, about: str) -> int | None:
        """The exit code of a container that has exited; None while it runs. Raises ContainerUnknown."""

        def ask(client: Client) -> int | None:
            state = _part(_inspected(client, about), "State")
            return None if state.get("Running") is True else _number(state.get("ExitCode"))

        return self._connection.short(ask, lambda status, text: container_refusal(status, text, about))

    def _ended(self, about: str, exit_code: int | None) -> Ended:
        """How the container ended. Of one that was killed, the engine is asked why, unless it is gone."""
        if exit_code == KILLED:
            with contextlib.suppress(LongshoreError):
                state = self._connection.short(
                    lambda client: _part(_inspected(client, about), "State"),
                    lambda status, text: container_refusal(status, text, about),
                )
                return Ended(exit_code, state.get("OOMKilled") is True)
        return Ended(exit_code)

    def _discard(self, about: str) -> None:
        """Remove a container that was not started; the error that prevented it says more than a second one."""
        with contextlib.suppress(LongshoreError):
            self.remove(about, force=True)


def by_image(containers: Iterable[Container], images: Iterable[LocalImage]) -> dict[str, list[Container]]:
    """The containers by the id of their image among *images*; images without containers are left out.

    containerd's store may name the platform's manifest in its list of containers, but the index in that of images;
    such a container is found by the name that it was created from.
    """
    images = list(images)
    ids = {image.image_id for image in images}
    names: dict[str, str] = {}
    for image in images:
        if image.reference is not None:
            names |= {str(image.reference): image.image_id, image.reference.familiar: image.image_id}
    found: dict[str, list[Container]] = {}
    for each in containers:
        image_id = each.image_id
        if image_id not in ids:
            image_id = names.get(each.image) or names.get(f"{each.image}:latest") or ""
        if image_id:
            found.setdefault(image_id, []).append(each)
    return found


def container(data: Mapping[str, Any]) -> Container:
    """The container in a row of ``/containers/json``; what is missing or wrong is left empty."""
    names = data.get("Names")
    name = next((each for each in names if isinstance(each, str)), "") if isinstance(names, list) else ""
    status = str(data.get("Status") or "")
    exited = _EXITED.match(status)
    state = str(data.get("State") or "").lower()
    return Container(
        id=plain(data.get("Id") or "", 128),
        name=plain(name.lstrip("/"), 200),
        state=_STATES.get(state) or _state(state),
        status=plain(status, 120),
        image=plain(data.get("Image") or "", 300),
        image_id=plain(data.get("ImageID") or "", 200),
        command=plain(data.get("Command") or "", 300),
        created=from_seconds(data.get("Created")),
        ports=tuple(_ports(data.get("Ports"))),
        exit_code=int(exited[1]) if exited else None,
    )


def _state(text: str) -> ContainerState:
    try:
        return ContainerState(text)
    except ValueError:
        return ContainerState.OTHER


def _ports(rows: object) -> Iterator[str]:
    """Ports as Docker prints them, such as ``127.0.0.1:8080->80/tcp``; at most twenty."""
    for row in rows[:20] if isinstance(rows, list) else ():
        if not isinstance(row, Mapping) or not isinstance(row.get("PrivatePort"), int):
            continue
        inside = plain(f"{row['PrivatePort']}/{row.get('Type') or 'tcp'}", 20)
        address, public = plain(row.get("IP") or "", 60), row.get("PublicPort")
        address = f"[{address}]" if ":" in address else address
        yield f"{address}:{public}->{inside}" if isinstance(public, int) and public else inside


def _body(request: RunRequest) -> dict[str, Any]:
    """The body of ``/containers/create``."""
    bindings: dict[str, list[dict[str, str]]] = {}
    for port in request.ports:
        binding = {"HostIp": port.address, "HostPort": str(port.host) if port.host else ""}
        bindings.setdefault(_named(port), []).append(binding)
    host: dict[str, Any] = {
        "PortBindings": bindings,
        "PublishAllPorts": request.publish_all,
        "AutoRemove": request.remove,
        "Mounts": [
            {
                "Type": "volume" if mount.volume else "bind",
                "Source": mount.source,
                "Target": mount.target,
                "ReadOnly": mount.read_only,
            }
            for mount in request.mounts
        ],
    }
    if request.network:
        host["NetworkMode"] = request.network
    body: dict[str, Any] = {
        "Image": request.image,
        "AttachStdout": not request.detach,
        "AttachStderr": not request.detach,
        "Env": [f"{name}={value}" for name, value in request.environment],
        "ExposedPorts": {name: {} for name in bindings},
        "HostConfig": host,
    }
    if request.command:
        body["Cmd"] = list(request.command)
    if request.entrypoint:
        body["Entrypoint"] = [request.entrypoint]
    if request.working_directory:
        body["WorkingDir"] = request.working_directory
    if request.user:
        body["User"] = request.user
    return body


def _named(port: Port) -> str:
    return f"{port.container}/{port.protocol}"


def _attached(client: Client, about: str) -> contextlib.AbstractContextManager[Response]:
    asked = {"stream": "1", "stdout": "1", "stderr": "1"}
    return client.exchange("POST", "/containers/{0}/attach", about, params=asked)


def _waiting(client: Client, about: str, condition: str) -> contextlib.AbstractContextManager[Response]:
    """Begin to wait; the engine sends the head of its response at once."""
    return client.exchange("POST", "/containers/{0}/wait", about, params={"condition": condition})


def _exit_code(response: Response) -> int | None:
    """The exit code in a response to ``wait``, which ends with the container."""
    from longshore.engine.client import read_lines

    return next((_number(each.get("StatusCode")) for each in read_lines(response)), None)


def _pieces(response: Response, *, terminal: bool) -> Iterator[OutputPiece]:
    frames = Unframed() if terminal else Frames()
    while data := response.raw.read1(READ_BYTES):
        yield from frames.feed(data)


def _inspected(client: Client, about: str) -> Mapping[str, Any]:
    found: Any = client.inspect_container(about)
    return found if isinstance(found, Mapping) else {}


def _part(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = data.get(name)
    return part if isinstance(part, Mapping) else {}


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32 else None
