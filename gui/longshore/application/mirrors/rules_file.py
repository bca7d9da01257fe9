"""Files of mirror rules.

::

    version: 1
    mirrors:
      - name: apps
        source: docker.io/team/app            # or a pattern: docker.io/team/*, registry.example.com/**
        destination: mirror.example.com/team/app  # for a pattern, the namespace of the copies
        tags: ["1.*", "v#.#", "!*-rc*"]       # all, if left out; # is a number
        newest: 5                             # only so many versions; tags without a digit are all copied
        minimum_age_days: 7
        platforms: [linux/amd64, linux/arm64] # all, unchanged, if left out
        referrers: true                       # also signatures and SBOMs
        extras: keep                          # or delete: tags that the source no longer has

All keys but the first three are optional, and mean what they mean in :class:`.rules.MirrorRule`. Keys at the top that
begin with ``x-`` are ignored; they can hold anchors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from longshore.application.mirrors.patterns import is_pattern
from longshore.application.mirrors.repositories import check_repository
from longshore.application.mirrors.rules import LARGEST_NEWEST, LONGEST_AGE, Extras, MirrorRule
from longshore.application.mirrors.yaml_file import Fields, Items, Node, Scalar, read_yaml
from longshore.errors import InvalidInput, LongshoreError
from longshore.oci.known_platforms import parse_known

#: Most rules of one file.
MOST_RULES = 1000
VERSION = "1"
_ADVICE = "See longshore mirror --help for the format."


def read_rules(path: Path) -> list[MirrorRule]:
    """The rules in the file *path*. Raises InvalidInput, which names the line. Blocks briefly."""
    with in_file(path):
        return parse_rules(read_yaml(path))


@contextmanager
def in_file(path: Path) -> Iterator[None]:
    """Let each InvalidInput name the file *path*."""
    try:
        yield
    except InvalidInput as error:
        if str(path) not in error.subject:
            error.subject = f"{path}: {error.subject}" if error.subject else str(path)
        raise


def parse_rules(document: Fields) -> list[MirrorRule]:
    """The rules in *document*. Raises InvalidInput. Any thread."""
    found: list[MirrorRule] = []
    entries: Items | None = None
    for key, line, value in document.pairs():
        if key.startswith("x-"):
            continue
        if key == "version":
            if text(value) != VERSION:
                raise InvalidInput(
                    "Line {line} names a version of the format that this Longshore does not know.",
                    advice=_ADVICE,
                    arguments={"line": line},
                )
        elif key == "mirrors":
            if not isinstance(value, Items):
                raise _invalid(line, key, "a list of rules")
            entries = value
        else:
            raise _unknown(line, key, ("version", "mirrors"))
    if entries is None:
        raise InvalidInput("The file has no key mirrors.", advice=_ADVICE)
    if len(entries.items) > MOST_RULES:
        raise InvalidInput("The file has more than {count} rules.", arguments={"count": MOST_RULES})
    for entry in entries.items:
        rule = _rule(entry)
        if any(rule.name == one.name for one in found):
            raise InvalidInput(
                "Line {line} has a second rule with the name {name}.",
                arguments={"line": entry.line, "name": rule.name},
            )
        found.append(rule)
    return found


def _rule(entry: Node) -> MirrorRule:
    if not isinstance(entry, Fields):
        raise _invalid(entry.line, "mirrors", "a list of rules")
    values: dict[str, Any] = {}
    for key, line, value in entry.pairs():
        if key not in _KEYS:
            raise _unknown(line, key, tuple(_KEYS))
        kind, read = _KEYS[key]
        try:
            values[key] = read(value)
        except ValueError:
            raise _invalid(line, key, kind) from None
    for key in ("name", "source", "destination"):
        if key not in values:
            raise InvalidInput(
                "The rule at line {line} has no {key}.",
                advice=_ADVICE,
                arguments={"line": entry.line, "key": key},
            )
    try:
        check_repository(values["source"])
        if not is_pattern(values["source"]):
            check_repository(values["destination"])
        for platform in values.get("platforms", []):
            parse_known(platform)
        return MirrorRule.from_json(values)
    except LongshoreError as error:
        raise InvalidInput(
            "The rule at line {line} is not valid: {reason}",
            subject=error.subject,
            advice=error.advice,
            arguments={"line": entry.line, "reason": error.message},
        ) from None


def text(node: Node) -> str:
    """The text of a scalar. Raises ValueError for anything else. Any thread."""
    if not isinstance(node, Scalar) or node.null:
        raise ValueError
    return node.value


def texts(node: Node) -> list[str]:
    """The texts of a list, or the words of one text. Raises ValueError. Any thread."""
    return [text(one) for one in node.items] if isinstance(node, Items) else text(node).split()


def truth(node: Node) -> bool:
    """True or false. Raises ValueError for anything else. Any thread."""
    found = node.truth if isinstance(node, Scalar) else None
    if found is None:
        raise ValueError
    return found


def _number(node: Node) -> int:
    found = text(node)
    if not (found.isascii() and found.isdecimal() and len(found) < 10):
        raise ValueError
    return int(found)


def _extras(node: Node) -> str:
    return Extras(text(node)).value


#: Each key with what it must be, and how it is read.
_KEYS: dict[str, tuple[str, Callable[[Node], Any]]] = {
    "name": ("a text", text),
    "source": ("a text", text),
    "destination": ("a text", text),
    "tags": ("a list of patterns", texts),
    "newest": (f"a number from 0 to {LARGEST_NEWEST}", _number),
    "minimum_age_days": (f"a number from 0 to {LONGEST_AGE}", _number),
    "platforms": ("a list of platforms", texts),
    "referrers": ("true or false", truth),
    "extras": ("keep or delete", _extras),
}


def _unknown(line: int, key: str, known: tuple[str, ...]) -> InvalidInput:
    return InvalidInput(
        "Line {line} has the unknown key {key}.",
        advice="Known keys here: {known}.",
        arguments={"line": line, "key": key, "known": ", ".join(known)},
    )


def _invalid(line: int, key: str, kind: str) -> InvalidInput:
    return InvalidInput(
        "The key {key} at line {line} must be {kind}.",
        advice=_ADVICE,
        arguments={"line": line, "key": key, "kind": kind},
    )
