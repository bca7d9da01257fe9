"""Matches the lines of an image's history to its layers (OCI image-spec, config.md, ``history``). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from longshore.application.inspection.values import Step
from longshore.oci.image_config import HistoryEntry

#: Most lines that are shown.
_MOST_LINES = 2_000


def steps_of(history: Sequence[HistoryEntry], layers: int) -> tuple[tuple[Step, ...], bool]:
    """The steps of an image with *layers* layers, the lowest first, and whether *history* fits them.

    A history is optional and may be wrong: unless it has one line per layer, which line made which layer is anybody's
    guess. The layers then come first, without lines, and the lines after them. An image without any history fits.
    """
    lines = history[:_MOST_LINES]
    if sum(not line.empty_layer for line in history) == layers and len(lines) == len(history):
        out = []
        number = 0
        for line in lines:
            if line.empty_layer:
                out.append(Step(line))
            else:
                out.append(Step(line, number))
                number += 1
        return tuple(out), True
    bare = [Step(None, number) for number in range(layers)]
    return (*bare, *(Step(line) for line in lines)), not history
