"""Remove… for local images: the containers that use them, and force as a second step."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from longshore.application import removal
from longshore.engine.container_model import Container, ContainerState
from longshore.errors import EngineLost, ImageInUse
from longshore.oci.disk_usage import FreedBytes
from longshore.oci.local_image import LocalImage
from longshore.widgets.dialogs.removal import RemoveSheet
from longshore.widgets.theme import Theme
from longshore.words.removal import effect as effect_of
from qt.models.made import image

# Of the offscreen platform: a sheet has a least size, and there is no window manager to tell.
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

WEB, JOB, FREE = image("web:1", in_use=1), image("job:1", in_use=1), image("free:1")
RUNNING = Container(id="1", name="api", state=ContainerState.RUNNING)
EXITED = Container(id="2", name="nightly", state=ContainerState.EXITED, exit_code=3)
USERS = {WEB.image_id: [RUNNING], JOB.image_id: [EXITED]}


def made(qtbot: QtBot, *images: LocalImage, known: bool = True, podman: bool = False) -> RemoveSheet:
    names = [one.name for one in images]
    sheet = RemoveSheet(None, removal.plan(images, names, USERS if known else None), podman=podman)
    qtbot.addWidget(sheet)
    sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    sheet.open()
    qtbot.waitExposed(sheet)
    sheet.activateWindow()
    qtbot.waitUntil(lambda: sheet.focusWidget() is not None)
    return sheet


def rows(sheet: RemoveSheet, table: str) -> list[tuple[str, str]]:
    shown = sheet._names if table == "names" else sheet._users
    cells = [[shown.item(row, column) for column in range(2)] for row in range(shown.rowCount())]
    return [(one.text(), two.text()) for one, two in cells if one is not None and two is not None]


def test_an_image_without_containers_is_removed_in_one_step(light: Theme, qtbot: QtBot) -> None:
    sheet = made(qtbot, FREE)
    assert sheet.windowTitle() == sheet.heading.text() == "Remove free:1?"
    assert not sheet._users.isVisible() and not sheet.caution.isVisible()
    assert sheet.focusWidget() is sheet.dismiss
    with qtbot.waitSignal(sheet.remove_requested) as wish:
        sheet.confirm.click()
    assert [one.image for one in wish.args[0]] == [FREE] and wish.args[1] is False
    assert sheet.isVisible() and not sheet.confirm.isEnabled(), "until the engine has answered"
    sheet.answer(None)
    assert not sheet.isVisible()


def test_a_running_container_is_named_and_there_is_no_force(light: Theme, qtbot: QtBot) -> None:
    sheet = made(qtbot, WEB)
    assert rows(sheet, "users") == [("api", "running")]
    assert sheet.caution.text() == "api is running. Stop and remove this container first."
    assert not sheet.confirm.isEnabled() and sheet.confirm.toolTip() == sheet.caution.text()
    sheet.show_plan(removal.plan([WEB], [WEB.name], {}))
    assert sheet.confirm.isEnabled() and not sheet.caution.isVisible(), "the container is gone"


@pytest.mark.parametrize("podman", [False, True])
def test_force_is_a_second_step_that_says_what_it_does(light: Theme, qtbot: QtBot, podman: bool) -> None:
    sheet = made(qtbot, JOB, podman=podman)
    assert rows(sheet, "users") == [("nightly", "exited (3)")]
    forced = "A stopped container uses the image: removing it must be forced in the next step."
    assert sheet.caution.text() == forced
    assert sheet.confirm.text() == "Remove"
    with qtbot.assertNotEmitted(sheet.remove_requested):
        sheet.confirm.click()
    assert sheet.heading.text() == "Force removal of job:1?"
    assert sheet.confirm.text() == sheet.confirm.accessibleName() == "Force removal"
    assert sheet.focusWidget() is sheet.dismiss and sheet.dismiss.isDefault()
    assert ("also removes these containers" in sheet.caution.text()) is podman
    assert ("The containers are kept." in sheet.caution.text()) is not podman
    assert rows(sheet, "users") == [("nightly", "exited (3)")]
    with qtbot.waitSignal(sheet.remove_requested) as wish:
        sheet.confirm.click()
    assert [one.image for one in wish.args[0]] == [JOB] and wish.args[1] is True
    sheet.answer(None)
    assert not sheet.isVisible()


UNDO = "Undo cannot bring it back unless a registry or the library has it."


def test_what_is_final_is_said(light: Theme, qtbot: QtBot) -> None:
    tags = [image(f"web:{number}", image_id=WEB.image_id) for number in range(8)]
    removals = removal.plan(tags, [one.name for one in tags], {})
    sheet = RemoveSheet(None, removals, freed=lambda ids: FreedBytes(5_000_000 * len(ids)))
    qtbot.addWidget(sheet)
    effect = f"They are all references of one image. This deletes the image and frees 5 MB. {UNDO}"
    assert sheet.effect.text() == effect
    assert made(qtbot, FREE).effect.text() == f"This deletes the image. {UNDO}"
    assert made(qtbot, JOB).effect.text() == f"This deletes the image. {UNDO}"
    assert made(qtbot, WEB).effect.text() == "", "it is not removed"
    other = image("other:1")
    both = removal.plan([*tags, other], [tags[0].name, other.name], {})
    assert effect_of(both, "5 MB", library=True) == (
        "This deletes 1 image and frees 5 MB. Undo cannot bring it back unless a registry has it. "
        "Images with other references are kept."
    )
    assert effect_of(both[:1], "") == "The image is kept: it has 7 other references."
    assert effect_of(removal.plan([FREE, other], [FREE.name, other.name], {}), "5 MB") == (
        "This deletes 2 images and frees 5 MB. Undo cannot bring them back unless a registry or the library "
        "has them."
    )


def test_of_several_images_only_the_free_ones_go_first(light: Theme, qtbot: QtBot) -> None:
    sheet = made(qtbot, FREE, JOB, WEB)
    assert sheet.heading.text() == "Remove 3 references?"
    assert rows(sheet, "names") == [
        ("free:1", ""),
        ("job:1", "nightly, exited (3)"),
        ("web:1", "api, running"),
    ]
    assert sheet.caution.text().startswith("api is running.") and "Its image is kept." in sheet.caution.text()
    with qtbot.waitSignal(sheet.remove_requested) as first:
        sheet.confirm.click()
    assert [one.image for one in first.args[0]] == [FREE] and first.args[1] is False
    sheet.answer(None)
    assert sheet.isVisible() and sheet.heading.text() == "Force removal of job:1?"
    qtbot.keyClick(sheet.focusWidget(), Qt.Key.Key_Return)
    assert not sheet.isVisible(), "Enter means Cancel"


def test_until_the_containers_are_known_nothing_can_be_removed(light: Theme, qtbot: QtBot) -> None:
    sheet = made(qtbot, JOB, known=False)
    assert sheet.looks and not sheet.confirm.isEnabled()
    assert sheet.caution.text() == "Used by 1 container."
    sheet.show_plan(EngineLost("The engine went away."))
    assert "went away" in sheet.problem.text() and not sheet.confirm.isEnabled()
    sheet.show_plan(removal.plan([JOB], [JOB.name], USERS))
    assert not sheet.looks and sheet.confirm.isEnabled()


def test_a_refusal_is_shown_and_looked_into(light: Theme, qtbot: QtBot) -> None:
    sheet = made(qtbot, FREE)
    sheet.confirm.click()
    with qtbot.waitSignal(sheet.look_requested):
        sheet.answer(ImageInUse("A container uses “free:1”.", subject="free:1"))
    assert "A container uses" in sheet.problem.text() and sheet.isVisible()
    assert sheet.focusWidget() is sheet.dismiss
    sheet.show_plan(removal.plan([FREE], [FREE.name], {FREE.image_id: [EXITED]}))
    sheet.confirm.click()
    assert sheet.confirm.text() == "Force removal" and not sheet.problem.isVisible()


def test_changes_are_looked_at_while_containers_matter(light: Theme, qtbot: QtBot) -> None:
    sheet = made(qtbot, WEB)
    with qtbot.waitSignal(sheet.look_requested):
        sheet.look_again()
    sheet.show_plan([])
    assert sheet.caution.text() == "Already removed." and not sheet.confirm.isEnabled()
    other = made(qtbot, JOB)
    other.confirm.click()
    with qtbot.assertNotEmitted(other.look_requested):
        other.look_again()
    assert other.confirm.text() == "Force removal", "the second step stays"


def test_an_answer_that_comes_late_does_not_take_the_second_step_back(light: Theme, qtbot: QtBot) -> None:
    sheet = made(qtbot, FREE, JOB)
    late = removal.plan([FREE, JOB], [FREE.name, JOB.name], USERS)
    sheet.confirm.click()
    sheet.show_plan(late)
    assert not sheet.confirm.isEnabled(), "the engine has not answered"
    sheet.answer(None)
    sheet.show_plan(late)
    assert sheet.heading.text() == "Force removal of job:1?" and sheet.confirm.isEnabled()
    sheet.confirm.click()
    with qtbot.waitSignal(sheet.look_requested):
        sheet.answer(ImageInUse("A container uses the image."))
    sheet.show_plan(removal.plan([JOB], [JOB.name], {JOB.image_id: [RUNNING]}))
    assert sheet.heading.text() == "Remove job:1?" and not sheet.confirm.isEnabled(), (
        "it was started meanwhile"
    )
