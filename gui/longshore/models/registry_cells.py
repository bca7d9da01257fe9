"""Text and style of the cells of Registries: of a registry, or of a row below it. Pure; no signals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt

from longshore.errors import Remedy
from longshore.language import tr
from longshore.models.columns import NodeAction, NodeKind, NodeState, RegistryColumn, Role, Tone
from longshore.models.tooltips import tooltip
from longshore.words import errors, text

if TYPE_CHECKING:
    from longshore.models.registry_node import RegistryNode
    from longshore.models.registry_row import Child

_Item = Qt.ItemDataRole


def header(section: int) -> str:
    """Return the title of a column."""
    return (tr("Registry / repository"), tr("Tags"), tr("Signed in"))[section]


def value(node: RegistryNode, child: Child | None, column: int, role: int) -> Any:
    """Return the value of ``data()`` for a cell of *node* (*child* None) or of a row below it."""
    if role in (_Item.DisplayRole, _Item.AccessibleTextRole):
        return shown(node, child, column)
    if role == _Item.ToolTipRole:
        return tooltip(whole(node, child, column))
    if role == _Item.AccessibleDescriptionRole:
        return whole(node, child, column)
    if role == _Item.TextAlignmentRole:
        return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
    if role == Role.NODE_KIND:
        return NodeKind.REGISTRY if child is None else child.kind
    if role == Role.HOST:
        return node.host
    if role == Role.STATE:
        return node.state
    if role == Role.ERROR:
        return node.error
    if role == Role.NOTE:
        return node.line
    return _look(node, child, column, role)


def _look(node: RegistryNode, child: Child | None, column: int, role: int) -> Any:
    reference = child.reference if child is not None else None
    if role == Role.REPOSITORY:
        return reference.path if reference is not None else ""
    if role == Role.REFERENCE:
        return reference
    if role == Role.COPY_TEXT:
        if child is None:
            return node.host
        return reference.familiar if reference is not None else ""
    if role == Role.ACTION:
        return child.action if child is not None else NodeAction.NONE
    if role == Role.PINNED:
        return child is not None and child.pinned
    if role == Role.RECENT:
        return child is not None and child.from_history
    if role == Role.DESCRIPTION:
        return child.info.description if child is not None and child.info is not None else ""
    if role == Role.STRONG:
        return child is None and column == RegistryColumn.NAME
    if role == Role.DIM:
        return (child is not None and child.kind is NodeKind.NOTE) or column == RegistryColumn.TAGS
    if role == Role.TONE:
        return _tone(node, child, column)
    if role == Role.SORT:
        if column == RegistryColumn.TAGS:
            return child.tag_count if child is not None else None
        if column == RegistryColumn.SIGNED_IN:
            return child.stars if child is not None else None
        return child.natural if child is not None else node.host
    return None


def _tone(node: RegistryNode, child: Child | None, column: int) -> Tone:
    if child is None:
        if column == RegistryColumn.TAGS and node.state is NodeState.FAILED and node.listed_count():
            return Tone.CAUTION
        return signed_in(node)[1] if column == RegistryColumn.SIGNED_IN else Tone.NONE
    if child.kind is NodeKind.LINK:
        return Tone.ACTIVE
    if child.kind is NodeKind.NOTE and node.state is NodeState.FAILED:
        return Tone.BAD
    return Tone.NONE


def shown(node: RegistryNode, child: Child | None, column: int) -> str:
    """Return the text of a cell."""
    if child is None:
        if column == RegistryColumn.NAME:
            return node.entry.name
        return count_text(node) if column == RegistryColumn.TAGS else signed_in(node)[0]
    if column == RegistryColumn.NAME:
        return child.path if child.reference is not None else child.line
    if child.reference is None:
        return ""
    if column == RegistryColumn.TAGS:
        if child.from_history:
            return tr("recent")
        return f"{child.tag_count:,}" if child.tag_count is not None else ""
    return _vendor_data(child)


def _vendor_data(child: Child) -> str:
    """Return a vendor's data about a repository, in short: ``★ 20,413  official``."""
    info = child.info
    if info is None:
        return ""
    parts = []
    if info.stars:
        parts.append(f"★ {info.stars:,}")
    if info.official:
        parts.append(tr("official"))
    if info.private:
        parts.append(tr("private"))
    return "  ".join(parts)


def whole(node: RegistryNode, child: Child | None, column: int) -> str:
    """Return the full text of a cell, for its tooltip."""
    if child is None:
        trouble = node.entry.trouble
        if column == RegistryColumn.SIGNED_IN and trouble is not None:
            return errors.whole(trouble)
        if column != RegistryColumn.NAME:
            return shown(node, child, column)
        parts = [node.entry.name, node.host if node.host != node.entry.name else "", note_advice(node)]
        return "\n".join(part for part in parts if part)
    if child.reference is None:
        return (note_advice(node) if child.kind is NodeKind.NOTE else "") or child.line
    if column != RegistryColumn.NAME:
        return shown(node, child, column)
    info = child.info
    parts = [child.reference.familiar]
    if info is not None:
        parts.append(text.safe(info.description))
        if info.updated is not None:
            from longshore.words import times  # few registries report times

            parts.append(tr("Updated {moment}").replace("{moment}", times.moment_text(info.updated)))
    if child.from_history:
        parts.append(tr("Known from your transfers"))
    return "\n".join(part for part in parts if part)


def note_advice(node: RegistryNode) -> str:
    """Return the advice behind a note, for its tooltip."""
    return errors.whole(node.error) if node.error is not None else ""


def count_text(node: RegistryNode) -> str:
    """Return the text of a registry in the column Tags."""
    course = node.course
    count = node.listed_count()
    if node.search is not None:
        if course.state is NodeState.LOADING and not count:
            return tr("searching…")
        if course.total is not None and course.total > count:
            words = tr("{count} of {total} found").replace("{total}", f"{course.total:,}")
        else:
            words = tr("{count} found")
        return words.replace("{count}", f"{count:,}")
    if course.state is NodeState.READY:
        return node.loaded_text() if course.has_more else text.repositories(node.known_count())
    if course.state is NodeState.LOADING:
        return node.loaded_text() if count else tr("loading…")
    if count and course.state is NodeState.FAILED:
        return tr("stopped after {count}").replace("{count}", f"{count:,}")
    pinned = sum(child.pinned for child in node.repositories.values())
    if pinned:
        return text.pinned(pinned)
    return tr("can't list") if course.state in (NodeState.FAILED, NodeState.NO_CATALOGUE) else ""


def signed_in(node: RegistryNode) -> tuple[str, Tone]:
    """Return the text of a registry in the column Signed in, and its tone."""
    if node.entry.user:
        return text.safe(node.entry.user, 100), Tone.GOOD
    if node.entry.trouble is not None:
        return tr("unknown…"), Tone.CAUTION
    wanted = node.error is not None and node.error.remedy is Remedy.SIGN_IN
    if wanted or node.entry.auth == "basic":
        return tr("Sign in…"), Tone.ACTIVE
    if node.entry.auth == "none":
        return tr("public"), Tone.NONE
    return (tr("anonymous"), Tone.NONE) if node.entry.auth == "bearer" else ("", Tone.NONE)
