"""Update: the plan with ticks, snoozes, the minimum age, and the transfers that follow."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from longshore.application.requests import LocalPlace
from longshore.application.updates.model import Failure, Fetch, Held, Kind, Update, UpdatePlan
from longshore.application.updates.planning import Wanted
from longshore.application.updates.snoozes import Snoozes
from longshore.engine.container_model import Container, ContainerState
from longshore.errors import RegistryUnreachable
from longshore.models.columns import Role, Tone
from longshore.models.updates import UpdateColumn
from longshore.oci.reference import Reference
from longshore.settings import Settings
from longshore.transfers.transfer import LibraryPlace, TransferRequest
from longshore.widgets.dialogs.updates import UpdateSheet
from qt.models.made import ENGINE, image, sha

# Of the offscreen platform: a sheet has a least size, and there is no window manager to tell.
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

MB = 1_000_000


def update(name: str, target: str = "", **more: Any) -> Update:
    row = image(name, image_id=sha("a"))
    assert row.reference is not None
    kind = Kind.VERSION if target else Kind.MOVED
    wanted = Reference.parse(target) if target else row.reference
    made = Update(
        ENGINE, row, row.reference, kind, wanted, f"sha256:{'1' * 64}", f"sha256:{'2' * 64}", Fetch(3 * MB)
    )
    return replace(made, **more)


MOVED = update(
    "acme.io/web:edge",
    containers=(Container("1", "db", ContainerState.RUNNING),),
    others=(Reference.parse("acme.io/web:stable"),),
)
VERSION = update("postgres:16.4", "postgres:16.5", fetch=Fetch(90 * MB, at_most=True))
NOT_NEWER = update("acme.io/web:old", not_newer=True, held=Held.NOT_NEWER)
PLAN = UpdatePlan((MOVED, NOT_NEWER, VERSION), looked=5)


class Bench:
    """A sheet with its owner, who has the plan at once."""

    def __init__(
        self, qtbot: QtBot, folder: Path, plan: UpdatePlan = PLAN, places: dict[LocalPlace, str] | None = None
    ) -> None:
        self.snoozes = Snoozes(Settings(folder))
        self.sheet = UpdateSheet(None, "Update all images of default", self.snoozes, places or {})
        self.asked: list[bool] = []
        self.requests: list[list[TransferRequest]] = []
        self.plan = plan
        sheet = self.sheet
        sheet.plan_requested.connect(self._plan)
        sheet.age_chosen.connect(lambda days: setattr(self.snoozes, "minimum_age", days))
        sheet.snooze_requested.connect(self._snooze)
        sheet.wake_requested.connect(self._wake)
        sheet.transfers_requested.connect(self.requests.append)
        qtbot.addWidget(sheet)
        sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        sheet.start()
        sheet.open()

    def _plan(self, major: bool) -> None:
        self.asked.append(major)
        self.sheet.show_plan(self.plan)

    def _snooze(self, updates: list[Update], until: date | None) -> None:
        self.snoozes.add({(one.reference, one.kind): one.seen for one in updates}, until)
        self._judge()

    def _wake(self, updates: list[Update]) -> None:
        self.snoozes.end(one.reference for one in updates)
        self._judge()

    def _judge(self) -> None:
        wanted = Wanted(snoozes=self.snoozes.all())
        assert self.sheet.plan is not None
        judged = tuple(wanted.judged(one) for one in self.sheet.plan.updates)
        self.sheet.show_judged(replace(self.sheet.plan, updates=judged))

    def rows(self) -> list[tuple[bool, str, str, str, str, str]]:
        model = self.sheet.model
        return [
            (
                model.rows[row].ticked,
                model.index(row, UpdateColumn.IMAGE).data(),
                *(
                    model.index(row, column).data()
                    for column in range(UpdateColumn.FROM, UpdateColumn.KIND + 1)
                ),
            )
            for row in range(model.rowCount())
        ]


@pytest.fixture
def bench(qtbot: QtBot, tmp_path: Path) -> Bench:
    return Bench(qtbot, tmp_path)


def test_a_moved_tag_is_told_from_a_newer_version(bench: Bench) -> None:
    assert bench.rows() == [
        (True, "acme.io/web:edge", "1" * 12, "2" * 12, "3 MB", "tag moved"),
        (False, "acme.io/web:old  not newer than the image here", "1" * 12, "2" * 12, "3 MB", "tag moved"),
        (False, "postgres:16.4", "16.4", "16.5", "up to 90 MB", "newer version"),
    ]
    model = bench.sheet.model
    tones = [model.index(row, UpdateColumn.KIND).data(Role.TONE) for row in range(3)]
    assert tones == [Tone.CAUTION, Tone.QUIET, Tone.ACTIVE]


def test_what_is_ticked_is_summed_up_and_transferred(bench: Bench, qtbot: QtBot) -> None:
    sheet = bench.sheet
    assert sheet.total.text() == "1 of 3 updates, 3 MB to fetch"
    assert sheet.cost.text() == ""
    assert "keeps acme.io/web:stable" in sheet.remains.text()
    assert "The container db keeps the old image" in sheet.remains.text()
    assert sheet.view.hasFocus()
    assert sheet.waits.text() == ""
    qtbot.keyClick(sheet.view, Qt.Key.Key_Down)
    assert sheet.waits.text() == "acme.io/web:old is not offered: not newer than the image here."
    qtbot.keyClick(sheet.view, Qt.Key.Key_Down)
    qtbot.keyClick(sheet.view, Qt.Key.Key_Space)
    assert sheet.total.text() == "2 of 3 updates, up to 93 MB to fetch"
    assert sheet.cost.text() == "Counts as 1 pull on Docker Hub."
    qtbot.keyClick(sheet.view, Qt.Key.Key_Return)
    assert bench.requests == [[MOVED.request, VERSION.request]]
    assert not sheet.open_still


def test_a_snoozed_update_loses_its_tick_and_gets_it_back(bench: Bench, qtbot: QtBot) -> None:
    sheet = bench.sheet
    sheet.view.setCurrentIndex(sheet.model.index(0, UpdateColumn.IMAGE))
    assert sheet.snooze.isEnabled() and not sheet.wake.isEnabled()
    sheet.snooze.menu().actions()[0].trigger()
    day = datetime.now(UTC).date() + timedelta(days=7)
    assert bench.rows()[0][:2] == (False, f"acme.io/web:edge  snoozed until {day.isoformat()}")
    assert not sheet.confirm.isEnabled()
    assert sheet.wake.isEnabled()
    sheet.wake.trigger()
    assert bench.rows()[0][:2] == (True, "acme.io/web:edge")
    assert sheet.confirm.isEnabled()


def test_another_minimum_age_makes_another_plan(bench: Bench, qtbot: QtBot) -> None:
    sheet = bench.sheet
    bench.plan = UpdatePlan((replace(MOVED, held=Held.TOO_NEW, created=datetime.now(UTC)),), looked=1)
    sheet.age.setValue(7)
    assert not sheet.confirm.isEnabled()
    qtbot.waitUntil(lambda: bench.asked == [False, False])
    assert bench.snoozes.minimum_age == 7
    assert "too new: " in bench.rows()[0][1] and "minimum age 7 days" in bench.rows()[0][1]
    sheet.major.setChecked(True)
    qtbot.waitUntil(lambda: bench.asked == [False, False, True])


def test_nothing_to_update(qtbot: QtBot, tmp_path: Path) -> None:
    bench = Bench(qtbot, tmp_path, UpdatePlan(looked=5, in_step=5))
    assert bench.sheet.empty.text() == "All 5 images are up to date."
    assert not bench.sheet.confirm.isEnabled() and not bench.sheet.snooze.isEnabled()
    assert bench.sheet.focusWidget() is bench.sheet.dismiss and bench.sheet.dismiss.text() == "Close"
    name = Reference.parse("web:dev")
    for plan, said in (
        (UpdatePlan(looked=1, in_step=1), "The image is up to date."),
        (UpdatePlan(looked=1, only_here=(name,)), "The image is only here: no registry has this tag."),
        (
            UpdatePlan(looked=4, in_step=1, only_here=(name, name)),
            "1 image is up to date. 2 are only here. 1 can't be compared.",
        ),
        (UpdatePlan(), "No image here has a tag."),
    ):
        bench.sheet.show_plan(plan)
        assert bench.sheet.empty.text() == said


def test_several_places_are_told_apart(qtbot: QtBot, tmp_path: Path) -> None:
    library = LibraryPlace(Path("/library"))
    plan = UpdatePlan((MOVED, replace(MOVED, place=library, containers=(), others=())), looked=2)
    sheet = Bench(qtbot, tmp_path, plan, {ENGINE: "default", library: "Library"}).sheet
    places = [sheet.model.index(row, UpdateColumn.PLACE).data() for row in range(2)]
    assert places == ["default", "Library"]
    assert not sheet.view.columns.header.isSectionHidden(UpdateColumn.PLACE)
    assert "The library removes the old image." in sheet.remains.text()
    sheet.finish()
    alone = Bench(qtbot, tmp_path).sheet
    assert alone.view.columns.header.isSectionHidden(UpdateColumn.PLACE)


def test_what_could_not_be_compared(qtbot: QtBot, tmp_path: Path) -> None:
    error = RegistryUnreachable("acme.io can't be reached.", registry="acme.io")
    failures = tuple(Failure(Reference.parse(f"acme.io/app:{number}"), error) for number in range(4))
    sheet = Bench(qtbot, tmp_path, UpdatePlan(failures=failures, looked=5)).sheet
    assert sheet.problem.text().splitlines()[0].startswith("acme.io/app:0: acme.io can't be reached.")
    assert sheet.problem.text().splitlines()[-1] == "2 more images could not be compared."
    assert sheet.empty.text() == "5 can't be compared."
    sheet.show_plan(error)
    assert sheet.empty.text() == "There is no plan."
