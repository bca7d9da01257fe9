"""What the images of one place take on its disk, counted in parts that several images can share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class FreedBytes:
    """What a removal frees. *bytes*: on disk. *about*: the store does not report all that the number depends on.

    *cached*: bytes that the build cache keeps although no image uses them any more.
    """

    bytes: int = 0
    about: bool = False
    cached: int = 0


@dataclass(frozen=True)
class DiskUsage:
    """The images of one place and their parts: layers, blobs, manifests. Immutable; any thread. Sizes in bytes.

    *parts*: the size of each part, by a name that is unique in its place; also of parts that no image uses. *images*:
    the parts of each image, by its id. *used*: parts that stay whatever is removed, because a container or a transfer
    uses them; also such that no image has. *cached*: parts that stay because the build cache has them. *estimated*:
    parts whose size is estimated. *doubtful*: parts that may stay. *counted*: the size of all images as the place
    itself counts it, None if it does not. *of_files*: sizes are the bytes of files; on disk, many small files take
    more.
    """

    parts: Mapping[str, int]
    images: Mapping[str, frozenset[str]]
    used: frozenset[str] = frozenset()
    cached: frozenset[str] = frozenset()
    estimated: frozenset[str] = frozenset()
    doubtful: frozenset[str] = frozenset()
    counted: int | None = None
    of_files: bool = False
    _users: Mapping[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        users: Counter[str] = Counter()
        for parts in self.images.values():
            users.update(parts)
        object.__setattr__(self, "_users", users)

    @property
    def total(self) -> int:
        """All parts, each counted once."""
        return sum(self.parts.values())

    def size(self, image_id: str) -> int | None:
        """The size of an image; None if it is not known."""
        parts = self.images.get(image_id)
        return None if parts is None else sum(self.parts[part] for part in parts)

    def unique(self, image_id: str) -> int | None:
        """The size of the parts that no other image has; None if the image is not known."""
        parts = self.images.get(image_id)
        if parts is None:
            return None
        return sum(self.parts[part] for part in parts if self._users[part] == 1)

    def union(self, image_ids: Iterable[str]) -> int:
        """The size of several images together, each part counted once. Unknown images count nothing."""
        found: set[str] = set()
        for image_id in image_ids:
            found |= self.images.get(image_id, frozenset())
        return sum(self.parts[part] for part in found)

    def freed(self, image_ids: Collection[str]) -> FreedBytes:
        """What is freed by removing all these images, and no others. Unknown images free nothing."""
        using: Counter[str] = Counter()
        for image_id in set(image_ids):
            using.update(self.images.get(image_id, ()))
        freed = cached = 0
        about = False
        for part, count in using.items():
            if count < self._users[part]:
                about = about or part in self.estimated
            elif part in self.used:
                continue
            elif part in self.cached:
                cached += self.parts[part]
            else:
                freed += self.parts[part]
                about = about or part in self.doubtful
        return FreedBytes(freed, about, cached)

    def gone(self, after: DiskUsage, image_ids: Iterable[str]) -> int:
        """The bytes of all parts of these images that are not there *after*: what the removal of the images freed."""
        mine = frozenset().union(*(self.images.get(image_id, frozenset()) for image_id in image_ids))
        left = after.parts.keys() | after.used | self.cached
        return sum(self.parts[part] for part in mine - left)
