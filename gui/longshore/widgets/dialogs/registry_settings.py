"""Settings…: how to reach one registry, its title, and the configuration that the engine needs."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLineEdit, QPushButton, QWidget

from longshore.errors import LongshoreError
from longshore.registry.config import LONGEST_TITLE, RegistryConfig, check_path
from longshore.registry.kinds import KINDS
from longshore.text import plain
from longshore.widgets.dialogs.engine_part import EnginePart
from longshore.widgets.dialogs.fields import FileField, explanation
from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.notices import ElidedLabel
from longshore.words import errors, text

if TYPE_CHECKING:
    from longshore.application.signatures.listing import ListedKey

_CERTIFICATES = "Certificates (*.crt *.pem *.cer)"
_KEYS = "Keys (*.key *.pem)"


class RegistrySettingsSheet(Sheet):
    """Edits the settings. Stays open, showing the reason, until the files have been checked."""

    save_requested = Signal(object)  # RegistryConfig; answer with answer()
    copy_requested = Signal(str)
    keys_requested = Signal()
    rule_requested = Signal(bool)  # whether only signed images of this registry are fetched

    def __init__(self, parent: QWidget | None, config: RegistryConfig, title: str) -> None:
        super().__init__(parent, self.tr("Settings of {0}").format(title), self.tr("Save"), width=560)
        self._config = config
        self._rule = False
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
        self.checks = QCheckBox(self.tr("Check in the background whether images have changed"))
        self.checks.setChecked(config.checks)
        form.addRow("", self.checks)
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
        form.addRow(self.tr("Signatures"), self._signatures())
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

    def _path(self, path: str, name: str, placeholder: str) -> QLineEdit:
        field = QLineEdit(path)
        field.setAccessibleName(name)
        field.setPlaceholderText(placeholder)
        field.setMaxLength(300)
        return field

    def _signatures(self) -> QWidget:
        """Return the line about signatures: the rule for the whole registry, and the keys."""
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        self.only_signed = QCheckBox(self.tr("Only signed"))
        self.only_signed.setToolTip(
            self.tr("Refuse to pull, copy or mirror images that are not signed by one of your keys.")
        )
        self.only_signed.setEnabled(False)  # until it is known
        row.addWidget(self.only_signed)
        self.known_keys = ElidedLabel("dim")
        row.addWidget(self.known_keys, 1)
        self.keys_button = QPushButton(self.tr("Keys…"))
        self.keys_button.setAutoDefault(False)
        self.keys_button.clicked.connect(self.keys_requested)
        row.addWidget(self.keys_button)
        return line

    @Slot(object)
    def show_keys(self, found: list[ListedKey] | LongshoreError) -> None:
        """Show the rule for the whole registry and the number of keys, or why they are not known."""
        if not self.open_still:
            return
        if isinstance(found, LongshoreError):
            self.known_keys.set_text(errors.message(found))
            self.only_signed.setEnabled(False)
            return
        keys = sum(bool(row.name) for row in found)
        rule = any(row.only_signed and not row.scope.path for row in found)
        some = sorted({row.scope for row in found if row.only_signed and row.scope.path})
        if not self.only_signed.isEnabled() or rule != self._rule:
            self.only_signed.setChecked(rule)  # otherwise a choice that is not saved yet stays
        self.only_signed.setEnabled(True)
        self._rule = rule
        words = [self.tr("1 key") if keys == 1 else self.tr("{0} keys").format(keys)] if keys else []
        whole = ""
        if rule and not keys:
            words, whole = [self.tr("no key yet")], self.tr("Without a key, nothing can be pulled.")
        elif some:
            words.append(self.tr("1 rule") if len(some) == 1 else self.tr("{0} rules").format(len(some)))
            whole = self.tr("Only signed images of {0}").format(", ".join(scope.short for scope in some))
        self.known_keys.set_text(text.safe(", ".join(words), 300), text.safe(whole, 600))

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
            checks=self.checks.isChecked(),
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
        if self.only_signed.isEnabled() and self.only_signed.isChecked() != self._rule:
            self.rule_requested.emit(self.only_signed.isChecked())
        self.save_requested.emit(self._read())

    def refused(self, error: LongshoreError) -> None:
        """Show the error with the system's own words: it concerns a file."""
        self.set_busy(False)
        self.show_problem(f"{errors.message(error)} {error.detail}")
