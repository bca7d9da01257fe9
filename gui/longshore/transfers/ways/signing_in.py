"""The credential of a registry for the engine, and what is said when it cannot be read."""

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
    """The credential to move with. A broken helper does not stop what needs no credential: then it is None and noted.

    If the registry then wants one after all, the helper's own error is raised, for that is what to put right.
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
