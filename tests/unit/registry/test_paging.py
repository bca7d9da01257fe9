"""Pages of a listing: where each limit is, exact to the page and the item."""

from __future__ import annotations

import pytest
from urllib3 import HTTPHeaderDict

from longshore.errors import UnexpectedReply
from longshore.registry import paging
from longshore.registry.config import RegistryConfig
from longshore.registry.model import Page
from longshore.registry.paging import Pager
from longshore.registry.session import Document

OWN = "https://reg.io"
FIRST = f"{OWN}/v2/_catalog"


class Walk:
    """A listing as a client walks it: each page names the next by number."""

    def __init__(self, **config: str) -> None:
        self.pager = Pager(RegistryConfig("reg.io", **config))
        self.page: Page[str] | None = None
        self.number = 0

    def step(self, items: list[str], link: str | None = "", **more: str) -> Page[str]:
        """Read a next page of *items*; *link*: its Link header, "" links to the next number, None sends none."""
        asked = self.page.next if self.page is not None else None
        url = self.pager.address(asked) if asked else FIRST
        self.number += 1
        headers = HTTPHeaderDict()
        if link is not None:
            headers.add("Link", link or f'</v2/_catalog?page={self.number}>; rel="next"')
        self.page = self.pager.page(asked, Document(200, headers, b"", url), items, OWN, **more)
        return self.page

    def refused(self, why: str) -> None:
        assert self.page is not None and self.page.next is not None
        for _ in range(2):
            with pytest.raises(UnexpectedReply, match=why):
                self.pager.address(self.page.next)


def test_twenty_pages_without_an_entry_are_the_most() -> None:
    walk = Walk()
    walk.step(["a"])
    for _ in range(19):
        walk.step([])
    assert walk.pager.address(walk.page.next or "")
    walk.step([])
    walk.refused("its pages repeat")
    assert walk.number == 21


def test_an_entry_begins_the_count_of_empty_pages_anew() -> None:
    walk = Walk()
    for number in range(5):
        for _ in range(19):
            walk.step([])
        walk.step([f"r{number}"])
    assert walk.pager.address(walk.page.next or "")


def test_a_page_that_brings_only_what_was_there_is_the_last() -> None:
    walk = Walk()
    walk.step(["a", "b"])
    walk.step(["b", "c"])
    assert walk.pager.address(walk.page.next or "")
    walk.step(["c", "a"])
    walk.refused("its pages repeat")
    assert walk.page.items == ["c", "a"]


@pytest.mark.parametrize(("size", "pages"), [(10, 11), (100, 2), (101, 1)])
def test_too_many_entries_are_stopped(monkeypatch: pytest.MonkeyPatch, size: int, pages: int) -> None:
    monkeypatch.setattr(paging, "MOST_ITEMS", 100)
    walk = Walk()
    for page in range(pages):
        if page:
            walk.pager.address(walk.page.next or "")
        walk.step([f"{page}-{number}" for number in range(size)])
    walk.refused("more than 100 entries")


def test_too_many_entries_that_nobody_links_are_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "MOST_ITEMS", 3)
    walk = Walk()
    assert walk.step(["a", "b", "c"], None, more=f"{FIRST}?last=c").next is not None
    walk.page = None
    assert walk.step(["a", "b", "c", "d"], None, more=f"{FIRST}?last=d").next is None


@pytest.mark.parametrize(
    ("link", "why"),
    [
        ('<https://evil.io/pages>; rel="next"', "another host"),
        ('<http://u:p@reg.io/v2/x>; rel="next"', "address of its next page is not valid"),
        ('<ftp://reg.io/v2/x>; rel="next"', "address of its next page is not valid"),
        ('</v2/_catalog>; rel="next"', "already read"),
    ],
)
def test_links_that_are_not_followed(link: str, why: str) -> None:
    walk = Walk()
    walk.step(["a"], link)
    walk.refused(why)


def test_a_circle_of_two_pages_is_stopped() -> None:
    walk = Walk()
    walk.step(["a"], '</v2/_catalog?p=2>; rel="next"')
    walk.step(["b"], '</v2/_catalog>; rel="next"')
    walk.refused("already read")


def test_a_link_to_the_inside_of_a_gateway_is_asked_outside() -> None:
    walk = Walk()
    walk.step(["a"], '<http://10.0.0.7:5000/v2/_catalog?last=a>; rel="next"')
    assert walk.pager.address(walk.page.next or "") == f"{FIRST}?last=a"
    walk = Walk(prefix="images")
    walk.step(["a"], '<http://10.0.0.7:5000/images/v2/_catalog?last=a>; rel="next"')
    assert walk.pager.address(walk.page.next or "") == f"{OWN}/images/v2/_catalog?last=a"
    walk = Walk(prefix="images")
    walk.step(["a"], '<http://10.0.0.7:5000/v2/_catalog?last=a>; rel="next"')
    walk.refused("another host")


def test_a_full_page_without_a_link_is_asked_behind() -> None:
    walk = Walk()
    walk.step(["a", "b"], None, more=f"{FIRST}?last=b", whole=FIRST + "?all")
    assert walk.pager.address(walk.page.next or "") == f"{FIRST}?last=b"
    assert walk.step(["c", "d"], None, more=f"{FIRST}?last=d", whole=FIRST + "?all").items == ["c", "d"]
    assert walk.step([], None).next is None


def test_a_registry_that_does_not_go_on_behind_is_asked_for_all() -> None:
    walk = Walk()
    walk.step(["a", "b"], None, more=f"{FIRST}?last=b", whole=f"{FIRST}?all")
    walk.step(["a", "b"], None, more=f"{FIRST}?last=b", whole=f"{FIRST}?all")
    assert walk.page.items == [] and walk.pager.address(walk.page.next or "") == f"{FIRST}?all"
    assert walk.step(["a", "b", "c"], None).items == ["c"] and walk.page.next is None


def test_a_registry_that_gives_the_same_full_page_to_every_question_comes_to_an_end() -> None:
    walk = Walk()
    for asked in (FIRST, f"{FIRST}?last=b", f"{FIRST}?all"):
        if walk.page is not None:
            assert walk.pager.address(walk.page.next or "") == asked
        walk.step(["a", "b"], None, more=f"{FIRST}?last=b", whole=f"{FIRST}?all")
    assert walk.page is not None
    assert (walk.page.items, walk.page.next) == ([], None)


def test_listings_side_by_side_are_counted_for_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "_LISTINGS_KEPT", 2)
    pager = Pager(RegistryConfig("reg.io"))
    headers = HTTPHeaderDict({"Link": '<https://evil.io/x>; rel="next"'})
    pages = [pager.page(None, Document(200, headers, b"", FIRST), ["a"], OWN) for _ in range(3)]
    assert len({page.next for page in pages}) == 3
    for page in pages[1:]:
        with pytest.raises(UnexpectedReply):
            pager.address(page.next or "")
