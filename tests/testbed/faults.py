"""The faults that a `testbed.throttle.Throttle` produces on demand."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import Literal, TypeVar

Direction = Literal["request", "response"]


class LineCutError(Exception):
    """The connection is to end here, in the middle of a message."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A response made by the proxy; empty ``method`` for any."""

    path: re.Pattern[str]
    status: int
    headers: dict[str, str]
    body: bytes
    method: str = ""

    def fits(self, path: str, method: str) -> bool:
        return self.path.search(path) is not None and self.method in ("", method)


@dataclass(frozen=True, slots=True)
class Corruption:
    """One changed byte in the body of a response."""

    path: re.Pattern[str]

    def fits(self, path: str, method: str) -> bool:
        return self.path.search(path) is not None and method != "HEAD"


@dataclass(slots=True)
class Body:
    """A body in transit, and how many of its bytes (without the framing of chunks) have passed so far."""

    path: str
    direction: Direction
    passed: int = 0


@dataclass(frozen=True, slots=True)
class Cut:
    """The end of the connection after ``count`` bytes of a body; ``direction`` None for any."""

    path: re.Pattern[str]
    count: int
    direction: Direction | None

    def fits(self, body: Body) -> bool:
        return self.path.search(body.path) is not None and self.direction in (None, body.direction)


Fault = Refusal | Corruption | Cut
Chosen = TypeVar("Chosen", Refusal, Corruption)


class Faults:
    """The pending faults. Any thread may call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._coming: list[Fault] = []

    def add(self, fault: Fault, times: int) -> None:
        with self._lock:
            self._coming += [fault] * times

    def clear(self) -> None:
        with self._lock:
            self._coming.clear()

    @property
    def left(self) -> int:
        """The number of pending faults."""
        with self._lock:
            return len(self._coming)

    def take(self, kind: type[Chosen], path: str, method: str) -> Chosen | None:
        """Remove and return the first fault of this kind for such a request."""
        with self._lock:
            for fault in self._coming:
                if isinstance(fault, kind) and fault.fits(path, method):
                    self._coming.remove(fault)
                    return fault
        return None

    def allowed(self, body: Body, count: int) -> int:
        """How many of the next ``count`` bytes of a body may pass before the line is cut."""
        with self._lock:
            before = body.passed
            body.passed += count
            for fault in self._coming:
                if isinstance(fault, Cut) and fault.fits(body) and body.passed > fault.count:
                    self._coming.remove(fault)
                    return max(0, fault.count - before)
        return count
