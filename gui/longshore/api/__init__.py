"""What ``import longshore`` offers to programs: small, typed and documented in docs/library.md. Knows no Qt.

The rooms below do not use it, and neither does the command line.
"""

from __future__ import annotations

import logging

from longshore.api.library import Library
from longshore.api.manifest import Manifest
from longshore.api.registry import Registry
from longshore.api.transferring import Progress, Result, transfer
from longshore.cancellation import Cancellation, Cancelled
from longshore.library.model import LibraryImage
from longshore.oci.descriptor import Descriptor
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers.transfer import NoteKind, State
from longshore.transfers.transfer import TransferNote as Note

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
    "transfer",
]

# A library prints nothing; a program that wants the log configures logging (docs.python.org, "Configuring Logging for
# a Library").
logging.getLogger("longshore").addHandler(logging.NullHandler())
