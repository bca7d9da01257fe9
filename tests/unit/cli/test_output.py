"""What commands print: tables that keep to the width, objects, and sentences about errors."""

from __future__ import annotations

import json

import pytest

from longshore.cli import exit_codes, output
from longshore.cli.output import Output, cut, shortened, width, wrapped
from longshore.errors import InvalidInput, LongshoreError, SignInRequired

DIGEST = f"sha256:{'0123456789abcdef' * 4}"


def test_width_counts_cells() -> None:
    assert width("plain") == 5
    assert width("日本") == 4
    assert width("e\u0301") == 1


@pytest.mark.parametrize(
    ("text", "wide", "short"),
    [
        ("registry/app", 12, "registry/app"),
        ("registry/app", 8, "regi…app"),
        ("registry/app", 1, "r…"),
        ("日本語日本語", 7, "日…本語"),
        (DIGEST, 8, "0123456…"),
        (DIGEST, 21, "sha256:0123456789abc…"),
    ],
)
def test_shortened_in_the_middle(text: str, wide: int, short: str) -> None:
    assert shortened(text, wide) == short
    assert width(short) <= max(wide, 2)


def test_a_piped_table_is_whole_and_a_terminal_s_keeps_to_its_width(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [("registry.example/a/very/long/name/of/a/repository", "1.0")]
    Output(as_json=False, quiet=False).table(("REPOSITORY", "TAG"), rows)
    assert rows[0][0] in capsys.readouterr().out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "30")
    Output(as_json=False, quiet=False).table(("REPOSITORY", "TAG"), rows)
    lines = capsys.readouterr().out.splitlines()
    assert [len(line) for line in lines] == [30, 30]
    assert lines[1].startswith("registry.exa") and lines[1].endswith("1.0")
    Output(as_json=False, quiet=True).table(("REPOSITORY", "TAG"), rows)
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_prose_is_cut_before_a_name_is_shortened(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    rows = [("registry.example/app", "9", "A description of some length.")]
    for columns, line in (
        ("70", "registry.example/app  9      A description of some length."),
        ("45", "registry.example/app  9      A description o…"),
        ("30", "regist…le/app  9      A descr…"),
    ):
        monkeypatch.setenv("COLUMNS", columns)
        Output(as_json=False, quiet=False).table(("REPOSITORY", "STARS", "TEXT"), rows, prose=2)
        printed = capsys.readouterr().out.splitlines()
        assert printed[1] == line and all(len(one) <= int(columns) for one in printed)


def test_spare_columns_are_left_out_before_a_name_cannot_be_read(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    rows = [("registry.example:5000/team/app:1.1", "in sync", "0123456789ab", "ba9876543210")]
    for columns, line in (
        ("80", "registry.example:5000/team/app:1.1  in sync  0123456789ab  ba9876543210"),
        ("61", "registry.exa…eam/app:1.1  in sync  0123456789ab  ba9876543210"),
        ("60", "registry.example:5000/team/app:1.1  in sync  ba9876543210"),
        ("47", "registry.exa…eam/app:1.1  in sync  ba9876543210"),
        ("40", "registry.exampl…00/team/app:1.1  in sync"),
        ("20", "regis…p:1.1  in sync"),
    ):
        monkeypatch.setenv("COLUMNS", columns)
        header = ("IMAGE", "STATE", "HERE", "REGISTRY")
        Output(as_json=False, quiet=False).table(header, rows, spare=(2, 3))
        printed = capsys.readouterr().out.splitlines()
        assert printed[1] == line and all(len(one) <= int(columns) for one in printed)
    monkeypatch.setattr("sys.stdout.isatty", lambda: False)
    Output(as_json=False, quiet=True).table(header, rows, spare=(2, 3))
    assert capsys.readouterr().out == f"{'  '.join(rows[0])}\n"


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (
            100,
            "2 minutes ago  Copy       registry.exa…pository:1.0  registry.exam…pository:1.0  Succeeded  Already…",
        ),
        (80, "2 minutes ago  registry.exam…pository:1.0  registry.exam…pository:1.0  Succeeded"),
        (40, "regist…ry:1.0  registr…ry:1.0  Succeeded"),
    ],
)
def test_several_names_share_what_is_too_wide(
    columns: int, line: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    name = "registry.example:5000/a/long/name/of/a/repository:1.0"
    rows = [("2 minutes ago", "Copy", name, name, "Succeeded", "Already up to date (3 layers)")]
    header = ("FINISHED", "OPERATION", "SOURCE", "DESTINATION", "STATUS", "RESULT")
    Output(as_json=False, quiet=False).table(header, rows, elided=(2, 3), prose=5, spare=(1, 5, 0))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= columns and len(lines[1]) > columns - 3
    assert lines[1] == line


def test_prose_is_wrapped_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    line = "ok       disk /var/lib: There is enough room for everything that you need."
    assert wrapped(line, 9) == [line]
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    assert wrapped(line, 9) == [
        "ok       disk /var/lib: There is enough",
        "         room for everything that you",
        "         need.",
    ]


@pytest.mark.parametrize(
    ("text", "wide", "short"), [("a word", 6, "a word"), ("a word", 3, "a…"), ("日本", 3, "日…")]
)
def test_prose_is_cut_at_its_end(text: str, wide: int, short: str) -> None:
    assert cut(text, wide) == short


def test_a_refused_sign_in_is_not_told_how_to_sign_in(capsys: pytest.CaptureFixture[str]) -> None:
    error = SignInRequired("r requires you to sign in.", registry="r")
    Output(as_json=False, quiet=False, sign_in=False).error(error)
    assert capsys.readouterr().err == "longshore: r requires you to sign in.\n"


def test_objects_do_not_command_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "\x9b31m\u202e\x1b[31m\u2066ä"
    Output(as_json=True, quiet=False).record("x", {"label": hostile})
    printed = capsys.readouterr().out
    assert json.loads(printed)["label"] == hostile
    assert printed.replace("ä", "").rstrip("\n").isascii() and printed.rstrip("\n").isprintable()


def test_an_error_goes_to_standard_error_and_into_the_objects(capsys: pytest.CaptureFixture[str]) -> None:
    error = SignInRequired(
        "registry.example requires you to sign in.",
        registry="registry.example",
        advice="Sign in.",
        detail="HTTP 401\nsecond line",
    )
    Output(as_json=True, quiet=False).error(error)
    printed = capsys.readouterr()
    assert printed.err == (
        "longshore: registry.example requires you to sign in. Sign in.\n"
        "  HTTP 401\n"
        "  second line\n"
        "  To sign in: longshore login registry.example\n"
    )
    found = json.loads(printed.out)
    assert (found["schema"], found["kind"], found["code"]) == (output.SCHEMA, "error", error.code)
    assert found["registry"] == "registry.example"


@pytest.mark.parametrize(
    ("codes", "code"),
    [([], 0), ([0, 0], 0), ([0, 1], 3), ([1, 1], 1), ([4, 4], 4), ([4, 1], 1), ([0, 4], 3), ([0, 130], 130)],
)
def test_the_exit_code_of_several(codes: list[int], code: int) -> None:
    assert exit_codes.of_codes(codes) == code


def test_the_exit_code_of_an_error() -> None:
    assert exit_codes.of_error(InvalidInput("wrong")) == exit_codes.USAGE
    assert exit_codes.of_error(SignInRequired("sign in", registry="a.example")) == exit_codes.REFUSED
    assert exit_codes.of_error(LongshoreError("failed")) == exit_codes.FAILED
