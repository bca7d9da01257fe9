"""``queue``: what is unfinished, and resuming what ended programs left."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from longshore.application.running import Run
from longshore.application.session import Session
from longshore.cli import exit_codes, moving
from longshore.cli.interrupting import signals
from longshore.cli.output import Output
from longshore.cli.parser import add_output
from longshore.cli.progress import report_unfinished, shown
from longshore.cli.transfer_values import transfer_values
from longshore.errors import InvalidInput, LongshoreError
from longshore.transfers.errors import HistoryUnavailable
from longshore.transfers.transfer import EnginePlace, TransferSnapshot
from longshore.words import transfers as words

#: Characters of an ID that are shown; as many as are unambiguous may be given, at least the fewest.
_SHOWN = 8
_FEWEST = 4
#: The help of an argument.
_ID = f"the ID of a transfer, or the beginning of one: at least {_FEWEST} characters"
_EPILOG = """\
A transfer is Interrupted if its program ended before it did. Resuming it does not move again what is complete.
Transfers of a window or command that is running are shown, and left alone.

examples:
  longshore queue
  longshore queue resume --all
  longshore queue resume 3f2a91c0
  longshore queue remove 3f2a91c0
  longshore queue clear
"""
_EXAMPLES = {
    "list": ["longshore queue list --json"],
    "resume": ["longshore queue resume --all", "longshore queue resume 3f2a91c0 77b1"],
    "remove": ["longshore queue remove 3f2a91c0"],
    "clear": ["longshore queue clear"],
}


def add(command: str, parser: argparse.ArgumentParser) -> None:
    """See ``parser.Group``."""
    parser.epilog = _EPILOG
    parser.set_defaults(run=listed)
    actions = parser.add_subparsers(metavar="ACTION", title="actions")

    def action(name: str, does: str) -> argparse.ArgumentParser:
        one = actions.add_parser(
            name,
            help=does,
            description=does,
            epilog="\n  ".join(["examples:", *_EXAMPLES[name]]),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        add_output(one, again=True)
        return one

    action("list", "List unfinished transfers; also without an action.").set_defaults(run=listed)
    resuming = action("resume", "Resume interrupted transfers.")
    resuming.add_argument("ids", metavar="ID", nargs="*", help=_ID)
    resuming.add_argument("--all", action="store_true", help="all interrupted transfers")
    resuming.set_defaults(run=resume)
    removing = action("remove", "Remove interrupted transfers; the history keeps them.")
    removing.add_argument("ids", metavar="ID", nargs="+", help=_ID)
    removing.set_defaults(run=remove, all=False)
    clearing = action("clear", "Remove all interrupted transfers; the history keeps them.")
    clearing.set_defaults(run=remove, all=True, ids=[])


def listed(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore queue``."""
    with session.opened_journal(reading=True) as journal:
        ended, running = journal.unfinished()
    for rows, resumable in ((ended, True), (running, False)):
        for row in rows:
            output.record("transfer", {**transfer_values(row), "resumable": resumable})
    library = session.library().path
    header = ("ID", "OPERATION", "SOURCE", "DESTINATION", "STATUS")
    lines = [(*_line(row, library), words.status_text(row.state)) for row in ended]
    lines += [
        (*_line(row, library), f"{words.status_text(row.state)}, in another Longshore") for row in running
    ]
    if lines:
        output.table(header, lines, elided=(2, 3), spare=(1,))
    else:
        output.line("No unfinished transfers.")
    return exit_codes.DONE


def resume(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore queue resume``."""
    if arguments.all == bool(arguments.ids):
        raise InvalidInput("Name the transfers to resume, or use --all.", advice="See longshore queue.")
    with session.opened_journal() as journal:
        rows = _chosen(arguments.ids, *journal.unfinished())
    if not rows:
        output.line("No interrupted transfers.")
        return exit_codes.DONE
    rows, codes = _with_running_engines(session, rows, output)
    running = Run(session)
    with shown(output) as changed, signals(running):
        ended = running.resume([row.id for row in rows], changed)
    report_unfinished(ended, output)
    return moving.code_of(ended, codes)


def remove(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore queue remove`` and ``longshore queue clear``."""
    with session.opened_journal() as journal:
        rows = _chosen(arguments.ids, *journal.unfinished())
        taken = journal.adopt([row.id for row in rows])
        journal.clear([row.id for row in taken])
        if not journal.flush():
            raise HistoryUnavailable(
                "The transfers could not be removed.", subject=str(journal.path), detail=journal.problem
            )
    for row in taken:
        output.record("transfer", {**transfer_values(row), "resumable": False})
    count = len(taken)
    output.line("Removed 1 transfer." if count == 1 else f"Removed {count} transfers.")
    return exit_codes.DONE


def _chosen(
    ids: Sequence[str], ended: Sequence[TransferSnapshot], running: Sequence[TransferSnapshot]
) -> list[TransferSnapshot]:
    """The rows of *ended* that *ids* name, or all for none. Raises InvalidInput for any that is not one of them."""
    if not ids:
        return list(ended)
    found = {}
    for text in ids:
        if len(text) < _FEWEST:
            # Also the empty text of a script's unset variable, with which every ID begins.
            raise InvalidInput(
                "The ID of a transfer is too short." if text else "The ID of a transfer is empty.",
                subject=text,
                advice="Use at least {count} characters of it. See longshore queue.",
                arguments={"count": _FEWEST},
            )
        mine = [row for row in ended if row.id.startswith(text.lower())]
        others = [row for row in running if row.id.startswith(text.lower())]
        if len(mine) == 1 and not others:
            found[mine[0].id] = mine[0]
        elif mine or len(others) > 1:
            raise InvalidInput(
                "Several transfers begin with this.", subject=text, advice="Use more of the ID."
            )
        elif others:
            raise InvalidInput(
                "This transfer belongs to a Longshore that is running.",
                subject=text,
                advice="Resume or remove it there.",
            )
        else:
            raise InvalidInput("There is no such transfer.", subject=text, advice="See longshore queue.")
    return list(found.values())


def _with_running_engines(
    session: Session, rows: Sequence[TransferSnapshot], output: Output
) -> tuple[list[TransferSnapshot], list[int]]:
    """The *rows* whose engines are running, and exit codes for the others: the queue would wait for their engines."""
    failed: dict[EnginePlace, int] = {}
    ready, codes = [], []
    for place in dict.fromkeys(place for row in rows for place in _engines(row)):
        try:
            session.clients.engine(place.address).probe()
        except LongshoreError as error:
            output.error(error)
            failed[place] = exit_codes.of_error(error)
    for row in rows:
        bad = [failed[place] for place in _engines(row) if place in failed]
        if bad:
            codes.append(bad[0])
        else:
            ready.append(row)
    return ready, codes


def _engines(row: TransferSnapshot) -> list[EnginePlace]:
    places = (row.request.source.place, row.request.destination.place)
    return [place for place in places if isinstance(place, EnginePlace)]


def _line(row: TransferSnapshot, library: Path) -> tuple[str, ...]:
    request = row.request
    return (
        row.id[:_SHOWN],
        words.operation_text(request.operation),
        words.source_text(request),
        words.destination_text(request, library),
    )
