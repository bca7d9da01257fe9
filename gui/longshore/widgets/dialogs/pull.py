"""Pull…: accepts any reference a person may paste; and the question for a tag if there is no ``latest``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QListWidget, QPushButton, QWidget

from longshore.application import requests
from longshore.application.requests import LocalPlace
from longshore.errors import LongshoreError
from longshore.naturalsort import natural_key
from longshore.oci.known_platforms import parse_known
from longshore.oci.reference import DOCKER_HUB, Reference, parse_pull_line
from longshore.transfers.transfer import EnginePlace
from longshore.widgets.dialogs.fields import explanation
from longshore.widgets.dialogs.platform_choice import Choice, PlatformTable
from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.notices import plain_label
from longshore.words import errors, states, text, times
from longshore.words.inspection import platform_text

if TYPE_CHECKING:
    from longshore.application.inspection.pulling import PullChoices
    from longshore.registry.pull_budget import PullBudget

#: Milliseconds without a key before a name that was typed is asked for.
_PAUSE = 600
#: Platforms offered in the box; any other can be typed.
PLATFORMS = ("linux/amd64", "linux/arm64", "linux/arm/v7", "linux/ppc64le", "linux/s390x", "linux/riscv64")


class PullSheet(Sheet):
    """Asks for a reference (Docker's rules apply) and optionally a platform.

    *budget*: the pulls that Docker Hub still allows, None if that is not known.
    """

    transfers_requested = Signal(object)  # list[TransferRequest]
    choices_requested = Signal(object)  # Reference, whose platforms are asked for

    def __init__(
        self,
        parent: QWidget | None,
        place: LocalPlace,
        named: str = "",
        destination: str = "",
        budget: PullBudget | None = None,
    ) -> None:
        super().__init__(parent, self.tr("Pull an image"), self.tr("Pull"), width=580)
        self._asked: Reference | None = None  # what was asked for last
        self._found: PullChoices | None = None
        self._place = place
        self._budget = budget
        engine = isinstance(place, EnginePlace)
        form = self.form()
        self.reference = QLineEdit(named)
        self.reference.setPlaceholderText(self.tr("postgres:16, ghcr.io/acme/web, docker pull …"))
        self.reference.setAccessibleName(self.tr("Reference"))
        self.reference.setMaxLength(2000)
        form.addRow(self.tr("Image"), self.reference)
        self.preview = explanation("")
        self.preview.setMinimumHeight(self.fontMetrics().height() * 2)
        self.preview.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        form.addRow("", self.preview)
        self.platform = QComboBox()
        self.platform.setEditable(True)
        self.platform.addItem("")
        self._all = "" if engine else self.tr("all platforms, unchanged")
        if self._all:
            self.platform.addItem(self._all)
        self.platform.addItems(PLATFORMS)
        self.platform.setAccessibleName(self.tr("Platform"))
        edit = self.platform.lineEdit()
        assert edit is not None
        self._own = self.tr("this engine's own") if engine else self.tr("this machine's own")
        edit.setPlaceholderText(self.tr("the engine's own") if engine else self._own)
        self.table = PlatformTable()
        self.table.chosen.connect(self._chosen)
        self.table.hide()
        self.show_platforms = QPushButton(self.tr("Show platforms"))
        self.show_platforms.setAutoDefault(False)
        self.show_platforms.setToolTip(self.tr("Docker Hub counts this as a pull."))
        self.show_platforms.clicked.connect(self._ask)
        self.show_platforms.hide()
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.platform, 1)
        line.addWidget(self.show_platforms)
        line.addWidget(self.table, 1)
        form.addRow(self.tr("Platform"), row)
        if destination:
            form.addRow(self.tr("Into"), plain_label(destination))
        self.cost = plain_label("", "dim")
        self._foot.insertWidget(0, self.cost)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_PAUSE)
        self._soon.timeout.connect(self._ask)
        self.reference.textChanged.connect(self._changed)
        self.platform.currentTextChanged.connect(self._show_cost)
        self._changed()
        self.reference.selectAll()
        self.reference.setFocus()

    def _changed(self) -> None:
        self.show_problem(None)
        typed = self.reference.text().strip()
        self._soon.stop()
        if not typed:
            self.preview.setText(self.tr("Defaults: Docker Hub, tag “latest”."))
            self._forget(None)
            return
        try:
            reference, platform = parse_pull_line(typed)
        except LongshoreError as error:
            self.preview.setText(errors.message(error))
            self._forget(None)
            return
        named = reference.with_default_tag()
        self.preview.setText("\n".join(filter(None, (str(named), self._hub_cost(named)))))
        self._forget(named)
        if platform is not None:
            self.platform.setCurrentText(str(platform))
        if named == self._asked:
            return
        # A name that is being typed is not asked for: not every key, and on Docker Hub only when the user wants it.
        if named.domain == DOCKER_HUB:
            self.show_platforms.show()
        else:
            self._soon.start()

    def _forget(self, reference: Reference | None) -> None:
        """Show no platforms of another image than *reference*."""
        self.show_platforms.hide()
        if reference is None or reference != self._asked:
            self._asked, self._found = None, None
            self.table.hide()
            self.platform.show()
            self._show_cost()
            self.refit()

    @Slot()
    def _ask(self) -> None:
        try:
            reference, _ = parse_pull_line(self.reference.text().strip())
        except LongshoreError:
            return
        self._asked = reference.with_default_tag()
        self.show_platforms.setEnabled(False)
        self.choices_requested.emit(self._asked)

    def set_choices(self, reference: Reference, found: PullChoices | LongshoreError) -> None:
        """Show what was read about *reference*, unless another one is entered by now."""
        if not self.open_still or reference != self._asked:
            return
        self.show_platforms.setEnabled(True)
        if isinstance(found, LongshoreError):
            self._asked = None
            # The pull will say what to do; a name that is still being typed is no problem.
            self.preview.setText(f"{reference}\n{errors.message(found)}")
            return
        self._found = found
        self.show_platforms.hide()
        self.preview.setText(self._about(found))
        if not found.is_index and len(found.choices) == 1:
            self._show_cost()
            self.refit()
            return
        self.table.show_choices(found, self._own, whole=bool(self._all), chosen=self._wanted())
        # The focus stays where it is: an answer comes while the user types.
        self.platform.hide()
        self.table.show()
        self._show_cost()
        self.refit()

    def _about(self, found: PullChoices) -> str:
        count = len(found.choices)
        if found.is_index:
            what = self.tr("1 platform") if count == 1 else self.tr("%n platforms", "", count)
        else:
            what = platform_text(found.choices[0].platform)
        age = times.age(found.created) if found.created is not None else ""
        parts = [what, age, self._hub_cost(found.reference)]
        return f"{found.reference}\n" + "  ·  ".join(part for part in parts if part)

    def _hub_cost(self, reference: Reference) -> str:
        return states.pull_cost(1, self._budget) if reference.domain == DOCKER_HUB else ""

    def _wanted(self) -> Choice:
        """What the box asks for now."""
        named = self.platform.currentText().strip()
        if self._all and named == self._all:
            return Choice(None, whole=True)
        try:
            return Choice(parse_known(named) if named else None)
        except LongshoreError:
            return Choice(None)

    @Slot(object)
    def _chosen(self, choice: Choice) -> None:
        """The box, which :meth:`check` reads, follows the table."""
        named = self._all if choice.whole else "" if choice.platform is None else str(choice.platform)
        self.platform.setCurrentText(named)
        self._show_cost()

    @Slot()
    def _show_cost(self) -> None:
        self.cost.setText(self._cost())

    def _cost(self) -> str:
        found = self._found
        if found is None:
            return ""
        wanted = self._wanted()
        if wanted.whole:
            return self.tr("Up to {0}").format(text.size(found.whole)) if found.whole is not None else ""
        for one in found.choices:
            if (one.own and wanted.platform is None) or one.platform == wanted.platform or not found.is_index:
                if one.to_fetch is None:
                    return "" if one.size is None else self.tr("{0} compressed").format(text.size(one.size))
                if not one.to_fetch:
                    return self.tr("Nothing to fetch")
                partly = one.size is not None and one.to_fetch < one.size
                words = self.tr("About {0} to fetch") if partly else self.tr("{0} to fetch")
                return words.format(text.size(one.to_fetch))
        return ""

    def check(self) -> bool:
        """Return True if the reference and the platform are valid."""
        typed = self.reference.text().strip()
        if not typed:
            self.show_problem(self.tr("Enter or paste the name of an image."))
            return False
        try:
            reference, _ = parse_pull_line(typed)
            wanted = self.platform.currentText().strip()
            whole = bool(self._all) and wanted == self._all
            platform = parse_known(wanted) if wanted and not whole else None
        except LongshoreError as error:
            self.show_problem(error)
            return False
        self.transfers_requested.emit([requests.pull(reference, self._place, platform, whole=whole)])
        return True


class ChooseTagSheet(Sheet):
    """Asks which tag to pull from a repository without ``latest``."""

    chosen = Signal(object)  # Reference

    def __init__(self, parent: QWidget | None, reference: Reference, tags: list[str]) -> None:
        super().__init__(
            parent, self.tr("Which tag of {0}?").format(reference.familiar_name), self.tr("Pull")
        )
        self._reference = reference
        self.body.addWidget(
            plain_label(self.tr("This repository has no tag “latest”."), role="dim", wrap=True)
        )
        self.tags = QListWidget()
        self.tags.setAccessibleName(self.tr("Tags to choose from"))
        self.tags.setUniformItemSizes(True)
        self.tags.addItems(sorted(tags, key=natural_key, reverse=True))
        self.tags.setCurrentRow(0)
        self.tags.itemActivated.connect(self._confirmed)
        self.body.addWidget(self.tags)
        self.tags.setFocus()

    def check(self) -> bool:
        """Return True if a tag is chosen."""
        item = self.tags.currentItem()
        if item is None:
            self.show_problem(self.tr("Choose a tag."))
            return False
        self.chosen.emit(self._reference.with_tag(item.text()))
        return True
