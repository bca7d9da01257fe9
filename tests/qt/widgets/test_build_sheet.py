"""The sheet Build, the rows of its steps, and the window with its output."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QStyleOptionViewItem
from pytestqt.qtbot import QtBot

from longshore.application.build_folders import (
    FolderFacts,
    LastChoices,
    last_choices,
    last_folder,
    look_at,
    remember,
)
from longshore.building.dockerfile import Argument
from longshore.engine.address import EngineAddress
from longshore.errors import BuildFailed, BuildFolderError, InvalidInput, VerificationFailed
from longshore.models.columns import Role, Tone, TransferColumn
from longshore.models.images import ImageModel
from longshore.models.transfer_text import action_text, transfer_cell, transfer_whole
from longshore.models.transfers import TransferModel
from longshore.oci.layer import LayerState
from longshore.oci.reference import Reference
from longshore.settings import Settings
from longshore.transfers.builds import BUILDX, Build
from longshore.transfers.progress.output_log import OutputLine
from longshore.transfers.queue.mailbox import Changes
from longshore.transfers.transfer import EnginePlace, LayerSnapshot, Plan, State, TransferSnapshot
from longshore.widgets.build_output import BuildOutputWindow
from longshore.widgets.dialogs.build import BuildSheet
from longshore.widgets.theme import Theme
from longshore.words.transfers import advice_lines
from qt.widgets.conftest import Bench

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

PLACE = EnginePlace(EngineAddress("default", "unix:///run/docker.sock"))
FOLDER = Path("/src/web")
FACTS = FolderFacts(
    FOLDER,
    ("base", "runtime"),
    (Argument("VERSION", "1.2"), Argument("NPM_TOKEN", None), Argument("X", "$Y")),
)


@pytest.fixture
def sheet(light: Theme, qtbot: QtBot) -> BuildSheet:
    made = BuildSheet(None, PLACE, "default", str(FOLDER))
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(made)
    made.show()
    return made


def requested(sheet: BuildSheet) -> list[Build]:
    found: list[Build] = []
    sheet.build_requested.connect(found.append)
    return found


def test_the_folder_is_looked_at(sheet: BuildSheet, qtbot: QtBot) -> None:
    with qtbot.waitSignal(sheet.look_requested) as looked:
        sheet.start()
    assert looked.args == [str(FOLDER), ""]
    assert sheet.tags.hasFocus() or not sheet.isActiveWindow()
    with qtbot.waitSignal(sheet.look_requested) as looked:
        sheet.dockerfile.setText("other.Dockerfile")
    assert looked.args == [str(FOLDER), "other.Dockerfile"]


def test_stages_and_arguments_are_offered(sheet: BuildSheet) -> None:
    sheet.show_facts(FACTS)
    assert [sheet.target.itemText(row) for row in range(sheet.target.count())] == ["", "base", "runtime"]
    assert sheet.arguments.rows() == [("VERSION", "1.2"), ("NPM_TOKEN", ""), ("X", "")]
    assert sheet.builder.isHidden()
    sheet.show_facts(replace(FACTS, buildx=True))
    assert not sheet.builder.isHidden()
    assert len(sheet.arguments.rows()) == 3


def test_what_is_requested(sheet: BuildSheet) -> None:
    builds = requested(sheet)
    sheet.show_facts(replace(FACTS, buildx=True))
    sheet.tags.setText("acme/web:1  acme/web")
    sheet.target.setCurrentText("base")
    sheet.platform.setCurrentText("linux/arm64")
    sheet.no_cache.setChecked(True)
    sheet.builder.setCurrentIndex(1)
    sheet.arguments.item(1, 1).setText("s3cret")  # type: ignore[union-attr]
    assert not sheet.secrets_note.isHidden()
    QTest.keyClick(sheet.tags, Qt.Key.Key_Return)
    (build,) = builds
    assert (build.folder, build.place, build.target, build.builder) == (FOLDER, PLACE, "base", BUILDX)
    assert [str(tag) for tag in build.tags] == ["docker.io/acme/web:1", "docker.io/acme/web:latest"]
    assert dict(build.arguments) == {"NPM_TOKEN": "s3cret"}  # what equals the default is not passed
    assert (str(build.platform), build.no_cache, build.pull) == ("linux/arm64", True, False)


def test_problems_are_shown_under_their_fields(sheet: BuildSheet) -> None:
    builds = requested(sheet)
    sheet.show_facts(FACTS)
    sheet.tags.setText("Not Valid")
    sheet.platform.setCurrentText("toaster")
    sheet.arguments.item(0, 0).setText("not a name")  # type: ignore[union-attr]
    QTest.keyClick(sheet.tags, Qt.Key.Key_Return)
    assert not builds
    for field in (sheet.tags_field, sheet.platform_field, sheet.arguments_field):
        assert field.problem.isVisible()
    sheet.tags.setText("acme/web")
    assert not sheet.tags_field.problem.isVisible()


def test_a_folder_that_cannot_be_built(sheet: BuildSheet) -> None:
    builds = requested(sheet)
    sheet.show_facts(BuildFolderError("The folder has no Dockerfile.", advice="Choose another folder."))
    assert sheet.folder_field.problem.text() == "The folder has no Dockerfile. Choose another folder."
    QTest.keyClick(sheet.tags, Qt.Key.Key_Return)
    assert not builds
    sheet.folder.clear()
    QTest.keyClick(sheet.tags, Qt.Key.Key_Return)
    assert sheet.folder_field.problem.text() == "Choose the folder with the Dockerfile."


def test_the_last_choices_are_filled_in(sheet: BuildSheet) -> None:
    asked: list[Path] = []
    sheet.choices_requested.connect(asked.append)
    sheet.show_facts(FACTS)
    sheet.show_facts(FACTS)
    assert asked == [FOLDER]
    sheet.show_choices(LastChoices("acme/web:2", "", "base", (("MORE", "1"),), "linux/amd64", True, True, ""))
    assert (sheet.tags.text(), sheet.target.currentText()) == ("acme/web:2", "base")
    assert ("MORE", "1") in sheet.arguments.rows()
    assert sheet.no_cache.isChecked() and sheet.pull.isChecked()


def test_another_folder_gets_nothing_of_the_last_one(sheet: BuildSheet, qtbot: QtBot) -> None:
    builds = requested(sheet)
    sheet.show_facts(replace(FACTS, buildx=True))
    sheet.show_choices(
        LastChoices("acme/web:2", "a.Dockerfile", "base", (("MORE", "1"),), "linux/arm64", True)
    )
    sheet.arguments.item(1, 1).setText("s3cret")  # type: ignore[union-attr]
    assert len(sheet.requests()) == 1
    sheet.folder.setText("/src/other")
    assert sheet.requests() == []
    with qtbot.waitSignal(sheet.look_requested) as looked:
        sheet.check()
    assert looked.args == ["/src/other", ""]
    assert (sheet.tags.text(), sheet.dockerfile.text(), sheet.arguments.rows()) == ("", "", [])
    sheet.show_facts(FACTS)  # late
    assert (sheet.target.count(), sheet.arguments.rows()) == (0, [])
    sheet.show_facts(FolderFacts(Path("/src/other"), ("last",), (Argument("NPM_TOKEN", None),)))
    sheet.show_choices(LastChoices("acme/other:1"))
    assert sheet.arguments.rows() == [("NPM_TOKEN", "")]
    assert sheet.check()
    (build,) = builds
    assert (build.folder, build.dockerfile, build.target) == (Path("/src/other"), None, "")
    assert [str(tag) for tag in build.tags] == ["docker.io/acme/other:1"]
    assert (dict(build.arguments), build.platform, build.no_cache) == ({}, None, False)


def test_buildx_is_not_offered_for_podman(sheet: BuildSheet) -> None:
    sheet._podman = True
    sheet.show_facts(replace(FACTS, buildx=True))
    assert sheet.builder.isHidden()


def test_another_dockerfile_has_its_own_arguments(sheet: BuildSheet) -> None:
    sheet.show_facts(FACTS)
    sheet.arguments.item(1, 1).setText("s3cret")  # type: ignore[union-attr]
    sheet.arguments.add("MINE", "1")
    sheet.show_facts(replace(FACTS, arguments=(Argument("VERSION", "1.2"),)))
    assert sheet.arguments.rows() == [("VERSION", "1.2"), ("MINE", "1")]


def test_choices_are_kept_without_secrets(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    assert last_folder(settings) == ""
    for number in range(30):
        remember(settings, Build(Path(f"/f/{number}"), PLACE, arguments={"TOKEN": "s3cr3t-x", "A": "1"}))
    settings.flush()
    assert last_folder(settings) == "/f/29"
    assert last_choices(settings, Path("/f/29")).arguments == (("A", "1"),)
    assert last_choices(settings, Path("/f/0")) == LastChoices()
    assert "s3cr3t-x" not in (tmp_path / "settings.json").read_text()


@pytest.mark.parametrize("stored", [{"/f": 1}, {"/f": {"tags": 3, "arguments": [1], "platform": None}}])
def test_damaged_choices_are_ignored(tmp_path: Path, stored: dict[str, object]) -> None:
    settings = Settings(tmp_path)
    settings.set("builds", stored)
    assert last_choices(settings, Path("/f")) == LastChoices()


def test_a_folder_on_disk_is_looked_at(tmp_path: Path) -> None:
    with pytest.raises(BuildFolderError, match="no Dockerfile"):
        look_at(str(tmp_path), "", {})
    with pytest.raises(InvalidInput, match="no such folder"):
        look_at(str(tmp_path / "missing"), "", {})
    (tmp_path / "Dockerfile").write_text("ARG V=1\nFROM scratch AS one\nARG W\nRUN <<EOF\nhi\nEOF\n")
    found = look_at(str(tmp_path), "", {"PATH": "", "HOME": str(tmp_path)})
    assert (found.stages, found.heredoc) == (("one",), True)
    assert [(one.name, one.default) for one in found.arguments] == [("V", "1"), ("W", None)]


def test_a_folder_is_dropped(tmp_path: Path) -> None:
    model = ImageModel()
    dropped: list[str] = []
    model.folder_dropped.connect(dropped.append)
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path))])
    assert model.drop_hint(data) == (True, f"Build {tmp_path.name}")
    assert model.dropMimeData(data, Qt.DropAction.CopyAction, -1, -1, model.index(0, 0))
    assert dropped == [str(tmp_path)]
    model.set_compressed(True)
    assert model.drop_hint(data) == (False, "The library can't build images")


def step(number: int, label: str, state: LayerState, seconds: float | None = None) -> LayerSnapshot:
    return LayerSnapshot(str(number), state, 0, None, None, label=label, seconds=seconds)


def build_row(state: State = State.RUNNING, **more: object) -> TransferSnapshot:
    request = Build(FOLDER, PLACE, (Reference.parse_input("acme/web:1"),)).request()
    made = TransferSnapshot(
        "one", request, state, 300, 0, None, None, None, datetime(2026, 1, 1, tzinfo=UTC), plan=Plan(3, 100)
    )
    return replace(made, **more)  # type: ignore[arg-type]


def test_the_destination_of_a_build_names_the_image() -> None:
    names = tuple(map(Reference.parse_input, ("acme/web:1", "acme/web:2")))
    row = build_row(request=Build(FOLDER, PLACE, names).request())
    assert transfer_cell(row, TransferColumn.DESTINATION) == "acme/web:1 (+1) in default"
    assert transfer_whole(row, TransferColumn.DESTINATION).splitlines() == [
        "acme/web:2",
        "acme/web:1",
        "default (unix:///run/docker.sock)",
    ]
    socket = EnginePlace(EngineAddress("unix:///tmp/x/docker.sock", "unix:///tmp/x/docker.sock"))
    row = build_row(request=Build(FOLDER, socket, names[:1]).request())
    assert transfer_cell(row, TransferColumn.DESTINATION) == "acme/web:1 in docker.sock"
    row = build_row(request=Build(FOLDER, socket).request())
    assert transfer_cell(row, TransferColumn.DESTINATION) == "docker.sock"


STEPS = (
    step(1, "FROM base", LayerState.CACHED),
    step(2, "RUN make", LayerState.FAILED, 3.4),
    step(3, "RUN test", LayerState.WAITING),
)


def test_the_rows_of_steps() -> None:
    model = TransferModel()
    model.apply(Changes([build_row(layers=STEPS)], [], ["one"], None, None, 0))
    row = model.index(0, 0)
    assert row.siblingAtColumn(TransferColumn.OPERATION).data() == "Build"
    assert row.siblingAtColumn(TransferColumn.SOURCE).data() == "web"
    assert row.siblingAtColumn(TransferColumn.DESTINATION).data() == "acme/web:1 in default"
    cells = [
        [
            model.index(number, column, row).data()
            for column in (TransferColumn.OPERATION, TransferColumn.SOURCE, TransferColumn.STATUS)
        ]
        for number in range(3)
    ]
    assert cells == [
        ["1/3", "FROM base", "Cached"],
        ["2/3", "RUN make", "Failed"],
        ["3/3", "RUN test", "Waiting"],
    ]
    assert model.index(1, TransferColumn.STATUS, row).data(Role.TONE) is Tone.BAD
    times = [model.index(number, TransferColumn.TRANSFERRED, row).data() for number in range(3)]
    assert times == ["", "3 s", ""]
    assert model.index(1, 0, row).data(Role.COPY_TEXT) == "RUN make"


def test_the_output_is_shown_step_by_step(light: Theme, qtbot: QtBot) -> None:
    window = BuildOutputWindow(None, "one", "Build of web")
    window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(window)
    window.show()
    running = build_row(layers=STEPS, output=3)
    window.show_state(running, [OutputLine(1, 0, "pulling"), OutputLine(2, 2, "cc"), OutputLine(3, 2, "ld")])
    window.output.flush()
    assert window.output.text().split("\n")[:4] == ["  pulling", "2/3 RUN make", "  cc", "  ld"]
    assert window.after == 3
    cancelled: list[str] = []
    window.cancel_requested.connect(cancelled.append)
    window.cancel_verb.trigger()
    assert cancelled == ["one"]
    error = BuildFailed("Step 2 of 3 failed: “RUN make” returned exit code 2.", advice="Read the output.")
    window.show_state(replace(running, state=State.FAILED, error=error), [])
    assert window.pane.explanation.startswith("Step 2 of 3 failed")
    # It starts again, and has as many lines when that is seen.
    later = datetime(2026, 1, 2, tzinfo=UTC)
    window.show_state(build_row(output=3, started=later), [])
    assert window.after == 3
    window.show_state(build_row(output=3, started=later.replace(day=3)), [OutputLine(3, 2, "new")])
    assert window.after == 0
    window.output.flush()
    assert window.output.text() == ""


def test_a_failed_build_shows_the_step_and_its_last_lines_first() -> None:
    error = BuildFailed(
        "Step 2 of 3 failed: “RUN make” returned exit code 2.",
        advice="Read the output.",
        detail="\n".join(f"line {number}" for number in range(30)),
    )
    row = build_row(State.FAILED, layers=STEPS, error=error, output=30)
    lines = advice_lines(row)
    assert lines[:3] == ("2/3 RUN make", "…", "line 19")
    assert lines[-3:] == ("line 29", "Read the output.", "An earlier image with this name is unchanged.")
    assert error.message not in lines, "the row itself says so"
    moved = VerificationFailed("The tag does not point to the image that was built.")
    assert not any("unchanged" in line for line in advice_lines(replace(row, error=moved)))
    unnamed = Build(FOLDER, PLACE).request()
    assert not any("unchanged" in line for line in advice_lines(replace(row, request=unnamed)))


def test_the_row_of_a_failed_build_offers_its_output(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.transfer_pane
    error = BuildFailed("Step 2 of 3 failed: “RUN make” returned exit code 2.")
    row = build_row(State.FAILED, layers=STEPS, error=error, output=3)
    assert action_text(row) == "Output…"
    assert action_text(replace(row, output=0)) == ""
    assert action_text(replace(row, state=State.SUCCEEDED, error=None)) == ""
    bench.transfers.apply(Changes([row], [], ["one"], None, None, 0))
    with qtbot.waitSignal(pane.output_requested) as asked:
        pane.view.action_requested.emit("one")
    assert asked.args == ["one"]


def test_the_builder_that_is_used_is_named(light: Theme, qtbot: QtBot) -> None:
    for podman, buildx, said in (
        (False, False, "Docker's classic builder. Docker Buildx is not installed; it has BuildKit."),
        (True, False, "Podman"),
        (None, False, "The engine's own"),
        (False, True, ""),
    ):
        sheet = BuildSheet(None, PLACE, "default", podman=podman)
        qtbot.addWidget(sheet)
        assert sheet.builder_label.isHidden(), "not known yet"
        sheet.show_facts(replace(FACTS, buildx=buildx))
        assert not sheet.builder_label.isHidden()
        assert sheet.builder.isHidden() is not buildx and sheet.builder_note.isHidden() is buildx
        if said:
            assert sheet.builder_note.text() == said
        else:
            assert sheet.builder.itemText(0) == "Docker's classic builder"


def test_editable_boxes_have_names_where_the_focus_is(sheet: BuildSheet) -> None:
    for box, name in ((sheet.target, "Stage"), (sheet.platform, "Platform")):
        line = box.lineEdit()
        assert line is not None and line.accessibleName() == name


def test_examples_are_shown_only_in_an_empty_table(sheet: BuildSheet) -> None:
    table = sheet.arguments

    def shown(column: int) -> str:
        option = QStyleOptionViewItem()
        index = table.model().index(table.rowCount() - 1, column)
        table.itemDelegate().initStyleOption(option, index)  # type: ignore[attr-defined]
        return option.text

    assert [shown(0), shown(1)] == ["e.g. VERSION", "e.g. 1.2"]
    table.add("A", "1")
    assert [shown(0), shown(1)] == ["", ""]
