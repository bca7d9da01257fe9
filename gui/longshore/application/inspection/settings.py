"""The configuration of an image as names and values, for what has no field of its own. Pure."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping

from longshore.oci.foreign_json import CONFIG, parse_json

#: Most settings, and most characters of a value.
_MOST = 1_000
_LONGEST = 4_000
#: Shown in a better way, or of no interest to people: layers, history, where an engine keeps them.
_LEFT_OUT = frozenset(
    {
        *("history", "rootfs", "config.env", "config.labels"),
        *("id", "repotags", "repodigests", "descriptor", "manifests", "graphdriver", "containerconfig"),
        *(
            "container_config",
            "container",
            "size",
            "virtualsize",
            "parent",
            "metadata",
            "labels",
            "nameshistory",
        ),
    }
)


def settings_of(raw: bytes) -> tuple[tuple[str, str], ...]:
    """The settings in the configuration *raw*, or in the document of an engine; empty if it is not a JSON object.

    Objects are taken apart once (``config.StopSignal``); lists and deeper objects are values in JSON.
    """
    try:
        document = parse_json(raw, CONFIG)
    except ValueError:
        return ()
    if not isinstance(document, dict):
        return ()
    return tuple(itertools.islice(_pairs(document), _MOST))


def _pairs(document: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in document.items():
        if name.lower() in _LEFT_OUT:
            continue
        if not isinstance(value, dict):
            yield name, _shown(value)
            continue
        for inner, part in value.items():
            if f"{name}.{inner}".lower() not in _LEFT_OUT:
                yield f"{name}.{inner}", _shown(part)


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value[:_LONGEST]
    return json.dumps(value, ensure_ascii=False)[:_LONGEST]
