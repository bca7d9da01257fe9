"""Settings, certificates and sign-ins of registries, and the removal of tags."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from PySide6.QtCore import QObject, Slot

from longshore.credentials import Credential
from longshore.errors import LongshoreError
from longshore.models.columns import Tone
from longshore.operations import Operations
from longshore.registry.config import RegistryConfig
from longshore.widgets.main_window import MainWindow
from longshore.wiring.shared import Shared


class Reach(QObject):
    """Connects the sheets of registries. GUI thread."""

    def __init__(self, window: MainWindow, operations: Operations, shared: Shared) -> None:
        super().__init__(window)
        self.window = window
        self.operations = operations
        self._shared = shared
        pane = window.registry_pane
        pane.add_registry_requested.connect(self._add_registry)
        pane.settings_requested.connect(self._settings)
        pane.certificate_requested.connect(self._certificate)
        pane.account_requested.connect(self._account)
        pane.sign_in_requested.connect(self._sign_in)
        pane.sign_out_requested.connect(self._sign_out)
        pane.remove_tags_requested.connect(self._remove_tags)
        window.transfer_pane.remedy_requested.connect(pane.act_on)

    @Slot()
    def _add_registry(self) -> None:
        from longshore.widgets.dialogs.registry import AddRegistrySheet

        sheet = AddRegistrySheet(self.window)
        remote = self.operations.registries

        def wanted(config: RegistryConfig) -> RegistryConfig:
            # An existing registry keeps the settings that this sheet does not show.
            known = remote.trust.config(config.host)
            return replace(
                known,
                insecure=config.insecure or known.insecure,
                ca_file=config.ca_file or known.ca_file,
                prefix=config.prefix or known.prefix,
                namespace=config.namespace or known.namespace,
            )

        def probe(config: RegistryConfig) -> None:
            probing = remote.trust.probe(wanted(config), partial(sheet.show_probe, config))
            sheet.finished.connect(probing.cancel)

        def add(config: RegistryConfig) -> None:
            def done(error: LongshoreError | None) -> None:
                sheet.answer(error)
                if error is None:
                    self.window.registry_pane.expand(config.host)

            remote.add_registry(wanted(config), done)

        sheet.probe_requested.connect(probe)
        sheet.add_requested.connect(add)
        sheet.open()

    @Slot(str)
    def _settings(self, host: str) -> None:
        from longshore.widgets.dialogs.registry_settings import RegistrySettingsSheet

        remote = self.operations.registries
        sheet = RegistrySettingsSheet(self.window, remote.trust.config(host), remote.title(host))
        sheet.save_requested.connect(lambda config: remote.trust.save(config, sheet.answer))
        sheet.copy_requested.connect(self._shared.to_clipboard)
        sheet.open()

    @Slot(str)
    def _certificate(self, host: str) -> None:
        from longshore.widgets.dialogs.certificate import CertificateSheet

        remote = self.operations.registries
        sheet = CertificateSheet(self.window, remote.title(host), str(remote.trust.file_of(host)))
        sheet.trust_requested.connect(lambda report: remote.trust.trust(report, sheet.answer))
        sheet.copy_requested.connect(self._shared.to_clipboard)
        sheet.settings_requested.connect(partial(self._settings, host))
        remote.trust.look(host, sheet.show_report)
        sheet.open()

    @Slot(str)
    def _account(self, host: str) -> None:
        from longshore.widgets.dialogs.account import AccountSheet

        sheet = AccountSheet(self.window, self.operations.registries.title(host))
        sheet.sign_in_requested.connect(lambda: self._sign_in(host))
        sheet.sign_out_requested.connect(lambda: self._sign_out(host))
        self.operations.registries.accounts.identify(host, sheet.show_identity)
        sheet.open()

    @Slot(str)
    def _sign_in(self, host: str) -> None:
        from longshore.widgets.dialogs.account import SignInSheet

        remote = self.operations.registries
        config = remote.trust.config(host)
        sheet = SignInSheet(
            self.window,
            host,
            remote.title(host),
            user=remote.user(host),
            stored_in=remote.accounts.kept_words(host),
            insecure=config.insecure and not config.is_loopback,
        )

        def sign_in(host: str, credential: Credential, keep: bool) -> None:
            cancellation = remote.accounts.sign_in(host, credential, keep=keep, done=sheet.answer)
            # Closing the sheet during the check cancels the sign-in.
            sheet.rejected.connect(cancellation.cancel)

        sheet.sign_in_requested.connect(sign_in)
        sheet.accepted.connect(lambda: self.operations.transfers.retry_refused(host))
        sheet.open()

    @Slot(str)
    def _sign_out(self, host: str) -> None:
        remote = self.operations.registries
        if not remote.user(host) and remote.accounts.account(host).trouble is None:
            self.window.registry_pane.explain(self.tr("Not signed in to {0}.").format(remote.title(host)))
            return

        def done(error: LongshoreError | None) -> None:
            if error is not None:
                self._shared.show_failure(error)
                return
            words = self.tr("Signed out of {0}, for the docker CLI too.").format(remote.title(host))
            self.window.registry_pane.explain(words, Tone.GOOD)

        remote.accounts.sign_out(host, done)

    @Slot(str, str, object)
    def _remove_tags(self, host: str, repository: str, tags: list[str]) -> None:
        from longshore.widgets.dialogs.remove_tags import RemoveTagsSheet

        removal = self.operations.registries.removal
        sheet = RemoveTagsSheet(self.window, repository, tags)
        sheet.remove_requested.connect(lambda plan: removal.remove(plan, sheet.answer))
        looking = removal.look(host, repository, tags, sheet.show_plan)
        sheet.rejected.connect(looking.cancel)
        sheet.open()
