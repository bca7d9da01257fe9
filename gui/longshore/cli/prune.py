"""``prune``: removes images by rules, after showing what goes and what that frees."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from longshore.cli import exit_codes
from longshore.cli.interrupting import cancelled_by_signal
from longshore.cli.output import Output, error_values
from longshore.cli.removal import counted
from longshore.cli.streams import report
from longshore.cli.transfer_values import place_values
from longshore.errors import InvalidInput, LongshoreError

if TYPE_CHECKING:
    from longshore.application.session import Session
    from longshore.cancellation import Cancellation
    from longshore.cli.prune_plan import Kind, Prune, PruneRow

#: The module for each kind of place; see ``prune_plan.Kind``.
_KINDS = {"engine": "prune_local", "library": "prune_local", "registry": "prune_registry"}
_EPILOG = """\
An image is listed only if all given rules apply to it. Without a rule: --dangling. Several --name are alternatives;
with --name, --keep-newest keeps the newest of those that match. An image whose date is not known, or is before 2013 as
in reproducible builds, is neither old nor beyond the newest. Images that a container uses and pinned images are never
removed. Layers that other images use are not counted. Docker's classic store and Podman report the bytes of files: on
disk, many small files take more.

A PATTERN is compared with the repository and with repository:tag: 'acme/*:dev-*', 'ghcr.io/*'; ! excludes.

In a registry, a PATTERN is compared with the tag. Other tags of its image stay. Signatures go with their image.

examples:
  longshore prune --dry-run
  longshore prune --older-than 30d --keep-newest 3
  longshore prune --name 'acme/*:dev-*' --name '!*:dev-main' --yes
  longshore prune --from library --older-than 12w
  longshore prune --from registry registry.example/team/app --name 'dev-*' --keep-newest 5 --never dev-main
  longshore prune --engine build-1 --engine build-2 --dangling --yes --json
"""
_UNITS = {"d": 1, "w": 7, "": 1}


def add(command: str, parser: argparse.ArgumentParser) -> None:
    """See ``parser.Group``."""
    parser.epilog = _EPILOG
    parser.add_argument(
        "--from",
        dest="source",
        choices=tuple(_KINDS),
        default="engine",
        help="where from (default: the engine)",
    )
    parser.add_argument(
        "--older-than", metavar="AGE", type=_days, help="images created before that: 30d (days), 12w (weeks)"
    )
    parser.add_argument(
        "--keep-newest",
        metavar="N",
        type=int,
        help="images beyond the newest N of their repository, which stay",
    )
    parser.add_argument(
        "--name",
        metavar="PATTERN",
        dest="names",
        action="append",
        default=[],
        help="images whose name matches; several are alternatives",
    )
    for module in dict.fromkeys(_KINDS.values()):
        _module(module).add(parser)
    parser.add_argument(
        "--yes", "-y", action="store_true", help="do not ask; required where nobody can answer"
    )
    parser.add_argument("--dry-run", action="store_true", help="only show what would be removed")
    parser.set_defaults(run=prune)


def _module(name: str) -> Kind:
    found: Kind = importlib.import_module(f"longshore.cli.{name}")
    return found


def _days(typed: str) -> int:
    """The days of an age like ``30d``. Raises ArgumentTypeError."""
    number, unit = (typed[:-1], typed[-1]) if typed[-1:].isalpha() else (typed, "")
    if not (number.isascii() and number.isdecimal() and len(number) < 7) or unit not in _UNITS:
        raise argparse.ArgumentTypeError(f"{typed!r} is not an age: use 30d for days or 12w for weeks")
    return int(number) * _UNITS[unit]


def prune(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore prune``."""
    from longshore.cancellation import Cancelled

    with cancelled_by_signal(also_ended=True) as cancellation:
        try:
            return _prune(session, arguments, output, cancellation)
        except Cancelled:
            return exit_codes.INTERRUPTED


def _prune(
    session: Session, arguments: argparse.Namespace, output: Output, cancellation: Cancellation
) -> int:
    if arguments.repositories and arguments.source != "registry":
        raise InvalidInput(
            "Repositories are named only for a registry.",
            subject=arguments.repositories[0],
            advice="Add --from registry, or choose local images with --name.",
        )
    plans, failures = _module(_KINDS[arguments.source]).plan(session, arguments, cancellation)
    if not plans and len(failures) == 1:
        raise failures[0]
    codes = [exit_codes.of_error(error) for error in failures]
    for error in failures:
        output.error(error)
    if not plans:
        return exit_codes.of_codes(codes)
    asks = not (arguments.yes or arguments.dry_run)
    if not output.quiet or asks or arguments.dry_run:
        _show(output, plans)
    some = any(one.rows for one in plans)
    if arguments.dry_run or not some or asks:
        _record(output, plans)
    if arguments.dry_run or not some:
        return exit_codes.of_codes([*codes, *(exit_codes.DONE for _ in plans)])
    if asks and not _agreed(output, [row for one in plans for row in one.rows]):
        output.line("Nothing was removed.")
        return exit_codes.FAILED
    for one in plans:
        if cancellation.stopping:
            if one.rows:
                output.line(f"Stopped: nothing was removed from {_called(one)}.")
            output.record("prune", {**one.values("cancelled"), "not_reached": len(one.rows)})
        elif one.rows:
            codes += _carry_out(output, one, cancellation, forced=getattr(arguments, "force", False) or asks)
    return exit_codes.INTERRUPTED if cancellation.stopping else exit_codes.of_codes(codes)


def _carry_out(output: Output, one: Prune, cancellation: Cancellation, *, forced: bool) -> list[int]:
    """Remove the rows of one place; returns the codes of its names."""
    if one.doubts and not forced:
        error = LongshoreError(
            " ".join(one.doubts),
            subject=one.rows[0].name,
            advice="Nothing was removed. Add --force to accept this.",
        )
        output.error(error)
        for row in one.rows:
            _record_row(output, row, "failed", error)
        return [exit_codes.of_error(error)]
    codes = []
    reached: set[str] = set()
    for row, problem in one.run(cancellation):
        reached.add(row.name)
        if problem is not None:
            output.error(problem)
            _record_row(output, row, "failed", problem)
            codes.append(exit_codes.of_error(problem))
            continue
        _record_row(output, row, "removed")
        codes.append(exit_codes.DONE)
        if row.gone:
            output.line(f"Was gone already: {row.name}")
        elif output.quiet:
            output.result(row.name)
        else:
            output.line(f"Removed: {row.name}")
    output.line(one.result())
    left = sum(row.name not in reached for row in one.rows)
    state = "cancelled" if left and cancellation.stopping else "done"
    output.record("prune", {**one.values(state), "not_reached": left})
    return codes


def _show(output: Output, plans: Sequence[Prune]) -> None:
    """Print the table of all places, and the notes of each."""
    several = len(plans) > 1
    header = ["NAME", *(["FROM"] if several else []), "REASON", "FREES"]
    rows = [
        [row.name, *([_called(one)] if several else []), row.reason, row.frees]
        for one in plans
        for row in one.rows
    ]
    if rows:
        output.table(header, rows)
    else:
        output.line("Nothing to remove.")
    for one in plans:
        for note in one.notes:
            output.line(f"{_called(one)}: {note}" if several else note)
        for doubt in one.doubts:
            output.warning(doubt)


def _called(one: Prune) -> str:
    values = place_values(one.place)
    return values.get("name") or values["place"]


def _record(output: Output, plans: Sequence[Prune]) -> None:
    for one in plans:
        for row in one.rows:
            _record_row(output, row, "planned")
        output.record("prune", one.values("planned"))


def _record_row(output: Output, row: PruneRow, state: str, error: LongshoreError | None = None) -> None:
    values = {**row.values, "state": state, "error": None if error is None else error_values(error)}
    output.record("removal", values)


def _agreed(output: Output, rows: Sequence[PruneRow]) -> bool:
    """Ask. Raises InvalidInput where nobody can answer."""
    if output.as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise InvalidInput(
            "Nothing was removed, because nobody can be asked here.",
            advice="Add --yes to remove what is listed.",
        )
    report(f"Remove {counted(rows)}? [y/N] ")
    return sys.stdin.readline().strip().lower() in ("y", "yes")
