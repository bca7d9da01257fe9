"""Refused requests that can be done without, and tokens that expire early."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from longshore.credentials import Credential
from longshore.errors import (
    AccessDenied,
    DigestMismatch,
    LongshoreError,
    RateLimited,
    RegistryFailure,
    SignInRequired,
    UnexpectedReply,
)
from longshore.oci.manifest import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from longshore.registry.config import RegistryConfig
from longshore.registry.details_cache import DetailsCache
from longshore.registry.listing import lister_for

from .conftest import Asked, Scripted, reply

ANN = Credential("ann", "s3cret", "")
CONFIG = json.dumps({"os": "linux", "architecture": "amd64", "created": "2024-01-02T03:04:05Z"}).encode()


def digest_of(raw: bytes) -> str:
    return "sha256:" + hashlib.sha256(raw).hexdigest()


MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": OCI_CONFIG, "digest": digest_of(CONFIG), "size": len(CONFIG)},
        "layers": [],
    }
).encode()


def image(asked: Asked) -> Any:
    if "/manifests/" in asked.path:
        return reply(MANIFEST, Content_Type=OCI_MANIFEST)
    if "/blobs/" in asked.path:
        return reply(CONFIG)
    return reply({})


# -- HEAD of a manifest


@pytest.mark.parametrize("for_push", [True, False])
@pytest.mark.parametrize("status", [400, 401, 403, 405, 500, 501])
def test_a_refused_head_of_a_manifest_becomes_a_get(serve, connect, status: int, for_push: bool) -> None:
    server = serve(lambda asked: reply({}, status) if asked.method == "HEAD" else image(asked))
    found = connect(server, ANN).head("a/b", "1", for_push=for_push)
    assert found is not None and (found.digest, found.size) == (digest_of(MANIFEST), len(MANIFEST))


def test_a_head_that_the_storage_refuses_becomes_a_get(serve, connect) -> None:
    """moby 50065: the address was signed for GET."""
    storage = serve(lambda asked: reply(b"<Error/>", 403) if asked.method == "HEAD" else image(asked))
    server = serve(lambda asked: reply({}, 307, Location=f"{storage.url}/manifests/x?sig=1"))
    found = connect(server).head("a/b", "1")
    assert found is not None and found.digest == digest_of(MANIFEST)


def test_what_is_not_there_is_not_asked_twice(serve, connect) -> None:
    server = serve(lambda asked: None if asked.method == "HEAD" else image(asked))
    assert connect(server).head("a/b", "1") is None
    assert server.paths() == []


@pytest.mark.parametrize(("status", "error"), [(429, RateLimited), (503, RegistryFailure)])
def test_a_registry_that_is_busy_or_down_is_not_asked_more(serve, connect, status: int, error: type) -> None:
    server = serve(
        lambda asked: reply({}, status, Retry_After="600") if asked.method == "HEAD" else image(asked)
    )
    with pytest.raises(error):
        connect(server).head("a/b", "1")
    assert server.paths() == []


def test_the_error_of_the_get_is_the_one_that_is_told(serve, connect) -> None:
    server = serve(lambda asked: reply({"errors": [{"code": "DENIED", "message": asked.method}]}, 403))
    with pytest.raises(SignInRequired) as caught:
        connect(server).head("a/b", "1")
    assert caught.value.detail == "HTTP 403: DENIED: GET"


@pytest.mark.parametrize("length", ["9" * 5000, "²".encode("latin-1").decode("latin-1"), "-1", "x"])
def test_a_head_with_a_length_that_is_none_becomes_a_get(serve, connect, length: str) -> None:
    def script(asked: Asked) -> Any:
        found = image(asked)
        if asked.method == "HEAD":
            asked.handler.wfile.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: " + OCI_MANIFEST.encode() + b"\r\nDocker-Content-Digest: "
                + digest_of(MANIFEST).encode() + b"\r\nContent-Length: " + length.encode("latin-1")
                + b"\r\nConnection: close\r\n\r\n"
            )  # fmt: skip
            return "cut"
        return found

    found = connect(serve(script)).head("a/b", "1")
    assert found is not None and found.size == len(MANIFEST)


# -- the configuration, the ping, referrers


@pytest.mark.parametrize("status", [403, 404, 400])
def test_a_tag_without_a_readable_configuration_has_its_size(serve, connect, status: int) -> None:
    server = serve(lambda asked: reply({}, status) if "/blobs/" in asked.path else image(asked))
    found = connect(server, ANN).tag_details("a/b", "1")
    assert (found.digest, found.size, found.created) == (digest_of(MANIFEST), len(CONFIG), None)


def test_details_are_asked_for_in_full_once_and_then_by_their_digest(serve, connect, tmp_path: Path) -> None:
    """A tag that is not known yet must not cost a HEAD as well."""

    def script(asked: Asked) -> Any:
        if "/blobs/" in asked.path:
            return reply(CONFIG)
        return reply(
            MANIFEST,
            Content_Type=OCI_MANIFEST,
            Docker_Content_Digest=digest_of(MANIFEST),
        )

    server = serve(script)
    cache = DetailsCache(tmp_path / "details")
    try:
        client = connect(server, ANN, details=cache)
        before = len(server.asked)
        found = client.tag_details("a/b", "1")
        assert [asked.method for asked in server.asked[before:] if asked.path != "/v2/"] == ["GET", "GET"]
        before = len(server.asked)
        assert client.tag_details("a/b", "1") == found
        assert client.tag_details("a/b", "2", cheaply=True).digest == found.digest
        assert [asked.method for asked in server.asked[before:]] == ["HEAD", "HEAD"]
    finally:
        cache.close()


@pytest.mark.parametrize("damage", [CONFIG[:-1], CONFIG[:-1] + b" ", b"not json"])
def test_a_damaged_configuration_is_told_as_damaged(serve, connect, damage: bytes) -> None:
    server = serve(lambda asked: reply(damage) if "/blobs/" in asked.path else image(asked))
    client = connect(server)
    for call in (
        lambda: client.tag_details("a/b", "1"),
        lambda: client.config("a/b", client.manifest("a/b", "1")),
    ):
        with pytest.raises(DigestMismatch):
            call()


@pytest.mark.parametrize("status", [400, 403, 404, 405, 500])
def test_a_refused_ping_does_not_keep_a_registry_from_being_listed(serve, connect, status: int) -> None:
    def script(asked: Asked) -> Any:
        if asked.path == "/v2/":
            return reply({}, status)
        return reply({"repositories": ["a/b"]})

    server: Scripted = serve(script)
    client = connect(server)
    for kind in ("auto", "nexus"):
        lister = lister_for(RegistryConfig(server.host, kind=kind), client, lambda _host: None, environ={})
        assert [one.name for one in lister.repositories().items] == ["a/b"]
        lister.close()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 500, 501, 200])
def test_refused_referrers_are_those_of_the_fallback_tag(serve, connect, status: int) -> None:
    entry = {"mediaType": OCI_MANIFEST, "digest": digest_of(b"x"), "size": 1}
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}).encode()

    def script(asked: Asked) -> Any:
        if "/referrers/" in asked.path:
            return reply(b"<html></html>", status, Content_Type="text/html")
        return reply(index, Content_Type=OCI_INDEX) if "/manifests/sha256-" in asked.path else None

    found = connect(serve(script), ANN).referrers("a/b", digest_of(MANIFEST))
    assert [one.digest for one in found] == [entry["digest"]]


def test_referrers_of_a_registry_that_is_down_are_not_none(serve, connect) -> None:
    server = serve(lambda asked: reply({}, 503, Retry_After="600"))
    with pytest.raises(RegistryFailure):
        connect(server).referrers("a/b", digest_of(MANIFEST))


# -- tokens that expire early


class Tokens:
    """Issues tokens for an hour and refuses all but the latest with *status*; *challenge*: asks for a new one."""

    def __init__(self, status: int, *, challenge: bool = False, code: str = "UNAUTHORIZED") -> None:
        self.status, self.challenge, self.code = status, challenge, code
        self.given = 0
        self.alive = True

    def __call__(self, asked: Asked) -> Any:
        if asked.path.startswith("/token"):
            self.given += 1
            self.alive = True
            return reply({"token": f"token-{self.given}", "expires_in": 3600})
        wanted = f'Bearer realm="http://{asked.headers["host"]}/token",service="x"'
        if not asked.authorization:
            return reply({}, 401, WWW_Authenticate=wanted)
        if not self.alive or asked.authorization != f"Bearer token-{self.given}":
            headers = {"WWW_Authenticate": wanted} if self.challenge else {}
            return reply({"errors": [{"code": self.code, "message": "no"}]}, self.status, **headers)
        return reply({"tags": ["1"]})


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_stale_token_is_replaced_whatever_it_is_answered_with(serve, connect, status: int) -> None:
    """hub-feedback 2530."""
    tokens = Tokens(status)
    client = connect(serve(tokens), ANN)
    for number in (1, 2, 3):
        assert client.tags("a/b").items == ["1"]
        assert tokens.given == number
        tokens.alive = False


@pytest.mark.parametrize(
    ("status", "error"), [(400, UnexpectedReply), (401, AccessDenied), (403, AccessDenied)]
)
def test_a_new_token_is_asked_for_once(serve, connect, status: int, error: type[LongshoreError]) -> None:
    closed = False
    tokens = Tokens(status)

    def script(asked: Asked) -> Any:
        return tokens(asked) if not closed or "/token" in asked.path else reply({}, status)

    client = connect(serve(script), ANN)
    client.tags("a/b")
    closed = True
    for _ in range(3):
        with pytest.raises(error):
            client.tags("a/b")
    assert tokens.given == 2  # the second was never accepted, so it is refused for another reason


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_token_that_was_never_taken_is_not_replaced(serve, connect, status: int) -> None:
    given = []

    def script(asked: Asked) -> Any:
        if asked.path.startswith("/token"):
            given.append(asked)
            return reply({"token": f"t{len(given)}"})
        if not asked.authorization:
            realm = f"http://{asked.headers['host']}/token"
            return reply({}, 401, WWW_Authenticate=f'Bearer realm="{realm}"')
        return reply({}, status)

    with pytest.raises((AccessDenied, UnexpectedReply)):
        connect(serve(script), ANN).tags("a/b")
    assert len(given) == 1


@pytest.mark.parametrize(
    "code", ["MANIFEST_INVALID", "NAME_INVALID", "DIGEST_INVALID", "PAGINATION_NUMBER_INVALID"]
)
def test_what_speaks_of_the_request_is_not_about_the_token(serve, connect, code: str) -> None:
    tokens = Tokens(400, code=code)
    client = connect(serve(tokens), ANN)
    client.tags("a/b")
    tokens.alive = False
    with pytest.raises(UnexpectedReply):
        client.tags("a/b")
    assert tokens.given == 1


def test_many_threads_with_a_stale_token_ask_for_one(serve, connect) -> None:
    from concurrent.futures import ThreadPoolExecutor

    tokens = Tokens(403)
    client = connect(serve(tokens), ANN)
    client.tags("a/b")
    tokens.alive = False
    with ThreadPoolExecutor(8) as pool:
        assert all(page.items == ["1"] for page in pool.map(lambda _: client.tags("a/b"), range(16)))
    assert tokens.given == 2


def test_how_a_sign_in_is_required_is_known_after_the_first_answer(serve, connect) -> None:
    anyone = connect(serve(image))
    assert anyone.auth == ""
    anyone.manifest("a/b", "1")
    assert anyone.auth == "none"
    some = connect(serve(lambda asked: reply({}, 401, WWW_Authenticate='Basic realm="here"')))
    with pytest.raises(SignInRequired):
        some.manifest("a/b", "1")
    assert some.auth == "basic"
