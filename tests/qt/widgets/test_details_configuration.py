"""Configuration: masked values, the filter, and what is copied."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from longshore.application.inspection.values import Inspected
from longshore.application.subject import Subject
from longshore.models.configuration_text import env_file
from longshore.models.facts import Fact
from longshore.oci.image_config import RunConfig
from longshore.transfers.transfer import Endpoint
from longshore.widgets.details.configuration import ConfigurationTab
from qt.models.made import ENGINE, image

_IMAGE = image("web:1")
SUBJECT = Subject(Endpoint.of(ENGINE, _IMAGE.name), image=_IMAGE)
FOUND = Inspected(
    SUBJECT.end,
    run=RunConfig(
        environment=("PATH=/bin", "DB_PASSWORD=hunter2", "URL=https://ann:pw@host/x", "EMPTY=", "TWO=a\nb")
    ),
    settings=(("architecture", "amd64"), ("config.StopSignal", "SIGTERM"), ("variant", "")),
)


@pytest.fixture
def tab(framed: Callable[[QWidget], None]) -> ConfigurationTab:
    made = ConfigurationTab()
    framed(made)
    made.set_subject(SUBJECT)
    made.set_inspected(FOUND)
    return made


def fact(tab: ConfigurationTab, name: str) -> Fact:
    return next(one for one in tab.facts.facts.facts if one.name == name)


def choose(tab: ConfigurationTab, name: str) -> None:
    tab.facts.setCurrentIndex(tab.facts.facts.index_of(name))


def test_environment_and_everything_else(tab: ConfigurationTab) -> None:
    assert fact(tab, "PATH").value == "/bin" and fact(tab, "EMPTY").value == "empty"
    assert fact(tab, "StopSignal").value == "SIGTERM" and fact(tab, "variant").value == "not set"
    first = tab.facts.facts.index(0, 0).data()
    assert first == "Environment 5, 2 masked"


def test_values_that_look_secret_are_masked_until_asked_for(tab: ConfigurationTab, qtbot: QtBot) -> None:
    assert "hunter2" not in str(tab.facts.facts.facts) and ":pw@" not in str(tab.facts.facts.facts)
    choose(tab, "DB_PASSWORD")
    qtbot.keyClick(tab.facts, Qt.Key.Key_Return)
    assert fact(tab, "DB_PASSWORD").value == "hunter2" and fact(tab, "DB_PASSWORD").offer == "Hide"
    assert fact(tab, "URL").value != "https://ann:pw@host/x", "only the one that was asked for"
    qtbot.keyClick(tab.facts, Qt.Key.Key_Return)
    assert fact(tab, "DB_PASSWORD").value == "••••••••"


def test_another_image_is_masked_again(tab: ConfigurationTab) -> None:
    tab.facts.offered.emit(fact(tab, "DB_PASSWORD").key)
    assert fact(tab, "DB_PASSWORD").value == "hunter2"
    tab.set_subject(SUBJECT)
    assert tab.facts.facts.facts == []
    tab.set_inspected(FOUND)
    assert fact(tab, "DB_PASSWORD").value == "••••••••"


def test_a_masked_value_is_not_copied(tab: ConfigurationTab, qtbot: QtBot) -> None:
    choose(tab, "DB_PASSWORD")
    assert "masked" in tab.copy_verb.reason
    with qtbot.assertNotEmitted(tab.copy_requested, wait=0):
        qtbot.keyClick(tab.facts, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    tab.facts.offered.emit(fact(tab, "DB_PASSWORD").key)
    assert tab.copy_verb.reason == ""
    with qtbot.waitSignal(tab.copy_requested) as copied:
        tab.copy_verb.trigger()
    assert copied.args == ["hunter2"]
    qtbot.keyClick(tab.facts, Qt.Key.Key_Up)  # no modifier is held for the next test


def test_all_is_copied_as_an_env_file(tab: ConfigurationTab, qtbot: QtBot) -> None:
    with qtbot.waitSignal(tab.copy_requested) as copied:
        tab.copy_all_verb.trigger()
    lines = copied.args[0].splitlines()
    assert lines == [
        "PATH=/bin",
        "# DB_PASSWORD is masked",
        "# URL is masked",
        "EMPTY=",
        "# TWO has several lines",
    ]
    assert tab.note.whole() == "Copied without 2 masked values."
    shown = env_file(FOUND, {"1:DB_PASSWORD", "2:URL"})
    assert "DB_PASSWORD=hunter2" in shown[0] and shown[1] == 0


def test_the_filter_searches_names_and_values(tab: ConfigurationTab) -> None:
    tab.filter.setText("sig")
    tab.filter.filtered.emit("sig")
    assert tab.facts.facts.shown_count == 1 and tab.note.whole() == "1 found"
    tab.filter.filtered.emit("hunter2")
    assert tab.facts.facts.shown_count == 0, "a masked value is not found by guessing"


def test_wide_has_two_columns(tab: ConfigurationTab, qtbot: QtBot) -> None:
    tab.set_wide(True)
    assert {fact.name for fact in tab.more.facts.facts} == {"architecture", "StopSignal", "variant"}
    assert "architecture" not in {fact.name for fact in tab.facts.facts.facts}
    tab.more.setCurrentIndex(tab.more.facts.index_of("architecture"))
    with qtbot.waitSignal(tab.copy_requested) as copied:
        tab.copy_verb.trigger()
    assert copied.args == ["amd64"]
    tab.set_wide(False)
    assert fact(tab, "architecture").value == "amd64" and tab.more.isHidden()
    tab.set_wide(True)
    tab.set_inspected(Inspected(SUBJECT.end))
    assert tab.more.isHidden(), "without an environment there is no empty column"


def test_without_environment_there_is_nothing_to_copy(tab: ConfigurationTab) -> None:
    tab.set_subject(SUBJECT)
    tab.set_inspected(Inspected(SUBJECT.end))
    tab.verbs.look()
    assert "no environment" in tab.copy_all_verb.reason and "Select" in tab.copy_verb.reason
