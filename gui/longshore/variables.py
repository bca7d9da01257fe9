"""Variables in a text, as Compose and Dockerfiles write them.

Sources: compose-spec, 12-interpolation.md, and compose-go, template/template.go; Dockerfile reference, "Environment
replacement", and BuildKit, shell/lex.go. Both know ``$NAME``, ``${NAME}``, ``${NAME-word}``, ``${NAME:-word}``,
``${NAME+word}``, ``${NAME:+word}``, ``${NAME?word}`` and ``${NAME:?word}``, with variables in the words.

No error repeats the text, which may be a password.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from longshore.errors import InvalidInput

#: Most levels of variables in each other's defaults.
_DEEPEST = 20
#: Most characters that a text may grow to: values can contain what they like.
_LONGEST = 10_000
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,255}")
_OPERATOR = re.compile(r":?[-+?]")

#: The value of a variable, None if it is not set. May raise InvalidInput.
Lookup = Callable[[str], str | None]


class Expanded(NamedTuple):
    """A text with its variables replaced. *tail*: what follows the last of them, None if there were none."""

    text: str
    tail: str | None


def without_value(name: str) -> InvalidInput:
    """The problem of a variable that is not set and has no default."""
    return InvalidInput("The variable {name} has no value.", arguments={"name": name})


def expand(
    text: str,
    lookup: Lookup,
    *,
    escape: str = "$",
    missing: Callable[[str], InvalidInput] = without_value,
) -> Expanded:
    """*text* with its variables replaced. *escape* before a ``$`` keeps it: ``$`` in Compose.

    Raises what *missing* makes for a variable without a value, and InvalidInput for what is not a variable.
    """
    return _Reader(text, lookup, escape, missing).expand(0)


class _Reader:
    def __init__(
        self, text: str, lookup: Lookup, escape: str, missing: Callable[[str], InvalidInput]
    ) -> None:
        self._text = text
        self._missing = missing
        self._lookup = lookup
        self._escape = escape

    def expand(self, depth: int) -> Expanded:
        text, escape = self._text, self._escape
        if depth > _DEEPEST:
            raise InvalidInput("Variables are nested too deeply.")
        if len(text) > _LONGEST:
            raise InvalidInput("The text with variables is too long.")
        parts: list[str] = []
        at, tail, size = 0, -1, 0
        while at < len(text):
            if text.startswith(escape + "$", at):
                part, at = "$", at + len(escape) + 1
                tail = at
            elif text[at] == "$":
                part, at = self._variable(at + 1, depth)
                tail = at
            else:
                end = min(
                    (found for mark in ("$", escape) if (found := text.find(mark, at + 1)) >= 0),
                    default=len(text),
                )
                part, at = text[at:end], end
            parts.append(part)
            size += len(part)
            if size > _LONGEST:
                raise InvalidInput("The text with its variables replaced is too long.")
        return Expanded("".join(parts), None if tail < 0 else text[tail:])

    def _variable(self, at: int, depth: int) -> tuple[str, int]:
        """The value of the variable whose name or brace is at *at*, and where it ends."""
        text = self._text
        braces = text.startswith("{", at)
        name = _NAME.match(text, at + braces)
        if name is None:
            raise InvalidInput(
                "A “$” is not followed by the name of a variable.",
                advice="Write “$$” for the character itself." if self._escape == "$" else "",
            )
        value = self._lookup(name[0])
        if not braces:
            return self._known(name[0], value), name.end()
        end = self._closing(at)
        if name.end() == end:
            return self._known(name[0], value), end + 1
        operator = _OPERATOR.match(text, name.end(), end)
        if operator is None:
            raise InvalidInput("This form of variable is not supported.")
        word = text[operator.end() : end]
        there = bool(value) if operator[0].startswith(":") else value is not None
        match operator[0][-1]:
            case "-":
                found = value if there and value is not None else self._word(word, depth)
            case "+":
                found = self._word(word, depth) if there else ""
            case _:
                found = self._known(name[0], value if there else None)
        return found, end + 1

    def _word(self, word: str, depth: int) -> str:
        return _Reader(word, self._lookup, self._escape, self._missing).expand(depth + 1).text

    def _closing(self, at: int) -> int:
        """Where the brace that opens at *at* closes."""
        depth = 0
        for found in re.compile(r"\$\{|\}").finditer(self._text, at + 1):
            if found[0] == "}":
                if not depth:
                    return found.start()
                depth -= 1
            else:
                depth += 1
        raise InvalidInput("A variable has no closing “}”.")

    def _known(self, name: str, value: str | None) -> str:
        if value is None:
            raise self._missing(name)
        return value
