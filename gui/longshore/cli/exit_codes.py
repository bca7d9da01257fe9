"""The exit codes, which scripts rely on: never change one."""

from __future__ import annotations

from collections.abc import Sequence

from longshore.errors import LongshoreError, RegistryError, Remedy
from longshore.transfers.transfer import State, TransferSnapshot

DONE = 0
FAILED = 1
USAGE = 2
SOME_FAILED = 3
REFUSED = 4  # a registry wants a sign-in, or another one
INTERRUPTED = 130


def of(ended: Sequence[TransferSnapshot]) -> int:
    """The exit code for transfers that ended."""
    bad = [one for one in ended if one.state is not State.SUCCEEDED]
    if not bad:
        return DONE
    if len(bad) < len(ended):
        return SOME_FAILED
    if all(one.state in (State.CANCELLED, State.INTERRUPTED) for one in bad):
        return INTERRUPTED
    refused = all(one.error is not None and of_error(one.error) == REFUSED for one in bad)
    return REFUSED if refused else FAILED


def of_error(error: LongshoreError) -> int:
    """The exit code for a command that failed with *error*."""
    return REFUSED if isinstance(error, RegistryError) and error.remedy is Remedy.SIGN_IN else FAILED
