"""``build``: an image from a folder with a Dockerfile."""

from __future__ import annotations

import argparse
import copy
from collections import deque

from longshore.application.builds import (
    parse_argument,
    parse_dockerfile,
    parse_folder,
    parse_label,
    parse_tags,
)
from longshore.application.running import Run
from longshore.application.session import Session
from longshore.cli import exit_codes
from longshore.cli.interrupting import signals
from longshore.cli.moving import platform_of
from longshore.cli.output import Output
from longshore.cli.progress import EVERY, Ends, report_unfinished
from longshore.cli.streams import report
from longshore.cli.transfer_values import transfer_values
from longshore.errors import BuildFailed, InvalidInput
from longshore.language import tr
from longshore.oci.layer import LayerState
from longshore.transfers.builds import BUILDX, Build, names_of
from longshore.transfers.transfer import LayerSnapshot, Phase, State, TransferSnapshot, Waiting
from longshore.words import builds, transfers

#: Lines of output that an error does not repeat.
_LATEST = 100
_EPILOG = """\
examples:
  longshore build -t team/app:1.0
  longshore build -t team/app:1.0 -t team/app:latest --target runtime services/app
  longshore build --build-arg VERSION=1.2 --build-arg NPM_TOKEN --pull -t team/app:1.2 .
  longshore build --builder buildx --platform linux/arm64 -t team/app:arm .

The engine's own builder is Docker's classic builder or Podman. --builder buildx runs the program docker buildx, which
has BuildKit: here-documents, RUN --mount, other frontends.
"""


def add(command: str, parser: argparse.ArgumentParser) -> None:
    """See ``parser.Group``."""
    parser.epilog = _EPILOG
    parser.add_argument(
        "folder", metavar="FOLDER", nargs="?", default=".", help="the folder (default: the current one)"
    )
    parser.add_argument(
        "-t", "--tag", metavar="NAME", action="append", default=[], help="a name for the image (repeatable)"
    )
    parser.add_argument(
        "-f", "--file", metavar="FILE", default="", help="the Dockerfile (default: FOLDER/Dockerfile)"
    )
    parser.add_argument(
        "--target", metavar="STAGE", default="", help="the stage to build (default: the last)"
    )
    parser.add_argument(
        "--build-arg",
        metavar="NAME[=VALUE]",
        action="append",
        default=[],
        help="a build argument; without a value, that of the environment (repeatable)",
    )
    parser.add_argument(
        "--label", metavar="NAME=VALUE", action="append", default=[], help="a label (repeatable)"
    )
    parser.add_argument("--platform", metavar="OS/ARCH", type=platform_of, help="the platform to build for")
    parser.add_argument("--no-cache", action="store_true", help="run every step, even if its result is known")
    parser.add_argument("--pull", action="store_true", help="pull base images even if the engine has them")
    parser.add_argument(
        "--builder",
        choices=("engine", BUILDX),
        default="engine",
        help="the engine's own builder, or docker buildx (default: engine)",
    )
    parser.set_defaults(run=build)


def build(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore build``."""
    folder = parse_folder(arguments.folder)
    place = session.engine()
    wanted = Build(
        folder=folder,
        place=place,
        tags=parse_tags(arguments.tag),
        dockerfile=parse_dockerfile(arguments.file, folder),
        target=arguments.target,
        arguments=dict(parse_argument(text) for text in arguments.build_arg),
        labels=dict(parse_label(text) for text in arguments.label),
        platform=arguments.platform,
        no_cache=arguments.no_cache,
        pull=arguments.pull,
        builder=BUILDX if arguments.builder == BUILDX else "",
    )
    for name, value in wanted.arguments.items():
        if value is None and name not in session.environ:
            raise InvalidInput(
                "The environment has no variable {name}.",
                advice="Set it, or give its value: --build-arg {name}=VALUE.",
                arguments={"name": name},
            )
    # The queue would wait for an engine that is not running.
    session.clients.engine(place.address).probe()
    running = Run(session)
    with signals(running):
        ended = running.wait([wanted.request()], _Shown(session, output))
    report_unfinished(ended, output)
    return exit_codes.of(ended)


class _Shown(Ends):
    """Shows the steps of a build and their output as they come."""

    def __init__(self, session: Session, output: Output) -> None:
        super().__init__(output)
        self._session = session
        self._steps: dict[str, LayerState] = {}
        self._lines: dict[int, int] = {}
        self._places: dict[int, int] = {}
        self._latest: deque[str] = deque(maxlen=_LATEST)
        self._waits = False
        self._told = 0.0
        self._state: State | None = None

    def running(self, row: TransferSnapshot, *, over: bool) -> None:
        """Show what is new: the steps in their order, each with its output."""
        if self.output.as_json and not over and row.state is not self._state:
            self._state = row.state
            self.output.record("transfer", transfer_values(row))
        if self.output.quiet and not self.output.as_json:
            return
        self._waiting(row)
        self._sending(row)
        self._output_of(row, 0)
        for step in row.layers:
            before = self._steps.get(step.layer_id, LayerState.WAITING)
            if step.state is LayerState.WAITING:
                continue
            if before is LayerState.WAITING:
                self.output.line(self._header(row, step))
                self._step(row, step, LayerState.RUNNING)
            self._output_of(row, int(step.layer_id))
            if step.state.finished and not before.finished:
                if step.state is LayerState.CACHED:
                    self.output.line("  " + tr("Cached"))
                self._step(row, step, step.state)

    def ended(self, row: TransferSnapshot) -> None:
        """Report the end; the output of a step that failed is already there."""
        error = row.error
        if row.state is not State.FAILED or not isinstance(error, BuildFailed) or self.output.quiet:
            super().ended(row)
            if row.state is State.CANCELLED:
                for note in transfers.advice_lines(row):
                    self.output.line(f"  {note}")
            for tag in names_of(row.request)[1:] if row.state is State.SUCCEEDED else ():
                self.output.line("  " + tr("Also tagged {name}").format(name=tag.familiar))
            return
        self.output.record("transfer", transfer_values(row))
        if not self.output.as_json:
            # The last lines of output are above; the builder's own message is not.
            error = copy.copy(error)
            said = [line for line in error.detail.split("\n") if line.strip() not in self._latest]
            error.detail = "\n".join(said)
        self.output.error(error)

    def _waiting(self, row: TransferSnapshot) -> None:
        waits = row.waiting_for is Waiting.ENGINE
        if waits and not self._waits and not self.output.as_json:
            report(f"{transfers.waiting_text(row)}…\n")
        self._waits = waits

    def _sending(self, row: TransferSnapshot) -> None:
        if row.phase is Phase.SENDING and not self.output.as_json and row.started is not None:
            waited = (row.created.now(row.created.tzinfo) - row.started).total_seconds()
            if waited - self._told >= EVERY:
                self._told = waited
                report(f"{builds.progress_text(row)}\n")

    @staticmethod
    def _header(row: TransferSnapshot, step: LayerSnapshot) -> str:
        return tr("Step {step}").format(step=builds.step_text(step, builds.total_steps(row)))

    def _step(self, row: TransferSnapshot, step: LayerSnapshot, state: LayerState) -> None:
        self._steps[step.layer_id] = state
        self.output.record(
            "step",
            {
                "number": int(step.layer_id),
                "total": builds.total_steps(row),
                "instruction": step.label,
                "state": state.value,
                "seconds": None if step.seconds is None else round(step.seconds, 3),
            },
        )

    def _output_of(self, row: TransferSnapshot, step: int) -> None:
        after = self._lines.get(step, 0)
        queue = self._session.queue()  # it runs already
        for line in queue.output(row.id, after, step):
            self._lines[step] = line.number
            left_out = line.place - self._places.get(step, 0) - 1
            self._places[step] = line.place
            if left_out > 0:
                self.output.line("  " + tr("… %n lines left out …", left_out))
            self._latest.append(line.text.strip())
            self.output.line(f"  {line.text}")
            self.output.record("output", {"step": step or None, "text": line.text})
