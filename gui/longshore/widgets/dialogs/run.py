"""The sheet Run: a container from a local image, with the line that does the same beside it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from longshore.application.run_lines import has_secrets
from longshore.application.runs import RunForm, command_text, read_form
from longshore.engine.container_model import RunRequest
from longshore.engine.model import ImageDetails
from longshore.errors import LongshoreError, RunField, RunRefused
from longshore.oci.image_name import ImageName
from longshore.widgets.command_menu import Lines
from longshore.widgets.dialogs.entry_table import EntryTable
from longshore.widgets.dialogs.fields import explanation
from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.notices import plain_label
from longshore.widgets.theme import current_theme
from longshore.words import errors, text

#: Width of the labels, and of the column with the line, in pixels.
_LABEL = 80
_LINE = 270
#: Pixels of the screen that the fields leave to the rest of the sheet and its frame, and the least that they may take.
_REST, _LEAST = 190, 410
#: Names of variables in a hint.
_MOST_NAMES = 6


class RunSheet(Sheet):
    """Opens at once; :meth:`set_details` fills in what the image says. The owner answers with :meth:`answer`."""

    run_requested = Signal(object)  # RunRequest
    copy_requested = Signal(str)

    def __init__(self, parent: QWidget | None, image: ImageName) -> None:
        super().__init__(parent, self.tr("Run {0}").format(image.shown), self.tr("Run"), width=820)
        self._image = image.asked if image.reference is None else image.reference.familiar
        self._exposed: set[str] = set()
        #: Returns the lines of other programs for a request; the bool asks for secret values too.
        self.lines_of: Callable[[RunRequest, bool], Lines] = lambda request, secrets: {}
        self._wrong: dict[RunField, QLabel] = {}
        #: Fields whose errors are shown: those that the user has left, and all once the verb was pressed.
        self._left: set[RunField] = {RunField.NAME}  # one letter is no name, which nobody expects
        columns = QHBoxLayout()
        columns.setSpacing(20)
        self.body.addLayout(columns, 1)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnMinimumWidth(0, _LABEL)
        self._grid.setColumnStretch(1, 1)
        self._fields = _Fields(self._grid)
        columns.addWidget(self._fields, 1)
        self.name = self._line(self.tr("Name"), self.tr("chosen by the engine"), RunField.NAME)
        self.command = self._line(self.tr("Command"), self.tr("as in the image"), RunField.COMMAND)
        self.entry = self._hint()
        self.ports = EntryTable(
            self.tr("Ports"),
            [self.tr("On the engine's machine"), self.tr("In the container")],
            ["8080", "80"],
        )
        self._add(self.tr("Ports"), self.ports, RunField.PORTS)
        self.publish_all = QCheckBox(self.tr("Publish all others on free ports"))
        self.publish_all.setVisible(False)
        self.publish_all.toggled.connect(self._changed)
        self._grid.addWidget(self.publish_all, self._grid.rowCount(), 1)
        self.environment = EntryTable(
            self.tr("Environment"), [self.tr("Variable"), self.tr("Value")], ["LANG", "C.UTF-8"]
        )
        self._add(self.tr("Environment"), self.environment, RunField.ENVIRONMENT)
        self.variables = self._hint()
        self.volumes = EntryTable(
            self.tr("Volumes"),
            [self.tr("Folder or volume"), self.tr("In the container")],
            ["/srv/data", "/data"],
            self.tr("Read only"),
        )
        self._add(self.tr("Volumes"), self.volumes, RunField.VOLUMES)
        self.network = self._line(self.tr("Network"), self.tr("the engine's default"), RunField.NETWORK)
        self.remove = QCheckBox(self.tr("Remove afterwards"))
        self.detach = QCheckBox(self.tr("Run in the background"))
        boxes = QHBoxLayout()
        boxes.setSpacing(16)
        for box in (self.remove, self.detach):
            box.toggled.connect(self._changed)
            boxes.addWidget(box)
        boxes.addStretch(1)
        self._grid.addLayout(boxes, self._grid.rowCount(), 1)
        for table in (self.ports, self.environment, self.volumes):
            table.changed.connect(self._changed)
        columns.addLayout(self._beside())
        self.offer_commands(self._lines, self.copy_requested.emit)
        self._changed()
        self.name.setFocus()

    # -- building it

    def _line(self, label: str, placeholder: str, field: RunField) -> QLineEdit:
        line = QLineEdit()
        line.setPlaceholderText(placeholder)
        line.setAccessibleName(label)
        line.setMaxLength(8000)
        line.textChanged.connect(self._changed)
        line.editingFinished.connect(lambda: self._leave(field))
        self._add(label, line, field)
        return line

    def _add(self, label: str, widget: QWidget, field: RunField) -> None:
        """Add a row: a label, its field, and below it what is wrong."""
        row = self._grid.rowCount()
        name = plain_label(label, "dim")
        name.setBuddy(widget)
        name.setMinimumHeight(current_theme().control_height)
        self._grid.addWidget(name, row, 0, Qt.AlignmentFlag.AlignTop)
        self._grid.addWidget(widget, row, 1)
        wrong = explanation("", "error")
        wrong.hide()
        self._grid.addWidget(wrong, row + 1, 1)
        self._wrong[field] = wrong
        if isinstance(widget, EntryTable):
            self._left.add(field)  # its cells are complete when they change

    def _hint(self) -> QLabel:
        hint = explanation("")
        hint.hide()
        self._grid.addWidget(hint, self._grid.rowCount(), 1)
        return hint

    def _beside(self) -> QVBoxLayout:
        """The column with the line of docker."""
        column = QVBoxLayout()
        column.setSpacing(6)
        title = plain_label(self.tr("The same with docker"), "dim")
        title.setMinimumHeight(current_theme().control_height)
        column.addWidget(title)
        self.line = QPlainTextEdit()
        self.line.setAccessibleName(self.tr("The same with docker"))
        self.line.setReadOnly(True)
        self.line.setFont(current_theme().fixed_font)
        self.line.setFixedWidth(_LINE)
        self.line.setMinimumHeight(120)
        self.line.setTabChangesFocus(True)
        self.line.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.line.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        column.addWidget(self.line, 1)
        row = QHBoxLayout()
        row.setSpacing(8)
        self.copy = QPushButton(self.tr("Copy"))
        self.copy_all = QPushButton(self.tr("Copy with secrets"))
        self.copy_all.setToolTip(self.tr("Also the values that are shown as ***."))
        for button, secrets in ((self.copy, False), (self.copy_all, True)):
            button.setAutoDefault(False)
            button.clicked.connect(lambda _=False, secrets=secrets: self._copy(secrets))
            row.addWidget(button)
        row.addStretch(1)
        column.addLayout(row)
        return column

    # -- set by the owner

    def set_details(self, found: ImageDetails | LongshoreError) -> None:
        """Fill in what the image's configuration says. What the user has typed meanwhile stays."""
        if not self.open_still:
            return
        if isinstance(found, LongshoreError):
            self.show_problem(found)
            return
        self._exposed = set(found.ports)
        self.publish_all.setVisible(bool(found.ports))
        if not self.ports.rows():
            for port in found.ports[:20]:
                self.ports.add("", text.safe(port, 20))
        if not self.volumes.rows():
            for volume in found.volumes[:20]:
                self.volumes.add("", text.safe(volume, 1000))
        from longshore.application.inspection.secrets import masked_words

        if found.command:
            self.command.setPlaceholderText(text.safe(command_text(tuple(masked_words(found.command))), 200))
        if found.entrypoint:
            words = text.safe(command_text(tuple(masked_words(found.entrypoint))), 200)
            self._say(self.entry, self.tr("Entry point: {0}").format(words))
        names = [text.safe(each.partition("=")[0], 40) for each in found.environment]
        if names:
            more = ", …" if len(names) > _MOST_NAMES else ""
            self._say(
                self.variables, self.tr("Set by the image: {0}").format(", ".join(names[:_MOST_NAMES]) + more)
            )
        self._changed()

    def refused(self, error: LongshoreError) -> None:
        """Show why the engine did not start it, below the field concerned."""
        self.set_busy(False)
        field = error.field if isinstance(error, RunRefused) else None
        label = self._wrong.get(field) if field is not None else None
        if label is None:
            self.show_problem(error)
        else:
            self._say(label, errors.told(error))
            self.refit()
            self._fields.show_field(label)

    # -- what is entered

    def entered(self) -> RunForm:
        """What is entered now."""
        ports = []
        for host, container in self.ports.rows():
            if host or container not in self._exposed:
                # A port that is only offered is not published.
                ports.append(f"{host}:{container}")
        volumes = []
        for (source, target), read_only in zip(self.volumes.rows(), self.volumes.ticked(), strict=True):
            if source:
                volumes.append(f"{source}:{target}" + (":ro" if read_only else ""))
        return RunForm(
            image=self._image,
            command=self.command.text(),
            name=self.name.text(),
            ports=tuple(ports),
            publish_all=self.publish_all.isChecked(),
            environment=tuple((name, value) for name, value in self.environment.rows()),
            volumes=tuple(volumes),
            network=self.network.text(),
            remove=self.remove.isChecked(),
            detach=self.detach.isChecked(),
        )

    def _request(self) -> RunRequest | None:
        """The request, with what is wrong shown below the fields."""
        request, wrong = read_form(self.entered())
        for field, label in self._wrong.items():
            error = wrong.get(field) if field in self._left else None
            self._say(label, "" if error is None else errors.told(error))
        return request

    @Slot()
    def _changed(self) -> None:
        self.show_problem(None)
        request = self._request()
        lines = {} if request is None else self.lines_of(request, False)
        line = "\n".join(lines.get("docker", ()))
        self.line.setPlainText(line)
        self.line.setPlaceholderText(
            self.tr("This engine has no address for docker.")
            if request is not None
            else self.tr("There is no line until what is entered is valid.")
        )
        self.copy.setEnabled(bool(line))
        self.copy_all.setVisible(request is not None and bool(line) and has_secrets(request))
        self.refit()

    def _leave(self, field: RunField) -> None:
        if field not in self._left:
            self._left.add(field)
            self._changed()

    def _say(self, label: QLabel, words: str) -> None:
        label.setText(words)
        label.setVisible(bool(words))
        self._fields.updateGeometry()

    def _lines(self) -> Lines:
        request = self._request()
        return {} if request is None else self.lines_of(request, False)

    def _copy(self, secrets: bool) -> None:
        request = self._request()
        if request is not None:
            self.copy_requested.emit("\n".join(self.lines_of(request, secrets).get("docker", ())))

    def check(self) -> bool:
        """Request the run; the sheet stays until it has started."""
        self._left |= set(self._wrong)
        request = self._request()
        if request is None:
            self.refit()
            self._fields.show_field(next(label for label in self._wrong.values() if not label.isHidden()))
            return False
        self.set_busy(True)
        self.run_requested.emit(request)
        return False


class _Fields(QScrollArea):
    """The fields, as high as they need to be; they scroll only where the screen has no room."""

    def __init__(self, grid: QGridLayout) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        content = self._content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(grid)
        column.addStretch(1)
        self.setWidget(content)
        for part in (self.viewport(), content):
            part.setAutoFillBackground(False)

    def sizeHint(self) -> QSize:
        """Qt's hook."""
        content = self._content
        high = max(content.heightForWidth(self.viewport().width()), content.minimumSizeHint().height())
        room = max(self.screen().availableGeometry().height() - _REST, _LEAST)
        return QSize(content.minimumSizeHint().width(), min(high, room))

    minimumSizeHint = sizeHint

    def show_field(self, label: QWidget) -> None:
        """Scroll to what is wrong, and the field above it."""
        layout = self._content.layout()
        if layout is not None:
            layout.activate()
        self.ensureWidgetVisible(label, 0, 60)
