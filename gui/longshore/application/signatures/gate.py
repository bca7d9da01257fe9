"""The rule that only signed images are fetched, for every transfer from a registry, however it was requested.

Attempts ask here before they plan anything (``transfers.clients.Gate``), and continue with the digest that was
verified: a tag that moves in between changes nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from longshore.errors import NotInRegistry
from longshore.oci.manifest import DOCKER_LIST, OCI_INDEX
from longshore.transfers.clients import Admission
from longshore.transfers.transfer import RegistryPlace

if TYPE_CHECKING:
    # Imported late: this file is loaded at every start.
    from longshore.application.signatures.book import Key, KeyBook
    from longshore.application.signatures.verifying import Verdict
    from longshore.cancellation import Cancellation
    from longshore.oci.descriptor import Descriptor
    from longshore.oci.reference import Reference
    from longshore.registry.config import RegistryConfig
    from longshore.transfers.clients import Clients
    from longshore.transfers.transfer import Endpoint

#: The file with the keys and rules, in the configuration folder.
KEYS_FILE = "keys.json"


class KeyGate:
    """See ``transfers.clients.Gate``. Thread-safe; reads nothing before it is asked.

    *path*: the file with the user's keys and rules. *config_of*: the settings of registries, and *environ*: both for
    cosign.
    """

    def __init__(
        self, path: Path, config_of: Callable[[str], RegistryConfig], environ: Mapping[str, str]
    ) -> None:
        self._path = path
        self._config_of = config_of
        self._environ = environ

    @functools.cached_property
    def book(self) -> KeyBook:
        """The user's keys and rules."""
        from longshore.application.signatures.book import KeyBook

        return KeyBook(self._path)

    def admit(
        self, end: Endpoint, clients: Clients, cancellation: Cancellation, *, required: bool = False
    ) -> Admission | None:
        """See Gate. Raises NotSigned, RegistryError, LongshoreError if the user's rules cannot be read."""
        if not isinstance(end.place, RegistryPlace) or end.reference is None:
            return None
        reference = end.reference.with_default_tag()
        if self.book.read().rule(reference) is None and not required:
            return None
        verdict = self.verify(end, clients, cancellation)
        if not verdict.signed:
            from longshore.application.signatures.refusals import refusal

            raise refusal(reference, verdict)
        return Admission(verdict.digest, verdict.name)

    def verify(
        self,
        end: Endpoint,
        clients: Clients,
        cancellation: Cancellation,
        *,
        keys: Sequence[Key] | None = None,
        known: Descriptor | None = None,
    ) -> Verdict:
        """The verdict on what *end* points to now, in a registry, the library or an archive. Blocks; any worker thread.

        *keys*: instead of the user's. *known*: what it points to, if that is known; otherwise asks with HEAD, which
        Docker Hub does not count as a pull. Reads the manifests of signatures, which it counts. Raises NotInRegistry
        and the like, InvalidInput for a damaged key, UnsupportedTransfer for an engine, Cancelled.
        """
        from longshore.application.signatures.verifying import verify
        from longshore.transfers.content.open import open_reader

        reference = end.reference
        if keys is None:
            keys = () if reference is None else self.book.read().of(reference)
        reader = open_reader(end, clients)
        try:
            if known is not None:
                media_type, digest = known.media_type, known.digest
            elif isinstance(end.place, RegistryPlace) and reference is not None:
                media_type, digest = _pointed_to(reference, clients, cancellation)
            else:
                name = end.image_id if reference is None else reference.with_default_tag().target
                top = reader.manifest(name, cancellation=cancellation)
                media_type, digest = top.media_type, top.digest
            keyless = None
            if (
                isinstance(end.place, RegistryPlace)
                and reference is not None
                and any(one.identity for one in keys)
            ):
                from longshore.application.signatures.cosign import keyless_verifier

                config = self._config_of(reference.domain)
                keyless = keyless_verifier(reference, digest, config, self._environ)
            verdict = verify(reader, digest, keys, cancellation, keyless=keyless)
        finally:
            reader.close()
        return replace(verdict, index=media_type in (OCI_INDEX, DOCKER_LIST))


def _pointed_to(reference: Reference, clients: Clients, cancellation: Cancellation) -> tuple[str, str]:
    """Media type and digest of what *reference* points to in its registry. Raises NotInRegistry."""
    client = clients.registry(reference.domain)
    head = client.head(reference.path, reference.target, cancellation=cancellation)
    if head is None:
        raise NotInRegistry(
            "The image was not found.",
            registry=reference.domain,
            subject=reference.familiar,
            advice="Check the name and the tag.",
        )
    return head.media_type, head.digest
