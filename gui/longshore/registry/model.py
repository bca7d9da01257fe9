"""What a registry tells. Immutable; crosses threads freely; no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from longshore.oci.platform import Platform

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a listing. *next*: what to ask with for the next, None on the last. *total*: of all, if told."""

    items: list[T]
    next: str | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class RegistryInfo:
    """*auth*: ``none``, ``basic`` or ``bearer``. *url*: where its API really is."""

    auth: str
    url: str


@dataclass(frozen=True, slots=True)
class TagDetails:
    """One tag. *size*: compressed bytes of configuration and layers of one platform (the host's, or else the first), None where
    unknown. *created*: of that platform's image."""

    tag: str
    digest: str
    size: int | None
    platforms: tuple[Platform, ...]
    created: datetime | None
    media_type: str
