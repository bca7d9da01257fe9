"""A password that is given as an argument is refused, and not repeated."""

from __future__ import annotations

import pytest

from longshore.cli.parser import command_parser


@pytest.mark.parametrize(
    "arguments",
    [
        ["--password", "hunter2"],
        ["--password=hunter2"],
        ["-p", "hunter2"],
        ["-phunter2"],
        ["host.example", "--username", "ann", "-p", "hunter2"],
    ],
    ids=" ".join,
)
def test_there_is_no_option_for_it(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    said = refusal(arguments, capsys)
    assert "--password-stdin" in said and "not taken as an argument" in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["host.example", "ann", "hunter2"],
        ["--passw=hunter2"],
        ["--passwd", "hunter2"],
        ["--password-stdin=hunter2"],
        ["--token=hunter2"],
        ["-P", "hunter2", "host.example"],
    ],
    ids=" ".join,
)
def test_nor_are_other_wrong_arguments_repeated(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "may be a password" in refusal(arguments, capsys)


def test_other_commands_repeat_theirs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command_parser(["whoami", "--chekc"]).parse_args(["whoami", "--chekc"])
    assert "--chekc" in capsys.readouterr().err


def refusal(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    argv = ["login", *arguments]
    with pytest.raises(SystemExit) as caught:
        command_parser(argv).parse_args(argv)
    assert caught.value.code == 2
    printed = capsys.readouterr()
    assert "hunter2" not in printed.out + printed.err
    return printed.err
