"""Tag…: further names for one image, and a registry and a tag for several."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from longshore.errors import LongshoreError
from longshore.oci.local_image import LocalImage
from longshore.oci.reference import Reference
from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.dialogs.tagging import MOST_NAMES, TagSeveralSheet, TagSheet
from longshore.widgets.theme import Theme
from qt.models.made import image

# Of the offscreen platform: a sheet has a least size, and there is no window manager to tell.
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

WEB, MAIN, REDIS = image("web:dev"), image("web:main"), image("redis:7")
LISTED: list[LocalImage] = [WEB, MAIN, REDIS, image("redis:8", image_id=REDIS.image_id)]


def shown(sheet: Sheet, qtbot: QtBot) -> None:
    qtbot.addWidget(sheet)
    sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    sheet.open()
    qtbot.waitExposed(sheet)
    sheet.activateWindow()
    qtbot.waitUntil(lambda: sheet.focusWidget() is not None)


@pytest.fixture
def sheet(light: Theme, qtbot: QtBot) -> Iterator[TagSheet]:
    made = TagSheet(None, WEB.name, LISTED, library=False)
    shown(made, qtbot)
    yield made
    made.close()


def named(*names: str) -> list[tuple[object, Reference]]:
    return [(WEB.name, Reference.parse(name)) for name in names]


def test_one_name_is_typed_and_confirmed_with_enter(sheet: TagSheet, qtbot: QtBot) -> None:
    field = sheet.rows[0].field
    assert sheet.focusWidget() is field and field.selectedText() == "web:dev"
    assert not sheet.confirm.isEnabled() and sheet.confirm.toolTip() == "There is no new name."
    assert sheet.rows[0].note.text() == "The image already has this name."
    assert not sheet.rows[0].remove.isVisible() and field.accessibleName() == "New name"
    qtbot.keyClicks(field, "team/web:1.0")
    assert sheet.rows[0].note.text() == "docker.io/team/web:1.0"
    with qtbot.waitSignal(sheet.tag_requested) as wish:
        qtbot.keyClick(field, Qt.Key.Key_Return)
    assert wish.args == [named("team/web:1.0")]
    assert sheet.isVisible() and not sheet.confirm.isEnabled(), "the names are being given"
    sheet.answer(LongshoreError("The engine does not respond."))
    assert sheet.isVisible() and sheet.confirm.isEnabled()
    assert "does not respond" in sheet.problem.text() and field.text() == "team/web:1.0"
    with qtbot.waitSignal(sheet.tag_requested) as wish:
        qtbot.keyClick(field, Qt.Key.Key_Return)
    sheet.answer(None)
    assert not sheet.isVisible()


def test_several_names_are_added_and_removed_with_the_keyboard(sheet: TagSheet, qtbot: QtBot) -> None:
    qtbot.keyClicks(sheet.rows[0].field, "r.io/web:1")
    sheet.add.setFocus()
    qtbot.keyClick(sheet.add, Qt.Key.Key_Space)
    assert sheet.focusWidget() is sheet.rows[1].field
    assert sheet.rows[1].field.accessibleName() == "New name 2"
    qtbot.keyClicks(sheet.rows[1].field, "r.io/web:2")
    assert sheet.rows[1].note.text() == "New tag"
    qtbot.mouseClick(sheet.add, Qt.MouseButton.LeftButton)
    qtbot.keyClicks(sheet.rows[2].field, "r.io/web:3")
    for _ in range(2):
        qtbot.keyClick(sheet.focusWidget(), Qt.Key.Key_Tab, Qt.KeyboardModifier.ShiftModifier)
    assert sheet.focusWidget() is sheet.rows[1].field
    qtbot.keyClick(sheet.focusWidget(), Qt.Key.Key_Tab)
    qtbot.keyClick(sheet.focusWidget(), Qt.Key.Key_Space)
    assert [row.text() for row in sheet.rows] == ["r.io/web:1", "r.io/web:3"]
    assert sheet.focusWidget() is sheet.rows[1].field
    qtbot.mouseClick(sheet.add, Qt.MouseButton.LeftButton)  # a field that stays empty is no name
    with qtbot.waitSignal(sheet.tag_requested) as wish:
        sheet.confirm.click()
    assert wish.args == [named("r.io/web:1", "r.io/web:3")]


def test_each_name_says_what_it_does(sheet: TagSheet) -> None:
    sheet.rows[0].field.setText("web:main")
    other = MAIN.name.short
    assert sheet.rows[0].note.text() == f"Moves the tag from another image, {other}, which then has no name."
    assert sheet.rows[0].note.property("role") == "caution" and sheet.confirm.isEnabled()
    sheet.rows[0].field.setText("redis:7")
    assert sheet.rows[0].note.text() == f"Moves the tag from another image, {REDIS.name.short}."
    sheet.add_name("redis")
    assert sheet.rows[1].note.text() == "docker.io/library/redis:latest"
    sheet.add_name("redis:latest")
    assert sheet.rows[1].note.text() == sheet.rows[2].note.text() == "This name is used twice."
    assert not sheet.confirm.isEnabled() and sheet.confirm.toolTip() == "This name is used twice."


def test_in_the_library_an_image_without_a_name_is_removed(light: Theme, qtbot: QtBot) -> None:
    sheet = TagSheet(None, WEB.name, LISTED, library=True)
    shown(sheet, qtbot)
    sheet.rows[0].field.setText("web:main")
    assert sheet.rows[0].note.text().endswith("which is then removed.")


def test_what_is_no_name_is_said_under_its_field(sheet: TagSheet, qtbot: QtBot) -> None:
    sheet.rows[0].field.setText("r.io/web:1")
    row = sheet.add_name("Web:1")
    assert "upper case" in row.note.text() and row.note.property("role") == "error"
    assert row.field.property("invalid") and "upper case" in row.field.accessibleDescription()
    assert not sheet.confirm.isEnabled() and "upper case" in sheet.confirm.toolTip()
    with qtbot.assertNotEmitted(sheet.tag_requested):
        qtbot.keyClick(row.field, Qt.Key.Key_Return)
    assert sheet.isVisible()
    row.field.setText(f"web@{WEB.image_id}")
    assert "digest can't be used" in row.note.text()
    row.field.clear()
    assert not row.note.isVisible() and not row.field.property("invalid") and sheet.confirm.isEnabled()


def test_there_is_an_end_to_names_and_to_the_height(sheet: TagSheet, qtbot: QtBot) -> None:
    for number in range(1, MOST_NAMES):
        assert sheet.add.isEnabled()
        sheet.add_name(f"r.io/a-very-long-name-of-an-organisation/and-of-a-repository/app:{number}")
    assert not sheet.add.isEnabled() and sheet.add.toolTip() == "At most 20 names at once."
    qtbot.waitUntil(lambda: sheet.height() < 560)
    assert sheet.width() < 600


@pytest.fixture
def several(light: Theme, qtbot: QtBot) -> Iterator[TagSeveralSheet]:
    made = TagSeveralSheet(None, [WEB.name, REDIS.name], LISTED, library=False)
    shown(made, qtbot)
    yield made
    made.close()


def results(sheet: TagSeveralSheet) -> list[tuple[str, str]]:
    def text(row: int, column: int) -> str:
        item = sheet.table.item(row, column)
        assert item is not None
        return item.text()

    return [(text(row, 1), text(row, 2)) for row in range(sheet.table.rowCount())]


def test_several_images_get_one_registry_and_tag(several: TagSeveralSheet, qtbot: QtBot) -> None:
    assert several.focusWidget() is several.registry
    assert results(several) == [("web:dev", "already there"), ("redis:7", "already there")]
    assert not several.confirm.isEnabled()
    qtbot.keyClicks(several.registry, "r.io/team")
    qtbot.keyClick(several.registry, Qt.Key.Key_Tab)
    qtbot.keyClicks(several.focusWidget(), "1.0")
    assert results(several) == [("r.io/team/web:1.0", "new tag"), ("r.io/team/redis:1.0", "new tag")]
    with qtbot.waitSignal(several.tag_requested) as wish:
        qtbot.keyClick(several.tag, Qt.Key.Key_Return)
    assert [(one.shown, str(name)) for one, name in wish.args[0]] == [
        ("web:dev", "r.io/team/web:1.0"),
        ("redis:7", "r.io/team/redis:1.0"),
    ]


def test_tags_that_several_images_take_from_others_are_counted(several: TagSeveralSheet) -> None:
    several.tag.setText("main")
    assert results(several) == [("web:main", "moves the tag"), ("redis:main", "new tag")]
    assert several.caution.text() == "1 tag is moved from another image. 1 of these images then has no name."
    assert several.confirm.isEnabled()
    several.tag.setText("8")
    assert results(several)[1] == ("redis:8", "already there")
    assert not several.caution.isVisible()


def test_several_images_never_get_the_same_name(light: Theme, qtbot: QtBot) -> None:
    sheet = TagSeveralSheet(None, [WEB.name, MAIN.name], LISTED, library=False)
    shown(sheet, qtbot)
    sheet.tag.setText("1.0")
    assert [result for _, result in results(sheet)] == ["duplicate name", "duplicate name"]
    assert sheet.problem.text() == sheet.confirm.toolTip() == "Two images would get the name web:1.0."
    assert not sheet.confirm.isEnabled()
    sheet.tag.setText("a b")
    assert sheet.problem.isVisible() and not sheet.confirm.isEnabled()
    assert results(sheet) == [("", ""), ("", "")], "no names of what was typed before"
