"""Collects garbage in the GUI thread, and only there."""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, Qt, QTimer, Slot

#: New objects before the youngest generation is collected, and collections of it before the older ones are.
THRESHOLDS = (10_000, 10, 20)
#: Milliseconds between two looks at the number of new objects.
LOOK_MS = 2000


class Collector(QObject):
    """Replaces the interpreter's own collector, which runs in whichever thread creates objects. GUI thread.

    A closed sheet is often part of a cycle. Collected in a thread of a transfer, its widgets are destroyed there, which
    Qt does not allow: the process crashes. What no cycle holds is freed as ever, without a collector.

    All objects that exist now are kept and never scanned again. A full collection over ten thousand rows stalls the
    window noticeably and seldom finds anything: the oldest generation is collected rarely.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        gc.disable()
        gc.collect()
        gc.freeze()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.VeryCoarseTimer)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    @Slot()
    def look(self) -> None:
        """Collect the oldest generation that is due, if any."""
        for generation in (2, 1, 0):
            # The interpreter counts on while its own collector is off.
            if gc.get_count()[generation] > THRESHOLDS[generation]:
                gc.collect(generation)
                return
