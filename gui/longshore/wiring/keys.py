"""Keys for signatures, and the rule that only signed images are fetched."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QWidget

from longshore.operations import Operations
from longshore.widgets.main_window import MainWindow


class Keys(QObject):
    """Connects the sheet Keys…. GUI thread."""

    def __init__(self, window: MainWindow, operations: Operations) -> None:
        super().__init__(window)
        self._window = window
        self._operations = operations
        window.registry_pane.keys_requested.connect(self.open)

    @Slot(str)
    def open(self, host: str, parent: QWidget | None = None) -> None:
        """Open the sheet for the registry *host*, above *parent* or the window."""
        from longshore.widgets.dialogs.keys import KeysSheet

        keys, title = self._operations.signatures, self._operations.registries.title(host)
        sheet = KeysSheet(parent or self._window, title)
        show = sheet.show_keys
        sheet.add_requested.connect(lambda scope, path, name: keys.add(host, scope, path, name, show))
        sheet.remove_requested.connect(lambda scope, name: keys.remove(host, scope, name, show))
        sheet.rule_requested.connect(lambda scope, on: keys.set_only_signed(host, scope, on, show))
        keys.read(host, show)
        sheet.open()
