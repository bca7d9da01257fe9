"""Make an index…: the images, their platforms, the name, and what is refused."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from longshore.errors import NotInRegistry
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers.index_parts import is_replacing, parts_of
from longshore.transfers.transfer import Endpoint, RegistryPlace, TransferRequest
from longshore.widgets.dialogs.index import IndexSheet
from qt.models.made import ENGINE

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

AMD, ARM = Platform.parse("linux/amd64"), Platform.parse("linux/arm64")
NAME = Reference.parse("registry.acme.io/app:1.0")


def tag(name: str) -> Endpoint:
    reference = NAME.with_tag(name)
    return Endpoint(RegistryPlace(reference.domain), reference)


ONE, TWO = tag("1.0-amd64"), tag("1.0-arm64")
LOCAL = Endpoint(ENGINE, Reference.parse("app:dev"), f"sha256:{'1' * 64}")


@pytest.fixture
def sheet(qtbot: QtBot) -> IndexSheet:
    return opened(qtbot)


def opened(qtbot: QtBot, *parts: Endpoint, replacing: bool = False) -> IndexSheet:
    made = IndexSheet(None, parts or (ONE, TWO), NAME, replacing=replacing)
    qtbot.addWidget(made)
    made.show()
    made.set_existing(NAME, None)
    return made


def column(sheet: IndexSheet, number: int) -> list[str]:
    cells = [sheet.table.item(row, number) for row in range(sheet.table.rowCount())]
    return [cell.text() if cell is not None else "" for cell in cells]


def requested(qtbot: QtBot, sheet: IndexSheet) -> TransferRequest:
    with qtbot.waitSignal(sheet.transfers_requested) as asked:
        assert sheet.check()
    (request,) = asked.args[0]
    assert isinstance(request, TransferRequest)
    return request


def test_two_tags(qtbot: QtBot, sheet: IndexSheet) -> None:
    asked: list[object] = []
    sheet.platforms_requested.connect(asked.append)
    sheet.existing_requested.connect(asked.append)
    sheet.ask()
    assert asked == [[ONE, TWO]]  # what the name points to is known
    assert column(sheet, 1) == ["Loading…", "Loading…"]
    sheet.set_platforms(ONE, (AMD,))
    sheet.set_platforms(TWO, (ARM,))
    assert column(sheet, 0) == ["registry.acme.io/app:1.0-amd64", "registry.acme.io/app:1.0-arm64"]
    assert column(sheet, 1) == ["linux/amd64", "linux/arm64"]
    assert sheet.outcome.text() == "The index will have linux/amd64, linux/arm64."
    assert not sheet.replacing.isVisible()
    sheet.set_existing(NAME, "sha256:1")
    assert sheet.moves.text().startswith("Replaces registry.acme.io/app:1.0, which exists")
    assert "the tag will be moved to the index" in sheet.moves.text()
    (planned,) = sheet.planned()
    assert requested(qtbot, sheet) == planned
    assert parts_of(planned) == (ONE, TWO)
    assert planned.destination.reference == NAME


def test_two_images_of_one_platform(qtbot: QtBot) -> None:
    sheet = opened(qtbot, ONE, LOCAL)
    sheet.set_platforms(ONE, (AMD, ARM))
    sheet.set_platforms(LOCAL, (AMD,))
    assert "Two of the images are for linux/amd64" in sheet.problem.text()
    assert sheet.replacing.isVisible()
    assert not sheet.confirm.isEnabled()
    sheet.replacing.setChecked(True)
    assert not sheet.problem.isVisible()
    assert sheet.outcome.text() == "The index will have linux/amd64, linux/arm64."
    assert is_replacing(requested(qtbot, sheet))


def test_an_image_is_left_out_with_del(qtbot: QtBot, sheet: IndexSheet) -> None:
    sheet.set_platforms(ONE, (AMD,))
    sheet.set_platforms(TWO, ())
    assert column(sheet, 1) == ["linux/amd64", "not an image"]
    assert "is not an image" in sheet.problem.text()
    sheet.table.setFocus()
    sheet.table.selectRow(1)
    qtbot.keyClick(sheet.table, Qt.Key.Key_Delete)
    assert column(sheet, 1) == ["linux/amd64"]
    assert not sheet.problem.isVisible() and sheet.confirm.isEnabled()
    sheet.table.selectRow(0)
    qtbot.keyClick(sheet.table, Qt.Key.Key_Delete)
    assert sheet.problem.text() == "No images are left." and sheet.planned() == []


def test_an_error_is_shown_and_the_transfer_will_tell_more(sheet: IndexSheet) -> None:
    sheet.set_platforms(ONE, NotInRegistry("The registry has no such tag.", registry="registry.acme.io"))
    assert column(sheet, 1)[0] == "The registry has no such tag."
    assert sheet.confirm.isEnabled()


@pytest.mark.parametrize("typed", ["", "a b", "registry.acme.io/app@sha256:" + "1" * 64])
def test_a_name_that_cannot_be_used(qtbot: QtBot, sheet: IndexSheet, typed: str) -> None:
    sheet.set_platforms(ONE, (AMD,))
    sheet.name.setText(typed)
    assert not sheet.confirm.isEnabled()
    assert sheet.planned() == [] and not sheet.check()
    sheet.name.setText("registry.acme.io/app")
    sheet.set_existing(NAME.with_tag("latest"), None)
    assert requested(qtbot, sheet).destination.reference == NAME.with_tag("latest")


def test_nothing_is_made_before_it_is_known_what_it_replaces(qtbot: QtBot, sheet: IndexSheet) -> None:
    made: list[object] = []
    asked: list[object] = []
    sheet.transfers_requested.connect(made.append)
    sheet.existing_requested.connect(asked.append)
    sheet.set_platforms(ONE, (AMD,))
    sheet.set_platforms(TWO, (ARM,))
    sheet.name.setText("registry.acme.io/app:stable")
    qtbot.keyClick(sheet.name, Qt.Key.Key_Return)
    stable = NAME.with_tag("stable")
    assert asked == [[stable]] and made == []
    assert not sheet.confirm.isEnabled() and "Checking" in sheet.moves.text()
    sheet.set_existing(stable, "sha256:" + "1" * 64)
    assert made == [] and "Replaces registry.acme.io/app:stable" in sheet.moves.text()
    assert sheet.check() and len(made) == 1


def test_a_registry_that_does_not_answer_keeps_nobody_from_trying(sheet: IndexSheet) -> None:
    sheet.set_existing(NAME, NotInRegistry("The registry is away.", registry="registry.acme.io"))
    assert sheet.confirm.isEnabled()
    assert sheet.moves.text() == "Not known whether the tag exists, and would be moved: The registry is away."


def test_a_name_without_a_tag_waits_for_one(qtbot: QtBot) -> None:
    made = IndexSheet(None, (ONE, TWO), Reference(NAME.domain, NAME.path))
    qtbot.addWidget(made)
    assert made.name.text() == "registry.acme.io/app:"
    assert not made.confirm.isEnabled() and made.planned() == []
    qtbot.keyClicks(made.name, "2")
    with qtbot.waitSignal(made.existing_requested) as asked:
        pass
    assert asked.args == [[NAME.with_tag("2")]]
