"""Signing in to registries, and who is signed in: on Docker's own credentials."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from longshore.application.clients import Clients
from longshore.cancellation import Cancellation
from longshore.credentials import Credential, SavedSignIn, Whereabouts
from longshore.errors import LongshoreError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Account:
    """Who is signed in at a registry. *user*: "" for nobody. *kept*: where the secret is, or would be, stored.

    *trouble*: why it is unknown who is signed in, None if nothing is wrong.
    """

    user: str = ""
    kept: Whereabouts | None = None
    trouble: LongshoreError | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """All that is known about the account at *host*.

    *auth*: the registry's authentication (``none``, ``basic``, ``bearer``, "" if it could not be asked); *realm*: the
    token service of a ``bearer``. *refused*: why the registry refuses the sign-in, None if it accepts it.
    """

    host: str
    account: Account
    auth: str
    realm: str
    refused: LongshoreError | None


# All of these block, and may be called from any worker thread.


def account_at(clients: Clients, host: str) -> Account:
    """Who is signed in at *host*, by what is stored here. May run a helper; asks no registry."""
    store = clients.credentials
    try:
        return Account(store.whose(host) or "", store.keeper(host))
    except LongshoreError as error:
        _log.info("credentials of %s: %s", host, error)
        return Account(trouble=error)


def identity_at(clients: Clients, host: str, cancellation: Cancellation) -> Identity:
    """Who is signed in at *host*, and whether the registry accepts it. Raises Cancelled."""
    account = account_at(clients, host)
    client = clients.registry(host)
    try:
        info = client.check(cancellation=cancellation)
    except LongshoreError as error:
        return Identity(host, account, client.auth, "", error)
    return Identity(host, account, info.auth, info.realm, None)


def sign_in(
    clients: Clients, host: str, credential: Credential, *, keep: bool, cancellation: Cancellation
) -> SavedSignIn | None:
    """Verify *credential* with the registry and store it where docker does (not *keep*: for this run only).

    Returns what was saved, None if nothing was. The client of *host* is to be forgotten then. Raises SignInFailed and
    other errors of registries if the registry does not accept it, CredentialsError if it cannot be stored; Cancelled,
    and then nothing is stored unless it was already written.
    """
    accepted = clients.registry(host).sign_in(credential, cancellation=cancellation)
    cancellation.raise_if_cancelled()
    if keep:
        return clients.credentials.save(host, accepted, cancellation=cancellation)
    clients.credentials.keep_for_this_run(host, accepted)
    return None
