"""Text from outside, made safe to show; and the errors that carry it."""

from __future__ import annotations

import time
import unicodedata

import pytest

from longshore.errors import InvalidInput, RateLimited, RegistryUnreachable, TlsFailed
from longshore.text import plain


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("plain", "plain"),
        ("Grüße, 世界 🚢", "Grüße, 世界 🚢"),
        ("  a \t b\r\nc  ", "a b c"),
        ("a\x00b\x07c\x7f", "abc"),
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("a\u202eb\u2066c\u200bd\ufeff", "abcd"),
        ("a\u2028b\u2029c", "abc"),
        ("a\ud800b", "ab"),
        ("<b>&amp;", "<b>&amp;"),
        ("", ""),
        (b"bytes", "b'bytes'"),
        (None, "None"),
    ],
)
def test_plain(text: object, wanted: str) -> None:
    assert plain(text) == wanted


def test_lines_are_kept_where_asked() -> None:
    assert plain("a  \n\n b\tc\r\nd\n", keep_lines=True) == "a\n\n b c\nd"


def test_cut_at_the_limit() -> None:
    assert plain("x" * 10, 10) == "x" * 10
    assert plain("x" * 11, 10) == "x" * 9 + "…"
    assert len(plain("word " * 1000, 100)) <= 100
    assert plain("word " * 1000, 100).endswith("…")


def test_nothing_unsafe_comes_through() -> None:
    every = "".join(map(chr, range(0x110000)))
    out = plain(every, 0x110000)
    assert not {unicodedata.category(char) for char in out} & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def test_megabytes_take_no_time() -> None:
    huge = "\x00a" * 5_000_000
    started = time.process_time()
    plain(huge, 300)
    assert time.process_time() - started < 0.5


def test_errors_clean_what_they_carry() -> None:
    error = InvalidInput("It is\nwrong\u202e.", subject="a\x00b", advice="x" * 600, detail="1\n2\x1b")
    assert (error.message, error.subject, error.detail) == ("It is wrong.", "ab", "1\n2")
    assert len(error.advice) == 500
    assert str(error) == "It is wrong."


def test_registry_errors_name_the_registry() -> None:
    error = RegistryUnreachable("No.", registry="x.example\n")
    assert (error.registry, error.subject) == ("x.example", "x.example")
    assert RegistryUnreachable("No.", registry="x", subject="x/y:1").subject == "x/y:1"
    assert RateLimited("No.", registry="x", retry_after=7.5).retry_after == 7.5
    assert RateLimited("No.", registry="x").retry_after is None
    assert TlsFailed("No.", registry="x", certificate="a\nb\x00").certificate == "a\nb"
