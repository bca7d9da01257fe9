"""Removes tags. All tags that this removes are found beforehand. Blocking; worker threads.

distribution-spec, "Deleting Manifests": a registry may delete only by digest, which removes all tags of the digest.
Registries that can delete a tag alone ("Deleting tags") are asked to do so where other tags would be affected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError, NotInRegistry, VerificationFailed
from longshore.naturalsort import natural_key
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import valid_digest
from longshore.oci.manifest import DOCKER_LIST, OCI_INDEX, Index
from longshore.registry import failures
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
    """The effects of removing the *chosen* tags (or digests) of a repository.

    *digests*: the manifests concerned, each with the tags that are removed. *alone*: those of them that are kept,
    because the registry can delete the tags only. *staying*: other tags of these. *siblings*: tags that are removed
    although nobody chose them. *broken*: tags of indexes that stay but lose an image. *unknown*: number of tags that
    could not be checked.
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
    indexes = {
        one.digest: one for tag, one in heads.items() if tag not in chosen and one.media_type in _INDEXES
    }

    def parts(digest: str) -> set[str]:
        index = client.manifest(repository, digest, cancellation=cancellation)
        return doomed & {child.digest for child in index.manifests} if isinstance(index, Index) else set()

    read = dict(_many(parts, indexes, cancellation))
    holders = {digest: one for digest, one in read.items() if not isinstance(one, LongshoreError)}
    shared = {one.digest for tag, one in heads.items() if tag not in chosen} & doomed
    shared = shared.union(*holders.values()).difference(chosen)
    alone = shared if shared and client.deletes_tags(repository, cancellation=cancellation) else set()
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
        unknown=sum(isinstance(one, LongshoreError) for one in [*found.values(), *read.values()]),
        alone=frozenset(alone),
        staying=tuple(tag for tag, one in heads.items() if one.digest in alone and tag not in going),
    )


def remove(client: RegistryClient, plan: RemovalPlan) -> None:
    """Carry out *plan*. Stops at the first error and raises it; VerificationFailed if a tag was moved, or if the
    registry does something else than it reports."""
    for digest, tags in plan.digests:
        for tag in tags:
            # Somebody may have pushed meanwhile: only what was shown may be removed.
            now = client.head(plan.repository, tag)
            if now is not None and now.digest != digest:
                raise VerificationFailed(
                    f"The tag {tag} was moved to another image meanwhile.",
                    subject=_named(plan, tag),
                    advice="Nothing more was removed. Check again.",
                )
        if digest in plan.alone:
            _remove_alone(client, plan, digest, tags)
        else:
            _remove_manifest(client, plan, digest, tags)


def _remove_alone(client: RegistryClient, plan: RemovalPlan, digest: str, tags: Sequence[str]) -> None:
    same = [tag for tag in plan.staying if _points_to(client, plan, tag, digest)]
    kept = client.manifest(plan.repository, digest)
    for tag in tags:
        with suppress(NotInRegistry):
            client.delete_tag(plan.repository, tag)
        _check_gone(client, plan, digest, tag)
    lost = [name for name in (digest, *same) if client.head(plan.repository, name) is None]
    try:
        # A registry that deletes the manifest when it is asked to delete a tag still has the blobs.
        for name in lost:
            client.put_manifest(plan.repository, name, kept.raw, kept.media_type)
    except LongshoreError as error:
        raise VerificationFailed(
            "The registry also removed other tags of the image.",
            subject=_named(plan, tags[0]),
            advice="Push the image again under these tags.",
            detail="\n".join([*lost, error.message]),
        ) from error


def _remove_manifest(client: RegistryClient, plan: RemovalPlan, digest: str, tags: Sequence[str]) -> None:
    with suppress(NotInRegistry):  # already deleted
        client.delete_manifest(plan.repository, digest)
    for tag in tags:
        if _points_to(client, plan, tag, digest) and not valid_digest(tag):
            # crane's registry keeps the tags of a deleted manifest.
            with suppress(*failures.REFUSALS):
                client.delete_tag(plan.repository, tag)
            _check_gone(client, plan, digest, tag)


def _points_to(client: RegistryClient, plan: RemovalPlan, tag: str, digest: str) -> bool:
    now = client.head(plan.repository, tag)
    return now is not None and now.digest == digest


def _check_gone(client: RegistryClient, plan: RemovalPlan, digest: str, tag: str) -> None:
    if _points_to(client, plan, tag, digest):
        raise VerificationFailed(
            "The registry accepted the removal, but still has the tag.",
            subject=_named(plan, tag),
            advice="Check again later: it may use a cache.",
        )


def _named(plan: RemovalPlan, tag: str) -> str:
    return f"{plan.host}/{plan.repository}:{tag}"


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
