"""The window arrangement in the settings, which several running Longshores share."""

from __future__ import annotations

import base64
import json
from typing import Any

from longshore.shared_files import NotAnObject, json_object


def merge_arrangement(stored: str, before: bytes, now: bytes) -> str:
    """Return the value to store: *now* (from ``MainWindow.save_state``) where it differs from *before*, else *stored*.

    Parts are merged one by one, and columns view by view. A stored value that is not an arrangement is replaced.
    Any thread.
    """
    return base64.b64encode(json.dumps(_merged(_parts(stored), _read(before), _read(now))).encode()).decode()


def _merged(stored: dict[str, Any], before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    if stored.get("version") != now.get("version"):
        return now  # the parts of another version cannot be merged
    out = dict(stored)
    for name, value in now.items():
        old, kept = before.get(name), stored.get(name)
        if isinstance(value, dict) and isinstance(old, dict) and isinstance(kept, dict):
            out[name] = {**kept, **{key: one for key, one in value.items() if old.get(key) != one}}
        elif value != old or name not in stored:
            out[name] = value
    return out


def _parts(stored: str) -> dict[str, Any]:
    try:
        return _read(base64.b64decode(stored, validate=True))
    except ValueError:
        return {}


def _read(data: bytes) -> dict[str, Any]:
    try:
        return json_object(data)
    except NotAnObject:
        return {}
