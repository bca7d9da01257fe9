"""Merges the layers of an image to one file system, as engines do (image-spec layer.md, “Applying Changesets”).

Nothing is lost on the way: what a later layer hides stays in the tree, marked with that layer.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from longshore.application.files.layer_tar import too_much
from longshore.application.files.tree import Change, Kind, Oddity, Totals, Tree, View
from longshore.cancellation import Cancellation

#: Most names of all layers together.
MOST_NAMES = 2_000_000
#: Most links that are followed to find the folder of one entry (Linux: MAXSYMLINKS).
_MOST_LINKS = 40
#: Nodes between two looks at the cancellation.
_SLICE = 4096


class Merged:
    """The merged file system and the view of each layer. Made by :func:`merge`; then any thread may read it.

    *views*: of each layer, in order; None for one that could not be read. *origins*: for each node of the merged tree
    the node in the tree of its layer.
    """

    def __init__(self, view: View, views: Sequence[View | None], origins: array[int], totals: Totals) -> None:
        self.view = view
        self.views = views
        self.origins = origins
        self.totals = totals


def merge(layers: Sequence[Tree | None], cancellation: Cancellation) -> Merged:
    """The file system of *layers*, lowest first; None: a layer that is not known. Worker thread.

    Raises InvalidLayer for too many names, Cancelled.
    """
    merging = _Merging([None if tree is None else _blank(tree, at) for at, tree in enumerate(layers, 1)])
    if sum(len(tree) for tree in layers if tree is not None) > MOST_NAMES:
        raise too_much("", f"more than {MOST_NAMES} names in all layers")
    for number, tree in enumerate(layers, 1):
        if tree is not None:
            merging.apply(number, tree, cancellation)
    return merging.finished(cancellation)


def _blank(tree: Tree, number: int) -> View:
    """The view of one layer, before it is merged."""
    count = len(tree)
    return View(tree, array("H", [number]) * count, bytearray(count), array("H", bytes(2 * count)))


class _Merging:
    def __init__(self, views: list[View | None]) -> None:
        self._views = views
        self._tree = Tree()
        self._layers = array("H", [1])
        self._changes = bytearray(1)
        self._hidden_by = array("H", [0])
        self._origins = array("i", [0])
        self._below: dict[int, dict[str, int]] = {0: {}}
        self._led: dict[int, int] = {}
        self._hidden = 0  # bytes

    def apply(self, number: int, tree: Tree, cancellation: Cancellation) -> None:
        """Apply the layer *number*: what it hides first, because that concerns only the layers below."""
        view = self._views[number - 1]
        assert view is not None
        for folder in sorted(tree.opaque):
            if self._attached(tree, folder):
                view.changes[folder] = Change.REPLACES
                there = self._look_up(tree, folder)
                for child in list(self._below.get(there, {}).values()) if there is not None else ():
                    self._hide(child, number)
        for node in range(1, len(tree)):
            if tree.kinds[node] == Kind.WHITEOUT and self._attached(tree, node):
                view.changes[node] = Change.REMOVES
                there = self._look_up(tree, node)
                if there is not None:
                    self._hide(there, number)
        places = array("i", [-1]) * len(tree)
        places[0] = 0
        self._led.clear()
        for node in range(1, len(tree)):
            if not node % _SLICE:
                cancellation.raise_if_cancelled()
            parent = tree.parents[node]
            if parent >= 0 and places[parent] >= 0 and tree.kinds[node] != Kind.WHITEOUT:
                parent = places[parent]
                if self._tree.kinds[parent] == Kind.SYMLINK:
                    parent = self._led_to(parent)
                places[node] = self._put(number, view, node, parent)

    def _put(self, number: int, view: View, node: int, parent: int) -> int:
        """Add the node of a layer below *parent*, or let it take the place of what is there. Returns its number."""
        tree, mine = view.tree, self._tree
        name, kind = tree.names[node], tree.kinds[node]
        below = self._below.setdefault(parent, {})
        there = below.get(name)
        if there is None:
            there = below[name] = mine.add(parent, name, kind)
            self._layers.append(number)
            self._changes.append(Change.NONE if number == 1 else Change.ADDED)
            self._hidden_by.append(0)
            self._origins.append(node)
        elif self._hidden_by[there]:
            self._changes[there] = Change.CHANGED
            self._hidden_by[there] = 0
        elif kind == Kind.FOLDER and mine.kinds[there] == Kind.FOLDER:
            if tree.offsets[node] < 0 or mine.modes[there] == tree.modes[node]:
                return there  # layers list the folders of what they change
            mine.modes[there] = tree.modes[node]
            view.changes[node] = Change.CHANGED
            return there
        elif kind == Kind.FOLDER and tree.offsets[node] < 0 and mine.kinds[there] == Kind.SYMLINK:
            return there  # what is below goes where the link leads
        else:
            self._replace(there, number)
            self._changes[there] = Change.CHANGED
        self._take(there, number, view, node)
        return there

    def _take(self, there: int, number: int, view: View, node: int) -> None:
        """Describe the node *there* as the *node* of a layer."""
        tree, mine = view.tree, self._tree
        mine.kinds[there] = tree.kinds[node]
        mine.modes[there] = tree.modes[node]
        mine.sizes[there] = tree.sizes[node]
        mine.offsets[there] = tree.offsets[node]
        self._layers[there] = number
        self._origins[there] = node
        mine.targets.pop(there, None)
        mine.oddities.pop(there, None)
        if (target := tree.targets.get(node)) is not None:
            mine.targets[there] = target
        if (oddity := tree.oddities.get(node)) is not None:
            mine.oddities[there] = oddity
        if tree.kinds[node] == Kind.HARD_LINK and self._at(target or "") in (None, there):
            mine.oddities[there] = Oddity.NO_TARGET
        view.changes[node] = self._changes[there]

    def _replace(self, there: int, number: int) -> None:
        """The layer *number* puts something else in the place of *there*."""
        self._forget(there, number)
        if self._tree.kinds[there] == Kind.FOLDER:
            for child in list(self._below.get(there, {}).values()):
                self._hide(child, number)

    def _hide(self, top: int, number: int) -> None:
        """Mark *top* and what is below it as hidden by the layer *number*."""
        waiting = [top]
        while waiting:
            node = waiting.pop()
            if self._hidden_by[node]:
                continue  # and so is all that is below it
            self._hidden_by[node] = number
            self._forget(node, number)
            waiting.extend(self._below.get(node, {}).values())

    def _forget(self, node: int, number: int) -> None:
        """Count what the layer *number* hides, and mark it in the view of its own layer."""
        self._hidden += self._tree.sizes[node]
        view = self._views[self._layers[node] - 1]
        if view is not None:
            view.hidden_by[self._origins[node]] = number

    def _attached(self, tree: Tree, node: int) -> bool:
        while node > 0:
            node = tree.parents[node]
        return node == 0

    def _look_up(self, tree: Tree, node: int) -> int | None:
        """What is visible at the path of a layer's node; the last part is not followed."""
        parts = []
        while node > 0:
            parts.append(tree.names[node])
            node = tree.parents[node]
        return self._down(0, parts[::-1], [0])

    def _at(self, path: str) -> int | None:
        return self._down(0, [part for part in path.split("/") if part not in ("", ".")], [0])

    def _led_to(self, link: int) -> int:
        """The folder that the link leads to, the link itself if that is none. Looked up once for each layer."""
        if link not in self._led:
            led = self._follow(link)
            self._led[link] = link if led is None else led
        return self._led[link]

    def _follow(self, link: int) -> int | None:
        """The folder that the link leads to; None if it leads nowhere or in a circle."""
        followed = [0]
        node: int | None = link
        while node is not None and self._tree.kinds[node] == Kind.SYMLINK:
            followed[0] += 1
            if followed[0] > _MOST_LINKS:
                return None
            node = self._target(node, followed)
        return node if node is not None and self._tree.kinds[node] == Kind.FOLDER else None

    def _target(self, link: int, followed: list[int]) -> int | None:
        target = self._tree.targets.get(link, "")
        start = 0 if target.startswith("/") else max(self._tree.parents[link], 0)
        return self._down(start, [part for part in target.split("/") if part not in ("", ".")], followed)

    def _down(self, start: int, parts: Sequence[str], followed: list[int]) -> int | None:
        """The visible node at *parts* below *start*. *followed*: counts the links on the way."""
        node = start
        for at, part in enumerate(parts):
            if part == "..":
                node = max(self._tree.parents[node], 0)
                continue
            child = self._below.get(node, {}).get(part)
            if child is None or self._hidden_by[child]:
                return None
            if at < len(parts) - 1 and self._tree.kinds[child] == Kind.SYMLINK:
                led: int | None = child
                while led is not None and self._tree.kinds[led] == Kind.SYMLINK:
                    followed[0] += 1
                    if followed[0] > _MOST_LINKS:
                        return None
                    led = self._target(led, followed)
                if led is None:
                    return None
                child = led
            node = child
        return node

    def finished(self, cancellation: Cancellation) -> Merged:
        self._below.clear()
        tree = self._tree.complete()
        cancellation.raise_if_cancelled()
        view = View(tree, self._layers, self._changes, self._hidden_by).sum_up()
        views = [None if one is None else one.sum_up() for one in self._views]
        size = sum(one.totals[0] for one in views if one is not None)
        counts = [0, 0, 0, 0]
        for node in range(1, len(tree)):
            if not self._hidden_by[node]:
                counts[_COUNTED.get(tree.kinds[node], 3)] += 1
        return Merged(
            view,
            views,
            self._origins,
            Totals(counts[0], counts[1], counts[2], counts[3], size, self._hidden, len(tree.oddities)),
        )


#: Which number of Totals counts a kind; the others are counted by the fourth.
_COUNTED = {
    int(Kind.FILE): 0,
    int(Kind.SPARSE): 0,
    int(Kind.HARD_LINK): 0,
    int(Kind.FOLDER): 1,
    int(Kind.SYMLINK): 2,
}
