"""Fields that several sheets use."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QLineEdit, QPushButton, QSizePolicy, QWidget

from longshore.errors import LongshoreError
from longshore.text import plain
from longshore.widgets.notices import plain_label


def explanation(text: str, role: str = "dim") -> QLabel:
    """Return a label with wrapped text for a form's field column, as wide as the fields."""
    label = plain_label(text, role, wrap=True)
    # A form gives labels the width of their text, but then not the height that they need.
    policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
    policy.setHeightForWidth(True)
    label.setSizePolicy(policy)
    return label


def typed_path(text: str) -> Path:
    """Return the path for *text*, with ``~`` expanded; unchanged if it begins with a user who does not exist."""
    try:
        return Path(text.strip()).expanduser()
    except RuntimeError:
        return Path(text.strip())


def is_there(path: Path) -> bool:
    """Return True if *path* exists and may be looked up. Raises nothing; blocks on disk."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Return True if *path* is a folder and may be looked up. Raises nothing; blocks on disk."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


class FileField(QWidget):
    """A path, typed or chosen. *what*: the accessible name and the title of the dialog."""

    changed = Signal()

    def __init__(self, what: str, placeholder: str, path: Path | None, filters: Sequence[str]) -> None:
        super().__init__()
        self._what = what
        self._filters = list(filters)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self.line = QLineEdit(str(path) if path is not None else "")
        self.line.setPlaceholderText(placeholder)
        self.line.setAccessibleName(what)
        self.line.setMaxLength(4000)
        self.line.textChanged.connect(lambda: self.changed.emit())
        row.addWidget(self.line, 1)
        choose = QPushButton(QCoreApplication.translate("FileField", "Choose…"))
        choose.setAccessibleName(QCoreApplication.translate("FileField", "Choose {0}").format(what))
        choose.setAutoDefault(False)
        choose.clicked.connect(self._choose)
        row.addWidget(choose)
        self.setFocusProxy(self.line)

    def _choose(self) -> None:
        dialog = QFileDialog(self, self._what)
        dialog.setNameFilters([*self._filters, QCoreApplication.translate("FileField", "All files (*)")])
        dialog.fileSelected.connect(self.line.setText)
        dialog.open()

    def path(self) -> Path | None:
        """Return the file, None if the field is empty. Raises LongshoreError for a path that cannot be used."""
        text = self.line.text().strip()
        if not text:
            return None
        path = typed_path(text)
        if not path.is_absolute():
            raise LongshoreError(
                QCoreApplication.translate("FileField", "{0} is not a full path.").format(plain(text)),
                advice=QCoreApplication.translate(
                    "FileField", "Enter the full path, such as /home/you/ca.crt."
                ),
            )
        return path
