"""Sign-in against scripted registries and token services."""

from __future__ import annotations

import base64
import hashlib
import threading
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from longshore.credentials import Credential
from longshore.errors import (
    AccessDenied,
    CredentialsError,
    RateLimited,
    RegistryFailure,
    SignInFailed,
    SignInRequired,
    UnexpectedReply,
)

from .conftest import Asked, reply, serve_tls

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


def test_a_sign_in_that_is_gone_after_a_refusal_is_not_replaced_by_nobody(serve, connect) -> None:
    server = serve(lambda a: reply({}, 401, WWW_Authenticate="Basic"))
    current = [SAM, None]
    client = connect(server)
    client._session.auth._credentials = lambda _host: current.pop(0)
    for authorizations in (["", BASIC], [BASIC]):
        server.asked.clear()
        with pytest.raises(SignInFailed):
            client.tags("a/b")
        assert [one.authorization for one in server.asked if "tags" in one.path] == authorizations
    assert current == []


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
    tokens = Tokens(more={"refresh_token": "second", "expires_in": 1e-9})
    client = connect(serve(tokens), Credential("", "", identity_token="first"))
    client.tags("a/b")
    client.tags("a/b")
    assert [one["refresh_token"] for one in tokens.asked] == [["first"], ["second"]]
    assert {one["grant_type"][0] for one in tokens.asked} == {"refresh_token"}


@pytest.mark.parametrize("odd", [5, True, ["second"], {"a": "b"}, "", None])
def test_a_refresh_token_that_is_none_replaces_nothing(serve, connect, odd: object) -> None:
    tokens = Tokens(more={"refresh_token": odd, "expires_in": 1e-9})
    server = serve(tokens)
    client = connect(server, Credential("", "", identity_token="first"))
    client.tags("a/b")
    client.tags("a/b")
    assert [one["refresh_token"] for one in tokens.asked] == [["first"], ["first"]]
    assert connect(server).sign_in(SAM) == SAM


def test_a_registry_that_wants_passwords_in_place_of_tokens_is_not_asked_again_without_one(
    serve, connect
) -> None:
    tokens = Tokens()
    changed = False

    def script(asked: Asked) -> Any:
        return reply({}, 401, WWW_Authenticate="Basic") if changed else tokens(asked)

    server = serve(script)
    client = connect(server)
    assert client.tags("a/b").items == ["1"]
    changed = True
    server.asked.clear()
    with pytest.raises(SignInRequired):
        client.tags("a/b")
    assert [one.authorization for one in server.asked] == ["Bearer token-1"]


def test_a_token_is_renewed_before_it_runs_out_and_after_it_was_refused(serve, connect) -> None:
    tokens = Tokens(more={"expires_in": 300})
    client = connect(serve(tokens))
    client.tags("a/b")
    tokens.valid.clear()  # the registry forgets the token
    client.tags("a/b")
    assert tokens.given == 2
    tokens.options["more"] = {"expires_in": 1e-9}
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


def test_a_sign_in_keeps_the_refresh_token_in_place_of_the_password(serve, connect) -> None:
    tokens = Tokens(more={"refresh_token": "to keep"})
    client = connect(serve(tokens))
    assert client.sign_in(SAM) == Credential("sam", "", "to keep")
    assert tokens.asked[-1]["offline_token"] == ["true"]
    # Only a sign-in asks for a refresh token: it is valid for long, and nobody would revoke it.
    client.tags("a/b")
    assert "offline_token" not in tokens.asked[-1]
    assert connect(serve(Tokens())).sign_in(SAM) == SAM


def test_a_registry_open_to_strangers_still_checks_who_signs_in(serve, connect) -> None:
    def script(asked: Asked) -> Any:
        return reply({}) if asked.authorization in ("", BASIC) else reply({}, 401, WWW_Authenticate="Basic")

    client = connect(serve(script))
    assert client.sign_in(SAM) == SAM
    with pytest.raises(SignInFailed):
        client.sign_in(Credential("sam", "wrong"))


def test_tokens_of_another_user_are_not_used(serve, connect) -> None:
    tokens = Tokens()
    client = connect(serve(tokens))
    auth = client._session.auth
    current: list[Credential | None] = [SAM]
    auth._credentials = lambda _host: current[0]
    client.tags("a/b")
    client.tags("a/b")
    assert tokens.given == 1
    current[0] = Credential("eve", "x")
    auth._credential = (auth._credential[0], 0.0)  # time passes
    client.tags("a/b")
    assert [one.get("account") for one in tokens.asked] == [["sam"], ["eve"]]


def test_what_is_public_needs_no_helper_and_what_is_not_says_so(serve, connect) -> None:
    def broken(_host: str) -> Credential | None:
        raise CredentialsError("The helper is not installed.", subject="x")

    public = connect(serve(Tokens()))
    public._session.auth._credentials = broken
    assert public.tags("a/b").items == ["1"]
    for script in (
        Tokens(answer=reply({}, 401)),
        lambda asked: reply({}, 401, WWW_Authenticate="Basic realm=x"),
    ):
        private = connect(serve(script))
        private._session.auth._credentials = broken
        with pytest.raises(CredentialsError, match="not installed"):
            private.tags("a/b")


def test_a_helper_is_asked_once_for_all_who_wait_and_again_when_it_was_broken(serve, connect) -> None:
    started, go_on, asked = threading.Event(), threading.Event(), []

    def slow(_host: str) -> Credential | None:
        asked.append(threading.current_thread())
        started.set()
        go_on.wait(10)
        if len(asked) == 1:
            raise CredentialsError("The helper failed.", subject="x")
        return SAM

    client = connect(
        serve(lambda a: tags(a) if a.authorization == BASIC else reply({}, 401, WWW_Authenticate="Basic"))
    )
    auth = client._session.auth
    auth._credentials = slow
    errors: list[Exception] = []

    def list_tags() -> None:
        try:
            client.tags("a/b")
        except CredentialsError as error:
            errors.append(error)

    threads = [threading.Thread(target=list_tags) for _ in range(6)]
    for thread in threads:
        thread.start()
    assert started.wait(5)
    go_on.set()
    for thread in threads:
        thread.join()
    assert len(asked) == 1 and len(errors) == 6
    auth._credential = (None, 0.0)  # some seconds pass
    assert client.tags("a/b").items == ["1"]


def test_a_realm_that_cannot_be_used_gives_way_to_basic(serve, connect) -> None:
    def script(asked: Asked) -> Any:
        if asked.authorization == BASIC:
            return tags(asked)
        return reply({}, 401, WWW_Authenticate='Bearer realm="/v2/token", Basic realm="x"')

    assert connect(serve(script), SAM).tags("a/b").items == ["1"]


def test_a_token_service_that_fails_is_asked_again_a_bounded_number_of_times(serve, connect) -> None:
    answers: list[Any] = [reply({}, 503), reply({}, 502)]

    def script(asked: Asked) -> Any:
        if answers and urlsplit(asked.path).path == "/token":
            return answers.pop()
        return tokens(asked)

    tokens = Tokens()
    assert connect(serve(script), SAM).tags("a/b").items == ["1"]
    down = Tokens(answer=reply(b"<html>Bad gateway</html>", 502))
    with pytest.raises(RegistryFailure) as caught:
        connect(serve(down), SAM).tags("a/b")
    assert "token service: HTTP 502" in caught.value.detail
    assert len(down.asked) == 3


# -- where credentials go


def test_a_password_does_not_follow_the_token_service_elsewhere(serve, connect) -> None:
    thief = serve(lambda asked: reply({"token": "t"}))

    def script(asked: Asked) -> Any:
        if urlsplit(asked.path).path == "/token":
            return reply({}, 307, Location=f"{thief.url}/take")
        return reply({}, 401, WWW_Authenticate=f'Bearer realm="{asked.server.url}/token",service="s"')

    with pytest.raises((SignInFailed, SignInRequired, AccessDenied)):
        connect(serve(script), SAM).tags("a/b")
    assert [one.authorization for one in thief.asked if one.path == "/take"] == [""]
    # A form that contains a secret is not sent again to any other host.
    with pytest.raises(UnexpectedReply, match="redirect"):
        connect(serve(script), Credential("", "", "identity")).tags("a/b")
    assert not any(one.body for one in thief.asked)


def test_a_token_goes_to_its_registry_alone(serve, connect) -> None:
    elsewhere = serve(lambda asked: reply({"tags": ["2"]}))
    tokens = Tokens()

    def script(asked: Asked) -> Any:
        if asked.path.startswith("/v2/a/b") and asked.authorization.removeprefix("Bearer ") in tokens.valid:
            return reply({}, 302, Location=f"{elsewhere.url}/v2/a/b/tags/list")
        return tokens(asked)

    assert connect(serve(script), SAM).tags("a/b").items == ["2"]
    assert [one.authorization for one in elsewhere.asked if one.path != "/v2/"] == [""]


def test_a_registry_with_tls_cannot_name_a_token_service_without(serve, connect, tmp_path) -> None:
    plain = serve(lambda asked: reply({"token": "t"}))
    challenge = f'Bearer realm="{plain.url}/token",service="s"'
    with serve_tls(tmp_path, lambda asked: reply({}, 401, WWW_Authenticate=challenge)) as server:
        client = connect(server, SAM, ca_file=tmp_path / "ca.crt")
        with pytest.raises(UnexpectedReply, match="unencrypted token service"):
            client.tags("a/b")
        client.close()
    assert plain.asked == []


def test_netrc_is_nobodys_business(serve, connect, tmp_path, monkeypatch) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login sam password tide\ndefault login sam password tide\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    server = serve(lambda asked: reply({}, 401, WWW_Authenticate="Basic realm=x"))
    with pytest.raises(SignInRequired):
        connect(server).tags("a/b")
    assert [one.authorization for one in server.asked] == [""] * len(server.asked)


def test_addresses_in_a_manifest_are_never_asked(serve, connect) -> None:
    thief = serve(lambda asked: reply(b"x"))
    content, digest = b"content", "sha256:" + hashlib.sha256(b"content").hexdigest()
    document = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": 7},
        "layers": [{"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "digest": digest,
                    "size": 7, "urls": [f"{thief.url}/layer"]}],
    }  # fmt: skip

    def script(asked: Asked) -> Any:
        if not asked.authorization:
            return reply({}, 401, WWW_Authenticate="Basic realm=x")
        if "/blobs/" in asked.path:
            return reply(content)
        return reply(document, Content_Type=document["mediaType"])

    client = connect(serve(script), SAM)
    found = client.manifest("a/b", "1")
    with client.read_blob("a/b", found.layers[0].digest) as blob:
        assert b"".join(blob) == content
    assert thief.asked == []
