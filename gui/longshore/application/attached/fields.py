"""Reads fields of foreign JSON, and ignores values of the wrong type. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

#: Longest text of a field that is kept, in characters.
LONGEST = 500


def as_object(value: object) -> dict[str, Any]:
    """*value* if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """*value* if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def objects(value: object) -> Iterator[dict[str, Any]]:
    """The objects in the list *value*."""
    return (one for one in as_list(value) if isinstance(one, dict))


def as_text(value: object) -> str:
    """The beginning of *value* if it is text, else ""."""
    return value[:LONGEST] if isinstance(value, str) else ""
