"""Runs several programs in one process, one at a time: each file-system call is a step.

Between two steps another program may continue, or any program may be killed.

The programs run the real code on real files with real locks; :mod:`transfertools.stepped_calls` makes their calls
wait for their turn. :func:`explore` tries every order of turns within a number of pre-emptions and kills;
:func:`wander` chooses turns at random. Orders that differ only in steps on different files are tried once.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

#: Program and world of the current thread; not set in threads that are not programs.
here = threading.local()
_CLOSE = os.close
_MOST_STEPS = 4000
#: How often all programs may sleep at the same time before they count as deadlocked.
_MOST_NAPS = 4


class Killed(BaseException):
    """The program was killed: whatever it still does has no effect."""


class Checks(Protocol):
    """The invariants. Called between steps, with the real file system."""

    def changed(self, kind: str, path: str) -> str:
        """Return the problem after this change, "" if there is none."""

    def synced(self, path: str) -> None:
        """Note that *path*, a file or a folder, was synced to disk."""

    def died(self, number: int) -> None:
        """Note that the program with this number was killed."""

    def ended(self) -> str:
        """Return the problem after all programs have ended, "" if there is none."""


@dataclass(frozen=True)
class Touch:
    """The effect of a call on what other programs see. Empty: none, so it is not a step."""

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()


@dataclass
class _Program:
    number: int
    body: Callable[[], None]
    go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    thread: threading.Thread | None = None
    dead: bool = False
    ended: bool = False
    blocked_at: int | None = None
    descriptors: set[int] = field(default_factory=set)
    files: list[weakref.ref[io.IOBase]] = field(default_factory=list)
    history: int = 0


Chooser = Callable[[list[tuple[int, int]], Callable[[], Any]], int]


class World:
    """One run of some programs. *touch* returns what a call on a path touches; *choose* picks the next program."""

    def __init__(
        self,
        bodies: Sequence[Callable[[], None]],
        touch: Callable[[str, str], Touch],
        checks: Checks,
        choose: Chooser,
    ) -> None:
        self.programs = [_Program(number, body) for number, body in enumerate(bodies)]
        self.touch = touch
        self.checks = checks
        self.failure = ""
        self.steps: list[str] = []
        self.paths: dict[int, str] = {}
        self.locks: dict[int, Touch] = {}
        self._choose = choose
        self._releases = 0
        self._naps = 0
        self._reaped = threading.Semaphore(0)
        self._done = threading.Event()
        self._abandoned = False
        self._written: dict[str, int] = {}
        self._read: dict[str, int] = {}

    def run(self) -> None:
        for program in self.programs:
            program.thread = threading.Thread(target=self._live, args=(program,))
            program.thread.start()
        self._pass_on(None)
        self._done.wait()
        for program in self.programs:
            assert program.thread is not None
            program.thread.join()
        if not self.failure and not self._abandoned:
            self.failure = self.checks.ended()

    # -- in the programs' threads

    def step(self, call: str, touch: Touch) -> None:
        """Wait for a turn before a call. Raises Killed."""
        program: _Program = here.program
        if program.dead:
            raise Killed
        if touch.reads or touch.writes:
            self._pass_on(program)
            self._note(program, call, touch)

    def block(self) -> None:
        """Sleep until another program has released a lock. Raises Killed."""
        program: _Program = here.program
        if program.dead:
            raise Killed
        program.blocked_at = self._releases
        self._pass_on(program)

    def released(self, descriptor: int) -> None:
        touched = self.locks.pop(descriptor, None)
        if touched is not None:
            self._releases += 1
            self._note(here.program, "release", touched)

    def after(self, kind: str, path: str) -> None:
        """Check the invariants after a call that changed something."""
        wrong = self.checks.changed(kind, path)
        if wrong and not self.failure:
            self.failure = f"{wrong}\nafter {self.steps[-60:]}"
            self._abandon()
            raise Killed

    def _live(self, program: _Program) -> None:
        here.program, here.world = program, self
        program.go.acquire()
        try:
            if not program.dead:
                program.body()
        except Killed:
            pass
        except BaseException as error:
            if not self.failure:
                self.failure = f"program {program.number}: {error!r}\nafter {self.steps[-60:]}"
        finally:
            reaped = program.dead and program.blocked_at == -1
            killed = program.dead
            program.dead = True  # file objects that are collected later change nothing
            self._release_all(program)
            program.ended = True
            if killed:
                self.checks.died(program.number)
            if reaped:
                self._reaped.release()
            else:
                self._pass_on(program)

    def _release_all(self, program: _Program) -> None:
        """Release all locks of a program, as the system does, whatever ended the program."""
        for reference in program.files:
            file = reference()
            if file is not None:
                with contextlib.suppress(OSError):
                    file.close()
        for descriptor in list(program.descriptors):
            with contextlib.suppress(OSError):
                _CLOSE(descriptor)
            self.released(descriptor)
        program.descriptors.clear()

    # -- choosing turns

    def _pass_on(self, me: _Program | None) -> None:
        while True:
            alive = [each for each in self.programs if not each.ended]
            if not alive:
                self._done.set()
                return
            ready = [each for each in alive if each.blocked_at is None or each.blocked_at != self._releases]
            forced = me is None or me.ended or me not in ready
            if ready:
                self._naps = 0
            if not ready and self._naps < _MOST_NAPS:
                # Some sleeps wait for nothing in particular: they end when nothing else can run.
                self._naps += 1
                ready = alive
                forced = True
            if not ready:
                self.failure = self.failure or f"all wait for each other\nafter {self.steps[-60:]}"
                self._abandon(me)
                if me is not None and not me.ended:
                    raise Killed
                return
            if not forced:
                ready.sort(key=lambda each: each is not me)
            costs = [(0 if forced or each is me else 1, 0) for each in ready]
            costs += [(0, 1)] * len(alive)
            if self._abandoned or len(self.steps) > _MOST_STEPS:
                choice = 0
            else:
                choice = self._choose(costs, self._key(me))
                if choice < 0:
                    self._abandon(me)
                    if me is not None and not me.ended:
                        raise Killed
                    return
            if choice >= len(ready):
                self._kill(alive[choice - len(ready)], me)
                continue
            chosen = ready[choice]
            chosen.blocked_at = None
            if chosen is me:
                return
            chosen.go.release()
            if me is not None and not me.ended:
                me.go.acquire()
                if me.dead:
                    raise Killed
            return

    def _kill(self, program: _Program, me: _Program | None) -> None:
        self.steps.append(f"{program.number} killed")
        program.dead = True
        if program is me:
            raise Killed
        program.blocked_at = -1
        program.go.release()
        self._reaped.acquire()

    def _abandon(self, me: _Program | None = None) -> None:
        """End this run, because it would show nothing new."""
        me = me or getattr(here, "program", None)
        self._abandoned = True
        for program in self.programs:
            if program is not me and not program.ended:
                program.dead, program.blocked_at = True, -1
                program.go.release()
                self._reaped.acquire()
        if me is not None:
            me.dead = True
        if all(program.ended for program in self.programs):
            self._done.set()

    def _key(self, me: _Program | None) -> Callable[[], Any]:
        return lambda: (
            None if me is None else me.number,
            *(
                (each.history, each.ended, each.dead, each.blocked_at == self._releases)
                for each in self.programs
            ),
        )

    def _note(self, program: _Program, call: str, touch: Touch) -> None:
        """Record which earlier steps this one depends on: those that touched the same."""
        seen = (
            program.history,
            call,
            tuple(self._written.get(each, 0) for each in touch.reads),
            tuple((self._written.get(each, 0), self._read.get(each, 0)) for each in touch.writes),
        )
        program.history = hash(seen)
        for each in touch.writes:
            self._written[each] = program.history
            self._read[each] = 0
        for each in touch.reads:
            self._read[each] = (self._read.get(each, 0) + program.history) & 0xFFFF_FFFF_FFFF
        self.steps.append(f"{program.number} {call} {(touch.writes or touch.reads)[0][-24:]}")


@dataclass
class Found:
    """The result of an exploration: *runs* of the programs, *states* in which a turn was given, the first *failure*."""

    runs: int = 0
    states: int = 0
    steps: int = 0
    failure: str = ""


def explore(
    start: Callable[[Chooser], World], *, preemptions: int, kills: int, most_runs: int = 1_000_000
) -> Found:
    """Try every order of turns within these limits. Ends at the first failure."""
    found = Found()
    seen: set[Any] = set()
    todo: list[tuple[int, ...]] = [()]
    while todo and found.runs < most_runs:
        prefix = todo.pop()
        points: list[tuple[list[tuple[int, int]], int, int]] = []
        taken: list[int] = []
        left = [preemptions, kills]

        def choose(
            costs: list[tuple[int, int]],
            key: Callable[[], Any],
            prefix: tuple[int, ...] = prefix,
            points: list[tuple[list[tuple[int, int]], int, int]] = points,
            taken: list[int] = taken,
            left: list[int] = left,
        ) -> int:
            number = len(taken)
            if number < len(prefix):
                choice = prefix[number]
                left[0] -= costs[choice][0]
                left[1] -= costs[choice][1]
                taken.append(choice)
                return choice
            state = (key(), *left)
            if state in seen:
                return -1
            seen.add(state)
            points.append((costs, *left))
            taken.append(0)
            return 0

        world = start(choose)
        world.run()
        found.runs += 1
        found.steps += len(world.steps)
        if world.failure:
            found.failure = world.failure
            break
        for number, (costs, preempted, killed) in enumerate(points, len(prefix)):
            todo += [
                (*taken[:number], other)
                for other in range(1, len(costs))
                if costs[other][0] <= preempted and costs[other][1] <= killed
            ]
    found.states = len(seen)
    return found


def wander(start: Callable[[Chooser], World], *, runs: int, seed: object, kill: float = 0.003) -> Found:
    """Try *runs* random orders: a program runs for a while, then another one, and sometimes one is killed."""
    found = Found()
    for number in range(runs):
        dice = random.Random(f"{seed} {number}")
        switch = dice.choice((0.03, 0.1, 0.3, 0.7))

        def choose(
            costs: list[tuple[int, int]],
            key: Callable[[], Any],
            dice: random.Random = dice,
            switch: float = switch,
        ) -> int:
            kills = [each for each, cost in enumerate(costs) if cost[1]]
            turns = [each for each, cost in enumerate(costs) if not cost[1]]
            if dice.random() < kill:
                return dice.choice(kills)
            if costs[0][0] == 0 and any(costs[each][0] for each in turns) and dice.random() > switch:
                return 0
            return dice.choice(turns)

        world = start(choose)
        world.run()
        found.runs += 1
        found.steps += len(world.steps)
        if world.failure:
            found.failure = f"run {number} of seed {seed!r}: {world.failure}"
            break
    return found
