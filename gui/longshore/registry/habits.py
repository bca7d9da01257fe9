"""What one registry was found to do with uploads, so that it is not found out again for every blob."""

from __future__ import annotations

import time

from longshore.registry.pieces import ChunkSize

#: Seconds that a refused mount is remembered: rights may change.
MOUNT_MEMORY = 600.0
#: Pairs of repositories remembered.
_MOST = 500


class Habits:
    """Any thread; the latest word counts.

    *counts_itself*: the ``Range`` of its answers to PATCH is of no use (Amazon ECR's stays at the first chunk:
    aws/containers-roadmap 2831), and what it accepted is what counts. *patches*: whether it takes blobs in chunks.
    *at_home*: whether uploads go on at the host that was asked where it names another one.
    """

    def __init__(self) -> None:
        self.chunk = ChunkSize()
        self.counts_itself = False
        self.patches = True
        self.at_home = True
        self._refused: dict[tuple[str, str], float] = {}

    def may_mount(self, repository: str, source: str) -> bool:
        """False if a mount into *repository* from *source* was refused a while ago."""
        return time.monotonic() >= self._refused.get((repository, source), 0.0)

    def mount_refused(self, repository: str, source: str) -> None:
        """Do not ask again for a while: each blob would cost a refused request, and a 401 counts at some registries."""
        if len(self._refused) >= _MOST:
            self._refused.clear()
        self._refused[repository, source] = time.monotonic() + MOUNT_MEMORY
