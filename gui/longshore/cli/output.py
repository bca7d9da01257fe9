"""What a command prints: lines for people, or one JSON object a line. Errors go to standard error."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from longshore.cli.streams import report, write
from longshore.errors import LongshoreError, Remedy
from longshore.language import tr

#: The version of the JSON that is printed; raised when a field changes its meaning or goes.
SCHEMA = 1
#: The narrowest that a column of a table becomes, in characters.
NARROWEST = 8
#: Characters of a name that are enough to know it by: other columns are left out before it gets fewer.
READABLE = 24
_GAP = "  "
#: What json.dumps leaves as it is, although terminals and editors obey it: C1 controls and text direction. The values
#: may come from outside.
_CONTROLS = re.compile("[\\x7f-\\x9f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff]")


class Output:
    """Prints for one command. One thread.

    *live*: whether progress can be drawn over itself, on standard error. *sign_in*: whether errors name the command to
    sign in with; not those of that command.
    """

    def __init__(self, *, as_json: bool, quiet: bool, sign_in: bool = True) -> None:
        self._sign_in = sign_in
        self.as_json = as_json
        self.quiet = quiet
        self.live = not (as_json or quiet) and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def line(self, text: str) -> None:
        """A line for people; nothing with --json or --quiet."""
        if not (self.as_json or self.quiet):
            write(f"{text}\n")

    def result(self, text: str) -> None:
        """A line that the command was asked for: also with --quiet."""
        if not self.as_json:
            write(f"{text}\n")

    def record(self, kind: str, values: Mapping[str, Any]) -> None:
        """A JSON object; nothing without --json."""
        if self.as_json:
            text = json.dumps({"schema": SCHEMA, "kind": kind, **values}, ensure_ascii=False)
            text = _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
            write(f"{text}\n")

    def table(
        self,
        header: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        elided: int = 0,
        prose: int | None = None,
        spare: Sequence[int] = (),
    ) -> None:
        """Columns for people; the caller prints the records.

        On a terminal the column number *prose* is cut so that the rows keep to the width, and where that is not enough,
        the column *elided* is shortened in its middle. The columns *spare* are left out, in their order, before that
        one would be too short to read. --quiet leaves out the header, --json everything.
        """
        if self.as_json:
            return
        lines = [*([] if self.quiet else [list(header)]), *map(list, rows)]
        widths = [max((width(line[column]) for line in lines), default=0) for column in range(len(header))]
        if sys.stdout.isatty():
            over = sum(widths) + len(_GAP) * (len(widths) - 1) - shutil.get_terminal_size().columns
            most = max(widths[elided] - READABLE, 0)
            most += max(widths[prose] - NARROWEST, 0) if prose is not None else 0
            if spare and over > most:
                kept = [column for column in range(len(header)) if column != spare[0]]
                self.table(
                    [header[column] for column in kept],
                    [[row[column] for column in kept] for row in rows],
                    elided=kept.index(elided),
                    prose=None if prose is None else kept.index(prose),
                    spare=[kept.index(column) for column in spare[1:]],
                )
                return
            for column in (elided,) if prose is None else (prose, elided):
                less = min(max(over, 0), max(widths[column] - NARROWEST, 0))
                widths[column] -= less
                over -= less
        printed = []
        for line in lines:
            cells = [
                padded(
                    cut(cell, wide)
                    if column == prose
                    else shortened(cell, wide)
                    if column == elided
                    else cell,
                    wide,
                )
                for column, (cell, wide) in enumerate(zip(line, widths, strict=True))
            ]
            printed.append(f"{_GAP.join(cells).rstrip()}\n")
        write("".join(printed))

    def warning(self, text: str) -> None:
        """A sentence on standard error that does not end the command."""
        report(f"longshore: {text}\n")

    def error(self, error: LongshoreError, *, at: str = "") -> None:
        """The sentence about a failure: what happened, to what, what to do; the other side's own words below.

        *at*: where it happened (a line of a file), in place of the error's own subject.
        """
        from longshore.words import errors, front_ends
        from longshore.words.front_ends import FrontEnd

        message = errors.message(error)
        advice = front_ends.adapted(errors.advice(error), FrontEnd.TERMINAL, error.registry)
        subject = at or error.subject
        subject = f"{subject}: " if subject and subject not in message else ""
        lines = [f"longshore: {subject}{message} {advice}".rstrip()]
        lines += [f"  {words}" for words in error.detail.splitlines()]
        if self._sign_in and error.remedy is Remedy.SIGN_IN and error.registry:
            hint = tr("To sign in: {command}")
            lines.append("  " + hint.format(command=f"longshore login {error.registry}"))
        report("".join(f"{line}\n" for line in lines))
        with contextlib.suppress(LongshoreError):  # it may be this error
            self.record("error", error_values(error))


def error_values(error: LongshoreError) -> dict[str, Any]:
    """The fields of an error in JSON."""
    from longshore.words.front_ends import FrontEnd, adapted

    return {
        "code": error.code,
        "message": error.message,
        "subject": error.subject,
        "advice": adapted(error.advice, FrontEnd.TERMINAL, error.registry),
        "detail": error.detail,
        "registry": error.registry,
    }


def width(text: str) -> int:
    """The number of cells of a terminal that *text* takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1
        for one in text
    )


def padded(text: str, wide: int) -> str:
    """*text* with spaces up to *wide* cells."""
    return text + " " * (wide - width(text))


def shortened(text: str, wide: int) -> str:
    """*text* in at most *wide* cells: its middle is left out, because names differ at both ends."""
    if width(text) <= wide:
        return text
    room = max(wide - 1, 1)
    start = text
    while width(start) > room - room // 2:
        start = start[:-1]
    end = text[len(start) :]
    while width(end) > room - width(start):
        end = end[1:]
    return f"{start}…{end}"


def cut(text: str, wide: int) -> str:
    """The beginning of *text*, in at most *wide* cells."""
    if width(text) <= wide:
        return text
    end = max(wide - 1, 0)
    while end > 0 and width(text[:end]) > max(wide - 1, 0):
        end -= 1
    return f"{text[:end].rstrip()}…"
