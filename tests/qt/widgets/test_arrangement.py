"""The arrangement of the window, which several Longshores share: neither loses the other's columns."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from longshore.settings import Folders, Settings
from longshore.widgets.theme import Theme
from longshore.wiring.arrangement import merge_arrangement
from longshore.wiring.wiring import Wiring


def state(**parts: Any) -> bytes:
    return json.dumps(
        {"version": 1, "geometry": "g", "columns": {"images": {"w": 1}, "tags": {"w": 1}}} | parts
    ).encode()


def merged(stored: bytes, before: bytes, now: bytes) -> Any:
    value = merge_arrangement(base64.b64encode(stored).decode(), before, now)
    return json.loads(base64.b64decode(value))


def test_only_parts_that_were_changed_here_are_written() -> None:
    theirs = state(geometry="theirs", columns={"images": {"w": 2}, "tags": {"w": 1}})
    ours = state(columns={"images": {"w": 1}, "tags": {"w": 3}})
    assert merged(theirs, state(), ours) == json.loads(
        state(geometry="theirs", columns={"images": {"w": 2}, "tags": {"w": 3}})
    )
    assert merged(theirs, state(), state(geometry="ours"))["geometry"] == "ours"


@pytest.mark.parametrize("stored", ["", "%%", base64.b64encode(b"[" * 5000).decode(), "ü"])
def test_what_is_no_arrangement_is_replaced(stored: str) -> None:
    now = state(geometry="now")
    assert json.loads(base64.b64decode(merge_arrangement(stored, state(), now))) == json.loads(now)


def test_an_arrangement_of_another_version_is_replaced() -> None:
    assert merged(state(version=0, extra=1), state(), state()) == json.loads(state())
    assert merged(state(extra=1), state(), state())["extra"] == 1


def test_windows_that_close_write_only_what_was_rearranged(
    light: Theme, qtbot: QtBot, tmp_path: Path
) -> None:
    folders = Folders.of({"HOME": str(tmp_path)})

    def opened() -> Wiring:
        wiring = Wiring(folders, Settings(folders.config), {}, engine_url=None, registries=[])
        qtbot.addWidget(wiring.window)
        wiring.show()
        wiring.complete()
        return wiring

    def columns() -> dict[str, Any]:
        state = json.loads(base64.b64decode(Settings(folders.config).get("window", "")))
        return {name: part["widths"] for name, part in state["columns"].items()}

    opened().quit()
    assert not (folders.config / "settings.json").exists(), "nothing was changed"
    first, second = opened(), opened()
    first.window.image_pane.view.columns.header.resizeSection(1, 133)
    second.window.transfer_pane.view.columns.header.resizeSection(1, 144)
    first.quit()
    second.quit()
    assert columns()["images"]["1"] == 133
    assert columns()["transfers"]["1"] == 144
    before = (folders.config / "settings.json").stat().st_ino
    again = opened()
    assert again.window.image_pane.view.columns.state()["widths"]["1"] == 133
    again.quit()
    assert (folders.config / "settings.json").stat().st_ino == before
