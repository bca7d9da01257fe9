"""The passing names under which engines take images over from Longshore, and their removal."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING

from longshore.errors import LongshoreError

if TYPE_CHECKING:
    from longshore.engine.engine import Engine
    from longshore.oci.reference import Reference

_log = logging.getLogger(__name__)

#: Seconds for a program on this machine to accept a connection.
_CONNECT_SECONDS = 0.5


def drop(engine: Engine, name: Reference) -> None:
    """Remove a passing name. Layers that only it needs go with it. Raises nothing."""
    try:
        engine.remove(str(name))
    except LongshoreError as error:
        _log.info("%s has no name %s: %s", engine.address.url, name, error)


def drop_left(engine: Engine, names: Iterable[Reference]) -> None:
    """Remove those of *names* that a killed program left: nothing listens at their address. Raises nothing."""
    for name in names:
        if not _listens(name.domain):
            drop(engine, name)


def _listens(host: str) -> bool:
    address, _, port = host.partition(":")
    with (
        contextlib.suppress(OSError, ValueError, OverflowError),
        socket.create_connection((address, int(port)), _CONNECT_SECONDS),
    ):
        return True
    return False
