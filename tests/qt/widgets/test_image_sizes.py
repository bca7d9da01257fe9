"""Local images: what a removal frees, pinned images, and the way to Clean up…."""

from __future__ import annotations

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from longshore.models.columns import ImageColumn, Role
from longshore.oci.disk_usage import DiskUsage
from qt.widgets.conftest import Bench


def test_the_footer_says_what_a_removal_frees(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.image_pane
    bench.ready("a:1", "b:1")
    one, two = (each.image_id for each in bench.images.images)
    usage = DiskUsage(
        {"base": 100_000_000, one: 20_000_000, two: 30_000_000},
        {one: frozenset({"base", one}), two: frozenset({"base", two})},
    )
    qtbot.waitUntil(lambda: pane.footer.whole() == "2 references  ·  2 images  ·  up to 368 MB on disk")
    pane.set_usage(usage)
    qtbot.waitUntil(lambda: pane.footer.whole() == "2 references  ·  150 MB on disk")
    pane.view.selectRow(0)
    wanted = "2 references  ·  150 MB on disk  ·  1 selected, removing it frees 20 MB"
    qtbot.waitUntil(lambda: pane.footer.whole() == wanted)
    pane.view.selectAll()
    qtbot.waitUntil(lambda: pane.footer.whole().endswith("2 selected, removing them frees 150 MB"))
    # An image that the usage does not know makes it out of date.
    pane.view.clearSelection()
    bench.ready("a:1", "b:1", "c:1")
    qtbot.waitUntil(lambda: "up to" in pane.footer.whole())
    pane.set_usage(None)


def test_pinned_images_are_marked_and_can_be_unpinned(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.image_pane
    bench.ready("a:1", "b:1", None)
    assert not pane.pin_verb.isEnabled()
    pane.view.selectRow(0)
    with qtbot.waitSignal(pane.pin_requested) as asked:
        pane.pin()
    references, on = asked.args
    assert ([str(one) for one in references], on) == (["docker.io/library/a:1"], True)
    bench.images.set_pinned(frozenset({"docker.io/library/a:1"}))
    index = bench.images.index(0, ImageColumn.TAG)
    assert index.data(Role.PINNED) and "clean-ups never remove it" in index.data(Qt.ItemDataRole.ToolTipRole)
    assert not bench.images.index(1, ImageColumn.TAG).data(Role.PINNED)
    qtbot.waitUntil(lambda: pane.pin_verb.text() == "Unpin")
    with qtbot.waitSignal(pane.pin_requested) as asked:
        pane.pin()
    assert asked.args[1] is False
    pane.view.selectAll()
    qtbot.waitUntil(lambda: pane.pin_verb.text() == "Pin")
    pane.view.selectRow(2)
    qtbot.waitUntil(lambda: not pane.pin_verb.isEnabled())
    assert "with a name" in pane.pin_verb.reason


def test_clean_up_is_asked_for_by_button_and_key(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.image_pane
    bench.ready("a:1")
    with qtbot.waitSignal(pane.clean_up_requested):
        bench.button(pane.clean_up_verb).click()
    assert bench.actions.clean_up.shortcut().toString() == "Ctrl+Shift+Del"
    with qtbot.waitSignal(pane.clean_up_requested):
        bench.actions.clean_up.trigger()
