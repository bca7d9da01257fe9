"""Documents as lines: nothing is changed but the space, secrets are masked, and no document takes forever."""

from __future__ import annotations

import json

import pytest

from longshore.application.inspection import pretty as module
from longshore.application.inspection.pretty import Pretty, pretty
from longshore.application.inspection.secrets import HIDDEN
from longshore.cancellation import Cancellation, Cancelled


def laid_out(raw: bytes) -> Pretty:
    return pretty(raw, Cancellation())


@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, -2.5e-7, {"b": []}, {}, [[]]], "c": None, "d": True, "é": 'q"\\"'},
        [],
        {},
        [[{"x": {"y": "z:,{"}}]],
    ],
)
def test_it_is_the_same_document_laid_out_as_usual(value: object) -> None:
    raw = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    assert "\n".join(laid_out(raw.encode()).lines) == json.dumps(value, indent=2, ensure_ascii=False)


def test_numbers_and_repeated_names_stay() -> None:
    found = laid_out(b'{"n":1.50,"n":1e400}')
    assert found.lines == ("{", '  "n": 1.50,', '  "n": 1e400', "}")


def test_values_that_look_secret_are_masked() -> None:
    value = {
        "Env": ["PATH=/x", "DB_PASSWORD=a b"],
        "auth_token": "abc",
        "history": [{"created_by": "RUN x TOKEN=abc y"}],
        "url": "https://ann:pw@host",
    }
    found = laid_out(json.dumps(value).encode())
    shown = "\n".join(found.masked.get(number, line) for number, line in enumerate(found.lines))
    assert len(found.masked) == 4 and "PATH=/x" in shown
    for secret in ("a b", '"abc"', "TOKEN=abc", "pw@"):
        assert secret in "\n".join(found.lines) and secret not in shown


@pytest.mark.parametrize("raw", [b"", b"hello\nworld", b"{nonsense}", b"\xff\xfe{", b'{"a'])
def test_what_is_no_json_is_shown_in_its_own_lines(raw: bytes) -> None:
    found = laid_out(raw)
    assert len(found.lines) == raw.count(b"\n") + 1
    assert not found.is_json


@pytest.mark.parametrize(
    "raw", [b'"' + b'\\"' * 100_000, b"[" * 100_000, b'["a' * 50_000, b"[" + b" " * 300_000]
)
def test_hostile_documents_end(raw: bytes) -> None:
    assert all(len(line) <= module.LONGEST for line in laid_out(raw).lines)


def test_lines_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LINES", 50)
    found = laid_out(b"[0" + b",0" * 100 + b"]")
    assert len(found.lines) == 50 and found.cut


def test_words_behind_options_are_masked() -> None:
    raw = b'{"Cmd": ["app", "--password", "s3", "-u", "ann:pw"], "a": "--token", "b": "kept", "c": ["x", {"d": "e"}]}'
    found = laid_out(raw)
    assert [line.strip() for line in found.masked.values()] == [f'"{HIDDEN}",', f'"ann:{HIDDEN}"']


def test_it_can_be_cancelled() -> None:
    cancellation = Cancellation()
    cancellation.cancel()
    with pytest.raises(Cancelled):
        pretty(b"{}", cancellation)
