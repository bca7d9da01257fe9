"""The push sheet warns of platforms that a push leaves behind."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from longshore.engine.model import ImageDetails, ImagePlatform
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.widgets.dialogs.push import PushSheet
from longshore.widgets.dialogs.targets import Source
from longshore.widgets.theme import Theme

AMD, ARM = Platform.parse("linux/amd64"), Platform.parse("linux/arm64")
APP = Source(Reference.parse("team/app:1.0"), "", "team/app:1.0")
TARGET = Reference.parse("one.example/team/app:1.0")


def details(*platforms: ImagePlatform) -> ImageDetails:
    return ImageDetails("sha256:1", (), (), None, 1, AMD, (), platforms=platforms)


@pytest.fixture
def sheet(light: Theme, qtbot: QtBot) -> PushSheet:
    made = PushSheet(None, [APP], [("docker.io", ""), ("one.example", "")], "one.example")
    qtbot.addWidget(made)
    return made


def test_it_asks_what_the_engine_has(sheet: PushSheet, qtbot: QtBot) -> None:
    with qtbot.waitSignal(sheet.local_wanted) as asked:
        sheet.look()
    assert asked.args == [[APP]]
    assert sheet.losses.isHidden()


def test_an_engine_that_has_one_platform_of_several(sheet: PushSheet) -> None:
    sheet.set_local(APP, details(ImagePlatform(AMD, here=True), ImagePlatform(ARM, here=False)))
    assert sheet.losses.text() == (
        "Of the 2 platforms of team/app:1.0 the engine has linux/amd64 only: that alone is pushed."
    )
    assert not sheet.losses.isHidden()
    assert sheet.confirm.isEnabled(), "a warning, and no refusal"
    sheet.set_local(APP, details(ImagePlatform(AMD, here=True), ImagePlatform(ARM, here=True)))
    assert sheet.losses.isHidden()


def test_a_tag_that_has_more_platforms_than_it_will_have(sheet: PushSheet) -> None:
    sheet.set_platforms(TARGET, (AMD, ARM))
    assert sheet.losses.isHidden(), "nothing is known of the image yet"
    sheet.set_local(APP, details())
    assert sheet.losses.text() == (
        "one.example/team/app:1.0 is there for linux/amd64, linux/arm64, and will be for linux/amd64 alone."
    )
    tag = sheet.targets.table.item(0, 3)
    assert tag is not None
    tag.setText("2.0")
    assert sheet.losses.isHidden(), "another tag loses nothing"
    tag.setText("not a tag")
    assert sheet.losses.isHidden()
    tag.setText("1.0")
    assert not sheet.losses.isHidden()
    sheet.set_local(APP, details(ImagePlatform(AMD, here=True), ImagePlatform(ARM, here=True)))
    assert sheet.losses.isHidden(), "all of them go"
