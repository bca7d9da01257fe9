"""Several programs change one document: what each wrote is there in the end, whatever the order of their steps."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from longshore import shared_files
from longshore.cancellation import Cancellation
from longshore.shared_files import (
    DidNotLast,
    FileTooLarge,
    LockBusy,
    NotAFile,
    NotAnObject,
    SharedFile,
    json_object,
    locked,
    read_file,
    write_durably,
)


def _adding(key: str, value: Any = 1) -> Callable[[bytes | None], bytes]:
    return lambda raw: json.dumps({**json.loads(raw or b"{}"), key: value}).encode()


def _replace(path: Path, text: str) -> None:
    """Replace the file as a program without our lock does."""
    other = path.with_name("foreign.tmp")
    other.write_text(text)
    other.replace(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "doc.json"


def test_a_document_is_created_private_and_whole(path: Path) -> None:
    change = SharedFile(path).change(_adding("a"))
    assert (change.before, change.after, change.merged) == (None, b'{"a": 1}', 0)
    assert path.read_bytes() == b'{"a": 1}'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_nothing_is_written_where_nothing_changes(path: Path) -> None:
    shared = SharedFile(path)
    shared.change(_adding("a"))
    before = path.stat()
    assert shared.change(lambda raw: raw).after == b'{"a": 1}'
    assert shared.change(lambda raw: None).after == b'{"a": 1}'
    assert path.stat().st_ino == before.st_ino


def test_every_text_is_newer_than_the_last_whatever_the_clock_says(path: Path) -> None:
    """A program that watches by stat(2) must see each change: inode and size may be those of an older text."""
    shared = SharedFile(path)
    shared.change(_adding("a"))
    ahead = path.stat().st_mtime_ns + 10**12
    os.utime(path, ns=(ahead, ahead))
    shared.change(_adding("a", 2))
    assert path.stat().st_mtime_ns == ahead + 1
    os.utime(path, ns=(0, 0))
    shared.change(_adding("a", 3))
    assert 1 < path.stat().st_mtime_ns < ahead


def test_what_the_merge_raises_changes_nothing(path: Path) -> None:
    shared = SharedFile(path)
    shared.change(_adding("a"))
    with pytest.raises(ZeroDivisionError):
        shared.change(lambda raw: b"x" * (1 // 0))
    assert path.read_bytes() == b'{"a": 1}'
    assert _left(path) == []


def test_a_text_that_comes_between_reading_and_writing_is_merged(path: Path) -> None:
    shared = SharedFile(path)
    shared.change(_adding("old"))
    calls = []

    def merge(raw: bytes | None) -> bytes:
        calls.append(raw)
        if len(calls) <= 2:  # after we read, before we write
            _replace(path, json.dumps({f"foreign{len(calls)}": len(calls), "old": 1}))
        return _adding("ours")(raw)

    change = shared.change(merge)
    assert json.loads(path.read_bytes()) == {"foreign2": 2, "old": 1, "ours": 1}
    assert change.merged == 2
    assert _left(path) == []


def test_a_document_that_another_program_creates_first_is_merged(path: Path) -> None:
    path.parent.mkdir()
    seen = []

    def merge(raw: bytes | None) -> bytes:
        seen.append(raw)
        if raw is None:
            _replace(path, '{"foreign": 1}')
        return _adding("ours")(raw)

    SharedFile(path).change(merge)
    assert json.loads(path.read_bytes()) == {"foreign": 1, "ours": 1}
    assert seen == [None, b'{"foreign": 1}']


@pytest.mark.parametrize("times", [1, 2])
def test_texts_that_land_in_the_moment_of_the_exchange_are_merged(
    path: Path, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The narrowest gap: another program renames its file between the last check and the exchange, and again before
    its text has been put back."""
    shared = SharedFile(path)
    shared.change(_adding("old"))
    swap = shared_files._swap
    writes = iter(range(1, times + 1))

    def interfered(one: Path, other: Path) -> bool:
        number = next(writes, None)
        if number is not None:
            _replace(path, json.dumps({"foreign": number}))
        return swap(one, other)

    monkeypatch.setattr(shared_files, "_swap", interfered)
    shared.change(_adding("ours"))
    assert json.loads(path.read_bytes()) == {"foreign": times, "ours": 1}
    assert _left(path) == []


def test_a_program_that_writes_within_every_exchange_is_not_followed_for_ever(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is reported, and the last text of that program is there."""
    shared = SharedFile(path)
    shared.change(_adding("old"))
    swap = shared_files._swap
    writes = iter(range(1, 1000))
    last = 0

    def interfered(one: Path, other: Path) -> bool:
        nonlocal last
        last = next(writes)
        _replace(path, json.dumps({"foreign": last}))
        return swap(one, other)

    monkeypatch.setattr(shared_files, "_swap", interfered)
    with pytest.raises(DidNotLast):
        shared.change(_adding("ours"))
    assert json.loads(path.read_bytes()) == {"foreign": last}
    assert last < 100
    assert _left(path) == []


def test_a_text_written_after_the_one_that_was_displaced_is_the_newest(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = SharedFile(path)
    shared.change(_adding("old"))
    swap = shared_files._swap
    swaps: list[int] = []

    def interfered(one: Path, other: Path) -> bool:
        swaps.append(1)
        if len(swaps) > 1:
            return swap(one, other)
        _replace(path, '{"foreign": 1}')
        done = swap(one, other)
        _replace(path, '{"foreign": 2}')
        return done

    monkeypatch.setattr(shared_files, "_swap", interfered)
    shared.change(_adding("ours"))
    assert json.loads(path.read_bytes()) == {"foreign": 2, "ours": 1}
    assert len(swaps) == 2  # the newest text was never displaced
    assert _left(path) == []


def test_without_an_exchange_it_is_looked_at_once_more_before_the_rename(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_files, "_swap", lambda one, other: False)
    shared = SharedFile(path)
    shared.change(_adding("old"))
    calls = []

    def merge(raw: bytes | None) -> bytes:
        calls.append(raw)
        if len(calls) == 1:
            _replace(path, '{"foreign": 1}')
        return _adding("ours")(raw)

    shared.change(merge)
    assert json.loads(path.read_bytes()) == {"foreign": 1, "ours": 1}


def test_what_overwrites_us_afterwards_is_merged_while_we_watch(path: Path) -> None:
    shared = SharedFile(path, settle=30.0)
    shared.change(lambda raw: None)
    path.write_text('{"old": 1}')
    overwritten = threading.Event()

    def stale_writer() -> None:
        while path.read_bytes() == b'{"old": 1}':
            pass
        overwritten.set()  # before it is: a merge in between would not see it, and the watch would go on
        _replace(path, '{"old": 1, "theirs": 1}')

    thread = threading.Thread(target=stale_writer)
    thread.start()
    # The watch would last for 30 s; it ends once the second text is being merged.
    enough = Cancellation()

    def merge(raw: bytes | None) -> bytes:
        if overwritten.is_set():
            enough.cancel()
        return _adding("ours")(raw)

    change = shared.change(merge, cancellation=enough)
    thread.join()
    assert json.loads(path.read_bytes()) == {"old": 1, "theirs": 1, "ours": 1}
    assert change.merged == 1


def test_a_program_that_never_stops_overwriting_is_reported(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.parent.mkdir()
    path.write_text("{}")
    numbers = iter(range(1000))

    def merge(raw: bytes | None) -> bytes:
        _replace(path, json.dumps({"n": next(numbers)}))
        return _adding("ours")(raw)

    with pytest.raises(DidNotLast):
        SharedFile(path).change(merge)
    assert _left(path) == []


def test_a_link_is_followed_and_stays_or_is_refused(tmp_path: Path) -> None:
    real = tmp_path / "real" / "doc.json"
    real.parent.mkdir()
    real.write_text("{}")
    link = tmp_path / "doc.json"
    link.symlink_to(real)
    SharedFile(link).change(_adding("a"))
    assert link.is_symlink()
    assert real.read_bytes() == b'{"a": 1}'
    write_durably(link, b"[]")
    assert link.is_symlink()
    assert real.read_bytes() == b"[]"
    with pytest.raises(NotAFile):
        SharedFile(link, follow=False).change(_adding("b"))
    assert real.read_bytes() == b"[]"


def test_the_permissions_of_a_document_are_kept_less_what_is_forbidden(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("{}")
    path.chmod(0o644)
    SharedFile(path, mode=0o644).change(_adding("a"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    SharedFile(path).change(_adding("b"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.mkdir()])
def test_what_is_no_file_is_refused_at_once(path: Path, make: Callable[[Path], None]) -> None:
    path.parent.mkdir()
    make(path)
    with pytest.raises(NotAFile):
        read_file(path)
    with pytest.raises(NotAFile):
        SharedFile(path).change(_adding("a"))


def test_reading_is_bounded(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"x" * 101)
    with pytest.raises(FileTooLarge):
        read_file(path, 100)
    assert len(read_file(path, 101)) == 101
    assert SharedFile(path.with_name("absent")).read() is None


def test_a_lock_that_is_held_ends_the_wait_in_an_error(path: Path) -> None:
    shared = SharedFile(path)
    shared.change(_adding("a"))
    with locked(path.with_name(".doc.json.longshore.lock")), pytest.raises(LockBusy):
        shared.change(_adding("b"), patience=0.01)
    assert path.read_bytes() == b'{"a": 1}'


def test_what_killed_writers_left_is_removed_but_not_under_a_living_one(path: Path) -> None:
    shared = SharedFile(path)
    shared.change(_adding("a"))
    left = path.with_name(".doc.json.longshore-0123456789abcdef.tmp")
    other = path.with_name(".doc.json.other.tmp")
    left.write_text("secret")
    other.write_text("not ours")
    with locked(path.with_name(".doc.json.longshore.lock")):
        shared.clear()
        assert left.exists()
    shared.clear()
    assert not left.exists()
    assert other.exists()
    left.write_text("secret")
    shared.change(_adding("b"))
    assert not left.exists()
    SharedFile(path.parent / "nowhere" / "doc.json").clear()


_PROGRAM = """
import json, sys
from pathlib import Path
from longshore.shared_files import SharedFile
shared = SharedFile(Path(sys.argv[1]))
for each in range(40):
    shared.change(lambda raw: json.dumps({**json.loads(raw or b"{}"), f"{sys.argv[2]}-{each}": 1}).encode())
"""


def test_programs_side_by_side_lose_nothing(path: Path) -> None:
    programs = [subprocess.Popen([sys.executable, "-c", _PROGRAM, str(path), str(name)]) for name in range(4)]
    assert [program.wait() for program in programs] == [0] * 4
    assert len(json.loads(path.read_bytes())) == 160
    assert _left(path) == []


def _left(path: Path) -> list[str]:
    return [each.name for each in path.parent.iterdir() if each.name.endswith(".tmp")]


_KILLED = """
import os, signal, sys
from pathlib import Path
from longshore.shared_files import write_durably
step, last = 0, int(sys.argv[2])
def counted(event, arguments):
    global step
    if event in ("open", "os.rename", "os.link", "os.remove", "os.mkdir", "os.chmod"):
        step += 1
        if step > last:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(counted)
write_durably(Path(sys.argv[1]), b"new" * 100_000)
"""


def test_a_file_with_one_writer_that_is_killed_at_any_step_is_the_old_or_the_new(path: Path) -> None:
    path.parent.mkdir()
    seen = []
    for last in range(50):
        path.write_bytes(b"old")
        done = subprocess.run([sys.executable, "-c", _KILLED, str(path), str(last)], check=False)
        seen.append(path.read_bytes())
        assert seen[-1] in (b"old", b"new" * 100_000), last
        if done.returncode == 0:
            break
    assert len(seen) > 2
    assert (seen[0], seen[-1]) == (b"old", b"new" * 100_000)


@pytest.mark.parametrize("deepest", [1, 2, 100])
def test_a_document_may_be_nested_so_deeply_and_no_deeper(deepest: int) -> None:
    fits = '{"a":' * deepest + "1" + "}" * deepest
    mixed = '{"a":' + "[" * (deepest - 1) + "]" * (deepest - 1) + "}" if deepest > 1 else '{"a": 1}'
    assert json_object(fits.encode(), deepest) == json.loads(fits)
    assert json_object(mixed.encode(), deepest) == json.loads(mixed)
    for deeper in ('{"b":' + fits + "}", '{"a": 1, "b": [' + fits + "]}"):
        with pytest.raises(NotAnObject, match="Nested too deeply"):
            json_object(deeper.encode(), deepest)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "line 1, column 1"),
        (b'{"secret": hunter2}', "line 1, column 12"),
        (b"[1]", "Not a JSON object"),
        (b"\xff\xfe\xfd", "Not JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "Not JSON"),
        (b"[" * 100_000, "Nested too deeply"),
    ],
    ids=["empty", "word", "list", "bytes", "number", "deep"],
)
def test_what_is_no_object_is_told_by_place_and_never_quoted(raw: bytes, why: str) -> None:
    with pytest.raises(NotAnObject, match=why) as caught:
        json_object(raw)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__context__ is None or caught.value.__suppress_context__, "it contains the document"
