"""Reads documents of the Engine API, limited in size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from longshore.engine.client import Client

_READ = 1 << 16


def read_document(client: Client, path: str, *arguments: str, limit: int, **query: Any) -> bytes:
    """The body of the response to a GET of *path*. Raises StatusError, and ValueError if it has over *limit* bytes."""
    body = bytearray()
    with client.exchange("GET", path, *arguments, params=query) as response:
        for piece in response.iter_content(_READ):
            body += piece
            if len(body) > limit:
                raise ValueError("the engine's response exceeds the size limit")
    return bytes(body)
