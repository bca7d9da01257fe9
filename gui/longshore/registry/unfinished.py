"""Upload sessions that were interrupted, kept so that they can be resumed while the program runs."""

from __future__ import annotations

import threading

from longshore.registry.model import Upload

#: Sessions remembered; registries drop them after a while.
MOST = 500


class UnfinishedUploads:
    """Interrupted sessions by repository and digest. A session is handed out only once. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: dict[tuple[str, str], Upload] = {}

    def take(self, repository: str, digest: str) -> Upload | None:
        """Remove and return the session, None if there is none."""
        with self._lock:
            return self._left.pop((repository, digest), None)

    def leave(self, digest: str, upload: Upload) -> None:
        """Keep *upload*, an upload of *digest*, for later."""
        with self._lock:
            while len(self._left) >= MOST:
                del self._left[next(iter(self._left))]
            self._left[upload.repository, digest] = upload
