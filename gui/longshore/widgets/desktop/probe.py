"""Does the session's D-Bus answer? Asked before Qt is started, for Qt waits in the GUI thread for what it asks there.

Qt's accessibility bridge, its menu bar and its platform themes wait up to 25 s for each of several answers, from the
bus itself and from clients on it. A program that hangs there must not keep a window from opening. No Qt here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from longshore.widgets.desktop.addresses import bus_addresses

#: Seconds that all answers together may take.
PATIENCE = 2.0
#: An address that libdbus refuses without trying anything.
NOWHERE = "disabled:"


class BusProbe:
    """Asks in a thread of its own what Qt will ask; :meth:`mute` waits for the result, for :data:`PATIENCE` at most."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = dict(environ)
        self._deadline = time.monotonic() + PATIENCE
        self._mute = ""
        self._thread = threading.Thread(target=self._ask, name="longshore-bus-probe", daemon=True)
        self._thread.start()

    def mute(self) -> str:
        """Who does not answer, in a few words for a log; "" if all do, or nothing is there to ask. Any thread."""
        self._thread.join(max(self._deadline - time.monotonic(), 0.0) + 0.5)
        return "the session's D-Bus" if self._thread.is_alive() else self._mute

    def _ask(self) -> None:
        places = bus_addresses(self._environ)
        if not places:
            return
        # In this thread, and only where there is a bus: what speaks its language is not in the way of the window.
        from longshore.widgets.desktop.questions import ask

        ask(places, self._environ, self._deadline, self._note)

    def _note(self, who: str) -> None:
        self._mute = who
