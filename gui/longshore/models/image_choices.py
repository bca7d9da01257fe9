"""The filters of Local images beside the words: their names, and which images pass them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from longshore.language import tr
from longshore.models.row_table import RowChoice

if TYPE_CHECKING:
    from longshore.application.states import State
    from longshore.models.image_row import ImageRow


def choices(rows: Iterable[ImageRow], *, compressed: bool) -> list[RowChoice]:
    """Return the filters for *rows*. *compressed*: they are the library's."""
    no_containers = tr("The library has no containers.") if compressed else ""
    platforms = {name for row in rows for name in row.platforms or ()}
    return [
        RowChoice("unused", tr("unused by containers"), no_containers),
        RowChoice("dangling", tr("dangling")),
        RowChoice("newer", tr("newer there")),
        RowChoice("local", tr("without a registry")),
        *(RowChoice(f"platform:{name}", name) for name in sorted(platforms)),
    ]


def passes(row: ImageRow, state: State | None, key: str) -> bool:
    """Return True if the filter *key* lets *row* pass, whose image has *state*."""
    kind, _, value = key.partition(":")
    found = "" if state is None else state.value
    match kind:
        case "platform":
            return value in (row.platforms or ())
        case "newer":
            return found == "newer"
        case "local":
            # containerd's store gives digests of a repository also to images that never were in one.
            return row.without_registry(only_here=found == "only here")
        case "dangling":
            return row.image.dangling
        case _:
            return not row.image.in_use and not row.place.compressed  # the library has no containers
