"""Sentences about a transfer, from a snapshot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from longshore.language import tr
from longshore.transfers.builds import names_of
from longshore.transfers.transfer import (
    PARTS,
    ArchivePlace,
    Endpoint,
    EnginePlace,
    FolderPlace,
    LibraryPlace,
    Moved,
    NoteKind,
    Operation,
    Phase,
    Plan,
    State,
    TransferNote,
    TransferRequest,
    TransferSnapshot,
    Waiting,
)
from longshore.words import builds, engines, errors, pulls, text, times


def operation_text(operation: Operation) -> str:
    """Return the name of an operation: ``Pull``, ``Push``, …"""
    return {
        Operation.PULL: tr("Pull"),
        Operation.PUSH: tr("Push"),
        Operation.COPY: tr("Copy"),
        Operation.SAVE: tr("Save"),
        Operation.LOAD: tr("Load"),
        Operation.BUILD: tr("Build"),
    }[operation]


def status_text(state: State) -> str:
    """Return the word of the Status column: exactly the enum's, so that other programs can rely on it."""
    return tr(state.value)


def image_name(end: Endpoint) -> str:
    """Return the name or short id of the image at one end."""
    return text.safe(end.name.shown, 600)


def end_text(end: Endpoint, *, is_source: bool, library: Path | None = None) -> str:
    """Return one end of a transfer: the image for a source, the place (and the name, in registries) for a target.

    *library*: the folder of the user's library; others are then called by their own names.
    """
    place = end.place
    if isinstance(place, ArchivePlace):
        return text.safe(place.path.name)
    if isinstance(place, FolderPlace):
        return text.safe(place.path.name or str(place.path))
    if is_source:
        return image_name(end)
    if isinstance(place, EnginePlace):
        return text.safe(place.address.name)
    if isinstance(place, LibraryPlace):
        return tr("Library") if library in (None, place.path) else text.safe(place.path.name)
    return image_name(end) or text.safe(place.host)


def source_text(request: TransferRequest) -> str:
    """Return the image that *request* moves, see :func:`end_text`; for an index, the first of its images and how many
    more there are."""
    first = end_text(request.source, is_source=True)
    if PARTS not in dict(request.options):
        return first
    from longshore.transfers.index_parts import parts_of

    more = len(parts_of(request)) - 1
    return tr("{name} and %n more", more).replace("{name}", first) if more > 0 else first


def destination_text(request: TransferRequest, library: Path | None = None) -> str:
    """Return the target of *request*, see :func:`end_text`; for a build, the names of the image and where it is built.

    Its source, a folder, does not name the image.
    """
    place = request.destination.place
    if request.operation is not Operation.BUILD or not isinstance(place, EnginePlace):
        return end_text(request.destination, is_source=False, library=library)
    names = names_of(request)
    where = text.safe(engines.name(place.address), 100)
    if not names:
        return where
    shown = text.safe(names[0].familiar, 600)
    if len(names) > 1:
        shown += f" (+{len(names) - 1})"
    return tr("{name} in {place}").replace("{place}", where).replace("{name}", shown)


def destination_whole(request: TransferRequest) -> str:
    """Return the full text of the target of *request*, with all names of an image that is built."""
    further = names_of(request)[1:] if request.operation is Operation.BUILD else []
    whole = end_whole(request.destination)
    return "\n".join([*(text.safe(name.familiar, 600) for name in further), whole])


def end_whole(end: Endpoint) -> str:
    """Return the full text of one end of a transfer."""
    place = end.place
    if isinstance(place, EnginePlace):
        where = f"{place.address.name} ({place.address.url})"
    elif isinstance(place, ArchivePlace | LibraryPlace | FolderPlace):
        where = str(place.path)
    else:
        where = place.host
    return "\n".join(part for part in (image_name(end), text.safe(where, 600)) if part)


def plan_text(plan: Plan, operation: Operation) -> str:
    """Return a plan as ``12 layers, 1.9 GB compressed, about 0.6 GB already here``."""
    parts = [text.layers(plan.layers)]
    if plan.total_bytes > 0:
        parts.append(tr("{size} compressed").replace("{size}", text.size(plan.total_bytes)))
    if plan.here_bytes > 0:
        here = (
            tr("about {size}").replace("{size}", text.about_size(plan.here_bytes))
            if plan.estimated
            else text.size(plan.here_bytes)
        )
        parts.append(f"{here} {already_text(operation)}")
    return ", ".join(parts)


def already_text(operation: Operation) -> str:
    """Return where the existing layers are, from the user's point of view."""
    return tr("already here") if operation in (Operation.PULL, Operation.LOAD) else tr("already there")


def moved_text(moved: Moved, operation: Operation, notes: Iterable[NoteKind] = ()) -> str:
    """Return what was sent or received and what was not needed, such as ``96 MB, 4 layers, 5 mounted``.

    *notes*: by them a tag that was made or moved is known, for which no layer was missing.
    """
    if not (moved.bytes or moved.layers_moved or moved.layers_mounted):
        kinds = set(notes)
        there = f"{text.layers(moved.layers_skipped)} {already_text(operation)}"
        if NoteKind.OVERWRITTEN in kinds:
            return tr("Tag moved") + (f", {there}" if moved.layers_skipped else "")
        # A copy says when the tag was the same before.
        if operation is Operation.COPY and NoteKind.UP_TO_DATE not in kinds:
            return tr("Tag made") + (f", {there}" if moved.layers_skipped else "")
        if not moved.layers_skipped:
            return tr("Already up to date")
        return tr("Already up to date ({what})").replace("{what}", text.layers(moved.layers_skipped))
    parts = [text.size(moved.bytes)]
    if moved.layers_moved:
        parts.append(text.layers(moved.layers_moved))
    if moved.layers_mounted:
        parts.append(tr("%n mounted", moved.layers_mounted))
    if moved.layers_skipped:
        parts.append(f"{moved.layers_skipped} {already_text(operation)}")
    return ", ".join(parts)


def waiting_text(snapshot: TransferSnapshot) -> str:
    """Return what a transfer waits for; empty if it does not wait."""
    match snapshot.waiting_for:
        case None:
            return ""
        case Waiting.ENGINE:
            return tr("Waiting for the engine")
        case Waiting.PAUSED:
            if not snapshot.moved_bytes:
                return tr("Paused")
            progress = text.size_of(snapshot.moved_bytes, snapshot.total_bytes)
            return tr("Paused at {progress}").replace("{progress}", progress)
        case Waiting.HOLD:
            return tr("Queue paused")
        case Waiting.SLOT:
            return tr("Waiting for a free slot")
        case Waiting.BACKOFF | Waiting.RATE_LIMIT:
            return _retry_text(snapshot)


def _retry_text(snapshot: TransferSnapshot) -> str:
    reason = errors.message(snapshot.error).rstrip(".") if snapshot.error is not None else ""
    seconds = max(snapshot.waiting_seconds or 0.0, 0.0)
    again = tr("Retrying in {time}").replace("{time}", times.duration(seconds))
    if snapshot.next_try is not None:
        number, most = snapshot.next_try
        again += " " + tr("({number} of {most})").replace("{number}", str(number)).replace(
            "{most}", str(most)
        )
    if snapshot.waiting_for is Waiting.RATE_LIMIT and not reason:
        reason = tr("the registry's limit is reached")
    return f"{again}: {text.continued(reason)}" if reason else again


def phase_text(phase: Phase) -> str:
    """Return what an attempt is doing; empty if the numbers beside it show it already."""
    return {
        Phase.WAITING: tr("Waiting for the engine"),
        Phase.CHECKING: tr("Checking"),
        Phase.MOVING: "",
        Phase.COMPRESSING: tr("Compressing"),
        Phase.EXTRACTING: tr("Extracting"),
        Phase.TAGGING: tr("Tagging"),
        Phase.VERIFYING: tr("Verifying"),
        Phase.HANDING_OVER: tr("Handing over to the engine"),
        Phase.SENDING: tr("Sending context"),
        Phase.BUILDING: tr("Building"),
        Phase.PAUSING: tr("Pausing"),
    }[phase]


def transferred_text(snapshot: TransferSnapshot) -> str:
    """Return the sentence of a row: plan, progress, result, or why it failed."""
    operation, state, plan = snapshot.request.operation, snapshot.state, snapshot.plan
    if operation is Operation.BUILD:
        built = builds.progress_text(snapshot)
        if built:
            return built
    if state is State.FAILED:
        return errors.message(snapshot.error) if snapshot.error is not None else tr("Failed")
    if state is State.CANCELLING:
        return tr("Stopping…")
    if state is State.SUCCEEDED:
        if snapshot.moved is not None:
            moved = moved_text(snapshot.moved, operation, (note.kind for note in snapshot.notes))
        elif snapshot.moved_bytes:
            moved = text.size(snapshot.moved_bytes)
        else:
            moved = tr("Size not reported")
        only = [note.text for note in snapshot.notes if note.kind is NoteKind.ONE_PLATFORM]
        # In the row itself, and first: the transfer succeeded with less content than requested.
        words = [tr("Only {platform}").replace("{platform}", each) for each in only]
        return ": ".join([*words, text.continued(moved) if words else moved])
    waiting = waiting_text(snapshot)
    if waiting and not (snapshot.waiting_for is Waiting.SLOT and plan is not None):
        return waiting
    phase = phase_text(snapshot.phase) if snapshot.phase is not None else ""
    if state is State.RUNNING and snapshot.phase is Phase.WAITING:
        what = plan_text(plan, operation) if plan is not None else ""
        return ": ".join(part for part in (phase, what) if part)
    progress = text.size_of(snapshot.moved_bytes, snapshot.total_bytes)
    if state in (State.CANCELLED, State.INTERRUPTED):
        return tr("Stopped at {progress}").replace("{progress}", progress) if snapshot.moved_bytes else ""
    if (snapshot.moved_bytes <= 0 and state is not State.RUNNING) or not progress:
        if plan is not None:
            return plan_text(plan, operation)
        if state is not State.PLANNING:
            return ""
        if isinstance(snapshot.request.source.place, ArchivePlace):
            return tr("Checking the archive")
        return tr("Reading the manifest")
    if snapshot.moved_bytes <= 0 and plan is not None and not phase:
        return plan_text(plan, operation)
    if snapshot.phase is Phase.HANDING_OVER:
        # All bytes have arrived: the phase is the news.
        return ", ".join([phase, text.size(snapshot.moved_bytes)] if snapshot.moved_bytes > 0 else [phase])
    parts = [progress] if snapshot.moved_bytes > 0 or snapshot.total_bytes else []
    if plan is not None and plan.here_bytes > 0:
        here = text.about_size(plan.here_bytes) if plan.estimated else text.size(plan.here_bytes)
        about = tr("about {size}").replace("{size}", here) if plan.estimated else here
        parts.append(f"{about} {already_text(operation)}")
    if phase:
        parts.append(text.continued(phase) if parts else phase)
    return ", ".join(parts)


def result_title(snapshot: TransferSnapshot) -> str:
    """Return what became of a transfer that Succeeded or Failed: ``Pulled alpine:latest``, ``Could not push …``."""
    request = snapshot.request
    name = (
        image_name(request.destination)
        or image_name(request.source)
        or end_text(request.source, is_source=True)  # an archive, all of whose images are loaded
    )
    if snapshot.state is State.FAILED:
        template = {
            Operation.PULL: tr("Could not pull {name}"),
            Operation.PUSH: tr("Could not push {name}"),
            Operation.COPY: tr("Could not copy {name}"),
            Operation.SAVE: tr("Could not save {name}"),
            Operation.LOAD: tr("Could not load {name}"),
            Operation.BUILD: tr("Could not build {name}"),
        }[request.operation]
    else:
        template = {
            Operation.PULL: tr("Pulled {name}"),
            Operation.PUSH: tr("Pushed {name}"),
            Operation.COPY: tr("Copied {name}"),
            Operation.SAVE: tr("Saved {name}"),
            Operation.LOAD: tr("Loaded {name}"),
            Operation.BUILD: tr("Built {name}"),
        }[request.operation]
    return template.replace("{name}", name)


def took_text(snapshot: TransferSnapshot) -> str:
    """Return the time from first start to end; empty if it did not start or end."""
    if snapshot.started is None or snapshot.finished is None:
        return ""
    return times.duration((times.aware(snapshot.finished) - times.aware(snapshot.started)).total_seconds())


def cancel_text(snapshot: TransferSnapshot) -> str:
    """Return what is lost if a transfer is stopped now."""
    if snapshot.state is State.QUEUED and not snapshot.moved_bytes:
        return tr("Not started yet: nothing is lost.")
    if snapshot.pausable and pulls.is_into_engine(snapshot.request):
        return tr("Downloaded data is kept for a while: Retry continues from there.")
    if snapshot.pausable:
        return tr("Complete layers are kept and not transferred again.")
    operation = snapshot.request.operation
    if operation is Operation.PULL:
        return tr(
            "The engine stops the pull. The classic image store discards what it has downloaded, including "
            "complete layers; the containerd store keeps it."
        )
    if operation is Operation.BUILD:
        return tr("The build stops. Finished steps stay in the builder's cache.")
    if operation is Operation.PUSH:
        return tr("The engine stops the push. Complete layers stay in the registry; others are sent again.")
    return tr("The transfer stops; unfinished work starts over.")


#: Maximum lines of the other side's own words below a failed row.
_DETAIL_LINES = 12


def row_lines(snapshot: TransferSnapshot) -> tuple[str, ...]:
    """Return the lines below a row: why it failed, which the row itself may cut, then :func:`advice_lines`.

    Those of a pull that succeeded begin with the way it took, which commands do not print.
    """
    way = pulls.unnoted_text(snapshot)
    lines = (way, *advice_lines(snapshot)) if way else advice_lines(snapshot)
    error = snapshot.error
    if error is None or snapshot.state is not State.FAILED or snapshot.request.operation is Operation.BUILD:
        return lines
    return (errors.message(error), *lines)


def advice_lines(snapshot: TransferSnapshot) -> tuple[str, ...]:
    """Return the lines below a row: advice and the other side's own words for a failed one; then the notes."""
    done = snapshot.state is State.SUCCEEDED
    shown = (_note_text(note, done=done) for note in pulls.last_way(snapshot.notes))
    notes = tuple(line for line in shown if line)
    error = snapshot.error
    if error is None or snapshot.state is not State.FAILED:
        return notes
    words = [line.strip() for line in error.detail.splitlines() if line.strip()]
    if snapshot.request.operation is Operation.BUILD:
        return (*builds.failure_lines(snapshot, error, words, _DETAIL_LINES), *notes)
    if len(words) > _DETAIL_LINES:
        words = [*words[: _DETAIL_LINES - 1], "…"]
    return (*(line for line in (errors.advice(error), *words) if line), *notes)


def _note_text(note: TransferNote, *, done: bool) -> str:
    if note.kind in (NoteKind.FETCHED, NoteKind.PULLED_NATIVELY):
        return pulls.way_text(note, done=done)
    if note.kind is NoteKind.ENGINE_SAYS:
        return note.text
    if note.kind is NoteKind.ONE_PLATFORM:
        return tr(
            "Only {platform} was pushed: the engine does not have the other platforms of this image. "
            "A copy from registry to registry keeps them all."
        ).replace("{platform}", note.text)
    sentence = {
        NoteKind.PARTIAL: tr(
            "The engine reused unpacked layers of another image: it can run this one, but not push or "
            "save it until both are removed and this one is pulled again."
        ),
        NoteKind.UP_TO_DATE: tr("Everything was already there."),
        NoteKind.TAGGED: tr("The local image was tagged with this name."),
        NoteKind.TAG_MOVED: tr("This tag pointed to another local image before."),
        NoteKind.SOURCE_CHANGED: tr("The name now points to a different image than when this was requested."),
        NoteKind.NOT_VERIFIED: tr("Not verified: the destination could not be checked."),
        NoteKind.DIGEST_NOT_KEPT: tr(
            "The engine keeps images unpacked and without a manifest, so only the image ID stays the same:"
        ),
        NoteKind.REPACKED: tr("The engine made its own manifest: same layers, new digest. Image ID:"),
        NoteKind.ANONYMOUS: tr("Tried without signing in: the stored credentials could not be read."),
        NoteKind.OVERWRITTEN: tr("The destination's tag pointed to another image before:"),
        NoteKind.PICKED: tr("Only one of this image's platforms was copied, with its own digest:"),
        NoteKind.PLATFORMS: tr("Only the chosen platforms were copied, as a new index:"),
        NoteKind.FOREIGN: tr("Layers that only their vendor may distribute were left out:"),
        NoteKind.REFERRERS: tr("Signatures and other referrers that were included:"),
        NoteKind.LISTS_DIFFER: tr(
            "The archive's index.json and manifest.json list different images or layers; manifest.json was used, "
            "as “docker load” does."
        ),
        NoteKind.ABSENT: tr("The archive lists images that are not in it. They were left out:"),
        NoteKind.FILE_TWICE: tr("The archive contains a file more than once; the last one was used:"),
        NoteKind.FILES_IGNORED: tr("Files in the archive that belong to no image were ignored:"),
        NoteKind.REFERRERS_UNKNOWN: tr("Some signatures could not be read at the source:"),
        NoteKind.BUILDER: tr("Builder:"),
        NoteKind.SYNTAX_IGNORED: tr("The classic builder ignores the Dockerfile's syntax line:"),
        NoteKind.LINK_IGNORED: tr("The classic builder ignores --link; the files are the same."),
        NoteKind.SPECIAL_FILES: tr("Pipes, sockets and devices were not sent:"),
        NoteKind.FILES_CHANGED: tr("These files were written to while they were sent:"),
        NoteKind.STEP_CONTINUES: tr("Podman finishes the step that is running, then stops."),
        NoteKind.SIGNED: tr("Its signature was verified:"),
        NoteKind.ARTIFACT: tr("Not a container image, but an artifact of this type:"),
        NoteKind.ATTESTATIONS_GONE: tr("Attestations that are missing at the source were left out:"),
    }[note.kind]
    return f"{sentence} {note.text}".strip()


def summary_text(snapshots: Iterable[TransferSnapshot], *, held: bool, unsaved: bool = False) -> str:
    """Return a summary of all transfers: ``2 running, 1 queued, 21.4 MB/s, 1 failed``.

    *unsaved*: the history is not being saved.
    """
    counts = Counter[State]()
    speed = 0.0
    for snapshot in snapshots:
        counts[snapshot.state] += 1
        if snapshot.state is State.RUNNING and snapshot.phase is not Phase.HANDING_OVER:
            speed += snapshot.speed or 0.0
    running = counts[State.RUNNING] + counts[State.PLANNING] + counts[State.CANCELLING]
    at_rest = not running and not counts[State.QUEUED]
    words = (
        (tr("%n running", running), running),
        (tr("%n queued", counts[State.QUEUED]), counts[State.QUEUED]),
        (text.speed(speed), speed),
        (tr("%n failed", counts[State.FAILED]), counts[State.FAILED]),
        (tr("%n interrupted", counts[State.INTERRUPTED]), counts[State.INTERRUPTED]),
        (tr("%n cancelled", counts[State.CANCELLED]), counts[State.CANCELLED] and at_rest),
        (tr("%n succeeded", counts[State.SUCCEEDED]), counts[State.SUCCEEDED] and at_rest),
        (tr("queue paused"), held),
        (tr("history not saved"), unsaved),
    )
    return ", ".join(word for word, wanted in words if wanted)


def doing_text(operation: Operation) -> str:
    """Return what a running transfer does: ``Pulling {name}``, with the name still to be filled in."""
    return {
        Operation.PULL: tr("Pulling {name}"),
        Operation.PUSH: tr("Pushing {name}"),
        Operation.COPY: tr("Copying {name}"),
        Operation.SAVE: tr("Saving {name}"),
        Operation.LOAD: tr("Loading {name}"),
    }[operation]
