"""Progress on the program's entry in the taskbar or dock (Unity's LauncherEntry, which many docks support)."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication

from longshore.widgets.desktop.bus import SessionBus


class LauncherProgress(QObject):
    """Reports the overall progress to docks. GUI thread. Does nothing without a bus."""

    def __init__(self, bus: SessionBus, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bus = bus
        self._told: tuple[int | None, int] = (None, 0)

    def show(self, permille: int | None, unfinished: int) -> None:
        """Show the overall progress in *permille* (None: nothing is running) and how many transfers are unfinished."""
        told = None if permille is None else permille // 10, unfinished
        if told == self._told or not self._bus.connect_bus():
            return
        self._told = told
        entry = QGuiApplication.desktopFileName()
        properties = {
            "progress": ("d", (permille or 0) / 1000),
            "progress-visible": ("b", permille is not None),
            "count": ("x", unfinished),
            "count-visible": ("b", unfinished > 0),
        }
        self._bus.emit_signal(
            "/app/longshore/Longshore",
            "com.canonical.Unity.LauncherEntry",
            "Update",
            "sa{sv}",
            (f"application://{entry}.desktop", properties),
        )
