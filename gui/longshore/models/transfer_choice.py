"""The transfers that an action applies to, and why it applies to none. Pure; any thread."""

from __future__ import annotations

import enum
from collections.abc import Sequence

from longshore.application.requests import may_be_fetched
from longshore.language import tr
from longshore.transfers.transfer import State, TransferSnapshot, Waiting
from longshore.words.pulls import is_into_engine

Snapshots = Sequence[TransferSnapshot]


class After(enum.Enum):
    """What happens when all transfers have finished."""

    NOTHING = "nothing"
    QUIT = "quit"
    SUSPEND = "suspend"


def can_be_cancelled(snapshot: TransferSnapshot) -> bool:
    """Return True if it is queued or running, and not cancelled."""
    return not snapshot.state.finished and snapshot.state is not State.CANCELLING


def can_be_retried(snapshot: TransferSnapshot) -> bool:
    """Return True if it ended without success."""
    return snapshot.state.finished and snapshot.state is not State.SUCCEEDED


def is_paused(snapshot: TransferSnapshot) -> bool:
    """Return True if it waits until the user resumes it."""
    return snapshot.waiting_for is Waiting.PAUSED


def can_be_started(snapshot: TransferSnapshot) -> bool:
    """Return True if it waits in the queue, for whatever reason."""
    return snapshot.state is State.QUEUED


def meant(chosen: Snapshots, every: Snapshots, *, failed: bool) -> list[TransferSnapshot]:
    """Return the *chosen* transfers; if none, the only candidate among *every*, if there is exactly one.

    *failed*: candidates are those to retry; otherwise those not finished.
    """
    if chosen:
        return list(chosen)
    fits = [one for one in every if (can_be_retried(one) if failed else not one.state.finished)]
    return fits if len(fits) == 1 else []


def no_cancel(chosen: Snapshots, every: Snapshots) -> str:
    """Return why nothing can be cancelled now, "" if something can."""
    pool = chosen or every
    if any(map(can_be_cancelled, pool)):
        return ""
    if any(one.state is State.CANCELLING for one in pool):
        return tr("Already being cancelled.")
    if not chosen:
        return tr("Nothing is queued or running.")
    return tr("This transfer has finished.") if len(chosen) == 1 else tr("These transfers have finished.")


def no_retry(chosen: Snapshots, every: Snapshots) -> str:
    """Return why nothing can be retried now, "" if something can."""
    if any(map(can_be_retried, chosen or every)):
        return ""
    if chosen:
        return tr("Only transfers that failed, were cancelled or were interrupted can be retried.")
    return tr("There is nothing to retry.")


def no_start(chosen: Snapshots) -> str:
    """Return why none of the *chosen* transfers can be started now, "" if one can."""
    if not chosen:
        return tr("Select a transfer first.")
    return "" if any(map(can_be_started, chosen)) else tr("Only queued transfers can be started.")


def can_be_native(snapshot: TransferSnapshot) -> bool:
    """Return True if it is a pull that waits or ended without success, and that the engine could do by itself."""
    waits = snapshot.state is State.QUEUED or can_be_retried(snapshot)
    return waits and may_be_fetched(snapshot.request)


def no_native(chosen: Snapshots) -> str:
    """Return why none of the *chosen* transfers can become a native pull now, "" if one can."""
    if not chosen:
        return tr("Select a transfer first.")
    if any(map(can_be_native, chosen)):
        return ""
    pulls = list(filter(_is_pull, chosen))
    if not pulls:
        return tr("Only pulls into an engine can be native.")
    if not any(may_be_fetched(one.request) for one in pulls):
        return tr("The engine already fetches the layers itself.")
    if any(not one.state.finished for one in pulls):
        return tr("A running pull can't change its way. Cancel it first.")
    return tr("This transfer has finished.") if len(pulls) == 1 else tr("These transfers have finished.")


def _is_pull(snapshot: TransferSnapshot) -> bool:
    return is_into_engine(snapshot.request)


def no_pause(meant: Snapshots) -> str:
    """Return why none of the *meant* transfers, which cannot be paused, can be; "" if nothing is to pause."""
    alive = [one for one in meant if not one.pausable and not one.state.finished]
    if not alive:
        return ""
    if all(map(_is_pull, alive)):
        return tr(
            "Pulls whose layers the engine fetches itself can't be paused: it discards unfinished layers when it "
            "stops. Pause the queue, or cancel the transfer."
        )
    return tr(
        "Transfers by an engine can't be paused: it discards unfinished layers when it stops. "
        "Pause the queue, or cancel the transfer."
    )
