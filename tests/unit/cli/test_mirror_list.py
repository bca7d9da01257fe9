"""``mirror list``: the options of rules, schedules of files, and names that are both a rule and a file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from longshore.application.mirrors.rules import MirrorRules
from longshore.application.mirrors.rules_file import read_rules
from longshore.application.session import Session
from longshore.cli import mirror_schedules
from longshore.cli.output import Output
from longshore.cli.parser import command_parser

RULES = """\
mirrors:
- {name: m.yaml, source: a.example/x, destination: b.example/x}
- name: full
  source: a.example/y
  destination: b.example/y
  tags: "1.*"
  newest: 3
  minimum_age_days: 7
  platforms: [linux/amd64, linux/arm64]
  referrers: true
  extras: delete
"""


def test_options_schedules_and_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "m.yaml"
    path.write_text(RULES)
    names = {f"XDG_{kind}_HOME": str(tmp_path / kind) for kind in ("CONFIG", "STATE", "CACHE", "DATA")}
    session = Session({**os.environ, **names})
    monkeypatch.setattr(
        mirror_schedules, "times", lambda *_: {str(path): "daily", "full": "weekly", "m.yaml": "hourly"}
    )

    def listed(*named: str, as_json: bool = False) -> tuple[str, str]:
        arguments = command_parser(["mirror", "list", *named]).parse_args(["mirror", "list", *named])
        assert arguments.run(session, arguments, Output(as_json=as_json, quiet=True)) == 0
        out, err = capsys.readouterr()
        return out, err

    try:
        # Of a file: its own schedule, and not that of a saved rule of the same name.
        out, err = listed("./m.yaml")
        assert [" ".join(line.split()) for line in out.splitlines()] == [
            "m.yaml a.example/x b.example/x * daily",
            "full a.example/y b.example/y 1.* newest 3, 7 days old, linux/amd64, linux/arm64, signatures, "
            "deletes extras daily",
        ]
        assert err == ""
        MirrorRules(session.settings).save(read_rules(path)[0])
        out, err = listed("m.yaml", as_json=True)
        assert [json.loads(line)["schedule"] for line in out.splitlines()] == ["hourly"]
        assert err == "longshore: m.yaml: the saved rule is used, not the file. For the file: ./m.yaml\n"
        assert listed()[1] == ""
    finally:
        assert session.close()
