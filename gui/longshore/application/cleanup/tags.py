"""What a registry's repository contains: its tags, their images, and the blobs that these need. Blocking; workers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from longshore.application.cleanup.dates import plausible
from longshore.cancellation import Cancellation
from longshore.errors import InvalidContent, NotInRegistry
from longshore.naturalsort import natural_key
from longshore.oci.descriptor import Descriptor
from longshore.oci.reference import Reference
from longshore.registry.model import Parts
from longshore.registry.substitutes import leftovers
from longshore.registry.tag_deletion import TagDeletion, Way
from longshore.registry.tag_reading import all_tags
from longshore.side_by_side import ask_all

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.registry.client import RegistryClient
    from longshore.registry.vendors.protocol import Lister

#: Requests to the registry at a time.
_AT_ONCE = 12
#: Most levels of indexes below a tag, and most manifests of one repository that are read.
_DEEPEST = 4
_MOST_MANIFESTS = 200_000

_T = TypeVar("_T")
_R = TypeVar("_R")


@dataclass(frozen=True, slots=True)
class RepositoryTag:
    """A tag. *created*: of its image, None if that is not known. *size*: compressed bytes of all its platforms, None if
    not known."""

    tag: str
    digest: str
    created: datetime | None = None
    size: int | None = None


@dataclass(frozen=True)
class RepositoryContents:
    """A repository when it was read. Immutable; any thread.

    *tags*: in natural order. *parts*: of each manifest that was read, by digest. *way*: how one tag of an image is
    deleted; IMAGE if no image is shared. *complete*: the parts of all images are known. *unread*: digests of manifests
    that could not be read; each may need any image. *leftovers*: tags whose removal was interrupted.
    """

    repository: Reference
    tags: tuple[RepositoryTag, ...]
    parts: Mapping[str, Parts]
    way: Way = Way.IMAGE
    complete: bool = True
    unread: frozenset[str] = frozenset()
    leftovers: frozenset[str] = frozenset()

    def below(self, digest: str) -> set[str]:
        """*digest* and the digests of all manifests below it."""
        found, new = {digest}, [digest]
        while new:
            parts = self.parts.get(new.pop())
            fresh = set(parts.children) - found if parts is not None else set()
            found |= fresh
            new += fresh
        return found

    def blobs(self, digests: Iterable[str]) -> dict[str, int]:
        """The blobs of the manifests *digests*, with their compressed bytes."""
        found: dict[str, int] = {}
        for digest in digests:
            parts = self.parts.get(digest)
            found.update(parts.blobs if parts is not None else ())
        return found


def read_repository(
    clients: Clients,
    repository: Reference,
    cancellation: Cancellation,
    *,
    known: RepositoryContents | None = None,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> RepositoryContents:
    """Read *repository*: one request per tag, and those for manifests that are neither cached nor in *known*.

    On Docker Hub no manifest is read, because that would count as a pull. *told* receives the numbers of tags done and
    of all, from several threads. Raises RegistryError, CredentialsError, Cancelled.
    """
    client, lister = clients.registry(repository.domain), clients.lister(repository.domain)
    deletion = TagDeletion(client, repository.path, lister=lister, cancellation=cancellation)
    if lister.kind == "hub":
        return _listed(repository, lister, deletion.way(), cancellation)
    found = _Reading(client, repository, cancellation, known, told).read()
    # The registry is asked how it deletes one tag only if that matters.
    return replace(found, way=deletion.way()) if found.unread or _shares(found) else found


def _shares(contents: RepositoryContents) -> bool:
    """Whether an image has several tags, or a tag and an index."""
    digests = [one.digest for one in contents.tags]
    children = {child for parts in contents.parts.values() for child in parts.children}
    return len(set(digests)) < len(digests) or not children.isdisjoint(digests)


def _listed(
    repository: Reference, lister: Lister, way: Way, cancellation: Cancellation
) -> RepositoryContents:
    """By the vendor's list of tags alone; a tag without a digest there is not known."""
    tags: dict[str, RepositoryTag] = {}
    parts: dict[str, Parts] = {}
    page: str | None = None
    while True:
        found = lister.tags(repository.path, page, cancellation=cancellation)
        for one in found.items:
            if one.details is None:
                continue
            details = one.details
            tags[one.name] = RepositoryTag(one.name, details.digest, plausible(details.created), details.size)
            parts[details.digest] = Parts(children=details.images)
        page = found.next
        if page is None:
            break
    ordered = sorted(tags.values(), key=lambda one: natural_key(one.tag))
    return RepositoryContents(repository, tuple(ordered), parts, way, complete=False)


class _Reading:
    def __init__(
        self,
        client: RegistryClient,
        repository: Reference,
        cancellation: Cancellation,
        known: RepositoryContents | None,
        told: Callable[[int, int], None],
    ) -> None:
        self._client = client
        self._repository = repository
        self._path = repository.path
        self._cancellation = cancellation
        self._told = told
        self._parts: dict[str, Parts] = dict(known.parts) if known is not None else {}
        self._created = {one.digest: one.created for one in known.tags} if known is not None else {}
        self._unread: set[str] = set(known.unread) if known is not None else set()

    def read(self) -> RepositoryContents:
        names = list(dict.fromkeys(all_tags(self._client, self._path, self._cancellation)))
        heads = dict(zip(names, self._all(self._head, names), strict=True))
        digests = {one.digest: tag for tag, one in heads.items() if one is not None}
        fresh = [(tag, digest) for digest, tag in digests.items() if digest not in self._created]
        counter = itertools.count(len(digests) - len(fresh) + 1)

        def contents(item: tuple[str, str], part: Cancellation) -> tuple[datetime | None, Parts | None]:
            tag, digest = item
            try:
                details, parts = self._client.tag_contents(self._path, tag, digest, cancellation=part)
                return plausible(details.created), parts
            except NotInRegistry:
                return None, Parts()  # deleted meanwhile
            except InvalidContent:
                return None, None  # it is broken, or of a kind that engines no longer read
            finally:
                self._told(next(counter), len(digests))

        for (_, digest), (created, parts) in zip(fresh, self._all(contents, fresh), strict=True):
            self._created[digest] = created
            self._keep(digest, parts)
        self._descend(digests)
        repository = RepositoryContents(self._repository, (), self._parts)
        sizes = {digest: self._size(repository, digest) for digest in digests}
        tags = [
            RepositoryTag(tag, one.digest, self._created[one.digest], sizes[one.digest])
            for tag, one in sorted(heads.items(), key=lambda item: natural_key(item[0]))
            if one is not None
        ]
        return RepositoryContents(
            self._repository,
            tuple(tags),
            self._parts,
            complete=not self._unread,
            unread=frozenset(self._unread),
            leftovers=leftovers(
                self._client,
                self._path,
                {tag: one for tag, one in heads.items() if one is not None},
                self._cancellation,
            ),
        )

    def _head(self, tag: str, part: Cancellation) -> Descriptor | None:
        return self._client.head(self._path, tag, cancellation=part)

    def _descend(self, digests: Iterable[str]) -> None:
        """Read the manifests below *digests*, level by level."""
        level = set(digests)
        for depth in range(_DEEPEST + 1):
            level = {
                child for one in level if one in self._parts for child in self._parts[one].children
            } - self._parts.keys()
            if not level:
                return
            if depth == _DEEPEST or len(self._parts) + len(level) > _MOST_MANIFESTS:
                self._unread |= level
                return
            below = sorted(level)
            for digest, parts in zip(below, self._all(self._child, below), strict=True):
                self._keep(digest, parts)

    def _child(self, digest: str, part: Cancellation) -> Parts | None:
        try:
            return self._client.parts(self._path, digest, cancellation=part)
        except NotInRegistry:
            return Parts()  # an index may name images that were never pushed
        except InvalidContent:
            return None

    def _keep(self, digest: str, parts: Parts | None) -> None:
        self._parts[digest] = Parts() if parts is None else parts
        if parts is None:
            self._unread.add(digest)

    def _size(self, repository: RepositoryContents, digest: str) -> int | None:
        blobs = repository.blobs(repository.below(digest))
        return sum(blobs.values()) if blobs else None

    def _all(self, ask: Callable[[_T, Cancellation], _R], things: Sequence[_T]) -> list[_R]:
        return ask_all(ask, things, self._cancellation, _AT_ONCE)
