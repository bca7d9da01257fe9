"""Platforms: the images of an index with their sizes, and the attestations beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QVBoxLayout, QWidget

from longshore.models.columns import Tone
from longshore.models.platforms import (
    AttestationModel,
    PlatformColumn,
    PlatformModel,
    PlatformRow,
    attestation_rows,
    platform_rows,
)
from longshore.widgets.columns import EDGE, Column, Kind
from longshore.widgets.details.asking import AskingTab
from longshore.widgets.notices import ElidedLabel, Notice, plain_label
from longshore.widgets.theme import current_theme
from longshore.widgets.views import TableView
from longshore.words import errors, inspection

if TYPE_CHECKING:
    from longshore.application.inspection.values import Inspected
    from longshore.application.subject import Subject
    from longshore.errors import LongshoreError

#: Most attestations that are visible without scrolling if room is short; the second where the panel is wide and low.
_VISIBLE, _VISIBLE_WIDE = 4, 2
#: Space after the rows of a table, in pixels.
_AFTER = 8
#: The tallest widget of Qt, in pixels.
_NO_LIMIT = 16_777_215


class PlatformsTab(AskingTab):
    """See DetailsTab."""

    sizes_requested = Signal(object)  # Inspected
    pull_requested = Signal(object, object)  # Reference, Platform
    copy_requested = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        #: The title of the place that would pull; set by the wiring.
        self.place_name = ""
        self._here: Mapping[str, bool] = {}
        self.model = PlatformModel()
        self.view = TableView(
            self.tr("Platforms"),
            [
                Column("linux/arm64/v8", "linux/386", weight=3),
                Column("8e02…41fd", "8e02…41fd", fixed=True, yields=1),
                Column("171.4 MB", "1.4 MB", right=True),
                Column("only there", "in sync", kind=Kind.PILL),
            ],
        )
        self.view.setSelectionMode(TableView.SelectionMode.SingleSelection)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self.view.set_model(self.model, -1, Qt.SortOrder.AscendingOrder)
        self.view.setSortingEnabled(False)
        self.view.columns.header.setSortIndicatorShown(False)
        self.view.selectionModel().selectionChanged.connect(lambda *_: self._selected())
        self.beside = QWidget()
        self.beside.setObjectName("band")
        self.beside.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        head = QHBoxLayout(self.beside)
        head.setContentsMargins(EDGE, 7, EDGE, 5)
        head.setSpacing(8)
        head.addWidget(plain_label(self.tr("Attestations"), "strong"))
        self.count = ElidedLabel("dim")
        head.addWidget(self.count, 1)
        self.attestations = AttestationModel()
        self.list = TableView(
            self.tr("Attestations"),
            [
                Column("for linux/arm64/v8", "for linux/386", weight=2),
                Column("SBOM, provenance", "SBOM", weight=1),
                Column("171.4 MB", "1.4 MB", right=True),
            ],
        )
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self.list.set_model(self.attestations, -1, Qt.SortOrder.AscendingOrder)
        self.list.setSortingEnabled(False)
        self.list.columns.header.hide()
        self.sentence = plain_label("", "dim", wrap=True)
        self.sentence.setContentsMargins(EDGE, 12, EDGE, 12)
        self._rule = QWidget()
        self._rule.setObjectName("band")
        self._rule.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._rule.setFixedHeight(1)
        self.notice = Notice()
        lower = QWidget()
        column = QVBoxLayout(lower)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.beside)
        column.addWidget(self.list)
        column.addSpacing(_AFTER)
        column.addWidget(self._rule)
        column.addWidget(self.sentence)
        column.addStretch(1)
        #: Side by side where the panel is wide and low.
        self._sides = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._sides.setContentsMargins(0, 0, 0, 0)
        self._sides.setSpacing(0)
        self._sides.addWidget(self.view, 1)
        self._lower = lower
        self._sides.addWidget(lower)
        self.body.addLayout(self._sides, 1)
        self.body.addWidget(self.notice)
        self.pull_verb = self.verbs.add_verb(self.tr("Pull"), self._pull, why_not=self._no_pull)
        self.copy_verb = self.verbs.add_verb(self.tr("Copy digest"), self._copy, why_not=self._none)
        self._show()

    # -- the protocol of tabs

    def set_subject(self, subject: Subject) -> None:
        """See DetailsTab."""
        super().set_subject(subject)
        self._here = {}
        self.notice.hide()
        self._show()

    def set_wide(self, wide: bool) -> None:
        """See DetailsTab."""
        super().set_wide(wide)
        kind = QBoxLayout.Direction
        self._sides.setDirection(kind.LeftToRight if wide else kind.TopToBottom)
        self._sides.setStretch(1, 1 if wide else 0)
        self._show()

    def home(self) -> QWidget | None:
        """See DetailsTab."""
        return self.view

    # -- what the wiring answers

    def set_sizes(self, asked: Inspected, found: Inspected, here: Mapping[str, bool]) -> None:
        """Show *found*, which is *asked* with sizes, if that is still shown. *here*: which platforms the place has."""
        if asked is self.inspected:
            self.inspected, self._here = found, here
            self._show()

    def set_refused(self, asked: Inspected, error: LongshoreError) -> None:
        """Say why the sizes of *asked* are not known."""
        if asked is self.inspected:
            self.notice.say(errors.told(error), Tone.CAUTION)

    # -- verbs

    def _row(self) -> PlatformRow | None:
        rows = self.view.rows()
        return self.model.row(rows[0].row()) if rows else None

    def _none(self) -> str:
        row = self._row()
        return "" if row is not None and row.digest else self.tr("Select a platform.")

    def _no_pull(self) -> str:
        row = self._row()
        if row is None or self.subject is None:
            return self.tr("Select a platform.")
        if not self.subject.is_remote:
            # containerd's store lists platforms that it does not have; their registry may.
            if row.here is not False:
                return self.tr("The image is local already.")
            if self.subject.end.reference is None:
                return self.tr("The image has no name to pull it by.")
        return "" if row.platform is not None else self.tr("The image names no platform.")

    def _pull(self) -> None:
        row = self._row()
        if row is not None and row.platform is not None and self.subject is not None:
            self.pull_requested.emit(self.subject.end.reference, row.platform)

    def _copy(self) -> None:
        row = self._row()
        if row is not None:
            self.copy_requested.emit(row.digest)

    def _selected(self) -> None:
        row = self._row()
        named = row is not None and row.platform is not None
        self.pull_verb.setText(
            self.tr("Pull {0}").format(inspection.platform_text(row.platform).replace("&", "&&"))
            if named and row is not None
            else self.tr("Pull")
        )
        self.verbs.look()

    # -- showing

    def _request(self, found: Inspected) -> None:
        self.sizes_requested.emit(found)

    def _show(self) -> None:
        found = self.inspected
        remote = self.subject is not None and self.subject.is_remote
        self.model.set_rows([] if found is None else platform_rows(found, self._here), remote=remote)
        # An engine with unpacked images reports no compressed size.
        sizeless = (
            found is not None and bool(found.image_id) and all(row.size is None for row in self.model.rows)
        )
        self.view.columns.leave_out([PlatformColumn.SIZE] if sizeless else [])
        rows = [] if found is None else attestation_rows(found)
        self.attestations.set_rows(rows)
        self.beside.setVisible(bool(rows))
        self.list.setVisible(bool(rows))
        self._rule.setVisible(bool(rows) and not self.wide)
        self._lower.setVisible(bool(rows) or not self.wide)  # no empty half
        self._fit(len(rows))
        self.count.set_text(self.tr("{0}, attached to these platforms").format(len(rows)))
        sentence = "" if found is None else self._sentence(found)
        self.sentence.setText(sentence)
        # A low panel has no room for it above the buttons.
        self.sentence.setVisible(not self.wide)
        self.note.set_text(sentence.replace("\n", " ") if self.wide else "")
        self._selected()

    def _fit(self, attestations: int) -> None:
        """Make both tables as tall as their rows, while there is room."""
        height = current_theme().row_height
        visible = min(attestations, _VISIBLE_WIDE if self.wide else _VISIBLE)
        self.list.setFixedHeight(visible * height)
        header = self.view.columns.header.minimumHeight()
        tall = header + max(1, self.model.rowCount()) * height + _AFTER
        self.view.setMaximumHeight(_NO_LIMIT if self.wide else tall)

    def _sentence(self, found: Inspected) -> str:
        whole = inspection.platforms_sentence(found)
        if not found.platforms or not self.place_name:
            return whole
        kept = [inspection.platform_text(row.platform) for row in self.model.rows if row.here]
        if not any(row.here is not None for row in self.model.rows):
            return whole
        return f"{whole}\n{inspection.kept_sentence(self.place_name, kept)}"
