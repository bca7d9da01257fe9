"""Dates of images, as far as rules can use them. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

#: The first container images were made in 2013: an earlier date is the constant of a reproducible build, such as
#: 1970-01-01 or 1980-01-01T00:00:01.
FIRST_YEAR = 2013


def plausible(created: datetime | None) -> datetime | None:
    """Return *created* with a time zone; None if it is not known or says nothing about the image's age."""
    if created is None or created.year < FIRST_YEAR:
        return None
    return created if created.tzinfo is not None else created.replace(tzinfo=UTC)
