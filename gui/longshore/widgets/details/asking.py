"""A tab of Details that needs more than the inspection, and requests it once the image was read. GUI thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtGui import QShowEvent

from longshore.widgets.details.tab import DetailsTab

if TYPE_CHECKING:
    from longshore.application.inspection.values import Inspected
    from longshore.application.subject import Subject


class AskingTab(DetailsTab):
    """See DetailsTab. Derived classes show what is known in :meth:`_show`, and emit a signal in :meth:`_request`."""

    def __init__(self) -> None:
        super().__init__()
        self._settled = self._asked = False

    def set_subject(self, subject: Subject) -> None:
        """See DetailsTab."""
        super().set_subject(subject)
        self._settled = self._asked = False

    def settle(self) -> None:
        """See DetailsTab."""
        self._settled = True
        self._ask()

    def set_inspected(self, found: Inspected) -> None:
        """See DetailsTab."""
        super().set_inspected(found)
        self._show()
        self._ask()

    @Slot()
    def refresh(self) -> None:
        """The images of the shown place have changed: request again what it has, now or when the tab is shown."""
        self._asked = False
        if self.isVisible():
            self._ask()

    def showEvent(self, event: QShowEvent) -> None:
        """Qt's hook."""
        super().showEvent(event)
        self._ask()

    def _ask(self) -> None:
        if self._settled and not self._asked and self.inspected is not None and self._wants(self.inspected):
            self._asked = True
            self._request(self.inspected)

    def _wants(self, found: Inspected) -> bool:
        """Whether there is anything to request about *found*."""
        return True

    def _request(self, found: Inspected) -> None:
        raise NotImplementedError

    def _show(self) -> None:
        raise NotImplementedError
