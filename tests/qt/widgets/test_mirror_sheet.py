"""The mirror sheet: rules as they are typed, the text of their plans, and the list of saved rules."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from longshore.application.mirrors.plan import ExtraTag, MirrorPlan, MirrorTag, RulePlan, TagState
from longshore.application.mirrors.repositories import Namespace, RepositoryPattern
from longshore.application.mirrors.rules import Extras, MirrorRule
from longshore.errors import SignInRequired
from longshore.oci.reference import Reference
from longshore.widgets.dialogs.mirror import ASK_AFTER, MirrorSheet
from longshore.widgets.dialogs.mirrors import MirrorsSheet
from longshore.widgets.theme import Theme

APP = Reference.parse("one.example/team/app")
COPY = Reference.parse("two.example/kept/app")
REGISTRIES = [("docker.io", "me"), ("one.example", ""), ("two.example", "")]
RULE = MirrorRule("nightly", APP, COPY, tags=("1.*", "!*-rc"), referrers=True)


def _sheet(qtbot: QtBot, **options: object) -> MirrorSheet:
    sheet = MirrorSheet(None, APP, REGISTRIES, "two.example", **options)  # type: ignore[arg-type]
    qtbot.addWidget(sheet)
    return sheet


def _plan(rule: MirrorRule, *extras: str) -> RulePlan:
    tags = (
        MirrorTag("1.0", TagState.SAME),
        MirrorTag("1.1", TagState.DIFFERS, size=3_000_000, bytes_to_move=1_000_000),
        MirrorTag("1.2", TagState.MISSING, size=3_000_000, bytes_to_move=2_000_000),
    )
    found = tuple(ExtraTag(tag, f"sha256:{tag}") for tag in extras)
    return RulePlan(rule, (MirrorPlan(rule, tags, extras=found),))


def test_it_wants_a_plan_when_typing_pauses_and_shows_it(light: Theme, qtbot: QtBot) -> None:
    sheet = _sheet(qtbot)
    assert not sheet.confirm.isEnabled(), "nothing can be copied before the comparison"
    with qtbot.waitSignal(sheet.plan_requested) as first:
        pass
    assert first.args[0].destination == Reference.parse("two.example/team/app")
    with qtbot.waitSignal(sheet.plan_cancelled):
        sheet.tags.setText("1.* !*-rc")
    with qtbot.waitSignal(sheet.plan_requested) as second:
        pass
    assert second.args[0].tags == ("1.*", "!*-rc")
    sheet.show_plan(_plan(second.args[0]))
    column = [sheet.table.item(row, 1).text() for row in range(3)]
    assert column == ["replaces existing", "new tag", "unchanged"], "tags to be copied are listed first"
    assert sheet.summary.text() == "3 tags: 1 new, 1 replaced, 1 unchanged. 3 MB to copy."
    with qtbot.waitSignal(sheet.transfers_requested) as wish, qtbot.assertNotEmitted(sheet.save_requested):
        sheet.confirm.click()
    assert [str(one.destination.reference) for one in wish.args[0]] == [
        "two.example/team/app:1.1",
        "two.example/team/app:1.2",
    ]


def test_a_name_keeps_the_rule(light: Theme, qtbot: QtBot) -> None:
    sheet = _sheet(qtbot, rule=RULE)
    sheet.show_plan(_plan(sheet.rule()))
    with qtbot.waitSignals([sheet.save_requested, sheet.transfers_requested]):
        sheet.confirm.click()
    assert sheet.rule() == RULE


def test_editing_a_rule_moves_nothing(light: Theme, qtbot: QtBot) -> None:
    sheet = _sheet(qtbot, rule=RULE, saving=True)
    assert sheet.confirm.accessibleName() == "Save"
    sheet.name.clear()
    sheet.confirm.click()
    assert "name" in sheet.problem.text()
    sheet.name.setText("weekly")
    with qtbot.waitSignal(sheet.save_requested) as kept, qtbot.assertNotEmitted(sheet.transfers_requested):
        sheet.confirm.click()
    assert kept.args[0].name == "weekly"


def test_what_cannot_be_is_said_and_cannot_be_confirmed(light: Theme, qtbot: QtBot) -> None:
    sheet = _sheet(qtbot)
    sheet.host.setCurrentText("one.example")
    assert "same repository" in sheet.problem.text()
    sheet.host.setCurrentText("two.example")
    path = sheet.path.text()
    sheet.path.setText(f"{path}:1.0")
    assert "without a tag" in sheet.problem.text()
    sheet.path.setText(path)
    sheet.platforms.setText("no/such/thing/at/all")
    assert not sheet.confirm.isEnabled()
    sheet.platforms.clear()
    sheet.show_plan(SignInRequired("two.example requires you to sign in.", registry="two.example"))
    assert "sign in" in sheet.problem.text()
    assert not sheet.confirm.isEnabled()
    nothing = MirrorPlan(sheet.rule(), (MirrorTag("1.0", TagState.SAME),))
    sheet.show_plan(RulePlan(sheet.rule(), (nothing,)))
    with qtbot.assertNotEmitted(sheet.transfers_requested):
        sheet.confirm.click()
    assert "nothing to copy" in sheet.problem.text()


def test_rules_are_listed_run_edited_and_removed(light: Theme, qtbot: QtBot) -> None:
    other = MirrorRule("weekly", COPY, APP)
    sheet = MirrorsSheet(None, [RULE, other])
    qtbot.addWidget(sheet)
    assert "nightly" in sheet.list.item(0).text()
    assert "two.example/kept/app" in sheet.list.item(0).text()
    with qtbot.waitSignal(sheet.remove_requested) as removed:
        sheet.remove_button.click()
    assert removed.args == ["nightly"]
    assert sheet.list.currentItem().data(Qt.ItemDataRole.UserRole) == other
    with qtbot.waitSignal(sheet.run_requested) as run:
        sheet.confirm.click()
    assert run.args == [other]
    empty = MirrorsSheet(None, [])
    qtbot.addWidget(empty)
    assert not empty.confirm.isEnabled()


def test_limits_and_extras_belong_to_the_rule(light: Theme, qtbot: QtBot) -> None:
    rule = replace(RULE, newest=3, minimum_age_days=7, extras=Extras.DELETE)
    sheet = _sheet(qtbot, rule=rule, saving=True)
    assert (sheet.newest.value(), sheet.age.value()) == (3, 7)
    sheet.tags.setText("2.*")
    sheet.newest.setValue(5)
    with qtbot.waitSignal(sheet.save_requested) as saved:
        sheet.confirm.click()
    assert saved.args == [replace(rule, tags=("2.*",), newest=5)]


def test_only_ticked_tags_are_copied(light: Theme, qtbot: QtBot) -> None:
    sheet = _sheet(qtbot)
    sheet.show_plan(_plan(sheet.rule()))
    sheet.table.item(0, 0).setCheckState(Qt.CheckState.Unchecked)
    assert sheet.summary.text() == "3 tags: 1 new, 1 replaced, 1 unchanged. 2 MB to copy."
    assert not sheet.table.item(2, 0).flags() & Qt.ItemFlag.ItemIsUserCheckable, "nothing to do for it"
    with qtbot.waitSignal(sheet.transfers_requested) as wish:
        sheet.confirm.click()
    assert [str(one.destination.reference) for one in wish.args[0]] == ["two.example/team/app:1.2"]


def test_extra_tags_stay_unless_they_are_ticked(light: Theme, qtbot: QtBot) -> None:
    sheet = _sheet(qtbot)
    sheet.show_plan(_plan(sheet.rule(), "0.9"))
    assert [sheet.table.item(row, 1).text() for row in range(4)][2] == "only there, stays"
    sheet.extras.setCurrentIndex(1)
    rule = sheet.rule()
    assert rule.extras is Extras.DELETE
    sheet.show_plan(_plan(rule, "0.9"))
    item = sheet.table.item(2, 0)
    assert (item.text(), item.checkState()) == ("0.9", Qt.CheckState.Unchecked)
    assert sheet.confirm.text() == "Copy"
    item.setCheckState(Qt.CheckState.Checked)
    assert sheet.confirm.text() == "Copy and delete"
    assert not sheet.confirm.isDefault(), "Enter does not delete"
    for row in (0, 1):
        sheet.table.item(row, 0).setCheckState(Qt.CheckState.Unchecked)
    assert sheet.confirm.text() == "Delete"
    with qtbot.waitSignal(sheet.deletions_requested) as doomed:
        sheet.confirm.click()
    assert doomed.args == [{rule: [ExtraTag("0.9", "sha256:0.9")]}]


def test_a_rule_for_many_repositories(light: Theme, qtbot: QtBot) -> None:
    rule = MirrorRule("all", RepositoryPattern("one.example", "team/*"), Namespace("two.example", "kept"))
    sheet = MirrorSheet(None, rule.source, REGISTRIES, "", rule=rule)
    qtbot.addWidget(sheet)
    assert sheet.rule() == rule
    plans = [
        MirrorPlan(rule.at(f"team/{name}"), (MirrorTag("1", TagState.MISSING, bytes_to_move=1000),))
        for name in ("app", "web")
    ]
    sheet.show_plan(RulePlan(rule, tuple(plans)))
    assert [sheet.table.item(row, 0).text() for row in range(2)] == ["team/app:1", "team/web:1"]
    extra = MirrorPlan(rule.at("team/old"), (), extras=(ExtraTag("0"),))
    sheet.show_plan(RulePlan(rule, (*plans, extra)))
    assert sheet.table.item(2, 0).text() == "kept/old:0", "an extra tag is one of the destination"
    with qtbot.waitSignal(sheet.transfers_requested) as wish:
        sheet.confirm.click()
    assert [str(one.destination.reference) for one in wish.args[0]] == [
        "two.example/kept/app:1",
        "two.example/kept/web:1",
    ]


def test_docker_hub_is_not_read_before_one_says_which_tags(light: Theme, qtbot: QtBot) -> None:
    sheet = MirrorSheet(None, Reference.parse("postgres"), REGISTRIES, "two.example")
    qtbot.addWidget(sheet)
    with qtbot.assertNotEmitted(sheet.plan_requested, wait=ASK_AFTER + 200):
        assert "Enter the tags to copy" in sheet.summary.text()
    assert not sheet.confirm.isEnabled()
    assert sheet.problem.text() == "", "nothing is wrong yet"
    with qtbot.waitSignal(sheet.plan_requested) as plan:
        sheet.tags.setText("16.*")
    assert plan.args[0].destination == Reference.parse("two.example/postgres")
