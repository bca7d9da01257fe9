"""The exit codes, which scripts rely on: never change one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from longshore.errors import InvalidInput, LongshoreError, RegistryError, Remedy

if TYPE_CHECKING:
    from longshore.transfers.transfer import TransferSnapshot

DONE = 0
FAILED = 1
USAGE = 2
SOME_FAILED = 3
REFUSED = 4  # a registry requires a sign-in, or another one
INTERRUPTED = 130


def of(ended: Sequence[TransferSnapshot]) -> int:
    """The exit code for transfers that ended, or were left unfinished by a signal."""
    from longshore.transfers.transfer import State

    codes = []
    for one in ended:
        if one.state is State.SUCCEEDED:
            codes.append(DONE)
        elif one.state is State.FAILED:
            codes.append(FAILED if one.error is None else of_error(one.error))
        else:
            codes.append(INTERRUPTED)
    return of_codes(codes)


def of_codes(codes: Sequence[int]) -> int:
    """The exit code of a command whose parts ended with *codes*."""
    if INTERRUPTED in codes:
        return INTERRUPTED
    bad = [code for code in codes if code != DONE]
    if not bad:
        return DONE
    if len(bad) < len(codes):
        return SOME_FAILED
    return REFUSED if set(bad) == {REFUSED} else FAILED


def of_error(error: LongshoreError) -> int:
    """The exit code for a command that failed with *error*."""
    if isinstance(error, InvalidInput):
        return USAGE
    return REFUSED if isinstance(error, RegistryError) and error.remedy is Remedy.SIGN_IN else FAILED
