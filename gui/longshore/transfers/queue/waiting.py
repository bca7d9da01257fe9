"""Waiting for engines that went away."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from longshore.cancellation import Cancellation
from longshore.engine.address import EngineAddress
from longshore.errors import LongshoreError
from longshore.transfers.clients import Clients

_log = logging.getLogger(__name__)


class EngineWaiter:
    """Probes each engine that a row waits for at intervals, in one thread per engine, until it responds.

    *back* is called from that thread. *wanted* returns whether any row still waits; that thread may call it too.
    """

    def __init__(
        self,
        clients: Clients,
        *,
        every: float,
        back: Callable[[EngineAddress], None],
        wanted: Callable[[EngineAddress], bool],
    ) -> None:
        self._clients = clients
        self._every = every
        self._back = back
        self._wanted = wanted
        self._lock = threading.Lock()
        self._threads: dict[EngineAddress, threading.Thread] = {}
        self._stop = Cancellation()

    def wait_for(self, address: EngineAddress) -> None:
        """Make sure that the engine at *address* is being probed. Any thread; returns at once."""
        with self._lock:
            if self._stop.cancelled or address in self._threads:
                return
            # A daemon: a probe cannot be interrupted, and takes up to ten seconds with a frozen engine.
            thread = threading.Thread(
                target=self._ask, args=(address,), name="transfers-engine-wait", daemon=True
            )
            self._threads[address] = thread
            thread.start()

    def stop(self) -> None:
        """Stop probing. Any thread; returns at once."""
        self._stop.cancel()

    def join(self, timeout: float) -> bool:
        """Wait for the threads after :meth:`stop`. Returns True if all ended."""
        with self._lock:
            threads = list(self._threads.values())
        for thread in threads:
            thread.join(timeout)
        return not any(thread.is_alive() for thread in threads)

    def _ask(self, address: EngineAddress) -> None:
        while not self._stop.wait(self._every):
            with self._lock:
                # Both under the lock: a request for this engine right afterwards must get a new thread.
                if not self._wanted(address):
                    del self._threads[address]
                    return
            try:
                self._clients.engine(address).probe()
            except LongshoreError as error:
                _log.debug("engine %s still away: %s", address.url, error)
                continue
            except Exception:
                _log.exception("cannot ask the engine %s", address.url)
                continue
            if not self._stop.cancelled:
                self._back(address)
