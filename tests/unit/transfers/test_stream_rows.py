"""Which row the bytes of an engine's stream count for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from archivetools import digest_of, tar_of
from longshore.archives.scan import Scanner
from longshore.cancellation import Cancellation
from longshore.oci.layer import LayerProgress, LayerState
from longshore.transfers.progress import stream_rows
from longshore.transfers.progress.progress import Progress
from longshore.transfers.progress.stream_rows import StreamRows

LAYERS = {name: name.encode() * 1000 for name in ("one", "two", "three")}
DIFF_IDS = [digest_of(data) for data in LAYERS.values()]
FIRST, SECOND, THIRD = (digest[7:19] for digest in DIFF_IDS)


def shown(
    *files: tuple[str, str], last: LayerState = LayerState.DONE
) -> dict[str, tuple[LayerState, int, int | None]]:
    """The rows after *files*, each a name and the layer that is its content, have passed."""
    progress = Progress(extracts=False)
    rows = StreamRows(progress, [*DIFF_IDS, DIFF_IDS[0]], last)
    tar = tar_of([*((name, LAYERS.get(layer, b"x")) for name, layer in files), ("manifest.json", b"[]")])
    for streamed in Scanner([tar], cancellation=Cancellation()).files():
        given = b"".join(rows.counted(streamed))
        assert given == LAYERS.get(dict(files)[streamed.name], b"x")
    return {row.layer_id: (row.state, row.current, row.total) for row in progress.snapshot().layers}


def test_a_file_that_is_named_by_its_layer_counts_for_that_layer() -> None:
    name = DIFF_IDS[1][7:]
    for file in (f"blobs/sha256/{name}", f"{name}.tar"):
        assert shown((file, "two")) == {SECOND: (LayerState.DONE, 3000, 3000)}


def test_other_names_of_layers_count_for_the_next_row() -> None:
    found = shown(("a/layer.tar", "one"), ("VERSION", ""), ("b/layer.tar", "two"))
    assert found == {
        FIRST: (LayerState.DONE, 3000, 3000),
        SECOND: (LayerState.DONE, 3000, 3000),
    }


def test_each_row_is_taken_once_and_more_files_have_none() -> None:
    names = [(f"{number}.tar", "one") for number in range(3)]
    found = shown(*names, ("more.tar", "two"), (f"{DIFF_IDS[0][7:]}.tar", "one"))
    assert set(found) == {FIRST, SECOND, THIRD}


def test_what_is_sent_and_not_yet_unpacked() -> None:
    assert shown(("a.tar", "one"), last=LayerState.TRANSFERRED) == {
        FIRST: (LayerState.TRANSFERRED, 3000, 3000)
    }


class Events(Progress):
    """Keeps what it is fed."""

    def __init__(self) -> None:
        super().__init__(extracts=False)
        self.fed: list[LayerProgress] = []

    def feed(self, event: LayerProgress) -> None:
        self.fed.append(event)


def test_a_row_is_told_at_every_step_at_the_end_and_when_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_rows, "_STEP", 4)
    events = Events()
    pieces = [b"12", b"34", b"5", b"678", b"9"]
    rows = StreamRows(events, DIFF_IDS)
    streamed: Any = Pieces(pieces)
    assert list(rows.counted(streamed)) == pieces
    moving = [(event.state, event.current, event.total) for event in events.fed]
    assert moving == [
        (LayerState.TRANSFERRING, 4, 9),
        (LayerState.TRANSFERRING, 8, 9),
        (LayerState.TRANSFERRING, 9, 9),
        (LayerState.DONE, None, None),
    ]
    assert {event.layer_id for event in events.fed} == {FIRST}


class Pieces:
    """A file of a stream that can be a layer."""

    name, may_be_layer = "a/layer.tar", True

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces
        self.size = sum(map(len, pieces))
        self.skipped = 0

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.pieces)

    def skip(self) -> None:
        self.skipped += 1


def test_a_layer_that_is_there_is_skipped_and_takes_its_row() -> None:
    events = Events()
    rows = StreamRows(events, DIFF_IDS)
    streamed: Any = Pieces([b"1"])
    for _ in range(4):
        rows.skip(streamed)
    assert streamed.skipped == 4
    assert [(event.layer_id, event.state) for event in events.fed] == [
        (layer, LayerState.SKIPPED) for layer in (FIRST, SECOND, THIRD)
    ]
