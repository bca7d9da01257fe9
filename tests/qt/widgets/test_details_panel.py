"""Details: where it is, its tabs, what they get and when, and the keys."""

from __future__ import annotations

import json

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QTabBar, QWidget
from pytestqt.qtbot import QtBot

from longshore.application.inspection.values import Inspected
from longshore.application.subject import Subject
from longshore.errors import LongshoreError
from longshore.models.images import ImageModel
from longshore.models.registries import RegistryModel
from longshore.models.tags import TagModel
from longshore.models.transfers import TransferModel
from longshore.transfers.transfer import Endpoint, State
from longshore.widgets.details import panel as panels
from longshore.widgets.details.panel import DetailsPanel
from longshore.widgets.details.tab import DetailsTab
from longshore.widgets.details.tab_row import TabRow, tab_width, visible_tabs
from longshore.widgets.details.table import TABS, TabKind
from longshore.widgets.main_window import MainWindow
from longshore.widgets.theme import Theme
from qt.models.made import ENGINE, image, transfer
from qt.widgets.conftest import Bench

_KEY = Qt.Key


def subject(name: str = "acme/web:1") -> Subject:
    made = image(name)
    return Subject(Endpoint.of(ENGINE, made.name), image=made)


class Told(DetailsTab):
    """A tab that notes its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def set_subject(self, subject: Subject) -> None:
        super().set_subject(subject)
        self.calls.append(f"subject {subject.shown}")

    def update_subject(self, subject: Subject) -> None:
        super().update_subject(subject)
        self.calls.append("update")

    def settle(self) -> None:
        self.calls.append("settle")

    def set_inspected(self, found: Inspected) -> None:
        super().set_inspected(found)
        self.calls.append("inspected")

    def set_failure(self, error: LongshoreError) -> None:
        self.calls.append("failure")

    def take(self) -> list[str]:
        calls, self.calls = self.calls, []
        return calls


@pytest.fixture
def panel(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> DetailsPanel:
    kinds = (TabKind("one", lambda: "One", Told), TabKind("two", lambda: "Two", Told))
    monkeypatch.setattr(panels, "TABS", kinds)
    made = DetailsPanel()
    qtbot.addWidget(made)
    made.resize(400, 500)
    made.show()
    return made


def told(panel: DetailsPanel, key: str) -> list[str]:
    tab = panel.tab(key)
    assert isinstance(tab, Told)
    return tab.take()


def test_a_tab_gets_the_subject_at_once_and_more_when_it_rests(panel: DetailsPanel) -> None:
    shown = subject()
    panel.set_subject(shown)
    assert panel.title.whole() == "acme/web:1"
    assert told(panel, "one") == ["subject acme/web:1"]
    panel.settle(shown)
    panel.set_inspected(shown, Inspected(shown.end))
    assert told(panel, "one") == ["settle", "inspected"]


def test_a_hidden_tab_gets_nothing_until_it_is_shown(panel: DetailsPanel, qtbot: QtBot) -> None:
    shown = subject()
    panel.set_subject(subject("acme/other:1"))
    panel.set_subject(shown)
    panel.settle(shown)
    panel.set_inspected(shown, Inspected(shown.end))
    with qtbot.waitSignal(panel.tab_made) as made:
        panel.choose("two")
    assert made.args[0] == "two"
    assert told(panel, "two") == ["subject acme/web:1", "settle", "inspected"]
    told(panel, "one")
    panel.choose("one")
    assert told(panel, "one") == [], "it has all of that already"


def test_what_is_read_of_a_passed_row_is_not_shown(panel: DetailsPanel) -> None:
    passed, shown = subject("acme/a:1"), subject("acme/b:1")
    panel.set_subject(passed)
    panel.set_subject(shown)
    panel.settle(passed)
    panel.set_inspected(passed, Inspected(passed.end))
    panel.set_failure(passed, LongshoreError("The host was not found."))
    assert told(panel, "one") == ["subject acme/a:1", "subject acme/b:1"]
    assert not panel.notice.isVisible()


def test_more_is_known_of_the_same_row(panel: DetailsPanel) -> None:
    before, after = subject(), subject()
    panel.set_subject(before)
    panel.settle(before)
    panel.update_subject(after)
    panel.set_inspected(after, Inspected(after.end))
    assert told(panel, "one") == ["subject acme/web:1", "settle", "update", "inspected"]


def test_a_failure_is_told_with_a_way_to_try_again(panel: DetailsPanel, qtbot: QtBot) -> None:
    shown = subject()
    panel.set_subject(shown)
    panel.set_failure(shown, LongshoreError("The host was not found."))
    assert "The host was not found." in panel.notice.label.text()
    assert told(panel, "one")[-1] == "failure"
    with qtbot.waitSignal(panel.read_requested):
        panel.notice.button.click()
    panel.set_inspected(shown, Inspected(shown.end))
    assert not panel.notice.isVisible()


def test_reading_that_counts_is_offered(panel: DetailsPanel, qtbot: QtBot) -> None:
    shown = subject()
    panel.set_subject(shown)
    panel.withhold(shown)
    assert panel.notice.button.text() == "Read"
    with qtbot.waitSignal(panel.read_requested):
        panel.notice.button.click()


def test_without_a_selection_the_panel_says_so(panel: DetailsPanel) -> None:
    panel.set_subject(subject())
    panel.set_subject(None)
    assert panel.stack.currentWidget() is panel.empty
    assert "Select an image" in panel.empty.text()


# -- tabs


def test_tabs_without_room_are_in_more() -> None:
    assert visible_tabs([50, 50, 50], 0, 150, 40) == {0, 1, 2}
    assert visible_tabs([50, 50, 50], 0, 149, 40) == {0, 1}
    assert visible_tabs([50, 50, 50], 2, 149, 40) == {0, 2}, "the chosen one takes the last visible place"
    assert visible_tabs([50, 50, 50], 1, 60, 40) == {1}, "and never goes"


def test_a_tab_of_more_is_chosen_there(light: Theme, qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    row = TabRow(["Overview", "Layers", "Configuration", "Raw"])
    row.setParent(window)
    row.resize(tab_width("Overview") + tab_width("Layers") + 90, 36)
    window.show()
    assert row.in_more() == ["Configuration", "Raw"]
    row.more_button.menu().aboutToShow.emit()
    entries = {entry.text(): entry for entry in row.more_button.menu().actions()}
    with qtbot.waitSignal(row.chosen) as chosen:
        entries["Raw"].trigger()
    assert chosen.args == [3]
    assert row.in_more() == ["Layers", "Configuration"]
    assert row.bar.tabRect(3).left() == row.bar.tabRect(0).right() + 1, "no gap where the hidden ones were"
    assert row.bar.tabRect(0).left() == 0, "and no scrolling"
    row.step(1)
    assert row.current == 0 and row.in_more() == ["Configuration", "Raw"]
    row.resize(row.full_width(), 36)
    assert row.in_more() == [] and not row.more_button.isVisible()


def test_keys_of_tabs_are_unique() -> None:
    assert len({kind.key for kind in TABS}) == len(TABS)


# -- where it is


def test_a_wide_window_has_it_at_the_right(bench: Bench, qtbot: QtBot) -> None:
    window = bench.window
    window.resize(1400, 800)
    window.details_place.set_shown(True)
    qtbot.waitUntil(lambda: window.details.isVisible() and window.details.width() == 400)
    right = window.details.mapTo(window, window.details.rect().topRight()).x()
    assert right > window.registry_pane.mapTo(window, window.registry_pane.rect().topRight()).x()
    assert not window.transfer_pane.isVisible()


def test_a_narrow_window_has_it_beside_transfers(bench: Bench, qtbot: QtBot) -> None:
    window = bench.window
    bench.move(transfer("a", state=State.RUNNING))
    window.resize(1000, 700)
    window.details_place.set_shown(True)
    qtbot.waitUntil(lambda: window.details.isVisible())
    assert window.details.heading.isHidden() and not window.transfer_pane.isVisible()
    names = window.details.lead.itemAt(0).widget()
    assert isinstance(names, QTabBar)
    qtbot.waitUntil(lambda: names.tabText(0) == "Transfers  1")
    qtbot.keyClick(names, _KEY.Key_Left)
    assert window.transfer_pane.isVisible() and not window.details.isVisible()
    assert not window.details_place.visible
    qtbot.keyClick(window, _KEY.Key_F4)
    assert window.details.isVisible(), "F4 brings it back"
    window.resize(1400, 700)
    qtbot.waitUntil(lambda: window.transfer_pane.isVisible() and window.details.isVisible())
    assert window.details.heading.isVisible()
    qtbot.keyClick(window, _KEY.Key_F4)
    assert not window.details.isVisible()


def test_a_narrow_window_without_transfers_has_only_details_below(bench: Bench, qtbot: QtBot) -> None:
    window = bench.window
    window.resize(1000, 700)
    window.details_place.set_shown(True)
    qtbot.waitUntil(lambda: window.details.isVisible())
    window.details_place.set_shown(False)
    assert not window.details.isVisible() and not window.transfer_pane.isVisible()


def test_the_button_of_the_menu_bar_shows_and_hides_it(bench: Bench) -> None:
    window = bench.window
    button = next(one for one in window.findChildren(QPushButton) if one.accessibleName() == "Details")
    assert button.parentWidget() is window, "a child of the menu bar would be hidden from screen readers"
    bar = window.menuBar().geometry()
    assert bar.contains(button.geometry()) and button.geometry().right() > bar.right() - 20
    assert button.isVisible() and not button.isChecked()
    assert button.accessibleDescription() == "Show or hide the details of the selected image (F4)"
    button.click()
    assert button.isChecked() and window.details.isVisible() and bench.actions.show_details.isChecked()
    window.details.close_button.click()
    assert not button.isChecked() and not window.details.isVisible()


def test_f6_goes_through_the_panes(bench: Bench, qtbot: QtBot) -> None:
    window = bench.window
    bench.ready("acme/a:1")
    bench.move(transfer("a", state=State.RUNNING))
    window.resize(1400, 800)
    window.details_place.set_shown(True)
    views = [window.image_pane.view, window.registry_pane.view, window.registry_pane.tags.view]
    views[0].setFocus()
    qtbot.keyClick(views[0], _KEY.Key_F6, Qt.KeyboardModifier.ShiftModifier)
    assert window.focusWidget() is window.transfer_pane.view
    for expected in (
        views[0],
        views[1],
        views[2],
        window.details.tabs.bar,
        window.transfer_pane.view,
        views[0],
    ):
        qtbot.keyClick(window.focusWidget(), _KEY.Key_F6)
        assert window.focusWidget() is expected


def test_f5_reads_again_and_escape_goes_back(bench: Bench, qtbot: QtBot) -> None:
    window = bench.window
    bench.ready("acme/a:1")
    window.resize(1400, 800)
    window.details_place.set_shown(True)
    view = window.image_pane.view
    view.setFocus()
    window.details.set_subject(subject())
    window.details.focus_content()
    assert window.details.isAncestorOf(window.focusWidget())
    assert window.active_pane() is window.image_pane, "verbs mean the rows"
    with qtbot.waitSignal(window.details.read_requested):
        qtbot.keyClick(window.focusWidget(), _KEY.Key_F5)
    qtbot.keyClick(window.focusWidget(), _KEY.Key_Escape)
    assert window.focusWidget() is view
    with qtbot.waitSignal(window.registry_pane.refresh_requested):
        qtbot.keyClick(view, _KEY.Key_F5)
    tags = window.registry_pane.tags.view
    tags.setFocus()
    window.details.focus_content()
    qtbot.keyClick(window.focusWidget(), _KEY.Key_F4)
    assert not window.details.isVisible() and window.focusWidget() is tags


def test_ctrl_f_and_page_keys_are_for_the_chosen_tab(bench: Bench, qtbot: QtBot) -> None:
    window, control = bench.window, Qt.KeyboardModifier.ControlModifier
    window.resize(1400, 800)
    window.details_place.set_shown(True)
    window.details.set_subject(subject())
    window.details.choose("configuration")
    window.details.focus_content()
    qtbot.keyClick(window.focusWidget(), _KEY.Key_F, control)
    field = window.focusWidget()
    assert field is not None and field.accessibleName() == "Filter configuration"
    before = window.details.tabs.current
    qtbot.keyClick(field, _KEY.Key_PageDown, control)
    assert window.details.tabs.current == before + 1
    qtbot.keyClick(window, _KEY.Key_PageUp, control)
    assert window.details.tab_key == "configuration"
    window.details_place.set_shown(False)
    assert not bench.actions.next_tab.isEnabled()
    qtbot.keyClick(window, _KEY.Key_F6)  # no modifier is held for the next test


def test_the_focus_stays_in_the_panel_when_its_widget_goes(bench: Bench) -> None:
    window, shown = bench.window, subject()
    bench.ready("acme/a:1")
    window.resize(1400, 800)
    window.details_place.set_shown(True)
    window.image_pane.view.setFocus()
    window.details.set_subject(shown)
    window.details.choose("platforms")
    window.details.set_inspected(shown, Inspected(shown.end))
    window.details.focus_content()
    for key in ("attached", "files", "raw", "overview"):
        window.details.choose(key)
        assert window.details.isAncestorOf(window.focusWidget()), key
    field = window.details.tab("configuration").home()
    assert field is not None
    window.details.choose("configuration")
    for change in (field.hide, lambda: field.setEnabled(False)):
        field.setVisible(True)
        field.setFocus()
        change()
        assert window.focusWidget() is window.details.tabs.bar


def test_it_is_as_it_was_in_the_last_run(bench: Bench, qtbot: QtBot) -> None:
    window = bench.window
    window.resize(1400, 800)
    window.details_place.set_shown(True)
    window.upper.setSizes([900, 460])
    window.upper.splitterMoved.emit(900, 1)
    width = window.details.width()
    assert width > 430
    state = json.loads(window.save_state())
    state["geometry"] = ""  # the offscreen screen is too small for it
    window.close()
    other = MainWindow(ImageModel(), RegistryModel(), TagModel())
    qtbot.addWidget(other)
    other.resize(1400, 800)
    assert other.restore_state(json.dumps(state).encode())
    other.show()
    qtbot.waitExposed(other)
    first = other.registry_pane.width()
    other.add_transfers(TransferModel())
    assert other.details.isVisible()
    assert other.details.width() == width
    assert other.registry_pane.width() == first, "the first picture left the room for it"


@pytest.mark.parametrize("state", [7, {"shown": 1}, {"shown": True, "width": "x", "tab": 3}, {"width": 9**9}])
def test_foreign_states_do_no_harm(state: object) -> None:
    from longshore.widgets.details.remembered import WIDTH, remembered

    shown, width, tab = remembered(state)
    assert width == WIDTH and tab == "" and isinstance(shown, bool)
