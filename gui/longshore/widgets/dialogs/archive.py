"""Save…: one archive file per image; and the dialog that asks which archives to load."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QComboBox,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QWidget,
)

from longshore.application import requests
from longshore.oci.image_name import ImageName
from longshore.transfers.transfer import ArchivePlace, Endpoint, EnginePlace
from longshore.widgets.dialogs.fields import is_folder, is_there, typed_path
from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.dialogs.target_names import shown
from longshore.widgets.dialogs.target_sheet import TargetSheet
from longshore.widgets.notices import plain_label

#: Compression by the suffix of an archive's name: none, gzip, zstd.
SUFFIXES = (".tar", ".tar.gz", ".tar.zst")
#: File names offered for loading. The content decides, so other names can be chosen as well.
PATTERNS = "*.tar *.tar.gz *.tgz *.tar.zst *.tzst *.tar.xz *.txz *.tar.bz2 *.tbz2"
_ODD = re.compile(r"[^A-Za-z0-9._-]+")


class SaveSheet(Sheet):
    """Asks for a file or folder and a format. The suffix decides the compression."""

    transfers_requested = Signal(object)  # list[TransferRequest]

    def __init__(self, parent: QWidget | None, sources: Sequence[Endpoint], folder: Path) -> None:
        self._sources = list(sources)
        one = len(sources) == 1
        title = (
            self.tr("Save {0}").format(sources[0].name.shown)
            if one
            else self.tr("Save {0} images").format(len(sources))
        )
        super().__init__(parent, title, self.tr("Save"), width=560)
        form = self.form()
        self.format = QComboBox()
        self.format.setAccessibleName(self.tr("Format"))
        self.format.addItem(self.tr("Docker archive: for docker load"), "docker")
        self.format.addItem(self.tr("OCI archive: keeps digests and all platforms"), "oci")
        # OCI archives keep the content of the library and of registries unchanged; engines expect docker's format.
        from_engine = isinstance(sources[0].place, EnginePlace)
        self.format.setCurrentIndex(self.format.findData("docker" if from_engine else "oci"))
        form.addRow(self.tr("Format"), self.format)
        self.compression = QComboBox()
        self.compression.setAccessibleName(self.tr("Compression"))
        for suffix, words in zip(SUFFIXES, (self.tr("none"), "gzip", "zstd"), strict=True):
            self.compression.addItem(f"{words} ({suffix})", suffix)
        self.compression.currentIndexChanged.connect(self._suffix_chosen)
        form.addRow(self.tr("Compression"), self.compression)
        self.path = QLineEdit(str(folder / f"{_stem(sources[0].name)}.tar") if one else str(folder))
        self.path.setAccessibleName(self.tr("File") if one else self.tr("Folder"))
        self.path.textChanged.connect(self._changed)
        browse = QPushButton(self.tr("Choose…"))
        browse.setAutoDefault(False)
        browse.clicked.connect(self._browse)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.path, 1)
        row.addWidget(browse)
        form.addRow(self.tr("File") if one else self.tr("Folder"), row)
        self.words = plain_label("", "dim", wrap=True)
        form.addRow("", self.words)
        #: Existing files that the sheet has announced; see :meth:`check`.
        self._told: set[Path] = set()
        self._changed()
        self.path.setFocus()
        self.path.setSelection(0, len(self.path.text()))

    @property
    def _one(self) -> bool:
        return len(self._sources) == 1

    def _suffix(self) -> str:
        return str(self.compression.currentData())

    def _suffix_chosen(self) -> None:
        if self._one:
            text = self.path.text()
            known = suffix_of(text)
            self.path.setText((text.removesuffix(known) if known else text) + self._suffix())
        else:
            self._changed()

    def _changed(self) -> None:
        self.show_problem(None)
        if self._one:
            known = suffix_of(self.path.text())
            if known in SUFFIXES and known != self._suffix():
                self.compression.blockSignals(True)
                self.compression.setCurrentIndex(SUFFIXES.index(known))
                self.compression.blockSignals(False)
        before = self._told
        self._told = {path for path in self._paths() if is_there(path) and not is_folder(path)}
        there = [path.name for path in self._told]
        if len(there) == 1:
            self.words.setText(self.tr("{0} already exists and will be replaced.").format(there[0]))
        elif there:
            self.words.setText(self.tr("{0} files already exist and will be replaced.").format(len(there)))
        elif self._one:
            self.words.setText("")
        else:
            self.words.setText(self.tr("One file per image, such as {0}.").format(self._paths()[0].name))
        if bool(before) != bool(there):
            self._show_replacing(bool(there))
        self.refit()

    def _show_replacing(self, replacing: bool) -> None:
        """Name the button after its action; if it replaces a file, Enter must not press it."""
        verb = self.tr("Replace") if replacing else self.tr("Save")
        self.confirm.setText(verb)
        self.confirm.setAccessibleName(verb)
        self.set_dangerous(replacing)
        self.words.setProperty("role", "caution" if replacing else "dim")
        self.words.style().unpolish(self.words)
        self.words.style().polish(self.words)

    def _paths(self) -> list[Path]:
        """Return the file of each image. Equal names get a number."""
        typed = typed_path(self.path.text())
        if self._one:
            return [typed]
        taken: set[str] = set()
        paths = []
        for source in self._sources:
            stem, number = _stem(source.name), 1
            while stem in taken:
                number += 1
                stem = f"{_stem(source.name)}-{number}"
            taken.add(stem)
            paths.append(typed / f"{stem}{self._suffix()}")
        return paths

    def _browse(self) -> None:
        dialog = file_dialog(self, self.tr("Save as") if self._one else self.tr("Folder"))
        typed = typed_path(self.path.text())
        if self._one:
            dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
            dialog.setNameFilters(_filters())
            dialog.setOption(QFileDialog.Option.DontConfirmOverwrite)  # the sheet says so
            dialog.setDirectory(str(typed.parent))
            dialog.selectFile(typed.name)
        else:
            dialog.setFileMode(QFileDialog.FileMode.Directory)
            dialog.setOption(QFileDialog.Option.ShowDirsOnly)
            dialog.setDirectory(str(typed))
        dialog.fileSelected.connect(self.path.setText)
        dialog.open()

    def check(self) -> bool:
        """Return True if the folder exists and the file name is that of an archive."""
        paths = self._paths()
        folder = paths[0].parent
        if not self.path.text().strip() or not paths[0].is_absolute():
            self.show_problem(self.tr("Enter the full path, such as {0}.").format(Path.home() / "image.tar"))
            return False
        if self._one and not suffix_of(paths[0].name):
            self.show_problem(self.tr("Use a file name that ends in {0}.").format(", ".join(SUFFIXES)))
            return False
        if not is_folder(folder):
            self.show_problem(self.tr("The folder {0} does not exist.").format(folder))
            return False
        if any(is_folder(path) for path in paths):
            self.show_problem(self.tr("{0} is a folder.").format(paths[0]))
            return False
        if any(is_there(path) for path in paths if path not in self._told):
            # A file appeared while the sheet was open: replace nothing that was not announced.
            self._changed()
            self.show_problem(self.words.text())
            return False
        form = str(self.format.currentData())
        self.transfers_requested.emit(
            [
                requests.save(source, ArchivePlace(path, form))
                for source, path in zip(self._sources, paths, strict=True)
            ]
        )
        return True


class LoadSheet(TargetSheet):
    """Loads archives into registries: shows and checks every resulting reference."""

    def __init__(
        self,
        parent: QWidget | None,
        sources: Sequence[Endpoint],
        registries: Sequence[tuple[str, str]],  # host, user
        host: str,
        repository: str = "",
    ) -> None:
        title = (
            self.tr("Load {0}").format(shown(sources[0]))
            if len(sources) == 1
            else self.tr("Load {0} images").format(len(sources))
        )
        super().__init__(parent, title, self.tr("Load"), sources, registries, host, repository)


def _stem(image: ImageName) -> str:
    """Return a file name for *image*, without suffix: the last part of its name, and its tag."""
    if image.reference is None:
        return image.short
    last = image.reference.path.rsplit("/", 1)[-1]
    return _ODD.sub("-", f"{last}_{image.reference.tag}" if image.reference.tag else last)


def suffix_of(name: str) -> str:
    """Return the suffix of an archive's name as written, "" if it has no known suffix."""
    lower = name.lower()
    for suffix in (*SUFFIXES[1:], ".tgz", ".tzst", SUFFIXES[0]):
        if lower.endswith(suffix):
            return name[-len(suffix) :]
    return ""


def ask_for_archives(parent: QWidget, folder: Path, chosen: Callable[[list[str]], None]) -> QFileDialog:
    """Open and return a dialog that asks which archives to load; *chosen* gets them."""
    dialog = file_dialog(parent, QCoreApplication.translate("LoadDialog", "Load archives"))
    dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
    dialog.setNameFilters(_filters())
    dialog.setLabelText(QFileDialog.DialogLabel.Accept, QCoreApplication.translate("LoadDialog", "Load"))
    dialog.setDirectory(str(folder))
    dialog.filesSelected.connect(chosen)
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()
    return dialog


def file_dialog(parent: QWidget, title: str, *, saving: bool = False) -> QFileDialog:
    """Return Qt's own file dialog, styled like our sheets and not yet open. The platform's dialog can block.

    *saving*: it asks for a file to write.
    """
    dialog = QFileDialog(parent, title)
    dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
    if saving:
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)  # which makes other buttons
        dialog.setFileMode(QFileDialog.FileMode.AnyFile)
    for buttons in dialog.findChildren(QDialogButtonBox):
        for button in buttons.buttons():
            button.setIcon(QIcon())  # no other sheet has icons on its buttons
    return dialog


def _filters() -> list[str]:
    def tr(text: str) -> str:
        return QCoreApplication.translate("LoadDialog", text)

    return [f"{tr('Image archives')} ({PATTERNS})", f"{tr('All files')} (*)"]
