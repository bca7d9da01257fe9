"""What one transfer offers to an engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from longshore.cancellation import Cancellation
    from longshore.oci.manifest import Index, Manifest


class Blob(Protocol):
    """A blob that has arrived or is arriving. Thread-safe."""

    #: Bytes of the whole blob.
    size: int

    def read(self, offset: int, most: int, cancellation: Cancellation) -> bytes:
        """The bytes from *offset* on: at least one, at most *most*. Blocks until there is one; b"" at the end.

        Raises Cancelled, and the LongshoreError for which the blob will never be whole.
        """


class Shelf(Protocol):
    """The contents that one transfer offers, and nothing else. Thread-safe; both may block."""

    def manifest(self, name: str, cancellation: Cancellation) -> Manifest | Index | None:
        """The manifest or index of *name*, the offer's tag or a digest; None for one that is not offered."""

    def blob(self, digest: str, cancellation: Cancellation) -> Blob | None:
        """The blob *digest*; None for one that is not offered."""


@dataclass(frozen=True, slots=True)
class Offered:
    """The place of an offer. *repository*: its path, which nobody can guess."""

    host: str
    repository: str
    tag: str
