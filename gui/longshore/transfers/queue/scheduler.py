"""Decides which rows may start now: limits, and no two writers of the same name. Pure; the queue locks.

A row that the user starts himself (``Entry.urgent``) ignores the limits and a held queue, but counts in them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

from longshore.transfers.queue.row import Entry
from longshore.transfers.transfer import State, Waiting

#: The default number of concurrent transfers.
CONCURRENCY = 3


@dataclass(slots=True)
class Limits:
    """The maximum number of concurrent transfers: in total, and per registry (None: no separate limit)."""

    concurrency: int = CONCURRENCY
    per_registry: int | None = None


@dataclass(slots=True)
class Decision:
    """The result of :func:`decide`. *wake_in*: seconds until a row becomes due, None if none will by itself."""

    start: list[Entry] = field(default_factory=list)
    #: Rows whose reason for waiting changed.
    waiting: list[Entry] = field(default_factory=list)
    wake_in: float | None = None


def decide(rows: Iterable[Entry], limits: Limits, *, held: bool, now: float) -> Decision:
    """Check *rows* from top to bottom at *now* (monotonic seconds); records in each row what it waits for."""
    rows = list(rows)
    running = 0
    with_host: Counter[str] = Counter()
    taken: set[Hashable] = set()
    for entry in rows:
        if entry.active:
            running += 1
            with_host.update(entry.hosts)
            taken |= entry.ends
    decision = Decision()
    for entry in rows:
        if entry.state is not State.QUEUED or entry.waiting_for in (Waiting.ENGINE, Waiting.PAUSED):
            continue
        if entry.settled < entry.asked:
            continue  # the journal reports when it is on disk
        if entry.not_before is not None and entry.not_before > now:
            due = entry.not_before - now
            decision.wake_in = due if decision.wake_in is None else min(decision.wake_in, due)
            continue
        full = running >= limits.concurrency or (
            limits.per_registry is not None
            and any(with_host[host] >= limits.per_registry for host in entry.hosts)
        )
        shared = not taken.isdisjoint(entry.ends)
        if entry.urgent:
            why = Waiting.SLOT if shared else None
        else:
            why = Waiting.HOLD if held else Waiting.SLOT if full or shared else None
        if why is not None:
            if entry.wait_for(why):
                decision.waiting.append(entry)
            continue
        decision.start.append(entry)
        running += 1
        with_host.update(entry.hosts)
        taken |= entry.ends
    return decision
