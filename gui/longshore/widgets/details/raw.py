"""Raw: manifest, index and configuration as they are stored, or what an engine returns."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QWidget

from longshore.application.inspection.values import Document, DocumentKind
from longshore.widgets.columns import EDGE
from longshore.widgets.details.document_view import DocumentView
from longshore.widgets.details.tab import DetailsTab
from longshore.widgets.header_parts import FilterField
from longshore.widgets.notices import ElidedLabel
from longshore.words import text

if TYPE_CHECKING:
    from longshore.application.inspection.pretty import Pretty
    from longshore.application.inspection.values import Inspected
    from longshore.application.subject import Subject

#: Documents whose lines are kept.
_KEPT = 6


class RawTab(DetailsTab):
    """One document at a time. Its lines are made in a worker: :attr:`lines_requested`."""

    copy_requested = Signal(str)  # text for the clipboard
    lines_requested = Signal(object)  # Document to lay out; set_lines() gets the result
    save_requested = Signal(object, str)  # Document, the suggested name of its file

    def __init__(self) -> None:
        super().__init__()
        self._document: Document | None = None
        self._lines: OrderedDict[int, tuple[Document, Pretty]] = OrderedDict()
        self._wanted = DocumentKind.MANIFEST
        self._short = ""
        self.view = DocumentView(self.tr("Document"))
        band = QWidget()
        row = QHBoxLayout(band)
        row.setContentsMargins(EDGE, 8, EDGE, 7)
        row.setSpacing(8)
        self.kinds: dict[DocumentKind, QPushButton] = {}
        self._group = QButtonGroup(self)
        segments = QHBoxLayout()
        segments.setSpacing(0)
        for kind, words, place in (
            (DocumentKind.MANIFEST, self.tr("Manifest"), "first"),
            (DocumentKind.INDEX, self.tr("Index"), "middle"),
            (DocumentKind.CONFIG, self.tr("Config"), "last"),
            (DocumentKind.INSPECT, self.tr("Inspect"), "only"),
        ):
            button = QPushButton(words)
            button.setAccessibleName(words)
            button.setCheckable(True)
            button.setProperty("segment", place)
            button.clicked.connect(lambda _checked=False, kind=kind: self._choose(kind))
            self._group.addButton(button)
            self.kinds[kind] = button
            segments.addWidget(button)
        row.addLayout(segments)
        self.find_field = FilterField(self.tr("Find"))
        self.find_field.filtered.connect(lambda words: self.view.seek(words, stay=True))
        self.find_field.returnPressed.connect(lambda: self.view.seek(self.find_field.text().strip()))
        row.addWidget(self.find_field, 1)
        self.bytes = ElidedLabel("dim")
        self.bytes.keep_whole()
        row.addWidget(self.bytes)
        self.body.addWidget(band)
        self.view.copied.connect(self._copied)
        self.view.searched.connect(self._searched)
        self.body.addWidget(self.view, 1)
        back = QShortcut(QKeySequence("Shift+Return"), self.find_field)
        back.setContext(Qt.ShortcutContext.WidgetShortcut)
        back.activated.connect(lambda: self.view.seek(self.find_field.text().strip(), back=True))
        add = self.verbs.add_verb
        self.copy_verb = add(self.tr("Copy"), self.copy, why_not=self._nothing)
        self.save_verb = add(self.tr("Save…"), self.save, why_not=self._nothing)
        self.masks_verb = add(self.tr("Show masked values"), self.toggle_masks)
        self._show(None)

    def set_subject(self, subject: Subject) -> None:
        """See the base."""
        super().set_subject(subject)
        only = subject.is_in_engine
        for kind, button in self.kinds.items():
            button.setVisible((kind is DocumentKind.INSPECT) is only)
        self._show(None)

    def set_inspected(self, found: Inspected) -> None:
        """See the base."""
        super().set_inspected(found)
        kinds = (self._wanted, DocumentKind.MANIFEST, DocumentKind.INDEX, DocumentKind.INSPECT)
        self._show(next((one for kind in kinds if (one := found.document(kind)) is not None), None))

    def focus_filter(self) -> bool:
        """See the base."""
        self.find_field.setFocus()
        self.find_field.selectAll()
        return True

    def home(self) -> QWidget | None:
        """See the base."""
        return self.view

    @property
    def document(self) -> Document | None:
        """The document that is shown."""
        return self._document

    def set_lines(self, document: Document, lines: Pretty) -> None:
        """Show the lines of *document*, unless another one is shown by now."""
        self._lines[id(document)] = (document, lines)
        if len(self._lines) > _KEPT:
            self._lines.popitem(last=False)
        if document is self._document:
            self.view.lines.set_document(lines)
            self._follow_masks()

    def _choose(self, kind: DocumentKind) -> None:
        self._wanted = kind
        self._show(None if self.inspected is None else self.inspected.document(kind))

    def _show(self, document: Document | None) -> None:
        self._document = document
        self.view.lines.set_document(None)
        for kind, button in self.kinds.items():
            there = self.inspected is not None and self.inspected.document(kind) is not None
            button.setEnabled(there)
            button.setToolTip("" if there else self._missing(kind))
        self._group.setExclusive(False)
        for kind, button in self.kinds.items():
            button.setChecked(document is not None and document.kind is kind)
        self._group.setExclusive(True)
        self.bytes.set_text("" if document is None else text.size(len(document.raw)))
        self._note()
        self._follow_masks()
        self.verbs.look()
        if document is None:
            return
        known = self._lines.get(id(document))
        if known is not None:
            self.set_lines(*known)
        else:
            self.lines_requested.emit(document)

    def _missing(self, kind: DocumentKind) -> str:
        if self.inspected is None:
            return self.tr("Not read yet.")
        if kind is DocumentKind.INDEX:
            return self.tr("The tag points to a single image, not to an index.")
        return self.tr("It was not found, or is too large to be shown.")

    def _note(self) -> None:
        document = self._document
        if document is None:
            self.note.set_text("")
        elif document.digest:
            digest = text.safe(document.digest)
            words = self.tr("{0}, digest verified")
            algorithm, _, digits = digest.partition(":")
            brief = f"{algorithm}:{digits[:4]}…{digits[-4:]}"
            self.note.set_text(words.format(brief), words.format(digest))
        else:
            self.note.set_text(self.tr("As the engine returns it"))

    @Slot(bool)
    def _searched(self, found: bool) -> None:
        if found:
            self._note()
        else:
            self.note.set_text(self.tr("Not found"))

    # -- what can be done

    def _nothing(self) -> str:
        return "" if self._document is not None else self.tr("No document is shown.")

    def _follow_masks(self) -> None:
        lines = self.view.lines
        self.masks_verb.setVisible(lines.masked_count > 0)
        self.masks_verb.setText(self.tr("Show masked values") if lines.masks else self.tr("Mask values"))

    @Slot()
    def toggle_masks(self) -> None:
        """Show the values that look secret, or mask them again."""
        self.view.set_masks(not self.view.lines.masks)
        self._follow_masks()

    @Slot()
    def copy(self) -> None:
        """Request to copy the selected lines, or the whole document: as it is stored, or with its values masked."""
        document, lines = self._document, self.view.lines
        if document is None:
            return
        if selected := self.view.selected_text():
            self._copied(selected)
        elif lines.masks and lines.masked_count:
            self.copy_requested.emit(lines.text_of(0, lines.rowCount()))
            self.note.set_text(self.tr("Copied with masked values."))
        else:
            self._copied(document.raw.decode("utf-8", "replace"))

    @Slot(str)
    def _copied(self, words: str) -> None:
        self.copy_requested.emit(words)
        self.note.set_text(self.tr("Copied."))

    @Slot()
    def save(self) -> None:
        """Request to save the document as it is stored."""
        document, subject = self._document, self.subject
        if document is None or subject is None:
            return
        reference = subject.end.reference
        name = subject.end.name.short if reference is None else reference.path.rpartition("/")[2]
        tag = "" if reference is None or not reference.tag else f"-{reference.tag}"
        self.save_requested.emit(document, f"{name}{tag}-{document.kind.value}.json")
