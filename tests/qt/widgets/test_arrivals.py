"""An image that arrives by itself is marked; selection, focus and scroll position do not change."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView
from pytestqt.qtbot import QtBot

from longshore.models.columns import ImageColumn, Role
from longshore.oci.reference import Reference
from longshore.widgets.theme import Theme
from qt.models.made import image
from qt.widgets.conftest import Bench

_NEW = Reference.parse("acme/billing:2")


def _names(bench: Bench) -> list[str]:
    return [str(each.reference) for each in bench.window.image_pane.selected()]


def test_an_arrival_leaves_the_selection_alone_and_marks_its_row(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.image_pane
    bench.ready("acme/api:1", "acme/web:1")
    pane.view.selectRow(1)
    pane.view.setFocus()
    bench.ready("acme/api:1", "acme/billing:2", "acme/web:1")
    pane.show_arrival(_NEW)
    assert _names(bench) == ["docker.io/acme/web:1"]
    assert pane.view.currentIndex().row() == 2
    index = bench.images.index_of(_NEW)
    assert index.data(Role.FRESH) is True
    assert "New" in str(index.data(Qt.ItemDataRole.ToolTipRole))
    assert "New" in str(index.data(Qt.ItemDataRole.AccessibleDescriptionRole))
    qtbot.waitUntil(lambda: "1 new" in pane.footer.whole())
    with qtbot.waitSignal(pane.remove_requested) as removal:
        qtbot.keyClick(pane.view, Qt.Key.Key_Delete)
    assert [str(each.reference) for each in removal.args[0]] == ["docker.io/acme/web:1"]


def test_the_mark_goes_when_the_row_is_selected_and_not_when_another_is(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.image_pane
    bench.ready("acme/api:1", "acme/billing:2", "acme/web:1")
    pane.show_arrival(_NEW)
    pane.view.selectRow(0)
    assert bench.images.index_of(_NEW).data(Role.FRESH) is True
    bench.images.set_images([image(name) for name in ("acme/api:1", "acme/billing:2")])
    assert bench.images.index_of(_NEW).data(Role.FRESH) is True, "a new listing keeps the mark"
    pane.view.selectRow(1)
    assert bench.images.index_of(_NEW).data(Role.FRESH) is False
    qtbot.waitUntil(lambda: "new" not in pane.footer.whole())


def test_what_is_selected_already_is_not_marked(bench: Bench) -> None:
    bench.ready("acme/billing:2")
    bench.window.image_pane.view.selectRow(0)
    bench.window.image_pane.show_arrival(_NEW)
    assert bench.images.fresh_count == 0


def test_marks_are_of_their_place(bench: Bench) -> None:
    bench.ready("acme/billing:2")
    bench.window.image_pane.show_arrival(_NEW)
    bench.images.forget_fresh()
    assert bench.images.index_of(_NEW).data(Role.FRESH) is False


def test_it_scrolls_to_the_arrival_only_where_nothing_is_in_hand(bench: Bench) -> None:
    pane = bench.window.image_pane
    many = [f"acme/a{number:03}:1" for number in range(100)]
    bench.ready(*many, "acme/billing:2")
    bar = pane.view.verticalScrollBar()
    pane.view.selectRow(0)
    pane.show_arrival(_NEW)
    assert bar.value() == 0, "the list does not scroll while a row is selected"
    pane.view.clearSelection()
    pane.show_arrival(_NEW)
    assert bar.value() > 0
    assert pane.view.visualRect(bench.images.index_of(_NEW)).bottom() <= pane.view.viewport().height()


def test_rows_that_come_above_those_in_sight_move_nothing(bench: Bench) -> None:
    pane = bench.window.image_pane
    many = [f"acme/m{number:03}:1" for number in range(100)]
    bench.ready(*many)
    seen = Reference.parse("acme/m040:1")
    pane.view.updateGeometries()
    pane.view.scrollTo(bench.images.index_of(seen), QAbstractItemView.ScrollHint.PositionAtTop)
    before = pane.view.visualRect(bench.images.index_of(seen)).y()
    assert before == 0
    bench.ready("acme/a:1", "acme/b:1", *many)
    assert pane.view.visualRect(bench.images.index_of(seen)).y() == before
    bench.ready(*many[1:])
    assert pane.view.visualRect(bench.images.index_of(seen)).y() == before


def test_the_mark_is_painted(bench: Bench, light: Theme) -> None:
    pane = bench.window.image_pane
    bench.ready("acme/api:1", "acme/billing:2")

    def blue() -> bool:
        cell = pane.view.visualRect(bench.images.index_of(_NEW).siblingAtColumn(ImageColumn.REPOSITORY))
        picture = pane.view.viewport().grab(cell).toImage()
        return picture.pixelColor(4, cell.height() // 2) == light.accent

    assert not blue()
    pane.show_arrival(_NEW)
    assert blue()


def test_a_built_image_is_selected_instead_of_what_was_selected_when_it_was_asked_for(bench: Bench) -> None:
    pane = bench.window.image_pane
    bench.ready("acme/api:1", "acme/web:1")
    pane.view.selectRow(0)
    before = pane.selected_keys()
    bench.ready("acme/api:1", "acme/billing:2", "acme/web:1")
    assert pane.select_image(_NEW, before)
    assert _names(bench) == ["docker.io/acme/billing:2"]


def test_a_built_image_is_not_selected_if_the_user_has_selected_another_meanwhile(bench: Bench) -> None:
    pane = bench.window.image_pane
    bench.ready("acme/api:1", "acme/web:1")
    before = pane.selected_keys()
    pane.view.selectRow(1)
    bench.ready("acme/api:1", "acme/billing:2", "acme/web:1")
    assert not pane.select_image(_NEW, before)
    assert _names(bench) == ["docker.io/acme/web:1"]


def test_a_built_image_without_a_name_is_marked_and_selected_by_its_id(bench: Bench) -> None:
    pane = bench.window.image_pane
    bench.ready("acme/api:1", None)
    (nameless,) = [each for each in bench.images.images if each.reference is None]
    pane.show_arrival(nameless.image_id)
    assert bench.images.fresh_count == 1
    assert pane.select_image(nameless.image_id, set())
    assert [each.image_id for each in pane.selected()] == [nameless.image_id]
    assert bench.images.index_of("sha256:other").isValid() is False
