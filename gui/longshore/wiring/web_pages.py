"""*Open in browser*: the page that a registry has for a repository or a tag."""

from __future__ import annotations

from PySide6.QtCore import QObject, QUrl, Slot
from PySide6.QtGui import QDesktopServices

from longshore.application.web_pages import needs_number, web_page
from longshore.errors import LongshoreError
from longshore.models.columns import Tone
from longshore.oci.reference import Reference
from longshore.operations import Operations
from longshore.widgets.main_window import MainWindow
from longshore.wiring.shared import Shared
from longshore.words import errors


class WebPages(QObject):
    """Connects *Open in browser* of both panes. GUI thread."""

    def __init__(self, window: MainWindow, operations: Operations, shared: Shared) -> None:
        super().__init__(window)
        self._window = window
        self._operations = operations
        self._shared = shared
        for pane in (window.image_pane, window.registry_pane):
            pane.no_page_of = self._no_page
            pane.browser_requested.connect(self._open)

    def _address(self, reference: Reference, project: int | None = None) -> str:
        config = self._operations.registries.book.config(reference.domain)
        return web_page(reference, config, self._make(reference), project)

    def _make(self, reference: Reference) -> str:
        return self._window.registry_pane.model.make(reference.domain)

    def _no_page(self, reference: Reference) -> str:
        try:
            self._address(reference)
        except LongshoreError as error:
            return errors.message(error)
        return ""

    @Slot(object)
    def _open(self, reference: Reference) -> None:
        config = self._operations.registries.book.config(reference.domain)
        if not needs_number(config, self._make(reference)):
            self._show(self._address(reference))
            return
        operations = self._operations
        operations.tasks.run(
            operations.tasks.listing,
            lambda cancellation: operations.clients.lister(reference.domain).project_number(
                reference.path, cancellation=cancellation
            ),
            done=lambda project: self._show(self._address(reference, project)),
            failed=self._shared.show_failure,
            name="page of a project",
        )

    def _show(self, address: str) -> None:
        url = QUrl(address, QUrl.ParsingMode.StrictMode)
        if url.scheme() == "https" and url.isValid() and QDesktopServices.openUrl(url):
            return
        self._window.active_pane().explain(
            self.tr("No browser could be opened. The address is {0}").format(address),
            Tone.CAUTION,
            button=self.tr("Copy address"),
            act=lambda: self._shared.to_clipboard(address),
        )
