"""YAML as a tree of nodes that know where they are in the text. JSON is YAML too.

ruamel.yaml's parser makes the events; the tree is built here, so that nothing of a hostile file is expanded, recursive
or unlimited: an alias is the node it names, and a text with a million aliases has as many nodes as its text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from longshore.errors import InvalidInput

if TYPE_CHECKING:
    from longshore.application.image_lists.model import Text

#: Limits of one file, far beyond what people write by hand or programs write for one cluster.
MOST_NODES = 100_000
MOST_DOCUMENTS = 2_000
DEEPEST = 100

_MERGE = "<<"
#: Plain scalars that are no text: YAML 1.2.2, 10.3.2 (core schema), and the booleans of YAML 1.1, with which Kubernetes
#: reads its files.
_NO_TEXT = re.compile(
    r"null|~|true|false|yes|no|on|off|0x[0-9a-f]+|0o[0-7]+"
    r"|[-+]?(?:\.inf|\.nan|(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:e[-+]?[0-9]+)?)",
    re.IGNORECASE,
)
_TAGS = "tag:yaml.org,2002:"
_NO_TEXT_TAGS = tuple(_TAGS + name for name in ("null", "bool", "int", "float", "timestamp"))
#: Characters between two braces of a template.
_LONGEST_ACTION = 4_000
_INSIDE = re.compile(r"[^\r\n]")
#: Stands for a character of an action; files that contain it are not text and were refused.
_MARK = "\0"


class Scalar:
    """A scalar: its value, and where its text is, without quotes, anchor and tag. *text*: its type is text, and not a
    number, a boolean or null."""

    __slots__ = ("end", "start", "text", "value")

    def __init__(self, value: str, start: int, end: int, *, text: bool = True) -> None:
        self.value = value
        self.start = start
        self.end = end
        self.text = text


class Mapping:
    """A mapping, with its pairs in the order of the file. Keys may be any node."""

    __slots__ = ("pairs",)

    def __init__(self) -> None:
        self.pairs: list[tuple[Node, Node]] = []

    def get(self, name: str) -> Node | None:
        """The value of the key *name*: its own, or that of a mapping merged by ``<<``. The last of equal keys wins."""
        seen: set[int] = set()
        waiting = [self]
        while waiting:
            one = waiting.pop(0)
            if id(one) in seen:
                continue
            seen.add(id(one))
            merged: list[Mapping] = []
            found: Node | None = None
            for key, value in one.pairs:
                if isinstance(key, Scalar):
                    if key.value == name:
                        found = value
                    elif key.value == _MERGE:
                        merged += _mappings(value)
            if found is not None:
                return found
            waiting = merged + waiting
        return None

    def text(self, name: str) -> str:
        """The value of the key *name* if it is a scalar, else ""."""
        value = self.get(name)
        return value.value if isinstance(value, Scalar) else ""


class Sequence:
    """A sequence."""

    __slots__ = ("items",)

    def __init__(self) -> None:
        self.items: list[Node] = []


Node = Scalar | Mapping | Sequence


def _mappings(node: Node) -> list[Mapping]:
    if isinstance(node, Sequence):
        return [one for one in node.items if isinstance(one, Mapping)]
    return [node] if isinstance(node, Mapping) else []


def documents(text: Text, *, needed: str = "") -> Iterator[Node]:
    """The documents of *text*, without empty ones. *needed*: skip documents that do not contain this text.

    Template actions ``{{ … }}`` are read as text. Raises InvalidInput for what is not YAML, or exceeds the limits.
    """
    budget = MOST_NODES
    for count, (start, end) in enumerate(_chunks(text.text)):
        if count >= MOST_DOCUMENTS:
            raise InvalidInput(
                "The file has more than {count} YAML documents.", arguments={"count": MOST_DOCUMENTS}
            )
        piece = text.text[start:end]
        if needed not in piece:
            continue
        builder = _Builder(text, piece, start, budget)
        yield from builder.build()
        budget -= builder.count


def _chunks(text: str) -> Iterator[tuple[int, int]]:
    """The documents as ranges of *text*, cut at ``---`` and ``...`` where a line begins with them.

    YAML 1.2.2, 9.1.4: no scalar can contain such a line, quoted or not. So each document is parsed by itself, and one
    that contains no image not at all.
    """
    start = 1 if text.startswith("\ufeff") else 0
    content = False  # something but comments and directives
    for found in re.compile(r"^(?:(?P<cut>---)(?=\s|$)|\.\.\.(?=\s|$)|(?![%#\s]))", re.MULTILINE).finditer(
        text, start
    ):
        if found["cut"] is not None:
            if content:
                yield start, found.start()
                start = found.start()
            content = True
        elif found[0]:
            yield start, found.end()
            start, content = found.end(), False
        else:
            content = True
    yield start, len(text)


def without_templates(piece: str) -> str:
    """*piece* with each template action replaced by as many characters: blanks where lines have nothing else."""
    if "{{" not in piece:
        return piece
    parts: list[str] = []
    at = 0
    while (start := piece.find("{{", at)) >= 0 and (end := piece.find("}}", start + 2)) >= 0:
        # The nearest opening braces count: those before it belong to something else.
        start = max(start, piece.rfind("{{", end - _LONGEST_ACTION, end))
        parts += [piece[at:start], _INSIDE.sub(_MARK, piece[start : end + 2])]
        at = end + 2
    lines = "".join([*parts, piece[at:]]).split("\n")
    return "\n".join(
        line.replace(_MARK, "x" if line.strip(_MARK + " \t\r") else " ") if _MARK in line else line
        for line in lines
    )


def template_problem() -> InvalidInput:
    """The problem of an image that a template fills in."""
    return InvalidInput(
        "A template sets this image.",
        advice="Render it first, for example with helm template.",
    )


def no_text_problem() -> InvalidInput:
    """The problem of an image that is a number, a boolean or a date."""
    return InvalidInput(
        "This is a number or a boolean in YAML, not an image.",
        advice="If an image has this name, put it in quotes.",
    )


def _is_text(event: Any) -> bool:
    plain_scalar = bool(event.implicit[0])  # neither quoted nor tagged
    return not (event.tag in _NO_TEXT_TAGS or (plain_scalar and _NO_TEXT.fullmatch(event.value)))


class _Builder:
    """Builds the trees of a piece of the file. Sizes and depth are limited while it is parsed.

    A piece is one document, or several in a file whose lines end in an unusual way.
    """

    def __init__(self, text: Text, piece: str, start: int, budget: int) -> None:
        self._text = text
        self._piece = piece
        self._start = start
        self._budget = budget
        self.count = 0
        self._roots: list[Node] = []
        self._open: list[Mapping | Sequence] = []
        self._keys: list[Node | None] = []  # of each open mapping: the key that waits for its value
        self._anchors: dict[str, Node] = {}

    def build(self) -> list[Node]:
        from ruamel.yaml.error import MarkedYAMLError, YAMLError

        from longshore.application.image_lists.yaml_events import events

        try:
            for event in events(without_templates(self._piece)):
                self._take(event)
        except MarkedYAMLError as error:
            at = self._start + (error.problem_mark.index if error.problem_mark is not None else 0)
            raise self._wrong(self._text.line(at), str(error.problem or "")) from None
        except (YAMLError, ValueError, OverflowError, IndexError, AttributeError, RecursionError) as error:
            # A character that YAML does not allow, or an escape of none: the parser gives no place.
            raise self._wrong(self._text.line(self._start), str(error)) from None
        return self._roots

    def _wrong(self, line: int, detail: str) -> InvalidInput:
        template = "Render the template first, for example with helm template."
        return InvalidInput(
            "The YAML document at line {line} can't be read.",
            advice=template if "{{" in self._piece else "Correct it, or name the kind of file with --kind.",
            detail=detail,
            arguments={"line": line},
        )

    def _take(self, event: Any) -> None:
        kind = type(event).__name__
        match kind:
            case "ScalarEvent":
                start = self._start + event.start_mark.index
                end = self._start + event.end_mark.index
                block = event.style in ("|", ">")
                places = self._inner(event.value, start, end, block=block)
                self._add(Scalar(event.value, *places, text=_is_text(event)), event.anchor)
            case "MappingStartEvent" | "SequenceStartEvent":
                made = Mapping() if kind == "MappingStartEvent" else Sequence()
                self._add(made, event.anchor)
                self._open.append(made)
                self._keys.append(None)
                if len(self._open) > DEEPEST:
                    raise InvalidInput(
                        "The file is nested deeper than {count} levels.", arguments={"count": DEEPEST}
                    )
            case "MappingEndEvent" | "SequenceEndEvent":
                self._open.pop()
                self._keys.pop()
            case "AliasEvent":
                node = self._anchors.get(event.anchor)
                if node is None:
                    line = self._text.line(self._start + event.start_mark.index)
                    raise self._wrong(line, f"no anchor {event.anchor}")
                self._add(node, None)

    def _inner(self, value: str, start: int, end: int, *, block: bool) -> tuple[int, int]:
        """Where exactly the value is in the text of its scalar, which may begin with an anchor and end with quotes."""
        raw = self._text.text[start:end]
        stripped = value.strip()
        if block and stripped and raw.count(stripped) == 1:
            at = start + raw.index(stripped)
            return at, at + len(stripped)
        for close in () if block or not value else ("", '"', "'"):
            if raw.endswith(value + close):
                return end - len(close) - len(value), end - len(close)
        # Written with escapes, over several lines, or with a template: all of it is the place.
        shorter = raw.rstrip()
        if len(shorter) > 1 and shorter[-1] in "\"'" and shorter[0] == shorter[-1]:
            return start + 1, start + len(shorter) - 1
        return start, start + len(shorter)

    def _add(self, node: Node, anchor: str | None) -> None:
        self.count += 1
        if self.count > self._budget:
            raise InvalidInput(
                "The file has more than {count} values.",
                advice="Split the file.",
                arguments={"count": MOST_NODES},
            )
        if anchor:
            self._anchors[anchor] = node
        if not self._open:
            self._roots.append(node)
            return
        above = self._open[-1]
        if isinstance(above, Sequence):
            above.items.append(node)
            return
        key = self._keys[-1]
        if key is None:
            self._keys[-1] = node
        else:
            above.pairs.append((key, node))
            self._keys[-1] = None
