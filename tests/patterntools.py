"""Finds regular expressions that can run away on foreign text: those with an unbounded repetition."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from re import _constants as constants  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from types import ModuleType
from typing import Any


def endless(pattern: re.Pattern[str] | re.Pattern[bytes]) -> bool:
    """Return whether any repetition in *pattern* has no upper bound."""
    return any(most is constants.MAXREPEAT for most in _most(parser.parse(pattern.pattern, pattern.flags)))


def _most(parsed: Any) -> Iterator[Any]:
    """The upper bounds of all repetitions."""
    if isinstance(parsed, tuple | list | parser.SubPattern):
        items = list(parsed)
        if len(items) == 2 and items[0] in (constants.MAX_REPEAT, constants.MIN_REPEAT):
            yield items[1][1]
        for item in items:
            yield from _most(item)


def patterns_of(package: ModuleType) -> dict[str, re.Pattern[Any]]:
    """Return the patterns in the modules of *package*, by module and name, including those in lists and tuples."""
    found: dict[str, re.Pattern[Any]] = {}
    for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            found |= {f"{info.name}.{name}{at}": each for at, each in _inside(value)}
    return found


def _inside(value: object, at: str = "") -> Iterator[tuple[str, re.Pattern[Any]]]:
    if isinstance(value, re.Pattern):
        yield at, value
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            yield from _inside(each, f"{at}[{number}]")
