"""The target names of images, and what they point to now: the part that the push and copy sheets share."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QColor
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

from longshore.errors import InvalidRegistryName, LongshoreError
from longshore.oci.image_name import ImageName
from longshore.oci.reference import DEFAULT_TAG, DOCKER_HUB, Reference
from longshore.registry.config import parse_registry
from longshore.transfers.transfer import ArchivePlace, Endpoint, LibraryPlace, RegistryPlace
from longshore.widgets.dialogs.sheet import TABLE_ROW, sheet_table
from longshore.widgets.dialogs.target_names import default_path, shown
from longshore.widgets.notices import plain_label
from longshore.widgets.theme import current_theme
from longshore.words.errors import message

#: Milliseconds between the last key press and asking the registry for the tag.
ASK_AFTER = 350
#: Milliseconds after which a registry that has not responded is not waited for.
PATIENCE = 10_000
#: Rows visible without scrolling.
_MOST_ROWS = 8

_IMAGE, _REGISTRY, _REPOSITORY, _TAG, _THERE = range(5)

#: What a reference points to: a digest, None for nothing, or the error if that is unknown.
Existing = str | LongshoreError | None


class Targets(QObject):
    """A choice of registries, and a table of the resulting references, checked while the user types.

    The owner adds :attr:`layout` to its body and connects the signals. GUI thread.
    """

    existing_requested = Signal(object)  # list[Reference]; answer with set_existing
    #: The table was checked: the problem ("" if none), and the valid references.
    checked = Signal(str, object)
    resized = Signal()

    def __init__(
        self,
        parent: QWidget,
        sources: Sequence[Endpoint],
        registries: Sequence[tuple[str, str]],  # host, user
        outcome: str,  # what happens to a single image, with {0} for its new name
        repository: str = "",
    ) -> None:
        super().__init__(parent)
        self._outcome = outcome
        self._sources = list(sources)
        self._registries = list(registries)
        self._users = dict(registries)
        self._repository = repository
        self._hosts: list[QComboBox] = []
        self._existing: dict[Reference, Existing] = {}
        self._asked: set[Reference] = set()
        #: References that could not be checked in time.
        self._late: set[Reference] = set()
        #: How many existing tags the valid rows replace, or may replace.
        self.overwrites = 0
        #: The digest that an image will have at its destination, if known: the library and archives keep it.
        self._digests = {
            source: source.image_id
            for source in sources
            if isinstance(source.place, LibraryPlace | ArchivePlace)
        }
        self._local: dict[ImageName, tuple[str, Collection[str]]] = {}  # image id, RepoDigests
        self._indexes: set[Reference] = set()  # references that point to an index of several platforms
        self._edited: dict[tuple[int, int, int], str] = {}  # (source, target, column) -> text the user typed
        self._filling = False

        self.layout = QVBoxLayout()
        self.layout.setSpacing(10)
        self._hosts_box = QVBoxLayout()
        self._hosts_box.setSpacing(6)
        self.layout.addLayout(self._hosts_box)
        self._another = another = QPushButton(self.tr("Add another registry"))
        another.setAutoDefault(False)
        another.clicked.connect(lambda: self.add_target(""))
        line = QHBoxLayout()
        line.addWidget(another)
        line.addStretch(1)
        self.layout.addLayout(line)
        self.table = self._make_table()
        self.layout.addWidget(self.table, 1)
        self.summary = plain_label("", "dim", wrap=True)
        self.layout.addWidget(self.summary)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(ASK_AFTER)
        self._timer.timeout.connect(self.ask)
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.timeout.connect(self._give_up)

    def _make_table(self) -> QTableWidget:
        table = sheet_table(
            self.tr("Resulting references"),
            [
                self.tr("Image"),
                self.tr("Registry"),
                self.tr("Repository"),
                self.tr("Tag"),
                self.tr("Result"),
            ],
        )
        table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.AllEditTriggers)
        header = table.horizontalHeader()
        for column in (_IMAGE, _REPOSITORY):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        header.resizeSection(_REGISTRY, 140)
        header.resizeSection(_TAG, 110)
        header.setSectionResizeMode(_THERE, QHeaderView.ResizeMode.ResizeToContents)
        table.itemChanged.connect(self._item_changed)
        return table

    # -- registries

    def add_target(self, host: str) -> None:
        """Add a target registry; "" offers the next unused one."""
        box = QComboBox()
        box.setEditable(True)
        box.setAccessibleName(self.tr("Registry"))
        box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        taken = {other.currentText().strip() for other in self._hosts}
        hosts = [known for known, _ in self._registries]
        box.addItems(hosts)
        free = [known for known in hosts if known not in taken]
        # The user's own registries come before Docker Hub, because several targets are usual there.
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
        QWidget.setTabOrder(box, self._another)  # the button was created later but comes first
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
            min(max(rows, 1), _MOST_ROWS) * TABLE_ROW + self.table.horizontalHeader().sizeHint().height() + 6
        )
        self.resized.emit()
        self.check_all()

    def _fill(self, row: int, source: int, target: int) -> None:
        entry = self._sources[source]
        host = self._hosts[target].currentText().strip()
        path = default_path(
            entry.reference,
            host,
            self._repository if target == 0 else "",
            alone=len({each.reference.name for each in self._sources if each.reference}) <= 1,
            user=self._users.get(host, ""),
        )
        tag = (entry.reference.tag if entry.reference else None) or DEFAULT_TAG
        for column, text, editable in (
            (_IMAGE, shown(entry), False),
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
        self.check_all()

    def _text(self, row: int, column: int) -> str:
        item = self.table.item(row, column)
        return item.text().strip() if item is not None else ""

    def _source(self, row: int) -> Endpoint:
        return self._sources[row // len(self._hosts)]

    def _reference(self, row: int) -> Reference:
        """Return the reference of *row*. Raises LongshoreError."""
        host = self._text(row, _REGISTRY)
        if not host:
            raise InvalidRegistryName(self.tr("Choose a registry."))
        parse_registry(host)
        path = self._text(row, _REPOSITORY)
        tag = self._text(row, _TAG) or DEFAULT_TAG
        reference = Reference.parse(f"{host}/{path}:{tag}")
        if reference.digest or reference.tag != tag:
            return Reference.parse(f"{host}/{path}").with_tag(tag)
        return reference

    def check_all(self) -> None:
        """Check every row again and emit :attr:`checked`."""
        theme = current_theme()
        seen: dict[Reference, int] = {}
        problem = ""
        overwrites, unsure = 0, False
        self._filling = True
        for row in range(self.table.rowCount()):
            text, colour = "", theme.bad
            try:
                reference = self._reference(row)
            except LongshoreError as error:
                text = self.tr("not valid")
                problem = problem or message(error)
            else:
                if reference in seen:
                    text = self.tr("duplicate name")
                    problem = problem or self.tr("Two images would get the name {0}.").format(
                        reference.familiar
                    )
                elif self._source(row) == Endpoint(RegistryPlace(reference.domain), reference):
                    text = self.tr("same image")
                    problem = problem or self.tr("{0} can't be copied onto itself.").format(
                        reference.familiar
                    )
                else:
                    seen[reference] = row
                    text, colour = self._result(reference, self._source(row))
                    overwrites += colour == theme.caution
                    unsure = unsure or text == self.tr("may replace existing")
            item = self.table.item(row, _THERE)
            if item is not None:
                item.setText(text)
                item.setForeground(colour)
        self._filling = False
        self.overwrites = overwrites
        self._summarise(list(seen), overwrites, unsure=unsure)
        self.checked.emit(problem, list(seen))
        if any(reference not in self._asked for reference in seen):
            self._timer.start()

    def _result(self, reference: Reference, source: Endpoint) -> tuple[str, QColor]:
        theme = current_theme()
        if reference not in self._existing:
            return self.tr("unknown") if reference in self._late else self.tr("checking…"), theme.dim
        answer = self._existing[reference]
        if answer is None:
            return self.tr("new tag"), theme.dim
        if isinstance(answer, LongshoreError):
            return self.tr("unknown"), theme.dim
        would_be = self._would_be(source, reference)
        if answer in would_be:
            return self.tr("already there"), theme.dim
        if would_be:
            return self.tr("replaces existing"), theme.caution
        return self.tr("may replace existing"), theme.caution

    def _would_be(self, source: Endpoint, reference: Reference) -> set[str]:
        """Return the digests that *source* could have as *reference*, as far as they are known; empty if none is.

        In containerd's store and in the library, the id of an image is its digest. A classic engine creates the
        manifest when it pushes, and remembers the digests pulled from or pushed to a repository (RepoDigests). It does
        not push an index as an index.
        """
        if digest := self._digests.get(source):
            return {digest}
        image_id, named = self._local.get(source.name, (source.image_id, ()))
        answer = self._existing.get(reference)
        if answer == image_id:
            return {image_id}
        if reference in self._indexes:
            return set()
        pairs = [text.partition("@")[::2] for text in named]
        here = {reference.name, reference.familiar_name}
        return {digest for repository, digest in pairs if repository in here}

    def _safe_reference(self, row: int) -> Reference | None:
        try:
            return self._reference(row)
        except LongshoreError:
            return None

    def _summarise(self, references: list[Reference], overwrites: int, *, unsure: bool) -> None:
        words = []
        if len(references) == 1:
            words.append(self._outcome.format(references[0].familiar))
        if overwrites == 1:
            words.append(
                self.tr("1 existing tag may be moved to this image.")
                if unsure
                else self.tr("1 existing tag will be moved to this image.")
            )
        elif overwrites:
            words.append(
                (
                    self.tr("{0} existing tags may be moved to these images.")
                    if unsure
                    else self.tr("{0} existing tags will be moved to these images.")
                ).format(overwrites)
            )
        answers = (self._existing.get(reference) for reference in references)
        errors = [answer for answer in answers if isinstance(answer, LongshoreError)]
        if errors:
            words.append(message(errors[0]))
        if late := self._not_checked(references):
            words.append(
                self.tr("{0} has not responded: whether {1} exists could not be checked.").format(
                    late.domain, late.familiar
                )
            )
        self.summary.setText(" ".join(words))
        self.resized.emit()

    @property
    def checking(self) -> bool:
        """True until it is known what every valid row points to, or the registries have had enough time."""
        known = self._existing.keys() | self._late
        return any(reference not in known for _, reference in self.good())

    @property
    def unchecked(self) -> bool:
        """True if a registry had enough time and has not responded."""
        return self._not_checked([reference for _, reference in self.good()]) is not None

    def _not_checked(self, references: Iterable[Reference]) -> Reference | None:
        late = self._late - self._existing.keys()
        return next((reference for reference in references if reference in late), None)

    @Slot()
    def ask(self) -> None:
        """Ask now what the rows point to; happens by itself a moment after the last key."""
        self._timer.stop()
        wanted = []
        for row in range(self.table.rowCount()):
            reference = self._safe_reference(row)
            if reference is not None and reference not in self._asked:
                self._asked.add(reference)
                wanted.append(reference)
        if wanted:
            self._patience.start(PATIENCE)
            self.existing_requested.emit(wanted)

    @Slot()
    def _give_up(self) -> None:
        self._late = self._asked - self._existing.keys()
        self.check_all()

    def set_existing(self, reference: Reference, existing: Existing) -> None:
        """Set what *reference* points to in its registry."""
        self._existing[reference] = existing
        self.check_all()

    def set_local(self, image: ImageName, image_id: str, repo_digests: Collection[str]) -> None:
        """Set the engine's data of *image*, which show whether the target has it already."""
        self._local[image] = (image_id, repo_digests)
        self.check_all()

    def set_index(self, reference: Reference) -> None:
        """Note that *reference* points to an index of several platforms."""
        self._indexes.add(reference)
        self.check_all()

    def set_digest(self, reference: Reference, digest: str) -> None:
        """Set the digest of the source *reference*."""
        self._digests.update((each, digest) for each in self._sources if each.reference == reference)
        self.check_all()

    def good(self) -> list[tuple[Endpoint, Reference]]:
        """Return source and target of each valid row."""
        rows = range(self.table.rowCount())
        pairs = ((self._source(row), self._safe_reference(row)) for row in rows)
        return [(source, reference) for source, reference in pairs if reference is not None]

    def chosen(self) -> list[tuple[Endpoint, Reference]]:
        """Return source and target of each row. Raises LongshoreError for an invalid row and makes its cell current."""
        pairs = []
        for row in range(self.table.rowCount()):
            try:
                pairs.append((self._source(row), self._reference(row)))
            except LongshoreError:
                self.table.setCurrentCell(row, _REPOSITORY)
                raise
        return pairs
