"""Compare: which two images are meant, and what the sheet shows of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QTableWidget
from pytestqt.qtbot import QtBot

from longshore.application.attached.sboms import Package
from longshore.application.comparing.comparison import compare, compare_packages
from longshore.application.comparing.values import ComparedPackages, Comparison, Side
from longshore.application.inspection.values import Inspected, Layer
from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError, NotInRegistry
from longshore.models.columns import TagColumn
from longshore.oci.image_config import RunConfig
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers.transfer import Endpoint, RegistryPlace
from longshore.widgets.dialogs import comparison
from longshore.widgets.dialogs.comparison import Compared, CompareSheet
from longshore.wiring.comparing import Compares
from qt.models.made import ENGINE, sha

from .conftest import Bench

# Of the offscreen platform: a sheet has a least size, and there is no window manager to tell.
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

HOST = "127.0.0.1:5000"
END = Endpoint(RegistryPlace(HOST), Reference.parse(f"{HOST}/web:1"))


def inspected(*layers: str, **fields: Any) -> Inspected:
    made = tuple(Layer(sha(one), 1000, diff_id=sha(f"d{one}")) for one in layers)
    found = Inspected(
        END,
        manifest_digest=sha(str(layers)),
        size_compressed=1000 * len(layers) + 10,
        layers=made,
        platform=Platform.parse("linux/amd64"),
        run=RunConfig(environment=("PATH=/bin", "DB_PASSWORD=hunter2"), user="0"),
    )
    return replace(found, **fields)


def some() -> Comparison:
    right = inspected("a", "c", run=RunConfig(environment=("PATH=/sbin", "DB_PASSWORD=hunter3"), user="0"))
    return compare(inspected("a", "b"), right)


def rows(table: QTableWidget) -> list[list[str]]:
    found = []
    for row in range(table.rowCount()):
        items = [table.item(row, column) for column in range(table.columnCount())]
        found.append([item.text() for item in items if item is not None])
    return found


@pytest.fixture
def sheet(bench: Bench) -> Iterator[CompareSheet]:
    made = CompareSheet(bench.window, Compared("web:1", "default"), Compared("web:2", HOST))
    made.open()
    yield made
    made.reject()


def test_layers_lines_and_what_a_pull_fetches(sheet: CompareSheet) -> None:
    assert sheet.verdict.text() == "Reading both images…"
    sheet.show_comparison(some())
    assert sheet.verdict.text() == "1 layer is the same, 1 kB."
    assert "the right image fetches 1 kB if the left one is there" in sheet.fetched.text()
    assert [row[1:] for row in rows(sheet.layers)] == [
        ["1 kB", "same"],
        ["1 kB", "only right"],
        ["1 kB", "only left"],
    ]
    assert sheet.only.isHidden()
    sheet.tabs.choose(1)
    assert rows(sheet.lines) == [["Variable DB_PASSWORD", "••••", "••••"], ["Variable PATH", "/bin", "/sbin"]]
    sheet.only.setChecked(False)
    assert ["User", "0", "0"] in rows(sheet.lines)


def test_packages_are_read_when_they_are_wanted_and_once(sheet: CompareSheet, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(sheet.packages_requested):
        sheet.tabs.choose(2)
        sheet.tabs.choose(0)
        sheet.show_comparison(some())
    with qtbot.waitSignal(sheet.packages_requested):
        sheet.tabs.choose(2)
    assert sheet.note.text() == "Reading the SBOMs of both images…"
    packages = compare_packages(
        [Package("curl", "7"), Package("zlib", "1")], [Package("curl", "8"), Package("zlib", "1")]
    )
    sheet.show_packages(ComparedPackages(packages))
    assert rows(sheet.packages) == [["curl", "7", "8"]]
    with qtbot.assertNotEmitted(sheet.packages_requested):
        sheet.tabs.choose(0)
        sheet.tabs.choose(2)
    sheet.show_packages(ComparedPackages(missing=Side.RIGHT))
    assert (rows(sheet.packages), sheet.note.text()) == ([], "The right image has no SBOM attached.")
    sheet.show_packages(NotInRegistry("It is gone.", registry=HOST))
    assert sheet.note.text() == "It is gone."


def test_a_failure_is_said_and_long_lists_end(sheet: CompareSheet, monkeypatch: pytest.MonkeyPatch) -> None:
    sheet.show_comparison(NotInRegistry("There is no such tag.", registry=HOST))
    assert "There is no such tag." in sheet.problem.text()
    monkeypatch.setattr(comparison, "MOST_ROWS", 2)
    sheet.show_comparison(some())
    assert (sheet.layers.rowCount(), sheet.note.text()) == (2, "1 more are not shown.")


def test_enter_and_escape_close_it(bench: Bench, qtbot: QtBot) -> None:
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Escape):
        sheet = CompareSheet(bench.window, Compared("a", "b"), Compared("c", "d"))
        sheet.open()
        qtbot.keyClick(sheet, key)
        assert not sheet.open_still


# -- which two images


@pytest.fixture
def asked(bench: Bench) -> list[tuple[Endpoint, Endpoint]]:
    """The pairs that are compared."""
    pairs: list[tuple[Endpoint, Endpoint]] = []

    def read(
        left: Endpoint, right: Endpoint, done: Callable[[Comparison | LongshoreError], None]
    ) -> Cancellation:
        pairs.append((left, right))
        done(some())
        return Cancellation()

    operations: Any = SimpleNamespace(
        images=SimpleNamespace(status=SimpleNamespace(place=ENGINE)),
        registries=SimpleNamespace(title=lambda host: host),
        comparing=SimpleNamespace(read=read),
    )
    Compares(bench.window, operations, SimpleNamespace(place_title=lambda place: "default"))  # type: ignore[arg-type]
    bench.ready("web:1", "web:2", "web:3")
    bench.list(HOST, "acme/web")
    bench.show_tags(HOST, "acme/web", "1", "2", "3")
    return pairs


def test_two_rows_of_a_list_or_one_of_each(
    bench: Bench, asked: list[tuple[Endpoint, Endpoint]], qtbot: QtBot
) -> None:
    images, registries = bench.window.image_pane, bench.window.registry_pane
    tags = registries.tags.view
    assert images.compare_verb.reason.startswith("Select two images")
    images.view.select_rows([bench.images.index(0, 0), bench.images.index(1, 0)])
    assert (images.compare_verb.reason, bool(registries.compare_verb.reason)) == ("", True)
    images.compare()
    images.view.select_rows([bench.images.index(0, 0)])
    assert images.compare_verb.reason
    tags.select_rows([bench.tags.index(0, TagColumn.TAG)])
    assert images.compare_verb.reason == registries.compare_verb.reason == ""
    registries.compare()
    tags.select_rows([bench.tags.index(0, 0), bench.tags.index(2, 0)])
    assert registries.compare_verb.reason == "" and images.compare_verb.reason
    bench.window.registry_pane.compare()
    tags.selectAll()
    assert registries.compare_verb.reason
    names = [(left.name.shown, right.name.shown) for left, right in asked]
    assert names == [
        ("web:1", "web:2"),
        ("web:1", f"{HOST}/acme/web:3"),
        (f"{HOST}/acme/web:3", f"{HOST}/acme/web:1"),
    ]
    for sheet in bench.window.findChildren(CompareSheet):
        assert sheet.verdict.text() == "1 layer is the same, 1 kB."
        sheet.reject()


def test_places_are_named(bench: Bench, asked: list[tuple[Endpoint, Endpoint]]) -> None:
    bench.window.image_pane.view.select_rows([bench.images.index(0, 0)])
    bench.window.registry_pane.tags.view.select_rows([bench.tags.index(0, 0)])
    bench.actions.compare.trigger()
    (sheet,) = bench.window.findChildren(CompareSheet)
    texts = [label.text() for label in sheet.findChildren(type(sheet.verdict))]
    assert "web:1 in default" in texts and f"{HOST}/acme/web:3" in texts
    sheet.reject()
