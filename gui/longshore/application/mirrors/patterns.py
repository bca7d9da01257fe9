"""Patterns for tags and repositories.

``*`` is any text (in the path of a repository without ``/``; there ``**`` is any text with ``/``), ``?`` any
character, ``#`` a number of one or more digits, ``[a-f0-9]`` one of these characters, ``[!a]`` any other. Everything
else is itself; upper and lower case differ. Matching takes time in proportion to the lengths of pattern and text,
however hostile both are: no regular expression is involved.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

from longshore.errors import InvalidInput

#: Most characters of a pattern.
LONGEST = 1000
#: Characters that make a text a pattern.
SPECIAL = frozenset("*?#[")
#: Most states that a pattern keeps between two texts; they are made again when needed.
_MOST_STATES = 4000

_DIGITS = frozenset("0123456789")
#: Whether a step may consume a character, and whether it may do so again.
_Step = tuple[Callable[[str], bool], bool]


def is_pattern(text: str) -> bool:
    """Whether *text* has a character with a meaning in patterns. Any thread."""
    return not SPECIAL.isdisjoint(text)


def literal(text: str) -> str:
    """The pattern that matches only *text*. Any thread."""
    return "".join(f"[{char}]" if char in SPECIAL else char for char in text)


def matches(pattern: str, text: str, *, path: bool = False) -> bool:
    """Whether *pattern* matches all of *text*. *path*: as the path of a repository. Any thread.

    Raises InvalidInput for a pattern that is too long.
    """
    return _compiled(pattern, path).matches(text)


def check(pattern: str, *, path: bool = False) -> str:
    """Return *pattern* if it can be used. Raises InvalidInput. Any thread."""
    _compiled(pattern, path)
    return pattern


class _Pattern:
    """A nondeterministic automaton, run as a deterministic one whose states are made when first needed.

    A state is a set of steps in the bits of a number; bit ``n`` means that the first *n* steps are behind us.
    """

    def __init__(self, steps: list[tuple[_Step, bool]]) -> None:
        self._steps = steps
        self._end = 1 << len(steps)
        self._start = self._closed(1)
        self._next: dict[tuple[int, str], int] = {}

    def matches(self, text: str) -> bool:
        state = self._start
        known = self._next
        for char in text:
            after = known.get((state, char))
            if after is None:
                if len(known) >= _MOST_STATES:
                    known.clear()
                after = known[state, char] = self._after(state, char)
            if not after:
                return False
            state = after
        return bool(state & self._end)

    def _after(self, state: int, char: str) -> int:
        found = 0
        for number, ((takes, again), _) in enumerate(self._steps):
            if state >> number & 1 and takes(char):
                # A step that repeats is behind us, and may be taken once more.
                found |= (1 << number + 1) | (again << number)
        return self._closed(found)

    def _closed(self, state: int) -> int:
        """*state* with the steps that may be skipped also behind us."""
        for number, (_, skips) in enumerate(self._steps):
            if skips and state >> number & 1:
                state |= 1 << number + 1
        return state


def parts(pattern: str) -> Iterator[tuple[str, str]]:
    """Yield the parts of *pattern*: ``*``, ``**`` (two or more), ``?``, ``#``, ``[`` with what is inside, or "" with a
    character that is itself. Any thread."""
    place = 0
    while place < len(pattern):
        char = pattern[place]
        place += 1
        if char == "*":
            begin = place - 1
            while place < len(pattern) and pattern[place] == "*":
                place += 1
            yield ("**" if place - begin > 1 else "*"), ""
        elif char in ("?", "#"):
            yield char, ""
        elif char == "[" and (end := pattern.find("]", place + 1 + pattern.startswith("!", place))) >= 0:
            yield "[", pattern[place:end]
            place = end + 1
        else:
            yield "", char


@functools.lru_cache(maxsize=512)
def _compiled(pattern: str, path: bool) -> _Pattern:
    if len(pattern) > LONGEST:
        raise InvalidInput(f"A pattern may have at most {LONGEST} characters.", subject=pattern[:80])
    steps: list[tuple[_Step, bool]] = []
    for part, text in parts(pattern):
        match part:
            case "**" | "*":
                steps.append(((_no_slash if path and part == "*" else _any, True), True))
            case "?":
                steps.append(((_no_slash if path else _any, False), False))
            case "#":
                steps.append(((_DIGITS.__contains__, True), False))
            case "[":
                steps.append(((_class(text, path), False), False))
            case _:
                steps.append(((text.__eq__, False), False))
    return _Pattern(steps)


def _any(_char: str) -> bool:
    return True


def _no_slash(char: str) -> bool:
    return char != "/"


def class_ranges(inside: str) -> tuple[bool, list[tuple[str, str]]]:
    """The meaning of ``[inside]``: whether it excludes, and its first and last characters. Any thread.

    A range from high to low contains nothing, and is left out.
    """
    excludes = inside.startswith("!")
    inside = inside[1:] if excludes else inside
    ranges: list[tuple[str, str]] = []
    place = 0
    while place < len(inside):
        first = last = inside[place]
        if place + 2 < len(inside) and inside[place + 1] == "-":
            last = inside[place + 2]
            place += 2
        place += 1
        if first <= last:
            ranges.append((first, last))
    return excludes, ranges


def _class(inside: str, path: bool) -> Callable[[str], bool]:
    excludes, ranges = class_ranges(inside)

    def takes(char: str) -> bool:
        found = any(first <= char <= last for first, last in ranges)
        return found is not excludes and not (path and char == "/")

    return takes
