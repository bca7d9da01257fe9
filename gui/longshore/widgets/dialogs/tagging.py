"""Tag…: further names for one image, or the same registry and tag for several."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QColor, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from longshore.application.tagging import Effect, NewName, Wanted, derived, parse_name, plan
from longshore.errors import LongshoreError
from longshore.oci.image_name import ImageName
from longshore.oci.local_image import LocalImage
from longshore.oci.reference import Reference
from longshore.widgets import icons
from longshore.widgets.dialogs.sheet import TABLE_ROW, Sheet, sheet_table
from longshore.widgets.notices import plain_label
from longshore.widgets.theme import current_theme
from longshore.words import errors

#: Names that can be given at once.
MOST_NAMES = 20
#: Names and images visible without scrolling.
_VISIBLE = 6
_IMAGE, _NAME, _RESULT = range(3)  # columns


def _result(name: NewName, *, library: bool) -> tuple[str, str]:
    """Return what giving *name* does, in a sentence, and its role in the style sheet."""
    translate = QCoreApplication.translate
    if name.effect is Effect.SAME:
        return translate("TagSheet", "The image already has this name."), "dim"
    if name.effect is Effect.TWICE:
        return translate("TagSheet", "This name is used twice."), "error"
    if name.other is None:
        return str(name.target), "dim"
    words = translate("TagSheet", "Moves the tag from another image, {0}.")
    if name.effect is Effect.LAST:
        words = (
            translate("TagSheet", "Moves the tag from another image, {0}, which is then removed.")
            if library
            else translate("TagSheet", "Moves the tag from another image, {0}, which then has no name.")
        )
    return words.format(name.other.short), "caution"


class _NameRow(QWidget):
    """A field for one name, with what it does below."""

    changed = Signal()
    removed = Signal()

    def __init__(self, text: str) -> None:
        super().__init__()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(3)
        line = QHBoxLayout()
        line.setSpacing(6)
        self.field = QLineEdit(text)
        self.field.setPlaceholderText("registry.example.com/team/app:1.0")
        self.field.setMaxLength(600)
        self.field.textChanged.connect(self.changed)
        line.addWidget(self.field, 1)
        self.remove = QPushButton()
        self.remove.setProperty("quiet", True)
        self.remove.setFixedWidth(28)
        self.remove.setAutoDefault(False)
        self.remove.setIcon(icons.icon("cancel", current_theme().dim))
        self.remove.setAccessibleName(self.tr("Remove this name"))
        self.remove.setToolTip(self.tr("Remove this name"))
        self.remove.clicked.connect(self.removed)
        line.addWidget(self.remove)
        outer.addLayout(line)
        self.note = plain_label("", "dim", wrap=True)
        outer.addWidget(self.note)

    def text(self) -> str:
        """Return the name without spaces around it."""
        return self.field.text().strip()

    def say(self, words: str, role: str) -> None:
        """Show *words* below the field."""
        _say(self.note, words, role)
        self.note.setVisible(bool(words))
        self.field.setAccessibleDescription(words)
        self.field.setProperty("invalid", role == "error" and bool(words))
        self.field.style().unpolish(self.field)
        self.field.style().polish(self.field)


def _say(label: QLabel, words: str, role: str) -> None:
    label.setText(words)
    if label.property("role") != role:
        label.setProperty("role", role)
        label.style().unpolish(label)
        label.style().polish(label)


class _Tagging(Sheet):
    """What both sheets share: the verb is enabled while there is something to do.

    The owner answers :attr:`tag_requested` with :meth:`answer`.
    """

    tag_requested = Signal(object)  # list[Wanted]

    def __init__(
        self, parent: QWidget | None, title: str, listed: Sequence[LocalImage], *, library: bool, width: int
    ) -> None:
        super().__init__(parent, title, self.tr("Tag"), width=width)
        self._listed = list(listed)
        self._library = library
        self._wanted: list[Wanted] = []

    def _allow(self, names: Sequence[NewName], problem: str) -> None:
        """Enable the verb for *names*, or disable it because of *problem*."""
        self._wanted = [(name.image, name.target) for name in names if name.changes]
        if not problem and not self._wanted:
            problem = self.tr("There is no new name.")
        self.confirm.setEnabled(not problem)
        self.confirm.setToolTip(problem)
        self.confirm.setAccessibleDescription(problem)

    def check(self) -> bool:
        """Request the new names; the sheet stays until they are given."""
        self.set_busy(True)
        self.tag_requested.emit(self._wanted)
        return False


class TagSheet(_Tagging):
    """Asks for further names for one image. *listed*: all images of the place; *library*: it is the library."""

    def __init__(
        self, parent: QWidget | None, image: ImageName, listed: Sequence[LocalImage], *, library: bool
    ) -> None:
        title = self.tr("Tag {0}").format(image.shown)
        super().__init__(parent, title, listed, library=library, width=520)
        self._image = image
        self.rows: list[_NameRow] = []
        place = QWidget()
        self._names = QVBoxLayout(place)
        self._names.setContentsMargins(0, 0, 0, 0)
        self._names.setSpacing(8)
        self._names.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._scroll = QScrollArea()
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setWidget(place)
        self._scroll.viewport().setAutoFillBackground(False)
        place.setAutoFillBackground(False)
        self.body.addWidget(self._scroll)
        self.add = QPushButton(self.tr("Add name"))
        self.add.setAutoDefault(False)
        self.add.clicked.connect(self._another)
        foot = QHBoxLayout()
        foot.addWidget(self.add)
        foot.addStretch(1)
        self.body.addLayout(foot)
        first = self.add_name("" if image.reference is None else image.shown)
        first.field.selectAll()
        first.field.setFocus()

    def add_name(self, text: str = "") -> _NameRow:
        """Add a field with *text* and return its row."""
        row = _NameRow(text)
        row.changed.connect(self._changed)
        row.removed.connect(lambda: self._remove(row))
        last = self.rows[-1].remove if self.rows else None
        self.rows.append(row)
        self._names.addWidget(row)
        row.show()  # a layout would do so later, and the next key may come before
        for before, after in ((last, row.field), (row.field, row.remove), (row.remove, self.add)):
            if before is not None:
                QWidget.setTabOrder(before, after)
        self._changed()
        return row

    @Slot()
    def _another(self) -> None:
        row = self.add_name()
        row.field.setFocus()
        QTimer.singleShot(0, self, lambda: self._scroll.ensureWidgetVisible(row))  # once it has its place

    def _remove(self, row: _NameRow) -> None:
        place = self.rows.index(row)
        self.rows.remove(row)
        self._names.removeWidget(row)
        row.hide()
        row.deleteLater()
        self.rows[min(place, len(self.rows) - 1)].field.setFocus()
        self._changed()

    @Slot()
    def _changed(self) -> None:
        """Check all names and say below each what it does."""
        found: list[tuple[_NameRow, Reference]] = []
        problem = ""
        for row in self.rows:
            try:
                if row.text():
                    found.append((row, parse_name(row.text())))
                else:
                    row.say("", "dim")
            except LongshoreError as error:
                row.say(errors.message(error), "error")
                problem = problem or errors.message(error)
        names = plan(self._listed, [(self._image, name) for _, name in found])
        for (row, _), name in zip(found, names, strict=True):
            words, role = _result(name, library=self._library)
            row.say(self.tr("New tag") if words == row.text() else words, role)
            problem = problem or (words if role == "error" else "")
        for number, row in enumerate(self.rows, 1):
            several = len(self.rows) > 1
            row.remove.setVisible(several)
            row.field.setAccessibleName(
                self.tr("New name {0}").format(number) if several else self.tr("New name")
            )
        full = len(self.rows) >= MOST_NAMES
        self.add.setEnabled(not full)
        self.add.setToolTip(self.tr("At most {0} names at once.").format(MOST_NAMES) if full else "")
        self._allow(names, problem)
        self._share_height()
        self.refit()

    def _share_height(self) -> None:
        """Make the list as high as its rows, up to :data:`_VISIBLE`."""
        self._names.activate()
        margins = self.layout().contentsMargins()  # type: ignore[union-attr]
        room = max(self.width(), self.minimumWidth()) - margins.left() - margins.right()
        heights = [row.layout().heightForWidth(room) for row in self.rows]  # type: ignore[union-attr]
        shown = heights[:_VISIBLE]
        self._scroll.setFixedHeight(sum(shown) + self._names.spacing() * (len(shown) - 1) + 2)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's hook."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._share_height()


class TagSeveralSheet(_Tagging):
    """Asks for a registry and a tag for several images, which all have a name."""

    def __init__(
        self,
        parent: QWidget | None,
        images: Sequence[ImageName],
        listed: Sequence[LocalImage],
        *,
        library: bool,
    ) -> None:
        title = self.tr("Tag {0} images").format(len(images))
        super().__init__(parent, title, listed, library=library, width=640)
        self._images = [(image, image.reference) for image in images if image.reference is not None]
        form = self.form()
        self.registry = QLineEdit()
        self.registry.setPlaceholderText("registry.example.com/team")
        self.registry.setAccessibleName(self.tr("Registry"))
        self.registry.setMaxLength(300)
        form.addRow(self.tr("Registry"), self.registry)
        self.tag = QLineEdit()
        self.tag.setPlaceholderText(self.tr("as it is"))
        self.tag.setAccessibleName(self.tr("Tag"))
        self.tag.setMaxLength(200)
        form.addRow(self.tr("Tag"), self.tag)
        self.table = sheet_table(
            self.tr("New names"), [self.tr("Image"), self.tr("New name"), self.tr("Result")]
        )
        self.table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.table.setRowCount(len(self._images))
        header = self.table.horizontalHeader()
        for column in (_IMAGE, _NAME):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(_RESULT, QHeaderView.ResizeMode.ResizeToContents)
        self.table.setFixedHeight(
            min(len(self._images), _VISIBLE) * TABLE_ROW + header.sizeHint().height() + 4
        )
        self.body.addWidget(self.table)
        self.caution = plain_label("", "caution", wrap=True)
        self.body.addWidget(self.caution)
        for field in (self.registry, self.tag):
            field.textChanged.connect(self._changed)
        self._changed()
        self.registry.setFocus()

    @Slot()
    def _changed(self) -> None:
        """Show the resulting names and what they do."""
        self.show_problem(None)
        try:
            wanted = [
                (image, derived(source, self.registry.text(), self.tag.text()))
                for image, source in self._images
            ]
        except LongshoreError as error:
            self._allow([], errors.message(error))
            self.show_problem(error)
            self.caution.hide()
            for row, (image, _) in enumerate(self._images):
                self._fill(row, (image.shown, "", ""), current_theme().dim)
            return
        names = plan(self._listed, wanted)
        theme = current_theme()
        twice = ""
        lost = []
        for row, name in enumerate(names):
            words, colour = self.tr("new tag"), theme.dim
            if name.effect is Effect.SAME:
                words = self.tr("already there")
            elif name.effect is Effect.TWICE:
                words, colour = self.tr("duplicate name"), theme.bad
                twice = twice or self.tr("Two images would get the name {0}.").format(name.target.familiar)
            elif name.other is not None:
                words, colour = self.tr("moves the tag"), theme.caution
                lost.append(name)
            self._fill(row, (name.image.shown, name.target.familiar, words), colour)
        self._tell_lost(lost)
        self._allow(names, twice)
        if twice:
            self.show_problem(twice)
        self.refit()

    def _fill(self, row: int, texts: Sequence[str], colour: QColor) -> None:
        """Show *texts* in the columns of a row; *colour*: of the result."""
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled)
            item.setToolTip("" if column == _RESULT else text)
            if column == _RESULT:
                item.setForeground(colour)
            self.table.setItem(row, column, item)

    def _tell_lost(self, lost: Sequence[NewName]) -> None:
        nameless = sum(name.effect is Effect.LAST for name in lost)
        words = []
        if len(lost) == 1:
            words.append(self.tr("1 tag is moved from another image."))
        elif lost:
            words.append(self.tr("{0} tags are moved from other images.").format(len(lost)))
        if nameless and self._library:
            words.append(
                self.tr("1 of these images is then removed.")
                if nameless == 1
                else self.tr("{0} of these images are then removed.").format(nameless)
            )
        elif nameless:
            words.append(
                self.tr("1 of these images then has no name.")
                if nameless == 1
                else self.tr("{0} of these images then have no name.").format(nameless)
            )
        self.caution.setText(" ".join(words))
        self.caution.setVisible(bool(words))
