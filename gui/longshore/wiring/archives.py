"""Archives: saving what is selected, loading files that were chosen or dropped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Slot

from longshore.application import requests
from longshore.errors import LongshoreError
from longshore.models import text
from longshore.models.columns import Tone
from longshore.models.errors import told
from longshore.oci.local_image import LocalImage
from longshore.oci.reference import Reference
from longshore.operations import LocalPlace, Operations
from longshore.operations.loading import Held
from longshore.transfers.transfer import ArchivePlace, EnginePlace, RegistryPlace
from longshore.widgets.main_window import MainWindow
from longshore.wiring.shared import Shared

if TYPE_CHECKING:
    from longshore.widgets.dialogs.archive import Saved


class Archives(QObject):
    """Connects Save… and Load…. GUI thread."""

    def __init__(self, window: MainWindow, operations: Operations, shared: Shared) -> None:
        super().__init__(window)
        self.window = window
        self.operations = operations
        self._shared = shared
        self._folder = Path.home()
        pane = window.image_pane
        pane.save_requested.connect(self._save_images)
        window.registry_pane.save_requested.connect(self._save_tags)
        pane.load_requested.connect(self._ask_for_archives)
        pane.model.load_dropped.connect(self._load, Qt.ConnectionType.QueuedConnection)
        window.registry_pane.model.load_dropped.connect(
            self._load_into_registry, Qt.ConnectionType.QueuedConnection
        )

    @Slot(object)
    def _save_images(self, images: list[LocalImage]) -> None:
        from longshore.widgets.dialogs.archive import Saved

        place = self._shared.place()
        if place is None:
            return
        # What the library has is kept to the byte in its own format; engines are used to docker's.
        kept = "docker" if isinstance(place, EnginePlace) else "oci"
        self._save(
            [Saved(image.reference, image.image_id, self._shared.shown(image)) for image in images],
            place,
            kept,
        )

    @Slot(object)
    def _save_tags(self, references: list[Reference]) -> None:
        from longshore.widgets.dialogs.archive import Saved

        self._save([Saved(reference, "", reference.familiar) for reference in references], None, "oci")

    def _save(self, images: Sequence[Saved], place: LocalPlace | None, format_kept: str) -> None:
        from longshore.widgets.dialogs.archive import SaveSheet

        sheet = SaveSheet(self.window, images, self._folder, format_kept=format_kept)

        def save(chosen: list[tuple[Saved, ArchivePlace]]) -> None:
            self._folder = chosen[0][1].path.parent
            self.operations.transfers.ask(
                requests.save(
                    saved.reference,
                    saved.image_id,
                    place or RegistryPlace(saved.reference.domain if saved.reference else ""),
                    archive,
                )
                for saved, archive in chosen
            )

        sheet.save_requested.connect(save)
        sheet.open()

    @Slot()
    def _ask_for_archives(self) -> None:
        from longshore.widgets.dialogs.archive import ask_for_archives

        ask_for_archives(self.window, self._folder, lambda names: self._load([Path(name) for name in names]))

    @Slot(object)
    def _load(self, files: list[Path]) -> None:
        place = self._shared.place()
        if place is None or not files:
            return
        self._folder = files[0].parent
        self.operations.loading.load(files, place)

    @Slot(object, str, object)
    def _load_into_registry(self, files: list[Path], host: str, repository: str | None) -> None:
        def found(held: list[Held], errors: list[LongshoreError]) -> None:
            for error in errors:
                words = f"{Path(error.subject).name}: {told(error)}"
                self.window.registry_pane.explain(words, Tone.BAD)
            if held:
                self._load_sheet(held, host, repository or "")

        self.operations.loading.look(files, found)

    def _load_sheet(self, held: list[Held], host: str, repository: str) -> None:
        from longshore.widgets.dialogs.archive import LoadSheet
        from longshore.widgets.dialogs.targets import Source

        archives: dict[Source, ArchivePlace] = {}
        for one in held:
            name = one.reference.familiar if one.reference else one.digest[7:19]
            shown = text.safe(f"{name} ({one.archive.path.name})")
            archives[Source(one.reference, one.digest, shown, one.digest)] = one.archive
        sheet = LoadSheet(self.window, list(archives), self._shared.registries(), host, repository)
        self._shared.answer_targets(sheet)

        def load(pairs: list[tuple[Source, Reference]]) -> None:
            self.operations.transfers.ask(
                requests.publish(
                    archives[source], source.reference, "" if source.reference else source.image_id, target
                )
                for source, target in pairs
            )

        sheet.load_requested.connect(load)
        sheet.open()
