"""The tree of registries beyond plain listings: vendors' details, searches, links, and names from the history."""

from __future__ import annotations

from datetime import timedelta

import pytest
from PySide6.QtCore import Qt

from longshore.errors import ListingUnsupported, RegistryUnreachable, UnexpectedReply
from longshore.models.columns import NodeAction, NodeKind, NodeState, RegistryColumn, Role, Tone
from longshore.models.registries import RegistryModel
from longshore.registry.model import RepositoryInfo
from qt.models.made import NOW, entry, texts

HOST = "127.0.0.1:5000"
HUB = "docker.io"
NGINX = RepositoryInfo(
    "library/nginx", "A web server.", 20413, official=True, updated=NOW - timedelta(days=2)
)
SAMS = RepositoryInfo("sam/nginx", "Sam's own.", 3, private=True)


@pytest.fixture
def model(tested):
    model = tested(RegistryModel())
    model.set_registries([entry(HUB), entry(HOST)])
    return model


def below(model, host, column=0):
    return texts(model, column, model.index_of(host))


def count_text(model, host):
    return model.index_of(host).siblingAtColumn(RegistryColumn.TAGS).data()


def row(model, host, text):
    return model.index(below(model, host).index(text), 0, model.index_of(host))


def test_what_a_vendor_tells_stands_in_the_row(model):
    model.append_page(HUB, model.begin_listing(HUB), [NGINX, SAMS, RepositoryInfo("sam/bare")], False, 3)
    assert below(model, HUB) == ["library/nginx", "sam/bare", "sam/nginx"]
    assert below(model, HUB, RegistryColumn.SIGNED_IN) == ["★ 20,413  official", "", "★ 3  private"]
    index = model.index_of(HUB, "library/nginx")
    assert index.data(Role.DESCRIPTION) == "A web server."
    assert "A web server." in index.data(Qt.ItemDataRole.ToolTipRole)
    model.sort(RegistryColumn.SIGNED_IN, Qt.SortOrder.DescendingOrder)
    assert below(model, HUB) == ["library/nginx", "sam/nginx", "sam/bare"], "by stars, unknown counts last"


def test_a_vendor_counts_tags_and_a_refresh_changes_a_row(model):
    model.append_page(HOST, model.begin_listing(HOST), [RepositoryInfo("a/b", tag_count=1200)], False)
    assert below(model, HOST, RegistryColumn.TAGS) == ["1,200"]
    changed = []
    model.dataChanged.connect(lambda top, bottom: changed.append(top.data()))
    model.append_page(HOST, model.begin_listing(HOST), [RepositoryInfo("a/b", tag_count=1201)], False)
    assert below(model, HOST, RegistryColumn.TAGS) == ["1,201"] and "a/b" in changed


def test_a_search_stands_in_place_of_the_listing_until_the_filter_changes(model):
    model.append_page(HUB, model.begin_listing(HUB), ["library/nginx", "library/redis"], False)
    model.set_filter("nginx web")
    link = row(model, HUB, "Search Docker Hub for “nginx web”")
    assert link.data(Role.NODE_KIND) == NodeKind.LINK and link.data(Role.ACTION) == NodeAction.SEARCH
    assert link.data(Role.TONE) == Tone.ACTIVE and link.data(Role.REFERENCE) is None
    assert not model.flags(link) & Qt.ItemFlag.ItemIsDragEnabled
    assert not any("Search" in text for text in below(model, HOST)), "a plain registry offers no search"
    generation = model.begin_search(HUB, "nginx web")
    assert below(model, HUB) == ["Results for “nginx web”. Show all repositories", "Searching…"]
    assert count_text(model, HUB) == "searching…"
    model.append_page(HUB, generation, [SAMS, NGINX], True, 77)
    assert below(model, HUB)[1:] == ["sam/nginx", "library/nginx", "More…"], (
        "in the vendor's order, unfiltered"
    )
    assert count_text(model, HUB) == "2 of 77 found"
    wanted = []
    model.page_requested.connect(lambda host, number: wanted.append((host, number)))
    model.want_more(row(model, HUB, "library/nginx"))
    assert wanted == [(HUB, generation)]
    model.append_page(HUB, generation, [NGINX, RepositoryInfo("x/nginx")], False, 77)
    assert below(model, HUB)[1:] == ["sam/nginx", "library/nginx", "x/nginx"]
    model.set_filter("redis")
    assert below(model, HUB) == ["library/redis", "Search Docker Hub for “redis”"]
    model.append_page(HUB, generation, [SAMS], False)
    assert "sam/nginx" not in below(model, HUB), "late results of an ended search are dropped"


def test_a_search_fails_or_finds_nothing_and_the_listing_is_unharmed(model):
    model.append_page(HUB, model.begin_listing(HUB), ["library/nginx"], False)
    model.set_filter("zzz")
    generation = model.begin_search(HUB, "zzz")
    model.append_page(HUB, generation, [], False, 0)
    assert below(model, HUB)[1:] == ["Nothing found"] and count_text(model, HUB) == "0 found"
    model.fail(HUB, model.begin_search(HUB, "zzz"), RegistryUnreachable("Nobody answers", registry=HUB))
    assert below(model, HUB)[0] == "Nobody answers — Retry" and model.state(HUB) == NodeState.FAILED
    model.end_search(HUB)
    assert model.state(HUB) == NodeState.READY
    assert below(model, HUB) == ["No repository matches the filter", "Search Docker Hub for “zzz”"]


def test_a_make_that_looks_up_is_offered_once_it_is_known(model):
    model.append_page(HOST, model.begin_listing(HOST), ["a/b"], False)
    model.set_filter("b")
    assert below(model, HOST) == ["a/b"]
    model.set_make(HOST, "harbor", searches=True)
    assert below(model, HOST) == ["a/b", f"Search {HOST} for “b”"]
    assert model.make(HOST) == "harbor" and model.searches(HOST) and model.chosen_kind(HOST) == "auto"


def test_no_catalogue_offers_the_history_a_pin_and_a_reference(model):
    model.set_registries([entry(HOST, pinned=("z/pin",), recent=("b/late", "a/early", "z/pin"))])
    assert below(model, HOST) == ["z/pin"], "only once it is known that the registry does not list"
    model.fail(HOST, model.begin_listing(HOST), ListingUnsupported("It does not list.", registry=HOST))
    assert below(model, HOST) == [
        "z/pin",
        "b/late",
        "a/early",
        "It does not list.",
        "Sign in…",
        "Pin a repository by name…",
        "Paste a reference…",
    ]
    assert below(model, HOST, RegistryColumn.TAGS)[:3] == ["", "recent", "recent"], "the most recent first"
    late = model.index_of(HOST, "b/late")
    assert late.data(Role.RECENT) and str(late.data(Role.REFERENCE)) == f"{HOST}/b/late"
    model.set_registries([entry(HOST, recent=("b/late",), user="sam")])
    assert below(model, HOST)[:3] == ["b/late", "It does not list.", "Pin a repository by name…"]
    model.append_page(HOST, model.begin_listing(HOST), ["c/listed"], False)
    assert below(model, HOST) == ["c/listed"], "a registry that lists needs no names from the history"


def test_docker_hub_lists_not_everything_so_its_history_is_shown(model):
    model.set_registries([entry(HUB, recent=("acme/mine", "library/nginx"))])
    model.append_page(HUB, model.begin_listing(HUB), ["library/alpine", "library/nginx"], False)
    assert below(model, HUB) == ["acme/mine", "library/alpine", "library/nginx"]
    assert below(model, HUB, RegistryColumn.TAGS) == ["recent", "", ""]
    assert count_text(model, HUB) == "3 repositories"


def test_a_list_that_breaks_off_says_so_before_its_rows(model):
    generation = model.begin_listing(HOST)
    model.append_page(HOST, generation, [f"r{number:04}" for number in range(2400)], True, 10_000)
    assert count_text(model, HOST) == "2,400 of 10,000 loaded"
    model.fail(HOST, generation, UnexpectedReply("Its pages go round.", registry=HOST))
    assert below(model, HOST)[:2] == ["Its pages go round. — Retry", "r0000"]
    assert count_text(model, HOST) == "stopped after 2,400"
    assert model.index_of(HOST).siblingAtColumn(RegistryColumn.TAGS).data(Role.TONE) == Tone.CAUTION


def test_an_order_is_a_question_to_all_pages(model):
    wanted = []
    model.page_requested.connect(lambda host, generation: wanted.append(generation))
    generation = model.begin_listing(HOST)
    model.append_page(HOST, generation, [f"a{number}" for number in range(100)], True)
    assert wanted == []
    model.sort(RegistryColumn.NAME, Qt.SortOrder.DescendingOrder)
    assert wanted == [generation]
    model.append_page(HOST, generation, ["b1", "b2"], True)
    assert wanted == [generation] * 2 and "b2" not in below(model, HOST), "rows are added in large batches"
    model.append_page(HOST, generation, ["c1"], False)
    assert below(model, HOST)[:4] == ["c1", "b2", "b1", "a99"] and wanted == [generation] * 2


def test_a_registry_that_was_searched_first_is_listed_afterwards(model):
    wanted = []
    model.page_requested.connect(lambda host, _generation: wanted.append(host))
    model.set_filter("nginx")
    generation = model.begin_search(HUB, "nginx")
    model.append_page(HUB, generation, [NGINX], False)
    assert model.searched(HUB) == "nginx" and not model.canFetchMore(model.index_of(HUB)) and not wanted
    model.set_filter("")
    assert model.searched(HUB) == "" and wanted == [HUB] and below(model, HUB) == ["Loading…"]
