"""``doctor``: what is wrong, and what to do."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING

from longshore.application.checks import Check, Verdict, run
from longshore.cli import exit_codes
from longshore.cli.output import Output, padded, wrapped
from longshore.words.front_ends import FrontEnd, adapted

if TYPE_CHECKING:
    from longshore.application.session import Session

_EPILOG = """\
Checks all known engines, Docker's credentials, the registries in the list, disk space, folders, proxies, versions
and the history. It changes nothing. The exit code is 0 if there is no problem, and 1 otherwise.

examples:
  longshore doctor
  longshore doctor --quiet
  longshore doctor --json
"""


def add(command: str, parser: argparse.ArgumentParser) -> None:
    """See ``parser.Group``."""
    parser.epilog = _EPILOG
    parser.set_defaults(run=doctor)


def doctor(session: Session, arguments: argparse.Namespace, output: Output) -> int:
    """Run ``longshore doctor``."""
    # What they import takes longer than the help.
    from longshore.application.machine_checks import machine_jobs
    from longshore.application.remote_checks import remote_jobs

    checks = run([*remote_jobs(session), *machine_jobs(session)])
    for check in checks:
        output.record("check", _values(check))
        # With --quiet, only what needs attention.
        (output.line if check.verdict is Verdict.OK else output.result)(_lines(check))
    count = Counter(check.verdict for check in checks)
    problems, warnings = count[Verdict.PROBLEM], count[Verdict.WARNING]
    output.record("doctor", {"ok": count[Verdict.OK], "warnings": warnings, "problems": problems})
    output.line(f"{_number(problems, 'problem')}, {_number(warnings, 'warning')}.")
    return exit_codes.FAILED if problems else exit_codes.DONE


def _values(check: Check) -> dict[str, str]:
    return {
        "name": check.name,
        "subject": check.subject,
        "status": check.verdict.value,
        "message": check.message,
        "advice": _advice(check),
        "detail": check.detail,
    }


def _lines(check: Check) -> str:
    first = f"{padded(check.verdict.value, 9)}{check.name} {check.subject}: {check.message}"
    more = [_advice(check), *check.detail.splitlines()]
    lines = [first, *(f"{' ' * 9}{line}" for line in more if line)]
    return "\n".join(part for line in lines for part in wrapped(line, 9))


def _advice(check: Check) -> str:
    return adapted(check.advice, FrontEnd.TERMINAL, check.subject)


def _number(count: int, what: str) -> str:
    return f"{count or 'No'} {what}{'' if count == 1 else 's'}"
