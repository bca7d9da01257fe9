"""What inspect prints: no value that looks like a secret, wherever the image has it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from longshore.application.comparing.comparison import compare
from longshore.application.inspection.values import Inspected
from longshore.application.signatures.verifying import SignatureState, Verdict
from longshore.cli import inspect_compare, verify
from longshore.cli.inspect_output import Shown, lines, values
from longshore.cli.output import Output
from longshore.oci.image_config import HealthCheck, RunConfig
from longshore.oci.reference import Reference
from longshore.transfers.transfer import ArchivePlace, Endpoint, LibraryPlace

FOUND = replace(
    Inspected(Endpoint(LibraryPlace(Path("/library")), Reference.parse("r.io/a:1"))),
    run=RunConfig(
        entrypoint=("app", "--password=hidden1"),
        command=("--token", "hidden2"),
        environment=(
            "GITHUB_PAT=ghp_hidden3hidden3",
            "CONN=Server=x;Password=hidden4;",
            "OPTS=-Dpassword=hidden5",
        ),
        health_check=HealthCheck(("CMD-SHELL", "curl -u bob:hidden6 http://h")),
    ),
    labels=(("note", "password=hidden7"), ("kept", "yes")),
    annotations=(("api-token", "hidden8"),),
    settings=(("config.OnBuild", '["RUN","--password","hidden9"]'),),
)


def test_what_looks_like_a_secret_is_masked_until_it_is_asked_for() -> None:
    shown = "\n".join([*lines(Shown(FOUND)), json.dumps(values(Shown(FOUND)), ensure_ascii=False)])
    assert "hidden" not in shown
    assert "curl -u bob:•••• http://h" in shown and "kept=yes" in shown
    asked = "\n".join([*lines(Shown(FOUND, secrets=True)), json.dumps(values(Shown(FOUND, secrets=True)))])
    assert [number for number in range(1, 10) if f"hidden{number}" not in asked] == []


def test_an_image_without_a_name_is_called_by_its_file(capsys: pytest.CaptureFixture[str]) -> None:
    end = Endpoint(ArchivePlace(Path("/x/pg.tar")), None)
    compared = compare(Inspected(end), Inspected(end))
    assert list(inspect_compare.lines(compared, None, secrets=False))[:2] == [
        "Left   pg.tar",
        "Right  pg.tar",
    ]
    verdict = Verdict(f"sha256:{'a' * 64}", SignatureState.UNSIGNED)
    verify._show(end, verdict, Output(as_json=False, quiet=False))
    assert capsys.readouterr().out.startswith("pg.tar: ")
