"""Certificate…: the certificate of a registry, why it is not trusted, and the decision to trust it."""

from __future__ import annotations

from datetime import UTC, datetime

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QPlainTextEdit, QWidget

from longshore.errors import LongshoreError
from longshore.registry.certificate import CertificateReport
from longshore.text import plain
from longshore.widgets.dialogs.engine_part import EnginePart
from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.notices import plain_label
from longshore.widgets.theme import current_theme
from longshore.words import errors


class CertificateSheet(Sheet):
    """Opens at once and fills when the registry sends its certificate. *trusted*: the file where it would be saved."""

    trust_requested = Signal(object)  # CertificateReport; answer with answer()
    copy_requested = Signal(str)
    settings_requested = Signal()

    def __init__(self, parent: QWidget | None, title: str, trusted: str) -> None:
        super().__init__(parent, self.tr("Certificate of {0}").format(title), self.tr("Trust"), width=640)
        self._trusted = trusted
        self._report: CertificateReport | None = None
        self.verdict = plain_label(self.tr("Loading…"), wrap=True)
        self.body.addWidget(self.verdict)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setAccessibleName(self.tr("Certificate"))
        self.text.setFont(current_theme().fixed_font)
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.text.setFixedHeight(self.text.fontMetrics().lineSpacing() * 7 + 26)
        self.text.hide()
        self.body.addWidget(self.text)
        self.compared = QCheckBox(
            self.tr("I have compared the fingerprint with the one from the registry's administrator")
        )
        self.compared.toggled.connect(self.confirm.setEnabled)
        self.compared.hide()
        self.body.addWidget(self.compared)
        self.what = plain_label(
            self.tr(
                "Longshore will then trust exactly this certificate, for this registry only. If the "
                "certificate changes, Longshore asks again."
            ),
            role="dim",
            wrap=True,
        )
        self.what.hide()
        self.body.addWidget(self.what)
        self.engine = EnginePart()
        self.engine.copy_requested.connect(self.copy_requested)
        self.engine.hide()
        self.body.addWidget(self.engine)
        self.confirm.setEnabled(False)
        self.confirm.hide()
        self.dismiss.setText(self.tr("Close"))

    @Slot(object)
    def show_report(self, found: CertificateReport | LongshoreError) -> None:
        """Show the certificate, or why the registry did not send one."""
        if not self.open_still:
            return
        if isinstance(found, LongshoreError):
            self.verdict.setText(errors.told(found))
            self.refit()
            return
        self._report = found
        certificate = found.certificate
        self.verdict.setText(self._words(found))
        if certificate is not None:
            *said, _ = certificate.lines()
            # In two halves, so that each can be read as one group.
            middle = len(certificate.fingerprint) // 2
            halves = certificate.fingerprint[: middle + 1], certificate.fingerprint[middle + 1 :]
            lines = [*said, self.tr("SHA-256 fingerprint:"), *halves]
            self.text.setPlainText(plain("\n".join(lines), 4000, keep_lines=True))
            self.text.show()
        if found.can_be_trusted(datetime.now(UTC)):
            for widget in (self.compared, self.what, self.confirm):
                widget.show()
            self.dismiss.setText(self.tr("Cancel"))
            self.compared.setFocus()
        if found.problem is not None and not found.about_trust:
            self.confirm.setText(self.tr("Settings…"))
            self.confirm.setAccessibleName(self.tr("Settings…"))
            self.confirm.setEnabled(True)
            self.confirm.show()
        if found.problem is not None or found.config.ca_file is not None or found.config.insecure:
            self.engine.show_for(found.config, self._trusted if self.compared.isVisibleTo(self) else "")
            self.engine.setVisible(self.engine.needed)
        self.refit()

    def _words(self, found: CertificateReport) -> str:
        if found.problem is not None and not found.can_be_trusted(datetime.now(UTC)):
            # A problem behind the first one: trusting the certificate would only lead to the next refusal.
            also = []
            if found.about_trust and not found.covers_host:
                also.append(self.tr("It is not for this address."))
            elif found.about_trust and not found.in_date(datetime.now(UTC)):
                also.append(self.tr("It has expired or is not valid yet."))
            said = [errors.message(found.problem), *also, errors.advice(found.problem)]
            return " ".join(dict.fromkeys(said)).strip()
        if found.problem is not None:
            return errors.message(found.problem)
        if found.certificate is None:
            return self.tr("No certificate: plain HTTP connection.")
        if found.config.insecure:
            return self.tr("This registry is marked as insecure: its certificate is not checked.")
        return self.tr("Longshore trusts this certificate. The engine checks certificates itself.")

    def finish(self) -> None:
        """Request trust; :meth:`answer` closes or reopens the sheet. Or close the sheet and request the settings."""
        if self._report is not None and self._report.problem is not None and not self._report.about_trust:
            self.accept()
            self.settings_requested.emit()
        elif self._report is not None and self._report.certificate is not None:
            self.set_busy(True)
            self.trust_requested.emit(self._report)
