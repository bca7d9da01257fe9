"""Clean up…: rules that list images, ticks by keyboard, the forecast, and the result compared with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from longshore.application.cleanup.plan import Contents, Part
from longshore.application.cleanup.rules import Rules
from longshore.application.cleanup.running import NameResult, Outcome
from longshore.application.states import State
from longshore.engine.address import EngineAddress
from longshore.errors import EngineFailure, EngineUnavailable, ImageInUse, UnavailableCause
from longshore.models.cleanup import CleanUpColumn
from longshore.oci.disk_usage import DiskUsage, FreedBytes
from longshore.transfers.transfer import EnginePlace, LibraryPlace
from longshore.widgets.dialogs.clean_up import CleanUpSheet
from longshore.widgets.theme import Theme
from qt.models.made import ENGINE, image, sha

# Of the offscreen platform: a sheet has a least size, and there is no window manager to tell.
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

OTHER = EnginePlace(EngineAddress("farm", "tcp://farm:2376"))
LIBRARY = LibraryPlace(Path("/library"))
IMAGES = (
    image("acme/web:dev-1", image_id=sha("1")),
    image("acme/web:2", image_id=sha("2")),
    image("redis:7", image_id=sha("3"), in_use=1),
    image(None, image_id=sha("4")),
)
USAGE = DiskUsage(
    {"base": 1_000_000_000, **{sha(str(number)): number * 1_000_000 for number in range(1, 5)}},
    {sha(str(number)): frozenset({"base", sha(str(number))}) for number in range(1, 5)},
)


class Bench:
    """A sheet with its owner: plans are made at once, runs are only recorded."""

    def __init__(self, qtbot: QtBot, *, pinned: frozenset[str] = frozenset()) -> None:
        places = [
            ("default", [ENGINE]),
            ("farm", [OTHER]),
            ("All 2 engines", [ENGINE, OTHER]),
            ("Library", [LIBRARY]),
        ]
        self.sheet = CleanUpSheet(None, places, 0, {ENGINE: "default", OTHER: "farm", LIBRARY: "Library"})
        self.read: list[Any] = []
        self.states: list[Any] = []
        self.runs: list[list[Part]] = []
        self.stopped: list[bool] = []
        self.rules: list[Rules] = []
        self.pinned = pinned
        sheet = self.sheet
        sheet.places_chosen.connect(self.read.append)
        sheet.plan_requested.connect(self._plan)
        sheet.states_requested.connect(lambda place, images: self.states.append((place, images)))
        sheet.run_requested.connect(self.runs.append)
        sheet.stop_requested.connect(lambda: self.stopped.append(True))
        qtbot.addWidget(sheet)
        sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        sheet.start()
        sheet.open()
        qtbot.waitExposed(sheet)
        sheet.activateWindow()
        qtbot.waitUntil(lambda: sheet.focusWidget() is not None)

    def _plan(self, contents: list[Contents], rules: Rules) -> None:
        self.rules.append(rules)
        try:
            self.sheet.show_plans([one.plan(rules, self.pinned) for one in contents])
        except EngineFailure as error:
            self.sheet.show_plans(error)

    def fill(self, place: Any = ENGINE, images: Any = IMAGES, usage: DiskUsage | None = USAGE) -> None:
        self.sheet.show_contents(place, Contents(place, images, usage))

    def settle(self, qtbot: QtBot) -> None:
        """Wait until the rules as they are now have made a plan."""
        qtbot.waitUntil(lambda: self.rules[-1] == self.sheet.rules() and not self.sheet.soon.isActive())

    @property
    def names(self) -> list[str]:
        return [row.name.strong + row.name.plain for row in self.sheet.model.rows]


def colour(widget: QWidget, x: int) -> str:
    """The colour in the middle of *widget* at *x*."""
    return widget.grab().toImage().pixelColor(x, widget.height() // 2).name()


@pytest.fixture
def bench(light: Theme, qtbot: QtBot) -> Bench:
    return Bench(qtbot)


def test_cancel_has_the_focus_and_enter_never_destroys(bench: Bench, qtbot: QtBot) -> None:
    bench.fill()
    sheet = bench.sheet
    assert sheet.focusWidget() is sheet.dismiss and sheet.dismiss.isDefault()
    assert sheet.confirm.property("danger") and sheet.confirm.isEnabled()
    sheet.view.setFocus()
    qtbot.keyClick(sheet.view, Qt.Key.Key_Return)
    assert not bench.runs and sheet.isVisible()
    sheet.patterns.setFocus()
    qtbot.keyClick(sheet.patterns, Qt.Key.Key_Return)
    assert not bench.runs


def test_it_says_where_and_how_rules_are_joined(bench: Bench) -> None:
    sheet = bench.sheet
    assert (sheet.windowTitle(), sheet.heading.text()) == ("Clean up default", "Clean up")
    assert "images to which any of these apply:" in [label.text() for label in sheet.findChildren(QLabel)]
    sheet.picker.setCurrentIndex(3)
    assert sheet.windowTitle() == "Clean up Library"


def test_it_opens_at_once_and_measures_later(bench: Bench) -> None:
    sheet = bench.sheet
    assert bench.read == [[ENGINE]]
    assert sheet.empty.text() == "Looking for images…" and not sheet.confirm.isEnabled()
    bench.fill(usage=None)
    assert bench.names == ["<none>"] and sheet.hint.whole() == "measuring…"
    assert sheet.total.text() == "1 of 1 image" and sheet.disk.text() == ""
    bench.fill()
    assert sheet.total.text() == "1 of 1 image, frees 4 MB"
    assert sheet.disk.text() == "1.01 GB on disk now, 1.01 GB after"
    assert sheet.never.text() == "Never removed: images of containers (1)."


def test_rules_change_the_list(bench: Bench, qtbot: QtBot) -> None:
    bench.fill()
    sheet = bench.sheet
    sheet.old.click()
    sheet.days.setValue(0)
    assert not sheet.confirm.isEnabled(), "the list is out of date"
    bench.settle(qtbot)
    assert set(bench.names) == {"<none>", "acme/web:dev-1", "acme/web:2"}
    assert sheet.confirm.isEnabled()
    # All three: the base is freed with the redis image only, which a container uses.
    assert sheet.total.text() == "3 of 3 images, frees 7 MB"
    sheet.old.click()
    sheet.dangling.click()
    bench.settle(qtbot)
    assert bench.names == [] and sheet.empty.text() == "No image matches these rules."
    assert sheet.bar.isHidden(), "there is nothing to compare"
    assert not sheet.confirm.isEnabled()
    sheet.newest.click()
    sheet.count.setValue(1)
    bench.settle(qtbot)
    assert [row.reason for row in sheet.model.rows] == ["2nd newest of its repository"]
    sheet.newest.click()
    qtbot.keyClicks(sheet.patterns, "acme/*:dev-*")
    bench.settle(qtbot)
    assert sheet.named.isChecked() and bench.names == ["acme/web:dev-1"]


def test_a_bad_pattern_is_said(bench: Bench, qtbot: QtBot) -> None:
    bench.fill()
    sheet = bench.sheet
    sheet.show_plans(EngineFailure("These patterns only exclude images."))
    assert "only exclude" in sheet.problem.text() and not sheet.confirm.isEnabled()
    sheet.dangling.click()
    bench.settle(qtbot)
    assert not sheet.problem.isVisible()


def test_ticks_by_keyboard_and_mouse(bench: Bench, qtbot: QtBot) -> None:
    bench.fill()
    sheet, view = bench.sheet, bench.sheet.view
    sheet.old.click()
    sheet.days.setValue(0)
    bench.settle(qtbot)
    view.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.keyClick(view, Qt.Key.Key_Space)
    assert [row.ticked for row in sheet.model.rows] == [False, True, True]
    assert view.every.checkState() is Qt.CheckState.PartiallyChecked
    assert sheet.total.text().startswith("2 of 3 images, frees 3 MB")
    qtbot.keyClick(view, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(view, Qt.Key.Key_Space)
    assert all(row.ticked for row in sheet.model.rows)
    qtbot.keyClick(view, Qt.Key.Key_Space)
    assert not any(row.ticked for row in sheet.model.rows) and not sheet.confirm.isEnabled()
    view.every.setFocus()
    qtbot.keyClick(view.every, Qt.Key.Key_Space)
    assert view.every.checkState() is Qt.CheckState.Checked and sheet.confirm.isEnabled()
    where = view.visualRect(sheet.model.index(1, CleanUpColumn.TICK)).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=where)
    qtbot.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, pos=where)
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert not sheet.model.rows[1].ticked
    beside = view.visualRect(sheet.model.index(0, CleanUpColumn.REASON)).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=beside)
    assert sheet.model.rows[0].ticked and view.selected_count() == 1


def test_the_run_and_its_result(bench: Bench, light: Theme, qtbot: QtBot) -> None:
    bench.fill()
    sheet = bench.sheet
    sheet.confirm.setFocus()
    qtbot.keyClick(sheet.confirm, Qt.Key.Key_Space)
    (parts,) = bench.runs
    assert [(part.plan.place, len(part.ticked)) for part in parts] == [(ENGINE, 1)]
    assert not sheet.confirm.isEnabled() and not sheet.dangling.isEnabled() and sheet.dismiss.text() == "Stop"
    sheet.show_running(0, 1, "4d4d4d4d4d4d")
    assert sheet.total.text() == "0 of 1 image removed" and colour(sheet.bar, 2) == light.track.name()
    sheet.show_running(1, 2, "4d4d4d4d4d4d")
    assert colour(sheet.bar, 2) == light.accent.name(), "progress begins on the left"
    assert colour(sheet.bar, sheet.bar.width() - 3) == light.track.name()
    bench.fill(images=())  # too late
    sheet.show_result([Outcome((NameResult(IMAGES[3]),), FreedBytes(4_000_000), 510_000_000)])
    assert sheet.total.text() == "Freed 510 MB. Expected: 4 MB."
    assert sheet.disk.text() == "500 MB on disk now, 1.01 GB before"
    assert colour(sheet.bar, 2) == light.strong_line.name(), "what is still there"
    assert colour(sheet.bar, sheet.bar.width() - 3) == light.fill.name(), "what is gone"
    assert sheet.dismiss.text() == "Close" and sheet.focusWidget() is sheet.dismiss
    assert sheet.confirm.isHidden()
    qtbot.keyClick(sheet.dismiss, Qt.Key.Key_Escape)
    assert not sheet.isVisible()


def test_stopping_and_failures(bench: Bench, qtbot: QtBot) -> None:
    bench.fill()
    sheet = bench.sheet
    sheet.confirm.click()
    qtbot.keyClick(sheet, Qt.Key.Key_Escape)
    assert bench.stopped and sheet.isVisible() and not sheet.dismiss.isEnabled()
    assert sheet.hold() and sheet.problem.text() == "Stop the clean-up first."
    each = [ImageInUse("A container uses the image now.", subject="acme/web:2") for _ in range(5)]
    names = (NameResult(IMAGES[0]), *(NameResult(IMAGES[1], used) for used in each))
    sheet.show_result([Outcome(names, FreedBytes(9), None, stopped=True, images=6, left=4)])
    assert sheet.total.text() == (
        "Stopped: 4 of 6 images were not removed. 1 name was removed. 5 names were not removed."
    )
    least = sheet.total.heightForWidth(sheet.total.width())
    assert sheet.total.height() >= least > 0, "nothing is cut"
    assert sheet.bar.isHidden() and sheet.disk.text() == "", "it is not known what is on disk now"
    assert sheet.problem.text().count("A container uses") == 3 and "And 2 more." in sheet.problem.text()
    assert sheet.dismiss.isEnabled() and not sheet.hold()


def test_an_engine_that_goes_during_a_run_is_named_once(bench: Bench) -> None:
    bench.fill()
    sheet = bench.sheet
    sheet.confirm.click()
    gone = EngineUnavailable("Docker is not running.", cause=UnavailableCause.NOT_RUNNING)
    sheet.show_result([Outcome(tuple(NameResult(one, gone) for one in IMAGES[:2]), FreedBytes(9))])
    assert (sheet.total.text(), sheet.problem.text()) == ("Nothing was removed.", "Docker is not running.")


def test_the_program_does_not_end_while_a_clean_up_runs(bench: Bench, qtbot: QtBot) -> None:
    bench.fill()
    sheet = bench.sheet
    qtbot.keyClick(sheet, Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)
    assert not sheet.problem.isVisible(), "nothing works"
    sheet.confirm.click()
    qtbot.keyClick(sheet, Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)
    assert sheet.problem.text() == "Stop the clean-up first." and not bench.stopped
    sheet.show_result([Outcome(())])
    assert not sheet.hold()


def test_an_engine_that_is_gone(bench: Bench) -> None:
    gone = EngineUnavailable("Docker is not running.", cause=UnavailableCause.NOT_RUNNING)
    bench.sheet.show_contents(ENGINE, gone)
    assert "Docker is not running." in bench.sheet.problem.text()
    assert not bench.sheet.confirm.isEnabled()
    bench.fill()
    bench.sheet.confirm.click()
    bench.sheet.show_result(gone)
    assert "Docker is not running." in bench.sheet.problem.text()


def test_sizes_that_are_not_known(bench: Bench) -> None:
    bench.sheet.show_contents(
        ENGINE, Contents(ENGINE, IMAGES, None, EngineFailure("The engine took too long."))
    )
    assert bench.sheet.total.text() == "1 of 1 image"
    assert bench.sheet.hint.whole() == "What this frees is not known. The engine took too long."
    assert bench.sheet.confirm.isEnabled()


def test_images_that_are_kept_for_their_date(bench: Bench, qtbot: QtBot) -> None:
    undated = [replace(one, created=None) for one in IMAGES[:2]]
    bench.fill(images=(*undated, *IMAGES[2:]))
    sheet = bench.sheet
    assert "kept" not in sheet.never.text()
    sheet.old.click()
    sheet.days.setValue(0)
    bench.settle(qtbot)
    assert bench.names == ["<none>"]
    assert sheet.never.text().endswith(" 2 images are kept, because their dates are not known.")


def test_the_total_says_how_the_engine_counts(bench: Bench) -> None:
    bench.fill()
    assert bench.sheet.total.toolTip() == ""
    bench.fill(usage=replace(USAGE, of_files=True))
    assert "bytes of files" in bench.sheet.total.toolTip()


def test_the_ticks_are_alternatives(bench: Bench, qtbot: QtBot) -> None:
    bench.fill()
    qtbot.keyClicks(bench.sheet.patterns, "acme/*:dev-*")
    bench.settle(qtbot)
    assert not bench.sheet.rules().every and set(bench.names) == {"<none>", "acme/web:dev-1"}


def test_another_place(bench: Bench) -> None:
    bench.fill()
    sheet = bench.sheet
    sheet.picker.setCurrentIndex(2)
    assert bench.read[-1] == [ENGINE, OTHER] and bench.names == []
    bench.fill()
    bench.fill(OTHER)
    bench.fill(LIBRARY)  # of a place that is not asked for
    assert [row.name.dim.rpartition("  ")[2] for row in sheet.model.rows] == ["default", "farm"]
    assert sheet.total.text() == "2 of 2 images, frees 8 MB"
    sheet.picker.setCurrentIndex(3)
    assert sheet.old.text() == "older than"


def test_pinned_images_and_what_the_build_cache_keeps(light: Theme, qtbot: QtBot) -> None:
    bench = Bench(qtbot, pinned=frozenset({"docker.io/acme/web:2"}))
    bench.fill(usage=replace(USAGE, cached=frozenset({sha("4")})))
    sheet = bench.sheet
    assert sheet.never.text() == "Never removed: images of containers (1), pinned images (1)."
    assert sheet.total.text() == "1 of 1 image, frees 0 B"
    assert "4 MB of these images stay in the build cache" in sheet.cached.text()
    assert sheet.cached.isVisible()


def test_states_are_asked_for_once(bench: Bench, qtbot: QtBot) -> None:
    bench.fill()
    ((place, images),) = bench.states
    assert (place, [one.image_id for one in images]) == (ENGINE, [sha("4")])
    bench.sheet.show_states(ENGINE, {})
    assert bench.sheet.model.rows[0].state is State.ONLY_HERE
    bench.sheet.dangling.click()
    bench.sheet.dangling.click()
    bench.settle(qtbot)
    assert len(bench.states) == 1


def test_a_thousand_images_with_long_names(bench: Bench, qtbot: QtBot) -> None:
    name = f"registry.example.com:5000/{'very-long-name/' * 12}service"
    images = tuple(image(f"{name}:{number}", image_id=sha(f"x{number}")) for number in range(1000))
    usage = DiskUsage(
        {one.image_id: 1000 for one in images}, {one.image_id: frozenset({one.image_id}) for one in images}
    )
    sheet = bench.sheet
    sheet.dangling.click()
    sheet.newest.click()
    sheet.count.setValue(0)
    bench.fill(images=images, usage=usage)
    bench.settle(qtbot)
    assert sheet.total.text() == "1,000 of 1,000 images, frees 1 MB"
    sheet.resize(740, 480)
    qtbot.waitUntil(lambda: sheet.view.columnWidth(CleanUpColumn.FREES) > 60)
    assert sheet.width() <= 760 and not sheet.view.horizontalScrollBar().isVisible()
    assert all(not sheet.view.isColumnHidden(column) for column in CleanUpColumn)
    sheet.grab()


def test_every_field_has_a_name(bench: Bench) -> None:
    sheet = bench.sheet
    fields = (sheet.picker, sheet.days, sheet.count, sheet.patterns, sheet.view, sheet.view.every)
    assert all(field.accessibleName() for field in fields)
    checks = (sheet.dangling, sheet.old, sheet.newest, sheet.named)
    assert all(check.text() for check in checks)
