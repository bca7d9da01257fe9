"""Build…: a folder with a Dockerfile, and how its image is built."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from longshore.application.build_folders import FolderFacts, LastChoices
from longshore.application.builds import parse_argument, parse_tags
from longshore.errors import LongshoreError
from longshore.oci.known_platforms import parse_known
from longshore.oci.platform import Platform
from longshore.secrecy import names_secret
from longshore.transfers.builds import BUILDX, Build
from longshore.transfers.transfer import EnginePlace, TransferRequest
from longshore.widgets.dialogs.entry_table import EntryTable
from longshore.widgets.dialogs.fields import explanation, typed_path
from longshore.widgets.dialogs.pull import PLATFORMS
from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.notices import plain_label
from longshore.widgets.theme import current_theme
from longshore.words import errors

#: Milliseconds after the last key until the folder is looked at.
_PAUSE = 250
#: Width of the labels, and the room between them and the fields, in pixels.
_LABEL, _GAP = 80, 8


class _Field(QVBoxLayout):
    """A field of the form with the problem of what is entered below it."""

    def __init__(self, *parts: QWidget) -> None:
        super().__init__()
        self.setContentsMargins(0, 0, 0, 0)
        self.setSpacing(4)
        row = QHBoxLayout()
        row.setSpacing(8)
        self.first = parts[0]
        row.addWidget(parts[0], 1)
        for part in parts[1:]:
            row.addWidget(part)
        self.addLayout(row)
        self.problem = explanation("", "error")
        self.problem.hide()
        self.addWidget(self.problem)

    def show(self, problem: LongshoreError | str | None) -> bool:
        """Show *problem*, or none. Return whether there is one."""
        text = errors.told(problem) if isinstance(problem, LongshoreError) else problem or ""
        self.problem.setText(text)
        self.problem.setVisible(bool(text))
        return bool(text)


class BuildSheet(Sheet):
    """Asks for a folder and the options of a build. It reads nothing itself: see :attr:`look_requested`.

    *destination*: the engine's title. *podman*: whether it is Podman, None while that is not known.
    """

    look_requested = Signal(str, str)  # folder, Dockerfile ("" for the folder's own)
    choices_requested = Signal(object)  # Path of a folder, whose last choices are wanted
    build_requested = Signal(object)  # Build

    def __init__(
        self,
        parent: QWidget | None,
        place: EnginePlace,
        destination: str,
        folder: str = "",
        *,
        podman: bool | None = None,
    ) -> None:
        super().__init__(parent, self.tr("Build an image"), self.tr("Build"), width=560)
        self._place = place
        self._podman = podman
        self._facts: FolderFacts | None = None
        self._filled: Path | None = None
        self._defaults: dict[str, str | None] = {}
        self._offered: set[str] = set()  # names of the arguments that a Dockerfile of this folder declares
        form = self.form()
        form.setHorizontalSpacing(_GAP)
        self._add_folder(form, folder)
        self._add_names(form)
        self._add_arguments(form)
        self._add_rest(form, destination)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_PAUSE)
        self._soon.timeout.connect(self._look)
        self.folder.textChanged.connect(self._folder_changed)
        self.dockerfile.textChanged.connect(self._folder_changed)
        self.folder.setFocus()

    def _row(self, form: QFormLayout, title: str, field: QWidget | QLayout) -> QLabel:
        """Add a row, with its label beside the first line of the field."""
        label = plain_label(title, "dim")
        label.setMinimumSize(_LABEL, current_theme().control_height)
        if isinstance(field, _Field):
            label.setBuddy(field.first)
        form.addRow(label, field)
        form.setAlignment(label, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        return label

    def _add_folder(self, form: QFormLayout, folder: str) -> None:
        self.folder = QLineEdit(folder)
        self.folder.setAccessibleName(self.tr("Folder"))
        self.folder.setPlaceholderText(self.tr("the folder with the Dockerfile"))
        self.folder.setMaxLength(4000)
        choose = QPushButton(self.tr("Choose…"))
        choose.setAccessibleName(self.tr("Choose the folder"))
        choose.setAutoDefault(False)
        choose.clicked.connect(self._choose)
        self.folder_field = _Field(self.folder, choose)
        self._row(form, self.tr("Folder"), self.folder_field)
        self.dockerfile = QLineEdit()
        self.dockerfile.setAccessibleName(self.tr("Dockerfile"))
        self.dockerfile.setPlaceholderText(self.tr("Dockerfile"))
        self.dockerfile.setMaxLength(4000)
        self.dockerfile_field = _Field(self.dockerfile)
        self._row(form, self.tr("Dockerfile"), self.dockerfile_field)

    def _add_names(self, form: QFormLayout) -> None:
        self.tags = QLineEdit()
        self.tags.setAccessibleName(self.tr("Names"))
        self.tags.setPlaceholderText(self.tr("acme/web:1.0; several with spaces between them"))
        self.tags.setMaxLength(4000)
        self.tags_field = _Field(self.tags)
        self.tags.textChanged.connect(lambda: self.tags_field.show(None))
        self._row(form, self.tr("Names"), self.tags_field)
        self.target = QComboBox()
        self.target.setEditable(True)
        self.target.addItem("")
        self.target.setAccessibleName(self.tr("Stage"))
        line = self.target.lineEdit()
        assert line is not None
        line.setPlaceholderText(self.tr("the last stage"))
        line.setAccessibleName(self.tr("Stage"))
        self._row(form, self.tr("Stage"), _Field(self.target))

    def _add_arguments(self, form: QFormLayout) -> None:
        self.arguments = EntryTable(
            self.tr("Build arguments"), (self.tr("Argument"), self.tr("Value")), ("VERSION", "1.2")
        )
        self.arguments_field = _Field(self.arguments)
        self.arguments.changed.connect(self._arguments_changed)
        self.secrets_note = explanation(
            self.tr(
                "Secrets are not saved here, but build arguments stay visible in the history of the image. "
                "Enter them again to retry after a restart."
            )
        )
        self.secrets_note.hide()
        self.arguments_field.addWidget(self.secrets_note)
        self._row(form, self.tr("Arguments"), self.arguments_field)

    def _add_rest(self, form: QFormLayout, destination: str) -> None:
        self.platform = QComboBox()
        self.platform.setEditable(True)
        self.platform.addItems(["", *PLATFORMS])
        self.platform.setAccessibleName(self.tr("Platform"))
        line = self.platform.lineEdit()
        assert line is not None
        line.setPlaceholderText(self.tr("the engine's own"))
        line.setAccessibleName(self.tr("Platform"))
        self.platform_field = _Field(self.platform)
        self._row(form, self.tr("Platform"), self.platform_field)
        self.no_cache = QCheckBox(self.tr("Run every step, even if cached"))
        self.pull = QCheckBox(self.tr("Pull newer base images"))
        boxes = QHBoxLayout()
        boxes.setSpacing(18)
        boxes.addWidget(self.no_cache)
        boxes.addWidget(self.pull)
        boxes.addStretch(1)
        form.addRow("", boxes)
        self.builder = QComboBox()
        self.builder.setAccessibleName(self.tr("Builder"))
        own = {None: self.tr("The engine's own"), True: "Podman", False: self.tr("Docker's classic builder")}
        self.builder.addItem(own[self._podman], "")
        self.builder.addItem(self.tr("Docker Buildx (BuildKit)"), BUILDX)
        self.builder_note = explanation("")
        self.builder_note.setMinimumHeight(current_theme().control_height)
        builder = QVBoxLayout()
        builder.addWidget(self.builder)
        builder.addWidget(self.builder_note)
        self.builder_label = self._row(form, self.tr("Builder"), builder)
        self._offer_buildx(offered=False)
        self.builder_label.hide()
        self.builder_note.hide()
        if destination:
            into = explanation(destination)
            into.setMinimumHeight(current_theme().control_height)
            self._row(form, self.tr("Into"), into)

    # -- set by the owner

    def start(self) -> None:
        """Ask for what the first folder offers."""
        if self.folder.text().strip():
            self.tags.setFocus()
            self._look()

    @Slot(object)
    def show_facts(self, found: FolderFacts | LongshoreError) -> None:
        """Offer what a folder has, or show why it cannot be built."""
        if not self.open_still:
            return
        for field in (self.folder_field, self.dockerfile_field):
            field.show(None)
        if isinstance(found, LongshoreError):
            self._facts = None
            named = bool(self.dockerfile.text().strip()) and "Dockerfile" in found.message
            (self.dockerfile_field if named else self.folder_field).show(found)
            self.refit()
            return
        if self.folder.text().strip() and found.folder != self._typed_folder():
            return  # of another folder, which was left meanwhile
        self._facts = found
        if found.folder != self._filled:
            self._filled = found.folder
            self.choices_requested.emit(found.folder)
        self._offer_stages(found)
        self._offer_arguments(found)
        self._offer_buildx(offered=found.buildx and not self._podman)
        self.refit()

    def show_choices(self, last: LastChoices) -> None:
        """Fill in the last choices for the folder; what was typed meanwhile stays."""
        if not self.tags.text().strip():
            self.tags.setText(last.tags)
        if last.dockerfile and not self.dockerfile.text().strip():
            self.dockerfile.setText(last.dockerfile)
        self.target.setCurrentText(last.target)
        self.platform.setCurrentText(last.platform)
        self.no_cache.setChecked(last.no_cache)
        self.pull.setChecked(last.pull)
        self.builder.setCurrentIndex(max(self.builder.findData(last.builder), 0))
        typed = {row[0] for row in self.arguments.rows()}
        for name, value in last.arguments:
            if name not in typed:
                self.arguments.add(name, value)

    def requests(self) -> list[TransferRequest]:
        """Return the transfer for what is entered now, none if that is not valid; for *Copy as command*."""
        if self._filled is not None and self._typed_folder() != self._filled:
            return []  # what is entered belongs to another folder
        try:
            return [self._build().request()]
        except LongshoreError:
            return []

    # -- inside

    def _typed_folder(self) -> Path:
        return typed_path(self.folder.text()).absolute()

    def _forget(self) -> None:
        """Drop what was entered for the last folder: its secrets and names are not those of another one."""
        self._filled = None
        self._defaults, self._offered = {}, set()
        self.arguments.clear_rows()
        self.arguments_field.show(None)
        self.tags.clear()
        self.dockerfile.clear()
        self.target.clear()
        self.platform.setCurrentText("")
        for box in (self.no_cache, self.pull):
            box.setChecked(False)
        self.builder.setCurrentIndex(0)

    @Slot()
    def _choose(self) -> None:
        dialog = QFileDialog(self, self.tr("Folder"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        if text := self.folder.text().strip():
            dialog.setDirectory(str(typed_path(text)))
        dialog.fileSelected.connect(self.folder.setText)
        dialog.open()

    @Slot()
    def _folder_changed(self) -> None:
        self._facts = None
        self.folder_field.show(None)
        self.dockerfile_field.show(None)
        self._soon.start()

    @Slot()
    def _look(self) -> None:
        self._soon.stop()
        if text := self.folder.text().strip():
            if self._filled is not None and self._typed_folder() != self._filled:
                self._forget()
                self._soon.stop()
            self.look_requested.emit(str(typed_path(text)), self.dockerfile.text().strip())

    def _offer_stages(self, found: FolderFacts) -> None:
        chosen = self.target.currentText()
        self.target.clear()
        self.target.addItems(["", *found.stages])
        self.target.setCurrentText(chosen)

    def _offer_arguments(self, found: FolderFacts) -> None:
        self._defaults = {one.name: one.default for one in found.arguments}
        # Of another Dockerfile of this folder: nothing that is not declared is sent by mistake.
        self.arguments.remove(self._offered - self._defaults.keys())
        self._offered = set(self._defaults)
        listed = {row[0] for row in self.arguments.rows()}
        for one in found.arguments:
            if one.name not in listed:
                default = one.default or ""
                self.arguments.add(one.name, "" if "$" in default else default)

    def _offer_buildx(self, *, offered: bool) -> None:
        if not offered:
            self.builder.setCurrentIndex(0)
        self.builder.setVisible(offered)
        said = self.builder.itemText(0)
        if self._podman is False:
            said = self.tr("Docker's classic builder. Docker Buildx is not installed; it has BuildKit.")
        self.builder_note.setText(said)
        self.builder_note.setVisible(not offered)
        self.builder_label.show()

    @Slot()
    def _arguments_changed(self) -> None:
        self.arguments_field.show(None)
        secret = any(names_secret(name) and value for name, value in self.arguments.rows())
        if secret == self.secrets_note.isHidden():
            self.secrets_note.setVisible(secret)
            self.refit()

    def _chosen_arguments(self) -> dict[str, str | None]:
        """The arguments that differ from the defaults. One without a value and a default is the environment's."""
        found: dict[str, str | None] = {}
        for name, value in self.arguments.rows():
            parse_argument(f"{name}={value}")
            declared = name in self._defaults
            if value and (not declared or self._defaults[name] != value):
                found[name] = value
            elif not value and not declared:
                found[name] = None
        return found

    def _chosen_platform(self) -> Platform | None:
        text = self.platform.currentText().strip()
        return parse_known(text) if text else None

    def _build(self) -> Build:
        """What is entered. Raises LongshoreError."""
        dockerfile = self.dockerfile.text().strip()
        return Build(
            folder=typed_path(self.folder.text()).absolute(),
            place=self._place,
            tags=parse_tags(self.tags.text().split()),
            dockerfile=typed_path(dockerfile) if dockerfile else None,
            target=self.target.currentText().strip(),
            arguments=self._chosen_arguments(),
            platform=self._chosen_platform(),
            no_cache=self.no_cache.isChecked(),
            pull=self.pull.isChecked(),
            builder=str(self.builder.currentData() or ""),
        )

    def check(self) -> bool:
        """Return True if everything is valid; problems are shown under their fields."""
        wrong = self.folder_field.problem.isVisible() or self.dockerfile_field.problem.isVisible()
        if not self.folder.text().strip():
            wrong = self.folder_field.show(self.tr("Choose the folder with the Dockerfile."))
        elif self._facts is None and not wrong:
            self._look()  # the answer comes in a moment
            return False
        for field, read in (
            (self.tags_field, lambda: parse_tags(self.tags.text().split())),
            (self.arguments_field, self._chosen_arguments),
            (self.platform_field, self._chosen_platform),
        ):
            try:
                read()
                field.show(None)
            except LongshoreError as error:
                wrong = field.show(error) or wrong
        self.refit()
        if wrong:
            return False
        self.build_requested.emit(self._build())
        return True
