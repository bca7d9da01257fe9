"""``mirror export`` and ``mirror import``: rules as the configuration of regsync, and from files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from longshore.cli import exit_codes
from longshore.cli.mirror_options import add_action, rules_of, shown
from longshore.cli.output import Output
from longshore.errors import LongshoreError

if TYPE_CHECKING:
    from longshore.application.session import Session

_EXPORT = """\
What regsync cannot do is named on standard error; rules that it cannot run are left out, and the exit code is then 3,
or 1 if none is left. Passwords are not exported: regsync reads Docker's own.

examples:
  longshore mirror export > regsync.yml
  longshore mirror export apps | regsync once -c -
"""
_IMPORT = """\
Everything that does not carry over is named with its line. An entry with a filter that has no equivalent is left out,
so that no rule copies more than its entry did. A file of Longshore's own rules can be saved in the same way.

examples:
  longshore mirror import regsync.yml --dry-run
  longshore mirror import regsync.yml
"""


def add(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the two actions."""
    one = add_action(actions, "export", "Print rules as the configuration of regsync.", _EXPORT)
    one.add_argument(
        "mirrors", metavar="NAME|FILE", nargs="*", help="a saved rule or a file (default: all saved rules)"
    )
    one.set_defaults(run=export)
    one = add_action(actions, "import", "Save the rules of a configuration of regsync.", _IMPORT)
    one.add_argument("file", metavar="FILE", help="the configuration of regsync, or a file of rules")
    one.add_argument("--dry-run", action="store_true", help="show the rules, and save nothing")
    one.add_argument("--replace", action="store_true", help="replace saved rules of the same name")
    one.set_defaults(run=read)


def export(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore mirror export``."""
    from longshore.application.mirrors.regsync_export import to_regsync
    from longshore.application.mirrors.schedules import cron_times
    from longshore.cli.mirror_schedules import times

    rules = rules_of(session, arguments.mirrors)
    text, notes, left_out = to_regsync(rules, session.registries.config, cron_times(times(session, output)))
    for note in notes:
        output.warning(note)
    output.result(text.rstrip("\n"))
    output.record("mirror_export", {"format": "regsync", "text": text, "notes": notes})
    codes = [exit_codes.FAILED] * left_out + [exit_codes.DONE] * (len(rules) - left_out)
    return exit_codes.of_codes(codes)


def read(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore mirror import``."""
    from longshore.application.mirrors.regsync_import import Imported, from_regsync
    from longshore.application.mirrors.rules import MirrorRules
    from longshore.application.mirrors.rules_file import in_file, parse_rules
    from longshore.application.mirrors.yaml_file import read_yaml

    with in_file(Path(arguments.file)):
        document = read_yaml(Path(arguments.file))
        own = any(key == "mirrors" for key, _, _ in document.pairs())
        found = Imported(rules=parse_rules(document)) if own else from_regsync(document)
    for note in found.notes:
        output.warning(f"line {note.line}: {note.text}")
        output.record("mirror_note", {"line": note.line, "text": note.text})
    rules = MirrorRules(session.settings)
    saved = {rule.name: rule for rule in rules.all()}
    codes = [exit_codes.FAILED] * found.left_out
    for rule in found.rules:
        output.record("mirror", rule.to_json())
        output.line(
            f"{shown(rule.name)}: {rule.source.familiar_name} → {rule.destination.familiar_name}   "
            f"{shown(' '.join(rule.tags))}"
        )
        if rule.name in saved and saved[rule.name] != rule and not arguments.replace:
            output.error(
                LongshoreError(
                    "A saved rule with this name is different, and stays.",
                    subject=rule.name,
                    advice="Use --replace to replace it.",
                )
            )
            codes.append(exit_codes.FAILED)
            continue
        if not arguments.dry_run:
            rules.save(rule)
        codes.append(exit_codes.DONE)
    unwritten = session.settings.unwritten
    if unwritten is not None:
        raise LongshoreError(
            "The rules were not saved: {reason}.",
            subject=str(session.settings.path),
            advice="Check the folder and the disk.",
            arguments={"reason": unwritten.strerror or str(unwritten)},
        )
    return exit_codes.of_codes(codes)
