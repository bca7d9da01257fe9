"""Errors raised by the transfers themselves."""

from __future__ import annotations

from longshore.errors import LongshoreError


class InternalError(LongshoreError):
    """A bug in Longshore; the log has the traceback."""

    code = "internal"


class UnsupportedTransfer(LongshoreError):
    """No way moves images between these two places."""

    code = "transfer.unsupported"


def internal_error(error: BaseException) -> InternalError:
    """The error to show for an unexpected exception. Any thread."""
    return InternalError(
        "Something went wrong inside Longshore.",
        advice="Try again. If it keeps happening, report it with the log file.",
        detail=f"{type(error).__name__}: {error}",
    )
