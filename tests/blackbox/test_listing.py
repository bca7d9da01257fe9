"""Listings of every kind in the window: vendors', very long, unsupported, and hostile ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from testbed.bed import Testbed
from testbed.driver import Window
from testbed.home import PrivateHome
from testbed.hub import FakeHub
from testbed.images import seed_repository
from testbed.internet import Internet
from testbed.paging import HostilePages
from testbed.registry import PrivateRegistry
from testbed.steps import open_repository, wait_status
from testbed.storage import seed_many_repositories, seed_many_tags
from testbed.throttle import Throttle

Start = Callable[..., Window]
HUB = "Docker Hub"


def rows(window: Window) -> str:
    """All cells of the tree in one text."""
    return "\n".join("\t".join(row) for row in window.table("Registries").rows)


def wait_rows(window: Window, part: str, timeout: float = 60) -> None:
    window.wait(lambda: part in rows(window), f"“{part}” among the registries", timeout)


def write_filter(window: Window, words: str, field: str = "Filter repositories") -> None:
    window.click(window.wait_for(field, "text"))
    window.keys("ctrl+a")
    window.type(words)


@pytest.fixture
def hub() -> FakeHub:
    return FakeHub(repositories=150)


@pytest.fixture
def internet(hub: FakeHub, tmp_path: Path) -> Iterator[Internet]:
    with Internet(tmp_path / "internet", hub.hosts()) as internet:
        yield internet


def test_docker_hub_is_listed_searched_and_never_pulled_from(
    start: Start, hub: FakeHub, internet: Internet
) -> None:
    window = start(environ=internet.environ())
    window.click_row("Registries", HUB, times=2)
    window.wait_row("Registries", "library/nginx", "★ 20,413  official")
    window.click_row("Registries", "library/nginx")
    window.wait_row("Tags", "1.24.0", "47.5 MB", "amd64  arm64")
    window.wait_text("240 tags")
    window.click_row("Registries", HUB)
    write_filter(window, "nginx")
    window.keys("Return")
    window.wait_row("Registries", "bitnami/nginx", "★ 204")
    wait_rows(window, "100 of 156 found")
    window.click_row("Registries", "Results for “nginx”. Show all repositories")
    window.wait_row("Registries", "library/postgres")
    assert "bitnami" not in rows(window)
    assert hub.manifests == 0, "reading a manifest counts as a pull"


def test_signed_in_at_docker_hub_ones_own_namespaces_are_listed(start: Start, internet: Internet) -> None:
    window = start(environ=internet.environ())
    window.click_row("Registries", HUB)
    window.press("Sign in…")
    window.wait_for("User name", "text")
    window.type(FakeHub.user)
    window.keys("Tab")
    window.type(FakeHub.secret)
    window.keys("Return")
    window.wait_row("Registries", HUB, FakeHub.user)
    window.wait(lambda: "sam/nginx-playground" in rows(window) or _unfolded(window), "ones own repositories")
    assert "library/nginx" not in rows(window)


def _unfolded(window: Window) -> bool:
    if len(window.table("Registries").rows) == 1:
        window.click_row("Registries", HUB, times=2)
    return False


def test_ten_thousand_repositories_and_tags(start: Start, testbed: Testbed) -> None:
    registry = testbed.registry("large")
    seed_many_repositories(registry, 10_000)
    seed_many_tags(registry, "zz/ten-thousand", 10_000, distinct=False)
    window = start(registry)
    wait_rows(window, "200 loaded")
    # The filter reads all pages, not only the loaded one, and shows its progress.
    write_filter(window, "service-09999")
    window.wait_row("Registries", "team99/service-09999", timeout=90)
    wait_rows(window, "10,001 repositories", 90)
    assert len(window.table("Registries").rows) == 3
    write_filter(window, "ten-thousand")
    window.click_row("Registries", "zz/ten-thousand")
    window.wait_text("10,000 tags", timeout=60)
    assert window.table("Tags").rows[0][0] == "v99.9.9", "natural order, the newest version first"
    assert window.table("Tags").rows[1][0] == "v99.9.8"
    write_filter(window, "v7.3", "Filter tags")
    window.wait_text("10 of 10,000")
    assert window.table("Tags").column("Tag") == [f"v7.3.{number}" for number in range(9, -1, -1)]
    # Visible rows get their details, also at the end of the list.
    window.wait(lambda: all(row[2] for row in window.table("Tags").rows), "sizes")
    window.keys("Escape")
    window.wait_text("10,000 tags")
    window.click_row("Tags", "v99.9.9")
    window.wait(lambda: window.cell("Tags", 0, 0).focused, "the first row to be the current one")
    window.keys("ctrl+End")
    window.wait(lambda: not window.cell("Tags", 0, 0).focused, "another row to be the current one")
    window.wait(lambda: window.cell("Tags", 9_999, 2).name != "", "details of the last tag", 30)


def test_pages_come_by_scrolling(start: Start, testbed: Testbed) -> None:
    registry = testbed.registry("scrolled")
    seed_many_repositories(registry, 900)
    window = start(registry)
    wait_rows(window, "200 loaded")
    window.click_row("Registries", "team00/service-00000")
    window.keys("End")
    wait_rows(window, "400 loaded")


@pytest.mark.parametrize(
    ("manner", "said"),
    [
        ("circle", "one that was already read"),
        ("same", "its pages repeat"),
        ("endless", "does not seem to end"),
    ],
)
def test_hostile_pages_are_stopped_and_said(start: Start, manner: str, said: str) -> None:
    with HostilePages(manner) as hostile:
        window = start(hostile.address)
        wait_rows(window, "1,000 loaded")
        write_filter(window, "r00000007")
        # An endless list is read up to its bound: a hundred pages of a thousand, both times.
        wait_rows(window, said, 90)
        wait_rows(window, "stopped after")
        write_filter(window, "r000000077")
        window.wait(lambda: "r000000070" not in rows(window), "the narrower filter")
        window.click_row("Registries", "trap/r000000077")
        window.wait_text(said, timeout=90)
        window.wait_text("stopped after")
        assert window.table("Tags").rows[0][0].startswith("v"), "the rows of earlier pages stay"


def test_a_registry_that_does_not_list_is_used_by_name(
    start: Start, open_registry: PrivateRegistry, throttle: Throttle, private_home: PrivateHome
) -> None:
    for name in ("byname/pinned", "byname/pulled"):
        seed_repository(open_registry.address, name, ["1"], layers=[20_000])
    throttle.fail_next(r"/v2/_catalog.*", 404, 1000)
    window = start(throttle.address)
    window.wait_row("Registries", f"{throttle.address} does not list its repositories for you.")
    window.click_row("Registries", "Pin a repository by name…")
    window.wait_for("Repository", "text")
    window.type("byname/pinned")
    window.keys("Return")
    window.wait_row("Tags", "1")
    window.click_row("Registries", "Paste a reference…")
    window.wait_for("Reference", "text")
    window.keys("ctrl+a")
    window.type(f"{throttle.address}/byname/pulled:1")
    window.keys("Return")
    wait_status(window, "Succeeded")
    window.wait_row("Registries", "byname/pulled", "recent")
    window.stop()
    again = start(throttle.address)
    again.wait_row("Registries", "byname/pulled", "recent")
    open_repository(again, throttle.address, "byname/pulled")
    again.wait_row("Tags", "1")
    open_repository(again, throttle.address, "byname/pinned")
    kept = json.loads((private_home.config / "longshore" / "settings.json").read_text())
    assert kept["pins"] == {throttle.address: ["byname/pinned"]}


def test_digest_tags_stay_shown_in_the_next_run(start: Start, open_registry: PrivateRegistry) -> None:
    digest = seed_repository(open_registry.address, "signed/app", ["1"], layers=[20_000]).digest
    signature = digest.replace(":", "-") + ".sig"
    seed_repository(open_registry.address, "signed/app", [signature], layers=[300])
    window = start(open_registry)
    open_repository(window, open_registry.address, "signed/app")
    window.wait_row("Tags", "1")
    assert window.table("Tags").column("Tag") == ["1"]
    window.click(window.wait_for("1 hidden"))
    window.wait_row("Tags", signature)
    window.stop()
    again = start(open_registry)
    open_repository(again, open_registry.address, "signed/app")
    again.wait_row("Tags", signature)


def test_details_are_kept_for_the_next_run(start: Start, testbed: Testbed) -> None:
    registry = testbed.registry("kept-details")
    seed_many_tags(registry, "kept/app", 8)

    def reads(method: str) -> int:
        wanted = "/v2/kept/app/manifests/v0"
        return sum(one.method == method and one.path.startswith(wanted) for one in registry.requests())

    window = start(registry)
    open_repository(window, registry.address, "kept/app")
    window.wait(lambda: len([row for row in window.table("Tags").rows if row[2]]) == 8, "all sizes")
    sizes = window.table("Tags").column("Size")
    window.stop()
    assert reads("GET") == 8
    again = start(registry)
    open_repository(again, registry.address, "kept/app")
    again.wait(lambda: again.table("Tags").column("Size") == sizes, "the same sizes")
    assert reads("GET") == 8 and reads("HEAD") == 8, "only their digests are requested"
