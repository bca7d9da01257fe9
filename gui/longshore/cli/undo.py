"""``undo``: puts tags back to what they pointed to before a change."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from longshore.cli import exit_codes
from longshore.cli.output import Output
from longshore.cli.repositories import count_of
from longshore.cli.streams import report
from longshore.cli.tag_values import SHORT_ID, change_table, undo_values
from longshore.errors import InvalidInput, LongshoreError
from longshore.words import tag_history as words

if TYPE_CHECKING:
    from longshore.application.session import Session
    from longshore.application.tag_history.record import TagRecord
    from longshore.application.undo.goal import Goal, Verdict
    from longshore.application.undo.undo import Undo

#: Rows of a list unless another number is asked for.
USUAL = 50
_EPILOG = """\
Without an ID, the last change by Longshore is undone: a tag overwritten by a push, copy or pull, given or removed.
Undo again undoes the change before it. An undo can be undone by its own ID. An action that changed several tags (a
removal of five, say) is undone as a whole, also by the ID of one of its changes. Changes whose tags are already what
they were before are skipped. If the last change can't be undone, the one before it is named.

A tag is put back as long as its image is still somewhere: a registry keeps it until its garbage collection; the
library or another place may have it, too. Otherwise nothing is changed, and the reason is printed. If somebody else
changed the tag since, --yes puts it back only with --force.

examples:
  longshore undo --dry-run
  longshore undo
  longshore undo --list registry.example:5000/team/app
  longshore undo 3f9a21c0 --yes
  longshore undo --to sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef ghcr.io/org/app:1.2
"""


def add(command: str, parser: argparse.ArgumentParser) -> None:
    """See ``parser.Group``."""
    parser.epilog = _EPILOG
    parser.add_argument(
        "change",
        metavar="ID",
        nargs="?",
        help="the change to undo, by the start of its ID, with all tags that the same action changed; with --to the"
        " tag; with --list a repository or tag",
    )
    parser.add_argument("--list", action="store_true", dest="lists", help="list the changes that are known")
    parser.add_argument(
        "--limit",
        metavar="N",
        type=count_of,
        default=USUAL,
        help=f"list at most N changes (default: {USUAL})",
    )
    parser.add_argument(
        "--to", metavar="DIGEST", help="put the tag back to this digest (image ID in an engine)"
    )
    parser.add_argument(
        "--yes", "-y", action="store_true", help="do not ask; required where nobody can answer"
    )
    parser.add_argument("--force", action="store_true", help="although the tag was changed again since")
    parser.add_argument("--dry-run", action="store_true", help="only show what would be done")
    parser.set_defaults(run=undo)


def undo(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore undo``."""
    from longshore.application.undo.undo import Undo
    from longshore.cancellation import Cancellation

    if arguments.lists:
        return _list(session, arguments, output)
    undoing = Undo(session.clients, session.tag_history, session.library)
    cancellation = Cancellation()
    skipped: list[TagRecord] = []
    records: list[TagRecord] = []
    if arguments.to is not None:
        verdicts = [undoing.check(_goal(session, arguments), cancellation)]
    elif arguments.change is None:
        verdicts, skipped = undoing.last(cancellation)
        records = [one.goal.record for one in verdicts if one.goal.record is not None]
        lost, together = session.tag_history.lost_since([*skipped, *records])
        if lost:
            output.warning(words.lost_text(lost, records, together=together))
        if not verdicts:
            raise InvalidInput(
                "There is nothing to undo.", advice="See longshore undo --list for what Longshore changed."
            )
    else:
        chosen = _chosen(session, arguments.change)
        undoing.settle(chosen, cancellation)
        chosen = [now for one in chosen for now in session.tag_history.starting_with(one.id)]
        if not chosen:
            raise InvalidInput("This change was never made.", subject=arguments.change)
        verdicts = undoing.check_records(chosen, cancellation)
    session.check_engines()
    possible = [one for one in verdicts if one.possible]
    for one in verdicts:
        if one.reason is not None:
            output.error(one.reason)
            output.record("undo", undo_values(one, "failed"))
    codes = [exit_codes.of_error(one.reason) for one in verdicts if one.reason is not None]
    if not possible:
        if arguments.change is None and arguments.to is None:
            _name_earlier(session, [*skipped, *records], output)
        return exit_codes.of_codes(codes)
    asks = not (arguments.yes or arguments.dry_run)
    if not output.quiet or asks or arguments.dry_run:
        # Without --force, those are refused with the same words.
        _show(output, possible, told=asks or arguments.dry_run or arguments.force)
    if asks or arguments.dry_run:
        for one in possible:
            output.record("undo", undo_values(one, "planned"))
    if arguments.dry_run:
        return exit_codes.of_codes([*codes, *(exit_codes.DONE for _ in possible)])
    if asks and not _agreed(possible, output):
        output.line("Nothing was changed.")
        return exit_codes.FAILED
    for one in possible:
        codes.append(_carry_out(session, undoing, one, output, forced=asks or arguments.force))
    return exit_codes.of_codes(codes)


def _carry_out(session: Session, undoing: Undo, verdict: Verdict, output: Output, *, forced: bool) -> int:
    from longshore.cancellation import Cancellation

    name = verdict.goal.reference.familiar
    try:
        if verdict.moved and not forced:
            raise LongshoreError(
                words.moved_text(verdict),
                subject=name,
                advice="Nothing was changed. Add --force to overwrite the later change.",
            )
        request = undoing.carry_out(verdict, Cancellation())
    except LongshoreError as error:
        output.error(error)
        output.record("undo", undo_values(verdict, "failed", error))
        return exit_codes.of_error(error)
    if request is not None:
        from longshore.cli.moving import run

        code = run(session, [request], output)
        output.record("undo", undo_values(verdict, "undone" if code == exit_codes.DONE else "failed"))
        return code
    output.record("undo", undo_values(verdict, "undone"))
    if output.quiet:
        output.result(name)
    else:
        output.line(words.done_text(verdict.goal))
    return exit_codes.DONE


# -- what is meant


def _name_earlier(session: Session, not_meant: Sequence[TagRecord], output: Output) -> None:
    """Name the change before the last one, which cannot be undone."""
    tried = [one for record in not_meant for one in session.tag_history.group_of(record)]
    earlier = session.tag_history.last([*not_meant, *tried])
    if earlier and not (output.quiet or output.as_json):
        report(
            f"The change before it: {words.action_text(earlier)}. Undo it with:"
            f" longshore undo {earlier[0].id[:SHORT_ID]}\n"
        )


def _chosen(session: Session, start: str) -> list[TagRecord]:
    """The records of the change that *start* names, with those of its action. Raises InvalidInput."""
    history = session.tag_history
    records = history.starting_with(start.lower())
    if len(records) != 1:
        raise InvalidInput(
            "Several changes have IDs that start like this."
            if records
            else "There is no change with this ID.",
            subject=start,
            advice="Use more digits." if records else "See longshore undo --list.",
        )
    return history.group_of(records[0]) or records


def _goal(session: Session, arguments: argparse.Namespace) -> Goal:
    from longshore.application import places
    from longshore.application.undo.goal import Goal
    from longshore.oci.digest import valid_digest
    from longshore.transfers.transfer import ArchivePlace

    if not valid_digest(arguments.to):
        raise InvalidInput("This is not a digest.", subject=arguments.to, advice="Use sha256: and 64 digits.")
    if arguments.change is None:
        raise InvalidInput("No tag is named.", advice="Name the tag that is to point to the digest.")
    named = places.parse_place(arguments.change, session)
    reference = named.reference
    if reference is None or reference.digest or isinstance(named.place, ArchivePlace):
        raise InvalidInput("This does not name a tag that can be put back.", subject=arguments.change)
    return Goal(named.place, reference.with_default_tag(), arguments.to)


def _list(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    from longshore.application.undo.undo import Undo
    from longshore.cancellation import Cancellation

    records = _listed(session, arguments)
    if any(record.open for record in records):
        Undo(session.clients, session.tag_history, session.library).settle(records, Cancellation())
        records = _listed(session, arguments)
    if records or output.as_json:
        change_table(output, records, session.library().path)
    else:
        output.line("No changes are known.")
    return exit_codes.DONE


def _listed(session: Session, arguments: argparse.Namespace) -> list[TagRecord]:
    from longshore.oci.reference import Reference

    records = session.tag_history.latest()
    if arguments.change is not None:
        wanted = Reference.parse_input(arguments.change)
        records = [
            record
            for record in records
            if record.reference.name == wanted.name and wanted.tag in (None, record.tag)
        ]
    return records[: arguments.limit]


# -- shown and asked


def _show(output: Output, verdicts: Sequence[Verdict], *, told: bool) -> None:
    """Show what will be done. *told*: also warn of later changes that will be lost."""
    output.table(
        ("ID", "TAG", "PLACE", "FROM", "TO", "HOW"),
        [
            (
                one.goal.undoes[:SHORT_ID],
                one.goal.reference.familiar,
                words.place_text(one.goal.place),
                words.digest_text(one.now),
                words.digest_text(one.goal.digest),
                words.how_text(one),
            )
            for one in verdicts
        ],
        elided=1,
        prose=5,
    )
    for one in verdicts:
        if one.moved and told:
            output.warning(words.moved_text(one))


def _agreed(verdicts: Sequence[Verdict], output: Output) -> bool:
    """Ask. Raises InvalidInput where nobody can answer."""
    if output.as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise InvalidInput(
            "Nothing was changed, because nobody can be asked here.",
            advice="Add --yes to put back what is listed.",
        )
    count = len(verdicts)
    report(f"Put back {'1 tag' if count == 1 else f'{count:,} tags'}? [y/N] ")
    return sys.stdin.readline().strip().lower() in ("y", "yes")
