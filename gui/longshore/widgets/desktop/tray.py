"""An optional tray icon: its tooltip shows the progress, a click opens the window."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from longshore.widgets import icons


class Tray(QObject):
    """The tray icon. GUI thread. Shows nothing if the desktop has no tray."""

    window_requested = Signal()
    quit_requested = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._menu = QMenu()
        self._menu.addAction(self.tr("Show Longshore")).triggered.connect(self.window_requested)
        self._menu.addAction(self.tr("Quit")).triggered.connect(self.quit_requested)
        self._icon = QSystemTrayIcon(icons.window_icon(), self)
        self._icon.setContextMenu(self._menu)
        self._icon.activated.connect(self._activated)
        self._icon.messageClicked.connect(self.window_requested)
        self.say("")
        self._icon.show()

    def say(self, progress: str) -> None:
        """Show *progress*, a few words, in the tooltip; "" if there is none."""
        self._icon.setToolTip(f"Longshore — {progress}" if progress else "Longshore")

    @property
    def tooltip(self) -> str:
        """The current tooltip."""
        return self._icon.toolTip()

    def note(self, summary: str, body: str) -> None:
        """Show a notification through the tray, for desktops without a notification server."""
        if QSystemTrayIcon.supportsMessages():
            self._icon.showMessage(summary, body)

    def remove(self) -> None:
        """Remove the icon."""
        self._icon.hide()
        self._menu.deleteLater()
        self.deleteLater()

    @Slot(QSystemTrayIcon.ActivationReason)
    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason in (
            QSystemTrayIcon.ActivationReason.Trigger,
            QSystemTrayIcon.ActivationReason.DoubleClick,
        ):
            self.window_requested.emit()
