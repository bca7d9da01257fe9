"""Add registry…, and pin a repository."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QLineEdit, QWidget

from longshore.oci.errors import LongshoreError
from longshore.oci.grammar import check_path
from longshore.oci.reference import Reference
from longshore.registry.config import RegistryConfig, parse_registry
from longshore.widgets.dialogs.fields import FileField, explanation
from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.quiet import plain_label


class AddRegistrySheet(Sheet):
    """Asks for a registry's host, and how it may be reached."""

    add_requested = Signal(object)  # RegistryConfig; answer with answer()

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent, self.tr("Add a registry"), self.tr("Add"))
        form = self.form()
        self.host = QLineEdit()
        self.host.setPlaceholderText("registry.example.com:5000")
        self.host.setAccessibleName(self.tr("Host"))
        self.host.setMaxLength(500)
        form.addRow(self.tr("Host"), self.host)
        self.authority = FileField(
            self.tr("Certificate authority file"),
            self.tr("the system's certificates"),
            None,
            [self.tr("Certificates (*.crt *.pem *.cer)")],
        )
        form.addRow(self.tr("Own CA file"), self.authority)
        self.insecure = QCheckBox(self.tr("Insecure: allow plain HTTP, and any certificate"))
        form.addRow("", self.insecure)
        form.addRow(
            "",
            explanation(
                self.tr(
                    "These settings are Longshore's. The engine makes its own connections for pull and push and "
                    "has its own: see Settings… afterwards."
                )
            ),
        )
        self.host.textChanged.connect(lambda: self.show_problem(None))
        self._config: RegistryConfig | None = None
        self.host.setFocus()

    def check(self) -> bool:
        """The host is one, and the file has a path."""
        try:
            config = parse_registry(self.host.text().strip())
        except LongshoreError as error:
            self.show_problem(error)
            self.host.setFocus()
            return False
        try:
            file = self.authority.path()
        except LongshoreError as error:
            self.show_problem(error)
            self.authority.setFocus()
            return False
        config = replace(config, ca_file=file) if file is not None else config
        self._config = replace(config, insecure=True) if self.insecure.isChecked() else config
        return True

    def finish(self) -> None:
        """Ask for it; :meth:`answer` ends or reopens the sheet."""
        self.set_busy(True)
        self.add_requested.emit(self._config)

    def refused(self, error: LongshoreError) -> None:
        """Say it with the system's own words: it is about a file."""
        self.set_busy(False)
        self.show_problem(f"{error.message} {error.detail}")


class PinSheet(Sheet):
    """Asks for the path of a repository of one registry, for registries that do not list."""

    pin_requested = Signal(str, str)  # host, path

    def __init__(self, parent: QWidget | None, host: str, title: str) -> None:
        super().__init__(parent, self.tr("Pin a repository of {0}").format(title), self.tr("Pin"))
        self._host = host
        form = self.form()
        self.path = QLineEdit()
        self.path.setPlaceholderText("library/postgres" if host == "docker.io" else "team/app")
        self.path.setAccessibleName(self.tr("Repository"))
        self.path.setMaxLength(600)
        form.addRow(self.tr("Repository"), self.path)
        form.addRow(
            "",
            plain_label(self.tr("It stays below the registry, also when it cannot be listed."), role="dim"),
        )
        self.path.textChanged.connect(lambda: self.show_problem(None))
        self.path.setFocus()

    def check(self) -> bool:
        """The path is one; a pasted reference of this registry counts."""
        text = self.path.text().strip()
        try:
            if self._host == "docker.io":
                reference = Reference.parse(text)
            else:
                reference = Reference.parse(
                    text if text.startswith(self._host + "/") else f"{self._host}/{text}"
                )
            if reference.domain != self._host:
                self.show_problem(self.tr("{0} is a reference of another registry.").format(text))
                return False
            check_path(reference.path)
        except LongshoreError as error:
            self.show_problem(error)
            return False
        self.pin_requested.emit(self._host, reference.path)
        return True
