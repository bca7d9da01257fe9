"""Newer versions of local images: which tags of their repositories come next."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from longshore.application import listings
from longshore.application.updates import versions
from longshore.cancellation import Cancelled
from longshore.errors import LongshoreError, RegistryUnreachable
from longshore.side_by_side import ask_all
from longshore.transfers.ways.deadline import within

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.application.states import Compared
    from longshore.cancellation import Cancellation
    from longshore.oci.reference import Reference

#: Seconds that the tag list of one repository may take.
SECONDS = 60.0
#: The newest versions of one shape that are compared with each local image.
MOST_VERSIONS = 2000
#: Newer versions that are looked at because newer ones are too young.
LOOKED_AT = 4

#: Versions of each repository, newest first, or why they are not known.
Listed = list[str] | LongshoreError


def has_versions(one: Compared) -> bool:
    """Whether newer versions of *one* are looked for: its tag is a version, and the registry is known to have it."""
    from longshore.application.states import State

    asked = (one.here.known and one.here.sure) or one.state is State.IN_SYNC or one.state.outdated
    return asked and one.error is None and versions.parse(one.here.reference.tag or "") is not None


def version_tags(
    clients: Clients, references: Iterable[Reference], cancellation: Cancellation
) -> dict[str, Listed]:
    """The tags of the repositories of *references*, by the repository's name: those that are versions of the same shape
    as one of *references* there. Each list is read once; Docker Hub does not count that as a pull. Blocks; raises
    Cancelled.

    A registry that cannot be reached is not asked again.
    """
    repositories: dict[str, Reference] = {}
    shapes: dict[str, set[tuple[str, str, int]]] = {}
    for one in references:
        repositories[one.name] = one
        version = versions.parse(one.tag or "")
        if version is not None:
            shapes.setdefault(one.name, set()).add(version.shape)
    unreachable: dict[str, LongshoreError] = {}

    def read(reference: Reference, part: Cancellation) -> Listed:
        if reference.domain in unreachable:
            return unreachable[reference.domain]
        try:
            with within(part, SECONDS) as bounded:
                return _read(clients, reference, shapes.get(reference.name, set()), bounded)
        except Cancelled:
            part.raise_if_cancelled()
            return RegistryUnreachable(
                "The list of tags took too long to read.",
                registry=reference.domain,
                subject=reference.familiar_name,
                advice="Try again later.",
            )
        except RegistryUnreachable as error:
            unreachable[reference.domain] = error
            return error
        except LongshoreError as error:
            return error

    found = ask_all(read, list(repositories.values()), cancellation)
    return dict(zip(repositories, found, strict=True))


def _read(
    clients: Clients,
    reference: Reference,
    shapes: Collection[tuple[str, str, int]],
    cancellation: Cancellation,
) -> list[str]:
    from longshore.registry.tag_reading import all_tags

    tags = all_tags(clients.registry(reference.domain), reference.path, cancellation)
    found: dict[object, list[tuple[object, str]]] = {}
    for count, tag in enumerate(itertools.islice(tags, listings.MOST_TAGS + 1)):
        if count == listings.MOST_TAGS:
            raise listings.endless(reference.domain, "tags", count)
        version = versions.parse(tag)
        if version is not None and version.shape in shapes:
            found.setdefault(version.shape, []).append((version.order, tag))
    return [tag for each in found.values() for _, tag in heapq.nlargest(MOST_VERSIONS, each)]


def candidates(tag: str, tags: Iterable[str], here: Collection[str], *, major: bool) -> list[str]:
    """The *tags* that are newer versions of *tag*, the newest first; none if one of them is *here*, too: then the
    update belongs to that one."""
    if versions.newer(tag, here, major=major):
        return []
    return versions.newer(tag, tags, major=major)
