"""Texts of desktop notifications about transfers that ended in the background. GUI thread only."""

from __future__ import annotations

from collections.abc import Sequence

from longshore.language import tr
from longshore.transfers.transfer import State, TransferSnapshot
from longshore.words import transfers as words

#: Maximum transfers to name in a notification about several.
NAMED = 3


def note_text(ended: Sequence[TransferSnapshot]) -> tuple[str, str]:
    """Return summary and body for *ended*, each Succeeded or Failed, the latest last. Several are summed up."""
    if len(ended) == 1:
        (snapshot,) = ended
        return words.result_title(snapshot), words.transferred_text(snapshot)
    failed = [snapshot for snapshot in ended if snapshot.state is State.FAILED]
    done = len(ended) - len(failed)
    parts = []
    if done:
        parts.append(tr("1 transfer finished") if done == 1 else tr("%n transfers finished", done))
    if failed:
        parts.append(tr("%n failed", len(failed)) if done else tr("%n transfers failed", len(failed)))
    # Failures are most important; of the rest the latest.
    named = (failed or list(ended))[-NAMED:]
    return ", ".join(parts), "\n".join(words.result_title(snapshot) for snapshot in reversed(named))
