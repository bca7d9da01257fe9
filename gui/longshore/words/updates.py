"""Sentences about updates: what moves from where to where, why something is held, and what stays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from longshore.application.updates.model import Held, Kind, Update
from longshore.language import tr
from longshore.transfers.transfer import LibraryPlace
from longshore.words import states, text, times

if TYPE_CHECKING:
    from longshore.application.requests import LocalPlace
    from longshore.application.updates.model import Fetch
    from longshore.application.updates.snoozes import Snooze
    from longshore.oci.reference import Reference
    from longshore.registry.pull_budget import PullBudget

#: Names in a sentence before the rest is counted.
_NAMED = 4


def kind(update: Update) -> str:
    """Return the kind: ``tag moved``, ``newer version``, or ``major version`` for a newer one."""
    return tr("major version") if update.major else tr(update.kind.value)


def before(update: Update) -> str:
    """Return what is here now: a digest, and for a newer version the tag."""
    return text.short_digest(update.before) if update.kind is Kind.MOVED else update.reference.tag or ""


def after(update: Update) -> str:
    """Return what comes: a digest, or the tag of the newer version."""
    return text.short_digest(update.after) if update.kind is Kind.MOVED else update.target.tag or ""


def fetch(found: Fetch) -> str:
    """Return the compressed bytes to fetch: ``12.3 MB``, ``about 12 MB``, ``up to 31.1 MB``, ``unknown``."""
    if found.bytes is None:
        return tr("unknown")
    if found.at_most:
        return tr("up to {size}").replace("{size}", text.size(found.bytes))
    if found.about and found.bytes:
        return tr("about {size}").replace("{size}", text.about_size(found.bytes))
    return text.size(found.bytes)


def total(updates: Iterable[Update]) -> str:
    """Return the sum of what *updates* fetch, as exact as its parts: ``about 12 MB to fetch``."""
    found = [one.fetch for one in updates]
    known = [one.bytes for one in found if one.bytes is not None]
    size = sum(known)
    if not known:
        return tr("size not known")
    if len(known) < len(found):
        words = tr("at least {size} to fetch")
    elif any(one.at_most for one in found):
        words = tr("up to {size} to fetch")
    elif size and any(one.about for one in found):
        words = tr("about {size} to fetch")
    else:
        return tr("{size} to fetch").replace("{size}", text.size(size))
    return words.replace("{size}", text.about_size(size))


def held(update: Update, snoozes: Mapping[tuple[str, Kind], Snooze], minimum_age: int) -> str:
    """Return why *update* is not offered, "" if it is."""
    match update.held:
        case Held.SNOOZED:
            snooze = snoozes.get((str(update.reference), update.kind))
            return snoozed(None if snooze is None else snooze.until)
        case Held.TOO_NEW:
            words = tr("too new: {age}, minimum age {days}")
            return words.replace("{age}", times.age(update.created)).replace("{days}", days(minimum_age))
        case Held.NO_DATE:
            return tr("age not known, minimum age {days}").replace("{days}", days(minimum_age))
        case Held.NOT_NEWER:
            return tr("not newer than the image here")
        case Held.NOT_SIGNED:
            return tr("not signed, only signed images are allowed")
    return ""


def snoozed(until: date | None) -> str:
    """Return how long something is snoozed."""
    if until is None:
        return tr("snoozed until the next change")
    return tr("snoozed until {day}").replace("{day}", until.isoformat())


def days(number: int) -> str:
    """Return a number of days."""
    return tr("1 day") if number == 1 else tr("%n days", number)


def counted(number: int) -> str:
    """Return a number of updates."""
    return tr("1 update") if number == 1 else tr("%n updates", number)


def hub_cost(updates: Iterable[Update], budget: PullBudget | None) -> str:
    """Return what *updates* cost at Docker Hub, "" for nothing. *budget*: what it still allows, if that is known."""
    return states.pull_cost(sum(one.counted for one in updates), budget)


def remains(updates: Sequence[Update]) -> list[str]:
    """Return sentences about what stays after *updates*: old images, containers, other platforms."""
    moved = [one for one in updates if one.kind is Kind.MOVED]
    going: dict[tuple[LocalPlace, str], set[Reference]] = {}
    names: dict[tuple[LocalPlace, str], Update] = {}
    for one in moved:
        old = (one.place, one.image.image_id)
        going.setdefault(old, set()).add(one.reference)
        names.setdefault(old, one)
    kept = [(one, [other for other in one.others if other not in going[old]]) for old, one in names.items()]
    words = []
    alone = [one.place for one, others in kept if not others]
    unnamed = sum(isinstance(place, LibraryPlace) for place in alone)
    dangling = len(alone) - unnamed
    if dangling:
        words.append(
            tr("The old image stays without a tag until you clean up.")
            if dangling == 1
            else tr("%n old images stay without a tag until you clean up.", dangling)
        )
    if unnamed:
        words.append(
            tr("The library removes the old image.")
            if unnamed == 1
            else tr("The library removes %n old images.", unnamed)
        )
    keeping = [(one, others) for one, others in kept if others]
    if len(keeping) > _NAMED:
        words.append(tr("%n old images keep other tags.", len(keeping)))
        keeping = []
    for one, others in keeping:
        sentence = tr("The old image of {image} keeps {tags}.")
        tags = _names([other.familiar for other in others])
        words.append(sentence.replace("{image}", text.safe(one.reference.familiar)).replace("{tags}", tags))
    users = list({each.id: each.name for one in moved for each in one.containers}.values())
    if users:
        sentence = (
            tr("The container {names} keeps the old image until you create it again.")
            if len(users) == 1
            else tr("The containers {names} keep the old images until you create them again.")
        )
        words.append(sentence.replace("{names}", _names(users)))
    versions = [one for one in updates if one.kind is Kind.VERSION]
    if versions:
        words.append(
            tr("{tag} stays beside the newer version.").replace(
                "{tag}", text.safe(versions[0].reference.familiar)
            )
            if len(versions) == 1
            else tr("The current tags stay beside the newer versions.")
        )
    for one in [one for one in moved if one.left_out][:_NAMED]:
        sentence = tr("{image}: {platforms} here is not updated.")
        left = _names([str(platform) for platform in one.left_out])
        words.append(
            sentence.replace("{image}", text.safe(one.reference.familiar)).replace("{platforms}", left)
        )
    return words


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(text.safe(name, 80) for name in names[:_NAMED])
    if len(names) <= _NAMED:
        return shown
    return (
        tr("{names} and {count} more")
        .replace("{names}", shown)
        .replace("{count}", f"{len(names) - _NAMED:,}")
    )
