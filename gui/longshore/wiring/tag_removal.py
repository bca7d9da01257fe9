"""The removal of tags from a registry."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot

from longshore.operations import Operations
from longshore.widgets.main_window import MainWindow


class TagRemoval(QObject):
    """Connects the sheet that removes tags. GUI thread."""

    def __init__(self, window: MainWindow, operations: Operations) -> None:
        super().__init__(window)
        self.window = window
        self.operations = operations
        window.registry_pane.remove_tags_requested.connect(self._remove_tags)

    @Slot(str, str, object)
    def _remove_tags(self, host: str, repository: str, tags: list[str]) -> None:
        from longshore.widgets.dialogs.tag_removal import RemoveTagsSheet

        removal = self.operations.registries.tag_removal
        sheet = RemoveTagsSheet(self.window, repository, tags)
        sheet.remove_requested.connect(lambda plan: removal.remove(plan, sheet.answer))
        looking = removal.look(host, repository, tags, sheet.show_plan)
        sheet.rejected.connect(looking.cancel)
        sheet.open()
