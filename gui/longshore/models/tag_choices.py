"""The filters of Tags beside the words. Pure."""

from __future__ import annotations

from longshore.language import tr
from longshore.models.row_table import RowChoice

#: The filter for images that no tag points to.
UNTAGGED = "kind:untagged"


def choices(*, tells_untagged: bool) -> list[RowChoice]:
    """Return the filters. *tells_untagged*: the registry lists images that no tag points to."""
    return [
        RowChoice("kind:images", tr("images")),
        RowChoice("kind:artifacts", tr("charts and other artifacts")),
        RowChoice("kind:signatures", tr("signatures, SBOMs and attestations")),
        RowChoice(
            UNTAGGED,
            tr("untagged"),
            "" if tells_untagged else tr("This registry does not list untagged images."),
        ),
    ]
