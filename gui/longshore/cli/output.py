"""What a command prints: lines for people, or one JSON object a line. Errors go to standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from longshore.errors import LongshoreError

#: The version of the JSON that is printed; raised when a field changes its meaning or goes.
SCHEMA = 1


class Output:
    """Prints for one command. One thread."""

    def __init__(self, *, as_json: bool, quiet: bool) -> None:
        self.as_json = as_json
        self.quiet = quiet

    def line(self, text: str) -> None:
        """A line for people; nothing with --json or --quiet."""
        if not (self.as_json or self.quiet):
            print(text, flush=True)

    def result(self, text: str) -> None:
        """A line that the command was asked for: also with --quiet."""
        if not self.as_json:
            print(text, flush=True)

    def record(self, kind: str, values: Mapping[str, Any]) -> None:
        """A JSON object; nothing without --json."""
        if self.as_json:
            print(json.dumps({"schema": SCHEMA, "kind": kind, **values}, ensure_ascii=False), flush=True)

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Columns for people, as wide as their content; the caller prints the records."""
        if self.as_json:
            return
        lines = [list(header), *map(list, rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
        for line in lines[0 if not self.quiet else 1 :]:
            cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
            print("  ".join(cells).rstrip())

    def error(self, error: LongshoreError) -> None:
        """The sentence about a failure: what happened, to what, what to do."""
        subject = f"{error.subject}: " if error.subject and error.subject not in error.message else ""
        print(f"longshore: {subject}{error.message} {error.advice}".rstrip(), file=sys.stderr)
        if error.detail:
            print("  " + error.detail.replace("\n", "\n  "), file=sys.stderr)
        self.record("error", error_values(error))


def error_values(error: LongshoreError) -> dict[str, Any]:
    """The fields of an error in JSON."""
    return {
        "code": error.code,
        "message": error.message,
        "subject": error.subject,
        "advice": error.advice,
        "detail": error.detail,
        "registry": error.registry,
    }
