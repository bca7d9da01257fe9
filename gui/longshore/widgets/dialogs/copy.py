"""The copy sheet: from one registry to others, with the resulting references, platforms, signatures and SBOMs."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QWidget,
)

from longshore.application.requests import copy
from longshore.errors import LongshoreError
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.operations.platforms import Contents
from longshore.transfers.transfer import Endpoint, RegistryPlace, TransferRequest
from longshore.widgets.dialogs.target_sheet import TargetSheet
from longshore.widgets.notices import plain_label
from longshore.words import errors, text

#: Platforms visible without scrolling.
_MOST_ROWS = 6
_ROW = 24


class PlatformChoice(QObject):
    """The choice of all platforms, unchanged, or only the checked ones. GUI thread."""

    changed = Signal()

    def __init__(self, form: QFormLayout, parent: QWidget) -> None:
        super().__init__(parent)
        self._sizes: dict[Platform, int] = {}
        self._images: dict[Platform, int] = {}
        self._whole = 0
        self.which = QComboBox()
        self.which.setAccessibleName(self.tr("Platforms"))
        self.which.addItems([self.tr("All platforms, unchanged"), self.tr("Only selected platforms")])
        self.which.currentIndexChanged.connect(self._switched)
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Platforms to copy"))
        self.list.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        self.list.itemChanged.connect(lambda _: self._tell())
        self.words = plain_label("", "dim", wrap=True)
        line = QHBoxLayout()
        line.setSpacing(10)
        line.addWidget(self.which)
        line.addWidget(self.words, 1)
        form.addRow(self.tr("Platforms"), line)
        form.addRow("", self.list)
        self._switched()

    def add(self, contents: Contents) -> None:
        """Add an image, given its contents."""
        self._whole += contents.size
        for platform, size in contents.platforms:
            self._sizes[platform] = self._sizes.get(platform, 0) + size
            self._images[platform] = self._images.get(platform, 0) + 1
        ticked = {item.data(Qt.ItemDataRole.UserRole): item.checkState() for item in self._items()}
        self.list.blockSignals(True)
        self.list.clear()
        for platform, size in sorted(self._sizes.items(), key=lambda pair: str(pair[0])):
            item = QListWidgetItem(f"{text.safe(str(platform))}   {text.size(size or None)}".rstrip())
            item.setData(Qt.ItemDataRole.UserRole, platform)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
            item.setSizeHint(QSize(0, _ROW))
            item.setCheckState(ticked.get(platform, Qt.CheckState.Checked))
            self.list.addItem(item)
        self.list.blockSignals(False)
        rows = min(max(self.list.count(), 1), _MOST_ROWS)
        self.list.setFixedHeight(_ROW * rows + 10)
        self._tell()

    def _items(self) -> list[QListWidgetItem]:
        return [self.list.item(row) for row in range(self.list.count())]

    @property
    def some(self) -> bool:
        """True if only the checked platforms are to be copied."""
        return self.which.currentIndex() == 1 and bool(self._sizes)

    def chosen(self) -> list[Platform]:
        """Return the checked platforms; empty means all platforms, unchanged."""
        if not self.some:
            return []
        return [
            item.data(Qt.ItemDataRole.UserRole)
            for item in self._items()
            if item.checkState() == Qt.CheckState.Checked
        ]

    @property
    def problem(self) -> str:
        """The problem with the choice, "" if there is none."""
        return self.tr("Select at least one platform.") if self.some and not self.chosen() else ""

    def _switched(self) -> None:
        self.list.setVisible(self.which.currentIndex() == 1 and self.list.count() > 0)
        self._tell()

    def _tell(self) -> None:
        self.list.setVisible(self.some)
        self.which.setEnabled(bool(self._sizes))
        size = text.size(
            sum(self._sizes[platform] for platform in self.chosen()) if self.some else self._whole
        )
        much = self.tr(", {0} compressed").format(size) if self._whole else ""
        if self.some:
            chosen = self.chosen()
            count = self._platforms_words(len(chosen))
            words = self.tr("{0}{1}. An index with fewer platforms has a new digest.").format(count, much)
            left_out = [platform for platform in sorted(self._sizes, key=str) if platform not in chosen]
            if left_out:
                names = ", ".join(text.safe(str(platform), 80) for platform in left_out)
                words = self.tr("{0} Left out: {1}.").format(words, names)
        elif self._sizes:
            words = self.tr("{0}{1}. Digests are kept.").format(self._platforms_words(len(self._sizes)), much)
        elif self._whole:
            words = self.tr("One platform{0}. Digests are kept.").format(much)
        else:
            words = self.tr("Loading…")
        self.words.setText(words)
        self.changed.emit()

    def _platforms_words(self, count: int) -> str:
        return self.tr("1 platform") if count == 1 else self.tr("{0} platforms").format(count)

    def unknown(self, error: LongshoreError) -> None:
        """Show that the contents of an image are unknown."""
        if not self._whole and not self._sizes:
            self.words.setText(errors.message(error))
            self.changed.emit()


class CopySheet(TargetSheet):
    """Shows and checks every resulting reference; offers platforms, and whether signatures and SBOMs are included."""

    contents_requested = Signal(object)  # list[Reference]; answer with set_contents

    def __init__(
        self,
        parent: QWidget | None,
        references: Sequence[Reference],
        registries: Sequence[tuple[str, str]],  # host, user
        host: str,
        repository: str = "",
    ) -> None:
        named = [reference.with_default_tag() for reference in references]
        self._references = named
        title = (
            self.tr("Copy {0}").format(named[0].familiar)
            if len(named) == 1
            else self.tr("Copy {0} images").format(len(named))
        )
        sources = [Endpoint(RegistryPlace(reference.domain), reference) for reference in named]
        self._platforms: PlatformChoice | None = None
        super().__init__(parent, title, self.tr("Copy"), sources, registries, host, repository)
        form = self.form()
        self._platforms = PlatformChoice(form, self)
        self._platforms.changed.connect(self._chosen)
        self.referrers = QCheckBox(self.tr("Include signatures and SBOMs"))
        self.referrers.setToolTip(self.tr("Referrers of the images: signatures, SBOMs, attestations."))
        form.addRow("", self.referrers)

    def outcome(self) -> str:
        """See TargetSheet."""
        return self.tr("Will be copied to {0}.")

    def ask_contents(self) -> None:
        """Request the contents of the images. Call it once the signal is connected."""
        self.contents_requested.emit(self._references)

    def set_contents(self, reference: Reference, found: Contents | LongshoreError) -> None:
        """Show the contents of *reference*."""
        assert self._platforms is not None
        if isinstance(found, LongshoreError):
            self._platforms.unknown(found)
        else:
            self._platforms.add(found)
            self.targets.set_digest(reference, found.digest)

    def _chosen(self) -> None:
        self.targets.check_all()

    def _checked(self, problem: str, references: list[Reference]) -> None:
        platforms = self._platforms.problem if self._platforms is not None else ""
        super()._checked(problem or platforms, references)

    def request(self, source: Endpoint, target: Reference) -> TransferRequest:
        """Return the request for a copy of the chosen platforms."""
        assert self._platforms is not None and source.reference is not None
        platforms = self._platforms.chosen()
        return copy(source.reference, target, platforms, referrers=self.referrers.isChecked())
