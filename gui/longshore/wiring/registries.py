"""The right pane: registries, pins, pulls, and drops."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from PySide6.QtCore import QObject, Qt, Slot

from longshore.errors import LongshoreError
from longshore.oci.reference import Reference, parse_pull_line
from longshore.operations import Operations
from longshore.registry.config import RegistryConfig
from longshore.widgets.main_window import MainWindow
from longshore.wiring.archives import Archives
from longshore.wiring.copies import Copies
from longshore.wiring.pushes import Pushes
from longshore.wiring.shared import Shared


class Registries(QObject):
    """Connects Registries, Tags and the Pull… sheet. GUI thread."""

    def __init__(
        self,
        window: MainWindow,
        operations: Operations,
        shared: Shared,
        pushes: Pushes,
        copies: Copies,
        archives: Archives,
    ) -> None:
        super().__init__(window)
        self.window = window
        self.operations = operations
        self._shared = shared
        pane, registries = window.registry_pane, operations.registries
        # Queued: a drop must return before a sheet opens.
        pane.model.push_dropped.connect(pushes.push, Qt.ConnectionType.QueuedConnection)
        pane.model.copy_dropped.connect(copies.copy, Qt.ConnectionType.QueuedConnection)
        pane.model.load_dropped.connect(archives.load_into_registry, Qt.ConnectionType.QueuedConnection)
        pane.pull_requested.connect(shared.pull)
        pane.add_registry_requested.connect(self._add_registry)
        pane.remove_registry_requested.connect(registries.remove_registry)
        pane.refresh_requested.connect(self._refresh_node)
        pane.repository_selected.connect(registries.listing.list_tags)
        pane.pin_requested.connect(self._pin)
        pane.unpin_requested.connect(registries.unpin)
        pane.search_requested.connect(self._search)
        pane.paste_requested.connect(self._pull_box)
        pane.kind_requested.connect(registries.set_kind)
        pane.tags.show_hidden(registries.book.digest_tags_shown)
        pane.tags.hidden_toggled.connect(registries.book.show_digest_tags)
        pane.copy_reference_requested.connect(self._shared.to_clipboard)
        self.window.pull_box_requested.connect(self._pull_box)
        self.window.transfer_pane.remedy_requested.connect(pane.act_on)
        self.operations.transfers.tag_needed.connect(self._choose_tag)
        self.operations.pushed.connect(self._show_pushed)

    @Slot()
    def _add_registry(self) -> None:
        from longshore.widgets.dialogs.registry import AddRegistrySheet

        sheet = AddRegistrySheet(self.window)
        registries = self.operations.registries

        def wanted(config: RegistryConfig) -> RegistryConfig:
            # An existing registry keeps the settings that this sheet does not show.
            known = registries.book.config(config.host)
            return replace(
                known,
                insecure=config.insecure or known.insecure,
                ca_file=config.ca_file or known.ca_file,
                prefix=config.prefix or known.prefix,
                namespace=config.namespace or known.namespace,
            )

        def probe(config: RegistryConfig) -> None:
            probing = registries.settings.probe(wanted(config), partial(sheet.show_probe, config))
            sheet.finished.connect(probing.cancel)

        def add(config: RegistryConfig) -> None:
            def done(error: LongshoreError | None) -> None:
                sheet.answer(error)
                if error is None:
                    self.window.registry_pane.expand(config.host)

            registries.add_registry(wanted(config), done)

        sheet.probe_requested.connect(probe)
        sheet.add_requested.connect(add)
        sheet.open()

    @Slot(str, str)
    def _refresh_node(self, host: str, repository: str) -> None:
        self.operations.images.refresh()
        self.operations.states.check()
        self.operations.registries.sign_ins.load(*([host] if host else []))
        if repository:
            self.operations.registries.listing.refresh_tags()
        elif host:
            self.operations.registries.listing.refresh(host)
        else:
            self.operations.registries.listing.refresh_all()

    @Slot(str, str)
    def _search(self, host: str, query: str) -> None:
        listing = self.operations.registries.listing
        if query:
            listing.search(host, query)
        else:
            listing.leave_search(host)

    @Slot(str, str)
    def _pin(self, host: str, repository: str) -> None:
        if repository:
            self.operations.registries.pin(host, repository)
            return
        from longshore.widgets.dialogs.registry import PinSheet

        sheet = PinSheet(self.window, host, self.operations.registries.title(host))

        def pin(host: str, path: str) -> None:
            self.operations.registries.pin(host, path)
            self.window.registry_pane.select_repository(host, path)

        sheet.pin_requested.connect(pin)
        sheet.open()

    @Slot(str)
    def _pull_box(self, pasted: str = "") -> None:
        from longshore.widgets.dialogs.pull import PullSheet

        place = self._shared.place()
        if place is None:
            return
        sheet = PullSheet(
            self.window,
            place,
            pasted if _looks_pullable(pasted) else "",
            self._shared.place_name(place),
            self.operations.states.budget,
        )
        sheet.transfers_requested.connect(self.operations.transfers.ask)
        read = self.operations.contents.read_choices
        sheet.choices_requested.connect(lambda reference: read(reference, place, sheet.set_choices))
        sheet.open()

    @Slot(object, object)
    def _choose_tag(self, reference: Reference, tags: list[str]) -> None:
        from longshore.widgets.dialogs.pull import ChooseTagSheet

        sheet = ChooseTagSheet(self.window, reference, tags)
        sheet.chosen.connect(lambda chosen: self._shared.pull([chosen]))
        sheet.open()

    @Slot(object)
    def _show_pushed(self, reference: Reference) -> None:
        self.window.registry_pane.expand(reference.domain)


def _looks_pullable(text: str) -> bool:
    """Return True if *text* is probably a reference to pull: many words in a clipboard happen to be valid names."""
    if not ("/" in text or ":" in text):
        return False
    try:
        parse_pull_line(text)
    except LongshoreError:
        return False
    return True
