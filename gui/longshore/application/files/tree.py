"""Trees of file names: one of each layer, and one of all layers merged.

Names come from whoever made the image. They are kept as they are, and never become paths on this machine's disk; see
``words.files.shown_name`` for how they are shown.
"""

from __future__ import annotations

import enum
import heapq
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

#: Names that are sorted at once.
_SORTED = 5000


class Kind(enum.IntEnum):
    """The kind of an entry. The values are in the cache: never renumber."""

    FOLDER = 0
    FILE = 1
    SYMLINK = 2
    HARD_LINK = 3
    DEVICE = 4
    PIPE = 5
    WHITEOUT = 6  #: removes the name from the layers below (image-spec layer.md, “Whiteouts”)
    SPARSE = 7
    OTHER = 8


class Oddity(enum.IntEnum):
    """What is wrong with an entry. The values are in the cache: never renumber."""

    OUTSIDE = 1  #: the name leads out of the image
    TOO_LONG = 2  #: no file system has such names
    REPEATED = 3  #: the layer has the name several times: the last one counts, as for engines
    NO_WHITEOUT = 5  #: a whiteout of the folder itself or of one above it
    NO_TARGET = 4  #: a hard link to a file that does not exist
    UNPRINTABLE = 6  #: a line break, a control character, or one that turns the direction of text


def _by_name(nodes: list[int], names: Sequence[str]) -> Iterable[int]:
    """*nodes* in the order of their names. A sort lets no other thread run, so it is done in parts."""
    key = names.__getitem__
    if len(nodes) <= _SORTED:
        nodes.sort(key=key)
        return nodes
    parts = [sorted(nodes[at : at + _SORTED], key=key) for at in range(0, len(nodes), _SORTED)]
    return heapq.merge(*parts, key=key)


class Tree:
    """Names below a root, in arrays: about a hundred bytes for each. The number of a node is its place in them.

    Node 0 is the root; a parent has a smaller number than its children. Not changed once it is complete; then any
    thread may read it.

    *sizes*: bytes of the content. *offsets*: where the content begins in the tar of the layer, -1 for folders that the
    layer does not list itself. *opaque*: folders that hide what the layers below have in them.
    """

    def __init__(self) -> None:
        self.names: list[str] = [""]
        self.parents = array("i", [0])
        self.kinds = bytearray([Kind.FOLDER])
        self.modes = array("H", [0])
        self.sizes = array("q", [0])
        self.offsets = array("q", [-1])
        self.targets: dict[int, str] = {}
        self.oddities: dict[int, int] = {}
        self.opaque: set[int] = set()
        self._first = array("i")
        self._order = array("i")
        self._rows = array("i")

    def __len__(self) -> int:
        """The number of nodes, with the root and with those that were replaced."""
        return len(self.names)

    def add(self, parent: int, name: str, kind: int, mode: int = 0, size: int = 0, offset: int = -1) -> int:
        """Append a node and return its number. Only while the tree is made."""
        self.names.append(name)
        self.parents.append(parent)
        self.kinds.append(kind)
        self.modes.append(mode)
        self.sizes.append(size)
        self.offsets.append(offset)
        return len(self.names) - 1

    def complete(self) -> Tree:
        """Sort the children of every node: folders first, then by name. Call once, when all nodes are there."""
        names, kinds, parents = self.names, self.kinds, self.parents
        below: dict[int, list[int]] = {}
        for node in range(1, len(names)):
            parent = parents[node]
            if parent >= 0:
                found = below.get(parent)
                if found is None:
                    below[parent] = [node]
                else:
                    found.append(node)
        first, order = array("i", bytes(4 * (len(names) + 1))), array("i")
        for node in range(len(names)):
            first[node] = len(order)
            children = below.pop(node, None)
            if children is not None:
                folders = [child for child in children if kinds[child] == Kind.FOLDER]
                if len(folders) < len(children):
                    order.extend(_by_name(folders, names))
                    children = [child for child in children if kinds[child] != Kind.FOLDER]
                order.extend(_by_name(children, names))
        first[len(names)] = len(order)
        rows = array("i", bytes(4 * len(names)))
        for place, node in enumerate(order):
            rows[node] = place - first[parents[node]]
        self._first, self._order, self._rows = first, order, rows
        return self

    def children(self, node: int) -> Sequence[int]:
        """The nodes directly below *node*, in their order."""
        return self._order[self._first[node] : self._first[node + 1]]

    def count(self, node: int) -> int:
        """The number of nodes directly below *node*."""
        return self._first[node + 1] - self._first[node]

    def child(self, node: int, row: int) -> int:
        """The node number *row* of those directly below *node*; there must be so many."""
        return self._order[self._first[node] + row]

    def row(self, node: int) -> int:
        """The number of *node* among those directly below its parent."""
        return self._rows[node]

    def path(self, node: int) -> str:
        """The path of *node* from the root, without a slash at its ends."""
        parts = []
        while node > 0:
            parts.append(self.names[node])
            node = self.parents[node]
        return "/".join(reversed(parts))

    def find(self, path: str) -> int | None:
        """The node with that path; links are not followed. None if there is none."""
        for node, oddity in self.oddities.items():
            if oddity in (Oddity.OUTSIDE, Oddity.TOO_LONG) and self.names[node] == path:
                return node
        node = 0
        for part in path.split("/"):
            if part in ("", "."):
                continue
            for child in self.children(node):
                if self.names[child] == part:
                    node = child
                    break
            else:
                return None
        return node

    def walk(self, top: int = 0) -> Iterator[int]:
        """*top* and all nodes below it, each before its children, in their order."""
        waiting = [top]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(self.children(node)))


class Change(enum.IntEnum):
    """What a layer does with a name."""

    NONE = 0  #: it is the first layer
    ADDED = 1
    CHANGED = 2
    REMOVES = 3  #: a whiteout, in the view of one layer
    REPLACES = 4  #: an opaque folder, in the view of one layer


@dataclass(slots=True)
class View:
    """A tree as it is shown. *layers*: the layer of each node, counted from 1; *changes*: what that layer did with it.

    *hidden_by*: the later layer that removed or replaced it, 0 if it is in the image. *totals*: bytes of the content of
    each node with everything below it, hidden ones included. *same*: the layer of a folder and all that is in it, 0 if
    they have several.
    """

    tree: Tree
    layers: array[int]
    changes: bytearray
    hidden_by: array[int]
    totals: array[int] = field(default_factory=lambda: array("q"))
    same: array[int] = field(default_factory=lambda: array("H"))

    def sum_up(self) -> View:
        """Compute *totals* and *same*. Call once."""
        tree, parents = self.tree, self.tree.parents
        totals, same = array("q", tree.sizes), array("H", self.layers)
        for node in range(len(tree) - 1, 0, -1):
            parent = parents[node]
            if parent < 0:
                continue
            totals[parent] += totals[node]
            if same[node] != same[parent]:
                same[parent] = 0
        self.totals, self.same = totals, same
        return self


@dataclass(frozen=True, slots=True)
class Totals:
    """What the files of an image amount to. Sizes in bytes.

    *files*, *folders*, *links*, *others*: in the image. *size*: of the content in all layers; *hidden*: what later
    layers remove or replace, which is moved with the image all the same. *odd*: entries that an engine would refuse or
    read differently.
    """

    files: int = 0
    folders: int = 0
    links: int = 0
    others: int = 0
    size: int = 0
    hidden: int = 0
    odd: int = 0
