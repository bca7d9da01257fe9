"""Dockerfiles: the images of ``FROM``, ``COPY --from`` and ``RUN --mount=from``.

Sources: Dockerfile reference ("Parser directives", "FROM", "Understand how ARG and FROM interact", "Here-documents");
BuildKit, frontend/dockerfile/parser/parser.go (lines, comments, here-documents) and instructions/parse.go.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from longshore.application.image_lists.model import Entry, Text
from longshore.application.image_lists.variables import Expanded, expand
from longshore.errors import InvalidInput
from longshore.text import plain

_DIRECTIVE = re.compile(r"#[ \t]*([A-Za-z][A-Za-z0-9]*)[ \t]*=[ \t]*(\S[^\r\n]*)?")
#: BuildKit, parser.go: reHeredoc.
_HEREDOC = re.compile(r"\d*<<(-?)([^<]*)")
_WITH_HEREDOCS = ("ADD", "COPY", "RUN")
_SCRATCH = "scratch"
#: Most arguments before the first FROM.
_MOST_ARGUMENTS = 1_000
#: Arguments that the builder sets by itself, "Automatic platform ARGs in the global scope".
_PLATFORM = re.compile(r"(?:TARGET|BUILD)(?:PLATFORM|OS|ARCH|VARIANT)")


class _Instruction(NamedTuple):
    """An instruction as one line. *places*: for each piece of it, where it begins in the line and in the file."""

    line: str
    places: list[tuple[int, int]]

    def offset(self, at: int) -> int:
        """Where character *at* of the line is in the file."""
        index = bisect_right(self.places, at, key=lambda place: place[0]) - 1
        begins, offset = self.places[index]
        return offset + at - begins


class _Word(NamedTuple):
    """A word of an instruction, quotes included."""

    text: str
    start: int


def dockerfile_entries(text: Text, arguments: Mapping[str, str]) -> list[Entry]:
    """The images of a Dockerfile. *arguments*: build arguments, which replace the defaults of ``ARG``.

    Stages and ``scratch`` are no images. Raises InvalidInput for a here-document without an end, and for a file
    without ``FROM``.
    """
    escape = _escape(text.text)
    reader = _Stages(text, arguments, escape)
    for instruction in _instructions(text, escape):
        reader.take(instruction)
    if not reader.stages:
        raise InvalidInput("This is not a Dockerfile: it has no FROM.")
    return reader.entries


def declared_arguments(content: str) -> set[str]:
    """The names in all ``ARG`` instructions of a Dockerfile, also within stages. Raises InvalidInput."""
    text = Text(content)
    escape = _escape(content)
    found: set[str] = set()
    for instruction in _instructions(text, escape):
        words = _words(instruction.line, escape)
        if words and words[0].text.upper() == "ARG":
            found |= {word.text.partition("=")[0] for word in words[1:]}
    return found


def _escape(text: str) -> str:
    """The escape character: a directive at the top may change it to a backtick."""
    for line in text.removeprefix("\ufeff").splitlines():
        found = _DIRECTIVE.fullmatch(line.strip())
        if found is None:
            break
        if found[1].lower() == "escape" and (found[2] or "").strip() == "`":
            return "`"
    return "\\"


def _instructions(text: Text, escape: str) -> Iterator[_Instruction]:
    """The instructions, with continued lines joined and without comments and here-documents."""
    source = text.text
    continued = re.compile(rf"(?<!{re.escape(escape)}){re.escape(escape)}[ \t]*$")
    at = 1 if source.startswith("\ufeff") else 0
    pieces: list[str] = []
    places: list[tuple[int, int]] = []
    size = 0
    while at < len(source):
        end = source.find("\n", at)
        end = len(source) if end < 0 else end
        line = source[at:end].rstrip("\r")
        begins, at = at, end + 1
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue  # also between continued lines
        more = continued.search(line) if line.rstrip().endswith(escape) else None
        piece = line if more is None else line[: more.start()]
        places.append((size, begins))
        pieces.append(piece)
        size += len(piece)
        if more is None:
            instruction = _Instruction("".join(pieces), places)
            yield instruction
            at = _after_heredocs(text, instruction, escape, at)
            pieces, places, size = [], [], 0
    if pieces:
        yield _Instruction("".join(pieces), places)


def _after_heredocs(text: Text, instruction: _Instruction, escape: str, at: int) -> int:
    """Where the file continues after the here-documents of *instruction*."""
    if "<<" not in instruction.line:
        return at
    words = _words(instruction.line, escape)
    names = [word.text.upper() for word in words[:2]]
    if not names or (names[0] if names[0] != "ONBUILD" else names[-1]) not in _WITH_HEREDOCS:
        return at
    for word in words[1:]:
        found = _HEREDOC.fullmatch(word.text)
        name = "" if found is None else _unquoted(found[2])
        if found is None or not name:
            continue
        while True:
            if at >= len(text.text):
                raise InvalidInput(
                    "The here-document {name} that begins at line {line} has no end.",
                    arguments={"name": name, "line": text.line(instruction.offset(0))},
                )
            end = text.text.find("\n", at)
            end = len(text.text) if end < 0 else end
            line = text.text[at:end].rstrip("\r")
            at = end + 1
            if (line.lstrip("\t") if found[1] else line) == name:
                break
    return at


def _words(line: str, escape: str) -> list[_Word]:
    """The words of *line*: blanks in quotes and after the escape character do not separate."""
    found = []
    at = 0
    while at < len(line):
        if line[at] in " \t":
            at += 1
            continue
        start, quote = at, ""
        while at < len(line) and (quote or line[at] not in " \t"):
            if line[at] == escape and quote != "'":
                at += 1
            elif quote:
                quote = "" if line[at] == quote else quote
            elif line[at] in "\"'":
                quote = line[at]
            at += 1
        found.append(_Word(line[start:at], start))
    return found


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _missing(name: str) -> InvalidInput:
    if _PLATFORM.fullmatch(name):
        return InvalidInput(
            "The variable {name} is set by the builder, for each platform.", arguments={"name": name}
        )
    return InvalidInput(
        "The build argument {name} has no default.",
        advice="Give it with --build-arg {name}=VALUE.",
        arguments={"name": name},
    )


class _Stages:
    """Takes the instructions in turn: arguments before the first FROM, then stages."""

    def __init__(self, text: Text, arguments: Mapping[str, str], escape: str) -> None:
        self._text = text
        self._escape = escape
        self._given = arguments
        self._arguments = 0
        self._values: dict[str, str | InvalidInput] = {}
        self.entries: list[Entry] = []
        self.stages = 0
        self._names: set[str] = set()  # of stages, in lower case

    def take(self, instruction: _Instruction) -> None:
        """Read one instruction."""
        words = _words(instruction.line, self._escape)
        match words[0].text.upper() if words else "":
            case "ARG" if not self.stages:
                for word in words[1:]:
                    self._argument(word)
            case "FROM":
                self._from(instruction, words[1:])
            case "COPY" | "ADD":
                for word in words[1:]:
                    if not word.text.startswith("--"):
                        break
                    if word.text.startswith("--from="):
                        self._source(instruction, word, len("--from="), "COPY --from")
            case "RUN":
                for word in words[1:]:
                    if not word.text.startswith("--"):
                        break
                    if word.text.startswith("--mount="):
                        found = re.search(r"(?<=[=,])from=", word.text)
                        if found is not None:
                            end = word.text.find(",", found.end())
                            part = _Word(word.text if end < 0 else word.text[:end], word.start)
                            self._source(instruction, part, found.end(), "RUN --mount")
            case _:
                pass

    def _argument(self, word: _Word) -> None:
        name, equals, value = word.text.partition("=")
        self._arguments += 1
        if self._arguments > _MOST_ARGUMENTS:
            raise InvalidInput(
                "The Dockerfile has more than {count} build arguments.",
                arguments={"count": _MOST_ARGUMENTS},
            )
        if name in self._given:
            self._values[name] = self._given[name]
        elif equals:
            try:
                self._values[name] = self._expand(_unquoted(value)).text
            except InvalidInput as error:
                self._values[name] = error

    def _lookup(self, name: str) -> str | None:
        found = self._values.get(name)
        if isinstance(found, InvalidInput):
            raise found
        return found

    def _expand(self, text: str) -> Expanded:
        return expand(text, self._lookup, escape=self._escape, missing=_missing)

    def _from(self, instruction: _Instruction, words: list[_Word]) -> None:
        while words and words[0].text.startswith("--"):
            words = words[1:]
        if not words:
            return
        image = words[0]
        named = len(words) > 2 and words[1].text.upper() == "AS"
        where = f"stage {plain(words[2].text, 100)}" if named else f"stage {self.stages}"
        self._image(instruction, image, where)
        self.stages += 1
        if named:
            self._names.add(words[2].text.lower())

    def _image(self, instruction: _Instruction, word: _Word, where: str) -> None:
        inner = _unquoted(word.text)
        shift = 1 if inner != word.text else 0
        start = instruction.offset(word.start + shift)
        end = instruction.offset(word.start + shift + len(inner) - 1) + 1 if inner else start
        try:
            value, tail = self._expand(inner)
        except InvalidInput as error:
            self.entries.append(self._text.unresolved(start, end, where, error))
            return
        if value.lower() in self._names or value == _SCRATCH:
            return
        if tail is not None and not self._text.text[start:end].endswith(tail):
            tail = ""
        self.entries.append(self._text.entry(start, end, where, value, tail=tail))

    def _source(self, instruction: _Instruction, word: _Word, prefix: int, where: str) -> None:
        """An option that names a stage, its number, or an image."""
        text = word.text[prefix:]
        if text and not text.isdecimal() and _unquoted(text).lower() not in self._names:
            self._image(instruction, _Word(text, word.start + prefix), where)
