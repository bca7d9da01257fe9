"""The sheet of a file that names images: its rows, ticks, states, and the transfers that it requests."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from longshore.application.image_lists.reading import ListReader
from longshore.application.requests import copy, pull
from longshore.application.states import Compared, Here, State
from longshore.oci.reference import Reference
from longshore.transfers.transfer import LibraryPlace
from longshore.widgets.dialogs.image_list import ImageListSheet
from longshore.widgets.theme import Theme

COMPOSE = """\
services:
  web:
    image: nginx:1.27
  api:
    image: ghcr.io/acme/api:${VERSION}
  db:
    image: postgres:16
  replica:
    image: postgres:16
  own:
    build: .
    image: acme/own:dev
"""
PLACE = LibraryPlace(Path("/library"))
NGINX, POSTGRES = Reference.parse("nginx:1.27"), Reference.parse("postgres:16")


@pytest.fixture
def sheet(light: Theme, qtbot: QtBot, tmp_path: Path) -> ImageListSheet:
    file = tmp_path / "compose.yaml"
    file.write_text(COMPOSE)
    made = ImageListSheet(
        None, [ListReader({}).read(file)], PLACE, "Library", ["docker.io", "two.example"], path=""
    )
    qtbot.addWidget(made)
    return made


def rows(sheet: ImageListSheet) -> list[list[str]]:
    table = sheet.table
    return [[table.item(row, column).text() for column in range(3)] for row in range(table.rowCount())]


def ticked(sheet: ImageListSheet) -> list[str]:
    table = sheet.table
    return [
        table.item(row, 0).text()
        for row in range(table.rowCount())
        if table.item(row, 0).flags() & Qt.ItemFlag.ItemIsUserCheckable
        and table.item(row, 0).checkState() == Qt.CheckState.Checked
    ]


def test_each_image_once_with_who_uses_it_and_what_is_not_known(sheet: ImageListSheet) -> None:
    shown = rows(sheet)
    assert [row[0] for row in shown] == [
        "nginx:1.27",
        "ghcr.io/acme/api:${VERSION}",
        "postgres:16",
        "acme/own:dev",
    ]
    assert shown[2][1].count("replica") == 1 and "db" in shown[2][1]
    assert "VERSION" in shown[1][2], "the reason names the variable"
    assert shown[3][2] == "built from this file"
    assert ticked(sheet) == ["nginx:1.27", "postgres:16"]
    assert sheet.summary.text() == "2 of 2 images selected, 1 could not be resolved."
    assert sheet.heading.text() == "Images in compose.yaml"


def test_what_is_in_sync_is_not_ticked_and_the_rest_is_pulled(sheet: ImageListSheet, qtbot: QtBot) -> None:
    with qtbot.waitSignal(sheet.compare_requested) as asked:
        sheet.look()
    assert asked.args[0] == [NGINX, POSTGRES]
    sheet.set_states([Compared(Here(NGINX), State.IN_SYNC), Compared(Here(POSTGRES), State.NEWER)])
    assert [row[2] for row in rows(sheet)][::2] == ["in sync", "newer"]
    assert ticked(sheet) == ["postgres:16"]
    with qtbot.waitSignal(sheet.transfers_requested) as wish:
        sheet.confirm.click()
    assert wish.args[0] == [pull(POSTGRES, PLACE)]


def test_copied_to_a_registry_under_names_by_a_rule(sheet: ImageListSheet, qtbot: QtBot) -> None:
    assert not sheet.rule.isVisibleTo(sheet)
    sheet.to.setCurrentIndex(sheet.to.findText("two.example"))
    assert sheet.confirm.text() == "Copy"
    assert sheet.rule.isVisibleTo(sheet)
    assert rows(sheet)[0][2] == "two.example/library/nginx:1.27"
    sheet.rule.setText("mirror/{name}")
    assert rows(sheet)[2][2] == "two.example/mirror/postgres:16"
    sheet.rule.setText("mirror")
    assert not sheet.confirm.isEnabled()
    assert "same name" in sheet.problem.text()
    sheet.rule.setText("mirror/{name}")
    sheet.table.item(0, 0).setCheckState(Qt.CheckState.Unchecked)
    with qtbot.waitSignal(sheet.transfers_requested) as wish:
        sheet.confirm.click()
    assert wish.args[0] == [copy(POSTGRES, Reference.parse("two.example/mirror/postgres:16"))]


def test_nothing_ticked_is_nothing_to_do(sheet: ImageListSheet) -> None:
    for row in (0, 2):
        sheet.table.item(row, 0).setCheckState(Qt.CheckState.Unchecked)
    assert not sheet.confirm.isEnabled()
