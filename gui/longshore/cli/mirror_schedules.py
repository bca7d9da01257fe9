"""``mirror schedule``: mirrors that run by themselves, by systemd or cron."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from longshore.cli import exit_codes
from longshore.cli.mirror_options import add_action, add_max_deletes, is_file, shown
from longshore.cli.output import Output
from longshore.errors import InvalidInput, LongshoreError

if TYPE_CHECKING:
    from longshore.application.mirrors.rules import MirrorRule
    from longshore.application.mirrors.timers import Timers
    from longshore.application.session import Session

_EPILOG = """\
The time is hourly, daily, weekly, or an OnCalendar expression of systemd; for cron, five fields. What would be written
is shown first. A timer runs while the user is signed in; loginctl enable-linger lets it run always.

examples:
  longshore mirror schedule apps daily
  longshore mirror schedule apps daily --yes
  longshore mirror schedule mirrors.yaml "Mon..Fri 03:00" --yes
  longshore mirror schedule --list
  longshore mirror schedule --remove apps
"""


def add(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the action."""
    one = add_action(actions, "schedule", "Let the system run a mirror regularly.", _EPILOG)
    one.add_argument("mirror", metavar="NAME|FILE", nargs="?", help="a saved rule or a file")
    one.add_argument("when", metavar="WHEN", nargs="?", help="hourly, daily, weekly, or an expression")
    one.add_argument(
        "--by", choices=("systemd", "cron"), help="who runs it (default: systemd if it responds)"
    )
    one.add_argument("--yes", action="store_true", help="write what is shown")
    one.add_argument("--list", action="store_true", help="list the schedules")
    one.add_argument("--remove", metavar="NAME|FILE", help="remove the schedule of a mirror")
    one.add_argument(
        "--delete-extras", action="store_true", help="the runs delete tags that the source no longer has"
    )
    add_max_deletes(one)
    one.set_defaults(run=schedule)


def schedule(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore mirror schedule``."""
    from longshore.application.mirrors.timers import Timers

    timers = Timers(session.environ)
    if arguments.list or arguments.remove is not None:
        if arguments.mirror is not None:
            raise InvalidInput("--list and --remove are used alone.", advice="Leave out the rest.")
        return _list(timers, output) if arguments.list else _remove(timers, arguments.remove, output)
    if arguments.mirror is None or arguments.when is None:
        raise InvalidInput(
            "A schedule needs a mirror and a time.",
            advice="For example: longshore mirror schedule apps daily",
        )
    return _install(session, timers, arguments, output)


def times(session: Session, output: Output) -> dict[str, str]:
    """The times of scheduled mirrors, by name. Those that cannot be read are left out, with a warning."""
    from longshore.application.mirrors.timers import Timers

    try:
        return {one.schedule.target: one.schedule.when for one in Timers(session.environ).all()}
    except LongshoreError as error:
        output.warning(f"Schedules are not known: {error.message}")
        return {}


def _list(timers: Timers, output: Output) -> int:
    found = timers.all()
    for one in found:
        output.record(
            "mirror_schedule", {"mirror": one.schedule.target, "when": one.schedule.when, "by": one.way}
        )
    output.table(
        ("MIRROR", "WHEN", "BY"),
        [(shown(one.schedule.target), shown(one.schedule.when), one.way) for one in found],
    )
    return exit_codes.DONE


def _remove(timers: Timers, named: str, output: Output) -> int:
    known = {one.schedule.target for one in timers.all()}
    target = named if named in known else str(Path(named).absolute())
    timers.remove(target if target in known else named)
    output.line(f"Removed the schedule of {shown(target)}.")
    return exit_codes.DONE


def _install(session: Session, timers: Timers, arguments: argparse.Namespace, output: Output) -> int:
    from longshore.application.mirrors.rules import Extras
    from longshore.application.mirrors.schedules import Schedule
    from longshore.application.mirrors.timers import own_command

    target, rules = _target(session, arguments.mirror)
    if not arguments.delete_extras:
        for rule in rules:
            if rule.extras is Extras.DELETE:
                output.warning(
                    f"{shown(rule.name)}: scheduled runs keep its extra tags. "
                    "To let them delete, add --delete-extras here."
                )
    registries = [word for text in arguments.registry for word in ("--registry", text)]
    options = ["--quiet"]
    if arguments.delete_extras:
        options += ["--delete-extras", "--yes"]
    if arguments.max_deletes is not None:
        options += ["--max-deletes", str(arguments.max_deletes)]
    found = Schedule(
        target,
        arguments.when,
        own_command([*registries, "mirror", "run", *options, "--", target]),
        timers.carried(),
    )
    way = arguments.by or timers.way()
    texts = timers.texts(found, way)
    for name, text in texts:
        output.record("mirror_schedule_text", {"by": way, "file": name, "text": text})
        output.line(f"{name}:")
        for line in text.splitlines():
            output.line(f"  {shown(line) if not line.isprintable() else line}")
    proxies = [name for name in session.environ if name.lower() in ("http_proxy", "https_proxy", "all_proxy")]
    if proxies:
        output.warning(
            f"{', '.join(sorted(proxies))}: not part of the schedule, because it may have a password."
        )
    if not arguments.yes:
        raise InvalidInput("Nothing was written.", advice="Check the text above, and add --yes to write it.")
    timers.install(found, way)
    output.line(f"Scheduled: {shown(target)}, {shown(arguments.when)}, by {way}.")
    output.record("mirror_schedule", {"mirror": target, "when": arguments.when, "by": way})
    return exit_codes.DONE


def _target(session: Session, named: str) -> tuple[str, list[MirrorRule]]:
    """The name of a saved rule, or the absolute path of a file with valid rules, and its rules. Raises InvalidInput."""
    from longshore.cli.mirror_options import rules_of

    rules = rules_of(session, [named])
    if is_file(named) and not (len(rules) == 1 and rules[0].name == named):
        return str(Path(named).absolute()), rules
    return named, rules
