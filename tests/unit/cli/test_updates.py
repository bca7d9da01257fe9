"""The options of ``update``, and what it refuses before anything is asked."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from longshore.application.session import Session
from longshore.application.updates.model import Kind
from longshore.application.updates.snoozes import Snoozes
from longshore.cli import exit_codes
from longshore.cli.output import Output
from longshore.cli.parser import command_parser
from longshore.errors import InvalidInput
from longshore.oci.reference import Reference

Run = Callable[..., int]


@pytest.fixture
def session() -> Iterator[Session]:
    found = Session(dict(os.environ))
    yield found
    assert found.close()


@pytest.fixture
def run(session: Session) -> Run:
    def started(*words: str | Path) -> int:
        argv = ["update", *map(str, words)]
        arguments: argparse.Namespace = command_parser(argv).parse_args(argv)
        code: int = arguments.run(session, arguments, Output(as_json=False, quiet=False))
        return code

    return started


@pytest.mark.parametrize(
    ("typed", "days"), [("30d", 30), ("2w", 14), ("5", 5)], ids=["days", "weeks", "a number"]
)
def test_until_when_updates_are_snoozed(typed: str, days: int) -> None:
    argv = ["update", "redis:7", "--snooze", typed]
    today = datetime.now(UTC).date()
    assert command_parser(argv).parse_args(argv).snooze in (
        today + timedelta(days=days),
        today + timedelta(days=days + 1),  # it is midnight
    )


def test_a_snooze_until_a_day_or_a_change() -> None:
    for typed, until in (("2999-01-31", date(2999, 1, 31)), ("change", "change")):
        argv = ["update", "redis:7", "--snooze", typed]
        assert command_parser(argv).parse_args(argv).snooze == until


@pytest.mark.parametrize(
    "words",
    [
        *(("--snooze", typed) for typed in ("soon", "0d", "2020-01-01", str(datetime.now(UTC).date()))),
        *(("--min-age", typed) for typed in ("1y", "99999d")),
    ],
)
def test_what_is_no_time(words: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["update", "redis:7", *words]
    with pytest.raises(SystemExit) as ended:
        command_parser(argv).parse_args(argv)
    assert ended.value.code == exit_codes.USAGE
    assert words[1] in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--all", "redis:7"),
        ("--all", "-f", "compose.yaml"),
        ("redis:7", "--wake", "--snooze", "1d"),
        ("oci:a",),
    ],
    ids=["nothing", "all and one", "all and a file", "snooze and wake", "a place"],
)
def test_what_is_refused_before_anything_is_asked(run: Run, words: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput):
        run(*words)


def test_all_snoozes_are_ended(run: Run, session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    snoozes = Snoozes(session.settings)
    names = [Reference.parse(name).with_default_tag() for name in ("redis:7", "postgres:16")]
    snoozes.add({(name, Kind.MOVED): "sha256:1" for name in names}, None)
    assert run("redis:7", "--wake") == exit_codes.DONE
    assert set(snoozes.all()) == {(str(names[1]), Kind.MOVED)}
    assert run("--all", "--wake") == exit_codes.DONE
    assert snoozes.all() == {}
    assert "Updates of postgres:16 are offered again." in capsys.readouterr().out
