"""Checks whether an engine is running, without the SDK."""

from __future__ import annotations

import http.client
import socket
from urllib.parse import urlsplit

PING_SECONDS = 2.0


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket; ``path`` is the socket's."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(self.timeout)
        try:
            connection.connect(self._path)
        except OSError:
            connection.close()
            raise
        self.sock = connection


def ping(host: str, timeout: float = PING_SECONDS) -> bool:
    """True if the engine at ``host`` (``unix://`` or plain ``tcp://``) responds to ``GET /_ping``."""
    parts = urlsplit(host)
    connection: http.client.HTTPConnection
    if parts.scheme == "unix":
        connection = UnixConnection(parts.path, timeout)
    else:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 2375, timeout=timeout)
    try:
        connection.request("GET", "/_ping")
        response = connection.getresponse()
        response.read()
        return response.status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
