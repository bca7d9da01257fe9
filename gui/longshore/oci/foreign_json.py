"""JSON from strangers: counted before it is built, since a megabyte of ``{}`` becomes a hundred of objects."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

# Possessive, so that each character is looked at once. A string that does not end reaches to the end.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{\]},]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a document may hold: *values* of any kind, *containers* (objects and lists) among them, and how *deep* these
    may stand in each other."""

    values: int
    containers: int
    deep: int = 64


#: A page of a listing: as many names as a registry may give at once.
LISTING = Bounds(500_000, 60_000)
MANIFEST = Bounds(200_000, 50_000)
CONFIG = Bounds(100_000, 20_000)
#: What a token service answers, and errors.
SMALL = Bounds(10_000, 1_000)


def parse_json(raw: bytes, bounds: Bounds) -> Any:
    """What *raw*, UTF-8, holds. Raises ValueError for what is no JSON or exceeds *bounds*. Any thread; the interpreter
    is given up in between."""
    text = raw.decode("utf-8-sig", "surrogatepass")
    _count(text, bounds)
    try:
        return json.loads(text)
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
