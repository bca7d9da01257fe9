"""The push sheet: what each image will be called, and what would be overwritten, before anything moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from longshore.oci.errors import InvalidRegistryName, LongshoreError
from longshore.oci.reference import DOCKER_HUB, Reference
from longshore.operations import PushTarget
from longshore.registry.config import parse_registry
from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.quiet import plain_label
from longshore.widgets.theme import current_theme

#: Milliseconds after the last key before the registry is asked for the tag.
ASK_AFTER = 350

_IMAGE, _REGISTRY, _REPOSITORY, _TAG, _THERE = range(5)


@dataclass(frozen=True, slots=True)
class PushSource:
    """A local image to push: its reference here, or only its id; the name shown for it."""

    reference: Reference | None
    image_id: str
    shown: str


def default_path(source: Reference | None, host: str, repository: str, *, alone: bool, user: str) -> str:
    """The repository path offered for *source* at *host*.

    Dropped on a *repository*, one image takes its name and several go below it. Otherwise the path stays, without
    Docker Hub's ``library/``, which means something there only; on Docker Hub itself it needs the *user*'s namespace.
    """
    last = source.path.rsplit("/", 1)[-1] if source else ""
    if repository:
        return repository if alone else f"{repository}/{last}"
    if source is None:
        return ""
    path = source.path
    if source.domain == DOCKER_HUB and path.startswith("library/"):
        path = last
    if host == DOCKER_HUB and "/" not in path and user:
        path = f"{user}/{path}"
    return path


class PushSheet(Sheet):
    """Shows and checks every resulting reference; several registries can be targets at once."""

    push_requested = Signal(object)  # list[PushTarget]
    existing_wanted = Signal(object)  # list[Reference]; answer with set_existing

    def __init__(
        self,
        parent: QWidget | None,
        sources: Sequence[PushSource],
        registries: Sequence[tuple[str, str]],  # host, user
        host: str,
        repository: str = "",
    ) -> None:
        title = (
            self.tr("Push {0}").format(sources[0].shown)
            if len(sources) == 1
            else self.tr("Push {0} images").format(len(sources))
        )
        super().__init__(parent, title, self.tr("Push"), width=760)
        self._sources = list(sources)
        self._registries = list(registries)
        self._users = dict(registries)
        self._repository = repository
        self._hosts: list[QComboBox] = []
        self._existing: dict[Reference, bool | LongshoreError] = {}
        self._asked: set[Reference] = set()
        self._edited: dict[tuple[int, int, int], str] = {}  # (source, target, column) -> text the user typed
        self._filling = False

        self._hosts_box = QVBoxLayout()
        self._hosts_box.setSpacing(6)
        self.body.addLayout(self._hosts_box)
        self._another = QPushButton(self.tr("Add another registry"))
        self._another.setAutoDefault(False)
        self._another.clicked.connect(lambda: self._add_target(""))
        line = QHBoxLayout()
        line.addWidget(self._another)
        line.addStretch(1)
        self.body.addLayout(line)

        self.table = QTableWidget(0, 5)
        self.table.setAccessibleName(self.tr("Resulting references"))
        self.table.setHorizontalHeaderLabels(
            [
                self.tr("Image"),
                self.tr("Registry"),
                self.tr("Repository"),
                self.tr("Tag"),
                self.tr("There now"),
            ]
        )
        self.table.verticalHeader().setVisible(False)
        self.table.verticalHeader().setDefaultSectionSize(30)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.AllEditTriggers)
        self.table.setTabKeyNavigation(False)
        header = self.table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        for column in (_IMAGE, _REPOSITORY):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        header.resizeSection(_REGISTRY, 140)
        header.resizeSection(_TAG, 110)
        header.resizeSection(_THERE, 150)
        self.table.itemChanged.connect(self._item_changed)
        self.body.addWidget(self.table, 1)
        self.summary = plain_label("", "dim", wrap=True)
        self.body.addWidget(self.summary)

        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(ASK_AFTER)
        self._timer.timeout.connect(self._ask)
        for keys in ("Ctrl+Return", "Ctrl+Enter"):
            QShortcut(QKeySequence(keys), self, self._confirmed)
        self._add_target(host)
        self.confirm.setFocus()

    # -- targets

    def _add_target(self, host: str) -> None:
        box = QComboBox()
        box.setEditable(True)
        box.setAccessibleName(self.tr("Registry"))
        box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        taken = {other.currentText().strip() for other in self._hosts}
        hosts = [known for known, _ in self._registries]
        box.addItems(hosts)
        free = [known for known in hosts if known not in taken]
        # One's own registries come before Docker Hub: that is where several targets are usual.
        free.sort(key=lambda known: known == DOCKER_HUB)
        box.setCurrentText(host or (free[0] if free else ""))
        box.currentTextChanged.connect(self._targets_changed)
        row = QHBoxLayout()
        row.setSpacing(8)
        label = plain_label(self.tr("To") if not self._hosts else self.tr("and"), role="dim")
        label.setFixedWidth(28)
        row.addWidget(label)
        row.addWidget(box, 1)
        self._hosts.append(box)
        self._hosts_box.addLayout(row)
        if len(self._hosts) > 1:
            box.setFocus()
        self._targets_changed()

    def _targets_changed(self) -> None:
        self._filling = True
        rows = len(self._sources) * len(self._hosts)
        self.table.setRowCount(rows)
        for row in range(rows):
            source, target = divmod(row, len(self._hosts))
            self._fill(row, source, target)
        self._filling = False
        self.table.setFixedHeight(
            min(max(rows, 1), 8) * 30 + self.table.horizontalHeader().sizeHint().height() + 6
        )
        self.refit()
        self._check_all()

    def _fill(self, row: int, source: int, target: int) -> None:
        entry = self._sources[source]
        host = self._hosts[target].currentText().strip()
        path = default_path(
            entry.reference,
            host,
            self._repository if target == 0 else "",
            alone=len(self._sources) == 1,
            user=self._users.get(host, ""),
        )
        tag = (entry.reference.tag if entry.reference else None) or "latest"
        for column, text, editable in (
            (_IMAGE, entry.shown, False),
            (_REGISTRY, host, False),
            (_REPOSITORY, self._edited.get((source, target, _REPOSITORY), path), True),
            (_TAG, self._edited.get((source, target, _TAG), tag), True),
            (_THERE, "", False),
        ):
            item = QTableWidgetItem(text)
            flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
            item.setFlags(flags | Qt.ItemFlag.ItemIsEditable if editable else flags)
            self.table.setItem(row, column, item)

    # -- checking

    def _item_changed(self, item: QTableWidgetItem) -> None:
        if self._filling or item.column() not in (_REPOSITORY, _TAG):
            return
        source, target = divmod(item.row(), len(self._hosts))
        self._edited[source, target, item.column()] = item.text()
        self._check_all()

    def _text(self, row: int, column: int) -> str:
        item = self.table.item(row, column)
        return item.text().strip() if item is not None else ""

    def _reference(self, row: int) -> Reference:
        """The reference of *row*. Raises LongshoreError."""
        host = self._text(row, _REGISTRY)
        if not host:
            raise InvalidRegistryName(self.tr("Choose a registry."))
        parse_registry(host)
        path = self._text(row, _REPOSITORY)
        tag = self._text(row, _TAG) or "latest"
        reference = Reference.parse(f"{host}/{path}:{tag}")
        if reference.digest or reference.tag != tag:
            return Reference.parse(f"{host}/{path}").with_tag(tag)
        return reference

    def _check_all(self) -> None:
        theme = current_theme()
        seen: dict[Reference, int] = {}
        problem = ""
        overwrites = 0
        self._filling = True
        for row in range(self.table.rowCount()):
            text, colour = "", theme.dim
            try:
                reference = self._reference(row)
            except LongshoreError as error:
                text, colour = self.tr("not valid"), theme.bad
                problem = problem or error.message
            else:
                if reference in seen:
                    text, colour = self.tr("named twice"), theme.bad
                    problem = problem or self.tr("Two images would get the name {0}.").format(
                        reference.familiar
                    )
                else:
                    seen[reference] = row
                    answer = self._existing.get(reference)
                    if answer is True:
                        text, colour = self.tr("overwritten"), theme.caution
                        overwrites += 1
                    elif answer is False:
                        text = self.tr("new tag")
                    elif isinstance(answer, LongshoreError):
                        text = self.tr("cannot tell")
                    else:
                        text = self.tr("looking…")
            item = self.table.item(row, _THERE)
            if item is not None:
                item.setText(text)
                item.setForeground(colour)
        self._filling = False
        self.show_problem(problem)
        self.confirm.setEnabled(not problem)
        self._summarise(list(seen), overwrites)
        if any(reference not in self._asked for reference in seen):
            self._timer.start()

    def _safe_reference(self, row: int) -> Reference | None:
        try:
            return self._reference(row)
        except LongshoreError:
            return None

    def _summarise(self, references: list[Reference], overwrites: int) -> None:
        words = []
        if len(references) == 1:
            words.append(self.tr("Will stand as {0}.").format(references[0].familiar))
        if overwrites:
            words.append(
                self.tr("1 tag is there already and will point to this image.")
                if overwrites == 1
                else self.tr("{0} tags are there already and will point to these images.").format(overwrites)
            )
        errors = [answer for answer in self._existing.values() if isinstance(answer, LongshoreError)]
        if errors:
            words.append(errors[0].message)
        self.summary.setText(" ".join(words))
        self.refit()

    def _ask(self) -> None:
        wanted = []
        for row in range(self.table.rowCount()):
            reference = self._safe_reference(row)
            if reference is not None and reference not in self._asked:
                self._asked.add(reference)
                wanted.append(reference)
        if wanted:
            self.existing_wanted.emit(wanted)

    def set_existing(self, reference: Reference, answer: bool | LongshoreError) -> None:
        """Whether *reference* stands in its registry already, or why that cannot be told."""
        self._existing[reference] = answer
        self._check_all()

    # -- the verb

    def check(self) -> bool:
        """Every row has a valid, different reference."""
        targets = []
        for row in range(self.table.rowCount()):
            try:
                reference = self._reference(row)
            except LongshoreError as error:
                self.show_problem(error)
                self.table.setCurrentCell(row, _REPOSITORY)
                return False
            entry = self._sources[row // len(self._hosts)]
            targets.append(PushTarget(entry.reference, entry.image_id, reference))
        self.push_requested.emit(targets)
        return True
