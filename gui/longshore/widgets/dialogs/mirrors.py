"""Mirrors…: the saved rules, to run, edit or remove."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QPushButton, QWidget

from longshore.application.mirrors.rules import MirrorRule
from longshore.models.tooltips import tooltip
from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.notices import plain_label
from longshore.words import text

_ROW = 44
_VISIBLE = 6


class MirrorsSheet(Sheet):
    """Lists the saved rules; running one shows its plan first."""

    run_requested = Signal(object)  # MirrorRule
    edit_requested = Signal(object)  # MirrorRule
    remove_requested = Signal(str)  # name

    def __init__(self, parent: QWidget | None, rules: Sequence[MirrorRule]) -> None:
        super().__init__(parent, self.tr("Mirrors"), self.tr("Run…"), width=560)
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Rules"))
        self.list.setFixedHeight(_VISIBLE * _ROW + 10)
        self.list.itemActivated.connect(lambda _: self._confirmed())
        for rule in rules:
            item = QListWidgetItem(f"{text.safe(rule.name)}\n{described(rule)}")
            item.setSizeHint(QSize(0, _ROW))
            item.setData(Qt.ItemDataRole.UserRole, rule)
            item.setToolTip(tooltip(described(rule)) or "")
            self.list.addItem(item)
        self.list.setCurrentRow(0)
        self.body.addWidget(self.list)
        row = QHBoxLayout()
        self.edit_button = QPushButton(self.tr("Edit…"))
        self.edit_button.clicked.connect(self._edit)
        self.remove_button = QPushButton(self.tr("Remove"))
        self.remove_button.clicked.connect(self._remove)
        for button in (self.edit_button, self.remove_button):
            button.setAutoDefault(False)
            row.addWidget(button)
        row.addStretch(1)
        self.body.addLayout(row)
        self.body.addWidget(
            plain_label(
                self.tr("No rules yet. Drag a repository onto a registry and name the rule."),
                "dim",
                wrap=True,
            )
        )
        for other in self.buttons.buttons():
            if isinstance(other, QPushButton) and other is not self.confirm:
                other.setText(self.tr("Close"))  # a removal cannot be cancelled any more
        self._tell()
        self.list.setFocus()

    def _rule(self) -> MirrorRule | None:
        item = self.list.currentItem()
        found = None if item is None else item.data(Qt.ItemDataRole.UserRole)
        return found if isinstance(found, MirrorRule) else None

    def _tell(self) -> None:
        some = self.list.count() > 0
        for button in (self.confirm, self.edit_button, self.remove_button):
            button.setEnabled(some)

    def _edit(self) -> None:
        rule = self._rule()
        if rule is not None:
            self.accept()
            self.edit_requested.emit(rule)

    def _remove(self) -> None:
        rule = self._rule()
        if rule is not None:
            self.list.takeItem(self.list.currentRow())
            self._tell()
            self.remove_requested.emit(rule.name)

    def check(self) -> bool:
        """Return True if a rule is chosen."""
        return self._rule() is not None

    def finish(self) -> None:
        """Run the chosen rule."""
        rule = self._rule()
        self.accept()
        if rule is not None:
            self.run_requested.emit(rule)


def described(rule: MirrorRule) -> str:
    """Describe a rule in one line."""
    ends = f"{rule.source.familiar_name}  →  {rule.destination.familiar_name}"
    return text.safe(f"{ends}   {' '.join(rule.tags)}", 600)
