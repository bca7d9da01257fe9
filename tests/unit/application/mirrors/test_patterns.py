"""Patterns for tags and repositories: what they match, and that hostile ones cannot run away."""

from __future__ import annotations

import itertools
from fnmatch import fnmatchcase

import pytest

from longshore.application.mirrors.patterns import LONGEST, is_pattern, literal, matches
from longshore.errors import InvalidInput


@pytest.mark.parametrize(
    ("pattern", "matched", "others"),
    [
        ("*", ["1", "latest", ""], []),
        ("1.*", ["1.", "1.0", "1.0-rc1"], ["1", "11.0"]),
        ("v?", ["v1", "vx"], ["v", "v10", "V1"]),
        ("#", ["1", "20251101"], ["", "1.0", "v1", "1a"]),
        ("#.#", ["1.0", "10.25"], ["1", "1.", "1.0.0", "1.0-rc1"]),
        ("v#.#.#", ["v1.2.3"], ["1.2.3", "v1.2", "v1.2.3-rc1"]),
        ("1#", ["12", "123"], ["1", "1a"]),
        ("#5", ["15", "255"], ["5", "51"]),
        ("*-rc#", ["1.0-rc1", "-rc22"], ["1.0-rc", "1.0-rc1.1"]),
        ("v[0-9]*", ["v1", "v9x"], ["vx", "v"]),
        ("[!a-c]*", ["d", "1x"], ["a", "cx", ""]),
        ("[]a]", ["]", "a"], ["b"]),
        ("[a-]", ["a", "-"], ["b"]),
        ("a[b", ["a[b"], ["ab", "a"]),
        ("[*]", ["*"], ["a"]),
        ("", [""], ["a"]),
    ],
)
def test_what_a_pattern_matches(pattern: str, matched: list[str], others: list[str]) -> None:
    assert [text for text in matched if not matches(pattern, text)] == []
    assert [text for text in others if matches(pattern, text)] == []


@pytest.mark.parametrize(
    ("pattern", "matched", "others"),
    [
        ("team/*", ["team/app", "team/app-2"], ["team/sub/app", "team", "other/app"]),
        ("team/**", ["team/app", "team/sub/app"], ["team", "teams/app"]),
        ("**", ["app", "team/sub/app"], []),
        ("**/app", ["team/app", "team/sub/app"], ["app", "team/apps"]),
        ("*/app", ["team/app"], ["team/sub/app", "app"]),
        ("team?app", ["team-app"], ["team/app"]),
        ("team[!x]app", ["team-app"], ["team/app", "teamxapp"]),
    ],
)
def test_what_a_pattern_of_paths_matches(pattern: str, matched: list[str], others: list[str]) -> None:
    assert [text for text in matched if not matches(pattern, text, path=True)] == []
    assert [text for text in others if matches(pattern, text, path=True)] == []


def test_without_numbers_it_is_what_fnmatch_matches() -> None:
    """Rules of earlier versions were matched by ``fnmatch``."""
    patterns = ["".join(parts) for size in range(5) for parts in itertools.product("a*?[!]-", repeat=size)]
    texts = ["".join(parts) for size in range(4) for parts in itertools.product("a-!]", repeat=size)]
    different = {
        pattern
        for pattern in patterns
        for text in texts
        if matches(pattern, text) is not fnmatchcase(text, pattern)
    }
    assert different == set()


def test_a_literal_matches_only_itself() -> None:
    assert is_pattern("a*") and is_pattern("#") and is_pattern("[") and not is_pattern("v1.0-x_")
    for text in ("1.0", "a*b", "x?", "#1", "[a]"):
        assert matches(literal(text), text)
        assert not matches(literal(text), text + "1")
    assert not matches(literal("a*b"), "axb")


def test_hostile_patterns_take_steps_in_proportion_to_their_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in transitions: a regular expression of this kind would take longer than the age of the universe."""
    from longshore.application.mirrors import patterns

    made: list[int] = []
    after = patterns._Pattern._after

    def counted(self: patterns._Pattern, state: int, char: str) -> int:
        made.append(state)
        return after(self, state, char)

    monkeypatch.setattr(patterns._Pattern, "_after", counted)
    for hostile in ("#" * 400 + "x", "*a" * 300 + "x", "*#*" * 200 + "x", "[a-z]*" * 150 + "!"):
        made.clear()
        assert not matches(hostile, "1a" * 64)
        assert not matches(hostile, "1" * 128)
        assert len(made) <= 256
    with pytest.raises(InvalidInput, match="at most"):
        matches("a" * (LONGEST + 1), "a")
