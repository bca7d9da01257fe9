"""``mirror``: rules, their plans and runs; schedules are in :mod:`.mirror_schedules`, files in :mod:`.mirror_files`."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from longshore.cli import exit_codes, mirror_files, mirror_schedules
from longshore.cli.mirror_options import add_action, add_max_deletes, options_of, rules_of, shown
from longshore.cli.output import Output
from longshore.errors import InvalidInput, LongshoreError

if TYPE_CHECKING:
    from longshore.application.mirrors.claims import Claims
    from longshore.application.mirrors.plan import MirrorPlan, RulePlan
    from longshore.application.mirrors.rules import MirrorRule
    from longshore.application.session import Session
    from longshore.cancellation import Cancellation

_MIRROR = """\
A mirror is a saved rule, or a rule in a YAML file:

  version: 1
  mirrors:
    - name: apps
      source: docker.io/team/app        # or a pattern: docker.io/team/*, registry.example.com/**
      destination: mirror.example.com/team/app    # for a pattern, the namespace of the copies
      tags: ["1.*", "v#.#", "!*-rc*"]   # * any text, # a number, ! excludes (default: all tags)
      newest: 5                         # only so many versions; tags without a digit are all copied
      minimum_age_days: 7               # only images that are at least so old
      platforms: [linux/amd64]          # only these (default: all, unchanged)
      referrers: true                   # also signatures and SBOMs
      extras: keep                      # or delete: tags that the source no longer has, with --yes

The copies of a pattern keep their paths below its fixed part: with docker.io/team/* and mirror.example.com/copies,
docker.io/team/app is copied to mirror.example.com/copies/app.

examples:
  longshore mirror plan apps
  longshore mirror run mirrors.yaml
  longshore mirror schedule apps daily
"""
_RUN = """\
Tags that are in step are not copied again, and a run that was interrupted is continued by the next one.
Extra tags are deleted only with --yes, by --delete-extras or by rules with extras: delete; else they are kept.
Each deleted tag leaves a backup tag that points to its image; copy that one to the tag's name to restore it.

examples:
  longshore mirror run apps
  longshore mirror run mirrors.yaml --dry-run
  longshore mirror run apps --delete-extras --max-deletes 5 --yes
"""
_ACTIONS = {
    "list": ("List the saved rules, or those of files.", "examples:\n  longshore mirror list\n"),
    "plan": (
        "Show what a run would copy and delete.",
        "examples:\n  longshore mirror plan apps\n  longshore mirror plan mirrors.yaml --json\n",
    ),
    "run": ("Copy what is missing or different.", _RUN),
}


def add(command: str, parser: argparse.ArgumentParser) -> None:
    """See ``parser.Group``."""
    parser.epilog = _MIRROR
    actions = parser.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)
    for name, (does, epilog) in _ACTIONS.items():
        one = add_action(actions, name, does, epilog)
        one.add_argument(
            "mirrors",
            metavar="NAME|FILE",
            nargs="*",
            help="a saved rule or a file (default: all saved rules)",
        )
        one.set_defaults(run={"list": list_rules, "plan": plan, "run": run_mirrors}[name])
        if name == "list":
            continue
        one.add_argument("--all", action="store_true", help="also show tags that are unchanged")
        one.add_argument(
            "--delete-extras", action="store_true", help="delete tags that the source no longer has"
        )
        if name == "run":
            one.add_argument("--dry-run", action="store_true", help="show the plan and change nothing")
            one.add_argument("--yes", action="store_true", help="delete what the plan shows")
            add_max_deletes(one)
    mirror_schedules.add(actions)
    mirror_files.add(actions)


def list_rules(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore mirror list``."""
    times = mirror_schedules.times(session, output)
    found: list[tuple[MirrorRule, str]] = []
    for named in arguments.mirrors or [None]:
        for rule in rules_of(session, [] if named is None else [named], output):
            # The schedule of a file is for all of its rules.
            when = (
                times.get(rule.name) if named in (None, rule.name) else times.get(str(Path(named).absolute()))
            )
            found.append((rule, when or ""))
    for rule, when in found:
        output.record("mirror", {**rule.to_json(), "schedule": when or None})
    output.table(
        ("NAME", "SOURCE", "DESTINATION", "TAGS", "OPTIONS", "SCHEDULE"),
        [
            (
                shown(rule.name),
                rule.source.familiar_name,
                rule.destination.familiar_name,
                shown(" ".join(rule.tags)),
                options_of(rule),
                shown(when),
            )
            for rule, when in found
        ],
        elided=(1, 2),
        spare=(4, 3, 5),
    )
    return exit_codes.DONE


def plan(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore mirror plan``."""
    codes: list[int] = []
    _plan_all(session, arguments, output, codes, _claims(session, arguments), table=True)
    return exit_codes.of_codes(codes)


def run_mirrors(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore mirror run``."""
    from longshore.application.mirrors.rules import Extras
    from longshore.cli.moving import run

    codes: list[int] = []
    if arguments.dry_run:
        return plan(session, arguments, output)
    with _alone(session, rules_of(session, arguments.mirrors), output):
        # A scheduled run is quiet; but what is to be confirmed is always shown.
        table = not output.quiet or (arguments.delete_extras and not arguments.yes)
        claims = _claims(session, arguments)
        plans = _plan_all(session, arguments, output, codes, claims, table=table)
        if exit_codes.INTERRUPTED in codes:
            return exit_codes.INTERRUPTED
        doomed = [one for one in plans if one.rule.extras is Extras.DELETE and _extras(one)]
        requests = [request for one in plans for request in one.requests()]
        code = run(session, requests, output, codes, left=_left(session, plans))
        if not doomed or code == exit_codes.INTERRUPTED:
            return code
        if code != exit_codes.DONE:
            output.warning("No extra tag was deleted, because not everything was copied.")
            return code
        if not arguments.yes:
            output.warning(
                f"{sum(map(_extras, doomed))} extra tags are kept. Check the plan, and add --yes to delete them."
            )
            return code
        return _delete_all(session, doomed, claims, arguments, output)


def _rules(session: Session, arguments: argparse.Namespace, output: Output | None = None) -> list[MirrorRule]:
    """The rules of a plan or a run, as the options change them."""
    from longshore.application.mirrors.rules import Extras

    rules = rules_of(session, arguments.mirrors, output)
    return [replace(rule, extras=Extras.DELETE) for rule in rules] if arguments.delete_extras else rules


def _claims(session: Session, arguments: argparse.Namespace) -> Claims:
    from longshore.application.mirrors.claims import Claims
    from longshore.application.mirrors.rules import MirrorRules

    return Claims([*_rules(session, arguments), *MirrorRules(session.settings).all()])


def _left(session: Session, plans: Sequence[RulePlan]) -> list[str]:
    """The rows for tags of *plans* that runs which were killed left Interrupted."""
    asked = {plan.rule.request(tag.tag) for one in plans for plan in one.repositories for tag in plan.tags}
    try:
        with session.opened_journal(reading=True) as journal:
            ended, _ = journal.unfinished()
    except LongshoreError:
        return []  # there is no history, and the run needs none
    return [row.id for row in ended if row.request in asked]


def _extras(one: RulePlan) -> int:
    return sum(len(each.extras) for each in one.repositories)


def _plan_all(
    session: Session,
    arguments: argparse.Namespace,
    output: Output,
    codes: list[int],
    claims: Claims,
    *,
    table: bool,
) -> list[RulePlan]:
    """Make and show the plans. *codes* gets the exit code of everything that is settled by that."""
    from longshore.application.mirrors.planning import plan_rule
    from longshore.application.mirrors.rules import Extras
    from longshore.cancellation import Cancelled
    from longshore.cli.interrupting import cancelled_by_signal
    from longshore.cli.mirror_plans import comparing, show

    rules = _rules(session, arguments, output)
    if not rules and arguments.mirrors:
        raise InvalidInput("It has no rules.", subject=" ".join(arguments.mirrors))
    if not rules:
        raise InvalidInput(
            "There are no saved rules.", advice="Name a file of rules: longshore mirror run mirrors.yaml"
        )
    found: list[RulePlan] = []
    # A plan and a dry run show what a run with --yes would do.
    confirmed = arguments.action == "plan" or arguments.dry_run or arguments.yes
    try:
        with cancelled_by_signal() as cancellation:
            for rule in rules:
                try:
                    with comparing(output) as told:
                        one = plan_rule(
                            rule, session.clients, cancellation=cancellation, told=told, claims=claims
                        )
                except LongshoreError as error:
                    output.error(error)
                    codes.append(exit_codes.of_error(error))
                    continue
                show(
                    one,
                    output,
                    deletes=rule.extras is Extras.DELETE and confirmed,
                    table=table,
                    everything=arguments.all,
                    codes=codes,
                )
                found.append(one)
    except Cancelled:
        codes.append(exit_codes.INTERRUPTED)
    return found


def _delete_all(
    session: Session, plans: Sequence[RulePlan], claims: Claims, arguments: argparse.Namespace, output: Output
) -> int:
    """Delete the extra tags of *plans*, and return the exit code."""
    from longshore.application.mirrors.extras import MOST_DELETES, check_deletions
    from longshore.cancellation import Cancelled
    from longshore.cli.interrupting import cancelled_by_signal

    most = MOST_DELETES if arguments.max_deletes is None else arguments.max_deletes
    try:
        total = check_deletions(plans, most)
    except LongshoreError as error:
        output.error(error)
        return exit_codes.FAILED
    codes: list[int] = []
    try:
        with cancelled_by_signal(also_ended=True) as cancellation:
            for one in plans:
                for each in one.repositories:
                    _delete(session, each, claims, output, codes, cancellation)
    except Cancelled:
        done = codes.count(exit_codes.DONE)
        output.warning(f"Interrupted after {done} of {total} extra tags. The others are unchanged.")
        return exit_codes.INTERRUPTED
    return exit_codes.of_codes(codes)


def _delete(
    session: Session,
    plan: MirrorPlan,
    claims: Claims,
    output: Output,
    codes: list[int],
    cancellation: Cancellation,
) -> None:
    """Delete the extra tags of one repository. *codes* gets the exit code of each. Raises Cancelled."""
    from longshore.application.mirrors.extras import delete_extras
    from longshore.cli.mirror_plans import show_end

    others = claims.others(plan.rule)
    try:
        for ended in delete_extras(
            plan.rule, plan.extras, session.clients, others=others, cancellation=cancellation
        ):
            show_end(ended, output)
            codes.append(exit_codes.DONE)
    except LongshoreError as error:
        output.error(error)
        codes.append(exit_codes.of_error(error))


@contextlib.contextmanager
def _alone(session: Session, rules: Sequence[MirrorRule], output: Output) -> Iterator[None]:
    """Keep other runs of the same rules out: two would copy the same, and delete each other's tags.

    Raises LongshoreError if one is running. Warns if there is no place for locks. The system ends the locks with
    the process.
    """
    from longshore.shared_files import LockBusy, locked, private_folder

    with contextlib.ExitStack() as held:
        for name in sorted({rule.name for rule in rules}):
            try:
                folder = private_folder(session.folders.state / "mirrors")
                lock = folder / f"{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:32]}.lock"
                held.enter_context(locked(lock, patience=0.0))
            except LockBusy:
                raise LongshoreError(
                    "Another run of this mirror has not ended yet.",
                    subject=name,
                    advice="Try again when it has.",
                ) from None
            except OSError as error:
                # Without a lock a copy is as safe as longshore copy.
                if not output.quiet:
                    output.warning(
                        f"Other runs of the same mirror are not noticed: {session.folders.state}: "
                        f"{error.strerror or error}."
                    )
                break
        yield
