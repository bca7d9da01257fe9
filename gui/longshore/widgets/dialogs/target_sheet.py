"""A sheet around the table of resulting references: the part that the push, copy and load sheets share."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget

from longshore.application import requests
from longshore.errors import LongshoreError
from longshore.oci.reference import Reference
from longshore.transfers.transfer import Endpoint, TransferRequest
from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.dialogs.targets import Targets
from longshore.widgets.notices import plain_label


class TargetSheet(Sheet):
    """A sheet around :class:`Targets`: the verb is enabled while every resulting reference is valid.

    Pressed before it is known what the references point to, the verb waits for that. If an existing tag would be
    replaced, or a registry has not responded in time, the sheet says so and the verb must be pressed again.
    """

    transfers_requested = Signal(object)  # list[TransferRequest]

    def __init__(
        self,
        parent: QWidget | None,
        title: str,
        verb: str,
        sources: Sequence[Endpoint],
        registries: Sequence[tuple[str, str]],  # host, user
        host: str,
        repository: str = "",
    ) -> None:
        super().__init__(parent, title, verb, width=760)
        #: What the verb was pressed for while it was being checked.
        self._pressed: list[tuple[Endpoint, Reference]] = []
        self.targets = Targets(self, sources, registries, self.outcome(), repository)
        self.body.addLayout(self.targets.layout)
        self.waiting = plain_label(self.tr("Continues when the destination is checked…"), "dim")
        self.waiting.hide()
        self.targets.layout.addWidget(self.waiting)
        self.targets.checked.connect(self._checked)
        self.targets.resized.connect(self.refit)
        for keys in ("Ctrl+Return", "Ctrl+Enter"):
            QShortcut(QKeySequence(keys), self, self._confirmed)
        for keys in ("Return", "Enter"):
            # After a cell was edited, the table consumes the key.
            shortcut = QShortcut(QKeySequence(keys), self.targets.table, self._confirmed)
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
        self.targets.add_target(host)
        self.confirm.setFocus()

    def outcome(self) -> str:
        """Return what happens to a single image, with ``{0}`` for its new name."""
        return self.tr("Will be pushed as {0}.")

    def _checked(self, problem: str, _references: list[Reference]) -> None:
        self.show_problem(problem)
        self.confirm.setEnabled(not problem)
        pressed = self._pressed
        if pressed != self.targets.good():
            self._wait_for([])  # something else was entered
        elif pressed and not self.targets.checking:
            self._wait_for([])
            if not self.targets.overwrites and not self.targets.unchecked:
                self._confirmed()

    def _wait_for(self, pressed: list[tuple[Endpoint, Reference]]) -> None:
        self._pressed = pressed
        if self.waiting.isHidden() == bool(pressed):
            self.waiting.setVisible(bool(pressed))
            self.refit()

    def _confirmed(self) -> None:
        if self.confirm.isEnabled() and self.targets.checking:
            self._wait_for(self.targets.good())
            self.targets.ask()
        else:
            super()._confirmed()

    def check(self) -> bool:
        """Return True if every row has a valid and unique reference."""
        try:
            pairs = self.targets.chosen()
        except LongshoreError as error:
            self.show_problem(error)
            return False
        self.transfers_requested.emit([self.request(source, target) for source, target in pairs])
        return True

    def planned(self) -> list[TransferRequest]:
        """Return the transfers that the verb would request now; none if a reference is not valid."""
        try:
            return [self.request(source, target) for source, target in self.targets.chosen()]
        except LongshoreError:
            return []

    def request(self, source: Endpoint, target: Reference) -> TransferRequest:
        """Return the request for the transfer of *source* to *target*."""
        return requests.push(source, target)
