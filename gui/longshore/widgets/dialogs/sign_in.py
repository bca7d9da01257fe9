"""The sheets Sign in… and Account…"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QFormLayout, QLineEdit, QWidget

from longshore.credentials import Credential, StoredIn, Whereabouts
from longshore.errors import LongshoreError
from longshore.operations import Identity
from longshore.widgets.dialogs.fields import explanation
from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.notices import plain_label
from longshore.words import errors, text

#: Characters per line.
_LINE = 42


class SignInSheet(Sheet):
    """Asks for user name and secret. Stays open, showing the reason, until the registry has accepted them."""

    sign_in_requested = Signal(str, object, bool)  # host, Credential, keep

    def __init__(
        self,
        parent: QWidget | None,
        host: str,
        title: str,
        *,
        user: str = "",
        stored_in: str = "",
        insecure: bool = False,
    ) -> None:
        """Create the sheet. *insecure*: the credentials may be sent unencrypted."""
        super().__init__(parent, self.tr("Sign in to {0}").format(title), self.tr("Sign in"))
        self._host = host
        form = self.form()
        self.user = QLineEdit(user)
        self.user.setAccessibleName(self.tr("User name"))
        self.user.setMaxLength(500)
        form.addRow(self.tr("User name"), self.user)
        self.secret = QLineEdit()
        self.secret.setEchoMode(QLineEdit.EchoMode.Password)
        self.secret.setAccessibleName(self.tr("Password or token"))
        form.addRow(self.tr("Password or token"), self.secret)
        self.this_run = QCheckBox(self.tr("Forget when Longshore closes"))
        form.addRow("", self.this_run)
        self.kept = explanation(stored_in)
        form.addRow("", self.kept)
        if insecure:
            words = self.tr("This registry is marked as insecure: your password may be sent unencrypted.")
            form.addRow("", explanation(words, "caution"))
        self._stored_in = stored_in
        self.this_run.toggled.connect(self._tell_where)
        for field in (self.user, self.secret):
            field.textChanged.connect(lambda: self.show_problem(None))
        (self.secret if user else self.user).setFocus()

    @Slot(bool)
    def _tell_where(self, this_run: bool) -> None:
        self.kept.setText(
            self.tr("Kept in memory until Longshore closes; the docker CLI can't use it.")
            if this_run
            else self._stored_in
        )
        self.refit()

    def check(self) -> bool:
        """Return True if both fields are filled."""
        if not self.user.text().strip():
            self.show_problem(self.tr("Enter your user name."))
            self.user.setFocus()
            return False
        if not self.secret.text():
            self.show_problem(self.tr("Enter your password or an access token."))
            self.secret.setFocus()
            return False
        return True

    def finish(self) -> None:
        """Request the sign-in; :meth:`answer` closes or reopens the sheet."""
        self.set_busy(True)
        credential = Credential(self.user.text().strip(), self.secret.text())
        self.sign_in_requested.emit(self._host, credential, not self.this_run.isChecked())

    def refused(self, error: LongshoreError) -> None:
        """Show the reason; most often the secret was mistyped."""
        super().refused(error)
        self.secret.selectAll()
        self.secret.setFocus()


class AccountSheet(Sheet):
    """Opens with what is known locally; the registry's reply fills in whether the sign-in is valid."""

    sign_in_requested = Signal()
    sign_out_requested = Signal()

    def __init__(self, parent: QWidget | None, title: str) -> None:
        super().__init__(parent, self.tr("Account at {0}").format(title), self.tr("Sign in…"))
        self._rows: QFormLayout = self.form()
        self.answer_label = explanation(self.tr("Checking…"), "")
        self.body.addWidget(self.answer_label)
        self._leave = False
        self.confirm.hide()
        self.dismiss.setText(self.tr("Close"))

    @Slot(object)
    def show_identity(self, found: Identity) -> None:
        """Show the registry's reply, or that there was none."""
        if not self.open_still:
            return
        account = found.account
        rows = [(self.tr("Account"), account.user or self.tr("not signed in"))]
        if account.user and account.kept is not None:
            rows.append((self.tr("Stored in"), self._place(account.kept)))
        ways = {
            "basic": self.tr("user name and password (Basic)"),
            "bearer": self.tr("tokens (Bearer)"),
            "none": self.tr("none (public)"),
        }
        if found.auth in ways:
            rows.append((self.tr("Authentication"), ways[found.auth]))
        if found.realm and found.auth == "bearer":
            rows.append((self.tr("Token service"), found.realm))
        for name, value in rows:
            value = text.safe(value, 500)
            shown = explanation(value, "") if len(value) > _LINE else plain_label(value)
            shown.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            shown.setAccessibleName(f"{name}: {value}")
            self._rows.addRow(name, shown)
        trouble = account.trouble or found.refused
        if trouble is not None:
            self.answer_label.setText(errors.whole(trouble))
            self.answer_label.setProperty("role", "error")
            self.answer_label.style().polish(self.answer_label)
        elif account.user:
            self.answer_label.setText(self.tr("Sign-in verified.") if found.auth != "none" else "")
        else:
            words = self.tr("You can see public content only.")
            self.answer_label.setText(words if found.auth != "none" else "")
        self.answer_label.setVisible(bool(self.answer_label.text()))
        self._leave = bool(account.user) and found.refused is None
        if self._leave:
            self.confirm.setText(self.tr("Sign out"))
            self.confirm.setAccessibleName(self.tr("Sign out"))
            self.confirm.setProperty("primary", False)
            self.confirm.style().polish(self.confirm)
            # Enter must not sign out someone who only wanted to look.
            self.dismiss.setDefault(True)
            self.dismiss.setFocus()
        self.confirm.show()
        self.refit()

    def _place(self, kept: Whereabouts) -> str:
        if kept.stored_in is StoredIn.HELPER:
            return f"docker-credential-{kept.name}"
        if kept.stored_in is StoredIn.THIS_RUN:
            return self.tr("memory, until Longshore closes")
        return self.tr("{0} (base64, not encrypted)").format(kept.path)

    def finish(self) -> None:
        """Close the sheet and request the sign-in sheet or a sign-out."""
        self.accept()
        (self.sign_out_requested if self._leave else self.sign_in_requested).emit()
