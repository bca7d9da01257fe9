"""The save sheet: names, suffixes, files that would be replaced; and the targets of copies between places."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from longshore.engine.address import EngineAddress
from longshore.oci.image_name import ImageName
from longshore.oci.reference import Reference
from longshore.transfers.transfer import (
    ArchivePlace,
    Endpoint,
    EnginePlace,
    LibraryPlace,
    Operation,
    TransferRequest,
)
from longshore.widgets.dialogs.archive import SaveSheet, suffix_of
from longshore.widgets.dialogs.places import CarrySheet
from longshore.widgets.theme import Theme
from qt.models.made import ENGINE, sha


def _image(name: str) -> Endpoint:
    return Endpoint(ENGINE, Reference.parse(name))


def shown(sheet: SaveSheet, qtbot: QtBot) -> None:
    qtbot.addWidget(sheet)
    sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    sheet.open()
    qtbot.waitUntil(lambda: sheet.focusWidget() is sheet.path)


pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")
NAMELESS = Endpoint(ENGINE, None, sha("x"))


def _wished(qtbot: QtBot, sheet: SaveSheet) -> list[ArchivePlace]:
    with qtbot.waitSignal(sheet.transfers_requested) as wish:
        sheet.confirm.click()
    wished: list[TransferRequest] = wish.args[0]
    assert {(one.operation, one.source.place) for one in wished} == {(Operation.SAVE, ENGINE)}
    return [one.destination.place for one in wished if isinstance(one.destination.place, ArchivePlace)]


def test_one_image_is_one_file_and_its_suffix_is_the_compression(
    light: Theme, qtbot: QtBot, tmp_path: Path
) -> None:
    sheet = SaveSheet(None, [_image("one.example/team/app:1.0")], tmp_path)
    qtbot.addWidget(sheet)
    assert sheet.path.text() == str(tmp_path / "app_1.0.tar")
    sheet.compression.setCurrentIndex(2)
    assert sheet.path.text() == str(tmp_path / "app_1.0.tar.zst")
    sheet.path.setText(str(tmp_path / "mine.tar.gz"))
    assert sheet.compression.currentData() == ".tar.gz"
    sheet.format.setCurrentIndex(1)
    assert _wished(qtbot, sheet) == [ArchivePlace(tmp_path / "mine.tar.gz", "oci")]


def test_what_stands_there_is_told_before_it_is_replaced(light: Theme, qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "app_1.0.tar").touch()
    sheet = SaveSheet(None, [_image("app:1.0")], tmp_path)
    qtbot.addWidget(sheet)
    assert "will be replaced" in sheet.words.text()


def test_replacing_a_file_is_said_by_the_button_and_enter_does_not_do_it(
    light: Theme, qtbot: QtBot, tmp_path: Path
) -> None:
    light.finish()
    (tmp_path / "mine.tar").touch()
    sheet = SaveSheet(None, [_image("app:1.0")], tmp_path)
    shown(sheet, qtbot)
    for name, verb in [("mine.tar", "Replace"), ("other.tar", "Save"), ("mine.tar", "Replace")]:
        sheet.path.setText(str(tmp_path / name))
        replacing = verb == "Replace"
        assert (sheet.confirm.text(), sheet.confirm.accessibleName()) == (verb, verb)
        assert bool(sheet.confirm.property("danger")) is replacing
        assert (sheet.dismiss.isDefault(), sheet.confirm.isDefault()) == (replacing, not replacing)
        colour = light.caution if replacing else light.dim
        assert sheet.words.palette().windowText().color() == colour
        assert sheet.focusWidget() is sheet.path, "the field keeps the focus while the user types"
    with qtbot.assertNotEmitted(sheet.transfers_requested):
        qtbot.keyClick(sheet.path, Qt.Key.Key_Return)
    assert not sheet.isVisible() and sheet.result() == sheet.DialogCode.Rejected


@pytest.mark.parametrize(
    "typed", ["~nobody-of-this-name/a.tar", "/proc/1/fd/9/x/a.tar", "a" * 5000, "relative.tar"]
)
def test_whatever_is_typed_is_looked_at_without_an_error(
    light: Theme, qtbot: QtBot, tmp_path: Path, typed: str
) -> None:
    sheet = SaveSheet(None, [_image("app:1.0")], tmp_path)
    shown(sheet, qtbot)
    sheet.path.setText(typed)
    with qtbot.assertNotEmitted(sheet.transfers_requested):
        qtbot.keyClick(sheet.path, Qt.Key.Key_Return)
    assert sheet.isVisible()


def test_enter_saves_where_nothing_is_replaced(light: Theme, qtbot: QtBot, tmp_path: Path) -> None:
    sheet = SaveSheet(None, [_image("app:1.0")], tmp_path)
    shown(sheet, qtbot)
    sheet.path.setText(str(tmp_path))
    assert (sheet.confirm.text(), sheet.words.text()) == ("Save", ""), "a folder is not replaced"
    sheet.path.setText(str(tmp_path / "new.tar"))
    with qtbot.waitSignal(sheet.transfers_requested):
        qtbot.keyClick(sheet.path, Qt.Key.Key_Return)


def test_what_comes_while_the_sheet_is_open_is_not_replaced_unannounced(
    light: Theme, qtbot: QtBot, tmp_path: Path
) -> None:
    sheet = SaveSheet(None, [_image("app:1.0")], tmp_path)
    qtbot.addWidget(sheet)
    (tmp_path / "app_1.0.tar").touch()
    with qtbot.assertNotEmitted(sheet.transfers_requested):
        sheet.confirm.click()
    assert "will be replaced" in sheet.words.text() and sheet.confirm.text() == "Replace"
    assert _wished(qtbot, sheet) == [ArchivePlace(tmp_path / "app_1.0.tar", "docker")]


@pytest.mark.parametrize(
    ("typed", "problem"),
    [("relative.tar", "full path"), ("/no/such/folder/x.tar", "does not exist"), ("{}/x.zip", "ends in")],
)
def test_a_path_that_cannot_be_is_said(
    light: Theme, qtbot: QtBot, tmp_path: Path, typed: str, problem: str
) -> None:
    sheet = SaveSheet(None, [_image("app:1.0")], tmp_path)
    qtbot.addWidget(sheet)
    sheet.path.setText(typed.format(tmp_path))
    with qtbot.assertNotEmitted(sheet.transfers_requested):
        sheet.confirm.click()
    assert problem in sheet.problem.text()


def test_several_images_are_a_file_each_with_names_of_their_own(
    light: Theme, qtbot: QtBot, tmp_path: Path
) -> None:
    images = [_image("one.example/a/app:1"), _image("one.example/b/app:1"), NAMELESS]
    sheet = SaveSheet(None, images, tmp_path)
    qtbot.addWidget(sheet)
    names = [place.path.name for place in _wished(qtbot, sheet)]
    assert names == ["app_1.tar", "app_1-2.tar", f"{sha('x')[7:19]}.tar"]


@pytest.mark.parametrize(
    ("name", "suffix"), [("a.tar", ".tar"), ("a.TGZ", ".TGZ"), ("a.tar.zst", ".tar.zst"), ("a.zip", "")]
)
def test_suffixes(name: str, suffix: str) -> None:
    assert suffix_of(name) == suffix


def test_places_are_ticked_and_told(light: Theme, qtbot: QtBot) -> None:
    engine = EnginePlace(EngineAddress("other", "unix:///other.sock"))
    library = LibraryPlace(Path("/library"))
    images = [ImageName(Reference.parse("app:1"), sha("a")), ImageName(None, sha("b"))]
    sheet = CarrySheet(None, images, ENGINE, [(engine, "other"), (library, "Library")])
    qtbot.addWidget(sheet)
    sheet.confirm.click()
    assert "Select at least one place" in sheet.problem.text()
    sheet.list.item(1).setCheckState(Qt.CheckState.Checked)
    with qtbot.waitSignal(sheet.transfers_requested) as wish:
        sheet.confirm.click()
    assert wish.args == [
        [
            TransferRequest(Operation.COPY, Endpoint.of(ENGINE, image), Endpoint.of(library, image))
            for image in images
        ]
    ]
