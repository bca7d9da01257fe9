"""The protocol of the tabs of Details. GUI thread only.

A tab is one file in this package with a class derived from :class:`DetailsTab`, and a row in ``table.TABS``. The panel
creates it when it is first shown, and calls it only while it is visible, in this order:

1. :meth:`~DetailsTab.set_subject` at once when another row is selected, thirty times a second while an arrow key is
   held. It shows what is known from the row, forgets the rest, and requests nothing.
2. :meth:`~DetailsTab.settle` when the selection rests there. Now the tab may emit a signal of its own that requests
   what it needs; the wiring connects it, see ``wiring/details.py``.
3. :meth:`~DetailsTab.set_inspected` when the image was read, or :meth:`~DetailsTab.set_failure`. The panel says why it
   failed and offers to retry; a tab only has to be empty then.

:meth:`~DetailsTab.update_subject` may come at any time after the first. A tab that becomes visible later gets the same
calls then. :attr:`~DetailsTab.verbs` has its text buttons, and :attr:`~DetailsTab.note` a line at the right of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QMargins
from PySide6.QtWidgets import QVBoxLayout, QWidget

from longshore.widgets.notices import ElidedLabel
from longshore.widgets.verbs import VerbBar

if TYPE_CHECKING:
    from longshore.application.inspection.values import Inspected
    from longshore.application.subject import Subject
    from longshore.errors import LongshoreError


class DetailsTab(QWidget):
    """One tab of Details. Its content goes into :attr:`body`."""

    def __init__(self) -> None:
        super().__init__()
        #: The image that is shown, None at first.
        self.subject: Subject | None = None
        #: What was read about it, None until then.
        self.inspected: Inspected | None = None
        #: The panel is docked below, where it is wide and low.
        self.wide = False
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(0)
        #: The text buttons at the bottom. Add verbs as to the second row of a pane; see :mod:`..verbs`.
        self.verbs = VerbBar(QMargins(), flat=True)
        #: A dim line at the bottom right, empty at first.
        self.note = ElidedLabel("dim")

    def set_subject(self, subject: Subject) -> None:
        """Show *subject* with what is known from its row. Returns within two milliseconds and requests nothing."""
        self.subject, self.inspected = subject, None

    def update_subject(self, subject: Subject) -> None:
        """The row of the same image knows more by now, e.g. the digest of a tag. What was requested stays valid."""
        self.subject = subject

    def settle(self) -> None:
        """The selection rests at :attr:`subject`: request what this tab needs besides the inspection."""

    def set_inspected(self, found: Inspected) -> None:
        """Show what was read about :attr:`subject`."""
        self.inspected = found

    def set_failure(self, error: LongshoreError) -> None:
        """:attr:`subject` could not be read."""

    def set_wide(self, wide: bool) -> None:
        """Show the content for a panel that is *wide* and low, or else narrow and high."""
        self.wide = wide

    def focus_filter(self) -> bool:
        """Focus the filter of the tab, and return False if it has none."""
        return False

    def home(self) -> QWidget | None:
        """Return the widget that gets the focus when the tab is reached with the keyboard."""
        return None
