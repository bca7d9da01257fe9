"""Builds an image in an engine, with the builder behind its API: dockerd's classic builder, or Podman's.

BuildKit is not reachable this way: it needs a gRPC session beside the request (``POST /session``), which neither the
Docker SDK nor another maintained library for Python has.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections import deque
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from longshore.cancellation import Cancellation
from longshore.engine.build_stream import (
    BuildEvent,
    BuildFailureError,
    BuildStream,
    Failure,
    Output,
    Step,
    classified,
)
from longshore.engine.outgoing import Outgoing
from longshore.engine.refusals import refusal
from longshore.errors import BuilderUnsuitable, BuildFailed, DiskFull, LongshoreError
from longshore.oci.reference import DOCKER_HUB

if TYPE_CHECKING:
    from longshore.credentials import Credential
    from longshore.engine.engine import Engine
    from longshore.oci.platform import Platform
    from longshore.oci.reference import Reference

#: The name of Docker Hub in the credentials of a build (docker/cli: IndexServer).
_HUB = "https://index.docker.io/v1/"
#: Advice for Dockerfiles that need BuildKit.
USE_BUILDX = "Build with Docker Buildx, or change the Dockerfile."
#: Lines of output that an error repeats.
LAST_LINES = 10
_READ_OUTPUT = "Read the output of the step, correct the Dockerfile or its files, and build again."
_CHECK_PATH = "Check the path: it is relative to the folder, and .dockerignore may exclude it."
_CHECK_STAGE = "Check the path: it is a path within the stage or image that --from names."


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """How an image is built. *arguments*: None means that the builder uses the default."""

    tags: tuple[Reference, ...] = ()
    dockerfile: str = "Dockerfile"
    target: str = ""
    arguments: Mapping[str, str | None] = field(default_factory=dict, repr=False)  # may contain secrets
    labels: Mapping[str, str] = field(default_factory=dict)
    platform: Platform | None = None
    no_cache: bool = False
    pull: bool = False

    def query(self) -> dict[str, object]:
        """The parameters of ``POST /build``."""
        found: dict[str, object] = {"dockerfile": self.dockerfile, "rm": "1", "forcerm": "1"}
        if self.tags:
            found["t"] = [str(tag) for tag in self.tags]
        if self.target:
            found["target"] = self.target
        if self.arguments:
            found["buildargs"] = json.dumps(dict(self.arguments))
        if self.labels:
            found["labels"] = json.dumps(dict(self.labels))
        if self.platform is not None:
            found["platform"] = str(self.platform)
        if self.no_cache:
            found["nocache"] = "1"
        if self.pull:
            found["pull"] = "1"
        return found


def build(
    engine: Engine,
    context: Iterable[bytes],
    options: BuildOptions,
    *,
    credentials: Mapping[str, Credential],
    cancellation: Cancellation,
) -> Generator[BuildEvent]:
    """Have *engine* build an image from the tar *context*. Read it promptly: the engine waits for its reader.

    *credentials*: by the hosts of registries, for base images. Closing the generator closes the connection, upon which
    dockerd stops the step that runs and removes its container. Podman finishes that step and then stops. Raises
    BuildFailed, BuilderUnsuitable, RegistryError for a base image, the errors of the engine, and those of *context*.
    """
    source = Outgoing(context)
    stream = BuildStream()
    latest: Step | None = None
    last: deque[str] = deque(maxlen=LAST_LINES)
    auths = {
        _HUB if host == DOCKER_HUB else host: credential.auth_config()
        for host, credential in credentials.items()
    }

    def refused(status: int, text: str) -> LongshoreError:
        if status in (400, 500):
            return failed(Failure(text, None), None, options)
        return refusal(status, text, "")

    with (
        source.errors_first(),
        contextlib.closing(source.chunks()) as body,
        engine.job(cancellation, "building an image", refused) as client,
        client.objects("POST", "/build", params=options.query(), data=body, auths=auths) as lines,
    ):
        try:
            for line in lines:
                for event in stream.feed(line):
                    if isinstance(event, Step):
                        latest = event
                        last.clear()
                    elif isinstance(event, Output):
                        last.append(event.line)
                    yield event
        except BuildFailureError as error:
            raise failed(error.failure, latest, options, output="\n".join(last)) from error
        yield from stream.finish()


#: What builders say where a Dockerfile needs BuildKit. Searched in messages of bounded length.
_BUILDKIT = re.compile(
    r"requires BuildKit|unknown flag: (?:mount|chmod|link|network|security|parents|exclude)", re.I
)
_NOT_VALID = re.compile(
    r"parse error|unknown instruction|cannot be empty|no contents in|no build stage in|file with no instructions",
    re.I,
)
_NO_STAGE = re.compile(r"build target|target stage|the target \"|target not found", re.I)
_NO_FILE = re.compile(
    r"not found in build context|no such file or directory|file does not exist|no source files|no items matching"
    r"|failed to (?:compute|calculate) (?:cache key|checksum).{0,1000}: not found",
    re.I,
)


def failed(
    failure: Failure,
    step: Step | None,
    options: BuildOptions,
    *,
    output: str = "",
    need_buildkit: str = USE_BUILDX,
) -> LongshoreError:
    """The error for what a builder reports. *step*: the one that ran; *output*: its last lines; *need_buildkit*: the
    advice if only BuildKit, or a newer one, can do it."""
    text = failure.message
    lowered = text.lower()
    if "no space left on device" in lowered or "disk quota exceeded" in lowered:
        return DiskFull(
            "The engine's disk is full.",
            advice="Remove images that you no longer need, or enlarge the engine's disk.",
            detail=text,
        )
    if _NO_STAGE.search(text) and options.target:
        return BuildFailed(
            "The Dockerfile has no stage “{target}”.",
            advice="Choose a stage that a FROM … AS names.",
            detail=text,
            arguments={"target": options.target},
        )
    if step is None:
        return _failed_before_steps(text)
    instruction = f"“{step.text}”"
    if step.stages > 1:
        instruction += f" (stage {step.stage} of {step.stages})"
    arguments = {"number": step.number, "total": step.total or step.number, "instruction": instruction}
    if failure.code is not None:
        return BuildFailed(
            "Step {number} of {total} failed: {instruction} returned exit code {code}.",
            advice=_READ_OUTPUT,
            detail=output or text,
            arguments={**arguments, "code": failure.code},
        )
    if needs_buildkit(text):
        return BuilderUnsuitable(
            "Step {number} of {total} needs BuildKit: {instruction}.",
            advice=need_buildkit,
            detail=text,
            arguments=arguments,
        )
    words = [word for word in step.text.split() if not word.startswith("--")]
    keyword = words[0].upper() if words else ""
    error = classified(text, words[1]) if keyword == "FROM" and len(words) > 1 else None
    if error is not None:
        return error
    advice = _READ_OUTPUT
    if keyword in ("COPY", "ADD") and _NO_FILE.search(text):
        inside = any(word.startswith("--from") for word in step.text.split())
        advice = _CHECK_STAGE if inside else _CHECK_PATH
    return BuildFailed(
        "Step {number} of {total} failed: {instruction}.",
        advice=advice,
        detail="\n".join(part for part in (output, text) if part),
        arguments=arguments,
    )


def needs_buildkit(text: str) -> bool:
    """Whether a builder's message is about something that only BuildKit, or only a newer one, has."""
    return _BUILDKIT.search(text) is not None


def _failed_before_steps(text: str) -> LongshoreError:
    if needs_buildkit(text):
        return BuilderUnsuitable("The Dockerfile needs BuildKit.", advice=USE_BUILDX, detail=text)
    if _NOT_VALID.search(text):
        return BuildFailed("The Dockerfile is not valid.", advice="Correct it and build again.", detail=text)
    return BuildFailed(
        "The engine could not build the image.",
        advice="See the engine's message in the details.",
        detail=text,
    )
