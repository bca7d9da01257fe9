"""Foreign output becomes lines that are safe to show, whatever it is and however it is cut."""

from __future__ import annotations

import itertools
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longshore.application import console as module
from longshore.application.console import LONGEST, Console, Lines, Update
from longshore.secrecy import keep_out

#: Those that move the cursor or end a sequence.
_OBEYED = {"\n", "\r", "\b", "\t", "\x1b", "\a"}


def shown(*parts: str) -> list[str]:
    """The lines that a view has after *parts*."""
    lines, found = Lines(), [""]
    for part in parts:
        found[-1:] = lines.feed(part)
    return found


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a\nb\r\nc", ["a", "b", "c"]),
        ("a\n", ["a", ""]),
        ("10%\r20%\r100%\n", ["100%", ""]),
        ("long line\rshort\n", ["short" + "line"[-4:], ""]),
        ("abc\b\bX", ["aXc"]),
        ("\b\b\bx", ["x"]),
        ("\x1b[1;31mred\x1b[0m text", ["red text"]),
        ("\x1b]0;title\x07a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", ["alink"]),
        ("\x1bP1$r0m\x1b\\x\x1b(By\x1b=z", ["xyz"]),
        ("12345\r\x1b[Kab", ["ab"]),
        ("12345\x1b[2K\x1b[1Gab", ["ab"]),
        ("12345\b\b\x1b[0K", ["123"]),
        ("a\x1b[5Gb", ["a   b"]),
        ("a\x1b[99999999999999999999Gb", ["a" + " " * (LONGEST - 2) + "b"]),
        ("a\x1b[;;Gb", ["b"]),
        ("a\x1b[²Gb", ["a[²Gb"]),
        ("t\tb", ["t\tb"]),
        ("\x00\x07a\x7f\x9b31mb\u202ec\u200bd", ["a31mbcd"]),
        ("a\x1b\x1b\x1b[mb", ["ab"]),
        ("日本\r日", ["日本"]),
    ],
)
def test_what_a_line_becomes(text: str, lines: list[str]) -> None:
    assert shown(text) == lines
    assert shown(*text) == lines


@given(
    st.text(alphabet="ab\n\r\b\x1b[]0K2;mGP\\\x07é", max_size=60), st.lists(st.integers(0, 60), max_size=6)
)
def test_cuts_change_nothing(text: str, cuts: list[int]) -> None:
    points = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    parts = [text[begin:end] for begin, end in itertools.pairwise(points)]
    whole, cut = shown(text), shown(*parts)
    assert whole == cut


def test_a_line_without_end_is_broken() -> None:
    found = shown("x" * (3 * LONGEST + 5))
    assert found == ["x" * LONGEST] * 3 + ["x" * 5]
    assert shown(*["y" * 100] * 30)[:-1] == ["y" * LONGEST]


def test_an_escape_sequence_without_end_is_not_waited_for() -> None:
    lines = Lines()
    text = ""
    for _ in range(100):
        text = "".join(lines.feed("\x1b]" + "a" * 1000))
    assert len(text) > 0
    assert len(lines._cut) <= module._LONGEST_ESCAPE


def test_no_unsafe_character_is_shown() -> None:
    unsafe = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    categories = {each: unicodedata.category(each) for each in map(chr, range(sys.maxunicode + 1))}
    everything = "".join(categories)
    safe = {each for each, category in categories.items() if category not in unsafe}
    left = {each for each in "".join(shown(everything)) if categories[each] in unsafe}
    assert left <= {"\t"}
    # Nothing else is lost: only what is unsafe, and those that move the cursor.
    kept = set(module._UNSAFE.sub("", everything))
    assert safe <= kept
    assert kept - _OBEYED == safe


def all_of(console: Console) -> list[Update]:
    found = []
    while (update := console.take()) is not None:
        found.append(update)
    return found


def test_two_streams_that_are_cut_within_a_character() -> None:
    console = Console()
    console.feed(b"a\xc3")
    console.feed(b"b\xe2\x82", error=True)
    console.feed(b"\xa9\n")
    console.feed(b"\xac\n", error=True)
    assert all_of(console) == [Update(("abé", "€", ""))]
    assert console.take() is None


def test_bytes_that_are_no_text() -> None:
    console = Console()
    console.feed(b"\xff\xfe\x80ok\n")
    assert all_of(console) == [Update(("\ufffd\ufffd\ufffdok", ""))]


def test_a_reader_that_is_too_slow_loses_the_oldest() -> None:
    console = Console(most=1000)
    for number in range(100):
        console.feed(b"%03d" % number + b"x" * 96 + b"\n")
    updates = all_of(console)
    assert updates[0].dropped == 9000
    assert [line[:3] for line in updates[0].lines] == [*(f"{number:03}" for number in range(90, 100)), ""]


def test_memory_is_bounded() -> None:
    console = Console(most=10_000)
    block = b"z" * 65536
    for _ in range(3000):  # 200 MB
        console.feed(block)
    assert console._bytes <= 10_000 + len(block)
    [update] = [each for each in all_of(console) if each.dropped]
    assert update.dropped == 2999 * 65536


def test_it_is_taken_in_small_parts() -> None:
    console = Console()
    console.feed(b"0123456789" * 100)
    sizes = []
    while (update := console.take(300)) is not None:
        sizes.append(len(update.lines[0]))
    assert sizes == [300, 600, 900, 1000]
    assert not console.waiting


def test_it_wakes_its_reader_once() -> None:
    woken: list[None] = []
    console = Console(lambda: woken.append(None))
    console.feed(b"")
    assert woken == []
    console.feed(b"a")
    console.feed(b"b")
    assert woken == [None]
    assert console.waiting
    console.take()
    console.feed(b"c")
    assert woken == [None, None]


def test_the_end_is_kept_also_when_it_was_taken() -> None:
    console = Console()
    assert console.last == ""
    console.feed(b"x" * 5000 + b"almost ")
    console.take()
    console.feed(b"the end\xff")
    assert console.last.endswith("xxalmost the end\ufffd")
    assert len(console.last) == 2000


def test_our_own_lines_begin_anew() -> None:
    console = Console()
    console.feed(b"no end")
    console.say("The container ended.")
    assert all_of(console) == [Update(("no end", "The container ended.", ""))]


def test_secrets_in_use_are_not_shown() -> None:
    keep_out("hunter2-hunter2")
    console = Console()
    console.feed(b"the password is hunter2-")
    console.feed(b"hunter2!\n")
    assert all_of(console) == [Update(("the password is ***!", ""))]
