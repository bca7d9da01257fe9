"""Matches the lines of an image's history to its layers (OCI image-spec, config.md, ``history``). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from longshore.application.inspection.secrets import masked_line
from longshore.application.inspection.values import Step
from longshore.oci.image_config import HistoryEntry

#: Most lines that are shown, and characters of one.
_MOST_LINES = 2_000
_LONGEST = 500


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
                out.append(_step(line))
            else:
                out.append(_step(line, number))
                number += 1
        return tuple(out), True
    bare = [Step(None, number) for number in range(layers)]
    return (*bare, *(_step(line) for line in lines)), not history


def _step(entry: HistoryEntry, layer: int | None = None) -> Step:
    return Step(entry, layer, masked_line(entry.created_by[:_LONGEST]))
