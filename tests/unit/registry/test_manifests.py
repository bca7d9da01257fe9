"""Storing and deleting manifests, and redirects of requests that write."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from longshore.errors import (
    AccessDenied,
    LongshoreError,
    NotInRegistry,
    RegistryFailure,
    TagImmutable,
    UnexpectedReply,
    VerificationFailed,
)
from longshore.oci.manifest import OCI_INDEX, OCI_MANIFEST
from longshore.registry.client import RegistryClient

from .conftest import Asked, reply

DIGEST = "sha256:" + "0" * 64
EMPTY = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": DIGEST, "size": 2}
DOCUMENT = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": EMPTY, "layers": []}
RAW = json.dumps(DOCUMENT).encode()
RAW_DIGEST = f"sha256:{hashlib.sha256(RAW).hexdigest()}"
SIGNATURE = json.dumps({**DOCUMENT, "subject": {**EMPTY, "mediaType": OCI_MANIFEST}}).encode()
SIGNATURE_DIGEST = f"sha256:{hashlib.sha256(SIGNATURE).hexdigest()}"


def answering(status: int, **headers: str) -> Callable[[Asked], Any]:
    said = b"" if status == 204 else b"{}"
    return lambda asked: reply({}) if asked.path == "/v2/" else reply(said, status, **headers)


def test_what_a_head_says_in_full_is_not_read_again(serve, connect) -> None:
    """On Docker Hub, reading a manifest counts as a pull."""
    server = serve(answering(200, Docker_Content_Digest=RAW_DIGEST, Content_Type=OCI_MANIFEST))
    found = connect(server).head("a/b", "1.0")
    assert (found.digest, found.media_type) == (RAW_DIGEST, OCI_MANIFEST)
    assert [asked.method for asked in server.asked if "manifests" in asked.path] == ["HEAD"]


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_manifest_is_stored_as_it_is(serve, connect, status: int) -> None:
    server = serve(answering(status))
    client = connect(server)
    assert client.put_manifest("a/b", "1.0", RAW, OCI_MANIFEST) == RAW_DIGEST
    assert client.put_manifest("a/b", RAW_DIGEST, RAW, OCI_MANIFEST) == RAW_DIGEST
    puts = [asked for asked in server.asked if asked.method == "PUT"]
    assert [asked.path for asked in puts] == [f"/v2/a/b/manifests/{name}" for name in ("1.0", RAW_DIGEST)]
    assert all((asked.body, asked.headers["content-type"]) == (RAW, OCI_MANIFEST) for asked in puts)


@pytest.mark.parametrize("status", [203, 206])
def test_what_does_not_say_that_it_is_stored(serve, connect, status: int) -> None:
    with pytest.raises(UnexpectedReply):
        connect(serve(answering(status))).put_manifest("a/b", "1.0", RAW, OCI_MANIFEST)


def test_a_manifest_that_was_stored_otherwise(serve, connect) -> None:
    stored = connect(serve(answering(201, Docker_Content_Digest=DIGEST)))
    with pytest.raises(VerificationFailed) as caught:
        stored.put_manifest("a/b", "1.0", RAW, OCI_MANIFEST)
    assert (caught.value.subject, caught.value.detail) == (
        "a/b:1.0",
        f"sent {RAW_DIGEST}, stored {DIGEST}",
    )
    for announced in (RAW_DIGEST, "sha512:" + "0" * 128, ""):
        good = connect(serve(answering(201, Docker_Content_Digest=announced)))
        assert good.put_manifest("a/b", "1.0", RAW, OCI_MANIFEST) == RAW_DIGEST


@pytest.mark.parametrize(
    ("status", "by_tag", "by_digest"),
    [(409, TagImmutable, UnexpectedReply), (412, TagImmutable, UnexpectedReply),
     (400, UnexpectedReply, UnexpectedReply), (500, RegistryFailure, RegistryFailure),
     (404, NotInRegistry, NotInRegistry)],
)  # fmt: skip
def test_only_a_tag_is_immutable(
    serve, connect, status: int, by_tag: type[LongshoreError], by_digest: type[LongshoreError]
) -> None:
    client = connect(serve(answering(status)))
    for name, kind in (("1.0", by_tag), (RAW_DIGEST, by_digest)):
        with pytest.raises(kind) as caught:
            client.put_manifest("a/b", name, RAW, OCI_MANIFEST)
        assert type(caught.value) is kind


def test_a_registry_without_referrers_gets_the_fallback_tag(serve, connect) -> None:
    """distribution-spec, "Pushing Manifests with Subject"."""
    tags: dict[str, bytes] = {}

    def script(asked: Asked) -> Any:
        name = asked.path.rpartition("/")[2]
        if asked.method == "PUT":
            tags[name] = asked.body
            return reply({}, 201)
        return reply(tags[name], 200, Content_Type=OCI_INDEX) if name in tags else None

    client = connect(serve(script))
    client.put_manifest("a/b", "1.0", RAW, OCI_MANIFEST)
    assert list(tags) == ["1.0"]
    for _ in range(2):
        client.put_manifest("a/b", SIGNATURE_DIGEST, SIGNATURE, OCI_MANIFEST)
        assert list(tags) == ["1.0", SIGNATURE_DIGEST, f"sha256-{'0' * 64}"]
        listed = json.loads(tags[f"sha256-{'0' * 64}"])["manifests"]
        assert [(one["digest"], one["size"], one["artifactType"]) for one in listed] == [
            (SIGNATURE_DIGEST, len(SIGNATURE), EMPTY["mediaType"])
        ]


def test_a_registry_that_knows_referrers_gets_no_tag(serve, connect) -> None:
    server = serve(answering(201, OCI_Subject=DIGEST))
    connect(server).put_manifest("a/b", SIGNATURE_DIGEST, SIGNATURE, OCI_MANIFEST)
    assert len([asked for asked in server.asked if asked.method == "PUT"]) == 1


@pytest.mark.parametrize("status", [200, 202, 204])
def test_what_is_deleted(serve, connect, status: int) -> None:
    server = serve(answering(status))
    connect(server).delete_manifest("a/b", DIGEST)
    assert server.paths("DELETE") == [f"/v2/a/b/manifests/{DIGEST}"]


@pytest.mark.parametrize("status", [400, 405, 501])
def test_what_cannot_be_deleted_says_what_can(serve, connect, status: int) -> None:
    client = connect(serve(answering(status)))
    with pytest.raises(AccessDenied) as caught:
        client.delete_manifest("a/b", DIGEST)
    assert "administrator" in caught.value.advice


@pytest.mark.parametrize(("status", "kind"), [(409, UnexpectedReply), (404, NotInRegistry)])
def test_what_is_not_deleted_for_another_reason(
    serve, connect, status: int, kind: type[LongshoreError]
) -> None:
    with pytest.raises(kind) as caught:
        connect(serve(answering(status))).delete_manifest("a/b", DIGEST)
    assert type(caught.value) is kind


# -- redirects of requests that write

SENDING: list[Callable[[RegistryClient], object]] = [
    lambda client: client.start_upload("a/b"),
    lambda client: client.put_manifest("a/b", "1.0", RAW, OCI_MANIFEST),
    lambda client: client.delete_manifest("a/b", DIGEST),
]


def redirecting(status: int, place: Callable[[Asked], str]) -> Callable[[Asked], Any]:
    def script(asked: Asked) -> Any:
        if asked.path == "/v2/":
            return reply({})
        if "moved" not in asked.path:
            return reply({}, status, Location=place(asked))
        return reply({}, 202 if asked.method != "PUT" else 201, Location="/v2/a/b/blobs/uploads/1")

    return script


@pytest.mark.parametrize("send", SENDING, ids=["upload", "manifest", "delete"])
@pytest.mark.parametrize("status", [307, 308])
def test_what_is_sent_follows_its_own_registry(
    serve, connect, status: int, send: Callable[[RegistryClient], object]
) -> None:
    server = serve(redirecting(status, lambda asked: f"{asked.path}?moved=1"))
    send(connect(server))
    first, second = server.asked[-2:]
    assert (second.method, second.path) == (first.method, f"{first.path}?moved=1")
    assert second.body == first.body


@pytest.mark.parametrize("send", SENDING, ids=["upload", "manifest", "delete"])
@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_redirect_that_would_change_what_is_sent_is_not_followed(
    serve, connect, status: int, send: Callable[[RegistryClient], object]
) -> None:
    server = serve(redirecting(status, lambda asked: f"{asked.path}?moved=1"))
    with pytest.raises(UnexpectedReply, match="redirects a write request"):
        send(connect(server))
    assert not [asked for asked in server.asked if "moved" in asked.path]


@pytest.mark.parametrize("send", SENDING, ids=["upload", "manifest", "delete"])
@pytest.mark.parametrize("status", [307, 308])
def test_what_is_sent_goes_to_nobody_else(
    serve, connect, status: int, send: Callable[[RegistryClient], object]
) -> None:
    other = serve(lambda asked: reply({}, 201))
    server = serve(redirecting(status, lambda asked: f"{other.url}/moved"))
    with pytest.raises(UnexpectedReply, match="redirects a write request"):
        send(connect(server))
    assert other.asked == []


@pytest.mark.parametrize("status", [307, 308])
def test_bytes_that_are_there_once_are_not_sent_twice(serve, connect, status: int) -> None:
    def script(asked: Asked) -> Any:
        if asked.method == "POST":
            return reply({}, 202, Location="/v2/a/b/blobs/uploads/1")
        return reply({}, status, Location=f"{asked.path}&moved=1")

    server = serve(script)
    client = connect(server)
    upload = client.start_upload("a/b")
    with pytest.raises(UnexpectedReply, match="redirects a write request"):
        client.finish_upload(upload, DIGEST, iter([b"blob"]), 4)
    assert not [asked for asked in server.asked if "moved" in asked.path]
