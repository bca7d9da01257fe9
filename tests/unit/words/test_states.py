"""Sentences about states and about Docker Hub's budget."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from longshore.application.states import NO_DATES, Compared, Here, State
from longshore.errors import InvalidInput, RegistryUnreachable
from longshore.oci.reference import Reference
from longshore.registry.pull_budget import PullBudget
from longshore.words import states

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
WEB = Reference.parse("reg.io/acme/web:1")
HERE = Here(WEB, present=True)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Compared(HERE, State.IN_SYNC), "reg.io has the same image under this tag."),
        (
            Compared(Here(Reference.parse(f"reg.io/a@sha256:{'1' * 64}")), State.IN_SYNC),
            "reg.io has this image.",
        ),
        (Compared(HERE, State.NEWER), "The tag points to another image at reg.io now."),
        (
            Compared(HERE, State.NEWER, created=NOW - timedelta(hours=6)),
            "The tag points to a newer image at reg.io, created 6 hours ago.",
        ),
        (
            Compared(HERE, State.DIFFERS, created=NOW - timedelta(days=21)),
            "The tag points to an image at reg.io that is not newer, created 3 weeks ago.",
        ),
        (Compared(HERE, State.ONLY_HERE), "reg.io does not have this tag."),
        (
            Compared(Here(Reference.parse("web:dev"), present=True), State.ONLY_HERE),
            "This image was never pulled or pushed under this name.",
        ),
        (Compared(Here(WEB), State.ONLY_THERE), "There is no local image with this name."),
        (Compared(HERE, State.UNKNOWN, error=InvalidInput(NO_DATES)), NO_DATES),
        (
            Compared(
                HERE,
                State.UNKNOWN,
                error=RegistryUnreachable("It is off.", registry="reg.io", advice="Wait."),
            ),
            "It is off. Wait.",
        ),
        (
            Compared(HERE, State.IN_SYNC, asked=NOW - timedelta(minutes=4)),
            "reg.io has the same image under this tag.\nChecked 4 min ago.",
        ),
    ],
)
def test_reasons(found: Compared, words: str) -> None:
    assert states.reason(found, NOW) == words


def budget(left: int, limit: int | None = 100, minutes: int | None = None) -> PullBudget:
    until = None if minutes is None else NOW + timedelta(minutes=minutes)
    return PullBudget(left, limit, until, NOW)


def test_the_footer() -> None:
    assert states.checked(None) == states.pulls_left(None) == ""
    assert states.checked(NOW - timedelta(minutes=4), NOW) == "Checked 4 min ago"
    assert states.pulls_left(budget(76), NOW) == "Docker Hub: 76 of 100 pulls left"
    assert states.pulls_left(budget(76, None), NOW) == "Docker Hub: 76 pulls left"
    shown = states.pulls_left(budget(76, minutes=20), NOW)
    assert shown.startswith("Docker Hub: 76 of 100 pulls left until ") and ":20" in shown
    assert states.pulls_left(budget(76, minutes=-1), NOW) == "", "the count has started again"


@pytest.mark.parametrize(
    ("pulls", "known", "words"),
    [
        (0, budget(76), ""),
        (1, budget(76), "Counts as 1 of 76 pulls left on Docker Hub."),
        (1, None, "Counts as 1 pull on Docker Hub."),
        (3, budget(76, minutes=-1), "Counts as 3 pulls on Docker Hub."),
        (3, budget(2), "Needs 3 pulls on Docker Hub, which allows 2 more now."),
    ],
)
def test_what_a_plan_costs(pulls: int, known: PullBudget | None, words: str) -> None:
    assert states.pull_cost(pulls, known, NOW) == words
