"""Requests that are tried again: which, how often, after how long; and redirects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from longshore.credentials import Credential
from longshore.errors import LongshoreError, RateLimited, RegistryFailure, UnexpectedReply
from longshore.registry import session
from longshore.registry.client import RegistryClient
from longshore.registry.model import Upload
from longshore.registry.session import BodySpentError

from .conftest import Asked, reply

SAM = Credential("sam", "tide")
DIGEST = "sha256:" + "0" * 64


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between the tries, in seconds, none of which is made."""
    found: list[float] = []
    monkeypatch.setattr(session, "pause", lambda seconds, cancellation: found.append(round(seconds, 3)))
    return found


def refusing(status: int, **headers: str) -> Callable[[Asked], Any]:
    return lambda asked: reply({}) if asked.path == "/v2/" else reply({}, status, **headers)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_three_times(serve, connect, waits: list[float], status: int) -> None:
    server = serve(refusing(status))
    with pytest.raises(RateLimited if status == 429 else RegistryFailure):
        connect(server).tags("a/b")
    assert len(server.paths()) == 3
    assert waits == [0.3, 0.6]


@pytest.mark.parametrize("status", [402, 409, 418, 501, 505, 507])
def test_what_does_not_pass_is_tried_once(serve, connect, waits: list[float], status: int) -> None:
    server = serve(refusing(status))
    with pytest.raises(LongshoreError):
        connect(server).tags("a/b")
    assert (len(server.paths()), waits) == (1, [])


@pytest.mark.parametrize(("header", "found"), [("0", [0, 0]), ("5", [5, 5]), ("6", [])])
def test_how_long_a_registry_may_ask_to_wait(
    serve, connect, waits: list[float], header: str, found: list[float]
) -> None:
    server = serve(refusing(503, Retry_After=header))
    with pytest.raises(RegistryFailure):
        connect(server).tags("a/b")
    assert waits == found
    assert len(server.paths()) == len(found) + 1


@pytest.mark.parametrize(("header", "found"), [("5", [5, 5]), ("6", []), ("", [0.3, 0.6])])
def test_how_long_a_token_service_may_ask_to_wait(
    serve, connect, waits: list[float], header: str, found: list[float]
) -> None:
    asked: list[Asked] = []

    def script(one: Asked) -> Any:
        if one.path.startswith("/token"):
            asked.append(one)
            return reply({}, 503, **({"Retry_After": header} if header else {}))
        return reply({}, 401, WWW_Authenticate=f'Bearer realm="{one.server.url}/token"')

    with pytest.raises(RegistryFailure) as caught:
        connect(serve(script)).tags("a/b")
    assert caught.value.detail == "token service: HTTP 503"
    assert waits == found
    assert len(asked) == len(found) + 1


def test_a_body_that_can_be_sent_once_is_sent_once(serve, connect, waits: list[float]) -> None:
    server = serve(refusing(503))
    client = connect(server)
    upload = Upload("a/b", "a/b/blobs/uploads/1")
    for call in (
        lambda: client.upload_chunk(upload, [b"abc"], 3),
        lambda: client.finish_upload(upload, DIGEST, [b"abc"], 3),
    ):
        with pytest.raises(RegistryFailure):
            call()
    assert ([one.method for one in server.asked if one.path != "/v2/"], waits) == (["PATCH", "PUT"], [])


def test_a_body_that_was_sent_before_the_sign_in_has_to_come_again(serve, connect) -> None:
    def script(asked: Asked) -> Any:
        return reply({}, 202) if asked.authorization else reply({}, 401, WWW_Authenticate="Basic realm=x")

    client = connect(serve(script), SAM)
    upload = Upload("a/b", "a/b/blobs/uploads/1")
    with pytest.raises(BodySpentError):
        client.upload_chunk(upload, [b"abc"], 3)
    assert client.upload_chunk(upload, [b"abc"], 3).offset == 3


# -- redirects


def hops(count: int) -> Callable[[Asked], Any]:
    """Redirects *count* times before it responds."""

    def script(asked: Asked) -> Any:
        if asked.path == "/v2/":
            return reply({})
        hop = int(asked.path.rpartition("hop=")[2]) if "hop=" in asked.path else 0
        return reply({"tags": ["1"]}) if hop == count else reply({}, 302, Location=f"/v2/x?hop={hop + 1}")

    return script


def test_five_redirects_are_followed_and_no_sixth(serve, connect) -> None:
    assert connect(serve(hops(5))).tags("a/b").items == ["1"]
    server = serve(hops(6))
    with pytest.raises(UnexpectedReply, match="redirects too often"):
        connect(server).tags("a/b")
    assert len(server.paths()) == 6


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_reads_follow_every_redirect(serve, connect, status: int) -> None:
    def script(asked: Asked) -> Any:
        return reply({"tags": ["1"]}) if "there" in asked.path else reply({}, status, Location="/v2/there")

    assert connect(serve(script)).tags("a/b").items == ["1"]


@pytest.mark.parametrize(("status", "location"), [(300, "/v2/there"), (304, "/v2/there"), (302, "")])
def test_what_is_no_redirect(serve, connect, status: int, location: str) -> None:
    server = serve(refusing(status, Location=location))
    with pytest.raises(UnexpectedReply):
        connect(server).tags("a/b")
    assert len(server.paths()) == 1


def test_a_sign_in_that_is_lost_on_the_way_stays_lost(serve, connect) -> None:
    """Back from another host the request is no longer signed: who redirects there may have changed the address."""
    elsewhere = serve(lambda asked: reply({}, 302, Location=f"{registry.url}/v2/back"))

    def script(asked: Asked) -> Any:
        if asked.path == "/v2/back":
            return reply({"tags": ["1"]})
        if not asked.authorization:
            return reply({}, 401, WWW_Authenticate="Basic realm=x")
        return reply({}, 302, Location=f"{elsewhere.url}/x")

    registry = serve(script)
    assert connect(registry, SAM).tags("a/b").items == ["1"]
    assert [one.authorization for one in (elsewhere.asked[-1], registry.asked[-1])] == ["", ""]


@pytest.mark.parametrize("status", [401, 403])
def test_a_storage_that_refuses_says_nothing_about_the_sign_in(serve, connect, status: int) -> None:
    storage = serve(lambda asked: reply(b"<Error/>", status, WWW_Authenticate="Basic realm=y"))
    server = serve(lambda asked: reply({}, 307, Location=f"{storage.url}/bucket"))
    with pytest.raises(UnexpectedReply, match="refused access") as caught:
        connect(server, SAM).tags("a/b")
    assert storage.host in caught.value.message and server.host in caught.value.message
    assert "clock" in caught.value.advice and caught.value.detail == f"HTTP {status}"
    assert len(storage.asked) == 1


def test_another_error_of_a_storage_is_an_error_as_any(serve, connect) -> None:
    storage = serve(lambda asked: reply({}, 409))
    server = serve(lambda asked: reply({}, 307, Location=f"{storage.url}/bucket"))
    with pytest.raises(UnexpectedReply) as caught:
        connect(server).tags("a/b")
    assert "refused access" not in caught.value.message


# -- how much is read


@pytest.mark.parametrize("announced", [True, False])
def test_a_response_of_the_limit_is_read_and_one_byte_more_is_refused(
    serve, connect, announced: bool
) -> None:
    def script(asked: Asked) -> Any:
        answer = reply(b"x" * (100 if "fits" in asked.path else 101))
        if not announced:
            answer.length = -1
        return answer

    client: RegistryClient = connect(serve(script))
    assert client._session.fetch("GET", "fits", limit=100).body == b"x" * 100
    with pytest.raises(UnexpectedReply, match="a response exceeds"):
        client._session.fetch("GET", "more", limit=100)
