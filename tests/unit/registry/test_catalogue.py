"""The catalogue and the tags of a registry: how many entries are asked for, and what follows a full page."""

from __future__ import annotations

from typing import Any

import pytest

from longshore.credentials import Credential
from longshore.errors import ListingUnsupported, LongshoreError, SignInRequired, UnexpectedReply

from .conftest import Asked, reply

SAM = Credential("sam", "tide")


@pytest.mark.parametrize(
    ("n", "asked"), [(-1, 1), (0, 1), (1, 1), (2, 2), (999, 999), (1000, 1000), (1001, 1000)]
)
def test_a_page_has_from_one_to_a_thousand_entries(serve, connect, n: int, asked: int) -> None:
    server = serve(lambda one: reply({}))
    client = connect(server)
    client.repositories(n=n)
    client.tags("a/b", n=n)
    assert server.paths() == [f"/v2/_catalog?n={asked}", f"/v2/a/b/tags/list?n={asked}"]


def test_the_usual_sizes_of_pages(serve, connect) -> None:
    server = serve(lambda one: reply({}))
    client = connect(server)
    client.repositories()
    client.tags("a/b")
    assert server.paths() == ["/v2/_catalog?n=200", "/v2/a/b/tags/list?n=1000"]


@pytest.mark.parametrize(
    ("n", "code", "asked"),
    [(100, 400, ["100"]), (101, 400, ["101", "100"]), (200, 405, ["200"]), (200, 501, ["200"])],
)
def test_a_smaller_page_is_tried_once_and_only_for_a_large_one(
    serve, connect, n: int, code: int, asked: list[str]
) -> None:
    server = serve(lambda one: reply({}, code))
    with pytest.raises(ListingUnsupported, match="does not list its repositories") as caught:
        connect(server).repositories(n=n)
    assert caught.value.detail == f"HTTP {code}"
    assert [path.rpartition("=")[2] for path in server.paths()] == asked


def test_a_further_page_that_is_refused_is_not_replaced_by_the_first(serve, connect) -> None:
    def script(asked: Asked) -> Any:
        if "last" in asked.path:
            return reply({}, 400)
        return reply({"repositories": ["a"]}, Link="</v2/_catalog?n=200&last=a>; rel=next")

    server = serve(script)
    client = connect(server)
    page = client.repositories()
    with pytest.raises(LongshoreError):
        client.repositories(page.next)
    assert len(server.paths()) == 2


@pytest.mark.parametrize("status", [409, 413])
def test_an_error_that_says_nothing_about_listing_stays_one(serve, connect, status: int) -> None:
    with pytest.raises(UnexpectedReply) as caught:
        connect(serve(lambda one: reply({}, status))).repositories()
    assert type(caught.value) is UnexpectedReply


def test_who_has_not_signed_in_is_asked_to(serve, connect) -> None:
    with pytest.raises(SignInRequired):
        connect(serve(lambda one: reply({}, 401, WWW_Authenticate="Basic"))).repositories()


@pytest.mark.parametrize(("status", "words"), [(403, "for you"), (404, "for you"), (405, "repositories.")])
def test_why_there_is_no_list(serve, connect, status: int, words: str) -> None:
    def script(asked: Asked) -> Any:
        if not asked.authorization:
            return reply({}, 401, WWW_Authenticate="Basic")
        return reply({}, status)

    with pytest.raises(ListingUnsupported, match=words):
        connect(serve(script), SAM).repositories()


# -- full pages without a link


def paged(key: str, pages: dict[str, list[str]]) -> Any:
    def script(asked: Asked) -> Any:
        return reply({key: pages[asked.path]}) if asked.path in pages else reply({key: []})

    return script


def test_a_full_page_of_sorted_tags_is_continued_behind_its_last(serve, connect) -> None:
    path = "/v2/a/b/tags/list"
    server = serve(paged("tags", {f"{path}?n=2": ["1", "2"], f"{path}?n=2&last=2": ["3"]}))
    client = connect(server)
    first = client.tags("a/b", n=2)
    assert first.items == ["1", "2"] and first.next is not None
    second = client.tags("a/b", first.next, n=2)
    assert (second.items, second.next) == (["3"], None)
    assert server.paths() == [f"{path}?n=2", f"{path}?n=2&last=2"]


@pytest.mark.parametrize("tags", [["1"], ["1", "2", "3"], ["2", "1"], []])
def test_tags_that_are_complete(serve, connect, tags: list[str]) -> None:
    """Fewer or more than were asked for, or in no order: distribution returns them all."""
    page = connect(serve(lambda one: reply({"tags": tags}))).tags("a/b", n=2)
    assert (page.items, page.next) == (tags, None)


def test_an_unsorted_catalogue_is_asked_for_whole(serve, connect) -> None:
    pages = {"/v2/_catalog?n=2": ["b", "a"], "/v2/_catalog": ["b", "a", "c"]}
    server = serve(paged("repositories", pages))
    client = connect(server)
    first = client.repositories(n=2)
    assert first.items == ["b", "a"] and first.next is not None
    second = client.repositories(first.next, n=2)
    assert (second.items, second.next) == (["c"], None)


def test_the_last_name_is_encoded(serve, connect) -> None:
    pages = {"/v2/_catalog?n=2": ["a/b", "c/d"], "/v2/_catalog?n=2&last=c%2Fd": ["e"]}
    client = connect(serve(paged("repositories", pages)))
    first = client.repositories(n=2)
    assert client.repositories(first.next, n=2).items == ["e"]


def test_a_page_may_have_eight_megabytes(serve, connect) -> None:
    def page(size: int) -> bytes:
        return b'{"tags":["1"]}' + b" " * (size - 14)

    assert connect(serve(lambda one: reply(page(8 << 20)))).tags("a/b").items == ["1"]
    with pytest.raises(UnexpectedReply, match="exceeds 8192 KiB"):
        connect(serve(lambda one: reply(page((8 << 20) + 1)))).tags("a/b")


def test_the_namespace_does_not_change_where_the_next_page_is(serve, connect) -> None:
    server = serve(lambda one: reply({"repositories": ["x"]}, Link="<?last=x>; rel=next"))
    page = connect(server, namespace="team").repositories()
    assert page.items == [] and page.next is not None and page.next.endswith("/v2/_catalog?last=x")
