"""``history``: the transfers in the journal, of the window and of all commands."""

from __future__ import annotations

import argparse
from datetime import datetime, timedelta
from pathlib import Path

from longshore.application.session import Session
from longshore.cli import exit_codes
from longshore.cli.output import Output
from longshore.cli.transfer_values import transfer_values
from longshore.text import plain
from longshore.transfers.journal.history import PAGE, HistoryFilter
from longshore.transfers.transfer import State, TransferSnapshot
from longshore.words import times
from longshore.words import transfers as words

#: Rows that are shown unless another number is asked for.
USUAL = 50
_EPILOG = """\
A time is an age such as 30m, 12h, 7d or 2w, a date such as 2026-11-27, or a date and time such as 2026-11-27T14:30.

examples:
  longshore history
  longshore history --failed --since 7d
  longshore history --limit 500 --filter team/app --json
"""
#: Characters of a date and time with its zone.
_LONGEST_TIME = 40
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def add(command: str, parser: argparse.ArgumentParser) -> None:
    """See ``parser.Group``."""
    parser.epilog = _EPILOG
    parser.add_argument(
        "--limit", metavar="N", type=_number, default=USUAL, help=f"at most N transfers (default: {USUAL})"
    )
    parser.add_argument("--failed", action="store_true", help="only transfers that failed")
    parser.add_argument("--since", metavar="TIME", type=moment, help="only transfers requested since then")
    parser.add_argument(
        "--filter",
        metavar="TEXT",
        default="",
        help="only transfers with these words in their names or in the reason of their failure",
    )
    parser.set_defaults(run=history)


def history(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore history``."""
    wanted = HistoryFilter(
        states=(State.FAILED,) if arguments.failed else (), since=arguments.since, text=arguments.filter
    )
    rows: list[TransferSnapshot] = []
    with session.opened_journal(reading=True) as journal:
        if journal.set_aside is not None:
            output.warning(
                f"The history was set aside, and a new one begun: {plain(journal.set_aside.reason)}"
            )
        left = {row.id: row for row in journal.unfinished()[0]}
        while len(rows) < arguments.limit:
            page = journal.history(
                wanted, before=rows[-1] if rows else None, limit=min(PAGE, arguments.limit - len(rows))
            )
            if not page:
                break
            rows += [left.get(row.id, row) for row in page]
            for row in rows[-len(page) :]:
                output.record("transfer", transfer_values(row))
    library = session.library().path
    header = ("FINISHED", "OPERATION", "SOURCE", "DESTINATION", "STATUS", "RESULT")
    if rows:
        lines = [_line(row, library) for row in rows]
        output.table(header, lines, elided=(2, 3), prose=5, spare=(1, 5, 0))
    else:
        output.line("No transfers match." if wanted.narrow or wanted.states else "No transfers yet.")
    return exit_codes.DONE


def _line(row: TransferSnapshot, library: Path) -> tuple[str, ...]:
    request = row.request
    return (
        times.age(row.finished) or "Unfinished",
        words.operation_text(request.operation),
        words.source_text(request),
        words.destination_text(request, library),
        words.status_text(row.state),
        words.transferred_text(row),
    )


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise argparse.ArgumentTypeError("This is not a number from 1.")
    return int(text)


def moment(text: str, now: datetime | None = None) -> datetime:
    """The time that *text* names: an age, a date, or a date and time (of this time zone unless it names one).

    Raises argparse.ArgumentTypeError.
    """
    number, unit = text[:-1], text[-1:]
    current = now or datetime.now().astimezone()
    try:
        if unit in _UNITS and number.isascii() and number.isdigit() and len(number) < 7:
            return current - timedelta(**{_UNITS[unit]: int(number)})
        # Python's parser ignores what follows the sixth decimal.
        return datetime.fromisoformat(text if len(text) <= _LONGEST_TIME else "").astimezone()
    except (ValueError, OverflowError, OSError):
        raise argparse.ArgumentTypeError(
            "This is not a time. Use an age (30m, 12h, 7d, 2w), 2026-11-27, or 2026-11-27T14:30."
        ) from None
