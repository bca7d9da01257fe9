"""What the loopback registry gives to a client that knows the offer."""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
from contextlib import closing

import pytest

from longshore.cancellation import Cancellation
from longshore.errors import LibraryError
from longshore.loopback.offer import Blob
from longshore.oci.digest import sha256_of
from longshore.oci.manifest import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST, Manifest, parse_manifest
from loopbacktools import ArrivingBlob, Ask, Connect, Offering, PlainShelf, everything, url

CONTENT = bytes(range(256)) * 4


def a_manifest(*layers: ArrivingBlob) -> Manifest:
    parts = [{"mediaType": OCI_LAYER_GZIP, "digest": layer.digest, "size": layer.size} for layer in layers]
    config = {"mediaType": OCI_CONFIG, "digest": sha256_of(b"{}"), "size": 2}
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": parts}
    # Bytes that no second serialisation would produce.
    parsed = parse_manifest(json.dumps(document, indent=3).encode() + b"\n", OCI_MANIFEST)
    assert isinstance(parsed, Manifest)
    return parsed


def test_the_version_is_answered_and_is_no_sign_of_the_engine(offering: Offering, ask: Ask) -> None:
    offer = offering()
    for method, body in (("GET", b"{}"), ("HEAD", b"")):
        reply = ask(offer, "/v2/", method)
        assert (reply.status, reply.body) == (200, body)
        assert reply.headers["Docker-Distribution-API-Version"] == "registry/2.0"
        assert reply.headers["Content-Length"] == "2"
    assert not offer.reached


def test_a_manifest_by_tag_and_by_digest_verbatim(offering: Offering, ask: Ask) -> None:
    manifest = a_manifest()
    offer = offering(PlainShelf((manifest,)))
    assert not offer.reached
    for name in (offer.offered.tag, manifest.digest, manifest.digest.replace(":", "%3A")):
        for method, body in (("GET", manifest.raw), ("HEAD", b"")):
            reply = ask(offer, url(offer, "manifests", name), method, Accept="text/html")
            assert (reply.status, reply.body) == (200, body)
            assert reply.headers == {
                "Content-Type": OCI_MANIFEST,
                "Docker-Content-Digest": manifest.digest,
                "Content-Length": str(len(manifest.raw)),
            }
    assert offer.reached


def test_only_what_is_offered(offering: Offering, ask: Ask) -> None:
    shelf = PlainShelf((a_manifest(),), {sha256_of(CONTENT): ArrivingBlob(CONTENT)})
    offer = offering(shelf)
    other = sha256_of(b"other")
    for path in (
        url(offer, "manifests", other),
        url(offer, "manifests", "latest"),
        url(offer, "blobs", other),
        url(offer, "blobs", "pull"),
        url(offer, "blobs", "uploads"),
        url(offer, "blobs", "..%2f..%2fsecret"),
        url(offer, "referrers", other),
        url(offer, "tags", "list"),
        f"/v2/{offer.offered.repository}/",
    ):
        assert ask(offer, path).status == 404
    # What can't be a name of the offer does not get as far as the shelf.
    assert shelf.asked == [other, other]


def test_nothing_can_be_changed(offering: Offering, ask: Ask) -> None:
    blob = ArrivingBlob(CONTENT)
    offer = offering(PlainShelf((a_manifest(),), {blob.digest: blob}))
    for method in ("PUT", "POST", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"):
        for path in (url(offer, "manifests", "pull"), url(offer, "blobs", blob.digest), "/v2/"):
            assert ask(offer, path, method).status == 404
            assert ask(offer, path, method, b"more").headers["Connection"] == "close"


def test_a_request_with_a_body_is_refused(offering: Offering, ask: Ask) -> None:
    offer = offering(PlainShelf((a_manifest(),)))
    reply = ask(offer, url(offer, "manifests", "pull"), "GET", b"x" * 100_000)
    assert (reply.status, reply.headers["Connection"]) == (404, "close")


@pytest.mark.parametrize(
    ("asked", "status", "span"),
    [
        (None, 200, (0, 1024)),
        ("bytes=0-", 206, (0, 1024)),
        ("bytes=100-199", 206, (100, 200)),
        ("bytes=1000-", 206, (1000, 1024)),
        ("bytes=1000-5000", 206, (1000, 1024)),
        ("bytes=-24", 206, (1000, 1024)),
        ("bytes=-5000", 206, (0, 1024)),
        ("bytes=1024-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=0-1,5-6", 200, (0, 1024)),
        ("lines=0-1", 200, (0, 1024)),
        ("bytes=9-2", 200, (0, 1024)),
    ],
)
def test_a_blob_and_its_ranges(
    offering: Offering, ask: Ask, asked: str | None, status: int, span: tuple[int, int] | None
) -> None:
    blob = ArrivingBlob(CONTENT)
    offer = offering(PlainShelf(blobs={blob.digest: blob}))
    path = url(offer, "blobs", blob.digest)
    reply = ask(offer, path) if asked is None else ask(offer, path, Range=asked)
    assert reply.status == status
    assert reply.headers["Docker-Content-Digest"] == blob.digest
    assert reply.headers["Accept-Ranges"] == "bytes"
    if span is None:
        assert reply.headers["Content-Range"] == "bytes */1024"
        return
    assert reply.body == CONTENT[slice(*span)]
    assert reply.headers["Content-Length"] == str(len(reply.body))
    assert reply.headers["Content-Type"] == "application/octet-stream"
    expected = f"bytes {span[0]}-{span[1] - 1}/1024" if status == 206 else None
    assert reply.headers.get("Content-Range") == expected


def test_head_of_a_blob_waits_for_no_byte(offering: Offering, ask: Ask) -> None:
    blob = ArrivingBlob(CONTENT, arrived=0)
    offer = offering(PlainShelf(blobs={blob.digest: blob}))
    reply = ask(offer, url(offer, "blobs", blob.digest), "HEAD", Range="bytes=5-6")
    assert (reply.status, reply.headers["Content-Length"], reply.body) == (200, "1024", b"")


def test_an_empty_blob(offering: Offering, ask: Ask) -> None:
    blob = ArrivingBlob(b"")
    offer = offering(PlainShelf(blobs={blob.digest: blob}))
    assert ask(offer, url(offer, "blobs", blob.digest)).headers["Content-Length"] == "0"
    assert ask(offer, url(offer, "blobs", blob.digest), Range="bytes=0-").status == 416


def test_a_blob_is_sent_while_it_arrives(offering: Offering) -> None:
    content = bytes(1_000_000) + CONTENT
    blob = ArrivingBlob(content, arrived=0)
    offer = offering(PlainShelf(blobs={blob.digest: blob}))
    with closing(http.client.HTTPConnection(offer.offered.host, timeout=20)) as client:
        client.request("GET", url(offer, "blobs", blob.digest))
        response = client.getresponse()  # before the first byte of the body
        assert (response.status, response.headers["Content-Length"]) == (200, str(len(content)))
        received = b""
        for upto in (1, 2, 700_000, len(content) - 1, len(content)):
            assert blob.awaited.wait(20)
            blob.arrive(upto)
            received += response.read(upto - len(received))
            assert len(received) == upto
        assert received == content
        # The connection is as good as before.
        client.request("GET", "/v2/")
        assert client.getresponse().read() == b"{}"


def test_a_range_is_sent_while_it_arrives(offering: Offering) -> None:
    blob = ArrivingBlob(CONTENT, arrived=600)
    offer = offering(PlainShelf(blobs={blob.digest: blob}))
    with closing(http.client.HTTPConnection(offer.offered.host, timeout=20)) as client:
        client.request("GET", url(offer, "blobs", blob.digest), headers={"Range": "bytes=500-699"})
        response = client.getresponse()
        assert response.read(100) == CONTENT[500:600]
        blob.arrive(700)  # no more than the client has asked for is waited for
        assert response.read() == CONTENT[600:700]


def test_a_blob_that_fails_is_never_complete(offering: Offering) -> None:
    blob = ArrivingBlob(CONTENT, arrived=600)
    offer = offering(PlainShelf(blobs={blob.digest: blob}))
    with closing(http.client.HTTPConnection(offer.offered.host, timeout=20)) as client:
        client.request("GET", url(offer, "blobs", blob.digest))
        response = client.getresponse()
        assert blob.awaited.wait(20)
        blob.fail(LibraryError("The disk is full."))
        with pytest.raises(http.client.IncompleteRead) as short:
            response.read()
        assert short.value.partial == CONTENT[:600]


def test_a_blob_that_ends_early_is_never_complete(
    offering: Offering, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = ArrivingBlob(CONTENT)
    monkeypatch.setattr(blob, "read", lambda *_: b"")
    offer = offering(PlainShelf(blobs={blob.digest: blob}))
    with pytest.raises(http.client.IncompleteRead):
        ask(offer, url(offer, "blobs", blob.digest))


def test_a_shelf_that_fails(offering: Offering, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = PlainShelf((a_manifest(),))

    def fail(*_: object) -> None:
        raise LibraryError("The file /home/ann/blob can't be read.")

    monkeypatch.setattr(shelf, "manifest", fail)
    offer = offering(shelf)
    reply = ask(offer, url(offer, "manifests", "pull"))
    assert reply.status == 500
    assert b"ann" not in reply.body


@pytest.mark.expects_log("ERROR longshore.loopback.connection: a request .* failed unexpectedly")
def test_a_mistake_of_ours_closes_the_connection_and_is_logged(
    offering: Offering, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = PlainShelf((a_manifest(),))
    monkeypatch.setattr(shelf, "manifest", lambda *_: 1 / 0)
    offer = offering(shelf)
    with pytest.raises(http.client.RemoteDisconnected):
        ask(offer, url(offer, "manifests", "pull"))
    assert ask(offer, "/v2/").status == 200


def test_one_connection_serves_request_after_request(
    offering: Offering, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest, blob, failing = a_manifest(), ArrivingBlob(CONTENT), ArrivingBlob(b"failing")
    shelf = PlainShelf((manifest,), {blob.digest: blob})
    given = shelf.blob

    def fail(digest: str, cancellation: Cancellation) -> Blob | None:
        if digest == failing.digest:
            raise LibraryError("It can't be read.")
        return given(digest, cancellation)

    monkeypatch.setattr(shelf, "blob", fail)
    offer = offering(shelf)
    path = url(offer, "blobs", blob.digest)
    asked = [
        ("GET", "/v2/", "", b"200 OK"),
        ("GET", "/v2/_catalog", "", b"404 Not Found"),
        ("GET", url(offer, "manifests", "pull"), "", b"200 OK"),
        ("GET", url(offer, "manifests", "latest"), "", b"404 Not Found"),
        ("POST", url(offer, "manifests", "pull"), "Content-Length: 0\r\n", b"404 Not Found"),
        ("GET", path, "", b"200 OK"),
        ("GET", path, "Range: bytes=1-1\r\n", b"206 Partial Content"),
        ("GET", path, "Range: bytes=2000-\r\n", b"416 Requested Range Not Satisfiable"),
        ("GET", url(offer, "blobs", failing.digest), "", b"500 Internal Server Error"),
        ("HEAD", path, "", b"200 OK"),
        ("GET", url(offer, "manifests", "pull"), "Connection: TE, Close\r\n", b"200 OK"),
        ("GET", "/v2/", "", b""),  # after the last one
    ]
    connection = connect(offer)
    requests = [f"{method} {path} HTTP/1.1\r\nHost: x\r\n{more}\r\n" for method, path, more, _ in asked]
    connection.sendall("".join(requests).encode())
    received = everything(connection)
    statuses = [line.removeprefix(b"HTTP/1.1 ") for line in re.findall(rb"HTTP/1\.1 [^\r]+", received)]
    assert statuses == [status for *_, status in asked if status]
    assert received.count(manifest.raw) == 2
    assert received.count(CONTENT) == 1
    assert received.count(b"Connection: close") == 1


def test_a_client_of_http_1_0(offering: Offering, connect: Connect) -> None:
    blob = ArrivingBlob(CONTENT)
    offer = offering(PlainShelf(blobs={blob.digest: blob}))
    connection = connect(offer)
    connection.sendall(f"GET {url(offer, 'blobs', blob.digest)} HTTP/1.0\r\n\r\n".encode())
    head, _, body = everything(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Connection: close" in head
    assert body == CONTENT


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 and a hello without an end",
        b"\x16\x03\x01 with\r\n\r\nan end",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /v2/\r\n\r\n",
        b"GET  /v2/ HTTP/1.1\r\n\r\n",
        b"get\r\n\r\n",
        b"\r\n\r\n",
        b"GET /v2/ HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n",
    ],
)
def test_what_is_not_http_is_told_in_http(offering: Offering, connect: Connect, sent: bytes) -> None:
    connection = connect(offering())
    connection.sendall(sent)
    assert everything(connection).startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_a_client_that_tries_tls_reads_plain_http(offering: Offering, connect: Connect) -> None:
    """Clients in Go take the first five bytes for a record's head, and look there for "HTTP/"."""
    context = ssl.create_default_context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    connection: socket.socket = connect(offering())
    connection.sendall(outgoing.read())
    assert everything(connection).startswith(b"HTTP/1.1 400 ")


def test_nothing_is_written_to_the_terminal(
    offering: Offering, ask: Ask, connect: Connect, capfd: pytest.CaptureFixture[str]
) -> None:
    offer = offering()
    ask(offer, "/v2/", Authorization="Basic c2VjcmV0")
    ask(offer, "/nothing")
    connection = connect(offer)
    connection.sendall(b"\x16\x03\x01")
    everything(connection)
    assert capfd.readouterr() == ("", "")
