"""Which rows may start now: the limits, and that no two write the same name at once. Pure; the queue locks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

from longshore.transfers.queue.row import Entry
from longshore.transfers.transfer import State, Waiting


@dataclass(slots=True)
class Limits:
    """How many transfers run at once: in all, and with one registry (None: no separate limit)."""

    concurrency: int = 3
    per_registry: int | None = None


@dataclass(slots=True)
class Decision:
    """What :func:`decide` found. *wake_in*: seconds until something becomes due, None if nothing will by itself."""

    start: list[Entry] = field(default_factory=list)
    #: Rows whose reason to wait is another than before.
    waiting: list[Entry] = field(default_factory=list)
    wake_in: float | None = None


def decide(rows: Iterable[Entry], limits: Limits, *, held: bool, now: float) -> Decision:
    """Look at *rows* from top to bottom at *now* (monotonic seconds); notes in each what it waits for."""
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
            continue  # the journal says when it is on disk
        if entry.not_before is not None and entry.not_before > now:
            due = entry.not_before - now
            decision.wake_in = due if decision.wake_in is None else min(decision.wake_in, due)
            continue
        full = running >= limits.concurrency or (
            limits.per_registry is not None
            and any(with_host[host] >= limits.per_registry for host in entry.hosts)
        )
        blocked = full or not taken.isdisjoint(entry.ends)
        why = Waiting.HOLD if held else Waiting.SLOT if blocked else None
        if why is not None:
            if entry.wait_for(why):
                decision.waiting.append(entry)
            continue
        decision.start.append(entry)
        running += 1
        with_host.update(entry.hosts)
        taken |= entry.ends
    return decision
