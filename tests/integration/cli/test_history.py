"""The history from the command line: newest first, filtered, and without touching what a running program has."""

from __future__ import annotations

import os
from pathlib import Path

from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository

from .conftest import Command


def journal() -> Path:
    return Path(os.environ["XDG_STATE_HOME"], "longshore", "journal.sqlite3")


def test_newest_first_and_filtered(alone: Command, open_registry: PrivateRegistry) -> None:
    assert alone("history").stdout == "No transfers yet.\n"
    seeded = seed_repository(open_registry.address, "cli/past", ["1", "2"])
    names = [f"{open_registry.address}/cli/past:{tag}" for tag in ("1", "2", "none")]
    for name, code in zip(names, (0, 0, 1), strict=True):
        alone("pull", name, "--to", "library", code=code)
    rows = alone.records("history")
    assert [row["kind"] for row in rows] == ["transfer"] * 3
    assert [row["source"]["reference"] for row in rows] == names[::-1]
    assert [row["state"] for row in rows] == ["Failed", "Succeeded", "Succeeded"]
    assert rows[1]["digest"] == seeded.digest
    assert rows[0]["error"]["code"] == "registry.not-found"

    def found(*arguments: str) -> list[str]:
        return [row["source"]["reference"] for row in alone.records("history", *arguments)]

    assert found("--limit", "1") == names[2:]
    assert found("--failed") == names[2:]
    assert found("--filter", "PAST:2") == [names[1]]
    assert found("--filter", "past none has no") == names[2:], "the reason of a failure is searched too"
    assert found("--since", "1h") == names[::-1]
    assert found("--since", "2999-01-01") == []
    assert alone("history", "--since", "2999-01-01").stdout == "No transfers match.\n"

    lines = alone("history").stdout.splitlines()
    assert lines[0].split() == ["FINISHED", "OPERATION", "SOURCE", "DESTINATION", "STATUS", "RESULT"]
    assert lines[2].split()[:6] == ["just", "now", "Pull", names[1], "Library", "Succeeded"]
    assert "up to date" in lines[2]
    assert len(alone("history", "-q").stdout.splitlines()) == 3
    for wrong in (["--limit", "0"], ["--limit", "x"], ["--since", "soon"]):
        assert "not a" in alone("history", *wrong, code=2).stderr


def test_a_history_that_cannot_be_used_is_said(alone: Command) -> None:
    journal().parent.mkdir(parents=True)
    journal().write_bytes(b"this is no database" * 100)
    done = alone("history")
    assert "The history was set aside" in done.stderr
    assert done.stdout == "No transfers yet.\n"
    blocked = Path(os.environ["XDG_STATE_HOME"], "blocked")
    blocked.write_text("a file where a folder should be")
    done = alone("history", code=1, XDG_STATE_HOME=str(blocked))
    assert "The history can't be read or written." in done.stderr
