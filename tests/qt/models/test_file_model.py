"""The tree of files: folders of one row, rows fetched as far as a view shows them, names that are shown safely."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import QTreeView

from layertools import FOLDER, Link, layer, pieces
from longshore.application.files.layer_tar import LayerTar, read_tree
from longshore.application.files.merging import Merged, merge
from longshore.cancellation import Cancellation
from longshore.models import files
from longshore.models.columns import FileColumn, NodeKind, Role, Tone
from longshore.models.files import FileModel
from qt.models.made import headers

Item = Qt.ItemDataRole


def merged(*layers: bytes) -> Merged:
    trees = [read_tree(LayerTar(pieces(raw), cancellation=Cancellation())) for raw in layers]
    return merge(trees, Cancellation())


@pytest.fixture
def image() -> Merged:
    return merged(
        layer(
            ("usr/share/doc/a", b"1" * 1000),
            ("usr/share/doc/b", b""),
            ("lib/apt/lists/x", b"2" * 5000),
            ("bin", Link("usr/bin")),
            ("red\x1b[31m", b""),
        ),
        layer(("usr/local/app", b"3" * 2000), (".wh.lib", b""), ("../out", b"")),
    )


@pytest.fixture
def model(tested: Any, image: Merged) -> FileModel:
    found: FileModel = tested(FileModel())
    found.show(image.view)
    return found


def rows(model: FileModel, parent: QModelIndex = QModelIndex()) -> list[list[str]]:  # noqa: B008
    if model.canFetchMore(parent):
        model.fetchMore(parent)
    return [
        [str(model.index(row, column, parent).data() or "") for column in FileColumn]
        for row in range(model.rowCount(parent))
    ]


def named(model: FileModel, *names: str) -> QModelIndex:
    """The row below the rows of these names."""
    index = QModelIndex()
    for name in names:
        place = [row[0] for row in rows(model, index)].index(name)
        index = model.index(place, 0, index)
    return index


def test_folders_with_one_folder_are_one_row(model: FileModel) -> None:
    assert headers(model) == ["Name", "Size", "Layer", "Change"]
    assert rows(model) == [
        ["lib/apt/lists", "5 kB", "1", "removed by layer 2"],
        ["usr", "3 kB", "", ""],
        ["../out", "0 B", "2", "added"],
        ["bin", "", "1", ""],
        ["red\\x1b[31m", "0 B", "1", ""],
    ]
    assert rows(model, named(model, "usr")) == [
        ["local", "2 kB", "2", "added"],
        ["share/doc", "1 kB", "1", ""],
    ]
    assert rows(model, named(model, "usr", "share/doc")) == [["a", "1 kB", "1", ""], ["b", "0 B", "1", ""]]
    assert model.parent(named(model, "usr", "share/doc", "a")) == named(model, "usr", "share/doc")
    assert model.parent(named(model, "usr", "share/doc")) == named(model, "usr")


def test_what_a_cell_offers_besides_its_text(model: FileModel) -> None:
    removed, outside, link = (named(model, name) for name in ("lib/apt/lists", "../out", "bin"))
    assert [removed.siblingAtColumn(column).data(Role.TONE) for column in FileColumn] == [
        Tone.CAUTION,
        Tone.NONE,
        Tone.NONE,
        Tone.CAUTION,
    ]
    assert removed.siblingAtColumn(FileColumn.CHANGE).data(Role.SHORT) == ("removed by 2",)
    assert outside.siblingAtColumn(FileColumn.CHANGE).data(Role.SHORT) == ("added",)
    assert outside.data(Role.TONE) == Tone.CAUTION
    assert "leads out of the image" in outside.data(Item.ToolTipRole)
    assert "Points to usr/bin" in link.data(Item.AccessibleDescriptionRole)
    kinds = [one.data(Role.NODE_KIND) for one in (removed, outside, link)]
    assert kinds == [NodeKind.FOLDER, NodeKind.FILE, NodeKind.FILE_LINK]
    assert removed.data(Role.COPY_TEXT) == "lib/apt/lists"
    assert model.dress(removed).text == "lib/apt/lists"


def test_rows_are_fetched_in_pages_and_found_again(
    tested: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PAGE", 3)
    model: FileModel = tested(FileModel())
    names = [f"{number:02}" for number in range(10)]
    model.show(merged(layer(("d", FOLDER), ("d/z", b""), *((f"d/e/{name}", b"") for name in names))).view)
    view = QTreeView()
    qtbot.addWidget(view)
    view.setModel(model)
    assert model.rowCount() == 1
    wanted = model.view.tree.find("d/e/07") if model.view else None
    assert wanted is not None
    index = model.index_of(wanted)
    assert (index.data(), index.parent().data(), index.row()) == ("07", "e", 7)
    assert model.rowCount(index.parent()) == 9
    assert not model.canFetchMore(index.parent()), "a view would fetch everything"
    model.want_more(model.index(7, 0, index.parent()))
    assert model.rowCount(index.parent()) == 9
    model.want_more(model.index(8, 0, index.parent()))
    assert [row[0] for row in rows(model, index.parent())] == names
    assert model.want_more(model.index(9, 0, index.parent()))
    assert model.rowCount(index.parent()) == 10


def test_a_huge_folder_ends(tested: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PAGE", 3)
    monkeypatch.setattr(files, "MOST_ROWS", 6)
    model: FileModel = tested(FileModel())
    model.show(merged(layer(*((f"{number:02}", b"") for number in range(10)))).view)
    assert model.rowCount() == 3
    assert model.want_more(model.index(2, 0))
    assert model.rowCount() == 6
    assert not model.want_more(model.index(5, 0))
    assert model.rowCount() == 6
    assert not model.index_of(9).isValid()


def test_a_view_asks_little_of_each_row(tested: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It lays out all rows again with every page, in the GUI thread."""
    model: FileModel = tested(FileModel())
    model.show(merged(layer(("d", FOLDER), *((f"d/{number:03}", b"") for number in range(100)))).view)
    view = QTreeView()
    qtbot.addWidget(view)
    view.setModel(model)
    view.setUniformRowHeights(True)
    view.doItemsLayout()
    view.expand(model.index(0, 0))
    assert model.rowCount(model.index(0, 0)) == 100
    calls: Counter[str] = Counter()

    def count(name: str) -> None:
        whole = getattr(FileModel, name)

        def counted(self: FileModel, *given: Any) -> Any:
            calls[name] += 1
            return whole(self, *given)

        monkeypatch.setattr(FileModel, name, counted)

    for name in ("index", "hasChildren", "data"):
        count(name)
    view.doItemsLayout()
    assert calls["index"] <= 110
    assert calls["hasChildren"] <= 5, "a file says that it never has rows"
    assert calls["data"] <= 5, "rows are equally high"


def test_what_was_found_is_a_list_of_paths(model: FileModel, image: Merged) -> None:
    tree = image.view.tree
    nodes = [node for path in ("usr/share/doc/a", "usr/share") if (node := tree.find(path)) is not None]
    model.show(image.view, nodes)
    assert model.finding
    assert [row[0] for row in rows(model)] == ["usr/share/doc/a", "usr/share"]
    assert not model.hasChildren(model.index(1, 0))
    assert not model.index_of(nodes[0]).isValid()
    model.show(None)
    assert (model.rowCount(), model.view) == (0, None)


def test_a_layer_shows_what_it_removes(model: FileModel, image: Merged) -> None:
    model.show(image.views[1])
    assert rows(model) == [
        ["usr/local", "2 kB", "2", "added"],
        ["../out", "0 B", "2", "added"],
        ["lib", "", "2", "removed"],
    ]
