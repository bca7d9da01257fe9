"""Tokens for a real registry from the testbed's token server: which are requested, how and how often."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from longshore.credentials import Credential
from longshore.errors import AccessDenied, SignInFailed, SignInRequired
from longshore.oci.digest import sha256_of
from longshore.registry.client import RegistryClient
from longshore.registry.config import RegistryConfig
from testbed.registry import PrivateRegistry
from testbed.token_server import TokenServer

from .test_client import put_image, upload

pytestmark = pytest.mark.integration

Connect = Callable[..., RegistryClient]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateRegistry]:
    with PrivateRegistry(tmp_path_factory.mktemp("tokens"), auth="token") as started:
        yield started


@pytest.fixture
def server(registry: PrivateRegistry) -> Iterator[TokenServer]:
    """The token server; the settings that a test changes are restored."""
    found = registry.token_server
    assert found is not None
    kept = found.expires_in, found.reply_key, found.supports_post
    yield found
    found.expires_in, found.reply_key, found.supports_post = kept
    for user in ("", "sam", "eve"):
        found.revoke(user)


@pytest.fixture
def connect(registry: PrivateRegistry) -> Iterator[Connect]:
    clients: list[RegistryClient] = []

    def make(credential: Credential | None) -> RegistryClient:
        client = RegistryClient(
            RegistryConfig(registry.address), lambda _host: credential, environ={}, certificate_folders=()
        )
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


def sam(registry: PrivateRegistry) -> Credential:
    return Credential(registry.username, registry.password)


@contextlib.contextmanager
def asked(server: TokenServer) -> Iterator[list[tuple[str, ...]]]:
    """Context manager: the scopes of the tokens requested meanwhile."""
    before, found = len(server.requests), []
    yield found
    found += [tuple(map(in_order, request.scopes)) for request in server.requests[before:]]


def in_order(scope: str) -> str:
    """Sort the actions, which registries name in any order."""
    name, _, actions = scope.rpartition(":")
    return f"{name}:{','.join(sorted(actions.split(',')))}"


def test_each_act_asks_for_its_own_scope_and_once(
    registry: PrivateRegistry, server: TokenServer, connect: Connect
) -> None:
    client = connect(sam(registry))
    with asked(server) as scopes:
        made = put_image(client, "scopes/app", "1")
    # Reading needs a second token, even with one for writing; both are kept.
    assert set(scopes) == {("repository:scopes/app:pull,push",), ("repository:scopes/app:pull",)}
    assert len(scopes) == 2
    with asked(server) as scopes:
        client.tags("scopes/app")
        client.manifest("scopes/app", "1")
        upload(client, "scopes/app", b"more")
    assert scopes == []
    with asked(server) as scopes:
        client.repositories()
    assert scopes == [("registry:catalog:*",)]
    with asked(server) as scopes:
        assert client.mount("scopes/other", made.layers[0].digest, "scopes/app") is None
    assert scopes == [("repository:scopes/other:pull,push", "repository:scopes/app:pull")]
    with asked(server) as scopes:
        client.delete_manifest("scopes/app", made.digest)
    assert scopes == [("repository:scopes/app:delete",)]


@pytest.mark.parametrize("key", ["token", "access_token", "both"])
def test_both_names_of_a_token(
    registry: PrivateRegistry, server: TokenServer, connect: Connect, key: str
) -> None:
    server.reply_key = key  # type: ignore[assignment]
    connect(sam(registry)).repositories()


def test_a_refresh_token_is_kept_at_the_sign_in_and_used_by_post(
    registry: PrivateRegistry, server: TokenServer, connect: Connect
) -> None:
    accepted = connect(None).sign_in(sam(registry))
    assert accepted.identity_token in server.refresh_tokens and not accepted.secret
    with pytest.raises(SignInFailed):
        connect(None).sign_in(Credential("sam", "wrong"))
    before = len(server.requests)
    connect(accepted).repositories()
    assert [(one.method, one.grant) for one in server.requests[before:]] == [("POST", "refresh_token")]
    # After it is revoked, the refusal is explained.
    del server.refresh_tokens[accepted.identity_token]
    with pytest.raises(SignInFailed, match="has expired or was revoked"):
        connect(accepted).repositories()


def test_a_token_is_renewed_before_it_runs_out(
    registry: PrivateRegistry, server: TokenServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("longshore.registry.auth.time.monotonic", lambda: now[0])
    client = connect(sam(registry))
    server.expires_in = 300
    for later, tokens in ((0.0, 1), (200.0, 0), (289.0, 0), (291.0, 1)):
        now[0] = 1000.0 + later
        with asked(server) as scopes:
            client.repositories()
        assert len(scopes) == tokens, f"after {later} s"


def test_rights_that_are_missing_are_explained_after_one_more_try(
    registry: PrivateRegistry, server: TokenServer, connect: Connect
) -> None:
    put_image(connect(sam(registry)), "rights/app", "1")
    server.users["eve"] = "reads"
    server.grant("eve", "rights/*", ["pull"])
    server.grant("", "nothing", ["pull"])
    eve = connect(Credential("eve", "reads"))
    assert eve.tags("rights/app").items == ["1"]
    for _ in range(2):
        with asked(server) as scopes, pytest.raises(AccessDenied, match="eve") as caught:
            upload(eve, "rights/app", b"refused")
        # The first request already has a fresh token; later, the known token is dropped and renewed once.
        assert len(scopes) <= 2
    assert caught.value.registry == registry.address
    with pytest.raises(SignInRequired):
        connect(None).tags("rights/app")
    # The right is granted meanwhile: the next attempt succeeds without a new sign-in.
    server.revoke("eve")
    assert upload(eve, "rights/app", b"taken now") is not None
    assert eve.blob_size("rights/app", sha256_of(b"taken now")) == 9
