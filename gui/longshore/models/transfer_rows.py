"""The rows of the tree of transfers, and how the rows below a transfer follow its snapshot."""

from __future__ import annotations

from collections.abc import Hashable

from longshore.transfers.transfer import LayerSnapshot, TransferSnapshot
from longshore.words import transfers as words


class ChildRow:
    """A row below a transfer: a line of advice, or a layer."""

    __slots__ = ("key", "layer", "text")

    def __init__(self, key: Hashable, layer: LayerSnapshot | None, line: str = "") -> None:
        self.key = key
        self.layer = layer
        self.text = line


class TransferRow:
    """A transfer. *serial* identifies it in model indexes. *layers*: the layers that its children show."""

    __slots__ = ("advice", "children", "haystack", "layers", "serial", "snapshot")

    def __init__(self, snapshot: TransferSnapshot, serial: int) -> None:
        self.serial = serial
        self.snapshot = snapshot
        self.layers: tuple[LayerSnapshot, ...] = ()
        self.advice: tuple[str, ...] = ()
        self.children: list[ChildRow] = []
        request = snapshot.request
        parts = [request.operation.value]
        for end in (request.source, request.destination):
            parts += [words.end_text(end, is_source=True), words.end_whole(end)]
        parts.append(words.destination_whole(request))
        self.haystack = " ".join(parts).casefold()

    def take_over(self) -> list[int] | None:
        """Show the snapshot's layers in the existing children; return the positions of those that changed.

        Returns None if the children belong to other layers.

        Unchanged layers are the same objects, so most of the work is comparing identities.
        """
        layers, above = self.snapshot.layers, len(self.advice)
        if len(layers) != len(self.layers):
            return None
        changed = [
            place for place, (was, now) in enumerate(zip(self.layers, layers, strict=True)) if was is not now
        ]
        if any(self.layers[place].layer_id != layers[place].layer_id for place in changed):
            return None
        for place in changed:
            self.children[place + above].layer = layers[place]
        self.layers = layers
        return [place + above for place in changed]

    def target(self) -> tuple[list[ChildRow], set[ChildRow]]:
        """Return the rows to show, advice first, then the layers in order; and the rows that changed."""
        known = {child.key: child for child in self.children}
        self.layers = self.snapshot.layers
        rows: list[ChildRow] = []
        changed: set[ChildRow] = set()
        seen: dict[str, int] = {}
        lines: list[tuple[Hashable, LayerSnapshot | None, str]] = [
            (("advice", place), None, line) for place, line in enumerate(self.advice)
        ]
        for layer in self.snapshot.layers:
            number = seen[layer.layer_id] = seen.get(layer.layer_id, 0) + 1
            lines.append(((layer.layer_id, number), layer, ""))
        for key, shown, line in lines:
            child = known.get(key)
            if child is None:
                child = ChildRow(key, shown, line)
            elif child.layer != shown or child.text != line:
                child.layer, child.text = shown, line
                changed.add(child)
            rows.append(child)
        return rows, changed
