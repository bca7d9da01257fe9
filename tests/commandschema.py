"""Checks the objects that commands print against the schema that the package promises."""

from __future__ import annotations

import copy
import functools
import json
from datetime import datetime
from typing import Any

import jsonschema

from longshore import resources

FORMATS = jsonschema.FormatChecker(())


@FORMATS.checks("date-time", raises=ValueError)
def _is_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def schema() -> dict[str, Any]:
    """The schema in the package."""
    found: dict[str, Any] = json.loads(resources.text("command/schema-1.json"))
    return found


def without_more(part: Any) -> Any:
    """*part* of a schema, but its objects have no fields that it does not name."""
    if isinstance(part, list):
        return [without_more(one) for one in part]
    if not isinstance(part, dict):
        return part
    out = {name: without_more(one) for name, one in part.items()}
    if out.get("additionalProperties") is True:
        out["additionalProperties"] = False
    return out


@functools.cache
def _validators() -> tuple[jsonschema.Draft202012Validator, jsonschema.Draft202012Validator]:
    """For the schema, and for one without room for more: what is printed now must be described, too."""
    whole = schema()
    strict = copy.deepcopy(whole)
    strict["$defs"] = without_more(strict["$defs"])
    checks = [jsonschema.Draft202012Validator(one, format_checker=FORMATS) for one in (whole, strict)]
    return checks[0], checks[1]


def checked(line: str) -> dict[str, Any]:
    """The object in a *line* of output. Raises ValidationError, or AssertionError for a kind without a description."""
    record: dict[str, Any] = json.loads(line)
    for validator in _validators():
        validator.validate(record)
    assert record["kind"] in schema()["$defs"], record["kind"]
    return record
