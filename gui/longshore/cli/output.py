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

from longshore.cli.streams import encodes, report, write
from longshore.errors import LongshoreError, Remedy
from longshore.language import tr

#: The version of the JSON that is printed; raised when a field changes its meaning or goes.
SCHEMA = 1
#: The narrowest that a column of a table becomes, in characters.
NARROWEST = 8
#: The same where not all fit otherwise.
_NARROWER = 4
#: Hexadecimal digits of a digest that name an image well enough.
_TELLING = 12
_DIGEST = re.compile(r"(sha256|sha512):([0-9a-f]{64,128})")
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
            whole = {"schema": SCHEMA, "kind": kind, **values}
            text = json.dumps(whole, ensure_ascii=False)
            if not encodes(text):
                text = json.dumps(whole)
            text = _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
            write(f"{text}\n")

    def table(
        self,
        header: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        elided: int | Sequence[int] = 0,
        prose: int | None = None,
        spare: Sequence[int] = (),
    ) -> None:
        """Columns for people; the caller prints the records.

        On a terminal the column number *prose* is cut so that the rows keep to the width; where that is not enough,
        the columns *elided* are shortened in their middle, and then all are cut. The columns *spare* are left out, in
        their order, before those would be too short to read. --quiet leaves out the header, --json everything.
        """
        if self.as_json:
            return
        lines = [*([] if self.quiet else [list(header)]), *map(list, rows)]
        widths = [max((width(line[column]) for line in lines), default=0) for column in range(len(header))]
        names = [elided] if isinstance(elided, int) else list(elided)
        if sys.stdout.isatty():
            over = sum(widths) + len(_GAP) * (len(widths) - 1) - shutil.get_terminal_size().columns
            most = sum(max(widths[column] - READABLE, 0) for column in names)
            most += max(widths[prose] - NARROWEST, 0) if prose is not None else 0
            if spare and over > most:
                kept = [column for column in range(len(header)) if column != spare[0]]
                self.table(
                    [header[column] for column in kept],
                    [[row[column] for column in kept] for row in rows],
                    elided=[kept.index(column) for column in names],
                    prose=None if prose in (None, spare[0]) else kept.index(prose),
                    spare=[kept.index(column) for column in spare[1:]],
                )
                return
            for columns, least in (
                ([] if prose is None else [prose], NARROWEST),
                (names, NARROWEST),
                (range(len(widths)), _NARROWER),
            ):
                while over > 0 and columns:
                    widest = max(columns, key=lambda column: widths[column])
                    if widths[widest] <= least:
                        break
                    widths[widest] -= 1
                    over -= 1
        printed = []
        for line in lines:
            cells = [
                padded(
                    shortened(cell, wide) if column in names else cut(cell, wide),
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
    """*text* in at most *wide* cells: its middle is left out, because names differ at both ends.

    Of a digest, the beginning is left, without its algorithm if there is too little room.
    """
    if width(text) <= wide:
        return text
    digest = _DIGEST.fullmatch(text)
    if digest is not None:
        return cut(text if wide > len(digest[1]) + 1 + _TELLING else digest[2], wide)
    room = max(wide - 1, 1)
    start = text
    while width(start) > room - room // 2:
        start = start[:-1]
    end = text[len(start) :]
    while width(end) > room - width(start):
        end = end[1:]
    return f"{start}…{end}"


def wrapped(line: str, indent: int) -> list[str]:
    """*line* in lines of a terminal's width, at spaces; those after the first begin with *indent* spaces.

    Elsewhere as it is: programs read lines.
    """
    if not sys.stdout.isatty():
        return [line]
    import textwrap

    columns = max(shutil.get_terminal_size().columns, indent + 20)
    # The spaces at the beginning and between the first words are columns, and no place to break.
    begin = re.match(r" *(?:\S+ {2,})?", line)
    fixed = begin[0] if begin is not None else ""
    return textwrap.wrap(
        line[len(fixed) :],
        columns,
        initial_indent=fixed,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [line]


def cut(text: str, wide: int) -> str:
    """The beginning of *text*, in at most *wide* cells."""
    if width(text) <= wide:
        return text
    end = max(wide - 1, 0)
    while end > 0 and width(text[:end]) > max(wide - 1, 0):
        end -= 1
    return f"{text[:end].rstrip()}…"
