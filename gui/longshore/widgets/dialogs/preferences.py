"""The sheets Preferences and About."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QSpinBox, QWidget

from longshore import __version__
from longshore.application.choices import BOUNDS, Choices
from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.notices import plain_label
from longshore.widgets.theme import Appearance

#: Width of the fields, in device-independent pixels, so that all share one edge.
_WIDE = 215


class PreferencesSheet(Sheet):
    """Shows and edits the preferences."""

    chosen = Signal(object)  # Choices

    def __init__(self, parent: QWidget | None, choices: Choices) -> None:
        super().__init__(parent, self.tr("Preferences"), self.tr("Save"))
        form = self.form()
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
            self.tr("Speed limit for copies, MB/s"),
            unit=self.tr(" MB/s"),
            zero=self.tr("none"),
        )
        self.copy_limit.setToolTip(
            self.tr("Applies to copies made by Longshore, not to pulls and pushes by an engine.")
        )
        form.addRow(self.tr("Speed limit for copies"), self.copy_limit)
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
        form.addRow("", self.notes)
        self.tray = QCheckBox(self.tr("Show progress in a tray icon"))
        self.tray.setChecked(choices.tray)
        form.addRow("", self.tray)
        self.appearance.setFocus()

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
