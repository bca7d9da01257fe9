"""The push sheet: the target name of each image, and what would be overwritten or lost, before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

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
        sources = [Endpoint.of(place, image) for image in images]
        super().__init__(parent, title, self.tr("Push"), sources, registries, host, repository)
        self.body.addWidget(self.losses)

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
        self.refit()

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
