"""Layers and other blobs while an image is transferred, and the steps of a build."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class LayerState(enum.Enum):
    """The state of a layer in a transfer, in the order that a layer usually passes through, or of a step in a build."""

    WAITING = "waiting"
    CHECKING = "checking"  # searched for at the destination, or verified
    TRANSFERRING = "transferring"  # bytes move over the network
    TRANSFERRED = "transferred"  # all bytes arrived, not yet extracted (pull into an engine)
    EXTRACTING = "extracting"  # the engine unpacks it
    DONE = "done"
    SKIPPED = "skipped"  # already at the destination, nothing transferred
    MOUNTED = "mounted"  # mounted from another repository of the same registry
    # The steps of a build, which are also WAITING and DONE:
    RUNNING = "running"
    CACHED = "cached"  # the builder has its result from before
    FAILED = "failed"
    STOPPED = "stopped"  # the build ended before the step did

    @property
    def finished(self) -> bool:
        """True for the final states."""
        return self not in _UNFINISHED


_UNFINISHED = frozenset(
    {
        *(LayerState.WAITING, LayerState.CHECKING, LayerState.TRANSFERRING, LayerState.TRANSFERRED),
        *(LayerState.EXTRACTING, LayerState.RUNNING),
    }
)


@dataclass(frozen=True, slots=True)
class LayerProgress:
    """The state and progress of one layer.

    *layer_id*: 12 hex characters, of the compressed digest in a pull, of the diffID in a push by a classic
    engine. *current*, *total*: bytes of this state's work (network bytes, or compressed bytes extracted; a
    classic push counts unpacked bytes), None if the engine does not report them; *current* never exceeds *total*,
    *total* never shrinks within a state. *retrying_in*: seconds until the engine tries this layer again.
    """

    layer_id: str
    state: LayerState
    current: int | None = None
    total: int | None = None
    retrying_in: int | None = None


class BlobOutcome(enum.Enum):
    """How a blob got into a repository."""

    UPLOADED = "uploaded"
    SKIPPED = "skipped"  # it was already there
    MOUNTED = "mounted"  # mounted from another repository of the same registry
