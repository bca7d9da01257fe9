"""Sheets that ask before something is lost, and sheets that check what the user typed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from longshore.application import removal, requests
from longshore.engine.container_model import Container, ContainerState
from longshore.errors import LongshoreError, RegistryUnreachable
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.registry.removal import RemovalPlan
from longshore.widgets.dialogs.closing import CloseSheet
from longshore.widgets.dialogs.history import ClearHistorySheet
from longshore.widgets.dialogs.mirror import MirrorSheet
from longshore.widgets.dialogs.pull import PullSheet
from longshore.widgets.dialogs.registry import AddRegistrySheet
from longshore.widgets.dialogs.removal import RemoveSheet
from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.dialogs.tag_removal import RemoveTagsSheet
from longshore.widgets.theme import Theme
from qt.models.made import ENGINE, image

# Of the offscreen platform: a sheet has a least size, and there is no window manager to tell.
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

HOST = "registry.acme.io"


def shown(sheet: Sheet, qtbot: QtBot) -> None:
    qtbot.addWidget(sheet)
    sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    sheet.open()
    qtbot.waitExposed(sheet)
    sheet.activateWindow()
    qtbot.waitUntil(lambda: sheet.focusWidget() is not None)


IMAGES = [image("a:1"), image("b:1")]
REMOVALS = removal.plan(IMAGES, [one.name for one in IMAGES], {})


def _remove_images() -> Sheet:
    return RemoveSheet(None, REMOVALS)


def _force_removal() -> Sheet:
    stopped = Container(id="1", name="job", state=ContainerState.EXITED)
    sheet = RemoveSheet(None, removal.plan(IMAGES[:1], [IMAGES[0].name], {IMAGES[0].image_id: [stopped]}))
    sheet.confirm.click()
    assert sheet.confirm.text() == "Force removal"
    return sheet


def _remove_tags() -> Sheet:
    sheet = RemoveTagsSheet(None, "acme/web", ["1"])
    sheet.show_plan(RemovalPlan(HOST, "acme/web", ("1",), (("sha256:" + "a" * 64, ("1",)),), (), (), 0))
    return sheet


_DANGEROUS: list[Callable[[], Sheet]] = [
    _remove_images,
    _force_removal,
    _remove_tags,
    lambda: CloseSheet(None, 2),
    lambda: ClearHistorySheet(None),
]


@pytest.mark.parametrize("make", _DANGEROUS, ids=["images", "force", "tags", "close", "history"])
def test_enter_never_destroys(light: Theme, qtbot: QtBot, make: Callable[[], Sheet]) -> None:
    sheet = make()
    shown(sheet, qtbot)
    assert sheet.dismiss.isDefault() and not sheet.confirm.isDefault()
    assert sheet.focusWidget() is sheet.dismiss
    assert sheet.confirm.property("danger")
    accepted: list[bool] = []
    sheet.accepted.connect(lambda: accepted.append(True))
    qtbot.keyClick(sheet.focusWidget(), Qt.Key.Key_Return)
    assert not sheet.isVisible() and not accepted


@pytest.mark.parametrize("make", _DANGEROUS, ids=["images", "force", "tags", "close", "history"])
def test_enter_means_cancel_from_any_other_part_of_the_sheet(
    light: Theme, qtbot: QtBot, make: Callable[[], Sheet]
) -> None:
    sheet = make()
    shown(sheet, qtbot)
    accepted: list[bool] = []
    sheet.accepted.connect(lambda: accepted.append(True))
    for part in sheet.findChildren(QWidget):
        if part.isVisible() and part.focusPolicy() & Qt.FocusPolicy.TabFocus and part is not sheet.confirm:
            part.setFocus()
            break
    qtbot.keyClick(sheet.focusWidget() or sheet, Qt.Key.Key_Enter)
    assert not accepted


def test_who_goes_to_the_button_itself_means_it(light: Theme, qtbot: QtBot) -> None:
    sheet = _remove_images()
    shown(sheet, qtbot)
    assert isinstance(sheet, RemoveSheet)
    sheet.confirm.setFocus()
    with qtbot.waitSignal(sheet.remove_requested) as wish:
        qtbot.keyClick(sheet.confirm, Qt.Key.Key_Return)
    assert wish.args == [REMOVALS, False]


# -- platforms


def test_a_platform_there_is_not_is_refused_before_anything_is_pulled(light: Theme, qtbot: QtBot) -> None:
    sheet = PullSheet(None, ENGINE, "postgres:16")
    shown(sheet, qtbot)
    sheet.platform.setCurrentText("linux/sparc")
    with qtbot.assertNotEmitted(sheet.transfers_requested):
        sheet.confirm.click()
    assert sheet.problem.text().startswith("There is no platform linux/sparc.")
    assert sheet.isVisible()
    sheet.reference.setText("docker pull --platform linux/amd46 postgres:16")
    assert sheet.platform.currentText() == "linux/amd46"
    sheet.confirm.click()
    assert "Did you mean linux/amd64?" in sheet.problem.text()
    sheet.platform.setCurrentText("linux/aarch64")
    with qtbot.waitSignal(sheet.transfers_requested) as pull:
        sheet.confirm.click()
    assert pull.args == [
        [requests.pull(Reference.parse("postgres:16"), ENGINE, Platform.parse("linux/arm64"))]
    ]


def test_a_rule_names_only_platforms_there_are(light: Theme, qtbot: QtBot) -> None:
    sheet = MirrorSheet(None, Reference("docker.io", "library/postgres"), [(HOST, "")], HOST)
    shown(sheet, qtbot)
    sheet.tags.setText("16*")
    sheet.platforms.setText("linux/amd64, linux/sparc")
    with pytest.raises(LongshoreError, match=r"There is no platform linux/sparc\."):
        sheet.rule()
    sheet.platforms.setText("linux/amd64 linux/arm64")
    assert [str(one) for one in sheet.rule().platforms] == ["linux/amd64", "linux/arm64"]


# -- Add registry


def test_a_registry_that_answers_is_added_at_once(light: Theme, qtbot: QtBot) -> None:
    sheet = AddRegistrySheet(None)
    shown(sheet, qtbot)
    sheet.host.setText(HOST)
    with qtbot.assertNotEmitted(sheet.add_requested), qtbot.waitSignal(sheet.probe_requested) as probe:
        qtbot.keyClick(sheet.host, Qt.Key.Key_Return)
    config = probe.args[0]
    assert config.host == HOST
    assert not sheet.confirm.isEnabled() and sheet.dismiss.isEnabled()
    assert sheet.progress.text() == f"Connecting to {HOST}…"
    with qtbot.waitSignal(sheet.add_requested) as added:
        sheet.show_probe(config, None)
    assert added.args == [config]


def test_a_registry_that_does_not_answer_is_added_only_when_that_is_known(light: Theme, qtbot: QtBot) -> None:
    sheet = AddRegistrySheet(None)
    shown(sheet, qtbot)
    sheet.host.setText(HOST)
    with qtbot.waitSignal(sheet.probe_requested) as probe:
        sheet.confirm.click()
    with qtbot.assertNotEmitted(sheet.add_requested):
        sheet.show_probe(probe.args[0], RegistryUnreachable("Nothing is listening.", registry=HOST))
    assert sheet.problem.text() == f"{HOST} could not be reached. Nothing is listening."
    assert sheet.confirm.text() == "Add anyway" and sheet.confirm.isEnabled()
    assert not sheet.progress.isVisible()
    sheet.insecure.setChecked(True)
    assert sheet.confirm.text() == "Add" and not sheet.problem.text(), "the answer was about the old settings"
    sheet.insecure.setChecked(False)
    with qtbot.waitSignal(sheet.add_requested) as added, qtbot.assertNotEmitted(sheet.probe_requested):
        sheet.confirm.click()
    assert added.args[0].host == HOST


def test_an_answer_about_what_was_typed_before_is_not_shown(light: Theme, qtbot: QtBot) -> None:
    sheet = AddRegistrySheet(None)
    shown(sheet, qtbot)
    sheet.host.setText(HOST)
    with qtbot.waitSignal(sheet.probe_requested) as probe:
        sheet.confirm.click()
    sheet.host.setText("other.example")
    assert sheet.confirm.isEnabled()
    with qtbot.assertNotEmitted(sheet.add_requested):
        sheet.show_probe(probe.args[0], None)
        sheet.show_probe(probe.args[0], RegistryUnreachable("Late.", registry=HOST))
    assert not sheet.problem.text()
    sheet.reject()
    sheet.show_probe(probe.args[0], None)  # after the sheet has closed


@pytest.mark.parametrize("host", ["my_registry.example", "registry_1:5000"])
def test_a_host_that_no_image_name_can_hold_is_refused(light: Theme, qtbot: QtBot, host: str) -> None:
    sheet = AddRegistrySheet(None)
    shown(sheet, qtbot)
    sheet.host.setText(host)
    with qtbot.assertNotEmitted(sheet.probe_requested), qtbot.assertNotEmitted(sheet.add_requested):
        sheet.confirm.click()
    assert sheet.problem.text()
    assert sheet.isVisible()


@pytest.mark.parametrize(
    ("running", "builds", "pulls_told", "builds_told"),
    [(2, 0, True, False), (2, 1, True, True), (1, 1, False, True)],
)
def test_closing_says_what_is_lost(
    light: Theme, qtbot: QtBot, running: int, builds: int, pulls_told: bool, builds_told: bool
) -> None:
    sheet = CloseSheet(None, running, builds=builds)
    qtbot.addWidget(sheet)
    said = " ".join(label.text() for label in sheet.findChildren(type(sheet.problem)))
    assert ("Pulls that Longshore fetches continue" in said) is pulls_told
    assert ("A build starts again from the beginning" in said) is builds_told
