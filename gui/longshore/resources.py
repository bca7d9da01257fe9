"""Finds the files that are not code: icons, styles, translations. A leaf: no Qt.

In an installed wheel and in a bundle they are in ``longshore/_resources``; in the source tree (also with an editable
install) they are in the folder ``resources`` beside ``gui``.
"""

from __future__ import annotations

import functools
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


@functools.cache
def folder() -> Path:
    """The folder of resources. Raises FileNotFoundError if the installation is incomplete. Any thread."""
    for candidate in (_PACKAGE / "_resources", _PACKAGE.parent.parent / "resources"):
        if (candidate / "icons").is_dir():
            return candidate
    raise FileNotFoundError(f"no resources beside {_PACKAGE}")


def path(name: str) -> Path:
    """The resource *name*, e.g. ``icons/pull.svg``. Raises FileNotFoundError. Any thread."""
    found = folder() / name
    if not found.is_file():
        raise FileNotFoundError(found)
    return found


def text(name: str) -> str:
    """The text of the resource *name* (UTF-8). Raises FileNotFoundError. Any thread."""
    return path(name).read_text(encoding="utf-8")
