"""Settings…: how to reach one registry, its title, and the configuration that the engine needs."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QWidget

from longshore.errors import LongshoreError
from longshore.registry.config import LONGEST_TITLE, RegistryConfig, check_path
from longshore.registry.kinds import KINDS
from longshore.text import plain
from longshore.widgets.dialogs.engine_part import EnginePart
from longshore.widgets.dialogs.fields import FileField, explanation
from longshore.widgets.dialogs.sheet import Sheet
from longshore.words import errors

_CERTIFICATES = "Certificates (*.crt *.pem *.cer)"
_KEYS = "Keys (*.key *.pem)"


class RegistrySettingsSheet(Sheet):
    """Edits the settings. Stays open, showing the reason, until the files have been checked."""

    save_requested = Signal(object)  # RegistryConfig; answer with answer()
    copy_requested = Signal(str)

    def __init__(self, parent: QWidget | None, config: RegistryConfig, title: str) -> None:
        super().__init__(parent, self.tr("Settings of {0}").format(title), self.tr("Save"), width=560)
        self._config = config
        form = self.form()
        self.called = QLineEdit(config.title)
        self.called.setPlaceholderText(title if not config.title else config.host)
        self.called.setAccessibleName(self.tr("Shown as"))
        self.called.setMaxLength(LONGEST_TITLE)
        form.addRow(self.tr("Shown as"), self.called)
        self.kind = QComboBox()
        self.kind.setAccessibleName(self.tr("List as"))
        for key, words in KINDS.items():
            self.kind.addItem(words, key)
        self.kind.setCurrentIndex(max(self.kind.findData(config.kind), 0))
        form.addRow(self.tr("List as"), self.kind)
        self.namespace = self._path(config.namespace, self.tr("List only under"), self.tr("all repositories"))
        form.addRow(self.tr("List only under"), self.namespace)
        self.prefix = self._path(config.prefix, self.tr("Path before /v2/"), self.tr("none"))
        form.addRow(self.tr("Path before /v2/"), self.prefix)
        self.authority = FileField(
            self.tr("Certificate authority file"),
            self.tr("the system's certificates"),
            config.ca_file,
            [_CERTIFICATES],
        )
        form.addRow(self.tr("Custom CA file"), self.authority)
        none = self.tr("none")
        self.certificate = FileField(
            self.tr("Client certificate file"), none, config.client_cert, [_CERTIFICATES]
        )
        form.addRow(self.tr("Client certificate"), self.certificate)
        self.key = FileField(self.tr("Client key file"), none, config.client_key, [_KEYS])
        form.addRow(self.tr("Client key"), self.key)
        self.insecure = QCheckBox(self.tr("Insecure: allow plain HTTP and any certificate"))
        self.insecure.setChecked(config.insecure)
        form.addRow("", self.insecure)
        self.warning = explanation(
            self.tr(
                "Anyone on the network can then read and change what is transferred, and read your "
                "password. Use it only on networks you trust."
            ),
            "caution",
        )
        form.addRow("", self.warning)
        self.engine = EnginePart()
        self.engine.copy_requested.connect(self.copy_requested)
        self.body.addWidget(self.engine)
        if config.is_hub:
            for field in (self.prefix, self.authority, self.certificate, self.key, self.insecure):
                form.setRowVisible(field, False)
            self.engine.hide()
        for edit in (self.called, self.namespace, self.prefix):
            edit.textChanged.connect(self._changed)
        for file in (self.authority, self.certificate, self.key):
            file.changed.connect(self._changed)
        self.insecure.toggled.connect(self._changed)
        self._form = form
        self._changed()
        self.called.setFocus()

    def _path(self, text: str, name: str, placeholder: str) -> QLineEdit:
        field = QLineEdit(text)
        field.setAccessibleName(name)
        field.setPlaceholderText(placeholder)
        field.setMaxLength(300)
        return field

    @Slot()
    def _changed(self) -> None:
        self._form.setRowVisible(self.warning, self.insecure.isChecked() and not self._config.is_hub)
        with contextlib.suppress(LongshoreError):  # incomplete input: keep the commands shown
            self.engine.show_for(self._read())
        self.show_problem(None)  # also refits

    def _read(self) -> RegistryConfig:
        """Return the settings in the fields. Raises LongshoreError."""
        return replace(
            self._config,
            title=plain(self.called.text(), LONGEST_TITLE),
            kind=str(self.kind.currentData()),
            namespace=check_path(self.namespace.text().strip(), self.namespace.text()),
            prefix=check_path(self.prefix.text().strip(), self.prefix.text()),
            ca_file=self.authority.path(),
            client_cert=self.certificate.path(),
            client_key=self.key.path(),
            insecure=self.insecure.isChecked(),
        )

    def check(self) -> bool:
        """Return True if the paths are valid."""
        try:
            config = self._read()
        except LongshoreError as error:
            self.show_problem(error)
            return False
        if config.client_key is not None and config.client_cert is None:
            self.show_problem(self.tr("Choose the certificate for this key."))
            self.certificate.setFocus()
            return False
        return True

    def finish(self) -> None:
        """Request to save the settings; :meth:`answer` closes or reopens the sheet."""
        self.set_busy(True)
        self.save_requested.emit(self._read())

    def refused(self, error: LongshoreError) -> None:
        """Show the error with the system's own words: it concerns a file."""
        self.set_busy(False)
        self.show_problem(f"{errors.message(error)} {error.detail}")
