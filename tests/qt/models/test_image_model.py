"""Local images: rows, order, filter, and that selection and scroll position survive changes of the list."""

from __future__ import annotations

import random
import time
from datetime import timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import QItemSelectionModel, QMimeData, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QTableView

from longshore.models import mime, transition
from longshore.models.columns import ImageColumn, Role
from longshore.models.images import ImageModel
from longshore.models.tooltips import tooltip
from longshore.oci.image_name import ImageName
from longshore.oci.reference import Reference
from qt.models.made import NOW, headers, image, row_texts, sha, texts

Item = Qt.ItemDataRole
DESC = Qt.SortOrder.DescendingOrder


@pytest.fixture
def model(tested):
    return tested(ImageModel())


def test_cells_of_a_row(model):
    model.set_images(
        [image("127.0.0.1:5000/acme/web:main", in_use=2), image("postgres:16", size=1_310_000_000)]
    )
    assert headers(model) == [
        *("Repository", "Tag", "Image ID", "Created", "Size", "In use", "Place", "Platform", "State")
    ]
    web = sha("127.0.0.1:5000/acme/web:main")[7:19]
    assert row_texts(model, 0) == [
        "127.0.0.1:5000/acme/web",
        "main",
        web,
        "2 hours ago",
        "184 MB",
        "2 containers",
        *("", "", ""),
    ]
    assert row_texts(model, 1)[:2] == ["postgres", "16"]
    assert row_texts(model, 1)[4:] == ["1.31 GB", "", "", "", ""]
    assert model.index(1, 0).data(Role.REFERENCE) == Reference("docker.io", "library/postgres", "16")
    assert model.index(0, ImageColumn.SIZE).data(Item.TextAlignmentRole) & Qt.AlignmentFlag.AlignRight
    assert not model.index(0, ImageColumn.TAG).data(Item.TextAlignmentRole) & Qt.AlignmentFlag.AlignRight


def test_an_image_without_a_name_is_shown_as_docker_shows_it_and_stands_last(model):
    model.set_images([image(None), image("zebra:1"), image("by/digest@" + sha("x"))])
    assert texts(model) == ["by/digest", "zebra", "<none>"]
    assert texts(model, ImageColumn.TAG) == ["<none>", "1", "<none>"]
    assert [model.index(row, 0).data(Role.DANGLING) for row in range(3)] == [False, False, True]
    assert "<none>" not in model.index(2, 0).data(Item.ToolTipRole)
    model.sort(ImageColumn.REPOSITORY, DESC)
    assert texts(model) == ["zebra", "by/digest", "<none>"]


def test_default_order_is_repository_then_natural_tag(model):
    names = ["b:1", "a:2.10", "a:2.9", "a:latest", "A.example/x:1", "a:v2.9.1"]
    model.set_images([image(name) for name in names])
    shown = list(zip(texts(model), texts(model, ImageColumn.TAG), strict=True))
    assert shown == [
        ("a", "latest"),
        ("a", "2.9"),
        ("a", "v2.9.1"),
        ("a", "2.10"),
        ("A.example/x", "1"),
        ("b", "1"),
    ]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (ImageColumn.TAG, ["c", "a", "b"]),
        (ImageColumn.CREATED, ["b", "a", "c"]),
        (ImageColumn.SIZE, ["a", "c", "b"]),
        (ImageColumn.IN_USE, ["a", "c", "b"]),
    ],
)
def test_sort_by_every_column_with_a_stable_second_key(model, column, expected):
    model.set_images(
        [
            image("a:1.10", size=5, created=NOW - timedelta(days=1)),
            image("b:2", size=9, in_use=1, created=NOW - timedelta(days=2)),
            image("c:1.9", size=7, created=None),
        ]
    )
    model.sort(column)
    assert texts(model) == expected
    model.sort(column, DESC)
    if column == ImageColumn.CREATED:
        assert texts(model) == ["a", "b", "c"], "unknown values come last in both directions"
    elif column == ImageColumn.IN_USE:
        assert texts(model) == ["b", "a", "c"], "equal rows keep the base order"
    else:
        assert texts(model) == expected[::-1]


def test_filter_wants_every_word_in_any_case(model):
    model.set_images(
        [image("acme/web:2.4"), image("acme/api:2.4"), image("redis:7", repo_digests=("redis@" + sha("r"),))]
    )
    model.set_filter("ACME 2.4")
    assert texts(model) == ["acme/api", "acme/web"]
    model.set_filter(" web  acme ")
    assert texts(model) == ["acme/web"]
    model.set_filter(sha("r")[10:20].upper())
    assert texts(model) == ["redis"], "a digest"
    model.set_filter(sha("acme/web:2.4")[7:19])
    assert texts(model) == ["acme/web"], "an id"
    model.set_filter("docker.io/library/redis:7")
    assert texts(model) == ["redis"], "the name in full"
    model.set_filter("")
    assert model.rowCount() == 3


def test_a_change_of_the_list_keeps_selection_current_and_scroll(model, qtbot):
    view = QTableView()
    qtbot.addWidget(view)
    view.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
    view.setModel(model)
    view.resize(600, 300)
    view.show()
    images = [image(f"team/app{number:04}:1") for number in range(1000)]
    model.set_images(images)
    select = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
    for number in (500, 503):
        view.selectionModel().select(model.index(number, 0), select)
    view.scrollTo(model.index(510, 0))
    top = view.verticalScrollBar().value()
    kept = QPersistentModelIndex(model.index(503, 2))
    # One row above is removed, one below is added, one changes, and hundreds move.
    changed = image("team/app0503:1", image_id=sha("rebuilt"), size=1)
    images = [one for one in images if one.reference.path != "team/app0500"]
    images[502] = changed
    model.set_images([*images, image("zzz:1"), image("team/app0503:2")])
    assert view.verticalScrollBar().value() == top
    selected = [index.data() for index in view.selectionModel().selectedRows()]
    assert selected == ["team/app0503"], "only the selected row that still exists stays selected"
    assert kept.isValid() and kept.data() == sha("rebuilt")[7:19]
    model.sort(ImageColumn.SIZE)
    assert kept.row() == 0 and kept.data(Role.IMAGE) is changed
    model.set_filter("app0503")
    assert [index.data() for index in view.selectionModel().selectedRows()] == ["team/app0503"]
    model.set_filter("")
    assert [index.data() for index in view.selectionModel().selectedRows()] == ["team/app0503"]


def test_only_what_changed_is_told(model, qtbot):
    images = [image("a:1"), image("b:1"), image("c:1")]
    model.set_images(images)
    told = []
    model.dataChanged.connect(lambda top, bottom: told.append((top.row(), bottom.row())))
    for signal in (model.rowsInserted, model.rowsRemoved, model.layoutChanged, model.modelReset):
        signal.connect(lambda *_: told.append("moved"))
    model.set_images(list(images))
    assert told == []
    model.set_images([images[0], image("b:1", in_use=1), images[2]])
    assert told == [(1, 1)]


def test_random_lists_keep_persistent_indexes_true(model, monkeypatch):
    monkeypatch.setattr(transition, "MAX_RANGES", 5)  # small, so that both kinds of signals occur
    chance = random.Random(7)
    names = [f"r{number % 17}/x{number}:{number}" for number in range(60)]
    kept: list[tuple[QPersistentModelIndex, str]] = []
    for turn in range(60):
        chosen = chance.sample(names, chance.choice([0, 1, 5, 30, 60]))
        model.set_images([image(name, size=chance.randrange(5)) for name in chosen])
        model.sort(chance.randrange(-1, 6), chance.choice([DESC, Qt.SortOrder.AscendingOrder]))
        model.set_filter(chance.choice(["", "", "r1", "x2"]))
        for index, name in kept:
            assert not index.isValid() or str(index.data(Role.REFERENCE)) == name
        if turn % 5 == 0:
            kept = [
                (QPersistentModelIndex(model.index(row, 1)), str(model.index(row, 0).data(Role.REFERENCE)))
                for row in range(0, model.rowCount(), 3)
            ]


def test_the_same_name_twice_and_many_nameless_are_rows_of_their_own(model):
    model.set_images(
        [image("a:1"), image("a:1", image_id=sha("2")), image(None), image(None, image_id=sha("3"))]
    )
    assert model.rowCount() == 4


def test_find_by_reference(model):
    model.set_images([image("postgres"), image("acme/web:2")])
    assert model.index_of(Reference.parse("postgres")).row() == 1
    assert model.index_of(Reference.parse("acme/web:2")).row() == 0
    assert not model.index_of(Reference.parse("acme/web")).isValid()


def test_tooltips_show_hostile_text_as_it_is(model):
    model.set_images([image("a:1")])
    for column in ImageColumn:
        tip = model.index(0, column).data(Item.ToolTipRole)
        assert tip is None or (tip.startswith("<span") and tip.endswith("</span>"))
    assert "&lt;b&gt;x&lt;/b&gt;" in tooltip("<b>x</b>")


def test_every_cell_has_words_for_who_listens(model):
    model.set_images([image("a:1", in_use=0), image(None, created=None)])
    for row in range(2):
        for column in ImageColumn:
            index = model.index(row, column)
            assert index.data(Item.AccessibleTextRole) == index.data()
            assert isinstance(index.data(Item.AccessibleDescriptionRole), str)


def test_indexes_that_are_not_there_answer_nothing(model):
    model.set_images([image("a:1")])
    stale = model.index(0, 0)
    model.set_images([])
    assert model.data(stale) is None
    assert model.data(QModelIndex()) is None
    assert not model.index(5, 5).isValid()
    assert model.headerData(99, Qt.Orientation.Horizontal) is None


def test_drag_carries_references_and_plain_text(model):
    model.set_images([image("a:1"), image(None)])
    data = model.mimeData([model.index(row, column) for row in range(2) for column in range(6)])
    dragged = mime.decode(data)
    assert dragged.kind is mime.DragKind.LOCAL
    assert [(each.reference and each.reference.familiar, each.image_id) for each in dragged.images] == [
        ("a:1", sha("a:1")),
        (None, sha("nameless")),
    ]
    assert data.text() == f"a:1\n{sha('nameless')}"
    assert model.supportedDragActions() == model.supportedDropActions() == Qt.DropAction.CopyAction


def test_a_dropped_tag_is_wished_for_and_a_local_image_refused(model, qtbot):
    local = model.mimeData([])
    remote = mime.encode(
        mime.DragKind.REMOTE,
        [ImageName(Reference.parse("r.io/a/b:1"))],
    )
    copy = Qt.DropAction.CopyAction
    assert not model.canDropMimeData(local, copy, -1, -1, QModelIndex())
    assert not model.canDropMimeData(remote, Qt.DropAction.MoveAction, -1, -1, QModelIndex())
    assert model.drop_hint(remote) == (True, "Pull r.io/a/b:1")
    with qtbot.waitSignal(model.pull_dropped) as caught:
        assert model.dropMimeData(remote, copy, -1, -1, QModelIndex())
    assert caught.args == [[Reference.parse("r.io/a/b:1")]]
    pasted = QMimeData()
    pasted.setText("postgres:16\nr.io/a/b\n")
    assert model.drop_hint(pasted) == (True, "Pull 2 images")
    pasted.setText("this is no image at all")
    assert not model.drop_hint(pasted)[0]
    assert not model.dropMimeData(pasted, copy, -1, -1, QModelIndex())


def test_a_hundred_thousand_rows_filter_and_sort_fast():
    images = [image(f"team{number % 100}/app{number}:{number % 50}.{number}") for number in range(100_000)]
    plain = ImageModel()  # without Qt's tester, which would visit every row
    plain.set_images(images)

    def quickest(work):
        times = []
        for _ in range(3):
            began = time.process_time()
            work()
            times.append(time.process_time() - began)
        return min(times)

    def filter_twice():
        plain.set_filter("app77")
        plain.set_filter("")

    def sort_twice():
        plain.sort(ImageColumn.SIZE)
        plain.sort(ImageColumn.TAG, DESC)

    # A proxy model over Python rows would take ten times as long.
    assert quickest(filter_twice) < 1.0
    assert quickest(sort_twice) < 2.0
    assert plain.rowCount() == 100_000
    plain.deleteLater()


def test_files_that_are_dropped_are_wished_to_be_loaded(model, qtbot):
    files = [Path("/tmp/a.tar"), Path("/tmp/b.tar.gz")]
    assert model.drop_hint(mime.encode_files(files[:1])) == (True, "Load a.tar")
    data = mime.encode_files(files)
    assert model.drop_hint(data) == (True, "Load 2 archives")
    with qtbot.waitSignal(model.load_dropped) as wish, qtbot.assertNotEmitted(model.pull_dropped):
        assert model.dropMimeData(data, Qt.DropAction.CopyAction, -1, -1, QModelIndex())
    assert wish.args[0] == files
