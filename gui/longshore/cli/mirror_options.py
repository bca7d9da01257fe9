"""What the actions of ``mirror`` share: options, and the rules that their arguments name."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from longshore.errors import InvalidInput

if TYPE_CHECKING:
    from longshore.application.mirrors.rules import MirrorRule
    from longshore.application.session import Session
    from longshore.cli.output import Output


def add_action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, does: str, epilog: str
) -> argparse.ArgumentParser:
    """Add the parser of an action, which also takes the options of all commands."""
    one = actions.add_parser(
        name,
        help=does,
        description=does,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # Without a default here, what was given before the action stays.
    one.add_argument(
        "--json",
        action="store_true",
        default=argparse.SUPPRESS,
        help="print one JSON object a line (schema 1)",
    )
    one.add_argument(
        "--quiet", "-q", action="store_true", default=argparse.SUPPRESS, help="print only results and errors"
    )
    return one


def add_max_deletes(parser: argparse.ArgumentParser) -> None:
    """Add the limit of deletions."""
    parser.add_argument(
        "--max-deletes",
        metavar="N",
        type=_count,
        default=None,
        help="delete nothing if the run has more extra tags than this, of all mirrors together (default: 10)",
    )


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 7):
        raise argparse.ArgumentTypeError("must be a number, 0 or more")
    return int(text)


def rules_of(session: Session, named: Sequence[str], output: Output | None = None) -> list[MirrorRule]:
    """The rules that *named* means: saved ones by name, or those of files; all saved ones for none.

    *output* gets a warning for the name of both a saved rule and a file. Raises InvalidInput.
    """
    from longshore.application.mirrors.rules import MirrorRules

    saved = {rule.name: rule for rule in MirrorRules(session.settings).all()}
    if not named:
        return list(saved.values())
    found: list[MirrorRule] = []
    for one in named:
        if one in saved:
            found.append(saved[one])
            if output is not None and Path(one).is_file():
                output.warning(
                    f"{shown(one)}: the saved rule is used, not the file. For the file: ./{shown(one)}"
                )
        elif is_file(one):
            from longshore.application.mirrors.rules_file import read_rules

            found += read_rules(Path(one))
        else:
            raise InvalidInput(
                "There is no saved rule and no file with this name.",
                subject=one,
                advice="See longshore mirror list.",
            )
    return found


def is_file(name: str) -> bool:
    """Whether there is something with this path."""
    try:
        return Path(name).exists()
    except (OSError, ValueError):
        return False


def options_of(rule: MirrorRule) -> str:
    """What a rule has beside its ends and patterns, for one cell."""
    from longshore.application.mirrors.rules import Extras

    parts = [f"newest {rule.newest}"] if rule.newest else []
    parts += [f"{rule.minimum_age_days} days old"] if rule.minimum_age_days else []
    parts += map(str, rule.platforms)
    parts += ["signatures"] if rule.referrers else []
    parts += ["deletes extras"] if rule.extras is Extras.DELETE else []
    return ", ".join(parts)


def shown(text: str) -> str:
    """A text from outside for one cell."""
    from longshore.words.text import safe

    return safe(text, 200)
