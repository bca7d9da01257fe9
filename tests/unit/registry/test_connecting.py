"""What is said about a connection that fails: sentences, and no names of Python's objects."""

from __future__ import annotations

import http.client
import socket

import pytest
from urllib3 import HTTPConnectionPool
from urllib3 import exceptions as u3
from urllib3.connection import HTTPConnection

from longshore.registry.config import RegistryConfig
from longshore.registry.connecting import of_connection

POOL = HTTPConnectionPool("127.0.0.1", 4321)
CONNECTION = HTTPConnection("127.0.0.1", 4321)
CONFIG = RegistryConfig("127.0.0.1:4321")


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


REFUSED = caused(
    u3.NewConnectionError(CONNECTION, "Failed to establish a new connection: [Errno 111] Connection refused"),
    ConnectionRefusedError(111, "Connection refused"),
)


@pytest.mark.parametrize(
    ("error", "message", "detail"),
    [
        (
            u3.ReadTimeoutError(POOL, "/v2/", "Read timed out. (read timeout=3)"),
            "127.0.0.1:4321 does not respond.",
            "Read timed out. (read timeout=3)",
        ),
        (
            u3.ConnectTimeoutError(CONNECTION, "Connection to 127.0.0.1 timed out."),
            "127.0.0.1:4321 does not respond.",
            "Connection to 127.0.0.1 timed out.",
        ),
        (
            u3.ProtocolError(
                "Connection broken: IncompleteRead(3 bytes read, 1200 more expected)",
                http.client.IncompleteRead(b"abc", 1200),
            ),
            "The connection to 127.0.0.1:4321 failed.",
            "The connection ended early: 1,200 bytes are missing.",
        ),
        (
            u3.ProtocolError(
                "Connection aborted.",
                http.client.RemoteDisconnected("Remote end closed connection without response"),
            ),
            "The connection to 127.0.0.1:4321 failed.",
            "Remote end closed connection without response",
        ),
        (
            u3.ProtocolError("Connection aborted.", ConnectionResetError(104, "Connection reset by peer")),
            "The connection to 127.0.0.1:4321 failed.",
            "[Errno 104] Connection reset by peer",
        ),
        (
            u3.MaxRetryError(POOL, "/", REFUSED),
            "Nothing is listening on 127.0.0.1:4321.",
            "[Errno 111] Connection refused",
        ),
        (
            u3.NameResolutionError("r.example", CONNECTION, socket.gaierror(-2, "Name or service not known")),
            "The host 127.0.0.1 was not found.",
            "Failed to resolve 'r.example' ([Errno -2] Name or service not known)",
        ),
        (
            u3.ProxyError("Unable to connect to proxy", REFUSED),
            "The proxy for 127.0.0.1:4321 can't be reached.",
            "[Errno 111] Connection refused",
        ),
        (
            u3.ProxyError("Unable to connect to proxy", OSError("Tunnel connection failed: 403 Forbidden")),
            "The proxy for 127.0.0.1:4321 blocks the connection.",
            "Tunnel connection failed: 403 Forbidden",
        ),
        (
            u3.ProxyError("Unable to connect to proxy", u3.ConnectTimeoutError(CONNECTION, "It timed out.")),
            "The proxy for 127.0.0.1:4321 does not respond.",
            "It timed out.",
        ),
    ],
)
def test_the_words_about_a_connection(error: Exception, message: str, detail: str) -> None:
    found = of_connection(error, CONFIG)
    assert (found.message, found.detail) == (message, detail)
