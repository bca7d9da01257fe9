"""The tag history: recorded before the change, settled after it, shared, bounded, and never in the way."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from longshore.application.tag_history.history import TagHistory
from longshore.application.tag_history.record import TagRecord
from longshore.application.tag_history.store import MOST_LOST
from longshore.oci.manifest import OCI_INDEX, parse_manifest
from longshore.oci.reference import Reference
from longshore.transfers.journal.days import DROPPED_A_DAY
from longshore.transfers.tag_changes import TagChange, TagOperation, recorded
from longshore.transfers.transfer import EnginePlace, LibraryPlace, Place, RegistryPlace
from transfertools import ENGINE

A, B, C = ("sha256:" + letter * 64 for letter in "abc")
REGISTRY = RegistryPlace("127.0.0.1:5000")
DEV = Reference.parse("127.0.0.1:5000/team/web:dev")
PUSH = TagChange(REGISTRY, DEV, TagOperation.PUSH, A)

Open = Callable[..., TagHistory]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "tags.sqlite3"


@pytest.fixture
def opened(path: Path) -> Iterator[Open]:
    """Opens the history; all are closed at the end."""
    made: list[TagHistory] = []

    def opens(**more: object) -> TagHistory:
        history = TagHistory(path, lambda place: "ann", **more)  # type: ignore[arg-type]
        made.append(history)
        return history

    yield opens
    for history in made:
        history.close()


def made(history: TagHistory, change: TagChange, now: str | None) -> TagRecord:
    """Announce and settle *change*; return its record."""
    (key,) = history.announce([change])
    history.settle({key: now})
    (record,) = history.starting_with(key)
    return record


def test_a_change_is_known_before_it_is_made_and_settled_after_it(opened: Open) -> None:
    history, other = opened(), opened()
    (key,) = history.announce([replace(PUSH, transfer="t1", origins=("127.0.0.1:5000/team/web@" + A,))])
    (record,) = other.latest()
    assert (record.id, record.open, record.before, record.after) == (key, True, A, None)
    assert (record.place, record.reference, record.operation) == (REGISTRY, DEV, TagOperation.PUSH)
    assert (record.by, record.transfer, record.group) == ("ann", "t1", "t1")
    assert record.origins == ("127.0.0.1:5000/team/web@" + A,)
    history.settle({key: B})
    assert other.latest() == [replace(record, open=False, after=B)]


@pytest.mark.parametrize("before", [A, "", None])
def test_what_did_not_change_is_not_kept(opened: Open, before: str | None) -> None:
    history = opened()
    change = replace(PUSH, before=before)
    (key,) = history.announce([change])
    history.settle({key: before})
    # What was unknown before and still is may have changed.
    assert [record.open for record in history.latest()] == ([True] if before is None else [])


def test_a_change_that_fails_is_as_the_place_says(opened: Open) -> None:
    history = opened()
    changes = [replace(PUSH, reference=DEV.with_tag(tag)) for tag in ("moved", "same", "unknown", "done")]
    now = dict(zip(changes, (B, A, None, "not asked"), strict=True))

    class Failed(Exception):
        pass

    with pytest.raises(Failed), recorded(history, changes, now.__getitem__) as found:
        found[changes[3]] = C
        raise Failed
    assert {record.tag: (record.after, record.open) for record in history.latest()} == {
        "moved": (B, False),
        "unknown": (None, True),
        "done": (C, False),
    }


def test_a_change_whose_program_was_killed_is_settled_by_the_next_one(opened: Open) -> None:
    history = opened()
    (killed,) = history.announce([replace(PUSH, after=B)])
    (unknown,) = history.announce([replace(PUSH, reference=DEV.with_tag("unknown"))])
    (other,) = history.announce([replace(PUSH, reference=DEV.with_tag("other"))])
    history.announce([replace(PUSH, before=B), replace(PUSH, reference=DEV.with_tag("unknown"), before=B)])
    # Without the digest that it was to make, it may have been somebody else.
    assert history.starting_with(unknown)[0].open
    (first,) = history.starting_with(killed)
    assert (first.after, first.open) == (B, False)
    history.announce([replace(PUSH, reference=DEV.with_tag("other"))])  # the killed one changed nothing
    assert history.starting_with(other)[0].open


def test_the_places_of_tags_are_kept_apart(opened: Open) -> None:
    history = opened()
    places: list[Place] = [REGISTRY, EnginePlace(ENGINE), LibraryPlace(Path("/lib"))]
    for place in places:
        made(history, replace(PUSH, place=place), B)
    renamed = EnginePlace(replace(ENGINE, name="another context"))
    assert [record.place for record in history.of_tag(renamed, DEV)] == [EnginePlace(ENGINE)]
    assert [record.place for record in history.of_repository(places[2], DEV)] == [places[2]]
    assert len(history.with_digest(B)) == len(history.with_digest(A)) == 3


def test_the_last_change_is_the_one_that_an_undo_means(opened: Open) -> None:
    history = opened()
    assert history.last() == []
    first = made(history, PUSH, B)
    second = made(history, replace(PUSH, before=B), C)
    assert history.last() == [second]
    back = replace(PUSH, operation=TagOperation.UNDO, before=C, undoes=second.id)
    undo = made(history, back, B)
    assert [one.undone_by for one in history.starting_with(second.id)] == [undo.id]
    # Undo again means the change before, not the undo.
    assert history.last() == [first]
    made(history, replace(PUSH, operation=TagOperation.UNDO, before=B, undoes=undo.id), C)
    # The undo was undone: the change is in force again.
    assert [one.id for one in history.last()] == [second.id]


def test_an_undo_that_did_nothing_undid_nothing(opened: Open) -> None:
    history = opened()
    first = made(history, PUSH, B)
    (key,) = history.announce([replace(PUSH, operation=TagOperation.UNDO, before=B, undoes=first.id)])
    history.settle({key: B})
    assert history.last() == [first]


def test_changes_of_one_action_belong_together(opened: Open) -> None:
    history = opened()
    changes = [replace(PUSH, reference=DEV.with_tag(str(number)), group="g") for number in range(3)]
    ids = history.announce(changes)
    history.settle(dict.fromkeys(ids, ""))
    assert [record.tag for record in history.last()] == ["2", "1", "0"]
    made(history, replace(changes[1], operation=TagOperation.UNDO, before="", undoes=ids[1], group=""), A)
    assert [record.tag for record in history.last()] == ["2", "0"]


def test_what_was_seen_is_news_only_about_known_tags(opened: Open) -> None:
    history = opened()
    made(history, PUSH, B)
    other = DEV.with_tag("other")
    history.saw(REGISTRY, {DEV: B, other: C}, time.monotonic())
    assert len(history.latest()) == 1
    history.saw(REGISTRY, {DEV: A}, 0.0)  # asked before the push
    assert len(history.latest()) == 1
    history.saw(REGISTRY, {DEV: C, other: C}, time.monotonic())
    seen, _ = history.latest()
    assert (seen.operation, seen.before, seen.after, seen.by) == (TagOperation.SEEN, B, C, "")
    history.saw(REGISTRY, {DEV: C}, time.monotonic())
    assert len(history.latest()) == 2
    assert [record.operation for record in history.last()] == [TagOperation.PUSH]


def test_what_was_seen_settles_a_change_that_was_only_announced(opened: Open) -> None:
    history = opened()
    (key,) = history.announce([replace(PUSH, after=B)])
    history.saw(REGISTRY, {DEV: A}, time.monotonic())  # it may be about to be made
    assert history.starting_with(key)[0].open
    history.saw(REGISTRY, {DEV: C}, time.monotonic())  # somebody else's
    assert history.starting_with(key)[0].open
    history.saw(REGISTRY, {DEV: B}, time.monotonic())
    (record,) = history.latest()
    assert (record.id, record.after, record.open) == (key, B, False)


def test_the_manifest_of_a_removed_image_is_kept(opened: Open) -> None:
    history = opened()
    raw = b'{"schemaVersion":2,"mediaType":"' + OCI_INDEX.encode() + b'","manifests":[]}'
    manifest = parse_manifest(raw, OCI_INDEX)
    removal = replace(
        PUSH, operation=TagOperation.REMOVE, before=manifest.digest, after="", manifest=manifest
    )
    made(history, removal, "")
    kept = opened().manifest(manifest.digest)
    assert kept is not None
    assert (kept.raw, kept.media_type) == (raw, OCI_INDEX)
    assert history.manifest(A) is None


@pytest.mark.expects_log("a record of the tag history cannot be read")
def test_damaged_rows_and_manifests_are_left_out(opened: Open, path: Path) -> None:
    history = opened()
    made(history, PUSH, B)
    kept = made(history, replace(PUSH, reference=DEV.with_tag("kept")), B)
    history.close()
    with sqlite3.connect(path) as database:
        for column, value in (("at", 1e300), ("before", "sha256:no"), ("operation", "what"), ("place", "[")):
            database.execute(
                f"INSERT INTO changes SELECT number + 100 + abs(random() % 10000), '{column}', at, seen, key, place,"
                " repository, tag, operation, before, after, open, by, transfer, together, undoes, undone_by, origins"
                " FROM changes WHERE tag = 'dev' LIMIT 1"
            )
            database.execute(f"UPDATE changes SET {column} = ? WHERE id = '{column}'", [value])
        database.execute("UPDATE changes SET repository = 'NOT A NAME' WHERE tag = 'dev' AND length(id) = 32")
        database.execute("INSERT INTO manifests VALUES (?, ?, ?, 1)", [A, OCI_INDEX, b"{}"])
    database.close()
    again = opened()
    assert again.latest() == [kept]
    assert again.manifest(A) is None


def test_it_is_bounded_in_rows(opened: Open) -> None:
    history = opened(limits=lambda: (90, 100))
    keys = history.announce([replace(PUSH, reference=DEV.with_tag(str(number))) for number in range(130)])
    history.settle(dict.fromkeys(keys, B))
    history.trim()
    assert [record.tag for record in history.latest()] == [str(number) for number in range(129, 29, -1)]


def test_age_needs_several_days_of_the_clock(opened: Open) -> None:
    today = (date(2026, 11, 27) - date(1970, 1, 1)).days
    now = [float(today)]

    def clock() -> float:
        return now[0] * 86400 + 3600

    history = opened(clock=clock)
    old = [replace(PUSH, reference=DEV.with_tag(str(number))) for number in range(DROPPED_A_DAY + 5)]
    history.settle(dict.fromkeys(history.announce(old), B))
    now[0] = today + 400  # one wrong reading, years away
    history.announce([PUSH])
    history.trim()
    assert len(history.latest()) == len(old) + 1
    for day in (401, 402, 403):
        now[0] = today + day
        history.announce([PUSH])
    history.trim()
    assert len(history.latest()) == 5 + 4  # not all of them on one day


@pytest.mark.expects_log("tag history")
def test_where_nothing_can_be_written_it_works_in_memory_and_is_written_later(
    tmp_path: Path,
) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("not a folder")
    path = blocker / "tags.sqlite3"
    history = TagHistory(path)
    record = made(history, PUSH, B)
    assert history.problem == f"{blocker}: File exists."
    assert history.last() == [record]
    blocker.unlink()
    history.close()
    other = TagHistory(path)
    assert other.last() == [record]
    assert (other.problem, other.set_aside) == ("", None)
    other.close()


@pytest.mark.expects_log("tag history")
def test_a_file_that_can_only_be_read_is_read(
    opened: Open, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = made(opened(), PUSH, B)

    def read_only(*_: object) -> sqlite3.Connection:
        error = sqlite3.OperationalError("attempt to write a readonly database")
        error.sqlite_errorcode = sqlite3.SQLITE_READONLY
        raise error

    with monkeypatch.context() as patched:
        patched.setattr("longshore.transfers.journal.file._open", read_only)
        history = opened()
        assert history.latest() == [first]
        assert history.problem == "The file is read-only."
        second = made(history, replace(PUSH, before=B), C)
        assert history.latest() == [second, first]
    history.close()
    assert opened().latest() == [second, first]


@pytest.mark.expects_log("tag history")
def test_a_broken_file_is_set_aside(opened: Open, path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"This is no database. " * 100)
    history = opened()
    record = made(history, PUSH, B)
    assert history.set_aside is not None
    assert history.set_aside.path is not None
    assert history.set_aside.path.read_bytes().startswith(b"This is no database.")
    assert opened().last() == [record]


@pytest.mark.expects_log("tag history")
def test_a_full_disk_loses_nothing_of_this_run(opened: Open, path: Path) -> None:
    history = opened()
    first = made(history, PUSH, B)
    assert history._store is not None
    history._store.connection.execute("PRAGMA max_page_count = 1")  # as small as it is now
    many = [replace(PUSH, reference=DEV.with_tag("x" * 100 + str(number))) for number in range(200)]
    keys = history.announce(many)
    assert history.problem == "The disk is full."
    history.settle(dict.fromkeys(keys, C))
    assert history.starting_with(keys[7])[0].after == C
    assert history.starting_with(first.id) == [first]
    assert len(opened().latest()) == 1
    history.close()  # there is room again
    assert len(opened().latest()) == 201


def test_a_file_that_vanishes_is_made_again(opened: Open, path: Path) -> None:
    history = opened()
    made(history, PUSH, B)
    for one in path.parent.glob("tags.sqlite3*"):
        one.unlink()
    record = made(history, replace(PUSH, before=B), C)
    assert opened().latest() == [record]


def test_two_programs_write_at_the_same_time(path: Path) -> None:
    program = f"""
import sys
import time
from pathlib import Path
sys.path[:0] = {sys.path!r}
from longshore.application.tag_history.history import TagHistory
from longshore.oci.reference import Reference
from longshore.transfers.tag_changes import TagChange, TagOperation
from longshore.transfers.transfer import RegistryPlace
history = TagHistory(Path(sys.argv[1]))
for number in range(40):
    name = Reference.parse("127.0.0.1:5000/team/web:" + sys.argv[2] + str(number))
    (key,) = history.announce([TagChange(RegistryPlace("127.0.0.1:5000"), name, TagOperation.PUSH, "")])
    history.settle({{key: "sha256:" + "a" * 64}})
assert not history.problem, history.problem
history.close()
"""
    running = [subprocess.Popen([sys.executable, "-c", program, str(path), name]) for name in ("a", "b")]
    assert [one.wait(60) for one in running] == [0, 0]
    history = TagHistory(path)
    assert sorted(record.tag for record in history.latest() if not record.open) == sorted(
        f"{name}{number}" for name in "ab" for number in range(40)
    )
    history.close()


def test_a_change_is_on_disk_when_a_program_is_killed_before_it_makes_it(path: Path) -> None:
    program = f"""
import os, signal, sys
from pathlib import Path
sys.path[:0] = {sys.path!r}
from longshore.application.tag_history.history import TagHistory
from longshore.oci.reference import Reference
from longshore.transfers.tag_changes import TagChange, TagOperation
from longshore.transfers.transfer import RegistryPlace
name = Reference.parse("127.0.0.1:5000/team/web:dev")
TagHistory(Path(sys.argv[1])).announce(
    [TagChange(RegistryPlace("127.0.0.1:5000"), name, TagOperation.PUSH, "sha256:" + "a" * 64)]
)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program, str(path)], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    history = TagHistory(path)
    (record,) = history.latest()
    assert (record.before, record.after, record.open) == (A, None, True)
    assert path.stat().st_mode & 0o777 == 0o600
    history.close()


def test_images_without_a_name_are_counted(opened: Open) -> None:
    history, other = opened(), opened()
    assert history.lost_since([]) == (0, False)
    first = made(history, replace(PUSH, group="first"), B)
    for group in ("prune", "prune", "first"):
        history.lost(group)
    assert other.lost_since([first]) == (1, True)
    history.lost("prune")
    assert other.lost_since([]) == (3, False)
    second = made(history, replace(PUSH, before=B), C)
    assert other.lost_since([second]) == (0, False)
    assert other.lost_since([first])[0] == 3
    for number in range(MOST_LOST + 5):
        history.lost(f"many {number}")
    assert history._store is not None
    assert history._store.connection.execute("SELECT count(*) FROM lost").fetchone() == (MOST_LOST,)
