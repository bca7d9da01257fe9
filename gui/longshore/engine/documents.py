"""Reads documents of the Engine API, limited in size."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from longshore.oci.foreign_json import CONFIG, parse_json

if TYPE_CHECKING:
    from longshore.engine.client import Client

_log = logging.getLogger(__name__)

_READ = 1 << 16
#: What Podman says of a fault of its own, in the words of Go.
_CRASH = "nil pointer dereference"


def read_document(client: Client, path: str, *arguments: str, limit: int, **query: Any) -> bytes:
    """The body of the response to a GET of *path*. Raises StatusError, and ValueError if it has over *limit* bytes."""
    body = bytearray()
    with client.exchange("GET", path, *arguments, params=query) as response:
        for piece in response.iter_content(_READ):
            body += piece
            if len(body) > limit:
                raise ValueError("the engine's response exceeds the size limit")
    return bytes(body)


def read_history(client: Client, name: str, *, limit: int) -> list[Any] | None:
    """The steps of the image *name*, the newest first; None if the engine cannot tell them, or not in bounds.

    Podman 5.8 fails for an image whose history has no dates, as those of ko, Bazel and Nix. Raises StatusError.
    """
    from longshore.engine.client import StatusError

    try:
        found = parse_json(read_document(client, "/images/{0}/history", name, limit=limit), CONFIG)
    except StatusError as error:
        if error.status < 500 or _CRASH not in error.text:
            raise
        _log.info("the engine can't tell the history of %s: %s", name, error)
        return None
    except ValueError as error:
        _log.info("the history of %s can't be used: %s", name, error)
        return None
    return found if isinstance(found, list) else []
