"""What is entered to run a container: read field by field, each with a sentence about what is wrong.

The forms are those of ``docker run``, with one difference: a folder that does not exist on the engine's machine is
refused instead of being created (``--mount`` instead of ``--volume``).
"""

from __future__ import annotations

import csv
import ipaddress
import re
import shlex
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from longshore.engine.container_model import Mount, Port, RunRequest
from longshore.errors import InvalidInput, RunField

if TYPE_CHECKING:
    from longshore.engine.model import ImageDetails

T = TypeVar("T")

#: Characters that a field may have: an engine would refuse more anyway.
LONGEST = 32_768
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{1,252}")
_VOLUME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,252}")
_DRIVE = re.compile(r"[a-zA-Z]:[\\/]")
_PROTOCOLS = ("tcp", "udp", "sctp")


@dataclass(frozen=True, slots=True)
class RunForm:
    """What was entered; see :class:`RunRequest`.

    *command*: a text, which is split as a shell would, or the words. *ports*, *volumes* and *mounts* as in
    :func:`parse_port`, :func:`parse_volume` and :func:`parse_mount`. *environment*: names and values.
    """

    image: str
    command: str | tuple[str, ...] = ""
    name: str = ""
    entrypoint: str = ""
    ports: tuple[str, ...] = ()
    publish_all: bool = False
    environment: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    volumes: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()
    network: str = ""
    working_directory: str = ""
    user: str = ""
    remove: bool = False
    detach: bool = False


def read_form(
    form: RunForm, folder: Path | None = None
) -> tuple[RunRequest | None, dict[RunField, InvalidInput]]:
    """Return the request, None if something is wrong; and what is wrong, by field. Pure; any thread.

    *folder*: relative paths of volumes start there; None refuses them.
    """
    wrong: dict[RunField, InvalidInput] = {}

    def read(where: RunField, parse: Callable[[], T], empty: T) -> T:
        try:
            return parse()
        except InvalidInput as error:
            wrong.setdefault(where, error)
            return empty

    request = RunRequest(
        image=form.image,
        command=read(RunField.COMMAND, lambda: parse_command(form.command), ()),
        name=read(RunField.NAME, lambda: parse_name(form.name), ""),
        entrypoint=read(RunField.ENTRYPOINT, lambda: _word(form.entrypoint, "/bin/sh"), ""),
        ports=read(RunField.PORTS, lambda: tuple(map(parse_port, form.ports)), ()),
        publish_all=form.publish_all,
        environment=read(RunField.ENVIRONMENT, lambda: tuple(map(_variable, form.environment)), ()),
        mounts=read(
            RunField.VOLUMES,
            lambda: (
                *(parse_volume(text, folder) for text in form.volumes),
                *(parse_mount(text, folder) for text in form.mounts),
            ),
            (),
        ),
        network=read(RunField.NETWORK, lambda: _network(form.network), ""),
        working_directory=read(RunField.DIRECTORY, lambda: _directory(form.working_directory), ""),
        user=read(RunField.USER, lambda: _user(form.user), ""),
        remove=form.remove,
        detach=form.detach,
    )
    return (None if wrong else request), wrong


def defaults(image: str, details: ImageDetails) -> RunForm:
    """Return the form for *image* with what its configuration says: each exposed port without a port of the machine."""
    return RunForm(image, ports=tuple(f":{port}" for port in details.ports[:100]))


def command_text(words: tuple[str, ...]) -> str:
    """Return *words* as a text that :func:`parse_command` splits into the same words."""
    return shlex.join(words)


def parse_command(text: str | tuple[str, ...]) -> tuple[str, ...]:
    """Return the words of a command, split as a shell would. Nothing is expanded. Raises InvalidInput."""
    if isinstance(text, str):
        _check(text)
        try:
            words = tuple(shlex.split(text))
        except ValueError as error:
            raise InvalidInput(
                "The command has a quotation mark or a backslash that is not closed.",
                subject=text,
                advice="Close it, such as in: sh -c 'echo hello'",
            ) from error
        return words
    for word in text:
        _check(word)
    return text


def parse_name(text: str) -> str:
    """Return the name of a container, "" for none. Raises InvalidInput."""
    text = text.strip()
    if text and not _NAME.fullmatch(text):
        raise InvalidInput(
            "This is not a name for a container.",
            subject=text,
            advice="Use at least two letters, digits, “_”, “.” and “-”, and begin with a letter or a digit.",
        )
    return text


def parse_port(text: str) -> Port:
    """Return the port that *text* publishes. Raises InvalidInput.

    ``8080:80``, ``127.0.0.1:8080:80/udp``, ``[::1]:8080:80``, and ``80`` for a free port of the machine.
    """
    text = text.strip()
    rest, slash, protocol = text.partition("/")
    protocol = protocol.lower() if slash else "tcp"
    if protocol not in _PROTOCOLS:
        raise _wrong_port(text, "The protocol of a port is tcp, udp or sctp.")
    before, _, container = rest.rpartition(":")
    address, host = "", before
    if before.count(":"):
        address, _, host = before.rpartition(":")
        bare = address[1:-1] if address.startswith("[") and address.endswith("]") else address
        try:
            address = str(ipaddress.ip_address(bare)) if bare else ""
        except ValueError as error:
            raise _wrong_port(text, "The part before the ports is not an IP address.") from error
    if "-" in host or "-" in container:
        raise _wrong_port(text, "Ranges of ports are not possible here: enter them one by one.")
    return Port(_number(container, text), _number(host, text) if host else 0, address, protocol)


def parse_variable(text: str, environ: Callable[[str], str | None]) -> tuple[str, str] | None:
    """Return the variable ``NAME=VALUE``, or ``NAME`` with its value in *environ*; None if it has none there.

    Raises InvalidInput.
    """
    name, equals, value = text.partition("=")
    if equals:
        return _variable((name, value))
    found = environ(_variable((name, ""))[0])
    return None if found is None else (name, found)


def parse_volume(text: str, folder: Path | None = None) -> Mount:
    """Return the mount for ``/host:/container``, ``NAME:/container`` or ``/container``, each also with ``:ro``.

    Raises InvalidInput.
    """
    text = text.strip()
    _check(text)
    drive = text[:2] if _DRIVE.match(text) else ""
    parts = text[len(drive) :].split(":")
    read_only = len(parts) > 1 and parts[-1] == "ro"
    if len(parts) > 1 and parts[-1] in ("ro", "rw"):
        parts.pop()
    if len(parts) > 2:
        raise _wrong_volume(text, "A volume has a source and a target, and may end with “:ro”.")
    source = drive + parts[0] if len(parts) == 2 else ""
    return _mount(source, parts[-1], read_only, text, folder, bind=None)


def parse_mount(text: str, folder: Path | None = None) -> Mount:
    """Return the mount for ``type=bind,source=/host,target=/container,readonly``. Raises InvalidInput."""
    _check(text)
    try:
        rows = list(csv.reader([text], strict=True))
    except csv.Error as error:
        raise _wrong_mount(text) from error
    found: dict[str, str] = {}
    for part in rows[0] if len(rows) == 1 else []:
        key, _, value = part.partition("=")
        key = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly"}.get(key, key)
        if key in found or key not in ("type", "source", "target", "readonly"):
            raise _wrong_mount(text)
        found[key] = value
    kind = found.get("type", "volume")
    if kind not in ("bind", "volume") or found.get("readonly", "true") not in ("", "true", "1", "false", "0"):
        raise _wrong_mount(text)
    read_only = found.get("readonly", "false") in ("", "true", "1")
    source, target = found.get("source", ""), found.get("target", "")
    return _mount(source, target, read_only, text, folder, bind=kind == "bind")


def _mount(
    source: str, target: str, read_only: bool, text: str, folder: Path | None, *, bind: bool | None
) -> Mount:
    """The checked mount. *bind*: None if the form of *source* says whether it is a path."""
    if any(unicodedata.category(char) == "Cc" for char in source + target):
        raise _wrong_volume(text, "A path contains control characters.")
    if not target.startswith("/") or target == "/":
        raise _wrong_volume(text, "The path in the container does not begin with “/”.")
    path = bool(source.startswith(("/", "./", "../", "~")) or source in (".", "..") or _DRIVE.match(source))
    if bind is None:
        bind = path
    if not bind:
        if source and not _VOLUME.fullmatch(source):
            raise _wrong_volume(text, "This is neither an absolute path nor the name of a volume.")
        return Mount(source, target, read_only, volume=True)
    if not source.startswith("/") and not _DRIVE.match(source):
        if folder is None or source.startswith("~") or not source:
            raise _wrong_volume(text, "The path on the engine's machine is not absolute.")
        source = str(folder / source)
    return Mount(source, target, read_only)


def _check(text: str) -> None:
    """Raise InvalidInput for what no operating system takes as an argument."""
    if "\0" in text:
        raise InvalidInput("This contains a NUL character.", advice="Remove it.")
    if len(text) > LONGEST:
        raise InvalidInput("This is too long.", advice="Use a file in a volume instead.")


def _word(text: str, example: str) -> str:
    text = text.strip()
    _check(text)
    if any(not char.isprintable() for char in text):
        raise InvalidInput(
            "This contains control characters.", subject=text, advice=f"Use one such as {example}."
        )
    return text


def _variable(pair: tuple[str, str]) -> tuple[str, str]:
    name, value = pair
    name = name.strip()
    _check(name)
    _check(value)
    if not name or "=" in name or any(char.isspace() or not char.isprintable() for char in name):
        raise InvalidInput(
            "A variable's name is missing or not valid.",
            subject=name,
            advice="Use letters, digits and “_”, such as LANG.",
        )
    return name, value


def _network(text: str) -> str:
    text = _word(text, "host or none")
    if any(char.isspace() for char in text):
        raise InvalidInput(
            "The name of a network has no spaces.",
            subject=text,
            advice="Use one such as bridge, host or none.",
        )
    return text


def _directory(text: str) -> str:
    text = _word(text, "/srv/app")
    if text and not text.startswith("/") and not _DRIVE.match(text):
        raise InvalidInput(
            "The working directory is not an absolute path.", subject=text, advice="Begin it with “/”."
        )
    return text


def _user(text: str) -> str:
    text = _word(text, "1000:1000")
    if any(char.isspace() for char in text):
        raise InvalidInput(
            "A user has no spaces.", subject=text, advice="Use a name, or a number such as 1000:1000."
        )
    return text


def _number(text: str, whole: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65536):
        raise _wrong_port(whole, "A port is a number from 1 to 65535.")
    return int(text)


def _wrong_port(text: str, message: str) -> InvalidInput:
    return InvalidInput(message, subject=text, advice="Examples: 8080:80, 127.0.0.1:8080:80/udp.")


def _wrong_volume(text: str, message: str) -> InvalidInput:
    return InvalidInput(message, subject=text, advice="Examples: /srv/data:/data, cache:/var/cache:ro.")


def _wrong_mount(text: str) -> InvalidInput:
    return InvalidInput(
        "This is not a mount of a folder or a volume.",
        subject=text,
        advice="Example: type=bind,source=/srv/data,target=/data,readonly",
    )
