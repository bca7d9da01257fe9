"""Errors of the transfers themselves."""

from __future__ import annotations

from longshore.errors import LongshoreError


class InternalError(LongshoreError):
    """A fault of Longshore's own; the log has the traceback."""

    code = "internal"


class UnsupportedTransfer(LongshoreError):
    """No way is known between the two places."""

    code = "transfer.unsupported"


def internal_error(error: BaseException) -> InternalError:
    """What to show for an exception that nobody foresaw. Any thread."""
    return InternalError(
        "Something went wrong inside Longshore.",
        advice="Try again. If it keeps happening, report it with the log file.",
        detail=f"{type(error).__name__}: {error}",
    )
