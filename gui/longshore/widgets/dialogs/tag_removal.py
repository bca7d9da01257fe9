"""Remove… for tags in a registry: lists every tag that will be removed, before anything is."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QListWidget, QWidget

from longshore.errors import LongshoreError
from longshore.registry.removal import RemovalPlan
from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.notices import plain_label
from longshore.words import retention, text

#: Names visible without scrolling.
_VISIBLE_ROWS = 8


class RemoveTagsSheet(Sheet):
    """Opens at once. The verb is enabled when it is known which other tags are removed with the chosen ones."""

    remove_requested = Signal(object)  # RemovalPlan; answer with answer()

    def __init__(self, parent: QWidget | None, repository: str, tags: Sequence[str]) -> None:
        title = (
            self.tr("Remove {0}:{1} from the registry?").format(repository, tags[0])
            if len(tags) == 1
            else self.tr("Remove {0} tags of {1} from the registry?").format(len(tags), repository)
        )
        super().__init__(parent, title, self.tr("Remove"), width=520)
        self._chosen = set(tags)
        self._repository = repository
        self._plan: RemovalPlan | None = None
        self.words = plain_label(self.tr("Checking which other tags would be removed…"), wrap=True)
        self.body.addWidget(self.words)
        self.names = QListWidget()
        self.names.setAccessibleName(self.tr("Tags to remove"))
        self.names.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        self.names.hide()
        self.body.addWidget(self.names)
        self.caution = plain_label("", "caution", wrap=True)
        self.caution.hide()
        self.body.addWidget(self.caution)
        self.more = plain_label(self._told_after(tags), "dim", wrap=True)
        self.body.addWidget(self.more)
        self.set_dangerous()
        self.confirm.setEnabled(False)

    @Slot(object)
    def show_plan(self, found: RemovalPlan | LongshoreError) -> None:
        """Show what will be removed, or why that is unknown."""
        if not self.open_still:
            return
        if isinstance(found, LongshoreError):
            self.words.hide()
            self.show_problem(found)
            return
        if not found.digests:
            self.words.setText(self.tr("Already removed from the registry."))
            self.refit()
            return
        self._plan = found
        going = [tag for _, tags in found.digests for tag in tags]
        going.sort(key=lambda tag: tag not in self._chosen)
        if found.siblings:
            count = len(found.siblings)
            self.words.setText(
                self.tr("This registry removes images, not tags: one more tag is removed with it.")
                if count == 1
                else self.tr(
                    "This registry removes images, not tags: {0} more tags are removed with it."
                ).format(count)
            )
        elif found.staying:
            self.words.setText(
                self.tr("Only the selected tags are removed. Other tags of the image stay: {0}.").format(
                    retention.tags(found.staying)
                )
            )
        else:
            self.words.setText(self.tr("No other tags are affected."))
        if len(going) > 1:
            chosen = self.tr("selected")
            self.names.addItems(
                [f"{text.safe(tag)}   ({chosen})" if tag in self._chosen else text.safe(tag) for tag in going]
            )
            self.names.setSpacing(3)
            height = (self.names.sizeHintForRow(0) + 6) * min(len(going), _VISIBLE_ROWS) + 12
            self.names.setFixedHeight(height)
            self.names.show()
        cautions = []
        if found.broken:
            named = ", ".join(text.safe(tag) for tag in found.broken[:5])
            cautions.append(
                self.tr("Tags that contain this image become incomplete: {0}.").format(
                    named if len(found.broken) <= 5 else f"{named}, …"
                )
            )
        kept = all(digest in found.alone for digest, _ in found.digests)
        if found.unknown and not kept:
            cautions.append(
                self.tr("{0} tags could not be checked: they may be removed, too.").format(
                    f"{found.unknown:,}"
                )
            )
        self.more.setText(self._told_after(going, frees=not kept))
        self.caution.setText(" ".join(cautions))
        self.caution.setVisible(bool(cautions))
        self.confirm.setEnabled(True)
        self.refit()

    def _told_after(self, going: Sequence[str], *, frees: bool = True) -> str:
        """Return what is final: which tags go, and when their space is freed."""
        words = (
            self.tr("{0}:{1} can no longer be pulled.").format(self._repository, text.safe(going[0]))
            if len(going) == 1
            else self.tr("The tags {0} can no longer be pulled.").format(retention.tags(going))
        )
        return (
            f"{words} {self.tr('The registry frees the space at its next garbage collection.')}"
            if frees
            else words
        )

    def finish(self) -> None:
        """Request the removal; :meth:`answer` closes or reopens the sheet."""
        if self._plan is not None:
            self.set_busy(True)
            self.remove_requested.emit(self._plan)

    def refused(self, error: LongshoreError) -> None:
        """Show the reason. The verb stays disabled, because the plan may be out of date."""
        self.show_problem(error)
