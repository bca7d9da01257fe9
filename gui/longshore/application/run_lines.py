"""The lines of ``docker`` and ``longshore`` that run the same container. Pure; any thread.

Both read the same options. Values of variables whose names say that they are secret are left out of what is shown.
"""

from __future__ import annotations

import csv
import io
import shlex
from typing import TYPE_CHECKING

from longshore import secrecy
from longshore.engine.container_model import Mount, Port, RunRequest

if TYPE_CHECKING:
    from longshore.application.terminal import EngineName


def docker_line(request: RunRequest, engine: EngineName | None, *, secrets: bool = False) -> str:
    """Return the ``docker run`` line. *engine*: None if docker has no option that leads to it; then "".

    *secrets*: with all values; only for who asks for them.
    """
    if engine is None:
        return ""
    if engine.context:
        words = ["docker", "--context", engine.context, "run"]
    else:
        words = ["docker", *(("-H", engine.url) if engine.url else ()), "run"]
    return shlex.join([*words, *_words(request, secrets)])


def longshore_line(request: RunRequest, engine: EngineName | None, *, secrets: bool = False) -> str:
    """Return the ``longshore run`` line; see :func:`docker_line`."""
    if engine is None:
        return ""
    named = engine.context or engine.url
    words = ["longshore", "run", *(("--engine", named) if named else ())]
    return shlex.join([*words, *_words(request, secrets)])


def has_secrets(request: RunRequest) -> bool:
    """Return whether something is left out of the lines without *secrets*."""
    return any(_hidden(name, value) for name, value in request.environment)


def _words(request: RunRequest, secrets: bool) -> list[str]:
    """The options, the image and the command."""
    words: list[str] = []
    for option, asked in (
        ("--detach", request.detach),
        ("--rm", request.remove),
        ("--publish-all", request.publish_all),
    ):
        words += [option] if asked else []
    for option, value in (
        ("--name", request.name),
        ("--network", request.network),
        ("--workdir", request.working_directory),
        ("--user", request.user),
        ("--entrypoint", request.entrypoint),
    ):
        words += _option(option, value) if value else []
    for port in request.ports:
        words += ["--publish", port_text(port)]
    for name, value in request.environment:
        shown = value if secrets or not _hidden(name, value) else secrecy.HIDDEN
        words += _option("--env", f"{name}={shown}")
    for mount in request.mounts:
        words += _mounted(mount)
    return [*words, request.image, *request.command]


def _option(option: str, value: str) -> list[str]:
    """An option with its value, as one word if the value looks like an option."""
    return [f"{option}={value}"] if value.startswith("-") else [option, value]


def port_text(port: Port) -> str:
    """Return *port* as ``--publish`` and :func:`runs.parse_port` read it."""
    address = f"[{port.address}]" if ":" in port.address else port.address
    host = str(port.host) if port.host else ""
    before = f"{address}:{host}:" if address else f"{host}:" if host else ""
    return f"{before}{port.container}" + ("" if port.protocol == "tcp" else f"/{port.protocol}")


def _mounted(mount: Mount) -> list[str]:
    """A volume, or a folder in the form in which a missing one is refused, not created."""
    if mount.volume and mount.source and ":" not in mount.target:
        return ["--volume", f"{mount.source}:{mount.target}" + (":ro" if mount.read_only else "")]
    parts = [f"type={'volume' if mount.volume else 'bind'}"]
    parts += [f"source={mount.source}"] if mount.source else []
    parts += [f"target={mount.target}", *(["readonly"] if mount.read_only else [])]
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow(parts)
    return ["--mount", written.getvalue()]


def _hidden(name: str, value: str) -> bool:
    return bool(value) and (secrecy.names_secret(name) or secrecy.holds_sign_in(value))
