"""The sheets that add a registry and pin a repository."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QCheckBox, QLineEdit, QWidget

from longshore.errors import LongshoreError
from longshore.oci.grammar import check_path
from longshore.oci.reference import Reference
from longshore.registry.config import RegistryConfig, parse_registry
from longshore.widgets.dialogs.fields import FileField, explanation
from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.notices import plain_label
from longshore.words import errors


class AddRegistrySheet(Sheet):
    """Asks for a registry's host and how to reach it. If nothing answers, it says so and asks for confirmation."""

    probe_requested = Signal(object)  # RegistryConfig; answer with show_probe()
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
        form.addRow(self.tr("Custom CA file"), self.authority)
        self.insecure = QCheckBox(self.tr("Insecure: allow plain HTTP and any certificate"))
        form.addRow("", self.insecure)
        form.addRow(
            "",
            explanation(
                self.tr(
                    "These settings apply to Longshore only. The engine makes its own connections for "
                    "pull and push; Settings… shows what it needs."
                )
            ),
        )
        self.progress = plain_label("", "dim", wrap=True)
        self.progress.hide()
        self.body.addWidget(self.progress)
        self._config: RegistryConfig | None = None
        self._unreached: RegistryConfig | None = None
        self.host.textChanged.connect(self._changed)
        self.authority.changed.connect(self._changed)
        self.insecure.toggled.connect(self._changed)
        self.host.setFocus()

    @Slot()
    def _changed(self) -> None:
        """Discard the result of the probe, which was for other settings."""
        self._config = None
        self.set_busy(False)
        self.progress.hide()
        self._name_verb(self.tr("Add"))
        self.show_problem(None)

    def _name_verb(self, verb: str) -> None:
        self.confirm.setText(verb)
        self.confirm.setAccessibleName(verb)

    def check(self) -> bool:
        """Return True if the host is valid and the CA file has a path."""
        try:
            config = parse_registry(self.host.text().strip())
            Reference(config.host, "any/name")  # a host that no image name can contain is useless
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
        """Request a probe, or the registry itself once the user knows that it does not respond.

        :meth:`answer` closes or reopens the sheet.
        """
        self.set_busy(True)
        if self._config == self._unreached:
            self.add_requested.emit(self._config)
            return
        assert self._config is not None
        self.show_problem(None)
        self.progress.setText(self.tr("Connecting to {0}…").format(self._config.host))
        self.progress.show()
        self.refit()
        self.probe_requested.emit(self._config)

    @Slot(object, object)
    def show_probe(self, config: RegistryConfig, problem: LongshoreError | None) -> None:
        """Take the result of probing *config*: request to add it, or say that it could not be reached."""
        if not self.open_still or config is not self._config:
            return
        self.progress.hide()
        if problem is None:
            self.add_requested.emit(config)
            return
        self._unreached = config
        self.set_busy(False)
        self._name_verb(self.tr("Add anyway"))
        words = self.tr("{0} could not be reached. {1}")
        self.show_problem(words.format(config.host, errors.message(problem)))

    def refused(self, error: LongshoreError) -> None:
        """Show the error with the system's own words: it concerns a file."""
        self.set_busy(False)
        self.show_problem(f"{errors.message(error)} {error.detail}")


class PinSheet(Sheet):
    """Asks for the path of a repository, for registries that cannot list."""

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
            plain_label(
                self.tr("Always shown, even if the registry does not list it."),
                role="dim",
            ),
        )
        self.path.textChanged.connect(lambda: self.show_problem(None))
        self.path.setFocus()

    def check(self) -> bool:
        """Return True if the path is valid; a pasted reference of this registry counts."""
        text = self.path.text().strip()
        try:
            if self._host == "docker.io":
                reference = Reference.parse(text)
            else:
                reference = Reference.parse(
                    text if text.startswith(self._host + "/") else f"{self._host}/{text}"
                )
            if reference.domain != self._host:
                self.show_problem(self.tr("{0} belongs to another registry.").format(text))
                return False
            check_path(reference.path)
        except LongshoreError as error:
            self.show_problem(error)
            return False
        self.pin_requested.emit(self._host, reference.path)
        return True
