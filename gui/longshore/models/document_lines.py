"""The lines of a document as rows, with the parts of each line that have colours of their own. GUI thread only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from longshore.language import tr
from longshore.models.columns import Tone
from longshore.models.tooltips import tooltip
from longshore.words import text

if TYPE_CHECKING:
    from longshore.application.inspection.pretty import Pretty

Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()
_Item = Qt.ItemDataRole
#: A name with its colon, or a text; both possessive.
_PART = re.compile(r'("(?:[^"\\]++|\\.)*+")(:?+)')
#: Longest line that a tooltip shows, and that is painted.
_TOLD, _PAINTED = 1000, 2000


class Part(NamedTuple):
    """A piece of a line in one colour. *elastic*: it is cut in its middle if the line is too long."""

    text: str
    tone: Tone = Tone.NONE
    elastic: bool = False


class DocumentLines(QAbstractListModel):
    """The lines of one document; empty at first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lines: tuple[str, ...] = ()
        self._masked: dict[int, str] = {}
        self._cut = False
        self._coloured = False
        #: Whether values that look secret are masked.
        self.masks = True

    def set_document(self, document: Pretty | None) -> None:
        """Show the lines of *document*, masked."""
        self.beginResetModel()
        self._lines = document.lines if document is not None else ()
        self._masked = document.masked if document is not None else {}
        self._cut = document is not None and document.cut
        self._coloured = document is not None and document.is_json
        self.masks = True
        self.endResetModel()

    @property
    def masked_count(self) -> int:
        """The number of lines with values that look secret."""
        return len(self._masked)

    def line(self, number: int) -> str:
        """The line *number* as it is shown, not cleaned; the one after the last says that there are more."""
        if number >= len(self._lines):
            return tr("… The rest is too long to be shown. Save the document to see all of it.")
        return self._masked.get(number, self._lines[number]) if self.masks else self._lines[number]

    def text_of(self, start: int, end: int) -> str:
        """The lines from *start* up to *end* as they are shown, for the clipboard."""
        lines = self._lines[start:end]
        if not self.masks or not self._masked:
            return "\n".join(lines)
        masked = self._masked
        return "\n".join(masked.get(number, line) for number, line in enumerate(lines, start))

    def parts(self, number: int) -> list[Part]:
        """The pieces of line *number*, safe to paint."""
        line = self.line(number)
        body = line.lstrip(" ")
        indent = " " * (len(line) - len(body))
        shown = text.safe(body, _PAINTED)
        if not self._coloured or number >= len(self._lines):
            return [Part(indent), Part(shown, Tone.NONE, elastic=True)]
        parts, where = [Part(indent)], 0
        for found in _PART.finditer(shown):
            parts.append(Part(shown[where : found.start()]))
            tone = Tone.ACTIVE if found[2] else Tone.GOOD
            parts.append(Part(found[1], tone, elastic=not found[2]))
            where = found.end(1)
        parts.append(Part(shown[where:]))
        return [part for part in parts if part.text]

    # -- Qt's hooks

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._lines) + self._cut

    def data(self, index: Index, role: int = _Item.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= self.rowCount():
            return None
        if role in (_Item.DisplayRole, _Item.AccessibleTextRole):
            return text.safe(self.line(index.row()), _PAINTED)
        if role == _Item.ToolTipRole:
            line = self.line(index.row()).strip()
            return tooltip(text.safe(line, _TOLD)) if len(line) > 30 else None
        return None
