"""Add registry…, pin a repository, and Sign in…."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QWidget

from longshore.credentials import Credential
from longshore.oci.errors import LongshoreError
from longshore.oci.grammar import check_path
from longshore.oci.reference import Reference
from longshore.registry.config import RegistryConfig, parse_registry
from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.quiet import plain_label


class AddRegistrySheet(Sheet):
    """Asks for a registry's host, and how it may be reached."""

    add_requested = Signal(object)  # RegistryConfig

    def __init__(self, parent: QWidget | None, config: RegistryConfig | None = None) -> None:
        super().__init__(parent, self.tr("Add a registry"), self.tr("Add"))
        form = self.form()
        self.host = QLineEdit(config.host if config else "")
        self.host.setPlaceholderText("registry.example.com:5000")
        self.host.setAccessibleName(self.tr("Host"))
        self.host.setMaxLength(500)
        form.addRow(self.tr("Host"), self.host)
        self.authority = QLineEdit(str(config.ca_file) if config and config.ca_file else "")
        self.authority.setPlaceholderText(self.tr("the system's certificates"))
        self.authority.setAccessibleName(self.tr("Certificate authority file"))
        browse = QPushButton(self.tr("Choose…"))
        browse.setAutoDefault(False)
        browse.clicked.connect(self._browse)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.authority, 1)
        row.addWidget(browse)
        form.addRow(self.tr("Own CA file"), row)
        self.insecure = QCheckBox(self.tr("Allow plain HTTP (not encrypted)"))
        self.insecure.setChecked(bool(config and config.insecure))
        form.addRow("", self.insecure)
        form.addRow(
            "",
            plain_label(
                self.tr(
                    "These settings are Longshore's. The engine makes its own connections for pull and push and "
                    "has its own: certs.d and insecure-registries."
                ),
                role="dim",
                wrap=True,
            ),
        )
        self.host.textChanged.connect(lambda: self.show_problem(None))
        self.host.setFocus()

    def _browse(self) -> None:
        dialog = QFileDialog(self, self.tr("Certificate authority file"))
        dialog.setNameFilters([self.tr("Certificates (*.crt *.pem *.cer)"), self.tr("All files (*)")])
        dialog.fileSelected.connect(self.authority.setText)
        dialog.open()

    def check(self) -> bool:
        """The host is one, and the file can be read."""
        try:
            config = parse_registry(self.host.text().strip())
        except LongshoreError as error:
            self.show_problem(error)
            self.host.setFocus()
            return False
        file = self.authority.text().strip()
        if file:
            path = Path(file).expanduser()
            if not path.is_file():
                self.show_problem(self.tr("There is no file {0}.").format(file))
                self.authority.setFocus()
                return False
            config = replace(config, ca_file=path)
        if self.insecure.isChecked():
            config = replace(config, insecure=True)
        self.add_requested.emit(config)
        return True


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


class SignInSheet(Sheet):
    """Asks for user name and secret. Stays open, with the reason, until the registry has accepted them."""

    sign_in_requested = Signal(str, object, bool)  # host, Credential, keep

    def __init__(
        self, parent: QWidget | None, host: str, title: str, *, user: str = "", stored_in: str = ""
    ) -> None:
        super().__init__(parent, self.tr("Sign in to {0}").format(title), self.tr("Sign in"))
        self._host = host
        form = self.form()
        self.user = QLineEdit(user)
        self.user.setAccessibleName(self.tr("User name"))
        form.addRow(self.tr("User name"), self.user)
        self.secret = QLineEdit()
        self.secret.setEchoMode(QLineEdit.EchoMode.Password)
        self.secret.setAccessibleName(self.tr("Password or token"))
        form.addRow(self.tr("Password or token"), self.secret)
        self.this_run = QCheckBox(self.tr("Keep for this run only"))
        form.addRow("", self.this_run)
        if stored_in:
            form.addRow("", plain_label(stored_in, role="dim", wrap=True))
        for field in (self.user, self.secret):
            field.textChanged.connect(lambda: self.show_problem(None))
        (self.secret if user else self.user).setFocus()

    def check(self) -> bool:
        """Both fields are filled."""
        if not self.user.text().strip():
            self.show_problem(self.tr("Type your user name."))
            self.user.setFocus()
            return False
        if not self.secret.text():
            self.show_problem(self.tr("Type your password or an access token."))
            self.secret.setFocus()
            return False
        return True

    def finish(self) -> None:
        """Ask for the sign-in; :meth:`answer` ends or reopens the sheet."""
        self.set_busy(True)
        credential = Credential(self.user.text().strip(), self.secret.text())
        self.sign_in_requested.emit(self._host, credential, not self.this_run.isChecked())

    def answer(self, error: LongshoreError | None) -> None:
        """The registry has answered."""
        if error is None:
            self.accept()
            return
        self.set_busy(False)
        self.show_problem(error)
        self.secret.selectAll()
        self.secret.setFocus()
