"""One title for a place: in the picker, and in every sentence about it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from longshore.engine.address import current_address
from longshore.engine.model import EngineInfo, ImageStore
from longshore.oci.platform import Platform
from longshore.operations.engines import EngineState, FoundEngine
from longshore.transfers.transfer import EnginePlace, LibraryPlace
from longshore.wiring import shared as shared_helpers
from longshore.wiring.shared import Shared
from longshore.words import engines
from qt.widgets.conftest import Bench

ADDRESS = current_address("unix:///tmp/somewhere/docker.sock", {})
INFO = EngineInfo("x", "28.5.2", "linux", "amd64", Platform("linux", "amd64"), ImageStore.CLASSIC)


@pytest.mark.parametrize(
    ("found", "title"),
    [
        ([FoundEngine(ADDRESS, EngineState.READY, INFO)], "docker.sock  ·  Docker 28.5"),
        ([], "docker.sock"),
    ],
)
def test_an_engine_has_the_title_of_the_picker(
    bench: Bench, found: list[FoundEngine], title: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_helpers, "Commands", lambda *_: None)
    library = LibraryPlace(Path("/library"))
    images = SimpleNamespace(engines=SimpleNamespace(found=found), own_library=True, library=library)
    operations: Any = SimpleNamespace(images=images)
    shared = Shared(bench.window, operations, {})
    assert shared.place_title(EnginePlace(ADDRESS)) == title
    for one in found:
        assert title == engines.title(one.address, one.info, one.error)
    assert shared.place_title(library) == "Library"
