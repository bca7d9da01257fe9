"""JSON from untrusted sources: counted before it is parsed, because 1 MB of ``{}`` becomes 100 MB of objects."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

# Possessive, so that each character is read only once. An unterminated string extends to the end of the text.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{\]},]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits for a document: *values* of any kind, *containers* (objects and lists) among them, and levels of
    nesting (*deep*)."""

    values: int
    containers: int
    deep: int = 64


#: One page of a listing: as many names as a registry may return at once.
LISTING = Bounds(500_000, 60_000)
MANIFEST = Bounds(200_000, 50_000)
CONFIG = Bounds(100_000, 20_000)
#: Responses of token services, and errors.
SMALL = Bounds(10_000, 1_000)
#: Documents that are attached to an image: an SBOM lists each file of its image.
ATTACHED = Bounds(4_000_000, 800_000)


def parse_json(raw: bytes, bounds: Bounds, keys: Collection[str] | None = None) -> Any:
    """Parse *raw*, UTF-8. Raises ValueError if it is not JSON or exceeds *bounds*.

    *keys*: of objects, keep only these; an object with none of them is None. Use it for large documents: the rest is
    freed while it is read, and other threads get to run after each object. Any thread.
    """
    text = raw.decode("utf-8-sig", "surrogatepass")
    _count(text, bounds)
    try:
        if keys is None:
            return json.loads(text)
        wanted = frozenset(keys)

        def kept(pairs: list[tuple[str, Any]]) -> dict[str, Any] | None:
            return {key: value for key, value in pairs if key in wanted} or None

        return json.loads(text, object_pairs_hook=kept)
    except RecursionError:
        raise ValueError("too deep") from None


def _count(text: str, bounds: Bounds) -> None:
    values, containers, depth = 1, 0, 0
    for found in _TOKEN.finditer(text):
        first = text[found.start()]
        if first == ",":
            values += 1
        elif first in "[{":
            values += 1
            containers += 1
            depth += 1
            if depth > bounds.deep:
                raise ValueError(f"more than {bounds.deep} levels")
            if containers > bounds.containers:
                raise ValueError(f"more than {bounds.containers:,} objects and lists")
        elif first != '"':
            depth -= 1
        if values > bounds.values:
            raise ValueError(f"more than {bounds.values:,} values")
