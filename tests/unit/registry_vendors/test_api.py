"""HTTP to a vendor's API: redirects, tries, limits, and the addresses that it may name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest
from urllib3 import HTTPHeaderDict

from longshore.credentials import Credential
from longshore.errors import (
    NotInRegistry,
    RateLimited,
    RegistryError,
    RegistryFailure,
    RegistryUnreachable,
    UnexpectedReply,
)
from longshore.registry.config import RegistryConfig
from longshore.registry.tls import TlsFiles
from longshore.registry.transport import Transport
from longshore.registry.vendors import api
from longshore.registry.vendors.api import Answer, VendorApi

from .test_requests import in_turn

SAM = Credential("sam", "a-secret")
CONFIG = RegistryConfig("registry.example")


@pytest.fixture
def connect(vendor: Any) -> Iterator[Callable[..., VendorApi]]:
    """An API at *vendor*, below a path; the registry itself is another host."""
    made: list[VendorApi] = []

    def make(path: str = "") -> VendorApi:
        transport = Transport(RegistryConfig(vendor.host), {}, TlsFiles(CONFIG, ()))
        made.append(VendorApi(vendor.url + path, transport, CONFIG))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr(api, "pause", lambda seconds, cancellation: found.append(round(seconds, 3)))
    return found


# -- redirects


def test_three_redirects_are_followed_and_no_fourth(vendor: Any, connect: Any, reply: Any) -> None:
    def hop(asked: Any) -> Any:
        number = int(asked.query["hop"])
        return {"end": number} if number == 0 else reply({}, 302, {"Location": f"/x?hop={number - 1}"})

    vendor.routes["/x"] = hop
    found = connect().get("/x?hop=3")
    assert (found.data, found.target) == ({"end": 0}, "/x?hop=0")
    vendor.asked.clear()
    with pytest.raises(UnexpectedReply, match="redirects too often"):
        connect().get("/x?hop=4")
    assert len(vendor.asked) == 4


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_every_redirect_is_followed(vendor: Any, connect: Any, reply: Any, status: int) -> None:
    vendor.routes["/old"] = reply({}, status, {"Location": "/new"})
    vendor.routes["/new"] = [1]
    assert connect().get("/old").data == [1]


@pytest.mark.parametrize("status", [201, 204, 300, 302, 304])
def test_what_is_neither_an_answer_nor_a_redirect(vendor: Any, connect: Any, reply: Any, status: int) -> None:
    vendor.routes["/x"] = reply({}, status)
    with pytest.raises(UnexpectedReply) as caught:
        connect().get("/x")
    assert caught.value.detail == f"HTTP {status}"


# -- tries


@pytest.mark.parametrize(
    ("status", "headers", "found"),
    [
        (429, {}, []),
        (429, {"Retry-After": "0"}, [0, 0]),
        (429, {"Retry-After": "5"}, [5, 5]),
        (429, {"Retry-After": "6"}, []),
        (500, {}, [0.3, 0.6]),
        (502, {}, [0.3, 0.6]),
        (503, {"Retry-After": "5"}, [5, 5]),
        (503, {"Retry-After": "6"}, []),
        (504, {}, [0.3, 0.6]),
        (501, {}, []),
        (409, {}, []),
    ],
)
def test_which_answers_are_asked_for_again(
    vendor: Any, connect: Any, reply: Any, waits: list[float], status: int, headers: Any, found: list[float]
) -> None:
    vendor.routes["/x"] = reply({}, status, headers)
    with pytest.raises(RegistryError):
        connect().get("/x")
    assert waits == found
    assert len(vendor.asked) == len(found) + 1


def test_an_answer_after_a_failure_is_good(vendor: Any, connect: Any, reply: Any, waits: list[float]) -> None:
    vendor.routes["/x"] = in_turn(reply({}, 503), reply({}, 500), [1])
    assert connect().get("/x").data == [1]


@pytest.mark.parametrize(("cuts", "good"), [(2, True), (3, False)])
def test_a_connection_that_is_cut_is_made_again(
    vendor: Any, connect: Any, waits: list[float], cuts: int, good: bool
) -> None:
    def cut(asked: Any) -> Any:
        if len(vendor.asked) <= cuts:
            raise ConnectionResetError  # the server closes the connection without a response
        return [1]

    vendor.routes["/x"] = cut
    if good:
        assert connect().get("/x").data == [1]
    else:
        with pytest.raises(RegistryUnreachable) as caught:
            connect().get("/x")
        assert caught.value.registry == "registry.example"
        assert vendor.host in caught.value.message
    assert (len(vendor.asked), waits) == (3, [])


def test_an_error_names_what_was_asked_for_and_who_asked(vendor: Any, connect: Any, reply: Any) -> None:
    with pytest.raises(NotInRegistry) as caught:
        connect().get("/x", subject="team/app")
    assert (caught.value.subject, caught.value.registry) == ("team/app", "registry.example")
    vendor.routes["/x"] = reply({}, 429)
    with pytest.raises(RateLimited) as limited:
        connect().get("/x", {"Authorization": "x"}, SAM)
    assert "sign in" not in limited.value.advice


# -- sizes


def test_an_answer_of_eight_megabytes_is_read(vendor: Any, connect: Any, reply: Any) -> None:
    vendor.routes["/x"] = reply(b"[1]" + b" " * ((8 << 20) - 3))
    assert connect().get("/x").data == [1]
    vendor.routes["/x"] = reply(b"[1]" + b" " * ((8 << 20) - 2))
    with pytest.raises(UnexpectedReply, match="exceeds 8 MiB"):
        connect().get("/x")


def test_of_an_error_only_the_beginning_is_read(vendor: Any, connect: Any, reply: Any, waits: Any) -> None:
    vendor.routes["/x"] = reply(b"no" * (1 << 20), 500)
    with pytest.raises(RegistryFailure, match="internal error"):
        connect().get("/x")


# -- what is sent


def test_tokens_are_asked_for_by_a_form_or_a_document(vendor: Any, connect: Any) -> None:
    vendor.routes["/token"] = {"t": 1}
    assert connect().post("/token", SAM, form={"a": "b c"}).data == {"t": 1}
    assert connect().post("/token", SAM, {"a": "b c"}).data == {"t": 1}
    form, document = vendor.asked
    assert (form.method, form.headers["content-type"]) == ("POST", "application/x-www-form-urlencoded")
    assert parse_qs(form.body.decode()) == {"a": ["b c"]}
    assert (document.headers["content-type"], document.body) == ("application/json", b'{"a": "b c"}')
    assert {one.headers["accept"] for one in vendor.asked} == {"application/json"}


def test_headers_replace_the_usual_ones(vendor: Any, connect: Any) -> None:
    vendor.routes["/x"] = []
    connect().get("/x", {"Accept": "x/y", "X-More": "z"})
    assert (vendor.asked[0].headers["accept"], vendor.asked[0].headers["x-more"]) == ("x/y", "z")


# -- addresses


@pytest.mark.parametrize(
    ("path", "url", "target"),
    [
        ("", "/v1/x?page=2", "/v1/x?page=2"),
        ("", "?page=2", "/v1/here?page=2"),
        ("", "{base}/v1/y", "/v1/y"),
        ("", "{base}", "/"),
        ("", "{base}?page=2", "/?page=2"),
        ("/git", "{base}/git/v1/y?a=b", "/v1/y?a=b"),
        ("/git", "?page=2", "/v1/here?page=2"),
    ],
)
def test_addresses_of_the_api_itself(vendor: Any, connect: Any, path: str, url: str, target: str) -> None:
    assert connect(path).local(url.replace("{base}", vendor.url), "/v1/here") == target


@pytest.mark.parametrize(
    ("path", "url", "why"),
    [
        ("", "http://127.0.0.1:1/v1/x", "on another host"),
        ("", "https://elsewhere.example/v1/x", "on another host"),
        ("", "ftp://x/", "is not valid"),
        ("", "/a b", "is not valid"),
        ("/git", "/other/v1/y", "outside its API"),
        ("/git", "/git", "outside its API"),
        ("/git", "/gitea/v1/y", "outside its API"),
    ],
)
def test_addresses_elsewhere(connect: Any, path: str, url: str, why: str) -> None:
    with pytest.raises(UnexpectedReply, match=why):
        connect(path).local(url, "/v1/here")


def test_the_next_page_may_be_in_the_second_of_two_headers(connect: Any) -> None:
    headers = HTTPHeaderDict()
    headers.add("Link", "</v1/first>; rel=first")
    headers.add("Link", "</v1/next>; rel=next")
    assert connect().link(Answer([], headers, "/v1/here")) == "/v1/next"
    assert connect().link(Answer([], HTTPHeaderDict(), "/v1/here")) is None


@pytest.mark.parametrize(
    ("credential", "secret"), [(SAM, "a-secret"), (Credential("sam", "", "token"), "token")]
)
def test_a_basic_header_has_the_secret_or_the_token(credential: Credential, secret: str) -> None:
    import base64

    sent = api.basic(credential)["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent).decode() == f"sam:{secret}"
