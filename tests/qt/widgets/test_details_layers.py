"""Layers: rows, colours with words, what arrives late, and the keyboard."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from longshore.application.inspection.history import steps_of
from longshore.application.inspection.sharing import BaseImage, LayerReport, SharedLayer
from longshore.application.inspection.values import Inspected, Layer, Step
from longshore.application.subject import Subject
from longshore.engine.address import current_address
from longshore.errors import RegistryFailure
from longshore.models.layers import LayerColumn, LayerKind, LayerRow, layer_rows, totals
from longshore.oci.image_config import HistoryEntry
from longshore.oci.reference import Reference
from longshore.transfers.transfer import Endpoint, EnginePlace, LibraryPlace, RegistryPlace
from longshore.widgets.columns import EDGE
from longshore.widgets.details.layer_view import EMPTY_ROW, LAYER_ROW, bar_parts
from longshore.widgets.details.layers import LayersTab
from longshore.widgets.theme import current_theme

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

WEB = Reference.parse("registry.acme.io/web:1")
ENGINE = EnginePlace(current_address("unix:///run/x.sock", {}))
DIGESTS = [f"sha256:{number * 64}" for number in "123"]


def line(created_by: str, *, empty: bool = False) -> HistoryEntry:
    return HistoryEntry(created_by=created_by, empty_layer=empty)


def image(place: object = ENGINE, **more: object) -> Inspected:
    layers = tuple(Layer("", diff_id=digest, size_on_disk=1000 * (n + 1)) for n, digest in enumerate(DIGESTS))
    history = [
        line("ADD rootfs.tar / # buildkit"),
        line("ENV A=b DB_PASSWORD=hunter2", empty=True),
        line("USER ann", empty=True),
        line("RUN |1 NPM_TOKEN=hunter2 /bin/sh -c make # buildkit"),
    ]
    steps = (*steps_of(history, 2)[0], Step(None, 2))
    return Inspected(Endpoint(place, WEB), layers=layers, steps=steps, **more)  # type: ignore[arg-type]


REPORT = LayerReport(
    (SharedLayer(True, ("a", "b")), SharedLayer(True, ("a",)), SharedLayer(True)),
    (("debian:12", "web:2"), ("web:2",), ()),
    BaseImage("debian:12", layers=1),
)


def shown(qtbot: QtBot, found: Inspected) -> LayersTab:
    tab = LayersTab()
    qtbot.addWidget(tab)
    tab.resize(400, 600)
    tab.show()
    tab.set_subject(Subject(found.end))
    tab.settle()
    return tab


def test_rows_of_history_and_layers() -> None:
    rows = layer_rows(image(), REPORT)
    assert rows == [
        LayerRow(
            LayerKind.BASE, 1, "ADD rootfs.tar /", DIGESTS[0], 1000, "shared with 2 images", rows[0].more
        ),
        LayerRow(LayerKind.NONE, None, "ENV A=b DB_PASSWORD=••••  ·  USER ann", "", 0),
        LayerRow(LayerKind.SHARED, 2, "RUN make", DIGESTS[1], 2000, "shared with 1 image", rows[2].more),
        LayerRow(LayerKind.UNIQUE, 3, "no history", DIGESTS[2], 3000, "only in this image"),
    ]
    assert rows[0].more == "shared with debian:12, web:2"
    assert totals(image(), rows) == (1000, 2000, 3000, True)


def test_a_huge_history_is_cut() -> None:
    steps, _ = steps_of([line("x=" * 500_000, empty=True)] * 1_000, 0)
    rows = layer_rows(Inspected(Endpoint(ENGINE, WEB), steps=steps))
    assert len(rows) == 1 and len(rows[0].step) < 600_000
    layers = tuple(Layer(f"sha256:{number:064}", number) for number in range(5_000))
    steps = tuple(Step(None, number) for number in range(5_000))
    assert len(layer_rows(Inspected(Endpoint(ENGINE, WEB), layers=layers, steps=steps))) == 300


def test_rows_of_an_image_in_a_registry() -> None:
    report = LayerReport(
        (SharedLayer(True, ("a",)), SharedLayer(True), SharedLayer(False)), (("web:2",), (), ()), None
    )
    rows = [row for row in layer_rows(image(RegistryPlace("r.io")), report, remote=True) if row.number]
    assert [row.note for row in rows] == ["shared with 1 image", "present", "to fetch"]
    assert [row.kind for row in rows] == [LayerKind.SHARED, LayerKind.SHARED, LayerKind.UNIQUE]


def test_before_the_place_has_answered_nothing_is_claimed() -> None:
    rows = layer_rows(image())
    assert {row.note for row in rows} == {""}
    there = [row.note for row in layer_rows(image(), REPORT, (True, False, None)) if row.number]
    assert there == [
        "shared with 2 images  ·  in the registry",
        "shared with 1 image  ·  not in the registry",
        "only in this image",
    ]


def test_the_tab_fills_step_by_step(qtbot: QtBot) -> None:
    found = image()
    tab = shown(qtbot, found)
    assert tab.model.rowCount() == 0 and tab.bar.isHidden()
    with qtbot.waitSignal(tab.report_requested) as asked:
        tab.set_inspected(found)
    assert asked.args == [found]
    assert tab.view.accessibleName() == "Layers"
    assert tab.caption.whole() == "3 layers, in build order"
    assert [tab.view.rowHeight(row) for row in range(4)] == [LAYER_ROW, EMPTY_ROW, LAYER_ROW, LAYER_ROW]
    tab.set_report(image(), REPORT)  # of another image
    assert {row.note for row in tab.model.rows} == {""}
    tab.view.selectRow(2)
    tab.set_report(found, REPORT)
    assert tab.view.currentIndex().row() == 2
    assert tab.caption.whole() == "3 layers, base image debian:12"
    assert tab.bar.accessibleName() == "Base: 1 kB, Shared: 2 kB, Unique: 3 kB"
    tab.set_subject(Subject(found.end))
    assert tab.model.rowCount() == 0


def test_a_size_is_never_cut(qtbot: QtBot) -> None:
    layers = tuple(Layer("", diff_id=digest, size_on_disk=88_800_000) for digest in DIGESTS)
    found = replace(image(), layers=layers)
    tab = shown(qtbot, found)
    tab.set_inspected(found)  # no place has answered: no note makes the column wide
    room = tab.view.columnWidth(LayerColumn.SIZE) - EDGE
    assert room > current_theme().metrics.horizontalAdvance("88.8 MB")


def test_digests_are_copied(qtbot: QtBot) -> None:
    found = image()
    tab = shown(qtbot, found)
    tab.set_inspected(found)
    assert tab.copy_verb.reason == "Select a layer."
    tab.view.selectRow(0)
    tab.view.setFocus()
    for act in (
        tab.copy_verb.trigger,
        lambda: qtbot.keyClick(tab.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier),
    ):
        with qtbot.waitSignal(tab.copy_requested) as copied:
            act()
        assert copied.args == [DIGESTS[0]]
    tab.view.selectRow(1)
    assert tab.copy_verb.reason == "Select a layer."


def test_the_registry_is_asked_only_on_demand(qtbot: QtBot) -> None:
    found = image()
    tab = shown(qtbot, found)
    assert tab.check_verb.reason == "No layers are known yet."
    tab.set_inspected(found)
    with qtbot.waitSignal(tab.registry_requested) as asked:
        tab.check_verb.trigger()
    assert asked.args == [found, WEB]
    tab.set_refused(found, RegistryFailure("It is down.", registry="r.io"))
    assert "It is down." in tab.notice.label.text()
    tab.set_there(found, (True, True, False))
    assert tab.model.rows[-1].note == "not in the registry"
    remote = image(RegistryPlace("registry.acme.io"))
    tab.set_subject(Subject(remote.end))
    tab.set_inspected(remote)
    assert tab.check_verb.reason == "The image is in the registry."
    unnamed = Endpoint(LibraryPlace(Path("/l")), None, DIGESTS[0])
    tab.set_subject(Subject(unnamed))
    assert "no name" in tab.check_verb.reason


def test_a_history_that_does_not_fit_is_said(qtbot: QtBot) -> None:
    found = image(history_fits=False)
    tab = shown(qtbot, found)
    tab.set_inspected(found)
    assert "does not match" in tab.caption.whole()
    empty = Inspected(found.end)
    tab.set_subject(Subject(found.end))
    tab.set_inspected(empty)
    assert tab.caption.whole() == "No layers."


@pytest.mark.parametrize("width", [0.0, 40.0, 400.0])
def test_no_layer_is_lost_in_the_bar(width: float) -> None:
    parts = [(LayerKind.BASE, 10**9), (LayerKind.UNIQUE, 1), (LayerKind.SHARED, 10**6)]
    found = bar_parts(parts, width)
    if not width:
        assert found == []
        return
    assert [kind for kind, _, _ in found] == [kind for kind, _ in parts]
    assert all(wide >= 1 for _, _, wide in found)
    assert found[-1][1] + found[-1][2] == pytest.approx(width)
    assert bar_parts([], width) == []
