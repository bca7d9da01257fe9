"""The errors for what engines refuse about containers: a table of their messages.

The texts were seen from dockerd 20.10 and 28 (both stores, runc) and Podman 5; the first match wins.
"""

from __future__ import annotations

import re

from longshore.engine.container_model import RunRequest
from longshore.engine.refusals import refusal
from longshore.errors import (
    ContainerUnknown,
    EngineFailure,
    LongshoreError,
    RunField,
    RunRefused,
    Sentence,
)
from longshore.secrecy import without_values

#: The maximum number of characters of a message that are searched.
_LONGEST = 16 * 1024
#: The maximum number of characters of a message that are looked at; errors show less.
_MOST_KEPT = 4 * _LONGEST

_PORT = r"(?:for|tcp[46]?|udp[46]?|sctp) (?:\[?[0-9a-f.:]{0,45}\]?):([0-9]{1,5})\b"


def _rule(
    pattern: str, field: RunField | None, message: str, advice: str
) -> tuple[re.Pattern[str], RunField | None, str, str]:
    return re.compile(pattern, re.IGNORECASE), field, message, advice


# fmt: off
#: Every repetition is bounded: the texts are foreign. A group is shown as ``{found}``.
RULES = (
    _rule(rf"{_PORT}(?: failed)?: (?:port is already allocated|bind: address already in use)", RunField.PORTS,
          "Port {found} of the engine's machine is in use.",
          "Choose another host port, or stop the program or container that uses it."),
    _rule(r"port is already allocated|address already in use", RunField.PORTS,
          "A port of the engine's machine is in use.",
          "Choose another host port, or stop the program or container that uses it."),
    _rule(r"cannot assign requested address", RunField.PORTS,
          "The engine's machine does not have the address of a port.",
          "Use one of its own addresses, or leave the address out."),
    _rule(r"permission denied.{0,40}\b(?:expose|bind)|(?:expose|bind).{0,80}privileged port|bind: permission denied",
          RunField.PORTS, "The engine is not allowed to use this port.",
          "Choose a host port of 1024 or higher."),
    _rule(r"name .{0,300}is already in use", RunField.NAME,
          "There is a container with the name “{name}” already.",
          "Choose another name, or remove that container."),
    _rule(r"invalid characters for a local volume name|creating named volume", RunField.VOLUMES,
          "The engine does not accept this volume name.",
          "Use letters, digits, “_”, “.” and “-”; a folder begins with “/”."),
    _rule(r"invalid container name|names must match", RunField.NAME,
          "The engine does not accept this name.",
          "Use letters, digits, “_”, “.” and “-”, and begin with a letter or a digit."),
    _rule(r"exec format error", RunField.COMMAND,
          "The image is for another platform than the engine's machine.",
          "Pull it for the engine's platform."),
    _rule(r'exec: "([^"]{1,300})": (?:is a directory|permission denied|stat [^:]{1,300}: permission denied)',
          RunField.COMMAND, "“{found}” in the image can't be executed.",
          "Check the command: it must be a program."),
    _rule(r'exec: "([^"]{1,300})": ', RunField.COMMAND, "The image has no program “{found}”.",
          "Check the command: its first word is a program in the image, unless the image has an entry point."),
    _rule(r"invoke a command that was not found", RunField.COMMAND, "The image does not have this program.",
          "Check the command: its first word is a program in the image, unless the image has an entry point."),
    _rule(r"no command (?:or entrypoint )?(?:specified|provided)", RunField.COMMAND,
          "The image does not say what to run.", "Enter a command."),
    _rule(r"network (\S{1,300}) not found|network with name or ID (\S{1,300}): network not found", RunField.NETWORK,
          "The engine has no network “{found}”.", "Leave it empty for the default network, or create it first."),
    _rule(r"bind source path does not exist: (.{1,1000})|statfs ([^:]{1,1000}): no such file", RunField.VOLUMES,
          "“{found}” does not exist on the engine's machine.", "Create it there, or choose another folder."),
    _rule(r"mounts denied|is not shared from", RunField.VOLUMES,
          "The engine's virtual machine can't see this folder.",
          "Share it in the settings of Docker Desktop, or choose a folder below your home."),
    _rule(r"unable to find (?:user|group) (\S{1,200}): ", RunField.USER, "The image has no user or group “{found}”.",
          "Use one that the image has, or a number such as 1000:1000."),
    _rule(r"working directory .{0,1000}(?:is invalid|absolute path)|cwd must be an absolute path", RunField.DIRECTORY,
          "The working directory is not an absolute path.", "Begin it with “/”."),
    _rule(r"no such container|no container with (?:name or )?ID|container .{0,300}does not exist in database", None,
          "The container no longer exists.", "Refresh the list."),
    _rule(r"running container|container is running|cannot remove container .{0,300}as it is running|is paused and must",
          None, "The container is running.", "Stop it first."),
    _rule(r"removal of container .{0,300} already in progress", None, "The container is being removed already.",
          "Wait a moment."),
)
# fmt: on


def container_refusal(status: int, text: str, container: str = "") -> LongshoreError:
    """The error for a response with *status* about a *container* that exists, by its name or id."""
    for pattern, field, message, advice in RULES:
        if field is None and pattern.search(text[:_LONGEST]):
            kind = ContainerUnknown if "exists" in message else EngineFailure
            return Sentence(kind, message, advice)(container, text)
    return EngineFailure(
        "The engine could not do this with the container.",
        subject=container,
        advice="See the engine's message in the details.",
        detail=text,
    )


def run_refusal(status: int, text: str, request: RunRequest) -> LongshoreError:
    """The error for a response with *status* to a step of running *request*; without the values of its variables."""
    # Any of them may be a password, whatever the name.
    text = without_values(text[:_MOST_KEPT], [value for _, value in request.environment])
    lowered = text.lower()
    if "no such image" in lowered or "image not known" in lowered or "no space left" in lowered:
        return refusal(status, text, request.image)
    for pattern, field, message, advice in RULES:
        found = pattern.search(text[:_LONGEST])
        if found is None:
            continue
        if field is None:
            return container_refusal(status, text, request.name)
        shown = next(filter(None, found.groups()), "")
        return RunRefused(
            message,
            field=field,
            subject=request.image,
            advice=advice,
            detail=text,
            arguments={"found": shown, "name": request.name},
        )
    return EngineFailure(
        "The engine could not start the container.",
        subject=request.image,
        advice="See the engine's message in the details.",
        detail=text,
    )
