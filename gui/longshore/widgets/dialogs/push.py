"""The push sheet: what each image will be called, and what would be overwritten, before anything moves."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from longshore.oci.reference import Reference
from longshore.operations import PushTarget
from longshore.widgets.dialogs.targets import Source, TargetSheet


class PushSheet(TargetSheet):
    """Shows and checks every resulting reference; several registries can be targets at once."""

    push_requested = Signal(object)  # list[PushTarget]

    def __init__(
        self,
        parent: QWidget | None,
        sources: Sequence[Source],
        registries: Sequence[tuple[str, str]],  # host, user
        host: str,
        repository: str = "",
    ) -> None:
        title = (
            self.tr("Push {0}").format(sources[0].shown)
            if len(sources) == 1
            else self.tr("Push {0} images").format(len(sources))
        )
        super().__init__(parent, title, self.tr("Push"), sources, registries, host, repository)

    def ask(self, pairs: list[tuple[Source, Reference]]) -> bool:
        """Wish for the pushes."""
        self.push_requested.emit(
            [PushTarget(source.reference, source.image_id, target) for source, target in pairs]
        )
        return True
