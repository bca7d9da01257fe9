"""Responses that never end: each part has a deadline and a limit in bytes, however it arrives."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
import urllib3.connection
import urllib3.connectionpool
import urllib3.poolmanager
import urllib3.response

from longshore.errors import RegistryUnreachable, UnexpectedReply
from longshore.oci.manifest import OCI_INDEX
from longshore.registry import connections, manifests
from longshore.registry.connections import Exchange

from .conftest import Asked, Scripted, reply

#: The most that a client can have received: its limits, and what the sockets between them hold.
MOST = 64 << 20


class Endless:
    """Sends *begin*, then *part* again and again until the client hangs up."""

    def __init__(self, begin: bytes, part: bytes, pause: float = 0.0) -> None:
        self.begin, self.part, self.pause = begin, part, pause
        self.sent = 0
        self.left = 0

    def __call__(self, asked: Asked) -> Any:
        if asked.path == "/v2/":
            return reply({})
        out = asked.handler.wfile
        with contextlib.suppress(OSError):
            out.write(self.begin)
            while not asked.server.ending.wait(self.pause):
                out.write(self.part)
                self.sent += len(self.part)
        self.left += not asked.server.ending.is_set()
        return "cut"


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("begin", "part"),
    [
        (HEAD + b"X: ", b"a"),
        (b"HTTP/1.1 2", b"0"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (HEAD + b"Content-Length: 100000\r\n\r\n", b" "),
        (CHUNKED, b"1\r\n \r\n"),
        (CHUNKED + b"0\r\n", b"X: y\r\n"),
        (CHUNKED, b"0"),
    ],
    ids=["header", "status", "continue", "body", "chunks", "trailers", "size of a chunk"],
)
def test_what_drips_in_ends(serve, connect, begin: bytes, part: bytes) -> None:
    script = Endless(begin, part, 0.02)
    with pytest.raises(RegistryUnreachable, match="does not respond"):
        connect(serve(script), read_seconds=0.2).tags("a/b")
    assert script.sent < 10_000


@pytest.mark.parametrize(
    ("begin", "part"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
        (CHUNKED + b"2\r\n{}\r\n0\r\n", b"X: y\r\n" * 1000),
        (CHUNKED, b"1;" + b"x" * 60_000 + b"\r\n \r\n"),
    ],
    ids=["continue", "trailers", "extensions of chunks"],
)
def test_what_floods_in_ends(serve, connect, begin: bytes, part: bytes) -> None:
    # The deadline does not matter here: the limit in bytes is reached first.
    script = Endless(begin, part)
    with pytest.raises(RegistryUnreachable):
        connect(serve(script), read_seconds=100).delete_manifest("a/b", "sha256:" + "0" * 64)
    assert script.sent < MOST


def test_the_trailers_of_a_blob_end_too(serve, connect) -> None:
    digest = "sha256:" + "0" * 64
    script = Endless(CHUNKED + b"2\r\n{}\r\n0\r\n", b"X: y\r\n" * 1000)
    client = connect(serve(script), read_seconds=100)
    with pytest.raises(Exception, match=r".+"), client.read_blob("a/b", digest) as blob:
        for _ in blob:
            pass
    assert script.sent < MOST


def test_a_slow_body_of_any_length_is_read_while_it_goes_on() -> None:
    exchange = Exchange(None, 0.5)
    for _ in range(5):
        exchange.allow(10, 100)
        exchange.came(100)
        with pytest.raises(TimeoutError, match="end"):
            exchange.seconds_to_read()
    exchange.allow(10, 1)
    assert exchange.seconds_to_read() == 0.5
    exchange.allow(0.25, 1)
    assert 0 < exchange.seconds_to_read() <= 0.25
    exchange.allow(-1, 1)
    with pytest.raises(TimeoutError, match="too slow"):
        exchange.seconds_to_read()
    exchange.close()


@pytest.mark.parametrize("items", [0, 200])
def test_referrers_without_end_are_stopped(
    serve, connect, items: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifests, "_MOST_PAGES", 10)
    monkeypatch.setattr(manifests, "_MOST_REFERRERS", 1000)
    numbers = itertools.count()

    def script(asked: Asked) -> Any:
        if "referrers" not in asked.path:
            return None
        descriptors = [
            {"mediaType": "x", "digest": f"sha256:{next(numbers):064x}", "size": 1} for _ in range(items)
        ]
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": descriptors}
        link = f'<{asked.path.partition("?")[0]}?p={next(numbers)}>; rel="next"'
        return reply(json.dumps(document).encode(), Content_Type=OCI_INDEX, Link=link)

    server: Scripted = serve(script)
    with pytest.raises(UnexpectedReply, match="too many referrers"):
        connect(server).referrers("a/b", "sha256:" + "0" * 64)
    pages = [path for path in server.paths() if "referrers" in path]
    assert len(pages) == (10 if items == 0 else 6)


def test_referrers_in_a_circle_are_stopped(serve, connect) -> None:
    def script(asked: Asked) -> Any:
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}
        other = "b" if asked.path.endswith("p=a") else "a"
        link = f'<{asked.path.partition("?")[0]}?p={other}>; rel="next"'
        return reply(json.dumps(document).encode(), Content_Type=OCI_INDEX, Link=link)

    server = serve(script)
    with pytest.raises(UnexpectedReply, match="pages of referrers repeat"):
        connect(server).referrers("a/b", "sha256:" + "0" * 64)
    assert len(server.paths()) == 3


def test_what_is_used_of_urllib3_beyond_its_interface_is_there() -> None:
    """These are private or not guaranteed: try a new version of urllib3 before raising its bound in pyproject."""
    used: list[tuple[Callable[..., Any] | type, str]] = [
        (urllib3.connection.HTTPConnection, "_new_conn"),
        (urllib3.connection.HTTPSConnection, "connect"),
        (urllib3.connection.HTTPConnection, "getresponse"),
        (urllib3.connection.HTTPConnection, "response_class"),
        (urllib3.connectionpool.HTTPConnectionPool, "ConnectionCls"),
        (urllib3.connectionpool.HTTPConnectionPool, "_get_conn"),
        (urllib3.connectionpool.HTTPConnectionPool, "_prepare_proxy"),
        (urllib3.connectionpool.HTTPSConnectionPool, "_prepare_proxy"),
        (urllib3.connectionpool.HTTPSConnectionPool, "_validate_conn"),
        (urllib3.response.HTTPResponse, "read1"),
        (urllib3.response.HTTPResponse, "release_conn"),
        (urllib3.poolmanager.PoolManager, "connection_from_url"),
    ]
    missing = [f"{owner.__name__}.{name}" for owner, name in used if not hasattr(owner, name)]
    manager = urllib3.PoolManager()
    pool = manager.connection_from_url("http://127.0.0.1:1")
    connection = pool._get_conn()
    missing += [
        f"{type(one).__name__}.{name}"
        for one, names in (
            (manager, ("pool_classes_by_scheme", "pools", "clear")),
            (pool, ("proxy", "close")),
            (connection, ("_dns_host", "sock", "timeout", "host", "port", "is_closed")),
        )
        for name in names
        if not hasattr(one, name)
    ]
    connection.close()
    pool.close()
    assert not missing
    # urllib3 must still call what is overridden.
    assert connections.PlainPool.ConnectionCls.response_class is connections._TimedResponse
    assert {"_new_conn", "connect", "request", "getresponse"} <= vars(connections._Watched).keys()
