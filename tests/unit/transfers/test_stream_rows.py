"""Which row the bytes of an engine's stream count for."""

from __future__ import annotations

from archivetools import digest_of, tar_of
from longshore.archives.scan import Scanner
from longshore.cancellation import Cancellation
from longshore.oci.layer import LayerState
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
