"""``pull``, ``push`` and ``copy``: requests for the queue, run to their end."""

from __future__ import annotations

import argparse
import contextlib
import signal
from collections.abc import Iterator, Sequence

from longshore.application import requests
from longshore.application.running import Run
from longshore.application.session import Session
from longshore.cli import exit_codes
from longshore.cli.output import Output, error_values
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers.transfer import (
    ArchivePlace,
    Endpoint,
    EnginePlace,
    LibraryPlace,
    Place,
    RegistryPlace,
    State,
    TransferRequest,
    TransferSnapshot,
)


def add(command: str, parser: argparse.ArgumentParser) -> None:
    """See ``parser.Group``."""
    if command == "pull":
        parser.add_argument("references", metavar="REF", nargs="+", help="e.g. alpine or ghcr.io/org/app:1.2")
        parser.add_argument(
            "--to", choices=("engine", "library"), default="engine", help="where to (default: engine)"
        )
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--platform", metavar="OS/ARCH", type=Platform.parse, help="e.g. linux/arm64")
        which.add_argument("--all-platforms", action="store_true", help="the whole image (library only)")
        parser.set_defaults(run=pull)
    elif command == "push":
        parser.add_argument("image", metavar="IMAGE", help="an image of the engine, or its id")
        parser.add_argument("targets", metavar="TARGET", nargs="*", help="references (default: IMAGE's own)")
        parser.add_argument("--from", dest="source", choices=("engine", "library"), default="engine")
        parser.set_defaults(run=push)
    else:
        parser.add_argument("source", metavar="SOURCE", help="a reference")
        parser.add_argument("destination", metavar="DESTINATION", help="a reference")
        parser.add_argument("--platform", metavar="OS/ARCH", type=Platform.parse, action="append", default=[])
        parser.add_argument("--referrers", action="store_true", help="also signatures and SBOMs")
        parser.set_defaults(run=copy)


def pull(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore pull``."""
    place = session.library() if arguments.to == "library" else session.engine()
    wanted = [
        requests.pull(Reference.parse_input(text), place, arguments.platform, whole=arguments.all_platforms)
        for text in arguments.references
    ]
    return run(session, wanted, output)


def push(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore push``."""
    place = session.library() if arguments.source == "library" else session.engine()
    source = Endpoint(place, Reference.parse_input(arguments.image).with_default_tag())
    targets = arguments.targets or [arguments.image]
    return run(
        session,
        [requests.push(source, Reference.parse_input(text).with_default_tag()) for text in targets],
        output,
    )


def copy(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore copy``."""
    source, target = (
        Reference.parse_input(text).with_default_tag() for text in (arguments.source, arguments.destination)
    )
    return run(
        session,
        [requests.copy(source, target, arguments.platform, referrers=arguments.referrers)],
        output,
    )


def run(session: Session, wanted: Sequence[TransferRequest], output: Output) -> int:
    """Run transfers, print what becomes of them, and return the exit code."""
    running = Run(session)
    shown: dict[str, State] = {}

    def changed(rows: list[TransferSnapshot]) -> None:
        for row in rows:
            if shown.get(row.id) is not row.state or not row.state.finished:
                output.record("transfer", values(row))
            if shown.get(row.id) is not row.state and row.state.finished:
                if row.error is not None and row.state is State.FAILED:
                    output.error(row.error)
                else:
                    output.line(
                        f"{row.state.value.lower()}: {name(row.request.destination)} {row.digest}".rstrip()
                    )
            shown[row.id] = row.state

    with signals(running):
        ended = running.wait(wanted, changed)
    return exit_codes.of(ended)


@contextlib.contextmanager
def signals(running: Run) -> Iterator[None]:
    """The first Ctrl+C cancels, the second ends at once; SIGTERM and SIGHUP leave rows that can be resumed."""

    def interrupted(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        running.cancel()

    before = {
        number: signal.signal(number, handler)
        for number, handler in (
            (signal.SIGINT, interrupted),
            (signal.SIGTERM, lambda *_: running.stop()),
            (signal.SIGHUP, lambda *_: running.stop()),
        )
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def name(end: Endpoint) -> str:
    """One end of a transfer, for people."""
    return end.name.shown


def values(row: TransferSnapshot) -> dict[str, object]:
    """A transfer in JSON."""
    return {
        "id": row.id,
        "operation": row.request.operation.value,
        "source": {**place(row.request.source.place), "image": name(row.request.source)},
        "destination": {**place(row.request.destination.place), "image": name(row.request.destination)},
        "state": row.state.value,
        "moved_bytes": row.moved_bytes,
        "total_bytes": row.total_bytes,
        "bytes_per_second": row.speed,
        "seconds_left": row.seconds_left,
        "digest": row.digest,
        "notes": [{"kind": note.kind.value, "text": note.text} for note in row.notes],
        "error": error_values(row.error) if row.error is not None else None,
    }


def place(where: Place) -> dict[str, str]:
    """A place in JSON."""
    match where:
        case EnginePlace(address):
            return {"kind": "engine", "url": address.url}
        case RegistryPlace(host):
            return {"kind": "registry", "host": host}
        case LibraryPlace(path):
            return {"kind": "library", "path": str(path)}
        case ArchivePlace(path):
            return {"kind": "archive", "path": str(path)}
