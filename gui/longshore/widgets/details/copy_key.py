"""Ctrl+C in a list of Details: it is meant for the list, not for the pane whose selection Details follows."""

from __future__ import annotations

from PySide6.QtCore import QEvent
from PySide6.QtGui import QKeyEvent, QKeySequence


def claimed(event: QEvent) -> bool:
    """Accept *event* and return True if Qt asks the focused widget whether Ctrl+C is meant for it."""
    asked = (
        event.type() == QEvent.Type.ShortcutOverride
        and isinstance(event, QKeyEvent)
        and event.matches(QKeySequence.StandardKey.Copy)
    )
    if asked:
        event.accept()
    return asked
