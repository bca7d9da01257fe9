"""What requests say: pure functions over the bytes of strangers."""

from __future__ import annotations

import pytest

from longshore.loopback.requests import Place, byte_range, parse_head, parse_path

LARGEST = 10**18 - 1


@pytest.mark.parametrize(
    ("header", "size", "part"),
    [
        ("bytes=0-0", 10, range(1)),
        ("bytes=9-9", 10, range(9, 10)),
        ("bytes=0-9", 10, range(10)),
        ("bytes=0-10", 10, range(10)),
        ("bytes=9-", 10, range(9, 10)),
        ("bytes=-1", 10, range(9, 10)),
        (" Bytes = 3-4 ", 10, range(3, 5)),
        (f"bytes=1-{LARGEST}", 10, range(1, 10)),
        (f"bytes=-{LARGEST}", 10, range(10)),
        (f"bytes=1-{LARGEST + 1}", 10, None),
        ("bytes=1-²", 10, None),
        ("bytes=١-٢", 10, None),
        ("bytes=+1-2", 10, None),
        ("bytes=a-2", 10, None),
        ("bytes=1-b", 10, None),
        ("bytes=2-1", 10, None),
        ("bytes=-", 10, None),
        ("bytes=--1", 10, None),
        ("bytes=", 10, None),
        ("bytes=5", 10, None),
        ("bytes", 10, None),
        ("", 10, None),
        ("bytes=0-1,3-4", 10, None),
        ("items=0-1", 10, None),
    ],
)
def test_a_range(header: str, size: int, part: range | None) -> None:
    assert byte_range(header, size) == part


@pytest.mark.parametrize(
    ("header", "size"),
    [
        ("bytes=10-", 10),
        ("bytes=10-10", 10),
        ("bytes=11-20", 10),
        ("bytes=-0", 10),
        ("bytes=0-", 0),
        ("bytes=-1", 0),
    ],
)
def test_a_range_of_nothing(header: str, size: int) -> None:
    part = byte_range(header, size)
    assert part is not None
    assert len(part) == 0


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/v2/a/b/manifests/c", Place(b"a/b", "manifests", "c")),
        ("/v2/a/b/blobs/sha256%3Ac", Place(b"a/b", "blobs", "sha256:c")),
        ("/v2/é/b/blobs/c", Place("é/b".encode("latin-1"), "blobs", "c")),
        ("/v2/a/manifests/c", None),
        ("/v2/a/b/c/manifests/c", None),
        ("/v1/a/b/manifests/c", None),
        ("v2/a/b/manifests/c", None),
        ("x/v2/a/b/manifests/c", None),
        ("/v2/", None),
        ("", None),
    ],
)
def test_a_path(path: str, place: Place | None) -> None:
    assert parse_path(path) == place


def test_a_head() -> None:
    request = parse_head(b"GET /v2/?ns=a?b HTTP/1.1\r\nrange: bytes=0-1\r\nHost: a")
    assert request is not None
    assert (request.method, request.path, request.headers["Range"]) == ("GET", "/v2/", "bytes=0-1")
    assert request.reads
    assert request.keeps
    assert not request.has_body


@pytest.mark.parametrize(
    ("rest", "keeps", "has_body"),
    [
        (b"1.1", True, False),
        (b"1.0", False, False),
        (b"1.0\r\nConnection: keep-alive", False, False),
        (b"1.1\r\nConnection: close", False, False),
        (b"1.1\r\nConnection: keep-alive, Close", False, False),
        (b"1.1\r\nContent-Length:  0", True, False),
        (b"1.1\r\nContent-Length: 1", True, True),
        (b"1.1\r\nContent-Length: x", True, True),
        (b"1.1\r\nTransfer-Encoding: chunked", True, True),
    ],
)
def test_what_follows_a_head(rest: bytes, keeps: bool, has_body: bool) -> None:
    request = parse_head(b"GET / HTTP/" + rest)
    assert request is not None
    assert (request.keeps, request.has_body) == (keeps, has_body)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"GET",
        b"GET /",
        b"GET / HTTP/2.0",
        b"GET / HTTP/0.9",
        b"GET / http/1.1",
        b"GET  / HTTP/1.1",
        b"GET / / HTTP/1.1",
        b"GET\t/\tHTTP/1.1",
        b"GET / HTTP/1.1 ",
        b"GET / HTTP/1.1" + b"\r\nA: b" * 101,
    ],
)
def test_what_is_no_head(head: bytes) -> None:
    assert parse_head(head) is None
