"""Certificates of registries, and the decision to trust one."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, Slot

from longshore.operations import Operations
from longshore.widgets.main_window import MainWindow
from longshore.wiring.registry_settings import RegistrySettings
from longshore.wiring.shared import Shared


class Certificates(QObject):
    """Connects the sheet Certificate…. GUI thread."""

    def __init__(
        self, window: MainWindow, operations: Operations, shared: Shared, settings: RegistrySettings
    ) -> None:
        super().__init__(window)
        self.window = window
        self.operations = operations
        self._shared = shared
        self._settings = settings
        window.registry_pane.certificate_requested.connect(self._certificate)

    @Slot(str)
    def _certificate(self, host: str) -> None:
        from longshore.widgets.dialogs.certificate import CertificateSheet

        registries = self.operations.registries
        sheet = CertificateSheet(
            self.window, registries.title(host), str(registries.certificates.file_of(host))
        )
        sheet.trust_requested.connect(lambda report: registries.certificates.trust(report, sheet.answer))
        sheet.copy_requested.connect(self._shared.to_clipboard)
        sheet.settings_requested.connect(partial(self._settings.open, host))
        registries.certificates.look(host, sheet.show_report)
        sheet.open()
