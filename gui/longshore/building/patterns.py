"""Patterns of ``.dockerignore`` files, as Docker reads them.

Source: github.com/moby/patternmatcher (patternmatcher.go: New, compile, MatchesUsingParentResults), which turns a
pattern into a regular expression of Go. The same expression is made here and run as a set of states, so that the time
grows with the length of pattern and path and with nothing else.
"""

from __future__ import annotations

import functools
import posixpath
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from longshore.errors import InvalidInput

#: Characters of a pattern; no path that a system opens at once is longer.
LONGEST = 4096
_ESCAPED = frozenset(".+()|{}$")
_GROUP = "(.*/)?"
#: Masks that a pattern remembers, one per different character of the paths.
_REMEMBERED = 2000


class BadPatternError(ValueError):
    """The pattern is not valid."""


def clean(path: str) -> str:
    """The shortest form of a path, as Go's ``filepath.Clean``."""
    found = posixpath.normpath(path) if path else "."
    return found[1:] if found.startswith("//") else found


class Matcher:
    """Patterns in their order: later ones decide, and those after ``!`` are exceptions. One thread.

    Raises BadPatternError.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self.patterns = [Pattern.of(one) for one in map(str.strip, patterns) if one]
        self._exceptions = [one.text + "/" for one in self.patterns if one.exception]

    def matches(self, path: str, above: Sequence[bool] | None) -> tuple[bool, list[bool]]:
        """Whether *path* is excluded, and what each pattern said about it, which is *above* for what is in it.

        *above* None: *path* is in no folder.
        """
        excluded = False
        own = [False] * len(self.patterns)
        for number, pattern in enumerate(self.patterns):
            matched = above is not None and above[number]
            if not matched:
                if pattern.exception != excluded:
                    continue
                matched = pattern.matches(path)
            own[number] = matched
            if matched:
                excluded = not pattern.exception
        return excluded, own

    def excludes(self, path: str) -> bool:
        """Whether *path* or a folder above it is excluded, and no exception brings *path* back."""
        above: list[bool] | None = None
        excluded = False
        parts = path.split("/")
        for end in range(1, len(parts) + 1):
            excluded, above = self.matches("/".join(parts[:end]), above)
        return excluded

    def enters(self, folder: str) -> bool:
        """Whether an excluded folder is searched all the same: an exception begins with its path."""
        return any(one.startswith(folder + "/") for one in self._exceptions)


@dataclass(slots=True)
class Pattern:
    """One pattern without its ``!``. *exception*: whether it had one."""

    text: str
    exception: bool
    matches: Callable[[str], bool] = field(repr=False)

    @classmethod
    def of(cls, written: str) -> Pattern:
        """Read a pattern. Raises BadPatternError."""
        if len(written) > LONGEST:
            raise BadPatternError("too long")
        text = clean(written)
        exception = text.startswith("!")
        if exception:
            text = text[1:]
            if not text:
                raise BadPatternError("an exception without a pattern")
        _check(text)
        return cls(text, exception, _compiled(text))


def _check(text: str) -> None:
    """Raise BadPatternError where Go's ``filepath.Match`` does."""
    at = 0
    while at < len(text):
        char = text[at]
        at += 1
        if char == "\\":
            if at == len(text):
                raise BadPatternError("a backslash at the end")
            at += 1
        elif char == "[":
            at = _after_class(text, at)


def _after_class(text: str, at: int) -> int:
    at += text.startswith("^", at)
    ranges = 0
    while not (ranges and text.startswith("]", at)):
        at = _after_char(text, at)
        if text.startswith("-", at):
            at = _after_char(text, at + 1)
        ranges += 1
    return at + 1


def _after_char(text: str, at: int) -> int:
    if at >= len(text) or text[at] in "-]":
        raise BadPatternError("a class of characters that is not valid")
    at += 2 if text[at] == "\\" else 1
    if at >= len(text):
        raise BadPatternError("a class of characters without an end")
    return at


def _compiled(text: str) -> Callable[[str], bool]:
    """The function that matches a whole path. Raises BadPatternError."""
    expression, kind = _expression(text)
    match kind:
        case "exact":
            return text.__eq__
        case "prefix":
            return functools.partial(_begins, text[:-2])
        case "suffix":
            return functools.partial(_ends, text[2:])
        case _:
            return _States(expression).matches


def _begins(prefix: str, path: str) -> bool:
    return path.startswith(prefix)


def _ends(suffix: str, path: str) -> bool:
    return path.endswith(suffix) or (suffix.startswith("/") and path == suffix[1:])


def _expression(text: str) -> tuple[str, str]:
    """The regular expression for *text*, and the kind of match; patternmatcher.go: compile."""
    parts: list[str] = []
    kind = "exact"
    at, steps = 0, 0
    while at < len(text):
        char = text[at]
        at += 1
        if char == "*" and text.startswith("*", at):
            at += 1
            at += text.startswith("/", at)
            if at == len(text):
                if kind == "exact":
                    kind = "prefix"
                else:
                    parts.append(".*")
                    kind = "expression"
            else:
                parts.append(_GROUP)
                kind = "expression"
            if not steps:
                kind = "suffix"
        elif char == "*":
            parts.append("[^/]*")
            kind = "expression"
        elif char == "?":
            parts.append("[^/]")
            kind = "expression"
        elif char in _ESCAPED:
            parts.append("\\" + char)
        elif char == "\\":
            parts.append("\\" + text[at : at + 1])
            at += 1
            kind = "expression"
        else:
            parts.append(char)
            if char in "[]":
                kind = "expression"
        steps += 1
    return "".join(parts), kind


_Test = Callable[[str], bool]


def _no_newline(char: str) -> bool:
    return char != "\n"


class _States:
    """A regular expression as a set of states, one bit each; the bit of a state says that it may come next."""

    def __init__(self, expression: str) -> None:
        #: The test of each state, None for a choice; and whether it may repeat.
        self._tests: list[_Test | None] = []
        self._loops = 0
        self._choices = 0
        self._never = False
        self._literals: list[str | None] = []
        self._read(expression)
        self._last = 1 << len(self._tests)
        self._masks: dict[str, tuple[int, int]] = {}
        self._start = self._spread(1)
        prefix = self._literal_run(self._literals)
        self._prefix = "".join(prefix)
        self._suffix = "".join(reversed(self._literal_run(self._literals[len(prefix) :][::-1])))

    @staticmethod
    def _literal_run(literals: Sequence[str | None]) -> list[str]:
        found: list[str] = []
        for one in literals:
            if one is None:
                break
            found.append(one)
        return found

    def matches(self, path: str) -> bool:
        """Whether the whole *path* matches."""
        if self._never or not path.startswith(self._prefix) or not path.endswith(self._suffix):
            return False
        states = self._start
        for char in path:
            masks = self._masks.get(char)
            if masks is None:
                masks = self._mask(char)
            states = self._spread(((states & masks[0]) << 1) | (states & masks[1]))
            if not states:
                return False
        return bool(states & self._last)

    def _spread(self, states: int) -> int:
        """*states* with those that follow without a character."""
        while True:
            more = states | ((states & (self._loops | self._choices)) << 1) | ((states & self._choices) << 3)
            if more == states:
                return states
            states = more

    def _mask(self, char: str) -> tuple[int, int]:
        forward = stay = 0
        for number, test in enumerate(self._tests):
            bit = 1 << number
            if test is not None and test(char):
                if self._loops & bit:
                    stay |= bit
                else:
                    forward |= bit
        if len(self._masks) >= _REMEMBERED:
            self._masks.clear()
        self._masks[char] = (forward, stay)
        return forward, stay

    def _add(self, test: _Test | None, literal: str | None = None) -> None:
        self._tests.append(test)
        self._literals.append(literal)

    def _loop(self, test: _Test) -> None:
        self._loops |= 1 << len(self._tests)
        self._add(test)

    def _read(self, expression: str) -> None:
        at = 0
        while at < len(expression):
            if expression.startswith(_GROUP, at):
                self._choices |= 1 << len(self._tests)
                self._add(None)
                self._loop(_no_newline)
                self._add("/".__eq__)
                at += len(_GROUP)
            elif expression.startswith(".*", at):
                self._loop(_no_newline)
                at += 2
            elif expression[at] == "[":
                test, at = _class(expression, at + 1)
                if expression.startswith("*", at):
                    self._loop(test)
                    at += 1
                else:
                    self._add(test)
            elif expression[at] == "\\":
                shorthand = _SHORTHANDS.get(expression[at + 1])
                if shorthand is not None:
                    self._add(shorthand)
                else:
                    char = _escaped(expression[at + 1])
                    self._add(char.__eq__, char)
                at += 2
            elif expression[at] == "^":
                # The beginning of the text, which is nowhere else.
                self._never = self._never or at > 0
                at += 1
            else:
                char = expression[at]
                self._add(char.__eq__, char)
                at += 1


def _is_word(char: str) -> bool:
    return char.isascii() and (char.isalnum() or char == "_")


def _is_digit(char: str) -> bool:
    return char.isascii() and char.isdigit()


def _is_space(char: str) -> bool:
    return char in "\t\n\f\r "


#: What a backslash and a letter mean in Go's regular expressions (regexp/syntax), which see them unchanged.
_SHORTHANDS: dict[str, _Test] = {
    "d": _is_digit,
    "D": lambda char: not _is_digit(char),
    "w": _is_word,
    "W": lambda char: not _is_word(char),
    "s": _is_space,
    "S": lambda char: not _is_space(char),
}
_CONTROLS = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def _escaped(char: str) -> str:
    if char in _CONTROLS:
        return _CONTROLS[char]
    if not char.isascii() or char.isalnum():
        raise BadPatternError(f"a backslash before {char!r}")
    return char


def _class(expression: str, at: int) -> tuple[_Test, int]:
    """The test of a class of characters that begins behind its bracket, and where it ends."""
    negated = expression.startswith("^", at)
    at += negated
    singles: set[str] = set()
    ranges: list[tuple[str, str]] = []
    tests: list[_Test] = []
    first = True
    while True:
        if at >= len(expression):
            raise BadPatternError("a class of characters without an end")
        if expression[at] == "]" and not first:
            break
        first = False
        if expression.startswith("[:", at) and expression.find(":]", at + 2) >= 0:
            raise BadPatternError("a named class of characters")
        if expression[at] == "\\" and expression[at + 1 : at + 2] in _SHORTHANDS:
            tests.append(_SHORTHANDS[expression[at + 1]])
            at += 2
            continue
        low, at = _class_char(expression, at)
        if expression.startswith("-", at) and not expression.startswith("-]", at):
            high, at = _class_char(expression, at + 1)
            if high < low:
                raise BadPatternError("a range of characters in the wrong order")
            ranges.append((low, high))
        else:
            singles.add(low)

    def test(char: str) -> bool:
        found = (
            char in singles or any(low <= char <= high for low, high in ranges) or any(t(char) for t in tests)
        )
        return found != negated

    return test, at + 1


def _class_char(expression: str, at: int) -> tuple[str, int]:
    if at >= len(expression):
        raise BadPatternError("a class of characters without an end")
    if expression[at] != "\\":
        return expression[at], at + 1
    if at + 1 >= len(expression):
        raise BadPatternError("a class of characters without an end")
    return _escaped(expression[at + 1]), at + 2


def read_patterns(text: str) -> list[str]:
    """The patterns of a ``.dockerignore`` file (moby/patternmatcher, ignorefile.go: ReadAll). Raises InvalidInput."""
    found: list[str] = []
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        line = line.removesuffix("\r")
        if line.startswith("#"):
            continue
        pattern = line.strip()
        if not pattern:
            continue
        exception = pattern.startswith("!")
        if exception:
            pattern = pattern[1:].strip()
        if pattern:
            pattern = clean(pattern)
            if len(pattern) > 1 and pattern.startswith("/"):
                pattern = pattern[1:]
        if exception:
            pattern = "!" + pattern
        try:
            Pattern.of(pattern)
        except BadPatternError as error:
            raise InvalidInput(
                "Line {line} of the ignore file is not a valid pattern.",
                advice="Correct the line: {pattern}",
                detail=str(error),
                arguments={"line": number, "pattern": line},
            ) from None
        found.append(pattern)
    return found
