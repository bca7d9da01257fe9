"""Files: the tree of the files of an image, read when the user asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPoint, Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QMenu, QProgressBar, QStackedWidget, QVBoxLayout, QWidget

from longshore.models.columns import FileColumn, Role, Tone
from longshore.models.files import MOST_ROWS, FileModel
from longshore.widgets.columns import EDGE, Column, Kind
from longshore.widgets.details.tab import DetailsTab
from longshore.widgets.header_parts import FilterField, Picker
from longshore.widgets.notices import Notice, plain_label
from longshore.widgets.verbs import GAP, TextButton, VerbButton
from longshore.widgets.views import TreeView
from longshore.words import errors
from longshore.words import files as words

if TYPE_CHECKING:
    from pathlib import Path

    from longshore.application.files.layers import Cost, Stage
    from longshore.application.files.looking import ImageFiles
    from longshore.application.files.tree import View
    from longshore.application.inspection.values import Inspected
    from longshore.application.subject import Subject
    from longshore.errors import LongshoreError

_COLUMNS = [
    Column("usr/local/bin/billing-api", "share/doc", weight=1, kind=Kind.NAME, extra=66),
    Column("999.9 MB", "999 MB", right=True),
    Column("Layer", "99", right=True, yields=1),
    Column("removed by 16", "removed by 1"),
]
#: Pixels by which a folder's content is indented: image trees are deep, and the names need the room.
_INDENTATION = 14


class FilesTab(DetailsTab):
    """See DetailsTab. What costs a download waits for the button that says so."""

    #: What is asked for, each with the Inspected that it is about, if there is one.
    cost_requested = Signal(object)
    read_requested = Signal()
    cancel_requested = Signal()
    left = Signal()  # another image is shown
    find_requested = Signal(object, str)  # View, pattern
    search_ended = Signal()
    save_requested = Signal(object, object, int)  # ImageFiles, View, node
    copy_requested = Signal(str)  # a path

    def __init__(self) -> None:
        super().__init__()
        self._files: ImageFiles | None = None
        self._cost: Cost | None = None
        self._ended = False
        self.model = FileModel(self)
        self.view = TreeView(self.tr("Files"), _COLUMNS)
        self.view.setSelectionMode(TreeView.SelectionMode.SingleSelection)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setIndentation(_INDENTATION)
        self.view.set_model(self.model)
        self.view.opened.connect(self._opened)
        bar = self.view.verticalScrollBar()
        bar.valueChanged.connect(self._scrolled)
        bar.rangeChanged.connect(self._scrolled)
        self.view.customContextMenuRequested.connect(self._menu)
        self.save_verb = self.verbs.keep(self.tr("Save file…"), self._save, why_not=self._why_not_saved)
        self.copy_verb = self.verbs.keep(self.tr("Copy path"), self._copy, why_not=self._why_not_copied)
        self.verbs.setFixedWidth(5)  # no buttons: the line beside them needs the room

        self.choice = Picker()
        self.choice.setAccessibleName(self.tr("Layers"))
        self.choice.currentIndexChanged.connect(self._chosen)
        self.filter = FilterField(self.tr("Find a file"))
        self.filter.filtered.connect(self._find)
        self.save_button = VerbButton(self.save_verb, self.verbs)
        row = self._controls = QHBoxLayout()
        row.setContentsMargins(EDGE, 8, EDGE, 8)
        row.setSpacing(GAP)
        row.addWidget(self.choice)
        row.addWidget(self.filter, 1)
        row.addWidget(self.save_button)
        self.view.selectionModel().selectionChanged.connect(lambda *_: self.verbs.look())
        self.notice = Notice()
        self._tree = QWidget()
        column = QVBoxLayout(self._tree)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row)
        column.addWidget(self.view, 1)
        column.addWidget(self.notice)

        self.sentence = plain_label(wrap=True)
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(self.tr("Progress"))
        self.bar.setMaximumWidth(320)
        self.button = TextButton("")
        self.button.clicked.connect(self._acted)
        self._ask = QWidget()
        middle = QVBoxLayout(self._ask)
        middle.setContentsMargins(24, 12, 24, 12)
        middle.setSpacing(12)
        middle.addStretch(3)
        middle.addWidget(self.sentence)
        middle.addWidget(self.bar, 0, Qt.AlignmentFlag.AlignHCenter)
        middle.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        middle.addStretch(4)
        self.stack = QStackedWidget()
        self.stack.addWidget(self._ask)
        self.stack.addWidget(self._tree)
        self.body.addWidget(self.stack, 1)
        self._say("")

    # -- DetailsTab

    def set_subject(self, subject: Subject) -> None:
        """See DetailsTab."""
        super().set_subject(subject)
        self._files = self._cost = None
        if self.model.view is not None:
            self.model.show(None)
        self.note.set_text("")
        self._say("")
        self.left.emit()

    def set_inspected(self, found: Inspected) -> None:
        """See DetailsTab."""
        super().set_inspected(found)
        self.cost_requested.emit(found)

    def set_wide(self, wide: bool) -> None:
        """See DetailsTab."""
        super().set_wide(wide)
        between = 4 if wide else 8  # a low panel has few rows
        self._controls.setContentsMargins(EDGE, between, EDGE, between)

    def focus_filter(self) -> bool:
        """See DetailsTab."""
        if self.stack.currentWidget() is not self._tree:
            return False
        self.filter.setFocus(Qt.FocusReason.ShortcutFocusReason)
        return True

    def home(self) -> QWidget | None:
        """See DetailsTab."""
        if self.stack.currentWidget() is self._tree:
            return self.view
        return None if self.button.isHidden() else self.button

    # -- before the files are there

    @Slot(object, object)
    def set_cost(self, about: Inspected, cost: Cost) -> None:
        """Say what listing the files takes, and offer it."""
        if about is self.inspected:
            self._cost = cost
            name = self.subject.place_name if self.subject is not None else ""
            self._say(words.cost_text(cost, name), words.button_text(cost))

    @Slot(object, object, object, object)
    def set_progress(self, about: Inspected, stage: Stage, done: int, total: int) -> None:
        """Show how far the reading is."""
        if about is self.inspected and self._files is None:
            self.sentence.setText(words.stage_text(stage, done, total))
            self.bar.setRange(0, 1000 if total else 0)
            self.bar.setValue(done * 1000 // total if total else 0)

    @Slot(object, object)
    def set_failed(self, about: Inspected, error: LongshoreError) -> None:
        """Say why the files can't be listed."""
        if about is self.inspected:
            self._cost = None
            self._say(errors.told(error), self.tr("Retry"))

    def _say(self, sentence: str, button: str = "", *, busy: bool = False) -> None:
        """Show *sentence* in place of the tree."""
        self.sentence.setText(sentence)
        self.bar.setVisible(busy)
        self.button.setText(button)
        self.button.setAccessibleName(button)
        self.button.setVisible(bool(button))
        self.button.updateGeometry()
        self.stack.setCurrentWidget(self._ask)

    @Slot()
    def _acted(self) -> None:
        if not self.bar.isHidden():
            self._say("")
            self.cancel_requested.emit()
        elif self._cost is not None:
            self.bar.setRange(0, 0)
            self._say(self.tr("Reading layers…"), self.tr("Cancel"), busy=True)
            self.read_requested.emit()
        elif self.inspected is not None:
            self._say("")
            self.cost_requested.emit(self.inspected)

    # -- the files

    @Slot(object, object)
    def set_files(self, about: Inspected, files: ImageFiles) -> None:
        """Show the files."""
        if about is not self.inspected:
            return
        had_focus = self.button.hasFocus()
        self._files = files
        self.choice.blockSignals(True)
        self.choice.clear()
        self.choice.addItem(self.tr("All layers, merged"), 0)
        for layer, view in zip(files.layers, files.merged.views, strict=True):
            if view is not None:
                self.choice.addItem(words.layer_text(layer.number, view.totals[0]), layer.number)
        self.choice.blockSignals(False)
        self.filter.clear()
        self._show(files.merged.view)
        self.stack.setCurrentWidget(self._tree)
        problems = [
            words.problem_text(number, error.message) for number, error in sorted(files.problems.items())
        ]
        if odd := words.odd_text(files.merged.totals.odd):
            problems.append(odd)
        self._tell(" ".join(problems[:3]), Tone.CAUTION)
        if had_focus:
            self.view.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _tell(self, sentence: str, tone: Tone = Tone.QUIET) -> None:
        """Say *sentence* below the tree, "" for nothing; in a low panel in the footer, to leave room."""
        totals = "" if self._files is None else words.totals_text(self._files.merged.totals)
        self.notice.hide()
        if sentence and not self.wide:
            self.notice.say(sentence, tone)
            sentence = ""
        self.note.set_text("  ·  ".join(part for part in (totals, sentence) if part))

    def _show(self, view: View, found: Sequence[int] | None = None) -> None:
        self.model.show(view, found)
        self._ended = False
        self.view.columns.leave_out({FileColumn.LAYER} if self.choice.currentData() else set())
        self.verbs.look()

    @Slot(int)
    def _chosen(self, _place: int) -> None:
        view = self._chosen_view()
        if view is not None:
            self._show(view)
            self._find(self.filter.text().strip())

    def _chosen_view(self) -> View | None:
        if self._files is None:
            return None
        number = self.choice.currentData() or 0
        return self._files.merged.views[number - 1] if number else self._files.merged.view

    @Slot(str)
    def _find(self, pattern: str) -> None:
        view = self._chosen_view()
        if view is None:
            return
        if pattern:
            self.find_requested.emit(view, pattern)
            return
        self.search_ended.emit()
        if not self.model.finding:
            return
        node = self._node()
        self._show(view)
        if node is not None:
            self.view.select_row(self.model.index_of(node))  # where it is in the tree

    @Slot(object, object, bool)
    def set_found(self, view: View, found: list[int], more: bool) -> None:
        """Show what was found in *view*. *more*: there is more than that."""
        if view is self._chosen_view() and self.filter.text().strip():
            self._show(view, found)
            self._tell("")
            if not found:
                self._tell(self.tr("No file matches “{0}”.").format(self.filter.text().strip()))
            elif more:
                self._tell(self.tr("The first {0} names are shown.").format(f"{len(found):,}"))

    @Slot(object, object)
    def set_saved(self, about: Inspected, path: Path) -> None:
        """Say that a file was saved."""
        if about is self.inspected:
            self._tell(self.tr("Saved as {0}").format(str(path)), Tone.GOOD)

    def set_save_failed(self, error: LongshoreError) -> None:
        """Say why a file was not saved."""
        self._tell(errors.told(error), Tone.BAD)

    # -- one file

    def _node(self) -> int | None:
        rows = self.view.rows()
        return self.model.node(rows[0]) if rows else None

    def _why_not_copied(self) -> str:
        return "" if self._node() is not None else self.tr("Select a file.")

    def _why_not_saved(self) -> str:
        from longshore.application.files.saving import why_not

        node, view = self._node(), self.model.view
        return self.tr("Select a file.") if node is None or view is None else why_not(view, node)

    def _save(self) -> None:
        node, view = self._node(), self.model.view
        if self._files is not None and view is not None and node is not None:
            self.save_requested.emit(self._files, view, node)

    def _copy(self) -> None:
        rows = self.view.rows()
        if rows:
            self.copy_requested.emit(str(rows[0].data(Role.COPY_TEXT)))

    @Slot(QModelIndex)
    def _opened(self, index: QModelIndex) -> None:
        if self.model.hasChildren(index):
            self.view.setExpanded(index, not self.view.isExpanded(index))
        elif self.filter.text():
            self.filter.clear()
            self.filter.filtered.emit("")  # now, not when typing pauses
        else:
            self.save_verb.trigger()

    @Slot()
    def _scrolled(self) -> None:
        laid_out = self.view.laid_out()
        at_end = [not self.model.want_more(index, laid_out) for index in self.view.rows_in_sight()]
        if any(at_end) and not self._ended:
            self._ended = True  # a notice changes the height of the view, which scrolls again
            words = self.tr(
                "At most {0} names are shown at a time. Find the others by their names, or close a folder."
            )
            self._tell(words.format(f"{MOST_ROWS:,}"))

    @Slot(QPoint)
    def _menu(self, where: QPoint) -> None:
        if self._node() is None:
            return
        menu = QMenu(self.view)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.save_verb.entry(menu)
        self.copy_verb.entry(menu)
        menu.popup(self.view.viewport().mapToGlobal(where))
