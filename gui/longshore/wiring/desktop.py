"""Desktop integration: notifications of transfers that end in the background, taskbar progress, the tray icon."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from PySide6.QtGui import QGuiApplication, QWindow

from longshore.models.note_text import note_text
from longshore.operations import Operations
from longshore.transfers.transfer import State, TransferSnapshot
from longshore.widgets.desktop.bus import SessionBus
from longshore.widgets.desktop.launcher import LauncherProgress
from longshore.widgets.desktop.notes import DesktopNote
from longshore.widgets.desktop.tray import Tray
from longshore.widgets.main_window import MainWindow
from longshore.words import text

#: Milliseconds in which ended transfers are gathered into one notification.
GATHER = 1500
#: Milliseconds between two updates of the progress.
PROGRESS = 1000
#: Maximum transfers to keep for the notification, which then counts only these.
MOST = 999


def in_front() -> bool:
    """Return True if one of Longshore's windows is active."""
    return QGuiApplication.focusWindow() is not None


class Desktop(QObject):
    """Notifications, progress and tray icon, as chosen by the user; see :meth:`choose`. GUI thread."""

    quit_requested = Signal()

    def __init__(
        self, window: MainWindow, operations: Operations, environ: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(window)
        self._window = window
        self._transfers = operations.transfers
        self._bus = SessionBus(environ, self)
        self._note = DesktopNote(self._bus, self)
        self._note.activated.connect(self._raise)
        self._note.refused.connect(self._refused)
        self._launcher = LauncherProgress(self._bus, self)
        self._tray: Tray | None = None
        self._notes = False
        self._unseen: list[TransferSnapshot] = []  # ended since the window was last in front
        self._batch: dict[str, int] = {}  # permille of the transfers since the queue was last idle
        self._gather = QTimer(self)
        self._gather.setSingleShot(True)
        self._gather.setInterval(GATHER)
        self._gather.timeout.connect(self._show_note)
        self._progress = QTimer(self)
        self._progress.setSingleShot(True)
        self._progress.setInterval(PROGRESS)
        self._progress.timeout.connect(self._tell_progress)
        self._transfers.ended.connect(self._ended)
        self._transfers.tally_changed.connect(self._tally)
        application = QGuiApplication.instance()
        assert isinstance(application, QGuiApplication)
        application.focusWindowChanged.connect(self._focus_changed)

    def choose(self, *, notes: bool, tray: bool) -> None:
        """Apply the user's choices."""
        self._notes = notes
        if not notes:
            self._forget()
        if tray and self._tray is None:
            self._tray = Tray(self)
            self._tray.window_requested.connect(self._raise)
            self._tray.quit_requested.connect(self.quit_requested)
            self._tell_progress()
        elif not tray and self._tray is not None:
            self._tray.remove()
            self._tray = None

    def stop(self) -> None:
        """Remove everything from the desktop, because the window closes."""
        self._forget()
        self._launcher.show(None, 0)
        self.choose(notes=False, tray=False)
        self._progress.stop()
        self._bus.close()

    # -- notifications

    @Slot(object)
    def _ended(self, snapshot: TransferSnapshot) -> None:
        if self._notes and snapshot.state in (State.SUCCEEDED, State.FAILED) and not in_front():
            self._unseen = [*self._unseen, snapshot][-MOST:]
            if not self._gather.isActive():
                self._gather.start()

    @Slot()
    def _show_note(self) -> None:
        if self._unseen:
            failed = any(snapshot.state is State.FAILED for snapshot in self._unseen)
            self._note.show(*note_text(self._unseen), failed=failed)

    @Slot(str, str)
    def _refused(self, summary: str, body: str) -> None:
        if self._tray is not None:
            self._tray.note(summary, body)

    @Slot(QWindow)
    def _focus_changed(self, window: QWindow | None) -> None:
        if window is not None:
            self._forget()

    def _forget(self) -> None:
        self._unseen = []
        self._gather.stop()
        self._note.withdraw()

    @Slot()
    def _raise(self) -> None:
        window, unseen = self._window, list(self._unseen)
        if window.isMinimized():
            window.showNormal()
        window.show()
        window.raise_()
        window.activateWindow()
        if unseen:
            worst = [snapshot for snapshot in unseen if snapshot.state is State.FAILED] or unseen
            window.transfer_pane.show_transfers([snapshot.id for snapshot in worst])
        self._forget()

    # -- progress

    @Slot()
    def _tally(self) -> None:
        if not self._progress.isActive():
            self._progress.start()

    @Slot()
    def _tell_progress(self) -> None:
        snapshots = self._window.transfer_pane.model.snapshots()
        unfinished = [snapshot for snapshot in snapshots if not snapshot.state.finished]
        # All transfers count equally, because the size of queued ones is not known yet.
        for snapshot in snapshots:
            if not snapshot.state.finished or snapshot.id in self._batch:
                self._batch[snapshot.id] = 1000 if snapshot.state.finished else snapshot.permille or 0
        if not unfinished:
            self._batch.clear()
        permille = sum(self._batch.values()) // len(self._batch) if self._batch else None
        self._launcher.show(permille, len(unfinished))
        if self._tray is not None:
            running = self.tr("{0} remaining").format(len(unfinished))
            self._tray.say(f"{running}, {text.percent(permille)}" if unfinished else "")
