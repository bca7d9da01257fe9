"""The removal of tags from a registry."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot

from longshore.errors import LongshoreError
from longshore.operations import Operations
from longshore.widgets.main_window import MainWindow
from longshore.wiring.undo import Undo
from longshore.words import text


class TagRemoval(QObject):
    """Connects the sheet that removes tags. GUI thread."""

    def __init__(self, window: MainWindow, operations: Operations, undo: Undo) -> None:
        super().__init__(window)
        self.window = window
        self.operations = operations
        self._undo = undo
        window.registry_pane.remove_tags_requested.connect(self._remove_tags)

    @Slot(str, str, object)
    def _remove_tags(self, host: str, repository: str, tags: list[str]) -> None:
        from longshore.widgets.dialogs.tag_removal import RemoveTagsSheet

        removal = self.operations.registries.tag_removal
        sheet = RemoveTagsSheet(self.window, repository, tags)

        def removed(error: LongshoreError | None) -> None:
            sheet.answer(error)
            if error is None:
                self._undo.offer(self.window.registry_pane, self._removed_text(repository, tags))

        sheet.remove_requested.connect(lambda plan: removal.remove(plan, removed))
        looking = removal.look(host, repository, tags, sheet.show_plan)
        sheet.rejected.connect(looking.cancel)
        sheet.open()

    def _removed_text(self, repository: str, tags: list[str]) -> str:
        if len(tags) == 1:
            return self.tr("Removed {0}:{1}.").format(text.safe(repository), text.safe(tags[0]))
        return self.tr("Removed {0} tags of {1}.").format(len(tags), text.safe(repository))
