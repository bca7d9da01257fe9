"""Newer versions of local images: which tags of their repositories come next."""

from __future__ import annotations

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
    """The tags of the repositories of *references* that are versions, by the repository's name. Each list is read once;
    Docker Hub does not count that as a pull. Blocks; raises Cancelled.

    A registry that cannot be reached is not asked again.
    """
    repositories = list({reference.name: reference for reference in references}.values())
    unreachable: dict[str, LongshoreError] = {}

    def read(reference: Reference, part: Cancellation) -> Listed:
        if reference.domain in unreachable:
            return unreachable[reference.domain]
        try:
            with within(part, SECONDS) as bounded:
                return _read(clients, reference, bounded)
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

    found = ask_all(read, repositories, cancellation)
    return {reference.name: tags for reference, tags in zip(repositories, found, strict=True)}


def _read(clients: Clients, reference: Reference, cancellation: Cancellation) -> list[str]:
    from longshore.registry.tag_reading import all_tags

    tags = all_tags(clients.registry(reference.domain), reference.path, cancellation)
    found = []
    for count, tag in enumerate(itertools.islice(tags, listings.MOST_TAGS + 1)):
        if count == listings.MOST_TAGS:
            raise listings.endless(reference.domain, "tags", count)
        if versions.parse(tag) is not None:
            found.append(tag)
    return found


def candidates(tag: str, tags: Iterable[str], here: Collection[str], *, major: bool) -> list[str]:
    """The *tags* that are newer versions of *tag*, the newest first; none if one of them is *here*, too: then the
    update belongs to that one."""
    if versions.newer(tag, here, major=major):
        return []
    return versions.newer(tag, tags, major=major)
