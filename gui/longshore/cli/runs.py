"""``run``: a container from a local image, with its output and its exit code."""

from __future__ import annotations

import argparse
import codecs
import contextlib
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from longshore.application.places import local_end
from longshore.application.runs import RunForm, parse_variable, read_form
from longshore.cli import exit_codes, streams
from longshore.cli.interrupting import interrupting
from longshore.cli.output import Output
from longshore.engine.container_model import Ended, OutputPiece, Started
from longshore.errors import EngineFailure, ImageUnknown, InvalidInput, LongshoreError, RunField, RunRefused
from longshore.language import tr

if TYPE_CHECKING:
    from longshore.application.session import Session
    from longshore.cancellation import Cancellation
    from longshore.engine.container_model import RunRequest
    from longshore.engine.containers import Containers
    from longshore.transfers.transfer import EnginePlace

#: Exit codes of ``docker run`` where the container has none: it was not started, its command can't be executed, or
#: there is no such command.
NOT_STARTED = 125
NOT_EXECUTABLE = 126
NO_COMMAND = 127
_EPILOG = """\
The options before IMAGE are those of docker run; everything after IMAGE is the command. The image must be in the
engine, or --pull pulls it. A folder that does not exist on the engine's machine is refused, not created (Podman
creates it).

Without --detach the output of the container goes to standard output and standard error, unchanged. Ctrl+C stops the
container; a second one leaves it. Nothing is read from standard input.

The exit code is that of the container. 125: it was not started; 126: its command can't be executed; 127: the image has
no such command; 130: interrupted.

examples:
  longshore run --rm alpine:latest echo hello
  longshore run --detach --name web -p 127.0.0.1:8080:80 nginx:1.27
  longshore run --rm -v /srv/data:/data:ro -e LANG=C.UTF-8 team/app:dev sh -c 'ls /data'
"""


def add(command: str, parser: argparse.ArgumentParser) -> None:
    """See ``parser.Group``."""
    parser.epilog = _EPILOG
    parser.add_argument("image", metavar="IMAGE", help="an image of the engine, by its name or ID")
    parser.add_argument(
        "words",
        metavar="COMMAND",
        nargs=argparse.REMAINDER,
        help="the command and its arguments (default: the image's)",
    )
    parser.add_argument(
        "--detach", "-d", action="store_true", help="print the container's ID and do not wait for its end"
    )
    parser.add_argument("--rm", action="store_true", help="remove the container when it exits")
    parser.add_argument("--name", metavar="NAME", default="", help="the container's name")
    parser.add_argument(
        "--publish",
        "-p",
        metavar="PORT",
        action="append",
        default=[],
        help="publish a port, such as 8080:80 or 127.0.0.1:8080:80/udp",
    )
    parser.add_argument(
        "--publish-all", "-P", action="store_true", help="publish all ports that the image exposes"
    )
    parser.add_argument(
        "--env",
        "-e",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="set a variable; NAME alone takes the value from here",
    )
    parser.add_argument(
        "--volume",
        "-v",
        metavar="VOLUME",
        action="append",
        default=[],
        help="mount a folder or volume, such as /srv/data:/data:ro",
    )
    parser.add_argument(
        "--mount",
        metavar="MOUNT",
        action="append",
        default=[],
        help="the same, such as type=bind,source=/srv/data,target=/data",
    )
    parser.add_argument("--network", metavar="NAME", default="", help="the network, such as host or none")
    parser.add_argument("--workdir", "-w", metavar="FOLDER", default="", help="the working directory")
    parser.add_argument("--user", "-u", metavar="USER", default="", help="the user, such as 1000:1000")
    parser.add_argument(
        "--entrypoint", metavar="PROGRAM", default="", help="replaces the image's entry point"
    )
    parser.add_argument(
        "--pull", action="store_true", help="pull the image first if the engine does not have it"
    )
    parser.set_defaults(run=run)


def run(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore run``."""
    request = _request(arguments)
    place = session.engine()
    engine = session.clients.engine(place.address)
    try:
        engine.probe()
        _check_image(session, place, request.image, output, pull=arguments.pull)
        return _Running(engine.containers, request, output).run()
    except InvalidInput:
        raise
    except LongshoreError as error:
        output.error(error)
        return _code_of(error)


def request_of(arguments: argparse.Namespace, environ: dict[str, str]) -> tuple[RunRequest | None, Any]:
    """The request for parsed *arguments*, and what is wrong with them by field; see :func:`runs.read_form`."""
    environment = [parse_variable(text, environ.get) for text in arguments.env]
    form = RunForm(
        image=arguments.image,
        command=tuple(arguments.words),
        name=arguments.name,
        entrypoint=arguments.entrypoint,
        ports=tuple(arguments.publish),
        publish_all=arguments.publish_all,
        environment=tuple(pair for pair in environment if pair is not None),
        volumes=tuple(arguments.volume),
        mounts=tuple(arguments.mount),
        network=arguments.network,
        working_directory=arguments.workdir,
        user=arguments.user,
        remove=arguments.rm,
        detach=arguments.detach,
    )
    return read_form(form, Path.cwd())


def _request(arguments: argparse.Namespace) -> RunRequest:
    """The request. Raises InvalidInput for the first thing that is wrong."""
    request, wrong = request_of(arguments, dict(os.environ))
    if request is None:
        raise next(iter(wrong.values()))
    return request


def _check_image(session: Session, place: EnginePlace, image: str, output: Output, *, pull: bool) -> None:
    """Make sure that the engine has *image*. Raises ImageUnknown, InvalidReference, and what a pull raises."""
    try:
        local_end(session, place, image)
        return
    except ImageUnknown as error:
        if not pull:
            raise ImageUnknown(
                "The engine does not have this image.",
                subject=image,
                advice="Pull it first with longshore pull, or add --pull.",
            ) from error
    from longshore.application import requests
    from longshore.application.running import Run
    from longshore.cli.interrupting import signals
    from longshore.cli.progress import shown
    from longshore.oci.reference import Reference
    from longshore.transfers.transfer import State

    request = requests.pull(Reference.parse_input(image), place)
    if not (output.quiet or output.as_json):
        # Not on standard output, which is the container's.
        streams.report(tr("longshore: pulling {name}…").format(name=image) + "\n")
    running = Run(session)
    with contextlib.ExitStack() as stack:
        changed = stack.enter_context(shown(output)) if output.as_json else (lambda rows: None)
        stack.enter_context(signals(running))
        [row] = running.wait([request], changed)
    if row.state is not State.SUCCEEDED:
        raise row.error or EngineFailure("The image was not pulled.", subject=image, advice="Try again.")


class _Running:
    """One run, in the main thread; signals stop the container."""

    def __init__(self, containers: Containers, request: RunRequest, output: Output) -> None:
        self._containers = containers
        self._request = request
        self._output = output
        self._started: Started | None = None
        self._interrupted = threading.Event()
        self._decoders = [codecs.getincrementaldecoder("utf-8")("replace") for _ in range(2)]

    def run(self) -> int:
        """Run it to its end; returns the exit code of the command."""
        from longshore.cancellation import Cancellation, Cancelled

        cancellation = Cancellation()

        def interrupted() -> None:
            # In a thread: the main thread may hold any lock right now.
            threading.Thread(
                target=self._interrupt, args=(cancellation,), name="longshore-interrupted", daemon=True
            ).start()

        code = NOT_STARTED
        with interrupting(interrupted, interrupted):
            try:
                with contextlib.closing(self._containers.run(self._request, cancellation)) as events:
                    for event in events:
                        match event:
                            case Started():
                                self._started = event
                                self._tell_started(event)
                                if self._request.detach:
                                    code = exit_codes.DONE
                            case OutputPiece():
                                self._pass_on(event)
                            case Ended(found):
                                code = self._ended(found)
            except Cancelled:
                pass
            except BrokenPipeError:
                # Nobody reads the output any more; nobody would notice that it keeps running.
                self._stop()
                raise
        return exit_codes.INTERRUPTED if self._interrupted.is_set() else code

    def _interrupt(self, cancellation: Cancellation) -> None:
        self._interrupted.set()
        if self._started is None or self._request.detach:
            cancellation.cancel()
            return
        if not (self._output.quiet or self._output.as_json):
            self._output.warning(tr("Stopping the container. Press Ctrl+C again to leave it running."))
        self._stop()

    def _stop(self) -> None:
        assert self._started is not None
        try:
            self._containers.stop(self._started.id)
        except LongshoreError as error:
            self._output.error(error)

    def _tell_started(self, event: Started) -> None:
        self._output.record("run", {**self._values(event), "state": "running", "exit_code": None})
        if self._request.detach:
            self._output.result(event.id)

    def _ended(self, exit_code: int | None) -> int:
        assert self._started is not None
        self._output.record("run", {**self._values(self._started), "state": "exited", "exit_code": exit_code})
        if exit_code is None:
            self._output.warning(tr("The engine does not report the container's exit code."))
            return NOT_STARTED
        return exit_code

    def _values(self, started: Started) -> dict[str, Any]:
        return {"container": started.id, "name": started.name, "image": self._request.image}

    def _pass_on(self, piece: OutputPiece) -> None:
        """The container's output, unchanged: what its programs write for a terminal reaches the terminal."""
        if self._output.as_json:
            assert self._started is not None
            text = self._decoders[piece.error].decode(piece.data)
            stream = "stderr" if piece.error else "stdout"
            if text:
                self._output.record(
                    "run_output", {"container": self._started.id, "stream": stream, "text": text}
                )
        elif piece.error:
            with contextlib.suppress(OSError):
                sys.stderr.flush()
                sys.stderr.buffer.write(piece.data)
                sys.stderr.buffer.flush()
        else:
            streams.write_bytes(piece.data)


def _code_of(error: LongshoreError) -> int:
    if isinstance(error, RunRefused) and error.field is RunField.COMMAND:
        return NOT_EXECUTABLE if "executed" in error.sentences[0] else NO_COMMAND
    return NOT_STARTED
