"""The rule that only signed images are fetched, for every transfer from a registry, however it was requested.

Attempts ask here before they plan anything (``transfers.admission``), and continue with the digest that was verified:
a tag that moves in between changes nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from longshore.errors import NotInRegistry
from longshore.transfers.clients import Admission
from longshore.transfers.transfer import ONLY_SIGNED, RegistryPlace, TransferRequest

if TYPE_CHECKING:
    # Imported late: this file is loaded at every start.
    from longshore.application.signatures.book import Key, KeyBook
    from longshore.application.signatures.verifying import Verdict
    from longshore.cancellation import Cancellation
    from longshore.oci.reference import Reference
    from longshore.registry.config import RegistryConfig
    from longshore.transfers.clients import Clients

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
        self, request: TransferRequest, clients: Clients, cancellation: Cancellation
    ) -> Admission | None:
        """See Gate. Raises NotSigned, RegistryError, LongshoreError if the user's rules cannot be read."""
        source = request.source
        if not isinstance(source.place, RegistryPlace) or source.reference is None:
            return None
        reference = source.reference.with_default_tag()
        keys = self.book.read()
        rule = keys.rule(reference)
        if rule is None and dict(request.options).get(ONLY_SIGNED) != "1":
            return None
        verdict = self.verify(reference, clients, cancellation)
        if not verdict.signed:
            from longshore.application.signatures.refusals import refusal

            raise refusal(reference, verdict)
        return Admission(verdict.digest, verdict.name)

    def verify(
        self,
        reference: Reference,
        clients: Clients,
        cancellation: Cancellation,
        *,
        keys: tuple[Key, ...] | None = None,
    ) -> Verdict:
        """The verdict on what *reference* points to in its registry now. Blocks; any worker thread.

        *keys*: instead of the user's. Raises NotInRegistry, RegistryError, InvalidInput, Cancelled.
        """
        from longshore.application.signatures.cosign import keyless_verifier
        from longshore.application.signatures.verifying import verify
        from longshore.transfers.content.registry import RegistryReader

        client = clients.registry(reference.domain)
        digest = reference.digest
        if digest is None:
            head = client.head(reference.path, reference.target, cancellation=cancellation)
            if head is None:
                raise NotInRegistry(
                    "The image was not found.",
                    registry=reference.domain,
                    subject=reference.familiar,
                    advice="Check the name and the tag.",
                )
            digest = head.digest
        trusted = self.book.read().of(reference) if keys is None else keys
        keyless = None
        if any(key.identity for key in trusted):
            keyless = keyless_verifier(reference, digest, self._config_of(reference.domain), self._environ)
        reader = RegistryReader(client, reference.domain, reference.path)
        return verify(reader, digest, trusted, cancellation, keyless=keyless)
