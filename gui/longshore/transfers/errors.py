"""Errors raised by the transfers themselves, and texts that several ways share."""

from __future__ import annotations

from collections.abc import Iterable

from longshore.errors import InvalidManifest, LongshoreError
from longshore.oci.platform import Platform

#: Advice for an engine whose image is not the one that was transferred or requested.
TAG_MAY_HAVE_MOVED = "Its tag may have been moved to another image. Try again."


class InternalError(LongshoreError):
    """A bug in Longshore; the log has the traceback."""

    code = "internal"


class UnsupportedTransfer(LongshoreError):
    """No way moves images between these two places."""

    code = "transfer.unsupported"


class HistoryUnavailable(LongshoreError):
    """The file of the history can't be used."""

    code = "history.unavailable"


class NoPlatform(InvalidManifest):
    """The image has none of the wanted platforms, or not all of them."""


def no_platform(wanted: Iterable[Platform], available: Iterable[Platform], subject: str) -> NoPlatform:
    """The error for an image that has none of the platforms *wanted*, but those in *available*."""
    there = ", ".join(map(str, available))
    return NoPlatform(
        f"No image is available for {', '.join(map(str, wanted))}.",
        subject=subject,
        advice="Choose an available platform.",
        detail=f"available: {there}" if there else "",
    )


def internal_error(error: BaseException) -> InternalError:
    """The error to show for an unexpected exception. Any thread."""
    return InternalError(
        "Something went wrong inside Longshore.",
        advice="Try again. If it happens again, report it with the log file.",
        detail=f"{type(error).__name__}: {error}",
    )
