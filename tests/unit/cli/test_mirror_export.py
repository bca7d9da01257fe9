"""``mirror export`` reports the rules that it leaves out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from longshore.application.session import Session
from longshore.cli import exit_codes
from longshore.cli.output import Output
from longshore.cli.parser import command_parser

GOOD = "{name: good, source: a.example/x, destination: b.example/x}"
BAD = "{name: bad, source: 'docker.io/team/*', destination: b.example/team}"


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ([GOOD], exit_codes.DONE),
        ([GOOD, BAD], exit_codes.SOME_FAILED),
        ([BAD], exit_codes.FAILED),
    ],
)
def test_the_exit_code_says_that_rules_are_left_out(
    rules: list[str], code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mirrors.yaml"
    path.write_text(f"mirrors: [{', '.join(rules)}]\n", encoding="utf-8")
    argv = ["mirror", "export", str(path)]
    arguments = command_parser(argv).parse_args(argv)
    session = Session(dict(os.environ))
    try:
        assert arguments.run(session, arguments, Output(as_json=False, quiet=False)) == code
    finally:
        assert session.close()
    said = capsys.readouterr()
    assert said.out.count("source:") == rules.count(GOOD)
    assert ("bad: " in said.err and "left out" in said.err) is (BAD in rules)
