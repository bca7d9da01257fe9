"""The push sheet: the target name of each image, and what would be overwritten or lost, before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from longshore.application import pushes
from longshore.application.requests import LocalPlace
from longshore.oci.image_name import ImageName
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers.transfer import Endpoint
from longshore.widgets.dialogs.target_sheet import TargetSheet
from longshore.widgets.notices import plain_label

if TYPE_CHECKING:
    from longshore.engine.model import ImageDetails

#: Maximum images to name in the warning about lost platforms; the first ones are named.
_MOST_LINES = 4
#: Maximum images to ask the engine about.
_MOST_ASKED = 20


class PushSheet(TargetSheet):
    """Shows and checks every resulting reference. Several registries can be targets at once.

    With the engine's image (:meth:`set_local`) and the platforms at the targets (:meth:`set_platforms`), it warns of a
    push that leaves platforms behind: engines send one, and containerd's store only those that it has.
    """

    images_requested = Signal(object)  # list[ImageName]; answer with set_local
    # Instead of a push: an index of the target's image and this one, or a copy of all platforms from a registry.
    index_requested = Signal(object, object)  # Endpoint of the image, Reference of the target
    copy_requested = Signal(object, object)  # Reference in a registry, Reference of the target

    def __init__(
        self,
        parent: QWidget | None,
        images: Sequence[ImageName],
        place: LocalPlace,
        registries: Sequence[tuple[str, str]],  # host, user
        host: str,
        repository: str = "",
    ) -> None:
        title = (
            self.tr("Push {0}").format(images[0].shown)
            if len(images) == 1
            else self.tr("Push {0} images").format(len(images))
        )
        self._asked = list(images[:_MOST_ASKED])
        self._local: dict[ImageName, ImageDetails] = {}
        self._there: dict[Reference, tuple[Platform, ...]] = {}
        self.losses = plain_label("", "caution", wrap=True)
        self.losses.setVisible(False)
        self.index_button = self._other_way(self.tr("Make an index…"))
        self.index_button.clicked.connect(self._make_index)
        self.copy_button = self._other_way(self.tr("Copy all platforms…"))
        self.copy_button.clicked.connect(self._copy_all)
        sources = [Endpoint.of(place, image) for image in images]
        super().__init__(parent, title, self.tr("Push"), sources, registries, host, repository)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.losses, 1)
        row.addWidget(self.index_button)
        row.addWidget(self.copy_button)
        self.body.addLayout(row)

    @staticmethod
    def _other_way(words: str) -> QPushButton:
        button = QPushButton(words)
        button.setAutoDefault(False)
        button.setVisible(False)
        return button

    def look(self) -> None:
        """Request the engine's details of the first images. Call it once the signal is connected."""
        self.images_requested.emit(self._asked)

    def set_local(self, image: ImageName, found: ImageDetails) -> None:
        """Set the engine's details of an image to push."""
        self._local[image] = found
        whole = all(each.here for each in found.platforms)
        # The engine pushes only the part of an index that it has, under a different digest.
        self.targets.set_local(image, found.image_id if whole else "", found.repo_digests if whole else ())
        self._warn()

    def set_platforms(self, reference: Reference, platforms: tuple[Platform, ...]) -> None:
        """Set the platforms of the index that *reference* points to in its registry."""
        self._there[reference] = platforms
        if len(platforms) > 1:
            self.targets.set_index(reference)
        self._warn()

    def _checked(self, problem: str, references: list[Reference]) -> None:
        super()._checked(problem, references)
        self._warn()

    def _warn(self) -> None:
        lines = list(dict.fromkeys(line for pair in self.targets.good() for line in self._lost(*pair)))
        if len(lines) > _MOST_LINES:
            lines = [*lines[:_MOST_LINES], "…"]
        self.losses.setText("\n".join(lines))
        self.losses.setVisible(bool(lines))
        self.index_button.setVisible(self._to_join() is not None)
        self.copy_button.setVisible(self._to_copy() is not None)
        self.refit()

    def _to_join(self) -> tuple[Endpoint, Reference] | None:
        """The first image whose push takes platforms from its target."""
        for source, target in self.targets.good():
            local = self._local.get(source.name)
            if local is not None and pushes.lost(local, self._there.get(target, ())).gone:
                return source, target
        return None

    def _to_copy(self) -> tuple[Reference, Reference] | None:
        """The first image of which the engine lacks platforms that a registry has."""
        for source, target in self.targets.good():
            local = self._local.get(source.name)
            if local is not None and pushes.lost(local, ()).lacking:
                whole = pushes.whole_source(local, target)
                if whole is not None:
                    return whole, target
        return None

    @Slot()
    def _make_index(self) -> None:
        if (found := self._to_join()) is not None:
            self.reject()
            self.index_requested.emit(*found)

    @Slot()
    def _copy_all(self) -> None:
        if (found := self._to_copy()) is not None:
            self.reject()
            self.copy_requested.emit(*found)

    def _lost(self, source: Endpoint, target: Reference) -> list[str]:
        local = self._local.get(source.name)
        if local is None:
            return []
        there = self._there.get(target, ())
        lost = pushes.lost(local, there)
        lines = []
        if lost.lacking:
            words = self.tr("Only {1} will be pushed: the engine lacks the other platforms of {0}.")
            lines.append(words.format(source.name.shown, pushes.names(lost.sent)))
        if lost.gone:
            words = self.tr("{0} has {1} now; after this push, only {2}.")
            lines.append(words.format(target.familiar, pushes.names(there), pushes.names(lost.sent)))
        return lines
