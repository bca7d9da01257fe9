"""Asks registries what tags point to: visible ones first, a few at a time per registry."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from longshore import courtesy
from longshore.application import states
from longshore.application.states import Here, There
from longshore.application.tag_checks import TagChecks
from longshore.errors import (
    AccessDenied,
    LongshoreError,
    RateLimited,
    RegistryUnreachable,
    SignInFailed,
    SignInRequired,
)
from longshore.operations.tasks import Tasks

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.cancellation import Cancellation
    from longshore.oci.reference import Reference

#: Requests that run side by side at one registry.
PER_REGISTRY = 2
#: Pause after each answer, in seconds: workers that compute without a pause slow down the painting of the tables.
YIELD_SECONDS = 0.004
#: Milliseconds between two looks for answers.
_LOOK = 100
#: How long a registry is left alone that does not respond, and one that limits requests without saying for how long.
_SILENT = timedelta(minutes=5)
_LIMITED = timedelta(minutes=15)


class Question:
    """One question. *since*: see ``TagChecks.ask``. *reading*: read the details of a tag that moved."""

    __slots__ = ("here", "reading", "reference", "since")

    def __init__(self, here: Here, *, since: datetime | None, reading: bool) -> None:
        self.here = here
        self.reference = here.reference
        self.since = since
        self.reading = reading


class _Registry:
    """The questions to one registry. Shared by the GUI thread and the workers."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.workers = 0
        self._lock = threading.Lock()
        self._waiting: deque[Question] = deque()
        self._asked: set[Reference] = set()
        self._answers: dict[Reference, There] = {}
        #: Until when it is left alone, and why.
        self.rests: tuple[datetime, LongshoreError] | None = None

    def want(self, questions: Iterable[Question], *, first: bool) -> None:
        with self._lock:
            fresh = [one for one in questions if one.reference not in self._asked]
            self._asked.update(one.reference for one in fresh)
            if first:
                self._waiting.extendleft(reversed(fresh))
            else:
                self._waiting.extend(fresh)

    def hurry(self, references: set[Reference]) -> None:
        """Ask about *references*, which are visible now, before the others."""
        with self._lock:
            if references & self._asked:
                self._waiting = deque(sorted(self._waiting, key=lambda one: one.reference not in references))

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def next(self) -> Question | None:
        with self._lock:
            return self._waiting.popleft() if self._waiting else None

    def answer(self, question: Question, there: There) -> None:
        with self._lock:
            self._put(question.reference, there)
            error = there.error
            if isinstance(error, RateLimited | RegistryUnreachable):
                rest = _SILENT
                if isinstance(error, RateLimited):
                    rest = _LIMITED if error.retry_after is None else timedelta(seconds=error.retry_after)
                self.rests = datetime.now(UTC) + rest, error
                self._drop(lambda _: True, there)
            elif isinstance(error, SignInRequired | SignInFailed | AccessDenied):
                path = question.reference.path
                self._drop(lambda one: one.reference.path == path, there)

    def _drop(self, concerned: Callable[[Question], bool], there: There) -> None:
        """Give the questions that are *concerned* the same answer."""
        for one in self._waiting:
            if concerned(one):
                self._put(one.reference, there)
        self._waiting = deque(one for one in self._waiting if not concerned(one))

    def _put(self, reference: Reference, there: There) -> None:
        self._answers[reference] = there
        self._asked.discard(reference)

    def take(self) -> dict[Reference, There]:
        with self._lock:
            taken, self._answers = self._answers, {}
            return taken


class StateAsking(QObject):
    """The questions that wait or run. GUI thread; workers never wake the loop for one answer: a timer collects them."""

    answered = Signal(object)  # dict[Reference, There]
    ended = Signal()  # nothing waits or runs any more

    def __init__(self, clients: Clients, tasks: Tasks, checks: TagChecks) -> None:
        super().__init__()
        self._clients = clients
        self._tasks = tasks
        self._checks = checks
        self._registries: dict[str, _Registry] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK)
        self._timer.timeout.connect(self._look)

    def ask(self, questions: Iterable[Question], *, first: bool = False) -> None:
        """Ask *questions*; those about a reference that is being asked already are dropped.

        *first*: the user asks, so that they come before the others, and a registry that did not respond is asked again.
        """
        by_host: dict[str, list[Question]] = {}
        for one in questions:
            by_host.setdefault(one.reference.domain, []).append(one)
        now = datetime.now(UTC)
        for host, wanted in by_host.items():
            registry = self._registries.setdefault(host, _Registry(host))
            if registry.rests is not None and not first:
                until, error = registry.rests
                if now < until:
                    self.answered.emit({one.reference: There(error=error, asked=now) for one in wanted})
                    continue
            registry.rests = None
            registry.want(wanted, first=first)
            self._set_to_work(registry)

    def hurry(self, references: Iterable[Reference]) -> None:
        """Ask about *references* before the others that wait."""
        wanted = set(references)
        for registry in self._registries.values():
            if registry.waiting:
                registry.hurry(wanted)

    def forget(self, host: str) -> None:
        """Ask *host* again although it did not respond: its settings or the sign-in changed."""
        if host in self._registries:
            self._registries[host].rests = None

    @property
    def busy(self) -> bool:
        """Whether questions wait or run."""
        return any(one.workers or one.waiting for one in self._registries.values())

    def stop(self) -> None:
        """Collect no more answers; the owner of the tasks ends the work."""
        self._timer.stop()

    def _set_to_work(self, registry: _Registry) -> None:
        for _ in range(min(PER_REGISTRY - registry.workers, registry.waiting)):
            registry.workers += 1
            self._tasks.run(
                self._tasks.states,
                partial(self._work, registry),
                done=lambda _: self._rested(registry),
                failed=lambda _: self._rested(registry),
                name="states",
            )
            self._timer.start()

    def _work(self, registry: _Registry, cancellation: Cancellation) -> None:
        """Ask until no question is left. Worker thread."""
        while not cancellation.cancelled and (question := registry.next()) is not None:
            there = self._checks.ask(question.reference, cancellation, since=question.since)
            if question.reading and there.digest and there.details is None and question.here.known:
                _, there = states.read(self._clients, question.here, there, cancellation)
            registry.answer(question, there)
            time.sleep(YIELD_SECONDS)
            courtesy.give_way()

    def _rested(self, registry: _Registry) -> None:
        registry.workers -= 1
        self._look()
        self._set_to_work(registry)  # questions may have come while this worker ended
        if not self.busy:
            self._timer.stop()
            self.ended.emit()

    @Slot()
    def _look(self) -> None:
        found: dict[Reference, There] = {}
        for registry in self._registries.values():
            found |= registry.take()
        if found:
            self.answered.emit(found)


def kept(old: There | None, new: There) -> There:
    """*new*, or *old* with what it knows if *new* only says that the registry could not be asked."""
    if old is None or not isinstance(new.error, RateLimited | RegistryUnreachable):
        return new if old is None or not new.digest else replace(new, before=new.before or old.before)
    return new if old.error is not None else old
