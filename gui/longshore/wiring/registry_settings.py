"""Settings of one registry."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot

from longshore.errors import LongshoreError
from longshore.operations import Operations
from longshore.widgets.main_window import MainWindow
from longshore.wiring.keys import Keys
from longshore.wiring.shared import Shared


class RegistrySettings(QObject):
    """Connects the sheet Settings…. GUI thread."""

    def __init__(self, window: MainWindow, operations: Operations, shared: Shared, keys: Keys) -> None:
        super().__init__(window)
        self._keys = keys
        self.window = window
        self.operations = operations
        self._shared = shared
        window.registry_pane.settings_requested.connect(self.open)

    @Slot(str)
    def open(self, host: str) -> None:
        """Open the sheet for the registry *host*."""
        from longshore.widgets.dialogs.registry_settings import RegistrySettingsSheet

        registries = self.operations.registries
        sheet = RegistrySettingsSheet(self.window, registries.book.config(host), registries.title(host))
        sheet.save_requested.connect(lambda config: registries.settings.save(config, sheet.answer))
        sheet.copy_requested.connect(self._shared.to_clipboard)
        signatures = self.operations.signatures
        sheet.keys_requested.connect(lambda: self._keys.open(host, sheet))
        sheet.rule_requested.connect(
            lambda on: signatures.set_only_signed(host, None, on, self._rule_changed)
        )

        def read() -> None:
            signatures.read(host, sheet.show_keys)

        signatures.changed.connect(read)
        sheet.finished.connect(lambda: signatures.changed.disconnect(read))
        read()
        sheet.open()

    def _rule_changed(self, found: object) -> None:
        if isinstance(found, LongshoreError):
            self._shared.show_failure(found)  # the sheet may be closed by now
