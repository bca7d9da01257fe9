"""Tags that got an image after the repository was read: deleting the image by its digest would delete them too.

Blocking; worker threads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from longshore.cancellation import Cancellation
from longshore.errors import InvalidContent, NotInRegistry
from longshore.oci.descriptor import Descriptor
from longshore.oci.manifest import DOCKER_MANIFEST, OCI_MANIFEST
from longshore.registry.tag_reading import all_tags
from longshore.side_by_side import ask_all

if TYPE_CHECKING:
    from longshore.registry.client import RegistryClient

#: Requests to the registry at a time.
_AT_ONCE = 12
#: Tags that were read are asked again after this many seconds, and after this many times the duration of the last time.
_SECONDS, _TIMES = 5.0, 10.0
#: Most manifests below a new tag that are read.
_MOST_BELOW = 1000
_WITHOUT_CHILDREN = (OCI_MANIFEST, DOCKER_MANIFEST)


class Latecomers:
    """Finds the tags of *repository* that need an image and did not when *known* was read. One thread.

    *known*: all tags with their digests, "" for one that could not be read; it is not asked again. *just_read*: that
    was a moment ago. Otherwise all tags are asked at the first call. *clock*: seconds.
    """

    def __init__(
        self,
        client: RegistryClient,
        repository: str,
        known: Mapping[str, str],
        cancellation: Cancellation | None = None,
        *,
        just_read: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._repository = repository
        self._known = known
        self._cancellation = cancellation or Cancellation()
        self._clock = clock
        self._again = clock() + _SECONDS if just_read else clock()
        self._below: dict[str, frozenset[str] | None] = {}
        #: The tags that were found new or moved, with their digests.
        self.found: dict[str, str] = {}

    def needing(self, digest: str) -> list[str]:
        """Read the tags again, and return those that are new or were moved and need the image *digest*.

        Costs the list of tags and a HEAD for each tag that was not read; now and then one for all. A tag that cannot be
        read may need any image. Raises RegistryError, Cancelled.
        """
        began = self._clock()
        try:
            names = set(all_tags(self._client, self._repository, self._cancellation))
        except NotInRegistry:
            return []  # no tags are left
        every = began >= self._again
        asked = sorted(
            tag
            for tag in names
            if (every or tag not in self._known or tag in self.found) and self._known.get(tag) != ""
        )
        heads = ask_all(self._head, asked, self._cancellation, _AT_ONCE)
        if every:
            now = self._clock()
            self._again = now + max(_SECONDS, _TIMES * (now - began))
        for tag, head in zip(asked, heads, strict=True):
            self.found.pop(tag, None)
            if head is not None and head.digest != self._known.get(tag):
                self.found[tag] = head.digest
        new = [
            (tag, head)
            for tag, head in zip(asked, heads, strict=True)
            if head is not None and tag in self.found
        ]
        return [tag for tag, head in new if self._needs(head, digest)]

    def _head(self, tag: str, part: Cancellation) -> Descriptor | None:
        return self._client.head(self._repository, tag, cancellation=part)

    def _needs(self, head: Descriptor, digest: str) -> bool:
        if head.digest == digest:
            return True
        if head.media_type in _WITHOUT_CHILDREN:
            return False
        if head.digest not in self._below:
            self._below[head.digest] = self._read_below(head.digest)
        below = self._below[head.digest]
        return below is None or digest in below

    def _read_below(self, digest: str) -> frozenset[str] | None:
        """The digests of the manifests below the index *digest*, None if they cannot be read."""
        found, new = {digest}, [digest]
        while new:
            if len(found) > _MOST_BELOW:
                return None
            try:
                parts = self._client.parts(self._repository, new.pop(), cancellation=self._cancellation)
            except NotInRegistry:
                continue  # an index may name images that were never pushed
            except InvalidContent:
                return None
            fresh = set(parts.children) - found
            found |= fresh
            new += fresh
        return frozenset(found)
