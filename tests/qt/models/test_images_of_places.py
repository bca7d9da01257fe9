"""Images of several places in one list: each row knows its place, and sums keep disk and compressed apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt

from longshore.models import image_text
from longshore.models.columns import ImageColumn, Role
from longshore.models.image_row import PlacedImages
from longshore.models.images import ImageModel
from longshore.oci.disk_usage import DiskUsage
from longshore.oci.reference import Reference
from longshore.transfers.transfer import LibraryPlace
from qt.models.made import ENGINE, image, texts

LIBRARY = LibraryPlace(Path("/library"))
WEB = Reference.parse("web:dev")


def parts() -> list[PlacedImages]:
    return [
        PlacedImages([image("web:dev", size=100_000_000, in_use=1), image(None)], False, ENGINE, "default"),
        PlacedImages([image("web:dev", size=40_000_000)], True, LIBRARY, "Library"),
    ]


@pytest.fixture
def model(tested: Any) -> ImageModel:
    made: ImageModel = tested(ImageModel())
    made.set_places(parts())
    return made


def test_the_same_name_in_two_places_is_two_rows(model: ImageModel) -> None:
    assert texts(model) == ["web", "web", "<none>"]
    assert texts(model, ImageColumn.PLACE) == ["Library", "default", "default"]
    assert [model.index(row, 0).data(Role.PLACE) for row in range(3)] == [LIBRARY, ENGINE, ENGINE]
    assert model.index_of(WEB, ENGINE).row() == 1
    assert model.index_of(WEB, LIBRARY).row() == model.index_of(WEB).row() == 0
    assert "bytes compressed" in model.index(0, ImageColumn.SIZE).data(Qt.ItemDataRole.ToolTipRole)
    assert "bytes on disk" in model.index(1, ImageColumn.SIZE).data(Qt.ItemDataRole.ToolTipRole)
    model.mark_fresh(WEB, LIBRARY)
    assert [model.index(row, 0).data(Role.FRESH) for row in range(3)] == [True, False, False]


def test_rows_keep_their_place_when_another_place_changes(model: ImageModel) -> None:
    stays = model.row_at(0)
    changed = parts()
    model.set_places([PlacedImages([image("web:dev", size=1)], False, ENGINE, "default"), changed[1]])
    assert model.row_at(0) is stays
    model.set_places(changed[1:])
    assert model.row_at(0) is stays
    model.set_images([image("web:dev")])
    assert model.index(0, 0).data(Role.PLACE) is None


def test_places_are_found_and_sorted_and_the_library_is_never_unused(model: ImageModel) -> None:
    model.set_filter("default")
    assert texts(model, ImageColumn.PLACE) == ["default", "default"]
    model.set_filter("")
    model.sort(ImageColumn.PLACE)
    assert texts(model, ImageColumn.PLACE) == ["default", "default", "Library"]
    model.set_chosen({"unused"})
    assert texts(model) == ["<none>"]


def test_sums_keep_disk_and_compressed_apart(model: ImageModel) -> None:
    words = image_text.places_summary(model.parts, 0, shown=3)
    assert words == "3 references  ·  2 places  ·  up to 284 MB on disk  ·  up to 40 MB compressed"
    # Images of an engine share layers, which are counted once.
    engine, library = (frozenset(one.image_id for one in part.images) for part in model.parts)
    known = {
        ENGINE: DiskUsage({"shared": 90_000_000}, dict.fromkeys(engine, frozenset({"shared"}))),
        LIBRARY: DiskUsage({"blob": 30_000_000}, dict.fromkeys(library, frozenset({"blob"}))),
    }
    words = image_text.places_summary(model.parts, 0, shown=3, known=known)
    assert words == "3 references  ·  2 places  ·  90 MB on disk  ·  30 MB compressed"
    known[ENGINE] = DiskUsage({}, {})  # older than what is listed
    words = image_text.places_summary(model.parts, 0, shown=3, known=known)
    assert words == "3 references  ·  2 places  ·  up to 284 MB on disk  ·  30 MB compressed"
    words = image_text.places_summary(model.parts[1:], 1, shown=0)
    assert words == "1 reference  ·  1 place  ·  up to 40 MB compressed  ·  0 shown  ·  1 selected"
