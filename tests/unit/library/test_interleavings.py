"""The library's code in several programs at once, step by step: whatever the order of their file-system calls, and
wherever one is killed, no named or held image loses a part.

Bounded here; `LONGSHORE_MODEL=long` tries more pre-emptions and more ways (it takes some minutes).
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import pytest

from longshore.cancellation import Cancellation
from longshore.library import collecting
from longshore.library.blobs import Contents
from longshore.library.collecting import Collector
from longshore.library.folder import LayoutFolder
from longshore.library.ingest import Ingest
from longshore.library.leases import Lease
from longshore.library.library import Library
from longshore.oci.layout import LayoutEntry, LayoutIndex
from longshore.oci.manifest import Index, Manifest
from longshore.oci.reference import Reference
from transfertools.library_model import CASES, ONE, THREE, TWO, A, B, C, Case, Desk, Model, holding
from transfertools.stepped_calls import stepping
from transfertools.stepping import Found, explore, wander

LONG = os.environ.get("LONGSHORE_MODEL") == "long"
pytestmark = [pytest.mark.timeout(3600)] if LONG else []


def _explored(case: Case, folder: Path, preemptions: int, kills: int, most_runs: int = 1_000_000) -> Found:
    with stepping():
        return explore(Model(case, folder).start, preemptions=preemptions, kills=kills, most_runs=most_runs)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory if the system has one: thousands of small files are written."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    found = Path(tempfile.mkdtemp(dir=memory))
    yield found
    shutil.rmtree(found)


def _checked(found: Found, what: str, record: Callable[[str, object], None]) -> None:
    """Put the counts into the report, and on the screen with ``-s``."""
    record("model", f"{what}: {found.runs} ways, {found.states} states, {found.steps} steps")
    print(f"\n{what}: {found.runs} ways, {found.states} states, {found.steps} steps")
    assert not found.failure, found.failure


@pytest.mark.parametrize("name", CASES)
def test_in_no_order_of_steps_is_a_part_lost(
    name: str, folder: Path, record_property: Callable[[str, object], None]
) -> None:
    case = CASES[name]
    two = len(case.programs) == 2
    preemptions, kills, most = (2, 0, 5_000) if LONG else (1, 0, 1000 if two else 40)
    found = _explored(case, folder, preemptions, kills, most)
    _checked(found, f"{name}, {preemptions} pre-emptions, {kills} kills", record_property)
    assert found.states > 50


_KILLED = [
    "pull what is removed",
    "read an index that is removed",
    "tags and removals after a look",
    "tidy beside a removal",
    "fill what is left beside one stream",
]


@pytest.mark.parametrize("name", CASES if LONG else _KILLED)
def test_wherever_a_program_is_killed_no_part_is_lost(
    name: str, folder: Path, record_property: Callable[[str, object], None]
) -> None:
    preemptions, kills, most = (1, 1, 2_000) if LONG else (0, 1, 1000)
    found = _explored(CASES[name], folder, preemptions, kills, most)
    _checked(found, f"{name}, {preemptions} pre-emptions, {kills} kills", record_property)
    assert found.runs > 10


def _at_random(seed: str) -> Callable[[Desk], None]:
    """A program that does what transfers and windows do, in a random order."""

    def program(desk: Desk) -> None:
        dice = random.Random(seed)
        for _ in range(5):
            name, other = dice.sample((A, B, C), 2)
            turn = dice.randrange(8)
            if turn < 2:
                desk.put(dice.choice((ONE, TWO, THREE)), name)
            elif turn == 2:
                desk.put_index(name)
            elif turn == 3:
                desk.tag(name, other)
            elif turn == 4:
                desk.remove(name)
            elif turn < 7:
                desk.read(name)
            else:
                desk.tidy()

    return program


@pytest.mark.parametrize("number", range(40 if LONG else 4))
def test_three_programs_at_random(
    number: int, folder: Path, record_property: Callable[[str, object], None]
) -> None:
    programs = [_at_random(f"{number} {each}") for each in range(3)]
    case = Case(holding((ONE, A), (TWO, B)), programs)
    with stepping():
        found = wander(Model(case, folder).start, runs=200 if LONG else 12, seed=number)
    _checked(found, f"three programs at random, {number}", record_property)
    assert found.runs == (200 if LONG else 12)


# -- the model finds the faults that it is for: each of these functions brings one back


def _by_signature(patch: pytest.MonkeyPatch) -> None:
    """The index is trusted by time, inode and size; the clock ticks slowly, and a freed inode is reused."""
    parsed = LayoutFolder._parsed
    known: WeakKeyDictionary[LayoutFolder, tuple[tuple[int, int], LayoutIndex]] = WeakKeyDictionary()
    inodes: dict[str, list[int]] = {}

    def signature(folder: LayoutFolder) -> tuple[int, int]:
        found = os.lstat(folder.path / "index.json")
        seen = inodes.setdefault(str(folder.path), [])
        if found.st_ino not in seen:
            seen.append(found.st_ino)
        return (seen.index(found.st_ino) % 2, found.st_size)

    def trusting(folder: LayoutFolder, raw: bytes) -> LayoutIndex:
        now = signature(folder)
        if folder not in known or known[folder][0] != now:
            known[folder] = (now, parsed(folder, raw))
        return known[folder][1]

    patch.setattr(LayoutFolder, "_parsed", trusting)


def _index_before_leases(patch: pytest.MonkeyPatch) -> None:
    listed, held = LayoutFolder.listed, collecting.held
    early: list[LayoutIndex | None] = []

    def first_the_index(folder: LayoutFolder) -> Iterator[str]:
        early.append(listed(folder))
        yield from held(folder)

    patch.setattr(collecting, "held", first_the_index)
    patch.setattr(LayoutFolder, "listed", lambda folder: early.pop() if early else listed(folder))


def _parts_before_manifests(patch: pytest.MonkeyPatch) -> None:
    order = Collector._from_the_top
    patch.setattr(Collector, "_from_the_top", lambda self, digests: order(self, digests)[::-1])


def _looked_up_once(patch: pytest.MonkeyPatch) -> None:
    def hold_entry(self: Library, lease: Lease, image: Reference) -> LayoutEntry:
        entry = self.entry(image)
        self.hold(lease, entry.descriptor.digest)
        return entry

    patch.setattr(Library, "hold_entry", hold_entry)


def _half_gone(patch: pytest.MonkeyPatch) -> None:
    """A collector is killed halfway, and a reader does not look again: two faults that hide each other."""
    _parts_before_manifests(patch)
    _looked_up_once(patch)


def _removed_by_name_only(patch: pytest.MonkeyPatch) -> None:
    """A damaged blob is removed by its name, even if it was replaced meanwhile, and without the lock."""

    def take_out(self: Contents, digest: str, file: object) -> bool:
        with contextlib.suppress(OSError):
            self._folder.blob(digest).unlink()
        return True

    patch.setattr(Contents, "_take_out", take_out)


def _without_shared_lock(patch: pytest.MonkeyPatch) -> None:
    """Looking for a blob takes no lock."""
    lock = LayoutFolder.blobs_lock

    def only_alone(
        self: LayoutFolder, *, shared: bool, **named: Any
    ) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext() if shared else lock(self, shared=shared, **named)

    patch.setattr(LayoutFolder, "blobs_lock", only_alone)


def _held_after_looking(patch: pytest.MonkeyPatch) -> None:
    """A blob that was found is held only after the lock was released."""
    take_up = Ingest.take_up

    def late(self: Ingest, digest: str, lease: Lease, cancellation: Cancellation | None = None) -> int | None:
        other = Lease(self._folder)
        found = take_up(self, digest, other, cancellation)
        other.close()
        with self._folder.blobs_lock(shared=True):
            lease.hold(digest)
        return found

    patch.setattr(Ingest, "take_up", late)


def _names_not_on_disk(patch: pytest.MonkeyPatch) -> None:
    """An image is named whose blobs another program has just added, before the blobs' names are on disk."""
    patch.setattr(Ingest, "sync", lambda self: None)


def _index_not_on_disk(patch: pytest.MonkeyPatch) -> None:
    """Blobs are removed according to an index that another program has not yet written to disk."""
    patch.setattr(collecting, "sync_folder", lambda path: None)


def _lease_closed_first(patch: pytest.MonkeyPatch) -> None:
    """A transfer releases its lease before the image has its name."""
    put_ = Library.put

    def early(
        self: Library, found: Manifest | Index, lease: Lease, name: Reference | None = None, **named: Any
    ) -> str:
        put_(self, found, lease)
        lease.close()
        other = self.lease()
        try:
            return put_(self, found, other, name, **named)
        finally:
            other.close()

    patch.setattr(Library, "put", early)


FAULTS: list[tuple[Callable[[pytest.MonkeyPatch], None], str, int, int]] = [
    (_by_signature, "tags and removals after a look", 1, 0),
    (_index_before_leases, "name what is here while another name goes", 2, 0),
    (_half_gone, "read what is removed", 1, 1),
    (_removed_by_name_only, "pull over what is damaged", 1, 0),
    (_without_shared_lock, "pull what is removed", 1, 0),
    (_held_after_looking, "pull what is removed", 1, 0),
    (_names_not_on_disk, "pull twice", 1, 0),
    (_index_not_on_disk, "tidy beside a removal", 1, 0),
    (_lease_closed_first, "pull what is removed", 1, 0),
]


@pytest.mark.parametrize(("fault", "name", "preemptions", "kills"), FAULTS)
def test_the_model_finds_the_fault(
    fault: Callable[[pytest.MonkeyPatch], None],
    name: str,
    preemptions: int,
    kills: int,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = Model(CASES[name], folder)
    fault(monkeypatch)
    with stepping():
        found = explore(model.start, preemptions=preemptions, kills=kills)
    print(f"\n{fault.__name__}: found in way {found.runs}")
    assert found.failure
    print(found.failure[:300])
