"""Overview: what an image is, where it comes from, and what it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QWidget

from longshore.models import overview_text
from longshore.models.facts import Section
from longshore.transfers.transfer import RegistryPlace
from longshore.widgets.details.facts import FactsView
from longshore.widgets.details.tab import DetailsTab

if TYPE_CHECKING:
    from longshore.application.inspection.access import PullAccess, PullCommand
    from longshore.application.inspection.values import Inspected
    from longshore.application.signatures.verifying import Verdict
    from longshore.application.subject import Subject
    from longshore.errors import LongshoreError


class OverviewTab(DetailsTab):
    """The first tab. Wide, it has two columns."""

    copy_requested = Signal(str)  # text for the clipboard
    access_requested = Signal(object)  # Subject: find out who can pull it
    signature_requested = Signal(object, bool)  # Subject to verify, whether the user has asked for it
    keys_requested = Signal(str)  # host whose keys for signatures to show

    def __init__(self) -> None:
        super().__init__()
        self._access: PullAccess | None = None
        self._own_size = ""
        self._signature: Verdict | LongshoreError | None = None
        self.facts = FactsView(self.tr("Overview"))
        #: The right column of the strip.
        self.more = FactsView(self.tr("Starts with"))
        row = QHBoxLayout()
        row.setSpacing(0)
        for view in (self.facts, self.more):
            view.copied.connect(self._copy)
            view.offered.connect(self._offered)
            row.addWidget(view, 1)
        self.more.hide()
        row.setContentsMargins(0, 4, 0, 0)
        self.body.addLayout(row, 1)
        self.pull_verb = self.verbs.add_verb(
            self.tr("Copy pull command"), self.copy_pull_command, why_not=self._no_pull
        )

    def set_subject(self, subject: Subject) -> None:
        """See the base."""
        super().set_subject(subject)
        self._access, self._own_size, self._signature = None, "", None
        self.note.set_text("")
        self._fill()

    def update_subject(self, subject: Subject) -> None:
        """See the base."""
        super().update_subject(subject)
        self._fill()

    def settle(self) -> None:
        """See the base."""
        if self.subject is not None:
            self.signature_requested.emit(self.subject, False)

    def set_inspected(self, found: Inspected) -> None:
        """See the base."""
        super().set_inspected(found)
        self._fill()

    def set_wide(self, wide: bool) -> None:
        """See the base."""
        super().set_wide(wide)
        self.more.setVisible(wide)
        self._fill()

    def home(self) -> QWidget | None:
        """See the base."""
        return self.facts

    def set_access(self, subject: Subject, access: PullAccess) -> None:
        """Show who can pull *subject*."""
        if self.subject is not None and subject.end == self.subject.end:
            self._access = access
            self._fill()

    def set_signature(self, subject: Subject, found: Verdict | LongshoreError | None) -> None:
        """Show what the signatures of *subject* prove, or why that is not known."""
        if self.subject is not None and subject.end == self.subject.end:
            self._signature = found
            self._fill()

    def set_own_size(self, words: str) -> None:
        """Show what the image shares with others on disk, in words; "" while that is not known."""
        if words != self._own_size:
            self._own_size = words
            self._fill()

    def _fill(self) -> None:
        if self.subject is None:
            return
        found = self.inspected
        first = [
            overview_text.about(
                self.subject, found, own_size=self._own_size, access=self._access, signature=self._signature
            )
        ]
        rest: list[Section] = []
        if found is not None:
            rest = [overview_text.starts_with(found), *overview_text.labels(found)]
        if self.wide and rest:
            rest[0] = rest[0]._replace(title="")  # the columns begin at the same height
        self.facts.set_sections(first if self.wide else [*first, *rest])
        self.more.set_sections(rest if self.wide else [])

    # -- what can be done

    def _no_pull(self) -> str:
        if self.subject is None or self.subject.end.reference is None:
            return self.tr("An image without a tag has no pull command.")
        return (
            "" if self._pull_command() is not None else self.tr("There is no command that pulls this kind.")
        )

    def _pull_command(self) -> PullCommand | None:
        reference = None if self.subject is None else self.subject.end.reference
        if reference is None:
            return None
        from longshore.application.inspection.access import command_of

        return command_of(reference, "" if self.inspected is None else self.inspected.artifact_type)

    @Slot()
    def copy_pull_command(self) -> None:
        """Request to copy the line with which others pull the image."""
        command = self._pull_command()
        if command is None:
            return
        self.copy_requested.emit(command.by_tag)
        # The line beside the button is short: the sentence is its tooltip.
        if command.only_here:
            self.note.set_text(
                self.tr("Copied. It works only here."), self.tr("Copied. It works only on this machine.")
            )
        else:
            self.note.set_text(self.tr("Copied."))

    @Slot(str)
    def _copy(self, words: str) -> None:
        self.copy_requested.emit(words)
        self.note.set_text(self.tr("Copied."))

    @Slot(str)
    def _offered(self, key: str) -> None:
        if key == overview_text.WHO and self.subject is not None:
            self.access_requested.emit(self.subject)
        elif key == overview_text.SIGNATURE and self.subject is not None:
            self.signature_requested.emit(self.subject, True)
        elif key == overview_text.KEYS and self.subject is not None:
            place = self.subject.end.place
            if isinstance(place, RegistryPlace):
                self.keys_requested.emit(place.host)
