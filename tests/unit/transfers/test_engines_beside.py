"""Rows that pull one image into several engines: who they are, and what is freed when the last of them ends."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from longshore.cancellation import Cancellation
from longshore.engine.address import EngineAddress, Origin
from longshore.library.library import Library
from longshore.oci.descriptor import Descriptor
from longshore.oci.platform import Platform
from longshore.transfers.clients import NO_GATE
from longshore.transfers.hand_over import HandOver
from longshore.transfers.queue.beside import engines_beside
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.queue.row import Entry
from longshore.transfers.transfer import NATIVE, State
from transfertools import Eye, Gate, Script, copy, pull, push, wait_until
from transfertools.layouts import blobs_of

Make = Callable[..., tuple[TransferQueue, Eye]]
IMAGE = "127.0.0.1:5000/app:1"
ONE, TWO, THREE = (
    EngineAddress(name, f"unix:///nowhere/{name}.sock", Origin.OPTION) for name in ("one", "two", "three")
)


def test_only_unfinished_pulls_of_the_same_image_by_longshore_count() -> None:
    entry = Entry(pull(IMAGE, ONE))
    running = Entry(pull(IMAGE, TWO), state=State.RUNNING)
    waiting = Entry(pull(IMAGE, THREE))
    others = [
        Entry(pull(IMAGE, TWO), state=state)
        for state in (State.SUCCEEDED, State.FAILED, State.CANCELLED, State.INTERRUPTED)
    ]
    others += [
        Entry(replace(pull(IMAGE, TWO), platform=Platform("linux", "arm64"))),
        Entry(replace(pull(IMAGE, TWO), options=((NATIVE, "1"),))),
        Entry(pull("127.0.0.1:5000/app:2", TWO)),
        Entry(copy(IMAGE, "127.0.0.1:5001/app:1")),
        Entry(push(IMAGE, IMAGE, TWO)),
    ]
    rows = [entry, *others, running, waiting]
    assert engines_beside(entry, rows) == {running.id: TWO, waiting.id: THREE}
    assert engines_beside(Entry(push(IMAGE, IMAGE, ONE)), rows) == {}


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


@pytest.fixture
def kept(library: Library) -> Iterator[Descriptor]:
    """A blob that no image needs."""
    with contextlib.closing(library.lease()) as lease:
        blob = library.take_in([b"a layer"], lease, Cancellation())
    yield blob


@pytest.mark.parametrize("held", [False, True])
def test_what_was_kept_for_a_row_is_freed_when_it_ends_without_it(
    make_queue: Make, library: Library, kept: Descriptor, *, held: bool
) -> None:
    shared = HandOver(lambda: library.path)
    clients = SimpleNamespace(gate=NO_GATE, hand_over=shared, library=lambda path: library)
    gate = Gate()
    queue, eye = make_queue(Script(gate.wait), clients=clients)
    if held:
        queue.hold()
    one, two = (queue.add(pull(IMAGE, engine)) for engine in (ONE, TWO))
    if not held:
        wait_until(lambda: len(gate.inside) == 2, "both run")
    assert shared.kept.release("earlier", [kept], [one, two]) == set()
    queue.cancel([one])
    eye.until(one, State.CANCELLED)
    assert shared.kept.waits(two)
    assert blobs_of(library) == {kept.digest}
    queue.cancel([two])
    eye.until(two, State.CANCELLED)
    wait_until(lambda: blobs_of(library) == set(), "nobody needs it")
    assert not shared.kept
