"""Introduces the window to the operations: what a pane wishes is asked for, what comes of it is shown."""

from __future__ import annotations

import base64
import binascii
import contextlib
import logging
from collections.abc import Mapping, Sequence

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtWidgets import QApplication

from longshore.engine.address import EngineAddress
from longshore.engine.model import EngineInfo, ImageDetails, ImageStore, LocalImage
from longshore.models import text
from longshore.models.columns import Tone
from longshore.oci.errors import LongshoreError
from longshore.oci.platform import Platform
from longshore.oci.reference import DOCKER_HUB, Reference, parse_pull_line
from longshore.operations import EngineState, EngineStatus, Operations
from longshore.registry.config import RegistryConfig
from longshore.settings import Folders, Settings
from longshore.widgets.main_window import MainWindow
from longshore.widgets.theme import Appearance, current_theme

_log = logging.getLogger(__name__)


class Wiring(QObject):
    """Owns the window and the operations. GUI thread."""

    closed = Signal()  # the window is gone and nothing more is wanted

    def __init__(
        self,
        folders: Folders,
        settings: Settings,
        environ: Mapping[str, str],
        *,
        engine_url: str | None,
        registries: list[RegistryConfig],
    ) -> None:
        super().__init__()
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        self._settings = settings
        self._asked_hosts = [config.host for config in registries]
        self._engines: list[EngineAddress] = []
        with contextlib.suppress(ValueError):
            current_theme().appearance = Appearance(settings.get("appearance", "system"))
        current_theme().install(application, current_theme().appearance)
        self.operations = Operations(folders, settings, environ, engine_url=engine_url, registries=registries)
        ops = self.operations
        self.window = MainWindow(ops.images, ops.registries, ops.tags, ops.transfers)
        self._connect_images()
        self._connect_registries()
        self._connect_transfers()
        self._connect_window()

    # -- life

    def show(self) -> None:
        """Put the window on the screen, where it was."""
        with contextlib.suppress(binascii.Error, ValueError):
            self.window.restore_state(base64.b64decode(self._settings.get("window", ""), validate=True))
        self.window.show()

    def start(self) -> None:
        """Begin the work behind the window; called when the loop runs."""
        self.operations.start()
        for host in self._asked_hosts:
            self.window.registry_pane.expand(host)
        if self._settings.problem:
            self.window.image_pane.explain(self._settings.problem, Tone.CAUTION)

    @Slot()
    def quit(self) -> None:
        """Close the window without asking; transfers are stopped by :meth:`close`."""
        self._settings.set("window", base64.b64encode(self.window.save_state()).decode())
        self.window.close_now()
        self.closed.emit()

    async def close(self) -> None:
        """Stop everything; returns when it has stopped."""
        await self.operations.close()

    @Slot()
    def unexpected(self) -> None:
        """Something failed that should not; the log has it."""
        self.window.image_pane.explain(
            self.tr("Something unexpected went wrong. The log has the details; the window goes on."), Tone.BAD
        )

    @Slot()
    def _close_wanted(self) -> None:
        running = self.operations.unfinished
        if not running:
            self.quit()
            return
        from longshore.widgets.dialogs.images import CloseSheet

        sheet = CloseSheet(self.window, running)
        sheet.accepted.connect(self.quit)
        sheet.open()

    def _connect_window(self) -> None:
        window, ops = self.window, self.operations
        window.close_wanted.connect(self._close_wanted)
        window.pull_box_requested.connect(self._pull_box)
        window.preferences_requested.connect(self._preferences)
        window.about_requested.connect(self._about)
        window.appearance_chosen.connect(lambda value: self._settings.set("appearance", value))
        ops.failed.connect(self._show_failure)

    @Slot(object)
    def _show_failure(self, error: LongshoreError) -> None:
        self.window.image_pane.explain(f"{error.message} {error.advice}".strip(), Tone.BAD)

    @Slot()
    def _about(self) -> None:
        from longshore.widgets.dialogs.preferences import AboutSheet

        AboutSheet(self.window).open()

    @Slot()
    def _preferences(self) -> None:
        from longshore.widgets.dialogs.preferences import PreferencesSheet

        sheet = PreferencesSheet(
            self.window, current_theme().appearance, self.operations.concurrency, self.operations.per_registry
        )
        sheet.chosen.connect(self._set_preferences)
        sheet.open()

    @Slot(str, int, int)
    def _set_preferences(self, appearance: str, concurrency: int, per_registry: int) -> None:
        self._settings.set("appearance", appearance)
        current_theme().set_appearance(Appearance(appearance))
        self.operations.set_limits(concurrency, per_registry)

    # -- left

    def _connect_images(self) -> None:
        pane, ops = self.window.image_pane, self.operations
        ops.engine_status_changed.connect(self._engine_changed)
        ops.engines_found.connect(self._engines_found)
        ops.images_changed.connect(self._images_changed)
        ops.pulled.connect(self._show_image)
        ops.images.pull_dropped.connect(self._pull, Qt.ConnectionType.QueuedConnection)
        pane.retry_engine_requested.connect(ops.retry_engine)
        pane.engine_selected.connect(self._select_engine)
        pane.pull_box_requested.connect(self._pull_box)
        pane.push_requested.connect(self._push_images)
        pane.tag_requested.connect(self._tag)
        pane.remove_requested.connect(self._remove)
        pane.details_requested.connect(self._image_details)
        pane.copy_reference_requested.connect(self._to_clipboard)
        pane.copy_id_requested.connect(self._to_clipboard)

    @Slot(object)
    def _engine_changed(self, status: EngineStatus) -> None:
        pane = self.window.image_pane
        if status.state is EngineState.CONNECTING:
            pane.set_connecting()
        elif status.state is EngineState.READY:
            pane.hush()
        elif status.error is not None:
            pane.set_engine_down(status.error.message, status.error.advice, status.error.subject)
        self._show_engines()

    @Slot()
    def _images_changed(self) -> None:
        if self.operations.engine.state is EngineState.READY:
            self.window.image_pane.set_ready()

    @Slot(object)
    def _engines_found(self, found: list[EngineAddress]) -> None:
        self._engines = found
        self._show_engines()

    def _show_engines(self) -> None:
        status = self.operations.engine
        engines = list(self._engines)
        if status.address is not None and status.address not in engines:
            engines.insert(0, status.address)
        self._engines = engines
        titles = []
        for address in engines:
            title = address.name
            if address == status.address and status.info is not None:
                title = f"{address.name}  ·  {_engine_title(status.info)}"
            titles.append(title)
        current = engines.index(status.address) if status.address in engines else -1
        self.window.image_pane.set_engines(titles, current)

    @Slot(int)
    def _select_engine(self, place: int) -> None:
        if 0 <= place < len(self._engines):
            self.operations.select_engine(self._engines[place])

    @Slot(object)
    def _show_image(self, reference: Reference) -> None:
        index = self.operations.images.index_of(reference)
        if index.isValid():
            self.window.image_pane.view.select_row(index)

    @Slot(object)
    def _tag(self, image: LocalImage) -> None:
        from longshore.widgets.dialogs.images import TagSheet

        sheet = TagSheet(self.window, _engine_name(image), _shown(image))
        sheet.tag_requested.connect(lambda source, target: self.operations.tag(source, target, self._told))
        sheet.open()

    @Slot(object)
    def _remove(self, images: list[LocalImage]) -> None:
        from longshore.widgets.dialogs.images import RemoveSheet

        names = [_engine_name(image) for image in images]
        chosen = set(names)
        last = 0
        for image_id in {image.image_id for image in images}:
            others = [other for other in self.operations.images.images if other.image_id == image_id]
            last += all(_engine_name(other) in chosen for other in others)
        sheet = RemoveSheet(
            self.window,
            names,
            [_shown(image) for image in images],
            in_use=sum(image.in_use for image in images),
            last=last,
        )
        sheet.remove_requested.connect(
            lambda names, force: self.operations.remove(names, force=force, done=self._told)
        )
        sheet.open()

    def _told(self, error: LongshoreError | None) -> None:
        """The end of something short that has no row: silence is success."""
        if error is not None:
            self._show_failure(error)

    @Slot(object)
    def _image_details(self, image: LocalImage) -> None:
        from longshore.widgets.dialogs.details import DetailsSheet

        sheet = DetailsSheet(self.window, _shown(image))
        sheet.copy_requested.connect(self._to_clipboard)

        def answer(found: ImageDetails | LongshoreError) -> None:
            sheet.show_image(found)

        self.operations.inspect(_engine_name(image), answer)
        sheet.open()

    @Slot(str)
    def _to_clipboard(self, text: str) -> None:
        QApplication.clipboard().setText(text)

    # -- right

    def _connect_registries(self) -> None:
        pane, ops = self.window.registry_pane, self.operations
        pane.pull_requested.connect(self._pull_selected)
        pane.pull_tag_requested.connect(lambda reference: self._pull([reference]))
        pane.copy_requested.connect(self._copy)
        pane.add_registry_requested.connect(self._add_registry)
        pane.remove_registry_requested.connect(ops.remove_registry)
        pane.sign_in_requested.connect(self._sign_in)
        pane.sign_out_requested.connect(lambda host: ops.sign_out(host, self._told))
        pane.refresh_requested.connect(self._refresh_node)
        pane.repository_selected.connect(ops.listing.list_tags)
        pane.pin_requested.connect(self._pin)
        pane.unpin_requested.connect(ops.unpin)
        pane.copy_reference_requested.connect(self._to_clipboard)
        pane.details_requested.connect(self._tag_details)
        ops.registries.push_dropped.connect(self._push_dropped, Qt.ConnectionType.QueuedConnection)
        ops.tag_needed.connect(self._choose_tag)
        ops.pushed.connect(self._show_pushed)

    @Slot(str, str)
    def _refresh_node(self, host: str, repository: str) -> None:
        self.operations.watch.refresh()
        if repository:
            self.operations.listing.refresh_tags()
        elif host:
            self.operations.listing.list_repositories(host)
        else:
            self.operations.listing.refresh_all()

    @Slot()
    def _add_registry(self) -> None:
        from longshore.widgets.dialogs.registry import AddRegistrySheet

        sheet = AddRegistrySheet(self.window)

        def add(config: RegistryConfig) -> None:
            self.operations.add_registry(config)
            self.window.registry_pane.expand(config.host)

        sheet.add_requested.connect(add)
        sheet.open()

    @Slot(str)
    def _sign_in(self, host: str) -> None:
        from longshore.widgets.dialogs.registry import SignInSheet

        sheet = SignInSheet(
            self.window,
            host,
            self.operations.title(host),
            user=self.operations.user(host),
            stored_in=self.operations.where_kept(host),
        )
        sheet.sign_in_requested.connect(
            lambda host, credential, keep: self.operations.sign_in(host, credential, keep=keep, done=sheet.answer)
        )
        sheet.accepted.connect(lambda: self.operations.retry_refused(host))
        sheet.open()

    @Slot(str, str)
    def _pin(self, host: str, repository: str) -> None:
        if repository:
            self.operations.pin(host, repository)
            return
        from longshore.widgets.dialogs.registry import PinSheet

        sheet = PinSheet(self.window, host, self.operations.title(host))

        def pin(host: str, path: str) -> None:
            self.operations.pin(host, path)
            self.window.registry_pane.select_repository(host, path)

        sheet.pin_requested.connect(pin)
        sheet.open()

    @Slot(object)
    def _tag_details(self, reference: Reference) -> None:
        from longshore.widgets.dialogs.details import DetailsSheet

        sheet = DetailsSheet(self.window, reference.familiar)
        sheet.copy_requested.connect(self._to_clipboard)
        self.operations.inspect_remote(reference, sheet.show_remote)
        sheet.open()

    # -- pull

    @Slot()
    def _pull_selected(self) -> None:
        chosen = self.window.registry_pane.selected_references()
        if not chosen:
            self._pull_box()
            return
        self._pull(chosen)

    @Slot(object)
    def _pull(self, references: list[Reference]) -> None:
        if not self._engine_ready():
            return
        for reference in references:
            if reference.tag or reference.digest:
                self.operations.pull([reference])
            else:
                self.operations.pull_repository(reference)

    def _engine_ready(self) -> bool:
        if self.operations.engine.address is not None:
            return True
        self.window.registry_pane.explain(self.tr("There is no engine to pull into or push from."), Tone.CAUTION)
        return False

    @Slot(str)
    def _pull_box(self, pasted: str = "") -> None:
        from longshore.widgets.dialogs.pull import PullSheet

        if not self._engine_ready():
            return
        address = self.operations.engine.address
        sheet = PullSheet(self.window, pasted if _looks_pullable(pasted) else "", address.name if address else "")

        def pull(reference: Reference, platform: Platform | None) -> None:
            self.operations.pull([reference], platform)

        sheet.pull_requested.connect(pull)
        sheet.open()

    @Slot(object, object)
    def _choose_tag(self, reference: Reference, tags: list[str]) -> None:
        from longshore.widgets.dialogs.pull import ChooseTagSheet

        sheet = ChooseTagSheet(self.window, reference, tags)
        sheet.chosen.connect(lambda chosen: self.operations.pull([chosen]))
        sheet.open()

    # -- push

    @Slot(object)
    def _push_images(self, images: list[LocalImage]) -> None:
        # An image that bears a registry's name is meant for it; else the registry one is looking at.
        own = {image.reference.domain for image in images if image.reference is not None} - {DOCKER_HUB}
        host = own.pop() if len(own) == 1 else self.window.registry_pane.current_host()
        self._push_sheet(
            [(image.reference, image.image_id) for image in images], host or self.operations.first_host(), ""
        )

    @Slot(object, str, object)
    def _push_dropped(self, dropped: list[Reference | str], host: str, repository: str | None) -> None:
        images = [(None, item) if isinstance(item, str) else (item, "") for item in dropped]
        self._push_sheet(images, host, repository or "")

    def _push_sheet(self, images: Sequence[tuple[Reference | None, str]], host: str, repository: str) -> None:
        from longshore.widgets.dialogs.push import PushSheet, PushSource

        if not self._engine_ready():
            return
        sources = [
            PushSource(reference, image_id, reference.familiar if reference else image_id[7:19])
            for reference, image_id in images
        ]
        registries = [(config.host, self.operations.user(config.host)) for config in self.operations.book.configs()]
        sheet = PushSheet(self.window, sources, registries, host, repository)
        alive = [True]
        sheet.destroyed.connect(lambda: alive.clear())

        def found(reference: Reference, answer: bool | LongshoreError) -> None:
            if alive:
                sheet.set_existing(reference, answer)

        sheet.existing_wanted.connect(lambda references: self.operations.find_existing(references, found))
        sheet.push_requested.connect(self.operations.push)
        sheet.open()

    @Slot(object)
    def _show_pushed(self, reference: Reference) -> None:
        self.window.registry_pane.expand(reference.domain)

    # -- across

    @Slot()
    def _copy(self) -> None:
        self.window.registry_pane.explain(
            self.tr("Copying from registry to registry comes with a later version; pull and push go there today.")
        )

    # -- below

    def _connect_transfers(self) -> None:
        pane, ops = self.window.transfer_pane, self.operations
        pane.cancel_requested.connect(ops.queue.cancel)
        pane.retry_requested.connect(ops.queue.retry)
        pane.retry_failed_requested.connect(ops.queue.retry_failed)
        pane.hold_toggled.connect(self._hold)
        pane.clear_finished_requested.connect(ops.queue.clear_finished)
        pane.remove_requested.connect(ops.queue.clear_finished)
        pane.move_requested.connect(self._move)
        pane.copy_reference_requested.connect(self._to_clipboard)
        pane.sign_in_requested.connect(self._sign_in)
        ops.tally_changed.connect(self._tally)

    @Slot(bool)
    def _hold(self, held: bool) -> None:
        if held:
            self.operations.queue.hold()
        else:
            self.operations.queue.resume()
        self.window.transfer_pane.set_held(held)

    @Slot(object, int)
    def _move(self, ids: list[str], rows: int) -> None:
        for row in ids if rows < 0 else reversed(ids):
            self.operations.queue.move(row, rows)

    @Slot()
    def _tally(self) -> None:
        running = self.operations.unfinished
        self.window.setWindowTitle(self.tr("Longshore — {0} running").format(running) if running else "Longshore")


def _engine_title(info: EngineInfo) -> str:
    maker = "Podman" if info.store is ImageStore.PODMAN else "Docker"
    return f"{maker} {text.safe(info.version)}"


def _engine_name(image: LocalImage) -> str:
    """What the engine knows the image by: its reference, or its id where it has none."""
    return str(image.reference) if image.reference is not None else image.image_id


def _shown(image: LocalImage) -> str:
    return image.reference.familiar if image.reference is not None else image.image_id[7:19]


def _looks_pullable(text: str) -> bool:
    """A clipboard often holds a word that happens to be a valid name; only what looks meant is filled in."""
    if not ("/" in text or ":" in text):
        return False
    try:
        parse_pull_line(text)
    except LongshoreError:
        return False
    return True
