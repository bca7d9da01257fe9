"""Pull an image: its platforms with sizes and what is to fetch, and when a registry is asked for them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from longshore.application.inspection.pulling import PlatformChoice, PullChoices
from longshore.errors import NotInRegistry
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.registry.pull_budget import PullBudget
from longshore.transfers.transfer import LibraryPlace, TransferRequest
from longshore.widgets.dialogs import pull as pulling
from longshore.widgets.dialogs.pull import PullSheet
from qt.models.made import ENGINE

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

WEB = Reference.parse("registry.acme.io/web:1")
AMD, ARM = Platform.parse("linux/amd64"), Platform.parse("linux/arm64")
LIBRARY = LibraryPlace(Path("/library"))
FOUND = PullChoices(
    WEB,
    "sha256:1",
    (
        PlatformChoice(AMD, "a", 184_000_000, 61_000_000, own=True),
        PlatformChoice(ARM, "b", 179_000_000, 179_000_000),
    ),
    is_index=True,
    whole=363_000_000,
    created=datetime.now(UTC),
)


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling, "_PAUSE", 0)


def opened(qtbot: QtBot, text: str = str(WEB), place: object = ENGINE) -> PullSheet:
    sheet = PullSheet(None, place, text, "Docker on this machine")  # type: ignore[arg-type]
    qtbot.addWidget(sheet)
    sheet.show()
    return sheet


def requested(qtbot: QtBot, sheet: PullSheet) -> TransferRequest:
    with qtbot.waitSignal(sheet.transfers_requested) as asked:
        assert sheet.check()
    (request,) = asked.args[0]
    assert isinstance(request, TransferRequest)
    return request


def rows(sheet: PullSheet) -> list[list[str]]:
    table = sheet.table
    cells = [[table.item(row, column) for column in range(3)] for row in range(table.rowCount())]
    return [[cell.text() if cell is not None else "" for cell in row] for row in cells]


def test_the_platforms_of_an_index(qtbot: QtBot) -> None:
    sheet = opened(qtbot)
    with qtbot.waitSignal(sheet.choices_requested) as asked:
        pass
    assert asked.args == [WEB]
    sheet.set_choices(WEB, FOUND)
    assert rows(sheet) == [["linux/amd64", "184 MB", "61 MB"], ["linux/arm64", "179 MB", "179 MB"]]
    own = sheet.table.item(0, 0)
    assert own is not None
    assert own.data(Qt.ItemDataRole.AccessibleTextRole) == "linux/amd64, this engine's own"
    assert sheet.cost.text() == "About 61 MB to fetch"
    assert requested(qtbot, sheet).platform is None
    sheet.table.setFocus()
    qtbot.keyClick(sheet.table, Qt.Key.Key_Down)
    assert sheet.cost.text() == "179 MB to fetch"
    assert requested(qtbot, sheet).platform == ARM
    # The costs come later; what was chosen stays.
    sheet.set_choices(WEB, replace(FOUND, choices=tuple(replace(one, to_fetch=0) for one in FOUND.choices)))
    assert sheet.cost.text() == "Nothing to fetch"
    assert requested(qtbot, sheet).platform == ARM


def test_the_library_takes_all_platforms(qtbot: QtBot) -> None:
    sheet = opened(qtbot, place=LIBRARY)
    sheet._ask()
    sheet.set_choices(WEB, FOUND)
    assert rows(sheet)[-1] == ["All platforms, unchanged", "363 MB", ""]
    sheet.table.selectRow(2)
    assert sheet.cost.text() == "Up to 363 MB"
    assert dict(requested(qtbot, sheet).options)["platforms"] == "all"


def test_docker_hub_is_asked_only_by_the_button(qtbot: QtBot) -> None:
    sheet = opened(qtbot, "postgres:16")
    with qtbot.assertNotEmitted(sheet.choices_requested, wait=20):
        pass
    assert sheet.show_platforms.isVisible() and not sheet.table.isVisible()
    with qtbot.waitSignal(sheet.choices_requested) as asked:
        sheet.show_platforms.click()
    assert str(asked.args[0]) == "docker.io/library/postgres:16"
    unread = replace(
        FOUND, choices=tuple(replace(one, size=None, to_fetch=None) for one in FOUND.choices), whole=None
    )
    sheet.set_choices(asked.args[0], unread)
    assert [row[1:] for row in rows(sheet)] == [["", ""], ["", ""]]
    assert sheet.cost.text() == ""
    assert not sheet.show_platforms.isVisible()


def test_another_name_forgets_the_platforms(qtbot: QtBot) -> None:
    sheet = opened(qtbot)
    sheet._ask()
    sheet.reference.setText("registry.acme.io/other:1")
    sheet.set_choices(WEB, FOUND)  # too late
    assert not sheet.table.isVisible() and sheet.platform.isVisible()
    sheet._ask()
    other = Reference.parse("registry.acme.io/other:1")
    sheet.set_choices(other, replace(FOUND, reference=other))
    assert sheet.table.isVisible()
    sheet.reference.setText("registry.acme.io/oth er")
    assert not sheet.table.isVisible() and sheet.cost.text() == ""


def test_a_name_that_is_not_there_can_still_be_pulled(qtbot: QtBot) -> None:
    sheet = opened(qtbot)
    sheet._ask()
    sheet.set_choices(WEB, NotInRegistry("The registry has no such tag.", registry="registry.acme.io"))
    assert "no such tag" in sheet.preview.text()
    assert not sheet.table.isVisible()
    assert requested(qtbot, sheet).source.reference == WEB


def test_a_single_image(qtbot: QtBot) -> None:
    sheet = opened(qtbot)
    sheet._ask()
    one = PlatformChoice(ARM, "b", 179_000_000, 179_000_000, own=True)
    sheet.set_choices(WEB, PullChoices(WEB, "sha256:2", (one,), whole=179_000_000))
    assert not sheet.table.isVisible()
    assert "linux/arm64" in sheet.preview.text()
    assert sheet.cost.text() == "179 MB to fetch"


def test_a_pasted_platform_stays_chosen(qtbot: QtBot) -> None:
    sheet = opened(qtbot, f"docker pull --platform linux/arm64 {WEB}")
    sheet._ask()
    sheet.set_choices(WEB, FOUND)
    assert sheet.table.currentRow() == 1
    assert requested(qtbot, sheet).platform == ARM


def test_what_a_pull_costs_at_docker_hub(qtbot: QtBot) -> None:
    budget = PullBudget(76, 100, None, datetime.now(UTC))
    sheet = PullSheet(None, ENGINE, "postgres:16", budget=budget)
    qtbot.addWidget(sheet)
    assert sheet.preview.text().splitlines()[1] == "Counts as 1 of 76 pulls left on Docker Hub."
    sheet.reference.setText("ghcr.io/acme/web:1")
    assert "Docker Hub" not in sheet.preview.text()
