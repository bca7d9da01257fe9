"""The keys and rules of one registry, as a window lists them."""

from __future__ import annotations

from dataclasses import dataclass

from longshore.application.signatures.book import Keys
from longshore.application.signatures.scopes import Scope, server_of
from longshore.errors import LongshoreError


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key, or a rule without a key (*name* is then empty). *kind*: such as ``ECDSA P-256``. *fingerprint*: SHA-256 of
    the key, the issuer of an identity. *only_signed*: the rule of its scope."""

    scope: Scope
    name: str = ""
    kind: str = ""
    fingerprint: str = ""
    only_signed: bool = False


def listed(keys: Keys, host: str) -> list[ListedKey]:
    """The keys and rules for the registry *host*, by scope and name. Worker threads only: reads the keys."""
    server = server_of(host)
    rows = []
    for key in keys.keys:
        if key.scope.server == server:
            kind, fingerprint = "keyless", key.issuer
            if key.pem:
                try:
                    public = key.public_key
                    kind, fingerprint = public.kind, public.fingerprint
                except LongshoreError as error:
                    kind, fingerprint = "damaged", error.message
            rows.append(ListedKey(key.scope, key.name, kind, fingerprint, key.scope in keys.only_signed))
    with_key = {row.scope for row in rows}
    rows += [
        ListedKey(scope, only_signed=True)
        for scope in keys.only_signed
        if scope.server == server and scope not in with_key
    ]
    return sorted(rows, key=lambda row: (row.scope, row.name))
