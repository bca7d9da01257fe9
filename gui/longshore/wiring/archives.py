"""Archives: saves the selection, loads files that were chosen or dropped."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Slot

from longshore.errors import LongshoreError
from longshore.models.columns import Tone
from longshore.oci.image_name import ImageName
from longshore.oci.reference import Reference
from longshore.operations import Operations
from longshore.transfers.transfer import ArchivePlace, Endpoint, RegistryPlace, TransferRequest
from longshore.widgets.main_window import MainWindow
from longshore.wiring.image_lists import ImageLists
from longshore.wiring.shared import Shared
from longshore.words.errors import told


class Archives(QObject):
    """Connects Save… and Load…. GUI thread."""

    def __init__(self, window: MainWindow, operations: Operations, shared: Shared, lists: ImageLists) -> None:
        super().__init__(window)
        self.window = window
        self.operations = operations
        self._shared = shared
        self._lists = lists
        self._folder = Path.home()
        pane = window.image_pane
        pane.save_requested.connect(self._save_images)
        window.registry_pane.save_requested.connect(self._save_tags)
        pane.load_requested.connect(self._ask_for_archives)

    @Slot(object)
    def _save_images(self, images: list[ImageName]) -> None:
        place = self._shared.source()
        if place is not None:
            self._save([Endpoint.of(place, image) for image in images])

    @Slot(object)
    def _save_tags(self, references: list[Reference]) -> None:
        self._save([Endpoint(RegistryPlace(reference.domain), reference) for reference in references])

    def _save(self, sources: list[Endpoint]) -> None:
        from longshore.widgets.dialogs.archive import SaveSheet

        def save(requests: list[TransferRequest]) -> None:
            archive = requests[0].destination.place
            if isinstance(archive, ArchivePlace):
                self._folder = archive.path.parent
            self.operations.transfers.ask(requests)

        sheet = SaveSheet(self.window, sources, self._folder)
        sheet.transfers_requested.connect(save)
        sheet.open()

    @Slot()
    def _ask_for_archives(self) -> None:
        from longshore.widgets.dialogs.archive import ask_for_archives

        ask_for_archives(self.window, self._folder, lambda names: self.load([Path(name) for name in names]))

    @Slot(object)
    def load(self, files: list[Path]) -> None:
        """Load all images in *files* into the current place. Files that only name images are opened as lists."""
        from longshore.application.image_lists.reading import named_like_list

        lists = [file for file in files if named_like_list(file)]
        files = [file for file in files if file not in lists]
        self._lists.open(lists)
        place = self._shared.place() if files else None
        if place is None:
            return
        self._folder = files[0].parent
        self.operations.loading.load(files, place)

    @Slot(object, str, str)
    def load_into_registry(self, files: list[Path], host: str, repository: str) -> None:
        """Open the load sheet for the images in *files*. It offers *host* and *repository* ("" for none)."""
        from longshore.application.image_lists.reading import named_like_list

        lists = [file for file in files if named_like_list(file)]
        self._lists.open(lists, host, repository)
        files = [file for file in files if file not in lists]
        if not files:
            return

        def found(images: list[Endpoint], errors: list[LongshoreError]) -> None:
            for error in errors:
                words = f"{Path(error.subject).name}: {told(error)}"
                self.window.registry_pane.explain(words, Tone.BAD)
            if images:
                self._load_sheet(images, host, repository)

        self.operations.loading.look(files, found)

    def _load_sheet(self, images: list[Endpoint], host: str, repository: str) -> None:
        from longshore.widgets.dialogs.archive import LoadSheet

        sheet = LoadSheet(self.window, images, self._shared.registries(), host, repository)
        self._shared.answer_targets(sheet)
        sheet.open()
