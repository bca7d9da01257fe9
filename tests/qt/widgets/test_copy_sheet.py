"""The copy sheet: resulting references while the user types, existing tags, platforms, and the requests it makes."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from longshore.errors import AccessDenied
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.operations.platforms import Contents
from longshore.transfers.transfer import Operation, TransferRequest
from longshore.widgets.dialogs.copy import CopySheet
from longshore.widgets.theme import Theme
from qt.models.made import sha
from qt.widgets.conftest import find_nothing

AMD, ARM = Platform.parse("linux/amd64"), Platform.parse("linux/arm64")
APP = Reference.parse("one.example/team/app:1.0")
REGISTRIES = [("docker.io", ""), ("one.example", ""), ("two.example:5000", "me")]
_TAG, _THERE, _REPOSITORY = 3, 4, 2


def _sheet(qtbot: QtBot, *references: Reference, repository: str = "") -> CopySheet:
    sheet = CopySheet(None, references or (APP,), REGISTRIES, "two.example:5000", repository)
    qtbot.addWidget(sheet)
    return sheet


def _cell(sheet: CopySheet, row: int, column: int) -> str:
    item = sheet.targets.table.item(row, column)
    assert item is not None
    return item.text()


def _wished(qtbot: QtBot, sheet: CopySheet) -> list[TransferRequest]:
    find_nothing(sheet)
    with qtbot.waitSignal(sheet.transfers_requested) as wish:
        sheet.confirm.click()
    wished: list[TransferRequest] = wish.args[0]
    return wished


def test_a_copy_names_both_ends_and_goes_along_verbatim(light: Theme, qtbot: QtBot) -> None:
    sheet = _sheet(qtbot)
    assert sheet.confirm.accessibleName() == "Copy"
    (request,) = _wished(qtbot, sheet)
    assert request.operation is Operation.COPY
    assert str(request.source.reference) == "one.example/team/app:1.0"
    assert str(request.destination.reference) == "two.example:5000/team/app:1.0"
    assert request.options == ()


def test_it_asks_what_stands_there_and_says_it(light: Theme, qtbot: QtBot) -> None:
    sheet = _sheet(qtbot)
    with qtbot.waitSignal(sheet.targets.existing_requested) as asked:
        pass
    (target,) = asked.args[0]
    sheet.targets.set_existing(target, sha("another"))
    assert _cell(sheet, 0, _THERE) == "may replace existing"
    assert "1 existing tag may be moved to this image." in sheet.targets.summary.text()
    sheet.set_contents(APP, Contents(sha("this"), 10))
    assert _cell(sheet, 0, _THERE) == "replaces existing"
    assert "1 existing tag will be moved to this image." in sheet.targets.summary.text()
    sheet.set_contents(APP, Contents(sha("another"), 10))
    assert _cell(sheet, 0, _THERE) == "already there"
    assert "existing" not in sheet.targets.summary.text()
    sheet.targets.set_existing(target, AccessDenied("No.", registry="two.example:5000"))
    assert _cell(sheet, 0, _THERE) == "unknown"
    sheet.targets.set_existing(target, None)
    assert _cell(sheet, 0, _THERE) == "new tag"


def test_platforms_are_chosen_with_their_sizes(light: Theme, qtbot: QtBot) -> None:
    sheet = _sheet(qtbot)
    sheet.set_contents(APP, Contents(sha("index"), 30_000_000, ((AMD, 20_000_000), (ARM, 10_000_000))))
    choice = sheet._platforms
    assert choice is not None
    assert "2 platforms, 30 MB compressed" in choice.words.text()
    assert choice.list.isHidden(), "all platforms need no list"
    choice.which.setCurrentIndex(1)
    assert [choice.list.item(row).text().split()[0] for row in range(2)] == ["linux/amd64", "linux/arm64"]
    choice.list.item(0).setCheckState(Qt.CheckState.Unchecked)
    assert "10 MB" in choice.words.text()
    assert choice.words.text().endswith("Left out: linux/amd64.")
    choice.list.item(1).setCheckState(Qt.CheckState.Unchecked)
    assert not sheet.confirm.isEnabled()
    assert "Select at least one platform" in sheet.problem.text()
    choice.list.item(1).setCheckState(Qt.CheckState.Checked)
    sheet.referrers.setChecked(True)
    (request,) = _wished(qtbot, sheet)
    assert request.options == (("platforms", "linux/arm64"), ("referrers", "1"))


def test_a_bad_name_and_a_copy_onto_itself_cannot_be_confirmed(light: Theme, qtbot: QtBot) -> None:
    sheet = _sheet(qtbot)
    item = sheet.targets.table.item(0, _REPOSITORY)
    assert item is not None
    item.setText("Not A Name")
    assert not sheet.confirm.isEnabled()
    item.setText("team/app")
    assert sheet.confirm.isEnabled()
    sheet.targets._hosts[0].setCurrentText("one.example")
    assert not sheet.confirm.isEnabled()
    assert "onto itself" in sheet.problem.text()
    sheet.targets.table.item(0, _TAG).setText("1.1")
    assert sheet.confirm.isEnabled(), "another tag in the same repository is a copy"


@pytest.mark.parametrize(
    ("names", "there"),
    [
        (["one.example/team/app:1", "one.example/team/app:2"], ["mirror:1", "mirror:2"]),
        (["one.example/team/app:1", "one.example/team/db:1"], ["mirror/app:1", "mirror/db:1"]),
    ],
)
def test_tags_of_one_repository_take_the_name_they_are_dropped_on(
    light: Theme, qtbot: QtBot, names: list[str], there: list[str]
) -> None:
    sheet = _sheet(qtbot, *map(Reference.parse, names), repository="mirror")
    requests = _wished(qtbot, sheet)
    assert [str(request.destination.reference) for request in requests] == [
        f"two.example:5000/{name}" for name in there
    ]


def test_sizes_that_are_not_known_are_not_told(light: Theme, qtbot: QtBot) -> None:
    sheet = _sheet(qtbot)
    choice = sheet._platforms
    assert choice is not None
    assert choice.words.text() == "Loading…"
    sheet.set_contents(APP, Contents(sha("index"), 0, ((AMD, 0), (ARM, 0))))
    assert choice.words.text() == "2 platforms. Digests are kept."
    choice.which.setCurrentIndex(1)
    assert choice.list.item(0).text() == "linux/amd64"
    assert choice.words.text().startswith("2 platforms. An index with fewer")
