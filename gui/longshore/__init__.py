"""Longshore moves container images between engines, registries, archives and a library on disk.

For programs: ``longshore.transfer``, ``longshore.Registry``, ``longshore.Library`` and the other names of ``__all__``,
described in docs/library.md. Everything else is private and changes without notice. Importing this package loads
nothing; the first use of a name does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from longshore import errors as errors
    from longshore.api import Cancellation as Cancellation
    from longshore.api import Cancelled as Cancelled
    from longshore.api import Descriptor as Descriptor
    from longshore.api import Library as Library
    from longshore.api import LibraryImage as LibraryImage
    from longshore.api import Manifest as Manifest
    from longshore.api import Note as Note
    from longshore.api import NoteKind as NoteKind
    from longshore.api import Platform as Platform
    from longshore.api import Progress as Progress
    from longshore.api import Reference as Reference
    from longshore.api import Registry as Registry
    from longshore.api import Result as Result
    from longshore.api import State as State
    from longshore.api import transfer as transfer

__version__ = "0.1.0"

__all__ = [
    "Cancellation",
    "Cancelled",
    "Descriptor",
    "Library",
    "LibraryImage",
    "Manifest",
    "Note",
    "NoteKind",
    "Platform",
    "Progress",
    "Reference",
    "Registry",
    "Result",
    "State",
    "__version__",
    "errors",
    "transfer",
]


def __getattr__(name: str) -> object:
    """Load a public name when it is first used (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    if name == "errors":
        return importlib.import_module("longshore.errors")
    found = globals()[name] = getattr(importlib.import_module("longshore.api"), name)
    return found


def __dir__() -> list[str]:
    return __all__
