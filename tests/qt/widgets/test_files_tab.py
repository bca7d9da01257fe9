"""The tab Files: what it costs, the reading, the tree, finding, and one file to save."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from layertools import FOLDER, Link, layer, pieces
from longshore.application.files.layer_tar import LayerTar, read_tree
from longshore.application.files.layers import Cost, ImageLayer, Stage, Way
from longshore.application.files.looking import ImageFiles
from longshore.application.files.merging import merge
from longshore.application.files.tree import View
from longshore.application.inspection.values import Inspected
from longshore.application.subject import Subject
from longshore.cancellation import Cancellation
from longshore.errors import InvalidInput, InvalidLayer
from longshore.models import files as models
from longshore.transfers.transfer import Endpoint
from longshore.widgets.details.files import FilesTab
from longshore.widgets.theme import Theme
from qt.models.made import ENGINE, image

BASE = layer(("etc/", FOLDER), ("etc/app.conf", b"1" * 2000), ("bin/sh", Link("app")), ("log", b"2" * 3000))
TOP = layer(("etc/app.conf", b"3" * 1000), (".wh.log", b""))
COST = Cost(2, 0, Way.FETCHED, 71_400_000, "registry.acme.io")


def subject() -> Subject:
    made = image("acme/web:1")
    return Subject(Endpoint.of(ENGINE, made.name), image=made, place_name="Docker")


def files(*raws: bytes, problems: dict[int, InvalidLayer] | None = None) -> ImageFiles:
    trees = [read_tree(LayerTar(pieces(raw), cancellation=Cancellation())) for raw in raws]
    layers = tuple(ImageLayer(number, "", "") for number in range(1, len(raws) + 1))
    return ImageFiles(layers, merge(trees, Cancellation()), dict(problems or {}))


class Shown:
    """The tab with an image, and what it asked for."""

    def __init__(self, tab: FilesTab, window: QWidget) -> None:
        self.tab = tab
        self.window = window
        self.asked: list[object] = []
        tab.cost_requested.connect(lambda about: self.asked.append(about))
        tab.read_requested.connect(lambda: self.asked.append("read"))
        tab.cancel_requested.connect(lambda: self.asked.append("cancel"))
        tab.left.connect(lambda: self.asked.append("left"))
        tab.find_requested.connect(lambda view, pattern: self.asked.append((view, pattern)))
        tab.save_requested.connect(lambda _files, view, node: self.asked.append((view, node)))
        tab.copy_requested.connect(lambda path: self.asked.append(path))
        tab.set_subject(subject())
        self.about = Inspected(subject().end)
        tab.set_inspected(self.about)

    def take(self) -> list[object]:
        asked, self.asked = self.asked, []
        return asked

    def listed(self, *raws: bytes) -> View:
        found = files(*(raws or (BASE, TOP)))
        self.tab.set_files(self.about, found)
        self.take()
        return found.merged.view

    def select(self, path: str) -> QModelIndex:
        view = self.tab.model.view
        assert view is not None
        node = view.tree.find(path)
        assert node is not None
        index = self.tab.model.index_of(node)
        self.tab.view.select_row(index)
        return index


@pytest.fixture
def shown(qtbot: QtBot, light: Theme) -> Shown:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(460, 400)
    tab = FilesTab()
    tab.setParent(window)
    tab.resize(460, 400)
    window.show()
    return Shown(tab, window)


def test_the_cost_is_said_before_anything_is_read(shown: Shown, qtbot: QtBot) -> None:
    tab = shown.tab
    assert shown.take() == ["left", shown.about]
    assert tab.button.isHidden()
    tab.set_cost(shown.about, COST)
    assert "71.4 MB from registry.acme.io" in tab.sentence.text()
    assert tab.button.text() == tab.button.accessibleName() == "Download 71.4 MB and list files"
    assert tab.home() is tab.button
    assert not tab.focus_filter()
    tab.window().activateWindow()
    tab.button.setFocus()
    qtbot.keyClick(tab.button, Qt.Key.Key_Space)
    assert shown.take() == ["read"]
    tab.set_progress(shown.about, Stage.FETCHING, 35_700_000, 71_400_000)
    assert tab.sentence.text() == "Downloading layers: 35.7 of 71.4 MB"
    assert tab.bar.value() == 500
    tab.button.click()
    assert shown.take() == ["cancel"]
    assert tab.bar.isHidden()


def test_the_keyboard_goes_on_in_the_tree(shown: Shown, qtbot: QtBot) -> None:
    tab = shown.tab
    tab.set_cost(shown.about, COST)
    tab.window().activateWindow()
    tab.button.setFocus()
    qtbot.waitUntil(tab.button.hasFocus)
    qtbot.keyClick(tab.button, Qt.Key.Key_Space)
    assert tab.button.hasFocus(), "it is Cancel now"
    shown.listed()
    assert tab.view.hasFocus()


def test_what_is_late_is_not_shown(shown: Shown) -> None:
    tab = shown.tab
    other = Inspected(shown.about.end)
    tab.set_cost(other, COST)
    tab.set_files(other, files(BASE))
    tab.set_failed(other, InvalidInput("Too late."))
    assert tab.sentence.text() == ""
    shown.listed()
    tab.set_subject(subject())
    assert tab.model.view is None
    assert tab.note.whole() == ""
    assert shown.take() == ["left"]


def test_a_failure_is_said_and_can_be_tried_again(shown: Shown) -> None:
    shown.take()
    shown.tab.set_failed(shown.about, InvalidInput("The image has no layers, so it has no files."))
    assert "no layers" in shown.tab.sentence.text()
    shown.tab.button.click()
    assert shown.take() == [shown.about]


def test_merged_and_each_layer(shown: Shown) -> None:
    tab = shown.tab
    shown.listed()
    assert tab.note.whole() == "1 file, 6 kB; 5 kB of it is hidden by later layers"
    choices = [tab.choice.itemText(place) for place in range(tab.choice.count())]
    assert choices == ["All layers, merged", "Layer 1, 5 kB", "Layer 2, 1 kB"]
    assert tab.home() is tab.view
    assert [tab.model.index(row, 0).data() for row in range(tab.model.rowCount())] == ["bin", "etc", "log"]
    tab.choice.setCurrentIndex(2)
    assert [tab.model.index(row, 3).data() for row in range(tab.model.rowCount())] == ["", "removed"]
    assert tab.view.columns.header.isSectionHidden(2)


def test_layers_that_were_not_read_are_said(shown: Shown) -> None:
    found = files(BASE, TOP, problems={2: InvalidLayer("The layer is damaged.")})
    shown.tab.set_files(shown.about, found)
    assert shown.tab.notice.label.text() == "Layer 2 is not shown: The layer is damaged."
    # A notice would cover the tree of a low panel.
    shown.tab.set_wide(True)
    shown.tab.set_files(shown.about, found)
    assert shown.tab.notice.isHidden()
    assert "Layer 2 is not shown" in shown.tab.note.whole()


def test_finding_and_the_way_back_to_the_tree(shown: Shown, qtbot: QtBot) -> None:
    tab = shown.tab
    view = shown.listed()
    assert tab.focus_filter()
    qtbot.keyClicks(tab.filter, "app")
    qtbot.waitUntil(lambda: shown.asked == [(view, "app")])
    node = view.tree.find("etc/app.conf")
    assert node is not None
    tab.set_found(view, [node], True)
    assert [tab.model.index(row, 0).data() for row in range(tab.model.rowCount())] == ["etc/app.conf"]
    assert "first 1 names" in tab.notice.label.text()
    tab.view.select_row(tab.model.index(0, 0))
    qtbot.keyClick(tab.view, Qt.Key.Key_Return)
    current = tab.view.currentIndex()
    assert (current.data(), current.parent().data()) == ("app.conf", "etc")
    assert tab.view.isExpanded(current.parent())
    tab.set_found(view, [node], False)  # late
    assert not tab.model.finding


def test_nothing_found_is_said(shown: Shown) -> None:
    view = shown.listed()
    shown.tab.filter.setText("none")
    shown.tab.set_found(view, [], False)
    assert shown.tab.notice.label.text() == "No file matches “none”."


def test_only_a_regular_file_can_be_saved(shown: Shown, qtbot: QtBot) -> None:
    tab = shown.tab
    view = shown.listed()
    assert tab.save_verb.reason == "Select a file."
    shown.select("etc")
    assert "folder" in tab.save_verb.reason
    shown.select("bin/sh")
    assert "symbolic link" in tab.save_verb.reason and not tab.save_button.isEnabled()
    index = shown.select("etc/app.conf")
    assert tab.save_verb.isEnabled()
    qtbot.keyClick(tab.view, Qt.Key.Key_Return)
    assert shown.take() == [(view, tab.model.node(index))]
    tab.set_saved(shown.about, Path("/home/ann/app.conf"))
    assert tab.notice.label.text() == "Saved as /home/ann/app.conf"
    tab.set_save_failed(InvalidInput("The file can't be written."))
    assert "can't be written" in tab.notice.label.text()


def test_a_huge_folder_says_where_it_ends(
    shown: Shown, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    monkeypatch.setattr(models, "PAGE", 20)
    monkeypatch.setattr(models, "MOST_ROWS", 40)
    tab = shown.tab
    shown.listed(layer(*((f"{number:03}", b"") for number in range(100))))
    bar = tab.view.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    bar.setValue(bar.maximum())
    qtbot.waitUntil(lambda: tab.model.rowCount() == 40)
    qtbot.waitUntil(lambda: bar.setValue(bar.maximum()) or not tab.notice.isHidden())
    assert "Find the others" in tab.notice.label.text()
    assert tab.model.rowCount() == 40


def test_open_folders_share_the_most_rows(
    shown: Shown, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    monkeypatch.setattr(models, "PAGE", 20)
    monkeypatch.setattr(models, "MOST_ROWS", 60)
    tab, model = shown.tab, shown.tab.model
    shown.listed(
        layer(
            *(("a/", FOLDER), ("b/", FOLDER)),
            *((f"{folder}/{number:03}", b"") for folder in "ab" for number in range(100)),
        )
    )
    bar = tab.view.verticalScrollBar()
    tab.view.expand(model.index(0, 0))
    qtbot.waitUntil(lambda: bar.setValue(bar.maximum()) or model.rowCount(model.index(0, 0)) == 60)
    tab.view.expand(model.index(1, 0))
    qtbot.waitUntil(lambda: bar.setValue(bar.maximum()) or not tab.notice.isHidden())
    assert model.rowCount(model.index(1, 0)) == 20, "its first page only"
    tab.view.collapse(model.index(0, 0))
    qtbot.waitUntil(lambda: bar.setValue(bar.maximum()) or model.rowCount(model.index(1, 0)) == 60)


def test_enter_opens_and_closes_a_folder(shown: Shown, qtbot: QtBot) -> None:
    shown.listed()
    index = shown.select("etc")
    qtbot.keyClick(shown.tab.view, Qt.Key.Key_Return)
    assert shown.tab.view.isExpanded(index)
    qtbot.keyClick(shown.tab.view, Qt.Key.Key_Return)
    assert not shown.tab.view.isExpanded(index)
    shown.tab.copy_verb.trigger()
    assert shown.take() == ["etc"]


def test_names_for_who_does_not_see_it(shown: Shown) -> None:
    tab = shown.tab
    assert (tab.view.accessibleName(), tab.choice.accessibleName()) == ("Files", "Layers")
    assert tab.filter.accessibleName() == "Find a file"


def test_a_narrow_tree_keeps_its_columns_in_sight(shown: Shown, qtbot: QtBot) -> None:
    tab = shown.tab
    tab.resize(400, 400)
    names = [f"team/{'x' * 90}{one}/{'y' * 90}{two}" for one in range(8) for two in range(3)]
    shown.listed(layer(*[(name, b"1") for name in names]), TOP)
    tab.view.expandAll()
    shown.select(names[-1])
    header, bar = tab.view.columns.header, tab.view.horizontalScrollBar()
    qtbot.waitUntil(tab.view.verticalScrollBar().isVisible)
    assert not any(header.isSectionHidden(column) for column in range(header.count()))
    assert sum(map(header.sectionSize, range(header.count()))) == tab.view.viewport().width()
    header.resizeSection(0, 900)  # wider than the panel
    tab.view.scrollTo(tab.view.rows()[0].siblingAtColumn(3))
    assert bar.value() == 0
