"""Resuming what ended programs left unfinished, as a command does."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from longshore.application.running import Run
from longshore.application.session import Session
from longshore.transfers.queue.row import Entry
from longshore.transfers.transfer import State, TransferRequest, TransferSnapshot
from longshore.transfers.ways.way import Job
from testbed.errors import TestbedUnavailable
from transfertools import Script, pull
from transfertools.archives import small_disk


@pytest.fixture
def make() -> Iterator[Callable[[], Session]]:
    sessions: list[Session] = []

    def session() -> Session:
        sessions.append(Session(dict(os.environ)))
        return sessions[-1]

    yield session
    for one in sessions:
        assert one.close()


def left(session: Session, *requests: TransferRequest) -> list[str]:
    """The ids of rows that a program left unfinished."""
    rows = [replace(Entry(request).snapshot(0.0), state=State.RUNNING) for request in requests]
    with session.opened_journal() as journal:
        for number, row in enumerate(rows):
            journal.save([row], number)
    return [row.id for row in rows]


def test_a_history_that_cannot_be_written_is_read(
    make: Callable[[], Session], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        with small_disk(tmp_path / "disk", 4_000_000) as disk:
            monkeypatch.setenv("XDG_STATE_HOME", str(disk))
            ids = left(make(), pull("a/b:1"), pull("a/b:2"))
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
            with make().opened_journal(reading=True) as journal:
                ended, others = journal.unfinished()
                assert [row.id for row in ended] == ids and not others
                assert {row.id for row in journal.history()} == set(ids)
    except TestbedUnavailable as problem:
        pytest.skip(str(problem))


def test_each_request_is_resumed_once(make: Callable[[], Session], monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(lambda job, number: "")
    monkeypatch.setattr("longshore.transfers.queue.runner.make_way", script.table().get)
    first, again, other = left(make(), pull("a/b:1"), pull("a/b:1"), pull("a/b:2"))
    seen: list[TransferSnapshot] = []
    session = make()
    ended = Run(session).resume([first, again, other, "of nobody"], seen.extend)
    assert [(row.id, row.state) for row in ended] == [(first, State.SUCCEEDED), (other, State.SUCCEEDED)]
    assert sorted(map(str, script.started)) == sorted(map(str, [pull("a/b:1"), pull("a/b:2")]))
    assert State.INTERRUPTED not in {row.state for row in seen}
    session.close()
    with make().opened_journal() as journal:
        assert journal.unfinished() == ([], [])
        # The second row of the same request is history only.
        states = {row.id: row.state for row in journal.history()}
        assert states == {first: State.SUCCEEDED, again: State.INTERRUPTED, other: State.SUCCEEDED}


def test_what_was_stopped_again_can_be_resumed_again(
    make: Callable[[], Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    def until_cancelled(job: Job, number: int) -> str:
        assert job.cancellation.wait(20)
        job.cancellation.raise_if_cancelled()
        return ""

    monkeypatch.setattr("longshore.transfers.queue.runner.make_way", Script(until_cancelled).table().get)
    (row,) = left(make(), pull("a/b:1"))
    session = make()
    run = Run(session)

    def stop(rows: list[TransferSnapshot]) -> None:
        if rows[-1].state is State.RUNNING:
            run.stop()

    (stopped,) = run.resume([row], stop)
    assert stopped.state is State.RUNNING
    with make().opened_journal() as journal:
        assert [one.id for one in journal.unfinished()[1]] == [row], "it is not free before its program ended"
    session.close()
    monkeypatch.setattr(
        "longshore.transfers.queue.runner.make_way", Script(lambda job, number: "").table().get
    )
    (done,) = Run(make()).resume([row], lambda rows: None)
    assert (done.id, done.state) == (row, State.SUCCEEDED)


def test_nothing_to_resume_ends_at_once(make: Callable[[], Session]) -> None:
    assert Run(make()).resume(["of nobody"], lambda rows: None) == []
