"""Layers and other blobs while an image moves."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class LayerState(enum.Enum):
    """What happens to a layer. Ordered as a layer usually passes through them."""

    WAITING = "waiting"
    CHECKING = "checking"  # being looked for at the destination, or verified
    TRANSFERRING = "transferring"  # bytes move over the network
    TRANSFERRED = "transferred"  # bytes are there, not yet extracted (pull into an engine)
    EXTRACTING = "extracting"  # unpacked by the engine
    DONE = "done"
    SKIPPED = "skipped"  # already there, nothing moved
    MOUNTED = "mounted"  # taken from another repository of the same registry

    @property
    def finished(self) -> bool:
        """True for the three states that a layer does not leave."""
        return self in (LayerState.DONE, LayerState.SKIPPED, LayerState.MOUNTED)


@dataclass(frozen=True, slots=True)
class LayerProgress:
    """Where one layer is.

    *layer_id*: 12 hex characters; of the compressed digest in a pull, of the diffID in a push by a classic
    engine. *current*, *total*: bytes of this state's work (network bytes, or compressed bytes extracted; a
    classic push counts unpacked bytes), None where the engine does not say; *current* never exceeds *total*,
    *total* never shrinks within a state. *retrying_in*: seconds until the engine tries this layer again.
    """

    layer_id: str
    state: LayerState
    current: int | None = None
    total: int | None = None
    retrying_in: int | None = None
    mounted_from: str = ""


class BlobOutcome(enum.Enum):
    """How a blob came to be in a repository."""

    UPLOADED = "uploaded"
    SKIPPED = "skipped"  # it was there
    MOUNTED = "mounted"  # taken from another repository of the same registry
