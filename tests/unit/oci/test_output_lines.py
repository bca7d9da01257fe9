"""The output of programs as lines that are safe to show, and names of variables with secret values."""

from __future__ import annotations

import random

import pytest

from longshore import secrecy, text
from longshore.secrecy import holds_sign_in, keep_out, names_secret
from longshore.text import OutputLines, output_line


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain", "plain"),
        ("    indented\tcell", "    indented    cell"),
        ("\x1b[91mred\x1b[0m", "red"),
        ("\x1b]0;a title\x07after", "after"),
        ("\x1b]0;a title\x1b\\after", "after"),
        ("\x1b(Bcharset\x1b=", "charset"),
        ("\x9b31mc1", "c1"),
        ("bell\x07 \u202eevil\u200b", "bell evil"),
        ("\x1b[9999", "9999"),
        ("trailing   ", "trailing"),
    ],
)
def test_terminal_sequences_and_controls_are_left_out(raw: str, shown: str) -> None:
    assert output_line(raw) == shown


def test_a_long_line_is_cut() -> None:
    assert output_line("x" * 10_000, 100) == "x" * 99 + "…"
    assert output_line("x" * 100, 100) == "x" * 100


def test_secrets_in_use_are_replaced_even_if_short() -> None:
    keep_out("hunter2x")
    assert output_line("the password is hunter2x!") == "the password is ***!"


def test_pieces_become_lines() -> None:
    lines = OutputLines()
    assert list(lines.feed(b"one\ntw")) == ["one"]
    assert list(lines.feed(b"o\r\n\nthree \xe2\x82")) == ["two", ""]
    assert list(lines.feed(b"\xac")) == []
    assert list(lines.finish()) == ["three €"]
    assert list(lines.finish()) == []


def test_a_progress_line_keeps_its_last_state() -> None:
    lines = OutputLines()
    assert list(lines.feed("10 %\r50 %\r")) == []
    assert list(lines.feed("100 %\ndone\n")) == ["100 %", "done"]


def test_any_cutting_gives_the_same_lines() -> None:
    whole = "first\n\x1b[1msecond ünï\x1b[0m\n  third\r\n\nlast".encode()
    expected = ["first", "second ünï", "  third", "", "last"]
    for seed in range(50):
        chance = random.Random(seed)
        found: list[str] = []
        lines, at = OutputLines(), 0
        while at < len(whole):
            size = chance.randint(1, 9)
            found += lines.feed(whole[at : at + size])
            at += size
        assert [*found, *lines.finish()] == expected


def test_a_line_without_an_end_needs_little_memory() -> None:
    lines = OutputLines()
    for _ in range(200):
        assert list(lines.feed("x" * 10_000)) == []
        assert len(lines._pending) <= text._MOST_PENDING
    (found,) = lines.feed("\n")
    assert len(found) == text._LONGEST_LINE
    assert list(lines.feed("next\n")) == ["next"]


@pytest.mark.parametrize(
    "name",
    [
        "NPM_TOKEN",
        "password",
        "DB_PASSWD",
        "MYSECRET",
        "API_KEY",
        "apikey",
        "SSH-KEY",
        "GH_PAT",
        "_auth",
        "PGPASSFILE_PASS",
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert names_secret(name)


@pytest.mark.parametrize(
    "name", ["VERSION", "AUTHOR", "KEYBOARD", "COMPASS", "PATH", "PATCH", "BYPASS_CACHE", "OAUTHOR"]
)
def test_other_names(name: str) -> None:
    assert not names_secret(name)


def test_addresses_with_a_sign_in() -> None:
    assert holds_sign_in("http://ann:pw@proxy:3128/")
    assert holds_sign_in("https://:token@index.example/simple")
    assert not holds_sign_in("http://proxy:3128/a@b")
    assert not holds_sign_in("ann:pw@host")


def test_hostile_text_takes_linear_time() -> None:
    hostile = ["\x1b[" + ";" * 100_000, "\x1b]" * 50_000, "://" * 60_000, "_" * 100_000, "\x1b" * 100_000]
    for one in hostile:
        assert len(output_line(one)) <= text._LONGEST_LINE
        assert not holds_sign_in(one)
        assert not names_secret(one)
    assert secrecy.HIDDEN
