"""Asking what a tag points to, and what is remembered of it; and the news that changes of tags bring."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from longshore.application.clients import Clients
from longshore.application.tag_checks import TagChecks
from longshore.application.tag_news import TagNews
from longshore.cancellation import Cancellation
from longshore.engine.address import EngineAddress
from longshore.errors import NotInRegistry, SignInRequired
from longshore.oci.manifest import OCI_INDEX
from longshore.oci.reference import Reference
from longshore.registry.config import parse_registry
from longshore.registry.model import TagDetails
from longshore.transfers.tag_changes import NoRecorder, TagChange, TagOperation
from longshore.transfers.transfer import EnginePlace, Place, RegistryPlace
from unit.registry.conftest import Asked, Scripted, reply
from unit.registry.conftest import serve as serve

ONE, TWO = (f"sha256:{digit * 64}" for digit in "12")


@pytest.fixture
def clients(tmp_path: Path, serve: Callable[..., Scripted]) -> Iterator[Clients]:  # closed before the servers
    made = Clients({"HOME": str(tmp_path)}, parse_registry, cache=tmp_path / "cache")
    yield made
    made.close()


def has(digest: str) -> Callable[[Asked], Any]:
    def script(asked: Asked) -> Any:
        if asked.path == "/v2/":
            return reply({})
        if not digest:
            return None
        return reply({}, Docker_Content_Digest=digest, Content_Type=OCI_INDEX)

    return script


def test_one_head_and_no_manifest(clients: Clients, serve: Callable[..., Scripted]) -> None:
    server = serve(has(ONE))
    web = Reference(server.host, "a/web", "1")
    checks = TagChecks(clients, clients.checked_tags())
    there = checks.ask(web, Cancellation())
    assert (there.digest, there.error, there.before) == (ONE, None, ())
    server.script = has(TWO)
    there = checks.ask(web, Cancellation())
    assert (there.digest, there.before) == (TWO, (ONE,))
    server.script = has("")
    there = checks.ask(web, Cancellation())
    assert isinstance(there.error, NotInRegistry) and there.before == (TWO, ONE)
    server.script = lambda _: reply({}, 403)
    assert isinstance(checks.ask(web, Cancellation()).error, SignInRequired)
    assert not server.paths("GET"), "neither a missing tag nor a refusal leads to a pull"
    assert checks.known([web])[web].before == (TWO, ONE), "an error is not remembered"


def test_what_another_longshore_has_asked_is_not_asked_again(
    clients: Clients, serve: Callable[..., Scripted]
) -> None:
    server = serve(has(ONE))
    web = Reference(server.host, "a/web", "1")
    now = datetime.now(UTC)
    checks = TagChecks(clients, clients.checked_tags())
    checks.note({web: (TWO, now - timedelta(minutes=5))})
    assert checks.ask(web, Cancellation(), since=now - timedelta(minutes=60)).digest == TWO
    assert not server.paths("HEAD")
    assert checks.ask(web, Cancellation(), since=now - timedelta(minutes=1)).digest == ONE
    assert len(server.paths("HEAD")) == 1


def test_an_answer_from_the_future_is_asked_again(clients: Clients, serve: Callable[..., Scripted]) -> None:
    server = serve(has(ONE))
    web = Reference(server.host, "a/web", "1")
    now = datetime.now(UTC)
    checks = TagChecks(clients, clients.checked_tags())
    checks.note({web: (TWO, now + timedelta(days=3))})
    assert checks.ask(web, Cancellation(), since=now - timedelta(minutes=60)).digest == ONE


class Kept(NoRecorder):
    def __init__(self) -> None:
        self.settled: list[Mapping[str, str | None]] = []
        self.seen: list[Mapping[Reference, str]] = []

    def announce(self, changes: Sequence[TagChange]) -> list[str]:
        return [str(number) for number, _ in enumerate(changes)]

    def settle(self, found: Mapping[str, str | None]) -> None:
        self.settled.append(found)

    def saw(self, place: Place, found: Mapping[Reference, str], asked: float) -> None:
        self.seen.append(found)


def test_changes_of_tags_are_news_where_registries_have_them() -> None:
    told: list[dict[Reference, str | None]] = []
    kept = Kept()
    news = TagNews(kept, told.append)
    web, app = Reference("reg.io", "web", "1"), Reference("reg.io", "app", "1")
    registry, engine = RegistryPlace("reg.io"), EnginePlace(EngineAddress("x", "unix:///x"))
    changes = [
        TagChange(registry, web, TagOperation.PUSH, ONE),
        TagChange(engine, app, TagOperation.PULL, ONE),
        TagChange(registry, app, TagOperation.REMOVE, ONE),
    ]
    ids = news.announce(changes)
    news.settle(dict(zip(ids, (TWO, TWO, ""), strict=True)))
    assert told == [{web: TWO, app: ""}] and kept.settled == [{"0": TWO, "1": TWO, "2": ""}]
    news.settle({"0": ONE})
    assert len(told) == 1, "it was settled already"
    news.saw(registry, {web: ONE}, 0.0)
    news.saw(engine, {web: TWO}, 0.0)
    assert told[1:] == [{web: ONE}] and len(kept.seen) == 2


def test_details_on_disk_come_with_the_digest(clients: Clients, serve: Callable[..., Scripted]) -> None:
    from longshore.oci.platform import Platform

    server = serve(has(ONE))
    web = Reference(server.host, "a/web", "1")
    created = datetime(2026, 1, 2, tzinfo=UTC)
    cache = clients._kept_details()
    assert cache is not None
    cache.put(server.host, "a/web", TagDetails("1", ONE, 5, (), created, OCI_INDEX), Platform.host())
    there = TagChecks(clients, clients.checked_tags()).ask(web, Cancellation())
    assert there.details is not None and there.details.created == created
    assert not server.paths("GET")
