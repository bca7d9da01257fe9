"""All places in Local images: verbs act on the place of the selected rows, and only on one at a time."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from longshore.engine.address import EngineAddress, Origin
from longshore.errors import EngineUnavailable, UnavailableCause
from longshore.models.columns import ImageColumn
from longshore.models.image_row import PlacedImages
from longshore.oci.reference import Reference
from longshore.operations.engines import EngineState, FoundEngine
from longshore.transfers.transfer import EnginePlace, LibraryPlace
from longshore.widgets.dialogs.removal import RemoveSheet
from longshore.wiring.places import _never_there
from longshore.wiring.shared import Shared
from longshore.words import engines
from qt.models.made import ENGINE, image

from .conftest import Bench

# Of the offscreen platform: a sheet has a least size, and there is no window manager to tell.
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

LIBRARY = LibraryPlace(Path("/library"))
WEB = Reference.parse("web:dev")


def show_all(bench: Bench) -> None:
    pane = bench.window.image_pane
    bench.images.set_places(
        [
            PlacedImages([image("web:dev"), image("api:1")], False, ENGINE, "default"),
            PlacedImages([image("web:dev", size=40_000_000)], True, LIBRARY, "Library"),
        ]
    )
    pane.set_all(True)
    pane.set_ready()


def test_the_column_is_there_only_for_several_places(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.image_pane
    header = pane.view.columns.header
    bench.ready("web:dev")
    assert header.isSectionHidden(ImageColumn.PLACE)
    show_all(bench)
    assert not header.isSectionHidden(ImageColumn.PLACE)
    wanted = "3 references  ·  2 places  ·  up to 368 MB on disk  ·  up to 40 MB compressed"
    qtbot.waitUntil(lambda: pane.footer.whole() == wanted)
    pane.set_all(False)
    bench.ready("web:dev")
    assert header.isSectionHidden(ImageColumn.PLACE)
    qtbot.waitUntil(lambda: "place" not in pane.footer.whole())


def test_the_state_is_in_sight_beside_details(bench: Bench) -> None:
    bench.window.resize(1280, 800)
    bench.window.details_place.set_shown(True)
    pane, title = bench.window.image_pane, "build-server-in-the-cellar  ·  Docker 28.5"
    rows = [image(f"registry.acme.io:5000/acme/{name}:1.0", in_use=1) for name in ("web", "api")]
    bench.images.set_places(
        [PlacedImages(rows, False, ENGINE, title), PlacedImages(rows[:1], True, LIBRARY, "Library")]
    )
    pane.set_all(True)
    pane.set_ready()
    QApplication.processEvents()
    header = pane.view.columns.header
    state = header.sectionViewportPosition(ImageColumn.STATE) + header.sectionSize(ImageColumn.STATE)
    assert pane.view.horizontalScrollBar().maximum() == 0 and state <= pane.view.viewport().width()
    assert not header.isSectionHidden(ImageColumn.PLACE)


def test_a_place_is_called_as_in_the_picker() -> None:
    url = "unix:///tmp/pytest-of-somebody/0/docker.sock"
    for address, name in ((EngineAddress(url, url), "docker.sock"), (EngineAddress("farm", url), "farm")):
        assert Shared.place_name(cast("Shared", None), EnginePlace(address)) == name
        assert engines.title(address, None, None) == name


def test_verbs_follow_the_place_of_the_selected_rows(bench: Bench) -> None:
    pane = bench.window.image_pane
    show_all(bench)
    assert pane.selected_places() == []
    pane.view.select_rows([bench.images.index_of(WEB, ENGINE)])
    assert (pane.selected_places(), pane.run_verb.reason, pane.push_verb.reason) == ([ENGINE], "", "")
    pane.view.select_rows([bench.images.index_of(WEB, LIBRARY)])
    assert pane.selected_places() == [LIBRARY]
    assert "can't run containers" in pane.run_verb.reason
    pane.view.selectAll()
    several = "Select images of one place only."
    for verb in (pane.push_verb, pane.remove_verb, pane.tag_verb, pane.carry_verb, pane.save_verb):
        assert verb.reason == several
    assert pane.copy_reference_verb.reason == ""


def test_an_arrival_is_marked_where_it_arrived(bench: Bench) -> None:
    pane = bench.window.image_pane
    show_all(bench)
    pane.show_arrival(WEB, LIBRARY)
    assert bench.images.fresh_count == 1
    row = bench.images.row_at(bench.images.index_of(WEB, LIBRARY).row())
    assert row is not None and row.fresh


def test_a_removal_names_the_place(bench: Bench) -> None:
    sheet = RemoveSheet(bench.window, [], place="build-server")
    assert "From build-server" in [label.text() for label in sheet.findChildren(QLabel)]
    sheet.reject()


def test_only_engines_that_somebody_meant_are_missed() -> None:
    gone = EngineUnavailable("It is not there.", cause=UnavailableCause.NO_SOCKET)
    slow = EngineUnavailable("It does not respond.", cause=UnavailableCause.TIMED_OUT)

    def found(origin: Origin, error: EngineUnavailable) -> FoundEngine:
        return FoundEngine(EngineAddress("x", "unix:///x.sock", origin), EngineState.SILENT, error=error)

    assert _never_there(found(Origin.DEFAULT, gone)) and _never_there(found(Origin.SOCKET, gone))
    assert not _never_there(found(Origin.CONTEXT, gone))
    assert not _never_there(found(Origin.DEFAULT, slow))
