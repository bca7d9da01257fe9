"""Registries and tags: requests, explanations, links in rows."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QModelIndex, QPoint, Qt, QTimer
from PySide6.QtWidgets import QAbstractItemView, QMenu
from pytestqt.qtbot import QtBot

from longshore.errors import (
    CredentialsError,
    ListingUnsupported,
    RegistryUnreachable,
    SignInRequired,
    TlsFailed,
)
from longshore.models.columns import NodeKind, RegistryColumn, Role
from longshore.oci.reference import Reference
from longshore.widgets.registry_menus import registry_menu
from qt.models.made import entry
from qt.widgets.conftest import Bench

HOST = "127.0.0.1:5000"


def _click_row(qtbot: QtBot, view: QAbstractItemView, index: QModelIndex, *, double: bool = False) -> None:
    rect = view.visualRect(index)
    where = QPoint(rect.left() + 30, rect.center().y())
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=where)
    if double:
        qtbot.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, pos=where)


def _note(bench: Bench) -> QModelIndex:
    parent = bench.registries.index_of(HOST)
    rows = [bench.registries.index(row, 0, parent) for row in range(bench.registries.rowCount(parent))]
    return next(row for row in rows if row.data(Role.NODE_KIND) == NodeKind.NOTE)


def test_unfolding_a_registry_asks_for_its_first_page(bench: Bench, qtbot: QtBot) -> None:
    from qt.models.made import entry

    bench.registries.set_registries([entry("docker.io"), entry(HOST)])
    with qtbot.waitSignal(bench.registries.page_requested) as wanted:
        bench.window.registry_pane.expand(HOST)
    assert wanted.args[0] == HOST
    bench.window.registry_pane.expand("not.there")


def test_selecting_a_repository_is_told_once(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.registry_pane
    bench.list(HOST, "acme/api", "acme/web")
    assert pane.tags.empty.sentence.text() == "Select a repository to see its tags."
    with qtbot.waitSignal(pane.repository_selected) as told:
        _click_row(qtbot, pane.view, bench.registries.index_of(HOST, "acme/web"))
    assert told.args == [HOST, "acme/web"]
    assert pane.tags.title.whole() == "Tags of acme/web"
    assert pane.tags.title.accessibleName() == f"Tags of {HOST}/acme/web"
    with qtbot.assertNotEmitted(pane.repository_selected):
        _click_row(qtbot, pane.view, bench.registries.index_of(HOST))
        _click_row(qtbot, pane.view, bench.registries.index_of(HOST, "acme/web"))


def test_pull_means_the_tags_and_else_the_repositories(bench: Bench) -> None:
    pane = bench.window.registry_pane
    bench.list(HOST, "acme/api")
    assert pane.selected_references() == []
    bench.show_tags(HOST, "acme/api", "1", "2")
    assert [str(each) for each in pane.selected_references()] == [f"{HOST}/acme/api"]
    pane.tags.view.selectAll()
    assert [each.tag for each in pane.selected_references()] == ["2", "1"]


def test_wishes_bear_what_is_selected(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.registry_pane
    bench.list(HOST, "acme/api")
    assert not bench.button(pane.pull_verb).isEnabled() and not bench.actions.pull.isEnabled()
    assert pane.pull_verb.reason == pane.copy_verb.reason == "Select a repository or a tag first."
    with qtbot.waitSignal(pane.paste_requested), qtbot.assertNotEmitted(pane.pull_requested):
        pane.pull()
    with qtbot.waitSignal(pane.pull_to_requested) as none:
        bench.actions.pull_to.trigger()
    assert none.args == [[]]
    bench.show_tags(HOST, "acme/api", "1", "2")
    repository = Reference.parse(f"{HOST}/acme/api")
    pane.tags.view.selectAll()
    tags = [repository.with_tag("2"), repository.with_tag("1")]
    for signal, act in (
        (pane.pull_requested, bench.button(pane.pull_verb).click),
        (pane.pull_requested, bench.actions.pull.trigger),
        (pane.pull_to_requested, bench.actions.pull_to.trigger),
        (pane.copy_requested, bench.button(pane.copy_verb).click),
        (pane.copy_requested, bench.actions.copy.trigger),
    ):
        with qtbot.waitSignal(signal) as wish:
            act()
        assert wish.args == [tags]
    pane.tags.view.clearSelection()
    with qtbot.waitSignal(pane.pull_requested) as wish:
        bench.button(pane.pull_verb).click()
    assert wish.args == [[repository]]


def test_a_double_click_and_enter_on_a_tag_wish_for_its_pull(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.registry_pane
    bench.list(HOST, "acme/api")
    bench.show_tags(HOST, "acme/api", "1", "2")
    with qtbot.waitSignal(pane.pull_requested) as pulled:
        _click_row(qtbot, pane.tags.view, bench.tags.index(1, 0), double=True)
    assert pulled.args == [[Reference.parse(f"{HOST}/acme/api:1")]]
    with qtbot.waitSignal(pane.pull_requested) as again:
        qtbot.keyClick(pane.tags.view, Qt.Key.Key_Enter)
    assert again.args == pulled.args


def test_another_registrys_row_keeps_the_tags_shown(bench: Bench) -> None:
    pane = bench.window.registry_pane
    bench.list(HOST, "acme/api")
    bench.show_tags(HOST, "acme/api", "1")
    pane.view.select_row(bench.registries.index_of("docker.io"))
    assert pane.tags.title.accessibleName() == f"Tags of {HOST}/acme/api"
    assert pane.current_host() == "docker.io"


def test_refresh_means_where_one_is(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.registry_pane
    bench.list(HOST, "acme/api")
    with qtbot.waitSignal(pane.refresh_requested) as all_of_it:
        qtbot.mouseClick(pane.refresh_button, Qt.MouseButton.LeftButton)
    assert all_of_it.args == ["", ""]
    pane.view.select_row(bench.registries.index_of(HOST))
    with qtbot.waitSignal(pane.refresh_requested) as registry:
        qtbot.mouseClick(pane.refresh_button, Qt.MouseButton.LeftButton)
    assert registry.args == [HOST, ""]
    pane.select_repository(HOST, "acme/api")
    with qtbot.waitSignal(pane.refresh_requested) as repository:
        qtbot.keyClick(bench.window, Qt.Key.Key_F5)
    assert repository.args == [HOST, "acme/api"]


def test_sign_in_needs_a_registry(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.registry_pane
    bench.list(HOST, "acme/api")
    button = bench.button(pane.sign_in_verb)
    assert not button.isEnabled() and "Select a registry first." in button.toolTip()
    pane.view.select_row(bench.registries.index_of(HOST))
    with qtbot.waitSignal(pane.sign_in_requested) as wished:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert wished.args == [HOST]


def test_copy_and_what_needs_tags_say_so(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.registry_pane
    copy = bench.button(pane.copy_verb)
    assert not copy.isEnabled() and "Select a repository or a tag first." in copy.toolTip()
    bench.list(HOST, "acme/api")
    pane.select_repository(HOST, "acme/api")
    assert copy.isEnabled() and "Copy to another registry" in copy.toolTip()
    for verb in (pane.save_verb, pane.remove_verb, pane.copy_digest_verb):
        assert verb.reason == "Select a tag first."
    bench.show_tags(HOST, "acme/api", "1", "2")
    pane.tags.view.selectAll()
    for verb in (pane.save_verb, pane.remove_verb, pane.copy_digest_verb):
        assert verb.isEnabled()
    assert pane.details_verb.reason == "Select only one tag."
    with qtbot.waitSignal(pane.copy_requested):
        qtbot.mouseClick(copy, Qt.MouseButton.LeftButton)


def test_entries_for_the_active_pane_follow_it(bench: Bench, qtbot: QtBot) -> None:
    window, actions = bench.window, bench.actions
    bench.ready("acme/a:1")
    window.image_pane.view.selectRow(0)
    bench.list(HOST, "acme/api")
    bench.show_tags(HOST, "acme/api", "1")
    window.image_pane.view.setFocus()
    assert actions.remove.isEnabled() and actions.save.isEnabled()
    window.registry_pane.tags.view.setFocus()
    assert actions.remove.reason == actions.save.reason == "Select a tag first."
    with qtbot.waitSignal(window.registry_pane.clean_up_requested) as clean:
        actions.clean_up.trigger()
    assert clean.args == [Reference(HOST, "acme/api")]
    assert not actions.remove.isEnabled() and actions.copy_reference.isEnabled()
    window.registry_pane.tags.view.selectRow(0)
    with qtbot.waitSignal(window.registry_pane.remove_tags_requested) as wished:
        actions.remove.trigger()
    assert wished.args == [HOST, "acme/api", ["1"]]


def test_without_registries_one_can_be_added(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.registry_pane
    bench.list(HOST)
    bench.registries.set_registries([])
    assert pane.empty.isVisible() and not pane.verbs.isVisible()
    assert pane.empty.button.accessibleName() == "Add registry…"
    with qtbot.waitSignal(pane.add_registry_requested):
        qtbot.mouseClick(pane.empty.button, Qt.MouseButton.LeftButton)
    bench.list(HOST)
    assert pane.verbs.isVisible() and not pane.empty.isVisible()


def test_a_note_leads_on(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.registry_pane
    bench.list(HOST, error=SignInRequired("Sign in first.", registry=HOST))
    with qtbot.waitSignal(pane.sign_in_requested):
        _click_row(qtbot, pane.view, _note(bench))
    bench.list(HOST, error=RegistryUnreachable("Nobody answers.", registry=HOST))
    with qtbot.waitSignal(pane.refresh_requested) as again:
        _click_row(qtbot, pane.view, _note(bench))
    assert again.args == [HOST, ""]
    bench.list(HOST, error=ListingUnsupported("It does not list.", registry=HOST))
    with qtbot.waitSignal(pane.pin_requested) as pin:
        _click_row(qtbot, pane.view, _note(bench))
    assert pin.args == [HOST, ""]
    bench.list(HOST, error=TlsFailed("Not trusted.", registry=HOST, certificate="Subject: x"))
    with qtbot.waitSignal(pane.certificate_requested):
        _click_row(qtbot, pane.view, _note(bench))
    bench.list(HOST, error=TlsFailed("It uses plain HTTP.", registry=HOST))
    with qtbot.waitSignal(pane.settings_requested):
        _click_row(qtbot, pane.view, _note(bench))


def test_the_column_of_sign_ins_leads_on(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.registry_pane
    trouble = CredentialsError("The helper is not installed.", subject=HOST)
    for fields, wish in (
        ({"user": "sam"}, pane.account_requested),
        ({"trouble": trouble}, pane.account_requested),
        ({"auth": "basic"}, pane.sign_in_requested),
    ):
        bench.registries.set_registries([entry(HOST, **fields)])
        cell = bench.registries.index_of(HOST).siblingAtColumn(RegistryColumn.SIGNED_IN)
        with qtbot.waitSignal(wish) as wished:
            _click_row(qtbot, pane.view, cell)
        assert wished.args == [HOST]
    bench.registries.set_registries([entry(HOST, trouble=trouble)])
    assert "not installed" in str(cell.data(Qt.ItemDataRole.ToolTipRole))


def test_the_menu_acts_on_the_registry_one_is_in(bench: Bench, qtbot: QtBot) -> None:
    pane, actions = bench.window.registry_pane, bench.actions
    wishes = (
        (actions.account, pane.account_requested),
        (actions.registry_settings, pane.settings_requested),
        (actions.certificate, pane.certificate_requested),
        (actions.sign_out, pane.sign_out_requested),
    )
    for action, wish in wishes:
        with qtbot.assertNotEmitted(wish):
            action.trigger()
        assert not action.isEnabled() and "Select a registry first." in action.toolTip()
    bench.list(HOST, "acme/api")
    pane.view.select_row(bench.registries.index_of(HOST))
    for action, wish in wishes:
        with qtbot.waitSignal(wish) as wished:
            action.trigger()
        assert wished.args == [HOST]


def test_tags_that_cannot_be_listed_say_why(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.registry_pane
    bench.list(HOST, "acme/api")
    pane.select_repository(HOST, "acme/api")
    bench.tags.fail(bench.tags.reset(HOST, "acme/api"), SignInRequired("Sign in first.", registry=HOST))
    assert pane.tags.empty.isVisible()
    assert pane.tags.empty.sentence.text() == "Sign in first."
    with qtbot.waitSignal(pane.sign_in_requested):
        qtbot.mouseClick(pane.tags.empty.button, Qt.MouseButton.LeftButton)
    bench.tags.fail(bench.tags.reset(HOST, "acme/api"), RegistryUnreachable("Nobody answers.", registry=HOST))
    with qtbot.waitSignal(pane.refresh_requested) as again:
        qtbot.mouseClick(pane.tags.empty.button, Qt.MouseButton.LeftButton)
    assert again.args == [HOST, "acme/api"]
    refused = TlsFailed("Not trusted.", registry=HOST, certificate="Subject: x")
    bench.tags.fail(bench.tags.reset(HOST, "acme/api"), refused)
    assert pane.tags.empty.button.text() == "Certificate…"
    with qtbot.waitSignal(pane.certificate_requested) as told:
        qtbot.mouseClick(pane.tags.empty.button, Qt.MouseButton.LeftButton)
    assert told.args == [HOST]


def test_tags_that_broke_off_offer_what_helps_below_them(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.registry_pane
    bench.list(HOST, "acme/api")
    pane.select_repository(HOST, "acme/api")
    for error, button, wish in (
        (SignInRequired("Sign in first.", registry=HOST), "Sign in…", pane.sign_in_requested),
        (RegistryUnreachable("Nobody answers.", registry=HOST), "Retry", pane.refresh_requested),
    ):
        generation = bench.tags.reset(HOST, "acme/api")
        bench.tags.append_tags(generation, ["1"], True)
        bench.tags.fail(generation, error)
        stopped = pane.tags.stopped
        assert (stopped.label.text(), stopped.button.text()) == (error.message, button)
        with qtbot.waitSignal(wish):
            qtbot.mouseClick(stopped.button, Qt.MouseButton.LeftButton)


def test_digest_like_tags_stand_behind_a_toggle(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.registry_pane
    bench.list(HOST, "acme/api")
    bench.show_tags(HOST, "acme/api", "1", f"sha256-{'a' * 64}.sig")
    assert bench.tags.rowCount() == 1
    assert pane.tags.hidden_button.isVisible()
    assert pane.tags.hidden_button.text() == "1 hidden"
    qtbot.mouseClick(pane.tags.hidden_button, Qt.MouseButton.LeftButton)
    assert bench.tags.rowCount() == 2
    bench.show_tags(HOST, "acme/api", "1")
    assert not pane.tags.hidden_button.isVisible()


def test_details_are_asked_for_what_is_in_sight(bench: Bench, qtbot: QtBot) -> None:
    bench.list(HOST, "acme/api")
    with qtbot.waitSignal(bench.tags.details_requested) as wanted:
        bench.show_tags(HOST, "acme/api", *(str(number) for number in range(500)))
    first = set(wanted.args[1])
    assert "499" in first
    assert len(first) < 40
    bar = bench.window.registry_pane.tags.view.verticalScrollBar()
    with qtbot.waitSignal(bench.tags.details_requested) as more:
        bar.setValue(bar.maximum())
    assert "0" in more.args[1]


def test_an_order_by_size_needs_all_details(bench: Bench, qtbot: QtBot) -> None:
    bench.list(HOST, "acme/api")
    bench.show_tags(HOST, "acme/api", *(str(number) for number in range(200)))
    asked: set[str] = set()
    bench.tags.details_requested.connect(lambda _generation, names: asked.update(names))
    bench.window.registry_pane.tags.view.sortByColumn(2, Qt.SortOrder.DescendingOrder)
    qtbot.waitUntil(lambda: len(asked) >= 150)


def test_scrolling_on_asks_for_the_next_page(
    bench: Bench, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.list(HOST, *(f"r{number:04}" for number in range(200)))
    bar = bench.window.registry_pane.view.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    bottoms: list[int] = []
    monkeypatch.setattr(bench.registries, "want_more", lambda index: bottoms.append(index.row()))
    bar.setValue(bar.maximum() // 2)
    bar.setValue(bar.maximum())
    assert 80 < bottoms[0] < 120
    assert bottoms[-1] == 199


def test_enter_in_the_filter_searches_the_registry_one_is_in(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.registry_pane
    bench.list(HOST, "acme/api")
    pane.view.select_row(bench.registries.index_of(HOST))
    assert pane.filter.placeholderText() == "Filter repositories"
    pane.filter.setText("api")
    with qtbot.assertNotEmitted(pane.search_requested):
        qtbot.keyClick(pane.filter, Qt.Key.Key_Return)
    pane.view.select_row(bench.registries.index_of("docker.io"))
    assert pane.filter.placeholderText() == "Filter, or Enter to search Docker Hub"
    pane.filter.setText("  nginx ")
    with qtbot.waitSignal(pane.search_requested) as wished:
        qtbot.keyClick(pane.filter, Qt.Key.Key_Return)
    assert wished.args == ["docker.io", "nginx"]
    # The pause after typing comes after Enter; it must not end the search.
    generation = bench.registries.begin_search("docker.io", "nginx")
    qtbot.waitUntil(lambda: not any(timer.isActive() for timer in pane.filter.findChildren(QTimer)))
    bench.registries.append_page("docker.io", generation, ["a/nginx"], False)
    back = bench.registries.index(0, 0, bench.registries.index_of("docker.io"))
    with qtbot.waitSignal(pane.search_requested) as left:
        _click_row(qtbot, pane.view, back)
    assert left.args == ["docker.io", ""] and pane.filter.text() == ""


def test_links_below_a_registry_that_does_not_list(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.registry_pane
    bench.list(HOST, error=ListingUnsupported("It does not list.", registry=HOST))
    parent = bench.registries.index_of(HOST)
    links = {
        bench.registries.index(row, 0, parent).data(): bench.registries.index(row, 0, parent)
        for row in range(bench.registries.rowCount(parent))
    }
    for words, signal in (
        ("Sign in…", pane.sign_in_requested),
        ("Pin a repository by name…", pane.pin_requested),
        ("Paste a reference…", pane.paste_requested),
    ):
        with qtbot.waitSignal(signal):
            _click_row(qtbot, pane.view, links[words])
    pane.view.select_row(links["Paste a reference…"])
    with qtbot.waitSignal(pane.paste_requested):
        qtbot.keyClick(pane.view, Qt.Key.Key_Return)


def test_the_make_of_a_registry_can_be_chosen(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.registry_pane
    bench.list(HOST, "acme/api")
    bench.registries.set_make(HOST, "harbor", searches=True)
    menu = registry_menu(pane, bench.registries.index_of(HOST))
    kinds = next(each for each in menu.findChildren(QMenu) if each.title() == "List as")
    words = {action.text(): action for action in kinds.actions()}
    assert words["Detect (found: Harbor)"].isChecked() and not words["Harbor"].isChecked()
    with qtbot.waitSignal(pane.kind_requested) as chosen:
        words["GitLab"].trigger()
    assert chosen.args == [HOST, "gitlab"]
    menu.deleteLater()


def test_a_list_of_tags_that_broke_off_says_why_below_its_rows(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.registry_pane
    bench.list(HOST, "acme/api")
    bench.show_tags(HOST, "acme/api", "1", "2")
    assert pane.tags.counts.whole() == "2 tags" and not pane.tags.stopped.isVisible()
    generation = bench.tags.reset(HOST, "acme/api")
    bench.tags.append_tags(generation, ["1", "2", "3"], True, 10_000)
    assert pane.tags.counts.whole() == "3 of 10,000 loaded"
    bench.tags.fail(generation, RegistryUnreachable("It went away.", registry=HOST))
    assert pane.tags.counts.whole() == "stopped after 3"
    assert pane.tags.stopped.isVisible() and pane.tags.stopped.label.text() == "It went away."
    pane.view.select_row(bench.registries.index_of("docker.io"))
    with qtbot.waitSignal(pane.refresh_requested) as again:
        qtbot.mouseClick(pane.tags.stopped.button, Qt.MouseButton.LeftButton)
    assert again.args == [HOST, "acme/api"]


def test_whether_digest_tags_are_shown_is_told_and_holds(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.registry_pane
    signature = f"sha256-{'a' * 64}.sig"
    bench.list(HOST, "acme/api", "acme/web")
    bench.show_tags(HOST, "acme/api", "1", signature)
    with qtbot.waitSignal(pane.tags.hidden_toggled) as told:
        qtbot.mouseClick(pane.tags.hidden_button, Qt.MouseButton.LeftButton)
    assert told.args == [True]
    bench.show_tags(HOST, "acme/web", "2", signature)
    assert bench.tags.rowCount() == 2, "the choice also applies to another repository"
