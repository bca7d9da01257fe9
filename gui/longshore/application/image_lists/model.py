"""The images that a file names: each reference with its exact place, or the reason why it is not known."""

from __future__ import annotations

import enum
from bisect import bisect_right
from dataclasses import dataclass

from longshore.errors import InvalidInput, InvalidReference
from longshore.oci.reference import Reference
from longshore.text import plain

#: Most images that a file may name.
MOST_ENTRIES = 10_000


class Kind(enum.Enum):
    """The kinds of files that are read; the values are what ``--kind`` takes."""

    COMPOSE = "compose"
    KUBERNETES = "kubernetes"
    DOCKERFILE = "dockerfile"
    PLAIN = "list"


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the file's text: characters *start* to *end* (exclusive); *line* and *column* count from 1."""

    start: int
    end: int
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One image that a file names. Immutable; any thread.

    *raw*: the file's text at *span*. *where*: who uses it (``service web``). *reference*: the image, without a default
    tag; None if it is not known, and then *problem* says why. *tail*: the end of *raw* without variables;
    all of it if *raw* is the reference itself. *built*: the image is built from this file's service, so that its name
    is not one to pin; such a service need not name one.
    """

    raw: str
    span: Span
    where: str
    reference: Reference | None
    problem: InvalidInput | None = None
    tail: str = ""
    built: bool = False

    @property
    def written(self) -> str:
        """The file's text, for people and safe to show; not if it may contain a password."""
        if "://" in self.raw or (self.reference is None and "/" in self.raw.partition("@")[2]):
            return "…"
        return plain(self.raw)

    @property
    def shown(self) -> str:
        """The image for people: its reference, or else the file's text."""
        return self.written if self.reference is None else self.reference.familiar

    @property
    def unresolved(self) -> bool:
        """Whether an image is needed here and it is not known which."""
        return self.reference is None and not self.built


@dataclass(frozen=True, slots=True)
class ImageList:
    """A file's images in the order of the file. *name*: the file, for people. *text*: all of the file."""

    name: str
    kind: Kind
    text: str
    entries: tuple[Entry, ...]

    def references(self) -> list[Reference]:
        """The references, each once, with the tag ``latest`` where neither tag nor digest is named."""
        found = (one.reference for one in self.entries if one.reference is not None)
        return list(dict.fromkeys(one.with_default_tag() for one in found))


class Text:
    """The text of a file that is being read: makes spans and entries of offsets. One thread.

    :meth:`entry` and :meth:`unresolved` raise InvalidInput if the file names too many images.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._entries = 0
        self._starts = [0]
        at = text.find("\n")
        while at >= 0:
            self._starts.append(at + 1)
            at = text.find("\n", at + 1)

    def line(self, offset: int) -> int:
        """The line of *offset*, counted from 1."""
        return bisect_right(self._starts, offset)

    def span(self, start: int, end: int) -> Span:
        """The span from *start* to *end*."""
        line = self.line(start)
        return Span(start, end, line, start - self._starts[line - 1] + 1)

    def entry(
        self, start: int, end: int, where: str, value: str, *, tail: str | None = None, built: bool = False
    ) -> Entry:
        """The entry whose text means *value*. *tail*: see Entry; None if there are no variables."""
        self._count()
        raw = self.text[start:end]
        try:
            reference, problem = Reference.parse(value), None
        except InvalidReference as error:
            reference, problem = None, error
        # A text that continues on the next line or is quoted in parts cannot be extended at its end.
        literal = value if raw == value else ""
        return Entry(
            raw,
            self.span(start, end),
            where,
            reference,
            problem,
            tail=literal if tail is None else tail,
            built=built,
        )

    def unresolved(self, start: int, end: int, where: str, problem: InvalidInput) -> Entry:
        """The entry of an image that is not known because of *problem*."""
        self._count()
        return Entry(self.text[start:end], self.span(start, end), where, None, problem)

    def _count(self) -> None:
        self._entries += 1
        if self._entries > MOST_ENTRIES:
            raise InvalidInput(
                "The file names more than {count} images.",
                advice="Split the file.",
                arguments={"count": MOST_ENTRIES},
            )
