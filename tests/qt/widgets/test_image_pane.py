"""Local images: requests, explanations, and the texts of an empty pane."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QItemSelectionModel, QPoint, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from longshore.models import mime
from longshore.models.columns import ImageColumn, Role, Tone
from longshore.widgets.theme import Theme
from qt.models.made import image
from qt.widgets.conftest import Bench

_Flag = QItemSelectionModel.SelectionFlag


def _click(qtbot: QtBot, button: QPushButton) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_buttons_that_cannot_act_are_disabled_and_say_why(bench: Bench, qtbot: QtBot) -> None:
    pane, actions = bench.window.image_pane, bench.actions
    bench.ready("acme/web:main", "redis:7")
    verbs = (
        pane.push_verb,
        pane.tag_verb,
        pane.remove_verb,
        pane.carry_verb,
        pane.save_verb,
        pane.details_verb,
    )
    entries = (actions.push, actions.tag, actions.remove, actions.carry, actions.save, actions.details)
    for verb in verbs:
        assert not verb.isEnabled() and verb.reason == "Select an image first."
    for button in map(bench.button, verbs[:3]):
        assert not button.isEnabled()
        assert "Select an image first." in button.toolTip()
        assert button.accessibleDescription() == "Select an image first."
    for entry in entries:
        assert not entry.isEnabled() and "Select an image first." in entry.toolTip()
    assert pane.load_verb.isEnabled()
    with qtbot.assertNotEmitted(pane.push_requested):
        pane.push()
    assert pane.explanation == "Select an image first."
    pane.view.selectRow(0)
    assert pane.explanation == "", "a notice disappears with its cause"
    assert all(each.isEnabled() and "Select" not in each.toolTip() for each in (*verbs, *entries))
    pane.view.selectAll()
    assert pane.details_verb.reason == "Select only one image."
    assert pane.tag_verb.isEnabled() and pane.push_verb.isEnabled() and pane.remove_verb.isEnabled()
    bench.ready()
    assert pane.push_verb.reason == "Select an image first.", "the selection is gone with its rows"


def test_an_empty_pane_hides_what_can_be_done(bench: Bench) -> None:
    pane = bench.window.image_pane
    assert pane.verbs.isVisible(), "nothing is known yet: the rows will not jump"
    bench.ready()
    assert not pane.verbs.isVisible()
    bench.ready("redis:7")
    assert pane.verbs.isVisible()
    pane.set_engine_down("Gone.")
    assert pane.verbs.isVisible(), "its last known images are shown"


def test_keys_without_effect_say_why(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.image_pane
    bench.ready("redis:7")
    pane.view.setFocus()
    for key in (Qt.Key.Key_F2, Qt.Key.Key_Delete):
        pane.hush()
        qtbot.keyClick(pane.view, key)
        assert pane.explanation == "Select an image first."
    pane.hush()
    qtbot.keyClick(pane.view, Qt.Key.Key_F7)
    assert pane.explanation == ""


def test_a_button_that_is_disabled_gives_its_focus_to_the_rows(bench: Bench) -> None:
    pane = bench.window.image_pane
    bench.ready("redis:7")
    pane.view.selectRow(0)
    bench.button(pane.remove_verb).setFocus()
    assert bench.button(pane.remove_verb).hasFocus()
    pane.view.clearSelection()
    assert pane.view.hasFocus()


def test_wishes_bear_what_is_selected_in_the_order_of_the_rows(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.image_pane
    bench.ready("acme/a:1", "acme/b:1", "acme/c:1")
    for row in (2, 0):
        pane.view.selectionModel().select(bench.images.index(row, 0), _Flag.Select | _Flag.Rows)
    with qtbot.waitSignal(pane.push_requested) as push:
        _click(qtbot, bench.button(pane.push_verb))
    assert [str(each.reference) for each in push.args[0]] == ["docker.io/acme/a:1", "docker.io/acme/c:1"]
    with qtbot.waitSignal(pane.remove_requested) as remove:
        qtbot.keyClick(pane.view, Qt.Key.Key_Delete)
    assert len(remove.args[0]) == 2
    with qtbot.waitSignal(pane.tag_requested) as tag:
        _click(qtbot, bench.button(pane.tag_verb))
    assert tag.args[0] == push.args[0]
    pane.details()
    assert pane.explanation == "Select only one image."


def test_images_without_a_name_are_tagged_alone(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.image_pane
    bench.ready("acme/a:1", None)
    pane.view.selectAll()
    assert pane.tag_verb.reason == "Select an image without a name alone to tag it."
    pane.view.select_row(bench.images.index(1, 0))
    assert pane.selected()[0].reference is None
    with qtbot.waitSignal(pane.tag_requested):
        pane.tag()


def test_enter_and_double_click_wish_for_a_push(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.image_pane
    bench.ready("acme/a:1")
    pane.view.selectRow(0)
    with qtbot.waitSignal(pane.push_requested):
        qtbot.keyClick(pane.view, Qt.Key.Key_Return)
    where = pane.view.visualRect(bench.images.index(0, 0)).center()
    qtbot.mouseClick(pane.view.viewport(), Qt.MouseButton.LeftButton, pos=where)
    with qtbot.waitSignal(pane.push_requested):
        qtbot.mouseDClick(pane.view.viewport(), Qt.MouseButton.LeftButton, pos=where)


def test_a_notice_about_an_engine_goes_when_the_engine_is_back(bench: Bench) -> None:
    pane = bench.window.image_pane
    bench.ready("a:1")
    pane.set_engine_down("Can't connect to Docker.")
    pane.explain("Not available now. Can't connect to Docker.")
    pane.set_connecting()
    pane.set_ready()
    assert pane.explanation == ""
    pane.set_engine_down("Can't connect to Docker.")
    pane.explain("The file names no images.", stays=True)
    pane.set_ready()
    assert pane.explanation == "The file names no images.", "it is about something else"


def test_an_engine_that_is_down_says_why_and_offers_retry(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.image_pane
    pane.set_engine_down("Nothing listens at the socket.", "Start it.", "unix:///var/run/docker.sock")
    assert pane.empty.isVisible()
    assert pane.empty.sentence.text() == "Nothing listens at the socket."
    assert "unix:///var/run/docker.sock" in pane.empty.more.text()
    assert pane.empty.button.accessibleName() == "Retry"
    with qtbot.waitSignal(pane.retry_engine_requested):
        _click(qtbot, pane.empty.button)
    assert not bench.button(pane.push_verb).isEnabled()
    assert "Nothing listens at the socket." in bench.button(pane.push_verb).toolTip()
    bench.ready("acme/a:1")
    assert not pane.empty.isVisible()
    pane.view.selectRow(0)
    assert bench.button(pane.push_verb).isEnabled() and not bench.button(pane.push_verb).toolTip()


def test_an_engine_lost_while_images_are_listed_covers_none_of_them(bench: Bench, qtbot: QtBot) -> None:
    window, pane = bench.window, bench.window.image_pane
    bench.ready("acme/a:1", "redis:7")
    pane.view.selectRow(0)
    bench.list("r.example", "acme/api")
    bench.window.registry_pane.select_repository("r.example", "acme/api")
    actions = bench.actions
    acting = (
        bench.button(pane.push_verb),
        bench.button(pane.tag_verb),
        bench.button(pane.remove_verb),
        bench.button(window.registry_pane.pull_verb),
    )
    of_place = (actions.push, actions.pull, actions.pull_box, actions.carry, actions.load, actions.tag)
    pane.set_engine_down("Nothing is listening on the socket.", "Start Docker.", "unix:///run/docker.sock")
    banner = pane._lost
    assert banner is not None and banner.isVisible() and not pane.empty.isVisible()
    assert "Nothing is listening on the socket. Start Docker." in banner.label.text()
    top = pane.view.mapTo(window, QPoint(0, 0)).y()
    assert banner.mapTo(window, QPoint(0, banner.height())).y() <= top, "above the rows, not over them"
    assert pane.view.delegate.faded and not pane.view.dragEnabled()
    for button in acting:
        assert not button.isEnabled()
        assert "Nothing is listening on the socket." in button.toolTip()
        assert "Nothing is listening on the socket." in button.accessibleDescription()
    for action in of_place:
        assert not action.isEnabled() and "Nothing is listening" in action.toolTip()
    for wish, signal in (
        (pane.push, pane.push_requested),
        (pane.remove, pane.remove_requested),
        (pane.tag, pane.tag_requested),
        (pane.carry, pane.carry_requested),
        (pane.save, pane.save_requested),
        (pane.load, pane.load_requested),
        (pane.details, pane.details_requested),
    ):
        pane.hush()
        with qtbot.assertNotEmitted(signal):
            wish()
        assert "Nothing is listening" in pane.explanation
    with qtbot.waitSignal(pane.copy_reference_requested):
        pane.copy_reference()
    assert "No engine" in pane.footer.whole() and "2 references" in pane.footer.whole()
    with qtbot.waitSignal(pane.retry_engine_requested):
        _click(qtbot, banner.button)
    assert banner.isVisible(), "it stays until the engine is back"
    bench.ready("acme/a:1", "redis:7")
    assert not banner.isVisible() and not pane.view.delegate.faded and pane.view.dragEnabled()
    assert all(button.isEnabled() for button in acting)
    assert all(action.isEnabled() for action in of_place)


def test_rows_that_are_only_last_known_are_drawn_faint(bench: Bench, light: Theme) -> None:
    pane = bench.window.image_pane
    bench.ready("acme/a:1")

    def darkest() -> int:
        picture = pane.view.viewport().grab(pane.view.visualRect(bench.images.index(0, 0))).toImage()
        return min(
            picture.pixelColor(x, y).lightness()
            for x in range(picture.width())
            for y in range(picture.height())
        )

    before = darkest()
    pane.set_engine_down("Gone.")
    assert darkest() > before + 60


def test_a_filter_that_hides_all_can_be_cleared_also_without_an_engine(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.image_pane
    bench.ready("acme/a:1")
    pane.model.set_filter("nothing like it")
    pane.set_engine_down("Gone.")
    assert "No image matches" in pane.empty.sentence.text()
    with qtbot.assertNotEmitted(pane.retry_engine_requested):
        _click(qtbot, pane.empty.button)


def test_untrusted_words_are_not_taken_for_markup(bench: Bench) -> None:
    pane = bench.window.image_pane
    pane.set_engine_down("<b>bold</b>", "<img src='file:///etc/passwd'>")
    pane.explain("<b>bold</b>", Tone.BAD)
    assert pane.empty.sentence.textFormat() == Qt.TextFormat.PlainText
    assert pane.empty.more.textFormat() == Qt.TextFormat.PlainText
    assert pane._notice is not None
    assert pane._notice.label.textFormat() == Qt.TextFormat.PlainText


def test_no_images_offers_the_pull_box(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.image_pane
    assert not pane.empty.isVisible(), "nothing is known yet, so no text is shown"
    bench.ready()
    with qtbot.waitSignal(pane.pull_box_requested):
        _click(qtbot, pane.empty.button)


def test_a_filter_without_a_match_offers_to_clear_it(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.image_pane
    bench.ready("acme/a:1", "acme/b:1")
    qtbot.keyClicks(pane.filter, "acme/b")
    qtbot.waitUntil(lambda: bench.images.rowCount() == 1)
    assert "1 shown" in pane.footer.whole()
    qtbot.keyClicks(pane.filter, "nothing")
    qtbot.waitUntil(pane.empty.isVisible)
    _click(qtbot, pane.empty.button)
    qtbot.waitUntil(lambda: bench.images.rowCount() == 2)
    assert not pane.empty.isVisible()


def test_escape_empties_the_filter(bench: Bench, qtbot: QtBot) -> None:
    field = bench.window.image_pane.filter
    qtbot.keyClicks(field, "acme")
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert field.text() == ""


def test_the_footer_counts_images_once(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.image_pane
    same = image("acme/a:1")
    bench.images.set_images(
        [same, image("acme/a:2", image_id=same.image_id), image("acme/b:1", size=16_000_000)]
    )
    pane.set_ready()
    assert pane.footer.whole().startswith("3 references  ·  2 images  ·  up to 200 MB on disk")
    pane.view.selectAll()
    qtbot.waitUntil(lambda: "3 selected, 200 MB" in pane.footer.whole())


def test_loading_shows_only_when_it_lasts(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.image_pane
    pane.set_connecting()
    assert not pane.loading.moving
    qtbot.waitUntil(lambda: pane.loading.moving)
    pane.set_ready()
    assert not pane.loading.moving


def test_choosing_an_engine_is_told_and_setting_one_is_not(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.image_pane
    with qtbot.assertNotEmitted(pane.engine_selected):
        pane.set_engines(["default", "remote"], 0)
    with qtbot.waitSignal(pane.engine_selected) as chosen:
        qtbot.keyClick(pane.engine_picker, Qt.Key.Key_Down)
    assert chosen.args == [1]


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_the_open_list_of_engines_is_looked_at_anew_and_changes_where_it_stands(
    bench: Bench, qtbot: QtBot
) -> None:
    pane = bench.window.image_pane
    picker = pane.engine_picker
    pane.set_engines(["default  ·  Docker 28.5.2", "farm"], 0)
    with qtbot.waitSignal(pane.engines_requested):
        picker.showPopup()
    row = picker.model().index(1, 0)
    assert row.data(Qt.ItemDataRole.ForegroundRole) is None
    pane.set_engines(
        ["default  ·  Docker 28.5.2", "farm  ·  not running"],
        0,
        stories=["a", "tcp://farm:1\n<why>"],
        silent={1},
    )
    assert picker.view().isVisible(), "an update does not close the list"
    assert row.data() == "farm  ·  not running"
    assert "&lt;why&gt;" in row.data(Qt.ItemDataRole.ToolTipRole)
    assert row.data(Qt.ItemDataRole.ForegroundRole) is not None
    pane.set_engines(["farm  ·  Docker 29"], 0)
    texts = [picker.itemText(row) for row in range(picker.count())]
    assert texts == ["farm  ·  Docker 29", "", "Choose library folder…"], "one engine less, the rest stays"
    assert picker.currentText() == "farm  ·  Docker 29"
    assert picker.model().index(0, 0).data(Qt.ItemDataRole.ForegroundRole) is None
    picker.hidePopup()


def test_choosing_a_library_folder_is_a_wish_and_no_place(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.image_pane
    pane.set_engines(["default", "Library"], 1)
    with qtbot.waitSignal(pane.choose_library_requested), qtbot.assertNotEmitted(pane.engine_selected):
        pane.engine_picker.activated.emit(3)
    assert pane.engine_picker.currentText() == "Library"


def test_what_is_said_of_the_place_stays_until_it_is_dismissed(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.image_pane
    bench.ready("acme/a:1")
    asked: list[str] = []
    pane.say_place("No engine answers.", Tone.QUIET, "Try again", lambda: asked.append("again"))
    notice = pane._place_notice
    assert notice is not None
    pane.view.selectRow(0)
    assert notice.isVisible(), "a click on an image does not dismiss it"
    _click(qtbot, notice.button)
    assert asked == ["again"]
    pane.say_place("")
    assert not notice.isVisible()


def test_sizes_of_the_library_are_compressed_ones(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.image_pane
    bench.images.set_compressed(True)
    pane.set_library(True)
    bench.ready("acme/a:1")
    header = bench.images.headerData(ImageColumn.SIZE, Qt.Orientation.Horizontal)
    assert header == "Compressed"
    qtbot.waitUntil(lambda: "up to 184 MB compressed" in pane.footer.whole())
    pane.set_engine_down("The folder can't be used as a library.")
    assert "No library" in pane.footer.whole()
    pane.push()
    assert "can't be used as a library" in pane.explanation


def test_typing_ahead_finds_the_repository(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.image_pane
    bench.ready("alpine:3", "busybox:1", "redis:7")
    pane.view.setFocus()
    pane.view.selectionModel().setCurrentIndex(bench.images.index(0, 3), _Flag.NoUpdate)
    qtbot.keyClicks(pane.view, "red")
    assert pane.view.currentIndex().data(Role.COPY_TEXT) == "redis:7"
    assert [each.reference.path for each in pane.selected() if each.reference] == ["library/redis"]


def test_images_dropped_on_the_picker_are_wished_to_be_copied(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.image_pane
    bench.ready("acme/a:1", "acme/b:1")
    pane.set_engines(["default", "Library"], 0)
    picker = pane.engine_picker
    where = QPointF(picker.rect().center())
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    remote = mime.encode(mime.DragKind.REMOTE, [])
    for data, taken in ((remote, False), (bench.images.mimeData([bench.images.index(1, 0)]), True)):
        enter = QDragEnterEvent(where.toPoint(), Qt.DropAction.CopyAction, data, buttons, keys)
        QApplication.sendEvent(picker, enter)
        assert enter.isAccepted() is taken
    assert "copy to another engine" in pane.explanation
    with qtbot.waitSignal(pane.carry_requested) as wish:
        QApplication.sendEvent(picker, QDropEvent(where, Qt.DropAction.CopyAction, data, buttons, keys))
    assert [str(image.reference) for image in wish.args[0]] == ["docker.io/acme/b:1"]
    assert pane.explanation == ""


def test_a_filter_without_room_for_its_sentence_says_one_word(bench: Bench, qtbot: QtBot) -> None:
    field = bench.window.image_pane.filter
    field.setMaximumWidth(400)
    for width, words in ((300, "Filter images"), (84, "Filter"), (300, "Filter images")):
        field.setFixedWidth(width)
        qtbot.waitUntil(lambda words=words: field.placeholderText() == words)
    assert field.accessibleName() == "Filter images"


def test_why_an_image_cannot_be_run(bench: Bench) -> None:
    pane, actions = bench.window.image_pane, bench.actions
    bench.ready("team/app:1", "team/app:2")
    assert pane.run_verb.reason == pane.containers_verb.reason == "Select an image first."
    pane.view.selectAll()
    assert pane.run_verb.reason == "Select only one image."
    pane.view.selectRow(0)
    assert pane.run_verb.reason == pane.containers_verb.reason == ""
    wanted: list[str] = []
    pane.run_requested.connect(lambda image: wanted.append(f"run {image.shown}"))
    pane.containers_requested.connect(lambda image: wanted.append(f"containers {image.name.shown}"))
    actions.run.trigger()
    actions.containers.trigger()
    assert wanted == ["run team/app:1", "containers team/app:1"]
    pane.set_library(True)
    pane.verbs.look()
    assert pane.run_verb.reason == ("The library can't run containers. Load the image into an engine first.")
    pane.run()
    assert len(wanted) == 2


def test_a_remote_tag_is_pulled_before_it_is_run(bench: Bench) -> None:
    bench.ready("team/app:1")
    bench.list("one.example", "team/app")
    assert bench.actions.run.text() == "Run…"
    bench.window.registry_pane.view.setFocus()
    bench.window.active_changed.emit()
    assert bench.actions.run.reason == "Pull the image first: containers run from local images."
