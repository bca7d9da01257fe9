"""``history`` and ``queue`` call only the user's library the library; other folders have their own names."""

from __future__ import annotations

from pathlib import Path

import pytest

import longshore
from longshore.cli import main, parser
from longshore.cli.output import Output
from longshore.library.library import Library
from longshore.oci.reference import Reference
from transfertools.layouts import image, put


def test_the_destination_in_the_history(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(Library(tmp_path / "source"), image(b"one"), Reference.parse("r.io/app:1"))
    source = f"oci:{tmp_path}/source:r.io/app:1"
    longshore.transfer(source, f"oci:{tmp_path}/lq:q/q:1", history=True)
    longshore.transfer(source, "library:app:1", history=True)
    words = ["history"]
    arguments = parser.command_parser(words).parse_args(words)
    session = main._session(arguments)
    try:
        assert arguments.run(session, arguments, Output(as_json=False, quiet=False)) == 0
    finally:
        session.close()
    _, own, other = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ("Library" in own, "lq" in own) == (True, False)
    assert ("Library" in other, "lq" in other) == (False, True)
