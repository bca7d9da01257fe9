"""Removes tags. All tags that this removes are found beforehand. Blocking; worker threads.

An image without other tags is deleted by its digest. Where other tags or an index would be affected, only the tags are
deleted, in the way of :mod:`.tag_deletion`; if the registry has none, the plan names all that goes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from longshore.cancellation import Cancellation
from longshore.errors import InvalidContent, LongshoreError, NotInRegistry
from longshore.naturalsort import natural_key
from longshore.oci.descriptor import Descriptor
from longshore.oci.manifest import DOCKER_LIST, OCI_INDEX, Index
from longshore.registry.client import RegistryClient
from longshore.registry.latecomers import Latecomers
from longshore.registry.substitutes import leftovers
from longshore.registry.tag_deletion import TagDeletion, Way
from longshore.registry.tag_reading import all_tags, many

if TYPE_CHECKING:
    from longshore.registry.vendors.protocol import Lister

_INDEXES = (OCI_INDEX, DOCKER_LIST)
#: Most levels of indexes below a tag.
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class RemovalPlan:
    """The effects of removing the *chosen* tags (or digests) of a repository.

    *digests*: the manifests concerned, each with the tags that are removed. *alone*: those of them that are kept,
    because the registry can delete the tags only. *staying*: other tags of these. *siblings*: tags that are removed
    although nobody chose them. *broken*: tags of indexes that stay but lose an image. *unknown*: number of tags that
    could not be checked. *known*: all tags with their digests, "" for those that could not be checked.
    *leftovers*: tags whose removal was interrupted: they point to nothing of use.
    """

    host: str
    repository: str
    chosen: tuple[str, ...]
    digests: tuple[tuple[str, tuple[str, ...]], ...]
    siblings: tuple[str, ...]
    broken: tuple[str, ...]
    unknown: int
    alone: frozenset[str] = frozenset()
    staying: tuple[str, ...] = ()
    known: Mapping[str, str] = field(default_factory=dict)
    leftovers: frozenset[str] = frozenset()


def look(
    client: RegistryClient,
    repository: str,
    chosen: Sequence[str],
    cancellation: Cancellation,
    *,
    lister: Lister | None = None,
) -> RemovalPlan:
    """The plan for removing the tags *chosen*. Raises LongshoreError if they cannot be checked, Cancelled.

    *lister*: see TagDeletion.
    """

    def head(tag: str) -> Descriptor | None:
        return client.head(repository, tag, cancellation=cancellation)

    found: dict[str, Descriptor | LongshoreError | None] = {tag: head(tag) for tag in chosen}
    others = [tag for tag in dict.fromkeys(all_tags(client, repository, cancellation)) if tag not in found]
    found |= many(head, others, cancellation)
    heads = {
        tag: one
        for tag, one in sorted(found.items(), key=lambda item: natural_key(item[0]))
        if isinstance(one, Descriptor)
    }
    doomed = {heads[tag].digest for tag in chosen if tag in heads}
    indexes = {
        one.digest: one for tag, one in heads.items() if tag not in chosen and one.media_type in _INDEXES
    }

    def parts(digest: str) -> set[str]:
        """The doomed manifests below the index *digest*, which may name indexes, too."""
        below: set[str] = set()
        level = {digest}
        for _ in range(_DEEPEST):
            indexes: set[str] = set()
            for one in level:
                try:
                    index = client.manifest(repository, one, cancellation=cancellation)
                except NotInRegistry:
                    continue  # an index may name images that were never pushed
                below.add(one)
                if isinstance(index, Index):
                    below |= {child.digest for child in index.manifests if child.media_type not in _INDEXES}
                    indexes |= {child.digest for child in index.manifests if child.media_type in _INDEXES}
            level = indexes - below
        if level:
            raise InvalidContent("The index has too many levels.", subject=digest)
        return doomed & below

    read = dict(many(parts, indexes, cancellation))
    holders = {digest: one for digest, one in read.items() if not isinstance(one, LongshoreError)}
    shared = {one.digest for tag, one in heads.items() if tag not in chosen} & doomed
    shared = shared.union(*holders.values()).difference(chosen)
    unknown = sum(isinstance(one, LongshoreError) for one in [*found.values(), *read.values()])
    # A tag that could not be checked may be one of the same image.
    shared |= doomed.difference(chosen) if unknown else set()
    deletion = TagDeletion(client, repository, lister=lister, cancellation=cancellation)
    alone = shared if shared and deletion.way() is not Way.IMAGE else set()
    digests = tuple(
        (
            digest,
            tuple(
                tag
                for tag, one in heads.items()
                if one.digest == digest and (tag in chosen or digest not in alone)
            ),
        )
        for digest in sorted(doomed)
    )
    going = {tag for _, tags in digests for tag in tags}
    lost = doomed - alone
    return RemovalPlan(
        client.registry.host,
        repository,
        tuple(chosen),
        digests,
        siblings=tuple(tag for tag in heads if tag in going and tag not in chosen),
        broken=tuple(
            tag for tag, one in heads.items() if tag not in going and holders.get(one.digest, set()) & lost
        ),
        unknown=unknown,
        alone=frozenset(alone),
        staying=tuple(tag for tag, one in heads.items() if one.digest in alone and tag not in going),
        known={
            tag: one.digest if isinstance(one, Descriptor) else ""
            for tag, one in found.items()
            if one is not None
        },
        leftovers=leftovers(client, repository, heads, cancellation),
    )


def remove(client: RegistryClient, plan: RemovalPlan, *, lister: Lister | None = None) -> None:
    """Carry out *plan*. Stops at the first error and raises it; TagMoved if a tag was moved or a new one needs the
    image, VerificationFailed if the registry does something else than it reports."""
    deletion = TagDeletion(client, plan.repository, lister=lister)
    latecomers = Latecomers(client, plan.repository, plan.known)
    for digest, tags in plan.digests:
        if digest in plan.alone:
            for _ in deletion.delete_tags(digest, tags, plan.staying):
                pass
        else:
            deletion.delete_image(digest, tags, latecomers)
