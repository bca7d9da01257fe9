"""Changes of tags in JSON and in tables. docs/command-line.md describes the fields; scripts rely on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from longshore.application.tag_history.record import TagRecord
from longshore.application.undo.goal import Verdict
from longshore.cli.output import Output, error_values
from longshore.cli.transfer_values import place_values
from longshore.errors import LongshoreError
from longshore.words import tag_history as words
from longshore.words import text, times

#: Characters of an id that are shown; any that are enough to tell it from others are accepted.
SHORT_ID = 8


def change_values(record: TagRecord) -> dict[str, Any]:
    """A recorded change of a tag."""
    return {
        "id": record.id,
        "at": record.at.isoformat(),
        **place_values(record.place),
        "reference": str(record.reference),
        "operation": record.operation.value,
        "before": record.before,
        "after": record.after,
        "settled": not record.open,
        "by": record.by or None,
        "transfer": record.transfer or None,
        "undoes": record.undoes if len(record.undoes) > 1 else None,
        "undone_by": record.undone_by or None,
    }


def _state(record: TagRecord) -> str:
    """What a table adds to an operation: nobody reported how an open change ended."""
    if record.undone_by:
        return " (undone)"
    return " (not confirmed)" if record.open else ""


def undo_values(verdict: Verdict, state: str, error: LongshoreError | None = None) -> dict[str, Any]:
    """What an undo does to one tag. *state*: planned, undone or failed."""
    goal = verdict.goal
    error = error or verdict.reason
    return {
        "id": goal.undoes or None,
        **place_values(goal.place),
        "reference": str(goal.reference),
        "operation": None if goal.record is None else goal.record.operation.value,
        "from": verdict.now,
        "to": goal.digest,
        "how": None if verdict.how is None else verdict.how.value,
        "moved": verdict.moved,
        "deletes_image": verdict.deletes_image,
        "state": state,
        "error": None if error is None else error_values(error),
    }


def change_table(output: Output, records: Sequence[TagRecord], library: Path) -> None:
    """Print *records* as objects, and as a table for people."""
    for record in records:
        output.record("tag_change", change_values(record))
    output.table(
        ("ID", "WHEN", "TAG", "PLACE", "OPERATION", "BEFORE", "AFTER", "BY"),
        [
            (
                record.id[:SHORT_ID],
                times.age(record.at),
                text.safe(record.reference.familiar, 300),
                words.place_text(record.place, library),
                words.operation_text(record.operation) + _state(record),
                words.digest_text(record.before),
                words.digest_text(record.after),
                words.who_text(record),
            )
            for record in records
        ],
        elided=2,
    )
