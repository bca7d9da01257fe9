"""Make an index…: one name for images of several platforms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QHeaderView,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from longshore.application import requests
from longshore.errors import LongshoreError
from longshore.oci.reference import Reference
from longshore.transfers.transfer import Endpoint, RegistryPlace, TransferRequest
from longshore.widgets.dialogs.fields import explanation
from longshore.widgets.dialogs.sheet import TABLE_ROW, Sheet
from longshore.widgets.notices import plain_label
from longshore.words import errors, text
from longshore.words.inspection import platform_text

if TYPE_CHECKING:
    from longshore.oci.platform import Platform

#: The most rows that are visible without scrolling.
_VISIBLE = 6
#: Milliseconds without typing after which the registry is asked about the name.
_PAUSE = 300


class IndexSheet(Sheet):
    """Shows the images with their platforms, and asks for the name. Two images of one platform are refused, unless the
    later one is to replace the other. The index can be made once it is known what the name points to now."""

    transfers_requested = Signal(object)  # list[TransferRequest]
    platforms_requested = Signal(object)  # list[Endpoint]; answer with set_platforms
    existing_requested = Signal(object)  # list[Reference]; answer with set_existing

    def __init__(
        self,
        parent: QWidget | None,
        parts: Sequence[Endpoint],
        name: Reference | None,
        *,
        replacing: bool = False,
    ) -> None:
        super().__init__(parent, self.tr("Make an index"), self.tr("Make index"), width=620)
        self._parts = list(parts)
        self._platforms: dict[Endpoint, tuple[Platform, ...] | LongshoreError] = {}
        self._asked: Reference | None = None
        self._existing: dict[Reference, str | LongshoreError | None] = {}
        self.body.addWidget(
            plain_label(
                self.tr("One name for images of several platforms. Engines pull the one that they run."),
                "dim",
                wrap=True,
            )
        )
        self.table = QTableWidget(0, 2)
        self.table.setAccessibleName(self.tr("Images of the index"))
        self.table.setHorizontalHeaderLabels([self.tr("Image"), self.tr("Platforms")])
        self.table.verticalHeader().setVisible(False)
        self.table.verticalHeader().setDefaultSectionSize(TABLE_ROW)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.setTabKeyNavigation(False)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        header = self.table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        remove = QShortcut(QKeySequence(QKeySequence.StandardKey.Delete), self.table, self._remove)
        remove.setContext(Qt.ShortcutContext.WidgetShortcut)
        self.table.setToolTip(self.tr("Del leaves an image out."))
        self.body.addWidget(self.table)
        form = self.form()
        offered = "" if name is None else name.familiar
        self.name = QLineEdit(f"{offered}:" if name is not None and name.tag is None else offered)
        self.name.setAccessibleName(self.tr("Name"))
        self.name.setMaxLength(2000)
        self.name.setPlaceholderText("registry.example.com/team/app:1.0")
        form.addRow(self.tr("Name"), self.name)
        self.outcome = explanation("")
        form.addRow("", self.outcome)
        self.moves = explanation("", "caution")
        form.addRow("", self.moves)
        self.replacing = QCheckBox(self.tr("A later image replaces an earlier one of the same platform"))
        self.replacing.setChecked(replacing)
        self.replacing.toggled.connect(self._look)
        self.body.addWidget(self.replacing)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE)
        self._pause.timeout.connect(self._ask_existing)
        self.name.textChanged.connect(self._typed)
        self.name.editingFinished.connect(self._ask_existing)
        self._fill()
        self.name.setFocus()

    def ask(self) -> None:
        """Request what is not known yet. Call it once the signals are connected."""
        self.platforms_requested.emit(list(self._parts))
        self._ask_existing()

    @Slot()
    def _ask_existing(self) -> None:
        target = self._target()
        if isinstance(target, Reference) and target not in self._existing and target != self._asked:
            self._asked = target
            self.existing_requested.emit([target])

    @Slot()
    def _typed(self) -> None:
        self._pause.start()
        self._look()

    def set_platforms(self, part: Endpoint, found: tuple[Platform, ...] | LongshoreError) -> None:
        """Show the platforms of *part*; none: it is not an image."""
        if self.open_still:
            self._platforms[part] = found
            self._fill()

    def set_existing(self, reference: Reference, found: str | LongshoreError | None) -> None:
        """Show what the name points to now: a digest, None for nothing, or why that is not known."""
        if self.open_still:
            self._existing[reference] = found
            self._look()

    # -- the images

    def _remove(self) -> None:
        rows = sorted({index.row() for index in self.table.selectedIndexes()}, reverse=True)
        for row in rows:
            del self._parts[row]
        self._fill()

    def _fill(self) -> None:
        self.table.setRowCount(len(self._parts))
        for row, part in enumerate(self._parts):
            for column, words in ((0, text.safe(part.name.shown, 600)), (1, self._platforms_of(part))):
                self.table.setItem(row, column, QTableWidgetItem(words))
        height = self.table.horizontalHeader().sizeHint().height()
        self.table.setFixedHeight(height + TABLE_ROW * min(max(len(self._parts), 1), _VISIBLE) + 5)
        self._look()

    def _platforms_of(self, part: Endpoint) -> str:
        found = self._platforms.get(part)
        if found is None:
            return self.tr("Loading…")
        if isinstance(found, LongshoreError):
            return errors.message(found)
        return ", ".join(map(platform_text, found)) if found else self.tr("not an image")

    def _all(self) -> list[Platform]:
        """The platforms of all images, in their order."""
        return [
            platform
            for part in self._parts
            for found in [self._platforms.get(part)]
            if isinstance(found, tuple)
            for platform in found
        ]

    def _twice(self) -> str:
        """A platform of two images, "" if there is none."""
        seen: list[Platform] = []
        for platform in self._all():
            if any(platform.matches(other) for other in seen):
                return platform_text(platform)
            seen.append(platform)
        return ""

    # -- the name, and what is wrong

    def _target(self) -> Reference | LongshoreError | None:
        """The name; None if there is none yet, an error if it is not valid."""
        typed = self.name.text().strip()
        if not typed or typed.endswith(":"):
            return None  # not yet a tag
        try:
            reference = Reference.parse_input(typed).with_default_tag()
            requests.index([Endpoint(RegistryPlace(reference.domain), reference)], self._end(reference))
        except LongshoreError as error:
            return error
        return reference

    @staticmethod
    def _end(reference: Reference) -> Endpoint:
        return Endpoint(RegistryPlace(reference.domain), reference)

    def _why_not(self) -> str:
        if not self._parts:
            return self.tr("No images are left.")
        twice = self._twice()
        if twice and not self.replacing.isChecked():
            words = self.tr(
                "Two of the images are for {0}. Leave one out, or let the later one replace the other."
            )
            return words.format(twice)
        failed = next((part for part in self._parts if self._platforms.get(part) == ()), None)
        if failed is not None:
            return self.tr("{0} is not an image.").format(text.safe(failed.name.shown))
        target = self._target()
        return errors.told(target) if isinstance(target, LongshoreError) else ""

    @Slot()
    def _look(self) -> None:
        problem = self._why_not()
        # Only where it decides something.
        self.replacing.setVisible(self.replacing.isChecked() or bool(self._twice()))
        self.show_problem(problem)
        target = self._target()
        self.confirm.setEnabled(not problem and target in self._existing)
        self.outcome.setText(self._outcome() if isinstance(target, Reference) else "")
        self.moves.setText(self._moves(target) if isinstance(target, Reference) else "")
        self.moves.setVisible(bool(self.moves.text()))

    def _outcome(self) -> str:
        found: list[Platform] = []
        for platform in self._all():
            if not any(platform.matches(other) for other in found):
                found.append(platform)
        if not found:
            return ""
        return self.tr("The index will have {0}.").format(", ".join(map(platform_text, found)))

    def _moves(self, target: Reference) -> str:
        """What happens to the tag that *target* names."""
        if target not in self._existing:
            return self.tr("Checking whether the tag exists…")
        found = self._existing[target]
        if isinstance(found, LongshoreError):
            words = self.tr("Not known whether the tag exists, and would be moved: {0}")
            return words.format(errors.message(found))
        if found is None:
            return ""
        words = self.tr(
            "Replaces {0}, which exists ({1}): the tag will be moved to the index. Undo puts it back."
        )
        return words.format(text.safe(target.familiar, 300), text.short_digest(found))

    def planned(self) -> list[TransferRequest]:
        """The transfer that the verb would request now; none if something is wrong."""
        target = self._target()
        if not self._parts or not isinstance(target, Reference):
            return []
        try:
            return [requests.index(self._parts, self._end(target), replacing=self.replacing.isChecked())]
        except LongshoreError:
            return []

    def check(self) -> bool:
        """Return True if the index can be made."""
        problem, target = self._why_not(), self._target()
        if not problem and target is None:
            problem = self.tr("Enter the name and tag of the index.")
        wanted = self.planned()
        self._ask_existing()
        if problem or not wanted or target not in self._existing:
            self.show_problem(problem)
            return False
        self.transfers_requested.emit(wanted)
        return True
