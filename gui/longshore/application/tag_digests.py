"""The digests that tags point to now, asked from their registries side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from longshore.errors import LongshoreError, NotInRegistry, RegistryUnreachable, VerificationFailed
from longshore.oci.reference import DOCKER_HUB
from longshore.side_by_side import ask_all

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.cancellation import Cancellation
    from longshore.oci.reference import Reference
    from longshore.registry.client import RegistryClient

#: The digest of a tag, or why it is not known.
Found = str | LongshoreError


def bare(reference: Reference) -> Reference:
    """The reference whose digest is asked for: with a tag, and without the digest that it may be pinned to.

    One with only a digest stays as it is.
    """
    if reference.tag is not None and reference.digest is None:
        return reference  # most are: a copy takes longer
    named = reference.with_default_tag()
    return named if named.tag is None else named.with_digest(None)


def missing(reference: Reference) -> NotInRegistry:
    """The error for a tag that its registry does not have."""
    return NotInRegistry(
        "The registry has no image with this name.",
        registry=reference.domain,
        subject=reference.familiar,
        advice="Check the name and the tag.",
    )


def tag_digests(
    clients: Clients, references: Iterable[Reference], cancellation: Cancellation
) -> dict[Reference, Found]:
    """The digests of *references*, each asked for once, by HEAD, which Docker Hub does not count as a pull.

    The keys are :func:`bare`. A missing tag is NotInRegistry. A registry that cannot be reached is not asked again.
    Blocks; raises Cancelled.
    """
    wanted = list(dict.fromkeys(map(bare, references)))
    unreachable: dict[str, RegistryUnreachable] = {}

    def ask(reference: Reference, part: Cancellation) -> Found:
        if reference.domain in unreachable:
            return unreachable[reference.domain]
        try:
            found = clients.registry(reference.domain).head(
                reference.path, reference.target, cancellation=part
            )
        except RegistryUnreachable as error:
            unreachable[reference.domain] = error
            return error
        except LongshoreError as error:
            return error
        if found is None:
            return missing(reference)
        return found.digest

    return dict(zip(wanted, ask_all(ask, wanted, cancellation), strict=True))


def verified(
    clients: Clients, digests: Mapping[Reference, str], cancellation: Cancellation
) -> dict[Reference, Found]:
    """*digests* of :func:`tag_digests` after a check that the registry has manifests with them: a HEAD only repeats
    what a registry, or a proxy in between, announces.

    Each manifest is read and hashed; on Docker Hub, where reading one counts as a pull, another HEAD asks for it by its
    digest. Blocks; raises Cancelled.
    """

    def check(reference: Reference, part: Cancellation) -> Found:
        digest = digests[reference]
        try:
            client = clients.registry(reference.domain)
            return digest if _has(client, reference, digest, part) else _without_image(reference, digest)
        except LongshoreError as error:
            return error

    wanted = list(digests)
    return dict(zip(wanted, ask_all(check, wanted, cancellation), strict=True))


def _has(client: RegistryClient, reference: Reference, digest: str, cancellation: Cancellation) -> bool:
    if reference.domain == DOCKER_HUB:
        return client.head(reference.path, digest, cancellation=cancellation) is not None
    try:
        client.manifest(reference.path, digest, cancellation=cancellation)
    except NotInRegistry:
        return False
    return True


def _without_image(reference: Reference, digest: str) -> VerificationFailed:
    return VerificationFailed(
        "The registry has no image with the digest that it reports for this tag.",
        subject=reference.familiar,
        advice="Try again; a proxy in between may have changed the digest.",
        detail=digest,
    )
