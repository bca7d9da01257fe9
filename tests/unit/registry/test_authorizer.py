"""Which signature a request gets: tokens and credentials of others, of before, and of other repositories."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from longshore.credentials import Credential
from longshore.errors import AccessDenied, CredentialsError, NotInRegistry, SignInRequired, UnexpectedReply
from longshore.registry import auth
from longshore.registry.auth import Signed
from longshore.registry.challenge import Challenge, parse_challenges
from longshore.registry.client import RegistryClient

from .conftest import Asked, reply
from .test_auth import BASIC, SAM, Tokens, tags
from .test_tokens import Clock, clock

__all__ = ["clock"]

LASTING = {"expires_in": 3600}


def basic(user: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()


def looking_up(client: RegistryClient, *credentials: Credential | None) -> list[str]:
    """Let *client* find *credentials* one after the other (the last one again and again); returns who was asked."""
    asked: list[str] = []

    def look_up(host: str) -> Credential | None:
        asked.append(host)
        return credentials[min(len(asked), len(credentials)) - 1]

    client._session.auth._credentials = look_up
    return asked


# -- limits of time, to the second


@pytest.mark.parametrize(("seconds", "given"), [(49.99, 1), (50.0, 2)])
def test_a_token_is_not_used_from_its_last_ten_seconds_on(
    serve, connect, clock: Clock, seconds: float, given: int
) -> None:
    tokens = Tokens()
    client = connect(serve(tokens))
    client.tags("a/b")
    clock.now += seconds
    client.tags("a/b")
    assert tokens.given == given


@pytest.mark.parametrize(("seconds", "times"), [(119.99, 1), (120.0, 2)])
def test_a_credential_is_looked_up_again_after_two_minutes(
    serve, connect, clock: Clock, seconds: float, times: int
) -> None:
    server = serve(lambda a: tags(a) if a.authorization else reply({}, 401, WWW_Authenticate="Basic"))
    client = connect(server)
    asked = looking_up(client, SAM)
    client.tags("a/b")
    clock.now += seconds
    client.tags("a/b")
    assert asked == [server.host] * times


# -- who is signed in


def test_an_identity_token_serves_as_the_password_where_the_registry_wants_one(serve, connect) -> None:
    server = serve(lambda a: tags(a) if a.authorization else reply({}, 401, WWW_Authenticate="Basic"))
    connect(server, Credential("sam", "", "kept")).tags("a/b")
    assert server.asked[-1].authorization == basic("sam", "kept")


def test_a_credential_without_a_secret_is_none(serve, connect) -> None:
    server = serve(lambda a: reply({}, 401, WWW_Authenticate="Basic"))
    with pytest.raises(SignInRequired):
        connect(server, Credential("sam", "")).tags("a/b")
    assert {one.authorization for one in server.asked} == {""}


def test_after_forgetting_the_current_user_signs_in(serve, connect) -> None:
    server = serve(lambda a: tags(a) if a.authorization else reply({}, 401, WWW_Authenticate="Basic"))
    client = connect(server)
    asked = looking_up(client, SAM, Credential("eve", "x"))
    client.tags("a/b")
    client.tags("a/b")
    assert (len(asked), server.asked[-1].authorization) == (1, BASIC)
    client._session.auth.forget()
    client.tags("a/b")
    assert (len(asked), server.asked[-1].authorization) == (2, basic("eve", "x"))


def test_after_forgetting_the_stored_refresh_token_is_used(serve, connect) -> None:
    tokens = Tokens(more={"refresh_token": "second", **LASTING})
    client = connect(serve(tokens), Credential("", "", "first"))
    client.tags("a/b")
    client.tags("c/d")
    client._session.auth.forget()
    client.tags("a/b")
    assert [one["refresh_token"] for one in tokens.asked] == [["first"], ["second"], ["first"]]


def test_only_a_sign_in_takes_a_refresh_token_to_keep(serve, connect) -> None:
    client = connect(serve(Tokens(more={"refresh_token": "to keep"})), SAM)
    client.tags("a/b")
    assert client._session.auth.refresh_token == ""


def test_nobody_is_looked_up_once_for_all_anonymous_refusals(serve, connect) -> None:
    client = connect(serve(lambda a: reply({}, 401, WWW_Authenticate="Basic")))
    asked = looking_up(client, None)
    for _ in range(3):
        with pytest.raises(SignInRequired):
            client.tags("a/b")
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, CredentialsError),
        (401, CredentialsError),
        (403, CredentialsError),
        (404, NotInRegistry),
        (409, UnexpectedReply),
    ],
)
def test_a_broken_helper_is_the_reason_only_where_the_token_service_wants_a_sign_in(
    serve, connect, status: int, error: type[Exception]
) -> None:
    def broken(_host: str) -> Credential | None:
        raise CredentialsError("The helper is not installed.", subject="x")

    client = connect(serve(Tokens(answer=reply({}, status))))
    client._session.auth._credentials = broken
    with pytest.raises(error):
        client.tags("a/b")


# -- tokens


def test_a_token_that_another_thread_renewed_is_used(serve, connect) -> None:
    tokens = Tokens(more=LASTING)
    server = serve(tokens)
    client = connect(server)
    client.tags("a/b")
    authorizer = client._session.auth
    scopes = ("repository:a/b:pull",)
    challenges = [Challenge("bearer", {"realm": f"{server.url}/token"})]
    stale = auth._Token("token-0", 0.0, None, taken=True)
    for again in (
        authorizer.renew(challenges, scopes, Signed("Bearer token-0", None, stale), None),
        authorizer.instead_of_stale(scopes, Signed("Bearer token-0", None, stale), None),
        authorizer.sign(scopes, None),
    ):
        assert again is not None and again.header == "Bearer token-1"
    assert tokens.given == 1


def test_a_refused_token_takes_no_other_repository_its_token(serve, connect) -> None:
    tokens = Tokens(more=LASTING)
    client = connect(serve(tokens), SAM)
    client.tags("a/b")
    client.tags("c/d")
    tokens.valid.discard("token-1")
    client.tags("a/b")
    client.tags("c/d")
    assert tokens.given == 3


def test_tokens_come_before_passwords(serve, connect) -> None:
    tokens = Tokens()

    def script(asked: Asked) -> Any:
        answer = tokens(asked)
        if answer.status == 401:
            answer.headers.insert(0, ("WWW-Authenticate", 'Basic realm="x"'))
        return answer

    server = serve(script)
    assert connect(server, SAM).tags("a/b").items == ["1"]
    assert server.asked[-1].authorization == "Bearer token-1"


@pytest.mark.parametrize("header", ["Negotiate", "Bearer", "", "NTLM, Digest realm=x"])
def test_ways_to_sign_in_that_nobody_here_knows(serve, connect, header: str) -> None:
    server = serve(lambda asked: reply({}, 401, WWW_Authenticate=header))
    client = connect(server)
    asked = looking_up(client, SAM)
    with pytest.raises(SignInRequired):
        client.tags("a/b")
    assert asked == [] and len(server.paths()) == 1


@pytest.mark.parametrize(("count", "followed"), [(16, True), (17, False)])
def test_a_registry_may_ask_for_sixteen_scopes(serve, connect, count: int, followed: bool) -> None:
    wanted = [f"repository:x{number}:pull" for number in range(count)]
    tokens = Tokens()

    def script(asked: Asked) -> Any:
        answer = tokens(asked)
        if answer.status == 401:
            challenge = f'Bearer realm="{asked.server.url}/token",scope="{" ".join(wanted)}"'
            return reply({}, 401, WWW_Authenticate=challenge)
        return answer

    connect(serve(script)).tags("a/b")
    assert tokens.asked[0]["scope"] == (wanted if followed else ["repository:a/b:pull"])


def test_the_tokens_that_are_kept_are_bounded(serve, connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a registry that knows its repositories by other names, so that each one costs a refused request once."""
    monkeypatch.setattr(auth, "_MOST_TOKENS", 2)
    given: list[str] = []

    def script(asked: Asked) -> Any:
        if asked.path.startswith("/token"):
            given.append(parse_qs(urlsplit(asked.path).query)["scope"][0])
            return reply({"token": given[-1], **LASTING})
        wanted = f"repository:tenant/{asked.path.split('/')[2]}:pull"
        if asked.authorization == f"Bearer {wanted}":
            return tags(asked)
        return reply({}, 401, WWW_Authenticate=f'Bearer realm="{asked.server.url}/token",scope="{wanted}"')

    client = connect(serve(script))
    for name in ("a", "b", "c", "c", "b"):
        client.tags(name)
    kept = len(given)
    client.tags("c")
    assert len(given) == kept
    client.tags("a")  # its token was dropped, but what to request for it is still known
    assert given[kept:] == ["repository:tenant/a:pull"]
    for number in range(10):
        client.tags(f"n{number}")
    authorizer = client._session.auth
    assert (len(authorizer._tokens), len(authorizer._wanted), len(authorizer._fetching)) == (2, 4, 0)


# -- requests to the token service


@pytest.mark.parametrize("status", [404, 405])
def test_a_token_service_without_get_is_sent_a_form(serve, connect, status: int) -> None:
    tokens = Tokens()

    def script(asked: Asked) -> Any:
        if asked.method == "GET" and urlsplit(asked.path).path == "/token":
            return reply({}, status)
        return tokens(asked)

    assert connect(serve(script), SAM).tags("a/b").items == ["1"]
    assert [one["grant_type"] for one in tokens.asked] == [["password"]]


@pytest.mark.parametrize("status", [400, 403])
def test_a_token_service_that_refuses_a_password_gets_it_once(serve, connect, status: int) -> None:
    tokens = Tokens(answer=reply({}, status))
    with pytest.raises(AccessDenied):
        connect(serve(tokens), SAM).tags("a/b")
    assert len(tokens.asked) == 1


def test_a_token_service_is_asked_for_nothing_where_there_is_nothing_to_ask_for(serve, connect) -> None:
    asked: list[tuple[str, bytes]] = []

    def script(one: Asked) -> Any:
        if one.path.startswith("/token"):
            asked.append((one.path, one.body))
            return reply({"token": "t"}) if one.method == "POST" or not one.authorization else reply({}, 405)
        if one.authorization == "Bearer t":
            return reply({})
        return reply({}, 401, WWW_Authenticate=f'Bearer realm="{one.server.url}/token"')

    server = serve(script)
    connect(server).check()
    assert asked == [("/token", b"")]
    asked.clear()
    connect(server, SAM).check()
    assert b"scope" not in asked[-1][1] and b"grant_type=password" in asked[-1][1]


def test_the_first_of_two_names_of_a_token_counts(serve, connect) -> None:
    tokens = Tokens(more={"access_token": "other"})
    assert connect(serve(tokens)).tags("a/b").items == ["1"]


def test_a_challenge_may_be_spread_over_headers(serve, connect) -> None:
    found = parse_challenges(["Basic", 'Bearer realm="x"', "Negotiate"])
    assert [one.scheme for one in found] == ["basic", "bearer", "negotiate"]
    assert [one.realm for one in found] == ["", "x", ""]
