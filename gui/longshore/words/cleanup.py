"""Sentences about clean-ups, for a window and a terminal alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from longshore.application.cleanup.rules import Why
from longshore.language import tr
from longshore.oci.disk_usage import DiskUsage, FreedBytes
from longshore.words import errors, text, times

if TYPE_CHECKING:
    from longshore.application.cleanup.plan import Candidate
    from longshore.application.cleanup.running import Outcome
    from longshore.errors import LongshoreError

#: Days after which an age means nothing: reproducible builds have dates of 1970.
_LONG_AGO = 20 * 365


def reason(candidate: Candidate, *, containers: bool = True, now: datetime | None = None) -> str:
    """Return why an image is listed: ``unused, 6 weeks old``, ``4th newest of its repository``.

    Where all rules must apply, all are named: ``named dev-*, 4th newest, unused, 6 weeks old``. *containers* False: its
    place has none.
    """
    found = candidate.reason
    rules = (found.why, *found.others)
    words = []
    if Why.DANGLING in rules:
        words.append(tr("dangling"))
    if Why.NAMED in rules:
        words.append(tr("named {pattern}").replace("{pattern}", text.safe(found.pattern, 80)))
    if Why.BEYOND_NEWEST in rules:
        # With a pattern, it is the place among those that match.
        place = tr("{rank} newest") if Why.NAMED in rules else tr("{rank} newest of its repository")
        words.append(place.replace("{rank}", ordinal(found.rank)))
    if Why.OLD in rules or Why.UNUSED in rules:
        words += [tr("unused")] if containers else []
        words.append(how_old(candidate.created, now))
    return ", ".join(filter(None, words))


def how_old(created: datetime | None, now: datetime | None) -> str:
    """The age of an image: ``6 weeks old``; "" if it is not known or means nothing."""
    if created is None:
        return ""
    days = ((now or datetime.now(UTC)) - times.aware(created)).days
    if not 0 <= days < _LONG_AGO:
        return ""
    for amount, one, many in (
        (days // 365, "1 year old", "%n years old"),
        (days // 30 if days >= 60 else 0, "1 month old", "%n months old"),
        (days // 7, "1 week old", "%n weeks old"),
        (days, "1 day old", "%n days old"),
    ):
        if amount:
            return tr(one) if amount == 1 else tr(many, amount)
    return tr("new")


def ordinal(number: int) -> str:
    """Return ``1st``, ``2nd``, ``3rd``, ``4th``, ``11th``."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def freed(found: FreedBytes | None) -> str:
    """Return the bytes of a forecast: ``1.36 GB``, ``about 1.4 GB``; empty if they are not known."""
    if found is None:
        return ""
    if found.about and found.bytes:
        return tr("about {size}").replace("{size}", text.about_size(found.bytes))
    return text.size(found.bytes)


def own_size(usage: DiskUsage | None, image_id: str) -> str:
    """Return what an image shares: ``24.6 MB only in this image, 158 MB shared with others``; empty if not known."""
    unique = None if usage is None else usage.unique(image_id)
    whole = None if usage is None else usage.size(image_id)
    if unique is None or whole is None:
        return ""
    if unique == whole:
        return tr("{0}, nothing shared with other images").format(text.size(whole))
    return tr("{0} only in this image, {1} shared with others").format(
        text.size(unique), text.size(whole - unique)
    )


def cached(found: FreedBytes | None) -> str:
    """Return the sentence about what the build cache keeps; empty if that is nothing."""
    if found is None or not found.cached:
        return ""
    words = tr("{size} of these images stay in the build cache. To free them: {command}")
    return words.replace("{size}", text.size(found.cached)).replace("{command}", "docker builder prune")


def unknown(problem: LongshoreError | None) -> str:
    """Return why the bytes are not known."""
    words = tr("What this frees is not known.")
    return words if problem is None else f"{words} {errors.message(problem)}"


def total(candidates: Sequence[Candidate], found: FreedBytes, on_disk: int) -> str:
    """Return what a plan frees: ``3 images, frees 1.36 GB. 2.35 GB on disk now, 1 GB after.``"""
    images = sum(not one.staying for one in candidates)
    tags = sum(len(one.names) for one in candidates if one.staying)
    what = [text.images(images)] if images or not tags else []
    if tags:
        what.append(tr("1 tag") if tags == 1 else tr("%n tags", tags))
    if not found.bytes:
        return (
            tr("{what}, frees nothing. {now} on disk.")
            .replace("{what}", tr(" and ").join(what))
            .replace("{now}", text.size(on_disk))
        )
    after = text.size(on_disk - found.bytes)
    return (
        tr("{what}, frees {size}. {now} on disk now, {after} after.")
        .replace("{what}", tr(" and ").join(what))
        .replace("{size}", freed(found))
        .replace("{now}", text.size(on_disk))
        .replace("{after}", after)
    )


def how_counted(several: Iterable[DiskUsage]) -> str:
    """Return what the sizes of these places leave out; empty if that is nothing."""
    if not any(one.of_files for one in several):
        return ""
    return tr("The engine counts the bytes of files. On disk, many small files take up to a tenth more.")


def never(containers: int, pinned: int) -> str:
    """Return what is never removed: ``Never removed: images of containers (4), pinned images (2).``"""
    kept = []
    if containers:
        kept.append(tr("images of containers ({0})").format(f"{containers:,}"))
    if pinned:
        kept.append(tr("pinned images ({0})").format(f"{pinned:,}"))
    return tr("Never removed: {0}.").format(", ".join(kept)) if kept else ""


def undated(number: int) -> str:
    """Return how many images are kept because their date is not known; empty for none."""
    if not number:
        return ""
    if number == 1:
        return tr("1 image is kept, because its date is not known.")
    return tr("{0} images are kept, because their dates are not known.").format(f"{number:,}")


def together(several: Iterable[FreedBytes | None]) -> FreedBytes:
    """Return the forecast for several places together; those that are not known count nothing."""
    found = [one for one in several if one is not None]
    return FreedBytes(
        sum(one.bytes for one in found), any(one.about for one in found), sum(one.cached for one in found)
    )


def results(outcomes: Sequence[Outcome]) -> str:
    """Return the end of a clean-up of one or several places: ``Freed 1.35 GB. Expected: 1.36 GB.``

    If it was stopped, what was not reached comes first: ``Stopped: 4 of 6 images were not removed.``
    """
    removed = sum(one.removed for one in outcomes)
    words = [_stopped(outcomes), _freed(outcomes, removed) if removed else tr("Nothing was removed.")]
    for number, one, many in (
        (
            sum(one.gone for one in outcomes),
            tr("1 name was gone already."),
            tr("{0} names were gone already."),
        ),
        (
            sum(len(one.failures) for one in outcomes) if removed else 0,
            tr("1 name was not removed."),
            tr("{0} names were not removed."),
        ),
    ):
        if number:
            words.append(one if number == 1 else many.format(f"{number:,}"))
    return " ".join(filter(None, words))


def _stopped(outcomes: Sequence[Outcome]) -> str:
    """What was not reached; empty if nothing was stopped."""
    if not any(one.stopped for one in outcomes):
        return ""
    images, left = sum(one.images for one in outcomes), sum(one.left for one in outcomes)
    if images == 1:
        return tr("Stopped: the image was not removed.")
    return tr("Stopped: {0} of {1} images were not removed.").format(f"{left:,}", f"{images:,}")


def _freed(outcomes: Sequence[Outcome], removed: int) -> str:
    """What was freed, compared with the forecast; without sizes, how many names were removed."""
    known = [one.freed for one in outcomes if one.freed is not None]
    expected = together(one.expected for one in outcomes)
    forecast = all(one.expected is not None for one in outcomes)
    nothing = forecast and not sum(known) and not expected.bytes
    if nothing or len(known) < len([one for one in outcomes if one.names]):
        return (
            tr("1 name was removed.")
            if removed == 1
            else tr("{0} names were removed.").format(f"{removed:,}")
        )
    found = freed(FreedBytes(sum(known), about=any(one.gone for one in outcomes)))
    if not forecast:
        return tr("Freed {0}.").format(found)
    return tr("Freed {0}. Expected: {1}.").format(found, freed(expected))
