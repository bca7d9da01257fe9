"""The lower part of the registry pane: the tags of the selected repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from longshore.errors import Remedy
from longshore.models.columns import Role, TagColumn, Tone
from longshore.models.tags import TagModel
from longshore.widgets.columns import EDGE, Column, Kind
from longshore.widgets.header_parts import FilterField
from longshore.widgets.in_sight import InSight
from longshore.widgets.notices import ElidedLabel, EmptyState, LoadingLine, Notice
from longshore.widgets.views import TableView
from longshore.words import errors, text

if TYPE_CHECKING:
    from longshore.oci.reference import Reference

_RIGHT = Qt.TextElideMode.ElideRight
_COLUMNS = [
    Column("2.4.1-alpine", "2.4.1-rc1", weight=3),
    Column("sha256:1c9e…77b0", "sha256:1c…b0", fixed=True, yields=3),
    Column("888.8 MB", "88.8 MB", right=True),
    Column("amd64  arm64  s390x", "amd64  arm64", weight=2, elide=_RIGHT, yields=2),
    Column("12 months ago", "20 min", elide=_RIGHT, together=True),
    Column("only there", "only there", kind=Kind.PILL, elide=_RIGHT),
    Column(
        "signed by release@acme.io", "signed by release", weight=2, kind=Kind.PILL, elide=_RIGHT, yields=1
    ),
]
#: Awaited details above which an order by them is not final: more than the visible rows.
_MANY_DETAILS = 100


class TagSection(QWidget):
    """The header row with the repository's name, and the table Tags."""

    retry_clicked = Signal()
    remedy_clicked = Signal(object)  # Remedy other than RETRY
    hidden_toggled = Signal(bool)  # whether digest-like tags are shown

    def __init__(self, model: TagModel) -> None:
        super().__init__()
        self.model = model
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        band = QWidget()
        band.setObjectName("band")
        band.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = QHBoxLayout(band)
        row.setContentsMargins(EDGE, 6, EDGE, 5)
        row.setSpacing(6)
        self.title = ElidedLabel("dim")
        self.title.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.title)
        self.counts = ElidedLabel("dim")
        self.counts.setContentsMargins(0, 0, 0, 0)
        self.counts.keep_whole()
        row.addWidget(self.counts)
        row.addStretch(1)
        self.filter = FilterField(self.tr("Filter tags"))
        self.filter.setMaximumWidth(176)
        self.filter.filtered.connect(self._filtered)
        self.filter.offer_choices(model)
        model.choices_changed.connect(self._rows_changed)
        row.addWidget(self.filter, 3)
        self.hidden_button = QPushButton()
        self.hidden_button.setProperty("quiet", True)
        self.hidden_button.setCheckable(True)
        self.hidden_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.hidden_button.toggled.connect(self._show_hidden)
        self.hidden_button.hide()
        row.addWidget(self.hidden_button)
        outer.addWidget(band)
        self.loading = LoadingLine()
        outer.addWidget(self.loading)
        self.view = TableView(self.tr("Tags"), _COLUMNS, (TagColumn.SIGNATURE,))
        self.view.set_drag(self._describe)
        self.view.set_model(model, -1, Qt.SortOrder.AscendingOrder)
        outer.addWidget(self.view, 1)
        self.stopped = Notice()
        outer.addWidget(self.stopped)
        self.empty = EmptyState(self.view)
        self.empty.clicked.connect(self._empty_clicked)
        self._in_sight = InSight(self.view)
        self._in_sight.settled.connect(model.want_details)
        for signal in (model.counts_changed, model.note_changed, model.layoutChanged):
            signal.connect(self._rows_changed)
        self.view.columns.header.sortIndicatorChanged.connect(self._sorted)
        self.view.columns.header.sectionResized.connect(self._column_resized)
        self._place = ("", "")
        self.setMinimumHeight(110)
        self._rows_changed()

    # -- set by the owner

    def set_place(self, host: str, repository: str) -> None:
        """Set the repository whose tags are shown; the owner fills the model."""
        self._place = (host, repository)
        self.view.clearSelection()
        self.filter.clear_all()
        self.view.scrollToTop()
        self._rows_changed()

    def show_hidden(self, on: bool) -> None:
        """Show or hide digest-like tags, as in the last run."""
        self.hidden_button.setChecked(on)

    def selected_references(self) -> list[Reference]:
        """Return the selected tags as full references."""
        rows = sorted(self.view.rows(), key=QModelIndex.row)
        found = (row.data(Role.REFERENCE) for row in rows)
        return [reference for reference in found if reference is not None]

    # -- inside

    @Slot()
    def _rows_changed(self) -> None:
        host, repository = self._place
        if repository:
            whole = repository if host == "docker.io" else f"{host}/{repository}"
            words = self.tr("Tags of {0}")
            # The registry is shown above; here the repository must be readable.
            self.title.set_text(words.format(text.safe(repository)), words.format(text.safe(whole)))
        else:
            self.title.set_text(self.tr("Tags"))
        self.loading.set_loading(bool(repository) and self.model.loading)
        self.counts.set_text(self._counts() if repository else "")
        hidden = self.model.hidden_count
        self.hidden_button.setVisible(hidden > 0)
        words = self.tr("Hide {0} digest tags") if self.hidden_button.isChecked() else self.tr("{0} hidden")
        self.hidden_button.setText(words.format(hidden))
        self._tell_empty()
        self._tell_stopped()
        self._in_sight.look()

    def _counts(self) -> str:
        """Return a text with the number of tags, how many are loaded so far, and how many pass the filter."""
        model, count = self.model, self.model.shown_count
        if model.error is not None and count:
            return self.tr("stopped after {0}").format(f"{model.total:,}")
        if model.has_more:
            total = model.expected
            if total is not None and total > model.total:
                return self.tr("{0} of {1} loaded").format(f"{model.total:,}", f"{total:,}")
            return self.tr("{0} loaded").format(f"{model.total:,}")
        if model.loading or not count:
            return ""
        if (awaited := model.awaited_details) > _MANY_DETAILS:
            return self.tr("{0}, loading details of {1}").format(f"{count:,}", f"{awaited:,}")
        if model.filter or model.chosen:
            return self.tr("{0} of {1}").format(f"{model.rowCount():,}", f"{count:,}")
        return self.tr("1 tag") if count == 1 else self.tr("{0} tags").format(f"{count:,}")

    def _tell_stopped(self) -> None:
        """Show below the rows why the listing stopped."""
        error = self.model.error if self.model.rowCount() else None
        if error is None:
            self.stopped.hide()
        elif self.stopped.isHidden():
            self.stopped.say(errors.message(error), Tone.CAUTION, errors.offer(error).button, self._help)

    def _tell_empty(self) -> None:
        error = self.model.error
        if self.model.rowCount() or (self.model.loading and self._place[1]):
            self.empty.say("")
        elif not self._place[1]:
            self.empty.say(self.tr("Select a repository to see its tags."))
        elif error is not None:
            self.empty.say(errors.message(error), errors.offer(error).button, errors.advice(error))
        elif self.model.filter or self.model.chosen:
            self.empty.say(self._no_match(), self.tr("Clear filter"))
        elif self.model.hidden_count and not self.hidden_button.isChecked():
            self.empty.say(self.tr("Only digest tags, which are hidden."), self.tr("Show them"))
        else:
            self.empty.say(self.tr("This repository has no tags."), self.tr("Refresh tags"))

    def _no_match(self) -> str:
        words, chosen = self.model.filter, self.model.chosen_words
        if not chosen:
            return self.tr("No tag matches “{0}”.").format(words)
        if not words:
            return self.tr("No tag matches the filter: {0}.").format(chosen)
        return self.tr("No tag matches “{0}” and the filter: {1}.").format(words, chosen)

    @Slot()
    def _empty_clicked(self) -> None:
        if self.model.error is not None:
            self._help()
        elif self.model.filter or self.model.chosen:
            self.filter.clear_all()
        elif self.model.hidden_count:
            self.hidden_button.setChecked(True)
        else:
            self.retry_clicked.emit()

    def _help(self) -> None:
        error = self.model.error
        if error is None or error.remedy is Remedy.RETRY:
            self.retry_clicked.emit()  # of this repository only
        else:
            self.remedy_clicked.emit(error.remedy)

    @Slot(str)
    def _filtered(self, words: str) -> None:
        self.model.set_filter(words)
        self._rows_changed()

    @Slot(bool)
    def _show_hidden(self, on: bool) -> None:
        self.model.set_show_digest_like(on)
        self._rows_changed()
        self.hidden_toggled.emit(on)

    @Slot(int, Qt.SortOrder)
    def _sorted(self, column: int, _order: Qt.SortOrder) -> None:
        if column > TagColumn.TAG and column not in (TagColumn.STATE, TagColumn.SIGNATURE):
            # Rows cannot be sorted by values that are not known yet.
            self.model.want_all_details()

    @Slot(int, int, int)
    def _column_resized(self, column: int, _old: int, new: int) -> None:
        """A column that is hidden has no width: no signature is verified for it."""
        if column == TagColumn.SIGNATURE:
            self.model.signatures.show(new > 0)

    def _describe(self, rows: list[QModelIndex]) -> str:
        if len(rows) == 1:
            return str(rows[0].data(Role.COPY_TEXT) or "")
        return self.tr("{0} tags").format(len(rows))
