"""Removes tags by deleting their manifests. All tags that this removes are found beforehand. Blocking; worker threads.

distribution-spec, "Deleting Manifests": a registry may delete only by digest, which removes all tags of the digest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError, NotInRegistry, VerificationFailed
from longshore.naturalsort import natural_key
from longshore.oci.descriptor import Descriptor
from longshore.oci.manifest import DOCKER_LIST, OCI_INDEX, Index
from longshore.registry.client import RegistryClient
from longshore.side_by_side import ask_all

#: Requests to the registry at a time.
_AT_ONCE = 12
#: Most pages of tags that are read.
_MOST_PAGES = 1000
#: Failed requests after which no more are sent: the registry has problems.
_MOST_FAILURES = 20
_INDEXES = (OCI_INDEX, DOCKER_LIST)

_T = TypeVar("_T")
_R = TypeVar("_R")


@dataclass(frozen=True, slots=True)
class RemovalPlan:
    """The effects of removing the *chosen* tags of a repository.

    *digests*: the manifests to be deleted, each with all its tags. *siblings*: tags that are removed although nobody
    chose them. *broken*: tags of indexes that stay but lose an image. *unknown*: number of tags that could not be
    checked.
    """

    host: str
    repository: str
    chosen: tuple[str, ...]
    digests: tuple[tuple[str, tuple[str, ...]], ...]
    siblings: tuple[str, ...]
    broken: tuple[str, ...]
    unknown: int


def look(
    client: RegistryClient, repository: str, chosen: Sequence[str], cancellation: Cancellation
) -> RemovalPlan:
    """The plan for removing the tags *chosen*. Raises LongshoreError if they cannot be checked, Cancelled."""

    def head(tag: str) -> Descriptor | None:
        return client.head(repository, tag, cancellation=cancellation)

    found: dict[str, Descriptor | LongshoreError | None] = {tag: head(tag) for tag in chosen}
    others = [tag for tag in dict.fromkeys(_tags(client, repository, cancellation)) if tag not in found]
    found |= _many(head, others, cancellation)
    heads = {
        tag: one
        for tag, one in sorted(found.items(), key=lambda item: natural_key(item[0]))
        if isinstance(one, Descriptor)
    }
    doomed = {heads[tag].digest for tag in chosen if tag in heads}
    digests = tuple(
        (digest, tuple(tag for tag, one in heads.items() if one.digest == digest))
        for digest in sorted(doomed)
    )
    going = {tag for _, tags in digests for tag in tags}
    staying = {
        one.digest: one for tag, one in heads.items() if tag not in going and one.media_type in _INDEXES
    }

    def names_doomed(digest: str) -> bool:
        index = client.manifest(repository, digest, cancellation=cancellation)
        return isinstance(index, Index) and any(child.digest in doomed for child in index.manifests)

    losing = dict(_many(names_doomed, staying, cancellation))
    return RemovalPlan(
        client.registry.host,
        repository,
        tuple(chosen),
        digests,
        siblings=tuple(tag for tag in heads if tag in going and tag not in chosen),
        broken=tuple(tag for tag, one in heads.items() if losing.get(one.digest) is True),
        unknown=sum(isinstance(one, LongshoreError) for one in [*found.values(), *losing.values()]),
    )


def remove(client: RegistryClient, plan: RemovalPlan) -> None:
    """Carry out *plan*. Stops at the first error and raises it; VerificationFailed if a tag was moved."""
    for digest, tags in plan.digests:
        for tag in tags:
            # Somebody may have pushed meanwhile: only what was shown may be removed.
            now = client.head(plan.repository, tag)
            if now is not None and now.digest != digest:
                raise VerificationFailed(
                    f"The tag {tag} was moved to another image meanwhile.",
                    subject=f"{plan.host}/{plan.repository}:{tag}",
                    advice="Nothing more was removed. Check again.",
                )
        try:
            client.delete_manifest(plan.repository, digest)
        except NotInRegistry:
            continue  # already deleted


def _tags(client: RegistryClient, repository: str, cancellation: Cancellation) -> Iterator[str]:
    page: str | None = None
    for _ in range(_MOST_PAGES):
        found = client.tags(repository, page, cancellation=cancellation)
        yield from found.items
        page = found.next
        if page is None:
            return


def _many(
    ask: Callable[[_T], _R], what: Iterable[_T], cancellation: Cancellation
) -> list[tuple[_T, _R | LongshoreError]]:
    """Each of *what* with its result, or with its error; they are requested side by side. Raises Cancelled."""

    failed: list[LongshoreError] = []

    def one(item: _T, _part: Cancellation) -> tuple[_T, _R | LongshoreError]:
        if len(failed) >= _MOST_FAILURES:
            return item, failed[-1]
        try:
            return item, ask(item)
        except LongshoreError as error:
            failed.append(error)
            return item, error

    return ask_all(one, list(what), cancellation, _AT_ONCE)
