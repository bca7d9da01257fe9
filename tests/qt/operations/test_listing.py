"""Listings on the event loop: pages, searches and details that are superseded, stopped, or requested only once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import shiboken6

from longshore.application.clients import Clients
from longshore.application.registries import RegistryBook
from longshore.errors import LongshoreError
from longshore.models.columns import NodeState
from longshore.models.registries import RegistryModel
from longshore.models.registry_row import RegistryEntry
from longshore.models.tags import TagModel
from longshore.oci.reference import Reference
from longshore.operations import listing as listing_module
from longshore.operations.listing import Listing
from longshore.registry.config import RegistryConfig
from longshore.registry.listing import lister_for
from longshore.settings import Settings
from unit.registry.conftest import Asked, reply
from waiting import until

from .conftest import Desk, add


class Shown:
    """The models of the right pane, filled by a real Listing."""

    def __init__(self, desk: Desk, *hosts: str) -> None:
        add(desk, *hosts)
        self.registries, self.tags = RegistryModel(), TagModel()
        self.registries.set_registries([RegistryEntry(desk.book.config(host)) for host in hosts])
        self.errors: list[Any] = []
        self.listing = Listing(
            desk.clients,
            desk.tasks,
            desk.book,
            self.registries,
            self.tags,
            lambda host, error: self.errors.append(error),
        )

    def close(self) -> None:
        self.listing.stop_tags()
        shiboken6.delete(self.listing._details)


def names(count: int) -> list[str]:
    return [f"v{number}" for number in range(count)]


def test_readers_stop_where_every_tag_would_be_refused(play, serve) -> None:
    def script(asked: Asked) -> Any:
        if asked.path.endswith("/tags/list?n=1000"):
            return reply({"tags": names(400)})
        if "/manifests/" in asked.path:
            return reply({"errors": [{"code": "TOOMANYREQUESTS"}]}, 429, Retry_After="3600")
        return reply({})

    server = serve(script)

    async def scene(desk: Desk) -> None:
        shown = Shown(desk, server.host)
        shown.listing.list_tags(server.host, "a/b")
        await until(lambda: shown.tags.rowCount() == 400)
        shown.tags.want_all_details()
        await until(lambda: shown.tags.awaited_details == 0)
        assert sum("/manifests/" in path for path in server.paths()) < 60, "not all 400 are requested"
        shown.close()

    play(scene)


def test_a_page_that_was_overtaken_is_dropped(play, serve) -> None:
    hold, let_go = threading.Event(), threading.Event()

    def script(asked: Asked) -> Any:
        if asked.path.startswith("/v2/_catalog"):
            if not hold.is_set():
                hold.set()
                let_go.wait(60)
                return reply({"repositories": ["old/one"]})
            return reply({"repositories": ["new/one"]})
        return reply({})

    server = serve(script)

    async def scene(desk: Desk) -> None:
        shown = Shown(desk, server.host)
        shown.listing.list_repositories(server.host)
        await until(hold.is_set)
        shown.listing.list_repositories(server.host)
        await until(lambda: shown.registries.state(server.host) is NodeState.READY)
        assert shown.registries.index_of(server.host, "new/one").isValid()
        # The old page arrives only now, if it is still being read.
        let_go.set()
        await until(lambda: not [task for task in asyncio.all_tasks() if task.get_name().startswith("list ")])
        assert not shown.registries.index_of(server.host, "old/one").isValid()
        assert not shown.errors
        shown.close()

    play(scene)


def test_a_list_without_end_is_stopped(play, serve, monkeypatch) -> None:
    monkeypatch.setattr(listing_module, "MOST_TAGS", 5000)
    monkeypatch.setattr(listing_module, "MOST_REPOSITORIES", 5000)

    def script(asked: Asked) -> Any:
        page = int(asked.path.rpartition("page=")[2]) if "page=" in asked.path else 0
        found = [f"{'r/' if 'catalog' in asked.path else 't'}{page * 900 + at:08}" for at in range(900)]
        key = "repositories" if "catalog" in asked.path else "tags"
        return reply({key: found}, Link=f'<?page={page + 1}>; rel="next"')

    server = serve(script)

    async def scene(desk: Desk) -> None:
        shown = Shown(desk, server.host)
        shown.registries.set_filter("no such thing")
        shown.listing.list_repositories(server.host)
        shown.listing.list_tags(server.host, "a/b")
        await until(
            lambda: len(shown.errors) == 1 and shown.registries.state(server.host) is NodeState.FAILED
        )
        assert shown.tags.error is shown.errors[0] and "does not seem to end" in shown.tags.error.message
        assert 5000 <= shown.tags.total < 7000 and not shown.tags.loading
        shown.close()

    play(scene)


def test_refreshing_what_was_found_asks_once_more(play, serve) -> None:
    def script(asked: Asked) -> Any:
        number = len(server.paths())
        if "/search/" in asked.path:
            return reply({"count": 1, "results": [{"repo_name": f"found/r{number}", "star_count": 1}]})
        return reply({"count": 1, "results": [{"namespace": "library", "name": f"r{number}"}]})

    server = serve(script)

    async def scene(desk: Desk) -> None:
        host = "docker.io"
        shown = Shown(desk, host)
        # The only difference from the program is the address of Docker Hub's API.
        desk.clients._listers[host] = lister_for(
            desk.book.config(host),
            desk.clients.registry(host),
            lambda _: None,
            environ={},
            api_base=server.url,
        )

        def shows(path: str) -> Callable[[], bool]:
            return lambda: shown.registries.index_of(host, path).isValid()

        shown.registries.set_filter("wanted")
        shown.listing.search(host, "wanted")
        await until(shows("found/r1"))
        shown.listing.refresh(host)
        await until(shows("found/r2"))
        shown.listing.leave_search(host)
        shown.registries.set_filter("")
        await until(shows("library/r3"))
        shown.listing.refresh(host)
        await until(shows("library/r4"))
        assert ["search" in path for path in server.paths()] == [True, True, False, False]
        shown.close()

    play(scene)


def test_a_lister_is_made_anew_when_its_registry_is_forgotten(tmp_path: Path) -> None:
    book = RegistryBook(Settings(tmp_path), [])
    clients = Clients({}, book.config, cache=tmp_path / "cache")
    first = clients.lister("127.0.0.1:1")
    assert clients.lister("127.0.0.1:1") is first
    clients.forget_registry("127.0.0.1:1")
    assert clients.lister("127.0.0.1:1") is not first
    book.add(RegistryConfig("127.0.0.1:1", kind="harbor"))
    clients.forget_registry("127.0.0.1:1")
    assert clients.lister("127.0.0.1:1").kind == "harbor"
    clients.close()


def test_the_book_keeps_pins_and_what_is_recent(tmp_path: Path) -> None:
    book = RegistryBook(Settings(tmp_path), [])
    book.pin("r.io", "a/b")
    book.pin("r.io", "c/d")
    book.unpin("r.io", "a/b")
    book.show_digest_tags(True)
    again = RegistryBook(Settings(tmp_path), [])
    assert again.pins("r.io") == ("c/d",) and again.digest_tags_shown
    references = [Reference("r.io", f"n/{number}", "1") for number in (1, 2, 1, *range(20))]
    assert again.set_recent(references) and not again.set_recent(references)
    assert again.recent("r.io")[:3] == ("n/1", "n/2", "n/0") and len(again.recent("r.io")) == 8
    assert again.recent("other.io") == ()


def test_the_tags_to_choose_from_are_those_in_place_of_latest(play, serve) -> None:
    head = {
        "Docker_Content_Digest": f"sha256:{'0' * 64}",
        "Content_Type": "application/vnd.oci.image.index.v1+json",
    }

    def script(asked: Asked) -> Any:
        if asked.path == "/v2/with/latest/manifests/latest":
            return reply({}, **head)
        if asked.path.startswith("/v2/without/latest/tags/list"):
            return reply({"tags": ["1.0", "2.0"]})
        return reply({}, 500) if asked.path.startswith("/v2/broken/") else None

    server = serve(script)

    async def scene(desk: Desk) -> None:
        shown = Shown(desk, server.host)

        async def find(path: str) -> Any:
            answers: list[Any] = []
            reference = Reference.parse(f"{server.host}/{path}")
            shown.listing.find_tags(reference, answers.append, answers.append)
            await until(lambda: bool(answers))
            return answers[0]

        assert await find("with/latest") == []
        assert await find("without/latest") == ["1.0", "2.0"]
        assert await find("not/there") == []
        assert isinstance(await find("broken/one"), LongshoreError)
        shown.close()

    play(scene)


def test_untagged_images_are_read_when_their_filter_is_chosen(play, serve) -> None:
    digest = "sha256:" + "a" * 64

    def script(asked: Asked) -> Any:
        if "q=tags%3Dnil" in asked.path:
            return reply([{"digest": digest, "size": 9, "tags": None}])
        if asked.path.endswith("/artifacts?with_tag=true&page=1&page_size=100"):
            return reply([{"digest": digest, "size": 9, "tags": [{"name": "1"}]}])
        return reply({})

    server = serve(script)

    async def scene(desk: Desk) -> None:
        shown = Shown(desk, server.host)
        desk.book.add(RegistryConfig(server.host, kind="harbor"))
        shown.registries.set_registries([RegistryEntry(desk.book.config(server.host))])
        shown.listing.list_tags(server.host, "team/app")
        await until(lambda: shown.tags.rowCount() == 1)
        assert not any("nil" in path for path in server.paths())
        assert all(not choice.why_not for choice in shown.tags.choices())
        shown.tags.set_chosen({"kind:untagged"})
        await until(lambda: shown.tags.rowCount() == 1 and shown.tags.index(0, 0).data() == digest[:19])
        shown.close()

    play(scene)
