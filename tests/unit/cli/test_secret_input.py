"""Passwords from standard input are one bounded line of text, and are not repeated."""

from __future__ import annotations

import io
import sys

import pytest

from longshore.cli import secret_input
from longshore.errors import InvalidInput
from longshore.text import plain


def pipe(monkeypatch: pytest.MonkeyPatch, raw: bytes) -> io.BytesIO:
    source = io.BytesIO(raw)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(source))
    return source


@pytest.mark.parametrize("raw", [b"tide and timber", b"tide and timber\n", b"tide and timber\r\n"])
def test_one_line_is_taken_without_its_end(monkeypatch: pytest.MonkeyPatch, raw: bytes) -> None:
    pipe(monkeypatch, raw)
    assert secret_input.piped() == "tide and timber"
    assert plain("you sent tide and timber") == "you sent ***"


def test_spaces_belong_to_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, b" a b \n")
    assert secret_input.piped() == " a b "


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "empty"),
        (b"\n", "empty"),
        (b"hunter2\nmore", "more than one line"),
        (b"hunter2\0", "more than one line"),
        (b"hunter2\xff", "not UTF-8"),
        (b"hunter2" * 20_000, "size limit"),
    ],
    ids=["nothing", "empty line", "two lines", "NUL", "encoding", "huge"],
)
def test_anything_else_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, raw: bytes, message: str
) -> None:
    source = pipe(monkeypatch, raw)
    with pytest.raises(InvalidInput, match=message) as caught:
        secret_input.piped()
    assert "hunter2" not in f"{caught.value.message} {caught.value.advice} {caught.value.detail}"
    assert caught.value.__cause__ is None
    assert source.tell() <= secret_input.LONGEST + 1 + io.DEFAULT_BUFFER_SIZE


def test_a_closed_input_and_a_missing_terminal_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InvalidInput, match="closed"):
        secret_input.piped()
    with pytest.raises(InvalidInput, match="no terminal"):
        secret_input.asked_secretly("Password")
