"""``remove``: from engines, the library and registries, after showing all that goes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from longshore.cli import exit_codes
from longshore.cli.output import Output, error_values
from longshore.cli.removal_plan import RemovalAction, plan_removals
from longshore.cli.streams import report
from longshore.cli.transfer_values import place_values
from longshore.errors import InvalidInput, LongshoreError
from longshore.transfers.transfer import RegistryPlace
from longshore.words import containers, text

if TYPE_CHECKING:
    from longshore.application.session import Session

_EPILOG = """\
A tag is removed; the image goes with its last tag. An ID names the image with all its tags.

A registry that removes only whole images also removes the other tags of the image. They are listed, and with --yes
they are removed only if --force is given.

An engine removes an image that stopped containers use only with --force. Docker keeps these containers, Podman removes
them, too. While a container of the image is running, no engine removes it.

REF can also name its place: docker://NAME, docker-daemon:NAME, library:NAME, oci:FOLDER:NAME.

examples:
  longshore remove app:dev
  longshore remove --from library --yes app:1.0 app:1.1
  longshore remove --from registry --dry-run registry.example:5000/team/app:1.0-rc1
"""


def add(command: str, parser: argparse.ArgumentParser) -> None:
    """See ``parser.Group``."""
    parser.epilog = _EPILOG
    parser.add_argument("references", metavar="REF", nargs="+", help="an image, by its name, digest or ID")
    parser.add_argument(
        "--from",
        dest="source",
        choices=("engine", "library", "registry"),
        default="engine",
        help="where from (default: the engine)",
    )
    parser.add_argument(
        "--yes", "-y", action="store_true", help="do not ask; required where nobody can answer"
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="although stopped containers use the image, or other tags of a registry are affected",
    )
    parser.add_argument("--dry-run", action="store_true", help="only show what would be removed")
    parser.set_defaults(run=remove)


def remove(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore remove``."""
    actions, failures = plan_removals(session, arguments)
    codes = [exit_codes.of_error(error) for error in failures]
    if not actions and len(failures) == 1:
        raise failures[0]
    for error in failures:
        output.error(error)
    if not actions:
        return exit_codes.of_codes(codes)
    asks = not (arguments.yes or arguments.dry_run)
    if not output.quiet or asks or arguments.dry_run:
        _show(output, actions)
    if asks or arguments.dry_run:
        for action in actions:
            _record(output, action, "planned")
    if arguments.dry_run:
        return exit_codes.of_codes([*codes, *(exit_codes.DONE for _ in actions)])
    if asks and not _agreed(actions, output):
        output.line("Nothing was removed.")
        return exit_codes.FAILED
    for action in actions:
        try:
            if arguments.yes and action.doubts and not arguments.force:
                raise LongshoreError(
                    " ".join(action.doubts),
                    subject=action.rows[0].name,
                    advice="Nothing was removed. Add --force to accept this.",
                )
            action.run()
        except LongshoreError as error:
            output.error(error)
            _record(output, action, "failed", error)
            codes.append(exit_codes.of_error(error))
        else:
            _record(output, action, "removed")
            for row in action.rows:
                if output.quiet:
                    output.result(row.name)
                else:
                    output.line(f"Removed: {row.name}")
            if action.taken:
                output.line(containers.also_removed(action.taken))
            codes.append(exit_codes.DONE)
    return exit_codes.of_codes(codes)


# -- shown and asked


def _show(output: Output, actions: Sequence[RemovalAction]) -> None:
    output.table(
        ("NAME", "FROM", "REMOVES"),
        [
            (row.name, place_values(action.place)["place"], row.effect)
            for action in actions
            for row in action.rows
        ],
    )
    for doubt in dict.fromkeys(doubt for action in actions for doubt in action.doubts):
        output.warning(doubt)
    for note in dict.fromkeys(note for action in actions for note in action.notes):
        output.line(note)
    for caution in dict.fromkeys(action.caution for action in actions if action.caution):
        output.warning(caution)
    if any(isinstance(action.place, RegistryPlace) for action in actions):
        output.line("Space is freed at the registry's next garbage collection.")


def _record(output: Output, action: RemovalAction, state: str, error: LongshoreError | None = None) -> None:
    for row in action.rows:
        values = {**row.values, "state": state, "error": None if error is None else error_values(error)}
        output.record("removal", values)


def _agreed(actions: Sequence[RemovalAction], output: Output) -> bool:
    """Ask. Raises InvalidInput where nobody can answer."""
    rows = [row for action in actions for row in action.rows]
    if output.as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise InvalidInput(
            "Nothing was removed, because nobody can be asked here.",
            advice="Add --yes to remove what is listed.",
        )
    report(f"Remove {counted(rows)}? [y/N] ")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


class Row(Protocol):
    """A row that is removed."""

    @property
    def is_tag(self) -> bool:
        """Whether it is a tag; otherwise an image."""


def counted(rows: Sequence[Row]) -> str:
    """Return the number of *rows* in words: ``3 tags and 1 image``."""
    tags = sum(row.is_tag for row in rows)
    others = len(rows) - tags
    found = [
        *(["1 tag" if tags == 1 else f"{tags:,} tags"] if tags else []),
        *([text.images(others)] if others else []),
    ]
    return " and ".join(found)
