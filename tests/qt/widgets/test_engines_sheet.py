"""One pull to several engines: what the sheet offers, remembers and shows; and the groups in the settings."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from longshore.application.engine_groups import EngineGroups
from longshore.application.requests import pull
from longshore.engine.address import EngineAddress, Origin, TlsFiles
from longshore.engine.model import EngineInfo, ImageStore, SwarmNode
from longshore.errors import EngineUnavailable, UnavailableCause
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.operations.engines import EngineState, FoundEngine
from longshore.settings import Settings
from longshore.transfers.transfer import EnginePlace
from longshore.widgets.dialogs.engines import PullToSheet
from longshore.widgets.theme import Theme

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")

IMAGE = Reference.parse("acme/web:1")
FIRST = EngineAddress("first", "unix:///first.sock", Origin.CONTEXT)
FARM = EngineAddress("farm", "tcp://farm:2376", Origin.CONTEXT, TlsFiles(Path("/ca.pem")))
GONE = EngineAddress("gone", "ssh://gone", Origin.CONTEXT)
INFO = EngineInfo(
    "box", "28.5.2+dfsg4", "1.51", "linux", "x86_64", Platform("linux", "amd64"), ImageStore.CONTAINERD
)
READY = FoundEngine(FIRST, EngineState.READY, INFO)
MANAGER = FoundEngine(
    FARM,
    EngineState.READY,
    INFO,
    nodes=(
        SwarmNode("box", manager=True, ready=True, own=True),
        SwarmNode("node-<b>", manager=False, ready=True),
        SwarmNode("node-c", manager=False, ready=False),
    ),
)
SILENT = FoundEngine(
    FARM,
    EngineState.SILENT,
    error=EngineUnavailable("No.", cause=UnavailableCause.NOT_RUNNING, advice="Start it."),
)


@pytest.fixture
def open_sheet(light: Theme, qtbot: QtBot):  # type: ignore[no-untyped-def]
    def make(references=(IMAGE,), found=(READY, SILENT), groups=None, current=FIRST):  # type: ignore[no-untyped-def]
        sheet = PullToSheet(None, references, found, groups or {}, current)
        sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        qtbot.addWidget(sheet)
        sheet.show()
        return sheet

    return make


def rows(sheet: PullToSheet) -> list[tuple[str, str, bool]]:
    table = sheet.table
    found = []
    for row in range(table.rowCount()):
        name, state = table.item(row, 0), table.item(row, 1)
        assert name is not None and state is not None
        found.append((name.text(), state.text(), name.checkState() == Qt.CheckState.Checked))
    return found


def check(sheet: PullToSheet, row: int, state: Qt.CheckState = Qt.CheckState.Checked) -> None:
    item = sheet.table.item(row, 0)
    assert item is not None
    item.setCheckState(state)


def test_the_engine_one_looks_at_is_chosen_and_others_can_be(open_sheet, qtbot: QtBot) -> None:  # type: ignore[no-untyped-def]
    sheet = open_sheet()
    assert sheet.windowTitle() == "Pull acme/web:1 to several engines"
    assert rows(sheet) == [("first", "Docker 28.5.2", True), ("farm", "not running", False)]
    assert not sheet.notes.isVisible()
    check(sheet, 1)
    assert sheet.notes.text() == "Starts when the engine responds: farm."
    sheet.set_engines([READY, MANAGER])
    assert rows(sheet)[1] == ("farm", "Docker 28.5.2", True), "an update keeps the chosen engines"
    assert sheet.notes.text() == (
        "farm: Manages a swarm. A pull reaches only this engine, not its other nodes: node-<b>, node-c "
        "(down)."
    )
    assert sheet.notes.textFormat() == Qt.TextFormat.PlainText
    with qtbot.waitSignal(sheet.transfers_requested) as wish:
        sheet.confirm.click()
    assert wish.args == [[pull(IMAGE, EnginePlace(each)) for each in (FIRST, FARM)]]


def test_without_an_engine_nothing_can_be_pulled(open_sheet) -> None:  # type: ignore[no-untyped-def]
    sheet = open_sheet(current=None)
    assert not sheet.confirm.isEnabled()
    check(sheet, 0)
    assert sheet.confirm.isEnabled()
    check(sheet, 0, Qt.CheckState.Unchecked)
    assert not sheet.confirm.isEnabled()


def test_without_an_image_one_is_asked_for(open_sheet, qtbot: QtBot) -> None:  # type: ignore[no-untyped-def]
    sheet = open_sheet(references=())
    with qtbot.assertNotEmitted(sheet.transfers_requested):
        sheet.confirm.click()
        assert "name of an image" in sheet.problem.text()
        sheet.reference.setText("Not An Image")
        sheet.confirm.click()
        assert sheet.problem.isVisible()
    sheet.reference.setText("docker pull busybox")
    with qtbot.waitSignal(sheet.transfers_requested) as wish:
        sheet.confirm.click()
    assert wish.args == [[pull(Reference.parse("busybox:latest"), EnginePlace(FIRST))]]


def test_groups_are_saved_chosen_and_forgotten(open_sheet, qtbot: QtBot) -> None:  # type: ignore[no-untyped-def]
    sheet = open_sheet(groups={"old": [GONE]})
    assert [name for name, _, _ in rows(sheet)] == ["first", "farm", "gone"], "the engine of a group is kept"
    assert not sheet.save.isEnabled() and not sheet.forget.isEnabled()
    sheet.group.setEditText("both")
    check(sheet, 1)
    with qtbot.waitSignal(sheet.group_saved) as saved:
        sheet.save.click()
    assert saved.args == ["both", [FIRST, FARM]]
    assert not sheet.save.isEnabled() and sheet.forget.isEnabled()
    sheet.group.setCurrentText("old")
    sheet.group.activated.emit(sheet.group.findText("old"))
    assert sheet.chosen() == [GONE]
    with qtbot.waitSignal(sheet.group_removed) as removed:
        sheet.forget.click()
    assert removed.args == ["old"]
    assert sheet.group.findText("old") == -1
    sheet.group.activated.emit(sheet.group.findText("both"))
    assert sheet.chosen() == [FIRST, FARM]


def test_groups_outlive_the_program_and_odd_settings(tmp_path: Path) -> None:
    groups = EngineGroups(Settings(tmp_path))
    groups.save("  both ", [FIRST, FARM, FIRST])
    groups.save("", [FIRST])
    groups.save("none", [])
    again = EngineGroups(Settings(tmp_path))
    assert again.all() == {"both": (FIRST, FARM)}
    (kept,) = (address for address in again.all()["both"] if address == FARM)
    assert (kept.name, kept.tls) == ("farm", TlsFiles(Path("/ca.pem")))
    settings = Settings(tmp_path)
    odd = {"odd": [{"name": "x"}, 3, None], "list": "x", "half": [FIRST.to_json(), {"url": 3}]}
    settings.set("engine_groups", odd)
    groups = EngineGroups(settings)
    assert groups.all() == {"half": (FIRST,)}
    groups.remove("half")
    groups.remove("nothing")
    assert groups.all() == {}
    settings.set("engine_groups", [])
    assert groups.all() == {}
