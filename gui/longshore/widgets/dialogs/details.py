"""The details of one image or tag, as text that can be selected and copied."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from longshore.engine.model import ImageDetails, ImagePlatform
from longshore.errors import LongshoreError
from longshore.library.model import LibraryDetails, LibraryPlatform
from longshore.oci.reference import Reference
from longshore.registry.model import TagDetails
from longshore.text import plain
from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.theme import current_theme
from longshore.words import text

#: Maximum entries to show of one list; an image may have thousands of labels.
MOST_ENTRIES = 200


class DetailsSheet(Sheet):
    """Opens at once and fills when the details arrive."""

    copy_requested = Signal(str)

    def __init__(self, parent: QWidget | None, shown: str) -> None:
        super().__init__(parent, shown, self.tr("Copy"), width=620)
        #: What the image shares with others, in words; "" while that is not known.
        self.own_size = ""
        self.dismiss.setText(self.tr("Close"))
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setAccessibleName(self.tr("Details"))
        self.text.setFont(current_theme().fixed_font)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.text.setMinimumHeight(300)
        self.text.setPlaceholderText(self.tr("Loading…"))
        self.body.addWidget(self.text, 1)
        self.confirm.setEnabled(False)
        self._alive = True
        self.finished.connect(self._gone)

    def _gone(self) -> None:
        self._alive = False

    def check(self) -> bool:
        """Copy the text and close the sheet."""
        self.copy_requested.emit(self.text.toPlainText())
        return True

    def _show(self, rows: list[tuple[str, str]]) -> None:
        width = max(len(name) for name, _ in rows)
        self.text.setPlainText("\n".join(f"{name:<{width}}  {value}" for name, value in rows if value))
        self.confirm.setEnabled(True)

    def show_image(self, found: ImageDetails | LongshoreError) -> None:
        """Show the engine's details. Environment variables are left out because they often hold secrets."""
        if not self._alive:
            return
        if isinstance(found, LongshoreError):
            self.text.setPlaceholderText("")
            self.show_problem(found)
            return
        rows = [(self.tr("Image ID"), found.image_id)]
        rows += _many(self.tr("Names"), [reference.familiar for reference in found.references])
        rows += _many(self.tr("Digests"), list(found.repo_digests))
        rows += [
            (self.tr("Created"), found.created.isoformat(" ", "seconds") if found.created else ""),
            # containerd's store reports the compressed size here, not the unpacked one.
            (self.tr("Compressed") if found.platforms else self.tr("Size on disk"), text.size(found.size)),
            (self.tr("Shared"), self.own_size),
            (self.tr("Platform"), str(found.platform or "")),
            *_many(self.tr("Platforms"), [self._platform(each) for each in found.platforms]),
            (self.tr("Author"), plain(found.author)),
            (self.tr("User"), plain(found.user)),
            (self.tr("Working directory"), plain(found.working_directory)),
            (self.tr("Entrypoint"), plain(" ".join(found.entrypoint), 500)),
            (self.tr("Command"), plain(" ".join(found.command), 500)),
            (self.tr("Ports"), plain(" ".join(found.ports))),
        ]
        rows += _many(self.tr("Labels"), [f"{plain(key)}={plain(value)}" for key, value in found.labels])
        rows += _many(self.tr("Layers"), list(found.diff_ids))
        self._show(rows)

    def _platform(self, found: ImagePlatform) -> str:
        if not found.here:
            return self.tr("{0}, not stored").format(found.platform)
        return self.tr("{0}, {1} compressed").format(found.platform, text.size(found.size))

    def show_library(self, found: LibraryDetails) -> None:
        """Show the library's details."""
        if not self._alive:
            return
        image, config = found.image, found.config
        rows = [(self.tr("Digest"), image.digest)]
        rows += _many(self.tr("Names"), [reference.familiar for reference in found.references])
        rows += [
            (self.tr("Media type"), plain(image.media_type)),
            (self.tr("Compressed"), text.size(image.size)),
            (self.tr("Shared"), self.own_size),
            (self.tr("Created"), image.created.isoformat(" ", "seconds") if image.created else ""),
        ]
        rows += _many(self.tr("Platforms"), [self._part(one) for one in found.platforms])
        if config is not None:
            rows += _many(
                self.tr("Labels"),
                [f"{plain(key)}={plain(value)}" for key, value in sorted(config.labels.items())],
            )
        rows += _many(
            self.tr("Attached"), [f"{plain(one.artifact_type)}  {one.digest}" for one in found.referrers]
        )
        rows += _many(self.tr("Layers"), [f"{one.digest}  {text.size(one.size)}" for one in found.layers])
        self._show(rows)

    def _part(self, found: LibraryPlatform) -> str:
        name = found.platform or self.tr("unknown")
        if not found.whole:
            return self.tr("{0}, incomplete").format(name)
        return self.tr("{0}, {1} compressed").format(name, text.size(found.size))

    def show_tag(self, reference: Reference, found: TagDetails | LongshoreError) -> None:
        """Show the registry's details."""
        if not self._alive:
            return
        if isinstance(found, LongshoreError):
            self.text.setPlaceholderText("")
            self.show_problem(found)
            return
        rows = [
            (self.tr("Reference"), str(reference)),
            (self.tr("Digest"), found.digest),
            (self.tr("Media type"), plain(found.media_type)),
            (self.tr("Compressed"), text.size(found.size) if found.size is not None else ""),
            (self.tr("Created"), found.created.isoformat(" ", "seconds") if found.created else ""),
        ]
        rows += _many(self.tr("Platforms"), [str(platform) for platform in found.platforms])
        rows.append((self.tr("Pull"), f"docker pull {reference.familiar}"))
        self._show(rows)


def _many(name: str, values: list[str]) -> list[tuple[str, str]]:
    shown = [plain(value, 400) for value in values[:MOST_ENTRIES]]
    if len(values) > MOST_ENTRIES:
        shown.append(f"… {len(values) - MOST_ENTRIES} more")
    return [(name if number == 0 else "", value) for number, value in enumerate(shown)]
