"""The verb of a push, copy or load waits until it is known what the resulting references point to."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QDialog
from pytestqt.qtbot import QtBot

from longshore.errors import AccessDenied
from longshore.oci.image_name import ImageName
from longshore.oci.reference import Reference
from longshore.transfers.transfer import TransferRequest
from longshore.widgets.dialogs import targets
from longshore.widgets.dialogs.push import PushSheet
from longshore.widgets.theme import Theme
from qt.models.made import ENGINE, sha

APP = ImageName(Reference.parse("team/app:1.0"))
TARGET = Reference.parse("one.example/team/app:1.0")


class Pressed:
    """A push sheet whose verb was pressed before anything was known."""

    def __init__(self, qtbot: QtBot) -> None:
        self.sheet = PushSheet(None, [APP], ENGINE, [("one.example", "")], "one.example")
        qtbot.addWidget(self.sheet)
        self.requested: list[list[TransferRequest]] = []
        self.asked: list[list[Reference]] = []
        self.sheet.transfers_requested.connect(self.requested.append)
        self.sheet.targets.existing_requested.connect(self.asked.append)
        self.sheet.confirm.click()
        assert self.asked == [[TARGET]], "it is asked at once"
        assert self.requested == [] and not self.sheet.waiting.isHidden()


@pytest.fixture
def pressed(light: Theme, qtbot: QtBot) -> Pressed:
    return Pressed(qtbot)


@pytest.mark.parametrize("there", [None, AccessDenied("No.", registry="one.example")])
def test_what_replaces_nothing_goes_on(pressed: Pressed, there: AccessDenied | None) -> None:
    """A registry that refuses the question refuses the push, which offers to sign in."""
    pressed.sheet.targets.set_existing(TARGET, there)
    assert len(pressed.requested) == 1
    assert pressed.sheet.result() == QDialog.DialogCode.Accepted


def test_what_replaces_a_tag_is_confirmed_again(pressed: Pressed) -> None:
    pressed.sheet.targets.set_existing(TARGET, sha("other"))
    assert pressed.requested == [] and pressed.sheet.waiting.isHidden()
    assert "1 existing tag" in pressed.sheet.targets.summary.text()
    pressed.sheet.confirm.click()
    assert len(pressed.requested) == 1


def test_another_name_is_confirmed_again(pressed: Pressed) -> None:
    tag = pressed.sheet.targets.table.item(0, 3)
    assert tag is not None
    tag.setText("2.0")
    pressed.sheet.targets.set_existing(TARGET, None)
    pressed.sheet.targets.set_existing(TARGET.with_tag("2.0"), None)
    assert pressed.requested == [] and pressed.sheet.waiting.isHidden()


def test_a_registry_that_does_not_respond_is_not_waited_for(
    light: Theme, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets, "PATIENCE", 1)
    pressed = Pressed(qtbot)
    qtbot.waitUntil(lambda: pressed.sheet.waiting.isHidden())
    assert pressed.requested == []
    assert pressed.sheet.targets.summary.text().endswith(
        "one.example has not responded: whether one.example/team/app:1.0 exists could not be checked."
    )
    pressed.sheet.confirm.click()
    assert len(pressed.requested) == 1
