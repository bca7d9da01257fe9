"""How long tokens and credentials are used, and the scopes that tokens are requested for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from longshore.credentials import Credential
from longshore.errors import CredentialsError, LongshoreError, UnexpectedReply
from longshore.registry import auth
from longshore.registry.auth import Signed, _joined
from longshore.registry.client import RegistryClient

from .conftest import Asked, reply
from .test_auth import BASIC, SAM, Tokens, tags

DIGEST = "sha256:" + "0" * 64


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(auth, "time", SimpleNamespace(monotonic=made.monotonic))
    return made


@pytest.mark.parametrize(
    ("life", "good"),
    [
        ({}, 50.0),  # the specification's minute, less the time of a request
        ({"expires_in": 300}, 290.0),
        ({"expires_in": 30}, 20.0),
        ({"expires_in": 15}, 10.0),  # a short life, less a third
        ({"expires_in": 0}, 50.0),
        ({"expires_in": -1}, 50.0),
        ({"expires_in": "300"}, 50.0),
        ({"expires_in": 1e9}, 50.0),
        ({"expires_in": None}, 50.0),
    ],
)
def test_how_long_a_token_is_used(serve, connect, clock: Clock, life: dict[str, Any], good: float) -> None:
    tokens = Tokens(more=life)
    client = connect(serve(tokens))
    client.tags("a/b")
    clock.now += good - 0.5
    client.tags("a/b")
    assert tokens.given == 1
    clock.now += 1.0
    client.tags("a/b")
    assert tokens.given == 2


PULL, PUSH = ["repository:a/b:pull"], ["repository:a/b:pull,push"]


@pytest.mark.parametrize(
    ("call", "scopes"),
    [
        (lambda client: client.manifest("a/b", "1"), PULL),
        (lambda client: client.head("a/b", "1"), PULL),
        (lambda client: client.head("a/b", "1", for_push=True), PUSH),
        (lambda client: client.put_manifest("a/b", "1", b"{}", "x/y"), PUSH),
        (lambda client: client.delete_manifest("a/b", DIGEST), ["repository:a/b:delete"]),
        (lambda client: client.referrers("a/b", DIGEST), PULL),
        (lambda client: client.blob_size("a/b", DIGEST), PULL),
        (lambda client: client.start_upload("a/b"), PUSH),
        (lambda client: client.tags("a/b"), PULL),
        (lambda client: client.repositories(), ["registry:catalog:*"]),
    ],
)
def test_a_token_is_asked_for_what_is_done_and_no_more(
    serve, connect, call: Callable[[RegistryClient], object], scopes: list[str]
) -> None:
    """If the registry's challenge names no scope."""
    asked: list[list[str]] = []

    def script(request: Asked) -> Any:
        if request.path.startswith("/token"):
            asked.append(parse_qs(urlsplit(request.path).query).get("scope", []))
            return reply({"token": "good"})
        if not request.authorization:
            return reply({}, 401, WWW_Authenticate=f'Bearer realm="{request.server.url}/token"')
        return None

    client = connect(serve(script))
    with contextlib.suppress(LongshoreError):  # nothing is there
        call(client)
    assert asked and all(scope == scopes for scope in asked)


@pytest.mark.parametrize(
    ("realm", "asked"),
    [
        ("", "/?scope=repository%3Aa%2Fb%3Apull"),
        ("/", "/?scope=repository%3Aa%2Fb%3Apull"),
        ("?x=a/b", "/?x=a/b&scope=repository%3Aa%2Fb%3Apull"),
        ("/token?x=a/b", "/token?x=a/b&scope=repository%3Aa%2Fb%3Apull"),
    ],
)
def test_a_token_service_may_be_at_the_root_of_its_host(serve, connect, realm: str, asked: str) -> None:
    def script(request: Asked) -> Any:
        if not request.path.startswith("/v2/"):
            return reply({"token": "good"})
        if not request.authorization:
            return reply({}, 401, WWW_Authenticate=f'Bearer realm="{request.server.url}{realm}"')
        return tags(request)

    server = serve(script)
    assert connect(server).tags("a/b").items == ["1"]
    assert [request.path for request in server.asked if not request.path.startswith("/v2/")] == [asked]


@pytest.mark.parametrize(("length", "good"), [(1 << 15, True), ((1 << 15) + 1, False)])
def test_a_token_that_no_header_could_carry_is_none(serve, connect, length: int, good: bool) -> None:
    value = "t" * length
    tokens = Tokens(answer=reply({"token": value}))
    tokens.valid.add(value)
    client = connect(serve(tokens))
    if good:
        assert client.tags("a/b").items == ["1"]
        return
    with pytest.raises(UnexpectedReply, match="returns no token"):
        client.tags("a/b")


@pytest.mark.parametrize(("broken", "seconds"), [(False, 120.0), (True, 5.0)])
def test_how_long_a_credential_is_believed(
    serve, connect, clock: Clock, broken: bool, seconds: float
) -> None:
    looked: list[str] = []

    def credentials(host: str) -> Credential | None:
        looked.append(host)
        if broken:
            raise CredentialsError("The helper failed.", subject=host)
        return None

    server = serve(Tokens(more={"expires_in": 3600}))
    client = connect(server)
    client._session.auth._credentials = credentials
    client.tags("a/b")
    clock.now += seconds - 0.5
    client.tags("a/b")
    assert looked == [server.host]
    clock.now += 1.0
    client.tags("a/b")
    assert looked == [server.host] * 2


def test_a_realm_may_have_a_query_of_its_own(serve, connect) -> None:
    asked: list[str] = []

    def script(one: Asked) -> Any:
        if one.path.startswith("/token"):
            asked.append(one.path)
            return reply({"token": "t"})
        if one.authorization == "Bearer t":
            return tags(one)
        realm = f"{one.server.url}/token?tenant=x"
        return reply({}, 401, WWW_Authenticate=f'Bearer realm="{realm}",service="s",scope="a:b:pull"')

    connect(serve(script)).tags("a/b")
    assert asked == ["/token?tenant=x&service=s&scope=a%3Ab%3Apull"]


def test_a_form_names_what_is_asked_for(serve, connect) -> None:
    tokens = Tokens()
    connect(serve(tokens), Credential("", "", identity_token="kept")).tags("a/b")
    (form,) = tokens.asked
    assert (form["grant_type"], form["refresh_token"]) == (["refresh_token"], ["kept"])
    assert (form["service"], form["scope"]) == (['reg, "x"'], ["repository:a/b:pull"])
    assert "access_type" not in form  # only a sign-in asks for a token to keep


def test_a_sign_in_by_form_asks_for_something_to_keep(serve, connect) -> None:
    tokens = Tokens(only_post=True, more={"refresh_token": "to keep"})
    assert connect(serve(tokens)).sign_in(SAM) == Credential("sam", "", "to keep")
    assert tokens.asked[-1]["access_type"] == ["offline"]


def test_forgetting_looks_everything_up_again(serve, connect) -> None:
    tokens = Tokens(more={"expires_in": 3600})
    client = connect(serve(tokens), SAM)
    client.tags("a/b")
    client._session.auth.forget()
    client.tags("a/b")
    assert tokens.given == 2


@pytest.mark.parametrize(
    ("ours", "asked", "both"),
    [
        (("repository:a:pull,push",), ("repository:a:pull",), ("repository:a:pull,push",)),
        (("repository:a:pull",), ("repository:a:pull,push",), ("repository:a:pull,push",)),
        (
            ("repository:a:pull,push", "repository:b:pull"),
            ("repository:a:pull",),
            ("repository:a:pull,push", "repository:b:pull"),
        ),
        # The registry knows the repository by another name.
        (("repository:a:pull",), ("repository:tenant/a:pull",), ("repository:tenant/a:pull",)),
        ((), ("repository:a:pull",), ("repository:a:pull",)),
    ],
)
def test_what_a_token_is_asked_for(
    ours: tuple[str, ...], asked: tuple[str, ...], both: tuple[str, ...]
) -> None:
    assert _joined(ours, asked) == both


def test_what_signs_in_is_in_no_text() -> None:
    assert BASIC not in repr(Signed(BASIC, SAM)) and "tide" not in repr(Signed(BASIC, SAM))
    assert repr(Signed(None, None)) == "Signed(None)"


def test_a_look_before_a_push_needs_the_token_of_the_push_alone(serve, connect) -> None:
    tokens = Tokens(more={"expires_in": 3600})

    def script(one: Asked) -> Any:
        answer = tokens(one)
        if answer.status != 200 or "/manifests/" not in one.path:
            return answer
        kind = "application/vnd.oci.image.index.v1+json"
        raw = b'{"schemaVersion":2,"mediaType":"%s","manifests":[]}' % kind.encode()
        return reply({}, 405) if one.method == "HEAD" else reply(raw, Content_Type=kind)

    client = connect(serve(script), SAM)
    client.tags("c/d")  # the registry has sent its challenge
    tokens.asked.clear()
    assert client.head("a/b", "1", for_push=True) is not None
    assert [one["scope"] for one in tokens.asked] == [["repository:a/b:pull,push"]]
