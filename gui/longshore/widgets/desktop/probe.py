"""Checks before Qt starts whether the session's D-Bus answers: Qt waits for its replies in the GUI thread.

Qt's accessibility bridge, menu bar and platform themes wait up to 25 s for each of several replies, from the bus
itself and from its clients. A client that hangs must not keep the window from opening. No Qt here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from longshore.widgets.desktop.addresses import bus_addresses

#: Seconds that all replies together may take.
PATIENCE = 2.0
#: An address that libdbus refuses without trying to connect.
NOWHERE = "disabled:"


class BusProbe:
    """Makes Qt's calls in a thread of its own; :meth:`mute` waits for the result, at most :data:`PATIENCE` seconds."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = dict(environ)
        self._deadline = time.monotonic() + PATIENCE
        self._mute = ""
        self._thread = threading.Thread(target=self._ask, name="longshore-bus-probe", daemon=True)
        self._thread.start()

    def mute(self) -> str:
        """Return who does not answer, in a few words for a log; "" if all answer or there is no bus. Any thread."""
        self._thread.join(max(self._deadline - time.monotonic(), 0.0) + 0.5)
        return "the session's D-Bus" if self._thread.is_alive() else self._mute

    def _ask(self) -> None:
        places = bus_addresses(self._environ)
        if not places:
            return
        # Imported in this thread, and only if there is a bus, so that the window does not wait for the import.
        from longshore.widgets.desktop.questions import ask

        ask(places, self._environ, self._deadline, self._note)

    def _note(self, who: str) -> None:
        self._mute = who
