"""Finds names in a tree. Pure; may take a second for a million names."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from longshore.application.files.tree import View
from longshore.cancellation import Cancellation

#: Longest pattern.
_LONGEST = 300
_SLICE = 4096


def find(view: View, pattern: str, cancellation: Cancellation, top: int = 0) -> Iterator[int]:
    """The nodes below *top* that *pattern* means, in the order of the tree; case does not matter.

    With ``*`` or ``?``: the whole name, or the whole path if the pattern contains a slash. Otherwise: any part of the
    name, or of the path. Raises Cancelled.
    """
    wanted = pattern.strip().lower()[:_LONGEST]
    by_path = "/" in wanted
    wanted = wanted.strip("/") if any(char in wanted for char in "*?") else wanted.removeprefix("/")
    wild = any(char in wanted for char in "*?")
    tree = view.tree
    # Brackets are ordinary characters: Next.js and others have files like [id].js.
    glob = wanted.replace("[", "[[]")
    for count, node in enumerate(tree.walk(top)):
        if not count % _SLICE:
            cancellation.raise_if_cancelled()
        if not node or node == top:
            continue
        text = (tree.path(node) if by_path else tree.names[node]).lower()
        if fnmatchcase(text, glob) if wild else wanted in text:
            yield node
