"""The base of all sheets: a title, a form, errors under their fields, the verb and Cancel."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QTableWidget,
    QVBoxLayout,
    QWidget,
)

from longshore.errors import LongshoreError
from longshore.widgets.command_menu import Lines, fill_commands
from longshore.widgets.command_menu import title as command_title
from longshore.widgets.heading import Heading
from longshore.widgets.notices import plain_label
from longshore.widgets.verbs import TextButton
from longshore.words import errors

#: Milliseconds between two checks whether the window manager has placed a new window.
_PLACED = 30
#: Height of a row in a sheet's table, in pixels.
TABLE_ROW = 30


class Sheet(QDialog):
    """A window-modal sheet. Escape cancels, Enter confirms non-destructive actions, the first field has the focus."""

    def __init__(self, parent: QWidget | None, title: str, verb: str, *, width: int = 460) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(width)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(20, 18, 20, 16)
        outer.setSpacing(12)
        self.heading = Heading(title)
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
        self.dismiss = QPushButton(self.tr("Cancel"))
        self.dismiss.setAutoDefault(False)
        buttons.addButton(self.confirm, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(self.dismiss, QDialogButtonBox.ButtonRole.RejectRole)
        buttons.accepted.connect(self._confirmed)
        buttons.rejected.connect(self.reject)
        self.buttons = buttons
        self._foot = QHBoxLayout()
        self._foot.addWidget(buttons, 1)
        outer.addLayout(self._foot)
        #: False once the sheet is closed: a later answer is not shown.
        self.open_still = True
        self.finished.connect(self._closed)
        QShortcut(QKeySequence("Ctrl+Q"), self, self.hold)

    def _closed(self) -> None:
        self.open_still = False

    def why_busy(self) -> str:
        """Return what must end before the program may, "" for nothing."""
        return ""

    @Slot()
    def hold(self) -> bool:
        """Return True if the program must not end now; the sheet is raised and says why."""
        why = self.why_busy()
        if why:
            self.show_problem(why)
            if not self.isActiveWindow():
                self.raise_()
                self.activateWindow()
        return bool(why)

    def form(self) -> QFormLayout:
        """Add a form to the body and return it."""
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(8)
        self.body.addLayout(form)
        return form

    def show_problem(self, problem: LongshoreError | str | None) -> None:
        """Show *problem* above the buttons; None clears it."""
        text = errors.told(problem) if isinstance(problem, LongshoreError) else problem or ""
        self.problem.setText(text)
        self.problem.setVisible(bool(text))
        self.refit()

    def offer_commands(self, lines: Callable[[], Lines], copy: Callable[[str], object]) -> None:
        """Add *Copy as command* beside the buttons. *lines* returns the commands for what the sheet would do now."""
        menu = QMenu(self)
        menu.aboutToShow.connect(lambda: fill_commands(menu, lines(), copy))
        button = TextButton(command_title())
        button.setProperty("quiet", True)
        button.setAutoDefault(False)
        button.setMenu(menu)
        self._foot.insertWidget(0, button)

    @Slot()
    def refit(self) -> None:
        """Adapt the height to the content; the width stays."""
        layout, window = self.layout(), self.windowHandle()
        if window is not None and self.isVisible() and not window.isExposed():
            # The window manager is placing the sheet: a new size now would move it into a corner.
            QTimer.singleShot(_PLACED, self, self.refit)
        elif layout is not None and self.isVisible():
            layout.activate()
            self.resize(self.width(), max(layout.heightForWidth(self.width()), layout.minimumSize().height()))

    def set_dangerous(self, dangerous: bool = True) -> None:
        """Mark the verb as destructive, or not.

        A destructive verb is coloured, and Enter means Cancel unless the focus is on the verb's button itself. A field
        that has the focus keeps it.
        """
        self.confirm.setProperty("danger", dangerous)
        self.dismiss.setAutoDefault(dangerous)
        (self.dismiss if dangerous else self.confirm).setDefault(True)
        if dangerous and self.focusWidget() in (None, self.confirm):
            self.dismiss.setFocus()
        self.confirm.style().unpolish(self.confirm)
        self.confirm.style().polish(self.confirm)

    def set_busy(self, busy: bool) -> None:
        """Disable the verb while *busy*; Cancel always works."""
        self.confirm.setEnabled(not busy)

    @Slot(object)
    def answer(self, error: LongshoreError | None) -> None:
        """Close the sheet after success (None), or show *error*, see :meth:`refused`."""
        if not self.open_still:
            return
        if error is None:
            self.accept()
        else:
            self.refused(error)

    def refused(self, error: LongshoreError) -> None:
        """Show why the action failed; the verb can be pressed again."""
        self.set_busy(False)
        self.show_problem(error)

    def _confirmed(self) -> None:
        if self.confirm.isEnabled() and self.check():
            self.finish()

    def check(self) -> bool:
        """Return True if the fields are valid; otherwise show the problem and return False."""
        return True

    def finish(self) -> None:
        """Do what the verb says; by default accept the sheet."""
        self.accept()


def sheet_table(name: str, titles: Sequence[str], *, numbers: Collection[int] = ()) -> QTableWidget:
    """Return a small table for a sheet, with the accessible name *name*.

    It shows rows of text that cannot be selected or edited until its owner allows it. *numbers*: columns whose titles
    are right-aligned.
    """
    table = QTableWidget(0, len(titles))
    table.setAccessibleName(name)
    table.setHorizontalHeaderLabels(list(titles))
    for column in numbers:
        title = table.horizontalHeaderItem(column)
        assert title is not None
        title.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    table.verticalHeader().setVisible(False)
    table.verticalHeader().setDefaultSectionSize(TABLE_ROW)
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setTabKeyNavigation(False)
    header = table.horizontalHeader()
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    header.setHighlightSections(False)
    return table
