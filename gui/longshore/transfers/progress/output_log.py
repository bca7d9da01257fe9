"""The output of a transfer that runs something: its last lines, by step, in bounded memory."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

#: Lines that are kept of one step, and characters of all steps together.
LINES_OF_STEP = 2_000
MOST_CHARACTERS = 2_000_000


@dataclass(frozen=True, slots=True)
class OutputLine:
    """A line. *number*: of all lines of the transfer, from 1; *step*: the row that it belongs to, 0 for none.

    *place*: its number among the lines of its step, from 1: a gap shows how many lines are no longer kept.
    """

    number: int
    step: int
    text: str
    place: int = field(default=0, compare=False)


class OutputLog:
    """Lines as they come; the oldest are left out. Any thread."""

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        self._lock = threading.Lock()
        self._changed = changed
        self._steps: dict[int, deque[OutputLine]] = {}
        self._places: dict[int, int] = {}
        self._characters = 0
        self._last = 0

    @property
    def last(self) -> int:
        """The number of the latest line, 0 before the first."""
        return self._last

    def add(self, step: int, text: str) -> None:
        """Add a line, which is safe to show."""
        with self._lock:
            self._last += 1
            lines = self._steps.setdefault(step, deque())
            self._places[step] = place = self._places.get(step, 0) + 1
            lines.append(OutputLine(self._last, step, text, place))
            self._characters += len(text)
            if len(lines) > LINES_OF_STEP:
                self._characters -= len(lines.popleft().text)
            while self._characters > MOST_CHARACTERS:
                oldest = next(iter(self._steps))
                self._characters -= len(self._steps[oldest].popleft().text)
                if not self._steps[oldest]:
                    del self._steps[oldest]
        self._changed()

    def after(self, number: int = 0, step: int | None = None) -> list[OutputLine]:
        """The kept lines behind line *number*, in their order; only those of *step* if it is given."""
        with self._lock:
            chosen = self._steps.values() if step is None else [self._steps.get(step, deque())]
            found = [line for lines in chosen if lines and lines[-1].number > number for line in lines]
        return sorted((line for line in found if line.number > number), key=lambda line: line.number)
