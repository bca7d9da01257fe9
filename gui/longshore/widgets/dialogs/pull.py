"""Pull…: accepts any reference a person may paste; and the question for a tag if there is no ``latest``."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QLineEdit, QListWidget, QWidget

from longshore.application import requests
from longshore.application.requests import LocalPlace
from longshore.errors import LongshoreError
from longshore.naturalsort import natural_key
from longshore.oci.known_platforms import parse_known
from longshore.oci.reference import Reference, parse_pull_line
from longshore.transfers.transfer import EnginePlace
from longshore.widgets.dialogs.fields import explanation
from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.notices import plain_label
from longshore.words import errors

#: Platforms offered in the box; any other can be typed.
PLATFORMS = ("linux/amd64", "linux/arm64", "linux/arm/v7", "linux/ppc64le", "linux/s390x", "linux/riscv64")


class PullSheet(Sheet):
    """Asks for a reference (Docker's rules apply) and optionally a platform."""

    transfers_requested = Signal(object)  # list[TransferRequest]

    def __init__(
        self, parent: QWidget | None, place: LocalPlace, text: str = "", destination: str = ""
    ) -> None:
        super().__init__(parent, self.tr("Pull an image"), self.tr("Pull"))
        self._place = place
        engine = isinstance(place, EnginePlace)
        form = self.form()
        self.reference = QLineEdit(text)
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
        line = self.platform.lineEdit()
        assert line is not None
        line.setPlaceholderText(self.tr("the engine's own") if engine else self.tr("this machine's own"))
        form.addRow(self.tr("Platform"), self.platform)
        if destination:
            form.addRow(self.tr("Into"), plain_label(destination))
        self.reference.textChanged.connect(self._changed)
        self._changed()
        self.reference.selectAll()
        self.reference.setFocus()

    def _changed(self) -> None:
        self.show_problem(None)
        text = self.reference.text().strip()
        if not text:
            self.preview.setText(self.tr("Defaults: Docker Hub, tag “latest”."))
            return
        try:
            reference, platform = parse_pull_line(text)
        except LongshoreError as error:
            self.preview.setText(errors.message(error))
            return
        self.preview.setText(str(reference.with_default_tag()))
        if platform is not None:
            self.platform.setCurrentText(str(platform))

    def check(self) -> bool:
        """Return True if the reference and the platform are valid."""
        text = self.reference.text().strip()
        if not text:
            self.show_problem(self.tr("Enter or paste the name of an image."))
            return False
        try:
            reference, _ = parse_pull_line(text)
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
