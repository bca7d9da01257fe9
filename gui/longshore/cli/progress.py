"""Shows transfers while they run: a line each on a terminal, a few plain lines elsewhere, objects with --json."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from longshore.cli.output import Output
from longshore.cli.streams import report
from longshore.cli.transfer_values import transfer_values
from longshore.language import tr
from longshore.transfers.transfer import NoteKind, Operation, RegistryPlace, State, TransferSnapshot
from longshore.words import text, times
from longshore.words import transfers as words

if TYPE_CHECKING:
    from rich.progress import Progress

    from longshore.errors import LongshoreError

#: Seconds between two lines about a running transfer where nothing can be drawn over.
EVERY = 30.0
#: Characters of an image's name in a drawn line.
_NAME = 44

Changed = Callable[[list[TransferSnapshot]], None]


@contextmanager
def shown(output: Output) -> Iterator[Changed]:
    """Yield a function that shows the rows that changed. To be called in one thread."""
    if output.live:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None, complete_style="cyan", finished_style="cyan"),
            TextColumn("{task.fields[words]}", markup=False),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True, expand=True) as progress:
            yield _Drawn(output, progress)
    elif output.as_json:
        yield _Records(output)
    else:
        yield _Plain(output)


def report_unfinished(rows: Sequence[TransferSnapshot], output: Output) -> None:
    """Name those of *rows* that a signal left unfinished, and how to resume them. The terminal may be gone."""
    left = [
        replace(row, state=State.INTERRUPTED, speed=None, seconds_left=None)
        for row in rows
        if not row.state.finished
    ]
    if not left:
        return
    with suppress(OSError):
        for row in left:
            output.warning(f"{words.status_text(row.state)}: {_name(row)}")
        # A build begins again, without the secrets that were entered for it.
        if any(row.request.operation is not Operation.BUILD for row in left):
            which = left[0].id if len(left) == 1 else "--all"
            output.warning(tr("To resume: {command}").format(command=f"longshore queue resume {which}"))
        for row in left:
            output.record("transfer", transfer_values(row))


class Ends:
    """Reports how transfers end. The same for all that follow."""

    def __init__(self, output: Output) -> None:
        self.output = output
        self._states: dict[str, State] = {}

    def __call__(self, rows: list[TransferSnapshot]) -> None:
        for row in rows:
            before = self._states.get(row.id)
            self._states[row.id] = row.state
            if row.state.finished and before is not row.state:
                self.running(row, over=True)
                self.ended(row)
            elif not row.state.finished:
                self.running(row, over=False)

    def running(self, row: TransferSnapshot, *, over: bool) -> None:
        """Show that *row* runs, or no longer runs."""

    def ended(self, row: TransferSnapshot) -> None:
        output = self.output
        if row.state is State.FAILED and row.error is not None:
            output.record("transfer", transfer_values(row))
            output.error(row.error, at=_where(row, row.error))
            return
        output.record("transfer", transfer_values(row))
        if row.state is not State.SUCCEEDED:
            output.line(f"{words.status_text(row.state)}: {_name(row)}")
            return
        if output.quiet:
            output.result(_short(row))
            return
        output.line(f"{words.result_title(row)}: {text.continued(words.transferred_text(row))}")
        if row.manifest_digest:
            output.line(f"  {row.manifest_digest}")
        elif row.image_id:
            output.line("  " + tr("Image ID: {id}").format(id=row.image_id))
        told = [note for note in row.notes if note.kind is not NoteKind.UP_TO_DATE]  # the line above says so
        for note in words.advice_lines(replace(row, notes=tuple(told))):
            output.line(f"  {note}")


class _Records(Ends):
    """Objects: each change of state, and progress while it runs."""

    def running(self, row: TransferSnapshot, *, over: bool) -> None:
        if not over:
            self.output.record("transfer", transfer_values(row))


class _Plain(Ends):
    """Lines for logs: the start, a word now and then, the end."""

    def __init__(self, output: Output) -> None:
        super().__init__(output)
        self._told: dict[str, float] = {}

    def running(self, row: TransferSnapshot, *, over: bool) -> None:
        if over or self.output.quiet:
            return
        now = time.monotonic()
        if row.id not in self._told:
            if row.state is State.QUEUED:
                return
            line = _title(row)
        elif now - self._told[row.id] >= EVERY:
            line = f"{_title(row)}: {_numbers(row)}"
        else:
            return
        self._told[row.id] = now
        report(f"{line}\n")


class _Drawn(Ends):
    """A line of a terminal for each transfer that runs."""

    def __init__(self, output: Output, progress: Progress) -> None:
        super().__init__(output)
        self._progress = progress
        self._tasks: dict[str, Any] = {}

    def running(self, row: TransferSnapshot, *, over: bool) -> None:
        task = self._tasks.get(row.id)
        if over:
            if task is not None:
                self._progress.remove_task(self._tasks.pop(row.id))
                self._progress.refresh()
            return
        if task is None:
            title = _name(row)
            if len(title) > _NAME:
                title = f"…{title[1 - _NAME :]}"
            task = self._tasks[row.id] = self._progress.add_task(title, total=1000, words="")
        known = row.permille is not None
        self._progress.update(
            task, total=1000 if known else None, completed=row.permille or 0, words=_numbers(row)
        )


def _title(row: TransferSnapshot) -> str:
    return words.doing_text(row.request.operation).replace("{name}", _name(row))


def _where(row: TransferSnapshot, error: LongshoreError) -> str:
    """The image that *error* is about if it names only its repository, else ""."""
    for end in (row.request.destination, row.request.source):
        found = end.reference
        if (
            found is not None
            and isinstance(end.place, RegistryPlace)
            and error.subject == found.path
            and error.registry in ("", found.domain)
        ):
            return found.familiar
    return ""


def _name(row: TransferSnapshot) -> str:
    """The image: as it will be called, or else as it is called."""
    request = row.request
    return (
        words.image_name(request.destination)
        or words.image_name(request.source)
        or words.end_text(request.source, is_source=True)
    )


def _short(row: TransferSnapshot) -> str:
    """What a script needs next: the name and its digest, the name where there is no digest, or else the ID."""
    if row.request.destination.reference is None and row.request.source.reference is None:
        return row.image_id or row.manifest_digest or _name(row)
    return f"{_name(row)}@{row.manifest_digest}" if row.manifest_digest else _name(row)


def _numbers(row: TransferSnapshot) -> str:
    """What moved, how fast, and the time left: ``44.6 of 72 MB  21.4 MB/s  2 s``."""
    parts = [words.transferred_text(row) or words.status_text(row.state)]
    if row.state is State.RUNNING and row.speed:
        parts.append(text.speed(row.speed))
        if row.seconds_left is not None:
            parts.append(tr("{time} left").replace("{time}", times.duration(row.seconds_left)))
    return "  ".join(parts)
