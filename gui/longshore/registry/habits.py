"""How one registry handles uploads, remembered so that it is not tried again for every blob."""

from __future__ import annotations

import time

from longshore.registry.pieces import ChunkSize

#: Seconds that a refused mount is remembered: permissions may change.
MOUNT_MEMORY = 600.0
#: Pairs of repositories remembered.
_MOST = 500


class Habits:
    """How one registry handles uploads. Any thread; the last write wins.

    *counts_itself*: the ``Range`` of its responses to PATCH is useless (Amazon ECR's stays at the first chunk:
    aws/containers-roadmap 2831), so the client counts the accepted bytes itself. *patches*: it accepts blobs in
    chunks. *at_home*: uploads continue at the host that was asked, even if the registry names another one.
    """

    def __init__(self) -> None:
        self.chunk = ChunkSize()
        self.counts_itself = False
        self.patches = True
        self.at_home = True
        self._refused: dict[tuple[str, str], float] = {}

    def may_mount(self, repository: str, source: str) -> bool:
        """False if the registry recently refused a mount into *repository* from *source*."""
        return time.monotonic() >= self._refused.get((repository, source), 0.0)

    def mount_refused(self, repository: str, source: str) -> None:
        """Skip such mounts for a while: each blob would cost a refused request, and some registries count a 401."""
        if len(self._refused) >= _MOST:
            self._refused.clear()
        self._refused[repository, source] = time.monotonic() + MOUNT_MEMORY
