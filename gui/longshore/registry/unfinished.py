"""Upload sessions that were left half way, to be gone on with while the program runs."""

from __future__ import annotations

import threading

from longshore.registry.model import Upload

#: Sessions remembered; registries forget them after a while by themselves.
MOST = 500


class UnfinishedUploads:
    """By repository and digest. A session that was taken is nobody else's. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: dict[tuple[str, str], Upload] = {}

    def take(self, repository: str, digest: str) -> Upload | None:
        """The session that was left, None if there is none."""
        with self._lock:
            return self._left.pop((repository, digest), None)

    def leave(self, digest: str, upload: Upload) -> None:
        """Leave *upload*, an upload of *digest*, for later."""
        with self._lock:
            while len(self._left) >= MOST:
                del self._left[next(iter(self._left))]
            self._left[upload.repository, digest] = upload
