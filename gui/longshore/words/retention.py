"""Words about the retention plan of a registry's repository: why a tag goes, its image, and how it ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from longshore.language import tr
from longshore.words import cleanup, errors, text

if TYPE_CHECKING:
    from longshore.application.cleanup.retention import Outcome, RetentionPlan, RetentionRow
    from longshore.application.cleanup.retention_run import RetentionResult
    from longshore.oci.reference import Reference

#: Tags in a sentence before the rest is left out.
_NAMED = 5


def reason(row: RetentionRow, now: datetime | None = None) -> str:
    """Return why a tag is listed: ``named dev-*, 4th newest, 6 weeks old``."""
    found = row.reason
    if found.leftover:
        return tr("its removal was interrupted")
    words = []
    if found.pattern:
        words.append(tr("named {pattern}").replace("{pattern}", text.safe(found.pattern, 80)))
    if found.rank:
        words.append(tr("{rank} newest").replace("{rank}", cleanup.ordinal(found.rank)))
    if found.days is not None:
        words.append(cleanup.how_old(row.tag.created, now))
    return ", ".join(filter(None, words))


def companion() -> str:
    """Return why a signature or the like is listed."""
    return tr("belongs to a removed image")


def images(names: Iterable[str], outcome: Outcome) -> dict[str, str]:
    """Return what happens to the images of the tags *names*, for a column: ``removed``, ``stays as latest``."""
    steps = {tag: one for one in outcome.deletions for tag in one.tags}

    def fate(tag: str) -> str:
        if tag in outcome.blocked:
            return tr("kept, also {tags}").replace("{tags}", tags(outcome.blocked[tag]))
        step = steps.get(tag)
        if step is None:
            return tr("kept")
        if step.whole:
            others = [one for one in step.tags if one != tag]
            return tr("removed, also {tags}").replace("{tags}", tags(others)) if others else tr("removed")
        if step.staying:
            return tr("stays as {tags}").replace("{tags}", tags(step.staying))
        if outcome.unread:
            return tr("stays")
        return tr("stays, part of another")

    return {tag: fate(tag) for tag in names}


def effect(tag: str, outcome: Outcome) -> str:
    """Return what happens to the image of *tag*: ``tag and image``, ``tag only; the image stays as 2.4, latest``."""
    if tag in outcome.blocked:
        return tr("kept: the image is also {tags}").replace("{tags}", tags(outcome.blocked[tag]))
    step = next((one for one in outcome.deletions if tag in one.tags), None)
    if step is None:
        return tr("kept")
    if not step.whole:
        if step.staying:
            return tr("tag only; the image stays as {tags}").replace("{tags}", tags(step.staying))
        if outcome.unread:
            return tr("tag only; the image stays")
        return tr("tag only; the image is part of another")
    others = [one for one in step.tags if one != tag]
    if others:
        return tr("tag and image, with {tags}").replace("{tags}", tags(others))
    return tr("tag and image")


def tags(names: Sequence[str]) -> str:
    """Return the names of tags, the first few: ``2.4, latest``, ``1, 2, 3, 4, 5 and 12 more``."""
    shown = ", ".join(text.safe(name, 80) for name in names[:_NAMED])
    more = len(names) - _NAMED
    return shown if more <= 0 else tr("{tags} and {n} more").format(tags=shown, n=f"{more:,}")


def leftovers(repository: Reference, names: Sequence[str]) -> str:
    """Return the sentence about tags of *repository* whose removal was interrupted."""
    return (
        tr("The removal of {tags} was interrupted. To finish it: {command}")
        .replace("{tags}", tags(names))
        .replace(
            "{command}",
            text.safe(f"longshore remove --from registry {repository.with_tag(names[0]).familiar}", 600),
        )
    )


def count(number: int) -> str:
    """Return a number of tags: ``1 tag``, ``12 tags``."""
    return tr("1 tag") if number == 1 else tr("{0} tags").format(f"{number:,}")


def frees(size: int) -> str:
    """Return what a removal frees at most: ``up to 31.1 MB compressed``."""
    return tr("up to {size} compressed").replace("{size}", text.size(size))


def total(outcome: Outcome) -> str:
    """Return what a plan frees: ``12 tags, frees up to 31.1 MB compressed at the registry's next garbage
    collection.``"""
    size = sum(outcome.going.values())
    if not size:
        return tr("{what}. No image is removed that has content of its own.").replace(
            "{what}", count(len(outcome.tags))
        )
    return (
        tr("{what}, frees {size} at the registry's next garbage collection.")
        .replace("{what}", count(len(outcome.tags)))
        .replace("{size}", frees(size))
    )


def notes(plan: RetentionPlan, outcome: Outcome) -> list[str]:
    """Return what else there is to know about a plan, in sentences."""
    found = []
    if outcome.indexes:
        found.append(
            tr(
                "Images for several platforms are freed only by a garbage collection that includes untagged "
                "manifests."
            )
        )
    if outcome.unread:
        found.append(
            tr(
                "No image is removed, because these tags could not be read and may need any image: {tags}."
            ).replace("{tags}", tags(outcome.unread))
        )
    if not plan.contents.complete:
        found.append(tr("The sizes of some images are not known."))
    if outcome.companions:
        number = len(outcome.companions)
        found.append(
            tr("1 signature or attestation is removed with its image.")
            if number == 1
            else tr("{0} signatures and attestations are removed with their images.").format(f"{number:,}")
        )
    if outcome.blocked and not outcome.unread:
        found.append(
            tr(
                "Kept, because this registry deletes only whole images, and other tags need these: {tags}."
            ).replace("{tags}", tags(list(outcome.blocked)))
        )
    if plan.pinned:
        found.append(tr("Pinned, never removed: {tags}.").replace("{tags}", tags(plan.pinned)))
    if plan.undated:
        found.append(
            tr("1 tag is kept, because the date of its image is not known.")
            if plan.undated == 1
            else tr("{0} tags are kept, because the dates of their images are not known.").format(
                f"{plan.undated:,}"
            )
        )
    return found


def result(done: RetentionResult, planned: int) -> str:
    """Return how a run ended, compared with its plan of *planned* tags."""
    number = len(done.removed)
    if done.as_planned:
        words = tr("{what} removed, as planned.").replace("{what}", count(number))
    elif not number:
        words = tr("Nothing was removed.")
    else:
        words = tr("{n} of {what} removed.").replace("{n}", f"{number:,}").replace("{what}", count(planned))
    if done.freed:
        words += " " + tr("The registry's next garbage collection frees {size}.").replace(
            "{size}", frees(done.freed)
        )
    if done.kept:
        words += " " + tr("Kept: {tags}.").replace("{tags}", tags(list(done.kept)))
    if done.left:
        words += " " + tr("Not reached: {tags}.").replace("{tags}", tags(done.left))
    if done.unchecked:
        words += " " + tr("The registry could not be checked afterwards: {reason}").replace(
            "{reason}", errors.message(done.unchecked)
        )
    if done.vanished:
        words += " " + tr("Tags that were not in the plan are gone, too: {tags}.").replace(
            "{tags}", tags(done.vanished)
        )
    return words
