"""``update``: pull what tags point to now, and newer versions."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from longshore.application import places
from longshore.application.session import Session
from longshore.application.updates.model import Held
from longshore.application.updates.snoozes import MOST_DAYS, Snoozes
from longshore.cli import exit_codes, list_files
from longshore.cli.interrupting import cancelled_by_signal
from longshore.cli.output import Output, error_values
from longshore.cli.streams import report
from longshore.cli.transfer_values import place_values
from longshore.errors import InvalidInput, LongshoreError, NotSigned
from longshore.language import tr
from longshore.oci.reference import DOCKER_HUB, Reference
from longshore.transfers.transfer import EnginePlace
from longshore.words import text, times
from longshore.words import updates as words

if TYPE_CHECKING:
    from longshore.application.requests import LocalPlace
    from longshore.application.updates.model import Update, UpdatePlan
    from longshore.application.updates.planning import Wanted
    from longshore.cancellation import Cancellation
    from longshore.oci.local_image import LocalImage
    from longshore.registry.pull_budget import PullBudget

_EPILOG = """\
The plan is shown first: for each image whether its tag points to another image now (tag moved), the digests, and the
bytes to fetch. Images here are named, or all of them with --all. With --newer-version, higher version tags are pulled,
too: 16.4 is followed by 16.5, 3.12-slim by 3.13-slim; the current tags stay. --major also allows another first number.

What is snoozed, too new or not newer than the image here is listed and not updated. Snoozed images and those that are
not newer are updated if they are named. Containers keep the old image until they are created again. longshore undo
puts moved tags back.

exit codes:
  0  all is updated, or there is nothing to update
  1  it failed, was not agreed to, the image is not here, or it is named and its update is not signed
  2  wrong usage
  3  some images could not be compared or updated
  4  the registry refused (sign in)

examples:
  longshore update --all
  longshore update --all --newer-version --min-age 7d --dry-run
  longshore update postgres:16 -f compose.yaml --yes
  longshore update redis:7 --snooze 30d
  longshore update redis:7 --wake
  longshore update --all --engine default --engine build-farm
"""
_CHANGE = "change"
_UNITS = {"d": 1, "w": 7}


def add(command: str, parser: argparse.ArgumentParser) -> None:
    """See ``parser.Group``."""
    parser.epilog = _EPILOG
    parser.add_argument("references", metavar="REF", nargs="*", help="an image that is here, by its tag")
    parser.add_argument("--all", action="store_true", help="all images here")
    list_files.add_list(parser)
    parser.add_argument(
        "--from",
        dest="source",
        choices=("engine", "library"),
        default="engine",
        help="where the images are (default: engine)",
    )
    look_options(parser)
    parser.add_argument("--newer-version", action="store_true", help="also pull newer versions")
    parser.add_argument("--dry-run", action="store_true", help="only show the plan")
    parser.add_argument(
        "--yes", "-y", action="store_true", help="do not ask; required where nobody can answer"
    )
    parser.add_argument(
        "--snooze",
        metavar="UNTIL",
        type=_until,
        help="update nothing; do not offer these updates for 30d or 2w, until a day (2027-01-31), or until the next "
        "change (change)",
    )
    parser.add_argument(
        "--wake", action="store_true", help="update nothing; offer updates of these images again"
    )
    parser.set_defaults(run=update)


def look_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``update`` and ``outdated``."""
    parser.add_argument(
        "--min-age",
        metavar="AGE",
        type=age_of,
        help="only images that are at least this old, such as 7d or 2w (default: as set in the window, or 0)",
    )
    parser.add_argument(
        "--major",
        action="store_true",
        help="versions with another first number, too: 16.4 is followed by 17.0",
    )


def age_of(typed: str) -> int:
    """The days of an age like ``30d``, for argparse."""
    number, unit = (typed[:-1], typed[-1]) if typed[-1:].isalpha() else (typed, "d")
    if number.isascii() and number.isdecimal() and len(number) < 5 and unit in _UNITS:
        days = int(number) * _UNITS[unit]
        if days <= MOST_DAYS:
            return days
    raise argparse.ArgumentTypeError(f"{typed!r} is not an age: use 30d for days or 12w for weeks")


def _until(typed: str) -> date | str:
    if typed == _CHANGE:
        return _CHANGE
    today = datetime.now(UTC).date()
    try:
        until = _day(typed) or today + timedelta(days=age_of(typed))
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"{typed!r} is neither an age (30d), nor a day (2027-01-31), nor “change”"
        ) from None
    if until <= today:
        raise argparse.ArgumentTypeError(f"{typed!r} is over already: use a day after today")
    return until


def _day(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        return None


def update(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore update``."""
    from longshore.cancellation import Cancelled

    if arguments.all and (arguments.references or arguments.file is not None):
        raise InvalidInput("Name images, or update all with --all.")
    if not (arguments.all or arguments.references or arguments.file is not None):
        raise InvalidInput("No image is named.", advice="Name images, or update all with --all.")
    if arguments.wake and arguments.snooze is not None:
        raise InvalidInput("--snooze and --wake exclude each other.", advice="Use one of them.")
    codes: list[int] = []
    named = [_local(places.local_reference(typed)) for typed in arguments.references]
    listed: list[Reference] = []
    if arguments.file is not None:
        found, codes = list_files.references_of(session, arguments, output)
        listed = _unpinned(found, output)
    only = list(dict.fromkeys([*named, *listed]))
    snoozes = Snoozes(session.settings)
    if arguments.wake:
        return _wake(snoozes, only, output, everything=arguments.all)
    if not only and not arguments.all:
        return exit_codes.of_codes(codes)
    with cancelled_by_signal() as cancellation:
        try:
            contents, failed = _contents(session, arguments, output)
            wanted = _wanted(arguments, snoozes, only, named)
            plan = _plan(session, contents, wanted, cancellation)
        except Cancelled:
            return exit_codes.INTERRUPTED
    codes += failed
    codes += _report(plan, named, output)
    looked = plan.looked - len(plan.failures)
    if arguments.snooze is not None:
        return _snooze(snoozes, plan, arguments.snooze, output, [*codes, *[exit_codes.DONE] * looked])
    chosen = plan.offered
    refused = _refused(plan, named)
    codes += [exit_codes.DONE] * (looked - len(refused))
    asks = not (arguments.yes or arguments.dry_run)
    if not output.quiet or asks or arguments.dry_run:
        _show(plan, wanted, session.clients.budget_of(DOCKER_HUB), output)
    for one in plan.updates:
        output.record("update", update_values(one, "planned" if one.held is None else "held"))
    if arguments.dry_run:
        return exit_codes.of_codes(codes)
    codes += _report_refused(refused, output)
    if not chosen:
        return exit_codes.of_codes(codes)
    if asks and not _agreed(output, len(chosen)):
        output.line(tr("Nothing was updated."))
        return exit_codes.FAILED
    from longshore.cli.moving import run

    return run(session, [one.request for one in chosen], output, [one for one in codes if one])


def _local(reference: Reference) -> Reference:
    if reference.digest is not None:
        raise InvalidInput(
            "An image with a digest never changes, so it can't be updated.",
            subject=reference.familiar,
            advice="Name it by its tag.",
        )
    return reference.with_default_tag()


def _unpinned(found: Sequence[Reference], output: Output) -> list[Reference]:
    listed = []
    for reference in found:
        if reference.digest is None:
            listed.append(reference)
        else:
            sentence = tr("{image} is pinned to a digest: renew it with longshore lock --update.")
            output.warning(sentence.format(image=reference.familiar))
    return listed


def _contents(
    session: Session, arguments: argparse.Namespace, output: Output
) -> tuple[list[tuple[LocalPlace, list[LocalImage]]], list[int]]:
    """The images of the places, and the exit codes of those that do not respond. Raises the error of the only one."""
    from longshore.application.stores import open_store

    places: list[LocalPlace] = [session.library()] if arguments.source == "library" else [*session.engines()]
    session.check_engines()
    contents: list[tuple[LocalPlace, list[LocalImage]]] = []
    codes = []
    for place in places:
        try:
            contents.append((place, open_store(place, session.clients).images()))
        except LongshoreError as error:
            if len(places) == 1:
                raise
            output.error(error)
            codes.append(exit_codes.of_error(error))
    return contents, codes


def _wanted(
    arguments: argparse.Namespace, snoozes: Snoozes, only: Sequence[Reference], named: Sequence[Reference]
) -> Wanted:
    from longshore.application.updates.planning import Wanted

    return Wanted(
        versions=arguments.newer_version or arguments.major,
        major=arguments.major,
        minimum_age=snoozes.minimum_age if arguments.min_age is None else arguments.min_age,
        snoozes=snoozes.all(),
        only=only,
        named=named,
    )


def _plan(
    session: Session,
    contents: Sequence[tuple[LocalPlace, Sequence[LocalImage]]],
    wanted: Wanted,
    cancellation: Cancellation,
) -> UpdatePlan:
    from longshore.application.updates.planning import plan

    return plan(session.clients, contents, wanted, cancellation)


def _report(plan: UpdatePlan, named: Sequence[Reference], output: Output) -> list[int]:
    """Print what could not be compared and what is not here; returns the exit codes."""
    codes = []
    for one in plan.failures:
        output.error(one.error, at=one.reference.familiar)
        codes.append(exit_codes.of_error(one.error))
    for reference in plan.only_here if named else ():
        output.warning(tr("{image} is only here.").format(image=reference.familiar))
    for reference in plan.missing:
        if reference in named:
            error = InvalidInput(
                "There is no such image here.",
                subject=reference.familiar,
                advice=f"Get it with longshore pull {reference.familiar}.",
            )
            output.error(error)
            codes.append(exit_codes.of_error(error))
        else:
            output.warning(tr("{image} is not here.").format(image=reference.familiar))
    return codes


def _refused(plan: UpdatePlan, named: Sequence[Reference]) -> list[Update]:
    """An update of each image in *named* of which all updates are refused because they are not signed."""
    offered = {(one.place, one.reference) for one in plan.offered}
    refused = {
        (one.place, one.reference): one
        for one in plan.updates
        if one.held is Held.NOT_SIGNED and one.reference in named
    }
    return [one for key, one in refused.items() if key not in offered]


def _report_refused(refused: Sequence[Update], output: Output) -> list[int]:
    """Print what was refused; returns the exit codes."""
    codes = []
    for one in refused:
        target = one.target.familiar
        error = NotSigned(
            "Not updated: no signature by one of your keys was found, and only signed images are allowed.",
            advice=f"See longshore verify {target}.",
            registry=one.target.domain,
        )
        output.error(error, at=target)
        codes.append(exit_codes.of_error(error))
    return codes


def _show(plan: UpdatePlan, wanted: Wanted, budget: PullBudget | None, output: Output) -> None:
    """Print the plan for people."""
    if not plan.updates:
        output.line(tr("Nothing to update."))
        return
    several = len({one.place for one in plan.updates}) > 1
    some = any(one.held is not None for one in plan.updates)
    header = [
        "IMAGE",
        *(["IN"] if several else []),
        "UPDATE",
        "FROM",
        "TO",
        "FETCHES",
        *(["NOT NOW"] if some else []),
    ]
    rows = [
        [
            text.safe(one.reference.familiar),
            *([_place_name(one.place)] if several else []),
            words.kind(one),
            words.before(one),
            words.after(one),
            words.fetch(one.fetch),
            *([words.held(one, wanted.snoozes, wanted.minimum_age)] if some else []),
        ]
        for one in plan.updates
    ]
    output.table(header, rows, prose=len(header) - 1 if some else None, spare=())
    offered = plan.offered
    if offered:
        sentence = tr("{updates}, {size}.")
        output.line(sentence.format(updates=words.counted(len(offered)), size=words.total(offered)).strip())
    for line in filter(None, [words.hub_cost(offered, budget), *words.remains(offered)]):
        output.line(line)


def _place_name(place: LocalPlace) -> str:
    return text.safe(place.address.name) if isinstance(place, EnginePlace) else tr("library")


def update_values(one: Update, state: str) -> dict[str, Any]:
    """An update in JSON. Sizes in bytes. *state*: planned, held or snoozed."""
    exactness = None
    if one.fetch.bytes is not None:
        exactness = "at most" if one.fetch.at_most else "about" if one.fetch.about else "exact"
    return {
        **place_values(one.place),
        "reference": str(one.reference),
        "update": one.kind.value,
        "major": one.major,
        "target": str(one.target),
        "from": one.before,
        "to": one.after,
        "bytes_to_fetch": one.fetch.bytes,
        "exactness": exactness,
        "created": None if one.created is None else times.aware(one.created).isoformat(),
        "platform": None if one.platform is None else str(one.platform),
        "containers": [each.name for each in one.containers],
        "other_tags": [str(other) for other in one.others],
        "held": None if one.held is None else one.held.value,
        "state": state,
        "error": None if one.problem is None else error_values(one.problem),
    }


def _snooze(
    snoozes: Snoozes, plan: UpdatePlan, until: date | str, output: Output, codes: Sequence[int]
) -> int:
    day = until if isinstance(until, date) else None
    snoozes.add({(one.reference, one.kind): one.seen for one in plan.updates}, day)
    for one in plan.updates:
        output.record("update", update_values(one, "snoozed"))
        output.line(f"{one.reference.familiar}: {words.kind(one)}, {words.snoozed(day)}")
    if not plan.updates:
        output.line(tr("Nothing to snooze."))
    return exit_codes.of_codes(codes)


def _wake(snoozes: Snoozes, only: Sequence[Reference], output: Output, *, everything: bool) -> int:
    stored = {name for name, _ in snoozes.all()}
    ended = [Reference.parse(name) for name in stored] if everything else list(only)
    snoozes.end(ended)
    for reference in sorted(ended):
        if str(reference) in stored:
            output.line(tr("Updates of {image} are offered again.").format(image=reference.familiar))
    return exit_codes.DONE


def _agreed(output: Output, number: int) -> bool:
    """Ask. Raises InvalidInput where nobody can answer."""
    if output.as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise InvalidInput(
            "Nothing was updated, because nobody can be asked here.",
            advice="Add --yes to carry out the plan, or --dry-run to see only the plan.",
        )
    report(f"Carry out {words.counted(number)}? [y/N] ")
    return sys.stdin.readline().strip().lower() in ("y", "yes")
