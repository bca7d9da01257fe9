"""Preferences, and what this program is."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QSpinBox, QWidget

from longshore import __version__
from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.quiet import plain_label
from longshore.widgets.theme import Appearance

#: More at once only makes every one of them slower.
MOST_AT_ONCE = 20
#: MB/s; faster than any line that one would want to limit.
MOST_BANDWIDTH = 10_000


class PreferencesSheet(Sheet):
    """The few choices there are."""

    #: Appearance, transfers at once, per registry (0: no limit of its own), MB/s for copies (0: no limit).
    chosen = Signal(str, int, int, float)

    def __init__(
        self,
        parent: QWidget | None,
        appearance: Appearance,
        concurrency: int,
        per_registry: int,
        bandwidth: float,
    ) -> None:
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
        self.appearance.setCurrentIndex(self.appearance.findData(appearance.value))
        form.addRow(self.tr("Appearance"), self.appearance)
        self.concurrency = QSpinBox()
        self.concurrency.setAccessibleName(self.tr("Transfers at once"))
        self.concurrency.setRange(1, MOST_AT_ONCE)
        self.concurrency.setValue(concurrency)
        form.addRow(self.tr("Transfers at once"), self.concurrency)
        self.per_registry = QSpinBox()
        self.per_registry.setAccessibleName(self.tr("Transfers at once per registry"))
        self.per_registry.setRange(0, MOST_AT_ONCE)
        self.per_registry.setSpecialValueText(self.tr("no limit of its own"))
        self.per_registry.setValue(per_registry)
        form.addRow(self.tr("… with one registry"), self.per_registry)
        self.bandwidth = QDoubleSpinBox()
        self.bandwidth.setAccessibleName(self.tr("Limit for copies, MB/s"))
        self.bandwidth.setToolTip(
            self.tr("For all copies, and what goes through the library. An engine's own pulls are its own.")
        )
        self.bandwidth.setDecimals(1)
        self.bandwidth.setRange(0, MOST_BANDWIDTH)
        self.bandwidth.setSpecialValueText(self.tr("no limit"))
        self.bandwidth.setValue(bandwidth)
        form.addRow(self.tr("Limit for copies, MB/s"), self.bandwidth)
        self.appearance.setFocus()

    def check(self) -> bool:
        """Tell what was chosen."""
        self.chosen.emit(
            self.appearance.currentData(),
            self.concurrency.value(),
            self.per_registry.value(),
            self.bandwidth.value(),
        )
        return True


class AboutSheet(Sheet):
    """Name, version, purpose, licence."""

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent, self.tr("Longshore {0}").format(__version__), self.tr("Close"))
        self.body.addWidget(
            plain_label(self.tr("Moves container images between an engine and registries."), wrap=True)
        )
        self.body.addWidget(plain_label(self.tr("Apache License 2.0"), "dim"))
        for button in self.buttons.buttons():
            button.setVisible(button is self.confirm)
