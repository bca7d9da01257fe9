"""The state of one layer while an image moves."""

from __future__ import annotations

import enum


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
