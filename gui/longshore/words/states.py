"""Sentences about the states of images: why an image is newer, only here, unknown."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from longshore.application.states import Compared, State, ours_alone
from longshore.language import tr
from longshore.words import errors, text, times

if TYPE_CHECKING:
    from longshore.registry.pull_budget import PullBudget


def reason(found: Compared, now: datetime | None = None) -> str:
    """Return why *found* has its state, as a sentence, and when the registry was asked."""
    host = text.safe(found.here.reference.domain)
    words = _reason(found, host, now)
    if found.asked is None:
        return words
    return f"{words}\n{tr('Checked {age}.').replace('{age}', times.age(found.asked, now))}"


def _reason(found: Compared, host: str, now: datetime | None) -> str:
    age = times.age(found.created, now)
    match found.state:
        case State.IN_SYNC if found.here.reference.digest:
            words = tr("{host} has this image.")
        case State.IN_SYNC:
            words = tr("{host} has the same image under this tag.")
        case State.NEWER if age:
            words = tr("The tag points to a newer image at {host}, created {age}.")
        case State.NEWER:
            words = tr("The tag points to another image at {host} now.")
        case State.DIFFERS if age:
            words = tr("The tag points to an image at {host} that is not newer, created {age}.")
        case State.DIFFERS:
            words = tr("The tag points to an image at {host} that is not newer.")
        case State.ONLY_HERE if ours_alone(found.here):
            words = tr("This image was never pulled or pushed under this name.")
        case State.ONLY_HERE:
            words = tr("{host} does not have this tag.")
        case State.ONLY_THERE:
            words = tr("There is no local image with this name.")
        case _:
            return errors.told(found.error) if found.error is not None else tr("Not checked yet.")
    return words.replace("{host}", host).replace("{age}", age)


def unnamed() -> str:
    """Return why an image without a name is only here."""
    return tr("No tag points to this image, so no registry can be asked about it.")


def checked(asked: datetime | None, now: datetime | None = None) -> str:
    """Return when the registries were asked, for a footer; "" if they were not."""
    return tr("Checked {age}").replace("{age}", times.age(asked, now)) if asked is not None else ""


def pulls_left(budget: PullBudget | None, now: datetime | None = None) -> str:
    """Return what Docker Hub still allows, for a footer; "" if it has not reported it."""
    if budget is None or _over(budget, now):
        return ""
    words = (
        tr("Docker Hub: {left} of {limit} pulls left")
        if budget.limit
        else tr("Docker Hub: {left} pulls left")
    )
    words = words.replace("{left}", f"{budget.left:,}").replace("{limit}", f"{budget.limit or 0:,}")
    if budget.until is not None:
        words = tr("{pulls} until {time}").replace("{pulls}", words)
        words = words.replace("{time}", times.clock(budget.until, now))
    return words


def pull_cost(pulls: int, budget: PullBudget | None, now: datetime | None = None) -> str:
    """Return what *pulls* pulls from Docker Hub cost, for a plan: ``Counts as 1 of 76 pulls left on Docker Hub.``"""
    if not pulls:
        return ""
    if budget is None or _over(budget, now):
        words = (
            tr("Counts as 1 pull on Docker Hub.") if pulls == 1 else tr("Counts as {0} pulls on Docker Hub.")
        )
        return words.format(f"{pulls:,}")
    if pulls > budget.left:
        words = tr("Needs {0} pulls on Docker Hub, which allows {1} more now.")
    else:
        words = tr("Counts as {0} of {1} pulls left on Docker Hub.")
    return words.format(f"{pulls:,}", f"{budget.left:,}")


def _over(budget: PullBudget, now: datetime | None) -> bool:
    """Whether the count has started again since Docker Hub reported it."""
    return budget.until is not None and budget.until <= (now or datetime.now(budget.until.tzinfo))
