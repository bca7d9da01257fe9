"""Lists of registries and patterns of names, for callers that wait."""

from __future__ import annotations

from typing import Any

import pytest

from longshore.application import listings
from longshore.application.name_patterns import matches, patterns
from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError, RateLimited, UnexpectedReply
from longshore.registry.config import RegistryConfig
from longshore.registry.model import Page, RepositoryInfo, TagDetails
from longshore.registry.vendors.protocol import TagInfo


class Pages:
    """A registry whose pages repeat names; *last*: the number of its last page, None for no end."""

    kind = "distribution"
    searches = False

    def __init__(self, last: int | None) -> None:
        self.last = last
        self.asked = 0

    def _page(self, page: str | None, made: Any) -> Page[Any]:
        number = int(page or 0)
        self.asked += 1
        items = [made("same"), *(made(f"n{number}-{one}") for one in range(999))]
        return Page(items, None if number == self.last else str(number + 1))

    def repositories(
        self, page: str | None = None, query: str = "", *, cancellation: Cancellation | None = None
    ) -> Page[RepositoryInfo]:
        return self._page(page, RepositoryInfo)

    def tags(
        self, repository: str, page: str | None = None, *, cancellation: Cancellation | None = None
    ) -> Page[TagInfo]:
        return self._page(page, TagInfo)

    def close(self) -> None:
        pass


def test_each_name_once_and_pages_only_as_needed() -> None:
    lister = Pages(2)
    found = listings.repositories(lister, "host", cancellation=Cancellation())
    assert next(found).name == "same" and lister.asked == 1
    assert len(list(found)) == 3 * 999
    assert len(listings.tags(Pages(2), "host", "a/b", cancellation=Cancellation())) == 3 * 999 + 1


def test_a_list_without_an_end_is_stopped() -> None:
    with pytest.raises(UnexpectedReply, match="100,000 repositories"):
        for _ in listings.repositories(Pages(None), "host", cancellation=Cancellation()):
            pass
    with pytest.raises(UnexpectedReply, match="100,000 tags"):
        listings.tags(Pages(None), "host", "a/b", cancellation=Cancellation())


class Details:
    """A client that limits requests after some. *hosts*: which registry it is."""

    def __init__(self, host: str, allowed: int) -> None:
        self.registry = RegistryConfig(host)
        self.allowed = allowed
        self.asked: list[bool] = []

    def tag_details(self, repository: str, tag: str, *, cheaply: bool, cancellation: Any) -> TagDetails:
        self.asked.append(cheaply)
        if len(self.asked) > self.allowed:
            raise RateLimited("Too many requests.", registry=self.registry.host)
        return TagDetails(tag, f"sha256:{'0' * 64}", 1, (), None, "x/y")


def test_no_more_is_requested_from_a_registry_that_limits_requests() -> None:
    client: Any = Details("registry.example", 3)
    found = listings.details(client, "a/b", [TagInfo(str(one)) for one in range(500)], Cancellation())
    assert sum(isinstance(one, LongshoreError) for one in found) == 497
    assert len(client.asked) <= 3 + listings.READERS and not any(client.asked)


def test_docker_hub_is_asked_only_for_what_it_does_not_count() -> None:
    client: Any = Details("docker.io", 10)
    known = TagDetails("1", f"sha256:{'1' * 64}", 5, (), None, "x/y")
    listed = [TagInfo("1", known, complete=True), TagInfo("2")]
    first, _ = listings.details(client, "library/a", listed, Cancellation())
    assert first is known and client.asked == [True]


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("", "1.0", True),
        ("1.* 2.*", "2.1", True),
        ("1.*,2.*", "3.1", False),
        ("!*-rc*", "1.0", True),
        ("1.* !*-rc*", "1.0-rc1", False),
        ("V*", "v1", False),
        ("v[0-9]?", "v12", True),
    ],
)
def test_patterns(text: str, name: str, expected: bool) -> None:
    assert matches(patterns(text), name) is expected


def test_a_pattern_that_looks_slow_is_not() -> None:
    assert not matches(["*a" * 200 + "b"], "a" * 5000)
