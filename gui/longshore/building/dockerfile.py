"""Dockerfiles: their instructions, stages, arguments, and the images that they name.

Sources: Dockerfile reference ("Parser directives", "FROM", "Understand how ARG and FROM interact", "Here-documents");
BuildKit, frontend/dockerfile/parser/parser.go (lines, comments, here-documents) and instructions/parse.go.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from longshore.errors import InvalidInput
from longshore.text import plain
from longshore.variables import Expanded, expand

_DIRECTIVE = re.compile(r"#[ \t]*([A-Za-z][A-Za-z0-9]*)[ \t]*=[ \t]*(\S[^\r\n]*)?")
#: BuildKit, parser.go: reHeredoc.
_HEREDOC = re.compile(r"\d*<<(-?)([^<]*)")
_WITH_HEREDOCS = ("ADD", "COPY", "RUN")
_SCRATCH = "scratch"
#: Most arguments before the first FROM.
_MOST_ARGUMENTS = 1_000
#: Arguments that the builder sets by itself, "Automatic platform ARGs in the global scope".
_PLATFORM = re.compile(r"(?:TARGET|BUILD)(?:PLATFORM|OS|ARCH|VARIANT)")


class Instruction(NamedTuple):
    """An instruction as one line. *places*: for each piece of it, where it begins in the line and in the file.

    *heredoc*: whether here-documents follow it.
    """

    line: str
    places: list[tuple[int, int]]
    heredoc: bool = False

    def offset(self, at: int) -> int:
        """Where character *at* of the line is in the file."""
        index = bisect_right(self.places, at, key=lambda place: place[0]) - 1
        begins, offset = self.places[index]
        return offset + at - begins


class Word(NamedTuple):
    """A word of an instruction, quotes included."""

    text: str
    start: int


@dataclass(frozen=True, slots=True)
class Named:
    """An image that a Dockerfile names, from character *start* to *end* of the file.

    *where*: who names it (``stage 0``). *value*: the name with its variables replaced, None if it is not known, and
    then *problem* says why. *tail*: what follows the last variable, None if there are none.
    """

    start: int
    end: int
    where: str
    value: str | None
    tail: str | None = None
    problem: InvalidInput | None = None


@dataclass(frozen=True, slots=True)
class Argument:
    """A build argument that a Dockerfile declares. *default*: as it is written, None if it has none."""

    name: str
    default: str | None


@dataclass(frozen=True, slots=True)
class Outline:
    """What a Dockerfile says about its build. *stages*: the names of the stages that have one.

    *heredoc_line*: the line of the first instruction with a here-document, 0 if there is none. *syntax*: the frontend
    that the file asks for, "" for none.
    """

    stages: tuple[str, ...]
    arguments: tuple[Argument, ...]
    images: tuple[Named, ...]
    heredoc_line: int = 0
    syntax: str = ""


def outline(text: str, arguments: Mapping[str, str]) -> Outline:
    """Read a Dockerfile. *arguments*: build arguments, which replace the defaults of ``ARG``.

    Raises InvalidInput for a here-document without an end, and for too many arguments.
    """
    escape = escape_of(text)
    stages = Stages(text, arguments, escape)
    declared: dict[str, Argument] = {}
    line = 0
    for instruction in instructions(text, escape):
        stages.take(instruction)
        if instruction.heredoc and not line:
            line = line_of(text, instruction.offset(0))
        words = words_of(instruction.line, escape)
        if words and words[0].text.upper() == "ARG" and len(declared) < _MOST_ARGUMENTS:
            for word in words[1:]:
                name, equals, value = word.text.partition("=")
                if name and (name not in declared or (equals and declared[name].default is None)):
                    declared[name] = Argument(name, unquoted(value) if equals else None)
    return Outline(
        tuple(stages.names),
        tuple(declared.values()),
        tuple(stages.named),
        line,
        directives(text).get("syntax", ""),
    )


def declared_arguments(text: str) -> set[str]:
    """The names in all ``ARG`` instructions of a Dockerfile, also within stages. Raises InvalidInput."""
    escape = escape_of(text)
    found: set[str] = set()
    for instruction in instructions(text, escape):
        words = words_of(instruction.line, escape)
        if words and words[0].text.upper() == "ARG":
            found |= {word.text.partition("=")[0] for word in words[1:]}
    return found


def directives(text: str) -> dict[str, str]:
    """The parser directives at the top of a Dockerfile, by their names in lower case."""
    found: dict[str, str] = {}
    for line in text.removeprefix("\ufeff").splitlines():
        directive = _DIRECTIVE.fullmatch(line.strip())
        if directive is None:
            break
        found.setdefault(directive[1].lower(), (directive[2] or "").strip())
    return found


def escape_of(text: str) -> str:
    """The escape character: a directive at the top may change it to a backtick."""
    return "`" if directives(text).get("escape") == "`" else "\\"


def line_of(text: str, offset: int) -> int:
    """The line of character *offset*, counted from 1."""
    return text.count("\n", 0, offset) + 1


def instructions(source: str, escape: str) -> Iterator[Instruction]:
    """The instructions, with continued lines joined and without comments and here-documents.

    Raises InvalidInput for a here-document without an end.
    """
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
            instruction = Instruction("".join(pieces), places)
            after = _after_heredocs(source, instruction, escape, at)
            yield instruction._replace(heredoc=after != at)
            at = after
            pieces, places, size = [], [], 0
    if pieces:
        yield Instruction("".join(pieces), places)


def _after_heredocs(source: str, instruction: Instruction, escape: str, at: int) -> int:
    """Where the file continues after the here-documents of *instruction*."""
    if "<<" not in instruction.line:
        return at
    words = words_of(instruction.line, escape)
    names = [word.text.upper() for word in words[:2]]
    if not names or (names[0] if names[0] != "ONBUILD" else names[-1]) not in _WITH_HEREDOCS:
        return at
    for word in words[1:]:
        found = _HEREDOC.fullmatch(word.text)
        name = "" if found is None else unquoted(found[2])
        if found is None or not name:
            continue
        while True:
            if at >= len(source):
                raise InvalidInput(
                    "The here-document {name} that begins at line {line} has no end.",
                    arguments={"name": name, "line": line_of(source, instruction.offset(0))},
                )
            end = source.find("\n", at)
            end = len(source) if end < 0 else end
            line = source[at:end].rstrip("\r")
            at = end + 1
            if (line.lstrip("\t") if found[1] else line) == name:
                break
    return at


def words_of(line: str, escape: str) -> list[Word]:
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
        found.append(Word(line[start:at], start))
    return found


def unquoted(text: str) -> str:
    """*text* without the quotes around it."""
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


class Stages:
    """Takes the instructions in turn: arguments before the first FROM, then stages."""

    def __init__(self, text: str, arguments: Mapping[str, str], escape: str) -> None:
        self._text = text
        self._escape = escape
        self._given = arguments
        self._arguments = 0
        self._values: dict[str, str | InvalidInput] = {}
        self.count = 0
        self.names: list[str] = []
        self.named: list[Named] = []
        self._known: set[str] = set()  # names of stages, in lower case

    def take(self, instruction: Instruction) -> None:
        """Read one instruction. Raises InvalidInput for too many arguments."""
        words = words_of(instruction.line, self._escape)
        match words[0].text.upper() if words else "":
            case "ARG" if not self.count:
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
                            part = Word(word.text if end < 0 else word.text[:end], word.start)
                            self._source(instruction, part, found.end(), "RUN --mount")
            case _:
                pass

    def _argument(self, word: Word) -> None:
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
                self._values[name] = self._expand(unquoted(value)).text
            except InvalidInput as error:
                self._values[name] = error

    def _lookup(self, name: str) -> str | None:
        found = self._values.get(name)
        if isinstance(found, InvalidInput):
            raise found
        return found

    def _expand(self, text: str) -> Expanded:
        return expand(text, self._lookup, escape=self._escape, missing=_missing)

    def _from(self, instruction: Instruction, words: list[Word]) -> None:
        while words and words[0].text.startswith("--"):
            words = words[1:]
        if not words:
            return
        image = words[0]
        named = len(words) > 2 and words[1].text.upper() == "AS"
        where = f"stage {plain(words[2].text, 100)}" if named else f"stage {self.count}"
        self._image(instruction, image, where)
        self.count += 1
        if named:
            self._known.add(words[2].text.lower())
            self.names.append(words[2].text)

    def _image(self, instruction: Instruction, word: Word, where: str) -> None:
        inner = unquoted(word.text)
        shift = 1 if inner != word.text else 0
        start = instruction.offset(word.start + shift)
        end = instruction.offset(word.start + shift + len(inner) - 1) + 1 if inner else start
        try:
            value, tail = self._expand(inner)
        except InvalidInput as error:
            self.named.append(Named(start, end, where, None, problem=error))
            return
        if value.lower() in self._known or value == _SCRATCH:
            return
        if tail is not None and not self._text[start:end].endswith(tail):
            tail = ""
        self.named.append(Named(start, end, where, value, tail))

    def _source(self, instruction: Instruction, word: Word, prefix: int, where: str) -> None:
        """An option that names a stage, its number, or an image."""
        text = word.text[prefix:]
        if text and not text.isdecimal() and unquoted(text).lower() not in self._known:
            self._image(instruction, Word(text, word.start + prefix), where)
