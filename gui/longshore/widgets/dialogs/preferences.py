"""The sheets Preferences and About."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QSpinBox,
    QWidget,
)

from longshore import __version__
from longshore.application.choices import BOUNDS, Choices
from longshore.errors import LongshoreError
from longshore.models.tooltips import tooltip
from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.notices import ElidedLabel, plain_label
from longshore.widgets.theme import Appearance
from longshore.words import errors, text

#: Width of the fields, in device-independent pixels, so that all share one edge.
_WIDE = 200
#: Space between the columns, in pixels.
_BETWEEN = 28


class PreferencesSheet(Sheet):
    """Shows and edits the preferences. Two columns, so that all of them are seen at once in a small window."""

    chosen = Signal(object)  # Choices
    removal_requested = Signal()  # of unfinished downloads; answer with show_unfinished()

    def __init__(self, parent: QWidget | None, choices: Choices) -> None:
        super().__init__(parent, self.tr("Preferences"), self.tr("Save"))
        columns = QHBoxLayout()
        columns.setSpacing(_BETWEEN)
        self.body.addLayout(columns)
        left, right = self._column(columns), self._column(columns)
        self._add_general(left, choices)
        self._add_transfers(right, choices)
        self._add_pulls(right, choices)
        self.setMinimumWidth(self.minimumSizeHint().width())  # nothing is cut with a larger font
        self.appearance.setFocus()

    def _column(self, columns: QHBoxLayout) -> QFormLayout:
        form = QFormLayout()
        form.setLabelAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(8)
        columns.addLayout(form)
        return form

    def _add_general(self, form: QFormLayout, choices: Choices) -> None:
        form.addRow(plain_label(self.tr("General"), "strong"))
        self.appearance = QComboBox()
        self.appearance.setAccessibleName(self.tr("Appearance"))
        for value, words in (
            (Appearance.SYSTEM, self.tr("System")),
            (Appearance.LIGHT, self.tr("Light")),
            (Appearance.DARK, self.tr("Dark")),
        ):
            self.appearance.addItem(words, value.value)
        self.appearance.setCurrentIndex(self.appearance.findData(choices.appearance))
        self.appearance.setFixedWidth(_WIDE)
        form.addRow(self.tr("Appearance"), self.appearance)
        self.check_minutes = self._number(
            "check_minutes",
            choices.check_minutes,
            self.tr("Check images every"),
            unit=self.tr(" min"),
            zero=self.tr("only with F5"),
        )
        self.check_minutes.setSingleStep(10)
        self.check_minutes.setToolTip(
            self.tr("How often registries are asked whether they have newer images. Pulls nothing.")
        )
        form.addRow(self.tr("Check images every"), self.check_minutes)
        self.history_days = self._number(
            "history_days", choices.history_days, self.tr("Keep history for"), unit=self.tr(" days")
        )
        form.addRow(self.tr("Keep history for"), self.history_days)
        self.history_rows = self._number(
            "history_rows", choices.history_rows, self.tr("… and at most"), unit=self.tr(" transfers")
        )
        self.history_rows.setSingleStep(500)
        form.addRow(self.tr("… and at most"), self.history_rows)
        self.notes = QCheckBox(self.tr("Notify me when transfers finish in the background"))
        self.notes.setChecked(choices.notes)
        form.addRow(self.notes)
        self.tray = QCheckBox(self.tr("Show progress in a tray icon"))
        self.tray.setChecked(choices.tray)
        form.addRow(self.tray)

    def _add_transfers(self, form: QFormLayout, choices: Choices) -> None:
        form.addRow(plain_label(self.tr("Transfers"), "strong"))
        self.concurrency = self._number("concurrency", choices.concurrency, self.tr("Transfers at once"))
        form.addRow(self.tr("Transfers at once"), self.concurrency)
        self.per_registry = self._number(
            "per_registry",
            choices.per_registry,
            self.tr("Transfers at once per registry"),
            zero=self.tr("no separate limit"),
        )
        form.addRow(self.tr("Per registry"), self.per_registry)
        self.copy_limit = self._number(
            "copy_limit",
            choices.copy_limit,
            self.tr("Speed limit for copies and pulls, MB/s"),
            unit=self.tr(" MB/s"),
            zero=self.tr("none"),
        )
        self.copy_limit.setToolTip(
            tooltip(
                self.tr(
                    "Applies to copies and to pulls that Longshore fetches, all together. "
                    "Native pulls, and pushes by an engine, are not limited."
                )
            )
            or ""
        )
        form.addRow(self.tr("Speed limit for copies and pulls"), self.copy_limit)

    def _add_pulls(self, form: QFormLayout, choices: Choices) -> None:
        form.addRow(plain_label(self.tr("Pulls"), "strong"))
        self.fetch_pulls = QCheckBox(self.tr("Let Longshore fetch large images"))
        self.fetch_pulls.setChecked(choices.fetch_pulls)
        self.fetch_pulls.setToolTip(
            tooltip(
                self.tr(
                    "Longshore fetches the layers over several connections and hands them over to the engine. "
                    "Such a pull can be paused, and continues where it stopped. Off: the engine fetches them itself."
                )
            )
            or ""
        )
        form.addRow(self.fetch_pulls)
        self.connections = self._number(
            "connections", choices.connections, self.tr("Connections per registry, for pulls by Longshore")
        )
        form.addRow(self.tr("Connections per registry"), self.connections)
        self.fetch_pulls.toggled.connect(self.connections.setEnabled)
        self.connections.setEnabled(choices.fetch_pulls)
        form.addRow(self.tr("Unfinished downloads"), self._unfinished())

    def _unfinished(self) -> QWidget:
        """Return the line with what unfinished downloads take, and the button that removes them."""
        line = QWidget()
        line.setFixedWidth(_WIDE)
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        self.unfinished = ElidedLabel()
        self.unfinished.set_text("…")
        row.addWidget(self.unfinished, 1)
        self.remove = QPushButton(self.tr("Remove"))
        self.remove.setAccessibleName(self.tr("Remove unfinished downloads"))
        self.remove.setToolTip(
            tooltip(
                self.tr(
                    "Frees the disk. Pulls that are paused, or ended before they were complete, then start over. "
                    "Without this, unfinished downloads are removed after a week."
                )
            )
            or ""
        )
        self.remove.setAutoDefault(False)
        self.remove.setEnabled(False)  # until it is known what there is
        self.remove.clicked.connect(self._remove)
        row.addWidget(self.remove)
        return line

    @Slot()
    def _remove(self) -> None:
        self.remove.setEnabled(False)
        self.unfinished.set_text(self.tr("Removing…"))
        self.removal_requested.emit()

    @Slot(object)
    def show_unfinished(self, kept: int | LongshoreError) -> None:
        """Show the bytes on disk of unfinished downloads, or why they are not known."""
        if not self.open_still:
            return
        if isinstance(kept, LongshoreError):
            self.unfinished.set_text(errors.message(kept))
        else:
            words = self.tr("{0} on disk").format(text.size(kept)) if kept else self.tr("none")
            self.unfinished.set_text(words)
        self.remove.setEnabled(kept != 0)

    def _number(self, name: str, value: int, spoken: str, *, unit: str = "", zero: str = "") -> QSpinBox:
        box = QSpinBox()
        box.setAccessibleName(spoken)
        box.setRange(*BOUNDS[name])
        box.setSuffix(unit)
        box.setFixedWidth(_WIDE)
        box.lineEdit().setTextMargins(6, 0, 0, 0)
        box.setSpecialValueText(zero)
        box.setValue(value)
        return box

    def check(self) -> bool:
        """Emit the choices."""
        self.chosen.emit(
            Choices(
                appearance=self.appearance.currentData(),
                concurrency=self.concurrency.value(),
                per_registry=self.per_registry.value(),
                copy_limit=self.copy_limit.value(),
                check_minutes=self.check_minutes.value(),
                fetch_pulls=self.fetch_pulls.isChecked(),
                connections=self.connections.value(),
                history_days=self.history_days.value(),
                history_rows=self.history_rows.value(),
                notes=self.notes.isChecked(),
                tray=self.tray.isChecked(),
            )
        )
        return True


class AboutSheet(Sheet):
    """Shows name, version, purpose and licence."""

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent, self.tr("Longshore {0}").format(__version__), self.tr("Close"))
        self.body.addWidget(
            plain_label(self.tr("Moves container images between engines and registries."), wrap=True)
        )
        self.body.addWidget(plain_label(self.tr("Apache License 2.0"), "dim"))
        for button in self.buttons.buttons():
            button.setVisible(button is self.confirm)
