"""Provides a registry's credential to the engine, and handles an unreadable one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from longshore.errors import AccessDenied, CredentialsError, SignInRequired
from longshore.transfers.transfer import NoteKind
from longshore.transfers.ways.way import Job

if TYPE_CHECKING:
    from longshore.credentials import Credential


@contextlib.contextmanager
def signed_in(job: Job, host: str) -> Iterator[Credential | None]:
    """Yield the credential for the transfer; None, with a note, if it cannot be read.

    A broken helper does not stop a transfer that needs no credential. If the registry then requires one, the helper's
    own error is raised, because that is what the user must fix.
    """
    broken: CredentialsError | None = None
    credential: Credential | None = None
    try:
        credential = job.clients.credential(host)
    except CredentialsError as error:
        broken = error
        job.tell(NoteKind.ANONYMOUS, error.message)
    job.cancellation.raise_if_cancelled()
    try:
        yield credential
    except (SignInRequired, AccessDenied):
        if broken is not None:
            raise broken from None
        raise
