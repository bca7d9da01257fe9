"""Texts that say what a drop on the tree of registries would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData

from longshore.language import tr
from longshore.models import mime
from longshore.words import text

if TYPE_CHECKING:
    from longshore.models.registry_node import RegistryNode
    from longshore.models.registry_row import Child
    from longshore.oci.reference import Reference


def hint(target: tuple[RegistryNode, Child | None] | None, data: QMimeData) -> tuple[bool, str]:
    """Return whether *data* may be dropped on *target*, and a line that says what would happen or why not."""
    files = mime.dropped_files(data)
    dragged = mime.decode(data)
    # Text from another program names an image to pull; it cannot be pushed.
    if not files and (dragged is None or not data.hasFormat(mime.REFERENCES)):
        return False, tr("Only images and archives can be dropped here")
    if target is None or (target[1] is not None and target[1].reference is None):
        return False, tr("Drop images on a registry or a repository")
    node, child = target
    where = node.entry.name if child is None or child.reference is None else child.reference.familiar
    if mime.are_lists(files):
        return True, tr("Copy the listed images to {where}").replace("{where}", where)
    if files or dragged is None:
        what = files[0].name if len(files) == 1 else text.archives(len(files))
        line = tr("Load {what} into {where}")
        return True, line.replace("{what}", text.safe(what)).replace("{where}", where)
    if dragged.kind is mime.DragKind.LOCAL:
        line = tr("Push {what} to {where}")
    elif all(_is_there(reference, node, child) for reference in dragged.references):
        return False, tr("These images are already there")
    else:
        line = tr("Copy {what} to {where}")
    what = dragged.images[0].shown if len(dragged.images) == 1 else text.images(len(dragged.images))
    return True, line.replace("{what}", what).replace("{where}", where)


def _is_there(reference: Reference, node: RegistryNode, child: Child | None) -> bool:
    return reference.domain == node.host and (child is None or child.path == reference.path)
