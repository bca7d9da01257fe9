"""A transfer begins only once its row is on disk: after a kill, every transfer that was begun is found."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from longshore.transfers.journal.journal import Journal
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.transfer import State
from transfertools import Eye, Gate, Script, pull, wait_until

Make = Callable[..., tuple[TransferQueue, Eye]]

CHILD = """
import os, signal, sys, threading
from pathlib import Path
from types import SimpleNamespace
sys.path[:0] = sys.argv[4:]
from longshore.errors import NotInRegistry
from longshore.transfers.clients import NO_GATE
from longshore.transfers.journal.journal import Journal
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.transfer import State
from transfertools import Eye, Script, pull

path, how, rows = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
begun, lock = 0, threading.Lock()

def plan(job):
    # The first thing that an attempt does.
    global begun
    with lock:
        begun += 1
        os.write(1, job.request.source.reference.tag.encode() + b"\\n")
        if begun == rows:
            os.kill(os.getpid(), signal.SIGKILL)
            threading.Event().wait()

def run(job, number):
    if how == "retried":
        raise NotInRegistry("no", registry="r")
    return "sha256:abc" if how == "done" else job.cancellation.wait(60)

eye = Eye()
table = Script(run, plan).table()
clients = SimpleNamespace(gate=NO_GATE, hand_over=None)
queue = eye.queue = TransferQueue(clients, Journal(path), wake=eye.wake, ways=table, concurrency=50)
queue.start()
ids = [queue.add(pull(f"a/b:{number}")) for number in range(rows if how == "waiting" else 1)]
for number in range(1, 1 if how == "waiting" else rows):
    eye.until(ids[-1], State.FAILED if how == "retried" else State.SUCCEEDED)
    if how == "retried":
        queue.retry(ids)
    else:
        ids.append(queue.add(pull(f"a/b:{number}")))
eye.until(ids[-1], State.CANCELLED, 60)
"""


def killed(path: Path, how: str, rows: int) -> list[str]:
    """Run the child until it kills itself in attempt number *rows*; return the tags of what was begun."""
    command = [sys.executable, "-c", CHILD, str(path), how, str(rows), *filter(None, sys.path)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL
    return done.stdout.split()


@pytest.mark.parametrize(
    ("how", "rows"),
    [("waiting", 1), ("waiting", 20), ("done", 1), ("done", 7), ("retried", 2), ("retried", 3)],
)
def test_what_was_begun_is_found_after_a_kill_in_that_very_moment(
    tmp_path: Path, how: str, rows: int
) -> None:
    path = tmp_path / "journal.sqlite3"
    begun = killed(path, how, rows)
    assert len(begun) == rows
    journal = Journal(path)
    journal.open()
    found = {one.request.source.reference.tag for one in journal.adopt() if one.request.source.reference}
    history = {one.request.source.reference.tag for one in journal.history() if one.request.source.reference}
    assert journal.close()
    assert history >= set(begun)
    # What ran when the kill came can be resumed, whether it was new or a retry.
    assert begun[-1] in found


def test_a_row_is_shown_at_once_and_begins_when_it_is_on_disk(make_queue: Make, journal: Journal) -> None:
    gate = Gate()
    queue, eye = make_queue(Script(gate.wait))
    wait_until(lambda: eye.wakes)
    assert journal.flush()
    with sqlite3.connect(journal.path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        row = queue.add(pull())
        eye.until(row, State.QUEUED)
        queue.set_limits(concurrency=7)  # have the scheduler look again
        eye.look()
        assert eye.rows[row].state is State.QUEUED
        assert gate.inside == []
        other.execute("ROLLBACK")
    other.close()
    eye.until(row, State.RUNNING)


def test_a_row_that_is_queued_again_waits_for_the_disk_too(make_queue: Make, journal: Journal) -> None:
    gate = Gate()
    queue, eye = make_queue(Script(gate.wait))
    row = queue.add(pull())
    eye.until(row, State.RUNNING)
    queue.cancel([row])
    eye.until(row, State.CANCELLED)
    assert journal.flush()
    with sqlite3.connect(journal.path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        queue.retry([row])
        eye.until(row, State.QUEUED)
        queue.set_limits(concurrency=7)
        assert gate.inside == []
        other.execute("ROLLBACK")
    other.close()
    eye.until(row, State.SUCCEEDED)  # the gate had already let it through


@pytest.mark.expects_log("the journal cannot be written: Another program keeps it locked.")
def test_what_cannot_be_written_begins_and_it_is_said(
    make_queue: Make, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("longshore.transfers.journal.file.WRITE_SECONDS", 0.05)
    gate = Gate()
    queue, eye = make_queue(Script(gate.wait))
    wait_until(lambda: eye.wakes)
    assert journal.flush()
    with sqlite3.connect(journal.path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        row = queue.add(pull())
        eye.until(row, State.RUNNING)
        wait_until(lambda: (eye.look(), eye.unsaved)[1])
        other.execute("ROLLBACK")
    other.close()
    wait_until(lambda: (eye.look(), eye.unsaved[-1] == "")[1])


def test_commits_wait_for_the_disk(journal: Journal) -> None:
    journal.open()
    (level,) = journal._ask(lambda store: store.fetch("PRAGMA synchronous")).result()
    assert level == (2,)  # FULL: each commit is synced
