"""Local images: one row per reference, kept up to date without disturbing the selection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from PySide6.QtCore import QMimeData, QModelIndex, QObject, Qt, QTimer, Signal

from longshore.language import tr
from longshore.models import image_choices, mime, sieve
from longshore.models.columns import Dress, ImageColumn, Role
from longshore.models.row_table import Index, RowChoice, RowTable
from longshore.models.short_names import short_names
from longshore.models.state_cells import (
    STATE_ROLES,
    ImageStates,
    Named,
    state_hint,
    state_order,
    state_text,
    state_tone,
)
from longshore.models.tooltips import tooltip
from longshore.models.transition import never_raises
from longshore.words import text

if TYPE_CHECKING:
    from pathlib import Path

    from longshore.application.requests import LocalPlace
    from longshore.application.states import Compared
    from longshore.models.image_row import ImageRow, PlacedImages
    from longshore.oci.local_image import LocalImage
    from longshore.oci.reference import Reference

_Item = Qt.ItemDataRole
_STRONG = frozenset({ImageColumn.REPOSITORY, ImageColumn.TAG})
_DIM = frozenset({ImageColumn.IMAGE_ID, ImageColumn.CREATED, ImageColumn.PLACE, ImageColumn.PLATFORM})


class ImageModel(RowTable["ImageRow"]):
    """The images of an engine or of the library. GUI thread only."""

    #: Remote references were dropped here: list[Reference], those without tag are whole repositories.
    #: Connect it queued: the drop must return before a sheet opens.
    pull_dropped = Signal(object)
    #: Files were dropped here, perhaps archives: list[Path]. Connect it queued.
    load_dropped = Signal(object)
    #: A folder with a Dockerfile was dropped here: its path. Connect it queued.
    folder_dropped = Signal(str)
    #: The platforms of the images are needed: the column is shown, or a filter offers them.
    platforms_wanted = Signal()
    #: The view shows these images: list[LocalImage].
    rows_seen = Signal(object)

    _columns = ImageColumn
    _numbers = frozenset({ImageColumn.SIZE})

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        #: Sizes are compressed sizes, as in the library, not sizes on an engine's disk.
        self._compressed = False
        self._looked: tuple[Path | None, str] = (
            None,
            "",
        )  # the latest dragged folder, and whether it can be built
        self._by_key: dict[tuple[LocalPlace | None, Reference | None, str, int], ImageRow] = {}
        self._parts: Sequence[PlacedImages] = ()
        self._pinned: frozenset[str] = frozenset()
        #: By image ID, in full; None until somebody wants them.
        self._platforms: Mapping[str, tuple[str, ...]] | None = None
        self._wanting = QTimer(self)
        self._wanting.setSingleShot(True)
        self._wanting.setInterval(0)
        self._wanting.timeout.connect(self.platforms_wanted)
        self._states = ImageStates()

    def set_compressed(self, compressed: bool) -> None:
        """Set whether sizes are compressed sizes from now on. Set the images next."""
        if compressed != self._compressed:
            self._compressed = compressed
            self.headerDataChanged.emit(Qt.Orientation.Horizontal, ImageColumn.SIZE, ImageColumn.SIZE)

    @property
    def compressed(self) -> bool:
        """True if sizes are compressed sizes."""
        return self._compressed

    def set_images(self, images: Sequence[LocalImage]) -> None:
        """Show *images*, those of one place. Rows that stay keep their selection, even if their name now points to
        another image."""
        from longshore.models.image_row import PlacedImages  # needed with the first images, not at start

        self.set_places([PlacedImages(images, self._compressed)])

    def set_places(self, parts: Sequence[PlacedImages]) -> None:
        """Show the images of several places, or of one; see :meth:`set_images`."""
        from longshore.models.image_row import ImageRow

        before = self._by_key
        self._by_key, self._parts = {}, parts
        changed: set[ImageRow] = set()
        for part, image in [(each, image) for each in parts for image in each.images]:
            # An unnamed image is identified by itself, a named one by its name.
            name = "" if image.reference is not None else image.image_id
            number = 0  # distinguishes duplicates that an engine lists
            while (key := (part.place, image.reference, name, number)) in self._by_key:
                number += 1
            row = before.get(key)
            if row is None:
                row = ImageRow(image, part)
            else:
                row.place = part
                if row.image != image:
                    row.set_image(image)
                    changed.add(row)
            row.platforms = (self._platforms or {}).get(image.image_id)
            self._by_key[key] = row
        self._all = sorted(self._by_key.values(), key=lambda row: row.base_key())
        self._shorten()
        self._arrange()
        if changed:
            self._tell_changed(changed)

    def _shorten(self) -> None:
        """Set the short forms of names: without registry, then without leading path, as long as the rest is unique."""
        short = short_names(row.repository for row in self._all)
        for row in self._all:
            row.short = short[row.repository]

    @property
    def parts(self) -> Sequence[PlacedImages]:
        """The shown places with their images."""
        return self._parts

    @property
    def pinned(self) -> frozenset[str]:
        """The references that clean-ups never remove, in full."""
        return self._pinned

    def set_pinned(self, pinned: frozenset[str]) -> None:
        """Set which references are pinned."""
        changed = pinned ^ self._pinned
        self._pinned = pinned
        if rows := {row for row in self._all if str(row.image.reference) in changed}:
            self._tell_changed(rows)

    # -- filters beside the words

    def choices(self) -> list[RowChoice]:
        return image_choices.choices(self._all, compressed=self._compressed)

    def _has(self, row: ImageRow, key: str) -> bool:
        return image_choices.passes(row, self._states.state(row), key)

    def prepare_choices(self) -> None:
        self.want_platforms()

    def want_platforms(self) -> None:
        """Request the platforms of the images, unless that was done already."""
        if self._platforms is None:
            self._platforms = {}
            self._wanting.start()

    @property
    def wants_platforms(self) -> bool:
        """True if the platforms of new images are needed, too."""
        return self._platforms is not None

    def set_platforms(self, platforms: Mapping[str, tuple[str, ...]]) -> None:
        """Set the platforms of images, by image ID; those that are not known are missing."""
        self._platforms = platforms
        changed = set()
        for row in self._all:
            found = platforms.get(row.image.image_id)
            if found != row.platforms:
                row.platforms = found
                changed.add(row)
        if changed:
            self._tell_changed(changed, ImageColumn.PLATFORM, ImageColumn.PLATFORM)
            if self._sort_column == ImageColumn.PLATFORM or "platform" in self._chosen:
                self._arrange()
            self.choices_changed.emit()

    def set_states(
        self, states: Mapping[Named, Compared | None], *, changed: Iterable[Named] | None = None
    ) -> None:
        """Set the states of the images, by place (as in PlacedImages) and reference; None while one is not known.

        *changed*: those that may have changed, None for all.
        """
        names = self._states.set(states, changed=changed)
        if not names:
            return
        rows = {row for row in self._all if (row.place.place, row.image.reference) in names}
        self._tell_changed(rows, ImageColumn.STATE, ImageColumn.STATE)
        moved = {row for row in rows if names[row.place.place, cast("Reference", row.image.reference)]}
        if moved and self._sort_column == ImageColumn.STATE:
            self._arrange()
        elif moved and not self._chosen.keys().isdisjoint(("newer", "local")):
            self._sift()

    def see(self, first: int, last: int) -> None:
        """Report that the view shows the rows *first* to *last*."""
        if seen := [row.image for row in self._rows[max(first, 0) : last + 1]]:
            self.rows_seen.emit(seen)

    def mark_fresh(self, sought: Reference | str, place: LocalPlace | None = None) -> None:
        """Mark the row of *sought*, see :meth:`index_of`, as new, until :meth:`seen` or :meth:`forget_fresh`."""
        self._set_fresh({row for row in self._all if _is(row, sought, place) and not row.fresh}, True)

    def seen(self, indexes: Iterable[Index]) -> None:
        """Remove the marks of *indexes*, which the user has selected."""
        self._set_fresh({row for row in self._rows_of(indexes) if row.fresh}, False)

    def forget_fresh(self) -> None:
        """Remove all marks, because the rows are about to show another place."""
        self._set_fresh({row for row in self._all if row.fresh}, False)

    def _set_fresh(self, rows: set[ImageRow], fresh: bool) -> None:
        for row in rows:
            row.fresh = fresh
        if rows:
            self._tell_changed(rows)

    @property
    def fresh_count(self) -> int:
        """The number of rows marked as new, including filtered ones."""
        return sum(row.fresh for row in self._all)

    @property
    def images(self) -> list[LocalImage]:
        """All images, in base order."""
        return [row.image for row in self._all]

    def refresh_ages(self) -> None:
        """Report to views that the ages have changed. The owner calls it about once a minute."""
        if self._rows:
            column = ImageColumn.CREATED
            self.dataChanged.emit(self.index(0, column), self.index(len(self._rows) - 1, column))

    def index_of(self, sought: Reference | str, place: LocalPlace | None = None) -> QModelIndex:
        """Return the index of a reference (``latest`` if it has neither tag nor digest), or of the image without a name
        that has this ID; invalid if it is not shown. *place*: only there, if several places are shown."""
        for number, row in enumerate(self._rows):
            if _is(row, sought, place):
                return self.index(number, 0)
        return QModelIndex()

    def _sieve_for(self, words: str) -> sieve.Sieve:
        return sieve.for_images(words)

    # -- content

    def _header(self, column: int, role: int) -> Any:
        if role == _Item.DisplayRole:
            return {
                ImageColumn.REPOSITORY: tr("Repository"),
                ImageColumn.TAG: tr("Tag"),
                ImageColumn.IMAGE_ID: tr("Image ID"),
                ImageColumn.CREATED: tr("Created"),
                ImageColumn.SIZE: tr("Compressed") if self._compressed else tr("Size"),
                ImageColumn.IN_USE: tr("In use"),
                ImageColumn.PLACE: tr("Place"),
                ImageColumn.PLATFORM: tr("Platform"),
                ImageColumn.STATE: tr("State"),
            }[ImageColumn(column)]
        if role == _Item.ToolTipRole and column == ImageColumn.SIZE:
            if len({part.compressed for part in self._parts}) > 1:
                return tr("Size on disk in engines, compressed size in the library.")
            if self._compressed:
                return tr("Compressed size of all platforms stored here. Shared layers are stored once.")
            return tr(
                "Size on disk as reported by the engine. Shared layers are counted in every image that "
                "uses them."
            )
        if role == _Item.ToolTipRole and column == ImageColumn.IN_USE:
            return tr("Containers created from the image, running or stopped.")
        if role == _Item.ToolTipRole and column == ImageColumn.STATE:
            return state_hint()
        return None

    def _sort_key(self, row: ImageRow, column: int) -> Any:
        if column == ImageColumn.STATE:
            return state_order(self._states.state(row))
        return row.sort_key(column)

    def _dress(self, row: ImageRow, column: int) -> Dress:
        if column == ImageColumn.STATE:
            state = self._states.state(row)
            return Dress(state_text(state), state_tone(state), dim=row.image.reference is None)
        if column == ImageColumn.PLATFORM:
            self.want_platforms()  # the view asks only for columns that it shows
        unnamed = row.image.reference is None
        return Dress(
            row.text(column),
            strong=not unnamed and column in _STRONG,
            dim=unnamed or column in _DIM,
            fixed_width=column == ImageColumn.IMAGE_ID,
        )

    def _value(self, row: ImageRow, column: int, role: int) -> Any:
        if column == ImageColumn.STATE and role in STATE_ROLES:
            return self._states.value(row, role)
        if role in (_Item.DisplayRole, _Item.AccessibleTextRole):
            if column == ImageColumn.PLATFORM:
                self.want_platforms()  # the view asks only for columns that it shows
            return row.text(column)
        image = row.image
        if role in (_Item.ToolTipRole, _Item.AccessibleDescriptionRole):
            words = row.whole(column)
            if column == ImageColumn.TAG and str(image.reference) in self._pinned:
                words += "\n" + tr("Pinned: clean-ups never remove it.")
            return tooltip(words) if role == _Item.ToolTipRole else words
        if role == Role.IMAGE:
            return image
        if role == Role.REFERENCE:
            return image.reference
        if role == Role.PLACE:
            return row.place.place
        if role == Role.SORT:
            return self._sort_key(row, column)
        if role == Role.STATE:
            return self._states.state(row)
        if role == Role.FRESH:
            return row.fresh
        if role == Role.PINNED:
            return str(image.reference) in self._pinned
        if role == Role.SHORT:
            if column == ImageColumn.REPOSITORY:
                return row.short
            return (row.short_age,) if column == ImageColumn.CREATED else ()
        if role == Role.DANGLING:
            return image.dangling
        if role == Role.TAG:
            return row.tag_or_nothing
        if role == Role.COPY_TEXT:
            return image.name.copied
        if role == Role.STRONG:
            return image.reference is not None and column in _STRONG
        if role == Role.DIM:
            return image.reference is None or column in _DIM
        if role == Role.FIXED_WIDTH:
            return column == ImageColumn.IMAGE_ID
        return None

    # -- drag and drop

    def flags(self, index: Index) -> Qt.ItemFlag:
        # A drop is accepted anywhere on the table: on a row, between rows, below them.
        return super().flags(index) | Qt.ItemFlag.ItemIsDropEnabled

    def mimeTypes(self) -> list[str]:
        return [mime.REFERENCES, mime.PLAIN, mime.FILES]

    def mimeData(self, indexes: Iterable[Index]) -> QMimeData:
        return mime.encode(mime.DragKind.LOCAL, (row.image.name for row in self._rows_of(indexes)))

    def _built(self, files: list[Path]) -> str:
        """The folder with a Dockerfile that *files* are, "" for anything else. It is looked up once per folder."""
        if len(files) != 1:
            return ""
        if files[0] != self._looked[0]:
            from longshore.building.folder import find_dockerfile

            try:
                found = files[0].is_dir() and find_dockerfile(files[0]) is not None
            except (OSError, ValueError):
                found = False
            self._looked = (files[0], str(files[0]) if found else "")
        return self._looked[1]

    def drop_hint(self, data: QMimeData) -> tuple[bool, str]:
        """Return whether *data* may be dropped here, and a line that says what would happen or why not."""
        files = mime.dropped_files(data)
        if mime.are_lists(files):
            return True, tr("Open the list of images")
        if self._built(files):
            if self._compressed:
                return False, tr("The library can't build images")
            return True, tr("Build {name}").replace("{name}", text.safe(files[0].name))
        if files:
            return True, tr("Load {name}").replace(
                "{name}", text.safe(files[0].name) if len(files) == 1 else text.archives(len(files))
            )
        dragged = mime.decode(data)
        if dragged is None:
            return False, tr("Only images from a registry and archives can be dropped here")
        if dragged.kind is mime.DragKind.LOCAL:
            return False, tr("These images are already here")
        if len(dragged.images) == 1:
            return True, tr("Pull {name}").replace("{name}", text.safe(dragged.images[0].shown))
        return True, tr("Pull {what}").replace("{what}", text.images(len(dragged.images)))

    @never_raises(default=False)
    def canDropMimeData(
        self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index
    ) -> bool:
        return action == Qt.DropAction.CopyAction and self.drop_hint(data)[0]

    @never_raises(default=False)
    def dropMimeData(
        self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index
    ) -> bool:
        if not self.canDropMimeData(data, action, row, column, parent):
            return False
        files = mime.dropped_files(data)
        if folder := self._built(files):
            self.folder_dropped.emit(folder)
            return True
        if files:
            self.load_dropped.emit(files)
            return True
        dragged = mime.decode(data)
        if dragged is None:
            return False
        self.pull_dropped.emit(dragged.references)
        return True


def _is(row: ImageRow, sought: Reference | str, place: LocalPlace | None) -> bool:
    if place is not None and row.place.place not in (None, place):
        return False
    image = row.image
    if isinstance(sought, str):
        return image.reference is None and image.image_id == sought
    return image.reference is not None and image.reference in (sought.with_default_tag(), sought)
