"""Reads the event streams of builders: dockerd's classic builder, and Podman's.

Seen from dockerd 20.10 and 28 (both stores) and Podman 5.8. The output of a step may look like the builder's own lines;
only a step that comes next is taken for one. No SDK, no I/O; a reader is used by one thread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from longshore.engine.attempt import Attempt
from longshore.engine.stream import Normaliser
from longshore.errors import LongshoreError
from longshore.oci.layer import LayerProgress, LayerState
from longshore.oci.reference import Reference
from longshore.text import OutputLines, output_line, plain

#: Characters of an instruction that are shown.
LONGEST_INSTRUCTION = 300
#: Characters of a message that are read.
_LONGEST_MESSAGE = 8_000
# Every repetition is bounded, because the lines are foreign.
_NUMBER = r"([0-9]{1,6})"
_DOCKER_STEP = re.compile(rf"Step {_NUMBER}/{_NUMBER} : ")
_PODMAN_STEP = re.compile(rf"(?:\[{_NUMBER}/{_NUMBER}\] )?STEP {_NUMBER}(?:/{_NUMBER})?: ")
_ID = r"(?:sha256:)?[0-9a-f]{12,64}"
_ARROW = re.compile(rf" ?-{{2,3}}> (Using cache)?(?:\s{{0,4}}{_ID})?\s{{0,4}}")
_DOCKER_LINE = re.compile(
    rf" ---> Running in {_ID}\s{{0,4}}|(?: ---> )?Remov(?:ing|ed) intermediate container {_ID}\s{{0,4}}"
    rf"|Successfully built {_ID}\s{{0,4}}|Successfully tagged \S{{1,600}}\s{{0,4}}| ---> \s{{0,4}}"
)
_PODMAN_LINE = re.compile(
    rf"(?:\[{_NUMBER}/{_NUMBER}\] )?COMMIT(?: \S{{0,600}})?\s{{0,4}}"
    rf"|Successfully (?:tagged \S{{1,600}}|built {_ID})\s{{0,4}}|[0-9a-f]{{64}}\s{{0,4}}"
)
_WARNING = re.compile(r"\[Warning\] ")
_IMAGE_ID = re.compile(r"sha256:[0-9a-f]{64}")
#: Podman's error has the exit code in its words.
_EXIT = re.compile(r"exit status ([0-9]{1,3})(?![0-9])")


@dataclass(frozen=True, slots=True)
class Step:
    """A step begins. *number* of *total* in its stage (0: not known); *stage* of *stages*, 1 of 1 if they are not told
    apart. *text*: the instruction, safe to show."""

    number: int
    total: int
    text: str
    stage: int = 1
    stages: int = 1


@dataclass(frozen=True, slots=True)
class Cached:
    """The latest step was not run: the engine has its result."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A step of a builder that runs several at once: *number* in the order in which they became known, and its state.

    *share*: of all known steps that are done, from 0.0 to 1.0.
    """

    number: int
    text: str
    state: LayerState
    share: float


@dataclass(frozen=True, slots=True)
class Output:
    """A line of output, safe to show. *step*: the number of its step, 0 for none; None: the latest."""

    line: str
    step: int | None = None


@dataclass(frozen=True, slots=True)
class Pulled:
    """Bytes of the base image that the latest step pulls, as far as they are known."""

    current: int
    total: int


@dataclass(frozen=True, slots=True)
class Built:
    """The id of an image that a stage ended with; the last one is the result."""

    image_id: str


BuildEvent = Step | Cached | Changed | Output | Pulled | Built


@dataclass(frozen=True, slots=True)
class Failure:
    """The builder's message about a failure. *code*: the exit code of the command, None if there is none."""

    message: str
    code: int | None


class BuildFailureError(Exception):
    """The builder reports a failure."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class BuildStream:
    """Converts a builder's events to ours."""

    def __init__(self) -> None:
        self._podman: bool | None = None
        self._begins = False  # the builder ends the line of a step in a piece of its own
        self._step: Step | None = None
        self._lines = OutputLines()
        self._layers = Normaliser(Attempt(Reference.parse("base")))
        self._sizes: dict[str, tuple[int, int]] = {}
        self._said: dict[str, str] = {}

    def feed(self, event: Mapping[str, Any]) -> Iterator[BuildEvent]:
        """Our events for *event*. Raises BuildFailureError."""
        detail = event.get("errorDetail")
        text = detail.get("message") if isinstance(detail, Mapping) else None
        text = text or event.get("error")
        if detail is not None or text:
            yield from self.finish()
            raise BuildFailureError(_failure(str(text or ""), detail))
        aux = event.get("aux")
        if isinstance(aux, Mapping):
            found = aux.get("ID")
            if isinstance(found, str) and _IMAGE_ID.fullmatch(found):
                yield Built(found)
        piece = event.get("stream")
        if isinstance(piece, str):
            yield from self._piece(piece)
        elif isinstance(event.get("status"), str):
            yield from self._pull(event)

    def finish(self) -> Iterator[Output]:
        """The output without an end."""
        for line in self._lines.finish():
            yield Output(line)

    def _piece(self, piece: str) -> Iterator[BuildEvent]:
        begins, self._begins = self._begins, False
        step = self._begun(piece)
        if step is not None:
            yield from self.finish()
            self._step = step
            self._begins = not piece.endswith("\n")
            self._sizes.clear()
            yield step
        elif (begins and piece == "\n") or self._own(piece):
            arrow = _ARROW.fullmatch(piece)
            if arrow is not None and arrow[1]:
                yield Cached()
        else:
            for line in self._lines.feed(_WARNING.sub("", piece, 1)):
                yield Output(line)

    def _begun(self, piece: str) -> Step | None:
        """The step that *piece* begins, None for anything else."""
        found = None if self._podman else _DOCKER_STEP.match(piece)
        if found is not None:
            step = Step(int(found[1]), int(found[2]), _instruction(piece[found.end() :]))
            latest = self._step
            follows = step.number == (1 if latest is None else latest.number + 1)
            if step.number > step.total or not follows or (latest and latest.total != step.total):
                return None
            self._podman = False
            return step
        found = _PODMAN_STEP.match(piece) if self._podman is not False else None
        if found is None:
            return None
        stage, stages = int(found[1] or 1), int(found[2] or 1)
        step = Step(int(found[3]), int(found[4] or 0), _instruction(piece[found.end() :]), stage, stages)
        latest = self._step
        # Stages that no other needs are left out.
        follows = (
            step.number == 1
            if latest is None or stage != latest.stage
            else step.number == latest.number + 1 and step.total == latest.total
        )
        if (step.total and step.number > step.total) or stage > stages or not follows:
            return None
        self._podman = True
        return step

    def _own(self, piece: str) -> bool:
        """Whether *piece* is one of the builder's own lines, which say nothing that is not shown elsewhere."""
        if self._podman is None or len(piece) > 1000:
            return False
        if _ARROW.fullmatch(piece):
            return True
        return (_PODMAN_LINE if self._podman else _DOCKER_LINE).fullmatch(piece) is not None

    def _pull(self, event: Mapping[str, Any]) -> Iterator[BuildEvent]:
        """What a base image's pull reports: a line per state of a layer, and the sum of bytes."""
        name = event.get("id")
        status = plain(event["status"], 200)
        key = plain(name, 100) if isinstance(name, str) else ""
        for progress in self._layers.feed(event):
            if isinstance(progress, LayerProgress) and progress.total:
                whole = progress.state is not LayerState.TRANSFERRING
                current = progress.total if whole else progress.current or 0
                if len(self._sizes) < 1000 or progress.layer_id in self._sizes:
                    self._sizes[progress.layer_id] = (current, progress.total)
                sizes = self._sizes.values()
                yield Pulled(sum(one for one, _ in sizes), sum(total for _, total in sizes))
        if status and self._said.get(key) != status and (len(self._said) < 1000 or key in self._said):
            self._said[key] = status
            if not status.startswith(("Downloading", "Extracting", "Waiting", "Pulling fs layer")):
                yield Output(output_line(f"{key}: {status}" if key else status))


def _instruction(text: str) -> str:
    return plain(output_line(text, 2 * LONGEST_INSTRUCTION), LONGEST_INSTRUCTION, least=1)  # without colours


def _failure(text: str, detail: object) -> Failure:
    text = text[:_LONGEST_MESSAGE]
    code = detail.get("code") if isinstance(detail, Mapping) else None
    if not isinstance(code, int) or isinstance(code, bool) or not 0 < code < 1_000:
        found = _EXIT.search(text)
        code = int(found[1]) if found is not None else None
    return Failure(text.strip(), code)


def classified(text: str, image: str) -> LongshoreError | None:
    """The error for a base image *image* that could not be pulled, None if *text* is about something else."""
    from longshore.engine.failures import classify
    from longshore.errors import EngineFailure, InvalidReference

    try:
        reference = Reference.parse_input(image)
    except InvalidReference:
        return None
    error = classify(text, Attempt(reference.with_default_tag()))
    return None if isinstance(error, EngineFailure) else error
