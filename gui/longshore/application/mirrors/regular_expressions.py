"""Translates between our patterns and the regular expressions of regsync, which are never run here.

regsync compiles ``"^" + expression + "$"`` (regclient, ``cmd/regsync/root.go``). Its ``a|b`` therefore means
"begins with a, or ends with b", and is translated so.
"""

from __future__ import annotations

from dataclasses import dataclass

from longshore.application.mirrors.patterns import LONGEST, class_ranges, parts

#: Most patterns that one expression becomes.
MOST_PATTERNS = 64
#: Most characters of an expression, and levels of its groups.
LONGEST_EXPRESSION = 500
_DEEPEST = 8
_SPECIAL = frozenset("\\^$.|?*+()[]{}")
_DIGIT = "[0-9]"


class Untranslatable(Exception):
    """The expression has no equivalent. Its text says which part."""


def to_expression(pattern: str, *, path: bool = False) -> str:
    """The regular expression that matches what *pattern* matches. *path*: it is for paths of repositories."""
    out: list[str] = []
    for part, text in parts(pattern):
        match part:
            case "**" | "*":
                out.append("[^/]*" if path and part == "*" else ".*")
            case "?":
                out.append("[^/]" if path else ".")
            case "#":
                out.append(f"{_DIGIT}+")
            case "[":
                out.append(_expression_of_class(text, path))
            case _:
                out.append(f"\\{text}" if text in _SPECIAL else text)
    return "".join(out)


def _expression_of_class(inside: str, path: bool) -> str:
    excludes, ranges = class_ranges(inside)
    if path and not excludes:  # a class never takes a slash there
        around = [
            part for first, last in ranges for part in ((first, min(last, ".")), (max(first, "0"), last))
        ]
        ranges = [(first, last) for first, last in around if first <= last]
    members = "".join(
        _in_class(first) if first == last else f"{_in_class(first)}-{_in_class(last)}"
        for first, last in ranges
    )
    if excludes:
        members += "/" if path else ""
        return f"[^{members}]" if members else "."
    return f"[{members}]" if members else r"[^\s\S]"  # nothing


def _in_class(char: str) -> str:
    return f"\\{char}" if char in "\\[]^-" else char


def to_patterns(expression: str, *, path: bool = False) -> list[str]:
    """Patterns that together match exactly what *expression* matches, as regsync would. Raises Untranslatable."""
    if len(expression) > LONGEST_EXPRESSION:
        raise Untranslatable(f"it has more than {LONGEST_EXPRESSION} characters")
    reader = _Reader(expression, path)
    alternatives = reader.alternatives(0)
    if reader.place < len(expression):
        raise Untranslatable("a ) closes nothing")
    anything = "**" if path else "*"
    found: list[str] = []
    for number, patterns in enumerate(alternatives):
        before = anything if number else ""
        after = anything if number < len(alternatives) - 1 else ""
        found += [f"{before}{pattern}{after}" for pattern in patterns]
    found = list(dict.fromkeys(found))
    if any(len(pattern) > LONGEST for pattern in found):
        raise Untranslatable("its pattern would be too long")
    return found


@dataclass(slots=True)
class _Reader:
    """Reads an expression from left to right into the patterns of its parts."""

    text: str
    path: bool
    place: int = 0

    def alternatives(self, depth: int) -> list[list[str]]:
        if depth > _DEEPEST:
            raise Untranslatable("its groups are nested too deeply")
        found = [self._sequence(depth)]
        while self._peek() == "|":
            self.place += 1
            found.append(self._sequence(depth))
        return found

    def _sequence(self, depth: int) -> list[str]:
        found = [""]
        while (char := self._peek()) and char not in "|)":
            start = self.place
            part = self._repeated(self._part(depth), start)
            found = [before + after for before in found for after in part]
            if len(found) > MOST_PATTERNS:
                raise Untranslatable(f"it would become more than {MOST_PATTERNS} patterns")
        return found

    def _part(self, depth: int) -> list[str]:
        char = self._take()
        if char == "(":
            if self.text.startswith("?:", self.place):
                self.place += 2
            elif self._peek() == "?":
                raise Untranslatable("(? is not supported")
            found = [one for patterns in self.alternatives(depth + 1) for one in patterns]
            if self._take() != ")":
                raise Untranslatable("a ( is not closed")
            return list(dict.fromkeys(found))
        if char == "^":
            if self.place > 1:
                raise Untranslatable("^ is not at the beginning")
            return [""]
        if char == "$":
            if self.place < len(self.text):
                raise Untranslatable("$ is not at the end")
            return [""]
        if char == "[":
            return [self._class()]
        if char == ".":
            if self.path and (not self._peek() or self._peek() not in "*+"):
                raise Untranslatable(". may be a / here")
            return ["?"]
        if char == "\\":
            return [self._escaped()]
        if char in "?*+{":
            raise Untranslatable(f"{char} repeats nothing")
        return [_literal(char)]

    def _repeated(self, part: list[str], start: int) -> list[str]:
        """*part*, as often as the repetition that follows says."""
        mark = self._peek()
        if not mark or mark not in "?*+{":
            return part
        self.place += 1
        lowest, highest = {"?": (0, 1), "*": (0, None), "+": (1, None)}.get(mark) or self._counts()
        if self._peek() == "?":
            self.place += 1  # not greedy, which changes nothing for a whole match
        what = self.text[start : self.place]
        if self._peek() and self._peek() in "?*+{":
            raise Untranslatable(f"{what} is repeated again")
        if highest is None:
            return self._without_end(part, lowest, what)
        if highest > MOST_PATTERNS:
            raise Untranslatable(f"{what} repeats too often")
        found: list[str] = []
        for count in range(lowest, highest + 1):
            made = [""]
            for _ in range(count):
                made = [before + after for before in made for after in part]
                if len(made) + len(found) > MOST_PATTERNS:
                    raise Untranslatable(f"it would become more than {MOST_PATTERNS} patterns")
            found += made
        return list(dict.fromkeys(found))

    def _without_end(self, part: list[str], lowest: int, what: str) -> list[str]:
        if part == ["?"] and self.text[self.place - len(what)] == ".":
            if not self.path:
                return ["?" * lowest + "*"]
            # No part of a path is empty, so after a / and at the beginning .+ is the same as .*
            before = self.text[: self.place - len(what)].lstrip("^")
            if lowest == 0 or (lowest == 1 and (not before or before.endswith("/"))):
                return ["**"]
            raise Untranslatable(f"{what} may be a / here")
        if part == [_DIGIT]:
            return ["#"] if lowest == 1 else ["", "#"] if lowest == 0 else [_DIGIT * (lowest - 1) + "#"]
        if part == ["#"] and lowest <= 1:
            return ["#"] if lowest else ["", "#"]
        raise Untranslatable(f"{what} has no pattern")

    def _counts(self) -> tuple[int, int | None]:
        end = self.text.find("}", self.place)
        inside = self.text[self.place : end] if end >= 0 else ""
        low, comma, high = inside.partition(",")
        numbers = [one for one in (low, high) if one]
        if not low or not all(one.isascii() and one.isdecimal() and len(one) < 4 for one in numbers):
            raise Untranslatable("{ begins no repetition")
        self.place = end + 1
        if not comma:
            return int(low), int(low)
        return int(low), int(high) if high else None

    def _class(self) -> str:
        excludes = self._peek() == "^"
        if excludes:
            self.place += 1
        out: list[str] = []
        first = True
        while (char := self._take()) != "]" or first:
            first = False
            if not char:
                raise Untranslatable("a [ is not closed")
            if char == "[" and self._peek() == ":":
                raise Untranslatable("[: is not supported")
            if char == "\\":
                char = self._take()
                if char == "d":
                    out.append("0-9")
                    continue
                if not char or char.isalnum() or char in "]-":
                    raise Untranslatable(f"\\{char} is not supported in [ ]")
            elif char == "]":
                raise Untranslatable("] is not supported in [ ]")
            out.append(char)
        inside = "".join(out)
        if inside == "0-9" and not excludes:
            return _DIGIT
        if not excludes and inside.startswith("!"):
            inside = f"{inside[1:]}!" if inside[1:2] not in ("", "-") else ""
        if not inside or (self.path and (excludes or "/" in inside)):
            raise Untranslatable("this [ ] is not supported")
        return f"[{'!' if excludes else ''}{inside}]"

    def _escaped(self) -> str:
        char = self._take()
        if char == "d":
            return _DIGIT
        if not char or char.isalnum():
            raise Untranslatable(f"\\{char} is not supported")
        return _literal(char)

    def _peek(self) -> str:
        return self.text[self.place : self.place + 1]

    def _take(self) -> str:
        self.place += 1
        return self.text[self.place - 1 : self.place]


def _literal(char: str) -> str:
    return f"[{char}]" if char in "*?#[" else char
