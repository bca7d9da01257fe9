"""The part of a sheet that shows how to configure the engine, with commands to copy."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from longshore.models.engine_commands import engine_steps, engine_words
from longshore.registry.config import RegistryConfig
from longshore.widgets.notices import plain_label
from longshore.widgets.theme import current_theme

_MOST_LINES = 7


class EnginePart(QWidget):
    """Commands for the engine; *copy_requested* carries them."""

    copy_requested = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 4, 0, 0)
        outer.setSpacing(6)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(plain_label(self.tr("For the engine"), "strong"), 1)
        self.copy = QPushButton(self.tr("Copy commands"))
        self.copy.setAccessibleName(self.tr("Copy commands for the engine"))
        self.copy.setAutoDefault(False)
        self.copy.setProperty("quiet", True)
        self.copy.clicked.connect(self._copy)
        head.addWidget(self.copy)
        outer.addLayout(head)
        self.words = plain_label("", "dim", wrap=True)
        outer.addWidget(self.words)
        self.lines = QPlainTextEdit()
        self.lines.setReadOnly(True)
        self.lines.setTabChangesFocus(True)
        self.lines.setAccessibleName(self.tr("Commands for the engine"))
        self.lines.setFont(current_theme().fixed_font)
        self.lines.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        outer.addWidget(self.lines)
        #: Whether the engine needs any configuration.
        self.needed = False

    @Slot()
    def _copy(self) -> None:
        self.copy_requested.emit(self.lines.toPlainText())

    def show_for(self, config: RegistryConfig, trusted: str = "") -> None:
        """Show what an engine needs for *config*; *trusted*: the file of a certificate that would be trusted."""
        steps = engine_steps(config, trusted)
        self.words.setText(engine_words(config, steps))
        if self.lines.toPlainText() != steps:
            self.lines.setPlainText(steps)
        count = steps.count("\n") + 1
        # Leave room for a scroll bar: paths are long.
        height = self.lines.fontMetrics().lineSpacing() * min(count, _MOST_LINES) + 36
        self.lines.setFixedHeight(height)
        policy = Qt.ScrollBarPolicy
        self.lines.setVerticalScrollBarPolicy(
            policy.ScrollBarAsNeeded if count > _MOST_LINES else policy.ScrollBarAlwaysOff
        )
        self.needed = bool(steps)
        self.lines.setVisible(bool(steps))
        self.copy.setVisible(bool(steps))
