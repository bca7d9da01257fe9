"""Patterns and regsync's regular expressions, with Python's own as the judge of small, known ones."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from longshore.application.mirrors.patterns import matches
from longshore.application.mirrors.regular_expressions import Untranslatable, to_expression, to_patterns

_TEXTS = ["".join(parts) for size in range(5) for parts in itertools.product("1a.-", repeat=size)]
_PATHS = ["".join(parts) for size in range(5) for parts in itertools.product("1a/-", repeat=size)]
_PATHS = [path for path in _PATHS if path and all(path.split("/"))]


def judged(expression: str, texts: list[str]) -> list[str]:
    """What regsync takes: it compiles the expression between ^ and $."""
    return [text for text in texts if re.search(f"^{expression}$", text)]


@pytest.mark.parametrize(
    ("expression", "patterns"),
    [
        ("latest", ["latest"]),
        (r"3\.\d+", ["3.#"]),
        (r"\d+", ["#"]),
        (r"v?\d+\.\d+\.\d+", ["#.#.#", "v#.#.#"]),
        (r"^v\d+$", ["v#"]),
        (r"1\..*", ["1.*"]),
        (r"1\..+", ["1.?*"]),
        (r"[0-9]{3}", ["[0-9][0-9][0-9]"]),
        (r"\d{2,}", ["[0-9]#"]),
        (r"(1|2)\.0(-alpine)?", ["1.0", "1.0-alpine", "2.0", "2.0-alpine"]),
        (r"(?:stable|edge)", ["stable", "edge"]),
        (r"[^a-z]x", ["[!a-z]x"]),
        (r"1|2", ["1*", "*2"]),
        (r"1|a|2", ["1*", "*a*", "*2"]),
        (r"", [""]),
        (r"a\*", ["a[*]"]),
    ],
)
def test_expressions_become_patterns(expression: str, patterns: list[str]) -> None:
    assert sorted(to_patterns(expression)) == sorted(patterns)


@pytest.mark.parametrize(
    "expression",
    [
        r"[a-z]+", r"(a|b)*", r"\w+", r"\bx", r"(?i)x", r"(?P<n>a)", r"a{70}", r"a{1", r"(a", r"a)", r"[a", r"*a",
        r"a**", r"a\1", r"[[:alpha:]]", r"[\w]", r"(" * 9 + ")" * 9, "a?" * 7, "a" * 501, r"x^y", r"x$y", r"[!-a]",
        r"\Aa", "a{,3}",
    ],
)  # fmt: skip
def test_expressions_without_an_equivalent_are_named(expression: str) -> None:
    with pytest.raises(Untranslatable):
        to_patterns(expression)


@pytest.mark.parametrize(
    ("expression", "patterns"),
    [
        ("library/.*", ["library/**"]),
        ("library/.+", ["library/**"]),
        (".*", ["**"]),
        ("team/app-\\d+", ["team/app-#"]),
        ("team/[^/]+", None),
        ("team/.", None),
        ("te.+m", None),
        ("(.)+", None),
    ],
)
def test_expressions_for_paths(expression: str, patterns: list[str] | None) -> None:
    if patterns is None:
        with pytest.raises(Untranslatable):
            to_patterns(expression, path=True)
    else:
        assert to_patterns(expression, path=True) == patterns
        assert [text for text in _PATHS if any(matches(one, text, path=True) for one in patterns)] == judged(
            expression, _PATHS
        )


_ATOMS = st.sampled_from(
    ["1", "a", "-", r"\.", ".", r"\d", "[1a]", "[^a.]", "[0-9]", "(a|1)", "(a|1-)", "(1)"]
)
_MARKS = st.sampled_from(["", "", "?", "*", "+", "{2}", "{0,1}", "{1,}"])
_SEQUENCES = st.lists(st.tuples(_ATOMS, _MARKS).map("".join), max_size=4).map("".join)
_EXPRESSIONS = st.lists(_SEQUENCES, min_size=1, max_size=3).map("|".join)


@given(_EXPRESSIONS)
@settings(max_examples=150, deadline=None)
def test_what_is_translated_means_the_same(expression: str) -> None:
    try:
        patterns = to_patterns(expression)
    except Untranslatable:
        return
    found = [text for text in _TEXTS if any(matches(pattern, text) for pattern in patterns)]
    assert found == judged(expression, _TEXTS)


@given(st.text("1a.-*?#[]!", max_size=6), st.booleans())
@settings(max_examples=150, deadline=None)
@example("[1--]", False)
@example("[!--a]x", True)
@example("[1-.1]", False)
@example("[1-.]", False)
@example("[!1-.]", True)
@example("1[.-1]a", True)
@example("1[/]a", True)
def test_patterns_become_expressions_that_mean_the_same(pattern: str, path: bool) -> None:
    texts = _PATHS if path else _TEXTS
    judge = re.compile(f"^{to_expression(pattern, path=path)}$")
    assert [text for text in texts if judge.search(text)] == [
        text for text in texts if matches(pattern, text, path=path)
    ]
