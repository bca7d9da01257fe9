"""The words of the tag history and of Undo."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from longshore.application.tag_history.record import TagRecord
from longshore.application.undo.goal import Goal, How, Verdict
from longshore.engine.address import Origin
from longshore.language import tr
from longshore.oci.reference import Reference
from longshore.transfers.tag_changes import TagOperation
from longshore.transfers.transfer import EnginePlace, LibraryPlace, Place, RegistryPlace
from longshore.words import text


def operation_text(operation: TagOperation) -> str:
    """Return what changed a tag, as the first word of a cell."""
    return {
        TagOperation.PUSH: tr("Push"),
        TagOperation.COPY: tr("Copy"),
        TagOperation.PULL: tr("Pull"),
        TagOperation.LOAD: tr("Load"),
        TagOperation.TAG: tr("Tag"),
        TagOperation.REMOVE: tr("Remove"),
        TagOperation.CLEAN_UP: tr("Clean up"),
        TagOperation.BUILD: tr("Build"),
        TagOperation.MIRROR: tr("Mirror"),
        TagOperation.UNDO: tr("Undo"),
        TagOperation.SEEN: tr("Changed by others"),
    }[operation]


def action_text(records: Sequence[TagRecord]) -> str:
    """Return what was done, as it continues a line: ``remove web:dev``, ``push web:dev``, ``remove 5 tags``.

    *records*: of one action, newest first; not empty.
    """
    # Of a push, the tag in the registry; its local tag was given before.
    tags = {(record.place, record.reference): record for record in reversed(records)}
    operation = text.continued(operation_text(records[0].operation))
    if records[0].transfer or len(tags) == 1:
        return f"{operation} {text.safe(records[0].reference.familiar, 200)}"
    return f"{operation} {tr('%n tags', len(tags))}"


def digest_text(digest: str | None) -> str:
    """Return what a tag points to: a short digest, or words for none and for unknown."""
    if digest is None:
        return tr("unknown")
    return text.short_digest(digest) if digest else tr("no tag")


def place_text(place: Place, library: Path | None = None) -> str:
    """Return a place's name: an engine's context, or its address. *library*: the folder of the user's library."""
    match place:
        case EnginePlace(address):
            # The name of the variable is the same for every engine that it ever had.
            return text.safe(address.url if address.origin is Origin.ENVIRONMENT else address.name, 300)
        case RegistryPlace(host):
            return text.safe(host)
        case LibraryPlace(path):
            return tr("Library") if library in (None, path) else text.safe(path.name)
        case _:
            return text.safe(place.path.name)


def tag_text(place: Place, reference: Reference) -> str:
    """Return a tag as it is named beside its place: in a registry without the host."""
    if isinstance(place, RegistryPlace):
        return text.safe(f"{reference.path}:{reference.tag}", 300)
    return text.safe(reference.familiar, 300)


def who_text(record: TagRecord) -> str:
    """Return who changed a tag."""
    return text.safe(record.by) if record.by else tr("someone else")


def how_text(verdict: Verdict) -> str:
    """Return how a tag is put back, in a cell beside its name."""
    match verdict.how:
        case How.REMOVE:
            return tr("removed with its image") if verdict.deletes_image else tr("removed; the image is kept")
        case How.TRANSFER if verdict.request is not None:
            return tr("brought from {source}").replace("{source}", place_text(verdict.request.source.place))
        case _:
            return tr("the image is still there")


def effect_text(verdict: Verdict) -> str:
    """Return what an undo does to its tag, in a sentence."""
    goal = verdict.goal
    tag = text.safe(goal.reference.familiar, 200)
    match verdict.how:
        case How.REMOVE if verdict.deletes_image:
            return tr("{tag} will be removed, and its image with it.").replace("{tag}", tag)
        case How.REMOVE:
            return tr("{tag} will be removed; the image is kept.").replace("{tag}", tag)
        case How.TRANSFER if verdict.request is not None:
            source = place_text(verdict.request.source.place)
            words = tr("The image will be brought from {source}, and {tag} will point to it again.")
            return words.replace("{source}", source).replace("{tag}", tag)
        case _:
            return tr("{tag} will point to its earlier image again.").replace("{tag}", tag)


def moved_text(verdict: Verdict) -> str:
    """Return the warning about a later change that an undo would overwrite; "" if there is none."""
    if not verdict.moved:
        return ""
    record = verdict.goal.record
    words = tr("{tag} was changed since then: it points to {digest} now.")
    if record is not None and record.open and record.after is None:
        words = tr("{tag} may have been changed by somebody else: it points to {digest} now.")
    if not verdict.now:
        words = tr("{tag} was changed since then: it does not exist now.")
    tag = text.safe(verdict.goal.reference.familiar, 200)
    return words.replace("{tag}", tag).replace("{digest}", digest_text(verdict.now))


def done_text(goal: Goal) -> str:
    """Return what an undo did to its tag."""
    tag = text.safe(goal.reference.familiar, 200)
    if not goal.digest:
        return tr("Removed again: {tag}").replace("{tag}", tag)
    words = tr("Put back: {tag} ({digest})")
    return words.replace("{tag}", tag).replace("{digest}", digest_text(goal.digest))


def lost_text(images: int, records: Sequence[TagRecord], *, together: bool) -> str:
    """Return that the last action removed *images* without a name. *records*: the change before it, or none.

    *together*: *records* are of the same action.
    """
    lost = tr("The last action removed %n images without a name, which can't be undone.", images)
    if images == 1:
        lost = tr("The last action removed an image without a name, which can't be undone.")
    if together or not records:
        return lost
    before = tr("The change before it: {action}.").replace("{action}", action_text(records))
    return f"{lost} {before}"


def unsaved_text(problem: str) -> str:
    """Return what it means that changes of tags cannot be saved. *problem*: why."""
    words = tr("Changes of tags can't be undone later, because the tag history can't be saved: {problem}.")
    return words.replace("{problem}", text.safe(problem.rstrip("."), 300))


def goal_text(goal: Goal) -> str:
    """Return what a tag is to point to."""
    return digest_text(goal.digest)


def before_text() -> str:
    """Return the time of what a tag pointed to before the first known change."""
    return tr("Before")


def change_text(record: TagRecord) -> str:
    """Return what a change did to its tag, in full."""
    before = digest_text(record.before) if not record.before else text.safe(record.before)
    after = digest_text(record.after) if not record.after else text.safe(record.after)
    words = tr("from {before} to {after}").replace("{before}", before).replace("{after}", after)
    return tr("{change}; undone").replace("{change}", words) if record.undone_by else words
