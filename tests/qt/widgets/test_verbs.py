"""Verbs: one state for a button, its entry in More, the menu bar and a context menu."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QMenu, QWidget
from pytestqt.qtbot import QtBot

from longshore.widgets.theme import Theme
from longshore.widgets.verbs import GAP, Side, VerbBar, overflow


@pytest.mark.parametrize(
    ("room", "full", "gone"),
    [
        (300 + 2 * GAP, False, set()),  # exactly enough, without More
        (300 + 2 * GAP, True, {2}),  # More is shown anyway
        (299 + 2 * GAP, False, {2}),
        (250 + 2 * GAP, False, {2}),
        (249 + 2 * GAP, False, {0, 2}),  # 0 goes before 1, which stays longer
        (10, False, {0, 1, 2}),
    ],
)
def test_what_goes_into_more(room: int, full: bool, gone: set[int]) -> None:
    assert overflow([100, 100, 100], [1, 2, 0], room, 50, full=full) == gone


def test_among_equals_the_rightmost_goes_first() -> None:
    assert overflow([100, 100, 100], [0, 0, 0], 200 + GAP + GAP + 50, 50, full=False) == {2}
    assert overflow([], [], 10, 50, full=True) == set()


@pytest.fixture
def bar(light: Theme, qtbot: QtBot) -> Iterator[VerbBar]:
    host = QWidget()
    qtbot.addWidget(host)
    host.resize(700, 100)
    made = VerbBar()
    made.setParent(host)
    made.resize(600, 40)
    host.show()
    yield made
    host.close()


def test_everything_that_shows_a_verb_follows_it(bar: VerbBar, qtbot: QtBot) -> None:
    done: list[str] = []
    verb = bar.add_verb("Pause", lambda: done.append("pause"))
    other = bar.add_verb("Run…", lambda: done.append("run"), more=True)
    menu = QMenu(bar)
    entry, named = verb.entry(menu), verb.entry(menu, "Pause all")
    button = bar.button(verb)
    verb.set_hint("It waits.")
    assert button.accessibleDescription() == "It waits." and "It waits." in entry.toolTip()
    verb.set_blocked("Nothing <b>runs</b>.")
    for shown in (button, entry, named):
        assert not shown.isEnabled() and "&lt;b&gt;runs" in shown.toolTip()
    assert entry.reason == named.reason == button.accessibleDescription() == "Nothing <b>runs</b>."
    entry.trigger()
    button.click()
    assert done == []
    verb.set_blocked("")
    verb.setText("Resume")
    assert (button.text(), button.accessibleName(), entry.text(), named.text()) == (
        *("Resume", "Resume", "Resume", "Pause all"),
    )
    entry.trigger()
    button.click()
    named.switch(other)
    other.set_blocked("No image.")
    assert not named.isEnabled() and named.text() == "Pause all" and entry.isEnabled()
    other.set_blocked("")
    named.trigger()
    assert done == ["pause", "pause", "run"]


def test_reasons_are_asked_for_again(bar: VerbBar) -> None:
    reason = ["Select an image first."]
    verb = bar.keep("Details", lambda: None, why_not=lambda: reason[0])
    assert verb.reason == "Select an image first."
    reason[0] = ""
    assert not verb.isEnabled()
    bar.look()
    assert verb.isEnabled()


def test_more_holds_what_has_no_button_and_what_has_no_room(bar: VerbBar, qtbot: QtBot) -> None:
    push = bar.add_verb("Push", lambda: None)
    assert not bar.more_button.isVisible()
    clean = bar.add_verb("Clean up…", lambda: None, side=Side.PANE)
    load = bar.add_verb("Load…", lambda: None, side=Side.PANE, more=True)
    save = bar.add_verb("Save…", lambda: None, more=True)
    assert bar.entries() == [save, load] and bar.more_button.isVisible()
    assert [button.text() for button in bar.buttons] == ["Push", "Clean up…", "More"]
    bar.resize(bar.minimumSizeHint().width() + bar.button(push).width() + GAP, 40)
    qtbot.waitUntil(lambda: bar.entries() == [save, clean, load])
    assert not bar.button(clean).isVisible() and bar.button(push).isVisible()
    clean.setVisible(False)
    assert bar.entries() == [save, load], "a verb that is hidden is in no menu either"
