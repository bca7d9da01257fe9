"""Data of drags: written for other programs to read, and read as foreign input, because any program can drop."""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from PySide6.QtCore import QMimeData

if TYPE_CHECKING:
    from longshore.oci.image_name import ImageName
    from longshore.oci.reference import Reference

REFERENCES = "application/vnd.longshore.references+json"
#: Queue rows to move within the queue. Private, so it is offered in no other format.
TRANSFERS = "application/vnd.longshore.transfers+json"
PLAIN = "text/plain"
FILES = "text/uri-list"
#: Maximum bytes and items to read; no person drags more.
MAX_BYTES = 1 << 20
MAX_ITEMS = 2000
MAX_FILES = 200
MAX_PLAIN_BYTES = 16 << 10
MAX_PLAIN_LINES = 50
_MAX_TEXT = 600
_IMAGE_ID = re.compile(r"sha256:[0-9a-f]{64}")


class DragKind(enum.Enum):
    """The origins of dragged items."""

    LOCAL = "local"
    REMOTE = "remote"


class Dragged(NamedTuple):
    """The content of a drag: at least one image. A remote one has a reference; without a tag it is a repository."""

    kind: DragKind
    images: tuple[ImageName, ...]

    @property
    def references(self) -> list[Reference]:
        """The references, without images that have none."""
        return [image.reference for image in self.images if image.reference is not None]


def encode(kind: DragKind, images: Iterable[ImageName]) -> QMimeData:
    """Return *images* for a drag or the clipboard: in our own format, and as plain text, one reference per line."""
    kept = list(images)[:MAX_ITEMS]
    data = QMimeData()
    body = {"kind": kind.value, "items": [_entry(kind, image) for image in kept]}
    data.setData(REFERENCES, json.dumps(body).encode())
    data.setText("\n".join(image.copied for image in kept))
    return data


def encode_references(references: Iterable[Reference]) -> QMimeData:
    """Return tags and repositories of registries for a drag or the clipboard, as :func:`encode` does."""
    from longshore.oci.image_name import ImageName  # needed with the first drag, not at start

    return encode(DragKind.REMOTE, [ImageName(reference) for reference in references])


def _entry(kind: DragKind, image: ImageName) -> dict[str, str]:
    remote = image.reference if kind is DragKind.REMOTE else None
    return {
        "reference": str(image.reference) if image.reference is not None else "",
        "image_id": image.image_id,
        # For other programs, so that they need not parse the reference.
        "registry": remote.domain if remote is not None else "",
        "repository": remote.path if remote is not None else "",
    }


def dropped_files(data: QMimeData | None) -> list[Path]:
    """Return the local files in *data*; empty if any entry is not a local file. Never raises."""
    if data is None or data.hasFormat(REFERENCES) or not data.hasUrls():
        return []
    urls = data.urls()
    if len(urls) > MAX_FILES or not all(url.isLocalFile() for url in urls):
        return []
    return [Path(url.toLocalFile()) for url in urls]


def are_lists(files: Sequence[Path]) -> bool:
    """Return whether *files*, at least one, are named like files that name images, such as compose files."""
    from longshore.application.image_lists.reading import (
        named_like_list,  # needed with the first dragged file
    )

    return bool(files) and all(named_like_list(file) for file in files)


def decode(data: QMimeData | None) -> Dragged | None:
    """Return the content of *data*, None if it cannot be used. Plain text counts as remote. Never raises."""
    if data is None:
        return None
    if data.hasFormat(REFERENCES):
        return _decode_own(bytes(data.data(REFERENCES).data()))
    if data.hasText() and not data.hasUrls():
        return _decode_plain(data.text())
    return None


def _decode_own(raw: bytes) -> Dragged | None:
    if len(raw) > MAX_BYTES:
        return None
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict) or body.get("kind") not in ("local", "remote"):
        return None
    kind = DragKind(body["kind"])
    listed = body.get("items")
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_ITEMS:
        return None
    images = [_image(kind, entry) for entry in listed]
    # One invalid entry makes the rest doubtful: all or nothing.
    return Dragged(kind, tuple(image for image in images if image)) if all(images) else None


def _image(kind: DragKind, entry: Any) -> ImageName | None:
    if not isinstance(entry, dict):
        return None
    fields = [entry.get(name, "") for name in ("reference", "image_id", "registry", "repository")]
    if any(not isinstance(field, str) or len(field) > _MAX_TEXT for field in fields):
        return None
    name, image_id, registry, repository = fields
    from longshore.errors import LongshoreError
    from longshore.oci.image_name import ImageName
    from longshore.oci.reference import Reference  # needed with the first drop, not at start

    reference = None
    if name:
        try:
            reference = Reference.parse(name)
        except LongshoreError:
            return None
    if image_id and not _IMAGE_ID.fullmatch(image_id):
        return None
    if kind is DragKind.LOCAL:
        return ImageName(reference, image_id) if reference or image_id else None
    if reference is None or (registry, repository) not in (("", ""), (reference.domain, reference.path)):
        return None
    return ImageName(reference)


def _decode_plain(text: str) -> Dragged | None:
    if len(text) > MAX_PLAIN_BYTES:
        return None
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not 0 < len(lines) <= MAX_PLAIN_LINES:
        return None
    from longshore.errors import LongshoreError
    from longshore.oci.image_name import ImageName
    from longshore.oci.reference import Reference

    try:
        return Dragged(DragKind.REMOTE, tuple(ImageName(Reference.parse_input(line)) for line in lines))
    except LongshoreError:
        return None


def encode_files(files: Iterable[Path]) -> QMimeData:
    """Return files for a drag to other programs."""
    from PySide6.QtCore import QUrl

    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file)) for file in files])
    return data


def encode_transfers(ids: Iterable[str]) -> QMimeData:
    """Return transfers for a drag within their list."""
    data = QMimeData()
    data.setData(TRANSFERS, json.dumps(list(ids)[:MAX_ITEMS]).encode())
    return data


def decode_transfers(data: QMimeData | None) -> list[str]:
    """Return the ids of the transfers in *data*, empty if it has none. Never raises."""
    if data is None or not data.hasFormat(TRANSFERS):
        return []
    raw = bytes(data.data(TRANSFERS).data())
    if len(raw) > MAX_BYTES:
        return []
    try:
        ids = json.loads(raw)
    except (ValueError, RecursionError):
        return []
    if not isinstance(ids, list) or len(ids) > MAX_ITEMS:
        return []
    return [name for name in ids if isinstance(name, str)]
