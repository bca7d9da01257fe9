"""The token server for a registry's client: both kinds of requests, rights, refresh tokens and expiry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from testbed.images import seed_repository
from testbed.registry import PrivateRegistry
from testbed.token_server import ANONYMOUS, TokenServer

pytestmark = pytest.mark.integration

USERS = {"sam": "good", "kim": "fine"}


@pytest.fixture
def http() -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager(retries=False, timeout=20) as pool:
        yield pool


@pytest.fixture(params=[False, True], ids=["ES256", "RS256"])
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[TokenServer]:
    with TokenServer(tmp_path / "tokens", users=USERS, rsa=request.param) as started:
        yield started


@pytest.fixture
def registry(server: TokenServer, tmp_path: Path) -> Iterator[PrivateRegistry]:
    with PrivateRegistry(tmp_path / "registry", auth="token", token_server=server) as started:
        yield started


def ask(http: urllib3.PoolManager, server: TokenServer, scope: str, user: str = "", **more: str) -> Any:
    headers = urllib3.make_headers(basic_auth=f"{user}:{USERS[user]}") if user else {}
    return http.request("GET", server.realm, fields={"scope": scope, **more}, headers=headers)


def call(
    http: urllib3.PoolManager, registry: PrivateRegistry, token: str, path: str
) -> urllib3.BaseHTTPResponse:
    return http.request("GET", f"{registry.url}/v2/{path}", headers={"Authorization": f"Bearer {token}"})


def test_rights_are_what_was_granted(
    http: urllib3.PoolManager, server: TokenServer, registry: PrivateRegistry
) -> None:
    push = server.make_token("sam", ["repository:team/app:pull,push"])
    seed_repository(registry.address, "team/app", token=push)
    server.grant("kim", "team/*", {"pull"})
    server.grant(ANONYMOUS, "public/*", {"pull"})
    scope = "repository:team/app:pull,push"
    token = ask(http, server, scope, "kim").json()["token"]
    assert call(http, registry, token, "team/app/tags/list").json()["tags"] == ["latest"]
    headers = {"Authorization": f"Bearer {token}"}
    refused = http.request("POST", f"{registry.url}/v2/team/app/blobs/uploads/", headers=headers)
    assert (refused.status, "insufficient_scope" in refused.headers["WWW-Authenticate"]) == (401, True)
    nobody = ask(http, server, scope).json()["token"]
    assert call(http, registry, nobody, "team/app/tags/list").status == 401
    assert call(http, registry, nobody, "").status == 200


def test_passwords_and_refresh_tokens(
    http: urllib3.PoolManager, server: TokenServer, registry: PrivateRegistry
) -> None:
    scope = "registry:catalog:*"
    wrong = http.request("GET", server.realm, headers=urllib3.make_headers(basic_auth="sam:bad"))
    assert wrong.status == 401
    form = {"grant_type": "password", "username": "sam", "password": "good", "service": server.service}
    reply = http.request(
        "POST",
        server.realm,
        fields={**form, "scope": scope, "access_type": "offline"},
        encode_multipart=False,
    ).json()
    again = {"grant_type": "refresh_token", "refresh_token": reply["refresh_token"], "scope": scope}
    second = http.request("POST", server.realm, fields=again, encode_multipart=False).json()
    for token in (reply["access_token"], second["access_token"]):
        assert call(http, registry, token, "_catalog").status == 200
    assert "refresh_token" in ask(http, server, scope, "sam", offline_token="true").json()
    bad = {"grant_type": "refresh_token", "refresh_token": "unknown"}
    assert http.request("POST", server.realm, fields=bad, encode_multipart=False).status == 401
    assert [(each.method, each.grant, each.status) for each in server.requests] == [
        ("GET", "basic", 401),
        ("POST", "password", 200),
        ("POST", "refresh_token", 200),
        ("GET", "basic", 200),
        ("POST", "refresh_token", 401),
    ]


def test_an_old_token_and_a_foreign_one_are_refused(
    http: urllib3.PoolManager, server: TokenServer, registry: PrivateRegistry, tmp_path: Path
) -> None:
    # The registry allows a minute of difference between the clocks.
    old = server.make_token("sam", [], expires_in=-120)
    assert call(http, registry, old, "").status == 401
    with TokenServer(tmp_path / "other", users=USERS) as other:
        assert call(http, registry, other.make_token("sam", []), "").status == 401
    assert call(http, registry, server.make_token("sam", []), "").status == 200


def test_failures_and_names_of_the_token(http: urllib3.PoolManager, server: TokenServer) -> None:
    server.fail_next(503, headers={"Retry-After": "3"})
    failed = ask(http, server, "registry:catalog:*", "sam")
    assert (failed.status, failed.headers["Retry-After"]) == (503, "3")
    server.reply_key = "access_token"
    server.expires_in = 5
    reply = ask(http, server, "registry:catalog:*", "sam").json()
    assert "token" not in reply
    assert reply["expires_in"] == 5
    server.supports_post = False
    assert http.request("POST", server.realm, fields={"grant_type": "password"}).status == 405
