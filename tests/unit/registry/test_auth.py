"""Sign-in against scripted registries and token services."""

from __future__ import annotations

import base64
import threading
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from longshore.credentials import Credential
from longshore.oci.errors import (
    AccessDenied,
    RateLimited,
    SignInFailed,
    SignInRequired,
    UnexpectedReply,
)

from .conftest import Asked, reply

SAM = Credential("sam", "tide")
BASIC = "Basic " + base64.b64encode(b"sam:tide").decode()


def tags(asked: Asked) -> Any:
    return reply({"name": "a/b", "tags": ["1"]})


def test_basic_credentials_are_sent_only_when_asked_for(serve, connect) -> None:
    def script(asked: Asked) -> Any:
        if asked.authorization == BASIC:
            return tags(asked)
        return reply({}, 401, WWW_Authenticate='Basic realm="a, \\"b\\""')

    server = serve(script)
    client = connect(server, SAM)
    assert client.tags("a/b").items == ["1"]
    assert client.tags("a/b").items == ["1"]
    assert [one.authorization for one in server.asked if "tags" in one.path] == ["", BASIC, BASIC]


def test_basic_without_and_with_wrong_credentials(serve, connect) -> None:
    server = serve(lambda asked: reply({}, 401, WWW_Authenticate="Basic realm=x"))
    with pytest.raises(SignInRequired):
        connect(server).tags("a/b")
    with pytest.raises(SignInFailed) as caught:
        connect(server, SAM).tags("a/b")
    assert "tide" not in repr(vars(caught.value))
    with pytest.raises(SignInFailed):
        connect(server).sign_in(SAM)


def test_a_new_credential_is_looked_up_after_a_refusal(serve, connect) -> None:
    server = serve(
        lambda a: tags(a) if a.authorization == BASIC else reply({}, 401, WWW_Authenticate="Basic")
    )
    current = [Credential("sam", "old")]
    client = connect(server)
    client._session.auth._credentials = lambda _host: current[0]
    with pytest.raises(SignInFailed):
        client.tags("a/b")
    current[0] = SAM
    assert client.tags("a/b").items == ["1"]


class Tokens:
    """A token service and registry in one."""

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.given = 0
        self.asked: list[dict[str, list[str]]] = []
        self.valid: set[str] = set()
        self.lock = threading.Lock()

    def __call__(self, asked: Asked) -> Any:
        if urlsplit(asked.path).path == "/token":
            return self.token(asked)
        if asked.authorization.removeprefix("Bearer ") in self.valid:
            return tags(asked)
        error = ',error="invalid_token"' if asked.authorization else ""
        scope = "repository:a/b:pull" if "tags" in asked.path else ""
        challenge = f'Bearer realm="{asked.server.url}/token",service="reg, \\"x\\"",scope="{scope}"{error}'
        return reply({}, 401, WWW_Authenticate=challenge)

    def token(self, asked: Asked) -> Any:
        form = parse_qs(asked.body.decode() if asked.method == "POST" else urlsplit(asked.path).query)
        form["method"], form["authorization"] = [asked.method], [asked.authorization]
        with self.lock:
            self.asked.append(form)
            if "answer" in self.options:
                return self.options["answer"]
            if asked.method == "GET" and self.options.get("only_post"):
                return reply({}, 405)
            self.given += 1
            value = f"token-{self.given}"
            self.valid.add(value)
        return reply({self.options.get("key", "token"): value, **self.options.get("more", {})})


def test_an_anonymous_token_is_got_once_for_many_threads(serve, connect) -> None:
    tokens = Tokens(key="access_token")
    client = connect(serve(tokens))
    client.tags("a/b")
    threads = [threading.Thread(target=client.tags, args=("a/b",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tokens.given == 1
    assert tokens.asked[0]["service"] == ['reg, "x"']
    assert tokens.asked[0]["scope"] == ["repository:a/b:pull"]
    assert tokens.asked[0]["authorization"] == [""]


def test_a_password_goes_to_the_token_service_only(serve, connect) -> None:
    tokens = Tokens()
    server = serve(tokens)
    connect(server, SAM).tags("a/b")
    assert tokens.asked[0]["authorization"] == [BASIC]
    assert tokens.asked[0]["account"] == ["sam"]
    assert not [
        one for one in server.asked if one.path.startswith("/v2") and one.authorization.startswith("Basic")
    ]


def test_a_service_that_takes_only_forms(serve, connect) -> None:
    tokens = Tokens(only_post=True)
    connect(serve(tokens), SAM).tags("a/b")
    assert tokens.asked[1]["grant_type"] == ["password"]
    assert tokens.asked[1]["password"] == ["tide"]


def test_an_identity_token_is_refreshed_and_may_be_rotated(serve, connect) -> None:
    tokens = Tokens(more={"refresh_token": "second", "expires_in": 0.001})
    client = connect(serve(tokens), Credential("", "", identity_token="first"))
    client.tags("a/b")
    client.tags("a/b")
    assert [one["refresh_token"] for one in tokens.asked] == [["first"], ["second"]]
    assert {one["grant_type"][0] for one in tokens.asked} == {"refresh_token"}


def test_a_token_is_renewed_before_it_runs_out_and_after_it_was_refused(serve, connect) -> None:
    tokens = Tokens(more={"expires_in": 300})
    client = connect(serve(tokens))
    client.tags("a/b")
    tokens.valid.clear()  # the registry forgot it
    client.tags("a/b")
    assert tokens.given == 2
    tokens.options["more"] = {"expires_in": 0.001}
    tokens.valid.clear()
    client.tags("a/b")
    client.tags("a/b")
    assert tokens.given == 4


def test_a_good_token_that_is_refused_is_tried_once_more_and_then_explained(serve, connect) -> None:
    class Refusing(Tokens):
        def token(self, asked: Asked) -> Any:
            answer = super().token(asked)
            self.valid.clear()
            return answer

    for credential, error in ((None, SignInRequired), (SAM, AccessDenied)):
        tokens = Refusing()
        client = connect(serve(tokens), credential)
        client._session.auth._challenge = None
        with pytest.raises(error):
            client.tags("a/b")
        assert tokens.given == 1
        with pytest.raises(error):
            client.tags("a/b")
        assert tokens.given == 2


@pytest.mark.parametrize(
    ("answer", "credential", "error"),
    [
        (reply({}, 401), None, SignInRequired),
        (reply({"details": "bad"}, 401), SAM, SignInFailed),
        (reply({}, 400), Credential("", "", "old"), SignInFailed),
        (reply({}, 403), SAM, AccessDenied),
        (reply({}, 429, Retry_After="120"), None, RateLimited),
        (reply({"nothing": 1}), None, UnexpectedReply),
        (reply({"token": "a\r\nX: y"}), None, UnexpectedReply),
        (reply({"token": ["a"]}), None, UnexpectedReply),
        (reply(b"<html>sign in</html>"), None, UnexpectedReply),
        (reply(b"[" * 100_000), None, UnexpectedReply),
    ],
)
def test_what_token_services_answer(
    serve, connect, answer: Any, credential: Credential | None, error: type
) -> None:
    with pytest.raises(error):
        connect(serve(Tokens(answer=answer)), credential).tags("a/b")


@pytest.mark.parametrize("realm", ["", "ftp://x/", "/token", "http://u:p@h/t", "nonsense", "http://[::1/"])
def test_realms_that_cannot_be_used(serve, connect, realm: str) -> None:
    server = serve(lambda asked: reply({}, 401, WWW_Authenticate=f'Bearer realm="{realm}"'))
    with pytest.raises((UnexpectedReply, SignInRequired)):
        connect(server, SAM).tags("a/b")
    assert all(not one.authorization for one in server.asked)


def test_one_credential_for_two_scopes_and_two_tokens(serve, connect) -> None:
    tokens = Tokens()
    client = connect(serve(tokens), SAM)
    client.tags("a/b")
    client.tags("c/d")
    assert tokens.given == 2


def test_a_403_says_who_is_denied(serve, connect) -> None:
    def script(asked: Asked) -> Any:
        if not asked.authorization:
            return reply({}, 401, WWW_Authenticate="Basic realm=x")
        return reply({"errors": [{"code": "DENIED", "message": "not yours"}]}, 403)

    with pytest.raises(AccessDenied) as caught:
        connect(serve(script), SAM).tags("a/b")
    assert "sam" in caught.value.message and "not yours" in caught.value.detail
