"""Signing in to registries, signing out, and the account in use."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot

from longshore.credentials import Credential
from longshore.errors import LongshoreError
from longshore.models.columns import Tone
from longshore.operations import Operations
from longshore.widgets.main_window import MainWindow
from longshore.wiring.shared import Shared


class SignIns(QObject):
    """Connects the sheets Sign in… and Account…. GUI thread."""

    def __init__(self, window: MainWindow, operations: Operations, shared: Shared) -> None:
        super().__init__(window)
        self.window = window
        self.operations = operations
        self._shared = shared
        pane = window.registry_pane
        pane.account_requested.connect(self._account)
        pane.sign_in_requested.connect(self._sign_in)
        pane.sign_out_requested.connect(self._sign_out)

    @Slot(str)
    def _account(self, host: str) -> None:
        from longshore.widgets.dialogs.sign_in import AccountSheet

        sheet = AccountSheet(self.window, self.operations.registries.title(host))
        sheet.sign_in_requested.connect(lambda: self._sign_in(host))
        sheet.sign_out_requested.connect(lambda: self._sign_out(host))
        self.operations.registries.sign_ins.identify(host, sheet.show_identity)
        sheet.open()

    @Slot(str)
    def _sign_in(self, host: str) -> None:
        from longshore.widgets.dialogs.sign_in import SignInSheet

        registries = self.operations.registries
        config = registries.book.config(host)
        sheet = SignInSheet(
            self.window,
            host,
            registries.title(host),
            user=registries.user(host),
            stored_in=registries.sign_ins.kept_words(host),
            insecure=config.insecure and not config.is_loopback,
        )

        def sign_in(host: str, credential: Credential, keep: bool) -> None:
            cancellation = registries.sign_ins.sign_in(host, credential, keep=keep, done=sheet.answer)
            # Closing the sheet during the check cancels the sign-in.
            sheet.rejected.connect(cancellation.cancel)

        sheet.sign_in_requested.connect(sign_in)
        sheet.accepted.connect(lambda: self.operations.transfers.retry_refused(host))
        sheet.open()

    @Slot(str)
    def _sign_out(self, host: str) -> None:
        registries = self.operations.registries
        if not registries.user(host) and registries.sign_ins.account(host).trouble is None:
            self.window.registry_pane.explain(self.tr("Not signed in to {0}.").format(registries.title(host)))
            return

        def done(error: LongshoreError | None) -> None:
            if error is not None:
                self._shared.show_failure(error)
                return
            words = self.tr("Signed out of {0}, for the docker CLI too.").format(registries.title(host))
            self.window.registry_pane.explain(words, Tone.GOOD)

        registries.sign_ins.sign_out(host, done)
