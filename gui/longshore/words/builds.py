"""Sentences about a build, from a snapshot of its transfer."""

from __future__ import annotations

from longshore.errors import BuilderUnsuitable, BuildFailed, LongshoreError
from longshore.language import tr
from longshore.oci.layer import LayerState
from longshore.transfers.builds import names_of
from longshore.transfers.transfer import LayerSnapshot, Phase, State, TransferSnapshot
from longshore.words import errors, text, times


def progress_text(snapshot: TransferSnapshot) -> str:
    """Return what a build is doing or has done; empty if the words for all transfers fit."""
    match snapshot.state:
        case State.SUCCEEDED:
            return result_text(snapshot)
        case State.PLANNING:
            return tr("Reading the folder")
        case State.RUNNING:
            if snapshot.phase is Phase.SENDING:
                size = text.size_of(snapshot.moved_bytes, snapshot.total_bytes)
                return (
                    tr("Sending context: {size}").replace("{size}", size) if size else tr("Sending context")
                )
            if snapshot.phase is Phase.BUILDING:
                running = current_step(snapshot)
                if running is None:
                    return tr("Building")
                return (
                    tr("Step {number} of {total}: {instruction}")
                    .replace("{number}", running.layer_id)
                    .replace("{total}", str(total_steps(snapshot)))
                    .replace("{instruction}", running.label)
                )
            return ""
        case State.CANCELLED | State.INTERRUPTED:
            done = sum(step.state in (LayerState.DONE, LayerState.CACHED) for step in snapshot.layers)
            if not snapshot.layers:
                return tr("Stopped")
            return (
                tr("Stopped after {done} of {total} steps")
                .replace("{done}", str(done))
                .replace("{total}", str(total_steps(snapshot)))
            )
        case _:
            return ""


def result_text(snapshot: TransferSnapshot) -> str:
    """Return what a finished build did: ``7 steps, 3 cached``."""
    moved = snapshot.moved
    if moved is None:
        return tr("Built")
    count = moved.layers_moved + moved.layers_skipped
    parts = [tr("1 step") if count == 1 else tr("%n steps", count)]
    if moved.layers_skipped:
        parts.append(tr("%n cached", moved.layers_skipped))
    return ", ".join(parts)


def total_steps(snapshot: TransferSnapshot) -> int:
    """The number of steps, as far as it is known: some builders leave out what no stage needs."""
    return max(len(snapshot.layers), 0 if snapshot.plan is None else snapshot.plan.layers)


def current_step(snapshot: TransferSnapshot) -> LayerSnapshot | None:
    """The step that runs, the latest of several; None if none does."""
    return next((step for step in reversed(snapshot.layers) if step.state is LayerState.RUNNING), None)


def failed_step(snapshot: TransferSnapshot) -> LayerSnapshot | None:
    """The step that failed, None if none did."""
    return next((step for step in snapshot.layers if step.state is LayerState.FAILED), None)


def step_state_text(step: LayerSnapshot) -> str:
    """Return the state of a step, in a word."""
    return {
        LayerState.WAITING: tr("Waiting"),
        LayerState.RUNNING: tr("Running"),
        LayerState.CACHED: tr("Cached"),
        LayerState.DONE: tr("Done"),
        LayerState.FAILED: tr("Failed"),
        LayerState.STOPPED: tr("Stopped"),
    }.get(step.state, "")


def step_time_text(step: LayerSnapshot) -> str:
    """Return how long a step has run, with the bytes of the base image that it pulls; empty where it did not run."""
    if step.seconds is None or step.state in (LayerState.WAITING, LayerState.CACHED):
        return ""
    parts = [text.size_of(step.current, step.total) if step.total else "", times.duration(step.seconds)]
    return ", ".join(part for part in parts if part)


def step_text(step: LayerSnapshot, total: int) -> str:
    """Return a step as ``3/7 RUN make``."""
    return f"{step.layer_id}/{total} {step.label}".rstrip()


def failure_lines(
    snapshot: TransferSnapshot, error: LongshoreError, words: list[str], most: int
) -> list[str]:
    """Return the step that failed with the last of *words*, at most *most*; what to do; what became of the names."""
    step = failed_step(snapshot)
    lines = [] if step is None else [step_text(step, total_steps(snapshot))]
    if len(words) > most:
        words = ["…", *words[1 - most :]]
    lines += [*words, errors.advice(error)]
    names = names_of(snapshot.request)
    if names and isinstance(error, BuildFailed | BuilderUnsuitable):
        lines.append(
            tr("An earlier image with this name is unchanged.")
            if len(names) == 1
            else tr("Earlier images with these names are unchanged.")
        )
    return [line for line in lines if line]
