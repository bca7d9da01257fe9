"""The sheets Run and Containers of this image, and the window with a container's output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from longshore.application.run_lines import docker_line, longshore_line
from longshore.application.terminal import EngineName
from longshore.engine.container_model import Container, ContainerState, Mount, Port, RunRequest
from longshore.engine.model import ImageDetails
from longshore.errors import EngineFailure, RunField, RunRefused
from longshore.oci.image_name import ImageName
from longshore.oci.reference import Reference
from longshore.widgets.dialogs.closing import CloseSheet
from longshore.widgets.dialogs.container_questions import LeaveSheet, QuitSheet, RemoveContainerSheet
from longshore.widgets.dialogs.containers import ContainersSheet
from longshore.widgets.dialogs.entry_table import EntryTable
from longshore.widgets.dialogs.run import RunSheet
from longshore.widgets.run_output import RunWindow
from longshore.widgets.theme import Theme

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

IMAGE = ImageName(Reference.parse_input("team/app:1.0"), "sha256:1")
DETAILS = ImageDetails(
    "sha256:1",
    (),
    (),
    None,
    1,
    None,
    (),
    environment=("PATH=/bin", "DB_PASSWORD=hunter2", *(f"V{n}=x" for n in range(9))),
    entrypoint=("/entry.sh",),
    command=("serve", "--port", "80 80"),
    ports=("53/udp", "8080/tcp"),
    volumes=("/var/lib/app",),
)


@pytest.fixture
def sheet(light: Theme, qtbot: QtBot) -> RunSheet:
    made = RunSheet(None, IMAGE)
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(made)

    def lines(request: RunRequest, secrets: bool) -> dict[str, list[str]]:
        name = EngineName()
        return {
            "docker": [docker_line(request, name, secrets=secrets)],
            "longshore": [longshore_line(request, name, secrets=secrets)],
        }

    made.lines_of = lines
    made.set_details(DETAILS)
    made.show()
    return made


def requested(sheet: RunSheet) -> list[RunRequest]:
    found: list[RunRequest] = []
    sheet.run_requested.connect(found.append)
    return found


def put(table: EntryTable, row: int, column: int, text: str) -> None:
    """Type *text* into a cell, as a user does."""
    table.setFocus()
    table.setCurrentCell(row, column)
    QTest.keyClick(table, Qt.Key.Key_F2)
    editor = QApplication.focusWidget()
    assert editor is not None and editor is not table
    QTest.keyClicks(editor, text)
    QTest.keyClick(editor, Qt.Key.Key_Return)
    QApplication.processEvents()


def test_what_the_image_says_is_offered(sheet: RunSheet) -> None:
    assert sheet.command.placeholderText() == "serve --port '80 80'"
    assert sheet.entry.text() == "Entry point: /entry.sh"
    assert sheet.ports.rows() == [("", "53/udp"), ("", "8080/tcp")]
    assert sheet.volumes.rows() == [("", "/var/lib/app")]
    assert sheet.variables.text() == "Set by the image: PATH, DB_PASSWORD, V0, V1, V2, V3, …"
    assert "hunter2" not in sheet.variables.text()
    assert sheet.line.toPlainText() == "docker run team/app:1.0"


def test_a_plain_run_takes_all_from_the_image(sheet: RunSheet) -> None:
    found = requested(sheet)
    QTest.keyClick(sheet.name, Qt.Key.Key_Return)
    assert found == [RunRequest("team/app:1.0")]
    assert not sheet.confirm.isEnabled(), "it is starting"
    assert sheet.isVisible()
    sheet.answer(None)
    assert not sheet.isVisible()


def test_a_name_of_one_letter_is_refused_at_once_and_the_empty_line_says_why(sheet: RunSheet) -> None:
    QTest.keyClicks(sheet.name, "w")
    wrong = sheet._wrong[RunField.NAME]
    assert wrong.isVisible() and "at least two letters" in wrong.text()
    assert sheet.line.toPlainText() == ""
    assert sheet.line.placeholderText() == "There is no line until what is entered is valid."
    QTest.keyClicks(sheet.name, "e")
    assert not wrong.isVisible()
    assert sheet.line.toPlainText() == "docker run --name we team/app:1.0"


def test_the_fields_scroll_only_where_the_screen_has_no_room(sheet: RunSheet) -> None:
    for number in range(2):
        put(sheet.environment, number, 0, f"V{number}")
    QApplication.processEvents()
    bar = sheet._fields.verticalScrollBar()
    assert sheet.screen().availableGeometry().height() >= 800, "offscreen"
    assert bar.maximum() == 0
    assert sheet.detach.visibleRegion().boundingRect().height() == sheet.detach.height()


def test_everything_that_can_be_entered(sheet: RunSheet) -> None:
    found = requested(sheet)
    QTest.keyClicks(sheet.name, "web")
    QTest.keyClicks(sheet.command, "sh -c 'echo hello'")
    put(sheet.ports, 1, 0, "127.0.0.1:8000")
    put(sheet.ports, 2, 0, "9000")
    put(sheet.ports, 2, 1, "9001/udp")
    put(sheet.environment, 0, 0, "LANG")
    put(sheet.environment, 0, 1, "C = x")
    put(sheet.volumes, 0, 0, "kept")
    put(sheet.volumes, 1, 0, "/srv/a b")
    put(sheet.volumes, 1, 1, "/data")
    tick = sheet.volumes.item(1, 2)
    assert tick is not None
    tick.setCheckState(Qt.CheckState.Checked)
    QTest.keyClicks(sheet.network, "host")
    assert sheet.publish_all.isVisible()
    sheet.publish_all.setChecked(True)
    sheet.remove.setChecked(True)
    sheet.detach.setChecked(True)
    sheet.confirm.click()
    [request] = found
    assert request == RunRequest(
        "team/app:1.0",
        ("sh", "-c", "echo hello"),
        name="web",
        ports=(Port(8080, 8000, "127.0.0.1"), Port(9001, 9000, protocol="udp")),
        publish_all=True,
        environment=(("LANG", "C = x"),),
        mounts=(
            Mount("kept", "/var/lib/app", volume=True),
            Mount("/srv/a b", "/data", read_only=True),
        ),
        network="host",
        remove=True,
        detach=True,
    )
    assert sheet.line.toPlainText() == docker_line(request, EngineName())


@pytest.mark.parametrize(
    ("enter", "field", "words"),
    [
        (lambda sheet: sheet.name.setText("-"), RunField.NAME, "not a name"),
        (lambda sheet: sheet.command.setText("'"), RunField.COMMAND, "not closed"),
        (lambda sheet: put(sheet.ports, 0, 0, "x"), RunField.PORTS, "from 1 to 65535"),
        (lambda sheet: put(sheet.ports, 2, 1, "80"), RunField.PORTS, ""),
        (lambda sheet: put(sheet.environment, 0, 1, "value"), RunField.ENVIRONMENT, "name is missing"),
        (lambda sheet: put(sheet.volumes, 1, 0, "a b"), RunField.VOLUMES, "begin with “/”"),
        (lambda sheet: sheet.network.setText("a b"), RunField.NETWORK, "no spaces"),
    ],
)
def test_an_error_is_below_its_field(
    sheet: RunSheet, enter: Callable[[RunSheet], None], field: RunField, words: str
) -> None:
    found = requested(sheet)
    enter(sheet)
    sheet.confirm.click()
    label = sheet._wrong[field]
    if not words:
        # A port of the container alone gets a free port of the machine, as in docker run.
        assert found[0].ports == (Port(80),)
        return
    assert found == []
    assert label.isVisible() and words in label.text()
    assert [one for one, other in sheet._wrong.items() if other.isVisible()] == [field]
    assert sheet.line.toPlainText() == ""
    assert not sheet.copy.isEnabled()


def test_a_network_is_not_judged_while_it_is_typed(sheet: RunSheet) -> None:
    sheet.network.setFocus()
    QTest.keyClicks(sheet.network, "a b")
    assert not sheet._wrong[RunField.NETWORK].isVisible()
    QTest.keyClick(sheet.network, Qt.Key.Key_Tab)
    assert sheet._wrong[RunField.NETWORK].isVisible()
    sheet.network.setText("ab")
    assert not sheet._wrong[RunField.NETWORK].isVisible()


def test_what_the_engine_refuses(sheet: RunSheet) -> None:
    sheet.confirm.click()
    sheet.answer(RunRefused("Port 80 is in use.", field=RunField.PORTS, advice="Choose another."))
    assert sheet._wrong[RunField.PORTS].text() == "Port 80 is in use. Choose another."
    assert not sheet.problem.isVisible()
    assert sheet.confirm.isEnabled()
    sheet.confirm.click()
    assert not sheet._wrong[RunField.PORTS].isVisible()
    sheet.answer(EngineFailure("It did not work."))
    assert sheet.problem.text() == "It did not work."
    # A field that the sheet does not have.
    sheet.answer(RunRefused("No such user.", field=RunField.USER))
    assert sheet.problem.text() == "No such user."


def test_secrets_are_copied_only_on_request(sheet: RunSheet) -> None:
    copied: list[str] = []
    sheet.copy_requested.connect(copied.append)
    assert not sheet.copy_all.isVisible()
    put(sheet.environment, 0, 0, "DB_PASSWORD")
    put(sheet.environment, 0, 1, "hunter2")
    assert "hunter2" not in sheet.line.toPlainText()
    sheet.copy.click()
    sheet.copy_all.click()
    assert copied == [
        "docker run --env 'DB_PASSWORD=***' team/app:1.0",
        "docker run --env DB_PASSWORD=hunter2 team/app:1.0",
    ]


def test_what_was_typed_before_the_details_stays(light: Theme, qtbot: QtBot) -> None:
    sheet = RunSheet(None, IMAGE)
    sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(sheet)
    with qtbot.waitExposed(sheet):
        sheet.show()
    sheet.activateWindow()
    put(sheet.ports, 0, 0, "80")
    sheet.set_details(DETAILS)
    assert sheet.ports.rows() == [("80", "")]
    sheet.set_details(EngineFailure("Not now."))
    assert sheet.problem.text() == "Not now."
    sheet.reject()
    sheet.set_details(DETAILS)


def test_rows_are_removed_by_del(sheet: RunSheet) -> None:
    sheet.ports.setCurrentCell(0, 1)
    QTest.keyClick(sheet.ports, Qt.Key.Key_Delete)
    assert sheet.ports.rows() == [("", "8080/tcp")]
    sheet.ports.setCurrentCell(1, 0)
    QTest.keyClick(sheet.ports, Qt.Key.Key_Delete)
    assert sheet.ports.rowCount() == 2, "the empty row stays"


def test_every_field_is_reached_by_tab(sheet: RunSheet) -> None:
    seen: list[QWidget | None] = []
    sheet.name.setFocus()
    for _ in range(14):
        seen.append(QApplication.focusWidget())
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
    wanted = [sheet.name, sheet.command, sheet.ports, sheet.environment, sheet.volumes, sheet.network]
    assert [widget for widget in seen if widget in wanted] == wanted
    assert sheet.confirm in seen and sheet.copy in seen
    for widget in [*wanted, sheet.line]:
        assert widget.accessibleName()


def test_an_image_without_a_name_is_run_by_its_id(light: Theme, qtbot: QtBot) -> None:
    sheet = RunSheet(None, ImageName(None, "sha256:" + "a" * 64))
    qtbot.addWidget(sheet)
    found = requested(sheet)
    sheet.confirm.click()
    assert found == [RunRequest("sha256:" + "a" * 64)]


# -- Containers of this image


def one(name: str, state: ContainerState = ContainerState.RUNNING, **more: Any) -> Container:
    return Container(f"id-{name}", name, state, **more)


@pytest.fixture
def listed(light: Theme, qtbot: QtBot) -> ContainersSheet:
    made = ContainersSheet(None, "team/app:1.0")
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(made)
    made.show()
    return made


def chosen(sheet: ContainersSheet) -> str:
    found = sheet._chosen()
    return "" if found is None else found.name


def test_the_list_follows_the_engine(listed: ContainersSheet) -> None:
    assert listed.words.text() == "Asking the engine…"
    listed.show_containers([])
    assert listed.words.text() == "No containers use this image."
    assert not listed.table.isVisible()
    web, old = one("web", ports=("8080->80/tcp",)), one("old", ContainerState.EXITED, exit_code=3)
    listed.show_containers([web, old])
    cells = [[listed.table.item(row, column).text() for column in range(3)] for row in range(2)]  # type: ignore[union-attr]
    assert cells == [["web", "running", "8080->80/tcp"], ["old", "exited (3)", ""]]
    assert QApplication.focusWidget() is listed.table
    listed.table.selectRow(1)
    listed.show_containers([one("new"), web, old])
    assert chosen(listed) == "old"
    listed.show_containers([web])
    assert chosen(listed) == "web"
    listed.show_containers(EngineFailure("The engine is gone."))
    assert listed.problem.text() == "The engine is gone."


def test_what_can_be_done_with_a_container(listed: ContainersSheet) -> None:
    told: list[tuple[str, str]] = []
    listed.stop_requested.connect(lambda each: told.append(("stop", each.name)))
    listed.remove_requested.connect(lambda each: told.append(("remove", each.name)))
    listed.logs_requested.connect(lambda each: told.append(("logs", each.name)))
    listed.show_containers([one("web"), one("old", ContainerState.EXITED)])
    assert listed.remove_verb.reason == "Stop it first."
    listed.stop_verb.trigger()
    assert told == [("stop", "web")]
    assert listed.stop_verb.reason == "It is being stopped."
    listed.told(EngineFailure("It can't be stopped."))
    assert listed.stop_verb.reason == ""
    assert listed.problem.text() == "It can't be stopped."
    listed.table.selectRow(1)
    assert listed.stop_verb.reason == "It is not running."
    QTest.keyClick(listed.table, Qt.Key.Key_Delete)
    [question] = listed.findChildren(RemoveContainerSheet)
    QTest.keyClick(question, Qt.Key.Key_Return)
    assert ("remove", "old") not in told, "Enter means Cancel"
    listed.remove_verb.trigger()
    question = listed.findChildren(RemoveContainerSheet)[-1]
    question.confirm.click()
    assert told[-1] == ("remove", "old")
    listed.logs_verb.trigger()
    assert told[-1] == ("logs", "old")
    assert not listed.isVisible()


# -- the output


@pytest.fixture
def window(light: Theme, qtbot: QtBot) -> RunWindow:
    made = RunWindow(None, "web")
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(made)
    made.show()
    return made


def test_closing_asks_only_if_the_container_was_started_to_be_followed(
    window: RunWindow, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(window.closed):
        window.close()
    window.show()
    window.asks_first = True
    window.close()
    assert window.isVisible()
    [question] = window.findChildren(LeaveSheet)
    QTest.keyClick(question, Qt.Key.Key_Return)
    assert window.isVisible(), "Enter means Cancel"
    window.close()
    question = window.findChildren(LeaveSheet)[-1]
    with qtbot.waitSignal(window.closed), qtbot.assertNotEmitted(window.stop_requested):
        question.confirm.click()
    window.asks_first = True
    window.show()
    window.close()
    question = window.findChildren(LeaveSheet)[-1]
    with qtbot.waitSignals([window.stop_requested, window.closed]):
        question.stop.click()


def test_the_verbs_of_the_output(window: RunWindow, qtbot: QtBot) -> None:
    window.set_state("Running", no_stop="", no_remove="Stop it first.")
    assert window.remove_verb.reason == "Stop it first."
    with qtbot.waitSignal(window.stop_requested):
        QTest.keyClick(window.output.lines, Qt.Key.Key_Period, Qt.KeyboardModifier.ControlModifier)
    window.set_state("Ended", no_stop="It is not running.", no_remove="")
    with qtbot.assertNotEmitted(window.stop_requested):
        window.stop_verb.trigger()
    window.remove_verb.trigger()
    [question] = window.findChildren(RemoveContainerSheet)
    with qtbot.waitSignal(window.remove_requested):
        question.confirm.click()
    assert window.follow_verb.isVisible() is False
    window.set_state("No longer followed.", no_stop="Not known.", no_remove="Not known.", left=True)
    assert window.follow_verb.isVisible()
    with qtbot.waitSignal(window.follow_requested):
        window.follow_verb.trigger()
    window.set_name("db")
    assert window.windowTitle() == "db — Longshore"
    assert window.pane.header.title.text() == "db"


@pytest.mark.parametrize(("running", "words"), [(1, "1 container that"), (2, "2 containers that")])
def test_the_question_before_quitting(light: Theme, qtbot: QtBot, running: int, words: str) -> None:
    sheet = QuitSheet(None, running)
    qtbot.addWidget(sheet)
    sheet.show()
    assert any(words in label.text() for label in sheet.findChildren(type(sheet.problem)))
    with qtbot.assertNotEmitted(sheet.accepted):
        QTest.keyClick(sheet, Qt.Key.Key_Return)
    transfers = CloseSheet(None, 3, running)
    qtbot.addWidget(transfers)
    assert any(words in label.text() for label in transfers.findChildren(type(sheet.problem)))
