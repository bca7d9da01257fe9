"""What Configuration says about an image: its environment with masked values, and every other setting."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from longshore.application.inspection.secrets import HIDDEN, environment, masked, masked_line
from longshore.language import tr
from longshore.models.facts import MOST, Fact, Section
from longshore.words import text

if TYPE_CHECKING:
    from longshore.application.inspection.values import Inspected

#: Takes the place of a masked value.
_DOTS = "•" * 8
#: Longest values that are shown, and that are copied.
_LONG, _WHOLE = 2000, 100_000


def sections(found: Inspected, shown: Collection[str]) -> list[Section]:
    """Environment and everything else. *shown*: the keys of masked values that the user has asked to see."""
    variables = found.run.environment[:MOST]
    plain = environment(variables, secrets=True)
    facts = []
    masks = 0
    for number, (name, safe) in enumerate(environment(variables)):
        value = plain[number][1]
        key = f"{number}:{name}"
        hidden = safe != value
        masks += hidden
        facts.append(_variable(name, value, safe, key, hidden=hidden, open_=key in shown))
    extent = str(len(found.run.environment))
    if masks:
        extent = tr("{0}, {1} masked").format(extent, masks)
    rest = tuple(_setting(name, value) for name, value in found.settings)
    return [
        Section("environment", tr("Environment"), tuple(facts), extent, fixed=True, striped=True),
        Section("rest", tr("Everything else"), rest, str(len(rest)), fixed=True, striped=True),
    ]


def _variable(name: str, value: str, safe: str, key: str, *, hidden: bool, open_: bool) -> Fact:
    name = text.safe(name, 200)
    if hidden and not open_:
        masked = _DOTS if safe == HIDDEN else text.safe(safe, _LONG)
        return Fact(name, masked, key, copied=HIDDEN, fixed=True, offer=tr("Show"))
    offer = tr("Hide") if hidden else ""
    return Fact(
        name,
        text.safe(value, _LONG) or tr("empty"),
        key if hidden else "",
        copied=text.safe(value, _WHOLE),
        fixed=True,
        dim=not value,
        offer=offer,
    )


def _setting(name: str, value: str) -> Fact:
    value = masked(name.rpartition(".")[2], masked_line(value))
    shown = text.safe(value, _LONG)
    # Names as the document has them, without the part that all of them share.
    return Fact(
        text.safe(name.removeprefix("config.").removeprefix("Config."), 200),
        shown or tr("not set"),
        copied=text.safe(value, _WHOLE),
        more=shown,
        fixed=bool(value),
        dim=not value,
    )


def env_file(found: Inspected, shown: Collection[str]) -> tuple[str, int]:
    """The environment as lines of an ``.env`` file, and how many masked values it leaves out.

    The lines are what ``docker run --env-file`` reads: no quotes, no value over several lines.
    """
    lines = []
    left_out = 0
    plain = environment(found.run.environment, secrets=True)
    for number, (name, safe) in enumerate(environment(found.run.environment)):
        value = plain[number][1]
        if safe != value and f"{number}:{name}" not in shown:
            left_out += 1
            lines.append(f"# {text.safe(name, 200)} is masked")
        elif "\n" in value or "\r" in value or not name:
            lines.append(f"# {text.safe(name, 200)} has several lines")
        else:
            lines.append(f"{text.safe(name, 200)}={value}")
    return "\n".join(lines) + "\n" if lines else "", left_out
