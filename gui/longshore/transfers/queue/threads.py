"""The threads of the queue: counted while they run, so that the end can wait for them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

_log = logging.getLogger(__name__)


class Threads:
    """Daemon threads that log their unexpected exceptions. Any thread may call any method."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[threading.Thread] = set()

    def start(self, work: Callable[[], None], name: str) -> threading.Thread:
        """Start a thread for *work*. Raises RuntimeError if the system allows no more threads."""

        def run() -> None:
            try:
                work()
            except Exception:
                _log.exception("%s ended unexpectedly", name)
            finally:
                with self._lock:
                    self._running.discard(threading.current_thread())

        thread = threading.Thread(target=run, name=name, daemon=True)
        with self._lock:
            self._running.add(thread)
            try:
                thread.start()
            except RuntimeError:
                self._running.discard(thread)
                raise
        return thread

    def join(self, deadline: float) -> bool:
        """Wait for all but the calling one until *deadline* (monotonic seconds). Returns True if all ended."""
        with self._lock:
            others = self._running - {threading.current_thread()}
        for thread in others:
            thread.join(max(deadline - time.monotonic(), 0.0))
        left = sorted(thread.name for thread in others if thread.is_alive())
        if left:
            _log.warning("still running at the end: %s", ", ".join(left))
        return not left
