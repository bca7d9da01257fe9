"""Small YAML files from outside, as plain values that know their lines.

ruamel.yaml's parser makes the events, and the values are built here without recursion: no tag makes an object, an alias
is the value that it names, and size, depth and number of values are limited. Scalars stay texts as they were written,
so that the tag ``1.10`` is not the number 1.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from longshore.errors import InvalidInput
from longshore.shared_files import FileTooLarge, NotAFile, read_file

#: Limits of one file: bytes, values, levels.
LARGEST = 512 * 1024
MOST_VALUES = 20_000
DEEPEST = 30

_MERGE = "<<"
_NULL = ("", "~", "null", "Null", "NULL")
_TRUE = ("true", "True", "TRUE")
_FALSE = ("false", "False", "FALSE")


@dataclass(slots=True, eq=False)
class Scalar:
    """A text, and whether it was quoted. *line*: from 1."""

    line: int
    value: str
    quoted: bool = False

    @property
    def null(self) -> bool:
        """Whether it means that there is no value."""
        return not self.quoted and self.value in _NULL

    @property
    def truth(self) -> bool | None:
        """The boolean that it is, None for anything else."""
        if self.quoted or self.value not in _TRUE + _FALSE:
            return None
        return self.value in _TRUE


@dataclass(slots=True, eq=False)
class Items:
    """A sequence."""

    line: int
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Fields:
    """A mapping. *merged*: the mappings of ``<<``, whose keys count if it has none of its own (YAML 1.1, merge)."""

    line: int
    own: dict[str, tuple[int, Node]] = field(default_factory=dict)
    merged: list[Fields] = field(default_factory=list)

    def pairs(self) -> Iterator[tuple[str, int, Node]]:
        """Key, line and value of each field, also of merged ones, each key once."""
        seen: set[str] = set()
        visited: set[int] = set()
        waiting = [self]
        while waiting:
            one = waiting.pop(0)
            if id(one) in visited:
                continue
            visited.add(id(one))
            for key, (line, value) in one.own.items():
                if key not in seen:
                    seen.add(key)
                    yield key, line, value
            waiting = one.merged + waiting


Node = Scalar | Items | Fields


def read_yaml(path: Path) -> Fields:
    """The mapping in the file *path*. Raises InvalidInput, with the line. Blocks briefly."""
    subject = str(path)
    try:
        raw = read_file(path, LARGEST)
    except FileNotFoundError:
        raise InvalidInput("There is no such file.", subject=subject) from None
    except NotAFile:
        raise InvalidInput("This is a folder, a pipe or a device, not a file.", subject=subject) from None
    except FileTooLarge:
        raise InvalidInput(
            "The file is larger than {size} kB.", subject=subject, arguments={"size": LARGEST // 1024}
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidInput(
            "The file can't be read: {reason}.", subject=subject, arguments={"reason": reason}
        ) from None
    try:
        return parse_yaml(raw)
    except InvalidInput as error:
        error.subject = error.subject or subject
        raise


def parse_yaml(raw: bytes) -> Fields:
    """The mapping in *raw*. Raises InvalidInput. Any thread."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput("The file is not UTF-8 text.") from None
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    builder = _Builder()
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            builder.take(event)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise wrong(line, str(error.problem or error.context or "")) from None
    except (YAMLError, ValueError, OverflowError, IndexError, AttributeError, RecursionError) as error:
        raise InvalidInput("The file is not YAML.", detail=str(error)) from None
    if not isinstance(builder.root, Fields):
        raise InvalidInput("The file has no keys.", advice="Check that it is the right file.")
    return builder.root


def wrong(line: int, detail: str) -> InvalidInput:
    """The error about a file that is not YAML at *line*."""
    return InvalidInput("The file is not YAML at line {line}.", detail=detail, arguments={"line": line})


class _Builder:
    def __init__(self) -> None:
        self.root: Node | None = None
        self._count = 0
        self._documents = 0
        self._open: list[Items | Fields] = []
        self._keys: list[Scalar | None] = []  # of each open value: the key that waits for its value
        self._anchors: dict[str, Node] = {}

    def take(self, event: Any) -> None:
        line = event.start_mark.line + 1
        match type(event).__name__:
            case "DocumentStartEvent":
                self._documents += 1
                if self._documents > 1:
                    raise InvalidInput("The file has more than one YAML document.", advice="Split it.")
            case "ScalarEvent":
                self._add(Scalar(line, event.value, event.style in ("'", '"', "|", ">")), event.anchor)
            case "SequenceStartEvent":
                self._begin(Items(line), event.anchor)
            case "MappingStartEvent":
                self._begin(Fields(line), event.anchor)
            case "SequenceEndEvent" | "MappingEndEvent":
                self._open.pop()
                self._keys.pop()
            case "AliasEvent":
                found = self._anchors.get(event.anchor)
                if found is None or any(found is one for one in self._open):
                    raise wrong(line, f"no complete value has the anchor {event.anchor}")
                self._add(found, None, line)

    def _begin(self, made: Items | Fields, anchor: str | None) -> None:
        self._add(made, anchor)
        self._open.append(made)
        self._keys.append(None)
        if len(self._open) > DEEPEST:
            raise InvalidInput("The file is nested deeper than {count} levels.", arguments={"count": DEEPEST})

    def _add(self, node: Node, anchor: str | None, line: int = 0) -> None:
        line = line or node.line
        self._count += 1
        if self._count > MOST_VALUES:
            raise InvalidInput("The file has more than {count} values.", arguments={"count": MOST_VALUES})
        if anchor:
            self._anchors[anchor] = node
        if not self._open:
            self.root = node
            return
        above = self._open[-1]
        if isinstance(above, Items):
            above.items.append(node)
            return
        key = self._keys[-1]
        if key is None:
            if not isinstance(node, Scalar):
                raise wrong(line, "a key must be a text")
            self._keys[-1] = Scalar(line, node.value, node.quoted)
            return
        self._keys[-1] = None
        if key.value == _MERGE and not key.quoted:
            parts = node.items if isinstance(node, Items) else [node]
            if not all(isinstance(part, Fields) for part in parts):
                raise wrong(line, "<< needs a mapping")
            above.merged += [part for part in parts if isinstance(part, Fields)]
        elif key.value in above.own:
            raise InvalidInput(
                "Line {line} repeats the key {key}.", arguments={"line": key.line, "key": key.value}
            )
        else:
            above.own[key.value] = (key.line, node)
