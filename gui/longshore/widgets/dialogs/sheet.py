"""What all sheets share: a title, a form, errors under their fields, the verb and Cancel."""

from __future__ import annotations

import re

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from longshore.models.text import tooltip
from longshore.oci.errors import LongshoreError
from longshore.widgets.quiet import ElidedLabel, plain_label
from longshore.widgets.theme import current_theme

#: Lists show as many rows before they scroll.
VISIBLE_ROWS = 8
#: What a label cannot break would make the sheet as wide as it is.
_UNBROKEN = re.compile(r"(\w{30})(?=\w)")


def breakable(text: str) -> str:
    """*text* that a wrapping label can break even within a very long word (by spaces of no width)."""
    return _UNBROKEN.sub("\\1\u200b", text)


class Sheet(QDialog):
    """A window-modal sheet. Escape cancels, Enter confirms, and the first field has the focus."""

    def __init__(self, parent: QWidget | None, title: str, verb: str, *, width: int = 480) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(width)
        self._needed = 0
        self._notes: dict[QWidget, tuple[QLabel, QFormLayout]] = {}
        self._hints: dict[QWidget, str] = {}
        outer = QVBoxLayout(self)
        # By Qt's own constraint, a wrapped label counts as if it stood in a narrow column: see refit().
        outer.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)
        outer.setContentsMargins(20, 18, 20, 16)
        outer.setSpacing(12)
        self.heading = ElidedLabel("title")
        self.heading.set_text(title)
        outer.addWidget(self.heading)
        self.body = QVBoxLayout()
        self.body.setSpacing(10)
        outer.addLayout(self.body, 1)
        self.problem = plain_label("", "error", wrap=True)
        self.problem.setVisible(False)
        outer.addWidget(self.problem)
        buttons = QDialogButtonBox()
        self.confirm = QPushButton(verb)
        self.confirm.setProperty("primary", True)
        self.confirm.setDefault(True)
        self.confirm.setAccessibleName(verb)
        self.cancel = QPushButton(self.tr("Cancel"))
        self.cancel.setAutoDefault(False)
        buttons.addButton(self.confirm, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(self.cancel, QDialogButtonBox.ButtonRole.RejectRole)
        buttons.accepted.connect(self.try_confirm)
        buttons.rejected.connect(self.reject)
        outer.addWidget(buttons)

    # -- fields

    def form(self) -> QFormLayout:
        """A new form in the body."""
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(8)
        self.body.addLayout(form)
        return form

    def add_field(
        self, form: QFormLayout, label: str, field: QWidget, *, line: QLayout | None = None, hint: str = ""
    ) -> None:
        """A row of *form*, with room for a note below it. *line*: the layout in which the field stands with others."""
        if line is None:
            form.addRow(label, field)
        else:
            form.addRow(label, line)
            words = form.labelForField(line)
            if isinstance(words, QLabel):
                words.setBuddy(field)
        note = plain_label("", "dim", wrap=True)
        form.addRow("", note)
        self._notes[field] = (note, form)
        self.set_hint(field, hint)

    def set_hint(self, field: QWidget, hint: str) -> None:
        """What stands below *field* while nothing is wrong with it."""
        self._hints[field] = hint
        if not field.property("invalid"):
            self._show_note(field, hint)

    def note(self, field: QWidget) -> str:
        """What stands below *field* now, hint or problem."""
        return self._notes[field][0].text().replace("\u200b", "")

    def _show_note(self, field: QWidget, text: str) -> None:
        note, form = self._notes[field]
        note.setText(breakable(text))
        field.setAccessibleDescription(text)
        form.setRowVisible(note, bool(text))
        self.refit()

    def _mark(self, field: QWidget, text: str) -> None:
        """Put the field into the wrong, with the reason below it, or (with no text) back into the right."""
        if bool(field.property("invalid")) != bool(text):
            note = self._notes[field][0]
            field.setProperty("invalid", bool(text))
            note.setProperty("role", "error" if text else "dim")
            for widget in (field, note):
                widget.style().unpolish(widget)
                widget.style().polish(widget)
        self._show_note(field, text or self._hints[field])

    def show_problem(self, problem: LongshoreError | str | None, field: QWidget | None = None) -> None:
        """Say what is wrong below *field* and go there, or, for no field in particular, above the buttons.

        None clears every problem.
        """
        known = isinstance(problem, LongshoreError)
        text = f"{problem.message} {problem.advice}".strip() if known else problem or ""
        for other in self._notes:
            if other.property("invalid") and (other is not field or not text):
                self._mark(other, "")
        if field is not None and text:
            self._mark(field, text)
            field.setFocus()
            text = ""
        self.problem.setText(breakable(text))
        self.problem.setVisible(bool(text))
        self.refit()

    # -- size

    def showEvent(self, event: QShowEvent) -> None:
        """Qt's hook: the first size."""
        super().showEvent(event)
        if not self._needed:
            self.resize(self.minimumWidth(), 0)
        self.refit()

    def refit(self) -> None:
        """Grow, or shrink back, to what the content needs. The width stays, and so does what the user added."""
        layout = self.layout()
        if layout is None or not self.isVisible():
            return
        layout.activate()
        width = self.width()
        needed = layout.heightForWidth(width) if layout.hasHeightForWidth() else layout.sizeHint().height()
        added = max(0, self.height() - self._needed) if self._needed else 0
        self._needed = needed
        self.setMinimumHeight(needed)
        self.resize(width, needed + added)

    # -- the verb

    def set_busy(self, busy: bool) -> None:
        """While *busy* the verb cannot be pressed again; Cancel always works."""
        self.confirm.setEnabled(not busy)

    def try_confirm(self) -> None:
        """What Enter and the verb's button do."""
        if self.confirm.isEnabled() and self.check():
            self.finish()

    def check(self) -> bool:
        """True if what stands in the fields can be used; otherwise the problem has been shown."""
        return True

    def finish(self) -> None:
        """What the verb does: by default the sheet is accepted."""
        self.accept()


class _RowDelegate(QStyledItemDelegate):
    """Rows as high as those of the panes, nearly."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """Qt's hook. The width is the view's: what is longer is cut in the middle."""
        return QSize(0, current_theme().row_height - 4)


def name_list(names: list[str], accessible: str) -> QListWidget:
    """A list of references, as high as it needs up to :data:`VISIBLE_ROWS`, cut in the middle where they are long."""
    out = QListWidget()
    out.setAccessibleName(accessible)
    out.setUniformItemSizes(True)
    out.setTextElideMode(Qt.TextElideMode.ElideMiddle)
    out.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    out.setItemDelegate(_RowDelegate(out))
    for name in names:
        item = QListWidgetItem(name)
        item.setToolTip(tooltip(name) or "")
        out.addItem(item)
    rows = min(max(len(names), 1), VISIBLE_ROWS)
    out.setMinimumHeight((current_theme().row_height - 4) * rows + 2 * out.frameWidth() + 2)
    return out
